"""Tells the JSON log what the screen shows: link, stale feeds, alarms of the station, actions, layouts.

For tests and other programs. Writes changes only, never the records themselves: no personal data and no
secret reaches the log.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from backends.domain.action import ActionStatus
from backends.domain.feeds import FeedQuality
from console.events import EventLog
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.windows.wall import Wall


class Teller(QObject):
    """Connects once; lives as long as the session. GUI thread only."""

    def __init__(self, events: EventLog, city: CityModel, wall: Wall) -> None:
        super().__init__()
        self._events, self._city = events, city
        self._link = ""
        self._stale: tuple[str, ...] | None = None
        self._station: tuple[str, ...] = ()
        city.healthChanged.connect(self._on_health)
        city.feedsChanged.connect(self._on_feeds)
        city.actionChanged.connect(self._on_action)
        wall.layoutChanged.connect(lambda layout: events.emit("layout", layout=layout))

    def _on_health(self) -> None:
        if self._city.link.state != self._link:
            self._link = self._city.link.state
            self._events.emit("link", state=self._link, queued=self._city.link.queued)
        shown_old = (FeedQuality.STALE, FeedQuality.STORED)
        stale = tuple(sorted(s.feed for s in self._city.statuses.values() if s.quality in shown_old))
        if stale != self._stale:
            self._stale = stale
            self._events.emit("stale", feeds=stale)

    def _on_feeds(self, changed: frozenset[str]) -> None:
        if LOCAL_FEED not in changed:
            return
        station = tuple(sorted(self._city.records(LOCAL_FEED)))
        if station != self._station:
            self._station = station
            self._events.emit("station_alarms", ids=station)

    def _on_action(self, status: ActionStatus) -> None:
        action = status.action
        self._events.emit(
            "action", aid=action.aid, verb=action.verb, target=action.target, stage=status.stage, code=status.code
        )
