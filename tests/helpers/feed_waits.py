"""Waiting with a deadline, never with a fixed sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_tick = threading.Event()


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0, what: str = "") -> None:
    """Return when `condition()` is true; fail the test after `timeout_s`."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        _tick.wait(0.01)


ExpectLogs = Callable[[str], None]
"""The fixture `expect_logs` of tests/conftest.py."""
