"""What every test of widgets stands on: widgets that live until they are closed, a city, a wall at its keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from helpers.sample_city import SampleSession, prepare, sample_session
from helpers.search_room import Room, at_keyboard
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot


class HoldingBot(QtBot):
    """Keeps what it is given until it is closed.

    pytest-qt keeps weak references and handles events once more after the test's function has returned. A widget
    that is garbage by then (ours are in cycles with their delegates) may be collected while it is being painted,
    and its paint engine with it: a segmentation fault somewhere in that paint.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request)
        self.held: list[QWidget] = []

    def addWidget(self, widget: QWidget, **how: Any) -> None:
        self.held.append(widget)
        super().addWidget(widget, **how)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[QtBot]:
    """pytest-qt's, which closes the widgets before the fixtures end."""
    bot = HoldingBot(request)
    yield bot
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    bot.held.clear()


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    """The sample city in Vietnamese and dark; a file that wants more of it overrides this with what it adds."""
    prepare(qapp)
    return sample_session()


@pytest.fixture
def room(sample: SampleSession, qtbot: QtBot) -> Iterator[Room]:
    """A wall of one window over that city, with the keyboard."""
    yield from at_keyboard(sample, qtbot)
