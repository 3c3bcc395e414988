"""An alarm list at a desk, with the keyboard, whose rows have been on the screen long enough to be seen."""

from __future__ import annotations

from helpers.sample_city import SCALES, SampleSession
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from layouts.options import AlarmsOptions
from widgets.models.alarm_seen import SEEN_S
from widgets.tiles.alarms import AlarmsTile


def seen_list(qtbot: QtBot, sample: SampleSession, size: tuple[int, int] = (480, 600)) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES["desk"], AlarmsOptions())
    sample.city.feedsChanged.connect(tile.on_feeds)
    QAbstractItemModelTester(tile.model, QAbstractItemModelTester.FailureReportingMode.Fatal, tile)
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.view.setFocus()
    tile.grab()
    sample.clock.advance_s(SEEN_S + 0.1)
    return tile
