"""Plot bench: sixteen plots of a day of seconds, opened and moved, and the memory of a province's series.

`open_ms`: from the answers of history (86,400 points each, one each second) to the end of the paint of all sixteen
tiles, which are made new each time. `pan_p95_ms`: one frame while they are moved together: the view changes, each is
thinned anew and painted. `pss_mb`: 139 plots of 8 series each, a day of one value a minute, each painted once; growth
over the program without them. Offscreen, software painting, one window of 2560x1440. `rows()` takes about a minute.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

PLOTS, POINTS, SERIES = 16, 86_400, 1100
OPENS, PANS, WARM = 200, 400, 20
BARS = {"open_ms": 150.0, "pan_p95_ms": 33.0, "pss_mb": 300.0}


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`; each part in a process of its own."""
    speed, memory = _part("speed"), _part("memory")
    note = f"{PLOTS} tiles of 640x340, {POINTS} points each"
    return [
        _row("plots.16x86400.open_ms", speed["open_p95"], "open_ms", "ms",
             f"{note}; p95 of {speed['opens']}, median {speed['open_p50']:.0f}"),
        _row("plots.16x86400.pan_p95_ms", speed["pan_p95"], "pan_p95_ms", "ms",
             f"{note}; {speed['pans']} frames, median {speed['pan_p50']:.0f}"),
        _row("plots.1100_series_24h.pss_mb", memory["grown_mb"], "pss_mb", "MB",
             f"{memory['series']} series of 1,440 points in {memory['tiles']} plots; {memory['before_mb']:.0f} before"),
    ]  # fmt: skip


def _row(name: str, value: float, bar: str, unit: str, note: str) -> dict[str, Any]:
    most = BARS[bar]
    return {"name": name, "value": round(value, 1), "unit": unit, "bar": f"<= {most:g}", "ok": value <= most,
            "note": note}  # fmt: skip


def _part(name: str) -> dict[str, Any]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), name], env=environment, cwd=ROOT, stdout=subprocess.PIPE,
        check=True, timeout=600,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


# -- in the process that is measured ---------------------------------------------------------------------


def speed(opens: int = OPENS, pans: int = PANS) -> dict[str, Any]:
    """Opening and moving."""
    room = _Room(PLOTS)
    values = _noisy(POINTS, 1.0)
    times = [room.open(values) for _ in range(WARM + opens)][WARM:]
    room.open(values)
    frames = [room.pan(n) for n in range(WARM + pans)][WARM:]
    return {
        "open_p95": _share(times, 0.95), "open_p50": _share(times, 0.5), "opens": len(times),
        "pan_p95": _share(frames, 0.95), "pan_p50": _share(frames, 0.5), "pans": len(frames),
    }  # fmt: skip


def memory(series: int = SERIES) -> dict[str, Any]:
    """A province's day."""
    room = _Room(-(-series // 8))
    room.open(_noisy(10, 60.0))  # the library, fonts and code are there before
    before = _pss_mb()
    room.compare(series, _noisy(1440, 60.0))
    return {"before_mb": before, "grown_mb": _pss_mb() - before, "series": series, "tiles": len(room.tiles)}


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000.0


def _pss_mb() -> float:
    found = re.search(r"^Pss:\s+(\d+)", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _noisy(points: int, period_s: float) -> tuple[Any, Any]:
    """(t_ns, value) up to the sample's now: a tide with noise and one fault of the line."""
    import numpy as np
    from helpers.sample_places import NOW_NS

    t_ns = NOW_NS - np.arange(points, dtype=np.int64)[::-1] * int(period_s * 1e9)
    hours = (t_ns - t_ns[0]) / 3.6e12
    value = 2.0 + np.sin(hours / 2.0) + np.random.default_rng(7).normal(0.0, 0.15, points)
    value[points // 3 : points // 3 + points // 50] = np.nan
    return t_ns, value


class _Room:
    """Tiles beside each other in one window, fed as the feeder feeds them."""

    def __init__(self, tiles: int) -> None:
        from helpers.sample_city import prepare, sample_session
        from PySide6.QtWidgets import QApplication, QWidget

        self.app = QApplication.instance() or QApplication([])
        prepare(self.app)
        self.sample = sample_session()
        self.window = QWidget()
        self.window.resize(2560, 1440)
        self.window.show()
        self.app.processEvents()
        self.count = tiles
        self.across = 4 if tiles <= PLOTS else 12
        self.tiles: list[Any] = []

    def sensor(self, n: int, period_s: float) -> Any:
        from backends.domain.sensor import Sensor
        from backends.domain.text import LocalText

        return Sensor(f"bench-{n}", LocalText(f"Cảm biến {n}"), "m", period_s=period_s, low=0.0, high=4.0)

    def open(self, values: tuple[Any, Any]) -> float:
        """Seconds from the answers to the last paint, with new tiles."""
        from helpers.sample_city import SCALES

        from backends.domain.ports import SeriesPart
        from layouts.options import PlotOptions
        from widgets.tiles.plot import PlotTile

        for tile in self.tiles:
            tile.hide()
            tile.setParent(None)
            tile.deleteLater()
        self.app.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
        history, city = self.sample.history, self.sample.session.city
        self.sample.put("sensors", *(self.sensor(n, 1.0) for n in range(self.count)))
        history.requests.clear()
        start = time.perf_counter()
        self.tiles = []
        for n in range(self.count):
            tile = PlotTile(self.sample.session, SCALES["desk"], PlotOptions(sensor=f"bench-{n}", hours=24.0))
            tile.setParent(self.window)
            tile.setGeometry(
                n % self.across * 2560 // self.across,
                n // self.across * 1440 // self.across,
                2560 // self.across - 4,
                1440 // self.across - 4,
            )
            tile.show()
            self.tiles.append(tile)
        asked = {one.series: one for one in history.requests}
        city.apply(SeriesPart(one.number, one.series, *values) for one in asked.values())
        self.paint()
        return time.perf_counter() - start

    def pan(self, n: int) -> float:
        """Seconds of one frame in which all are moved."""
        from helpers.sample_places import NOW_NS

        from widgets.parts.plot_range import View

        hour = 3_600_000_000_000
        start = time.perf_counter()
        self.tiles[0].show_view(View(12 * hour, NOW_NS - hour - (n % 200) * hour // 20))
        self.paint()
        return time.perf_counter() - start

    def paint(self) -> None:
        """What the window system does for all tiles that asked for it, at once."""
        for tile in self.tiles:
            tile._painted_ns = 0
            tile.update()
        # One of them brings all that wait onto the window.
        self.tiles[0].repaint()
        missed = [tile.sensor.id for tile in self.tiles if not tile._painted_ns]
        if missed:
            raise RuntimeError(f"not painted: {missed}")

    def compare(self, series: int, values: tuple[Any, Any]) -> None:
        """Eight series in each tile, each answered and painted."""
        from backends.domain.ports import SeriesPart

        history, city = self.sample.history, self.sample.session.city
        sensors = [self.sensor(n, 60.0) for n in range(series)]
        self.sample.put("sensors", *sensors)
        history.requests.clear()
        for n, tile in enumerate(self.tiles):
            for sensor in sensors[n * 8 : n * 8 + 8]:
                tile.lines.add(sensor)
            tile.lines.need(*tile.view.ends(tile.now_ns()), tile.width())
        for one in list(history.requests):
            # Each has its own arrays, as each has its own frame from the feeder.
            city.apply([SeriesPart(one.number, one.series, values[0].copy(), values[1].copy())])
        for tile in self.tiles:
            tile.grab()


if __name__ == "__main__":
    part = {"speed": speed, "memory": memory}[sys.argv[1]] if len(sys.argv) > 1 else None
    if part is None:
        for row in rows():
            print(json.dumps(row, ensure_ascii=False))
    else:
        sys.stdout.write("\n" + json.dumps(part(*(int(n) for n in sys.argv[2:]))) + "\n")
