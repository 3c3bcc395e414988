"""A console that knows two hubs: the one that serves is found, left when it goes, and nothing begins anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.fake_hub import FakeHub, alarm
from helpers.feed_rig import Glass, LocalFeed, feed_settings

from backends.domain.action import Stage, Verb
from backends.domain.feeds import FeedQuality

Made = Callable[..., Glass]


@pytest.fixture
def hubs() -> Iterator[tuple[FakeHub, FakeHub]]:
    """Two doors of one truth: the same log behind both, one open at a time."""
    one, other = FakeHub().start(), FakeHub().start()
    other.stop()
    other.logs = one.logs
    yield one, other
    one.stop()
    other.stop()


@pytest.fixture
def console(tmp_path: Path, hubs: tuple[FakeHub, FakeHub]) -> Iterator[tuple[LocalFeed, Glass]]:
    one, other = hubs
    settings = feed_settings(one, tmp_path / "console", hubs=(other.endpoints, one.endpoints))
    feed = LocalFeed(settings)
    feed.start()
    yield feed, Glass(feed.drain)
    feed.stop()


def test_the_one_that_listens_is_found_and_the_other_one_when_it_has_gone(
    hubs: tuple[FakeHub, FakeHub], console: tuple[LocalFeed, Glass]
) -> None:
    one, other = hubs
    feed, glass = console
    for n in range(20):
        one.put("alarms", alarm(n))
    began_s = time.monotonic()
    glass.until(lambda g: g.live() and len(g.ids()) == 20, 5.0)
    assert time.monotonic() - began_s < 4.0, "the first of the list does not listen"
    one.stop()
    other.start()
    for n in range(20, 25):
        other.put("alarms", alarm(n))
    gone_s = time.monotonic()
    aid = feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    glass.until(lambda g: g.live() and len(g.ids()) == 25 and g.stages.get(aid, [None])[-1] is Stage.APPLIED, 5.0)
    assert time.monotonic() - gone_s < 2.5
    snapshots = [d for d in glass.all if getattr(d, "feed", "") == "alarms" and getattr(d, "reset", False)]
    assert len(snapshots) <= 2, "the cursor goes on, no snapshot is taken again"
    assert [act.action.aid for act in other.acted] == [aid]


def test_a_hub_that_is_silent_is_left_at_stale_and_not_after_five_seconds(
    hubs: tuple[FakeHub, FakeHub], console: tuple[LocalFeed, Glass]
) -> None:
    one, other = hubs
    _, glass = console
    one.put("alarms", alarm(1))
    glass.until(lambda g: g.live(), 5.0)
    other.start()
    one.beating = False
    one.answer_filter = lambda _answer: []
    quiet_s = time.monotonic()
    glass.until(lambda _: any(type(m).__name__ == "Hello" for m in other.asked), 5.0)
    glass.until(lambda g: g.quality() is FeedQuality.LIVE, 5.0)
    assert time.monotonic() - quiet_s < 4.0
