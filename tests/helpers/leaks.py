"""Finds what a test left behind: threads, child processes, windows, log records. Used by conftest."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

GRACE_S = 3.0
#: Threads and processes of libraries that live as long as the interpreter.
_LASTING_THREADS = ("pyzmq", "GarbageCollector", "Garbage", "pytest_timeout", "QThread", "Dummy-", "asyncio_")
_LASTING_PROCESSES = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@dataclass(frozen=True)
class Snapshot:
    threads: frozenset[int]
    processes: frozenset[int]
    windows: frozenset[int]


def snapshot() -> Snapshot:
    return Snapshot(
        frozenset(t.ident for t in threading.enumerate() if t.ident), frozenset(_children()), frozenset(_windows())
    )


def left_behind(before: Snapshot, grace_s: float = GRACE_S) -> str:
    """What has come since `before` and does not go within the grace; its name is the likely cause. Empty = nothing.

    Processes that are found are ended and windows deleted, so that the next test starts clean.
    """
    windows = [window for at, window in _windows().items() if at not in before.windows]
    if windows:
        names = ", ".join(sorted(f"{type(window).__name__} {window.windowTitle()!r}" for window in windows))
        for window in windows:
            window.deleteLater()
        _delete_what_is_over()
        return f"the test left something behind: windows are still open: {names}"
    deadline = time.monotonic() + grace_s
    pause = threading.Event()
    while True:
        threads = [t for t in threading.enumerate() if t.ident not in before.threads and not _lasting(t)]
        processes = [p for p in _children() if p not in before.processes and not _lasting_process(p)]
        if not threads and not processes:
            return ""
        if time.monotonic() > deadline:
            break
        pause.wait(0.02)
    words = [f"thread {t.name!r} is still running" for t in threads]
    for pid in processes:
        words.append(f"process {pid} is still running: {_command(pid)}")
        _end(pid)
    return "the test left something behind: " + "; ".join(words)


def unexpected_records(records: Sequence[logging.LogRecord], expected: Sequence[re.Pattern[str]]) -> str:
    """A sentence about records that no pattern expects, or patterns that nothing matched. Empty = as expected."""
    texts = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in records]
    surprises = [text for text in texts if not any(p.search(text) for p in expected)]
    missed = [p.pattern for p in expected if not any(p.search(text) for text in texts)]
    words = []
    if surprises:
        words.append("unexpected log records (see the fixture expect_logs):\n  " + "\n  ".join(surprises))
    if missed:
        words.append("expected log records did not come: " + ", ".join(missed))
    return "\n".join(words)


def _windows() -> dict[int, Any]:
    """Windows that show, by their address. Each that is left is painted, and its timers run, in every later test."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return {}
    _delete_what_is_over()
    shown = [window for window in widgets.QApplication.topLevelWidgets() if window.isVisible()]
    return {sys.modules["shiboken6"].getCppPointer(window)[0]: window for window in shown}


def _delete_what_is_over() -> None:
    """What was given to deleteLater: `processEvents` leaves that to an event loop, of which tests have none."""
    core = sys.modules["PySide6.QtCore"]
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)


def _children() -> list[int]:
    if sys.platform == "linux":
        found: list[int] = []
        for task in Path("/proc/self/task").iterdir():
            try:
                found += [int(pid) for pid in (task / "children").read_text().split()]
            except OSError:
                continue
        return [pid for pid in found if _alive(pid)]
    return [child.pid for child in psutil.Process().children()]


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _lasting(thread: threading.Thread) -> bool:
    return thread.name.startswith(_LASTING_THREADS)


def _lasting_process(pid: int) -> bool:
    return any(name in _command(pid) for name in _LASTING_PROCESSES)


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return "(gone)"


def _end(pid: int) -> None:
    try:
        psutil.Process(pid).kill()
    except psutil.NoSuchProcess:
        return
