"""Malformed messages of every schema between good ones: nothing crashes, every good one is applied, bad ones counted.

20,000 here, on the machines without sockets; 100,000 through sockets and a real store in the bench.
"""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import msgspec
import pytest
from helpers.chaos import Books
from helpers.fake_hub import alarm
from helpers.malformed import Maker
from helpers.store_rig import Heard
from helpers.waiting import wait_for

from backends.domain.feeds import FEEDS, Mode
from backends.domain.sensor import Sample, SampleBatch
from backends.domain.times import HubClock, ManualClock
from backends.link.machine import LinkMachine
from backends.link.ports import LinkSettings
from backends.protocol import codec
from backends.protocol.codec import BadMessage, encode
from backends.protocol.messages import HEARTBEAT_TOPIC, Envelope, FeedHead, Heartbeat, Welcome, topic
from backends.store.ops import QUARANTINE_KEPT, PutQuarantine
from backends.store.schema import OPS_FILE
from backends.store.store import Store

COUNT = 20_000


def joined(time: ManualClock, books: Books) -> LinkMachine:
    settings = LinkSettings("desk-1", Mode.DEMO, "", "", lambda: None)
    machine = LinkMachine(settings, books, HubClock(time), {}, jitter=lambda: 0.0)
    machine.opened(time.monotonic_s())
    machine.turn(time.monotonic_s(), lambda raw: True)
    heads = {feed: FeedHead("e", 0) for feed in FEEDS}
    welcome = Welcome("hub", "i1", Mode.DEMO, 1, time.now_ns(), 500, heads)
    machine.on_ctl([b"1", encode(welcome)], time.monotonic_s())
    for feed in FEEDS:
        snap = b'{"msg":"SNAP","feed":"%b","epoch":"e","as_of":0,"part":1,"parts":1,"items":[]}' % feed.encode()
        machine.on_ctl([b"1", snap], time.monotonic_s())
    return machine


def fuzz(seed: int, count: int) -> Books:
    print(f"seed {seed}")
    maker, time, books = Maker(seed), ManualClock(), Books()
    machine = joined(time, books)
    good = 0
    for n in range(count):
        now_s = time.monotonic_s()
        kind = n % 10
        if kind == 0:
            good += 1
            body = encode(alarm(n))
            # Every fifth good position carries a bad body.
            if good % 5 == 0:
                body = maker.body("alarms")
            env = Envelope(Mode.DEMO, "alarms", "e", good, 1, "put", f"a{n}", body=msgspec.Raw(body))
            machine.on_live([topic("alarms"), encode(env)], now_s)
        elif kind < 5:
            machine.on_ctl(maker.to_console(), now_s)
        else:
            machine.on_live(maker.live(), now_s)
        if n % 50 == 0:
            time.advance_s(0.05)
            beat = Heartbeat(n, time.now_ns(), "i1", Mode.DEMO, {"alarms": FeedHead("e", good)})
            machine.on_live([HEARTBEAT_TOPIC, encode(beat)], now_s)
            machine.turn(time.monotonic_s(), lambda raw: True)
    assert books.at["alarms"] == ("e", good), "every good position is taken"
    assert len(books.items["alarms"]) == good
    return books


def test_bad_messages_crash_nothing_and_hold_up_nothing() -> None:
    books = fuzz(random.SystemRandom().randrange(1 << 32), COUNT)
    assert books.faults == []
    assert books.bad > COUNT * 0.6


def test_control_without_the_check_of_numbers_it_crashes_or_goes_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema-valid numbers that cannot be: the year 2262 extrapolated, a head before the beginning."""
    monkeypatch.setattr("backends.link.machine.check_numbers", lambda message: None)
    time, books = ManualClock(), Books()
    machine = joined(time, books)
    beat = b'{"n":1,"now":9223372036854775807,"instance":"i1","mode":"demo","heads":{},"rate":1e300}'
    machine.on_live([HEARTBEAT_TOPIC, beat], time.monotonic_s())
    time.advance_s(1.0)
    with pytest.raises((OverflowError, msgspec.ValidationError)):
        machine.turn(time.monotonic_s(), lambda raw: True)


def test_the_hub_takes_anything_and_answers_what_is_right() -> None:
    maker = Maker(random.SystemRandom().randrange(1 << 32))
    refused = 0
    for _ in range(5000):
        frames = maker.to_hub()
        try:
            codec.decode_from_console(frames[-1])
        except BadMessage:
            refused += 1
    assert refused > 4000, "and nothing but BadMessage came out"


def test_a_sample_of_unknown_quality_is_bad_not_poison() -> None:
    time, books = ManualClock(), Books()
    machine = joined(time, books)
    batch = encode(SampleBatch((Sample("s1", 5, 1.0, "splendid"),)))
    env = Envelope(Mode.DEMO, "samples", "e", 1, 1, "event", body=msgspec.Raw(batch))
    machine.on_live([topic("samples"), encode(env)], time.monotonic_s())
    assert books.bad == 1


def test_at_most_a_thousand_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path, "demo", Heard())
    store.open()
    store.start()
    for n in range(5 * QUARANTINE_KEPT):
        store.put([PutQuarantine(n, "alarms", f"bad {n}", b"x" * 100)])
    wait_for("written", lambda: store.waiting_rows == 0)
    store.stop()
    db = sqlite3.connect(tmp_path / OPS_FILE)
    assert db.execute("SELECT count(*), max(t_ns) FROM quarantine").fetchone() == (QUARANTINE_KEPT, 4999)
    db.close()
