"""The real program as a child: `ioc-console demo` with its JSON log, ended with all that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.waiting import wait_for

Event = dict[str, Any]


class Console:
    """A running console. Events are read from its JSON log."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    def events(self) -> list[Event]:
        if not self._log.exists():
            return []
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

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


@contextmanager
def console(
    data_dir: Path, *options: str, command: str = "demo", env: dict[str, str] | None = None
) -> Iterator[Console]:
    """Start it; at the end ask it to stop, and wait for it."""
    log = data_dir.parent / f"{data_dir.name}.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "console", command, "--data-dir", str(data_dir), "--json-log", str(log), *options],
        env={**os.environ, **(env or {})},
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
