"""The alarm engine: conditions and samples in, changes of the feeds `alarms` and `timeline` out.

Pure: no sockets, no log, no clock; times are arguments. The transitions are those of
backends.domain.alarm; this module decides when they happen. An alarm's id is `KEY@MILLISECONDS`, so a
restarted engine finds its keys in the alarms of the log.
Must not: publish the canary as an alarm, or raise a limit alarm from a value of doubtful quality.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from backends.domain import alarm as alarms
from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.people import Operator, Role
from backends.domain.quality import Quality
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_MS, NS_PER_S
from backends.domain.world import Condition, CrewAct
from backends.hub import timeline
from backends.hub.ports import Change
from backends.hub.trend import Trend
from backends.hub.words import limit_detail, limit_name
from backends.protocol.messages import Canary

DETAIL_EVERY_NS = 10 * NS_PER_S
"""Figures of an alarm move at most this often, in hub time, unless its state moves."""
_GOOD = Quality.GOOD.value
_DAY_NS = 86_400 * NS_PER_S
NO_ARGS: Mapping[str, str] = MappingProxyType({})
CANARY_KEY = "canary"
LIMIT_PREFIX = "limit:"
_ACTIVE = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)
"""States in which a limit alarm still speaks of a limit that is broken, shown or set aside."""
_CANARY_NAME = LocalText("Chim báo", "Canary")


def key_of(alarm: Alarm) -> str:
    """The condition key in an alarm's id."""
    return alarm.id.rpartition("@")[0]


def _on_shelf(alarm: Alarm) -> bool:
    """Set aside, and coming back by itself."""
    return alarm.state is AlarmState.SHELVED and alarm.shelved_until_ns > 0


class AlarmEngine:
    """Alarms by key. Restored from the log's alarms at a restart."""

    def __init__(self, restored: Iterable[Alarm] = ()) -> None:
        self._by_key = {key_of(a): a for a in restored}
        self._key_of_id = {a.id: key for key, a in self._by_key.items()}
        self._sensors: dict[str, Sensor] = {}
        self._limits: dict[str, tuple[int, tuple[Limit, ...]]] = {}
        self._trends: dict[str, Trend] = {}
        self._newest: dict[str, int] = {}
        self._shown_ns: dict[str, int] = {}
        self._waiting: dict[str, Alarm] = {}
        """Newer figures than the published ones, by key."""
        self._held: dict[str, Limit] = {}
        """Which limit a limit alarm speaks of, by key."""
        self._shelved: dict[str, int] = {k: a.shelved_until_ns for k, a in self._by_key.items() if _on_shelf(a)}
        """When each shelved alarm comes back, by key."""
        self._canary_seq = 0

    # --- what it knows ---------------------------------------------------------------------------

    def watch(self, sensor: Sensor) -> None:
        """Take a sensor's definition; its limits hold from the next sample on."""
        self._sensors[sensor.id] = sensor
        self._limits.pop(sensor.id, None)
        if sensor.limits:
            self._trends.setdefault(sensor.id, Trend())

    def watches(self, series: str) -> bool:
        """Has this series limits at all?"""
        return series in self._trends

    def seed_trend(self, series: str, points: Iterable[tuple[int, float]]) -> None:
        """Samples of the last hour, after a restart."""
        if (trend := self._trends.get(series)) is not None:
            for t_ns, value in points:
                trend.add(t_ns, value)

    def alarm(self, alarm_id: str) -> Alarm | None:
        """The alarm as it stands, newest figures included; None when it has left the list."""
        key = self._key_of_id.get(alarm_id)
        return self._standing(key) if key is not None else None

    # --- what happens ----------------------------------------------------------------------------

    def condition(self, c: Condition) -> list[Change]:
        """Something is wrong, still wrong with other words, or no longer wrong."""
        if not c.active:
            return self._gone(c.key, c.t_ns)
        fields: dict[str, Any] = {
            "name": c.name, "detail": c.detail, "place": c.place, "area_id": c.area_id, "lon": c.lon, "lat": c.lat,
            "sensor_id": c.sensor_id, "camera_ids": c.camera_ids, "procedure_id": c.procedure_id, "source": c.source,
        }  # fmt: skip
        return self._wrong(c.key, c.t_ns, c.priority, fields, c.times)

    def standing(self, prefix: str) -> dict[str, Alarm]:
        """Alarms in the list whose key begins so, by key; newest figures included."""
        return {key: self._standing(key) or alarm for key, alarm in self._by_key.items() if key.startswith(prefix)}

    def sample(self, s: Sample, now_ns: int | None = None) -> list[Change]:
        """One value of a watched series. Doubtful, missing and older values move nothing.

        `now_ns`: when it came. A newest value from the future was a wrong clock's (the sensor's, or the hub's
        before it was set back): it must not keep the engine deaf until that future comes.
        """
        sensor = self._sensors.get(s.series)
        if sensor is None or s.value is None or s.quality != _GOOD or s.series not in self._trends:
            return []
        newest_ns = self._newest.get(s.series, -1)
        if s.t_ns <= newest_ns and (now_ns is None or newest_ns <= now_ns):
            return []
        self._newest[s.series] = s.t_ns
        trend = self._trends[s.series]
        trend.add(s.t_ns, s.value)
        key = LIMIT_PREFIX + s.series
        standing = self._by_key.get(key)
        active = standing is not None and standing.state in _ACTIVE
        limit = self._broken(sensor, s, standing if active else None)
        if limit is None:
            return self._gone(key, s.t_ns) if active else []
        self._held[key] = limit
        fields: dict[str, Any] = {
            "name": limit_name(sensor, limit, s.value),
            "detail": limit_detail(sensor, limit, s.value, trend.per_hour()),
            "place": sensor.station, "area_id": sensor.area_id, "lon": sensor.lon, "lat": sensor.lat,
            "sensor_id": sensor.id, "camera_ids": sensor.camera_ids, "source": "limit",
        }  # fmt: skip
        return self._wrong(key, s.t_ns, limit.priority, fields)

    def crew(self, act: CrewAct, operators: Callable[[str], Operator | None]) -> list[Change]:
        """A simulated colleague; too late is no error."""
        standing = self._standing(act.key)
        operator = operators(act.operator_id)
        if standing is None or operator is None:
            return []
        try:
            moved = self.acted(standing, act.verb, operator, act.t_ns)
        except TransitionRefused:
            return []
        return self.adopt(moved, act.t_ns, timeline.of_verb(moved, act.verb, operator, act.t_ns))

    @staticmethod
    def acted(standing: Alarm, verb: Verb, operator: Operator, t_ns: int, args: Mapping[str, str] = NO_ARGS) -> Alarm:
        """What the alarm would be; changes nothing here. Raises TransitionRefused.

        SHELVE, OUT_OF_SERVICE: `args` were checked before (`until_ns`, `reason`).
        """
        match verb:
            case Verb.CLAIM:
                return alarms.claim(standing, operator.short, operator.id, t_ns)
            case Verb.ACKNOWLEDGE:
                return alarms.acknowledge(standing, operator.short, t_ns)
            case Verb.RELEASE:
                return alarms.release(standing, operator.id, anybody=operator.role is Role.SHIFT_LEAD)
            case Verb.SHELVE:
                return alarms.shelve(standing, operator.short, args["reason"].strip(), int(args["until_ns"]))
            case Verb.UNSHELVE:
                return alarms.unshelve(standing)
            case Verb.RESET:
                return alarms.reset(standing)
            case Verb.OUT_OF_SERVICE:
                return alarms.take_out_of_service(standing, operator.short, args["reason"].strip(), t_ns)
            case Verb.IN_SERVICE:
                return alarms.put_in_service(standing)
        raise TransitionRefused("unsupported")

    def adopt(self, moved: Alarm, t_ns: int, *events: Change, cause: str = "") -> list[Change]:
        """Make `moved` the truth; the changes to write (the caller of `acted` commits them first)."""
        changes = self.changes_of(moved, t_ns, *events, cause=cause)
        self.keep(moved, t_ns)
        return changes

    @staticmethod
    def changes_of(moved: Alarm, t_ns: int, *events: Change, cause: str = "") -> list[Change]:
        """How `moved` is written, without making it the truth yet."""
        if moved.state is AlarmState.NORMAL:
            put = Change("alarms", "del", moved.id, t_ns, None, moved.rev, cause)
        else:
            put = Change("alarms", "put", moved.id, t_ns, moved, moved.rev, cause)
        return [put, *events]

    def keep(self, moved: Alarm, t_ns: int) -> None:
        """`moved` is committed: it is the truth."""
        key = key_of(moved)
        self._waiting.pop(key, None)
        self._shown_ns[key] = t_ns
        self._shelved.pop(key, None)
        if _on_shelf(moved):
            self._shelved[key] = moved.shelved_until_ns
        if moved.state is AlarmState.NORMAL:
            self._by_key.pop(key, None)
            self._key_of_id.pop(moved.id, None)
            self._shown_ns.pop(key, None)
        else:
            self._by_key[key] = moved
            self._key_of_id[moved.id] = key

    def tick(self, now_ns: int) -> list[Change]:
        """Take off the shelf what was set aside until now, and publish figures that have waited long enough."""
        changes: list[Change] = []
        for key in [k for k, until_ns in self._shelved.items() if until_ns <= now_ns]:
            moved = alarms.unshelve(self._standing(key) or self._by_key[key])
            changes += self.adopt(moved, now_ns, timeline.of_alarm("alarm_unshelved", moved, now_ns))
        due = [k for k in self._waiting if now_ns - self._shown_ns.get(k, 0) >= DETAIL_EVERY_NS]
        return changes + [change for key in due for change in self.adopt(self._waiting[key], now_ns)]

    def canary(self, now_ns: int) -> tuple[list[Change], Canary]:
        """A test alarm through raise, acknowledge and return; the caller commits before it is shown."""
        self._canary_seq += 1
        raised = self.condition(Condition(CANARY_KEY, now_ns, True, Priority.LOW, name=_CANARY_NAME, source=CANARY_KEY))
        standing = self._by_key[CANARY_KEY]
        seen = alarms.acknowledge(standing, _CANARY_NAME.vi, now_ns)
        changes = [*raised, *self.adopt(seen, now_ns), *self._gone(CANARY_KEY, now_ns)]
        if CANARY_KEY in self._by_key or len(changes) < 3:
            raise AssertionError("the canary alarm did not run its course")
        return changes, Canary(self._canary_seq, now_ns)

    # --- how it decides --------------------------------------------------------------------------

    def _standing(self, key: str) -> Alarm | None:
        """With its newest figures, so that no move of the state loses them."""
        return self._waiting.get(key) or self._by_key.get(key)

    def _wrong(
        self, key: str, t_ns: int, priority: Priority, fields: dict[str, Any], times: int = 0
    ) -> list[Change]:  # fmt: skip
        standing = self._by_key.get(key)
        if standing is None:
            new = Alarm(
                id=f"{key}@{t_ns // NS_PER_MS}",
                priority=priority,
                state=AlarmState.UNACKNOWLEDGED,
                t_raised_ns=t_ns,
                count=max(1, times),
                **fields,
            )
            return self.adopt(new, t_ns, timeline.of_alarm("alarm_raised", new, t_ns))
        latest = self._waiting.get(key, standing)
        newer = msgspec.structs.replace(standing, **fields, count=latest.count)
        moved = alarms.raise_again(newer, t_ns)
        more = max(0, times - (moved.count - newer.count))  # raised again counts as one of them
        moved = msgspec.structs.replace(moved, count=moved.count + more)
        moved = alarms.rise(moved, priority, t_ns)
        if moved.state_rev != standing.state_rev:
            return self.adopt(moved, t_ns, timeline.of_alarm("alarm_raised", moved, t_ns))
        if priority.rank > moved.priority.rank and moved.state is AlarmState.ACKNOWLEDGED:
            # It has become milder: the list follows once somebody has seen the worst of it.
            moved = msgspec.structs.replace(moved, priority=priority)
        if moved == standing:
            self._waiting.pop(key, None)
            return []
        moved = msgspec.structs.replace(moved, rev=standing.rev + 1)
        if t_ns - self._shown_ns.get(key, 0) >= DETAIL_EVERY_NS:
            return self.adopt(moved, t_ns)
        self._waiting[key] = moved
        return []

    def _gone(self, key: str, t_ns: int) -> list[Change]:
        self._held.pop(key, None)
        standing = self._standing(key)
        if standing is None:
            return []
        moved = alarms.return_to_normal(standing, t_ns)
        if moved is standing:
            return []
        return self.adopt(moved, t_ns, timeline.of_alarm("alarm_returned", moved, t_ns))

    def _broken(self, sensor: Sensor, s: Sample, active: Alarm | None) -> Limit | None:
        """The gravest limit that is broken; the one that holds now is left only past its deadband."""
        assert s.value is not None
        held = self._held.get(LIMIT_PREFIX + s.series)
        below_held = False
        for limit in self._limits_on(sensor, s.t_ns):
            # After a restart the standing alarm's priority tells which limit it speaks of.
            if active is not None:
                below_held |= limit == held if held is not None else limit.priority.rank >= active.priority.rank
            slack = limit.deadband if below_held else 0.0
            if (s.value > limit.value - slack) if limit.above else (s.value < limit.value + slack):
                return limit
        return None

    def _limits_on(self, sensor: Sensor, t_ns: int) -> tuple[Limit, ...]:
        """Limits in force on that day, gravest first; of the same label and side the newest."""
        day_number = t_ns // _DAY_NS
        known = self._limits.get(sensor.id)
        if known is not None and known[0] == day_number:
            return known[1]
        day = dt.datetime.fromtimestamp(t_ns // NS_PER_S, dt.UTC).date().isoformat()
        newest: dict[tuple[str, bool], Limit] = {}
        for limit in sorted(sensor.limits, key=lambda one: one.valid_from):
            if limit.valid_from <= day:
                newest[(limit.label.vi, limit.above)] = limit
        ordered = tuple(
            sorted(newest.values(), key=lambda one: (one.priority.rank, -one.value if one.above else one.value))
        )
        self._limits[sensor.id] = (day_number, ordered)
        return ordered
