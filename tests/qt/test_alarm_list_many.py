"""Many alarms at once: those that were seen, each its own action, one sentence for all; notes, shelving, the past."""

from __future__ import annotations

import msgspec
import pytest
from helpers.alarm_tile import seen_list as tile_of
from helpers.keyboard import type_in
from helpers.sample_city import THU_HA, SampleSession, Scene, prepare, sample_session, who_is_here
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import AlarmState
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import Language, tr
from widgets.models.alarm_filter import AlarmFilter
from widgets.models.alarm_seen import SEEN_S
from widgets.parts import text
from widgets.parts.alarm_many import PATIENCE_S
from widgets.parts.alarm_panel import ASIDE_S, Mode
from widgets.parts.alarm_rows import RowButton
from widgets.parts.reader import SCROLLED_S

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    return sample_session(Scene.FLOOD)


@pytest.fixture
def said(sample: SampleSession) -> list[str]:
    heard: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: heard.append(words))
    return heard


def answer(sample: SampleSession, n: int, stage: Stage, code: str = "", words: str = "") -> None:
    sample.deliver(ActionStatus(sample.actions.submitted[n], stage, code, words))


def test_ctrl_a_chooses_what_was_seen_and_enter_acknowledges_each(
    qtbot: QtBot, sample: SampleSession, said: list[str]
) -> None:
    tile = tile_of(qtbot, sample)
    seen = [tile.model.row(n).alarm for n in tile.view.shown_rows() if tile.model.row(n).alarm.unacknowledged]
    assert 3 < len(seen) < sum(sample.city.unacknowledged_counts().values())
    qtbot.keyClick(tile.view, Qt.Key.Key_A, CTRL)
    hidden = sum(sample.city.unacknowledged_counts().values()) - len(seen)
    assert tile.summary().startswith(tr("alarms.more_unack", n=hidden)), "first what waits below the edge"
    assert tile.summary().endswith(tr("alarms.chosen", n=len(seen)))
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    sent = sample.actions.submitted
    assert [(a.verb, a.target, a.expect_state_rev) for a in sent] == [
        (Verb.ACKNOWLEDGE, alarm.id, alarm.state_rev) for alarm in seen
    ]
    assert len({action.aid for action in sent}) == len(seen)
    for n in range(len(sent) - 2):
        answer(sample, n, Stage.APPLIED)
    answer(sample, -2, Stage.CONFLICT, "already_acknowledged", "Minh Tuấn")
    assert not said, "one sentence, when all is known"
    answer(sample, -1, Stage.CONFLICT, "changed")
    (words,) = said
    assert words == " · ".join(
        (
            tr("alarms.many_acknowledged", n=len(sent) - 2),
            tr("alarms.many_first", n=1) + " (Minh Tuấn)",
            tr("alarms.many_changed", n=1),
        )
    )


def test_what_was_not_seen_is_left_alone_and_said(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    stop = tile.view.shown_rows().stop
    for _ in range(stop + 1):  # two rows further than has been on the screen
        qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    tile.view.viewport().repaint()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert len(sample.actions.submitted) == stop
    for n in range(stop):
        answer(sample, n, Stage.APPLIED)
    assert said == [f"{tr('alarms.many_acknowledged', n=stop)} · {tr('alarms.many_unseen', n=2)}"]


def test_several_are_chosen_by_shift_and_ctrl_and_by_no_slip_of_the_hand(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)

    def click(row: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> list[int]:
        at = tile.view.visualRect(tile.model.index(row, 0)).topRight() + QPoint(-60, 8)
        qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, keys, at)
        return [tile.model.row_of(one.alarm.id) for one in tile.hands.chosen()]

    assert click(1) == [1]
    assert click(4, SHIFT) == [1, 2, 3, 4]
    assert click(2, SHIFT) == [1, 2]
    assert click(6, CTRL) == [1, 2, 6]
    assert click(3) == [3]
    start, stop = (tile.view.visualRect(tile.model.index(n, 0)).center() for n in (1, 5))
    qtbot.mousePress(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 5):
        at = QPointF(start + (stop - start) * step / 4)
        move = QMouseEvent(
            QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(tile.view.viewport(), move)
    qtbot.mouseRelease(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=stop)
    assert len(tile.hands.chosen()) == 1
    assert not sample.actions.submitted


def test_a_state_that_came_this_moment_is_not_acknowledged_with_the_others(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    qtbot.keyClick(tile.view, Qt.Key.Key_A, CTRL)
    second = tile.model.row(1).alarm
    sample.put("alarms", msgspec.structs.replace(second, rev=9, state_rev=9, count=2))
    tile.view.viewport().repaint()
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert second.id not in {action.target for action in sample.actions.submitted}
    assert len(sample.actions.submitted) > 2


def test_after_it_enter_means_one_row_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert len(sample.actions.submitted) == 2
    assert len(tile.hands.chosen()) == 1


def test_a_refusal_here_is_said_once(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    sample.actions.refuse = "not_kept"
    qtbot.keyClick(tile.view, Qt.Key.Key_A, CTRL)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert said == [tr("access.why_long.not_kept")]


def test_clicks_that_wait_for_the_link_are_told(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    for _ in range(PATIENCE_S + 3):
        tile.on_second()
    assert said == [tr("alarms.many_waiting", n=2)]
    answer(sample, 0, Stage.APPLIED)
    answer(sample, 1, Stage.DUPLICATE)
    assert said[1:] == [tr("alarms.many_acknowledged", n=2)]


def test_one_note_goes_onto_all_chosen(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(tile.view, Qt.Key.Key_N, CTRL)
    assert tile.panel.field.hasFocus()
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    assert not sample.actions.submitted, "not without words"
    type_in(tile.panel.field, "đã gọi phường")
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    sent = sample.actions.submitted
    assert [(a.verb, a.target, a.args) for a in sent] == [
        (Verb.COMMENT, tile.model.row(n).alarm.id, {"text": "đã gọi phường"}) for n in (0, 1)
    ]
    assert tile.panel.isHidden()
    assert tile.view.hasFocus()
    sample.deliver()
    row, rect = tile.model.row(0), tile.view.visualRect(tile.model.index(0, 0)).toRectF()
    offered = {placed.button for placed in tile.delegate.buttons(row, rect, large=True, hovered=True)}
    assert RowButton.ACKNOWLEDGE in offered, "a note on its way stands in nobody's way"


def test_a_note_that_was_not_sent_is_there_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    tile.view.own_keys["Ctrl+N"]()
    type_in(tile.panel.field, "gọi lại")
    again = tile_of(qtbot, sample)
    again.view.select_row(1)
    again.view.own_keys["Ctrl+N"]()
    assert again.panel.field.text() == "", "another alarm"
    again.panel.end()
    again.view.select_row(0)
    again.view.own_keys["Ctrl+N"]()
    assert again.panel.field.text() == "gọi lại"
    qtbot.keyClick(again.panel.field, Qt.Key.Key_Return)
    assert "gọi lại" not in sample.session.memory.all().values()


def test_setting_aside_needs_a_reason_and_a_time_that_the_role_allows(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    alarm = tile.model.row(1).alarm
    qtbot.keyClick(tile.view, Qt.Key.Key_D, CTRL)
    assert tile.panel.mode is Mode.SHELVE
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    assert tile.panel.said == tr("alarms.shelve_reason")
    type_in(tile.panel.field, "đang sửa cảm biến")
    for _ in range(9):  # an operator: an hour at most
        qtbot.keyClick(tile.panel.field, Qt.Key.Key_Up)
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    (action,) = sample.actions.submitted
    assert (action.verb, action.target, action.expect_state_rev) == (Verb.SHELVE, alarm.id, alarm.state_rev)
    assert action.args["reason"] == "đang sửa cảm biến"
    left_s = (int(action.args["until_ns"]) - sample.clock.now_ns()) / NS_PER_S
    assert 3600 - 15 < left_s < 3600
    sample.deliver(msgspec.structs.replace(THU_HA, role=Role.SHIFT_LEAD))
    tile.view.own_keys["Ctrl+D"]()
    assert tile.panel._offered() == list(ASIDE_S)
    tile.panel.grab()
    chip, seconds = tile.panel._times[1]
    qtbot.mouseClick(tile.panel, Qt.MouseButton.LeftButton, pos=chip.center().toPoint())
    assert tile.panel.seconds == seconds > ASIDE_S[0]


def test_the_same_key_takes_back_what_is_set_aside(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    aside = next(a for a in sample.city.alarms() if a.state is AlarmState.SHELVED)
    tile.view.select_row(tile.model.row_of(aside.id))
    qtbot.keyClick(tile.view, Qt.Key.Key_D, CTRL)
    assert [(a.verb, a.target) for a in sample.actions.submitted] == [(Verb.UNSHELVE, aside.id)]
    assert tile.panel.isHidden()


def test_enter_resets_what_is_latched(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    alarm = tile.model.row(1).alarm
    sample.put("alarms", msgspec.structs.replace(alarm, state=AlarmState.LATCHED, latching=True, rev=9, state_rev=9))
    place = tile.model.row_of(alarm.id)
    row, rect = tile.model.row(place), QRectF(0, 0, 480, 60)
    offered = {placed.button for placed in tile.delegate.buttons(row, rect, large=False, hovered=True)}
    assert RowButton.RESET in offered
    assert not offered & {RowButton.ACKNOWLEDGE, RowButton.CLAIM}
    tile.view.select_row(place)
    tile.view.viewport().repaint()
    sample.clock.advance_s(SEEN_S + 0.1)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert [(a.verb, a.target, a.expect_state_rev) for a in sample.actions.submitted] == [(Verb.RESET, alarm.id, 9)]


@pytest.mark.parametrize("who", ["locked", "nobody", "viewer"])
def test_who_may_not_write_is_told_why(qtbot: QtBot, sample: SampleSession, said: list[str], who: str) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    sample.deliver(*who_is_here(who))
    for key in ("Ctrl+N", "Ctrl+D"):
        tile.view.own_keys[key]()
    assert len(said) == 2
    assert tile.panel.isHidden()


def test_the_list_stands_still_while_a_line_is_written_but_not_for_ever(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    tile.view.own_keys["Ctrl+N"]()
    sample.clock.advance_s(SCROLLED_S - 1)
    tile.on_second()
    assert tile.model.held
    type_in(tile.panel.field, "gọi")
    sample.clock.advance_s(SCROLLED_S - 1)
    tile.on_second()
    assert tile.model.held
    sample.clock.advance_s(2)
    tile.on_second()
    assert not tile.model.held
    assert tile.panel.field.text() == "gọi"


def test_a_lock_ends_the_line(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(0)
    tile.view.own_keys["Ctrl+N"]()
    sample.deliver(*who_is_here("locked"))
    assert tile.panel.isHidden()


def test_the_past_and_the_empty_list_follow_the_language(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession
) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    tile.hands.tell()
    vi = tr("alarms.history.alarm_raised")
    prepare(qapp, Language.EN)
    tile.on_look()
    with text.recording() as log:
        tile.panel.grab()
    shown = {item.whole for item in log.items}
    assert tr("alarms.history.alarm_raised") in shown
    assert vi not in shown
    for alarm in list(sample.city.alarms()):
        sample.put("alarms", msgspec.structs.replace(alarm, state=AlarmState.ACKNOWLEDGED, rev=9))
    tile.bar.show_filter(AlarmFilter(words="zzz"), told=True)
    prepare(qapp)
    tile.on_look()
    assert tile.view.empty == tr("alarms.filtered_empty")


def event(sample: SampleSession, n: int, what: str, target: str, actor: str = "", words: str = "") -> None:
    at_ns = sample.clock.now_ns() + n * NS_PER_S
    sample.deliver(Changes("timeline", (TimelineEvent(f"{target}/{n}", at_ns, what, target, actor, LocalText(words)),)))


def test_the_past_of_the_chosen_alarm(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    tile.view.select_row(1)
    alarm = tile.model.row(1).alarm
    event(sample, 1, "alarm_claimed", alarm.id, "op-thuha", alarm.name.vi)
    event(sample, 2, "alarm_shelved", alarm.id, "op-thuha", f"{alarm.name.vi} · đang sửa")
    event(sample, 3, "comment", alarm.id, "op-thuha", "đã gọi phường")
    event(sample, 4, "comment", "other", "op-thuha", "đã gọi bến")
    event(sample, 5, "alarm_rained_on", alarm.id)
    before = [tile.view.visualRect(tile.model.index(n, 0)) for n in range(3)]
    qtbot.keyClick(tile.view, Qt.Key.Key_Right)
    assert [tile.view.visualRect(tile.model.index(n, 0)) for n in range(3)] == before
    with text.recording() as log:
        tile.panel.grab()
    shown = {item.whole for item in log.items}
    who = next(o.short for o in sample.city.records("roster").values() if o.id == "op-thuha")
    assert {
        tr("alarms.history.alarm_raised"),
        f"{tr('alarms.history.alarm_claimed')} · {who}",
        f"{tr('alarms.history.alarm_shelved')} · {who} · đang sửa",
        f"{tr('alarms.history.comment')} · {who} · đã gọi phường",
        tr("alarms.history.other"),
    } <= shown
    assert not any("đã gọi bến" in words for words in shown)
    qtbot.keyClick(tile.view, Qt.Key.Key_Down)
    with text.recording() as log:
        tile.panel.grab()
    assert tile.model.row(2).alarm.name.vi in {item.whole for item in log.items}
    qtbot.keyClick(tile.view, Qt.Key.Key_Left)
    assert tile.panel.isHidden()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("width", [320, 480])
def test_the_panel_keeps_the_rules_of_text(
    qtbot: QtBot, qapp: QApplication, language: Language, mode: Mode, width: int
) -> None:
    prepare(qapp, language)
    sample = sample_session(Scene.FLOOD)
    sample.deliver(msgspec.structs.replace(THU_HA, role=Role.SHIFT_LEAD))
    tile = tile_of(qtbot, sample, (width, 600))
    tile.view.select_row(1)
    for n in range(9):
        event(sample, n, "comment", tile.model.row(1).alarm.id, "op-thuha", "đã gọi phường, chờ trả lời của đội")
    tile.hands.tell()
    if mode is not Mode.PAST:
        tile.hands._write(mode)
    with text.recording() as log:
        tile.panel.grab()
    assert not below_floor(log, tile.scale.floor)
    assert not cut(log)
    assert not overlapping(log)
