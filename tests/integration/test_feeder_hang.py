"""A feeder that lives but stands still must not look alive: no beat, so that the supervisor ends it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_hub import FakeHub
from helpers.feed_rig import Glass, LocalFeed, feed_settings
from helpers.waiting import wait_for

from backends.domain.feeds import FeedQuality
from backends.link.loop import Link
from console import feed_core
from console.feed_client import FeedClient
from console.feeder import Screen


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


def test_a_link_that_stands_still_is_seen(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_core, "LINK_TURNS_S", 0.5)
    gate, held = threading.Event(), threading.Event()
    turn = Link._turn

    def turn_or_hang(link: Link) -> Any:
        if held.is_set():
            gate.wait(20)
        return turn(link)

    monkeypatch.setattr(Link, "_turn", turn_or_hang)
    feed = LocalFeed(feed_settings(hub, tmp_path))
    feed.start()
    try:
        assert wait_for("it turns", feed.core.turns)
        held.set()
        wait_for("it stands still", lambda: not feed.core.turns())
        assert feed.core.alive, "its threads live: that alone says nothing"
        held.clear()
        gate.set()
        wait_for("it turns again", feed.core.turns)
    finally:
        gate.set()
        feed.stop()


def test_a_screen_sees_within_two_seconds_that_the_link_stands_still(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives, its screens' threads run and rows are sent: nothing of that makes old news live."""
    gate, held = threading.Event(), threading.Event()
    turn = Link._turn
    monkeypatch.setattr(Link, "_turn", lambda link: (held.is_set() and gate.wait(20), turn(link))[1])
    feed = LocalFeed(feed_settings(hub, tmp_path / "console"))
    feed.start()
    where, key = str(tmp_path / "s") if os.name != "nt" else rf"\\.\pipe\ioc-{tmp_path.name}", b"key"
    listener = Listener(where, authkey=key)
    client = FeedClient(where, key)
    client.start()
    screen = Screen(feed.core, listener.accept())
    serving = threading.Thread(target=screen.serve, name="serving")
    serving.start()
    glass = Glass(client.drain)
    try:
        glass.until(lambda g: g.live() and g.up())
        held.set()
        began_s = time.monotonic()
        while glass.live() and time.monotonic() - began_s < 5.0:
            feed.core.alarms.set("gaps", bool(int(time.monotonic() * 20) % 2), 5)  # frames go on
            glass.look()
            time.sleep(0.02)
        assert time.monotonic() - began_s < 2.5
        assert glass.quality() is FeedQuality.STALE
        assert not glass.up()
        gate.set()
        glass.until(lambda g: g.live() and g.up())
    finally:
        gate.set()
        client.stop()
        screen.close()
        serving.join(5)
        listener.close()
        feed.stop()


@pytest.mark.parametrize("lock", ["core", "exchange"])
def test_a_lock_that_nobody_lets_go_holds_up_the_beat(hub: FakeHub, tmp_path: Path, lock: str) -> None:
    feed = LocalFeed(feed_settings(hub, tmp_path))
    feed.start()
    answered = threading.Event()
    asker = threading.Thread(target=lambda: (feed.core.turns(), answered.set()), name="asker")
    held = feed.core.clicks._lock if lock == "core" else feed.core.exchange._lock
    try:
        with held:
            asker.start()
            assert not answered.wait(0.5)
        assert answered.wait(10)
    finally:
        asker.join(10)
        feed.stop()
