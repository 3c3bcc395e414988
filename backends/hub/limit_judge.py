"""Values against limits: which limit is broken, and how that is said. What becomes of it is the engine's business.

Pure. A value is judged by the limits that applied at its own time. Must not: judge a value of doubtful quality.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from backends.domain.alarm import Alarm, Priority
from backends.domain.definition import Definition
from backends.domain.limits import day_number, day_of, level_of, limits_at
from backends.domain.quality import Quality
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.hub import words
from backends.hub.trend import Trend
from backends.hub.words import limit_detail, limit_name

_GOOD = Quality.GOOD.value


class LimitJudge:
    """All series that have limits."""

    def __init__(self) -> None:
        self._sensors: dict[str, Sensor] = {}
        self._in_force: dict[str, tuple[int, tuple[Limit, ...]]] = {}
        self._trends: dict[str, Trend] = {}
        self._newest: dict[str, int] = {}
        self._values: dict[str, float] = {}
        """The newest one that counted."""
        self._held: dict[str, Limit] = {}
        """Which limit a series' alarm speaks of."""
        self._broken: dict[str, tuple[Limit, ...]] = {}
        """Which limits of a series were broken when any was last."""

    def watch(self, sensor: Sensor) -> bool:
        """Take a sensor's definition; its limits hold from the next sample on. True: they may be others than before."""
        before = self._sensors.get(sensor.id)
        self._sensors[sensor.id] = sensor
        self._in_force.pop(sensor.id, None)
        if sensor.limits:
            self._trends.setdefault(sensor.id, Trend())
        return before is None or before.limits != sensor.limits

    def unwatch(self, series: str) -> None:
        """It is not there any more."""
        of_series = (self._sensors, self._in_force, self._trends, self._newest, self._values, self._held, self._broken)
        for known in of_series:
            known.pop(series, None)

    def watches(self, series: str) -> bool:
        """Has this series limits at all?"""
        return series in self._trends

    def sensor(self, series: str) -> Sensor | None:
        return self._sensors.get(series)

    def seed_trend(self, series: str, points: Iterable[tuple[int, float]]) -> None:
        """Samples of the last hour, after a restart."""
        if (trend := self._trends.get(series)) is not None:
            for t_ns, value in points:
                trend.add(t_ns, value)
                self._values[series] = value

    def takes(self, s: Sample, now_ns: int | None) -> bool:
        """It counts. Doubtful, missing and older values do not, nor what is no figure (NaN, infinite).

        `now_ns`: when it came. A newest value from the future was a wrong clock's (the sensor's, or the hub's
        before it was set back): it must not keep the engine deaf until that future comes.
        """
        if s.value is None or not math.isfinite(s.value) or s.quality != _GOOD:
            return False
        if s.series not in self._trends or s.series not in self._sensors:
            return False
        newest_ns = self._newest.get(s.series, -1)
        if s.t_ns <= newest_ns and (now_ns is None or newest_ns <= now_ns):
            return False
        self._newest[s.series], self._values[s.series] = s.t_ns, s.value
        self._trends[s.series].add(s.t_ns if now_ns is None else min(s.t_ns, now_ns), s.value)
        return True

    def broken(self, s: Sample, standing: Alarm | None, *, holding: bool) -> tuple[Priority, dict[str, Any]] | None:
        """Priority and words of the gravest limit that is broken. `holding`: one was until now, so that it is left
        only past its deadband."""
        assert s.value is not None
        sensor = self._sensors[s.series]
        broken = self._all_broken(sensor, s, standing, holding=holding)
        if not broken:
            return None
        limit = self._held[s.series] = broken[0]
        self._broken[s.series] = broken
        return limit.priority, {
            "name": limit_name(sensor, limit, s.value),
            "detail": limit_detail(sensor, limit, s.value, self._trends[s.series].per_hour()),
            "place": sensor.station, "area_id": sensor.area_id, "lon": sensor.lon, "lat": sensor.lat,
            "sensor_id": sensor.id, "camera_ids": sensor.camera_ids, "source": "limit",
        }  # fmt: skip

    def forget(self, series: str) -> None:
        """No limit of it is broken any more."""
        self._held.pop(series, None)

    def said(self, series: str, t_ns: int) -> Sample | None:
        """Its newest value, as one of that time; None: none is known."""
        value = self._values.get(series) if series in self._sensors else None
        return Sample(series, t_ns, value) if value is not None else None

    def holding(self, series: str, t_ns: int) -> tuple[Limit, ...]:
        """Its limits at that time, gravest first."""
        sensor = self._sensors.get(series)
        return self._on(sensor, t_ns) if sensor is not None else ()

    def why_over(self, series: str, t_ns: int) -> LocalText:
        """What has become of the limit that its alarm spoke of."""
        sensor, held = self._sensors.get(series), self._held.get(series)
        if sensor is None:
            return words.SENSOR_GONE
        now = self.holding(series, t_ns)
        if held is None:
            return words.LIMITS_OTHER if now else words.NO_LIMIT
        same = next((one for one in now if level_of(one) == level_of(held)), None)
        if same is not None and same.value == held.value:
            return words.LIMITS_OTHER  # its deadband, say
        return words.limit_ended(sensor, held) if same is None else words.limit_moved(sensor, held, same)

    def delayed(self, series: str, definition: Definition) -> Definition:
        """With the delays of the limits that are, or were last, broken (after a restart: of those that go on): the
        alarm is raised as soon as one of them has waited for long enough, and returns when all have."""
        limits = self._broken.get(series, ())
        if not limits and (sensor := self._sensors.get(series)) is not None:
            limits = tuple(one for one in sensor.limits if not (one.ended or one.valid_until))
        if all(one.on_delay_s is None and one.off_delay_s is None for one in limits):
            return definition
        on = min(definition.on_delay_s if one.on_delay_s is None else one.on_delay_s for one in limits)
        off = max(definition.off_delay_s if one.off_delay_s is None else one.off_delay_s for one in limits)
        return msgspec.structs.replace(definition, on_delay_s=on, off_delay_s=off)

    def _all_broken(
        self, sensor: Sensor, s: Sample, standing: Alarm | None, *, holding: bool
    ) -> tuple[Limit, ...]:  # fmt: skip
        """Gravest first."""
        assert s.value is not None
        held = self._held.get(s.series)
        below_held = False
        broken = []
        for limit in self._on(sensor, s.t_ns):
            if holding and held is not None:
                below_held |= level_of(limit) == level_of(held)
            elif holding and standing is not None:
                # After a restart the standing alarm's priority tells which limit it speaks of.
                below_held |= limit.priority.rank >= standing.priority.rank
            slack = limit.deadband if below_held else 0.0
            if (s.value > limit.value - slack) if limit.above else (s.value < limit.value + slack):
                broken.append(limit)
        return tuple(broken)

    def _on(self, sensor: Sensor, t_ns: int) -> tuple[Limit, ...]:
        day = day_number(t_ns)
        known = self._in_force.get(sensor.id)
        if known is None or known[0] != day:
            known = self._in_force[sensor.id] = (day, limits_at(sensor.limits, day_of(t_ns)))
        return known[1]
