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
    began_s = looked_s = time.monotonic()
    while not (value := condition()):
        now_s = time.monotonic()
        if now_s > began_s + timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what() if callable(what) else what}")
        # A look that is dear (all processes, a whole log) must not take the processor from what is waited for.
        _pause.wait(max(0.02, 2.0 * (now_s - looked_s)))
        looked_s = time.monotonic()
    return value
