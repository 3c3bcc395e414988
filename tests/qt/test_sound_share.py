"""Which desk sounds for what: its own and nobody's at once, another's there first, and here when nobody moves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import at
from helpers.spy_voice import SpyVoice
from PySide6.QtWidgets import QApplication

from backends.domain.access import NOBODY, Grant
from backends.domain.alarm import Alarm, AlarmState, Priority, acknowledge, escalate
from backends.domain.feeds import FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.people import Operator, Role
from backends.domain.ports import Changes, LinkStatus
from backends.domain.text import LocalText
from backends.domain.times import ManualClock
from widgets.models.city import CityModel
from widgets.sound import UNHEARD_S, Annunciator

change = msgspec.structs.replace
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1", sectors=("traffic",))
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2", sectors=("flood",))
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-3", areas=("ward-9",))
UP = LinkStatus(LinkState.UP, Mode.LIVE, at(9))


def grant(person: Operator) -> Grant:
    return Grant(person.id, person.name, person.role, sign_in=True)


class Desk:
    """Thu Hà's desk, unless a test seats somebody else."""

    def __init__(self) -> None:
        self.city, self.voice, self.clock = CityModel(), SpyVoice(), ManualClock()
        self.sound = Annunciator(self.city, voice=self.voice, mono=self.clock)
        live = [FeedStatus(feed, FeedQuality.LIVE, at(9)) for feed in ("alarms", "roster")]
        self.city.apply([Changes("roster", put=(HA, MINH, LEAD)), UP, *live, grant(HA)])

    def put(self, *alarms: Alarm) -> list[str]:
        """What was said since the last call."""
        self.city.apply([Changes("alarms", put=alarms)])
        return self.new()

    def new(self) -> list[str]:
        said, self.voice.said = self.voice.said, []
        return said

    def later(self, seconds: float) -> list[str]:
        self.clock.advance_s(seconds)
        self.sound.on_second()
        return self.new()


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.sound.close()


def alarm(n: int, sector: str, priority: Priority = Priority.HIGH) -> Alarm:
    return Alarm(f"a{n}", priority, AlarmState.UNACKNOWLEDGED, LocalText("Có việc"), at(9, n), sector=sector)


def test_ones_own_nobodys_and_what_is_urgent_sound_at_once(desk: Desk) -> None:
    assert desk.put(alarm(1, "flood")) == []
    assert desk.sound.sounding is None
    assert desk.put(alarm(2, "traffic")) == ["high"]
    assert desk.later(10) == []
    assert desk.put(alarm(3, "security", Priority.MEDIUM)) == ["medium"]
    assert desk.later(10) == []
    assert desk.put(alarm(4, "flood", Priority.URGENT)) == ["urgent"]


def test_what_nobody_acknowledged_at_the_other_desk_sounds_here_once(desk: Desk) -> None:
    first = alarm(1, "flood")
    assert desk.put(first) == []
    assert desk.later(UNHEARD_S - 1) == []
    assert desk.put(change(first, rev=2, detail=LocalText("2,1 m"))) == [], "new figures do not put it off"
    assert desk.later(1) == ["high"]
    assert desk.later(600) == []
    assert desk.put(change(first, rev=3, detail=LocalText("2,2 m"))) == desk.later(600) == []


def test_what_was_acknowledged_there_never_sounds_here(desk: Desk) -> None:
    first = alarm(1, "flood")
    desk.put(first)
    desk.put(acknowledge(first, "Minh", at(9, 2)))
    assert desk.later(600) == []


def test_without_the_hub_everybody_sounds_for_everything(desk: Desk) -> None:
    desk.put(alarm(1, "flood"))
    desk.city.apply([change(UP, state=LinkState.DOWN)])
    assert desk.new() == ["high"], "at once: nobody knows whether the other desk is there"
    assert desk.later(10) == []
    assert desk.put(alarm(2, "flood")) == ["high"]


def test_when_the_other_one_signs_out_or_gives_it_up_it_sounds_here(desk: Desk) -> None:
    desk.put(alarm(1, "flood"))
    desk.city.apply([Changes("roster", put=(change(MINH, station_id="", sectors=()),))])
    assert desk.new() == ["high"]


@pytest.mark.parametrize("here", [NOBODY, Grant("op-x", "X", Role.TRAINER), Grant("op-x", "X", Role.VIEWER)])
def test_where_nobody_works_nothing_is_left_to_others(desk: Desk, here: Grant) -> None:
    desk.city.apply([here])
    assert desk.put(alarm(1, "flood")) == ["high"]


def test_what_has_gone_to_the_shift_lead_is_urgent_there_whatever_he_covers(desk: Desk) -> None:
    desk.city.apply([grant(LEAD)])
    first = alarm(1, "flood")
    assert desk.put(first) == []
    gone = escalate(first, at(9, 30))
    assert desk.put(gone) == ["urgent"]
    assert desk.sound.sounding is Priority.URGENT
    assert desk.put(acknowledge(gone, "Minh", at(9, 31))) == ["stop"]


def test_a_silenced_one_sounds_again_when_it_goes_to_the_shift_lead_and_nowhere_else(desk: Desk) -> None:
    urgent = alarm(1, "flood", Priority.URGENT)
    desk.put(urgent)
    desk.sound.silence()
    assert desk.new() == ["stop"]
    assert desk.put(escalate(urgent, at(9, 30))) == []
    desk.city.apply([grant(LEAD)])
    other = alarm(2, "flood", Priority.URGENT)
    desk.put(other)
    desk.sound.silence()
    desk.new()
    assert desk.put(escalate(other, at(9, 40))) == ["urgent"]
