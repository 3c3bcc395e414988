"""Answers of FiguresDesk: figures of the alarms, from the events that this station keeps. One thread of its own, beside
the one that applies what arrives; what goes to the screen is the figures alone.

Of one screen only its newest question is answered: between two pages of events an older one is given up. Must not: hold
a transaction for longer than a page.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from backends.domain.alarm import Alarm
from backends.domain.alarm_figures import LEAD_NS, AlarmFigures, duty_of, figures_of, matters
from backends.domain.people import Operator, Station
from backends.domain.ports import FiguresPart
from backends.domain.times import NS_PER_S
from backends.store.timeline import FEED, read_timeline

_log = logging.getLogger(__name__)

REST_S = 0.005
"""Between two pages: the threads that apply what arrives come first."""
SAID_NS = 5 * NS_PER_S
"""The link says so often, and oftener, up to when it knows all: what lies behind that is no gap yet."""

_T = TypeVar("_T")
Items = Callable[[str], Iterable[bytes]]
"""Feed -> its records as they are now, JSON."""


class _Question(msgspec.Struct, frozen=True):
    asker: int
    number: int
    t0_ns: int
    t1_ns: int
    answer: Callable[[FiguresPart], None]


class FiguresReader:
    """`ask` and `forget` may be called by any thread and never block."""

    def __init__(
        self, data_dir: Path, mode: str, now_ns: Callable[[], int], items: Items, fresh_ns: Callable[[str], int]
    ) -> None:  # fmt: skip
        """`fresh_ns`: up to when a feed is known to be complete; 0 = not known."""
        self._dir, self._mode = data_dir, mode
        self._now_ns, self._items, self._fresh_ns = now_ns, items, fresh_ns
        self._newest: dict[int, _Question] = {}
        """By asker."""
        self._lock = threading.Lock()
        self._work: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join(5.0)

    def ask(self, asker: int, number: int, t0_ns: int, t1_ns: int, answer: Callable[[FiguresPart], None]) -> None:
        """`answer` is called once, by another thread; not at all where the asker asks anew before."""
        question = _Question(asker, number, t0_ns, t1_ns, answer)
        with self._lock:
            self._newest[asker] = question
        self._work.put(question)

    def forget(self, asker: int) -> None:
        """That screen has gone."""
        with self._lock:
            self._newest.pop(asker, None)

    def _run(self) -> None:
        while (question := self._work.get()) is not None:
            if not self._wanted(question):
                continue
            try:
                figures = self._figures(question)
            except (sqlite3.Error, OSError) as error:
                _log.info("the events cannot be read for the figures of the alarms: %s", error)
                question.answer(FiguresPart(question.number, None))
                continue
            except Exception:  # noqa: BLE001  # whatever one question meets
                _log.exception("the figures of the alarms cannot be reckoned")  # the next question may be answered
                question.answer(FiguresPart(question.number, None))
                continue
            if figures is not None and self._wanted(question):
                question.answer(FiguresPart(question.number, figures))

    def _wanted(self, question: _Question) -> bool:
        with self._lock:
            return self._newest.get(question.asker) is question

    def _figures(self, question: _Question) -> AlarmFigures | None:
        """None: nobody wants them any more. Raises sqlite3.Error or OSError."""
        fresh_ns = self._fresh_ns(FEED)  # first: whatever is known to be complete by then is in the file
        told = read_timeline(
            self._dir, self._mode, question.t0_ns - LEAD_NS, fresh_ns, lambda: self._rest() and self._wanted(question),
            matters,
        )  # fmt: skip
        if told is None:
            return None
        t1_ns = question.t1_ns
        if question.t0_ns < fresh_ns < t1_ns <= fresh_ns + SAID_NS:
            t1_ns = fresh_ns
        duty = duty_of(told.events, self._now("stations", Station), self._now("roster", Operator))
        standing = self._now("alarms", Alarm)
        figures = figures_of(told.events, (question.t0_ns, t1_ns), told.whole, duty, standing, self._now_ns())
        return msgspec.structs.replace(figures, oldest_ns=told.oldest_ns)

    def _rest(self) -> bool:
        return not self._stop.wait(REST_S)

    def _now(self, feed: str, kind: type[_T]) -> list[_T]:
        """Bytes that were validated before."""
        decoder = msgspec.json.Decoder(kind)
        return [decoder.decode(raw) for raw in self._items(feed)]
