"""The top bar: what gives way to what where the panel is narrow."""

from __future__ import annotations

from itertools import combinations

import msgspec
import numpy as np
import pytest
from helpers.sample_city import SCALES, THU_HA, SampleSession, prepare
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.feeds import Mode
from backends.domain.people import Role
from backends.domain.ports import LinkState, LinkStatus
from backends.domain.text import LocalText
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.alarm_words import place_and_time
from widgets.parts.shapes import draw_mode_ground
from widgets.theme import THEMES, ThemeName
from widgets.windows.top_bar import BarWords, TopBar


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


def lose_the_hub(sample: SampleSession) -> None:
    sample.deliver(LinkStatus(LinkState.CONNECTING, Mode.DEMO, 0))


@pytest.mark.parametrize("width", range(900, 2000, 20))
def test_an_alarm_is_named_in_words_that_can_be_read_or_not_at_all(
    qtbot: QtBot, sample: SampleSession, width: int
) -> None:
    """A panel that also says that the hub is away has little room left."""
    name = "Kè sông Hiếu có nguy cơ sạt"
    name_the_highest(sample, name, "bờ Nam")
    lose_the_hub(sample)
    words = said(qtbot, sample, width)
    about = [w for w in words if w[:2] in ("Kè", "có", "ng", "sô", "sạ") or w == "…"]
    assert all(len(w) >= 5 or w in name.split() for w in about), about


def test_a_panel_names_the_alarm_beside_a_lost_hub(qtbot: QtBot, sample: SampleSession) -> None:
    name_the_highest(sample, "Kè sông Hiếu có nguy cơ sạt", "bờ Nam")
    lose_the_hub(sample)
    assert "Kè sông" in " ".join(said(qtbot, sample, 1920))


@pytest.mark.parametrize("theme", list(ThemeName))
def test_the_modes_are_told_apart_without_reading_and_in_grey(qapp: QApplication, theme: ThemeName) -> None:
    """Training is never taken for real: the chips differ by what is behind the word, in a grey print, too."""
    prepare(qapp, theme=theme)
    grey = {}
    for mode in Mode:
        image = QImage(160, 40, QImage.Format.Format_Grayscale8)
        image.fill(THEMES[theme].tile)
        painter = QPainter(image)
        draw_mode_ground(painter, QRectF(0, 0, 160, 40), mode, THEMES[theme])
        painter.end()
        grey[mode] = np.frombuffer(image.constBits(), np.uint8).reshape(40, -1)[:, :160].astype(float)
    for one, other in combinations((Mode.LIVE, Mode.DEMO, Mode.EXERCISE, Mode.REPLAY), 2):
        # The demo has the thinnest sign of all: dashes instead of a line.
        least = 2.0 if {one, other} == {Mode.LIVE, Mode.DEMO} else 20.0
        assert np.abs(grey[one] - grey[other]).mean() > least, (one, other)


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.DEMO])
def test_an_alarm_that_nobody_has_seen_to_is_still_named(qtbot: QtBot, sample: SampleSession, mode: Mode) -> None:
    """On a wall's panel that it took too long stands below the name, not in its place."""
    sample.deliver(msgspec.structs.replace(THU_HA, role=Role.SHIFT_LEAD))
    sample.deliver(LinkStatus(LinkState.UP, mode, 0, "hub-1", now_ns=sample.clock.now_ns()))
    river = sample.city.highest_alarm()
    assert river is not None
    sample.put("alarms", msgspec.structs.replace(river, t_escalated_ns=sample.clock.now_ns()))
    words = said(qtbot, sample, 1920)
    assert any(one.startswith("Sông Hiếu trên") for one in words)
    assert tr("alarms.escalated") in words
    sample.put("alarms", river)
    assert tr("alarms.escalated") not in said(qtbot, sample, 1920)
