"""The alarms on the map: where each stands, kept from one drain to the next, so that a thousand updates a second cost
a thousand places and not ten thousand. Must not: paint."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF

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
        self._kept: dict[str, Thing] = {}
        """By alarm id: those that have a place inside the map."""
        self._to: Projection | None = None
        self._body = QRectF()
        self._places: object = None
        """All that a place depends on beside the alarm itself."""
        city.alarmsMoved.connect(self._on_moves)

    @property
    def many(self) -> bool:
        return len(self._city.alarms()) > MANY

    def things(self, to: Projection, body: QRectF) -> list[Thing]:
        """One for each alarm that has a place inside `body`, in no order."""
        places = [
            {key: (record.lon, record.lat) for key, record in self._city.records(feed).items()}
            for feed in ("sensors", "cameras")
        ]
        if (to, body, places) != (self._to, self._body, self._places):
            self._to, self._body, self._places = to, QRectF(body), places
            self._kept.clear()
            for alarm in self._city.alarms():
                self._keep(alarm, to)
        return list(self._kept.values())

    def _on_moves(self, moves: Moves) -> None:
        """A few at a time, as they come: a thousand at once would be felt."""
        for alarm_id in moves:
            self._kept.pop(alarm_id, None)
            alarm = self._city.book.get(alarm_id)
            if alarm is not None and self._to is not None:
                self._keep(alarm, self._to)

    def _keep(self, alarm: Alarm, to: Projection) -> None:
        for thing in alarm_things((alarm,), self._place_of, to):
            if self._body.contains(thing.at):
                self._kept[alarm.id] = thing

    def _place_of(self, alarm: Alarm) -> Point | None:
        """Its own place, its sensor's, or its first camera's."""
        city = self._city
        for record in (alarm, city.sensor(alarm.sensor_id), *(city.camera(c) for c in alarm.camera_ids)):
            if record is not None and record.lon is not None and record.lat is not None:
                return (record.lon, record.lat)
        return None
