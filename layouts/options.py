"""Options of the shipped tile kinds, and their smallest useful sizes.

Kept apart from the widgets that draw them, so that a layout file can be checked without Qt (`doctor`,
tests, the hub). A kind of tile that a site adds brings its record in its own file and its own `TileKind`.
"""

from __future__ import annotations

import msgspec

from layouts.spec import TileKind, TileKinds


class PatrolView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One view of a patrol."""

    preset: str
    """Its name at the camera."""
    dwell_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.preset:
            raise ValueError("a view of a patrol needs the name of its preset")
        if not 4 <= self.dwell_s <= 3600:
            raise ValueError("dwell_s must be 4 to 3600 seconds")


class TourStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stop of a tour."""

    camera: str
    """Number as operators say it."""
    preset: str = ""
    """Where that camera is sent when the tour comes to it, by its name or token there; empty: it stays as it is."""
    dwell_s: float | None = None
    """None: the tour's."""

    def __post_init__(self) -> None:
        if not self.camera or "-" in self.camera:
            raise ValueError('a stop of a tour names one camera: { camera = "021", preset = "3" }')
        if self.dwell_s is not None and not 4 <= self.dwell_s <= 3600:
            raise ValueError("dwell_s must be 4 to 3600 seconds")


class CameraOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture: a camera by number, or a place that is kept for what happens."""

    camera: str = ""
    """Number as operators say it: "014"."""
    slot: str = ""
    """"alarm": the camera of the highest unacknowledged alarm, or its stand-in; shows `camera` in calm."""
    tour: tuple[str | TourStop, ...] = ()
    """Instead of both: cameras by number, one after the other; "001-036" is a range, and a table one with a preset
    or a time of its own: ["014", { camera = "021", preset = "3", dwell_s = 15 }]."""
    dwell_s: float = 10.0
    """Seconds for each stop of the tour that says nothing else."""
    patrol: tuple[PatrolView, ...] = ()
    """Presets that a person may let `camera` go round: [{ preset = "Cổng chính", dwell_s = 30 }, ...]."""

    def __post_init__(self) -> None:
        if self.slot not in ("", "alarm"):
            raise ValueError(f'slot must be "alarm" or left out, not "{self.slot}"')
        if self.tour and (self.camera or self.slot):
            raise ValueError("give tour without camera and without slot")
        if not self.camera and not self.slot and not self.tour:
            raise ValueError('give camera = "014", slot = "alarm" or tour = ["014", "021"]')
        if self.patrol and not self.camera:
            raise ValueError("a patrol belongs to one camera: give camera with it")
        if self.tour and len(self.stops) < 2:
            raise ValueError("a tour needs two stops or more")
        if not 4 <= self.dwell_s <= 3600:
            raise ValueError("dwell_s must be 4 to 3600 seconds")

    @property
    def stops(self) -> tuple[TourStop, ...]:
        """Of the tour, with its ranges written out. Raises ValueError for a range that is none."""
        out: list[TourStop] = []
        for entry in self.tour:
            if isinstance(entry, TourStop):
                out.append(entry)
            else:
                out += [TourStop(number) for number in expand_numbers((entry,))]
        return tuple(out)


class CamerasOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block of pictures; geometry makes `camera` tiles of it."""

    numbers: tuple[str, ...]
    """Camera numbers in reading order; "001-036" is a range, "alarm" the place kept for alarms."""
    columns: int = 3
    rows: int = 3

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= 12 and 1 <= self.rows <= 12):
            raise ValueError("columns and rows must be 1 to 12")
        expand_numbers(self.numbers)


class AlarmsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The alarm list."""

    rows: int = 0
    """At most so many; 0 = as many as fit."""


class ReportsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The queue of citizen reports."""

    rows: int = 0
    """At most so many; 0 = as many as fit."""
    area: str = ""
    """Only this area's reports (an id of the feed `config`); empty = the whole city."""


CAMERA_ORDERS = ("", "number", "name", "trouble")


class CameraListOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The directory of cameras: areas, sites, cameras, with the state of each."""

    rows: int = 0
    """At most so many; 0 = as many as fit."""
    area: str = ""
    """Only this area's cameras (an id of the feed `config`); empty = the whole city."""
    order: str = ""
    """Inside an area: "number", "name" or "trouble" (what is wrong first); empty = by number on a desk, what is
    wrong first on a wall."""
    pictures: bool = True
    """Small pictures in the rows, where that leaves enough of them; False = never."""

    def __post_init__(self) -> None:
        if self.order not in CAMERA_ORDERS:
            raise ValueError('order must be "number", "name", "trouble" or left out')
        if self.rows < 0:
            raise ValueError("rows must be 0 or more")


class PlotOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One series over the last hours, with limits and forecast."""

    sensor: str = ""
    """Id of the sensor."""
    parameter: str = ""
    """Instead of `sensor`: the first sensor of this quantity ("water_level")."""
    hours: float = 6.0

    def __post_init__(self) -> None:
        if not self.sensor and not self.parameter:
            raise ValueError("give sensor or parameter")
        if not 0 < self.hours <= 24 * 31:
            raise ValueError("hours must be above 0 and at most 744")


class IndicatorsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A board of slow figures."""

    ids: tuple[str, ...] = ()
    """Ids of indicators in order; empty = as many as fit, those on the wrong side of their goal first."""
    columns: int = 6

    def __post_init__(self) -> None:
        if not 1 <= self.columns <= 12:
            raise ValueError("columns must be 1 to 12")


MAP_LAYERS = ("areas", "cameras", "stations", "air", "alarms", "reports")


class MapOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The schematic map."""

    layers: tuple[str, ...] = MAP_LAYERS

    def __post_init__(self) -> None:
        unknown = [layer for layer in self.layers if layer not in MAP_LAYERS]
        if unknown:
            raise ValueError(f'layer "{unknown[0]}" is not one of {", ".join(MAP_LAYERS)}')


class AirOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hourly air index of each station."""

    rows: int = 0
    """At most so many; 0 = as many as fit."""

    def __post_init__(self) -> None:
        if self.rows < 0:
            raise ValueError("rows must not be below 0")


class FeedsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Health of the data channels."""


CAMERA_BLOCK = "cameras"
CAMERA = "camera"

SHIPPED_KINDS: dict[str, TileKind] = {
    CAMERA: TileKind(CameraOptions, min_em=(7.0, 3.5)),
    CAMERA_BLOCK: TileKind(CamerasOptions, min_em=(7.0, 3.5)),
    "alarms": TileKind(AlarmsOptions, min_em=(16.0, 9.0), lists_alarms=True),
    "reports": TileKind(ReportsOptions, min_em=(15.0, 7.0)),
    "camera_list": TileKind(CameraListOptions, min_em=(15.0, 7.0)),
    "plot": TileKind(PlotOptions, min_em=(12.0, 5.0)),
    "indicators": TileKind(IndicatorsOptions, min_em=(8.0, 4.5)),
    "map": TileKind(MapOptions, min_em=(10.0, 8.0)),
    "feeds": TileKind(FeedsOptions, min_em=(12.0, 6.0)),
    "air": TileKind(AirOptions, min_em=(10.0, 4.5)),
}


def with_blocks(kinds: TileKinds) -> TileKinds:
    """`kinds` and what geometry itself resolves: blocks of pictures have no widget of their own."""
    return {name: SHIPPED_KINDS[name] for name in (CAMERA, CAMERA_BLOCK)} | dict(kinds)


def expand_numbers(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Camera numbers with the ranges written out: ("001-003", "alarm") -> ("001", "002", "003", "alarm").

    Raises ValueError with a sentence for a range that is none.
    """
    out: list[str] = []
    for entry in numbers:
        first, dash, last = entry.partition("-")
        if not dash:
            out.append(entry)
            continue
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) <= int(first) + 999):
            raise ValueError(f'"{entry}" is no range of camera numbers such as "001-036"')
        out += [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
    return tuple(out)
