"""Render one tile to a PNG, to look at it: `python tests/helpers/show_tile.py plot out.png --size 500x280`.

    --panel desk|wall|wall4k  --theme dark|light  --lang vi|en  --scene desk|calm|flood|empty
    --options '{"sensor": "hieu-dongha-level", "hours": 3}'  --city  (the simulated city's directory)

Run with QT_QPA_PLATFORM=offscreen and PYTHONPATH=.:tests. Not a test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import msgspec
from helpers.sample_city import SCALES, Scene, prepare, sample_session
from PySide6.QtWidgets import QApplication

from backends.domain.ports import Changes
from widgets.i18n import Language
from widgets.theme import ThemeName
from widgets.tiles.registry import tile_specs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("out")
    parser.add_argument("--size", default="500x280")
    parser.add_argument("--panel", default="desk", choices=list(SCALES))
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--lang", default="vi")
    parser.add_argument("--scene", default="desk")
    parser.add_argument("--options", default="{}")
    parser.add_argument("--city", action="store_true")
    parser.add_argument("--hover", default="")
    args = parser.parse_args()
    app = QApplication([])
    prepare(app, Language(args.lang), ThemeName(args.theme))
    sample = sample_session(Scene(args.scene), ThemeName(args.theme))
    if args.city:
        _use_city(sample)
    spec = tile_specs()[args.kind]
    tile = spec.widget(sample.session, SCALES[args.panel], msgspec.convert(json.loads(args.options), spec.options))
    width, height = (int(n) for n in args.size.split("x"))
    tile.resize(width, height)
    tile.show()
    sample.city.feedsChanged.connect(tile.on_feeds)
    sample.answer_history()
    tile.on_second()
    tile.grab()
    if args.hover:
        from PySide6.QtCore import QPoint
        from PySide6.QtTest import QTest

        x, y = (int(n) for n in args.hover.split(","))
        QTest.mouseMove(tile, QPoint(x, y))
        app.processEvents()
    took = []
    for _ in range(20):
        start = time.perf_counter()
        shot = tile.grab()
        took.append((time.perf_counter() - start) * 1e3)
    shot.save(args.out)
    print(f"{args.out}: {statistics.median(took):.2f} ms a paint (median of 20)")
    tile.close()


def _use_city(sample: object) -> None:
    from backends.city import City  # type: ignore[attr-defined]

    directory = City(0).directory()
    for feed in ("config", "cameras", "sensors", "indicators"):
        sample.city.apply([Changes(feed, put=getattr(directory, feed), reset=True)])  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
