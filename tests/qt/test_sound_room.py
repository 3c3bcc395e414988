"""Several loudspeakers in one room: one sounds for all, and every loss makes the others sound at once."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import at
from helpers.spy_voice import SpyVoice
from PySide6.QtWidgets import QApplication

from backends.domain.access import Grant
from backends.domain.alarm import Alarm, AlarmState, Priority, acknowledge, escalate
from backends.domain.feeds import FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.people import Operator, Role, Speaker, Station
from backends.domain.ports import Changes, LinkStatus
from backends.domain.text import LocalText
from backends.domain.times import ManualClock
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.models.earshot import Earshot
from widgets.sound import SAID_S, UNHEARD_S, Annunciator

change = msgspec.structs.replace
ROOM = "phòng trực"
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1", sectors=("traffic",))
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2", sectors=("flood",))
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-9", areas=("ward-9",))
UP = LinkStatus(LinkState.UP, Mode.LIVE, at(9))


class Room:
    """Two desks at one hub; what a desk says of its loudspeaker comes back to both with the next `hub()`."""

    def __init__(self) -> None:
        self.clock = ManualClock(at(9))
        self.said: dict[str, Speaker | None] = {}
        self.desks = [Desk(self, HA), Desk(self, MINH)]
        for desk in self.desks:
            desk.voice.deviceChanged.emit("Loa")
        self.hub()
        for desk in self.desks:
            desk.new()

    def apply(self, *deliveries: object) -> list[list[str]]:
        for desk in self.desks:
            desk.city.apply(deliveries)  # type: ignore[arg-type]
        return [desk.new() for desk in self.desks]

    def put(self, *alarms: Alarm) -> list[list[str]]:
        return self.apply(Changes("alarms", put=alarms))

    def hub(self, **gone: None) -> list[list[str]]:
        """The records of the stations as the hub has them now; `gone`: not heard of."""
        said = {**self.said, **{name.replace("_", "-"): None for name in gone}}
        seats = {"desk-1": "op-ha", "desk-2": "op-minh"}
        stations = (Station(s, f"Bàn {s[-1]}", True, who, said.get(s)) for s, who in seats.items())
        return self.apply(Changes("stations", put=tuple(stations)))


class Desk:
    def __init__(self, room: Room, person: Operator) -> None:
        self.city, self.voice = CityModel(), SpyVoice()
        self.sound = Annunciator(
            self.city, voice=self.voice, mono=room.clock, now_ns=room.clock.now_ns,
            earshot=Earshot(self.city, person.station_id, ROOM),
        )  # fmt: skip
        self.sound.speakerSaid.connect(lambda speaker: room.said.__setitem__(person.station_id, speaker))
        live = [FeedStatus(feed, FeedQuality.LIVE, at(9)) for feed in ("alarms", "roster", "stations")]
        here = Grant(person.id, person.name, person.role, sign_in=True)
        self.city.apply([Changes("roster", put=(HA, MINH, LEAD)), UP, *live, here])

    def new(self) -> list[str]:
        said, self.voice.said = self.voice.said, []
        return [one for one in said if one != "start"]


@pytest.fixture
def room(qapp: QApplication) -> Iterator[Room]:
    made = Room()
    yield made
    for desk in made.desks:
        desk.sound.close()


def alarm(n: int, sector: str, priority: Priority = Priority.HIGH) -> Alarm:
    return Alarm(f"a{n}", priority, AlarmState.UNACKNOWLEDGED, LocalText("Có việc"), at(9, n), sector=sector)


def test_the_first_desk_whose_sound_is_on_sounds_for_all_who_sit_there(room: Room) -> None:
    assert room.put(alarm(1, "flood")) == [["high"], []], "Minh's, heard at the first desk of his room"
    room.clock.advance_s(10)
    assert room.put(alarm(2, "traffic")) == [["high"], []]
    room.clock.advance_s(10)
    assert room.put(alarm(3, "security", Priority.URGENT)) == [["urgent"], []]
    assert [desk.sound.heard_at for desk in room.desks] == ["", "Bàn 1"]


def test_a_muted_desk_is_passed_over(room: Room) -> None:
    first, second = room.desks
    first.sound.toggle_muted()
    assert room.hub() == [[], []]
    assert room.put(alarm(1, "traffic", Priority.URGENT)) == [[], ["urgent"]]
    first.sound.toggle_muted()
    assert room.hub() == [["urgent"], ["stop"]], "and takes it back"
    second.voice.deviceChanged.emit("")
    first.voice.deviceChanged.emit("")
    assert room.hub()[0] == [], "where nobody has any, each is on its own"


def test_a_lost_desk_or_hub_makes_the_others_sound_what_stands(room: Room) -> None:
    room.put(alarm(1, "traffic", Priority.URGENT))
    assert room.hub(desk_1=None)[1] == ["urgent"]
    assert room.hub()[1] == ["stop"]
    assert room.apply(change(UP, state=LinkState.DOWN))[1] == ["urgent"]


def test_silence_at_one_desk_is_silence_in_the_room_and_no_acknowledgement(room: Room) -> None:
    first, second = room.desks
    urgent = alarm(1, "traffic", Priority.URGENT)
    room.put(urgent)
    room.clock.advance_s(1)
    second.sound.silence()
    room.clock.advance_s(1)
    assert room.put(alarm(2, "flood", Priority.URGENT))[0] == [], "it repeats already"
    assert room.hub() == [[], []], "what came after the key goes on"
    assert first.sound.sounding is Priority.URGENT
    assert first.city.unacknowledged_counts()[Priority.URGENT] == 2
    room.clock.advance_s(1)
    second.sound.silence()
    assert room.hub() == [["stop"], []]
    assert room.hub(desk_1=None) == [[], []], "nor does the next loudspeaker take it up again"
    assert room.put(acknowledge(urgent, "Minh", at(9, 5))) == [[], []]
    room.hub()
    assert room.put(alarm(3, "flood", Priority.URGENT)) == [["urgent"], []]


def test_another_rooms_work_is_left_to_it_for_a_minute(room: Room) -> None:
    room.apply(Changes("roster", put=(change(LEAD, sectors=("security",), areas=()),)))
    assert room.put(alarm(1, "security")) == [[], []]
    room.clock.advance_s(UNHEARD_S)
    for desk in room.desks:
        desk.sound.on_second()
    assert [desk.new() for desk in room.desks] == [["high"], []]
    assert room.put(escalate(alarm(1, "security"), at(9, 9))) == [[], []], "the shift lead sits elsewhere"


def test_the_stations_own_alarms_sound_at_the_station(room: Room) -> None:
    second = room.desks[1]
    second.city.apply([Changes(LOCAL_FEED, put=(alarm(1, ""),))])
    assert second.new() == ["high"]


def test_it_is_said_every_two_seconds_and_at_each_change(room: Room) -> None:
    first = room.desks[0]
    heard: list[Speaker] = []
    first.sound.speakerSaid.connect(heard.append)
    for _ in range(2 * SAID_S):
        first.sound.on_second()
    assert heard == [Speaker(ROOM, True)] * 2
    first.sound.toggle_muted()
    first.sound.silence()
    assert [one.on for one in heard[2:]] == [False, False]
    assert heard[-1].t_silenced_ns == room.clock.now_ns()


def test_without_a_room_nothing_is_said_and_nothing_left(qapp: QApplication) -> None:
    heard: list[Speaker] = []
    sound = Annunciator(CityModel(), voice=SpyVoice())
    sound.speakerSaid.connect(heard.append)
    sound.on_second()
    sound.on_second()
    sound.silence()
    assert heard == []
    assert sound.heard_at == ""
    sound.close()
