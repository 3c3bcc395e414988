"""Render one tile to a PNG, to look at it: `python tests/helpers/show_tile.py plot out.png --size 500x280`.

    --panel desk|wall|wall4k  --theme dark|light  --lang vi|en  --scene desk|calm|flood|empty
    --options '{"sensor": "river-01.water_level", "hours": 3}'  --city calm  (the simulated city instead)

Run with QT_QPA_PLATFORM=offscreen and PYTHONPATH=.:tests. Not a test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import msgspec
import numpy as np
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
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
    parser.add_argument("--city", default="", help="scenario of the simulated city, such as calm")
    parser.add_argument("--hover", default="")
    args = parser.parse_args()
    app = QApplication([])
    prepare(app, Language(args.lang), ThemeName(args.theme))
    sample = sample_session(Scene(args.scene), ThemeName(args.theme))
    if args.city:
        _use_city(sample, args.city)
    spec = tile_specs()[args.kind]
    tile = spec.widget(sample.session, SCALES[args.panel], msgspec.convert(json.loads(args.options), spec.options))
    width, height = (int(n) for n in args.size.split("x"))
    tile.resize(width, height)
    tile.show()
    sample.session.demands.flush()
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


def _use_city(sample: SampleSession, scenario: str) -> None:
    """The simulated city's directory and past day instead of the sample's."""
    from backends.city.city import City
    from backends.domain.world import Measured

    now_ns = sample.clock.now_ns()
    city = City(start_ns=now_ns, scenario=scenario)
    directory = city.directory()
    for feed in ("config", "cameras", "sensors", "indicators"):
        sample.city.apply([Changes(feed, put=getattr(directory, feed), reset=True)])
    past: dict[str, list[tuple[int, float]]] = {}
    for event in city.past():
        if isinstance(event, Measured):
            for one in event.samples:
                past.setdefault(one.series, []).append((one.t_ns, float("nan") if one.value is None else one.value))
    for series, pairs in past.items():
        t_ns, value = np.array([t for t, _ in pairs], np.int64), np.array([v for _, v in pairs])
        sample.history.series[series] = lambda _t0, _t1, t=t_ns, v=value: (t, v)


if __name__ == "__main__":
    main()
