"""The real program under a fake systemd: READY when all runs, WATCHDOG while it does, STOPPING at the end."""

from __future__ import annotations

import itertools
import signal
import socket
import time
from pathlib import Path

import pytest
from helpers.console_process import console


@pytest.mark.timeout(180)
def test_a_session_as_systemd_hears_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(120)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with console(tmp_path / "data", "--platform", "offscreen", "--screens", "1280x720@24:desk", env=env) as running:
            said, at_s = [], []
            while said.count(b"WATCHDOG=1") < 6 or not any(raw.startswith(b"READY=1") for raw in said):
                said.append(door.recv(200))
                at_s.append(time.monotonic())
            painted = running.wait_event("first_paint", timeout_s=10)
            ready = running.wait_event("ready", timeout_s=10)
            assert ready["t"] > painted["t"], "ready means that there is something to see"
            beats = [t for t, raw in zip(at_s, said, strict=True) if raw == b"WATCHDOG=1"]
            gaps = [b - a for a, b in itertools.pairwise(beats)]
            assert max(gaps) < 2.0, "more often than systemd asks"
            running.process.send_signal(signal.SIGTERM)
            while door.recv(200) != b"STOPPING=1":
                pass
            assert running.process.wait(20) == 0
