"""The alarm list: order, batches without reset, acknowledge and claim by mouse and key, what does not fit."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import DESK, SCALES, SampleSession, Scene, prepare, sample_session, who_is_here
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.action import Stage, Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.options import AlarmsOptions
from widgets.i18n import local, tr
from widgets.models.alarms import ROW_ROLE, AlarmListModel
from widgets.parts import text
from widgets.parts.alarm_rows import RowButton
from widgets.pump import Pump
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.wall import tile_kinds
from widgets.windows.wall_window import WallWindow


def tile_of(qtbot: QtBot, sample: SampleSession, panel: str = "desk", size: tuple[int, int] = (500, 600)) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES[panel], AlarmsOptions())
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.view.setFocus()
    tile.view.setFocus()
    return tile


def settle() -> None:
    """All that is to be laid out and painted is."""
    for _ in range(4):
        QApplication.processEvents()


def names(model: AlarmListModel) -> list[str]:
    return [row.alarm.name.vi for row in model.rows()]


def test_order_is_unacknowledged_then_priority_then_newest(qtbot: QtBot, sample: SampleSession) -> None:
    rows = [row.alarm for row in AlarmListModel(sample.city).rows()]
    keys = [(not a.unacknowledged, a.priority.rank, -a.t_raised_ns) for a in rows]
    assert keys == sorted(keys)
    assert rows[0].priority is Priority.URGENT


def test_model_holds_qt_rules_while_alarms_move(qapp: QApplication, sample: SampleSession) -> None:
    model = AlarmListModel(sample.city)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    first, second, *_ = [row.alarm for row in model.rows()]
    held = model.index(1, 0)
    from PySide6.QtCore import QPersistentModelIndex

    kept = QPersistentModelIndex(held)
    acked = msgspec.structs.replace(first, state=AlarmState.ACKNOWLEDGED, acked_by="Thu Hà", rev=9, state_rev=9)
    fresh = msgspec.structs.replace(second, id="new", t_raised_ns=second.t_raised_ns + 10**12)
    sample.put("alarms", acked, fresh)
    assert names(model)[0] == second.name.vi
    # A row that somebody looks at keeps its identity wherever it moves.
    assert kept.data(ROW_ROLE).alarm.id == second.id
    sample.deliver(Changes("alarms", deleted=("new", first.id)))
    assert first.id not in {row.alarm.id for row in model.rows()}
    assert not resets
    assert tester.model() is model


def test_button_acknowledges_with_the_revision_seen(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    row = tile.model.rows()[0]
    rect = QRectF(tile.view.visualRect(tile.model.index(0, 0)))
    button = next(
        b for b in tile.delegate.buttons(row, rect, large=True, hovered=False) if b.button is RowButton.ACKNOWLEDGE
    )
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=button.rect.center().toPoint())
    (action,) = sample.actions.submitted
    assert (action.verb, action.target) == (Verb.ACKNOWLEDGE, row.alarm.id)
    assert action.expect_state_rev == row.alarm.state_rev


def test_click_beside_the_buttons_does_nothing(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rect = tile.view.visualRect(tile.model.index(0, 0))
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.right() - 5, rect.top() + 5))
    assert not sample.actions.submitted


@pytest.mark.parametrize(("key", "verb"), [(Qt.Key.Key_Return, Verb.ACKNOWLEDGE), (Qt.Key.Key_F9, Verb.CLAIM)])
def test_keys_act_on_the_selected_row(qtbot: QtBot, sample: SampleSession, key: Qt.Key, verb: Verb) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    qtbot.keyClick(tile.view, key)
    (action,) = sample.actions.submitted
    assert (action.verb, action.target) == (verb, tile.model.rows()[1].alarm.id)


def test_letters_do_nothing(qtbot: QtBot, sample: SampleSession) -> None:
    """Half-typed Telex words must not move or acknowledge anything."""
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    for letter in "sfrxjdwaoe":
        qtbot.keyClick(tile.view, letter)
    assert tile.view.currentIndex().row() == 1
    assert not sample.actions.submitted


def test_a_click_is_shown_queued_then_gone_when_applied(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    sample.deliver()
    pending = tile.model.rows()[0].pending
    assert pending is not None
    assert pending.stage is Stage.QUEUED
    sample.actions.answer(Stage.APPLIED)
    sample.deliver()
    assert tile.model.rows()[0].pending is None


def test_a_conflict_stays_on_the_row_and_names_the_holder(qtbot: QtBot, sample: SampleSession) -> None:
    from widgets.parts.alarm_words import pending_words

    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_F9)
    sample.actions.answer(Stage.CONFLICT, "already_claimed", "Minh Tuấn")
    sample.deliver()
    pending = tile.model.rows()[0].pending
    assert pending is not None
    assert "Minh Tuấn" in pending_words(pending)


def test_a_click_that_cannot_be_kept_is_said(qtbot: QtBot, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    sample.actions.refuse = "not_kept"
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert len(said) == 1


def test_hidden_unacknowledged_alarms_are_counted_in_the_header(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    tile = tile_of(qtbot, sample, size=(500, 260))
    shown = len(tile.view.shown_rows())
    hidden = sum(1 for n, row in enumerate(tile.model.rows()) if n >= shown and row.alarm.unacknowledged)
    assert hidden > 0
    assert f"+{hidden}" in tile.summary()


def test_a_wall_offers_no_buttons(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, "wall", (800, 900))
    row = tile.model.rows()[0]
    assert tile.delegate.buttons(row, QRectF(0, 0, 800, 200), large=True, hovered=True) == []


def test_ten_thousand_alarms_make_one_batch(qapp: QApplication, sample: SampleSession) -> None:
    model = AlarmListModel(sample.city)
    seen: list[str] = []
    model.dataChanged.connect(lambda *_: seen.append("data"))
    model.layoutChanged.connect(lambda *_: seen.append("layout"))
    base = model.rows()[0].alarm
    many: list[Alarm] = [msgspec.structs.replace(base, id=f"a{n}", t_raised_ns=n) for n in range(300)]
    sample.put("alarms", *many)
    seen.clear()
    sample.put("alarms", *(msgspec.structs.replace(a, rev=2, count=2) for a in many))
    assert seen == ["data"]


def test_of_thousands_only_what_is_on_the_screen_is_looked_at(
    qtbot: QtBot, sample: SampleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = tile_of(qtbot, sample)
    base = tile.model.rows()[-1].alarm
    many = [msgspec.structs.replace(base, id=f"a{n}", t_raised_ns=n + 1) for n in range(3000)]
    sample.put("alarms", *many)
    settle()
    asked: list[int] = []
    row = AlarmListModel.row
    monkeypatch.setattr(AlarmListModel, "row", lambda this, n: asked.append(n) or row(this, n))
    with text.recording() as log:
        sample.put("alarms", msgspec.structs.replace(many[7], rev=2, detail=LocalText("4 m")))
        sample.put("alarms", msgspec.structs.replace(many[8], rev=2, t_raised_ns=1_000))
        QApplication.processEvents()
    assert asked
    assert len(set(asked)) < 100, "those on the screen, and the last ones, for how far one can scroll"
    assert not [item for item in log.items if item.text == local(base.name)], "nothing on the screen has changed"


def test_a_change_is_painted_where_its_row_is(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.grab()
    second = tile.model.rows()[1].alarm
    with text.recording() as log:
        sample.put("alarms", msgspec.structs.replace(second, rev=9, name=LocalText("Đã đổi")))
        QApplication.processEvents()
    shown = {item.text for item in log.items}
    assert "Đã đổi" in shown
    assert tile.model.rows()[2].alarm.name.vi not in shown, "its neighbour stays as it is"


def test_keys_and_wheel_reach_every_row(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    tile = tile_of(qtbot, sample_session(Scene.FLOOD), size=(500, 260))
    last = tile.model.rowCount() - 1
    qtbot.keyClick(tile.view, Qt.Key.Key_Down)
    assert tile.view.currentIndex().row() == 0
    qtbot.keyClick(tile.view, Qt.Key.Key_End)
    assert tile.view.currentIndex().row() == last
    assert tile.view.shown_rows().stop == last + 1
    before = tile.view.shown_rows()
    qtbot.keyClick(tile.view, Qt.Key.Key_PageUp)
    qtbot.keyClick(tile.view, Qt.Key.Key_PageUp)
    assert tile.view.currentIndex().row() in tile.view.shown_rows()
    assert tile.view.shown_rows().start < before.start
    qtbot.keyClick(tile.view, Qt.Key.Key_Home)
    assert tile.view.shown_rows().start == 0


def test_a_blink_repaints_symbols_and_no_words(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    with text.recording() as whole:
        tile.view.viewport().repaint()
    assert len(whole.items) > 6
    with text.recording() as blink:
        tile.on_blink(False)
        qtbot.wait_until(lambda: not tile.delegate.bright)
        QApplication.processEvents()
    assert blink.items == []


def test_the_first_alarm_of_an_empty_list_is_on_the_window_at_once(qtbot: QtBot, qapp: QApplication) -> None:
    """Also when nothing else moves after it: the window hears of it before the list's model does."""
    prepare(qapp)
    sample = sample_session(Scene.EMPTY)
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    layout = next(each for each in load_layouts(tile_kinds()).layouts if each.id == "overview")
    (plan,) = plan_windows(layout, [DESK], tile_kinds())
    window = WallWindow(sample.session, pump, plan)
    qtbot.addWidget(window)
    window.show()
    tile = next(tile for tile in window.tiles.values() if isinstance(tile, AlarmsTile))
    tile.refresh()
    assert not tile.view.isVisible()
    sample.put("local", Alarm("local:hub", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Mất kết nối"), 1))
    assert tile.view.isVisible()
    assert len(tile.view.shown_rows()) == 1
    sample.deliver(Changes("local", (), ("local:hub",)))
    assert not tile.view.isVisible()


def test_a_list_that_is_empty_from_the_start_says_so(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    calm = sample_session(Scene.CALM)
    tile = AlarmsTile(calm.session, SCALES["desk"], AlarmsOptions())
    tile.resize(500, 600)
    qtbot.addWidget(tile)
    tile.show()
    assert not tile.view.isVisible(), "it would lie over the sentence"
    with text.recording() as log:
        tile.grab()
    assert [item.text for item in log.items] == [tr("alarms.empty"), tr("alarms.title")], "nothing is counted"


def test_who_only_looks_sees_no_empty_place_for_buttons(qtbot: QtBot, sample: SampleSession) -> None:
    sample.deliver(*who_is_here("viewer"))
    tile = tile_of(qtbot, sample)
    with text.recording() as log:
        tile.view.viewport().grab()
    row = tile.view.visualRect(tile.model.index(0, 0))
    lines = [item.room for item in log.items if row.contains(item.room.center().toPoint())]
    above, below = min(box.top() for box in lines) - row.top(), row.bottom() - max(box.bottom() for box in lines)
    assert abs(above - below) <= 2
