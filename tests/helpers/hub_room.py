"""A room on several hubs under load: nats-servers, hubs, consoles' link and store; what is killed, and what came of it.

Used by the integration tests (short) and by the bench.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from helpers.feed_rig import Glass, LocalFeed
from helpers.hubs import Hubs, read_log, truths
from helpers.nats_cluster import NatsCluster
from helpers.waiting import wait_for

from backends.domain.action import Stage, Verb
from backends.domain.feeds import FeedQuality, LinkState, Mode
from backends.link.ports import Endpoints
from backends.store.schema import OPS_FILE
from console.feed_settings import FeedSettings

WATCHED = ("alarms", "timeline", "indicators")
"""Feeds that move all the time in the busy city."""
LOGGED = ("alarms", "timeline")
"""Those of which a console's store keeps every record, not only the items."""


class Desk:
    """One console: link and store as threads, and what its glass shows."""

    def __init__(self, folder: Path, hubs: Hubs, station: str) -> None:
        self.folder = folder / station
        keys = hubs.keys(station)
        ends = []
        for name in hubs.names:
            ready = wait_for(f"hub {name} says where it is", lambda name=name: hubs.ready(name), 30.0)
            ends.append(Endpoints(ready.live, ready.ctl, ready.public_key))
        self.feed = LocalFeed(
            FeedSettings(
                str(self.folder), station, Mode.DEMO, hubs=tuple(ends),
                public_key=keys.public.decode(), secret_key=keys.secret.decode(),
            )
        )  # fmt: skip
        self.feed.start()
        self.glass = Glass(self.feed.drain)

    def look(self) -> Glass:
        """Drain, and keep only what is needed: the rig is under load."""
        glass = self.glass.look()
        glass.all.clear()
        return glass

    def live(self) -> bool:
        """Everything that moves is live, by the hub that leads now."""
        glass = self.look()
        return (
            glass.link is not None
            and glass.link.state is LinkState.UP
            and all(glass.quality(feed) is FeedQuality.LIVE for feed in WATCHED)
        )

    def stop(self) -> None:
        self.feed.stop()

    def rows(self) -> dict[str, list[tuple[str, int, str, str, int]]]:
        """(epoch, seq, type, id, rev) of every record in this console's store, by feed. After `stop`."""
        db = sqlite3.connect(self.folder / OPS_FILE)
        try:
            return {
                feed: db.execute(
                    "SELECT epoch, seq, type, id, rev FROM log WHERE feed=? ORDER BY seq", (feed,)
                ).fetchall()
                for feed in LOGGED
            }
        finally:
            db.close()

    def items(self) -> dict[str, tuple[int, dict[str, int]]]:
        """(seq of the cursor, rev of every item) in the store, by feed. After `stop`."""
        db = sqlite3.connect(self.folder / OPS_FILE)
        try:
            return {
                feed: (
                    db.execute("SELECT seq FROM cursor WHERE feed=?", (feed,)).fetchone()[0],
                    dict(db.execute("SELECT id, rev FROM item WHERE feed=?", (feed,)).fetchall()),
                )
                for feed in ("alarms", "indicators")
            }
        finally:
            db.close()


class Room:
    """Everything together. Context manager; `check` at the end says what was lost or doubled."""

    def __init__(
        self, folder: Path, *, hubs: int = 2, desks: tuple[str, ...] = ("desk-1",), rate: float = 1000.0,
        sign_in: Literal["password", "seat"] = "seat",
    ) -> None:  # fmt: skip
        self._folder = folder
        self.cluster = NatsCluster(folder)
        self._wanted = hubs, desks, rate
        self._sign_in: Literal["password", "seat"] = sign_in
        self.desks: list[Desk] = []
        self._reaches: dict[str, list[str]] = {}

    def reaches(self, hub: str, urls: list[str]) -> None:
        """Before it begins: the servers' addresses as this hub is told them."""
        self._reaches[hub] = urls

    def __enter__(self) -> Self:
        count, desks, rate = self._wanted
        self.cluster.__enter__()
        self.hubs = Hubs(self._folder, self.cluster.urls, count, sign_in=self._sign_in, rate=rate)
        for name, urls in self._reaches.items():
            self.hubs.reaches(name, urls)
        try:
            # The first one leads: it is alone when it begins.
            self.hubs.start(self.hubs.names[0])
            self.hubs.wait_leader()
            for name in self.hubs.names[1:]:
                self.hubs.start(name)
            for name in self.hubs.names:
                wait_for("every hub knows the log", lambda name=name: self.hubs.ready(name), 30.0)
            for station in desks:
                self.desks.append(Desk(self._folder, self.hubs, station))
            self.wait_live()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for desk in self.desks:
            desk.stop()
        self.hubs.__exit__()
        self.cluster.__exit__()

    def wait_live(self, timeout_s: float = 30.0) -> None:
        for desk in self.desks:
            wait_for(lambda: f"every feed is live:\n{self.hubs.logs()}", desk.live, timeout_s)

    def measure(self, fault: Callable[[], Any], timeout_s: float = 40.0) -> float:
        """Seconds from the fault until every console is live and shows what happened in the city after the fault.

        What happened later can only have been written by hubs and servers that are left.
        """
        fault_ns = time.time_ns()
        fault()
        began_s = time.monotonic()

        def up_to_date(desk: Desk) -> bool:
            if not desk.live():
                return False
            alarms, indicators = (desk.glass.items.get(feed, {}).values() for feed in ("alarms", "indicators"))
            return any(a.t_raised_ns > fault_ns for a in alarms) and any(i.t_as_of_ns > fault_ns for i in indicators)

        for desk in self.desks:
            wait_for(
                lambda desk=desk: f"live again: {desk.glass.link}\n{self.hubs.logs()}",  # type: ignore[misc]
                lambda desk=desk: up_to_date(desk),  # type: ignore[misc]
                timeout_s,
            )
        return time.monotonic() - began_s

    def act(self, desk: int = 0) -> tuple[str, str]:
        """A comment on something that stands all the time: (aid, target)."""
        aid = self.desks[desk].feed.submit(Verb.COMMENT, "cameras", "cam-1", 0, {"text": f"Lời {time.monotonic_ns()}"})
        return aid, "cam-1"

    def finished(self, aid: str, desk: int = 0) -> Stage | None:
        stages = self.desks[desk].look().stages.get(aid, [])
        return stages[-1] if stages and stages[-1].final else None

    def wait_finished(self, aid: str, desk: int = 0) -> None:
        wait_for("the click ends", lambda: self.finished(aid, desk), 30.0)

    def wait_follows(self, hub: str) -> None:
        wait_for(lambda: f"{hub} follows:\n{self.hubs.log(hub)}", lambda: self.hubs.follows(hub), 30.0)

    def wait_stream_leader(self, stream: str) -> int:
        found = wait_for("the log has a leading server", lambda: self.cluster.leading(stream), 30.0)
        return found[0]

    def wait_in_step(self, stream: str) -> None:
        """Every server has the whole log again."""
        wait_for("the servers are in step", lambda: self.cluster.in_step(stream), 60.0)

    def check(self) -> dict[str, list[Any]]:
        """Stops consoles and hubs; every console's store is what the log says. Returns the log's records."""
        for desk in self.desks:
            desk.stop()
        for name in list(self.hubs.children):
            self.hubs.go_on(name)
            self.hubs.kill(name)
        feeds = truths(read_log(self.cluster.running))
        for desk in self.desks:
            for feed, rows in desk.rows().items():
                said = {e.seq: (e.epoch, e.seq, e.type, e.id, e.rev) for e in feeds[feed]}
                assert rows, f"{feed}: nothing was received"
                first, last = rows[0][1], rows[-1][1]
                assert [row[1] for row in rows] == list(range(first, last + 1)), f"{feed}: a hole or a double"
                assert rows == [said[seq] for seq in range(first, last + 1)], f"{feed} is not what the log says"
            for feed, (seq, items) in desk.items().items():
                assert items == stands(feeds[feed], seq), f"{feed}: the store's items are not what the log adds up to"
        return feeds


def stands(records: list[Any], seq: int) -> dict[str, int]:
    """Rev of every item after the record `seq`."""
    items: dict[str, int] = {}
    for envelope in records[:seq]:
        if envelope.type == "del":
            items.pop(envelope.id, None)
        else:
            items[envelope.id] = envelope.rev
    return items


def raised_once(feeds: dict[str, list[Any]]) -> int:
    """Every busy alarm of the log was raised exactly once, none left out. Returns how many.

    And each at its own moment of one world, whichever hub led: else the one between two of them may be lost.
    """
    raised: dict[str, int] = {}
    at_ns: dict[int, int] = {}
    for envelope in feeds["alarms"]:
        if envelope.type == "put" and envelope.id.startswith("busy-") and envelope.rev == 1:
            key = envelope.id.rpartition("@")[0]
            raised[key] = raised.get(key, 0) + 1
            at_ns[int(key.removeprefix("busy-"))] = msgspec.json.decode(envelope.body)["t_raised_ns"]
    numbers = sorted(int(key.removeprefix("busy-")) for key in raised)
    due = range(numbers[0], numbers[-1] + 1, min(b - a for a, b in itertools.pairwise(numbers)))
    assert numbers == list(due), f"alarms were lost: {sorted(set(due) - set(numbers))} of {due}"
    assert set(raised.values()) == {1}, "an alarm was raised twice"
    gaps = {at_ns[b] - at_ns[a] for a, b in itertools.pairwise(numbers)}
    assert len(gaps) == 1, f"hubs differ in when things happen: every {sorted(gaps)} ns"
    return len(numbers)
