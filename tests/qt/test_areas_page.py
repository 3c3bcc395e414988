"""The page of areas and sectors: who looks after what, giving it, and what is nobody's any more."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import THU_HA, SampleSession, prepare
from helpers.search_room import CTRL, SHIFT, Key, Room
from PySide6.QtWidgets import QApplication

from backends.domain.action import Stage, Verb
from backends.domain.people import Operator, Role
from widgets.i18n import Language, tr
from widgets.pages.areas import AreasPage
from widgets.parts.panel_rows import Row

change = msgspec.structs.replace
HA = Operator("op-thuha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1", rev=3)
BAO = Operator("op-quocbao", "Trần Quốc Bảo", "Quốc Bảo", Role.SHIFT_LEAD, "desk-2", rev=5)
LEAD = change(THU_HA, operator_id="op-quocbao", name="Trần Quốc Bảo", role=Role.SHIFT_LEAD)


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    sample.put("roster", HA, BAO)
    return sample


def opened(room: Room) -> AreasPage:
    room.key(Key.Key_A, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, AreasPage)
    return page


def row(page: AreasPage, kind: str, id_: str) -> Row:
    return next(one for one in page.rows if one.key == (kind, id_))


def args(sample: SampleSession) -> list[tuple[str, str, int, str, str]]:
    assert {action.verb for action in sample.actions.submitted} <= {Verb.COVER}
    sent = sample.actions.submitted
    return [(a.feed, a.target, a.expect_state_rev, a.args["areas"], a.args["sectors"]) for a in sent]


def test_an_operator_takes_and_gives_up_with_enter(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    assert row(page, "sector", "flood").state == tr("areas.nobody")
    room.type("ngap")
    room.key(Key.Key_Return)
    assert args(sample) == [("roster", "op-thuha", 3, "", "flood")]
    sample.deliver()
    room.key(Key.Key_Return)
    assert page.said == tr("areas.waits"), "what is shown is about to change"
    sample.actions.answer(Stage.APPLIED)
    sample.put("roster", change(HA, sectors=("flood",), rev=4))
    assert row(page, "sector", "flood").place.startswith("Thu Hà")
    assert row(page, "sector", "flood").state == ""
    room.key(Key.Key_Return)
    assert args(sample)[1:] == [("roster", "op-thuha", 4, "", "")]


def test_a_row_says_who_and_for_what_and_what_is_left(room: Room, sample: SampleSession) -> None:
    sample.put("roster", change(HA, areas=("ward-1",), sectors=("flood",)), change(BAO, areas=("ward-2",)))
    page = opened(room)
    assert row(page, "area", "ward-1").place.startswith(f"Thu Hà ({tr('sector.flood')})")
    assert tr("sector.traffic") in row(page, "area", "ward-1").state
    assert row(page, "area", "ward-2").state == ""
    assert row(page, "area", "ward-3").state == tr("areas.nobody")
    assert row(page, "person", "op-quocbao").place.endswith(tr("areas.all_sectors"))
    assert not any(one.key == ("area", "town-old") for one in page.rows), "that area has been none since 2009"


def test_the_shift_lead_is_asked_to_whom(room: Room, sample: SampleSession) -> None:
    sample.deliver(LEAD)
    page = opened(room)
    room.type("giao thong")
    room.key(Key.Key_Return)
    assert page.asking
    room.type("ha")
    assert [one.key[1] for one in page.rows if not one.heading] == ["op-thuha"]
    room.key(Key.Key_Return)
    assert args(sample) == [("roster", "op-thuha", 3, "", "traffic")]
    assert not page.asking


def test_all_that_one_person_can_be_given_stays_in_sight(room: Room, sample: SampleSession) -> None:
    sample.deliver(LEAD)
    page = opened(room)
    room.type("thu ha")
    room.key(Key.Key_Return)
    assert page.asking
    room.key(Key.Key_Return)
    first = args(sample)[0]
    assert first[3], "an area comes first"
    assert page.asking, "the next one can be given at once"
    sample.actions.answer(Stage.APPLIED)
    sample.put("roster", change(HA, areas=(first[3],), rev=4))
    chosen = page.row
    assert chosen is not None
    assert (chosen.key[1], chosen.state) == (f"area {first[3]}", tr("areas.has"))
    room.key(Key.Key_Escape)
    assert not page.asking


def test_who_may_not_is_told_why(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.type("quoc bao")
    room.key(Key.Key_Return)
    assert page.said == tr("areas.lead_only")
    assert not sample.actions.submitted
    room.key(Key.Key_Escape)
    sample.deliver(change(THU_HA, role=Role.TRAINER))
    page = opened(room)
    room.type("ngap")
    room.key(Key.Key_Return)
    assert page.said == tr("access.why_long.not_allowed", role=tr("role.trainer"))


def test_a_conflict_stands_in_the_persons_row(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.type("ngap")
    room.key(Key.Key_Return)
    sample.actions.answer(Stage.CONFLICT, "changed", "Thu Hà")
    sample.deliver()
    room.wall.panels.on_second()
    page.field.clear()
    page.on_second()
    assert row(page, "person", "op-thuha").state == tr("alarms.conflict_changed")


@pytest.mark.parametrize("language", list(Language))
def test_what_a_person_leaves_to_nobody_is_said_to_the_shift_lead(
    qapp: QApplication, room: Room, sample: SampleSession, language: Language
) -> None:
    prepare(qapp, language)
    heard: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: heard.append(words))
    sample.put("roster", change(HA, sectors=("flood", "traffic")))
    sample.put("roster", change(HA, station_id="", sectors=()))
    assert heard == [], "an operator is not told while a shift lead is there"
    sample.deliver(LEAD)
    sample.put("roster", change(HA, sectors=("flood", "traffic")))
    sample.put("roster", change(HA, sectors=("flood",)))
    what = tr("sector.traffic")
    assert heard == [tr("areas.left_alone", who="Thu Hà", where=tr("areas.all_areas"), what=what)]
    sample.put("roster", change(BAO, sectors=("flood",)))
    sample.put("roster", change(HA, station_id="", sectors=()))
    assert len(heard) == 1, "Quốc Bảo has the floods"
