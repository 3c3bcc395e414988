"""What of the alarms a list shows, as its reader asked. Pure: a record and a question.

An urgent alarm that nobody has acknowledged passes every filter, and so does what has gone to the shift lead. Must not:
count, paint, or know the city.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.text import LocalText, fold
from widgets.models.alarm_order import is_listed


class Stand(StrEnum):
    """Where an alarm stands, as a person would sort them; whatever states there are, each has one."""

    ASKING = "asking"
    """Unacknowledged, active or over."""
    IN_HAND = "in_hand"
    SEEN = "seen"
    """Acknowledged, nobody has it in hand."""
    ASIDE = "aside"
    """Shelved."""
    OUT = "out"
    """Out of service: only a list that is asked for them shows any."""


def stand_of(alarm: Alarm) -> Stand:
    if alarm.unacknowledged:
        return Stand.ASKING
    if alarm.state is AlarmState.SHELVED:
        return Stand.ASIDE
    if alarm.state is AlarmState.OUT_OF_SERVICE:
        return Stand.OUT
    return Stand.IN_HAND if alarm.holder_id else Stand.SEEN


def is_grave(alarm: Alarm) -> bool:
    """Urgent, and nobody has acknowledged it: never filtered away, never folded away."""
    return alarm.priority is Priority.URGENT and alarm.unacknowledged


def never_hidden(alarm: Alarm) -> bool:
    """No filter and no fold takes it away: grave, or gone to the shift lead."""
    return is_grave(alarm) or alarm.t_escalated_ns > 0


class AlarmFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Empty = all. Of each kind one of the named must fit, and of the kinds all."""

    priorities: frozenset[Priority] = frozenset()
    areas: frozenset[str] = frozenset()
    """Ids."""
    sources: frozenset[str] = frozenset()
    """As `Alarm.source`: what kind of thing raised it."""
    stands: frozenset[Stand] = frozenset()
    words: str = ""
    """All of these words, without accents and case, somewhere in name, place or who has it."""
    mine: bool = False
    """Only what is for the person here to see to, and what nobody covers."""

    @property
    def active(self) -> bool:
        return self != ALL

    def lists(self, alarm: Alarm) -> bool:
        """It belongs in a list at all: what is out of service does where that is asked for."""
        return is_listed(alarm) or (alarm.state is AlarmState.OUT_OF_SERVICE and Stand.OUT in self.stands)

    def passes(self, is_mine: Callable[[Alarm], bool] = lambda _: True) -> Callable[[Alarm], bool]:
        """The question, ready to be asked of thousands. `is_mine`: as the city knows it."""
        if not self.active:
            return lambda alarm: True
        wanted = tuple(fold(self.words).split())

        def passes(alarm: Alarm) -> bool:
            if never_hidden(alarm):
                return True
            if (
                (self.priorities and alarm.priority not in self.priorities)
                or (self.areas and alarm.area_id not in self.areas)
                or (self.sources and alarm.source not in self.sources)
                or (self.stands and stand_of(alarm) not in self.stands)
                or (self.mine and not is_mine(alarm))
            ):
                return False
            return not wanted or all(word in _words_of(alarm) for word in wanted)

        return passes


ALL = AlarmFilter()


def kept(filter_: AlarmFilter) -> str:
    """For the session's memory; empty for a filter that is none."""
    return msgspec.json.encode(filter_).decode() if filter_.active else ""


def found(text: str) -> AlarmFilter:
    """What `kept` has written; ALL for what cannot be read."""
    try:
        return msgspec.json.decode(text or "{}", type=AlarmFilter)
    except ValueError:  # the memory cuts what is too long, and older programs knew other words
        return ALL


def _words_of(alarm: Alarm) -> str:
    return _folded(alarm.name, alarm.place, alarm.holder, alarm.acked_by)


@lru_cache(maxsize=20_000)
def _folded(name: LocalText, place: LocalText, holder: str, acked_by: str) -> str:
    # Kept: a letter more of the search must not fold ten thousand names again.
    return fold(f"{name.vi} {name.en} {place.vi} {place.en} {holder} {acked_by}")
