"""Work beside the GUI's thread: whoever asked for it may be deleted while it runs."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.search_room import Key, Room
from helpers.waiting import wait_for
from PySide6.QtCore import QCoreApplication, QEvent
from shiboken6 import isValid

from widgets.pages import report_figures
from widgets.parts.aside import Aside


def test_jobs_follow_each_other_in_a_thread_of_their_own() -> None:
    out: SimpleQueue[tuple[int, str]] = SimpleQueue()
    aside = Aside("test")
    for n in range(20):
        aside.start(lambda n=n: out.put((n, threading.current_thread().name)))  # type: ignore[misc]
    found = [out.get(timeout=5) for _ in range(20)]
    assert [n for n, _ in found] == list(range(20))
    assert {name for _, name in found} == {"test"}


def test_what_fails_is_said_and_the_next_goes_on(expect_logs: ExpectLogs) -> None:
    expect_logs("work beside the GUI's thread failed")
    out: SimpleQueue[int] = SimpleQueue()
    aside = Aside("test")

    def fail() -> None:
        raise RuntimeError("no")

    aside.start(fail)
    aside.start(lambda: out.put(1))
    assert out.get(timeout=5) == 1


def test_a_page_is_closed_while_its_figures_are_reckoned(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a pool of Qt's below the page this stood for ever."""
    begun, go = threading.Event(), threading.Event()
    real = report_figures.reckon

    def slow(*args: Any) -> Any:
        begun.set()
        while not go.wait(0.001):  # needs the GIL again and again, as reckoning does
            pass
        return real(*args)

    monkeypatch.setattr(report_figures, "reckon", slow)
    room.search("so lieu phan anh")
    room.key(Key.Key_Return)
    page = room.wall.panels.page
    assert page is not None
    wait_for("the job", lambda: (QCoreApplication.processEvents(), begun.is_set())[1])
    room.key(Key.Key_Escape)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert room.wall.panels.page is None
    assert not isValid(page)
    go.set()


def test_there_is_no_other_way() -> None:
    sources = (Path(__file__).parents[2] / "widgets").rglob("*.py")
    assert [p.name for p in sources if "QThreadPool" in p.read_text(encoding="utf-8") and p.name != "aside.py"] == []
