"""A real window with real keys: acknowledge, lose the hub, acknowledge again, switch layout and language."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from helpers.console_process import Console, console
from helpers.display import Display, display
from helpers.waiting import wait_for

#: Rows of the alarm list on the overview at 1920x1080 (top bar 66, header 36): inside the second and third row.
ROW = {2: (150, 208), 3: (150, 260)}


def _acknowledge(screen: Display, running: Console, row: int) -> int:
    """Click on a row, press Enter; the time before it."""
    before = running.events()[-1]["t"]
    screen.click(*ROW[row])
    screen.key("Return")
    return int(before)


@pytest.mark.timeout(180)
def test_an_operator_at_a_real_window(tmp_path: Path) -> None:
    with (
        display() as screen,
        console(tmp_path / "data", "--platform", "xcb", "--layout", "overview", env=screen.env) as running,
    ):
        running.wait_event("first_paint", timeout_s=120)
        running.wait_event("stale", lambda e: e["feeds"] == [], timeout_s=30)

        # A busy machine paints before the window manager has given the window the keyboard.
        wait_for("the window has the keyboard", screen.active, 20)
        before = _acknowledge(screen, running, 2)
        first = running.wait_event("action", lambda e: e["stage"] == "applied", after_ns=before, timeout_s=15)
        assert first["verb"] == "acknowledge"

        hub = running.pid_of("hub")
        os.kill(hub, signal.SIGSTOP)
        try:
            running.wait_event("stale", lambda e: "alarms" in e["feeds"], timeout_s=10)
            before = _acknowledge(screen, running, 3)  # under the pointer no row moves up
            queued = running.wait_event("action", lambda e: e["stage"] == "queued", after_ns=before, timeout_s=10)
        finally:
            os.kill(hub, signal.SIGCONT)
        final = ("applied", "conflict", "refused", "expired", "duplicate")
        running.wait_event("action", lambda e: e["aid"] == queued["aid"] and e["stage"] in final, timeout_s=30)
        stages = [e["stage"] for e in running.events() if e["event"] == "action" and e["aid"] == queued["aid"]]
        assert stages.count("applied") == 1
        assert not {"conflict", "refused", "expired"} & set(stages)

        screen.key("F4")
        running.wait_event("layout", lambda e: e["layout"] == "environment", timeout_s=10)
        screen.key("ctrl+l")
        screen.key("ctrl+t")
        screen.key("alt+F4")  # must not take the wall away
        screen.key("F1")
        running.wait_event("layout", lambda e: e["layout"] == "overview", after_ns=queued["t"], timeout_s=10)

        for key in ("ctrl+f", *"giao", "space", *"th", "Return"):
            screen.key(key)
        running.wait_event("layout", lambda e: e["layout"] == "traffic", timeout_s=10)
        assert not [e for e in running.events() if e["event"] == "error"]
