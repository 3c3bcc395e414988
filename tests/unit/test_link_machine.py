"""The conversation without sockets: join, modes, bad items, local troubles."""

from __future__ import annotations

import msgspec
import pytest
from helpers.link_rig import T0, Rig, alarm, alarms_at

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.feeds import FeedQuality, LinkState, Mode
from backends.domain.sensor import Sample, SampleBatch
from backends.link.ports import Trouble
from backends.protocol.codec import encode
from backends.protocol.messages import (
    SHOWS_MOST,
    Ack,
    Batch,
    Bye,
    Cursor,
    Denied,
    Envelope,
    FeedHead,
    Welcome,
    topic,
)


def test_hello_carries_cursors_and_is_repeated_until_welcome() -> None:
    rig = Rig(alarms_at(3))
    rig.connected = False
    assert rig.turn() == []
    rig.connected = True
    assert [m["msg"] for m in rig.turn(0.05)] == ["HELLO"]
    assert rig.sent[0]["cursors"] == {"alarms": {"epoch": "e", "seq": 3}}
    assert rig.turn(0.5) == []
    assert [m["msg"] for m in rig.turn(0.6)] == ["HELLO"]


def test_hello_names_the_cameras_on_the_screens() -> None:
    rig = Rig(alarms_at(3))
    rig.machine.show({"cam-2", "cam-1"})
    assert rig.turn(0.05)[0]["shows"] == ["cam-1", "cam-2"]
    rig.machine.show(f"cam-{n:04}" for n in range(2000))
    assert len(rig.turn(1.1)[0]["shows"]) == SHOWS_MOST


def test_join_fetches_from_the_stored_cursor() -> None:
    rig = Rig(alarms_at(3))
    rig.join({"alarms": FeedHead("e", 5)})
    assert [(m["msg"], m["after"]) for m in rig.sent] == [("FETCH", 3)]
    assert rig.seen.feeds["alarms"].quality is FeedQuality.CATCHING_UP
    envs = tuple(
        Envelope(Mode.DEMO, "alarms", "e", n, T0, "put", f"a{n}", body=msgspec.Raw(encode(alarm(n)))) for n in (4, 5)
    )
    rig.ctl(Batch("alarms", "e", envs, 5))
    rig.turn(0.05)
    assert [r.seq for r in rig.seen.rows] == [4, 5]
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE


def test_foreign_mode_is_refused_and_counted() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.live(1, mode=Mode.EXERCISE)
    rig.beat(mode=Mode.LIVE)
    assert rig.machine.security_events == 2
    assert rig.seen.rows == []
    assert (Trouble.MODE, True) in rig.seen.troubles
    rig.live(1)
    assert [r.seq for r in rig.seen.rows] == [1]


def test_a_hub_of_another_mode_is_not_joined() -> None:
    rig = Rig(alarms_at(0))
    rig.turn()
    rig.ctl(Welcome("hub", "i1", Mode.LIVE, 1, T0, 500, {"alarms": FeedHead("e", 9)}))
    rig.turn(0.05)
    assert rig.seen.link is not None
    assert (rig.seen.link.state, rig.seen.link.reason) == (LinkState.REFUSED, "mode_mismatch")
    assert rig.sent == []


def test_denied_is_refused_with_its_code() -> None:
    rig = Rig()
    rig.turn()
    rig.ctl(Denied("unknown_station", "x"))
    rig.turn(0.05)
    assert rig.seen.link is not None
    assert rig.seen.link.reason == "denied:unknown_station"


def test_of_several_hubs_one_that_denies_is_not_left_every_second() -> None:
    rig = Rig(alarms_at(0))
    hops = denied = 0
    for _ in range(400):
        if rig.machine.wants_new_sockets(rig.now_s, several=True):
            hops += 1
            rig.machine.opened(rig.now_s)
        for message in rig.turn(0.05):
            if message["msg"] == "HELLO":
                denied += 1
                rig.ctl(Denied("version", "x"))
        rig.beat({"alarms": FeedHead("e", 0)})
        assert not rig.machine.healthy, "it does not serve us: the pause between rounds may grow"
    assert 3 <= hops <= 5, "twenty seconds"
    assert denied <= hops + 1


def test_a_planned_stop_is_down_at_once() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.ctl(Bye("update", 1000))
    rig.turn(0.05)
    assert rig.seen.link is not None
    assert rig.seen.link.reason == "bye:update"
    assert rig.seen.feeds["alarms"].quality is FeedQuality.STALE
    rig.turn(1.0)
    assert rig.machine.wants_new_sockets(rig.now_s)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"1/alarms/"],
        [b"1/alarms/", b"{"],
        [b"1/alarms/", b"\xff\xfe"],
        [b"1/alarms/", b"[" * 100_000],
        [b"1/hb/", b'{"n": "x"}'],
        [b"1/alarms/", b'{"mode":"demo","feed":"alarms","epoch":"e","seq":"1","t":1,"type":"put"}'],
        [b"1/sensors/", b'{"mode":"demo","feed":"alarms","epoch":"e","seq":1,"t":1,"type":"put","body":{}}'],
        [b"1/alarms/", b'{"mode":"demo","feed":"alarms","epoch":"e","seq":1,"t":1,"type":"put","body":{}}', b"more"],
    ],
)
def test_bad_live_messages_are_kept_and_stop_nothing(frames: list[bytes]) -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.machine.on_live(frames, rig.now_s)
    assert len(rig.seen.bad) == 1
    rig.live(1)
    assert [r.seq for r in rig.seen.rows] == [1]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"msg":"REVEALED","request":"4","values":{"name":"secret"}}',
        b'{"request": "4", "token": "secret", "msg" : "SIGNED"}',
        b'{"msg":"WELCOME","name":"secret","instance":5}',
        b'{"msg":"WELCOME","name":"secret","server":"h","instance":"i","mode":"demo","v":1,"now":-5,"hb_ms":1,"feeds":{}}',
        b'{"msg":"ACT","token":"secret"}',
        b'{"msg":"SIGNIN","secret":"secret"}',
    ],
)
def test_what_may_hold_a_secret_is_not_kept_when_it_cannot_be_read(raw: bytes) -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.ctl(raw)
    rig.machine.on_ctl([b"9", raw], rig.now_s)
    assert len(rig.seen.bad) == 2, "the reason is kept"
    assert not any(b"secret" in kept for kept in rig.seen.bad_bytes)
    rig.ctl(b'{"msg":"BATCH","feed":5,"x":"kept"}')
    assert b"kept" in rig.seen.bad_bytes[-1]


def test_a_bad_body_takes_its_position_and_nothing_else() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.live(1, b'{"id": 5}')
    rig.live(2, type="mystery")
    rig.live(3)
    assert [(r.seq, r.type) for r in rig.seen.rows] == [(1, "bad"), (2, "bad"), (3, "put")]
    rig.turn(0.6)
    assert rig.seen.feeds["alarms"].bad == 2


def test_a_bad_item_inside_answers_is_left_out() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 3)})
    good = encode(Envelope(Mode.DEMO, "alarms", "e", 1, T0, "put", "a1", body=msgspec.Raw(encode(alarm(1)))))
    last = good.replace(b'"seq":1', b'"seq":3')
    poison = good.replace(b'"seq":1', b'"seq":"two"')
    items = b",".join([good, poison, last])
    rig.ctl(b'{"msg":"BATCH","feed":"alarms","epoch":"e","head":3,"items":[' + items + b"]}")
    assert [(r.seq, r.type) for r in rig.seen.rows] == [(1, "put"), (2, "bad"), (3, "put")]
    assert [feed for feed, _ in rig.seen.bad] == ["alarms"]

    fresh = Rig()
    fresh.join({"alarms": FeedHead("e", 3)})
    fresh.ctl(b'{"msg":"SNAP","feed":"alarms","epoch":"e","as_of":3,"part":1,"parts":1,"items":[' + items + b"]}")
    assert [r.seq for r in fresh.seen.snaps[0].items] == [1, 3]


def test_an_action_goes_out_after_welcome_and_ends_with_the_answer() -> None:
    status = ActionStatus(Action("u1", Verb.CLAIM, "alarms", "a1", 1, T0), Stage.QUEUED)
    rig = Rig(alarms_at(0), unfinished=[status])
    assert [m["msg"] for m in rig.turn()] == ["HELLO"]
    rig.join({"alarms": FeedHead("e", 0)})
    assert [m["msg"] for m in rig.sent] == ["ACT"]
    rig.ctl(Ack("u1", "applied"))
    assert [s.stage for s in rig.seen.stages] == [Stage.SENT, Stage.APPLIED]
    rig.ctl(Ack("u1", "no such stage"))
    assert len(rig.seen.bad) == 1


def test_samples_pass_without_fetching() -> None:
    rig = Rig()
    rig.join({"samples": FeedHead("e", 0)})
    body = encode(SampleBatch((Sample("s1", T0, 1.5),)))
    env = Envelope(Mode.DEMO, "samples", "e", 7, T0, "event", body=msgspec.Raw(body))
    rig.machine.on_live([topic("samples"), encode(env)], rig.now_s)
    assert rig.seen.rows[0].body.samples[0].value == 1.5


def test_alarms_are_caught_up_first() -> None:
    rig = Rig({"alarms": Cursor("e", 0), "timeline": Cursor("e", 0)})
    rig.join({"alarms": FeedHead("e", 2), "timeline": FeedHead("e", 2)})
    assert [(m["msg"], m["feed"]) for m in rig.sent] == [("FETCH", "alarms")]
    envs = tuple(
        Envelope(Mode.DEMO, "alarms", "e", n, T0, "put", f"a{n}", body=msgspec.Raw(encode(alarm(n)))) for n in (1, 2)
    )
    rig.ctl(Batch("alarms", "e", envs, 2))
    assert [(m["msg"], m["feed"]) for m in rig.turn(0.05)] == [("FETCH", "timeline")]


def test_while_the_store_is_behind_alarms_alone_are_asked_for() -> None:
    rig = Rig({"alarms": Cursor("e", 0), "timeline": Cursor("e", 0)})
    rig.seen.behind = True
    rig.join({"alarms": FeedHead("e", 1), "timeline": FeedHead("e", 2)})
    env = Envelope(Mode.DEMO, "alarms", "e", 1, T0, "put", "a1", body=msgspec.Raw(encode(alarm(1))))
    rig.ctl(Batch("alarms", "e", (env,), 1))
    assert [m["msg"] for m in rig.turn(0.05) if m["msg"] == "FETCH"] == []
    rig.seen.behind = False
    assert [(m["msg"], m["feed"]) for m in rig.turn(0.05)] == [("FETCH", "timeline")]


def test_a_new_alarm_shows_before_the_gap_is_filled() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 500)})
    for seq, rev in ((501, 1), (502, 2)):
        env = Envelope(
            Mode.DEMO, "alarms", "e", seq, T0, "put", f"a{seq}", rev, body=msgspec.Raw(encode(alarm(seq)))
        )  # fmt: skip
        rig.machine.on_live([topic("alarms"), encode(env)], rig.now_s)
    assert [r.seq for r in rig.seen.previews] == [501], "what is missing may speak of the other one"
    assert rig.seen.rows == []


def test_alarms_that_are_never_answered_do_not_hold_up_the_rest_for_ever() -> None:
    rig = Rig({"alarms": Cursor("e", 0), "timeline": Cursor("e", 0)})
    rig.join({"alarms": FeedHead("e", 2), "timeline": FeedHead("e", 2)})
    assert ("FETCH", "timeline") in [(m["msg"], m.get("feed")) for m in rig.turn(3.1)]


def test_a_feed_that_a_backend_may_leave_out_counts_once_it_has_a_head() -> None:
    rig = Rig(alarms_at(0))
    heads = {"alarms": FeedHead("e", 0)}
    rig.join(heads)
    rig.turn(0.6)
    assert "handovers" not in rig.seen.feeds
    assert "layouts" in rig.seen.feeds, "one that belongs to the protocol is missed"
    rig.beat({**heads, "handovers": FeedHead("e", 0)})
    asked = [m for _ in range(4) for m in rig.turn(0.05) if m["msg"] == "SNAPGET"]
    assert [m["feed"] for m in asked] == ["handovers"]
    assert rig.seen.feeds["handovers"].quality is FeedQuality.CATCHING_UP
