"""Faults of the link acted out on a Town, and how soon its screen tells of them. For tests and bench alike."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from helpers.fault_rig import Town

from backends.domain.feeds import FEEDS, FeedQuality
from backends.domain.ports import Changes

SHOWN_FEEDS = ("alarms", "sensors", "cameras", "timeline")


def _seen(town: Town, what: str, condition: Callable[[], bool], timeout_s: float = 12.0) -> float:
    began_s = time.monotonic()
    town.until(what, lambda _: condition(), timeout_s)
    return time.monotonic() - began_s


def all_stale(town: Town) -> bool:
    return all(town.glass.quality(feed) is FeedQuality.STALE for feed in SHOWN_FEEDS)


def cable_cut(town: Town) -> float:
    """Seconds until all is shown stale; afterwards the path is there again, without its old connections."""
    town.live.cut()
    town.ctl.cut()
    try:
        return _seen(town, "stale after the cut", lambda: all_stale(town))
    finally:
        town.live.mend(lose=True)
        town.ctl.mend(lose=True)


def hub_stopped(town: Town) -> float:
    """SIGSTOP of the hub: its TCP connections live on."""
    town.hub.signal(signal.SIGSTOP)
    try:
        return _seen(town, "stale after SIGSTOP", lambda: all_stale(town))
    finally:
        town.hub.signal(signal.SIGCONT)


def hub_hung(town: Town, hang_s: float = 4.0) -> float:
    """The hub's loop hangs: its process lives, libzmq answers for it, heartbeats stop."""
    town.hub.tell(hang=hang_s)
    last_s = time.monotonic()
    head = _progress(town)
    # It begins with the next round: from the last thing that came.
    while not all_stale(town.look() and town):
        if _progress(town) != head:
            head, last_s = _progress(town), time.monotonic()
        if time.monotonic() - last_s > 12.0:
            raise AssertionError("a hung hub was never shown as stale")
        time.sleep(0.005)
    return time.monotonic() - last_s


def _progress(town: Town) -> int:
    return sum(isinstance(d, Changes) for d in town.glass.all)


def wait_silent(town: Town, timeout_s: float = 20.0) -> float:
    """When the last samples came (monotonic): found out once none have come for a second."""
    count, last_s, end_s = 0, 0.0, time.monotonic() + timeout_s
    while not last_s or time.monotonic() - last_s < 1.0:
        news = sum(type(d).__name__ == "NewSamples" for d in town.look().all)
        if news != count:
            count, last_s = news, time.monotonic()
        if time.monotonic() > end_s:
            raise AssertionError("samples never stopped")
        time.sleep(0.005)
    return last_s


def feed_stalled(town: Town, silent_from_s: float) -> float:
    """One feed of many (`samples`) stops at `silent_from_s` (monotonic), while all others flow."""
    town.until(
        "the stalled feed is stale", lambda g: g.quality("samples") is FeedQuality.STALE, silent_from_s + 30.0
    )  # fmt: skip
    seen_s = time.monotonic() - silent_from_s
    others = {feed: town.glass.quality(feed) for feed in SHOWN_FEEDS}
    assert set(others.values()) == {FeedQuality.LIVE}, f"only one feed stalls: {others}"
    return seen_s


def canary_dead(town: Town) -> float:
    """The alarm engine freezes, heartbeats and all feeds go on."""
    town.hub.tell(freeze=True)
    try:
        return _seen(
            town, "the alarm of a dead alarm engine",
            lambda: "local:canary" in town.glass.items.get("local", {}), 15.0,
        )  # fmt: skip
    finally:
        town.hub.tell(freeze=False)


class Flips:
    """Every quality that a screen was shown, feed by feed, in order."""

    def __init__(self) -> None:
        self.seen: dict[str, list[FeedQuality]] = {feed: [] for feed in FEEDS}

    def bad(self) -> dict[str, list[FeedQuality]]:
        return {feed: q for feed, q in self.seen.items() if set(q) - {FeedQuality.LIVE}}


@contextmanager
def watching(town: Town) -> Iterator[Flips]:
    """Collects the statuses that are drained inside the block."""
    flips = Flips()
    before = len(town.glass.all)
    yield flips
    for delivery in town.glass.all[before:]:
        if type(delivery).__name__ == "FeedStatus":
            flips.seen[delivery.feed].append(delivery.quality)  # type: ignore[union-attr]


def look_for(town: Town, seconds: float) -> None:
    """Drain for a while."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        town.look()
        time.sleep(0.005)
