"""The real console beside a flood of messages, with 16 live tiles: what several benches measure in.

`ioc-console run` on the offscreen platform, one desk monitor of 1920x1080 with 16 cameras (H.264, 360p25, from
files), the alarm list, a plot, the map and the feeds; the hub's side is split_hub at 1,000 msg/s, of which 50 are
alarms. Figures are read from the outside: the JSON log, the store's positions, the pictures' memory.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT), str(ROOT / "tests")):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from split import _wait_for  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.process import start_child, stop_child  # noqa: E402
from backends.store.reader import read_state  # noqa: E402
from backends.video.frames import HEADER_BYTES, BadFrameHeader, FrameReader  # noqa: E402
from backends.video.segment import PREFIX, SHM, attach  # noqa: E402

TILES = 16
RATE = 1000
START_S = 60.0
LAYOUT = """version = 1
id = "live"
name = { vi = "Đo", en = "Bench" }
[monitors]
1 = ["main"]
[panels.main.desk]
columns = 24
rows = 24
tiles = [
  { kind = "alarms", at = [0, 0], size = [6, 24] },
  { kind = "cameras", at = [6, 0], size = [12, 24], columns = 4, rows = 4, numbers = ["000-015"] },
  { kind = "map", at = [18, 0], size = [6, 10] },
  { kind = "plot", at = [18, 10], size = [6, 7], sensor = "s1", hours = 1 },
  { kind = "feeds", at = [18, 17], size = [6, 7] },
]
"""


@dataclass
class LiveRun:
    """A console that runs. All figures are since its start; take differences."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [event for line in lines if line.endswith("}") and (event := json.loads(line))["event"] == name]

    def wait_event(self, name: str, timeout_s: float = START_S) -> dict[str, Any]:
        end_s = time.monotonic() + timeout_s
        while not (found := self.events(name)):
            if self.process.poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"no event {name} from the console (status {self.process.poll()})")
            time.sleep(0.05)
        return found[0]

    def wait_pictures(self, count: int = TILES, timeout_s: float = START_S) -> None:
        """Until so many cameras are decoded: they become known one by one, as the flood names them."""
        end_s = time.monotonic() + timeout_s
        while sum(n > 0 for n in self.pictures().values()) < count:
            if time.monotonic() > end_s:
                raise RuntimeError(f"only {len(self.pictures())} of {count} cameras are decoded")
            time.sleep(0.2)

    def committed(self) -> int:
        """Messages of all feeds that the store holds: the sum of its positions."""
        return sum(kept.seq for kept in read_state(self.data_dir, "demo").feeds)

    def pictures(self) -> dict[str, int]:
        """How many pictures each decoded output has had so far, read as the GUI reads them."""
        found = {}
        for path in sorted(SHM.glob(f"{PREFIX}{self.process.pid:x}*-*")):
            with suppress(OSError, BadFrameHeader):  # it goes, or is only just being made
                if path.stat().st_size > HEADER_BYTES:
                    reader = FrameReader(attach(path.name), int(path.name.rsplit("-", 1)[1]))
                    found[path.name] = reader.sequence()
        return found


@contextmanager
def live_run(rate: int = RATE, tiles: int = TILES) -> Iterator[LiveRun]:
    """Started, painted and under load; ended with all that it started."""
    clips = make_clips(ROOT / "build" / "bench-clips", tiles)
    with tempfile.TemporaryDirectory(prefix="ioc-live-") as name:
        folder = Path(name)
        ready, data_dir = folder / "hub.json", folder / "data"
        hub = start_child("split_hub", {"rate": rate, "ready": str(ready), "clips": [str(clip) for clip in clips]})
        console = None
        try:
            _wait_for(ready, hub)
            where = json.loads(ready.read_text())
            (folder / "layouts").mkdir()
            (folder / "layouts" / "live.toml").write_text(LAYOUT, encoding="utf-8")
            config = folder / "site.toml"
            config.write_text(
                f'version = 1\n[hub]\nlive = "{where["live"]}"\nctl = "{where["ctl"]}"\nmode = "demo"\n'
                f"public_key = '{where['public_key']}'\n[station]\nid = \"ban-1\"\n"
                f'[screen]\nlayouts_dir = "{folder / "layouts"}"\nlayout = "live"\n',
                encoding="utf-8",
            )
            log = folder / "log.jsonl"
            console = subprocess.Popen(
                [
                    sys.executable, "-m", "console", "run", "--config", str(config), "--data-dir", str(data_dir),
                    "--screens", "1920x1080@24:desk", "--json-log", str(log),
                ],
                cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            run = LiveRun(console, data_dir, log)
            run.wait_event("first_paint")
            yield run
        finally:
            if console is not None:
                console.send_signal(signal.SIGTERM)
                console.wait(30)
            stop_child(hub)
