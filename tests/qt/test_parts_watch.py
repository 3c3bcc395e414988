"""What the screen says of the program's other parts: a given-up one is an alarm that silences nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fakes import FakeActions, FakeInbox
from helpers.sample_city import DESK, WALL, SampleSession, prepare, sample_session
from helpers.spy_voice import SpyVoice
from helpers.waiting import wait_for
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from backends.domain.access import NOBODY, Grant
from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.people import Role
from backends.domain.ports import ActionRefused, Changes, Delivery
from backends.domain.text import LocalText
from backends.domain.times import ManualClock
from console.crash import Ending, make_report, write_report
from console.parts_watch import PartsWatch
from console.status import ASK_FILE, ChildStatus, Phase, write_status
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.options import AlarmsOptions
from widgets.i18n import Language, tr
from widgets.memory import SELECTED, Memory
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.pump import Pump
from widgets.sound import Annunciator
from widgets.tiles.alarms import AlarmsTile
from widgets.typography import TypeScale
from widgets.windows.wall import Wall, tile_kinds
from widgets.windows.wall_window import WallWindow


class Feed:
    """The feed below: an inbox and a desk for clicks."""

    def __init__(self, clock: ManualClock) -> None:
        self.inbox = FakeInbox()
        self.actions = FakeActions(clock, self.inbox)
        self.drain, self.submit = self.inbox.drain, self.actions.submit
        self.grant = Grant("op", "Hà", Role.OPERATOR)
        self.audited: list[str] = []

    def acknowledged_here(self, target: str) -> None:
        self.audited.append(target)


class Rig:
    """A watch over a real folder, drained into a real city."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.city = folder, ManualClock(10**18), CityModel()
        self.feed = Feed(self.clock)
        self.restarted: list[str] = []
        self.watch = PartsWatch(
            self.feed, folder, folder / "supervisor.json", self.clock, lambda part, _t: self.restarted.append(part)
        )
        self.watch.start()

    def say(self, **phases: Phase) -> None:
        write_status(self.folder / "supervisor.json", [ChildStatus(n, p, reason="x") for n, p in phases.items()])

    def drain(self) -> list[Delivery]:
        deliveries = self.watch.drain()
        self.city.apply(deliveries)
        return deliveries

    def alarms(self) -> list[Alarm]:
        self.drain()
        return list(self.city.records(LOCAL_FEED).values())


@pytest.fixture
def rig(tmp_path: Path, qapp: QApplication) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.watch.stop()


def test_a_part_that_is_given_up_is_an_alarm_until_it_runs_again(rig: Rig) -> None:
    rig.say(hub=Phase.READY, feeder=Phase.GIVEN_UP, gui=Phase.READY)
    (alarm,) = wait_for("the alarm", rig.alarms)
    assert (alarm.id, alarm.priority, alarm.state) == ("local:part_feeder", Priority.URGENT, AlarmState.UNACKNOWLEDGED)
    assert "Ctrl+R" in alarm.detail.vi
    assert rig.watch.submit(Verb.ACKNOWLEDGE, LOCAL_FEED, alarm.id, alarm.state_rev)
    (alarm,) = rig.alarms()
    assert alarm.state is AlarmState.ACKNOWLEDGED
    rig.say(hub=Phase.READY, feeder=Phase.READY)
    wait_for("gone", lambda: not rig.alarms())
    assert not rig.feed.actions.submitted, "nothing of it went to the feed"
    assert rig.feed.audited == ["local:part_feeder"]


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        (NOBODY, "nobody_signed_in"),
        (Grant("op", "Hà", Role.OPERATOR, locked=True), "locked"),
        (Grant("v", "V", Role.VIEWER), "not_allowed"),
    ],
)
def test_who_may_not_act_does_not_acknowledge_it_either(rig: Rig, grant: Grant, code: str) -> None:
    rig.say(feeder=Phase.GIVEN_UP)
    (alarm,) = wait_for("the alarm", rig.alarms)
    rig.feed.grant = grant
    with pytest.raises(ActionRefused) as refused:
        rig.watch.submit(Verb.ACKNOWLEDGE, LOCAL_FEED, alarm.id, alarm.state_rev)
    assert refused.value.code == code
    assert rig.alarms()[0].state is AlarmState.UNACKNOWLEDGED
    assert rig.feed.audited == []


def test_it_stays_in_the_list_when_the_feeder_tells_its_own_as_a_whole(rig: Rig) -> None:
    rig.say(hub=Phase.GIVEN_UP)
    wait_for("the alarm", rig.alarms)
    own = Alarm("local:hub", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Mất kết nối"), 1)
    rig.feed.inbox.put(Changes(LOCAL_FEED, (own,), reset=True))
    assert {alarm.id for alarm in rig.alarms()} == {"local:hub", "local:part_hub"}


def test_clicks_on_all_else_go_to_the_feed(rig: Rig) -> None:
    rig.watch.submit(Verb.ACKNOWLEDGE, "alarms", "a1", 3)
    rig.watch.submit(Verb.ACKNOWLEDGE, LOCAL_FEED, "local:hub", 1)
    assert [a.target for a in rig.feed.actions.submitted] == ["a1", "local:hub"]
    rig.say(hub=Phase.GIVEN_UP)
    wait_for("the alarm", rig.alarms)
    with pytest.raises(ActionRefused):
        rig.watch.submit(Verb.CLAIM, LOCAL_FEED, "local:part_hub", 1)


def test_it_silences_nothing(rig: Rig) -> None:
    """An alarm of the city that comes after it is listed, and sounds."""
    voice = SpyVoice()
    sound = Annunciator(rig.city, voice=voice, mono=rig.clock)
    rig.clock.advance_s(20)
    rig.say(hub=Phase.GIVEN_UP)
    wait_for("the alarm", rig.alarms)
    assert voice.said[-1] == "high"
    rig.clock.advance_s(20)
    fire = Alarm("a1", Priority.URGENT, AlarmState.UNACKNOWLEDGED, LocalText("Cháy chợ"), rig.clock.now_ns())
    rig.feed.inbox.put(Changes("alarms", (fire,)))
    rig.drain()
    assert voice.said[-1] == "urgent"
    assert [alarm.id for alarm in rig.city.alarms()] == ["a1", "local:part_hub"]
    sound.close()


def test_a_restart_is_told_once_and_old_reports_are_not(tmp_path: Path, qapp: QApplication) -> None:
    def report(child: str) -> None:
        write_report(tmp_path / "crashes", make_report(Ending(child, 1, -9, 1.0), [], time.time_ns()))

    report("hub")
    rig = Rig(tmp_path)
    try:
        rig.say(hub=Phase.GIVEN_UP)
        wait_for("it has looked", rig.alarms)
        report("worker")
        report("gui")
        wait_for("told", lambda: rig.drain() is None or rig.restarted)
        report("feeder")
        wait_for("told", lambda: rig.drain() is None or len(rig.restarted) == 2)
        assert rig.restarted == ["worker", "feeder"]
    finally:
        rig.watch.stop()


def test_a_person_asks_to_start_it_again(rig: Rig) -> None:
    rig.watch.start_again()
    wait_for("the wish", (rig.folder / ASK_FILE).exists)


# -- the screen ----------------------------------------------------------------------------------------------


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp, Language.VI)
    return sample_session()


def test_the_notice_is_for_the_desk_and_not_for_the_wall(qtbot: QtBot, sample: SampleSession) -> None:
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    layout = next(each for each in load_layouts(tile_kinds()).layouts if each.id == "overview")
    windows = [WallWindow(sample.session, pump, plan) for plan in plan_windows(layout, [DESK, WALL], tile_kinds())]
    words = tr("restarted.gui", at="09:41")
    assert words == "Phần hiển thị đã tự khởi động lại lúc 09:41"
    sample.session.notices.tell_desk(words)
    assert [window.notice.sentence for window in windows] == [words, ""]
    for window in windows:
        window.deleteLater()


def test_the_key_asks_once_from_any_window(qtbot: QtBot, sample: SampleSession) -> None:
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    wall = Wall(sample.session, pump, load_layouts(tile_kinds()), {}, windowed=True)
    wall.show_layout("overview")
    asked: list[int] = []
    sample.session.calls.restartAsked.connect(lambda: asked.append(1))
    window = wall.windows[0]
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert asked == [1]
    wall.close()


def alarms_tile(qtbot: QtBot, sample: SampleSession) -> AlarmsTile:
    tile = AlarmsTile(sample.session, TypeScale.of(DESK), AlarmsOptions())
    tile.resize(500, 600)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    return tile


def test_after_a_crash_the_same_alarm_is_chosen_and_enter_means_it(qtbot: QtBot, sample: SampleSession) -> None:
    before = alarms_tile(qtbot, sample)
    before.view.setFocus()
    before.view.select_row(2)
    chosen = sample.session.memory.get(SELECTED)
    assert chosen == before.model.rows()[2].alarm.id
    before.hide()
    kept = sample.session.memory.all()

    again = sample_session()
    again.session.memory = Memory(kept)
    after = alarms_tile(qtbot, again)
    qtbot.waitUntil(after.view.hasFocus)
    QTest.keyClick(after.view, Qt.Key.Key_Return)
    assert [action.target for action in again.actions.submitted] == [chosen]


def test_without_memory_nothing_is_chosen(qtbot: QtBot, sample: SampleSession) -> None:
    tile = alarms_tile(qtbot, sample)
    tile.view.setFocus()
    assert not tile.view.currentIndex().isValid() or tile.view.currentIndex().row() == 0


def test_unsent_text_comes_back_and_a_password_never_does(qtbot: QtBot, qapp: QApplication) -> None:
    memory = Memory()
    field = QLineEdit()
    qtbot.addWidget(field)
    memory.bind(field, "comment.a1")
    field.setText("đã gọi đội trực, đang")
    again = Memory(memory.all())
    other = QLineEdit()
    qtbot.addWidget(other)
    again.bind(other, "comment.a1")
    assert other.text() == "đã gọi đội trực, đang"
    other.clear()
    assert again.all() == {}
    secret = QLineEdit()
    secret.setEchoMode(QLineEdit.EchoMode.Password)
    qtbot.addWidget(secret)
    with pytest.raises(ValueError, match="never kept"):
        memory.bind(secret, "password")
