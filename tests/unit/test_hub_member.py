"""A hub that follows: what it does beside reading the log."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from helpers.tiny_city import TinyCity

from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S, ManualClock
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


def test_a_hub_that_follows_keeps_its_copy_within_bounds(tmp_path: Path) -> None:
    stop = threading.Event()

    def none(*_: Any) -> None:
        """Not reached: it never leads."""

    nats = NatsSettings(("nats://127.0.0.1:1",))
    client = JetStreamClient(nats, "ioc", "A/1")
    rows = SharedRows(client, Site(nats, "ioc-rows"), tmp_path)
    member = Member(
        client, rows, tmp_path / "hub.db", Mode.TEST,
        make_world=TinyCity, start=lambda _: NOW, clock=lambda _: ManualClock(NOW), serve=none, follows=none,
    )  # fmt: skip
    log = Log(stop, turns=50)
    assert not member._follow(log, stop)  # type: ignore[arg-type]
    assert log.house == [NOW]
    member._client._loop.close()
