"""A feeder that lives but stands still must not look alive: no beat, so that the supervisor ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_hub import FakeHub
from helpers.feed_rig import LocalFeed, feed_settings
from helpers.waiting import wait_for

from backends.link.loop import Link
from console import feed_core


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


@pytest.mark.parametrize("lock", ["core", "exchange"])
def test_a_lock_that_nobody_lets_go_holds_up_the_beat(hub: FakeHub, tmp_path: Path, lock: str) -> None:
    feed = LocalFeed(feed_settings(hub, tmp_path))
    feed.start()
    answered = threading.Event()
    asker = threading.Thread(target=lambda: (feed.core.turns(), answered.set()), name="asker")
    held = feed.core._lock if lock == "core" else feed.core.exchange._lock
    try:
        with held:
            asker.start()
            assert not answered.wait(0.5)
        assert answered.wait(10)
    finally:
        asker.join(10)
        feed.stop()
