"""Which alarm a key or a second click means: the marked one, in the state that was seen, and in whose name."""

from __future__ import annotations

import msgspec
import pytest
from helpers.alarm_tile import seen_list as tile_of
from helpers.keyboard import type_in
from helpers.sample_city import THU_HA, SampleSession, Scene, prepare, sample_session
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.people import Role
from widgets.i18n import tr
from widgets.models.alarm_seen import SEEN_S
from widgets.parts.alarm_panel import Mode
from widgets.parts.alarm_rows import RowButton

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    return sample_session(Scene.FLOOD)


def test_a_key_means_the_marked_row_not_where_the_keyboard_stands(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    for row, keys in ((1, Qt.KeyboardModifier.NoModifier), (3, CTRL), (3, CTRL)):
        at = tile.view.visualRect(tile.model.index(row, 0)).topRight() + QPoint(-60, 8)
        qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, keys, at)
    assert tile.view.currentIndex().row() == 3
    marked = tile.model.row(1).alarm.id
    assert [row.alarm.id for row in tile.hands.chosen()] == [marked]
    tile.view.own_keys["Ctrl+N"]()
    assert [row.alarm.id for row in tile.panel.rows] == [marked]
    tile.panel.end()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [(a.verb, a.target) for a in sample.actions.submitted] == [(Verb.ACKNOWLEDGE, marked)]


def test_after_ctrl_a_enter_means_the_one_that_it_marks(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    first, *others = [alarm for alarm in sample.city.alarms() if alarm.unacknowledged]
    change = msgspec.structs.replace
    done = [change(a, state=AlarmState.ACKNOWLEDGED, acked_by="Minh", rev=9, state_rev=9) for a in others[1:]]
    latched = change(others[0], state=AlarmState.LATCHED, latching=True, rev=9, state_rev=9)
    sample.put("alarms", latched, *done)
    tile.grab()
    sample.clock.advance_s(SEEN_S + 0.1)
    tile.view.select_row(tile.model.row_of(latched.id))
    qtbot.keyClick(tile.view, Qt.Key.Key_A, CTRL)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [(a.verb, a.target) for a in sample.actions.submitted] == [(Verb.ACKNOWLEDGE, first.id)]


def test_a_row_that_is_asked_for_is_marked_alone_also_while_ctrl_is_down(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    qtbot.keyClick(tile.view, Qt.Key.Key_A, CTRL)
    assert QApplication.keyboardModifiers() == CTRL
    for row in (3, 3, 1):
        tile.view.select_row(row)
        assert [tile.model.row_of(one.alarm.id) for one in tile.hands.chosen()] == [row]


def test_a_key_on_nothing_chosen_says_so(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    tile.view.select_row(1)
    tile.view.clearSelection()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    qtbot.keyClick(tile.view, Qt.Key.Key_N, CTRL)
    qtbot.keyClick(tile.view, Qt.Key.Key_D, CTRL)
    assert told == [tr("alarms.history_none")] * 3
    assert not sample.actions.submitted
    assert tile.panel.isHidden()


def answered(sample: SampleSession, alarm: Alarm) -> None:
    """The hub took the acknowledgement: what had returned is latched, the rest is nobody's case yet."""
    state = AlarmState.LATCHED if alarm.latching else AlarmState.ACKNOWLEDGED
    sample.deliver(ActionStatus(sample.actions.submitted[-1], Stage.APPLIED, "", ""))
    sample.put("alarms", msgspec.structs.replace(alarm, state=state, acked_by="Thu Hà", rev=19, state_rev=19))


@pytest.mark.parametrize("latching", [True, False])
def test_a_double_click_on_acknowledge_does_that_alone(qtbot: QtBot, sample: SampleSession, latching: bool) -> None:
    tile = tile_of(qtbot, sample)
    alarm = msgspec.structs.replace(tile.model.row(1).alarm, rev=9, state_rev=9, latching=latching, holder_id="")
    if latching:
        alarm = msgspec.structs.replace(alarm, state=AlarmState.RETURNED)
    sample.put("alarms", alarm)
    place = tile.model.row_of(alarm.id)
    at = tile.view.visualRect(tile.model.index(place, 0))
    qtbot.mouseMove(tile.view.viewport(), at.center())
    tile.grab()
    row, rect = tile.model.row(place), at.toRectF()
    button = next(
        placed
        for placed in tile.delegate.buttons(row, rect, large=row.large, hovered=True)
        if placed.button is RowButton.ACKNOWLEDGE
    )
    pos = QPoint(int(button.rect.left()) + 6, int(button.rect.center().y()))
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=pos)
    answered(sample, alarm)
    tile.grab()
    row = tile.model.row(place)
    there = tile.delegate.buttons(row, rect, large=row.large, hovered=True)
    assert any(placed.rect.contains(QPointF(pos)) for placed in there), "another button lies there now"
    qtbot.mouseDClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=pos)
    qtbot.mouseRelease(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=pos)
    assert [(a.verb, a.target) for a in sample.actions.submitted] == [(Verb.ACKNOWLEDGE, alarm.id)]


def test_enter_twice_does_not_reset_what_was_just_acknowledged(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    alarm = tile.model.row(1).alarm
    alarm = msgspec.structs.replace(alarm, state=AlarmState.RETURNED, latching=True, rev=9, state_rev=9)
    sample.put("alarms", alarm)
    tile.view.select_row(tile.model.row_of(alarm.id))
    tile.grab()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    answered(sample, alarm)
    tile.grab()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [a.verb for a in sample.actions.submitted] == [Verb.ACKNOWLEDGE]
    assert told == [tr("alarms.look_again")]
    sample.clock.advance_s(SEEN_S + 0.1)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [a.verb for a in sample.actions.submitted] == [Verb.ACKNOWLEDGE, Verb.RESET]


@pytest.mark.parametrize("change", [{"operator_id": "op-minh", "name": "Minh"}, {"role": Role.SHIFT_LEAD}])
def test_nobody_sends_what_another_has_written(qtbot: QtBot, sample: SampleSession, change: dict[str, str]) -> None:
    """Also where no lock lies between the two."""
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    tile.view.own_keys["Ctrl+N"]()
    type_in(tile.panel.field, "đã gọi phường")
    sample.deliver(msgspec.structs.replace(THU_HA, offline=True))
    assert tile.panel.mode is Mode.NOTE, "the same person still"
    sample.deliver(msgspec.structs.replace(THU_HA, **change))
    assert tile.panel.mode is Mode.PAST
    assert tile.panel.isHidden()
    sample.deliver(THU_HA)
    tile.view.own_keys["Ctrl+N"]()
    assert tile.panel.field.text() == "đã gọi phường", "it is there again for who wrote it"
    assert not sample.actions.submitted
