"""Samples: one database a day, its own writer thread, synchronous=NORMAL; retention deletes files, the oldest
first, each when the roll-ups have its content (rollup.py).

Samples are shed first: when the disk is nearly full or fails they are dropped and counted, and a gap
shows in the plot; alarms and actions are not touched by it. The position of the `samples` feed is
kept in the same file as its rows.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from backends.domain.sensor import Sample
from backends.domain.times import NS_PER_S
from backends.store.ballast import Ballast
from backends.store.damage import move_aside
from backends.store.errors import classify
from backends.store.rollup import RollWriter
from backends.store.schema import open_writer

_log = logging.getLogger(__name__)

DAY_NS = 86_400 * NS_PER_S
GROUP_S = 0.5
"""Samples may lose the last second at a crash (anchors, 1.2), so they are grouped longer."""
QUEUE_LIMIT = 200_000
FLOOR_BYTES = 256 << 20
"""Below this much free space samples are no longer written."""
OPEN_DAYS = 3
RETIRE_EVERY_S = 600.0
UNROLLED_DAYS = 7
"""So many days beyond their time a day's samples wait for the roll-ups."""
FIRST_NS, LAST_NS = 946_684_800 * NS_PER_S, 4_102_444_800 * NS_PER_S
"""2000 to 2099: a sample outside has a broken clock and would only make a file of its own."""
SAMPLES_VERSION = 1


def day_file(data_dir: Path, t_ns: int) -> Path:
    """The file of the UTC day in which `t_ns` lies."""
    return data_dir / time.strftime("samples-%Y%m%d.db", time.gmtime(t_ns // NS_PER_S))


def day_files(data_dir: Path) -> list[Path]:
    """All of them, oldest day first."""
    return sorted(data_dir.glob("samples-????????.db"))


class SamplesWriter:
    """`put` may be called by any thread and never blocks."""

    def __init__(
        self,
        data_dir: Path,
        keep_days: int,
        on_trouble: Callable[[str, str], None],
        floor_bytes: int = FLOOR_BYTES,
        rolls: RollWriter | None = None,
        ballast: Ballast | None = None,
    ) -> None:
        """`ballast`: while it is given up for alarms and actions, no sample is written."""
        self._dir = data_dir
        self._keep_days = keep_days
        self._on_trouble = on_trouble
        self._floor = floor_bytes
        self._rolls = rolls
        self._ballast = ballast
        self._retire_at_s = 0.0
        self._wake = threading.Condition()
        self._queue: list[Sample] = []
        self._position: tuple[str, int] | None = None
        self._stopping = False
        self._trouble = ""
        self._space_at_s = 0.0
        self._open: OrderedDict[Path, _Day] = OrderedDict()
        self.dropped = 0
        """Samples that were not kept."""
        self.written = 0
        self._thread = threading.Thread(target=self._run, name="samples-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(10.0)

    def put(self, samples: Iterable[Sample], position: tuple[str, int] | None = None) -> None:
        """`position` = (epoch, seq) of the feed; None for samples that came by HISTORY."""
        with self._wake:
            self._queue.extend(samples)
            self._position = position or self._position
            if len(self._queue) > QUEUE_LIMIT:
                self.dropped += len(self._queue) - QUEUE_LIMIT
                del self._queue[:-QUEUE_LIMIT]

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until what was put before is written (tests, export)."""
        end_s = time.monotonic() + timeout_s
        with self._wake:
            self._wake.notify()
            return self._wake.wait_for(lambda: not self._queue and not self._busy, end_s - time.monotonic())

    _busy = False

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._stopping:
                    self._wake.wait(GROUP_S)
                taken, self._queue = self._queue, []
                position, self._busy = self._position, bool(taken)
                stopping = self._stopping
            if taken:
                self._take(taken, position)
            if time.monotonic() >= self._retire_at_s:
                self._retire()
            with self._wake:
                self._busy = False
                self._wake.notify_all()
            if stopping:
                break
        for day in self._open.values():
            day.close()

    def _take(self, samples: list[Sample], position: tuple[str, int] | None) -> None:
        if not self._space():
            self.dropped += len(samples)
            return
        by_file: dict[Path, list[Sample]] = {}
        for sample in samples:
            if not FIRST_NS <= sample.t_ns < LAST_NS:
                self.dropped += 1
                continue
            by_file.setdefault(day_file(self._dir, sample.t_ns), []).append(sample)
        for path, batch in by_file.items():
            if self._retired(path):
                self.dropped += len(batch)  # an answer about a day that has gone: its roll-up must stay whole
                continue
            try:
                self._day(path).write(batch, position)
                self.written += len(batch)
            except (sqlite3.Error, OSError, OverflowError) as error:
                self.dropped += len(batch)
                self._failed(path, error)
                return
        self._tell("", "")

    def _space(self) -> bool:
        now_s = time.monotonic()
        shed = self._ballast is not None and self._ballast.given_up
        if now_s < self._space_at_s:
            return not self._trouble and not shed
        self._space_at_s = now_s + 5.0
        if self._ballast is not None and shed:
            self._ballast.restore()
            if self._ballast.given_up:
                self._tell("disk_full", "the disk was full: samples are no longer kept, alarms still are")
                return False
        free = shutil.disk_usage(self._dir).free
        if free < self._floor:
            self._tell("disk_full", f"only {free >> 20} MB are free: samples are no longer kept, alarms still are")
            return False
        if self._trouble:
            self._tell("", "")
        return True

    def _failed(self, path: Path, error: Exception) -> None:
        day = self._open.pop(path, None)
        if day is not None:
            day.close()
        code = classify(error)
        if code == "damaged":
            try:
                folder = move_aside(path)
            except OSError as second:
                code, error = classify(second), second
            else:
                _log.warning("%s is damaged (%s) and kept in %s", path.name, error, folder.name)
                return
        self._space_at_s = time.monotonic() + 5.0
        self._tell(code, f"{path.name}: samples are not kept ({error})")

    def _tell(self, code: str, text: str) -> None:
        if code != self._trouble:
            self._trouble = code
            self._on_trouble(code, text)

    def _day(self, path: Path) -> _Day:
        day = self._open.get(path)
        began = day is None and not path.exists()
        if day is None:
            day = self._open[path] = _Day(path)
        self._open.move_to_end(path)
        while len(self._open) > OPEN_DAYS:
            self._open.popitem(last=False)[1].close()
        if began:
            self._retire()  # now that the oldest one is closed: what is open stays
        return day

    def _retired(self, path: Path) -> bool:
        if path in self._open or path.exists():
            return False
        kept = day_files(self._dir)
        return len(kept) > self._keep_days and path.name < kept[0].name

    def _retire(self) -> None:
        """Delete the oldest days beyond `keep_days` and today. By number, not by date: one sample of a broken clock
        must not make all others old. A day that is not in the roll-ups waits for them, UNROLLED_DAYS at most.
        """
        self._retire_at_s = time.monotonic() + RETIRE_EVERY_S
        kept = day_files(self._dir)
        if self._rolls is not None:
            self._rolls.ask(path for path in kept[:-1] if not self._rolls.covers(path))
        surplus = len(kept) - self._keep_days - 1
        for n, path in enumerate(kept[: max(0, surplus)]):
            if path in self._open:
                continue
            if self._rolls is not None and not self._rolls.covers(path):
                if surplus - n <= UNROLLED_DAYS:
                    self._retire_at_s = time.monotonic() + GROUP_S
                    continue
                _log.warning("%s is deleted although it is not in the roll-ups", path.name)
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


class _Day:
    """One day's file. Used by the writer's thread."""

    def __init__(self, path: Path) -> None:
        self._db = open_writer(path, full=False)
        self._db.executescript(
            f"""
            CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
            CREATE TABLE IF NOT EXISTS sample (series INTEGER NOT NULL, t_ns INTEGER NOT NULL, value REAL,
                quality TEXT NOT NULL, PRIMARY KEY (series, t_ns)) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS cursor (feed TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;
            PRAGMA user_version = {SAMPLES_VERSION};
            """
        )
        self._ids: dict[str, int] = {name: n for n, name in self._db.execute("SELECT id, name FROM series")}
        self._checkpoint_at_s = 0.0

    def write(self, samples: list[Sample], position: tuple[str, int] | None) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for name in {s.series for s in samples} - self._ids.keys():
                self._ids[name] = self._db.execute("INSERT INTO series (name) VALUES (?)", (name,)).lastrowid or 0
            ids = self._ids
            self._db.executemany(
                "INSERT OR IGNORE INTO sample VALUES (?,?,?,?)",
                [(ids[s.series], s.t_ns, s.value, s.quality) for s in samples],
            )
            if position is not None:
                self._db.execute("INSERT OR REPLACE INTO cursor VALUES ('samples', ?, ?)", position)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            # Ids given inside the failed transaction are gone.
            self._ids = {name: n for n, name in self._db.execute("SELECT id, name FROM series")}
            raise
        if time.monotonic() >= self._checkpoint_at_s:
            self._checkpoint_at_s = time.monotonic() + 2.0
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        self._db.close()
