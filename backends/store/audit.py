"""The audit chain: who did what, each row bound to the one before it (docs/store.md has the format for others).

    hash(n) = SHA-256( b"ioc-audit-1\\0" + hash(n-1) + canonical(row n) )

`canonical` is each of the fields n, t_ns, station, person, what, target, result, aid, detail, in this order, as a
netstring: length in bytes as decimal digits, ":", the bytes, ",". Numbers are decimal digits, text is UTF-8. Row 1
follows 32 zero bytes. Rows count +1; where rows are gone for a reason (`hole_words`), a later row says which.

Must not: open a transaction. A row is written inside the transaction of what it tells, so that neither is without
the other.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator

import msgspec

ZERO = bytes(32)
_DOMAIN = b"ioc-audit-1\0"
COLUMNS = "n, t_ns, station, person, what, target, result, aid, detail, prev_hash, hash"

RETENTION, GAP = "retention", "gap"
"""`what` of the rows that speak for rows which are gone: by age, and by damage."""


class Link(msgspec.Struct, frozen=True):
    """An end of the chain."""

    n: int = 0
    hash: bytes = ZERO


class Row(msgspec.Struct, frozen=True):
    """One row, as it stands in the table."""

    n: int
    t_ns: int
    station: str
    person: str
    what: str
    target: str
    result: str
    aid: str
    detail: str
    prev_hash: bytes
    hash: bytes

    @property
    def link(self) -> Link:
        return Link(self.n, self.hash)

    def true_hash(self) -> bytes:
        """What its content must hash to after `prev_hash`."""
        fields = (self.n, self.t_ns, self.station, self.person, self.what, self.target, self.result, self.aid)
        return chained(self.prev_hash, (*fields, self.detail))


class Hole(msgspec.Struct, frozen=True):
    """Rows `after.n` + 1 to `last.n` are gone; `last.hash` is what the next row follows."""

    after: Link
    last: Link


def canonical(fields: tuple[int | str, ...]) -> bytes:
    out = bytearray()
    for field in fields:
        raw = str(field).encode()
        out += b"%d:%s," % (len(raw), raw)
    return bytes(out)


def chained(prev_hash: bytes, fields: tuple[int | str, ...]) -> bytes:
    return hashlib.sha256(_DOMAIN + prev_hash + canonical(fields)).digest()


def clean(text: str, limit: int = 2000) -> str:
    """Text that SQLite and a hash can take: no lone surrogates, no NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:limit]


def tip(db: sqlite3.Connection) -> Link:
    """The chain's newest row, or where it begins when there is none."""
    row = db.execute("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    return base(db) if row is None else Link(*row)


def base(db: sqlite3.Connection) -> Link:
    """What the oldest row follows."""
    row = db.execute("SELECT n, hash FROM audit_base").fetchone()
    return Link() if row is None else Link(*row)


def set_base(db: sqlite3.Connection, link: Link) -> None:
    db.execute("DELETE FROM audit_base")
    db.execute("INSERT INTO audit_base VALUES (?,?)", (link.n, link.hash))


def append(
    db: sqlite3.Connection,
    *,
    t_ns: int,
    what: str,
    station: str = "",
    person: str = "",
    target: str = "",
    result: str = "",
    aid: str = "",
    detail: str = "",
    after: Link | None = None,
) -> Link:
    """The next row, inside the caller's transaction. `after`: where the rows before it are lost (a Hole)."""
    prev = tip(db) if after is None else after
    texts = [clean(text) for text in (station, person, what, target, result, aid, detail)]
    fields: tuple[int | str, ...] = (prev.n + 1, t_ns, *texts)
    row_hash = chained(prev.hash, fields)
    db.execute("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?,?,?)", (*fields, prev.hash, row_hash))
    return Link(prev.n + 1, row_hash)


def put_row(db: sqlite3.Connection, row: Row) -> None:
    """A row that is known from elsewhere, as it was."""
    db.execute(f"INSERT INTO audit ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", msgspec.structs.astuple(row))


def rows(db: sqlite3.Connection, after: int = 0, limit: int = -1) -> Iterator[Row]:
    """In order of n. What is in the table may be anything: nothing is checked here."""
    for found in db.execute(f"SELECT {COLUMNS} FROM audit WHERE n > ? ORDER BY n LIMIT ?", (after, limit)):
        yield Row(*found)


def hole_words(hole: Hole, words: str) -> str:
    """The `detail` of a row that speaks for rows which are gone."""
    ends = f"{hole.after.n} {hole.after.hash.hex()} {hole.last.n} {hole.last.hash.hex()}"
    return f"{ends}; {words}"


def hole_of(row: Row) -> Hole | None:
    """Of a RETENTION or GAP row: which rows it speaks for."""
    if row.what not in (RETENTION, GAP):
        return None
    parts = row.detail.partition(";")[0].split()
    try:
        return Hole(Link(int(parts[0]), bytes.fromhex(parts[1])), Link(int(parts[2]), bytes.fromhex(parts[3])))
    except (ValueError, IndexError):
        return None
