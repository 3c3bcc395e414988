"""Series that say nothing any more: one alarm for a sensor, for a station of which none speaks, for all of them.

Each is the parent of the next (`alarm_families`): what a lost feed keeps from being heard is one alarm with a count.
Told of every sample, of whatever quality: a station that says that it is broken is not silent. Pure: hub time is an
argument. After a time in which nobody could have been heard (a start, a clock that leaps) all begin anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from backends.domain.alarm import Priority
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition

PERIODS = 3
"""A feed is stale past three of its periods (design, section 4)."""
LEAST_S = 300.0
"""But no alarm before five minutes: a logger sends every five (Thông tư 10/2021/TT-BTNMT)."""
LOOK_NS = 5 * NS_PER_S
LATE_NS = 60 * NS_PER_S
ALL = "nodata:all"
STATION = "nodata:station:"
SERIES = "nodata:series:"
PREFIX = "nodata:"


class Silence:
    """One thread. `heard`, `plan` when sensors come or go, and `look` at every round."""

    def __init__(self) -> None:
        self._sensors: dict[str, Sensor] = {}
        self._stations: dict[str, tuple[str, ...]] = {}
        self._heard: dict[str, int] = {}
        self._since_ns = 0
        """Nobody is silent for longer than from here."""
        self._looked_ns: int | None = None
        self._told: dict[str, None] = {}
        self._planned = True

    def plan(self, sensor: Sensor) -> None:
        """It is there, or has another definition."""
        self._sensors[sensor.id] = sensor
        self._planned = False

    def forget(self, sensor_id: str) -> None:
        """It is not there any more: nobody misses it."""
        self._sensors.pop(sensor_id, None)
        self._heard.pop(sensor_id, None)
        self._planned = False

    def standing(self, keys: Iterable[str]) -> None:
        """Alarms of the log whose cause is there, at a restart: they end when they are heard."""
        self._told.update(dict.fromkeys(keys))

    def heard(self, series: str, t_ns: int) -> None:
        self._heard[series] = t_ns

    def look(self, now_ns: int) -> list[Condition]:
        """What has fallen silent, and what speaks again."""
        if self._looked_ns is None or not 0 <= now_ns - self._looked_ns <= LATE_NS:
            self._since_ns = now_ns
            self._heard.clear()
        elif now_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns = now_ns
        if not self._planned:
            self._planned = True
            stations: dict[str, list[str]] = {}
            for sensor in self._sensors.values():
                stations.setdefault(sensor.station_id or sensor.id, []).append(sensor.id)
            self._stations = {name: tuple(ids) for name, ids in stations.items()}
        silent = {id_ for id_, sensor in self._sensors.items() if self._is_silent(sensor, now_ns)}
        mute = {name for name, ids in self._stations.items() if len(ids) > 1 and silent.issuperset(ids)}
        found: dict[str, Condition] = {}
        everything = len(self._stations) > 1 and len(silent) == len(self._sensors)
        # Parents first: who is raised after them is quiet from the start.
        if everything:
            found[ALL] = self._all(now_ns)
        above = ALL if len(self._stations) > 1 else ""
        for name in sorted(mute):
            found[STATION + name] = self._station(name, now_ns, above)
        for id_ in sorted(silent):
            station = self._sensors[id_].station_id or id_
            parent = STATION + station if len(self._stations[station]) > 1 else above
            found[SERIES + id_] = self._series(id_, now_ns, parent)
        # Those whose silence this hub has not seen long enough to know of it stay as they are.
        over = [key for key in self._told if key not in found and not self._unknown(key, now_ns)]
        new = [condition for key, condition in found.items() if key not in self._told]
        self._told = dict.fromkeys([*(key for key in self._told if key not in over), *found])
        return [*new, *(Condition(key, now_ns, False) for key in reversed(over))]

    def _is_silent(self, sensor: Sensor, now_ns: int) -> bool:
        return now_ns - max(self._heard.get(sensor.id, 0), self._since_ns) > _patience_ns(sensor)

    def _unknown(self, key: str, now_ns: int) -> bool:
        """Nothing of it has been heard since the start, nor for so long that it is silent."""
        if key == ALL:
            ids: Iterable[str] = self._sensors
        elif key.startswith(STATION):
            ids = self._stations.get(key.removeprefix(STATION), ())
        else:
            ids = [id_] if (id_ := key.removeprefix(SERIES)) in self._sensors else []
        if any(id_ in self._heard for id_ in ids):
            return False
        patience_ns = max((_patience_ns(self._sensors[id_]) for id_ in ids), default=-1)
        return now_ns - self._since_ns <= patience_ns

    def _series(self, id_: str, now_ns: int, parent: str) -> Condition:
        sensor = self._sensors[id_]
        name = LocalText(f"Mất dữ liệu: {sensor.name.vi}", f"No data: {sensor.name.get('en')}")
        return _condition(SERIES + id_, now_ns, Priority.LOW, name, sensor, parent, id_)

    def _station(self, name: str, now_ns: int, parent: str) -> Condition:
        sensor = self._sensors[self._stations[name][0]]
        said = sensor.station.vi or name, sensor.station.get("en") or name
        text = LocalText(f"Mất dữ liệu cả trạm: {said[0]}", f"No data from the station: {said[1]}")
        return _condition(STATION + name, now_ns, Priority.MEDIUM, text, sensor, parent)

    def _all(self, now_ns: int) -> Condition:
        name = LocalText("Mất dữ liệu của mọi trạm quan trắc", "No data from any monitoring station")
        detail = LocalText(f"{len(self._stations)} trạm", f"{len(self._stations)} stations")
        return Condition(ALL, now_ns, True, Priority.HIGH, name=name, detail=detail, source="feed")


def _patience_ns(sensor: Sensor) -> int:
    """How long it may say nothing."""
    return int(max(LEAST_S, PERIODS * sensor.period_s) * NS_PER_S)


def _condition(
    key: str, t_ns: int, priority: Priority, name: LocalText, sensor: Sensor, parent: str, sensor_id: str = ""
) -> Condition:  # fmt: skip
    return Condition(
        key, t_ns, True, priority, name=name, place=sensor.station, area_id=sensor.area_id, lon=sensor.lon,
        lat=sensor.lat, camera_ids=sensor.camera_ids, sensor_id=sensor_id, source="feed", parent=parent,
    )  # fmt: skip
