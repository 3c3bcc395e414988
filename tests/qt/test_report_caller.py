"""Who called: typed apart from the report, told to the hub under the number that it gives, in sight until it is kept,
and in no click, no memory and no next person's hands."""

from __future__ import annotations

import pytest
from helpers.report_queue import opened
from helpers.sample_city import SampleSession, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.access import Grant
from backends.domain.action import Action, Stage, Verb
from backends.domain.people import Role
from widgets.callers import AGAIN_S, values_of
from widgets.i18n import Language
from widgets.parts import text
from widgets.tiles.reports import ReportsTile

Key = Qt.Key
NUMBER = "0912 345 678"


@pytest.fixture
def tile(qtbot: QtBot, sample: SampleSession) -> ReportsTile:
    return opened(qtbot, sample)


def typed(qtbot: QtBot, tile: ReportsTile, words: str) -> None:
    qtbot.keyClicks(tile.panel.field, words)
    qtbot.keyClick(tile.panel.field, Key.Key_Return)


def take_down(qtbot: QtBot, tile: ReportsTile, who: str = f"Tran Van An {NUMBER}") -> None:
    """A call: what it is, who calls, its category."""
    qtbot.keyClick(tile.list, Key.Key_Insert)
    typed(qtbot, tile, "Cay do")
    typed(qtbot, tile, "nguoi goi")
    typed(qtbot, tile, who)
    assert tile.panel.field.text() == ""
    qtbot.keyClick(tile.panel.field, Key.Key_Return)


def told(sample: SampleSession) -> list[tuple[str, ...]]:
    return [one for one in sample.access.asked if one[0] == "confide"]


def words_of(tile: ReportsTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " ".join(item.text for item in log.items)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (f"Trần Văn An {NUMBER}", {"name": "Trần Văn An", "phone": NUMBER}),
        ("+84 912.345.678, chị Mai", {"name": "chị Mai", "phone": "+84 912.345.678"}),
        ("bà Tư, kiệt 12", {"name": "bà Tư, kiệt 12"}),
        ("0233-3852-114", {"phone": "0233-3852-114"}),
        ("  ", {}),
    ],
)
def test_a_line_is_a_name_and_a_number(line: str, values: dict[str, str]) -> None:
    assert values_of(line) == values


def test_the_hub_is_told_under_the_number_that_it_gives(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.toldDesk.connect(said.append)
    take_down(qtbot, tile)
    action: Action = sample.actions.submitted[-1]
    assert (action.verb, action.args["channel"]) == (Verb.INTAKE, "hotline")
    assert NUMBER not in repr(action)
    assert "An" not in action.args["title"]
    sample.deliver()
    assert not told(sample), "it has no number yet"
    assert "1 người gọi chưa tới" in tile.summary()
    sample.actions.answer(Stage.APPLIED, text="TT-0007")
    sample.deliver()
    assert told(sample) == [("confide", "TT-0007", "Tran Van An", NUMBER)]
    sample.access.answer()
    sample.deliver()
    assert "chưa tới" not in tile.summary()
    assert "máy chủ đã giữ người gọi của TT-0007" in said
    assert not any(NUMBER in one for one in said)


def test_until_the_hub_has_it_it_is_in_sight_and_tried_again(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    take_down(qtbot, tile)
    sample.actions.answer(Stage.APPLIED, text="TT-0007")
    sample.deliver()
    sample.access.answer("offline")
    sample.deliver()
    tile.on_second()
    assert len(told(sample)) == 1, "not at once"
    qtbot.keyClick(tile.list, Key.Key_Insert)
    assert NUMBER in words_of(tile)
    assert "không có máy chủ" in words_of(tile)
    sample.clock.advance_s(AGAIN_S + 1)
    tile.on_second()
    assert len(told(sample)) == 2
    sample.access.answer()
    sample.deliver()
    assert NUMBER not in words_of(tile)


def test_what_the_hub_will_not_have_is_given_up_by_a_person_alone(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    take_down(qtbot, tile)
    sample.actions.answer(Stage.APPLIED, text="TT-0007")
    sample.deliver()
    sample.access.answer("known")
    sample.deliver()
    sample.clock.advance_s(60)
    tile.on_second()
    assert len(told(sample)) == 1
    qtbot.keyClick(tile.list, Key.Key_Insert)
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert not sample.session.callers.waiting


def test_a_report_that_is_not_taken_in_says_that_its_caller_is_gone(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    take_down(qtbot, tile)
    sample.actions.answer(Stage.REFUSED, "bad_category")
    sample.deliver()
    assert not sample.session.callers.waiting
    kept = " ".join(notice.sentence for notice in sample.session.notices.recent())
    assert "người gọi của «Cay do»" in kept
    assert NUMBER not in kept


def test_a_lock_hides_it_and_the_next_person_does_not_get_it(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    take_down(qtbot, tile)
    qtbot.keyClick(tile.list, Key.Key_Insert)
    assert NUMBER in words_of(tile)
    sample.city.set_briefing(True)
    assert NUMBER not in words_of(tile)
    sample.city.set_briefing(False)
    sample.deliver(Grant("op-thuha", "Nguyễn Thu Hà", Role.OPERATOR, locked=True))
    assert NUMBER not in words_of(tile)
    assert len(sample.session.callers.waiting) == 1
    sample.deliver(Grant("op-minh", "Minh", Role.OPERATOR))
    assert not sample.session.callers.waiting
    assert NUMBER not in words_of(tile)


def test_half_typed_it_goes_with_the_person(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    qtbot.keyClick(tile.list, Key.Key_Insert)
    typed(qtbot, tile, "Cay do")
    typed(qtbot, tile, "nguoi goi")
    qtbot.keyClicks(tile.panel.field, NUMBER)
    sample.city.set_briefing(True)
    assert tile.panel.field.displayText() == ""
    sample.city.set_briefing(False)
    assert tile.panel.field.displayText() == NUMBER
    sample.deliver(Grant("op-minh", "Minh", Role.OPERATOR))
    assert tile.panel.field.text() == ""
    assert not tile.panel._caller


def test_the_memory_that_outlives_the_screen_has_none_of_it(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    take_down(qtbot, tile)
    assert NUMBER not in repr(vars(sample.session.memory))
    assert NUMBER not in repr(sample.session.callers.waiting)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", [(760, 700), (480, 460)])
def test_nothing_is_too_small_or_over_another(
    qtbot: QtBot, qapp: QApplication, language: Language, size: tuple[int, int]
) -> None:
    prepare(qapp, language)
    sample = sample_session()
    tile = opened(qtbot, sample, size)
    qtbot.keyClick(tile.list, Key.Key_Insert)
    typed(qtbot, tile, "Cay do")
    with text.recording() as log:
        tile.panel.grab()
    assert log.items
    assert not below_floor(log, tile.scale.floor)
    assert not overlapping(log)
    assert not cut(log)
