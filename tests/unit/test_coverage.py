"""Who looks after what: whose an alarm is, what the hub lets a person say, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.tiny_city import DUST, RIVER, TinyCity

from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.coverage import SECTORS, Coverage, covers
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.place import Area
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.alarm_definitions import CLASSES_FILE, Definitions
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.protocol.codec import decode_body

NOW = 1_790_000_000 * NS_PER_S
AREAS = tuple(
    Area(f"ward-{n}", LocalText(f"Phường {n}", f"Ward {n}"), ((0, 0), (1, 0), (1, 1)), "2009-08-11") for n in (1, 2)
)
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2")
LEAD = Operator("op-lead", "Lê Quang", "Quang", Role.SHIFT_LEAD, "desk-3")
change = msgspec.structs.replace


def alarm(area: str = "ward-1", sector: str = "flood") -> Alarm:
    return Alarm("a@1", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Ngập"), NOW, area_id=area, sector=sector)


# --- whose it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("areas", "sectors", "yes"),
    [
        ((), (), False),
        (("ward-1",), (), True),
        (("ward-2",), (), False),
        ((), ("flood", "traffic"), True),
        ((), ("traffic",), False),
        (("ward-1",), ("flood",), True),
        (("ward-1",), ("traffic",), False),
    ],
)
def test_areas_and_sectors_narrow_each_other_down(areas: tuple[str, ...], sectors: tuple[str, ...], yes: bool) -> None:
    assert covers(change(HA, areas=areas, sectors=sectors), "ward-1", "flood") is yes


def test_what_nobody_covers_is_everybodys() -> None:
    flood = change(HA, sectors=("flood",))
    coverage = Coverage([flood, MINH])
    assert coverage.by("ward-1", "flood") == {"op-ha"}
    assert coverage.includes("op-ha", alarm())
    assert not coverage.includes("op-minh", alarm())
    for sector in (*SECTORS[1:], ""):
        assert coverage.includes("op-minh", alarm(sector=sector)), sector
    assert not coverage.includes("op-minh", alarm(area="")), "a sector is covered wherever it is"
    gone = Coverage([change(flood, station_id=""), MINH])
    assert gone.includes("op-minh", alarm()), "who sits nowhere covers nothing"
    viewer = Coverage([change(flood, role=Role.VIEWER), MINH])
    assert viewer.includes("op-minh", alarm())


def test_without_a_shift_lead_what_escalates_goes_to_all_who_work() -> None:
    assert Coverage([HA]).takes_escalated(Role.OPERATOR)
    assert not Coverage([HA]).takes_escalated(Role.VIEWER)
    assert not Coverage([HA, LEAD]).takes_escalated(Role.OPERATOR)
    assert Coverage([HA, LEAD]).takes_escalated(Role.SHIFT_LEAD)
    assert Coverage([HA, change(LEAD, station_id="")]).takes_escalated(Role.OPERATOR)


def test_the_sector_is_data(tmp_path: Path) -> None:
    shipped = Definitions()
    assert shipped.of(f"limit:{RIVER.id}", RIVER).sector == "flood"
    assert shipped.of("limit:x", change(DUST, parameter="pm25")).sector == "environment"
    assert shipped.of("congestion:047").sector == "traffic"
    assert shipped.of("nodata:all").sector == "devices"
    assert shipped.of("door:1").sector == ""
    text = '[[sector]]\nid = "hospital"\nkeys = ["congestion:047", "ward:*"]\nparameters = ["beds"]\n'
    (tmp_path / CLASSES_FILE).write_text(text, encoding="utf-8")
    own = Definitions(tmp_path)
    assert own.of("congestion:047").sector == "hospital", "a site's own come first"
    assert own.of("congestion:048").sector == "traffic"
    assert own.of("limit:b", Sensor("b", LocalText("Giường"), "", parameter="beds")).sector == "hospital"


# --- what the hub lets a person say ----------------------------------------------------------------


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    made = Core(log, TinyCity(NOW, past_s=60), define=Definitions().of)
    made.start(NOW)
    for area in AREAS:
        made.put("config", area, NOW)
    made.put("roster", LEAD, NOW)
    made.round(NOW, 0.0)
    yield made
    log.close()


class Desk:
    """Acts one after the other, each with its own id."""

    def __init__(self, core: Core) -> None:
        self.core, self.n = core, 0

    def __call__(
        self, target: str, who: Operator, expect: int = 0, verb: Verb = Verb.COVER, **args: str
    ) -> tuple[str, str, str]:
        self.n += 1
        answer = self.core.act("desk-1", who, Action(f"a{self.n}", verb, "roster", target, expect, NOW, 0, args), NOW)
        last = answer.acks[-1]
        return last.stage, last.code, last.text


@pytest.fixture
def desk(core: Core) -> Desk:
    return Desk(core)


def stored(core: Core, id_: str) -> Operator:
    """As the log has it, not as memory has it."""
    found: Operator = next(decode_body("roster", e.body) for e in core.snapshot("roster") if e.id == id_)
    assert found == core.records("roster")[id_]
    return found


def test_one_says_what_one_covers_oneself_and_the_shift_lead_for_anybody(core: Core, desk: Desk) -> None:
    rev = stored(core, "op-ha").rev
    assert desk("op-ha", HA, rev, areas="ward-2 ward-1 ward-1", sectors="flood")[0] == "applied"
    person = stored(core, "op-ha")
    assert (person.areas, person.sectors, person.rev) == (("ward-1", "ward-2"), ("flood",), rev + 1)
    event = decode_body("timeline", core.log.fetch("timeline", 0, 1000, 1 << 20)[-1].body)
    assert (event.what, event.target, event.actor) == ("cover_changed", "op-ha", "op-ha")
    assert event.text.vi == "Thu Hà: Phường 1, Phường 2 · ngập lụt"
    assert event.text.en == "Thu Hà: Ward 1, Ward 2 · floods"
    assert desk("op-minh", HA, areas="ward-1") == ("refused", "not_allowed", "operator")
    assert desk("op-minh", LEAD, sectors="traffic")[0] == "applied"
    assert desk("op-ha", LEAD)[0] == "applied", "nothing is an answer, too"
    assert stored(core, "op-ha").areas == ()


def test_two_at_once_are_a_conflict(core: Core, desk: Desk) -> None:
    rev = stored(core, "op-ha").rev
    assert desk("op-ha", LEAD, rev, areas="ward-1")[0] == "applied"
    assert desk("op-ha", HA, rev, areas="ward-2") == ("conflict", "changed", "Thu Hà")
    assert desk("op-ha", HA, rev + 1, areas="ward-1") == ("conflict", "unchanged", "Thu Hà")


def test_what_makes_no_sense_is_refused(core: Core, desk: Desk) -> None:
    assert desk("op-ha", HA, areas="ward-9") == ("refused", "bad_area", "ward-9")
    assert desk("op-ha", HA, sectors="x" * 41)[:2] == ("refused", "bad_sector")
    assert desk("op-ha", HA, sectors="flo\x01od")[:2] == ("refused", "bad_sector"), "it stands on every screen"
    assert desk("op-ha", HA, sectors="\u202eflood")[:2] == ("refused", "bad_sector")
    assert desk("op-ha", HA, sectors=" ".join(f"s{n}" for n in range(33)))[:2] == ("refused", "too_long")
    assert desk("op-wall", LEAD, areas="ward-1")[:2] == ("refused", "bad_person")
    assert desk("nobody", LEAD, areas="ward-1")[:2] == ("conflict", "gone")
    core.put("roster", change(core.records("roster")["op-minh"], station_id=""), NOW)
    assert desk("op-minh", LEAD, areas="ward-1")[:2] == ("conflict", "gone"), "who sits nowhere covers nothing"
    assert desk("op-ha", HA, verb=Verb.CLAIM)[:2] == ("refused", "unsupported")


def test_it_is_there_after_a_restart_and_alarms_are_of_a_sector(core: Core, desk: Desk) -> None:
    desk("op-ha", HA, sectors="flood")
    again = Core(core.log, TinyCity(NOW), define=Definitions().of)
    again.start(NOW)
    assert stored(again, "op-ha").sectors == ("flood",)
    bodies = [decode_body("alarms", e.body) for e in again.snapshot("alarms")]
    assert {one.key: one.sector for one in bodies} == {"fire": "security", f"limit:{RIVER.id}": "flood"}
