"""roll.db: least, greatest, sum and number of each minute and hour of each series; its own single writer thread.

Made from a whole day's file when the day is over, and again when late samples came to it: recounting a day gives
the same rows, so nothing is ever counted twice. A day's samples are deleted only when they stand here (`covers`);
a plot of weeks reads from here what a screen could not show finer anyway, and what has no samples any more.
"""

from __future__ import annotations

import calendar
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from backends.store.damage import move_aside
from backends.store.errors import classify
from backends.store.keeping import Keep
from backends.store.schema import open_writer

_log = logging.getLogger(__name__)

ROLL_FILE = "roll.db"
ROLL_VERSION = 1
LOOK_EVERY_S = 600.0
CHUNK_SERIES = 50
MINUTE_S, HOUR_S = 60, 3600

_TABLE = """
CREATE TABLE IF NOT EXISTS {name} (series INTEGER NOT NULL, t_s INTEGER NOT NULL, least REAL, greatest REAL, sum REAL,
    n INTEGER NOT NULL, bad INTEGER NOT NULL, PRIMARY KEY (series, t_s)) STRICT, WITHOUT ROWID;
"""
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
{_TABLE.format(name="minute")}{_TABLE.format(name="hour")}
CREATE TABLE IF NOT EXISTS rolled (day TEXT PRIMARY KEY, signature TEXT NOT NULL, minutes INTEGER NOT NULL) STRICT;
PRAGMA user_version = {ROLL_VERSION};
"""
_ROLL = """
INSERT OR REPLACE INTO {table}
SELECT own.id, s.t_ns / {step_s}000000000 * {step_s} AS t,
       min(v), max(v), sum(v), count(v), count(*) - count(v)
FROM (SELECT series, t_ns, CASE WHEN quality = 'good' THEN value END AS v
      FROM day.sample WHERE series BETWEEN ? AND ?) AS s
JOIN day.series AS theirs ON theirs.id = s.series JOIN main.series AS own ON own.name = theirs.name
GROUP BY s.series, t
"""


def signature(path: Path) -> str:
    """Changes when a day's file does. Of a file that is not there: empty."""
    parts = []
    for companion in (path, path.with_name(path.name + "-wal")):
        try:
            found = companion.stat()
        except OSError:
            continue
        if found.st_size:
            parts.append(f"{found.st_size}:{found.st_mtime_ns}")
    return " ".join(parts)


class RollWriter:
    """`ask`, `covers` may be called by any thread."""

    def __init__(self, data_dir: Path, keep: Keep) -> None:
        self._dir = data_dir
        self._keep = keep
        self._wake = threading.Condition()
        self._asked: set[Path] = set()
        self._done: dict[str, str] = {}
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="roll-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def ask(self, days: Iterable[Path]) -> None:
        """These days are over."""
        with self._wake:
            self._asked.update(days)
            self._wake.notify_all()

    def covers(self, day: Path) -> bool:
        """Everything in this day's file stands in roll.db."""
        return self._done.get(day.name) == signature(day) != ""

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until what was asked for is done (tests)."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._asked and not self._busy, timeout_s)

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if (self._dir / ROLL_FILE).exists():
                self._open().close()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        while True:
            with self._wake:
                if not self._asked and not self._stopping:
                    self._wake.wait(LOOK_EVERY_S)
                if self._stopping:
                    return
                # The newest day is still being written.
                days = sorted(self._asked or set(sorted(self._dir.glob("samples-????????.db"))[:-1]))
                self._asked = set()
                self._busy = True
            try:
                self._roll_all([day for day in days if not self.covers(day)])
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
            with self._wake:
                self._busy = False
                self._wake.notify_all()

    def _roll_all(self, days: list[Path]) -> None:
        if not days:
            return
        db = self._open()
        try:
            for day in days:
                if self._stopping or not day.exists():
                    continue
                try:
                    self._roll(db, day)
                except sqlite3.Error as error:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    _log.warning("%s is not in the roll-ups: %s", day.name, error)
            self._retire(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            db.close()

    def _open(self) -> sqlite3.Connection:
        db = open_writer(self._dir / ROLL_FILE, full=False)
        try:
            db.executescript(_SCHEMA)
            self._done = dict(db.execute("SELECT day, signature FROM rolled").fetchall())
        except BaseException:
            db.close()
            raise
        return db

    def _roll(self, db: sqlite3.Connection, day: Path) -> None:
        before = signature(day)  # what comes while we read makes another one
        db.execute("ATTACH ? AS day", (f"{day.absolute().as_uri()}?mode=ro",))
        try:
            last = db.execute("SELECT coalesce(max(id), 0) FROM day.series").fetchone()[0]
            db.execute("INSERT OR IGNORE INTO main.series (name) SELECT name FROM day.series")
            for first in range(1, last + 1, CHUNK_SERIES):
                if self._stopping:
                    return
                db.execute("BEGIN IMMEDIATE")
                for table, step_s in (("minute", MINUTE_S), ("hour", HOUR_S)):
                    db.execute(_ROLL.format(table=table, step_s=step_s), (first, first + CHUNK_SERIES - 1))
                db.execute("COMMIT")
            db.execute("INSERT OR REPLACE INTO rolled VALUES (?,?,1)", (day.name, before))
            self._done = {**self._done, day.name: before}
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")
            db.execute("DETACH day")

    def _retire(self, db: sqlite3.Connection) -> None:
        """By number of days, not by date: one sample of a broken clock must not make all others old."""
        days = [row[0] for row in db.execute("SELECT day FROM rolled ORDER BY day DESC").fetchall()]
        for day in days[self._keep.hour_days :]:
            self._forget(db, "hour", day)
            self._forget(db, "minute", day)
            db.execute("DELETE FROM rolled WHERE day = ?", (day,))
        for (day,) in db.execute(
            "SELECT day FROM (SELECT day, minutes FROM rolled ORDER BY day DESC LIMIT -1 OFFSET ?) WHERE minutes",
            (self._keep.minute_days,),
        ).fetchall():
            self._forget(db, "minute", day)
            db.execute("UPDATE rolled SET minutes = 0 WHERE day = ?", (day,))

    def _forget(self, db: sqlite3.Connection, table: str, day: str) -> None:
        start_s = day_start_s(day)
        last = db.execute("SELECT coalesce(max(id), 0) FROM series").fetchone()[0]
        for first in range(1, last + 1, CHUNK_SERIES):
            ids = range(first, min(first + CHUNK_SERIES, last + 1))
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                f"DELETE FROM {table} WHERE series = ? AND t_s >= ? AND t_s < ?",
                [(n, start_s, start_s + 86_400) for n in ids],
            )
            db.execute("COMMIT")

    def _failed(self, error: Exception) -> None:
        if classify(error) != "damaged":
            _log.warning("roll-ups are made later: %s", error)
            return
        self._done = {}
        try:
            folder = move_aside(self._dir / ROLL_FILE)
        except OSError as second:
            _log.warning("roll.db is damaged (%s) and cannot be moved: %s", error, second)
            return
        _log.warning(
            "roll.db is damaged (%s) and kept in %s; days that still have samples are counted anew",
            error, folder.name,
        )  # fmt: skip
        self.ask(sorted(self._dir.glob("samples-????????.db"))[:-1])


def day_start_s(name: str) -> int:
    """Start of the UTC day of a day file's name."""
    return calendar.timegm(time.strptime(name, "samples-%Y%m%d.db"))
