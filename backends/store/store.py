"""The console's store as one object: files of one folder, opened, repaired, written and closed together.

One folder belongs to one mode and one writing process (a lock file guards it). The order of a start:
lock, journal read, ops.db opened or replaced (by its newest good backup), unfinished actions of the
journal that the database does not know are put back, writers started. Must not know the link or the
GUI: a Listener hears.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from backends.domain.action import Action, ActionStatus, Stage
from backends.store.backup import BackupKeeper
from backends.store.ballast import BALLAST_FILE, Ballast
from backends.store.errors import classify
from backends.store.journal import JOURNAL_FILE, Journal, compact_journal, read_journal
from backends.store.keeping import Keep
from backends.store.ops import Call, Op, PutAudit, PutStage
from backends.store.reader import StoredState, read_state
from backends.store.rollup import RollWriter
from backends.store.samples import FLOOR_BYTES, SamplesWriter
from backends.store.schema import OPS_FILE, quick_check
from backends.store.trail import OnAnchor
from backends.store.writer import Listener, OpsWriter

_log = logging.getLogger(__name__)

LOCK_FILE = "store.lock"
_FINAL = frozenset(stage.value for stage in Stage if stage.final)


class StoreBusy(Exception):
    """Another console writes this folder."""


class Store:
    """`put`, `keep_action` and `samples.put` may be called by any thread."""

    def __init__(
        self,
        data_dir: Path,
        mode: str,
        listener: Listener,
        *,
        keep_days: int = 30,
        keep: Keep | None = None,
        samples_floor_bytes: int = FLOOR_BYTES,
        on_samples_trouble: Callable[[str, str], None] = lambda code, text: None,
        on_backup_trouble: Callable[[str, str], None] = lambda code, text: None,
        on_anchor: OnAnchor = lambda n, row_hash: None,
    ) -> None:
        """`keep_days` of samples. `on_anchor`: the audit chain's end, each minute and when a session ends."""
        self._dir, self._mode = data_dir, mode
        keep = keep or Keep()
        self._ballast = Ballast(data_dir / BALLAST_FILE, keep.ballast_bytes)
        self._ops = OpsWriter(
            data_dir / OPS_FILE, mode, listener, keep=keep, ballast=self._ballast, on_anchor=on_anchor
        )
        self._rolls = RollWriter(data_dir, keep)
        self.samples = SamplesWriter(
            data_dir, keep_days, on_samples_trouble, samples_floor_bytes, self._rolls, self._ballast
        )
        self._backup = BackupKeeper(
            data_dir / OPS_FILE, keep.backup_every_s, self._ballast, on_backup_trouble, self._look_for_damage
        )
        self._journal: Journal | None = None
        self._lock: IO[bytes] | None = None

    def open(self) -> StoredState:
        """Open or repair everything and give the last stored state. Raises StoreBusy, OSError."""
        self._dir.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._dir / LOCK_FILE)
        journal_path = self._dir / JOURNAL_FILE
        noted = read_journal(journal_path)
        if noted.bad:
            _log.warning("%d lines of the journal of actions cannot be read", noted.bad)
        self._ops.open()
        if self._ops.trouble == "other_mode":
            noted.unfinished = {}  # clicks of a demo or an exercise must never reach another city
        state = self._read()
        unfinished, put_back = self._unfinished(state, noted.unfinished)
        cseq = max([state.last_cseq, noted.last_cseq, *(status.action.cseq for status in unfinished)])
        if not self._ops.trouble or self._ops.trouble == "damaged":
            compact_journal(journal_path, unfinished, cseq)
        self._journal = Journal(journal_path)
        self._ops.put(*(PutStage(status) for status in put_back))
        return StoredState(state.feeds, unfinished, cseq, state.clock)

    def _unfinished(
        self, state: StoredState, noted: dict[str, ActionStatus]
    ) -> tuple[tuple[ActionStatus, ...], list[ActionStatus]]:
        """(all unfinished actions in the order of their clicks, those of them that the database must be told).

        Where both know an action, the journal's copy counts: it has a checksum, and what was clicked never changes.
        """
        unfinished: dict[str, ActionStatus] = {}
        put_back = []
        for status in state.unfinished:
            aid = status.action.aid
            unfinished[aid] = status
            copy = noted.get(aid)
            if copy is not None and copy.action != status.action:
                _log.warning("action %s is not what was clicked; the journal's copy is taken", aid)
                unfinished[aid] = copy
                put_back.append(copy)
        for aid, copy in noted.items():
            if aid not in unfinished and not self._finished(aid):
                unfinished[aid] = copy
                put_back.append(copy)
        return tuple(sorted(unfinished.values(), key=lambda status: status.action.cseq)), put_back

    def start(self) -> None:
        """Start the writers."""
        self._ops.start()
        self.samples.start()
        self._rolls.start()
        if self._ops.trouble not in ("newer_schema", "other_mode"):  # such a file is not touched, not even read
            self._backup.start()

    def stop(self) -> None:
        self._backup.stop()
        self._ops.stop()
        self.samples.stop()
        self._rolls.stop()
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            self._lock.close()

    def put(self, ops: Sequence[Op]) -> None:
        self._ops.put(*ops)

    def audit(self, row: PutAudit) -> None:
        """Something that is no action and must be in the audit: signed in, looked at a camera, was shown a name."""
        self._ops.put(row)

    def keep_action(self, action: Action, person: str = "") -> None:
        """In the journal, on disk, when this returns. Raises OSError."""
        if self._journal is None:
            raise OSError("the store is not open")
        try:
            self._journal.keep(action, person)
        except OSError as error:
            if classify(error) != "disk_full" or not self._ballast.give_up():
                raise
            self._journal.keep(action, person)

    def action_finished(self, status: ActionStatus) -> None:
        """Note a final stage, so that the next start does not send the action again."""
        try:
            if self._journal is not None:
                self._journal.finished(status.action.aid, status.stage)
        except OSError as error:
            _log.warning("journal of actions: %s", error)

    @property
    def alive(self) -> bool:
        """The writer of ops.db runs."""
        return self._ops.alive

    @property
    def trouble(self) -> str:
        return self._ops.trouble

    @property
    def waiting_rows(self) -> int:
        return self._ops.waiting_rows

    @property
    def busy_s(self) -> float:
        """How long the present commit has been under way."""
        return self._ops.busy_s

    @property
    def positions(self) -> dict[str, tuple[str, int]]:
        """Committed position of each feed."""
        return self._ops.positions

    def _read(self) -> StoredState:
        try:
            return read_state(self._dir, self._mode)
        except sqlite3.Error as error:
            _log.warning("the last state cannot be read: %s", error)
            return StoredState()

    def _finished(self, aid: str) -> bool:
        return self._ops.stage_of(aid) in _FINAL

    def _look_for_damage(self) -> None:
        """A backup could not read everything: the writer, whose file it is, looks for itself."""
        self._ops.put(Call(quick_check))


def _lock(path: Path) -> IO[bytes]:
    """Hold the folder for this process. The lock goes with the process, kill -9 included."""
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StoreBusy(f"{path.parent} is in use by another console (process {os.getpid()} cannot have it)") from None
    return file
