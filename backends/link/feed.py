"""One feed as the machine keeps it: its position, its measures, and the one word for its health.

Pure; the machine tells the times. Must not: send or receive anything.
"""

from __future__ import annotations

from collections.abc import Callable

from backends.domain.feeds import FeedQuality, FeedStatus, Mode
from backends.domain.record import Record, Snapshot
from backends.link.freshness import Movement
from backends.link.health import GapWatch, Rate, quality
from backends.link.intake import Quarantine, to_record
from backends.link.ports import Sink
from backends.link.sync import Applied, FeedSync


class Feed:
    """What the machine knows of one feed."""

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
        """How it stands now; while it is live, its last complete moment moves along."""
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
            round(self.lag_s, 3), self.rate.per_s, self.sync.gaps, self.bad, self.sync.handed_epoch,
        )  # fmt: skip


class Handing:
    """What has become applicable, as records for the sink; held back during a burst, so that they go together."""

    def __init__(self, sink: Sink, bad: Quarantine, same_mode: Callable[[Mode, str, bytes], bool]) -> None:
        self._sink, self._bad, self._same_mode = sink, bad, same_mode
        self._held: dict[str, list[Record]] | None = None

    def apply(self, name: str, applied: Applied, now_ns: int) -> None:
        """The next positions of one feed, a whole feed, or both."""
        if applied.snapshot is not None:
            epoch, as_of, items = applied.snapshot
            records = (to_record(i, now_ns, self._bad) for i in items if self._same_mode(i.mode, name, bytes(i.body)))
            if self._held is not None and name in self._held:
                self._sink.records(self._held.pop(name))
            self._sink.snapshot(Snapshot(name, epoch, as_of, tuple(r for r in records if r.type != "bad")))
        if applied.records:
            made = [to_record(env, now_ns, self._bad) for env in applied.records]
            if self._held is None:
                self._sink.records(made)
            else:
                self._held.setdefault(name, []).extend(made)

    def hold(self) -> None:
        """A burst begins: what becomes applicable is handed on at its end, each feed's records together."""
        self._held = {}

    def release(self) -> None:
        """The burst is over."""
        held, self._held = self._held or {}, None
        for records in held.values():
            self._sink.records(records)
