"""The alarm list while somebody reads: rows keep their places, what is new is said, a click means what is seen."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import AlarmsOptions
from widgets.i18n import tr
from widgets.models.alarms import AlarmRow
from widgets.parts import text
from widgets.parts.reader import KEYS_S, POINTER_S, SCROLLED_S
from widgets.tiles.alarms import AlarmsTile


def tile_of(qtbot: QtBot, sample: SampleSession, panel: str = "desk", size: tuple[int, int] = (500, 600)) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES[panel], AlarmsOptions())
    QAbstractItemModelTester(tile.model, QAbstractItemModelTester.FailureReportingMode.Fatal, tile)
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.grab()
    return tile


def point(tile: AlarmsTile, at: QPoint) -> None:
    """The pointer is there."""
    place = QPointF(at)
    move = QMouseEvent(
        QEvent.Type.MouseMove, place, place, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(tile.view.viewport(), move)


def leave(tile: AlarmsTile) -> None:
    QApplication.sendEvent(tile.view.viewport(), QEvent(QEvent.Type.Leave))


def middle(tile: AlarmsTile, row: int) -> QPoint:
    return tile.view.visualRect(tile.model.index(row, 0)).center()


def places(tile: AlarmsTile) -> list[tuple[str, QRect]]:
    """What is on the screen: (alarm, its place)."""
    return [(tile.model.row(n).alarm.id, tile.view.visualRect(tile.model.index(n, 0))) for n in tile.view.shown_rows()]


def fresh(sample: SampleSession, n: int, priority: Priority = Priority.URGENT) -> Alarm:
    now_ns = sample.clock.now_ns() + n * NS_PER_S
    return Alarm(f"new-{n}", priority, AlarmState.UNACKNOWLEDGED, LocalText(f"Việc mới {n}"), now_ns)


def storm(sample: SampleSession) -> None:
    """All that can move rows: new ones, an end, acknowledgements, a rise, a raise."""
    first, second, third, *_ = [a for a in sample.city.alarms() if a.unacknowledged]
    low = sample.city.alarms()[-1]
    change = msgspec.structs.replace
    sample.put("alarms", fresh(sample, 1), fresh(sample, 2, Priority.LOW))
    sample.put("alarms", change(first, state=AlarmState.ACKNOWLEDGED, acked_by="Minh", rev=9, state_rev=9))
    sample.put("alarms", change(second, t_raised_ns=second.t_raised_ns + 10**12, rev=9, state_rev=9, count=2))
    sample.deliver(Changes("alarms", deleted=(third.id,)))
    sample.put("alarms", change(low, priority=Priority.URGENT, state=AlarmState.UNACKNOWLEDGED, rev=9, state_rev=9))


def test_rows_keep_their_places_while_the_pointer_is_over_the_list(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    before = places(tile)
    point(tile, middle(tile, 1))
    storm(sample)
    QApplication.processEvents()
    assert places(tile) == before
    leave(tile)
    assert not tile.model.held
    shown = [alarm_id for alarm_id, _ in places(tile)]
    assert shown == [alarm.id for alarm in sample.city.alarms()][: len(shown)]


def test_the_order_does_move_without_a_reader(qtbot: QtBot, sample: SampleSession) -> None:
    """Negative control."""
    tile = tile_of(qtbot, sample)
    before = places(tile)
    storm(sample)
    assert places(tile) != before


def test_what_is_new_is_counted_and_the_urgent_one_named(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    point(tile, middle(tile, 1))
    sample.put("alarms", fresh(sample, 2, Priority.LOW))
    assert tile.news() == tr("alarms.new_above", n=1)
    sample.put("alarms", fresh(sample, 1))
    assert tile.news() == tr("alarms.new_above_urgent", n=2, urgent=1, name="Việc mới 1")
    with text.recording() as log:
        tile.grab()
    assert tile.news() in {item.whole for item in log.items}
    sample.deliver(Changes("alarms", deleted=("new-1",)))
    assert tile.news() == tr("alarms.new_above", n=1)


def test_a_row_that_becomes_graver_below_the_screen_is_news(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    tile = tile_of(qtbot, sample, size=(500, 260))
    point(tile, middle(tile, 1))
    last = tile.model.row(tile.model.rowCount() - 1).alarm
    sample.put(
        "alarms", msgspec.structs.replace(last, priority=Priority.URGENT, state=AlarmState.UNACKNOWLEDGED, rev=9)
    )
    assert [alarm.id for alarm in tile.model.waiting] == [last.id]


def test_states_change_in_place_and_what_has_ended_says_so(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    first, second = (tile.model.row(n).alarm for n in (0, 1))
    point(tile, middle(tile, 3))
    acked = msgspec.structs.replace(second, state=AlarmState.ACKNOWLEDGED, acked_by="Minh", rev=9, state_rev=9)
    sample.deliver(Changes("alarms", put=(acked,), deleted=(first.id,)))
    assert tile.model.row(0).gone
    assert tile.model.row(1).alarm == acked
    with text.recording() as log:
        tile.view.viewport().repaint()
    shown = {item.whole for item in log.items}
    assert {tr("alarms.ended"), tr("alarms.acknowledged_by", who="Minh")} <= shown
    point(tile, middle(tile, 1))
    with text.recording() as log:
        tile.view.viewport().repaint()
    shown = {item.whole for item in log.items}
    assert tr("alarms.acknowledged_by", who="Minh") in shown, "also beside the buttons of the row that is read"
    back = msgspec.structs.replace(first, rev=20)
    sample.put("alarms", back)
    assert not tile.model.row(0).gone


def test_nothing_can_be_done_to_what_has_ended(qtbot: QtBot, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    tile = tile_of(qtbot, sample)
    tile.view.setFocus()
    tile.view.select_row(0)
    point(tile, middle(tile, 1))
    sample.deliver(Changes("alarms", deleted=(tile.model.row(0).alarm.id,)))
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert not sample.actions.submitted
    assert said == [tr("alarms.ended_why")]


@pytest.mark.parametrize("how", ["Esc", "Home", "click"])
def test_the_reader_asks_for_what_is_new(qtbot: QtBot, sample: SampleSession, how: str) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.setFocus()
    tile.view.select_row(2)
    chosen = tile.model.row(2).alarm.id
    point(tile, middle(tile, 1))
    sample.put("alarms", fresh(sample, 1))
    tile.grab()
    if how == "click":
        qtbot.mouseClick(tile, Qt.MouseButton.LeftButton, pos=tile._news.center().toPoint())
    else:
        qtbot.keyClick(tile.view, {"Esc": Qt.Key.Key_Escape, "Home": Qt.Key.Key_Home}[how])
    assert tile.model.row(0).alarm.id == "new-1"
    now = tile.view.currentIndex().row()
    assert tile.model.row(now).alarm.id == ("new-1" if how == "Home" else chosen)


def test_escape_belongs_to_the_window_when_nobody_reads(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    assert not tile.view.own_keys["Esc"]()


def test_the_keyboard_holds_for_some_seconds(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.setFocus()
    qtbot.keyClick(tile.view, Qt.Key.Key_Down)
    assert tile.model.held
    sample.clock.advance_s(KEYS_S - 1)
    tile.on_second()
    assert tile.model.held
    sample.clock.advance_s(1.1)
    tile.on_second()
    assert not tile.model.held


def test_a_list_that_is_scrolled_away_stands_still(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    tile = tile_of(qtbot, sample, size=(500, 260))
    tile.view.verticalScrollBar().setValue(5)
    before = places(tile)
    storm(sample)
    sample.clock.advance_s(POINTER_S + 1)
    tile.on_second()
    assert places(tile) == before
    sample.clock.advance_s(SCROLLED_S)
    tile.on_second()
    assert not tile.model.held, "it was forgotten there"


def test_a_pointer_that_was_left_lying_there_is_no_reader(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    point(tile, middle(tile, 1))
    sample.clock.advance_s(POINTER_S + 1)
    tile.on_second()
    assert not tile.model.held


def test_a_wall_has_no_reader(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, "wall", (800, 900))
    point(tile, middle(tile, 1))
    assert not tile.model.held


def test_a_click_means_the_row_that_was_on_the_screen(qtbot: QtBot, sample: SampleSession) -> None:
    """The list has moved, but has not been painted since: the person sees the old rows."""
    tile = tile_of(qtbot, sample)
    seen = tile.model.row(0)
    assert isinstance(seen, AlarmRow)
    rect = tile.view.visualRect(tile.model.index(0, 0)).toRectF()
    button = tile.delegate.buttons(seen, rect, large=True, hovered=True)[0]
    sample.put("alarms", fresh(sample, 1))
    assert tile.model.row(0).alarm.id == "new-1"
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=button.rect.center().toPoint())
    (action,) = sample.actions.submitted
    assert (action.verb, action.target) == (Verb.ACKNOWLEDGE, seen.alarm.id)
    assert action.expect_state_rev == seen.alarm.state_rev
    assert tile.model.row(tile.view.currentIndex().row()).alarm.id == seen.alarm.id


def test_a_key_means_the_state_that_is_on_the_screen(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.setFocus()
    tile.view.select_row(1)
    seen = tile.model.row(1).alarm
    sample.put("alarms", msgspec.structs.replace(seen, rev=9, state_rev=9, count=2))
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [action.expect_state_rev for action in sample.actions.submitted] == [seen.state_rev], "the hub refuses it"


def test_a_chosen_alarm_out_of_sight_is_shown_before_it_is_acknowledged(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    tile = tile_of(qtbot, sample, size=(500, 260))
    tile.view.setFocus()
    tile.view.select_row(2)
    chosen = tile.model.row(2).alarm
    sample.put("alarms", *(fresh(sample, n) for n in range(1, 12)))
    assert tile.view.currentIndex().row() not in tile.view.shown_rows()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert not sample.actions.submitted
    assert told == [tr("alarms.look_first")]
    assert tile.view.currentIndex().row() in tile.view.shown_rows()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [action.target for action in sample.actions.submitted] == [chosen.id]


def test_the_keys_of_the_list_hold_it_and_two_let_it_go(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.setFocus()
    sample.clock.advance_s(1)
    for end in (Qt.Key.Key_Escape, Qt.Key.Key_Home):
        assert not tile.model.held
        qtbot.keyClick(tile.view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        assert tile.model.held, "what Ctrl+A marked stays where it is"
        qtbot.keyClick(tile.view, end)
    assert not tile.model.held
