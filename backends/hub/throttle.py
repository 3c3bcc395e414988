"""How long somebody waits after wrong secrets: rising delays that nobody can turn into a lasting lock.

Three counts, each with its own rule. One person at one station waits longest; who tries another's name from
another desk delays that desk, not the other person's own. A person over all stations waits a few seconds at
most. Counts are forgotten when nothing wrong has come for a while. Pure but for the table it is given.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable

import msgspec

from backends.domain.times import NS_PER_S

KEEP = 10_000
"""Counts kept at most: names that do not exist are counted like those that do."""

TABLE = """
CREATE TABLE tries(k BLOB PRIMARY KEY, failures INTEGER NOT NULL, t_last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


class Rule(msgspec.Struct, frozen=True):
    """Failures that cost nothing, then a delay that doubles up to a limit."""

    free: int
    first_s: float
    most_s: float
    forget_s: float

    def delay_s(self, failures: int) -> float:
        over = failures - self.free
        return 0.0 if over <= 0 else min(self.most_s, self.first_s * 2.0 ** min(over - 1, 30))


PERSON_HERE = Rule(free=2, first_s=2.0, most_s=900.0, forget_s=3600.0)
STATION = Rule(free=9, first_s=2.0, most_s=60.0, forget_s=900.0)
PERSON = Rule(free=9, first_s=1.0, most_s=5.0, forget_s=900.0)


class Throttle:
    """Counts in a table of the accounts' file: they outlive the hub."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def wait_s(self, person: str, station: str, now_ns: int) -> float:
        """How long from now until the next try is looked at; 0 = now. Says nothing about whether `person` exists."""
        waits = [0.0]
        for key, rule in _keys(person, station):
            failures, t_last = self._count(key, rule, now_ns)
            since_s = (now_ns - t_last) / NS_PER_S
            # A clock that went back must not make anybody wait longer than the rule says.
            waits.append(min(rule.most_s, rule.delay_s(failures) - since_s))
        return max(waits)

    def failed(self, person: str, station: str, now_ns: int) -> float:
        """Count a wrong secret; how long to wait now. Inside the caller's transaction."""
        for key, rule in _keys(person, station):
            failures, _ = self._count(key, rule, now_ns)
            self._db.execute("INSERT OR REPLACE INTO tries VALUES (?, ?, ?)", (key, failures + 1, now_ns))
        self._db.execute(
            "DELETE FROM tries WHERE t_last < ? OR k IN (SELECT k FROM tries ORDER BY t_last DESC LIMIT -1 OFFSET ?)",
            (now_ns - int(PERSON_HERE.forget_s) * NS_PER_S, KEEP),
        )
        return self.wait_s(person, station, now_ns)

    def person_wait_s(self, person: str, stations: Iterable[str], now_ns: int) -> float:
        """How long that person waits where it is longest; what a station itself waits apart."""
        waits = [0.0]
        for station in stations:
            for key, rule in (pair for pair in _keys(person, station) if pair[1] is not STATION):
                failures, t_last = self._count(key, rule, now_ns)
                waits.append(min(rule.most_s, rule.delay_s(failures) - (now_ns - t_last) / NS_PER_S))
        return max(waits)

    def forgive(self, person: str, stations: Iterable[str]) -> None:
        """Forget this person's failures, wherever. Inside the caller's transaction."""
        for station in stations:
            keys = [(key,) for key, rule in _keys(person, station) if rule is not STATION]
            self._db.executemany("DELETE FROM tries WHERE k=?", keys)

    def passed(self, person: str, station: str) -> None:
        """Forget this person's failures here. The station's count stays: one's own account must not clear it."""
        self._db.execute("DELETE FROM tries WHERE k=?", (_keys(person, station)[0][0],))

    def _count(self, key: bytes, rule: Rule, now_ns: int) -> tuple[int, int]:
        row = self._db.execute("SELECT failures, t_last FROM tries WHERE k=?", (key,)).fetchone()
        if row is None or now_ns - row[1] > rule.forget_s * NS_PER_S:
            return 0, now_ns
        return int(row[0]), min(int(row[1]), now_ns)


def _keys(person: str, station: str) -> tuple[tuple[bytes, Rule], ...]:
    """Hashed: what was typed as a name may have been a secret."""
    return tuple(
        (hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest(), rule)
        for parts, rule in (
            (("person here", person, station), PERSON_HERE),
            (("station", station), STATION),
            (("person", person), PERSON),
        )
    )
