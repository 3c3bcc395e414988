"""What is applied is the log, in order, once: whatever is dropped, doubled, delayed or reordered."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.domain.feeds import FeedKind, Mode
from backends.link.sync import Applied, FeedSync
from backends.protocol.messages import Batch, Cursor, Envelope, FeedHead, Fetch, Reset, Snap, SnapGet

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["publish", "publish", "live", "live", "live", "drop", "double", "late", "beat", "ask", "answer", "lose",
             "again", "trim", "restart", "epoch"]
        ),
        st.integers(0, 5),
    ),
    max_size=120,
)  # fmt: skip


class World:
    """A hub's log, two unreliable wires, and what the console has applied."""

    def __init__(self, kind: FeedKind, sync_type: type[FeedSync] = FeedSync) -> None:
        self.kind = kind
        self.rng = random.Random(7)
        self.sync = sync_type("alarms", kind, None, self.rng.random)
        self.epoch, self.epochs = "e0", 0
        self.log: list[Envelope] = []
        self.oldest = 1
        self.wire: list[Envelope] = []
        self.asked: list[Any] = []
        self.answers: list[Any] = []
        self.now_s = 0.0
        self.state: dict[str, int] = {}
        self.position = ("", 0)
        self.events: list[tuple[str, int]] = []

    def head(self) -> FeedHead:
        return FeedHead(self.epoch, len(self.log), self.oldest)

    def publish(self, key: int) -> None:
        env = Envelope(Mode.DEMO, "alarms", self.epoch, len(self.log) + 1, 0, "put", f"k{key}")
        self.log.append(env)
        self.wire.append(env)

    def apply(self, applied: Applied) -> None:
        if applied.snapshot is not None:
            epoch, as_of, items = applied.snapshot
            self.position = (epoch, as_of)
            self.state = {env.id: env.seq for env in items}
        for env in applied.records:
            assert (env.epoch, env.seq) == (self.position[0], self.position[1] + 1), "out of order or twice"
            self.position = (env.epoch, env.seq)
            self.state[env.id] = env.seq
            self.events.append(self.position)

    def answer(self, message: Any) -> list[Any]:
        if isinstance(message, SnapGet):
            state: dict[str, Envelope] = {}
            for env in self.log:
                state[env.id] = env
            items = tuple(state.values())
            half = len(items) // 2
            return [
                Snap("alarms", self.epoch, len(self.log), 1, 2, items[:half]),
                Snap("alarms", self.epoch, len(self.log), 2, 2, items[half:]),
            ]
        if message.epoch != self.epoch or message.after < self.oldest - 1:
            return [Reset("alarms", self.epoch, self.oldest, "gone")]
        return [Batch("alarms", self.epoch, tuple(self.log[message.after : message.after + 4]), len(self.log))]

    def deliver(self, message: Any) -> None:
        if isinstance(message, Batch):
            self.apply(self.sync.on_batch(message, self.now_s))
        elif isinstance(message, Snap):
            self.apply(self.sync.on_snap(message, self.now_s))
        else:
            self.sync.on_reset(message, self.now_s)

    def ask(self) -> None:
        self.now_s += 0.3
        request = self.sync.request(self.now_s)
        if request is not None:
            self.asked.append(request)
            self.answers.extend(self.answer(request))

    def step(self, what: str, n: int) -> None:
        pick = n % len(self.wire) if self.wire else 0
        match what:
            case "publish":
                self.publish(n)
            case "live" if self.wire:
                self.apply(self.sync.on_live(self.wire.pop(0), self.now_s))
            case "late" if self.wire:
                self.apply(self.sync.on_live(self.wire.pop(pick), self.now_s))
            case "drop" if self.wire:
                self.wire.pop(pick)
            case "double" if self.wire:
                self.apply(self.sync.on_live(self.wire[pick], self.now_s))
            case "beat":
                self.sync.on_heartbeat(self.head(), self.now_s)
            case "ask":
                self.ask()
            case "answer" if self.answers:
                self.deliver(self.answers.pop(0))
            case "again" if self.answers:
                self.deliver(self.answers[n % len(self.answers)])
            case "lose" if self.answers:
                self.answers.pop(n % len(self.answers))
            case "trim":
                self.oldest = max(self.oldest, len(self.log) - n)
            case "restart":
                self.sync.connection_lost()
                self.answers.clear()
                self.apply(self.sync.on_welcome(self.head(), self.now_s))
            case "epoch" if n == 0:
                self.epochs += 1
                self.epoch = f"e{self.epochs}"
                self.log, self.wire, self.oldest = [], [], 1
                self.publish(n)

    def settle(self) -> None:
        """The wires work again: heads come, questions are answered."""
        for _ in range(200):
            while self.wire:
                self.apply(self.sync.on_live(self.wire.pop(0), self.now_s))
            self.sync.on_heartbeat(self.head(), self.now_s)
            self.ask()
            while self.answers:
                self.deliver(self.answers.pop(0))
            if self.sync.complete and self.position == (self.epoch, len(self.log)):
                return
            if self.sync.complete and not self.log:
                return

    def check(self) -> None:
        if self.log:
            assert self.position == (self.epoch, len(self.log)), f"stuck at {self.position}"
        if self.kind is FeedKind.STATE and self.log:
            wanted = {env.id: env.seq for env in self.log}
            assert self.state == wanted
        if self.kind is FeedKind.APPEND:
            assert len(set(self.events)) == len(self.events), "an event twice"


@pytest.mark.parametrize("kind", [FeedKind.STATE, FeedKind.APPEND])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_applied_is_the_log_in_order_once(kind: FeedKind, steps: list[tuple[str, int]]) -> None:
    world = World(kind)
    world.apply(world.sync.on_welcome(world.head(), 0.0))
    for what, n in steps:
        world.step(what, n)
    world.settle()
    world.check()


class NoHeads(FeedSync):
    """Negative control: heads are looked at for the epoch only, so a lost tail stays lost."""

    def on_heartbeat(self, head: FeedHead, now_s: float) -> None:
        self.head = head


class NoOrder(FeedSync):
    """Negative control: whatever comes is applied."""

    def on_live(self, env: Envelope, now_s: float) -> Applied:
        self.cursor = Cursor(env.epoch, env.seq)
        return Applied([env])


def lost_tail(sync_type: type[FeedSync]) -> World:
    world = World(FeedKind.STATE, sync_type)
    world.sync.cursor = Cursor("e0", 0)
    world.position = ("e0", 0)
    world.apply(world.sync.on_welcome(world.head(), 0.0))
    for what, n in [("publish", 1), ("live", 0), ("publish", 2), ("publish", 3), ("drop", 1), ("drop", 0)]:
        world.step(what, n)
    world.settle()
    return world


def test_lost_tail_is_found_by_heads_alone() -> None:
    world = lost_tail(FeedSync)
    world.check()
    assert world.sync.gaps == 1


def test_control_without_heads_the_tail_stays_lost() -> None:
    with pytest.raises(AssertionError, match="stuck"):
        lost_tail(NoHeads).check()


def test_control_without_order_the_invariant_breaks() -> None:
    world = World(FeedKind.STATE, NoOrder)
    world.position = ("e0", 0)
    world.sync.cursor = Cursor("e0", 0)
    for what, n in [("publish", 1), ("publish", 2)]:
        world.step(what, n)
    with pytest.raises(AssertionError, match="out of order"):
        world.step("late", 1)


def synced(seq: int = 0) -> FeedSync:
    sync = FeedSync("alarms", FeedKind.STATE, Cursor("e", seq), lambda: 0.0)
    sync.on_welcome(FeedHead("e", seq), 0.0)
    return sync


def env(seq: int, epoch: str = "e") -> Envelope:
    return Envelope(Mode.DEMO, "alarms", epoch, seq, 0, "put", f"k{seq}")


def test_one_fetch_is_outstanding_and_repeated_with_growing_pauses() -> None:
    sync = synced()
    sync.on_live(env(3), 10.0)
    assert sync.request(10.0) == Fetch("alarms", "e", 0)
    assert sync.request(11.9) is None
    sync.on_live(env(7), 11.95)
    assert sync.request(11.99) is None
    assert sync.request(12.0) == Fetch("alarms", "e", 0)
    assert sync.request(15.9) is None
    assert sync.request(16.0) == Fetch("alarms", "e", 0)
    assert sync.gaps == 1


def test_a_head_that_live_reaches_within_a_heartbeat_is_no_gap() -> None:
    sync = synced()
    sync.on_heartbeat(FeedHead("e", 2), 1.0)
    assert sync.on_live(env(1), 1.1).records
    assert sync.on_live(env(2), 1.1).records
    sync.on_heartbeat(FeedHead("e", 3), 1.5)
    assert sync.request(2.0) is None
    assert sync.gaps == 0


def test_an_empty_batch_below_the_head_does_not_make_a_storm() -> None:
    sync = synced()
    sync.on_live(env(3), 0.0)
    asked = 0
    now_s = 0.0
    while now_s < 20.0:
        if sync.request(now_s) is not None:
            asked += 1
            sync.on_batch(Batch("alarms", "e", (), 3), now_s)
        now_s += 0.05
    assert asked <= 8


def test_a_hub_that_lost_its_tail_is_believed_after_three_heartbeats() -> None:
    sync = synced(9)
    for n in range(2):
        sync.on_heartbeat(FeedHead("e", 5), n * 0.5)
    assert sync.request(2.0) is None
    sync.on_heartbeat(FeedHead("e", 5), 2.0)
    assert sync.request(3.0) == Fetch("alarms", "e", 9), "it is asked before it is believed"
    sync.on_reset(Reset("alarms", "e", 1, "ahead"), 3.1)
    assert sync.request(3.5) == SnapGet("alarms")


def test_a_narrow_line_whose_heads_lag_behind_is_no_lost_tail() -> None:
    """BATCH has overtaken LIVE for seconds: a snapshot would jump over what is still on its way."""
    sync = synced(9)
    for n in range(12):
        sync.on_heartbeat(FeedHead("e", 5), n * 0.5)
        if (asked := sync.request(n * 0.5 + 0.3)) is not None:
            assert asked == Fetch("alarms", "e", 9)
            assert sync.on_batch(Batch("alarms", "e", (), 9), n * 0.5 + 0.4).records == []
    assert sync.on_live(env(10), 7.0).snapshot is None
    assert sync.cursor == Cursor("e", 10)


def test_snapshot_parts_may_come_doubled_and_out_of_order() -> None:
    sync = FeedSync("alarms", FeedKind.STATE, None, lambda: 0.0)
    sync.on_welcome(FeedHead("e", 4), 0.0)
    assert sync.request(0.0) == SnapGet("alarms")
    assert sync.on_live(env(5), 0.1).records == []
    assert sync.on_snap(Snap("alarms", "e", 4, 2, 2, (env(4),)), 0.1).snapshot is None
    assert sync.on_snap(Snap("alarms", "e", 4, 2, 2, (env(4),)), 0.1).snapshot is None
    done = sync.on_snap(Snap("alarms", "e", 4, 1, 2, (env(3),)), 0.1)
    assert done.snapshot is not None
    assert [e.seq for e in done.snapshot[2]] == [3, 4]
    assert [e.seq for e in done.records] == [5]
    assert sync.complete


def test_lossy_feed_counts_holes_and_never_asks() -> None:
    sync = FeedSync("samples", FeedKind.LOSSY, None, lambda: 0.0)
    sync.on_welcome(FeedHead("e", 0), 0.0)
    for seq in (1, 2, 6, 4):
        sync.on_live(msgspec.structs.replace(env(seq), feed="samples"), 0.0)
    assert (sync.gaps, sync.lost, sync.request(9.0)) == (1, 3, None)
    assert sync.cursor == Cursor("e", 6)
