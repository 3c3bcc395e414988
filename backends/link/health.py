"""Judgements on time: is the hub silent, is a feed stale, is the alarm engine dead, are there too many gaps.

Pure; monotonic seconds are arguments. Figures: design, section 4.
"""

from __future__ import annotations

from collections import deque

from backends.domain.feeds import FeedQuality
from backends.link.freshness import STALE_S
from backends.protocol.messages import Canary

SILENT_S = 5.0
"""Silence after which both sockets are made anew and the hub counts as gone."""
CANARY_DEAD_S = 3.5
"""Three missed test alarms of one a second, and half a heartbeat."""
GAPS_A_MINUTE = 3
WELCOME_S = 1.0
"""With several hubs: so long for connection and WELCOME before the next is tried."""


def wants_other(opened_s: float | None, welcomed: bool, live_s: float, now_s: float) -> bool:
    """Of several hubs, this one does not serve us: no patience with what another may give at once."""
    if opened_s is None:
        return True
    if not welcomed:
        return now_s - opened_s > WELCOME_S
    return now_s - max(live_s, opened_s) > STALE_S


def quality(*, ever_up: bool, silent: bool, overdue: bool, complete: bool) -> FeedQuality:
    """One word for a feed."""
    if not ever_up:
        return FeedQuality.STORED
    if silent or overdue:
        return FeedQuality.STALE
    return FeedQuality.LIVE if complete else FeedQuality.CATCHING_UP


class CanaryWatch:
    """The test alarm that passes through the hub's alarm engine every second."""

    def __init__(self) -> None:
        self._seq: int | None = None
        self._moved_s = 0.0

    def restart(self, now_s: float) -> None:
        """Another run of the hub. One that has shown a canary before owes one now."""
        if self._seq is not None:
            self._seq, self._moved_s = -1, now_s

    def dead(self, canary: Canary | None, now_s: float) -> bool:
        """To be asked at each heartbeat. A hub that never showed a canary is not judged."""
        if canary is not None and canary.seq != self._seq:
            self._seq, self._moved_s = canary.seq, now_s
        return self._seq is not None and now_s - self._moved_s > CANARY_DEAD_S


class GapWatch:
    """More than 3 gaps a minute on one feed mean that the link does not keep up."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._seen = 0

    def too_many(self, gaps: int, now_s: float) -> bool:
        """`gaps` counts from the start; ends after a minute without."""
        self._times.extend([now_s] * min(gaps - self._seen, 10))
        self._seen = gaps
        while self._times and now_s - self._times[0] > 60.0:
            self._times.popleft()
        return len(self._times) > GAPS_A_MINUTE


class Rate:
    """Messages a second over the last seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.per_s = 0.0
        self._last = (0, 0.0)

    def measure(self, now_s: float) -> float:
        """To be called about twice a second."""
        count, t_s = self._last
        if t_s and now_s > t_s:
            self.per_s += 0.3 * ((self.count - count) / (now_s - t_s) - self.per_s)
        self._last = (self.count, now_s)
        return round(self.per_s, 2)
