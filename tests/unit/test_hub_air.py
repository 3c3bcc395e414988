"""The hourly VN_AQI of air stations: from stored hours, once each, with the quality of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
from helpers.tiny_city import TinyCity

from backends.domain.air_index import NOWCAST_HOURS
from backends.domain.alarm import Priority
from backends.domain.feeds import Mode
from backends.domain.limits import scale_at
from backends.domain.quality import Quality
from backends.domain.sensor import Flagged, Sample, Sensor, band_of
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Directory, Measured, WorldEvent
from backends.hub.air import GRACE_NS, HOUR_NS, AirHours, Found, air_stations, derived, hour_means, limits_of
from backends.hub.core import Core
from backends.hub.intake import Intake
from backends.hub.limit_book import LimitBook
from backends.hub.log import SqliteLog
from backends.hub.ports import Times, Values
from backends.protocol.codec import decode_body

SHIPPED = Path(__file__).resolve().parents[2] / "resources" / "limits"
SCALES = LimitBook([SHIPPED]).scales
HOUR = 1_790_000_000 * NS_PER_S // HOUR_NS * HOUR_NS
"""A full hour."""
STEP_S = 300


def sensor(parameter: str, station: str = "air-01", unit: str = "µg/m³") -> Sensor:
    return Sensor(
        f"{station}.{parameter}", LocalText(parameter), unit, station, LocalText(station), parameter,
        period_s=float(STEP_S),
    )  # fmt: skip


PM25, PM10, NO2 = sensor("pm25"), sensor("pm10"), sensor("no2")
AIR = {one.id: one for one in (PM25, PM10, NO2)}


class Log:
    """Samples by series, as a log would give them."""

    def __init__(self) -> None:
        self.values: dict[str, dict[int, float]] = {}
        self.flagged: dict[str, tuple[Flagged, ...]] = {}
        self.newest: dict[str, Sample] = {}

    def fill(self, series: str, value: float, first: float, last: float) -> None:
        """Every five minutes between so many hours before and after HOUR."""
        known = self.values.setdefault(series, {})
        begin, end = (HOUR + int(h * HOUR_NS) for h in (first, last))
        known.update(dict.fromkeys(range(begin, end, STEP_S * NS_PER_S), value))

    def history(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        known = self.values.get(series)
        if known is None:
            return None
        there = sorted(t for t in known if t0_ns <= t <= t1_ns)
        return np.array(there, np.int64), np.array([known[t] for t in there], np.float64)

    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]:
        return tuple(f for f in self.flagged.get(series, ()) if f.t1_ns >= t0_ns and f.t0_ns <= t1_ns)

    def last(self, series: str) -> Sample | None:
        return self.newest.get(series)


def looked(log: Log, air: AirHours | None = None, at_ns: int = HOUR + GRACE_NS) -> Found | None:
    return (air or AirHours(SCALES)).look(at_ns, AIR, log)


def values(found: Found | None) -> list[tuple[int, float | None]]:
    assert found is not None
    return [((s.t_ns - HOUR) // HOUR_NS, s.value) for s in found.samples]


# -- which stations, and what their series says ----------------------------------------------------------------------


def test_a_station_needs_dust_in_the_unit_of_the_scale() -> None:
    scale = scale_at(SCALES, "vn_aqi", "2026-01-01")
    assert scale is not None
    others = [sensor("no2", "air-02"), sensor("pm25", "air-03", "mg/m³"), sensor("temperature"), PM25, NO2, PM10]
    index = derived("air-01", [PM25], scale)
    found = air_stations([*others, index, msgspec.structs.replace(PM25, id="air-01.pm25-b")], scale)
    assert list(found) == ["air-01"]
    assert {one.id for one in found["air-01"]} == {PM25.id, PM10.id, NO2.id}


def test_the_series_is_a_sensor_of_its_station_with_the_levels_of_the_scale() -> None:
    scale = scale_at(SCALES, "vn_aqi", "2026-01-01")
    index = derived("air-01", [PM25, NO2], scale)
    assert (index.id, index.unit, index.station, index.parameter) == ("air-01.vn_aqi", "", PM25.station, "vn_aqi")
    assert index.derived == (PM25.id, NO2.id)
    assert [(band.name.vi, band.colour) for band in index.bands[:1]] == [("Tốt", (0, 228, 0))]
    assert band_of(index.bands, 87.0).name.en == "Moderate"
    assert [(one.label.vi, one.value, one.priority) for one in index.limits] == [
        ("Xấu", 150, Priority.MEDIUM), ("Rất xấu", 200, Priority.HIGH), ("Nguy hại", 300, Priority.URGENT),
    ]  # fmt: skip
    assert derived("air-01", [PM25], None).limits == ()
    assert scale is not None
    assert all(one.standard == scale.standard for one in limits_of(scale))


# -- hours -----------------------------------------------------------------------------------------------------------


def test_an_hour_counts_when_three_quarters_of_it_are_there() -> None:
    log = Log()
    log.fill(PM25.id, 10.0, -3, -2)
    log.fill(PM25.id, 20.0, -2, -1.25)  # nine of twelve
    log.fill(PM25.id, 30.0, -1, -0.375)  # eight of twelve
    assert hour_means([PM25], HOUR - 3 * HOUR_NS, HOUR, log) == {"pm25": [None, 20.0, 10.0]}
    assert hour_means([NO2], HOUR - 2 * HOUR_NS, HOUR, log) == {"no2": [None, None]}


def test_the_worst_parameter_counts_and_dust_is_weighed_over_twelve_hours() -> None:
    log = Log()
    log.fill(PM25.id, 25.0, -40, 0)
    log.fill(NO2.id, 100.0, -40, -1)
    log.fill(NO2.id, 700.0, -1, 0)
    assert values(looked(log))[-2:] == [(-1, 50.0), (0, 150.0)]
    log.fill(PM25.id, 250.0, -1, 0)  # 300 by itself; weighed: (250 + 25 * (1 - 1/2048)) / (2 - 1/2048) = 137.5
    ((_, index),) = values(looked(log))[-1:]
    assert index == 191  # 150 + 50 * (137.5 - 80) / 70


def test_a_start_makes_up_for_the_hours_that_it_missed_and_no_more() -> None:
    log, air = Log(), AirHours(SCALES)
    log.fill(PM25.id, 25.0, -40, 5)
    assert [hour for hour, _ in values(looked(log, air))] == list(range(-23, 1))
    assert looked(log, air) is None, "told"
    log.newest["air-01.vn_aqi"] = Sample("air-01.vn_aqi", HOUR, 50.0)
    assert looked(log) is None, "by the hub before"
    assert looked(log, air, HOUR + HOUR_NS + GRACE_NS - 1) is None
    assert values(looked(log, air, HOUR + HOUR_NS + GRACE_NS)) == [(1, 50.0)]
    log.newest["air-01.vn_aqi"] = Sample("air-01.vn_aqi", HOUR + HOUR_NS, 50.0)
    assert values(looked(log, AirHours(SCALES), HOUR + 4 * HOUR_NS + GRACE_NS)) == [(2, 50.0), (3, 50.0), (4, 50.0)]


def test_a_clock_that_was_far_ahead_does_not_silence_a_station() -> None:
    log, air = Log(), AirHours(SCALES)
    log.fill(PM25.id, 25.0, -40, 0)
    assert looked(log, air, HOUR + 5000 * HOUR_NS) is not None
    assert values(looked(log, air))[-1] == (0, 50.0)


def test_each_call_looks_at_one_station() -> None:
    log, air = Log(), AirHours(SCALES)
    sensors = {one.id: one for one in (PM25, sensor("pm10", "air-02"))}
    told = [air.look(HOUR + GRACE_NS, sensors, log) for _ in range(3)]
    assert [one.sensor.id if one is not None else "" for one in told] == ["air-01.vn_aqi", "air-02.vn_aqi", ""]


def test_too_few_hours_are_said_by_quality() -> None:
    def quality(prepare: Callable[[Log], None]) -> str:
        log = Log()
        log.fill(PM25.id, 25.0, -40, -2)
        prepare(log)
        found = looked(log)
        assert found is not None
        last = found.samples[-1]
        assert (last.t_ns, last.value) == (HOUR, None)
        return last.quality

    def flag(series: str, said: Quality, first: int, last: int) -> Callable[[Log], None]:
        run = Flagged(HOUR + first * HOUR_NS, HOUR + last * HOUR_NS, said.value)
        return lambda log: log.flagged.update({series: (*log.flagged.get(series, ()), run)})

    assert quality(lambda _log: None) == Quality.DISCONNECTED
    assert quality(flag(PM25.id, Quality.CALIBRATING, -2, -1)) == Quality.CALIBRATING
    assert quality(flag(PM10.id, Quality.FAULT, -2, -1)) == Quality.FAULT
    assert quality(flag(PM25.id, Quality.FAULT, -9, -8)) == Quality.DISCONNECTED, "long over"
    assert looked(Log()) is not None, "a hub without any stored hour says so too"
    log = Log()
    log.fill(PM25.id, 25.0, -40, -1)
    assert values(looked(log))[-1] == (0, 50.0), "two of the newest three hours are enough"


def test_before_the_scale_began_there_is_no_index() -> None:
    log = Log()
    log.fill(PM25.id, 25.0, -40, 0)
    assert AirHours(()).look(HOUR + GRACE_NS, AIR, log) is None
    assert NOWCAST_HOURS == 12


# -- in the hub ------------------------------------------------------------------------------------------------------


class AirCity(TinyCity):
    """One air station, measured every five minutes for a day: PM2.5 at `dust`."""

    def __init__(self, start_ns: int, dust: float = 50.0) -> None:
        super().__init__(start_ns, past_s=60)
        self._air_ns, self._dust = start_ns, dust

    def directory(self) -> Directory:
        made = super().directory()
        return msgspec.structs.replace(made, sensors=(*made.sensors, PM25, PM10))

    def past(self) -> Iterator[WorldEvent]:
        yield from self._air(self._air_ns - 24 * HOUR_NS, self._air_ns)

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        begin, self._air_ns = self._air_ns, t_ns
        yield from self._air(begin, t_ns)

    def _air(self, begin_ns: int, end_ns: int) -> Iterator[WorldEvent]:
        step_ns = STEP_S * NS_PER_S
        for t_ns in range(-(-begin_ns // step_ns) * step_ns, end_ns, step_ns):
            yield Measured(t_ns, (Sample(PM25.id, t_ns, self._dust), Sample(PM10.id, t_ns, 30.0)))


def test_the_hub_publishes_keeps_and_judges_it_like_any_series(tmp_path: Path) -> None:
    start_ns = HOUR + 30 * 60 * NS_PER_S
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    core = Core(log, AirCity(start_ns, dust=200.0), air=AirHours(SCALES))
    core.start(start_ns)
    core.maintain(start_ns)
    published = core.round(start_ns + NS_PER_S, 0.0)
    records = {e.id: decode_body("sensors", e.body) for e in published if e.feed == "sensors"}
    assert records["air-01.vn_aqi"].derived == (PM10.id, PM25.id)
    newest = {
        s.series: s for e in published if e.feed == "samples" for s in decode_body("samples", e.body).samples
    }  # fmt: skip
    assert newest["air-01.vn_aqi"] == Sample("air-01.vn_aqi", HOUR, 250.0)
    read = log.history("air-01.vn_aqi", 0, start_ns)
    assert read is not None
    assert (len(read[0]), set(read[1].tolist())) == (22, {250.0}), "two hours are needed for the first"
    (alarm,) = core.alarms("limit:air-01.vn_aqi").values()
    assert (alarm.priority, alarm.t_raised_ns) == (Priority.HIGH, HOUR)
    later = start_ns + HOUR_NS
    core.round(later, 0.0)
    again = Core(log, AirCity(start_ns), air=AirHours(SCALES))
    again.start(start_ns)
    again.maintain(later)
    again.round(later + NS_PER_S, 0.0)
    read = log.history("air-01.vn_aqi", HOUR, later)
    assert read is not None
    assert read[0].tolist() == [HOUR, HOUR + HOUR_NS]
    log.close()


def test_an_index_does_not_speak_for_a_station_that_is_silent() -> None:
    intake = Intake()
    index = derived("air-01", [PM25, PM10], None)
    for one in (PM25, PM10, index):
        intake.put("sensors", one, HOUR)
    intake.event(Measured(HOUR, (Sample(PM25.id, HOUR, 1.0), Sample(PM10.id, HOUR, 1.0))))
    for n in range(1, 40):
        now_ns = HOUR + n * 30 * NS_PER_S
        intake.event(Measured(now_ns, (Sample(index.id, now_ns, None, "disconnected"),)))
        intake.tick(now_ns)
    assert "nodata:station:air-01" in intake.engine.standing("nodata:")
