"""The one thread that writes ops.db and checkpoints it.

Groups: up to 50 ms or 500 rows are committed together; an alarm or action closes its group at once,
and what has queued up during a commit makes the next group, so that a flood of alarms does not cost
one FULL commit each. `on_commit` runs after COMMIT: what the GUI shows is on disk. When the disk
fails, the same operations are handed on at once with stored=False, kept, and tried again. A damaged
file is moved aside, the newest good backup takes its place, and the audit chain is made whole again.
Between the groups: retention in slices, anchors of the audit.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from backends.domain.feeds import FEEDS
from backends.store.ballast import Ballast
from backends.store.damage import move_aside
from backends.store.errors import StoreRefused, classify
from backends.store.keeping import Keep, Retention
from backends.store.ops import (
    QUARANTINE_KEPT,
    DoesNotJoin,
    Op,
    Positions,
    PutAudit,
    PutQuarantine,
    PutRecords,
    PutSnapshot,
    PutStage,
    merged,
)
from backends.store.recover import begin_again, open_whole
from backends.store.trail import AUDIT_FOLDER, OnAnchor, Trail

_log = logging.getLogger(__name__)

GROUP_S = 0.05
GROUP_ROWS = 500
GROUP_MAX_ROWS = 5000
"""One transaction never holds more than this, so that an alarm never waits long for a commit."""
RETRY_S = 0.5
DAMAGE_SHOWN_S = 60.0
"""How long the words about a damaged file stay on the screen; the alarm stays until somebody acknowledges it."""
RETAIN_ROWS = 50_000
"""Rows kept in memory while the disk fails; beyond, the feeds that can be fetched again are let go."""
CHECKPOINT_S = 1.0
UNFIT = (
    ValueError,
    OverflowError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
)
"""The fault of what is to be written, not of the disk."""
WAL_RESTART_BYTES = 16 << 20


class Listener(Protocol):
    """Hears of everything that happened to the store. Called from the writer's thread."""

    def on_commit(self, ops: Sequence[Op], stored: bool) -> None:
        """`stored` False: not on disk yet; the same operations come again when they are."""
        ...

    def on_hole(self, feed: str) -> None:
        """Rows of this feed were let go; it must be taken anew."""
        ...

    def on_trouble(self, code: str, text: str) -> None:
        """See StoreTrouble; an empty code means healed."""
        ...

    def on_emptied(self) -> None:
        """The file was damaged and has been moved aside: positions are those of a backup, or gone."""
        ...


def _waits(op: Op) -> bool:
    """Whether it comes after alarms and actions."""
    return not (FEEDS[op.feed].precious if op.feed else op.urgent)


class OpsWriter:
    """`put` may be called by any thread and never blocks."""

    def __init__(
        self,
        path: Path,
        mode: str,
        listener: Listener,
        *,
        keep: Keep | None = None,
        ballast: Ballast | None = None,
        on_anchor: OnAnchor = lambda n, row_hash: None,
    ) -> None:
        self._path = path
        self._mode = mode
        self._listener = listener
        self._retention = Retention(keep or Keep())
        self._ballast = ballast
        self._trail = Trail(path.parent / AUDIT_FOLDER, on_anchor)
        self._wake = threading.Condition()
        self._queue: deque[Op] = deque()
        self._rows = 0
        self._urgent = False
        self._first_s = 0.0
        self._stopping = False
        self._retained: list[Op] = []
        self._holes: set[str] = set()
        self._trouble = ""
        self._refused = False
        self._retry_at_s = self._words_until_s = 0.0
        self._checkpoint_at_s = 0.0
        self._busy_since_s: float | None = None
        self._dirty = False
        self._at: Positions = {}
        self._db: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="ops-writer", daemon=True)

    # -- any thread ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or repair the file, in the caller's thread, before `start`. Troubles go to the listener."""
        try:
            self._open()
        except StoreRefused as refusal:
            self._refused = True
            self._set_trouble(refusal.code, str(refusal))
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, checkpoint, close."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(10.0)
        elif self._db is not None:
            self._db.close()

    def stage_of(self, aid: str) -> str | None:
        """The stored stage of an action; None when it is not known. Before `start` only."""
        if self._db is None:
            return None
        row = self._db.execute("SELECT stage FROM outbox WHERE aid = ?", (aid,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, *ops: Op) -> None:
        with self._wake:
            if not self._queue:
                self._first_s = time.monotonic()
            for op in ops:
                self._queue.append(op)
                self._rows += op.rows
                self._urgent |= op.urgent
            if self._urgent or self._rows >= GROUP_ROWS or len(self._queue) == len(ops):
                self._wake.notify()

    @property
    def alive(self) -> bool:
        """False before `start`, and when the thread has died of a bug."""
        return self._thread.is_alive()

    @property
    def waiting_rows(self) -> int:
        """Rows that no commit has taken yet."""
        return self._rows

    @property
    def busy_s(self) -> float:
        """How long the present group has been written: what comes meanwhile waits. Any thread."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    @property
    def trouble(self) -> str:
        """Code of the present trouble, empty when all is well. Any thread."""
        return self._trouble

    @property
    def positions(self) -> Positions:
        """Committed positions; a new mapping at each commit, so any thread may read it."""
        return self._at

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._busy_since_s = None
            group = self._collect()
            self._busy_since_s = time.monotonic()
            if group:
                self._take(group)
            if self._trouble and not self._refused:
                self._mend(time.monotonic())
            self._checkpoint()
            self._upkeep()
            if self._stopping and not self._queue:
                break
        if self._retained and not self._refused:
            self._heal()  # a last try
        self._close()

    def _collect(self) -> list[Op]:
        with self._wake:
            if not self._queue and not self._stopping:
                self._wake.wait(RETRY_S / 2 if self._trouble else CHECKPOINT_S)
            while self._queue and not self._urgent and self._rows < GROUP_ROWS and not self._stopping:
                left_s = self._first_s + GROUP_S - time.monotonic()
                if left_s <= 0:
                    break
                self._wake.wait(left_s)
            if self._urgent and self._rows > GROUP_MAX_ROWS:
                # A flood of other rows must not keep an alarm waiting. Order stays within each feed.
                self._queue = deque(sorted(self._queue, key=_waits))
            group: list[Op] = []
            rows = 0
            while self._queue and (not group or rows + self._queue[0].rows <= GROUP_MAX_ROWS):
                op = self._queue.popleft()
                rows += op.rows
                group.append(op)
            self._rows -= rows
            if not self._queue:
                self._urgent = False
            return group

    def _take(self, group: list[Op]) -> None:
        if self._refused:
            self._listener.on_commit(group, False)
            return
        if self._retained or self._db is None:
            self._retain(group)
            return
        try:
            written = self._write(group)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            self._retain(group, lost=self._trouble == "damaged")
            return
        self._listener.on_commit(written, True)

    def _write(self, group: Sequence[Op]) -> list[Op]:
        """What was written. Operations that do not fit are shown, not written, and their feed asked for anew."""
        astray: list[Op] = []
        group = merged(group)
        try:
            written = self._transaction(group, astray)
        except UNFIT:
            # One of them cannot be written at all (a number beyond 64 bits, say): it alone must go.
            written, astray = [], []
            for op in group:
                try:
                    written += self._transaction([op], astray)
                except UNFIT as reason:
                    _log.warning("cannot be stored, %s: %s", op.feed or type(op).__name__, reason)
                    astray.append(op)
        if astray:
            self._listener.on_commit(astray, False)
            for feed in {op.feed for op in astray if op.feed} - self._holes:
                self._holes.add(feed)
                self._listener.on_hole(feed)
        return written

    def _transaction(self, group: Sequence[Op], astray: list[Op]) -> list[Op]:
        assert self._db is not None
        at = dict(self._at)
        written: list[Op] = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for op in group:
                try:
                    op.write(self._db, at)
                    written.append(op)
                except DoesNotJoin as reason:
                    _log.info("rows let go: %s", reason)
                    astray.append(op)
            self._db.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self._at = at
        self._dirty = True
        self._holes -= {op.feed for op in written}
        if any(isinstance(op, PutStage | PutAudit) for op in written):
            self._follow(any(isinstance(op, PutAudit) and op.ends_session for op in written))
        return written

    def _roll_back(self) -> None:
        """SQLite has often rolled back by itself already (anchors, 3.3). What cannot be rolled back is closed."""
        assert self._db is not None
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            _log.info("opened anew, no rollback: %s", error)
            self._drop_connection()

    def _follow(self, session_ended: bool) -> None:
        """After the commit, so that nothing here may undo it: a disk that fails shows at the next transaction."""
        assert self._db is not None
        try:
            self._trail.follow(self._db)
            if session_ended:
                self._trail.anchor_if_due(self._db, now=True)
        except sqlite3.Error as error:
            _log.info("the audit's second copy follows later: %s", error)

    # -- trouble -------------------------------------------------------------------------------------

    def _failed(self, error: Exception) -> None:
        code = classify(error)
        self._retry_at_s = time.monotonic() + RETRY_S
        if code == "damaged":
            self._replace_damaged(error)
            return
        if code == "disk_full" and self._ballast is not None and self._ballast.give_up():
            self._retry_at_s = 0.0  # there is room now: at once
        words = {
            "disk_full": "the disk is full; what arrives is shown but not kept",
            "io_error": "the disk cannot be written; what arrives is shown but not kept",
        }
        self._set_trouble(code, f"{self._path.name}: {words[code]} ({error})")

    def _replace_damaged(self, error: Exception) -> None:
        self._drop_connection()
        try:
            folder = move_aside(self._path)
            self._at = {}
            fresh = begin_again(self._path, self._mode, self._trail)
        except (sqlite3.Error, OSError) as second:
            code = classify(second)
            text = f"{self._path.name} is damaged and cannot be replaced: {second}"
            self._set_trouble("io_error" if code == "damaged" else code, text)
            return
        self._db, self._at = fresh.db, fresh.at
        self._retry_at_s = 0.0  # what is held back may be written at once
        self._set_trouble(
            "damaged", f"{self._path.name} is damaged ({error}); it is kept in {folder.name}; {fresh.words}"
        )
        self._words_until_s = time.monotonic() + DAMAGE_SHOWN_S
        self._holes = set(FEEDS)
        self._listener.on_emptied()

    def _drop_connection(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _retain(self, group: list[Op], *, lost: bool = False) -> None:
        """Show it, and keep it for later. After damage (`lost`) the feeds come anew; only actions are kept."""
        self._listener.on_commit(group, False)
        kept = PutStage | PutAudit if lost else PutStage | PutAudit | PutRecords | PutSnapshot | PutQuarantine
        self._retained.extend(op for op in group if isinstance(op, kept))
        bad = [op for op in self._retained if isinstance(op, PutQuarantine)]
        if len(bad) > QUARANTINE_KEPT:  # as the table itself: the newest
            gone = set(map(id, bad[:-QUARANTINE_KEPT]))
            self._retained = [op for op in self._retained if id(op) not in gone]
        if sum(op.rows for op in self._retained) <= RETAIN_ROWS:
            return
        for precious in (False, True):
            feeds = {op.feed for op in self._retained if op.feed and FEEDS[op.feed].precious is precious}
            self._retained = [op for op in self._retained if op.feed not in feeds]
            _log.warning("the disk still fails: %s will be fetched again", ", ".join(sorted(feeds)))
            if sum(op.rows for op in self._retained) <= RETAIN_ROWS // 2:
                return

    def _mend(self, now_s: float) -> None:
        if self._retained or self._db is None:
            if now_s >= self._retry_at_s:
                self._heal()
        elif now_s >= max(self._retry_at_s, self._words_until_s):
            self._set_trouble("", "")

    def _heal(self) -> None:
        self._retry_at_s = time.monotonic() + RETRY_S
        try:
            if self._db is None:
                self._open()
            held, self._retained = self._retained, []
            try:
                written = self._write(held)
            except BaseException:
                self._retained = held
                raise
        except StoreRefused as refusal:
            self._refused = True
            self._set_trouble(refusal.code, str(refusal))
            return
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return
        self._listener.on_commit(written, True)
        if self._trouble != "damaged":
            self._set_trouble("", "")

    def _set_trouble(self, code: str, text: str) -> None:
        if code == self._trouble:
            return
        self._trouble = code
        _log.log(logging.WARNING if code else logging.INFO, "store: %s %s", code or "healed", text)
        self._listener.on_trouble(code, text)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        opened = open_whole(self._path, self._mode, self._trail)
        self._db, self._at = opened.db, opened.at
        if opened.words:
            self._set_trouble("damaged", f"{self._path.name} {opened.words}")
            self._words_until_s = time.monotonic() + DAMAGE_SHOWN_S

    # -- housekeeping --------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        """PASSIVE each second; RESTART when the WAL has grown; only this connection ever does it."""
        now_s = time.monotonic()
        if self._db is None or not self._dirty or now_s < self._checkpoint_at_s:
            return
        self._checkpoint_at_s = now_s + CHECKPOINT_S
        self._dirty = False
        try:
            wal = self._path.with_name(self._path.name + "-wal")
            kind = "RESTART" if wal.exists() and wal.stat().st_size > WAL_RESTART_BYTES else "PASSIVE"
            self._db.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _upkeep(self) -> None:
        """What can wait until nothing else does."""
        if self._db is None or self._trouble or self._queue or self._stopping:
            return
        try:
            self._trail.anchor_if_due(self._db)
            if self._retention.due():
                self._retention.slice(self._db)
                self._trail.follow(self._db)
                self._dirty = True
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def _close(self) -> None:
        if self._db is None:
            return
        try:
            self._trail.anchor_if_due(self._db, now=True)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            _log.warning("last checkpoint: %s", error)
        self._db.close()
        self._db = None
