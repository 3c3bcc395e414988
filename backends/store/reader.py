"""Reading ops.db: the last stored state, unfinished actions, quarantine. Read-only and short.

Any process may read while the feeder writes: one transaction, taken into memory, closed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from backends.domain.action import Action, ActionStatus, Stage
from backends.domain.feeds import FEEDS, FeedKind
from backends.domain.record import Kept
from backends.store.schema import MIGRATIONS, OPS_FILE, body_sum, cursor_sum

_log = logging.getLogger(__name__)

APPEND_KEPT = 2000
"""Newest events of an append feed that a screen starts with."""

_ACTION = msgspec.json.Decoder(Action)


class StoredClock(msgspec.Struct, frozen=True):
    """The hub's clock beside the machine's, as last noted."""

    hub_ns: int
    machine_ns: int
    rate: float

    def now_ns(self, machine_ns: int) -> int:
        """The hub's time when the machine's clock shows `machine_ns`, if it has gone on as it did."""
        return self.hub_ns + int(max(0, machine_ns - self.machine_ns) * self.rate)


class StoredState(msgspec.Struct, frozen=True):
    """All that a console starts with, read in one transaction."""

    feeds: tuple[Kept, ...] = ()
    unfinished: tuple[ActionStatus, ...] = ()
    last_cseq: int = 0
    clock: StoredClock | None = None


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection with one open transaction. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=1.0)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def read_state(data_dir: Path, mode: str) -> StoredState:
    """What the store has; empty when there is no file, one that this program does not know, or one of another
    mode: a simulated city must never stand under "operating".

    Raises sqlite3.Error for a damaged file: the writer repairs it, a reader only says so.
    """
    path = data_dir / OPS_FILE
    if not path.exists() or not path.stat().st_size:
        return StoredState()
    with reading(path) as db:
        # Not by the file's bytes: closing a plain descriptor drops the locks of every connection of this process
        # (POSIX), and then another process that closes its own deletes the -wal under the writer.
        if not readable(db, mode):
            return StoredState()
        fresh = dict(db.execute("SELECT feed, t_fresh_ns FROM cursor").fetchall())
        feeds = []
        for feed, (epoch, seq) in _cursors(db).items():
            items = _items(db, feed)
            if items is not None:
                feeds.append(Kept(feed, epoch, seq, fresh[feed] or 0, tuple(items)))
        last = db.execute("SELECT coalesce(max(cseq), 0) FROM outbox").fetchone()[0]
        row = db.execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()
        return StoredState(tuple(feeds), tuple(_unfinished(db)), last, _clock(row))


def positions(db: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    """feed -> (epoch, seq). A feed whose cursor or items are not what was written is left out: it is taken anew."""
    altered: set[str] = set()
    if _summed(db):
        rows = db.execute("SELECT feed, body, sum FROM item")
        altered = {feed for feed, body, total in rows if body_sum(body) != total}
    return {feed: position for feed, position in _cursors(db).items() if feed not in altered}


def _cursors(db: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    if not _summed(db):
        return {row[0]: row[1:] for row in db.execute("SELECT feed, epoch, seq FROM cursor") if row[0] in FEEDS}
    return {
        feed: (epoch, seq)
        for feed, epoch, seq, total in db.execute("SELECT feed, epoch, seq, sum FROM cursor").fetchall()
        if feed in FEEDS and total == cursor_sum(feed, epoch, seq)
    }


def _summed(db: sqlite3.Connection) -> bool:
    """Since schema 2."""
    return int(db.execute("PRAGMA user_version").fetchone()[0]) > 1


def stored_mode(data_dir: Path) -> str:
    """The mode that the store in this folder belongs to; empty when there is none that can be read."""
    path = data_dir / OPS_FILE
    try:
        if not path.exists() or not path.stat().st_size:
            return ""
        with reading(path) as db:
            return _mode(db) if _known(db) else ""
    except (sqlite3.Error, OSError):
        return ""  # damaged: the writer says so and mends it


def readable(db: sqlite3.Connection, mode: str) -> bool:
    """A schema that this program knows, of this mode or of none yet."""
    return _known(db) and _mode(db) in ("", mode)


def _known(db: sqlite3.Connection) -> bool:
    return 0 < int(db.execute("PRAGMA user_version").fetchone()[0]) <= len(MIGRATIONS)


def _mode(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()
    return str(row[0]) if row is not None else ""


def _items(db: sqlite3.Connection, feed: str) -> list[tuple[str, bytes]] | None:
    """None: some of a state are not what was written. Of events, those are left out."""
    total = "sum" if _summed(db) else "NULL"
    append = FEEDS[feed].kind is FeedKind.APPEND
    if append:
        rows = db.execute(
            f"SELECT id, body, {total} FROM log WHERE feed = ? AND type = 'event'"
            " ORDER BY t_rx_ns DESC, seq DESC LIMIT ?",
            (feed, APPEND_KEPT),
        ).fetchall()
        rows.reverse()
    else:
        rows = db.execute(f"SELECT id, body, {total} FROM item WHERE feed = ? ORDER BY seq", (feed,)).fetchall()
    good = [(key, body) for key, body, known in rows if known is None or known == body_sum(body)]
    return good if append or len(good) == len(rows) else None


def _unfinished(db: sqlite3.Connection) -> Iterator[ActionStatus]:
    """What cannot be read (damage that SQLite does not see) is left out: the journal has it."""
    final = [stage.value for stage in Stage if stage.final]
    marks = ",".join("?" * len(final))
    person = "person" if _summed(db) else "''"
    for stage, code, text, t_ns, raw, who in db.execute(
        f"SELECT stage, code, text, t_stage_ns, action, {person} FROM outbox WHERE stage NOT IN ({marks})"
        " ORDER BY cseq",
        final,
    ).fetchall():
        try:
            yield ActionStatus(_ACTION.decode(raw), Stage(stage), code, text, t_ns, who)
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("an action in the store cannot be read: %s", error)


def read_ended(data_dir: Path, limit: int = 1000) -> list[ActionStatus]:
    """The newest actions with a final stage, oldest first: a click that comes again must find its end.

    Empty when there is no file that can be read.
    """
    path = data_dir / OPS_FILE
    final = [stage.value for stage in Stage if stage.final]
    marks = ",".join("?" * len(final))
    try:
        if not path.exists() or not path.stat().st_size:
            return []
        with reading(path) as db:
            if not _known(db):
                return []
            rows = db.execute(
                f"SELECT stage, code, text, t_stage_ns, action, person FROM outbox WHERE stage IN ({marks})"
                " ORDER BY cseq DESC LIMIT ?",
                (*final, limit),
            ).fetchall()
        return [
            ActionStatus(_ACTION.decode(raw), Stage(stage), code, text, t_ns, who)
            for stage, code, text, t_ns, raw, who in reversed(rows)
        ]
    except (sqlite3.Error, OSError, ValueError, msgspec.DecodeError):
        return []  # damaged: the writer says so and mends it


def _clock(row: tuple[str] | None) -> StoredClock | None:
    if row is None:
        return None
    try:
        hub_ns, machine_ns, rate = row[0].split()
        return StoredClock(int(hub_ns), int(machine_ns), float(rate))
    except ValueError:
        return None
