"""Work beside the GUI thread: it outlives who asked for it, and who asked never waits for it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from helpers.sample_city import SampleSession
from helpers.search_room import Room
from helpers.waiting import wait_for
from PySide6.QtCore import QCoreApplication, QEvent, QThreadPool
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from widgets.pages import report_figures
from widgets.parts.aside import AT_ONCE, aside
from widgets.parts.report_figure_paper import reckon

WIDGETS = Path(__file__).resolve().parents[2] / "widgets"


def test_no_part_has_a_pool_of_its_own() -> None:
    """It would wait for its work at its end, with the GIL that the work needs (see aside)."""
    having = [path.name for path in WIDGETS.rglob("*.py") if "QThreadPool(" in path.read_text(encoding="utf-8")]
    assert having == []


def test_a_page_that_is_closed_while_it_reckons_is_gone_at_once(
    qapp: QApplication, sample: SampleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow(*given: object) -> object:
        begun.set()
        go_on.wait(5)
        done.set()
        return reckon(*given)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(report_figures, "reckon", slow)
    room = Room(sample)
    sample.session.calls.pageCalled.emit("report_figures", "")
    page = room.wall.panels.page
    assert page is not None
    assert begun.wait(5)
    page.end()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not isValid(page)
    assert not done.is_set()
    room.wall.close()
    go_on.set()
    assert done.wait(5)


def test_so_many_at_once(qapp: QApplication) -> None:
    gate, running = threading.Event(), []
    for n in range(AT_ONCE + 2):
        aside(lambda n=n: (running.append(n), gate.wait(5)))
    wait_for("the first are at work", lambda: len(running) == AT_ONCE, 5)
    assert QThreadPool.globalInstance().activeThreadCount() == AT_ONCE
    gate.set()
    wait_for("all have been done", lambda: len(running) == AT_ONCE + 2, 5)
