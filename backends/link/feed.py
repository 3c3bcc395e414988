"""What the machine knows of one feed, and how it stands in one word."""

from __future__ import annotations

from backends.domain.feeds import FeedQuality, FeedStatus
from backends.link.freshness import Movement
from backends.link.health import GapWatch, Rate, quality
from backends.link.sync import FeedSync


class FeedState:
    """One feed. Used by the link thread only."""

    def __init__(self, sync: FeedSync, t_fresh_ns: int) -> None:
        self.sync = sync
        self.rate = Rate()
        self.gaps = GapWatch()
        self.movement = Movement()
        self.bad = 0
        self.lag_s = 0.0
        self.t_fresh_ns = t_fresh_ns
        self.last: FeedStatus | None = None

    def status(self, now_s: float, now_ns: int, rate: float, *, ever_up: bool, silent: bool) -> FeedStatus:
        """Notes the moment, when the feed is complete."""
        head, cursor = self.sync.head, self.sync.cursor
        judged = quality(
            ever_up=ever_up,
            silent=silent,
            overdue=head is not None and self.movement.overdue(head, now_ns, now_s, rate),
            complete=self.sync.complete,
        )
        if judged is FeedQuality.LIVE:
            self.t_fresh_ns = now_ns
        return FeedStatus(
            self.sync.feed, judged, self.t_fresh_ns, head.head if head else 0, cursor.seq if cursor else 0,
            round(self.lag_s, 3), self.rate.per_s, self.sync.gaps, self.bad,
        )  # fmt: skip
