"""What of the alarms is to be heard in this room, and whose loudspeaker sounds for it.

By itself, a station hears for the person who sits there. Where several say that they are in one room, they hear for
all who sit in it, and the first of them by id whose loudspeaker is on sounds for all. Whoever cannot know how the
others are sounds himself: without the hub everybody does. Reads the city. Must not: play, or keep a state.
"""

from __future__ import annotations

from backends.domain.alarm import Alarm, Priority
from backends.domain.feeds import FeedQuality, LinkState
from backends.domain.people import Operator, Role, Station
from widgets.models.city import LOCAL_FEED, CityModel


class Earshot:
    """Of one station."""

    def __init__(self, city: CityModel, station: str = "", room: str = "") -> None:
        """`room`: as the site's settings name it; empty = this station is heard by itself."""
        self._city, self._station, self.room = city, station, room

    def _known(self, *feeds: str) -> bool:
        """The hub is there, and says how things are now."""
        live = all(self._city.quality(feed) is FeedQuality.LIVE for feed in feeds)
        return live and self._city.link.state is LinkState.UP

    def mates(self) -> list[Station]:
        """The other stations of this room, as far as the hub hears of them."""
        if not self.room:
            return []
        stations: list[Station] = list(self._city.records("stations").values())
        there = (one for one in stations if one.speaker is not None and one.speaker.room == self.room)
        return sorted((one for one in there if one.id != self._station), key=lambda one: one.id)

    def speaker(self) -> Station | None:
        """The station that sounds for this room in the place of this one; None: this one does."""
        if not self.room or not self._known("stations"):
            return None
        own: Station | None = self._city.records("stations").get(self._station)
        there = [one for one in self.mates() if one.speaker is not None and one.speaker.on]
        if not there or (own is not None and own.speaker is not None and own.speaker.on and own.id < there[0].id):
            return None
        return there[0]

    def left(self, alarm: Alarm) -> bool:
        """Another loudspeaker of this room sounds for it. The station's own alarms are known here alone."""
        return alarm.id not in self._city.records(LOCAL_FEED) and self.speaker() is not None

    def _people(self) -> list[tuple[str, Role]]:
        """Who hears it: who sits here and in the rest of the room; nobody: an empty seat."""
        grant, roster = self._city.grant, self._city.records("roster")
        here = (grant.operator_id, grant.role)
        others = [roster.get(one.operator_id) for one in self.mates()] if self._known("stations") else []
        people = [here, *((one.id, one.role) for one in others if isinstance(one, Operator))]
        return [one for one in people if one[0]] or [here]

    def escalated(self, alarm: Alarm) -> bool:
        """It has gone to the shift lead, and he sits here."""
        city = self._city
        return alarm.t_escalated_ns > 0 and any(city.coverage.takes_escalated(role) for _, role in self._people())

    def tone_of(self, alarm: Alarm) -> Priority | None:
        """What it sounds like in this room; None: it is left to other rooms."""
        if self.escalated(alarm):
            return Priority.URGENT
        urgent = alarm.priority is Priority.URGENT
        if urgent or not self._known("roster") or any(self._city.is_of(*one, alarm) for one in self._people()):
            return alarm.priority
        return None
