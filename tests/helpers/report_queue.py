"""The queue of citizen reports on a desk, with the keyboard in it."""

from __future__ import annotations

from helpers.sample_city import SCALES, SampleSession
from pytestqt.qtbot import QtBot

from layouts.options import ReportsOptions
from widgets.tiles.reports import ReportsTile


def opened(qtbot: QtBot, sample: SampleSession, size: tuple[int, int] = (760, 700)) -> ReportsTile:
    """As the window of a wall has it: it hears of the feeds."""
    made = ReportsTile(sample.session, SCALES["desk"], ReportsOptions())
    qtbot.addWidget(made)
    made.resize(*size)
    sample.city.feedsChanged.connect(made.on_feeds)
    made.show()
    qtbot.waitExposed(made)
    made.list.setFocus()
    return made
