"""The hub's truth: numbered records per feed, current items and action outcomes, in one SQLite file.

A commit is one transaction: what it returns is on disk, numbered and may be published. Commits with
precious records or an action are fsynced (synchronous=FULL); the rest rides on the next of them and
survives a killed process, though not a machine that loses power: then feeds get a new epoch.
Must not: publish, read a clock of its own for hub time, or open a second connection.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil

from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.domain.sensor import Flagged, Sample, SampleBatch
from backends.domain.times import NS_PER_S
from backends.hub.ports import ActionRow, Change, LogTrouble, Times, Values
from backends.hub.samples import TAIL_LIMIT, SampleStore
from backends.hub.schema import open_database
from backends.protocol.codec import encode
from backends.protocol.messages import Envelope, FeedHead

log = logging.getLogger(__name__)

BATCH_SAMPLES = 500
MAX_BODY = 400 << 10
"""Bytes of one record: any of them must fit into a part of a snapshot."""
ENVELOPE_BYTES = 320
"""Upper bound of an envelope around its body and id."""
DEDUPE_NS = 30 * 24 * 3600 * NS_PER_S
KEEP_LOG_S = 7 * 24 * 3600.0
KEEP_SAMPLES_S = 72 * 3600.0
APPEND_SNAPSHOT = 2000
"""Newest records of an append feed that a snapshot gives."""
FIND_S, FIND_SLICE = 0.5, 20_000
"""How long the loop may look for one record, and rows between two looks at the clock: some millions of rows in all."""
NO_BODY = Envelope(Mode.TEST, "", "", 0, 0, "").body
"""The default itself: an equal but other Raw would be encoded, as nothing at all."""
_REBOOT_TOLERANCE_S = 30.0


class _Head:
    __slots__ = ("epoch", "head", "oldest", "t_source")

    def __init__(self, epoch: str, head: int = 0, oldest: int = 1, t_source: int = 0) -> None:
        self.epoch, self.head, self.oldest, self.t_source = epoch, head, oldest, t_source

    def told(self) -> FeedHead:
        return FeedHead(self.epoch, self.head, self.oldest, self.t_source)


class SqliteLog:
    """EventLog on embedded SQLite. Made and used by one thread. Raises LogTrouble when it cannot open."""

    def __init__(
        self, path: Path, mode: Mode, *, keep_log_s: float = KEEP_LOG_S, keep_samples_s: float = KEEP_SAMPLES_S
    ) -> None:
        self._mode = mode
        self._keep_log_ns = int(keep_log_s * NS_PER_S)
        self._keep_samples_ns = int(keep_samples_s * NS_PER_S)
        self._db = open_database(path)
        self._full = True
        self.stopped_cleanly = self.meta("clean") == "1"
        """The run before ended in order."""
        if self.meta("mode") not in ("", mode.value):
            other = self.meta("mode")
            self._db.close()
            raise LogTrouble(f"{path.name} belongs to mode {other}, not {mode.value}")
        self._heads = self._load_heads()
        self._samples = SampleStore(self._db)
        self._t_packed_s = time.monotonic()
        self._prune_at = 0

    # --- numbering -------------------------------------------------------------------------------

    def _load_heads(self) -> dict[str, _Head]:
        heads = {
            name: _Head(epoch, head, oldest, t)
            for name, epoch, head, oldest, t in self._db.execute("SELECT * FROM feed")
            if name in FEEDS
        }
        lost_power = bool(heads) and not self.stopped_cleanly and not self._same_boot()
        with self._transaction():
            for name, spec in FEEDS.items():
                if name not in heads:
                    heads[name] = _Head(os.urandom(8).hex())
                elif lost_power and not spec.precious:
                    # Numbers that were published may have been lost with the page cache.
                    log.warning("feed %s gets a new epoch: the machine stopped without warning", name)
                    heads[name].epoch = os.urandom(8).hex()
                    heads[name].oldest = heads[name].head + 1
                    self._db.execute("DELETE FROM log WHERE feed=?", (name,))
                self._write_head(name, heads[name])
            self._put_meta({"clean": "0", "boot": f"{psutil.boot_time():.0f}", "mode": self._mode.value})
        return heads

    def _same_boot(self) -> bool:
        try:
            return bool(abs(float(self.meta("boot")) - psutil.boot_time()) < _REBOOT_TOLERANCE_S)
        except ValueError:
            return False

    def _write_head(self, name: str, h: _Head) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?, ?)", (name, h.epoch, h.head, h.oldest, h.t_source)
        )

    def heads(self) -> dict[str, FeedHead]:
        return {name: h.told() for name, h in self._heads.items()}

    def head(self, feed: str) -> FeedHead:
        """One feed's head. Raises KeyError for an unknown feed."""
        return self._heads[feed].told()

    # --- writing ---------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, *, full: bool = True) -> Iterator[None]:
        try:
            if full != self._full:
                self._db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
                self._full = full
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            # After SQLITE_FULL or an I/O error SQLite has often rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise LogTrouble(f"the log cannot be written: {error}") from error
            raise

    def commit(
        self,
        changes: Sequence[Change],
        now_ns: int,
        *,
        samples: Sequence[Sample] = (),
        action: ActionRow | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> list[Envelope]:
        """One transaction; on LogTrouble nothing has moved, and the same call may be tried again.

        All samples are kept for HISTORY; published is the newest of each series.
        """
        envelopes, moved = self._number([*changes, *_batches(samples)], now_ns)
        if not envelopes and action is None and not meta:
            return []
        logged = [e for e in envelopes if FEEDS[e.feed].kind is not FeedKind.LOSSY]
        full = action is not None or any(FEEDS[e.feed].precious for e in logged)
        try:
            with self._transaction(full=full):
                self._write(logged)
                if samples:
                    self._samples.append(samples)
                for name, head in moved.items():
                    self._write_head(name, head)
                if action is not None:
                    self._db.execute(
                        "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (*msgspec.structs.astuple(action), time.time_ns()),
                    )
                if meta:
                    self._put_meta(meta)
        except BaseException:
            self._samples.drop()
            raise
        self._heads.update(moved)
        self._samples.take()
        return envelopes

    def number(
        self, changes: Sequence[Change], samples: Sequence[Sample], now_ns: int
    ) -> tuple[list[Envelope], dict[str, FeedHead]]:
        """What `commit` would return, and how far the heads would move; nothing is written."""
        envelopes, moved = self._number([*changes, *_batches(samples)], now_ns)
        return envelopes, {name: h.told() for name, h in moved.items()}

    def _number(self, changes: Iterable[Change], now_ns: int) -> tuple[list[Envelope], dict[str, _Head]]:
        """Seqs after the heads, without moving them."""
        envelopes: list[Envelope] = []
        moved: dict[str, _Head] = {}
        for change in changes:
            body = b"" if change.record is None else encode(change.record)
            if len(body) > MAX_BODY:
                log.error(
                    "%s %s of %d bytes is over the limit of %d: left out", change.feed, change.id, len(body), MAX_BODY
                )
                continue
            head = moved.get(change.feed)
            if head is None:
                old = self._heads[change.feed]
                head = moved[change.feed] = _Head(old.epoch, old.head, old.oldest, old.t_source)
            head.head += 1
            head.t_source = max(head.t_source, change.t_ns)
            if FEEDS[change.feed].kind is FeedKind.LOSSY:
                head.oldest = head.head + 1
            envelopes.append(
                Envelope(
                    self._mode, change.feed, head.epoch, head.head, now_ns, change.type, change.id, change.rev,
                    change.cause, _raw(body),
                )
            )  # fmt: skip
        return envelopes, moved

    def _write(self, envelopes: Sequence[Envelope]) -> None:
        self._db.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(e.feed, e.seq, e.t, e.type, e.id, e.rev, e.cause, bytes(e.body)) for e in envelopes],
        )
        latest = {(e.feed, e.id): e for e in envelopes if FEEDS[e.feed].kind is FeedKind.STATE}
        self._db.executemany(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(e.feed, e.id, e.rev, e.seq, e.t, e.cause, bytes(e.body)) for e in latest.values() if e.type == "put"],
        )
        self._db.executemany(
            "DELETE FROM item WHERE feed=? AND id=?", [key for key, e in latest.items() if e.type == "del"]
        )

    def outcome(self, aid: str) -> ActionRow | None:
        row = self._db.execute(
            "SELECT aid, station, digest, stage, code, text, rev FROM action WHERE aid=?", (aid,)
        ).fetchone()
        return ActionRow(*row) if row else None

    # --- reading ---------------------------------------------------------------------------------

    def fetch(self, feed: str, after: int, limit: int, max_bytes: int) -> list[Envelope]:
        epoch = self._heads[feed].epoch
        found: list[Envelope] = []
        size = 0
        rows = self._db.execute(
            "SELECT seq, t, type, id, rev, cause, body FROM log WHERE feed=? AND seq>? ORDER BY seq LIMIT ?",
            (feed, after, limit),
        )
        for seq, t, kind, id_, rev, cause, body in rows:
            size += len(body) + len(id_) + ENVELOPE_BYTES
            if found and size > max_bytes:
                break
            found.append(Envelope(self._mode, feed, epoch, seq, t, kind, id_, rev, cause, _raw(body)))
        rows.close()
        return found

    def find(self, feed: str, id_: str) -> Envelope | None:
        head = self._heads[feed]
        upto, until_s = head.head, time.monotonic() + FIND_S
        while upto >= head.oldest:
            if time.monotonic() > until_s:
                log.warning("%s: record %s is not among the newest %d, and not looked for further back",
                            feed, id_, head.head - upto)  # fmt: skip
                break
            row = self._db.execute(
                "SELECT seq, t, type, id, rev, cause, body FROM log WHERE feed=? AND seq>? AND seq<=? AND id=?"
                " ORDER BY seq DESC LIMIT 1",
                (feed, upto - FIND_SLICE, upto, id_),
            ).fetchone()
            if row is not None:
                seq, t, kind, _, rev, cause, body = row
                return Envelope(self._mode, feed, head.epoch, seq, t, kind, id_, rev, cause, _raw(body))
            upto -= FIND_SLICE
        return None

    def items(self, feed: str) -> list[Envelope]:
        head = self._heads[feed]
        if FEEDS[feed].kind is FeedKind.LOSSY:
            return []
        if FEEDS[feed].kind is FeedKind.APPEND:
            return self.fetch(feed, max(head.oldest - 1, head.head - APPEND_SNAPSHOT), APPEND_SNAPSHOT, 1 << 40)
        return [
            Envelope(self._mode, feed, head.epoch, seq, t, "put", id_, rev, cause, _raw(body))
            for id_, rev, seq, t, cause, body in self._db.execute(
                "SELECT id, rev, seq, t, cause, body FROM item WHERE feed=? ORDER BY seq", (feed,)
            )
        ]

    def history(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        return self._samples.read(series, t0_ns, t1_ns)

    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]:
        return self._samples.flags(series, t0_ns, t1_ns)

    def last(self, series: str) -> Sample | None:
        return self._samples.last(series)

    # --- the past, and keeping house -------------------------------------------------------------

    def load_past(self, samples: Iterable[Sample]) -> int:
        with self._transaction():
            count, newest_ns = self._samples.load(samples)
            head = self._heads["samples"]
            head.t_source = max(head.t_source, newest_ns)
            self._write_head("samples", head)
        self._samples.take()
        return count

    def seal(self) -> None:
        try:
            self._samples.seal()
        except sqlite3.Error as error:
            raise LogTrouble(f"samples cannot be packed: {error}") from error
        self._t_packed_s = time.monotonic()

    def maintain(self, now_ns: int) -> None:
        """Pack the tail hourly, prune a slice a minute. Raises LogTrouble."""
        mono_s = time.monotonic()
        if self._samples.held > TAIL_LIMIT or (self._samples.held and mono_s - self._t_packed_s > 3600):
            self.seal()
        if mono_s < self._prune_at:
            return
        self._prune_at = int(mono_s) + 60
        self.prune(now_ns, time.time_ns())

    def prune(self, now_ns: int, wall_ns: int, limit: int = 5000) -> None:
        """Forget old log rows (their feed's `oldest` moves), samples and outcomes, a slice of each."""
        with self._transaction(full=False):
            for name, head in list(self._heads.items()):
                (cut,) = self._db.execute(
                    "SELECT max(seq) FROM (SELECT seq, t FROM log WHERE feed=? ORDER BY seq LIMIT ?) WHERE t<?",
                    (name, limit, now_ns - self._keep_log_ns),
                ).fetchone()
                if cut is not None:
                    self._db.execute("DELETE FROM log WHERE feed=? AND seq<=?", (name, cut))
                    head.oldest = max(head.oldest, cut + 1)
                    self._write_head(name, head)
            self._samples.prune(now_ns - self._keep_samples_ns)
            self._db.execute("DELETE FROM action WHERE t_wall < ?", (wall_ns - DEDUPE_NS,))

    def meta(self, key: str) -> str:
        row = self._db.execute("SELECT v FROM meta WHERE k=?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def _put_meta(self, values: Mapping[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def close(self, *, planned: bool = True) -> None:
        """Checkpoint and close; a planned stop is remembered."""
        try:
            if planned:
                with self._transaction():
                    self._put_meta({"clean": "1"})
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._db.close()


def oversized(change: Change) -> bool:
    """Would `commit` leave it out?"""
    return change.record is not None and len(encode(change.record)) > MAX_BODY


def _raw(body: bytes) -> msgspec.Raw:
    return msgspec.Raw(body) if body else NO_BODY


def _batches(samples: Sequence[Sample]) -> list[Change]:
    """The newest sample of each series, in messages of 500; how many were merged away stands in the first."""
    newest = list({sample.series: sample for sample in samples}.values())
    conflated = len(samples) - len(newest)
    changes = []
    for start in range(0, len(newest), BATCH_SAMPLES):
        part = tuple(newest[start : start + BATCH_SAMPLES])
        batch = SampleBatch(part, conflated if start == 0 else 0)
        changes.append(Change("samples", "event", "", max(s.t_ns for s in part), batch))
    return changes
