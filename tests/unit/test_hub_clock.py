"""The hub's time: it never runs back, and a world that stands still is not called healthy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs

from backends.city import City
from backends.city.stations import LEVEL
from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
from backends.domain.world import Measured, WorldEvent
from backends.hub.core import WALL_T, WORLD_T, Core
from backends.hub.log import SqliteLog
from backends.hub.main import DAYS_KEPT, HubSettings, _clock, _open_log
from backends.hub.standby import Standby
from console import demo
from console.options import Options

HOUR_NS = 3600 * NS_PER_S
WALL = 1_790_000_000 * NS_PER_S


class NewCity(City):
    """Without the day before it, whose 300,000 samples nobody asks for here."""

    def past(self) -> Iterator[WorldEvent]:
        return iter(())


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
    core = Core(log, NewCity(start_ns=WALL))
    core.start(WALL)
    clock = _clock(SETTINGS, log)
    core.round(clock.now_ns(), 0.0)
    wall[0] += HOUR_NS
    assert clock.now_ns() >= WALL + HOUR_NS, "a clock that is set forward is followed at once"
    wall[0] -= 2 * HOUR_NS
    assert clock.now_ns() >= WALL + HOUR_NS
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
    assert _clock(SETTINGS, log).now_ns() >= WALL + 5 * HOUR_NS


def test_a_world_that_stands_still_has_no_canary(log: SqliteLog, expect_logs: ExpectLogs) -> None:
    """The real city refuses a time that goes back; the test alarm must not say that all is well meanwhile."""
    expect_logs("the world broke")
    core = Core(log, NewCity(start_ns=WALL))
    core.start(WALL)
    core.round(WALL + HOUR_NS, 0.0)
    healthy = core.canary
    assert healthy is not None
    core.round(WALL, 5.0)
    assert core.canary == healthy
    core.round(WALL + HOUR_NS + NS_PER_S, 10.0)
    assert core.canary is not None
    assert core.canary.seq > healthy.seq


class Asked(NewCity):
    """How much was told in one answer, at most."""

    most = 0

    def until(self, t_ns: int) -> list[WorldEvent]:
        told = super().until(t_ns)
        self.most = max(self.most, len(told))
        return told


def test_an_old_log_is_passed_over_in_slices(log: SqliteLog) -> None:
    """Four hours of the world are told between its start and the log's end, and four until now."""
    end = WALL + 4 * HOUR_NS
    Core(log, NewCity(start_ns=WALL)).start(WALL)
    log.commit([], end, meta={WORLD_T: str(end)})
    hour = len(NewCity(start_ns=WALL).until(WALL + HOUR_NS))
    world = Asked(start_ns=WALL)
    core = Core(log, world)
    core.start(WALL)
    before = log.head("samples").head
    core.round(end + 4 * HOUR_NS, 0.0)
    assert 0 < world.most < 3 * hour
    assert core.faults == 0
    assert log.head("samples").head > before
    assert log.meta(WORLD_T) == str(end + 4 * HOUR_NS)


def test_what_a_standby_has_kept_beyond_the_log_is_not_passed_over(log: SqliteLog) -> None:
    Core(log, NewCity(start_ns=WALL)).start(WALL)
    world = Standby(NewCity(start_ns=WALL), lambda: int(log.meta(WORLD_T)), WALL)
    world.run_along(WALL + 2 * HOUR_NS)
    world.begin_term()
    core = Core(log, world)
    core.start(WALL)
    core.round(WALL + HOUR_NS, 0.0)
    core.round(WALL + 3 * HOUR_NS, 1.0)
    assert core.faults == 0
    wanted = [e.t_ns for e in NewCity(start_ns=WALL).until(WALL + 3 * HOUR_NS) if isinstance(e, Measured)]
    t, _ = log.history(LEVEL, WALL + 1, WALL + 3 * HOUR_NS) or ((), ())
    assert set(t) <= set(wanted)
    assert len(t) > 100


def test_a_hub_of_consoles_elsewhere_keeps_its_log_and_a_simulated_day_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Mapping[str, Any]] = []
    monkeypatch.setattr(demo._Session, "supervise", lambda self, rows, *more: told.append(rows[0].settings()) or 0)
    demo.run_hub(Options(data_dir=tmp_path), "127.0.0.1", 7401, 7402)
    demo.run_hub(Options(data_dir=tmp_path, scenario="flood-2020"), "127.0.0.1", 7401, 7402)
    assert [one["resume"] for one in told] == ["always", "crash"]

    settings = HubSettings(str(tmp_path), "authorised", "keys")
    for n in range(DAYS_KEPT + 3):
        monkeypatch.setattr(time, "gmtime", lambda n=n: time.struct_time((2026, 1, 1, 0, 0, n, 0, 1, 0)))
        made = _open_log(settings)
        made.commit([], WALL, meta={WALL_T: str(WALL)})
        made.close()
    assert len(list(tmp_path.glob("hub.db.day-*"))) == DAYS_KEPT
    kept = msgspec.structs.replace(settings, resume="always")
    made = _open_log(kept)
    assert made.meta(WALL_T) == str(WALL)
    made.close()
