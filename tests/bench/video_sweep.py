"""The sweep over 364 cameras, with its real probe process: how soon all that is wrong is known, and what it costs.

Most cameras are RTSP sessions (H.264 of the wall bench, a key frame every 2 s); those that go wrong are MJPEG cameras
that can be told to. First all are well, and every camera gets a look; then some are dead (mute, garbage, no login),
black, covered or turned at the same moment. `rows()` takes four minutes. CPU: of the probe and of the hub's side of
it, without cameras.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
for folder in (str(HERE), str(HERE.parent), str(HERE.parents[1])):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from helpers.sweep_cameras import Cameras, cameras  # noqa: E402
from video_rig import row, rtsp  # noqa: E402

from backends.domain.camera import Camera, Stream, StreamKind  # noqa: E402
from backends.domain.text import LocalText  # noqa: E402
from backends.hub.blobs import BlobStore  # noqa: E402
from backends.hub.sweeping import Sweep  # noqa: E402

CAMERAS = 364
WRONG = {"mute": 16, "locked": 4, "garbage": 4, "black": 4, "covered": 8, "turned": 8}
GOOD_MJPEG = 20
FIRST_S, LONGEST_S = 240.0, 240.0


class Directory:
    """The hub as the sweep knows it."""

    def __init__(self) -> None:
        self.cameras: dict[str, Camera] = {}

    def records(self, _feed: str) -> dict[str, Camera]:
        return self.cameras

    def put(self, _feed: str, record: Camera, _now_ns: int) -> None:
        self.cameras[record.id] = record

    def add(self, name: str, uri: str) -> None:
        self.cameras[name] = Camera(name, name, LocalText(name), (Stream(StreamKind.SUB, uri),))

    def wrong(self) -> dict[str, str]:
        """Camera -> what the directory says is wrong with it."""
        said = {c.id: "dead" if not c.online else ",".join(f.value for f in c.flags) for c in self.cameras.values()}
        return {name: words for name, words in said.items() if words}


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    return sweep_rows()


def sweep_rows(
    count: int = CAMERAS, wrong: dict[str, int] | None = None, good_mjpeg: int = GOOD_MJPEG
) -> list[dict[str, Any]]:
    wrong = WRONG if wrong is None else wrong
    kinds = [kind for kind, many in wrong.items() for _ in range(many)]
    directory = Directory()
    with tempfile.TemporaryDirectory(prefix="ioc-sweep-") as name, cameras() as mjpeg, rtsp() as (_, address):
        # The ones that will go wrong are spread over the directory.
        for n in range(count):
            turn = n * (len(kinds) + good_mjpeg) // count
            new = turn != (n - 1) * (len(kinds) + good_mjpeg) // count
            directory.add(f"cam-{n:03}", mjpeg.uri(turn) if new else address(n))
        at = {c.streams[0].uri: c.id for c in directory.cameras.values()}
        names = {at[mjpeg.uri(n)]: kind for n, kind in enumerate(kinds) if mjpeg.uri(n) in at}
        sweep = Sweep(Path(name), BlobStore(Path(name)))
        sweep.start()
        try:
            return _measure(directory, sweep, mjpeg, names, kinds)
        finally:
            sweep.close()


def _measure(
    directory: Directory, sweep: Sweep, mjpeg: Cameras, names: dict[str, str], kinds: list[str]
) -> list[dict[str, Any]]:
    first_s = _until(directory, sweep, lambda: all(c.t_state_ns for c in directory.cameras.values()), FIRST_S)
    before = directory.wrong()
    for number, kind in enumerate(kinds):
        mjpeg.show(number, kind)
    dead = ("mute", "locked", "garbage")
    expected = {name: "dead" if kind in dead else kind for name, kind in names.items()}
    began_s, used_s = time.monotonic(), _used_s(sweep)
    took_s = _until(directory, sweep, lambda: directory.wrong() == expected, LONGEST_S)
    cores = (_used_s(sweep) - used_s) / (time.monotonic() - began_s)
    found = directory.wrong()
    missed = sorted(f"{name} ({kind})" for name, kind in expected.items() if found.get(name) != kind)
    false = sorted(f"{name} ({kind})" for name, kind in found.items() if name not in expected)
    note = (
        f"{len(directory.cameras)} cameras, of which {len(expected)} go wrong at the same moment "
        f"({', '.join(f'{kinds.count(kind)} {kind}' for kind in dict.fromkeys(kinds))}); until all of them, "
        f"and no other, are said; first round, all well: {first_s:.0f} s; restarts of the probe: {sweep.restarts}"
        + (f"; missed: {', '.join(missed[:6])}" if missed else "")
        + (f"; false: {', '.join(false[:6])}" if false else "")
        + (f"; false in the first round: {before}" if before else "")
    )
    right = not missed and not false and not before and len(expected) == len(kinds)
    return [
        row("video.sweep364.s", took_s, "s", "<= 120", ok=right and took_s <= 120, note=note),
        row("video.sweep364.cores", cores, "cores", "<= 0.5", ok=right and cores <= 0.5,
            note="probe and the hub's thread, user + system, over the same time"),
    ]  # fmt: skip


def _until(directory: Directory, sweep: Sweep, condition: Any, most_s: float) -> float:
    """The hub's loop, until it is so; seconds, `most_s` when it does not become so."""
    began_s = time.monotonic()
    while not condition() and time.monotonic() - began_s < most_s:
        sweep.turn(directory, time.time_ns())  # type: ignore[arg-type]
        time.sleep(0.5)
    return time.monotonic() - began_s


def _used_s(sweep: Sweep) -> float:
    """Processor seconds of the probe and of this process's sweep thread."""
    probe = psutil.Process(sweep.pid).cpu_times()
    mine = next((t for t in psutil.Process().threads() if t.id == sweep.thread_id), None)
    return probe.user + probe.system + (mine.user_time + mine.system_time if mine is not None else 0.0)


if __name__ == "__main__":
    for made in rows():
        print(json.dumps(made, ensure_ascii=False))
