"""The console's store as one object: files of one folder, opened, repaired, written and closed together.

One folder belongs to one mode and one writing process (a lock file guards it). The order of a start:
lock, journal read, ops.db opened or replaced, unfinished actions of the journal that the database
does not know are put back, writers started. Must not know the link or the GUI: a Listener hears.
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
from backends.store.journal import JOURNAL_FILE, Journal, compact_journal, read_journal
from backends.store.ops import Op, PutStage
from backends.store.reader import StoredState, read_state
from backends.store.samples import FLOOR_BYTES, SamplesWriter
from backends.store.schema import OPS_FILE
from backends.store.writer import Listener, OpsWriter

_log = logging.getLogger(__name__)

LOCK_FILE = "store.lock"


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
        samples_floor_bytes: int = FLOOR_BYTES,
        on_samples_trouble: Callable[[str, str], None] = lambda code, text: None,
    ) -> None:
        self._dir, self._mode = data_dir, mode
        self._ops = OpsWriter(data_dir / OPS_FILE, mode, listener)
        self.samples = SamplesWriter(data_dir, keep_days, on_samples_trouble, samples_floor_bytes)
        self._journal: Journal | None = None
        self._lock: IO[bytes] | None = None

    def open(self) -> StoredState:
        """Open or repair everything and give the last stored state. Raises StoreBusy, OSError."""
        self._dir.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._dir / LOCK_FILE)
        journal_path = self._dir / JOURNAL_FILE
        noted, bad_lines = read_journal(journal_path)
        if bad_lines:
            _log.warning("%d lines of the journal of actions cannot be read", bad_lines)
        self._ops.open()
        if self._ops.trouble == "other_mode":
            noted = {}  # clicks of a demo or an exercise must never reach another city
        state = self._read()
        known = {status.action.aid for status in state.unfinished}
        recovered = [
            ActionStatus(action, Stage.QUEUED, t_stage_ns=action.made_at_ns)
            for aid, action in noted.items()
            if aid not in known and not self._finished(aid)
        ]
        unfinished = (*state.unfinished, *recovered)
        if not self._ops.trouble or self._ops.trouble == "damaged":
            compact_journal(journal_path, [status.action for status in unfinished])
        self._journal = Journal(journal_path)
        self._ops.put(*(PutStage(status) for status in recovered))
        cseq = max([state.last_cseq, *(status.action.cseq for status in unfinished)])
        return StoredState(state.feeds, unfinished, cseq, state.clock)

    def start(self) -> None:
        """Start the writers."""
        self._ops.start()
        self.samples.start()

    def stop(self) -> None:
        self._ops.stop()
        self.samples.stop()
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            self._lock.close()

    def put(self, ops: Sequence[Op]) -> None:
        self._ops.put(*ops)

    def keep_action(self, action: Action) -> None:
        """In the journal, on disk, when this returns. Raises OSError."""
        if self._journal is None:
            raise OSError("the store is not open")
        self._journal.keep(action)

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
        return self._ops.stage_of(aid) is not None


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
