"""Answers of HistoryDesk: first what the store has, then what the hub says. One thread of its own.

An answer that the hub did not have to thin is a set of true samples, so it is stored as well: a
console that loses its hub afterwards can still show that plot.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from backends.domain.ports import SeriesPart
from backends.domain.sensor import Flagged, Sample
from backends.store.series import read_flags, read_series

_log = logging.getLogger(__name__)

OPEN_LIMIT = 500
"""Questions whose answer may still come."""


class _Question(msgspec.Struct):
    request: int
    series: str
    t0_ns: int
    t1_ns: int
    max_points: int
    answer: Callable[[SeriesPart], None]


class HistoryReader:
    """`ask` and `on_series` may be called by any thread and never block."""

    def __init__(
        self,
        data_dir: Path,
        ask_hub: Callable[[int, str, int, int, int], None],
        keep: Callable[[list[Sample]], None],
    ) -> None:
        self._dir = data_dir
        self._ask_hub = ask_hub
        self._keep = keep
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: dict[int, _Question] = {}
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join(5.0)

    def ask(
        self, request: int, series: str, t0_ns: int, t1_ns: int, max_points: int, answer: Callable[[SeriesPart], None]
    ) -> None:
        """`answer` is called from another thread, once with what the store has, once with the hub's."""
        question = _Question(request, series, t0_ns, t1_ns, max(1, max_points), answer)
        with self._lock:
            number = next(self._numbers)
            self._open[number] = question
            while len(self._open) > OPEN_LIMIT:
                del self._open[next(iter(self._open))]
        self._work.put(lambda: self._from_store(question, complete=False))
        self._ask_hub(number, series, t0_ns, t1_ns, question.max_points)

    def on_series(
        self,
        number: int,
        t_ns: Sequence[int],
        value: Sequence[float | None],
        code: str,
        flags: tuple[Flagged, ...] = (),
    ) -> None:
        """The hub's answer to question `number`."""
        with self._lock:
            question = self._open.pop(number, None)
        if question is None:
            return
        if code or len(t_ns) != len(value):
            self._work.put(lambda: self._from_store(question, complete=True))
        else:
            self._work.put(lambda: self._from_hub(question, t_ns, value, flags))

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            job()

    def _from_store(self, question: _Question, *, complete: bool) -> None:
        q = question
        t_ns, value = read_series(self._dir, q.series, q.t0_ns, q.t1_ns, q.max_points)
        flags = read_flags(self._dir, q.series, q.t0_ns, q.t1_ns, q.max_points)
        q.answer(SeriesPart(q.request, q.series, t_ns, value, complete, flags))

    def _from_hub(
        self, question: _Question, t_ns: Sequence[int], value: Sequence[float | None], flags: tuple[Flagged, ...]
    ) -> None:
        values = np.array([np.nan if v is None else v for v in value], dtype=np.float64)
        times = np.array(t_ns, dtype=np.int64)
        question.answer(SeriesPart(question.request, question.series, times, values, True, flags))
        if len(t_ns) < question.max_points // 2:
            # Far from the limit, so nothing was thinned away.
            known = zip(t_ns, value, strict=True)
            self._keep([Sample(question.series, t, v) for t, v in known if v is not None])
