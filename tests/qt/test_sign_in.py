"""The panel for signing in and the lock, by keyboard and mouse; alarms and sound never stop."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.keyboard import type_in
from helpers.sample_city import NOW_NS, THU_HA, SampleSession, Scene, prepare, sample_session, who_is_here
from helpers.sample_records import ALARMS
from PySide6.QtCore import QPoint, QRect, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from backends.domain.access import NOBODY, AccessAnswer, Grant
from backends.domain.feeds import LinkState
from backends.domain.people import Role
from backends.domain.ports import LinkStatus
from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind
from widgets.i18n import Language, tr
from widgets.idle import IdleLock
from widgets.parts import text
from widgets.parts.alarm_rows import RowButton
from widgets.pump import Pump
from widgets.theme import ThemeName
from widgets.tiles.alarms import AlarmsTile
from widgets.windows.sign_in import ANSWERS, SignInPanel, answer_words
from widgets.windows.wall import Wall, tile_kinds

SECRET = "mat khau aa ee dd ow"
"""Letters that Telex would compose."""


def wall_of(sample: SampleSession, kind: PanelKind = PanelKind.DESK) -> tuple[Wall, Pump]:
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    described = {"1": Monitor("1", 0, 0, 0, 0, 24.0 if kind is PanelKind.DESK else 55.0, kind)}
    wall = Wall(sample.session, pump, load_layouts(tile_kinds()), described)
    wall.show_layout("overview")
    return wall, pump


@pytest.fixture
def wall(sample: SampleSession) -> Iterator[Wall]:
    made, _pump = wall_of(sample)
    yield made
    made.close()


def panel_of(wall: Wall) -> SignInPanel:
    panel = wall.windows[0].sign_in
    assert panel is not None
    return panel


def focused(wall: Wall, qtbot: QtBot) -> None:
    wall.windows[0].activateWindow()
    qtbot.waitUntil(wall.windows[0].isActiveWindow)


# -- the panel -----------------------------------------------------------------------------------------------------


def test_who_is_signed_in_or_seated_sees_no_panel(wall: Wall, sample: SampleSession) -> None:
    assert not panel_of(wall).isVisible()
    sample.deliver(*who_is_here("seat"))
    assert not panel_of(wall).isVisible()
    sample.deliver(NOBODY)
    assert not panel_of(wall).isVisible(), "before the hub has said whether it seats people, nobody is asked"


def test_nobody_signs_in_by_keyboard_alone(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    assert panel.isVisible()
    assert panel.person.hasFocus()
    type_in(panel.person, "thu hà")  # as Telex leaves it
    assert panel.resolved()[0] == "op-thuha"
    qtbot.keyClick(panel.person, Qt.Key.Key_Return)
    assert panel.secret.hasFocus()
    qtbot.keyClicks(panel.secret, SECRET)
    qtbot.keyClick(panel.secret, Qt.Key.Key_Return)
    assert sample.access.asked == [("sign_in", "op-thuha", SECRET)]
    assert panel.secret.text() == "", "gone with the question"
    sample.access.answer()
    sample.deliver(THU_HA)
    assert not panel.isVisible()
    assert panel.person.text() == ""


def test_the_secret_is_out_of_reach_of_input_methods_and_copying(wall: Wall, sample: SampleSession) -> None:
    sample.deliver(*who_is_here("nobody"))
    secret = panel_of(wall).secret
    assert not secret.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
    assert secret.echoMode() is QLineEdit.EchoMode.Password
    secret.setText(SECRET)
    secret.selectAll()
    QApplication.clipboard().setText("before")
    secret.copy()
    assert QApplication.clipboard().text() == "before"
    with text.recording() as log:
        wall.windows[0].grab()
    assert not any(SECRET in item.whole for item in log.items)


@pytest.mark.parametrize(
    ("typed", "account"),
    [
        ("op-thuha", "op-thuha"), ("Thu Hà", "op-thuha"), ("nguyen thu ha", "op-thuha"), ("NGUYỄN THU HÀ", "op-thuha"),
        ("quản", "quan"), ("đạt", "dat"), ("thuha", "thuha"), ("Ai Đó Khác", "Ai Đó Khác"),
        ("  minh.tran ", "minh.tran"),
    ],
)  # fmt: skip
def test_a_name_is_found_however_it_was_typed(wall: Wall, sample: SampleSession, typed: str, account: str) -> None:
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    type_in(panel.person, typed)
    assert panel.resolved()[0] == account


@pytest.mark.parametrize("code", ["refused", "wait", "disabled", "no_answer", "no_offline", "foreign", "weird"])
def test_a_no_is_said_in_words(wall: Wall, sample: SampleSession, qtbot: QtBot, code: str) -> None:
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    panel.person.setText("op-thuha")
    panel.secret.setText("x")
    panel.submit()
    assert not panel.enter.isEnabled()
    sample.access.answer(code, retry_s=20)
    sample.deliver()
    assert panel.enter.isEnabled()
    with text.recording() as log:
        panel.grab()
    key = code if code != "weird" else "other"
    words = tr(f"access.answer.{key}", time="20 giây", code=code)
    assert words in [item.whole for item in log.items]


@pytest.mark.parametrize("language", list(Language))
def test_every_answer_is_whole(wall: Wall, sample: SampleSession, language: Language) -> None:
    sample.session.look.set_language(language)
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    for code in sorted(ANSWERS):
        panel.person.setText("op-thuha")
        panel.secret.setText("x")
        panel.submit()
        sample.access.answer(code, retry_s=83)
        sample.deliver()
        with text.recording() as log:
            panel.grab()
        words = answer_words(AccessAnswer(0, code, 83))
        assert words in [item.text for item in log.items], "cut"


def test_a_delay_is_counted_down_and_never_says_too_little(wall: Wall, sample: SampleSession) -> None:
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    panel.person.setText("op-thuha")
    panel.secret.setText("x")
    panel.submit()
    sample.access.answer("wait", retry_s=83)
    sample.deliver()
    for passed, words in (
        (0, tr("access.answer.wait", time="2 phút")),
        (23, tr("access.answer.wait", time="1 phút")),
        (40.5, tr("access.answer.wait", time="20 giây")),
        (20, tr("access.answer.wait_over")),
    ):
        sample.clock.advance_s(passed)
        panel.on_second()
        with text.recording() as log:
            panel.grab()
        assert words in [item.text for item in log.items]


def test_an_answer_leaves_the_keyboard_at_the_alarms(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    panel.person.setText("op-thuha")
    panel.secret.setText("x")
    qtbot.mouseClick(panel.enter, Qt.MouseButton.LeftButton)
    assert panel.secret.hasFocus(), "not at the button that signs out"
    alarms = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    alarms.view.setFocus()
    sample.access.answer("refused")
    sample.deliver()
    assert alarms.view.hasFocus()


@pytest.mark.parametrize("layout", ["overview", "security", "cameras", "reports", "environment", "traffic"])
@pytest.mark.parametrize("who", ["nobody", "locked", "again"])
def test_the_panel_covers_no_alarm_list_and_says_nothing_cut(
    wall: Wall, sample: SampleSession, layout: str, who: str
) -> None:
    wall.show_layout(layout)
    sample.deliver(*who_is_here(who))
    window, panel = wall.windows[0], panel_of(wall)
    assert panel.isVisible()
    for tile in window.tiles.values():
        if isinstance(tile, AlarmsTile):
            assert not tile.geometry().intersects(panel.geometry())
    assert not window.bar.geometry().intersects(panel.geometry())
    assert QRect(QPoint(0, 0), window.size()).contains(panel.geometry())
    for language in Language:
        sample.session.look.set_language(language)
        with text.recording() as log:
            panel.grab()
        assert log.items
        for item in log.items:
            assert item.text == item.whole, "cut"
            assert item.px >= panel.scale.floor
    sample.session.look.set_theme(ThemeName.LIGHT)
    panel.grab()


def test_escape_puts_it_away_and_the_key_brings_it_back(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    sample.deliver(*who_is_here("nobody"))
    panel = panel_of(wall)
    panel.secret.setText("half")
    qtbot.keyClick(panel.secret, Qt.Key.Key_Escape)
    assert not panel.isVisible()
    assert panel.secret.text() == ""
    press_lock(wall)
    assert panel.isVisible()
    assert sample.access.asked == [], "there is nobody to lock"
    qtbot.keyClick(panel.person, Qt.Key.Key_Escape)
    window = wall.windows[0]
    window.grab()
    box = window.bar._operator_box
    qtbot.mouseClick(window.bar, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert panel.isVisible()


# -- the lock ------------------------------------------------------------------------------------------------------


def press_lock(wall: Wall) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(wall.windows[0], Qt.Key.Key_L, both)


def test_the_lock_key_locks_and_the_language_stays(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    press_lock(wall)
    assert sample.access.asked == [("lock",)]
    assert tr("access.unlock") == "Mở khóa"
    sample.deliver(*who_is_here("locked"))
    panel = panel_of(wall)
    assert panel.isVisible()
    assert panel.secret.hasFocus()
    assert panel.person.text() == "op-thuha"
    qtbot.mouseClick(panel.leave, Qt.MouseButton.LeftButton)
    assert sample.access.asked[-1] == ("sign_out",)


def test_a_locked_seat_needs_no_secret(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    seat = msgspec.structs.replace(THU_HA, sign_in=False)
    sample.deliver(msgspec.structs.replace(seat, locked=True))
    panel = panel_of(wall)
    assert not panel.secret.isVisible()
    assert panel.enter.hasFocus()
    with text.recording() as log:
        panel.grab()
    shown = [item.whole for item in log.items]
    assert tr("access.keys") in shown
    assert tr("access.keys_locked") not in shown, "nobody can sign in where the hub seats people"
    qtbot.keyClick(panel.enter, Qt.Key.Key_Return)
    assert sample.access.asked == [("sign_in", "", "")]
    sample.deliver(seat)
    assert not panel.isVisible()


def test_a_lock_hides_actions_and_leaves_alarms_and_sound(wall: Wall, sample: SampleSession) -> None:
    tile = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    sample.deliver(*who_is_here("locked"))
    rows = len(tile.model.rows())
    fresh = msgspec.structs.replace(ALARMS[0], id="fresh", t_raised_ns=NOW_NS + 1)
    sample.put("alarms", fresh)
    assert len(tile.model.rows()) == rows + 1
    assert sample.city.unacknowledged_counts()[fresh.priority] >= 1
    for n, row in enumerate(tile.model.rows()):
        rect = QRectF(tile.view.visualRect(tile.model.index(n, 0)))
        buttons = {b.button for b in tile.delegate.buttons(row, rect, large=True, hovered=True)}
        assert not buttons & {RowButton.ACKNOWLEDGE, RowButton.CLAIM}
    wall.windows[0].grab()


# -- the wall and its bar ------------------------------------------------------------------------------------------


def test_a_wall_without_keyboard_only_looks(sample: SampleSession) -> None:
    wall, _pump = wall_of(sample, PanelKind.WALL)
    try:
        sample.deliver(*who_is_here("nobody"))
        assert wall.windows[0].sign_in is None
        with text.recording() as log:
            wall.windows[0].grab()
        shown = [item.whole for item in log.items]
        assert tr("topbar.no_operator") not in shown
        assert tr("access.why.nobody_signed_in") not in shown
    finally:
        wall.close()


def test_the_bar_says_who_and_how(wall: Wall, sample: SampleSession) -> None:
    for who, words in (
        ("signed_in", ["Nguyễn Thu Hà"]),
        ("locked", [tr("access.bar_locked"), "Nguyễn Thu Hà"]),
        ("offline", ["Nguyễn Thu Hà", f"{tr('role.operator')} · {tr('access.bar_offline')}"]),
        ("nobody", [tr("topbar.no_operator"), tr("access.bar_keys")]),
    ):
        sample.deliver(*who_is_here(who))
        with text.recording() as log:
            wall.windows[0].bar.grab()
        shown = [item.whole for item in log.items]
        assert all(word in shown for word in words), (who, shown)


# -- idle ----------------------------------------------------------------------------------------------------------


def test_an_idle_screen_is_locked_and_input_puts_it_off(sample: SampleSession) -> None:
    wall, pump = wall_of(sample)
    try:
        idle = IdleLock(sample.session, pump, 10.0)
        wall.lock_when_idle(idle)
        sample.clock.advance_s(599)
        pump.secondPassed.emit()
        assert sample.access.asked == []
        handle = wall.windows[0].windowHandle()
        QTest.mouseMove(handle, QPoint(200, 300))
        QApplication.processEvents()
        sample.clock.advance_s(599)
        pump.secondPassed.emit()
        assert sample.access.asked == [], "somebody has moved the mouse"
        sample.clock.advance_s(2)
        pump.secondPassed.emit()
        assert sample.access.asked == [("lock",)]
        sample.deliver(*who_is_here("seat"))
        sample.clock.advance_s(6000)
        pump.secondPassed.emit()
        assert len(sample.access.asked) == 1, "a seat of the hub is never locked by itself"
    finally:
        wall.close()


def test_signing_in_again_is_offered_when_the_hub_is_back(wall: Wall, sample: SampleSession, qtbot: QtBot) -> None:
    focused(wall, qtbot)
    sample.deliver(*who_is_here("offline"))
    panel = panel_of(wall)
    assert not panel.isVisible(), "nothing to do for the person while the hub is away"
    alarms = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    alarms.view.setFocus()
    sample.deliver(LinkStatus(LinkState.UP, sample.city.link.mode, NOW_NS, "hub-1", now_ns=NOW_NS))
    assert panel.isVisible()
    assert alarms.view.hasFocus(), "who works on keeps the keyboard"
    sample.deliver(THU_HA)
    assert not panel.isVisible()


def test_scenes_of_an_empty_city_ask_too(qapp: QApplication) -> None:
    prepare(qapp)
    sample = sample_session(Scene.EMPTY)
    wall, _pump = wall_of(sample)
    try:
        sample.deliver(Grant("", "", Role.VIEWER, sign_in=True))
        assert panel_of(wall).isVisible()
    finally:
        wall.close()
