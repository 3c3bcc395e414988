"""What looks live and what does not, without sockets: silence, late heartbeats, canaries, clocks."""

from __future__ import annotations

import msgspec
import pytest
from helpers.link_rig import T0, Rig, alarm, alarms_at

from backends.domain.feeds import FeedQuality, LinkState, Mode
from backends.domain.times import NS_PER_S
from backends.link.access import Session
from backends.link.ports import Trouble
from backends.protocol.codec import encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Batch,
    Cursor,
    Denied,
    Envelope,
    FeedHead,
    Heartbeat,
    Pong,
    Welcome,
)


def test_silence_makes_every_feed_stale_within_two_seconds() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    fresh = rig.seen.feeds["alarms"].t_fresh_ns
    for _ in range(32):
        rig.turn(0.05)
    assert rig.seen.feeds["alarms"].quality is FeedQuality.STALE
    assert abs(rig.seen.feeds["alarms"].t_fresh_ns - fresh) < 2 * NS_PER_S
    assert rig.seen.link is not None
    assert (rig.seen.link.state, rig.seen.link.reason) == (LinkState.DOWN, "hub_silent")
    assert not rig.machine.wants_new_sockets(rig.now_s)
    rig.turn(3.5)
    assert rig.machine.wants_new_sockets(rig.now_s)
    assert (Trouble.HUB, True) in rig.seen.troubles


def test_after_a_short_silence_the_first_heartbeat_asks_for_a_welcome() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.connected = False
    for _ in range(40):
        rig.turn(0.05)  # a reset of both connections: no HELLO goes out
    rig.connected = True
    rig.beat({"alarms": FeedHead("e", 0)})
    assert rig.seen.link is not None
    assert rig.seen.link.state is LinkState.DOWN
    hellos = []
    for n in range(30):
        hellos += [n for m in rig.turn(0.05) if m["msg"] == "HELLO"]
        if n % 5 == 0:
            rig.beat({"alarms": FeedHead("e", 0)})
    assert len(hellos) in (1, 2), "once a second, not at each heartbeat"
    rig.welcome(heads={"alarms": FeedHead("e", 0)})
    rig.turn(0.05)
    assert rig.seen.link.state is LinkState.UP
    rig.beat({"alarms": FeedHead("e", 0)})
    assert not [m for m in rig.turn(1.2) if m["msg"] == "HELLO"], "and then no more"


def test_control_with_heartbeats_nothing_goes_stale() -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    for _ in range(20):
        rig.beat({"alarms": FeedHead("e", 0)})
        rig.turn(0.4)
        assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    assert rig.seen.troubles == []


def test_a_feed_with_a_period_goes_stale_alone() -> None:
    rig = Rig(alarms_at(0) | {"sensors": Cursor("e", 0)})
    heads = {"alarms": FeedHead("e", 0), "sensors": FeedHead("e", 0, t_source=T0, period_s=1.0)}
    rig.join(heads)
    assert rig.seen.feeds["sensors"].quality is FeedQuality.LIVE
    for _ in range(7):
        rig.time.advance_s(0.5)
        rig.beat(heads)
        rig.turn()
    assert rig.seen.feeds["sensors"].quality is FeedQuality.STALE
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE


def test_a_dead_canary_is_told_and_ends() -> None:
    rig = Rig(alarms_at(0))
    rig.join()
    for n in range(16):
        rig.time.advance_s(0.5)
        rig.beat(canary=min(n, 3))
        rig.turn()
    assert rig.seen.troubles == [(Trouble.CANARY, True)]
    rig.beat(canary=99)
    assert rig.seen.troubles[-1] == (Trouble.CANARY, False)


def test_ctl_alone_keeps_the_console_complete() -> None:
    """LIVE is blocked for the whole time: WELCOME once a second brings the heads."""
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    hellos = 0
    for _ in range(80):
        for message in rig.turn(0.05):
            if message["msg"] == "HELLO":
                hellos += 1
                rig.ctl(Welcome("hub", "i1", Mode.DEMO, 1, rig.time.now_ns(), 500, {"alarms": FeedHead("e", 1)}))
            elif message["msg"] == "FETCH":
                env = Envelope(Mode.DEMO, "alarms", "e", 1, T0, "put", "a1", body=msgspec.Raw(encode(alarm(1))))
                rig.ctl(Batch("alarms", "e", (env,), 1))
    assert hellos >= 2
    assert [r.seq for r in rig.seen.rows] == [1]
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE


def test_samples_are_stale_while_live_is_silent_whatever_ctl_says() -> None:
    rig = Rig(alarms_at(0))
    source, n = T0, 1

    def heads() -> dict[str, FeedHead]:
        return {"alarms": FeedHead("e", 0), "samples": FeedHead("e", n, 1, source, 0.5)}

    rig.join(heads())
    assert rig.seen.feeds["samples"].quality is FeedQuality.LIVE
    for step in range(80):
        source, n = source + NS_PER_S // 20, n + 1
        for message in rig.turn(0.05):
            if message["msg"] == "HELLO":
                rig.welcome(heads=heads())
        if step > 35:
            assert rig.seen.feeds["samples"].quality is FeedQuality.STALE
            assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    rig.beat(heads())
    rig.turn(0.05)
    assert rig.seen.feeds["samples"].quality is FeedQuality.LIVE


def test_late_heartbeats_do_not_look_live_and_ctl_tells_the_truth() -> None:
    """A slow line or a full buffer brings heartbeats in time that speak of ten seconds ago."""
    rig = Rig(alarms_at(5))
    rig.join({"alarms": FeedHead("e", 5)})
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    asked = set()
    for _ in range(8):
        asked |= {m["msg"] for m in rig.turn(0.25)}
        for ping in rig.pings:
            rig.ctl(Pong(ping["n"], ping["sent"], rig.time.now_ns()))
        rig.pings = []
        late = Heartbeat(1, rig.time.now_ns() - 10 * NS_PER_S, "i1", Mode.DEMO, {"alarms": FeedHead("e", 1)})
        rig.machine.on_live([HEARTBEAT_TOPIC, encode(late)], rig.now_s)
    assert rig.seen.feeds["alarms"].quality is FeedQuality.STALE
    assert abs(rig.clock.now_ns() - rig.time.now_ns()) < NS_PER_S, "the clock is not set back by it"
    assert asked == {"HELLO"}, "no snapshot because of an old head"
    rig.ctl(Welcome("hub", "i1", Mode.DEMO, 1, rig.time.now_ns(), 500, {"alarms": FeedHead("e", 5)}))
    rig.turn(0.05)
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE


def test_a_hub_whose_clock_is_set_back_stays_live() -> None:
    rig = Rig(alarms_at(5))
    rig.join({"alarms": FeedHead("e", 5)})
    hour = 3600 * NS_PER_S
    for step in range(40):
        rig.turn(0.05)
        for ping in rig.pings:
            rig.ctl(Pong(ping["n"], ping["sent"], rig.time.now_ns() - hour))
        rig.pings = []
        if step % 10 == 0:
            beat = Heartbeat(1, rig.time.now_ns() - hour, "i1", Mode.DEMO, {"alarms": FeedHead("e", 5)})
            rig.machine.on_live([HEARTBEAT_TOPIC, encode(beat)], rig.now_s)
        assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    assert abs(rig.clock.now_ns() - (rig.time.now_ns() - hour)) < NS_PER_S


def test_a_step_of_the_source_clock_neither_hides_nor_feigns_a_stall() -> None:
    rig = Rig(alarms_at(0))
    source = T0

    def beats(moving: bool, count: int) -> set[FeedQuality]:
        nonlocal source
        seen = set()
        for _ in range(count):
            rig.time.advance_s(0.5)
            source += moving * NS_PER_S // 2
            head = FeedHead("e", rig.beats + 1 if moving else rig.beats_moved, 1, source, 0.5)
            if moving:
                rig.beats_moved = rig.beats + 1
            rig.beat({"samples": head})
            rig.turn()
            seen.add(rig.seen.feeds["samples"].quality)
        return seen

    rig.join({"samples": FeedHead("e", 1, 1, source, 0.5)})
    beats(True, 3)
    source -= 3600 * NS_PER_S
    assert beats(True, 4) == {FeedQuality.LIVE}
    source += 7200 * NS_PER_S
    assert beats(True, 2) == {FeedQuality.LIVE}
    assert FeedQuality.STALE in beats(False, 5), "an hour in the future is no proof of life"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"n":1,"now":9223372036854775807,"instance":"i1","mode":"demo","heads":{}}',
        b'{"n":1,"now":1,"instance":"i1","mode":"demo","heads":{},"rate":1e300}',
        b'{"n":1,"now":1,"instance":"i1","mode":"demo","heads":{},"rate":-1}',
        b'{"n":1,"now":1,"instance":"i1","mode":"demo","heads":{"alarms":{"epoch":"e","head":-1}}}',
        b'{"n":1,"now":1,"instance":"i1","mode":"demo",'
        b'"heads":{"timeline":{"epoch":"f","head":5,"oldest":-9223372036854775808}}}',
    ],
)
def test_numbers_that_cannot_be_poison_neither_clock_nor_cursor(raw: bytes) -> None:
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    rig.machine.on_live([HEARTBEAT_TOPIC, raw], rig.now_s)
    for _ in range(10):
        rig.turn(0.5)
    assert len(rig.seen.bad) == 1
    assert abs(rig.clock.now_ns() - rig.time.now_ns()) < NS_PER_S


@pytest.mark.parametrize("denied", [False, True])
def test_the_time_of_another_hub_is_taken_by_its_own_hello(denied: bool) -> None:
    """A minute after the first HELLO another hub answers: half of that minute is not its way."""
    rig = Rig(alarms_at(0))
    rig.join({"alarms": FeedHead("e", 0)})
    if denied:
        rig.ctl(Denied("version", "x"))
    for _ in range(120):
        rig.time.advance_s(0.5)
        rig.beat({"alarms": FeedHead("e", 0)})
        if [m for m in rig.turn() if m["msg"] == "HELLO"]:
            rig.ctl(Denied("version", "x")) if denied else rig.welcome()
    rig.machine.use_session(Session("", ""))
    rig.turn()
    rig.welcome(instance="i2", heads={"alarms": FeedHead("e", 0)})
    rig.turn(0.05)
    assert rig.seen.link is not None
    assert rig.seen.link.state is LinkState.UP
    assert rig.seen.link.reason == ""


def test_a_hub_that_showed_a_canary_owes_one_after_its_restart() -> None:
    rig = Rig(alarms_at(0))
    rig.join()
    rig.beat(canary=3)
    rig.ctl(Welcome("hub", "i2", Mode.DEMO, 1, rig.time.now_ns(), 500, {}))
    for _ in range(9):
        rig.turn(0.5)
        rig.beat()
    assert (Trouble.CANARY, True) in rig.seen.troubles


def test_control_without_the_judgement_of_lateness_old_news_looks_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.link.freshness.Lateness.late", lambda self, said_ns, now_s: False)
    rig = Rig(alarms_at(5))
    rig.join({"alarms": FeedHead("e", 5)})
    for _ in range(8):
        rig.turn(0.25)
        late = Heartbeat(1, rig.time.now_ns() - 10 * NS_PER_S, "i1", Mode.DEMO, {"alarms": FeedHead("e", 5)})
        rig.machine.on_live([HEARTBEAT_TOPIC, encode(late)], rig.now_s)
    assert rig.seen.feeds["alarms"].quality is FeedQuality.LIVE
    assert abs(rig.clock.now_ns() - rig.time.now_ns()) > 5 * NS_PER_S
