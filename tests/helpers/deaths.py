"""Looking at a real console whose parts die: its processes by module, its crash reports, when it lives again."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
from helpers.console_process import Console
from helpers.waiting import wait_for

from console.crash import Report, read_report, report_files

SCREEN = ("--platform", "offscreen", "--screens", "1280x720@24:desk")
WAYS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGSTOP)
"""SIGSTOP is the hang: the process is there, and gives no sign."""
FEW_WAYS = (signal.SIGKILL, signal.SIGSTOP)
"""Dead and hung; the other two differ in what the report says. All of them for every child in `make soak`."""


def reports(data: Path, child: str) -> list[Report]:
    found = [report for path in report_files(data / "crashes") if (report := read_report(path))]
    return [report for report in found if report.child == child]


def newest_ns(running: Console) -> int:
    return int(running.events()[-1]["t"])


def named(running: Console, module: str) -> list[int]:
    """Living processes of the session by the module that they run."""
    found = []
    for process in psutil.Process(running.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.cmdline()[-1:] == [module] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return sorted(found)


def only(running: Console, module: str) -> int:
    return wait_for(f"one {module}", lambda: pids[0] if (pids := named(running, module)) else 0, 30)


def live_again(running: Console) -> Callable[[], bool]:
    def look() -> bool:
        stale = [e["feeds"] for e in running.events() if e["event"] == "stale"]
        link = [e["state"] for e in running.events() if e["event"] == "link"]
        return bool(stale) and stale[-1] == [] and link[-1] == "up"

    return look
