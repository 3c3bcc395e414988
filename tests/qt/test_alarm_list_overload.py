"""An overload in the list: said in words, folded by cause and area, the grave ones apart, over when it is over."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, prepare
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.overload import BEGINS_ABOVE, WINDOW_S
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import AlarmsOptions
from widgets.i18n import Language, tr
from widgets.models.alarm_filter import AlarmFilter
from widgets.models.alarms import AlarmRow, FoldRow
from widgets.parts import text
from widgets.tiles.alarms import AlarmsTile

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    sample.deliver(Changes("alarms", reset=True), Changes("stations", reset=True))  # one operator
    sample.clock.advance_s(WINDOW_S)
    sample.city.weigh(sample.clock.now_ns())
    return sample


def tile_of(qtbot: QtBot, sample: SampleSession, panel: str = "desk", size: tuple[int, int] = (480, 700)) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES[panel], AlarmsOptions())
    sample.city.feedsChanged.connect(tile.on_feeds)
    QAbstractItemModelTester(tile.model, QAbstractItemModelTester.FailureReportingMode.Fatal, tile)
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.view.setFocus()
    return tile


def rain(sample: SampleSession, count: int, priority: Priority = Priority.HIGH, first: int = 0) -> list[Alarm]:
    """So many alarms of one cause in one ward."""
    made = [
        Alarm(
            f"rain-{n}", priority, AlarmState.UNACKNOWLEDGED,
            LocalText(f"Ngập sâu {n} cm, kiệt {n}", f"Flooded {n} cm, alley {n}"),
            sample.clock.now_ns() - n * NS_PER_S, place=LocalText("Phường 1"), area_id="ward-1", source="limit",
        )
        for n in range(first, first + count)
    ]  # fmt: skip
    sample.put("alarms", *made)
    return made


def shape(tile: AlarmsTile) -> list[str]:
    """Each row: an alarm's id, or the count of a fold."""
    rows = [tile.model.row(n) for n in range(tile.model.rowCount())]
    return [f"x{row.fold.count}" if isinstance(row, FoldRow) else row.alarm.id for row in rows]


def point(tile: AlarmsTile, row: int) -> None:
    at = QPointF(tile.view.visualRect(tile.model.index(row, 0)).center())
    move = QMouseEvent(
        QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(tile.view.viewport(), move)


def test_it_begins_and_ends_by_itself(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rain(sample, BEGINS_ABOVE)
    tile.on_second()
    assert len(shape(tile)) == BEGINS_ABOVE
    rain(sample, 1, first=50)
    rain(sample, 2, Priority.URGENT, first=60)
    tile.on_second()
    assert shape(tile) == ["rain-60", "rain-61", f"x{BEGINS_ABOVE + 1}"], "the grave ones stay apart"
    with text.recording() as log:
        tile.grab()
    words = {item.whole for item in log.items}
    assert any(tr("alarms.overload", n=BEGINS_ABOVE + 3) in one for one in words)
    sample.clock.advance_s(WINDOW_S + 1)
    tile.on_second()
    assert len(shape(tile)) == BEGINS_ABOVE + 3
    assert tile.view.geometry().top() == tile.header_height


def test_the_header_counts_what_a_fold_stands_for(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rain(sample, 20)
    tile.on_second()
    assert tile.summary() == tr("alarms.summary", unack=20, shown=1, total=1)


def test_it_does_not_fold_under_a_reader(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rain(sample, BEGINS_ABOVE)
    tile.grab()
    point(tile, 2)
    rain(sample, 5, first=50)
    before = tile.view.visualRect(tile.model.index(2, 0))
    tile.on_second()
    assert len(shape(tile)) == BEGINS_ABOVE
    assert tile.view.visualRect(tile.model.index(2, 0)) == before
    assert tile.title() == tr("alarms.title_overload"), "but it is said"
    QApplication.sendEvent(tile.view.viewport(), QEvent(QEvent.Type.Leave))
    assert shape(tile) == ["x15"]


def test_a_fold_opens_and_closes_by_keys_and_by_a_click(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    made = rain(sample, 12)
    tile.on_second()
    tile.view.select_row(0)
    for opens, closes in ((Qt.Key.Key_Right, Qt.Key.Key_Left), (Qt.Key.Key_Return, Qt.Key.Key_Return)):
        qtbot.keyClick(tile.view, opens)
        assert shape(tile) == ["x12", *(alarm.id for alarm in made)]
        assert tile.view.currentIndex().row() == 0
        qtbot.keyClick(tile.view, closes)
        assert shape(tile) == ["x12"]
    assert not sample.actions.submitted, "nobody has seen what it stands for"
    tile.grab()
    at = tile.view.visualRect(tile.model.index(0, 0)).center()
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert len(shape(tile)) == 13
    row = tile.model.row(1)
    assert isinstance(row, AlarmRow)
    assert row.inset
    tile.view.select_row(1)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [action.target for action in sample.actions.submitted] == [made[0].id]


def test_a_click_on_a_wall_opens_no_fold(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, "wall", (800, 900))
    rain(sample, 12)
    tile.on_second()
    tile.grab()
    at = tile.view.visualRect(tile.model.index(0, 0)).center()
    qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert shape(tile) == ["x12"]


def test_a_held_fold_counts_in_place_and_opens_there(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    made = rain(sample, 12)
    tile.on_second()
    tile.grab()
    point(tile, 0)
    assert tile.model.held
    rain(sample, 1, first=50)
    rain(sample, 1, Priority.URGENT, first=60)
    assert shape(tile) == ["x13"]
    assert [alarm.id for alarm in tile.model.waiting] == ["rain-60"]
    tile.view.select_row(0)
    tile.hands.tell()
    assert shape(tile) == ["x13", *(a.id for a in made), "rain-50"]
    assert tile.model.held
    sample.deliver(Changes("alarms", deleted=tuple(a.id for a in made)))
    assert shape(tile)[0] == "x1"
    assert tile.model.row(1).gone
    tile.hands._close()
    assert shape(tile) == ["x1"]
    sample.deliver(Changes("alarms", deleted=("rain-50",)))
    assert tile.model.row(0).gone


def test_folding_is_also_done_by_hand(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rain(sample, 5)
    qtbot.keyClick(tile.view, Qt.Key.Key_J, CTRL)
    assert shape(tile) == ["x5"]
    qtbot.keyClick(tile.view, Qt.Key.Key_J, CTRL)
    assert len(shape(tile)) == 5


def test_another_layout_in_the_middle_of_it_begins_folded(qtbot: QtBot, sample: SampleSession) -> None:
    rain(sample, 20)
    sample.city.weigh(sample.clock.now_ns())
    assert shape(tile_of(qtbot, sample)) == ["x20"]


def test_a_chosen_alarm_stays_chosen_where_it_still_has_a_row(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    rain(sample, 9)
    (urgent,) = rain(sample, 1, Priority.URGENT, first=60)
    tile.view.select_row(tile.model.row_of(urgent.id))
    rain(sample, 9, first=20)
    tile.on_second()
    assert tile.model.row_of(urgent.id) == tile.view.currentIndex().row() == 0


def test_an_alarm_that_is_asked_for_is_shown_whatever_keeps_it_away(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    made = rain(sample, 20)
    tile.on_second()
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    assert tile.choose(made[7].id)
    assert tile.model.row(tile.view.currentIndex().row()).alarm.id == made[7].id
    assert not tile.choose("nobody")
    point(tile, 0)
    (new,) = rain(sample, 1, Priority.URGENT, first=60)
    assert tile.choose(new.id), "it waited above"
    assert tile.view.currentIndex().row() == 0


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("panel", "size"), [("desk", (480, 600)), ("desk", (320, 400)), ("wall", (640, 900))])
def test_it_keeps_the_rules_of_text(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession, language: Language, panel: str, size: tuple[int, int]
) -> None:
    prepare(qapp, language)
    tile = tile_of(qtbot, sample, panel, size)
    rain(sample, 20)
    rain(sample, 3, Priority.URGENT, first=60)
    sample.put(
        "alarms", *(msgspec.structs.replace(a, state=AlarmState.ACKNOWLEDGED) for a in rain(sample, 4, first=90))
    )
    tile.on_second()
    with text.recording() as log:
        tile.grab()
    assert not below_floor(log, tile.scale.floor)
    assert not cut(log)
    assert not overlapping(log)
