"""What stands on the map, and which of it stands together: pure, without painting.

Things that would overlap become one cluster that shows its worst member and how many there are; nothing
that asks for an operator ever disappears behind something calmer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter

import numpy as np
from PySide6.QtCore import QPointF, QRectF

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.camera import Camera
from backends.domain.report import Report, remaining_s
from backends.domain.sensor import Sensor
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.air import Air
from widgets.parts.map_projection import Projection


class What(StrEnum):
    """Kinds of things, each with its own shape."""

    ALARM = "alarm"
    REPORT = "report"
    CAMERA = "camera"
    STATION = "station"
    AIR = "air"


@dataclass(frozen=True)
class Thing:
    """One thing at one place. `rank`: 0 is the worst; smaller is drawn later and larger."""

    what: What
    id: str
    at: QPointF
    rank: int
    words: str = ""
    """One line for the tooltip; text from outside among it, so it is shown as plain text only. See `words_of`."""
    priority: Priority | None = None
    filled: bool = False
    bad: bool = False
    """Dead camera, overdue report, bad air."""
    alarm: Alarm | None = None
    air: Air | None = None
    order: int = 0
    """Among those of one rank."""


@dataclass(frozen=True)
class Cluster:
    """Things drawn as one. `things` worst first."""

    things: tuple[Thing, ...]
    at: QPointF

    @property
    def worst(self) -> Thing:
        return self.things[0]


def alarm_rank(alarm: Alarm) -> int:
    """Unacknowledged urgent is 0; every acknowledged one comes after every unacknowledged one."""
    return alarm.priority.rank + (0 if alarm.unacknowledged else 4)


def alarm_things(
    alarms: Iterable[Alarm], place: Callable[[Alarm], tuple[float, float] | None], to: Projection
) -> list[Thing]:
    """Alarms that have a place, of their own or through their sensor or camera."""
    out = []
    for alarm in alarms:
        where = place(alarm)
        if where is None:
            continue
        rank, at = alarm_rank(alarm), to.to_px(*where)
        thing = Thing(What.ALARM, alarm.id, at, rank, "", alarm.priority, alarm.unacknowledged, alarm=alarm)
        out.append(thing)
    return out


def words_of(thing: Thing) -> str:
    """Its line of the tooltip. An alarm's is made when somebody asks: there may be thousands of them."""
    alarm = thing.alarm
    if alarm is None:
        return thing.words
    state = tr("alarms.unacknowledged") if alarm.unacknowledged else tr(f"priority.{alarm.priority}")
    if alarm.state is AlarmState.SHELVED:
        state = tr("alarms.shelved", at=fmt.clock_minutes(alarm.shelved_until_ns))
    parts = (local(alarm.name), local(alarm.place), fmt.clock(alarm.t_raised_ns), state)
    return " · ".join(p for p in parts if p)


def report_things(reports: Iterable[Report], now_ns: int, to: Projection) -> list[Thing]:
    """Open reports with a place; overdue ones are news."""
    out = []
    for report in reports:
        if report.lon is None or report.lat is None or not report.state.open:
            continue
        left_s = remaining_s(report, now_ns)
        late = left_s < 0
        due = tr("map.overdue" if late else "map.left", time=fmt.duration(abs(left_s)))
        words = f"{report.id} · {local(report.title)} · {due}"
        at = to.to_px(report.lon, report.lat)
        out.append(Thing(What.REPORT, report.id, at, 20 if late else 30, words, bad=late))
    return out


def camera_things(cameras: Iterable[Camera], to: Projection) -> list[Thing]:
    out = []
    for camera in cameras:
        if camera.lon is None or camera.lat is None or not camera.enabled:
            continue
        words = f"{camera.number} · {local(camera.name)}"
        if not camera.online:
            words += f" · {tr('map.camera_dead')}"
        at = to.to_px(camera.lon, camera.lat)
        out.append(Thing(What.CAMERA, camera.id, at, 40 if camera.online else 25, words, bad=not camera.online))
    return out


def station_things(sensors: Iterable[Sensor], to: Projection) -> list[Thing]:
    """One thing a station; its values are read when somebody asks."""
    out: dict[str, Thing] = {}
    for sensor in sensors:
        key = sensor.station_id or sensor.id
        if sensor.lon is not None and sensor.lat is not None and key not in out:
            at = to.to_px(sensor.lon, sensor.lat)
            out[key] = Thing(What.STATION, key, at, 41, local(sensor.station) or local(sensor.name))
    return list(out.values())


def clusters(things: Iterable[Thing], size: Callable[[Thing], float]) -> list[Cluster]:
    """Things whose symbols would overlap, joined; worst cluster last, so that it is painted on top.

    Greedy from the worst on: the worst thing keeps its own place, what it would cover joins it. So no two
    symbols overlap, and a cluster shows the worst of what it holds. What stands at one place goes together: ten
    thousand alarms of a thousand sensors are a thousand places.
    """
    found = sorted(things, key=attrgetter("rank", "order", "id"))
    places: dict[tuple[float, float], list[int]] = {}
    for n, thing in enumerate(found):
        places.setdefault(thing.at.toTuple(), []).append(n)
    members = list(places.values())
    heads = [found[at[0]] for at in members]
    left, top = np.array(list(places), dtype=np.float64).reshape(-1, 2).T
    reach = np.array([size(head) / 2 for head in heads])
    alone = np.ones(len(heads), dtype=bool)
    out: list[Cluster] = []
    for n, head in enumerate(heads):
        if not alone[n]:
            continue
        covered = alone & (np.abs(left - left[n]) < (reach + reach[n])) & (np.abs(top - top[n]) < (reach + reach[n]))
        covered[n] = True
        alone &= ~covered
        joined = sorted(m for at in np.flatnonzero(covered).tolist() for m in members[at])
        out.append(Cluster(tuple(found[m] for m in joined), head.at))
    return out[::-1]


def set_aside(things: Iterable[Thing], rooms: list[QRectF], size: Callable[[Thing], float]) -> list[Thing]:
    """Things pushed just out of `rooms`, away from the middle of the one that they stand in.

    On a schematic map a small shift costs less than a report that vanishes under an alarm, or an alarm
    whose count would be read as so many alarms. A thing that finds no free place in three steps stays.
    """
    out = []
    for thing in things:
        at, half = thing.at, size(thing) / 2
        for _ in range(3):
            room = next((r for r in rooms if r.adjusted(-half, -half, half, half).contains(at)), None)
            if room is None:
                break
            at = _pushed_out(at, room.adjusted(-half - 1, -half - 1, half + 1, half + 1))
        out.append(replace(thing, at=at))
    return out


def _pushed_out(at: QPointF, room: QRectF) -> QPointF:
    """From the middle of `room` through `at` to its edge."""
    away = at - room.center()
    if abs(away.x()) < 1e-6 and abs(away.y()) < 1e-6:
        return QPointF(room.left(), at.y())
    reach = max(abs(away.x()) / (room.width() / 2), abs(away.y()) / (room.height() / 2))
    return room.center() + away / reach
