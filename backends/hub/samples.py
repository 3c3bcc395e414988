"""Samples behind HISTORY: packed blocks in the log's file, the newest ones in memory and in a tail.

Every publishing round appends one tail row in the round's own transaction, so a killed hub loses no
sample that it has published. Once an hour (or every 200,000 samples) the tail is packed into one block
a series. Runs on the log's connection and thread; opens no transaction of its own except in `seal`.
"""

from __future__ import annotations

import math
import sqlite3
import zlib
from array import array
from collections.abc import Iterable

import numpy as np

from backends.domain.flags import longest, runs
from backends.domain.quality import Quality
from backends.domain.sensor import Flagged, Sample
from backends.hub.ports import Times, Values

_QUALITIES = tuple(Quality)
_CODE = {quality.value: code for code, quality in enumerate(_QUALITIES)}
_GOOD = _CODE[Quality.GOOD]
_ROW = np.dtype([("s", "<u4"), ("t", "<i8"), ("v", "<f8"), ("q", "u1")])
_POINT = np.dtype([("t", "<i8"), ("v", "<f8"), ("q", "u1")])
TAIL_LIMIT = 200_000
Points = np.ndarray[tuple[int], np.dtype[np.void]]
NAN = float("nan")


class _Tail:
    """One series' samples that are not in a block yet."""

    __slots__ = ("q", "t", "v")

    def __init__(self) -> None:
        self.t = array("q")
        self.v = array("d")
        self.q = array("B")


class SampleStore:
    """Append, pack, read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._number: dict[str, int] = {name: n for n, name in db.execute("SELECT n, name FROM series")}
        self._tails: dict[int, _Tail] = {}
        self._fresh: list[tuple[int, int, float, int]] = []
        self._unborn: list[str] = []
        """Series whose number stands in a transaction that is still open."""
        self._last: dict[int, tuple[int, float, int]] = {}
        self.held = 0
        """Samples in memory, not packed."""
        for n, data in db.execute(
            "SELECT series, data FROM block WHERE rowid IN (SELECT max(rowid) FROM block GROUP BY series)"
        ):
            points = np.frombuffer(zlib.decompress(data), _POINT)
            newest = points[int(points["t"].argmax())]
            self._last[n] = (int(newest["t"]), float(newest["v"]), int(newest["q"]))
        for (data,) in db.execute("SELECT data FROM tail ORDER BY n"):
            for n, t, v, q in np.frombuffer(data, _ROW).tolist():
                self._hold(n, t, v, q)

    def append(self, samples: Iterable[Sample]) -> None:
        """Inside the round's transaction: one tail row, and memory. Call `take` after the commit."""
        self._fresh = self._rows(samples)
        self._db.execute("INSERT INTO tail(data) VALUES (?)", (np.array(self._fresh, _ROW).tobytes(),))

    def take(self) -> None:
        """The round is committed: its samples may be read."""
        for row in self._fresh:
            self._hold(*row)
        self._fresh = []
        self._unborn.clear()

    def drop(self) -> None:
        """The round was rolled back: it never happened here either."""
        self._fresh = []
        for name in self._unborn:
            del self._number[name]
        self._unborn.clear()

    def load(self, samples: Iterable[Sample]) -> tuple[int, int]:
        """Into memory alone: the past, which `seal` writes in one go. Inside a transaction.

        Returns (how many, newest time).
        """
        before = self.held
        tails, number, code = self._tails, self._number, _CODE
        for sample in samples:
            n = number.get(sample.series)
            if n is None:
                n = self._new_series(sample.series)
            tail = tails.get(n)
            if tail is None:
                tail = tails[n] = _Tail()
            tail.t.append(sample.t_ns)
            tail.v.append(NAN if sample.value is None else sample.value)
            tail.q.append(code.get(sample.quality, 0))
            self.held += 1
        newest = max((tail.t[-1] for tail in tails.values()), default=0)
        return self.held - before, newest

    def seal(self) -> None:
        """Pack what is in memory, one block a series, and empty the tail; one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for n, tail in self._tails.items():
                if tail.t:
                    points = self._points(tail)
                    self._db.execute(
                        "INSERT INTO block(series, t0, t1, data) VALUES (?, ?, ?, ?)",
                        (n, int(points["t"].min()), int(points["t"].max()), zlib.compress(points.tobytes(), 1)),
                    )
            self._db.execute("DELETE FROM tail")
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        for n, tail in self._tails.items():
            if tail.t:
                self._last[n] = (tail.t[-1], tail.v[-1], tail.q[-1])
        self._tails.clear()
        self.held = 0

    def last(self, series: str) -> Sample | None:
        """The newest sample, as far as it was committed."""
        n = self._number.get(series)
        tail = self._tails.get(n) if n is not None else None
        if n is None or (tail is None and n not in self._last):
            return None
        t, v, q = (tail.t[-1], tail.v[-1], tail.q[-1]) if tail is not None and tail.t else self._last[n]
        return Sample(series, t, None if math.isnan(v) else v, _QUALITIES[q].value)

    def read(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        """Rising in time, one value per time (the later written wins); NaN where there is no good value."""
        points = self._read(series, t0_ns, t1_ns)
        if points is None:
            return None
        v = points["v"].astype(np.float64)
        v[points["q"] != _GOOD] = NAN
        return points["t"].astype(np.int64), v

    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]:
        """Runs of samples that are not good."""
        points = self._read(series, t0_ns, t1_ns)
        if points is None:
            return ()
        bad = np.flatnonzero(points["q"] != _GOOD)
        found = zip(bad.tolist(), points["t"][bad].tolist(), points["v"][bad].tolist(), points["q"][bad].tolist(),
                    strict=True)  # fmt: skip
        return longest(runs((n, t, None if math.isnan(v) else v, _QUALITIES[q].value) for n, t, v, q in found))

    def _read(self, series: str, t0_ns: int, t1_ns: int) -> Points | None:
        n = self._number.get(series)
        if n is None:
            return None
        parts = [
            np.frombuffer(zlib.decompress(data), _POINT)
            for (data,) in self._db.execute(
                "SELECT data FROM block WHERE series=? AND t1>=? AND t0<=? ORDER BY t0, rowid", (n, t0_ns, t1_ns)
            )
        ]
        if (tail := self._tails.get(n)) is not None and tail.t:
            parts.append(self._points(tail))
        points = np.concatenate(parts) if parts else np.empty(0, _POINT)
        points = points[(points["t"] >= t0_ns) & (points["t"] <= t1_ns)]
        points = points[np.argsort(points["t"], kind="stable")]
        t = points["t"]
        return points[np.append(t[1:] != t[:-1], True)] if len(t) else points

    def prune(self, before_ns: int, limit: int = 500) -> None:
        """Forget blocks that ended before `before_ns`, a slice at a time; inside the caller's transaction."""
        self._db.execute(
            "DELETE FROM block WHERE rowid IN (SELECT rowid FROM block WHERE t1 < ? LIMIT ?)", (before_ns, limit)
        )

    def _rows(self, samples: Iterable[Sample]) -> list[tuple[int, int, float, int]]:
        rows = []
        for sample in samples:
            n = self._number.get(sample.series)
            if n is None:
                n = self._new_series(sample.series)
            rows.append((n, sample.t_ns, NAN if sample.value is None else sample.value, _CODE.get(sample.quality, 0)))
        return rows

    def _new_series(self, name: str) -> int:
        n = len(self._number) + 1
        self._db.execute("INSERT INTO series(n, name) VALUES (?, ?)", (n, name))
        self._number[name] = n
        self._unborn.append(name)
        return n

    def _hold(self, n: int, t: int, v: float, q: int) -> None:
        tail = self._tails.get(n)
        if tail is None:
            tail = self._tails[n] = _Tail()
        tail.t.append(t)
        tail.v.append(v)
        tail.q.append(q)
        self.held += 1

    @staticmethod
    def _points(tail: _Tail) -> Points:
        points = np.empty(len(tail.t), _POINT)
        points["t"] = np.frombuffer(tail.t, np.int64)
        points["v"] = np.frombuffer(tail.v, np.float64)
        points["q"] = np.frombuffer(tail.q, np.uint8)
        return points
