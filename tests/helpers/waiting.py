"""Waiting for something to become true: with a deadline, and without a fixed sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_pause = threading.Event()


def wait_for(what: str | Callable[[], str], condition: Callable[[], T], timeout_s: float = 20.0) -> T:
    """The first true value of `condition()`; fails the test when none comes within `timeout_s`.

    `what` may be a function: called at the deadline, it tells how things stood at the end.
    """
    end_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {timeout_s} s: {what() if callable(what) else what}")
        _pause.wait(0.02)
    return value
