"""The simulated city: directory, determinism, the opening minute, a day's rates, the flood of 2020."""

from __future__ import annotations

import functools
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.city import SCENARIOS, City, UnknownScenario, scenario_start_ns, scene_kind, wifi_points
from backends.city.geography import areas, areas_on, inside
from backends.city.hydro import flood_level_m
from backends.city.indicators import indicators
from backends.city.stations import LEVEL
from backends.city.tables import local_ns, table
from backends.domain.action import Verb
from backends.domain.alarm import (
    Alarm,
    AlarmState,
    Priority,
    TransitionRefused,
    acknowledge,
    claim,
    list_order,
    return_to_normal,
    rise,
)
from backends.domain.quality import Quality
from backends.domain.report import ReportState, remaining_s
from backends.domain.times import NS_PER_S
from backends.domain.world import CameraMoved, Condition, CrewAct, Measured, ReportMoved, WorldEvent

HOUR_NS = 3600 * NS_PER_S
STARTS = ("2026-11-20T09:41", "2026-11-21T03:00", "2025-06-30T17:20")


def city_past(start: str, seed: int = 2020) -> tuple[City, tuple[WorldEvent, ...]]:
    """A fresh calm city, and its past, which is made once a test run."""
    return City(seed=seed, start_ns=local_ns(start)), _past(start, seed)


@functools.cache
def _past(start: str, seed: int) -> tuple[WorldEvent, ...]:
    return tuple(City(seed=seed, start_ns=local_ns(start)).past())


class SmallEngine:
    """What a hub's alarm engine makes of the events: enough to see what an operator would see."""

    def __init__(self, city: City) -> None:
        self.alarms: dict[str, Alarm] = {}
        self.raised = 0
        self._limits = {s.id: s for s in city.directory().sensors if s.limits}

    def play(self, events: tuple[WorldEvent, ...] | list[WorldEvent]) -> dict[str, Alarm]:
        for event in events:
            if isinstance(event, Condition):
                if event.active:
                    self._raise(event.key, event.priority, event.t_ns, event.name.vi)
                else:
                    self._return(event.key, event.t_ns)
            elif isinstance(event, CrewAct):
                self._act(event)
            elif isinstance(event, Measured):
                self._check(event)
        return self.alarms

    def _raise(self, key: str, priority: Priority, t_ns: int, name: str) -> None:
        from backends.domain.text import LocalText

        self.raised += 1
        self.alarms[key] = Alarm(key, priority, AlarmState.UNACKNOWLEDGED, LocalText(name), t_ns)

    def _return(self, key: str, t_ns: int) -> None:
        if key in self.alarms:
            self._keep(key, return_to_normal(self.alarms[key], t_ns))

    def _keep(self, key: str, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            del self.alarms[key]
        else:
            self.alarms[key] = alarm

    def _act(self, act: CrewAct) -> None:
        alarm = self.alarms.get(act.key)
        if alarm is None:
            return
        try:
            if act.verb is Verb.CLAIM:
                self._keep(act.key, claim(alarm, act.operator_id, act.operator_id, act.t_ns))
            else:
                self._keep(act.key, acknowledge(alarm, act.operator_id, act.t_ns))
        except TransitionRefused:
            return

    def _check(self, event: Measured) -> None:
        for sample in event.samples:
            sensor = self._limits.get(sample.series)
            if sensor is None or sample.value is None:
                continue
            key = f"limit:{sample.series}"
            broken = [x for x in sensor.limits if (sample.value > x.value if x.above else sample.value < x.value)]
            if broken:
                worst = min((x.priority for x in broken), key=lambda p: p.rank)
                if key not in self.alarms or self.alarms[key].state is AlarmState.RETURNED:
                    self._raise(key, worst, event.t_ns, sensor.name.vi)
                else:
                    self.alarms[key] = rise(self.alarms[key], worst, event.t_ns)
            elif key in self.alarms:
                self._return(key, event.t_ns)


def test_the_directory_has_the_city_of_the_reports() -> None:
    directory = city_past(STARTS[0])[0].directory()
    city = [c for c in directory.cameras if c.owner == "city"]
    assert (len(directory.cameras), len(city)) == (364, 113)
    assert len({c.site for c in city}) == 99
    assert [c.number for c in directory.cameras] == [f"{n:03d}" for n in range(1, 365)]
    assert len(wifi_points()) == 27
    assert len({s.station_id for s in directory.sensors}) == 139
    assert len(directory.sensors) == 139 * 8
    assert len({s.id for s in directory.sensors}) == len(directory.sensors)
    assert {s.id for s in directory.stations} == {"ban-1", "ban-2", "quan-tri", "tuong-1"}


def test_the_names_of_the_look_are_there() -> None:
    names = {c.number: c.name.vi for c in city_past(STARTS[0])[0].directory().cameras}
    wanted = {
        "014": "Hùng Vương – Lê Duẩn",
        "021": "Cầu Đông Hà, hướng Bắc",
        "033": "Chợ Đông Hà, cổng A",
        "047": "QL9 – Lê Thánh Tôn",
        "052": "Bến xe Đông Hà",
        "068": "Kè sông Hiếu, bờ Nam",
        "071": "Cầu đi bộ sông Hiếu",
        "085": "Trần Hưng Đạo",
        "102": "Cổng trụ sở HĐND – UBND",
    }
    assert {n: names[n] for n in wanted} == wanted
    assert len(set(names.values())) == 364
    assert scene_kind("068") == "river"


def test_every_service_of_the_design_has_an_indicator() -> None:
    services = {i.service for i in city_past(STARTS[0])[0].directory().indicators}
    assert services >= {
        "cameras", "field_reports", "traffic", "public_security", "social_listening", "environment", "health",
        "education", "tourism", "lodging", "public_administration", "socio_economic", "agriculture",
        "information_security", "wifi", "data_centre", "integration_platform",
    }  # fmt: skip


def test_indicators_open_with_the_figures_of_the_look() -> None:
    found = {i.id: i for i in city_past(STARTS[0])[0].directory().indicators}
    assert found["public_administration.on_time"].value == 96.4
    assert found["health.bed_occupancy"].value == 81
    assert (found["wifi.online"].value, found["wifi.online"].goal) == (25, 27)
    assert found["public_administration.on_time"].t_as_of_ns == local_ns("2026-11-19T00:00")


@pytest.mark.parametrize(("day", "counted"), [("2026-11-21T09:00", True), ("2026-11-22T09:00", False)])
def test_attendance_is_not_counted_on_a_sunday(day: str, counted: bool) -> None:
    found = {i.id: i for i in indicators(1, local_ns(day), {})}
    assert (found["education.attendance"].value is not None) is counted
    assert found["wifi.online"].value is not None


def test_a_scenario_may_say_that_a_figure_is_not_taken() -> None:
    found = {i.id: i for i in indicators(1, local_ns("2026-11-20T09:00"), {"education.attendance": float("nan")})}
    assert found["education.attendance"].value is None


@pytest.mark.parametrize(("date", "count"), [("2020-10-18", 9), ("2025-06-30", 9), ("2025-07-01", 2)])
def test_wards_hold_by_date(date: str, count: int) -> None:
    assert len(areas_on(date)) == count


def test_the_wards_tile_the_plane() -> None:
    rng = random.Random(7)
    old, new = [a for a in areas() if a.valid_to], [a for a in areas() if not a.valid_to]
    for _ in range(400):
        point = (rng.uniform(107.046, 107.148), rng.uniform(16.77, 16.866))
        small, large = [a for a in old if inside(point, a.border)], [a for a in new if inside(point, a.border)]
        assert len(small) <= 1
        assert len(small) == len(large)


def test_areas_of_cameras_hold_on_the_day() -> None:
    for start in ("2025-06-30T23:59", "2026-11-20T09:41"):
        directory = City(start_ns=local_ns(start)).directory()
        valid = {a.id for a in areas_on(start[:10])}
        assert {c.area_id for c in directory.cameras} == valid
        assert {s.area_id for s in directory.sensors} <= valid


def test_river_limits_are_data_with_their_standard() -> None:
    level = next(s for s in city_past(STARTS[0])[0].directory().sensors if s.id == LEVEL)
    assert [(x.label.vi, x.value) for x in level.limits] == [("BĐ1", 2.0), ("BĐ2", 3.0), ("BĐ3", 4.0)]
    assert {x.standard for x in level.limits} == {"QĐ 05/2020/QĐ-TTg"}
    assert level.forecast
    assert [t for t, _ in level.forecast] == sorted({t for t, _ in level.forecast})


def test_the_same_seed_and_start_give_the_same_city() -> None:
    city, past = city_past(STARTS[0])
    again = City(start_ns=local_ns(STARTS[0]))
    assert again.directory() == city.directory()
    assert tuple(itertools.islice(again.past(), 2000)) == past[:2000]
    assert tuple(itertools.islice(City(seed=7, start_ns=local_ns(STARTS[0])).past(), 2000)) != past[:2000]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 3600 * 1000), max_size=12), st.sampled_from(sorted(SCENARIOS)))
def test_how_time_is_cut_changes_nothing(cuts_ms: list[int], scenario: str) -> None:
    start_ns = scenario_start_ns(scenario) or local_ns(STARTS[0]) + 123_456_789
    end_ns = start_ns + HOUR_NS
    whole = City(start_ns=start_ns, scenario=scenario).until(end_ns)
    city = City(start_ns=start_ns, scenario=scenario)
    parts: list[WorldEvent] = []
    for cut in [*sorted(cuts_ms), 3600 * 1000]:
        parts += city.until(start_ns + cut * 1_000_000)
    assert parts == whole
    assert len(whole) > 300


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_time_rises_and_the_past_joins_the_future(scenario: str) -> None:
    start_ns = scenario_start_ns(scenario) or local_ns(STARTS[0])
    city = City(start_ns=start_ns, scenario=scenario)
    past = list(city.past()) if scenario != "calm" else list(_past(STARTS[0], 2020))
    future = city.until(start_ns + HOUR_NS)
    times = [e.t_ns for e in past + future]
    assert times == sorted(times)
    assert start_ns - 24 * HOUR_NS <= times[0]
    assert past[-1].t_ns < start_ns <= future[0].t_ns
    with pytest.raises(ValueError, match="does not go back"):
        city.until(start_ns)


@pytest.mark.parametrize("start", STARTS)
def test_the_opening_minute_looks_like_the_look(start: str) -> None:
    city, past = city_past(start)
    alarms = sorted(SmallEngine(city).play(past).values(), key=list_order)
    waiting = [a for a in alarms if a.unacknowledged]
    assert [a.priority for a in waiting] == [Priority.HIGH, Priority.HIGH, Priority.MEDIUM, Priority.LOW]
    assert waiting[0].name.vi == "Tụ tập đông người"
    assert waiting[2].state is AlarmState.RETURNED
    assert len(alarms) - len(waiting) == 4
    assert any(a.id.startswith("limit:") and a.holder == "op-ha" for a in alarms)
    reports = {e.report.id: e.report for e in past if isinstance(e, ReportMoved)}
    unfinished = [r for r in reports.values() if r.state.open]
    assert len(unfinished) == 14
    assert sum(remaining_s(r, city.start_ns) < 0 for r in unfinished) == 1
    assert sum(0 < remaining_s(r, city.start_ns) < 3600 for r in unfinished) >= 3
    assert {c.number for c in city.directory().cameras if not c.online} == {"068", "241"}


def test_eleven_air_sensors_are_disconnected_at_the_start() -> None:
    city, past = city_past(STARTS[0])
    last = {
        s.series: s
        for e in past + tuple(city.until(city.start_ns + 310 * NS_PER_S))
        if isinstance(e, Measured)
        for s in e.samples
    }
    silent = [s for s in last.values() if s.quality == Quality.DISCONNECTED.value]
    assert len(silent) == 11
    assert all(s.value is None for s in silent)


@pytest.mark.parametrize("seed", [2020, 7])
def test_a_calm_day_keeps_to_the_stated_rates(seed: int) -> None:
    city, past = city_past(STARTS[0], seed=seed)
    engine = SmallEngine(city)
    engine.play(past)
    assert 125 <= engine.raised <= 185
    reports = {e.report.id for e in past if isinstance(e, ReportMoved)}
    assert 75 <= len(reports) <= 175
    raised = [e for e in past if isinstance(e, Condition) and e.active]
    urgent = [e for e in raised if e.priority is Priority.URGENT]
    assert len(urgent) <= 0.08 * len(raised)
    samples = sum(len(e.samples) for e in past if isinstance(e, Measured))
    assert samples >= 320_000


def test_the_crew_leaves_the_operators_alarms_alone() -> None:
    city = City(start_ns=local_ns("2026-11-20T16:30"))
    future = city.until(city.start_ns + 5 * HOUR_NS)
    urgent = {e.key for e in future if isinstance(e, Condition) and e.active and e.priority is Priority.URGENT}
    raised = {e.key: e.t_ns for e in future if isinstance(e, Condition) and e.active}
    acts = [e for e in future if isinstance(e, CrewAct)]
    assert urgent
    assert acts
    assert not urgent & {a.key for a in acts}
    assert all(a.t_ns - raised.get(a.key, city.start_ns) >= 7 * 60 * NS_PER_S for a in acts)
    assert {a.operator_id for a in acts} == {"op-minh"}


def test_reports_move_in_order_and_end() -> None:
    _, past = city_past(STARTS[0])
    seen: dict[str, list[ReportMoved]] = {}
    for event in past:
        if isinstance(event, ReportMoved):
            seen.setdefault(event.report.id, []).append(event)
    for moves in seen.values():
        assert [m.report.rev for m in moves] == list(range(1, len(moves) + 1))
        assert moves[0].report.state is ReportState.NEW
        assert moves[0].t_ns == moves[0].report.t_received_ns
    assert list(seen)[-1] == "PA-2216"


def test_a_dead_camera_says_when_it_died_and_came_back() -> None:
    _, past = city_past(STARTS[0])
    moves = [e for e in past if isinstance(e, CameraMoved)]
    assert moves
    by_camera: dict[str, bool] = {}
    for move in moves:
        assert move.camera.t_state_ns == move.t_ns
        by_camera[move.camera.number] = move.camera.online
    assert {n for n, online in by_camera.items() if not online} == {"068", "241"}


@pytest.mark.parametrize("row", [r for r in table("hydro")["flood_2020"] if r.get("doc")], ids=lambda r: r["at"])
def test_the_flood_runs_through_the_documented_points(row: dict[str, object]) -> None:
    t_ns = local_ns(str(row["at"]))
    assert flood_level_m(t_ns / NS_PER_S) == pytest.approx(row["level"])
    city = City(start_ns=t_ns, scenario="flood-2020")
    measured = [e for e in city.until(t_ns) if isinstance(e, Measured)]
    values = [s.value for e in measured for s in e.samples if s.series == LEVEL]
    assert values == [row["level"]]


def test_the_documented_points_are_those_of_the_bulletins() -> None:
    points = [(r["at"], r["level"]) for r in table("hydro")["flood_2020"] if r.get("doc")]
    assert points == [
        ("2020-10-16T11:00", 1.64),
        ("2020-10-17T23:00", 5.16),
        ("2020-10-18T03:30", 5.36),
        ("2020-10-18T07:00", 5.17),
    ]


@given(st.integers(0, 40 * 3600), st.integers(1, 3600))
def test_the_flood_rises_to_its_peak_and_never_above(before_s: int, step_s: int) -> None:
    peak_s = local_ns("2020-10-18T03:30") / NS_PER_S
    assert flood_level_m(peak_s - before_s - step_s) <= flood_level_m(peak_s - before_s) <= 5.36
    assert 5.36 >= flood_level_m(peak_s + before_s) >= flood_level_m(peak_s + before_s + step_s)


def test_at_the_peak_urgent_alarms_wait_and_cameras_are_dead() -> None:
    start_ns = scenario_start_ns("flood-2020", "peak")
    assert start_ns == local_ns("2020-10-18T03:30")
    city = City(start_ns=start_ns, scenario="flood-2020", mark="peak")
    alarms = SmallEngine(city).play(list(city.past()))
    urgent = {a.id for a in alarms.values() if a.unacknowledged and a.priority is Priority.URGENT}
    assert f"limit:{LEVEL}" in urgent
    assert len(urgent) >= 3
    dead = {c.number for c in city.directory().cameras if not c.online}
    assert {"068", "069", "074"} <= dead
    assert "071" not in dead
    assert city.weather(start_ns) == "flood-night"


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownScenario, match="did you mean 'flood-2020'"):
        City(start_ns=0, scenario="flood2020")
    with pytest.raises(UnknownScenario, match="did you mean 'peak'"):
        scenario_start_ns("flood-2020", "paek")
    with pytest.raises(UnknownScenario, match="there are"):
        scenario_start_ns("calm", "zzz")
    assert scenario_start_ns("calm") is None
