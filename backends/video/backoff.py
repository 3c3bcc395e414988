"""When to try again, and how many may try at once. Pure but for the lock of the gate.

Must not: sleep, or open anything.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

FIRST_S, MOST_S = 1.0, 30.0
"""Reconnect after 1 to 30 s (design, section 6)."""
GOOD_S = 30.0
"""Only so many seconds of good pictures set the wait back: a short success must not start a storm."""
REFUSED_S = 60.0
"""After a refused password: cameras lock accounts."""
NOT_YET_S = 1.0


class Backoff:
    """Waiting times of one stream: doubled each time, spread by +-20 % so that a room does not knock at once."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._next_s = FIRST_S
        self._jitter = jitter

    def after_loss(self, good_s: float) -> float:
        """Seconds to wait after a loss that came `good_s` after the first picture (0: none came)."""
        if good_s >= GOOD_S:
            self._next_s = FIRST_S
        wait, self._next_s = self._next_s, min(MOST_S, self._next_s * 2)
        return min(MOST_S, wait * (0.8 + 0.4 * self._jitter()))

    def after_refusal(self) -> float:
        """Seconds to wait after the camera refused the password."""
        return REFUSED_S * (1.0 + 0.2 * self._jitter())


class OpeningGate:
    """At most `places` openings at once; each holds its place for 1 s at most, the opening itself goes on.

    So mute cameras at the head of the list cannot keep the good ones waiting.
    """

    HOLD_S = 1.0

    def __init__(self, places: int = 8, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._clock = clock
        self._since: dict[int, float] = {}
        self._free = threading.Condition()

    def enter(self, who: int, stop: threading.Event) -> None:
        """Wait for a place; returns at once when `stop` is set."""
        with self._free:
            while not stop.is_set():
                now = self._clock()
                self._since = {other: t for other, t in self._since.items() if now - t < self.HOLD_S}
                if len(self._since) < self._places:
                    self._since[who] = now
                    return
                self._free.wait(min(self._since.values()) + self.HOLD_S - now + 0.001)

    def leave(self, who: int) -> None:
        with self._free:
            self._since.pop(who, None)
            self._free.notify()
