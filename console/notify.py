"""Tells systemd how we are: READY, WATCHDOG and STOPPING over NOTIFY_SOCKET, in pure Python (sd_notify(3)).

WATCHDOG is said at half the period that WATCHDOG_USEC asks for, and only while the supervisor's loop runs
(it is the one who calls) and the windows' loop beats: systemd is the net below the supervisor's own
watchdog. Elsewhere than under systemd it does nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import MutableMapping

_log = logging.getLogger(__name__)


class Notifier:
    """Made once, at the start: it takes the variables out of the environment, so that no child speaks for us."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ, pid: int | None = None) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        period_us = environ.pop("WATCHDOG_USEC", "")
        for_pid = environ.pop("WATCHDOG_PID", "")
        mine = not for_pid or for_pid == str(pid or os.getpid())
        self.period_s = int(period_us) / 2e6 if period_us.isdecimal() and mine and self._address else 0.0
        """Between two WATCHDOG messages: half of what systemd allows. 0 = none are asked for."""
        self._said_s: float | None = None

    def ready(self, sentence: str) -> None:
        self._send(f"READY=1\nSTATUS={sentence}")

    def status(self, sentence: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={sentence}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self, now_s: float, healthy: bool) -> None:
        """From the loop, as often as it turns."""
        if not self.period_s or not healthy or (self._said_s is not None and now_s - self._said_s < self.period_s):
            return
        self._said_s = now_s
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address or sys.platform == "win32":
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.setblocking(False)
                door.sendto(message.encode(), address)
        except OSError as error:
            _log.warning("systemd cannot be told: %s", error)
