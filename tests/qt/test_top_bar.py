"""The top bar: what gives way to what where the panel is narrow."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.text import LocalText
from widgets import format as fmt
from widgets.parts import text
from widgets.parts.alarm_words import place_and_time
from widgets.windows.top_bar import BarWords, TopBar


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    return sample_session()


def said(qtbot: QtBot, sample: SampleSession, width: int) -> list[str]:
    """Everything that a wall's bar without an alarm list paints at this width."""
    window = QWidget()
    qtbot.addWidget(window)
    bar = TopBar(sample.session, SCALES["wall"], window)
    bar.words = BarWords("Toàn cảnh", 2, names_highest_alarm=True)
    bar.resize(width, 110)
    with text.recording() as log:
        bar.grab()
    return [item.text for item in log.items]


def name_the_highest(sample: SampleSession, name: str, place: str) -> str:
    """Give the highest alarm other words; what the bar's second line should say."""
    alarm = sample.city.highest_alarm()
    assert alarm is not None
    changed = msgspec.structs.replace(alarm, name=LocalText(name), place=LocalText(place))
    sample.put("alarms", changed)
    return place_and_time(changed, sample.clock.now_ns())


def test_the_highest_alarm_comes_before_the_date(qtbot: QtBot, sample: SampleSession) -> None:
    name_the_highest(sample, "Cháy", "Chợ Đông Hà")
    words = said(qtbot, sample, 1920)
    assert "Chợ Đông Hà" in words, "the time is given up before the place is cut"
    assert fmt.weekday(sample.clock.now_ns()) not in words


def test_the_date_stays_where_there_is_room_for_both(qtbot: QtBot, sample: SampleSession) -> None:
    place = name_the_highest(sample, "Cháy", "Chợ Đông Hà")
    words = said(qtbot, sample, 2600)
    assert place in words
    assert fmt.weekday(sample.clock.now_ns()) in words
