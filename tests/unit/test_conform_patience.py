"""How long a check waits: a machine that stood still is not the backend's fault, one that says nothing is."""

from __future__ import annotations

from backends.conform.wire import SLICE_S, STOOD_S, Patience


class Hand:
    """A clock that is set by hand; seconds."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def waited(patience: Patience, clock: Hand) -> float:
    """Until it ends, each slice as long as it was given."""
    begin_s = clock.now_s
    while (slice_s := patience.slice_s()) > 0:
        assert slice_s <= SLICE_S
        clock.now_s += slice_s
    return clock.now_s - begin_s


def test_silence_ends_it_when_its_time_is_over() -> None:
    clock = Hand()
    assert abs(waited(Patience(5, clock), clock) - 5) < 1e-6


def test_a_machine_that_was_suspended_leaves_the_rest_of_the_time() -> None:
    clock = Hand()
    patience = Patience(5, clock)
    assert patience.slice_s() > 0
    clock.now_s += 3600
    assert abs(waited(patience, clock) - (5 - STOOD_S)) < 1e-6


def test_a_slow_machine_does_not_wait_for_ever() -> None:
    """Every slice comes late, as under load: each counts STOOD_S of it."""
    clock = Hand()
    patience, slices = Patience(5, clock), 0
    while patience.slice_s() > 0:
        clock.now_s += 5 * STOOD_S
        slices += 1
    assert slices == 5 / STOOD_S
