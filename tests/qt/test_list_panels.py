"""The help and the notices, and how all lists over a window are painted."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.search_room import CTRL, SHIFT, Key, Room
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import Priority
from layouts.spec import PanelKind
from widgets.commands import Context
from widgets.i18n import Language, tr
from widgets.parts import text
from widgets.parts.panel_rows import Row, paint_rows
from widgets.search.finder import Kind
from widgets.theme import THEMES, ThemeName
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.panels import HelpPanel, NoticesPanel

change = msgspec.structs.replace


# -- help and notices ------------------------------------------------------------------------------------------------


def test_help_begins_where_the_keyboard_is(room: Room) -> None:
    room.free()[0].setFocus()
    room.key(Key.Key_H, modifiers=CTRL)
    assert room.panel.rows[0].key == (Kind.HELP, Context.CAMERA)
    assert room.panel.rows[0].heading
    assert room.panel.row == room.panel.rows[1]
    room.key(Key.Key_Escape)
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    alarms.view.setFocus()
    room.key(Key.Key_H, modifiers=CTRL)
    assert room.panel.rows[0].key == (Kind.HELP, Context.ALARMS)
    assert len(room.titles()) > 40


def test_help_finds_a_key_by_its_words_and_does_it(room: Room, sample: SampleSession) -> None:
    room.key(Key.Key_H, modifiers=CTRL)
    room.type("nen toi")
    assert room.titles() == [tr("command.window.theme")]
    assert room.panel.rows[1].head == "Ctrl+T"
    room.key(Key.Key_Return)
    assert sample.session.look.theme.name is ThemeName.LIGHT
    assert room.closed
    room.key(Key.Key_H, modifiers=CTRL)
    room.type("nhan xu ly")
    room.key(Key.Key_Return)
    assert room.panel.said == tr("search.by_hand")
    room.key(Key.Key_Escape)
    room.key(Key.Key_H, modifiers=CTRL)
    room.type("F2")
    room.key(Key.Key_Return)
    assert room.wall.layout.id == "traffic"


def test_help_topics_are_found_in_the_search_line(room: Room) -> None:
    room.search("phim quay quet")
    room.key(Key.Key_Return)
    assert isinstance(room.panel, HelpPanel)
    assert room.panel.rows[0].key == (Kind.HELP, Context.TURNING)


def test_notices_that_were_missed_are_told_again(room: Room, sample: SampleSession) -> None:
    room.key(Key.Key_N, modifiers=CTRL | SHIFT)
    assert isinstance(room.panel, NoticesPanel)
    assert room.panel.nothing("") == tr("search.no_notices")
    assert room.panel._foot() == tr("search.close"), "of keys that do nothing now it says nothing"
    room.key(Key.Key_Escape)
    sample.session.notices.post("Chưa ghi được thao tác", Priority.HIGH)
    sample.clock.advance_s(90)
    sample.session.notices.tell_desk("Đã lưu ảnh")
    room.key(Key.Key_N, modifiers=CTRL | SHIFT)
    assert [(row.head, row.title) for row in room.panel.rows] == [
        ("09:43:02", "Đã lưu ảnh"),
        ("09:41:32", "Chưa ghi được thao tác"),
    ]
    assert room.panel.rows[1].priority is Priority.HIGH
    room.type("thao tac")
    assert room.titles() == ["Chưa ghi được thao tác"]


# -- painting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PanelKind.DESK, PanelKind.WALL])
@pytest.mark.parametrize(
    ("scene", "language", "theme"),
    [(Scene.DESK, Language.VI, ThemeName.DARK), (Scene.FLOOD, Language.EN, ThemeName.LIGHT)],
)
def test_painted_text_keeps_the_rules(
    qapp: QApplication, kind: PanelKind, scene: Scene, language: Language, theme: ThemeName
) -> None:
    prepare(qapp, language, theme)
    room = Room(sample_session(scene, theme), kind=kind)
    panels = room.wall.panels
    room.sample.session.notices.post("Camera 068: 0,4 m/s", Priority.LOW)
    for open_one in (panels.open_palette, panels.open_help, panels.open_notices):
        for words in ("", "ngap", "camera 0", "khong co gi nhu the"):
            open_one(room.window)
            room.panel.field.setText(words)
            with text.recording() as log:
                room.panel.grab()
            where = f"{type(room.panel).__name__}, {words!r}"
            assert log.items, where
            assert not below_floor(log, room.window.scale.floor), where
            assert not cut(log), where
            assert not overlapping(log), where
            room.panel.end()
    room.wall.close()


def test_help_takes_the_height_that_it_has(room: Room) -> None:
    room.key(Key.Key_H, modifiers=CTRL)
    panel = room.panel
    assert panel.height() > room.window.height() * 0.7
    room.type("nen toi")
    assert panel.height() < room.window.height() * 0.3


@pytest.mark.parametrize("title", ["Phường 1", "Số liệu phản ánh hiện trường theo loại và theo đơn vị xử lý"])
def test_a_state_is_whole_where_the_title_leaves_room(qapp: QApplication, title: str) -> None:
    prepare(qapp)
    state = "chưa ai phụ trách: mọi bàn"
    image = QImage(1100, 200, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    with text.recording() as log:
        row = Row(("", title), title, state=state, strong_state=True)
        paint_rows(painter, QRectF(0, 0, 1100, 200), [row], -1, SCALES["wall"], THEMES[ThemeName.DARK])
    painter.end()
    said = {item.whole: item.text for item in log.items}
    assert said[title] == title or title.startswith("Số")
    assert (said[state] == state) is title.startswith("Phường")
