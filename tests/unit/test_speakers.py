"""Loudspeakers of one room: what a station says of its own, when, and how long the hub believes it."""

from __future__ import annotations

import msgspec
from helpers.link_rig import Rig

from backends.domain.people import Speaker, Station
from backends.hub.speakers import ROOM_MOST, SILENT_S, Speakers
from backends.link.seeing import SOUND_OLD_S

ON = Speaker("phòng trực", True)
change = msgspec.structs.replace


class Hub:
    """Two stations, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.stations = {name: Station(name, name) for name in ("desk-1", "desk-2")}
        self.heard = {"desk-1": 100.0, "desk-2": 100.0}
        self.puts = 0
        self.speakers = Speakers(lambda: self.now_s)

    def records(self, feed: str) -> dict[str, Station]:
        assert feed == "stations"
        return self.stations

    def put(self, _feed: str, record: Station, _now_ns: int) -> None:
        self.stations[record.id] = record
        self.puts += 1

    def turn(self, later_s: float = 1.0, *, here: tuple[str, ...] = ("desk-1", "desk-2")) -> list[Speaker | None]:
        self.now_s += later_s
        self.heard |= dict.fromkeys(here, self.now_s)
        self.speakers.turn(self, lambda name: self.heard.get(name, float("-inf")), 1)  # type: ignore[arg-type]
        return [self.stations[name].speaker for name in ("desk-1", "desk-2")]


def test_what_a_station_says_stands_in_its_record_while_it_is_heard_of() -> None:
    hub = Hub()
    hub.speakers.hello("desk-1", ON)
    assert hub.turn() == [ON, None]
    assert hub.turn() == [ON, None]
    assert hub.puts == 1, "nothing new, nothing written"
    hub.speakers.hello("desk-1", change(ON, on=False))
    assert hub.turn() == [change(ON, on=False), None]
    hub.speakers.hello("desk-1", None)
    assert hub.turn() == [None, None]


def test_who_falls_silent_is_not_counted_on_and_comes_back() -> None:
    hub = Hub()
    hub.speakers.hello("desk-1", ON)
    hub.turn()
    assert hub.turn(SILENT_S, here=("desk-2",)) == [ON, None]
    assert hub.turn(0.1, here=("desk-2",)) == [None, None]
    assert hub.turn() == [ON, None]


def test_what_the_hub_before_had_heard_counts_for_nothing() -> None:
    hub = Hub()
    hub.stations["desk-2"] = change(hub.stations["desk-2"], speaker=ON)
    assert hub.turn() == [None, None], "until it says so itself"


def test_a_room_has_a_name_of_some_length() -> None:
    hub = Hub()
    for room in ("", "x" * (ROOM_MOST + 1)):
        hub.speakers.hello("desk-1", Speaker(room, True))
        assert hub.turn() == [None, None]


def test_a_change_is_said_at_once_and_a_hung_screen_is_not_vouched_for() -> None:
    rig = Rig()
    rig.join({})
    rig.turn(0.05)
    rig.machine.sounding.tell(ON, rig.now_s)
    (hello,) = [m for m in rig.turn(0.05) if m["msg"] == "HELLO"]
    assert hello["speaker"] == {"room": "phòng trực", "on": True}
    rig.welcome()
    rig.machine.sounding.tell(ON, rig.now_s)
    assert not [m for m in rig.turn(0.05) if m["msg"] == "HELLO"], "nothing new"
    said = [m for _ in range(int(SOUND_OLD_S) + 1) for m in rig.turn(1.0) if m["msg"] == "HELLO"]
    assert said
    assert "speaker" not in said[-1]
