"""Looks for every edit, deletion, swap, insertion and truncation in an audit chain, and names the row.

The chain alone shows what happened inside it. Whoever can write the file can also compute the whole chain anew, or
cut its end off: only ends that were noted elsewhere (anchors: the hub's, or a copy on paper) show that.

Must not: trust anything of the file, or stop at the first finding.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from backends.domain.times import NS_PER_S
from backends.store.audit import GAP, RETENTION, Hole, Link, Row, base, hole_of, rows
from backends.store.reader import reading
from backends.store.schema import OPS_FILE

DAY_NS = 86_400 * NS_PER_S


class Anchor(msgspec.Struct, frozen=True):
    """An end of the chain as somebody else noted it."""

    n: int
    hash: str
    """64 hexadecimal digits."""
    t_ns: int = 0


class Finding(msgspec.Struct, frozen=True):
    """Something that should not be."""

    n: int
    """The row."""
    text: str


class Report(msgspec.Struct, frozen=True):
    """What a check found."""

    rows: int
    first: int
    last: int
    anchors: int
    findings: tuple[Finding, ...]


def verify_file(data_dir: Path, anchors: Sequence[Anchor]) -> Report:
    """The chain of the store in this folder. Raises sqlite3.Error or OSError when it cannot be read at all."""
    with reading(data_dir / OPS_FILE) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_base'").fetchone():
            raise sqlite3.DatabaseError("written before the audit was chained; start the console once, which chains it")
        return verify(base(db), rows(db), anchors)


def read_rows(data_dir: Path) -> Iterator[Row]:
    """All rows, unchecked. Raises sqlite3.Error."""
    with reading(data_dir / OPS_FILE) as db:
        yield from rows(db)


def verify(start: Link, chain: Iterable[Row], anchors: Sequence[Anchor]) -> Report:
    """`chain` in order of n, as it stands in the file."""
    check = _Check(start, anchors)
    for row in chain:
        check.take(row)
    return check.done()


class _Check:
    def __init__(self, start: Link, anchors: Sequence[Anchor]) -> None:
        self._start = start
        self._prev = start
        self._rows = 0
        self._first = 0
        self._anchors = anchors
        self._wanted: dict[int, list[Anchor]] = {}
        for anchor in anchors:
            self._wanted.setdefault(anchor.n, []).append(anchor)
        self._found: list[Finding] = []
        self._holes: list[Hole] = [Hole(Link(), start)] if start.n else []
        self._said: list[tuple[Row, Hole]] = []

    def take(self, row: Row) -> None:
        prev = self._prev
        self._rows += 1
        self._first = self._first or row.n
        self._prev = row.link
        try:
            right = row.true_hash() == row.hash
        except (TypeError, UnicodeEncodeError):
            right = False
        if not right:
            self._find(row.n, f"row {row.n} was changed: its content does not give its hash")
        if row.n <= prev.n:
            self._find(row.n, f"row {row.n} was put in before the chain's beginning at row {prev.n + 1}")
        elif row.n == prev.n + 1:
            if row.prev_hash != prev.hash:
                self._find(
                    row.n,
                    f"row {row.n} does not follow row {prev.n}: one of them was changed, swapped or put in"
                    if prev.n
                    else f"row {row.n} does not follow the chain's beginning",
                )
        else:
            self._holes.append(Hole(prev, Link(row.n - 1, row.prev_hash)))
        for anchor in self._wanted.get(row.n, ()):
            if not isinstance(row.hash, bytes) or anchor.hash != row.hash.hex():
                self._find(row.n, f"row {row.n} is not what it was at its anchor: the chain was written anew")
        hole = hole_of(row)
        if hole is not None:
            self._said.append((row, hole))

    def done(self) -> Report:
        last = self._prev.n
        for hole in self._holes:
            self._judge(hole)
        beyond = max((anchor.n for anchor in self._anchors), default=0)
        if beyond > last:
            self._find(last + 1, f"{_span(last + 1, beyond)} cut off the end: an anchor knows row {beyond}")
        self._found.sort(key=lambda finding: finding.n)
        return Report(self._rows, self._first, last, len(self._anchors), tuple(self._found))

    def _judge(self, hole: Hole) -> None:
        """Rows that are not there: by age and said so (right), by damage and said so (a loss), or taken out."""
        first, end = hole.after.n + 1, hole.last
        for row, said in self._said:
            if row.what == RETENTION and said.last == end and hole.after == Link():
                self._too_young(row, end.n)
                return
        for row, said in self._said:
            if row.what == GAP and said.last == end and (hole.after in (said.after, Link())):
                self._find(first, f"{_span(first, end.n)} lost; row {row.n} says why: {row.detail.partition(';')[2]}")
                return
        self._find(first, f"{_span(first, end.n)} missing, and no row of the chain says why")

    def _too_young(self, row: Row, last: int) -> None:
        days = int(row.result.split()[0]) if row.result[:1].isdigit() else 0
        limit_ns = row.t_ns - days * DAY_NS
        young = [anchor for anchor in self._anchors if anchor.n <= last and anchor.t_ns > limit_ns]
        if young:
            n = young[0].n
            self._find(n, f"row {n} was removed as older than {days} days, but its anchor is younger")

    def _find(self, n: int, text: str) -> None:
        self._found.append(Finding(n, text))


def _span(first: int, last: int) -> str:
    return f"row {first} was" if first == last else f"rows {first} to {last} were"
