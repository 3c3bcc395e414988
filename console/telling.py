"""Tells the JSON log what the screen shows: link, stale feeds, actions, layouts. For tests and other programs.

Writes changes only, never the records themselves: no personal data and no secret reaches the log.
"""

from __future__ import annotations

from PySide6.QtCore import QObject

from backends.domain.action import ActionStatus
from backends.domain.feeds import FeedQuality
from console.events import EventLog
from widgets.models.city import CityModel
from widgets.windows.wall import Wall


class Teller(QObject):
    """Connects once; lives as long as the session. GUI thread only."""

    def __init__(self, events: EventLog, city: CityModel, wall: Wall) -> None:
        super().__init__()
        self._events, self._city = events, city
        self._link = ""
        self._stale: tuple[str, ...] | None = None
        city.healthChanged.connect(self._on_health)
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

    def _on_action(self, status: ActionStatus) -> None:
        action = status.action
        self._events.emit(
            "action", aid=action.aid, verb=action.verb, target=action.target, stage=status.stage, code=status.code
        )
