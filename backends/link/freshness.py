"""Does what arrives speak of now? How late a heartbeat is, and whether a feed moves as it should.

Pure; monotonic seconds and the hub's nanoseconds are arguments. Neither judgement trusts a wall clock that
may be set: a slow line, a full buffer, a stopped process must not look live, a step of a clock not dead.
"""

from __future__ import annotations

from backends.domain.times import NS_PER_S
from backends.protocol.messages import FeedHead

STALE_S = 1.5
LATE_S = 1.5
"""What was so long on its way proves nothing about now."""
QUICK_S = 0.5
"""An answer that took no longer tells the time well."""
KEEP_S = 5.0
"""Then a slow answer is better than an old one."""
PINGS_KEPT = 64


class Movement:
    """Is a feed overdue? Past 3 of its periods, at least 1.5 s of the wall's time.

    Judged by when it was seen to move, on the monotonic clock: a step of the hub's or a sensor's clock changes
    nothing. Until it has moved under our eyes, by its newest source time, which is all there is.
    """

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None
        self._moved_s: float | None = None

    def restart(self) -> None:
        """A new connection: what was not watched is not known."""
        self._last = self._moved_s = None

    def seen(self, epoch: str, seq: int, now_s: float) -> None:
        """By a head or a live message."""
        before = self._last
        if before is not None and epoch == before[0] and seq <= before[1]:
            return
        self._last = (epoch, seq)
        if before is not None:
            self._moved_s = now_s

    def overdue(self, head: FeedHead, now_ns: int, now_s: float, rate: float) -> bool:
        """`head` is the feed's last known one; a feed without a period is never overdue."""
        if head.period_s <= 0 or head.t_source <= 0 or rate <= 0:
            return False
        limit_s = max(3 * head.period_s / rate, STALE_S)
        if self._moved_s is not None:
            return now_s - self._moved_s > limit_s
        return (now_ns - head.t_source) / NS_PER_S / rate > limit_s


class Lateness:
    """How long the hub's words were on their way, by the hub's own clock.

    The answer of a question tells the hub's time and how well it is known. What says less than that time is
    late: it lay in a buffer or on a slow line. A hub whose clock was set back looks late too, until the next
    answer: so whoever finds a late word asks again before it judges.
    """

    def __init__(self) -> None:
        self._known: tuple[int, float, float] | None = None
        """(hub's time, monotonic seconds, rate)."""
        self._sent: dict[int, float] = {}

    def restart(self) -> None:
        """Another hub, or another connection."""
        self._known = None
        self._sent.clear()

    def asked(self, n: int, now_s: float) -> None:
        """A PING went out."""
        self._sent[n] = now_s
        while len(self._sent) > PINGS_KEPT:
            del self._sent[next(iter(self._sent))]

    def answered(self, n: int, hub_ns: int, now_s: float, rate: float) -> None:
        """Its PONG has come."""
        sent_s = self._sent.pop(n, None)
        if sent_s is not None:
            self.told(hub_ns, sent_s, now_s, rate)

    def told(self, hub_ns: int, sent_s: float, now_s: float, rate: float) -> None:
        """An answer to what was sent at `sent_s`: half of that time it was on its way back."""
        if now_s - sent_s > QUICK_S and self._known is not None and now_s - self._known[1] < KEEP_S:
            return
        self._known = (hub_ns + int((now_s - sent_s) / 2 * rate * NS_PER_S), now_s, rate)

    def late(self, said_ns: int, now_s: float) -> bool:
        """A word of the hub that gives its time as `said_ns` speaks of a moment that is over."""
        if self._known is None or self._known[2] <= 0:
            return False
        hub_ns, at_s, rate = self._known
        return (hub_ns - said_ns) / NS_PER_S / rate + now_s - at_s > LATE_S
