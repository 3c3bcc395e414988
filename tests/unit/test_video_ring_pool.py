"""The pool of packet rings: never more than the budget, fair by bitrate, and nothing is pulled from under a writer."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from helpers.ring_rig import CODEC, PIECE, Memories, faults_of, memories, name_of, put, read_all

from backends.video import ring_pool
from backends.video.ring import RingReader, RingWriter
from backends.video.ring_layout import BITS, CURRENT, SLAB_BYTES, TABLE_AT
from backends.video.ring_pool import RingPool

__all__ = ["memories"]  # a fixture


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Station:
    """A pool and a writer for each stream, by a clock."""

    def __init__(self, memories: Memories, budget: int, free: int = 1 << 40) -> None:
        self.memories = memories
        self.clock = Clock()
        self.free = free
        self.pool: RingPool[str] = RingPool(
            memories, budget, piece_bytes=PIECE, clock=self.clock, free=lambda: self.free
        )
        self.budget = budget
        self.writers: dict[str, RingWriter] = {}
        self.sent: dict[str, int] = {}
        self.debt: dict[str, float] = {}

    def tick(self, rates: dict[str, int], seconds: float = 0.5) -> None:
        """Each stream sends at its rate (bits a second); then the pool looks."""
        self.clock.now += seconds
        for key, bits in rates.items():
            place = self.pool.slab(key)
            if place is None:
                continue
            if key not in self.writers:
                self.writers[key] = RingWriter(*place)
                self.writers[key].begin(CODEC)
            # What the meter would say, at once: the shares are looked at here, not the meter.
            self.debt[key] = self.debt.get(key, 0.0) + bits * seconds / 8
            while self.debt[key] > 0:
                index = self.sent.get(key, 0)
                put(self.writers[key], 1, index)
                self.sent[key] = index + 1
                self.debt[key] -= 1700
            self.writers[key]._slab.words[BITS] = bits
        self.pool.balance()
        self.look()

    def look(self) -> None:
        assert self.pool.used <= self.budget
        assert sum(map(len, self.memories.held.values())) <= self.pool.used

    def pieces(self, key: str) -> int:
        return len(self.pool._slabs[key].pieces)


def test_slabs_grow_as_they_fill_and_share_by_bitrate(memories: Memories) -> None:
    station = Station(memories, 64 * PIECE + 3 * SLAB_BYTES)
    rates = {"slow": 100_000, "mid": 400_000, "fast": 800_000}
    station.pool.want(rates)
    station.tick(rates)
    assert station.pool.used < station.budget // 2  # not all at once
    for _ in range(200):
        station.tick(rates)
    held = {key: station.pool.held_s(key) for key in rates}
    assert station.pieces("slow") < station.pieces("mid") < station.pieces("fast")
    assert station.pieces("fast") > 25
    assert station.pool.used > station.budget - 4 * PIECE
    assert all(seconds > 1 for seconds in held.values())
    for key in rates:
        packets = read_all(RingReader(*station.pool.slab(key) or ("", 0)))
        assert not faults_of(packets)
        assert name_of(packets[-1].data)[1] == station.sent[key] - 1


def test_a_stream_that_sends_more_takes_the_oldest_of_others(memories: Memories) -> None:
    station = Station(memories, 32 * PIECE + 2 * SLAB_BYTES)
    rates = {"a": 400_000, "b": 400_000}
    station.pool.want(rates)
    for _ in range(150):
        station.tick(rates)
    even = station.pieces("a")
    assert abs(even - station.pieces("b")) <= 2
    newest = station.sent["b"]
    for _ in range(150):
        station.tick({"a": 1_600_000, "b": 400_000})
    assert station.pieces("a") > even + 4
    assert station.pieces("b") < even - 4
    packets = read_all(RingReader(*station.pool.slab("b") or ("", 0)))
    assert not faults_of(packets)
    assert not any(packet.gap for packet in packets)
    assert name_of(packets[-1].data)[1] == station.sent["b"] - 1 > newest
    assert station.writers["b"].lost == 0


def test_a_new_stream_gets_room_in_a_full_pool(memories: Memories) -> None:
    station = Station(memories, 16 * PIECE + 2 * SLAB_BYTES)
    station.pool.want(["a"])
    for _ in range(60):
        station.tick({"a": 1_000_000})
    assert station.pool.used > station.budget - 2 * PIECE
    station.pool.want(["a", "b"])
    for _ in range(60):
        station.tick({"a": 1_000_000, "b": 1_000_000})
    assert abs(station.pieces("a") - station.pieces("b")) <= 2
    assert read_all(RingReader(*station.pool.slab("b") or ("", 0)))


def test_what_nobody_shows_goes_when_its_memory_is_wanted_or_after_a_while(memories: Memories) -> None:
    station = Station(memories, 16 * PIECE + 2 * SLAB_BYTES)
    station.pool.want(["a"])
    for _ in range(60):
        station.tick({"a": 1_000_000})
    station.pool.want([])
    station.tick({}, 60.0)
    assert station.pool.held_s("a") > 0  # a change of layout and back
    station.pool.want(["a"])
    station.tick({"a": 1_000_000})
    station.pool.want(["b"])
    for _ in range(100):
        station.tick({"b": 2_000_000})
    assert station.pool.slab("a") is None
    assert station.pieces("b") >= 14
    station.pool.want([])
    station.tick({}, ring_pool.KEEP_S + 1)
    station.tick({}, ring_pool.KEEP_S + 1)
    assert station.pool.slab("b") is None
    assert station.pool.used == 0
    assert not memories.held


def test_memory_that_a_writer_still_holds_counts_until_it_lets_go(memories: Memories) -> None:
    station = Station(memories, 8 * PIECE + 2 * SLAB_BYTES)
    station.pool.want(["a"])
    for _ in range(40):
        station.tick({"a": 1_000_000})
    station.pool.want(["a", "b"])
    for _ in range(20):
        station.pool.balance()
        station.look()
    assert station.pieces("a") < 8
    given = station.pieces("b")
    assert given + station.pieces("a") < 8  # what was taken is still in the writer's hands
    station.writers["a"].tidy()
    station.pool.balance()
    assert station.pieces("b") > given
    # A dead writer lets go of nothing by itself: the system has taken its memory back.
    station.clock.now += ring_pool.RETIRE_S + 1
    station.pool.balance()
    station.look()


def test_pictures_come_before_packets(memories: Memories) -> None:
    station = Station(memories, 64 * PIECE, free=ring_pool.LEAVE + 3 * PIECE)
    station.pool.want(["a"])
    station.tick({"a": 100_000})
    assert station.pool.used > 0
    station.free = ring_pool.LEAVE
    before = station.pool.used
    for _ in range(30):
        station.tick({"a": 2_000_000})
    assert station.pool.used == before
    station.free = 1 << 40
    station.tick({"a": 2_000_000})
    assert station.pool.used > before


def test_memory_that_is_refused_is_said_once(memories: Memories, expect_logs: Callable[[str], None]) -> None:
    expect_logs("packets are kept for a shorter time: no shared memory left in the test")
    memories.most = SLAB_BYTES + 3 * PIECE
    station = Station(memories, 64 * PIECE)
    station.pool.want(["a", "b"])
    for _ in range(30):
        station.tick({"a": 1_000_000, "b": 1_000_000})
    assert sum(map(len, memories.held.values())) <= memories.most
    assert station.pool.slab("a") or station.pool.slab("b")


def test_no_budget_no_rings(memories: Memories) -> None:
    station = Station(memories, 0)
    station.pool.want(["a"])
    station.tick({"a": 1_000_000})
    assert station.pool.slab("a") is None
    assert station.pool.held_s("a") == 0.0
    assert not memories.held


def test_the_piece_that_is_written_is_never_taken(memories: Memories) -> None:
    station = Station(memories, 8 * PIECE + SLAB_BYTES)
    station.pool.want(["a"])
    for _ in range(40):
        station.tick({"a": 1_000_000})
    slab = station.pool._slabs["a"]
    while station.pool._take(slab):
        assert slab.words[CURRENT] in slab.pieces
        assert put(station.writers["a"], 1, station.sent["a"])
        station.sent["a"] += 1
    assert list(slab.pieces) == [slab.words[CURRENT]]


class _Racing:
    """Words of a slab whose writer goes on to the piece at the very moment when it is taken out of the table."""

    def __init__(self, words: memoryview, number: int) -> None:
        self._words, self._number = words, number

    def __getitem__(self, at: Any) -> Any:
        return self._words[at]

    def __setitem__(self, at: int, value: int) -> None:
        self._words[at] = value
        if at >= TABLE_AT and value == 0:
            self._words[CURRENT] = self._number


def test_a_piece_that_the_writer_goes_on_to_just_now_is_put_back(memories: Memories) -> None:
    station = Station(memories, 8 * PIECE + SLAB_BYTES)
    station.pool.want(["a"])
    for _ in range(40):
        station.tick({"a": 1_000_000})
    slab: Any = station.pool._slabs["a"]
    words, number, before = slab.words, slab.oldest(), dict(slab.pieces)
    slab.words = _Racing(words, number)
    assert not station.pool._take(slab)
    slab.words = words
    assert slab.pieces == before
    assert number in words[TABLE_AT : TABLE_AT + 1024].tolist()
    assert put(station.writers["a"], 1, station.sent["a"])
    packets = read_all(RingReader(*station.pool.slab("a") or ("", 0)))
    assert not faults_of(packets)
    assert name_of(packets[-1].data)[1] == station.sent["a"]


def test_a_damaged_table_stops_no_one(memories: Memories) -> None:
    station = Station(memories, 16 * PIECE + 2 * SLAB_BYTES)
    station.pool.want(["a", "b"])
    for _ in range(20):
        station.tick({"a": 1_000_000, "b": 1_000_000})
    words = station.pool._slabs["a"].words
    for at in (*range(8, 16), *range(512, 520)):
        words[at] = (1 << 64) - 1
    for _ in range(60):
        station.tick({"b": 3_000_000})
    assert station.pieces("b") >= 2
    assert not faults_of(read_all(RingReader(*station.pool.slab("b") or ("", 0))))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_the_budget_holds(memories: Memories, seed: int) -> None:
    chance = random.Random(seed)
    station = Station(memories, chance.randrange(3, 40) * PIECE + 4 * SLAB_BYTES)
    shown: set[str] = set()
    for _ in range(150):
        if chance.random() < 0.2:
            shown = set(chance.sample("abcdef", chance.randrange(6)))
            station.pool.want(shown)
            station.look()
            for key in set(station.writers) - shown:
                del station.writers[key]
        station.tick({key: chance.choice((50_000, 400_000, 3_000_000)) for key in sorted(shown)})
        for key in sorted(shown):
            if (place := station.pool.slab(key)) is None:
                continue
            if key in station.writers and chance.random() < 0.1:
                del station.writers[key]  # it died; sequences and packets go on
            assert not faults_of(read_all(RingReader(*place)))
    station.pool.close()
    assert not memories.held
