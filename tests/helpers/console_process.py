"""The real program as a child: `ioc-console demo` with its JSON log, ended with all that it started.

Its cameras show one small clip under all their names, so that no test waits for a hundred drawn streets (minutes of a
core on a machine that has none yet), or leaves any in the cache of the person who runs it. With `draws` it draws.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.clips import write_clip
from helpers.waiting import wait_for

from backends.city.cameras import eyes
from backends.city.scene_stage import WEATHERS
from backends.city.scenes import clip_path

Event = dict[str, Any]


class Console:
    """A running console. Events are read from its JSON log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log
        self._events: list[Event] = []
        self._read = 0

    def events(self) -> list[Event]:
        """All so far, those of earlier lives of the same data folder included."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._read:
                self._read = 0  # a new file was begun
            file.seek(self._read)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        self._events += [json.loads(line) for line in whole.splitlines() if line.endswith(b"}")]
        return list(self._events)

    def wait_event(
        self, name: str, where: Callable[[Event], bool] = lambda _e: True, *, timeout_s: float = 60.0, after_ns: int = 0
    ) -> Event:
        """The first event of that name after `after_ns`; fails at once when the console has died."""

        def find() -> Event | None:
            found = (e for e in self.events() if e["event"] == name and e["t"] > after_ns and where(e))
            event = next(found, None)
            if event is None and self.process.poll() is not None:
                raise AssertionError(f"console ended with {self.process.returncode} before {name}: {self.tail()}")
            return event

        event = wait_for(lambda: f"event {name}: {self.tail()}", find, timeout_s)
        assert event is not None
        return event

    def tail(self) -> list[str]:
        return [json.dumps(e, ensure_ascii=False)[:160] for e in self.events()[-6:]]

    def pid_of(self, child: str) -> int:
        """The newest process id of a child by the supervisor's name for it."""
        started = [
            e for e in self.events() if e["event"] in ("child_started", "child_restarted") and e["name"] == child
        ]
        return int(started[-1]["pid"])


@functools.cache
def _cache_of_clips() -> Path:
    """A cache folder in which no clip is missing; removed with this process."""
    folder = Path(tempfile.mkdtemp(prefix="ioc-clips-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    scenes = folder / "ioc-console" / "scenes"
    scenes.mkdir(parents=True)
    clip = write_clip(scenes / "clip.mp4", seconds=4.0, fps=15)
    for weather in WEATHERS:  # by the hour of the day at which the tests run
        for eye in eyes():
            os.link(clip, clip_path(scenes, eye.number, weather))
    return folder


@contextmanager
def console(
    data_dir: Path, *options: str, command: str = "demo", env: dict[str, str] | None = None, draws: bool = False
) -> Iterator[Console]:
    """Start it; at the end ask it to stop, and wait for it. `draws`: with no clip drawn yet."""
    log = data_dir.parent / f"{data_dir.name}.jsonl"
    cache = data_dir.parent / "cache" if draws else _cache_of_clips()
    process = subprocess.Popen(
        [sys.executable, "-m", "console", command, "--data-dir", str(data_dir), "--json-log", str(log), *options],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **(env or {})},
        stderr=subprocess.PIPE,
    )
    try:
        yield Console(process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
