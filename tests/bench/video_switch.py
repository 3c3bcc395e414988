"""Black between two streams of a camera: real broker, workers and camera tiles that grow and shrink. `rows()` takes a
minute.

Each tile is resized beyond the borders of the choice (design, section 6) again and again; whatever its paint events put
on the screen counts, resizes included.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import msgspec  # noqa: E402
from helpers.picture_rig import rig  # noqa: E402
from helpers.sample_city import SCALES, prepare, sample_session  # noqa: E402
from PySide6.QtGui import QPaintEvent  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.domain.camera import Stream, StreamKind  # noqa: E402
from backends.domain.times import SystemClock  # noqa: E402
from backends.video.broker import BrokerSettings  # noqa: E402
from backends.video.stream_desk import StreamDesk  # noqa: E402
from layouts.options import CameraOptions  # noqa: E402
from widgets.parts.demands import DemandBoard  # noqa: E402
from widgets.parts.stream_watch import keep_told  # noqa: E402
from widgets.pump import Pump  # noqa: E402
from widgets.session import Session  # noqa: E402
from widgets.tiles.camera import CameraTile  # noqa: E402

CLIPS = ROOT / "build" / "bench-clips"
NUMBERS = ("007", "014", "021", "026")
ROUNDS = 4
SMALL, LARGE = (480, 270), (960, 540)
"""Of a sub-stream of 360 lines: below 1.0 and above 1.35 times its height."""
_EACH_S = 40.0
"""For all tiles to go over: one at a time, each at most every 5 s."""


class Watched(CameraTile):
    """Keeps what it painted: (monotonic ns, sequence, address); sequence 0 = no picture."""

    def __init__(self, session: Session, number: str) -> None:
        super().__init__(session, SCALES["desk"], CameraOptions(camera=number))
        self.painted: list[tuple[int, int, str]] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        picture = self.picture
        uri = picture.demand.uri if picture.demand is not None else ""
        self.painted.append((time.monotonic_ns(), picture.sequence, uri))

    @property
    def shows(self) -> str:
        """Address of what it painted last; empty: no picture."""
        return self.painted[-1][2] if self.painted and self.painted[-1][1] else ""


def rows(numbers: tuple[str, ...] = NUMBERS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    prepare(app)
    subs = make_clips(CLIPS, len(numbers))
    mains = make_clips(CLIPS, len(numbers), (1280, 720), 2000)
    sample = sample_session()
    for number, sub, main in zip(numbers, subs, mains, strict=True):
        camera = sample.city.camera(f"cam-{number}")
        assert camera is not None
        streams = (Stream(StreamKind.MAIN, f"file:{main}"), Stream(StreamKind.SUB, f"file:{sub}"))
        sample.put("cameras", msgspec.structs.replace(camera, streams=streams, online=True))
    with rig(BrokerSettings(workers=0)) as running:
        streams_desk = StreamDesk(running.client, time.monotonic_ns)
        keep_told(sample.city, streams_desk)
        session = replace(
            sample.session, pictures=running.client, streams=streams_desk, demands=DemandBoard(streams_desk)
        )
        window = QWidget()
        window.resize(2 * LARGE[0], len(numbers) * LARGE[1])
        tiles = [Watched(session, number) for number in numbers]
        pump = Pump(sample.inbox, sample.city, sample.clock, SystemClock())
        pump.picturePass.connect(session.demands.flush)
        for place, tile in enumerate(tiles):
            tile.setParent(window)
            tile.move(place % 2 * LARGE[0], place // 2 * LARGE[1])
            tile.resize(*SMALL)
            pump.picturePass.connect(tile.on_picture_pass)
        window.show()
        pump.start()
        try:
            _until(app, lambda: [tile.shows for tile in tiles] == [f"file:{clip}" for clip in subs])
            first = [len(tile.painted) for tile in tiles]
            done = all(
                _go(app, tiles, size, [f"file:{clip}" for clip in clips])
                for _ in range(rounds)
                for size, clips in ((LARGE, mains), (SMALL, subs))
            )
        finally:
            pump.stop()
            window.close()
    return [_row([tile.painted[n:] for tile, n in zip(tiles, first, strict=True)], 2 * rounds * len(tiles), done=done)]


def _until(app: QApplication, condition: Callable[[], bool], most_s: float = _EACH_S) -> bool:
    end_s = time.monotonic() + most_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        app.processEvents()
        time.sleep(0.002)
    return True


def _go(app: QApplication, tiles: list[Watched], size: tuple[int, int], uris: list[str]) -> bool:
    """All tiles to that size, until each paints its stream for it."""
    for tile in tiles:
        tile.resize(*size)
    return _until(app, lambda: [tile.shows for tile in tiles] == uris)


def _row(painted: list[list[tuple[int, int, str]]], expected: int, *, done: bool) -> dict[str, Any]:
    switches, black_ms, waits_ms = 0, 0.0, [0.0]
    for one in painted:
        for (t_ns, sequence, uri), (next_ns, _, next_uri) in pairwise(one):
            if not sequence:
                black_ms += (next_ns - t_ns) / 1e6
            if uri != next_uri:
                switches += 1
                waits_ms.append((next_ns - t_ns) / 1e6)
    note = (
        f"{switches} switches of {expected} between 640x360 and 1280x720 at 25 a second (clips in real time), "
        f"{len(painted)} tiles resized from {SMALL} to {LARGE} and back; time without a picture, all tiles "
        f"together; longest wait from the last picture of the old stream to the first of the new: "
        f"{max(waits_ms):.0f} ms"
    )
    ok = done and switches == expected and black_ms == 0
    return {"name": "video.switch_stream.black_ms", "value": black_ms, "unit": "ms", "bar": "0", "ok": ok, "note": note}


if __name__ == "__main__":
    print(rows())
