"""How things stand with the hub, in words for the screen: the link's state, each feed's quality, the station's alarms.

Pure; the machine says what happened and what time it is. Must not: send or receive anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from backends.domain.feeds import FEEDS, FeedKind, FeedStatus, LinkState, Mode
from backends.domain.ports import LinkStatus
from backends.domain.times import HubClock
from backends.link.feed import Feed
from backends.link.freshness import STALE_S
from backends.link.health import SILENT_S
from backends.link.ports import Sink, Trouble

_log = logging.getLogger(__name__)

STATUS_EVERY_S = 0.5


class Standing:
    """Told at changes, and twice a second. Used by the link thread only."""

    def __init__(
        self, sink: Sink, clock: HubClock, mode: Mode, feeds: Mapping[str, Feed], queued: Callable[[], int]
    ) -> None:
        self._sink, self._clock, self._mode, self._feeds, self._queued = sink, clock, mode, feeds, queued
        self.state = LinkState.CONNECTING
        self._reason = ""
        self._t_since_ns = clock.now_ns()
        self.server = ""
        self.clock_rate = 1.0
        self.ever_up = False
        self.heads_s = float("-inf")
        """When a head last spoke of now."""
        self.fresh_s = float("-inf")
        """When a heartbeat on LIVE last spoke of now."""
        self._troubles: dict[Trouble, str] = {}
        self._status_at_s = 0.0
        self._away_since_s: float | None = None

    def set(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self.state, self._reason):
            return
        if state is not self.state:
            self._t_since_ns = self._clock.now_ns()
            _log.info("link %s -> %s %s", self.state.value, state.value, reason)
        self.state, self._reason = state, reason
        self._status_at_s = 0.0  # told at the next turn, within 50 ms

    def trouble(self, what: Trouble, on: bool, detail: str = "") -> None:
        """An alarm of the station itself begins or ends; the sink hears of changes only."""
        if on == (what in self._troubles):
            return
        if on:
            self._troubles[what] = detail
        else:
            del self._troubles[what]
        self._sink.trouble(what, on, detail)

    def turn(self, now_s: float) -> None:
        """Judge by the clock, and tell what is due. At least every 50 ms."""
        silent = now_s - self.heads_s > STALE_S
        if silent and self.state is LinkState.UP:
            self.set(LinkState.DOWN, "hub_silent")
        if self.state is LinkState.UP:
            self._away_since_s = None
        elif self._away_since_s is None:
            # Silence began at the last head, not when it was noticed.
            self._away_since_s = max(self.heads_s, now_s - STALE_S) if self.ever_up else now_s
        away = self._away_since_s is not None and now_s - self._away_since_s > SILENT_S
        self.trouble(Trouble.HUB, away, self._reason)
        if self._qualities_changed(now_s, silent):
            self._tell_link()
        if now_s >= self._status_at_s:
            self._status_at_s = now_s + STATUS_EVERY_S
            self._tell_feeds(now_s, silent)
            self._tell_link()

    def _status_of(self, feed: Feed, now_s: float, silent: bool) -> FeedStatus:
        silent = silent or self.state is not LinkState.UP
        if feed.sync.kind is FeedKind.LOSSY:
            # Never fetched: heads that come by CTL bring none of it.
            silent = silent or now_s - self.fresh_s > STALE_S
        return feed.status(now_s, self._clock.now_ns(), self.clock_rate, ever_up=self.ever_up, silent=silent)

    def _offered(self) -> list[Feed]:
        """All but those that a backend may leave out and this one has not named."""
        return [feed for name, feed in self._feeds.items() if feed.sync.head is not None or not FEEDS[name].optional]

    def _qualities_changed(self, now_s: float, silent: bool) -> bool:
        changed = False
        for feed in self._offered():
            status = self._status_of(feed, now_s, silent)
            if feed.last is None or feed.last.quality is not status.quality:
                feed.last = status
                self._sink.feed_status(status)
                changed = True
        return changed

    def _tell_feeds(self, now_s: float, silent: bool) -> None:
        crowded = ""
        for feed in self._offered():
            feed.rate.measure(now_s)
            feed.last = self._status_of(feed, now_s, silent)
            self._sink.feed_status(feed.last)
            if feed.gaps.too_many(feed.sync.gaps, now_s):
                crowded = feed.sync.feed
        self.trouble(Trouble.GAPS, bool(crowded), crowded)

    def _tell_link(self) -> None:
        self._sink.link_status(
            LinkStatus(
                self.state, self._mode, self._t_since_ns, self.server, self._reason,
                self._clock.now_ns(), self.clock_rate, self._queued(),
            )
        )  # fmt: skip
