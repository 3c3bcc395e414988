"""How long what is kept, and the slices in which the rest leaves ops.db.

Age is counted in days on which the console ran: once a day of the machine's clock a mark notes how far each table
has come, and what lies before the mark of so many days ago goes. A clock that jumps by a year therefore makes one
mark too many and deletes nothing early, and a simulated city of another year is no older than it is.

A slice is at most SLICE_ROWS rows and about SLICE_S, and runs only when nothing waits to be written. Items are the
hub's state and never deleted here; nothing of a target that an open action aims at is. The newest row of a table
stays always: SQLite would give its number again, and the marks would mean other rows.
"""

from __future__ import annotations

import sqlite3
import time

import msgspec

from backends.domain.action import Stage
from backends.store import audit
from backends.store.audit import Hole, Link

SLICE_ROWS = 5000
SLICE_S = 0.02
FIRST_ROWS = 500
MARK_EVERY_NS = 86_400 * 1_000_000_000
REST_S = 300.0
"""Between two looks when nothing was left to delete."""
PAUSE_S = 0.05
"""Between two slices."""

_FINAL = ",".join(f"'{stage.value}'" for stage in Stage if stage.final)


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """Days (on which the console ran) that things are kept, and how often ops.db is copied."""

    log_days: int = 30
    """Every single change of alarms, incidents and reports, and the timeline."""
    quarantine_days: int = 30
    actions_days: int = 90
    """Finished actions; the hub dedupes for 30 days, so never less than that."""
    audit_days: int = 366
    minute_days: int = 90
    """Least, greatest, sum and number of each minute of each series."""
    hour_days: int = 1100
    """The same of each hour."""
    backup_every_s: float = 3600.0
    ballast_bytes: int = 0
    """Space held for the moment when the disk is full."""


class Retention:
    """Used by the thread that writes ops.db, between its groups."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._at_s = 0.0
        self._rows = FIRST_ROWS
        self.deleted = 0
        self.longest_s = 0.0

    def due(self) -> bool:
        return time.monotonic() >= self._at_s

    def slice(self, db: sqlite3.Connection) -> None:
        """One transaction. Raises sqlite3.Error."""
        began_s = time.monotonic()
        self._at_s = began_s + REST_S  # also when it fails
        db.execute("BEGIN IMMEDIATE")
        try:
            _mark(db, time.time_ns())
            gone = self._delete(db, self._rows)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        took_s = time.monotonic() - began_s
        self.deleted += gone
        if gone:
            self.longest_s = max(self.longest_s, took_s)
        if gone >= self._rows:
            self._at_s = time.monotonic() + PAUSE_S
        if took_s > SLICE_S:
            self._rows = max(50, self._rows // 2)
        elif gone >= self._rows and took_s < SLICE_S / 3:
            self._rows = min(SLICE_ROWS, self._rows * 3 // 2)

    def _delete(self, db: sqlite3.Connection, limit: int) -> int:
        """Rows that went; the first table that has some takes the whole slice."""
        keep = self._keep
        n = _delete_log(db, _mark_of(db, "log_row", keep.log_days), limit)
        n = n or _delete_quarantine(db, _mark_of(db, "quarantine_n", keep.quarantine_days), limit)
        n = n or _delete_actions(db, _mark_of(db, "outbox_row", max(30, keep.actions_days)), limit)
        n = n or _delete_audit(db, _mark_of(db, "audit_n", keep.audit_days), limit, keep.audit_days)
        if n:
            return n
        oldest = max(keep.log_days, keep.quarantine_days, keep.actions_days, keep.audit_days, 30) + 2
        db.execute("DELETE FROM retention_mark WHERE day <= (SELECT max(day) FROM retention_mark) - ?", (oldest,))
        return 0


def _mark(db: sqlite3.Connection, now_ns: int) -> None:
    """Once a day. Where the clock went back, the day is counted from there on."""
    row = db.execute("SELECT day, t_ns FROM retention_mark ORDER BY day DESC LIMIT 1").fetchone()
    if row is not None and now_ns < row[1]:
        db.execute("UPDATE retention_mark SET t_ns = ? WHERE day = ?", (now_ns, row[0]))
    if row is not None and now_ns - row[1] < MARK_EVERY_NS:
        return
    db.execute(
        "INSERT INTO retention_mark (day, t_ns, log_row, quarantine_n, outbox_row, audit_n) SELECT ?, ?,"
        " (SELECT coalesce(max(rowid), 0) FROM log), (SELECT coalesce(max(n), 0) FROM quarantine),"
        " (SELECT coalesce(max(rowid), 0) FROM outbox), ?",
        (1 if row is None else row[0] + 1, now_ns, audit.tip(db).n),
    )


def _mark_of(db: sqlite3.Connection, column: str, days: int) -> int:
    """How far the table had come so many days ago; 0 when the console has not run for so long."""
    row = db.execute(
        f"SELECT {column} FROM retention_mark WHERE day <= (SELECT max(day) FROM retention_mark) - ?"
        " ORDER BY day DESC LIMIT 1",
        (max(1, days),),
    ).fetchone()
    return 0 if row is None else int(row[0])


def _delete_quarantine(db: sqlite3.Connection, upto: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM quarantine WHERE n IN (SELECT n FROM quarantine WHERE n <= ?"
        " AND n < (SELECT max(n) FROM quarantine) ORDER BY n LIMIT ?)",
        (upto, limit),
    ).rowcount


def _delete_log(db: sqlite3.Connection, upto: int, limit: int) -> int:
    return db.execute(
        "DELETE FROM log WHERE rowid IN (SELECT rowid FROM log WHERE rowid <= ?"
        " AND rowid < (SELECT max(rowid) FROM log) AND NOT EXISTS (SELECT 1 FROM outbox"
        f" WHERE outbox.feed = log.feed AND outbox.target = log.id AND outbox.stage NOT IN ({_FINAL}))"
        " ORDER BY rowid LIMIT ?)",
        (upto, limit),
    ).rowcount


def _delete_actions(db: sqlite3.Connection, upto: int, limit: int) -> int:
    return db.execute(
        f"DELETE FROM outbox WHERE rowid IN (SELECT rowid FROM outbox WHERE rowid <= ? AND stage IN ({_FINAL})"
        " AND rowid < (SELECT max(rowid) FROM outbox) AND cseq < (SELECT max(cseq) FROM outbox)"
        " ORDER BY rowid LIMIT ?)",
        (upto, limit),
    ).rowcount


def _delete_audit(db: sqlite3.Connection, upto: int, limit: int, days: int) -> int:
    """The oldest rows go, and a row of the chain says which: what is left can still be checked."""
    begin = audit.base(db)
    last = min(upto, begin.n + limit)
    row = db.execute("SELECT n, hash FROM audit WHERE n <= ? ORDER BY n DESC LIMIT 1", (last,)).fetchone()
    if row is None or row[0] <= begin.n:
        return 0
    end = Link(*row)
    audit.append(
        db, t_ns=time.time_ns(), what=audit.RETENTION, target="audit", result=f"{days} days",
        detail=audit.hole_words(Hole(begin, end), f"rows {begin.n + 1} to {end.n} were older than {days} days"),
    )  # fmt: skip
    audit.set_base(db, end)
    return db.execute("DELETE FROM audit WHERE n <= ?", (end.n,)).rowcount
