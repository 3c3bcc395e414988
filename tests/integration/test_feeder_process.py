"""The feeder as a process: start from the store, reconnects, crashes, clicks that are never half kept."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

import pytest
from helpers.fake_hub import FakeHub, alarm
from helpers.feed_rig import FeederProcess, Glass, feed_settings
from helpers.feed_waits import wait_until
from helpers.store_rig import Heard, click, snapshot

from backends.domain.access import Grant, Revealed
from backends.domain.action import Stage, Verb
from backends.domain.alarm import AlarmState, Priority
from backends.domain.feeds import FeedQuality, LinkState, Mode
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.domain.ports import ActionRefused, FiguresPart
from backends.domain.sensor import Flagged
from backends.domain.times import NS_PER_S
from backends.process import stop_child
from backends.store.schema import OPS_FILE
from backends.store.store import Store
from console import feed_wire as wire
from console.feed_client import FeedClient

Made = Callable[[], FeederProcess]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


@pytest.fixture
def feeder(tmp_path: Path, hub: FakeHub) -> Iterator[FeederProcess]:
    made = FeederProcess(feed_settings(hub, tmp_path / "console"))
    yield made
    made.stop()


def query(feeder: FeederProcess, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(Path(feeder.settings.data_dir) / OPS_FILE)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_two_screens_see_the_same_and_act(hub: FakeHub, feeder: FeederProcess) -> None:
    for n in range(30):
        hub.put("alarms", alarm(n))
    first, second = (Glass(feeder.client().drain) for _ in range(2))
    for glass in (first, second):
        glass.until(lambda g: g.live() and len(g.ids()) == 30)
    aid = feeder.clients[0].submit(Verb.CLAIM, "alarms", "a1", 1)
    for glass in (first, second):
        glass.until(lambda g: g.stages.get(aid, [None])[-1] is Stage.APPLIED)
    hub.history["s1"] = [(5, 1.0), (6, None)]
    hub.flags["s1"] = (Flagged(6, 6, "fault", 7.0, 7.0), Flagged(7, 9, "disconnected"))
    feeder.clients[1].request("s1", 0, 10, 100)
    second.until(lambda g: any(part.complete for part in g.parts))
    assert [part.t_ns.tolist() for part in second.parts if part.complete] == [[5, 6]]
    assert [part.flags for part in second.parts if part.complete] == [hub.flags["s1"]]
    assert first.look().parts == []
    now_ns = time.time_ns()
    hub.put("timeline", TimelineEvent("t1", now_ns, "alarm_raised", "x@1", priority=Priority.HIGH))
    second.until(lambda g: "t1" in g.items.get("timeline", {}) and g.live("timeline"))
    number = feeder.clients[1].ask_figures(now_ns - 3600 * NS_PER_S, now_ns + 3600 * NS_PER_S)
    second.until(lambda g: any(isinstance(one, FiguresPart) for one in g.all))
    (told,) = [one for one in second.all if isinstance(one, FiguresPart)]
    assert told.request == number
    assert told.figures is not None
    assert (told.figures.raised, told.figures.by_priority) == (1, {Priority.HIGH: 1})
    assert not any(isinstance(one, FiguresPart) for one in first.look().all)


def test_sigkill_loses_nothing_that_was_delivered(hub: FakeHub, feeder: FeederProcess) -> None:
    client = feeder.client()
    glass = Glass(client.drain)
    glass.until(lambda g: g.live("timeline"))
    for round_no in range(3):
        for n in range(200):
            hub.put("timeline", TimelineEvent(f"r{round_no}-{n}", n, "test"))
        glass.until(lambda g, want=round_no: any(e.startswith(f"r{want}-1") for e in g.events))
        feeder.kill()
        glass.look()
        shown = set(glass.events)
        kept = {row[0] for row in query(feeder, "SELECT id FROM log WHERE feed = 'timeline'")}
        assert shown <= kept, "shown, but not on disk"
        assert query(feeder, "SELECT count(*) FROM log WHERE feed = 'timeline'") == query(
            feeder, "SELECT seq FROM cursor WHERE feed = 'timeline'"
        )
        assert query(feeder, "PRAGMA integrity_check") == [("ok",)]
        feeder.start()
        glass.until(lambda g: g.live("timeline"), 15.0)
    glass.until(lambda g: len(g.ids("timeline")) == 600)
    wait_until(lambda: query(feeder, "SELECT count(*), max(seq) FROM log WHERE feed = 'timeline'") == [(600, 600)])


def test_a_dead_feeder_makes_everything_stale_and_refuses_clicks(hub: FakeHub, feeder: FeederProcess) -> None:
    hub.put("alarms", alarm(1))
    client = feeder.client()
    glass = Glass(client.drain)
    glass.until(lambda g: g.live())
    feeder.kill()
    gone_s = time.monotonic()
    glass.until(lambda g: g.quality() is FeedQuality.STALE and g.link and g.link.state is LinkState.DOWN, 5.0)
    assert time.monotonic() - gone_s < 3.0
    assert glass.ids() == ["a1"]
    with pytest.raises(ActionRefused):
        client.submit(Verb.CLAIM, "alarms", "a1", 1)
    feeder.start()
    glass.until(lambda g: g.live() and g.up(), 15.0)
    aid = client.submit(Verb.CLAIM, "alarms", "a1", 1)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))


def stands_still(pid: int) -> bool:
    """Every thread has been stopped: a signal is on its way for a moment, in which a click could still be taken."""
    stats = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(stat.rpartition(") ")[2].startswith("T") for stat in stats)


def test_a_hung_feeder_goes_stale_and_its_clicks_end_in_words(hub: FakeHub, feeder: FeederProcess) -> None:
    client = feeder.client()
    glass = Glass(client.drain)
    glass.until(lambda g: g.live())
    os.kill(feeder.child.pid, signal.SIGSTOP)
    wait_until(lambda: stands_still(feeder.child.pid), what="all its threads stand still")
    try:
        began_s = time.monotonic()
        aid = client.submit(Verb.CLAIM, "alarms", "a1", 1)
        assert time.monotonic() - began_s < 1.0
        glass.until(lambda g: g.quality() is FeedQuality.STALE, 5.0)
        glass.until(lambda g: g.stages.get(aid) == [Stage.REFUSED], 10.0)
    finally:
        os.kill(feeder.child.pid, signal.SIGCONT)
    glass.until(lambda g: g.live(), 15.0)
    again = client.submit(Verb.COMMENT, "alarms", "a1", 0)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(again, []))
    assert [act.action.aid for act in hub.acted] == [again], "the refused one never takes effect"


def test_start_with_ten_thousand_items_from_the_store_alone(tmp_path: Path) -> None:
    store = Store(tmp_path, "demo", Heard())
    store.open()
    store.start()
    store.put([snapshot(10_000), click("u1")])
    store.stop()
    client = FeedClient(str(tmp_path / "nobody"), b"x", data_dir=tmp_path, mode=Mode.DEMO)
    client.start()
    try:
        glass = Glass(client.drain)
        glass.until(lambda g: len(g.ids()) == 10_000, 5.0)
        assert glass.quality() is FeedQuality.STORED
        assert glass.stages == {"u1": [Stage.QUEUED]}
    finally:
        client.stop()


def test_what_the_screen_read_itself_is_not_sent_again(tmp_path: Path, hub: FakeHub, feeder: FeederProcess) -> None:
    for n in range(50):
        hub.put("alarms", alarm(n))
    Glass(feeder.client().drain).until(lambda g: g.live() and len(g.ids()) == 50)
    glass = Glass(feeder.client(from_store=True).drain)
    glass.until(lambda g: g.live() and len(g.ids()) == 50)
    resets = [d for d in glass.all if getattr(d, "feed", "") == "alarms" and getattr(d, "reset", False)]
    assert len(resets) == 1
    hub.put("alarms", alarm(50))
    glass.until(lambda g: len(g.ids()) == 51)


def test_a_screen_that_does_not_read_is_given_the_whole_again(hub: FakeHub, feeder: FeederProcess) -> None:
    """It must not hold up the others, and must end with the same state."""
    other = Glass(feeder.client().drain)
    other.until(lambda g: g.live())
    lazy = Client(feeder.listen, authkey=feeder.authkey)
    lazy.send_bytes(wire.encode(wire.Attach({})))
    for round_no in range(14):
        for n in range(2000):
            hub.put("alarms", alarm(n, count=round_no + 1, acked_by="x" * 100))
        last = round_no + 1
        other.until(lambda g, want=last: g.items["alarms"].get("a1999") and g.items["alarms"]["a1999"].count == want)
    items: dict[str, int] = {}
    resets = 0
    while items.get("a1999") != 14:
        assert lazy.poll(10)
        frame = wire.decode_to_gui(lazy.recv_bytes())
        if isinstance(frame, wire.WireChanges) and frame.feed == "alarms":
            if frame.reset:
                items, resets = {}, resets + 1
            items.update({r.id: r.count for r in (wire.decode_record("alarms", raw) for raw in frame.put)})
    assert resets >= 2
    assert set(items.values()) == {14}
    lazy.close()


def test_a_wrong_key_is_turned_away(hub: FakeHub, feeder: FeederProcess) -> None:
    Glass(feeder.client().drain).until(lambda g: g.up())
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client(feeder.listen, authkey=b"wrong")
    Glass(feeder.client().drain).until(lambda g: g.up())


def test_local_alarm_of_a_lost_hub_reaches_the_screen(hub: FakeHub, feeder: FeederProcess) -> None:
    glass = Glass(feeder.client().drain)
    glass.until(lambda g: g.live())
    hub.stop()
    glass.until(lambda g: "local:hub" in g.items.get("local", {}), 12.0)
    assert glass.items["local"]["local:hub"].state is AlarmState.UNACKNOWLEDGED
    aid = feeder.clients[0].submit(Verb.ACKNOWLEDGE, "local", "local:hub", 0)
    glass.until(lambda g: g.items["local"]["local:hub"].state is AlarmState.ACKNOWLEDGED)
    again = feeder.clients[0].submit(Verb.CLAIM, "local", "local:hub", 0)
    glass.until(lambda g: again in g.stages)
    assert glass.stages == {aid: [Stage.APPLIED], again: [Stage.REFUSED]}, "told once"


def test_the_feeder_ends_in_order_with_its_parent(hub: FakeHub, feeder: FeederProcess) -> None:
    Glass(feeder.client().drain).until(lambda g: g.live())
    assert stop_child(feeder.child) == 0
    assert not (Path(feeder.settings.data_dir) / f"{OPS_FILE}-wal").exists(), "closed, not torn away"


def test_a_click_without_answer_is_sent_again_after_a_reconnect(tmp_path: Path) -> None:
    """A feeder that dies between taking a click and answering it."""
    address = str(tmp_path / "f") if os.name != "nt" else r"\\.\pipe\ioc-test-click"
    got: list[wire.Click] = []
    answer = threading.Event()

    def serve(connection: Connection) -> None:
        while True:
            frame = wire.decode_to_feeder(connection.recv_bytes())
            if isinstance(frame, wire.Click):
                got.append(frame)
                if not answer.is_set():
                    answer.set()
                    connection.close()
                    return
                connection.send_bytes(wire.encode(wire.ClickKept(frame.aid)))
                return

    with Listener(address, authkey=b"k") as listener:
        client = FeedClient(address, b"k")
        client.start()
        first = listener.accept()
        first.send_bytes(wire.encode(wire.WireGrant(Grant("op", "Hà", Role.OPERATOR))))
        wait_until(lambda: client.drain() and client._grant.operator_id)
        thread = threading.Thread(target=serve, args=(first,), daemon=True)
        thread.start()
        wait_until(lambda: client._connection is not None)
        aid = client.submit(Verb.CLAIM, "alarms", "a1", 1)
        thread.join(5)
        with listener.accept() as second:
            serve(second)
            wait_until(lambda: not client._clicks)
        client.stop()
    assert [frame.aid for frame in got] == [aid, aid]


def test_a_damaged_text_is_refused_and_the_next_click_goes_out(hub: FakeHub, feeder: FeederProcess) -> None:
    """Half of a pair of surrogates, as a broken paste leaves it, cannot be written as UTF-8."""
    client = feeder.client()
    glass = Glass(client.drain)
    glass.until(lambda g: g.live() and client.grant.operator_id)
    with pytest.raises(ActionRefused) as refused:
        client.submit(Verb.COMMENT, "alarms", "a1", 0, {"text": "\ud83d"})
    assert refused.value.code == "bad_text"
    shown = client.reveal("reporter", "PA-1", "\ud83d")
    glass.until(lambda g: any(isinstance(d, Revealed) and (d.request, d.code) == (shown, "bad_reason") for d in g.all))
    client.viewing(("\ud83d",))
    aid = client.submit(Verb.COMMENT, "alarms", "a1", 0, {"text": "đã gọi"})
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
