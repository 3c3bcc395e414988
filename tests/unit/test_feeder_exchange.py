"""What one screen is given: the whole first, precious records in order and unmerged, the rest latest wins."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from helpers.fake_hub import alarm
from helpers.store_rig import record

from backends.domain.access import AccessAnswer, Grant, Revealed
from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.feeds import FeedQuality, FeedStatus
from backends.domain.people import Role
from backends.domain.ports import NewSamples, StoreTrouble
from backends.domain.record import Kept
from backends.domain.sensor import Sample
from console import feed_wire as wire
from console.feed_exchange import CHUNK, PRECIOUS_LIMIT, Exchange, OutChanges, Outlet
from console.feeder import to_frame


class Screen:
    """An outlet whose clock the test moves."""

    def __init__(self, exchange: Exchange, have: dict[str, tuple[str, int]] | None = None) -> None:
        self.exchange = exchange
        self.woken = 0
        self.outlet: Outlet = exchange.attach(self._wake, have or {})
        self.now_s = 100.0

    def _wake(self) -> None:
        self.woken += 1

    def take(self, after_s: float = 1.0) -> list[Any]:
        self.now_s += after_s
        return self.exchange.take(self.outlet, self.now_s)

    def changes(self, feed: str, after_s: float = 1.0) -> list[OutChanges]:
        return [o for o in self.take(after_s) if isinstance(o, OutChanges) and o.feed == feed]


def ids(out: OutChanges) -> list[str]:
    return [wire.decode_record("alarms", raw).id for raw, _ in out.items]


@pytest.fixture
def exchange() -> Exchange:
    made = Exchange()
    raw = msgspec.json.encode(alarm(1))
    made.load([Kept("alarms", "e", 1, 5, (("a1", raw),)), Kept("cameras", "e", 0, 5, ())], [])
    return made


def test_the_whole_comes_first_except_what_the_screen_has(exchange: Exchange) -> None:
    assert [(o.reset, ids(o)) for o in Screen(exchange).changes("alarms")] == [(True, ["a1"])]
    has = Screen(exchange, {"alarms": ("e", 1)})
    assert has.changes("alarms") == []
    behind = Screen(exchange, {"alarms": ("e", 0)})
    exchange.records([record(2)], True)
    assert [ids(o) for o in behind.changes("alarms")] == [["a1", "a2"]], "whole and increment, nothing twice"
    exchange.records([record(3)], True)
    assert [(o.reset, ids(o)) for o in behind.changes("alarms")] == [(False, ["a3"])]


def test_precious_records_are_never_merged(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1)})
    exchange.records([record(2, key="a2"), record(3, key="a2")], True)
    exchange.records([record(4, key="a2")], False)
    out = screen.changes("alarms", 0.0)
    assert [(len(o.items), o.stored) for o in out] == [(2, True), (1, False)]


def test_put_and_del_of_one_id_never_stand_in_one_delivery(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1)})
    exchange.records([record(2), record(3, key="a2", kind="del"), record(4, key="a2")], True)
    out = screen.changes("alarms")
    assert [([raw for raw, _ in o.items] != [], o.deleted) for o in out] == [
        (True, ()), (False, ("a2",)), (True, ()),
    ]  # fmt: skip
    many = [record(n) for n in range(5, 5 + CHUNK * 2 + 10)]
    exchange.records(many, True)
    assert [len(o.items) for o in screen.changes("alarms")] == [CHUNK, CHUNK, 10]


def test_state_feeds_are_conflated_by_key_and_paced(exchange: Exchange) -> None:
    screen = Screen(exchange, {"cameras": ("e", 0)})
    screen.take()
    exchange.records([record(n, "cameras", key=f"c{n % 2}") for n in range(1, 9)], True)
    assert [len(o.items) for o in screen.changes("cameras")] == [2]
    exchange.records([record(9, "cameras", key="c1", kind="del")], True)
    assert screen.changes("cameras", 0.01) == []
    assert not screen.outlet.idle
    assert [(o.items, o.deleted) for o in screen.changes("cameras", 0.05)] == [((), ("c1",))]
    assert screen.outlet.idle


def test_samples_latest_wins_and_the_rest_is_counted(exchange: Exchange) -> None:
    screen = Screen(exchange)
    screen.take()
    exchange.samples([Sample("s1", 1, 1.0), Sample("s1", 2, 2.0), Sample("s2", 1, 5.0)], 4)
    assert [o for o in screen.take() if isinstance(o, NewSamples)] == [
        NewSamples((Sample("s1", 2, 2.0), Sample("s2", 1, 5.0)), 5)
    ]


def test_of_what_waits_together_the_newest_by_its_own_time_wins(exchange: Exchange) -> None:
    """A source may list its newest first."""
    screen = Screen(exchange)
    screen.take()
    exchange.samples([Sample("s1", 9, 9.0), Sample("s1", 7, 7.0)], 0)
    exchange.samples([Sample("s1", 8, 8.0)], 0)
    assert [o for o in screen.take() if isinstance(o, NewSamples)] == [NewSamples((Sample("s1", 9, 9.0),), 2)]
    exchange.samples([Sample("s1", 8, 8.0)], 0)
    assert [o for o in screen.take() if isinstance(o, NewSamples)] == [NewSamples((Sample("s1", 8, 8.0),), 0)]


def test_a_screen_that_falls_behind_is_given_the_whole(exchange: Exchange) -> None:
    slow, quick = Screen(exchange, {"alarms": ("e", 1)}), Screen(exchange, {"alarms": ("e", 1)})
    exchange.tell(ActionStatus(Action("u1", Verb.CLAIM, "alarms", "a1", 1, 1), Stage.QUEUED))
    for start in range(2, PRECIOUS_LIMIT + 600, 500):
        exchange.records([record(n, key=f"a{n % 50}") for n in range(start, start + 500)], True)
        assert all(not o.reset for o in quick.changes("alarms"))
    out = slow.take()
    whole = [o for o in out if isinstance(o, OutChanges) and o.feed == "alarms"]
    assert [(o.reset, len(o.items)) for o in whole] == [(True, 50)]
    assert slow.outlet.renewed == 1
    assert [o.stage for o in out if isinstance(o, ActionStatus)] == [Stage.QUEUED], "actions are never dropped"


def test_a_feed_turns_live_only_with_its_rows(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1)})
    screen.take()

    def qualities() -> list[FeedQuality]:
        return [o.quality for o in screen.take() if isinstance(o, FeedStatus)]

    live = FeedStatus("alarms", FeedQuality.LIVE, head=3, cursor=3)
    exchange.status(live)
    assert qualities() == [FeedQuality.CATCHING_UP]
    exchange.records([record(2)], True)
    assert qualities() == []
    exchange.records([record(3)], True)
    assert qualities() == [FeedQuality.LIVE]
    exchange.status(FeedStatus("alarms", FeedQuality.LIVE, head=9, cursor=9))
    assert qualities() == [FeedQuality.LIVE], "once live, the usual lag of a commit is no news"
    exchange.status(FeedStatus("alarms", FeedQuality.LIVE, head=9, cursor=9))
    assert qualities() == [FeedQuality.CATCHING_UP], "what was due at the status before is"
    exchange.records([record(n) for n in range(4, 10)], True)
    assert qualities() == [FeedQuality.LIVE]
    for seq in range(10, 20):  # each status is one row ahead of the commits, which keep up
        exchange.status(FeedStatus("alarms", FeedQuality.LIVE, head=seq, cursor=seq))
        assert qualities() == [FeedQuality.LIVE]
        exchange.records([record(seq)], True)


def test_rows_of_another_epoch_do_not_count(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1)})
    screen.take()
    exchange.status(FeedStatus("alarms", FeedQuality.LIVE, head=1, cursor=1, epoch="f"))
    assert [o.quality for o in screen.take() if isinstance(o, FeedStatus)] == [FeedQuality.CATCHING_UP]
    exchange.snapshot("alarms", "f", 1, [])
    assert [o.quality for o in screen.take() if isinstance(o, FeedStatus)] == [FeedQuality.LIVE]


def test_a_new_screen_hears_of_trouble_and_unfinished_actions(exchange: Exchange) -> None:
    status = ActionStatus(Action("u1", Verb.CLAIM, "alarms", "a1", 1, 1), Stage.SENT)
    exchange.tell(status)
    exchange.tell(StoreTrouble("disk_full", "x"))
    out = Screen(exchange).take()
    assert [o for o in out if isinstance(o, ActionStatus | StoreTrouble)] == [status, StoreTrouble("disk_full", "x")]
    exchange.tell(ActionStatus(status.action, Stage.APPLIED))
    exchange.tell(StoreTrouble(""))
    assert [o for o in Screen(exchange).take() if isinstance(o, ActionStatus | StoreTrouble)] == []


def test_every_frame_survives_the_wire(exchange: Exchange) -> None:
    screen = Screen(exchange)
    exchange.records([record(2), record(1, "cameras", key="c1")][:1], True)
    exchange.samples([Sample("s1", 1, None, "fault")], 0)
    exchange.status(FeedStatus("alarms", FeedQuality.STALE))
    exchange.tell(StoreTrouble("io_error", "y"))
    exchange.send(screen.outlet, wire.ClickRefused("u1", "not_kept", "z"))
    exchange.tell(Grant("op", "Hà", Role.OPERATOR, rights=("claim",)))
    exchange.send(screen.outlet, AccessAnswer(3, "wait", 2.5))
    exchange.tell(wire.AuditKept("u2"))
    exchange.send(screen.outlet, Revealed(4, "reporter", "PA-1", values={"name": "x"}))
    frames = [to_frame(out) for out in screen.take()]
    assert len({type(frame) for frame in frames}) == 9
    assert [wire.decode_to_gui(wire.encode(frame)) for frame in frames] == frames
    for frame in (
        wire.Click("u1", Verb.CLAIM, "alarms", "a1", 3, {"a": "b"}, 1.5, "op"),
        wire.AskSignIn(1, "op", "mật khẩu"),
        wire.AskSignOut(2),
        wire.AskLock(),
        wire.AskReveal(3, "reporter", "PA-1", "gọi lại"),
        wire.Acknowledged("u2", "local:part_hub", "op", 5),
    ):
        assert wire.decode_to_feeder(wire.encode(frame)) == frame
        assert "mật khẩu" not in repr(frame)


def test_a_preview_is_shown_as_not_stored_and_comes_again_in_its_turn(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1)})
    exchange.preview(record(9))
    exchange.preview(record(9, key="a1"))
    assert [(ids(o), o.stored) for o in screen.changes("alarms")] == [(["a9"], False)], "a1 is known: no older state"
    exchange.records([record(9)], True)
    assert [(ids(o), o.stored) for o in screen.changes("alarms")] == [(["a9"], True)]
    exchange.records([record(10, key="a9", kind="del")], True)
    screen.take()
    exchange.preview(record(9))
    assert screen.changes("alarms") == [], "its turn has come, and it is gone"


def test_a_new_alarm_overtakes_a_backlog_of_other_rows(exchange: Exchange) -> None:
    screen = Screen(exchange, {"alarms": ("e", 1), "timeline": ("", 0)})
    screen.take()
    exchange.records([record(n, "timeline", key=f"t{n}", kind="event") for n in range(1, 5001)], True)
    exchange.status(FeedStatus("timeline", FeedQuality.LIVE, head=5000, cursor=5000))
    exchange.records([record(2)], True)
    out = screen.take()
    assert next(o.feed for o in out if isinstance(o, OutChanges)) == "alarms"
    assert sum(len(o.items) for o in out if isinstance(o, OutChanges)) == 2001
    assert not [o for o in out if isinstance(o, FeedStatus)], "a status waits for its rows"
    rest = [*screen.take(), *screen.take()]
    assert sum(len(o.items) for o in rest if isinstance(o, OutChanges)) == 3000
    assert [o.feed for o in rest if isinstance(o, FeedStatus)] == ["timeline"]
