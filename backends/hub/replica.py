"""A hub's own copy of the replicated log: the SQLite file of the embedded log, written by entries alone.

All reads are served from here. The truth is the replicated log: commits are not fsynced, because what a
failing machine loses is read again from the position that stands in the same transaction as the rows.
Must not: number anything by itself, or change an epoch that no entry changes.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.hub.log import SqliteLog, _Head
from backends.hub.ports import ActionRow, LogTrouble
from backends.hub.replica_wire import Entry
from backends.hub.samples import TAIL_LIMIT
from backends.protocol.messages import FeedHead

log = logging.getLogger(__name__)

_POSITION = "replica_position"
_POSITION_ID = "replica_id"
_TERM = "replica_term"
_STREAM = "replica_stream"
LOST_TAIL = "lost_tail"
"""Remembered: numbers that were published may be gone, the next term of this hub must not give them again."""
_OWN_META = (_POSITION, _POSITION_ID, _TERM, _STREAM, LOST_TAIL, "clean", "boot", "mode")


class Replica(SqliteLog):
    """One hub's copy. Made and used by one thread. Raises LogTrouble."""

    def __init__(self, path: Path, mode: Mode, stream: str) -> None:
        """`stream` names the very log that this is a copy of (its moment of creation): another one begins anew."""
        self._other_boot = False
        super().__init__(path, mode)
        if self.meta(_STREAM) not in ("", stream):
            super().close()
            set_aside(path)
            super().__init__(path, mode)
        if self.meta(_STREAM) != stream:
            with self._transaction():
                self._put_meta({_STREAM: stream})
        self.position = int(self.meta(_POSITION) or 0)
        """Sequence of the last message of the last entry that was applied."""
        self.position_id = self.meta(_POSITION_ID)
        self.term = int(self.meta(_TERM) or 0)
        if self._other_boot and self.position:
            log.warning("this machine stopped without warning: this hub's next term gets new epochs")
            self.remember(LOST_TAIL, "1")

    def _same_boot(self) -> bool:
        """A copy changes no epoch by itself. But where this machine lost power, so may have those that keep the log,
        and together they may have lost what they had confirmed: the next term says so."""
        self._other_boot = not super()._same_boot()
        return True

    def apply(self, entry: Entry, position: int) -> None:
        """One whole commit, in one transaction with its position. Raises LogTrouble: nothing has moved then.

        A seq that is there already, or a term that falls, is refused: it would be a second truth.
        """
        if entry.term < self.term:
            raise LogTrouble(f"the log holds term {entry.term} of {entry.holder} after term {self.term}")
        if entry.kind == "whole" and self.position:
            entry = Entry("whole", entry.term, entry.holder, entry.id, meta=entry.meta)  # nothing new to a copy
        moved = {name: self._moved(name, head, entry) for name, head in entry.heads.items() if name in FEEDS}
        logged = [e for e in entry.envelopes if e.feed in FEEDS and FEEDS[e.feed].kind is not FeedKind.LOSSY]
        try:
            with self._transaction(full=False):
                for name, head in moved.items():
                    if head.epoch != self._heads[name].epoch:
                        self._db.execute("DELETE FROM log WHERE feed=?", (name,))
                    self._write_head(name, head)
                self._write(logged)
                if entry.kind == "whole":
                    # Only an append feed's newest records follow one another; of the others it has the items alone.
                    self._db.executemany("DELETE FROM log WHERE feed=?", [(name,) for name in moved if _keyed(name)])
                if entry.samples:
                    self._samples.append(entry.samples)
                outcomes = (entry.action, *entry.outcomes) if entry.action is not None else entry.outcomes
                self._db.executemany(
                    "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [(*msgspec.structs.astuple(outcome), time.time_ns()) for outcome in outcomes],
                )
                place = {_POSITION: str(position), _POSITION_ID: entry.id, _TERM: str(entry.term)}
                self._put_meta({**entry.meta, **place})
        except BaseException:
            self._samples.drop()
            raise
        self._heads.update(moved)
        self._samples.take()
        self.position, self.position_id, self.term = position, entry.id, entry.term
        if self._samples.held > TAIL_LIMIT:
            self.seal()

    def whole(self, term: int, holder: str) -> Entry:
        """All that this copy adds up to, samples left out."""
        outcomes = self._db.execute("SELECT aid, station, digest, stage, code, text, rev FROM action").fetchall()
        meta = {k: v for k, v in self._db.execute("SELECT k, v FROM meta") if k not in _OWN_META}
        return Entry(
            "whole", term, holder, os.urandom(8).hex(), self.heads(),
            tuple(e for name in FEEDS for e in self.items(name)), outcomes=tuple(ActionRow(*row) for row in outcomes),
            meta=meta,
        )  # fmt: skip

    def remember(self, key: str, value: str) -> None:
        """A text of this copy's own, beside the log's."""
        with self._transaction():
            self._put_meta({key: value})

    def _moved(self, name: str, head: FeedHead, entry: Entry) -> _Head:
        """`oldest` is this copy's own affair, unless the numbers begin anew."""
        old = self._heads[name]
        oldest = old.oldest
        if FEEDS[name].kind is FeedKind.LOSSY:
            oldest = head.head + 1
        elif head.epoch != old.epoch:
            first = min((e.seq for e in entry.envelopes if e.feed == name), default=head.head + 1)
            oldest = head.head + 1 if entry.kind == "whole" and _keyed(name) else first
        return _Head(head.epoch, head.head, oldest, head.t_source)

    def close(self, *, planned: bool = True) -> None:
        super().close(planned=True)


def _keyed(feed: str) -> bool:
    return FEEDS[feed].kind is FeedKind.STATE


def set_aside(path: Path, why: str = "other") -> Path:
    """Move a log that is not continued (a copy of another one) out of the way, with its WAL; it is kept."""
    kept = path.with_name(f"{path.name}.{why}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, kept.with_name(kept.name + suffix))
    return kept


def new_epochs(heads: Mapping[str, FeedHead]) -> dict[str, FeedHead]:
    """Heads of feeds whose numbers cannot be continued."""
    return {
        name: FeedHead(os.urandom(8).hex(), head.head, head.head + 1, head.t_source) for name, head in heads.items()
    }
