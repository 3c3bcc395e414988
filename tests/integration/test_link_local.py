"""Link and store together on real sockets: gaps, restarts, actions, bad messages, trouble of the disk."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.fake_hub import FakeHub, alarm
from helpers.feed_rig import Glass, LocalFeed, feed_settings
from helpers.feed_waits import ExpectLogs, wait_until

from backends.domain.action import Action, Stage, Verb
from backends.domain.alarm import AlarmState
from backends.domain.feeds import FeedQuality, LinkState, Mode
from backends.domain.incident import TimelineEvent
from backends.domain.ports import ActionRefused
from backends.domain.sensor import Sample, SampleBatch
from backends.domain.times import NS_PER_S
from backends.protocol.messages import Fetch, topic
from backends.store.ops import Call
from backends.store.schema import OPS_FILE
from console import feed_clicks, feed_core

Made = Callable[..., tuple[LocalFeed, Glass]]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


@pytest.fixture
def console(tmp_path: Path, hub: FakeHub) -> Iterator[Made]:
    feeds: list[LocalFeed] = []

    def make() -> tuple[LocalFeed, Glass]:
        for old in feeds:
            old.stop()
        feed = LocalFeed(feed_settings(hub, tmp_path / "console"))
        feeds.append(feed)
        feed.start()
        return feed, Glass(feed.drain)

    yield make
    for feed in feeds[-1:]:
        feed.stop()


def wanted(hub: FakeHub, feed: str = "alarms") -> list[str]:
    return sorted(hub.state(feed))


def test_join_snapshot_and_live(hub: FakeHub, console: Made) -> None:
    for n in range(1200):
        hub.put("alarms", alarm(n))
    _, glass = console()
    glass.until(lambda g: g.live() and g.ids() == wanted(hub))
    hub.put("alarms", alarm(3, holder="Thu Hà"))
    hub.delete("alarms", "a5")
    glass.until(lambda g: "a5" not in g.items["alarms"] and g.items["alarms"]["a3"].holder == "Thu Hà")
    assert glass.unstored == 0


def test_gap_double_and_lost_tail_are_filled(hub: FakeHub, console: Made) -> None:
    _, glass = console()
    glass.until(lambda g: g.live("timeline"))
    hub.live_filter = lambda env: [] if env.seq % 3 == 0 else [env, env]
    for n in range(1, 61):
        hub.put("timeline", TimelineEvent(f"t{n}", n, "test"))
    glass.until(lambda g: len(g.events) >= 60, what="the last one, dropped too, comes by the heads")
    assert glass.events == [f"t{n}" for n in range(1, 61)]
    glass.until(lambda g: g.live("timeline") and g.feeds["timeline"].gaps > 0)


def test_reset_takes_a_snapshot_and_goes_on(hub: FakeHub, console: Made) -> None:
    feed, glass = console()
    hub.put("alarms", alarm(1))
    glass.until(lambda g: g.ids() == ["a1"])
    feed.stop()
    for n in range(2, 30):
        hub.put("alarms", alarm(n))
    hub.delete("alarms", "a1")
    hub.oldest["alarms"] = 25
    _, glass = console()
    assert glass.look().ids() == ["a1"], "the stored state first"
    glass.until(lambda g: g.live() and g.ids() == wanted(hub))
    hub.new_epoch("e2")
    hub.put("alarms", alarm(99))
    glass.until(lambda g: g.live() and g.ids() == wanted(hub), what="a new epoch")


def test_hub_gone_is_stale_within_two_seconds_and_comes_back(hub: FakeHub, console: Made) -> None:
    hub.put("alarms", alarm(1))
    _, glass = console()
    glass.until(lambda g: g.live())
    hub.stop()
    gone_s = time.monotonic()
    glass.until(lambda g: g.quality() is FeedQuality.STALE and g.link and g.link.state is LinkState.DOWN, 5.0)
    assert time.monotonic() - gone_s < 2.5, "2 s, and half a second for a busy test machine"
    assert glass.feeds["alarms"].t_fresh_ns > 0
    glass.until(lambda g: "local:hub" in g.items.get("local", {}), 8.0)
    assert glass.items["local"]["local:hub"].state is AlarmState.UNACKNOWLEDGED
    hub.put("alarms", alarm(2))
    hub.start()
    glass.until(lambda g: g.live() and g.ids() == ["a1", "a2"], 15.0)
    glass.until(lambda g: g.items["local"]["local:hub"].state is AlarmState.RETURNED)


def test_console_without_hub_shows_the_last_state(hub: FakeHub, console: Made) -> None:
    hub.put("alarms", alarm(1))
    feed, glass = console()
    glass.until(lambda g: g.live() and g.ids() == ["a1"])
    feed.stop()
    hub.stop()
    feed, glass = console()
    glass.look()
    assert glass.ids() == ["a1"]
    glass.until(lambda g: g.quality() is FeedQuality.STORED and g.feeds["alarms"].t_fresh_ns > 0)
    aid = feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    glass.until(lambda g: g.stages.get(aid) == [Stage.QUEUED])
    feed.stop()
    _, glass = console()
    glass.until(lambda g: g.stages.get(aid) == [Stage.QUEUED], what="known after a restart")
    hub.start()
    glass.until(lambda g: Stage.APPLIED in g.stages[aid], 15.0)
    wait_until(lambda: len(hub.acted) >= 1)
    assert list(hub.applied) == [aid]
    assert len(hub.acted) == 1, "sent once"


def test_an_action_without_answer_is_sent_again_and_takes_effect_once(hub: FakeHub, console: Made) -> None:
    feed, glass = console()
    glass.until(lambda g: g.up())
    hub.answer_filter = lambda answer: [] if type(answer).__name__ == "Ack" and len(hub.acted) < 2 else [answer]
    aid = feed.submit(Verb.ACKNOWLEDGE, "alarms", "a1", 1)
    glass.until(lambda g: g.stages.get(aid, [None])[-1] is Stage.DUPLICATE, 10.0)
    assert glass.stages[aid] == [Stage.QUEUED, Stage.SENT, Stage.DUPLICATE]
    assert len(hub.applied) == 1


def test_expired_click_is_never_sent(
    hub: FakeHub, console: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, glass = console()
    glass.until(lambda g: g.up())
    hub.stop()
    with monkeypatch.context() as patch:
        patch.setitem(feed_clicks.EXPIRY_S, Verb.CLAIM, 0.2)
        late = feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    kept = feed.submit(Verb.COMMENT, "alarms", "a1", 0, {"text": "đã gọi"})
    glass.until(lambda g: late in g.stages and kept in g.stages)
    hub.start()
    glass.until(lambda g: g.stages[late][-1] is Stage.EXPIRED and g.stages[kept][-1] is Stage.APPLIED, 15.0)
    assert [act.action.aid for act in hub.acted] == [kept]


def test_bad_messages_among_good_ones(hub: FakeHub, console: Made, tmp_path: Path) -> None:
    _, glass = console()
    glass.until(lambda g: g.live())
    bad = [
        (topic("alarms"), b"{"),
        (topic("alarms"), b"\xff\xfe\x00"),
        (b"1/alarms/",),
        (topic("alarms"), b"[" * 5000),
        (topic("nobody"), b'{"mode":"demo","feed":"nobody","epoch":"e","seq":1,"t":1,"type":"put"}'),
        (b"1/hb/", b'{"now": "soon"}'),
    ]
    for n in range(60):
        hub.put("alarms", alarm(n))
        hub.send_live(*bad[n % len(bad)])
        if n % 10 == 0:
            hub.put_raw("alarms", f"x{n}", b'{"id": 7, "name": "?"}')
    good = sorted(f"a{n}" for n in range(60))
    glass.until(lambda g: g.ids() == good and g.live())
    glass.until(lambda g: g.feeds["alarms"].bad >= 6)
    connection = sqlite3.connect(tmp_path / "console" / OPS_FILE)
    assert connection.execute("SELECT count(*) FROM quarantine").fetchone()[0] >= 50
    assert connection.execute("SELECT seq FROM cursor WHERE feed = 'alarms'").fetchone() == (66,)
    connection.close()


def test_foreign_mode_never_passes(hub: FakeHub, console: Made) -> None:
    _, glass = console()
    glass.until(lambda g: g.live())
    hub.live_filter = lambda env: [msgspec.structs.replace(env, mode=Mode.EXERCISE), env]
    hub.put("alarms", alarm(1))
    glass.until(lambda g: g.ids() == ["a1"] and "local:mode" in g.items.get("local", {}))
    glass.until(lambda g: g.feeds["alarms"].bad == 1)


def test_samples_and_history(hub: FakeHub, console: Made) -> None:
    feed, glass = console()
    glass.until(lambda g: g.up())
    now_ns = time.time_ns()
    hub.put("samples", SampleBatch((Sample("s1", now_ns, 4.5), Sample("s2", now_ns, None, "fault"))))
    glass.until(lambda g: any(type(d).__name__ == "NewSamples" for d in g.all))
    assert feed.core.store.samples.flush()
    hub.history["s1"] = [(now_ns - n * NS_PER_S, float(n)) for n in range(5, 0, -1)]
    request = feed.request("s1", now_ns - 60 * NS_PER_S, now_ns, 500)
    glass.until(lambda g: len(g.parts) == 2)
    first, second = glass.parts
    assert (first.request, first.complete, first.value.tolist()) == (request, False, [4.5])
    assert (second.complete, second.value.tolist()) == (True, [5.0, 4.0, 3.0, 2.0, 1.0])
    assert feed.core.store.samples.flush()
    feed.request("s1", now_ns - 60 * NS_PER_S, now_ns, 500)
    glass.until(lambda g: len(g.parts) >= 3)
    assert glass.parts[2].value.tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 4.5], "an answer that was not thinned is kept"
    feed.request("unknown", 0, now_ns, 10)
    glass.until(lambda g: any(p.series == "unknown" and p.complete for p in g.parts))


def test_disk_full_refuses_clicks_shows_alarms_and_heals(hub: FakeHub, console: Made, expect_logs: ExpectLogs) -> None:
    expect_logs("disk_full")
    feed, glass = console()
    glass.until(lambda g: g.live())
    wait_until(lambda: "alarms" in feed.core.store.positions, what="the first snapshot is committed")
    feed.core.store.put([Call(lambda db: db.execute("PRAGMA max_page_count = 20").fetchall() and None)])
    for n in range(300):
        hub.put("alarms", alarm(n, acked_by="x" * 200))
    glass.until(lambda g: len(g.ids()) == 300 and g.unstored > 0)
    glass.until(lambda g: g.troubles and "local:store" in g.items.get("local", {}))
    with pytest.raises(ActionRefused) as refused:
        feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    assert refused.value.code == "not_kept"
    db = feed.core.store._ops._db
    assert db is not None
    db.execute("PRAGMA max_page_count = 1000000").fetchall()
    glass.until(lambda g: g.troubles[-1].code == "", what="healed")
    aid = feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    wait_until(lambda: feed.core.store.positions["alarms"][1] == 300)


def test_damaged_cache_starts_empty_and_is_refilled(
    hub: FakeHub, console: Made, tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    expect_logs("is damaged")
    hub.put("alarms", alarm(1))
    feed, glass = console()
    glass.until(lambda g: g.live())
    feed.stop()
    (tmp_path / "console" / OPS_FILE).write_bytes(b"\0" * 5000)
    feed, glass = console()
    glass.until(lambda g: g.live() and g.ids() == ["a1"])
    assert glass.troubles[0].code == "damaged"
    wait_until(lambda: feed.core.store.positions.get("alarms") == ("e1", 1))


def test_damage_while_running_is_replaced_and_refilled(hub: FakeHub, console: Made, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")

    def corrupt(_: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    hub.put("alarms", alarm(1))
    feed, glass = console()
    glass.until(lambda g: g.live())
    hub.acks = False
    aid = feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    glass.until(lambda g: aid in g.stages)
    feed.core.store.put([Call(corrupt)])
    glass.until(lambda g: g.troubles and g.troubles[0].code == "damaged")
    wait_until(lambda: feed.core.store.positions.get("alarms") == ("e1", 1), what="taken anew")
    hub.put("alarms", alarm(2))
    wait_until(lambda: feed.core.store.positions.get("alarms") == ("e1", 2))
    hub.acks = True
    glass.until(lambda g: g.stages[aid][-1].final, 15.0)


def test_a_commit_that_hangs_looks_not_live_and_hides_no_new_alarm(hub: FakeHub, console: Made) -> None:
    feed, glass = console()
    glass.until(lambda g: g.live() and g.up())
    gate, waits = threading.Event(), threading.Event()
    feed.core.store.put([Call(lambda db: (waits.set(), gate.wait(20))[1])])
    try:
        assert waits.wait(5)
        hub.put("alarms", alarm(7), rev=1)
        glass.until(lambda g: g.quality() is FeedQuality.CATCHING_UP and "a7" in g.ids(), 4.0)
    finally:
        gate.set()
    glass.until(lambda g: g.live() and "a7" in g.ids())
    hub.put("alarms", alarm(8), rev=1)
    glass.until(lambda g: "a8" in g.ids())
    wait_until(lambda: not feed.core._newest, what="what is stored is not kept for a preview")


@pytest.mark.parametrize("guarded", [True, False])
def test_missed_records_that_the_disk_cannot_take_keep_no_new_alarm_waiting(
    hub: FakeHub, console: Made, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The control has one limit for both: LIVE stays in its socket while the past waits for the disk, and an alarm is
    seen when the silence of LIVE has become long enough for CTL to be asked."""
    monkeypatch.setattr(feed_core, "ROOM_ROWS", 4000)
    monkeypatch.setattr(feed_core, "FILL_ROWS", 1000)
    if not guarded:
        monkeypatch.setattr(feed_core.FeedCore, "may_fill", feed_core.FeedCore.has_room)
    feed, glass = console()
    glass.until(lambda g: g.live() and g.up())
    gate, waits = threading.Event(), threading.Event()
    feed.core.store.put([Call(lambda db: (waits.set(), gate.wait(60))[1])])
    try:
        assert waits.wait(5)
        hub.live_filter = lambda env: [env] if env.feed == "alarms" else []
        for n in range(8000):
            hub.put("timeline", TimelineEvent(f"e{n}", n, "note"))
        wait_until(lambda: feed.core.store.waiting_rows >= (1000 if guarded else 4000), 20.0)
        hub.put("alarms", alarm(7), rev=1)
        glass.until(lambda g: "a7" in g.ids(), 10.0)
        asked = [one.feed for one in hub.asked if isinstance(one, Fetch)]
        assert ("alarms" in asked) is not guarded, "LIVE has brought it"
        assert (feed.core.store.waiting_rows < 4000) is guarded
    finally:
        gate.set()
    glass.until(lambda g: "a7" in g.ids() and g.live("timeline"), 20.0)
    wait_until(lambda: feed.core.store.positions.get("timeline") == ("e1", 8000), 20.0)


def test_a_disk_that_takes_its_time_holds_up_clicks_and_not_the_link(
    hub: FakeHub, console: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, glass = console()
    glass.until(lambda g: g.up())
    first = feed.submit(Verb.COMMENT, "alarms", "a1", 0)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(first, []))
    gate, waits = threading.Event(), threading.Event()
    keep = feed.core.store.keep_action

    def slow(action: Action, person: str = "") -> None:
        waits.set()
        assert gate.wait(20)
        keep(action, person)

    monkeypatch.setattr(feed.core.store, "keep_action", slow)
    aids: list[str] = []
    clicks = [
        threading.Thread(target=lambda: aids.append(feed.submit(Verb.COMMENT, "alarms", "a1", 0)), name=f"click{n}")
        for n in range(2)
    ]
    try:
        for click in clicks:
            click.start()
        assert waits.wait(5)
        ended = feed.core.clicks.ended(first)
        assert ended is not None
        told = threading.Thread(target=feed.core.stage, args=(ended,), name="as the link")
        told.start()
        told.join(5)
        assert not told.is_alive(), "the link's thread waits for the disk"
    finally:
        gate.set()
        for click in clicks:
            click.join(10)
    glass.until(lambda g: all(Stage.APPLIED in g.stages.get(aid, []) for aid in aids), 15.0)
    assert sorted(act.action.cseq for act in hub.acted) == [1, 2, 3]


def test_local_alarms_can_be_acknowledged(hub: FakeHub, console: Made) -> None:
    feed, glass = console()
    glass.until(lambda g: g.up())
    feed.core.alarms.set("gaps", True, 5)
    glass.until(lambda g: "local:gaps" in g.items.get("local", {}))
    aid = feed.submit(Verb.ACKNOWLEDGE, "local", "local:gaps", 0)
    glass.until(lambda g: g.items["local"]["local:gaps"].state is AlarmState.ACKNOWLEDGED)
    assert glass.stages[aid] == [Stage.APPLIED]
    ended = feed.core.clicks.ended(aid)
    assert ended is not None, "a screen that was away can be told"
    assert ended.stage is Stage.APPLIED
    assert feed.core.clicks.submit(Verb.ACKNOWLEDGE, "local", "local:gaps", 0, aid=aid) == aid
    feed.core.acknowledged("u9", "local:part_hub", "op", 5)

    def audited(least: int) -> list[tuple[str, ...]]:
        with sqlite3.connect(Path(feed.core.settings.data_dir) / OPS_FILE) as db:
            rows = db.execute(
                "SELECT person, target, result FROM audit WHERE what = 'acknowledge' ORDER BY n"
            ).fetchall()
        db.close()
        return rows if len(rows) >= least else []

    wait_until(lambda: bool(audited(2)))
    assert audited(2) == [("op", "local/local:gaps", "applied"), ("op", "local/local:part_hub", "applied")]
    feed.core.alarms.set("gaps", False, 6)
    glass.until(lambda g: g.items["local"] == {})
    assert hub.acted == []
