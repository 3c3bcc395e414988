"""The hub's time: it never runs back, and a world that stands still is not called healthy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.city import City
from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from backends.hub.core import WALL_T, WORLD_T, Core
from backends.hub.log import SqliteLog
from backends.hub.main import HubSettings, _clock

HOUR_NS = 3600 * NS_PER_S
WALL = 1_790_000_000 * NS_PER_S


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    yield made
    made.close()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The wall clock, in its only item."""
    now = [WALL]
    monkeypatch.setattr(time, "time_ns", lambda: now[0])
    return now


SETTINGS = HubSettings("data", "authorised", "keys")


def test_a_wall_clock_that_steps_back_stops_nothing(log: SqliteLog, wall: list[int]) -> None:
    core = Core(log, City(start_ns=WALL))
    core.start(WALL)
    clock = _clock(SETTINGS, log)
    core.round(clock.now_ns(), 0.0)
    wall[0] -= HOUR_NS
    begun_ns = clock.now_ns()
    core.round(begun_ns, 1.0)
    core.round(begun_ns + 120 * NS_PER_S, 120.0)
    assert core.faults == 0
    assert begun_ns >= WALL
    assert log.head("samples").t_source > begun_ns, "the world has gone on"


def test_a_hub_started_under_a_clock_set_back_goes_on_from_its_log(log: SqliteLog, wall: list[int]) -> None:
    log.commit([], WALL, meta={WORLD_T: str(WALL + HOUR_NS), WALL_T: str(WALL + HOUR_NS)})
    assert _clock(SETTINGS, log).now_ns() >= WALL + HOUR_NS
    assert _clock(SETTINGS, log, at_least_ns=WALL + 2 * HOUR_NS).now_ns() >= WALL + 2 * HOUR_NS
    wall[0] += 5 * HOUR_NS
    assert _clock(SETTINGS, log).now_ns() >= WALL + 5 * HOUR_NS, "a clock that is ahead is followed at the start"


def test_a_world_that_stands_still_has_no_canary(log: SqliteLog, expect_logs: ExpectLogs) -> None:
    """The real city refuses a time that goes back; the test alarm must not say that all is well meanwhile."""
    expect_logs("the world broke")
    core = Core(log, City(start_ns=WALL))
    core.start(WALL)
    core.round(WALL + HOUR_NS, 0.0)
    healthy = core.canary
    assert healthy is not None
    core.round(WALL, 5.0)
    assert core.canary == healthy
    core.round(WALL + HOUR_NS + NS_PER_S, 10.0)
    assert core.canary is not None
    assert core.canary.seq > healthy.seq
