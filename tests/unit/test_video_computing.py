"""The threads that decode and draw: in order, so many at once, at a beat, and what goes wrong is the stream's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from helpers.waiting import wait_for

from backends.video.computing import BEAT_S, MOST_WAITING, Computing, Lane


@pytest.fixture
def computing() -> Iterator[Computing]:
    made = Computing()
    made.start()
    yield made
    made.stop()


class Gate:
    """Holds up whoever computes."""

    def __init__(self) -> None:
        self.inside, self.open = threading.Event(), threading.Event()

    def __call__(self, _: object) -> None:
        self.inside.set()
        self.open.wait(10.0)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


@pytest.mark.parametrize("at_once", [1, 2])
def test_only_so_many_streams_compute_at_once(at_once: int) -> None:
    computing = Computing()
    computing.start(at_once)
    inside, most, lock = [0], [0], threading.Lock()
    together = threading.Barrier(at_once)

    def compute(_: int) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait(10.0)
        with lock:
            inside[0] -= 1

    lanes: list[Lane[int]] = [computing.lane(compute) for _ in range(4)]
    for lane in lanes:
        lane.put(0)
    for lane in lanes:
        lane.wait()
    computing.stop()
    assert most[0] == at_once


def test_the_work_of_one_stream_is_done_in_order_and_never_twice_at_once() -> None:
    computing = Computing()
    computing.start(2)
    done: list[int] = []
    inside = threading.Lock()

    def compute(number: int) -> None:
        assert inside.acquire(blocking=False)
        done.append(number)
        inside.release()

    lane = computing.lane(compute)
    for number in range(50):
        lane.put(number)
    lane.wait()
    computing.stop()
    assert done == list(range(50))


def test_streams_take_turns(computing: Computing, gate: Gate) -> None:
    """One that brings much does not hold up another."""
    done: list[str] = []
    held = computing.lane(gate)
    held.put(None)
    assert gate.inside.wait(5.0)
    much, little = computing.lane(done.append), computing.lane(done.append)
    for _ in range(3):
        much.put("much")
    little.put("little")
    gate.open.set()
    much.wait()
    little.wait()
    assert done == ["much", "little", "much", "much"]


def test_who_brings_more_than_can_be_done_waits(computing: Computing, gate: Gate) -> None:
    lane = computing.lane(gate)
    brought: list[int] = []

    def bring() -> None:
        for number in range(MOST_WAITING + 2):
            lane.put(number)
            brought.append(number)

    bringer = threading.Thread(target=bring)
    bringer.start()
    assert gate.inside.wait(5.0)
    wait_for("as many as there is room for", lambda: len(brought) == MOST_WAITING + 1)
    bringer.join(0.1)
    assert bringer.is_alive()
    assert len(brought) == MOST_WAITING + 1  # one of them is being done
    gate.open.set()
    bringer.join(5.0)
    assert not bringer.is_alive()


def test_what_goes_wrong_is_told_to_its_stream_and_no_other(computing: Computing, gate: Gate) -> None:
    done: list[int] = []

    def fail(number: int) -> None:
        done.append(number)
        raise ValueError(f"number {number}")

    computing.lane(gate).put(None)
    bad, good = computing.lane(fail), computing.lane(done.append)
    bad.put(1)
    bad.put(2)  # never done: it came after what failed
    good.put(3)
    gate.open.set()
    with pytest.raises(ValueError, match="number 1"):
        bad.wait()
    with pytest.raises(ValueError, match="number 1"):
        bad.put(4)
    bad.rest()
    good.wait()
    assert done == [1, 3]


class Beat(threading.Event):
    """Comes when the test lets it come, or when somebody is in a hurry."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self.asleep = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.asleep.set()
        return super().wait(10.0)


def test_what_comes_after_the_first_is_computed_together_at_the_next_beat() -> None:
    computing = Computing()
    computing._hurry = beat = Beat()
    done: list[int] = []
    lanes = [computing.lane(done.append) for _ in range(4)]
    computing.start()
    try:
        lanes[0].put(0)
        assert beat.asleep.wait(5.0)  # done at once, and then nothing is left to do
        assert done == [0]
        assert beat.waited[0] is not None
        assert 0 < beat.waited[0] <= BEAT_S
        for number in (1, 2, 3):
            lanes[number].put(number)
        assert done == [0]
        beat.set()
        for lane in lanes:
            wait_for("its work is done", lambda lane=lane: not lane._busy)  # type: ignore[misc]
        assert done == [0, 1, 2, 3]
    finally:
        beat.set()
        computing.stop()


def test_what_is_waited_for_does_not_wait_for_the_beat() -> None:
    """A replay at four times its rate brings a packet every 10 ms, and waits for each."""
    computing = Computing()
    computing._hurry = beat = Beat()
    done: list[int] = []
    lane = computing.lane(done.append)
    computing.start()
    try:
        lane.put(0)
        assert beat.asleep.wait(5.0)
        lane.put(1)
        lane.wait()  # no beat comes within the 10 s of the test's
        assert done == [0, 1]
    finally:
        beat.set()
        computing.stop()
