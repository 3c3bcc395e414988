"""The audit chain once more, as text files beside the database, and its anchors.

`audit/audit-YYYYMMDD.jnl`: the rows of a day, one a line, CRC-32 in hex, a space, JSON; kept for KEPT_DAYS, longer
than the oldest backup. `audit/anchors.txt`: "n hash t_ns" a line, the newest row of each minute in which there was
one. When ops.db is lost, or comes back older than it was, the rows that it misses are put back from here, and the
chain goes on; what is missing here too is said by a row of the chain (`reconcile`).

Rows come here after their commit, unsynced: they outlive a kill and a damaged database; a power cut, which may take
them, leaves the database. Used by the thread that writes ops.db only.
"""

from __future__ import annotations

import logging
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from backends.domain.action import Stage
from backends.store import audit
from backends.store.audit import Hole, Link, Row

_log = logging.getLogger(__name__)

KEPT_DAYS = 10
ANCHOR_EVERY_S = 60.0
NAMED = 20
"""Rows that are named where they were put back."""
AUDIT_FOLDER = "audit"
ANCHORS_FILE = "anchors.txt"

OnAnchor = Callable[[int, str], None]
"""(number, hash in hexadecimal) of the chain's newest row. Called by the writer's thread."""

_DECODE = msgspec.json.Decoder(tuple[int, int, str, str, str, str, str, str, str, str, str])
_FINAL = frozenset(stage.value for stage in Stage if stage.final)


class Foreign(sqlite3.DatabaseError):
    """The database holds another chain than the one that was written here: a file or a -wal of somewhere else."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class Mended(msgspec.Struct, frozen=True):
    """What it took to make a chain whole, in words; empty = nothing."""

    amended: str
    """Rows that had changed where they lay."""
    put_back: str
    """Rows that were missing at the end."""


class Trail:
    """`follow` after each commit, `anchor_if_due` now and then. Its own troubles are logged and made good later."""

    def __init__(self, folder: Path, on_anchor: OnAnchor = lambda n, row_hash: None) -> None:
        self._folder = folder
        self._on_anchor = on_anchor
        self._last: Link | None = None
        self._anchored = 0
        self._anchor_at_s = 0.0
        self._ailing = False

    # -- writing -------------------------------------------------------------------------------------

    def follow(self, db: sqlite3.Connection) -> None:
        """Committed rows that are not here yet."""
        after = self._last or Link()
        fresh = list(audit.rows(db, after.n))
        if not fresh:
            return
        try:
            self._write(fresh)
        except OSError as error:
            if not self._ailing:
                _log.warning("the second copy of the audit cannot be written, it is tried again: %s", error)
            self._ailing = True
            return
        self._ailing = False
        self._last = fresh[-1].link

    def anchor_if_due(self, db: sqlite3.Connection, *, now: bool = False) -> None:
        """Note the chain's end, here and by the callback: once a minute, and at once when a session ends."""
        now_s = time.monotonic()
        if not now and now_s < self._anchor_at_s:
            return
        self._anchor_at_s = now_s + ANCHOR_EVERY_S
        end = audit.tip(db)
        if end.n == self._anchored:
            return
        self._anchored = end.n
        try:
            self._folder.mkdir(exist_ok=True)
            with (self._folder / ANCHORS_FILE).open("ab", buffering=0) as file:
                file.write(b"\n%d %s %d" % (end.n, end.hash.hex().encode(), time.time_ns()))
        except OSError as error:
            _log.warning("the audit's anchor is not kept here: %s", error)
        self._on_anchor(end.n, end.hash.hex())

    def _write(self, rows: list[Row]) -> None:
        self._folder.mkdir(exist_ok=True)
        out = bytearray()
        for row in rows:
            fields = msgspec.structs.astuple(row)
            data = msgspec.json.encode((*fields[:9], row.prev_hash.hex(), row.hash.hex()))
            out += b"\n%08x %s" % (zlib.crc32(data), data)
        path = self._folder / time.strftime("audit-%Y%m%d.jnl", time.gmtime())
        if not path.exists():
            self._tidy()
        with path.open("ab", buffering=0) as file:
            if file.write(out) != len(out):
                raise OSError(28, f"{path.name} could not be written in full")

    def _tidy(self) -> None:
        """By number, not by date: a clock that jumps must not empty the folder."""
        for old in sorted(self._folder.glob("audit-????????.jnl"))[:-KEPT_DAYS]:
            old.unlink(missing_ok=True)

    # -- reading -------------------------------------------------------------------------------------

    def load(self) -> list[Row]:
        """Every readable row, in order of n; of a number that stands here twice, the later line."""
        found: dict[int, Row] = {}
        for path in sorted(self._folder.glob("audit-????????.jnl")):
            for row in _lines(path):
                found[row.n] = row
        return [found[n] for n in sorted(found)]

    def anchors(self) -> list[tuple[Link, int]]:
        """(end, t_ns) of each anchor noted here."""
        return [(Link(n, bytes.fromhex(row_hash)), t_ns) for n, row_hash, t_ns in read_anchors(self._folder)]

    def refuse_foreign(self, db: sqlite3.Connection) -> None:
        """Raises Foreign when the newest row that both know is not the same in both."""
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit_base'").fetchone():
            return
        here, oldest = audit.tip(db), audit.base(db).n
        known = [*(row.link for row in self.load()), *(end for end, _ in self.anchors())]
        link = max((link for link in known if oldest < link.n <= here.n), key=lambda link: link.n, default=None)
        if link is None:
            return
        row = db.execute("SELECT hash FROM audit WHERE n = ?", (link.n,)).fetchone()
        if row is None or row[0] != link.hash:
            raise Foreign(f"its audit chain is not the one that this station wrote (row {link.n})")

    def reconcile(self, db: sqlite3.Connection, why: str) -> Mended:
        """Make the chain of `db` whole again, in one transaction, and say what that took.

        `refuse_foreign` comes before. Raises sqlite3.Error or OSError.
        """
        known = self.load()
        self._last = known[-1].link if known else None
        ends = [end for end, _ in self.anchors()]
        self._anchored = ends[-1].n if ends else 0
        newest = max([*(row.link for row in known[-1:]), *ends], key=lambda link: link.n, default=Link())
        here = audit.tip(db)
        altered = _altered(db, known, here)
        amended = put_back = ""
        if altered or newest.n > here.n:
            db.execute("BEGIN IMMEDIATE")
            try:
                if altered:
                    amended = _amend(db, altered)
                if newest.n > here.n:
                    put_back = _put_back(db, [row for row in known if row.n > here.n], here, newest, why)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        self.follow(db)
        return Mended(amended, put_back)


def read_anchors(folder: Path) -> list[tuple[int, str, int]]:
    """(n, hash, t_ns) of the anchors kept on this machine."""
    try:
        return parse_anchors((folder / ANCHORS_FILE).read_bytes())
    except OSError:
        return []


def parse_anchors(raw: bytes) -> list[tuple[int, str, int]]:
    """Torn lines are left out."""
    found = []
    for line in raw.split(b"\n"):
        parts = line.split()
        if len(parts) == 3 and len(parts[1]) == 64:
            try:
                bytes.fromhex(parts[1].decode())
                found.append((int(parts[0]), parts[1].decode(), int(parts[2])))
            except ValueError:
                continue
    return found


def _lines(path: Path) -> Iterator[Row]:
    for raw in path.read_bytes().split(b"\n"):
        try:
            if raw and int(raw[:8], 16) == zlib.crc32(raw[9:]):
                fields = _DECODE.decode(raw[9:])
                row = Row(*fields[:9], bytes.fromhex(fields[9]), bytes.fromhex(fields[10]))
                if row.true_hash() == row.hash:
                    yield row
        except (ValueError, msgspec.DecodeError):
            continue


def _altered(db: sqlite3.Connection, known: list[Row], here: Link) -> list[Row]:
    """Rows that stand otherwise in the database, as they were: bits have changed inside them, or somebody has.

    A row of the second copy counts only where its hash stands in the database too, or is what the next row follows.
    """
    if not known:
        return []
    oldest = audit.base(db).n
    texts, db.text_factory = db.text_factory, lambda raw: raw.decode("utf-8", "replace")
    try:
        there = {row.n: row for row in audit.rows(db, max(oldest, known[0].n - 1))}
    finally:
        db.text_factory = texts
    copies = {row.n: row for row in known}
    found = []
    for row in known:
        if not oldest < row.n <= here.n or there.get(row.n) == row:
            continue
        agree = [rows[row.n + 1].prev_hash for rows in (there, copies) if row.n + 1 in rows]
        if row.n in there:
            agree.append(there[row.n].hash)
        if row.hash in agree:
            found.append(row)
    return found


def _amend(db: sqlite3.Connection, rows: list[Row]) -> str:
    for row in rows:
        db.execute("DELETE FROM audit WHERE n = ?", (row.n,))
        audit.put_row(db, row)
    numbers = ", ".join(str(row.n) for row in rows[:NAMED]) + (", ..." if len(rows) > NAMED else "")
    words = (
        f"{len(rows)} rows of the audit were not what was written, and were put back from its second copy: {numbers}"
    )
    audit.append(db, t_ns=time.time_ns(), what="restore", target="audit", result="altered", detail=words)
    return words


def _put_back(db: sqlite3.Connection, rows: list[Row], here: Link, newest: Link, why: str) -> str:
    holes: list[Hole] = []
    end = here
    for row in rows:
        if row.n != end.n + 1:
            holes.append(Hole(end, Link(row.n - 1, row.prev_hash)))
            if end.n == 0:
                audit.set_base(db, holes[0].last)
        elif row.prev_hash != end.hash:
            raise Foreign(f"its audit chain ends in another row {end.n} than the one that this station wrote")
        audit.put_row(db, row)
        end = row.link
        if row.aid and row.result in _FINAL:
            db.execute("UPDATE outbox SET stage = ? WHERE aid = ?", (row.result, row.aid))
    words = f"{len(rows)} rows of the audit were put back from its second copy"
    if newest.n > end.n:
        # Nobody has these rows any more. The chain goes on after their numbers: an anchor elsewhere knows them.
        words += _say_lost(db, Hole(end, newest), why, after=newest)
        if end.n == 0:
            audit.set_base(db, newest)
    for hole in holes:
        words += _say_lost(db, hole, why)
    audit.append(
        db, t_ns=time.time_ns(), what="restore", target="ops.db",
        result="with_loss" if "lost" in words else "put_back", detail=f"{words}; {why}",
    )  # fmt: skip
    return words


def _say_lost(db: sqlite3.Connection, hole: Hole, why: str, after: Link | None = None) -> str:
    lost = f"rows {hole.after.n + 1} to {hole.last.n} of the audit are lost"
    audit.append(
        db, t_ns=time.time_ns(), what=audit.GAP, target="audit", result="lost",
        detail=audit.hole_words(hole, f"{lost}; {why}"), after=after,
    )  # fmt: skip
    return f"; {lost}"
