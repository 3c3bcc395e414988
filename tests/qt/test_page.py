"""Pages: they stay while people work, ask for words in their own line, and keep what was typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec
import pytest
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room, at_keyboard
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.people import Role
from widgets.i18n import tr
from widgets.pages import PageSpec, page_specs
from widgets.parts.enters import LOOK_S
from widgets.parts.panel_rows import Row, row_height
from widgets.search.finder import Kind
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.page import Page, Question
from widgets.windows.wall_window import WallWindow

change = msgspec.structs.replace
KEPT = "page.sample.words"


class Sample(Page):
    """Three rows; Enter asks for words about the chosen one."""

    said_of: ClassVar[list[tuple[str, str]]] = []
    who = ("Hà", "Minh")

    def title(self) -> str:
        return f"Sample {self.about}"

    def look_up(self, words: str) -> Sequence[Row]:
        rows = [Row(("head", "all"), "All", heading=True), *(Row(("row", n), f"Row {n}") for n in "abc")]
        return [row for row in rows if row.heading or words in row.title]

    def choose(self, row: Row, second: bool) -> str:
        if second:
            return self.go(Kind.LAYOUT, "traffic")
        if row.key[1] == "c":
            names = [Row(("who", name), name) for name in (*self.who, "Lan")]
            return self.ask(Question("Who?", self._named, row, choices=lambda w: [n for n in names if w in n.title]))
        return self.ask(Question("Why?", lambda words: self._told(row, words), row, kept=KEPT))

    def _told(self, row: Row, words: str) -> str:
        if not words:
            return "no words"
        self.said_of.append((row.key[1], words))
        return ""

    def _named(self, name: str) -> str:
        self.said_of.append(("who", name))
        return ""


@pytest.fixture
def room(sample: SampleSession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    specs = page_specs()
    monkeypatch.setitem(specs, "sample", PageSpec("sample", Sample))
    Sample.said_of = []
    yield from at_keyboard(sample, qtbot)


def kept(sample: SampleSession) -> str:
    """What the memory calls it: the person stands before it."""
    return f"{sample.session.city.grant.operator_id}:{KEPT}"


def opened(room: Room, about: str = "") -> Page:
    room.sample.session.calls.pageCalled.emit("sample", about)
    page = room.wall.panels.page
    assert page is not None
    return page


def test_letters_narrow_down_and_enter_asks_for_words_about_the_row(room: Room) -> None:
    page = opened(room)
    room.type("Row b")
    assert [row.title for row in page.rows] == ["All", "Row b"]
    room.key(Key.Key_Return)
    assert page.asking
    assert [row.title for row in page.rows] == ["Why?", "Row b"]
    assert page.field.text() == ""
    room.key(Key.Key_Return)
    assert page.said == "no words"
    assert page.asking
    room.type("so")
    room.key(Key.Key_Return)
    assert Sample.said_of == [("b", "so")]
    assert not page.asking
    assert page.row is not None
    assert page.row.key == ("row", "b"), "the row it was about is chosen again"
    assert page.isVisible()


def test_choices_are_rows_and_the_chosen_one_is_the_answer(room: Room) -> None:
    page = opened(room)
    room.type("Row c")
    room.key(Key.Key_Return)
    assert [row.title for row in page.rows] == ["Who?", "Hà", "Minh", "Lan"]
    room.type("Mi")
    room.key(Key.Key_Return)
    assert Sample.said_of == [("who", "Minh")]


def test_where_no_choice_matches_it_says_so_and_what_enter_does(room: Room) -> None:
    page = opened(room)
    room.key(Key.Key_Down, Key.Key_Down, Key.Key_Return)
    assert page._foot() == "Enter: chọn dòng này · Esc: thôi"
    room.type("zzz")
    assert [row.title for row in page.rows] == ["Who?", "Không có gì khớp với chữ đã gõ"]
    assert page.row is None
    assert page._foot() == "Enter: không có dòng nào để chọn · Esc: thôi"
    room.key(Key.Key_Return)
    assert page.said == tr("page.no_match")
    assert page.asking
    assert Sample.said_of == []
    room.key(Key.Key_Escape)
    assert not page.asking


def test_what_was_typed_is_there_again_until_it_is_sent(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.key(Key.Key_Return)
    room.type("half a sent")
    room.key(Key.Key_Escape)
    assert not page.asking
    assert page.isVisible(), "the first Esc leaves the question, the second the page"
    room.key(Key.Key_Escape)
    assert room.wall.panels.page is None
    again = opened(room)
    room.key(Key.Key_Return)
    assert again.field.text() == "half a sent"
    room.key(Key.Key_Return)
    assert Sample.said_of == [("a", "half a sent")]
    assert sample.session.memory.get(kept(sample)) == ""


def test_it_stays_while_the_keyboard_is_in_the_alarm_list(room: Room) -> None:
    page = opened(room)
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    alarms.view.setFocus()
    assert not page.field.hasFocus()
    assert page.isVisible()
    assert opened(room) is page, "the same call gives it the keyboard"
    assert page.field.hasFocus()
    room.sample.session.calls.pageCalled.emit("sample", "")
    assert room.wall.panels.page is None, "and ends it where it has it"
    assert alarms.view.hasFocus() or room.window.focusWidget() is alarms


def test_the_search_line_comes_over_it_and_leaves_it(room: Room) -> None:
    page = opened(room)
    room.search("traffic")
    room.key(Key.Key_Escape)
    assert room.closed
    assert room.wall.panels.page is page
    assert page.field.hasFocus()


def test_another_record_takes_its_place_and_going_elsewhere_ends_it(room: Room) -> None:
    first = opened(room, "PA-1")
    second = opened(room, "PA-2")
    assert second is not first
    assert second.field.placeholderText() == "Sample PA-2"
    assert second.go(Kind.LAYOUT, "traffic") == ""
    assert room.wall.panels.page is None
    assert room.wall.layout.id == "traffic"


def test_another_person_at_the_station_ends_it_and_loses_the_words(room: Room, sample: SampleSession) -> None:
    opened(room)
    room.key(Key.Key_Return)
    room.type("mine")
    city = sample.session.city
    assert sample.session.memory.get(kept(sample)) == "mine"
    city.apply([change(city.grant, operator_id="another", role=Role.OPERATOR)])
    assert room.wall.panels.page is None
    again = opened(room)
    room.key(Key.Key_Return)
    assert again.asking
    assert again.field.text() == ""


def test_a_locked_screen_shows_no_half_typed_words(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.key(Key.Key_Return)
    room.type("mine")
    city = sample.session.city
    city.apply([change(city.grant, locked=True)])
    assert not page.asking
    assert page.field.text() == ""
    city.apply([change(city.grant, locked=False)])
    page.field.setFocus()
    room.key(Key.Key_Return)
    assert page.field.text() == "mine"


def test_a_double_click_acts_once(room: Room) -> None:
    """What stands in that place after the first click nobody has read: here the first of the choices would."""
    page = opened(room)
    at = QPoint(page.width() // 2, int(page._rows_top + 3.5 * row_height(page.scale)))
    QTest.mouseClick(page, Qt.MouseButton.LeftButton, pos=at)
    assert page.asking
    QTest.mouseDClick(page, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseClick(page, Qt.MouseButton.LeftButton, pos=at)
    assert page.asking
    assert page.rows[0].title == "Who?"
    assert Sample.said_of == []


@pytest.mark.parametrize("row", "ac")
def test_a_second_enter_at_once_answers_nothing(room: Room, sample: SampleSession, row: str) -> None:
    """Neither a question with choices nor one that has words in it already."""
    sample.session.memory.set(kept(sample), "half a sent")
    page = opened(room)
    sample.hurry()
    room.type(f"Row {row}")
    room.key(Key.Key_Return, Key.Key_Return, Key.Key_Enter)
    assert page.asking
    assert page.said == tr("page.look")
    sample.clock.advance_s(LOOK_S)
    room.key(Key.Key_Return)
    assert Sample.said_of == [("who", "Hà") if row == "c" else ("a", "half a sent")]


def test_a_hand_that_does_something_else_first_means_its_enter(room: Room, sample: SampleSession) -> None:
    opened(room)
    sample.hurry()
    room.type("Row c")
    room.key(Key.Key_Return, Key.Key_Down, Key.Key_Return)
    assert Sample.said_of == [("who", "Minh")]


def test_the_enter_that_opened_a_page_does_not_ask_in_it(room: Room, sample: SampleSession) -> None:
    sample.hurry()
    room.search("ban giao ca")
    room.key(Key.Key_Return, Key.Key_Return)
    page = room.wall.panels.page
    assert page is not None
    assert not page.asking
    assert page.said == tr("page.look")


def test_an_enter_that_repeats_by_itself_never_answers(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.type("Row c")
    room.key(Key.Key_Return)
    again = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Return, Qt.KeyboardModifier.NoModifier, "", True)
    for _ in range(3):
        sample.clock.advance_s(LOOK_S)
        QApplication.sendEvent(page.field, again)
    assert page.asking
    assert Sample.said_of == []


def test_it_never_covers_the_alarm_list_where_there_is_room(room: Room) -> None:
    page = opened(room)
    assert not page.geometry().intersects(room.tile(AlarmsTile).geometry())
    before = page.geometry()
    room.type("Row a")
    assert page.geometry() == before, "its size does not depend on what it says"
    room.wall.show_layout("cameras")
    lists = [t.geometry() for t in room.window.tiles.values() if isinstance(t, AlarmsTile)]
    assert not any(page.geometry().intersects(rect) for rect in lists)


def test_every_shipped_page_has_words_and_opens(room: Room) -> None:
    for page_id in page_specs():
        room.wall.panels.open_page(_window(room), page_id)
        page = room.wall.panels.page
        assert page is not None
        assert page.title()
        assert not page.title().startswith("[")
        page.end()
    assert tr("page.asking")


def _window(room: Room) -> WallWindow:
    return room.window
