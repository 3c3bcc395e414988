"""What the hub keeps as a witness, in `witness.db`: who looked at a secret, and the ends of the stations' audit chains.

Both tables are append-only, each row is on disk before anything is answered, and the file outlives the demo's
days. An anchor is some 80 bytes: about 45 MB a year and station at one a minute. Where there are several hubs, a
row is shared before it is written; a hub that is new gets every look, and of the anchors each station's newest.
Must not: hold the secret that was looked at, or take back an anchor.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from backends.domain.times import NS_PER_S
from backends.hub.shared import ALONE, Row, Sharing
from backends.hub.smallfile import APPEND_ONLY, open_small

FILE = "witness.db"
LOOK, ANCHOR = "look", "anchor"
"""Kinds of shared rows."""
SHARED_LOOK_NS = 400 * 86_400 * NS_PER_S
"""For so long a hub that is new hears of looks; the files keep them for good."""
ANCHORS_MOST = 1000
"""Of one answer."""

_STEPS = (
    """
CREATE TABLE anchor(station TEXT NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, t INTEGER NOT NULL,
                    t_wall INTEGER NOT NULL, PRIMARY KEY(station, n)) STRICT, WITHOUT ROWID;
CREATE TABLE odd_anchor(station TEXT NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL, code TEXT NOT NULL,
                        t INTEGER NOT NULL, t_wall INTEGER NOT NULL,
                        PRIMARY KEY(station, n, hash)) STRICT, WITHOUT ROWID;
CREATE TABLE look(n INTEGER PRIMARY KEY, t INTEGER NOT NULL, t_wall INTEGER NOT NULL, station TEXT NOT NULL,
                  person TEXT NOT NULL, role TEXT NOT NULL, what TEXT NOT NULL, target TEXT NOT NULL,
                  reason TEXT NOT NULL, outcome TEXT NOT NULL) STRICT;
"""
    + APPEND_ONLY.format(table="anchor")
    + APPEND_ONLY.format(table="odd_anchor")
    + APPEND_ONLY.format(table="look"),
    """
ALTER TABLE look ADD COLUMN id BLOB;
CREATE UNIQUE INDEX look_id ON look(id);
""",
)


class Look(msgspec.Struct, frozen=True):
    """Somebody asked to see a secret."""

    t: int
    """The hub's time; the wall's stands beside it in the file."""
    station: str
    person: str
    role: str
    what: str
    target: str
    reason: str
    outcome: str
    """Empty = it was told; else the code of the answer."""


class _LookRow(msgspec.Struct, frozen=True):
    t_wall: int
    look: Look


class _AnchorRow(msgspec.Struct, frozen=True):
    station: str
    n: int
    hash: bytes
    t: int
    t_wall: int


class Witness:
    """One connection; one thread at a time.

    Raises sqlite3.Error when it cannot write and LogTrouble when it cannot share: then nothing is answered.
    """

    def __init__(self, folder: Path, *, sharing: Sharing = ALONE) -> None:
        """Raises LogTrouble; a damaged file is kept beside and a new one begun."""
        self._db = open_small(folder / FILE, _STEPS, mend=True)
        self._sharing = sharing

    def looked(self, look: Look) -> None:
        """On disk when it returns."""
        id_, row = os.urandom(12), _LookRow(time.time_ns(), look)
        self._sharing.share([_of_look(id_, row)])
        self._write_look(id_, row)

    def _write_look(self, id_: bytes, row: _LookRow) -> None:
        values = msgspec.structs.astuple(row.look)
        self._db.execute(
            "INSERT OR IGNORE INTO look(t, t_wall, station, person, role, what, target, reason, outcome, id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (values[0], row.t_wall, *values[1:], id_),
        )

    def looks(self) -> list[Look]:
        """All of them, oldest first."""
        rows = self._db.execute("SELECT t, station, person, role, what, target, reason, outcome FROM look ORDER BY n")
        return [Look(*row) for row in rows]

    def anchored(self, station: str, n: int, hash_: bytes, t: int) -> tuple[str, bool]:
        """Keep the end of a station's chain: ("", True) when it goes on from what is known.

        ("behind", first) for a number below the highest known one, ("differs", first) for a known number with
        another hash; `first` = not said before. The same anchor again is no news, and not wrong.
        """
        row = self._db.execute("SELECT hash FROM anchor WHERE station=? AND n=?", (station, n)).fetchone()
        if row is not None and row[0] == hash_:
            return "", False
        code = "differs" if row is not None else ""
        if not code:
            (newest,) = self._db.execute("SELECT max(n) FROM anchor WHERE station=?", (station,)).fetchone()
            code = "behind" if newest is not None and newest > n else ""
        if not code:
            anchor = _AnchorRow(station, n, hash_, t, time.time_ns())
            self._sharing.share([_of_anchor(anchor)])
            self._write_anchor(anchor)
            return "", True
        try:
            self._db.execute(
                "INSERT INTO odd_anchor VALUES (?, ?, ?, ?, ?, ?)", (station, n, hash_, code, t, time.time_ns())
            )
        except sqlite3.IntegrityError:
            return code, False
        return code, True

    def _write_anchor(self, anchor: _AnchorRow) -> None:
        self._db.execute("INSERT OR IGNORE INTO anchor VALUES (?, ?, ?, ?, ?)", msgspec.structs.astuple(anchor))

    def anchors(self, station: str, after: int) -> list[tuple[int, str, int]]:
        """(n, hash, t) of a station, at most ANCHORS_MOST."""
        rows = self._db.execute(
            "SELECT n, hash, t FROM anchor WHERE station=? AND n>? ORDER BY n LIMIT ?", (station, after, ANCHORS_MOST)
        )
        return [(n, hash_.hex(), t) for n, hash_, t in rows]

    def rows(self) -> Iterator[Row]:
        """Shelf."""
        looks = self._db.execute(
            "SELECT id, t_wall, t, station, person, role, what, target, reason, outcome FROM look WHERE id IS NOT NULL"
        )
        yield from [_of_look(row[0], _LookRow(row[1], Look(*row[2:]))) for row in looks]
        anchors = self._db.execute("SELECT station, max(n), hash, t, t_wall FROM anchor GROUP BY station")
        yield from [_of_anchor(_AnchorRow(*row)) for row in anchors]

    def take(self, rows: Iterable[Row]) -> None:
        """Shelf."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for row in rows:
                if row.kind == LOOK:
                    self._write_look(bytes.fromhex(row.key), msgspec.json.decode(row.told, type=_LookRow))
                elif row.kind == ANCHOR:
                    self._write_anchor(msgspec.json.decode(row.told, type=_AnchorRow))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()


def _of_look(id_: bytes, row: _LookRow) -> Row:
    return Row(LOOK, id_.hex(), 0, msgspec.json.encode(row), row.t_wall + SHARED_LOOK_NS)


def _of_anchor(anchor: _AnchorRow) -> Row:
    """One for each station: a later one stands for all before it, as each is the hash of the whole chain."""
    return Row(ANCHOR, anchor.station, anchor.n, msgspec.json.encode(anchor))
