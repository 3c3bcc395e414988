"""The world of a hub that follows: nothing is given twice within a term, nothing is lost between two."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from backends.domain.sensor import Sample
from backends.domain.world import Condition, Directory, Measured, WorldEvent
from backends.hub import standby
from backends.hub.standby import Standby


class Ticking:
    """One event for each nanosecond: every third with samples."""

    def __init__(self) -> None:
        self._at = 0

    def directory(self) -> Directory:
        return Directory()

    def past(self) -> Iterator[WorldEvent]:
        return iter(())

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        for n in range(self._at + 1, t_ns + 1):
            yield Measured(n, (Sample("s", n, 0.0),)) if n % 3 == 0 else Condition(f"k{n}", n, True)
        self._at = max(self._at, t_ns)


def times(events: Iterator[WorldEvent]) -> list[int]:
    return [event.t_ns for event in events]


def test_a_new_leader_begins_with_what_the_old_one_had_not_written() -> None:
    written = 0
    world = Standby(Ticking(), lambda: written)
    world.run_along(10)
    written = 7
    world.run_along(12)
    world.begin_term()
    assert times(world.until(14)) == [8, 9, 10, 11, 12, 13, 14]
    assert times(world.until(15)) == [15]
    written = 14
    assert times(world.until(17)) == [16, 17]
    world.begin_term()
    assert times(world.until(17)) == [15, 16, 17], "a term that begins anew has what the log has not"


@pytest.mark.parametrize("seed", range(20))
def test_with_what_was_written_it_is_everything_once(seed: int) -> None:
    """A leader that writes what it was given, dies at any moment, and is followed by another standby."""
    chance = random.Random(seed)
    log: list[int] = []
    hubs = [Standby(Ticking(), lambda: log[-1] if log else 0) for _ in range(3)]
    leader, now = hubs[0], 0
    for _ in range(200):
        now += chance.randint(0, 4)
        for hub in hubs:
            if hub is not leader:
                hub.run_along(now)
        given = [t for t in times(leader.until(now)) if not log or t > log[-1]]
        if chance.random() < 0.7:
            log += given
        else:
            leader = chance.choice(hubs)  # what it was given is lost with it
            leader.begin_term()
    assert log == list(range(1, log[-1] + 1))


def test_without_what_was_kept_a_new_leader_has_missed_something() -> None:
    """Negative control: a world that only runs along."""
    log = [1, 2, 3]
    world = Ticking()
    list(world.until(3))  # written by the old leader
    list(world.until(8))  # it died before 4 to 8 were
    log += times(world.until(10))
    assert log != list(range(1, 11))


def test_while_nobody_can_write_samples_are_shed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "HELD_SAMPLE_EVENTS", 20)
    world = Standby(Ticking(), lambda: 0)
    for now in range(0, 600, 7):
        world.run_along(now)
    world.begin_term()
    kept = list(world.until(600))
    assert [e.t_ns for e in kept if isinstance(e, Condition)] == [n for n in range(1, 601) if n % 3]
    samples = [e.t_ns for e in kept if isinstance(e, Measured)]
    assert samples == list(range(samples[0], 601, 3)), "the newest are kept"
    assert world.shed == 200 - len(samples)
