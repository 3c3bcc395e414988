"""What can be written to ops.db, as values: each writes itself inside the writer's transaction.

The cursor of a feed moves in the same transaction as its rows, and only from where it stands: an
operation that does not join raises `DoesNotJoin`, so that no hole can ever come into a feed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from backends.domain.action import ActionStatus, Stage
from backends.domain.feeds import FEEDS, FeedKind
from backends.domain.record import Record, Snapshot
from backends.store import audit
from backends.store.schema import body_sum, cursor_sum

QUARANTINE_KEPT = 1000
AGAIN_ROWS = 1000
"""So far back a row of the audit may stand already when it comes again: that is soon after, over a new connection."""
_ENDS = frozenset(stage.value for stage in Stage if stage.final)

Positions = dict[str, tuple[str, int]]
"""feed -> (epoch, seq) as committed, plus what this transaction adds."""


class DoesNotJoin(Exception):
    """Rows that do not follow the cursor; the feed must be taken anew."""


class Op(Protocol):
    """One thing to write."""

    @property
    def urgent(self) -> bool:
        """Alarms and actions close their group at once."""
        ...

    @property
    def rows(self) -> int: ...

    @property
    def feed(self) -> str:
        """Whose cursor it moves; empty for none."""
        ...

    def write(self, connection: sqlite3.Connection, at: Positions) -> None: ...


class PutRecords(msgspec.Struct, frozen=True):
    """The next positions of one feed."""

    records: Sequence[Record]

    @property
    def feed(self) -> str:
        return self.records[0].feed

    @property
    def urgent(self) -> bool:
        return FEEDS[self.feed].precious

    @property
    def rows(self) -> int:
        return len(self.records)

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        first, last = self.records[0], self.records[-1]
        spec = FEEDS[first.feed]
        epoch, seq = at.get(first.feed, ("", 0))
        if first.epoch != epoch or first.seq != seq + 1:
            raise DoesNotJoin(f"{first.feed}: {first.seq} after {seq}")
        if spec.kind is FeedKind.APPEND or spec.precious:
            connection.executemany(
                "INSERT OR REPLACE INTO log VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                [
                    (r.feed, r.epoch, r.seq, r.type, r.id, r.rev, r.cause, r.t_ns, r.t_rx_ns,
                     *((b"", 0) if r.type == "bad" else (r.raw, body_sum(r.raw))))
                    for r in self.records
                ],
            )  # fmt: skip
        if spec.kind is FeedKind.STATE:
            _write_items(connection, {r.id: r for r in self.records if r.type in ("put", "del")}.values())
        _write_cursor(connection, at, last.feed, last.epoch, last.seq, last.t_rx_ns)


def merged(group: Iterable[Op]) -> list[Op]:
    """The same operations, with rows of one feed that join each other made one: fewer statements, one cursor.

    Order is kept within each feed; feeds do not depend on each other.
    """
    out: list[Op] = []
    open_rows: dict[str, list[Record]] = {}

    def close(feed: str) -> None:
        rows = open_rows.pop(feed, None)
        if rows:
            out.append(PutRecords(rows))

    for op in group:
        if not isinstance(op, PutRecords):
            close(op.feed)
            out.append(op)
            continue
        first = op.records[0]
        rows = open_rows.get(first.feed)
        if rows and rows[-1].epoch == first.epoch and rows[-1].seq + 1 == first.seq:
            rows.extend(op.records)
        else:
            close(first.feed)
            open_rows[first.feed] = list(op.records)
    for feed in list(open_rows):
        close(feed)
    return out


class PutSnapshot(msgspec.Struct, frozen=True):
    """A whole state feed in place of what was there; of an append feed only the position jumps."""

    snapshot: Snapshot

    @property
    def feed(self) -> str:
        return self.snapshot.feed

    @property
    def urgent(self) -> bool:
        return True

    @property
    def rows(self) -> int:
        return len(self.snapshot.items)

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        snap = self.snapshot
        if FEEDS[snap.feed].kind is FeedKind.STATE:
            connection.execute("DELETE FROM item WHERE feed = ?", (snap.feed,))
            _write_items(connection, snap.items)
        t_ns = max((r.t_rx_ns for r in snap.items), default=0)
        _write_cursor(connection, at, snap.feed, snap.epoch, snap.seq, t_ns)


class _NoFeed(msgspec.Struct, frozen=True):
    """Moves no cursor; one row that closes its group at once, where nothing else is said."""

    @property
    def feed(self) -> str:
        return ""

    @property
    def urgent(self) -> bool:
        return True

    @property
    def rows(self) -> int:
        return 1


class PutStage(_NoFeed, frozen=True):
    """An action's stage with its audit row. The stages SENT and STORED are noted without an audit row.

    The same stage again changes nothing and is not audited twice. An end stands: what is put back into a new file may
    be older than the end that came meanwhile.
    """

    status: ActionStatus
    station: str = ""
    person: str = ""

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        status, action = self.status, self.status.action
        person = status.person or self.person
        before = connection.execute("SELECT stage FROM outbox WHERE aid = ?", (action.aid,)).fetchone()
        if before is not None and before[0] in _ENDS and not status.stage.final:
            return
        connection.execute(
            "INSERT OR REPLACE INTO outbox"
            " (aid, cseq, feed, target, stage, code, text, t_stage_ns, action, person) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (action.aid, action.cseq, action.feed, action.target, status.stage.value, status.code, status.text,
             status.t_stage_ns, msgspec.json.encode(action), person),
        )  # fmt: skip
        if status.stage.value in ("sent", "stored") or (before is not None and before[0] == status.stage.value):
            return
        audit.append(
            connection, t_ns=status.t_stage_ns, station=self.station, person=person, what=action.verb.value,
            target=f"{action.feed}/{action.target}", result=status.stage.value, aid=action.aid, detail=status.code,
        )  # fmt: skip


class PutAudit(_NoFeed, frozen=True):
    """Something that a person did which is no action: signed in or out, locked, looked at a camera, saw a name."""

    t_ns: int
    what: str
    """"sign_in", "sign_out", "lock", "unlock", "reveal", "view_camera", ..."""
    person: str = ""
    target: str = ""
    """"cameras/014"."""
    result: str = ""
    detail: str = ""
    station: str = ""
    ends_session: bool = False
    """The chain's end is handed on at once (an anchor)."""
    aid: str = ""
    """Set where it may come again: it has one row."""

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        if self.aid and self._stands(connection):
            return
        audit.append(
            connection, t_ns=self.t_ns, station=self.station, person=self.person, what=self.what, target=self.target,
            result=self.result, aid=self.aid, detail=self.detail,
        )  # fmt: skip

    def _stands(self, connection: sqlite3.Connection) -> bool:
        newest = "SELECT aid FROM audit ORDER BY n DESC LIMIT ?"
        return (
            connection.execute(f"SELECT 1 FROM ({newest}) WHERE aid = ?", (AGAIN_ROWS, self.aid)).fetchone() is not None
        )


class PutQuarantine(_NoFeed, frozen=True):
    """A message that did not follow the protocol; the newest 1,000 are kept."""

    t_ns: int
    bad_feed: str
    reason: str
    raw: bytes

    @property
    def urgent(self) -> bool:
        return False

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        reason = self.reason.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
        n = connection.execute(
            "INSERT INTO quarantine (t_ns, feed, reason, raw) VALUES (?,?,?,?)",
            (self.t_ns, self.bad_feed[:64].replace("\0", ""), reason[:500], self.raw[:65536]),
        ).lastrowid
        connection.execute("DELETE FROM quarantine WHERE n <= ?", ((n or 0) - QUARANTINE_KEPT,))


class PutMoment(_NoFeed, frozen=True):
    """Which feeds are complete at a moment, and the hub's clock beside the machine's."""

    fresh: dict[str, int]
    hub_ns: int
    machine_ns: int
    rate: float

    @property
    def urgent(self) -> bool:
        return False

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        connection.executemany(
            "UPDATE cursor SET t_fresh_ns = ? WHERE feed = ?", [(t_ns, feed) for feed, t_ns in self.fresh.items()]
        )
        clock = f"{self.hub_ns} {self.machine_ns} {self.rate}"
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('clock', ?)", (clock,))


class Call(_NoFeed, frozen=True):
    """Anything else that only the writer may do: export, admin, a test's fault. Runs in the transaction."""

    function: Callable[[sqlite3.Connection], None]

    @property
    def rows(self) -> int:
        return 0

    def write(self, connection: sqlite3.Connection, at: Positions) -> None:
        self.function(connection)


def _write_items(connection: sqlite3.Connection, records: Iterable[Record]) -> None:
    puts = []
    dels = []
    for r in records:
        if r.type == "put":
            puts.append((r.feed, r.id, r.rev, r.seq, r.t_ns, r.t_rx_ns, r.raw, body_sum(r.raw)))
        else:
            dels.append((r.feed, r.id))
    if puts:
        connection.executemany("INSERT OR REPLACE INTO item VALUES (?,?,?,?,?,?,?,?)", puts)
    if dels:
        connection.executemany("DELETE FROM item WHERE feed = ? AND id = ?", dels)


def _write_cursor(
    connection: sqlite3.Connection, at: Positions, feed: str, epoch: str, seq: int, t_fresh_ns: int
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO cursor (feed, epoch, seq, t_fresh_ns, sum) VALUES (?,?,?,?,?)",
        (feed, epoch, seq, t_fresh_ns, cursor_sum(feed, epoch, seq)),
    )
    at[feed] = (epoch, seq)
