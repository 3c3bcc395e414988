"""The filter of the alarm list: in sight while it filters, and what it leaves out is counted."""

from __future__ import annotations

import msgspec
import pytest
from helpers.keyboard import type_in
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import AlarmState, Priority
from layouts.options import AlarmsOptions
from widgets.i18n import Language, tr
from widgets.models.alarm_filter import ALL, AlarmFilter, kept
from widgets.parts import text
from widgets.parts.alarm_filter_bar import FilterBar
from widgets.tiles.alarms import FILTER, AlarmsTile


def tile_of(qtbot: QtBot, sample: SampleSession, panel: str = "desk", size: tuple[int, int] = (480, 700)) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES[panel], AlarmsOptions())
    QAbstractItemModelTester(tile.model, QAbstractItemModelTester.FailureReportingMode.Fatal, tile)
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.view.setFocus()
    return tile


def painted(bar: FilterBar) -> set[str]:
    with text.recording() as log:
        bar.grab()
    return {item.whole for item in log.items}


def test_words_filter_as_they_are_typed_and_what_is_left_out_is_counted(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    total = tile.model.rowCount()
    assert tile.bar.isHidden()
    qtbot.keyClick(tile.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert tile.bar.field.hasFocus()
    type_in(tile.bar.field, "mat du lieu")
    # The urgent one that nobody acknowledged stays whatever is typed.
    assert [row.alarm.id for row in tile.model.rows()] == ["al-river", "al-air"]
    asking = sum(sample.city.unacknowledged_counts().values())
    assert tile.bar.counts_words == (tr("alarms.filter_counts", shown=2, total=total), _left_out(asking - 2))
    assert set(tile.bar.counts_words) <= painted(tile.bar)


def _left_out(n: int) -> str:
    return tr("alarms.filter_hidden", n=n)


def test_new_alarms_are_filtered_and_counted_too(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.bar.show_filter(AlarmFilter(priorities=frozenset({Priority.LOW})), told=True)
    before = tile.model.filtered_asking()
    base = sample.city.alarms()[1]
    sample.put("alarms", msgspec.structs.replace(base, id="high"))
    sample.put("alarms", msgspec.structs.replace(base, id="low", priority=Priority.LOW))
    assert tile.model.row_of("high") == -1
    assert tile.model.row_of("low") >= 0
    assert tile.model.filtered_asking() == before + 1
    # What no longer fits leaves, and comes back when it fits again.
    sample.put("alarms", msgspec.structs.replace(base, id="low", priority=Priority.HIGH, rev=2))
    assert tile.model.row_of("low") == -1


def test_enter_in_the_field_acknowledges_nothing(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    tile._open_bar()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        qtbot.keyClick(tile.bar.field, key)
        tile._open_bar()
    assert not sample.actions.submitted


def test_the_filter_stays_in_sight_until_one_key_clears_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    qtbot.keyClick(tile.bar.field, Qt.Key.Key_Escape)
    assert tile.bar.isVisible(), "it filters"
    assert tile.view.hasFocus()
    qtbot.keyClick(tile.view, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier)
    assert tile.model.filter == ALL
    assert tile.bar.isHidden()
    assert tile.model.rowCount() == len(sample.city.alarms())


def test_a_filter_that_leaves_nothing_says_so_and_its_keys_work(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    for alarm in list(sample.city.alarms()):
        sample.put("alarms", msgspec.structs.replace(alarm, state=AlarmState.ACKNOWLEDGED, rev=9))
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    with text.recording() as log:
        tile.grab()
    assert tr("alarms.filtered_empty") in {item.whole for item in log.items}
    qtbot.keyClick(tile.view, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier)
    assert tile.model.rowCount() > 0


def test_one_key_shows_only_what_is_urgent_and_all_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    qtbot.keyClick(tile.view, Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    assert {row.alarm.priority for row in tile.model.rows()} == {Priority.URGENT}
    assert tile.bar.isVisible()
    qtbot.keyClick(tile.view, Qt.Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    assert tile.model.rowCount() == len(sample.city.alarms())


def test_a_filter_survives_a_restart_of_the_screen_in_sight(qtbot: QtBot, sample: SampleSession) -> None:
    first = tile_of(qtbot, sample)
    first.bar.show_filter(AlarmFilter(words="ups"), told=True)
    again = tile_of(qtbot, sample)
    assert again.model.filter == AlarmFilter(words="ups")
    assert again.bar.isVisible()
    assert again.bar.field.text() == "ups"


def test_a_wall_is_never_filtered(qtbot: QtBot, sample: SampleSession) -> None:
    sample.session.memory.set(FILTER, kept(AlarmFilter(words="zzz")))
    tile = tile_of(qtbot, sample, "wall", (800, 900))
    assert tile.model.filter == ALL
    qtbot.mouseClick(tile, Qt.MouseButton.LeftButton, pos=tile.rect().topLeft())
    assert tile.bar.isHidden()


def test_where_the_bar_has_no_room_the_header_says_it(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, size=(480, 130))
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    assert tile.bar.isHidden()
    assert all(words in tile.summary() for words in tile.bar.counts_words)


def test_what_waits_below_the_edge_is_said_before_what_a_filter_or_a_choice_is(
    qtbot: QtBot, qapp: QApplication
) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    tile = tile_of(qtbot, sample, size=(480, 130))
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    assert tile.bar.isHidden()
    shown = len(tile.view.shown_rows())
    urgent = sample.city.unacknowledged_counts()[Priority.URGENT] - shown
    waiting = tr("alarms.more_unack_urgent", n=urgent, urgent=urgent)
    assert urgent > 0
    assert tile.summary().split(" · ")[0] == waiting
    tile.bar.show_filter(ALL, told=True)
    tile.view.selectAll()
    waiting = tr("alarms.more_unack_urgent", n=sum(sample.city.unacknowledged_counts().values()) - shown, urgent=urgent)
    assert tile.summary().split(" · ")[0] == waiting
    with text.recording() as log:
        tile.grab()
    assert any(item.whole.startswith(waiting) for item in log.items)


@pytest.mark.parametrize("kind", ["areas", "sources", "stands"])
def test_a_menu_offers_what_there_is(qtbot: QtBot, sample: SampleSession, kind: str) -> None:
    tile = tile_of(qtbot, sample)
    if kind == "areas":
        base = sample.city.alarms()[1]
        sample.put("alarms", msgspec.structs.replace(base, area_id="ward-x", rev=9))
    tile._open_bar()
    menu = tile.bar.menu(kind)
    (first, *_) = menu.actions()
    first.trigger()
    menu.deleteLater()
    assert len(getattr(tile.model.filter, kind)) == 1
    assert tile.bar.choices[kind].on
    assert tile.bar.choices[kind].words == first.text()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("width", [300, 480])
def test_the_bar_keeps_the_rules_of_text(qtbot: QtBot, qapp: QApplication, language: Language, width: int) -> None:
    prepare(qapp, language)
    sample = sample_session()
    tile = tile_of(qtbot, sample, size=(width, 700))
    every = AlarmFilter(frozenset({Priority.LOW}), sources=frozenset({"limit", "feed"}), words="song")
    tile.bar.show_filter(every, told=True)
    with text.recording() as log:
        tile.bar.grab()
    assert not below_floor(log, tile.scale.floor)
    assert not cut(log)
    assert not overlapping(log)
