"""What the hub keeps as a witness, in `witness.db`: who looked at a secret, and the ends of the stations' audit chains.

Both tables are append-only, each row is on disk before anything is answered, and the file outlives the demo's
days. An anchor is some 80 bytes: about 45 MB a year and station at one a minute.
Must not: hold the secret that was looked at, or take back an anchor.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import msgspec

from backends.hub.smallfile import APPEND_ONLY, open_small

FILE = "witness.db"
VERSION = 1
ANCHORS_MOST = 1000
"""Of one answer."""

_TABLES = (
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
    + APPEND_ONLY.format(table="look")
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


class Witness:
    """One connection; one thread at a time. Raises sqlite3.Error when it cannot write: then nothing is answered."""

    def __init__(self, folder: Path) -> None:
        """Raises LogTrouble; a damaged file is kept beside and a new one begun."""
        self._db = open_small(folder / FILE, _TABLES, VERSION, mend=True)

    def looked(self, look: Look) -> None:
        """On disk when it returns."""
        values = msgspec.structs.astuple(look)
        self._db.execute(
            "INSERT INTO look(t, t_wall, station, person, role, what, target, reason, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (values[0], time.time_ns(), *values[1:]),
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
            self._db.execute("INSERT INTO anchor VALUES (?, ?, ?, ?, ?)", (station, n, hash_, t, time.time_ns()))
            return "", True
        try:
            self._db.execute(
                "INSERT INTO odd_anchor VALUES (?, ?, ?, ?, ?, ?)", (station, n, hash_, code, t, time.time_ns())
            )
        except sqlite3.IntegrityError:
            return code, False
        return code, True

    def anchors(self, station: str, after: int) -> list[tuple[int, str, int]]:
        """(n, hash, t) of a station, at most ANCHORS_MOST."""
        rows = self._db.execute(
            "SELECT n, hash, t FROM anchor WHERE station=? AND n>? ORDER BY n LIMIT ?", (station, after, ANCHORS_MOST)
        )
        return [(n, hash_.hex(), t) for n, hash_, t in rows]

    def close(self) -> None:
        self._db.close()
