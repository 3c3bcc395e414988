"""What to look at for an alarm: which cameras, best first, and the plot of which sensor.

A camera is better when the alarm names it, then by how well it sees the place (`field_of_view`); one that is named and
does not see it, as its record says, comes after those that do. One that shows nothing of use, or no longer looks where
its record says, is replaced, and whose place another takes is said. Pure. Must not: know the screen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from backends.domain.field_of_view import Look, Sees, look
from backends.domain.picture import PictureFlag
from backends.domain.place import Point, metres
from backends.domain.sensor import Sensor
from backends.domain.text import fold

MOST = 4
"""Cameras at a time: more are not looked at."""
REACH_M = 1500.0
"""Beyond it a camera is at another place. Within it one that looks elsewhere may still show smoke, water or a queue, or
can be turned."""
SENSOR_REACH_M = 3000.0
"""A gauge farther away says little of the place."""
USELESS = frozenset({PictureFlag.COVERED, PictureFlag.BLACK, PictureFlag.FROZEN, PictureFlag.REPEATING})
"""What comes of such a camera shows nothing, or what was."""
FITTING: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"flood", "ngap", "lu", "lut"}), ("road_depth", "water_level", "drain", "rain_1h", "tide")),
    (frozenset({"rain", "mua"}), ("rain_1h", "rain_24h")),
    (frozenset({"fire", "smoke", "chay", "khoi"}), ("pm25", "temperature", "wind")),
    (frozenset({"storm", "bao", "gio"}), ("wind", "pressure")),
    (frozenset({"congestion", "accident", "speeding", "signal", "tac"}), ("speed", "flow", "occupancy")),
    (frozenset({"ups"}), ("ups_battery", "ups_load")),
)
"""Words of an alarm's procedure or (Vietnamese, folded) name, and the quantities that tell something of it, the most
telling first. The first row with one of its words counts."""


class Eye(msgspec.Struct, frozen=True):
    """One camera to be looked at."""

    camera_id: str
    for_id: str = ""
    """The camera whose place it takes."""


class Eyes(msgspec.Struct, frozen=True):
    """What can be seen of a place."""

    shown: tuple[Eye, ...]
    missing: tuple[str, ...] = ()
    """Ids of cameras that would show it, do not work, and for which there is no other."""


def usable(camera: Camera) -> bool:
    """By the directory it has a picture that shows something, and what is now."""
    ways = camera.enabled and bool(camera.streams or camera.restream)
    return ways and camera.online and not USELESS.intersection(camera.flags)


def point_of(alarm: Alarm, sensor: Sensor | None, cameras: Mapping[str, Camera]) -> Point | None:
    """Where it is: its own place, its sensor's, or that of its first camera that has one."""
    for record in (alarm, sensor, *(cameras.get(camera_id) for camera_id in alarm.camera_ids)):
        if record is not None and record.lon is not None and record.lat is not None:
            return (record.lon, record.lat)
    return None


def strayed(camera: Camera) -> bool:
    """The directory says that it looks elsewhere than its reference view, and nobody has turned it by right."""
    return PictureFlag.TURNED in camera.flags and not camera.turns


def ranked(alarm: Alarm, at: Point | None, cameras: Mapping[str, Camera], astray: Collection[str] = ()) -> list[Look]:
    """All cameras that may show the place, best first, whether they work or not; no two are equal. `astray`: ids of
    those that look somewhere else than their records say; that an alarm names one of them counts for nothing."""
    named = {key: n for n, key in enumerate(dict.fromkeys(alarm.camera_ids)) if key not in astray}
    found: list[tuple[tuple[object, ...], Look]] = []
    for camera in cameras.values():
        one = look(camera, at, astray=camera.id in astray)
        near = camera.enabled and one.away_m is not None and one.away_m <= REACH_M
        if near or camera.id in alarm.camera_ids:
            group = _group(one, named=camera.id in named)
            found.append(((group, named.get(camera.id, 0), one.order, camera.number, camera.id), one))
    return [one for _, one in sorted(found, key=lambda item: item[0])]


def _group(one: Look, *, named: bool) -> int:
    """Whoever named it knows the place, but for what its record says."""
    if named:
        return 3 if one.sees is Sees.NOT else 0
    return {Sees.HERE: 1, Sees.TURNED: 2, Sees.PERHAPS: 4, Sees.NOT: 5}[one.sees]


def eyes_on(
    alarm: Alarm,
    at: Point | None,
    cameras: Mapping[str, Camera],
    unwell: Collection[str] = (),
    most: int = MOST,
    *,
    astray: Collection[str] = (),
) -> Eyes:
    """The best `most` cameras. `unwell`, `astray`: ids of those that this station found without a picture, or with one
    of somewhere else, whatever the directory says of them."""

    def works(camera_id: str) -> bool:
        return camera_id in cameras and usable(cameras[camera_id]) and camera_id not in unwell

    lost = {*astray} | {camera.id for camera in cameras.values() if strayed(camera)}
    best = ranked(alarm, at, cameras)[:most]
    now = ranked(alarm, at, cameras, lost)
    place = {one.camera_id: float(n) for n, one in enumerate(now)}
    instead: dict[str, str] = {}
    owed: list[str] = []
    for n, one in enumerate(best):
        if one.camera_id in lost or not works(one.camera_id):
            other = next((o for o in cameras[one.camera_id].substitutes if works(o) and o not in lost | {*instead}), "")
            if other:
                instead[other] = one.camera_id
                place[other] = min(place.get(other, n), n - 0.5)
            elif one.sees is not Sees.NOT or one.camera_id in alarm.camera_ids:
                owed.append(one.camera_id)
    shown = sorted((key for key in place if works(key)), key=lambda key: place[key])[:most]
    # One that looks elsewhere now may be there all the same: nobody took its place then.
    owed = [dead for dead in owed if dead not in shown]
    known = {one.camera_id for one in best} | {*instead}
    fresh = [one for one in now if one.camera_id in shown and one.camera_id not in known and one.sees is not Sees.NOT]
    instead.update((one.camera_id, dead) for one, dead in zip(fresh, owed, strict=False))
    gone = {camera_id: dead for camera_id, dead in instead.items() if dead not in shown}
    return Eyes(tuple(Eye(camera_id, gone.get(camera_id, "")) for camera_id in shown), tuple(owed[len(fresh) :]))


def verdict(alarm: Alarm, looks: Iterable[Look]) -> Sees:
    """What all of them together show of the place. What looks nobody knows where, and is named by the alarm, shows it:
    whoever raised the alarm knows."""
    named = {*alarm.camera_ids}
    found = (Sees.HERE if one.sees is Sees.PERHAPS and one.camera_id in named else one.sees for one in looks)
    return min(found, default=Sees.NOT)


def sensor_for(alarm: Alarm, at: Point | None, sensors: Iterable[Sensor]) -> str:
    """Id of the sensor whose plot tells most of it: its own, else the nearest of the most telling quantity that is
    measured nearby. Empty: none."""
    if alarm.sensor_id or at is None:
        return alarm.sensor_id
    words = set(re.findall(r"[a-z0-9]+", fold(f"{alarm.procedure_id} {alarm.name.vi}")))
    parameters = next((found for telling, found in FITTING if telling & words), ())
    near: list[tuple[int, float, str]] = []
    for sensor in sensors if parameters else ():
        if sensor.parameter in parameters and sensor.lon is not None and sensor.lat is not None:
            away_m = metres((sensor.lon, sensor.lat), at)
            if away_m <= SENSOR_REACH_M:
                near.append((parameters.index(sensor.parameter), away_m, sensor.id))
    return min(near)[2] if near else ""
