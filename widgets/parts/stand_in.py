"""Which camera a tile shows, and for which alarm. Pure: the city in, a choice out.

A place that the layout keeps for alarms (`slot = "alarm"`) shows the first living camera of the gravest
alarm, or the stand-in of a dead one and says whose place it takes. All other tiles keep their camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from layouts.options import CameraOptions
from widgets.models.city import CityModel


@dataclass(frozen=True)
class Shown:
    """What a camera tile shows."""

    camera_id: str
    alarm: Alarm | None
    for_number: str = ""
    """Number of the dead camera whose place it takes."""
    see: str = ""
    """On a dead camera: number of the one that stands in for it."""
    number: str = ""
    """What the layout asked for, also where the directory does not have it."""


def choose(
    city: CityModel, options: CameraOptions, called: str = "", neighbours: frozenset[str] = frozenset()
) -> Shown:
    """The camera of a tile now.

    `called`: a camera that the operator called up onto an alarm slot, or put on another tile by hand. `neighbours`:
    numbers that other tiles of this window show anyway; the slot then serves the next alarm, not the same picture
    twice.
    """
    if options.slot and not called and (chosen := _for_alarm(city, neighbours)) is not None:
        return chosen
    camera = city.camera(called) if called else None
    camera = camera or city.camera_by_number(options.camera)
    if camera is None:
        return Shown("", None, number=options.camera)
    see = "" if camera.online else _number(_stand_in(city, camera))
    alarm = city.alarm_of_camera(camera.id)
    dead = _taken_over(city, camera, alarm) if alarm is not None and camera.online else None
    return Shown(camera.id, alarm, for_number=_number(dead), see=see, number=camera.number)


def _for_alarm(city: CityModel, neighbours: frozenset[str]) -> Shown | None:
    """What asks for somebody first, then what is in hand or seen; twice the same picture only as the last resort."""
    first = None
    for alarm in _asking_first(city):
        for shown in cameras_of(city, alarm):
            if shown.number not in neighbours:
                return shown
            first = first or shown
    return first


def _asking_first(city: CityModel) -> Iterator[Alarm]:
    """Alarms that cameras look at, as `_for_alarm` asks for them: with thousands, most often only the first of them.
    Of those that look through the same cameras the first one says all."""
    seen: set[tuple[str, ...]] = set()
    for asking in (True, False):
        for alarm in city.alarms():
            if (
                alarm.camera_ids
                and alarm.camera_ids not in seen
                and (bool(alarm.unacknowledged or alarm.holder) is asking)
            ):
                seen.add(alarm.camera_ids)
                yield alarm


def camera_of(city: CityModel, alarm: Alarm) -> Shown | None:
    """The best living camera of an alarm's place, or the stand-in of a dead one; None when it has none."""
    return next(cameras_of(city, alarm), None)


def cameras_of(city: CityModel, alarm: Alarm) -> Iterator[Shown]:
    """All that can be seen of an alarm's place, best first."""
    for camera_id in alarm.camera_ids:
        camera = city.camera(camera_id)
        if camera is None:
            continue
        if camera.online:
            yield Shown(camera.id, alarm, number=camera.number)
        elif (other := _stand_in(city, camera)) is not None:
            yield Shown(other.id, alarm, for_number=camera.number, number=other.number)


def _stand_in(city: CityModel, camera: Camera) -> Camera | None:
    others = (city.camera(camera_id) for camera_id in camera.substitutes)
    return next((other for other in others if other is not None and other.online), None)


def _taken_over(city: CityModel, camera: Camera, alarm: Alarm) -> Camera | None:
    """The dead camera of this alarm whose stand-in `camera` is: its flag must not read as its own failure."""
    others = (city.camera(camera_id) for camera_id in alarm.camera_ids)
    dead = (other for other in others if other is not None and not other.online)
    return next((other for other in dead if _stand_in(city, other) is camera), None)


def _number(camera: Camera | None) -> str:
    return camera.number if camera is not None else ""
