"""Clocks and time units.

Two clocks, both passed in, never read from a global: the *session clock* (UTC, what the operator's
screen calls "now"; in replay it may stop or jump) and the *monotonic clock* (time-outs, repaint,
reconnects). All instants inside the program are UTC nanoseconds (`int`, suffix `_ns`); durations in
seconds are `float` with suffix `_s`.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class SessionClock(Protocol):
    """What "now" means on this screen. Any thread may read it."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        ...


class MonotonicClock(Protocol):
    """For time-outs and intervals only; never shown, never stored."""

    def monotonic_s(self) -> float: ...


class SystemClock:
    """The machine's own clocks."""

    def now_ns(self) -> int:
        return time.time_ns()

    def monotonic_s(self) -> float:
        return time.monotonic()


class HubClock:
    """The hub's clock as this station sees it, extrapolated between its messages.

    `set` is called by whoever reads the link; `now_ns` is lock-free and may be called by any thread.
    Until the first `set` it is the machine's own clock.
    """

    def __init__(self, base: MonotonicClock | None = None) -> None:
        self._base = base or SystemClock()
        self._anchor = (time.time_ns(), self._base.monotonic_s(), 1.0)

    def set(self, now_ns: int, rate: float = 1.0) -> None:
        """The hub says that it is `now_ns`, and that its clock runs at `rate`."""
        self._anchor = (now_ns, self._base.monotonic_s(), rate)

    def now_ns(self) -> int:
        now_ns, mono_s, rate = self._anchor
        return now_ns + int((self._base.monotonic_s() - mono_s) * rate * NS_PER_S)


class ScaledClock:
    """A clock that starts at `start_ns` and runs `speed` times as fast as the machine (scenarios, demo)."""

    def __init__(self, start_ns: int, speed: float = 1.0, base: MonotonicClock | None = None) -> None:
        self._base = base or SystemClock()
        self._start_ns = start_ns
        self._t0_s = self._base.monotonic_s()
        self.speed = speed

    def now_ns(self) -> int:
        return self._start_ns + int((self._base.monotonic_s() - self._t0_s) * self.speed * NS_PER_S)


class ForwardClock:
    """The wall clock, except that it never goes back: what is set back runs on by the monotonic clock. Thread-safe."""

    speed = 1.0

    def __init__(self, at_least_ns: int = 0) -> None:
        self._base = SystemClock()
        self._lock = threading.Lock()
        self._at_ns, self._at_s = at_least_ns, self._base.monotonic_s()

    def now_ns(self) -> int:
        with self._lock:
            now_s = self._base.monotonic_s()
            on_ns = self._at_ns + int((now_s - self._at_s) * NS_PER_S)
            self._at_ns, self._at_s = max(self._base.now_ns(), on_ns), now_s
            return self._at_ns


class ManualClock:
    """A clock that moves only when told: tests, the simulator's stepping, a paused replay. Thread-safe."""

    def __init__(self, now_ns: int = 1_790_000_000 * NS_PER_S) -> None:
        self._lock = threading.Lock()
        self._now_ns = now_ns

    def now_ns(self) -> int:
        with self._lock:
            return self._now_ns

    def monotonic_s(self) -> float:
        return self.now_ns() / NS_PER_S

    def advance_s(self, seconds: float) -> None:
        with self._lock:
            self._now_ns += int(seconds * NS_PER_S)
