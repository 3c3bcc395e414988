"""What to look at for an alarm: which cameras, best first, and the plot of which sensor.

A camera is better when the alarm names it, then when it looks that way and is near, then when it is near. One that
shows nothing of use is replaced, and whose place another takes is said. Pure. Must not: know the screen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from backends.domain.picture import PictureFlag
from backends.domain.place import Point, bearing, metres
from backends.domain.sensor import Sensor
from backends.domain.text import fold

MOST = 4
"""Cameras at a time: more are not looked at."""
HALF_VIEW_DEG = 45.0
"""Half of what a camera sees across, whose record says only where it looks. A usual fixed lens of 2.8 mm before a
sensor of 5.4 mm (1/2.8 inch) sees 2 atan(5.4 / 5.6) = 88 degrees."""
SEES_M = 150.0
"""So far away a camera shows whether somebody is there ("monitor", 12.5 pixels a metre, EN 62676-4): at 90 degrees the
view is twice as wide as it is far, and a 4K picture has 3840 pixels."""
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
    """Ids of cameras that are among the best, show nothing of use, and for which there is no other."""


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


def ranked(alarm: Alarm, at: Point | None, cameras: Mapping[str, Camera]) -> list[str]:
    """Ids of all cameras that may show the place, best first, whether they work or not."""
    own = [camera_id for camera_id in dict.fromkeys(alarm.camera_ids) if camera_id in cameras]
    if at is None:
        return own
    near: list[tuple[bool, float, str, str]] = []
    for camera in cameras.values():
        if camera.id in own or not camera.enabled or camera.lon is None or camera.lat is None:
            continue
        here = (camera.lon, camera.lat)
        away_m = metres(here, at)
        if away_m <= REACH_M:
            near.append((not _looks_at(camera, bearing(here, at), away_m), away_m, camera.number, camera.id))
    return own + [camera_id for *_, camera_id in sorted(near)]


def _looks_at(camera: Camera, towards_deg: float, away_m: float) -> bool:
    """Where a camera that turns looks now, nobody says."""
    if camera.bearing_deg is None or camera.turns or away_m > SEES_M:
        return False
    aside = (towards_deg - camera.bearing_deg + 180.0) % 360.0 - 180.0
    return abs(aside) <= HALF_VIEW_DEG


def eyes_on(
    alarm: Alarm, at: Point | None, cameras: Mapping[str, Camera], unwell: Collection[str] = (), most: int = MOST
) -> Eyes:
    """The best `most` cameras. `unwell`: ids of those that this station found without a picture, whatever the directory
    says of them."""

    def works(camera_id: str) -> bool:
        return camera_id in cameras and usable(cameras[camera_id]) and camera_id not in unwell

    order = ranked(alarm, at, cameras)
    shown: dict[str, str] = {}
    owed: list[str] = []
    for place, camera_id in enumerate(order):
        if len(shown) == most:
            break
        if works(camera_id):
            if camera_id not in shown:  # it may have come as somebody's stand-in
                shown[camera_id] = owed.pop(0) if place >= most and owed else ""
        elif place < most:
            other = next((other for other in cameras[camera_id].substitutes if works(other)), "")
            if other and not shown.get(other):
                shown[other] = camera_id
            else:
                owed.append(camera_id)
    return Eyes(tuple(Eye(camera_id, for_id) for camera_id, for_id in shown.items()), tuple(owed))


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
