"""The alarms on the map: where each stands, kept from one drain to the next, so that a thousand updates a second cost
a thousand places and not ten thousand. Must not: paint."""

from __future__ import annotations

from PySide6.QtCore import QObject

from backends.domain.alarm import Alarm
from backends.domain.place import Point
from widgets.models.alarm_order import Moves
from widgets.models.city import CityModel
from widgets.parts.map_projection import Projection
from widgets.parts.map_things import Thing, alarm_things

MANY = 400
"""Alarms. With more of them the map takes them up once a second: the list tells a new one at once."""


class AlarmLayer(QObject):
    """One a map."""

    def __init__(self, city: CityModel, parent: QObject) -> None:
        super().__init__(parent)
        self._city = city
        self._kept: dict[str, Thing | None] = {}
        """By alarm id; None: it has no place."""
        self._basis: object = None
        """All that a place depends on beside the alarm itself."""
        city.alarmsMoved.connect(self._on_moves)

    @property
    def many(self) -> bool:
        return len(self._city.alarms()) > MANY

    def things(self, to: Projection) -> list[Thing]:
        """One for each alarm that has a place."""
        basis = (to, self._places("sensors"), self._places("cameras"))
        if basis != self._basis:
            self._basis = basis
            self._kept.clear()
        for alarm in self._city.alarms():
            if alarm.id not in self._kept:
                self._kept[alarm.id] = next(iter(alarm_things((alarm,), self._place_of, to)), None)
        found = (self._kept[alarm.id] for alarm in self._city.alarms())
        return [thing for thing in found if thing is not None]

    def _on_moves(self, moves: Moves) -> None:
        for alarm_id in moves:
            self._kept.pop(alarm_id, None)

    def _places(self, feed: str) -> dict[str, tuple[float | None, float | None]]:
        return {key: (record.lon, record.lat) for key, record in self._city.records(feed).items()}

    def _place_of(self, alarm: Alarm) -> Point | None:
        """Its own place, its sensor's, or its first camera's."""
        city = self._city
        for record in (alarm, city.sensor(alarm.sensor_id), *(city.camera(c) for c in alarm.camera_ids)):
            if record is not None and record.lon is not None and record.lat is not None:
                return (record.lon, record.lat)
        return None
