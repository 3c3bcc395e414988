"""A hub that follows: what it does beside reading the log."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.tiny_city import TinyCity

from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S, ManualClock
from backends.hub.core import START_T
from backends.hub.jetstream_client import JetStreamClient, NatsSettings
from backends.hub.jetstream_rows import SharedRows, Site
from backends.hub.member import Member

NOW = 1_790_000_000 * NS_PER_S


class Log:
    """A log that moves no more, and of which something is always left to be read."""

    def __init__(self, stop: threading.Event, *, turns: int) -> None:
        self._stop, self._left = stop, turns
        self.house: list[int] = []

    def take_in(self) -> int:
        self._left -= 1
        if self._left < 0:
            self._stop.set()
        return 0

    def behind(self) -> int:
        return 1

    def meta(self, key: str) -> str:
        return str(NOW)

    def keep_house(self, now_ns: int) -> None:
        self.house.append(now_ns)
        self._stop.set()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Callable[[Callable[[Any], int]], Member]]:
    """Makes members that reach no server; the argument says where a world begins."""
    made: list[Member] = []

    def none(*_: Any) -> None:
        """Not reached: it never leads."""

    def make(start: Callable[[Any], int]) -> Member:
        nats = NatsSettings(("nats://127.0.0.1:1",))
        client = JetStreamClient(nats, "ioc", "A/1")
        rows = SharedRows(client, Site(nats, "ioc-rows"), tmp_path)
        made.append(
            Member(
                client,
                rows,
                tmp_path / "hub.db",
                Mode.TEST,
                make_world=TinyCity,
                start=start,
                clock=lambda _: ManualClock(NOW),
                serve=none,
                follows=none,
            )
        )
        return made[-1]

    yield make
    for member in made:
        member._client._loop.close()


def test_a_hub_that_follows_keeps_its_copy_within_bounds(alone: Callable[[Callable[[Any], int]], Member]) -> None:
    stop = threading.Event()
    log = Log(stop, turns=50)
    assert not alone(lambda _: NOW)._follow(log, stop)  # type: ignore[arg-type]
    assert log.house == [NOW]


class Begun:
    """A log that another hub may have begun."""

    def __init__(self) -> None:
        self.start = ""

    def meta(self, key: str) -> str:
        return self.start if key == START_T else ""


def test_the_world_begins_where_the_log_does(alone: Callable[[Callable[[Any], int]], Member]) -> None:
    """Asked for once while there is no log; made anew when another hub began the log with its own; else kept."""
    turns = itertools.count(NOW)
    log = Begun()
    member = alone(lambda events: int(events.meta(START_T) or next(turns)))
    first = member._world_to_lead(log)  # type: ignore[arg-type]
    assert member._world_to_lead(log) is first  # type: ignore[arg-type]
    assert first.start_ns == NOW
    log.start = str(NOW + 7)
    member._run_along(log)  # type: ignore[arg-type]
    again = member._world_to_lead(log)  # type: ignore[arg-type]
    assert again.start_ns == NOW + 7
    assert member._world_to_lead(log) is again  # type: ignore[arg-type]
