"""What the video benches share: cameras over a real RTSP server, the real broker and workers, a GUI that tells.

Must not: hold a bar (each bench does).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from helpers.rtsp_server import RtspServer  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.domain.camera import Demand  # noqa: E402
from backends.process import start_child, stop_child  # noqa: E402
from backends.video.broker import BrokerSettings, PictureBroker  # noqa: E402
from backends.video.client import PictureClient  # noqa: E402

CLIPS = ROOT / "build" / "bench-clips"
FILMS, ROUNDS = 8, 10
"""Different clips, and how often each is repeated: two minutes."""


def clip_launch(clip: Path) -> str:
    """A recorder that plays this file from its beginning to each client, as it was encoded."""
    return (
        f'( filesrc location="{clip}" ! qtdemux ! h264parse ! video/x-h264,alignment=au '
        "! rtph264pay config-interval=-1 pt=96 name=pay0 )"
    )


def repeated(clip: Path, rounds: int, name: str = "") -> Path:
    """The same packets, so often one after the other; kept in build/."""
    out = clip.with_name(f"{name or clip.stem}-x{rounds}.mp4")
    if not out.exists():
        part = out.with_suffix(".part.mp4")
        command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(rounds - 1), "-i", str(clip), "-c", "copy"]
        subprocess.run([*command, str(part)], check=True, stdin=subprocess.DEVNULL)
        part.rename(out)
    return out


@contextmanager
def rtsp(clips: Sequence[Path] = ()) -> Iterator[tuple[RtspServer, Callable[[int], str]]]:
    """A server, and the address of camera `n`: each session plays a clip of its own from the beginning, so that the
    server encodes nothing. Without `clips`: those of the wall bench, two minutes of each."""
    films = list(clips) or [repeated(clip, ROUNDS) for clip in make_clips(CLIPS, FILMS)]
    server = RtspServer(launches={f"/film-{n}": clip_launch(clip) for n, clip in enumerate(films)})
    try:
        yield server, lambda n: server.address(f"/film-{n % len(films)}")
    finally:
        server.kill()


def row(name: str, value: float, unit: str, bar: str, *, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


def percentile(values: Sequence[float], share: float) -> float:
    """Infinite values are made large, finite ones: a row needs a number."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 1e6


@dataclass(frozen=True)
class Told:
    """A tile's state as its screen shows it from `t_ns` (monotonic) on."""

    camera: str
    state: str
    flags: tuple[str, ...]
    age_s: float
    t_ns: int


class Screen:
    """The GUI process. `told` grows while it runs; `end` gives what was painted."""

    def __init__(self, broker: PictureBroker, cameras: Mapping[str, str], columns: int, size: tuple[int, int]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ioc-bench-")
        self._result = Path(self._folder.name) / "result.json"
        self._change = threading.Condition()
        self.told: list[Told] = []
        self.began_ns = 0
        """When the pictures were asked for."""
        self._child = start_child(
            "video_gui",
            {
                "address": broker.address, "authkey": broker.authkey.hex(), "cameras": list(cameras.items()),
                "columns": columns, "width": size[0], "height": size[1], "result": str(self._result),
            },
            answers=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()
        self.wait(lambda: self.began_ns, 30.0, "the screen starts")

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            camera, state, flags, age_s, t_ns = json.loads(line)
            with self._change:
                if state == "demanded":
                    self.began_ns = t_ns
                else:
                    self.told.append(Told(camera, state, tuple(flags), age_s, t_ns))
                self._change.notify_all()

    def wait(self, condition: Callable[[], object], timeout_s: float, what: str = "", *, must: bool = True) -> bool:
        """Until it is true, looked at whenever a state changes. `must`: RuntimeError when it does not become so."""
        with self._change:
            done = bool(self._change.wait_for(condition, timeout_s))
        if must and not done:
            raise RuntimeError(f"not within {timeout_s:g} s: {what}; {self.now()}")
        return done

    def now(self) -> dict[str, Told]:
        """The newest of each tile."""
        return {told.camera: told for told in list(self.told)}

    def live(self) -> set[str]:
        return {camera for camera, told in self.now().items() if told.state == "live"}

    def first(self, camera: str, condition: Callable[[Told], bool], from_ns: int = 0) -> Told | None:
        return next((t for t in list(self.told) if t.camera == camera and t.t_ns >= from_ns and condition(t)), None)

    def end(self) -> dict[str, list[tuple[int, float | None]]]:
        """(monotonic ns, ms from receipt to painted) of every picture of each camera."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"end\n")
        self._child.stdin.flush()
        deadline = time.monotonic() + 20
        while not self._result.exists():
            if time.monotonic() > deadline or self._child.poll() is not None:
                raise RuntimeError("the screen of the video bench gave no result")
            time.sleep(0.05)
        return {name: [(t, ms) for t, ms in painted] for name, painted in json.loads(self._result.read_text()).items()}

    @property
    def pid(self) -> int:
        return self._child.pid

    def close(self) -> None:
        stop_child(self._child)
        if self._child.stdout is not None:
            self._child.stdout.close()
        self._folder.cleanup()


@contextmanager
def shown(
    cameras: Mapping[str, str], *, columns: int = 8, workers: int = 0, size: tuple[int, int] = (1920, 1080)
) -> Iterator[tuple[PictureBroker, Screen]]:
    """These cameras on a screen; afterwards nothing is left."""
    broker = PictureBroker(BrokerSettings(workers=workers))
    broker.start()
    screen = None
    try:
        _warm(broker)
        screen = Screen(broker, cameras, columns, size)
        yield broker, screen
    finally:
        if screen is not None:
            screen.close()
        broker.stop()


def _warm(broker: PictureBroker) -> None:
    """Until every worker draws: how long a cold start takes has a bench of its own (start)."""
    cards = frozenset(Demand(f"warm-{n}", f"testcard:{n}", 64, 36) for n in range(2 * len(broker.worker_pids())))
    client = PictureClient(broker.address, broker.authkey)
    try:
        client.demand(cards)
        deadline = time.monotonic() + 60
        while not all(client.sequence(card) for card in cards):
            if time.monotonic() > deadline:
                raise RuntimeError("the decoder workers do not start")
            time.sleep(0.05)
        client.demand(frozenset())
    finally:
        client.close()


def kill(pid: int) -> int:
    """Monotonic ns of the kill."""
    t_ns = time.monotonic_ns()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return t_ns


def middle(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 1e6
