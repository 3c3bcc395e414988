"""What the world does to the hub: events of the city (simulated, recorded, or from adapters).

The alarm engine turns conditions and samples into alarms; people's acts come as actions and never
stand here, except for the simulated crew of the demo (`CrewAct`).
"""

from __future__ import annotations

import msgspec

from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.camera import Camera
from backends.domain.indicator import Indicator
from backends.domain.people import Operator, Station
from backends.domain.place import ConfigRecord
from backends.domain.report import Report
from backends.domain.sensor import Sample, Sensor
from backends.domain.text import LocalText


class Condition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that is wrong (or no longer wrong) that is not a limit of a sensor.

    `key` names the cause: the same key raised twice is one alarm; `active` False returns it.
    """

    key: str
    t_ns: int
    active: bool
    priority: Priority = Priority.MEDIUM
    name: LocalText = LocalText("")
    detail: LocalText = LocalText("")
    place: LocalText = LocalText("")
    area_id: str = ""
    lon: float | None = None
    lat: float | None = None
    camera_ids: tuple[str, ...] = ()
    sensor_id: str = ""
    procedure_id: str = ""
    source: str = "analytics"
    times: int = 0
    """How often it has happened since this key was told last: counted in the alarm, no new row. 0: it goes on."""
    parent: str = ""
    """Key of what speaks for it when both are wrong."""


class Measured(msgspec.Struct, frozen=True):
    """Samples of one moment, all series together."""

    t_ns: int
    samples: tuple[Sample, ...]


class ReportMoved(msgspec.Struct, frozen=True):
    """A report arrived or changed state; the whole record."""

    t_ns: int
    report: Report


class CameraMoved(msgspec.Struct, frozen=True):
    """A camera went away or came back; the whole record."""

    t_ns: int
    camera: Camera


class IndicatorMoved(msgspec.Struct, frozen=True):
    t_ns: int
    indicator: Indicator


class SensorMoved(msgspec.Struct, frozen=True):
    """A sensor's definition changed (a new forecast, above all)."""

    t_ns: int
    sensor: Sensor


class CrewAct(msgspec.Struct, frozen=True):
    """The demo's simulated colleagues act on the alarm of a condition key or `limit:<sensor id>`."""

    t_ns: int
    key: str
    verb: Verb
    operator_id: str


WorldEvent = Condition | Measured | ReportMoved | CameraMoved | IndicatorMoved | SensorMoved | CrewAct


class Directory(msgspec.Struct, frozen=True):
    """What a city consists of, as of a moment."""

    config: tuple[ConfigRecord, ...] = ()
    cameras: tuple[Camera, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    operators: tuple[Operator, ...] = ()
    stations: tuple[Station, ...] = ()
