"""The alarm list between several people: mine, given back, out of service, several at once, and two in one moment."""

from __future__ import annotations

import msgspec
import pytest
from helpers.alarm_tile import seen_list
from helpers.keyboard import type_in
from helpers.sample_city import SCALES, THU_HA, SampleSession, Scene, prepare, sample_session
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.action import Stage, Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S
from widgets.i18n import Language, tr
from widgets.models.alarm_filter import AlarmFilter, Stand
from widgets.models.alarms import AlarmRow
from widgets.parts import text
from widgets.parts.alarm_panel import Mode
from widgets.parts.alarm_rows import RowButton
from widgets.parts.alarm_words import pending_words, state_words
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.top_bar import TopBar

change = msgspec.structs.replace
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEAD = change(THU_HA, operator_id="op-quocbao", name="Trần Quốc Bảo", role=Role.SHIFT_LEAD)
BAO = Operator("op-quocbao", "Trần Quốc Bảo", "Quốc Bảo", Role.SHIFT_LEAD, "desk-2")


@pytest.fixture
def said(sample: SampleSession) -> list[str]:
    heard: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: heard.append(words))
    sample.session.notices.toldDesk.connect(heard.append)
    return heard


def ids(tile: AlarmsTile) -> list[str]:
    return [row.alarm.id for row in tile.model.rows()]


def choose(tile: AlarmsTile, alarm_id: str) -> None:
    tile.view.select_row(tile.model.row_of(alarm_id))


def submitted(sample: SampleSession) -> list[tuple[Verb, str]]:
    return [(action.verb, action.target) for action in sample.actions.submitted]


def alarm(sample: SampleSession, alarm_id: str) -> Alarm:
    found = sample.city.alarm(alarm_id)
    assert found is not None
    return found


# -- mine --------------------------------------------------------------------------------------------


def test_mine_is_what_one_covers_what_nobody_does_and_what_is_urgent(qtbot: QtBot, sample: SampleSession) -> None:
    sectors = {"al-crowd": "security", "al-air": "devices", "al-jam": "traffic"}
    sample.put("alarms", *(change(alarm(sample, one), sector=sector) for one, sector in sectors.items()))
    sample.put("roster", change(BAO, sectors=("security", "traffic")))
    tile = seen_list(qtbot, sample)
    every = set(ids(tile))
    tile.bar.show_filter(AlarmFilter(mine=True), told=True)
    assert every - set(ids(tile)) == {"al-crowd", "al-jam"}
    assert tile.bar.counts_words[1] == tr("alarms.filter_hidden", n=1), "one of them is unacknowledged"
    assert tile.bar.mine.on
    sample.put("alarms", change(alarm(sample, "al-crowd"), priority=Priority.URGENT, rev=5, state_rev=5))
    assert "al-crowd" in ids(tile), "urgent passes"
    sample.put("roster", change(BAO, station_id="", sectors=()))
    assert set(ids(tile)) == every, "what he covered is everybody's again"
    sample.put("roster", change(BAO, sectors=("traffic",)))
    sample.put("alarms", change(alarm(sample, "al-jam"), holder="Thu Hà", holder_id="op-thuha", rev=6, state_rev=6))
    assert "al-jam" in ids(tile), "what I have in hand is mine"


def test_rows_do_not_go_under_a_reader_when_somebody_covers_them(qtbot: QtBot, sample: SampleSession) -> None:
    sample.put("alarms", change(alarm(sample, "al-crowd"), sector="security"))
    tile = seen_list(qtbot, sample)
    tile.bar.show_filter(AlarmFilter(mine=True), told=True)
    tile.model.hold(True)
    sample.put("roster", change(BAO, sectors=("security",)))
    assert "al-crowd" in ids(tile)
    tile.model.hold(False)
    assert "al-crowd" not in ids(tile)


# -- given back --------------------------------------------------------------------------------------


def test_ctrl_f9_gives_back_ones_own_and_the_shift_lead_anybodys(
    qtbot: QtBot, sample: SampleSession, said: list[str]
) -> None:
    tile = seen_list(qtbot, sample)
    choose(tile, "al-jam")
    qtbot.keyClick(tile.view, Qt.Key.Key_F9, CTRL)
    assert said == [tr("alarms.not_claimed_why")]
    sample.put("alarms", change(alarm(sample, "al-jam"), holder="Minh", holder_id="op-minh", rev=5, state_rev=5))
    tile.grab()
    qtbot.keyClick(tile.view, Qt.Key.Key_F9, CTRL)
    assert said[1:] == [tr("alarms.not_yours", who="Minh")]
    choose(tile, "al-pm")
    qtbot.keyClick(tile.view, Qt.Key.Key_F9, CTRL)
    assert submitted(sample) == [(Verb.RELEASE, "al-pm")]
    assert sample.actions.submitted[0].expect_state_rev == alarm(sample, "al-pm").state_rev
    sample.deliver(LEAD)
    choose(tile, "al-jam")
    qtbot.keyClick(tile.view, Qt.Key.Key_F9, CTRL)
    assert submitted(sample)[1:] == [(Verb.RELEASE, "al-jam")]


def test_who_has_it_in_hand_has_a_button_for_giving_it_back(qtbot: QtBot, sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)
    row = tile.model.row(tile.model.row_of("al-pm"))
    assert isinstance(row, AlarmRow)
    rect = tile.view.visualRect(tile.model.index(tile.model.row_of("al-pm"), 0)).toRectF()

    def buttons() -> list[RowButton]:
        return [one.button for one in tile.delegate.buttons(row, rect, large=False, hovered=True)]

    assert RowButton.RELEASE in buttons()
    sample.deliver(change(THU_HA, operator_id="op-minh"))
    assert RowButton.RELEASE not in buttons()


# -- out of service ----------------------------------------------------------------------------------


def test_the_shift_lead_takes_out_of_service_with_a_reason_and_finds_it_again(
    qtbot: QtBot, sample: SampleSession, said: list[str]
) -> None:
    tile = seen_list(qtbot, sample)
    choose(tile, "al-air")
    qtbot.keyClick(tile.view, Qt.Key.Key_O, CTRL | SHIFT)
    assert said == [tr("access.why_long.not_allowed", role=tr("role.operator"))]
    sample.deliver(LEAD)
    qtbot.keyClick(tile.view, Qt.Key.Key_O, CTRL | SHIFT)
    assert tile.panel.mode is Mode.OUT
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    assert tile.panel.said == tr("alarms.shelve_reason")
    assert not sample.actions.submitted
    type_in(tile.panel.field, "thay đầu báo")
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    assert submitted(sample) == [(Verb.OUT_OF_SERVICE, "al-air")]
    assert sample.actions.submitted[0].args == {"reason": "thay đầu báo"}
    sample.actions.answer(Stage.APPLIED)
    out = change(alarm(sample, "al-air"), state=AlarmState.OUT_OF_SERVICE, oos_by="Quốc Bảo", rev=7, state_rev=7)
    sample.put("alarms", out)
    assert said[1:] == [tr("alarms.many_out", n=1)]
    tile.reader.end()
    assert "al-air" not in ids(tile)
    tile.bar.show_filter(AlarmFilter(stands=frozenset({Stand.OUT})), told=True)
    assert [one for one in ids(tile) if one != "al-river"] == ["al-air"], (
        "and the urgent one, which passes every filter"
    )
    choose(tile, "al-air")
    tile.grab()
    qtbot.keyClick(tile.view, Qt.Key.Key_O, CTRL | SHIFT)
    assert submitted(sample)[1:] == [(Verb.IN_SERVICE, "al-air")]
    assert sample.actions.submitted[1].expect_state_rev == 7
    sample.put("alarms", change(out, state=AlarmState.UNACKNOWLEDGED, oos_by="", rev=8, state_rev=8))
    tile.reader.end()
    assert "al-air" not in ids(tile), "it is in the plain list again"


def test_under_a_reader_its_row_says_why_it_no_longer_counts(qtbot: QtBot, sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)
    tile.model.hold(True)
    sample.put("alarms", change(alarm(sample, "al-air"), state=AlarmState.OUT_OF_SERVICE, rev=7, state_rev=7))
    with text.recording() as log:
        tile.grab()
    assert tr("alarms.out_of_service") in {item.whole for item in log.items}


# -- several -----------------------------------------------------------------------------------------


def test_f9_takes_all_chosen_that_were_seen_and_are_free(qtbot: QtBot, said: list[str], sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)
    choose(tile, "al-river")
    for _ in range(5):
        qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(tile.view, Qt.Key.Key_F9)
    wanted = [one for one in ids(tile)[:6] if one != "al-pm"]
    assert submitted(sample) == [(Verb.CLAIM, one) for one in wanted], "al-pm is in hand already"
    assert all(action.expect_state_rev for action in sample.actions.submitted)
    assert len(tile.hands.chosen()) == 1, "they are done"


def test_f8_stays_with_one_and_says_with_which(qtbot: QtBot, sample: SampleSession, said: list[str]) -> None:
    tile = seen_list(qtbot, sample)
    called: list[str] = []
    sample.session.calls.cameraCalled.connect(called.append)
    choose(tile, "al-river")
    qtbot.keyClick(tile.view, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(tile.view, Qt.Key.Key_F8)
    assert called == ["cam-033"]
    assert said == [tr("alarms.only_current", name=alarm(sample, "al-crowd").name.vi)]


# -- one moment --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_who_acknowledged_in_the_same_seconds_is_named(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession, language: Language
) -> None:
    prepare(qapp, language)
    tile = seen_list(qtbot, sample)
    choose(tile, "al-crowd")
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    made_ns = sample.actions.submitted[0].made_at_ns
    acked = change(
        alarm(sample, "al-crowd"), state=AlarmState.ACKNOWLEDGED, acked_by="Minh", rev=4, state_rev=4,
        t_acked_ns=made_ns - 2 * NS_PER_S,
    )  # fmt: skip
    sample.put("alarms", acked)
    sample.actions.answer(Stage.CONFLICT, "already_acknowledged", "Minh")
    sample.deliver()
    row = tile.model.row(tile.model.row_of("al-crowd"))
    assert isinstance(row, AlarmRow)
    assert row.pending is not None
    two = "2,0" if language is Language.VI else "2.0"
    assert pending_words(row.pending, row.alarm) == tr("alarms.together", who="Minh", n=two)
    earlier = change(acked, t_acked_ns=made_ns - 60 * NS_PER_S)
    assert pending_words(row.pending, earlier) == tr("alarms.conflict_acknowledged", who="Minh")


def test_a_third_click_presses_no_button(qtbot: QtBot, sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)
    place = tile.model.row_of("al-crowd")
    rect = tile.view.visualRect(tile.model.index(place, 0))
    row = tile.model.row(place)
    assert isinstance(row, AlarmRow)
    placed = tile.delegate.buttons(row, rect.toRectF(), large=row.large, hovered=True)
    button = next(one for one in placed if one.button is RowButton.ACKNOWLEDGE)
    at = QPointF(QPoint(int(button.rect.left()) + 6, int(button.rect.center().y())))

    def mouse(kind: QEvent.Type, t_ms: int) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        down = left if kind is not QEvent.Type.MouseButtonRelease else none
        event = QMouseEvent(kind, at, at, left, down, Qt.KeyboardModifier.NoModifier)
        event.setTimestamp(t_ms)
        QApplication.sendEvent(tile.view.viewport(), event)

    press, release, double = (
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseButtonDblClick,
    )
    half = QApplication.doubleClickInterval() // 2
    for n, kind in enumerate((press, double, press, double, press)):
        mouse(kind, 1000 + n * half)
        mouse(release, 1000 + n * half + 5)
    assert submitted(sample) == [(Verb.ACKNOWLEDGE, "al-crowd")], "the first one alone"
    later_ms = 1000 + 4 * half + 3 * QApplication.doubleClickInterval()
    mouse(press, later_ms)
    mouse(release, later_ms + 5)
    assert len(submitted(sample)) == 2, "and a click of its own counts again"


# -- at the shift lead's -----------------------------------------------------------------------------


def bar_says(qtbot: QtBot, sample: SampleSession) -> set[str]:
    window = QWidget()
    qtbot.addWidget(window)
    bar = TopBar(sample.session, SCALES["desk"], window)
    bar.resize(1900, 60)
    with text.recording() as log:
        bar.grab()
    return {item.whole for item in log.items}


def test_what_escalated_stands_in_the_row_and_in_the_shift_leads_bar(qtbot: QtBot, sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)
    gone = change(alarm(sample, "al-river"), t_escalated_ns=sample.clock.now_ns(), rev=4)
    sample.put("alarms", gone)
    assert tr("alarms.escalated") in state_words(gone)
    assert tr("topbar.escalated") not in bar_says(qtbot, sample), "an operator's bar does not"
    sample.deliver(LEAD)
    assert {tr("topbar.escalated"), tr("topbar.escalated_n", n=1)} <= bar_says(qtbot, sample)
    with text.recording() as log:
        tile.grab()
    assert any(tr("alarms.escalated") in item.whole for item in log.items)
    sample.put("alarms", change(gone, state=AlarmState.ACKNOWLEDGED, t_escalated_ns=0, rev=5, state_rev=5))
    assert tr("topbar.escalated") not in bar_says(qtbot, sample)


def test_an_overload_keeps_an_escalated_one_in_its_own_row(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.FLOOD)
    high = (one for one in sample.city.alarms() if one.priority is Priority.HIGH and one.unacknowledged)
    first = next(one for one in high if one.id.startswith("al-flood"))
    sample.put("alarms", change(first, t_escalated_ns=sample.clock.now_ns(), rev=4))
    tile = seen_list(qtbot, sample)
    tile.model.collapse(True)
    assert first.id in ids(tile)


def test_a_rows_tip_says_which_work_it_is_and_whose(qtbot: QtBot, sample: SampleSession) -> None:
    tile = seen_list(qtbot, sample)

    def tip() -> list[str]:
        return str(tile.model.index(tile.model.row_of("al-air"), 0).data(Qt.ItemDataRole.ToolTipRole)).split("\n")

    before = tip()
    sample.put("alarms", change(alarm(sample, "al-air"), sector="devices"))
    assert tip() == [*before, tr("sector.devices")]
    sample.put("roster", change(BAO, sectors=("flood",)))
    assert tip()[-1] == f"{tr('sector.devices')} · {tr('areas.nobody')}"
    sample.put("roster", change(BAO, sectors=("devices",)))
    assert tip()[-1] == f"{tr('sector.devices')} · {tr('alarms.looked_after', who='Quốc Bảo')}"
