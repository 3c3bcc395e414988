"""What a grant allows at alarm rows and citizen reports: actions by role, and who sent a report."""

from __future__ import annotations

import msgspec
import pytest
from helpers.keyboard import type_in
from helpers.sample_city import SCALES, THU_HA, SampleSession, who_is_here
from PySide6.QtCore import QRectF, Qt
from pytestqt.qtbot import QtBot

from backends.domain.access import GRANTS
from backends.domain.action import Verb
from backends.domain.people import Role
from layouts.options import AlarmsOptions, ReportsOptions
from widgets.i18n import tr
from widgets.memory import Memory
from widgets.models.reports import REPORT_ROLE
from widgets.parts import text
from widgets.parts.alarm_rows import RowButton
from widgets.parts.reveal import SHOWN_S
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.reports import ReportsTile

# -- what a role may, on the row -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_every_role_at_the_alarm_row(qtbot: QtBot, sample: SampleSession, role: Role) -> None:
    tile = AlarmsTile(sample.session, SCALES["desk"], AlarmsOptions())
    tile.resize(500, 600)
    qtbot.addWidget(tile)
    tile.show()
    rights = tuple(right.value for right in GRANTS[role])
    sample.deliver(msgspec.structs.replace(THU_HA, role=role, rights=rights))
    row = tile.model.rows()[0]
    rect = QRectF(tile.view.visualRect(tile.model.index(0, 0)))
    placed = tile.delegate.buttons(row, rect, large=True, hovered=True)
    shown = {b.button for b in placed}
    assert (RowButton.ACKNOWLEDGE in shown) is (Verb.ACKNOWLEDGE.value in rights)
    assert (RowButton.CLAIM in shown) is (Verb.CLAIM.value in rights)
    if role is Role.VIEWER:
        assert not shown, "a wall without keyboard shows no buttons at all"
        return
    assert (RowButton.WHY in shown) is (Verb.ACKNOWLEDGE.value not in rights)
    why = next((b for b in placed if b.button is RowButton.WHY), None)
    if why is not None:
        assert why.words == tr("access.why.not_allowed")
        said: list[str] = []
        sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
        qtbot.mouseClick(tile.view.viewport(), Qt.MouseButton.LeftButton, pos=why.rect.center().toPoint())
        assert said == [tr("access.why_long.not_allowed", role=tr(f"role.{role}"))]
        assert said[0] in tile.model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        assert not sample.actions.submitted


@pytest.mark.parametrize("code", ["nobody_signed_in", "locked", "not_allowed", "session_over", "not_kept", "other"])
def test_a_refused_key_is_said_in_words(qtbot: QtBot, sample: SampleSession, code: str) -> None:
    tile = AlarmsTile(sample.session, SCALES["desk"], AlarmsOptions())
    tile.resize(500, 600)
    qtbot.addWidget(tile)
    tile.show()
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    sample.actions.refuse = code
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.view.setFocus()
    tile.view.select_row(0)
    qtbot.keyClick(tile.view, Qt.Key.Key_Return)
    assert len(said) == 1
    assert said[0]


# -- reveal --------------------------------------------------------------------------------------------------------


def reports_of(qtbot: QtBot, sample: SampleSession) -> ReportsTile:
    tile = ReportsTile(sample.session, SCALES["desk"], ReportsOptions())
    tile.resize(480, 400)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.list.setFocus()
    tile.list.select_row(1)
    return tile


def test_a_reporter_is_shown_with_a_reason_for_a_minute(qtbot: QtBot, sample: SampleSession) -> None:
    tile = reports_of(qtbot, sample)
    report = tile.list.currentIndex().data(REPORT_ROLE)
    qtbot.keyClick(tile.list, Qt.Key.Key_Return)
    type_in(tile.panel.field, "xem nguoi")
    qtbot.keyClick(tile.panel.field, Qt.Key.Key_Return)
    panel = tile.reveal
    assert panel.isVisible()
    assert panel.reason.hasFocus()
    qtbot.keyClick(panel.reason, Qt.Key.Key_Return)
    assert sample.access.asked == [], "not without a reason"
    type_in(panel.reason, "gọi lại hỏi địa chỉ")
    qtbot.keyClick(panel.reason, Qt.Key.Key_Return)
    assert sample.access.asked == [("reveal", "reporter", report.id, "gọi lại hỏi địa chỉ")]
    sample.access.show({"name": "Lê Văn A", "phone": "0905 000 000"})
    sample.deliver()
    with text.recording() as log:
        panel.grab()
    shown = [item.text for item in log.items]
    assert "Lê Văn A" in shown
    assert tr("reveal.left", n=60) in shown
    sample.clock.advance_s(SHOWN_S - 1)
    tile.on_second()
    assert panel.values
    sample.clock.advance_s(1.1)
    tile.on_second()
    assert not panel.values
    assert not panel.isVisible()


def test_a_reason_that_was_not_sent_is_there_after_a_crash(qtbot: QtBot, sample: SampleSession) -> None:
    tile = reports_of(qtbot, sample)
    tile.reveal.open_for("PA-2203")
    type_in(tile.reveal.reason, "gọi lại")
    kept = sample.session.memory.all()
    again = reports_of(qtbot, sample)
    again.session.memory = Memory(kept)
    again.reveal.open_for("PA-2188")
    assert again.reveal.reason.text() == ""
    again.reveal.open_for("PA-2203")
    assert again.reveal.reason.text() == "gọi lại"
    qtbot.keyClick(again.reveal.reason, Qt.Key.Key_Return)
    assert "gọi lại" not in again.session.memory.all().values(), "what was sent is not kept"


@pytest.mark.parametrize("who", ["locked", "nobody", "trainer"])
def test_what_was_revealed_goes_at_once(qtbot: QtBot, sample: SampleSession, who: str) -> None:
    tile = reports_of(qtbot, sample)
    tile.reveal.open_for("PA-2203")
    tile.reveal.reason.setText("x")
    tile.reveal._ask()
    sample.access.show({"name": "Lê Văn A"})
    sample.deliver()
    assert tile.reveal.values
    sample.deliver(*who_is_here(who))
    assert not tile.reveal.values
    assert not tile.reveal.isVisible()
    sample.access.show({"name": "Lê Văn A"})
    sample.deliver()
    assert not tile.reveal.values, "a late answer is not shown"


def test_a_row_says_why_a_reporter_is_not_shown(qtbot: QtBot, sample: SampleSession) -> None:
    tile = reports_of(qtbot, sample)
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    tile.grab()
    for who, words in (("signed_in", "reveal.show"), ("trainer", "access.why.not_allowed"), ("viewer", "")):
        sample.deliver(*who_is_here(who))
        chip, shown = tile.rows.reveal_chip(QRectF(tile.list.visualRect(tile.list.currentIndex())))
        assert shown == (tr(words) if words else "")
        if who == "trainer":
            qtbot.mouseClick(tile.list.viewport(), Qt.MouseButton.LeftButton, pos=chip.center().toPoint())
    assert said == [tr("access.why_long.not_allowed", role=tr("role.trainer"))]
    sample.deliver(THU_HA)
    chip, _ = tile.rows.reveal_chip(QRectF(tile.list.visualRect(tile.list.currentIndex())))
    qtbot.mouseClick(tile.list.viewport(), Qt.MouseButton.LeftButton, pos=chip.center().toPoint())
    assert tile.reveal.isVisible()


@pytest.mark.parametrize("code", ["not_allowed", "bad_reason", "unknown", "not_kept", "offline", "no_answer", "odd"])
def test_a_refused_reveal_is_said_and_can_be_tried_again(qtbot: QtBot, sample: SampleSession, code: str) -> None:
    tile = reports_of(qtbot, sample)
    tile.reveal.open_for("PA-2203")
    tile.reveal.reason.setText("x")
    tile.reveal._ask()
    sample.access.show({}, code)
    sample.deliver()
    with text.recording() as log:
        tile.reveal.grab()
    key = code if code != "odd" else "other"
    assert tr(f"reveal.answer.{key}", code=code) in [item.whole for item in log.items]
    assert tile.reveal.reason.isEnabled()


def test_citizens_own_words_are_hidden_while_locked(qtbot: QtBot, sample: SampleSession) -> None:
    tile = reports_of(qtbot, sample)
    report = msgspec.structs.replace(tile.model.report(0), text="gọi tôi 0905 000 000")
    sample.put("reports", report)
    tile.on_feeds(frozenset({"reports"}))
    index = tile.model.index(0, 0)
    assert "0905" in index.data(Qt.ItemDataRole.ToolTipRole)
    sample.deliver(*who_is_here("locked"))
    assert "0905" not in index.data(Qt.ItemDataRole.ToolTipRole)
    sample.deliver(THU_HA)
    assert "0905" in index.data(Qt.ItemDataRole.ToolTipRole)
