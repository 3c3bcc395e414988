"""The accounts of people, in `accounts.db` of the hub's data folder; it outlives the demo's days.

Only personal accounts: one for each person, with a role. The command line writes while the hub runs; the hub
sees it by `news()`. Every change and every sign-in is a row of `entry`, which is append-only. Where there are
several hubs, what a transaction writes is shared before it counts (`shared`).
Must not: keep, log or return a secret, or say whether a name exists to somebody who cannot sign in.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from backends.domain.people import Role
from backends.domain.times import NS_PER_S
from backends.hub import passwords
from backends.hub.ports import LogTrouble
from backends.hub.shared import ALONE, Row, Sharing
from backends.hub.smallfile import APPEND_ONLY, open_small
from backends.hub.throttle import TABLE as THROTTLE_TABLE
from backends.hub.throttle import Throttle

FILE = "accounts.db"
ACCOUNT, SESSION, ENTRY = "account", "session", "entry"
"""Kinds of shared rows."""
SHARED_ENTRY_NS = 400 * 86_400 * NS_PER_S
"""For so long a hub that is new hears of sign-ins; the files keep them for good."""
SHARED_SESSION_NS = 7 * 86_400 * NS_PER_S
"""Beyond its end. An ended one is remembered here and on the servers: who still has it must not revive it."""
_ID = re.compile(r"[a-z][a-z0-9._-]{1,63}")
_SHARED = frozenset({*Role, "user", "guest", "root", "test", "demo", "hub", "station", "desk", "wall", "trucban"})
"""Names of a post, not of a person: who acted must be somebody."""

_STEPS = (
    """
CREATE TABLE account(id TEXT PRIMARY KEY, name TEXT NOT NULL, short TEXT NOT NULL, role TEXT NOT NULL,
                     disabled INTEGER NOT NULL, epoch INTEGER NOT NULL, hash TEXT NOT NULL,
                     t_secret INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE session(token BLOB PRIMARY KEY, person TEXT NOT NULL, station TEXT NOT NULL, epoch INTEGER NOT NULL,
                     t_begin INTEGER NOT NULL, t_end INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE entry(n INTEGER PRIMARY KEY, t INTEGER NOT NULL, what TEXT NOT NULL, person TEXT NOT NULL,
                   station TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
"""
    + THROTTLE_TABLE
    + APPEND_ONLY.format(table="entry"),
    """
ALTER TABLE account ADD COLUMN rev INTEGER NOT NULL DEFAULT 1;
ALTER TABLE entry ADD COLUMN id BLOB;
CREATE UNIQUE INDEX entry_id ON entry(id);
""",
    "ALTER TABLE account ADD COLUMN t_temp INTEGER NOT NULL DEFAULT 0;\n",
)


class AccountError(ValueError):
    """What was asked for cannot be done; the text says why, `code` the same for a screen."""

    def __init__(self, text: str, code: str = "bad_text") -> None:
        super().__init__(text)
        self.code = code


class Account(msgspec.Struct, frozen=True):
    """A person as the hub knows him, without the secret."""

    id: str
    name: str
    short: str
    role: Role
    disabled: bool = False
    epoch: int = 1
    """Moves with each new secret and each disabling: sessions of an older one are over."""
    rev: int = 1
    """Moves with every change."""
    t_temp: int = 0
    """Until when (of the wall) its secret is good, which somebody else gave; 0: it is the person's own, and stays."""


class Hand(msgspec.Struct, frozen=True):
    """Who changes an account at a screen, and what he saw of it. The command line has none: it is the machine's."""

    person: str
    station: str
    rev: int = 0
    """Of the account, as it was seen; 0: it is new."""


class Kept(msgspec.Struct, frozen=True):
    """A session as it is kept: the token's SHA-256, never the token. Times are of the wall."""

    token: bytes
    person: str
    station: str
    epoch: int
    t_begin: int
    t_end: int
    """0: it was ended."""


class _AccountRow(msgspec.Struct, frozen=True):
    """A row of `account`, without its revision."""

    id: str
    name: str
    short: str
    role: str
    disabled: int
    epoch: int
    hash: str
    t_secret: int
    t_temp: int = 0


class _EntryRow(msgspec.Struct, frozen=True):
    """A row of `entry`, without its id."""

    t: int
    what: str
    person: str
    station: str
    detail: str


class AccountBook:
    """One connection to the file; one thread at a time.

    Raises sqlite3.Error when it cannot be written, LogTrouble when it cannot be shared: nothing was changed then.
    """

    def __init__(self, folder: Path, *, mend: bool = False, sharing: Sharing = ALONE) -> None:
        """Raises LogTrouble when the file cannot be opened; `mend`: a damaged one is kept beside."""
        self._db = open_small(folder / FILE, _STEPS, mend=mend)
        self._sharing = sharing
        self._telling: list[Row] = []
        """What the open transaction has to share."""
        self.throttle = Throttle(self._db)
        self._seen = self._version()

    # --- reading ---------------------------------------------------------------------------------

    def all(self) -> list[Account]:
        rows = self._db.execute(f"SELECT {_SEEN} FROM account ORDER BY id")
        return [_account(row) for row in rows]

    def find(self, person: str) -> Account:
        """Raises AccountError."""
        for account in self.all():
            if account.id == person:
                return account
        raise AccountError(
            f"there is no account {person!r}; `ioc-console accounts list` shows those there are", "unknown"
        )

    def signed_in(self) -> dict[str, int]:
        """When each person signed in last, of the wall."""
        found = self._db.execute("SELECT person, max(t) FROM entry WHERE what='signed_in' GROUP BY person")
        return {person: int(t_ns) for person, t_ns in found}

    def news(self) -> list[Account] | None:
        """All accounts, where somebody else has written since the call that gave them last; None: nobody has.

        What cannot be read now is news again at the next call.
        """
        version = self._version()
        if version == self._seen:
            return None
        accounts = self.all()
        self._seen = version
        return accounts

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # --- changing: the command line, or a hand at a screen -----------------------------------------

    def add(
        self, person: str, name: str, short: str, role: Role, secret: str, hand: Hand | None = None, t_temp: int = 0
    ) -> None:  # fmt: skip
        """A new account. Raises AccountError."""
        if not _ID.fullmatch(person) or person in _SHARED:
            raise AccountError(
                f"{person!r} is no personal account: "
                "a-z, 0-9, '.', '_', '-', 2 to 64 characters, and no name of a post",
                "bad_id",
            )
        printable = name.isprintable() and short.isprintable()
        if not printable or not 0 < len(name.strip()) <= 80 or not 0 < len(short.strip()) <= 40:
            raise AccountError("the name must have 1 to 80 printable characters, the short one 1 to 40", "bad_name")
        self._fit(secret, person)
        row = (person, name.strip(), short.strip(), role.value, 0, 1, passwords.hashed(secret), time.time_ns(), t_temp)
        with self.transaction():
            if self._db.execute("SELECT 1 FROM account WHERE id=?", (person,)).fetchone():
                raise AccountError(f"there is an account {person!r} already", "exists")
            self._db.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)", row)
            self._tell_account(person)
            self._enter_of(hand, "added", person, role.value)

    def set_secret(self, person: str, secret: str, hand: Hand | None = None, t_temp: int = 0) -> None:
        """A new secret; every session of that person ends. `t_temp`: somebody else gives it, until then. Raises
        AccountError."""
        self.find(person)
        self._fit(secret, person)
        kept = passwords.hashed(secret)
        with self.transaction():
            self._look(person, hand)
            self._db.execute(
                "UPDATE account SET hash=?, t_secret=?, t_temp=?, epoch=epoch+1, rev=rev+1 WHERE id=?",
                (kept, time.time_ns(), t_temp, person),
            )
            self._db.execute("DELETE FROM session WHERE person=?", (person,))
            self._tell_account(person)
            self._enter_of(hand, "secret_given" if t_temp else "secret", person)

    def set_role(self, person: str, role: Role, hand: Hand | None = None) -> None:
        """Counts from the next action on, sessions go on. Raises AccountError."""
        self.find(person)
        with self.transaction():
            before = self._look(person, hand, loses=role is not Role.ADMIN).role
            if hand is not None and before is role:
                raise AccountError(f"{person} is {role.value} already", "unchanged")
            self._db.execute("UPDATE account SET role=?, rev=rev+1 WHERE id=?", (role.value, person))
            self._tell_account(person)
            self._enter_of(hand, "role", person, role.value if hand is None else f"{before.value} -> {role.value}")

    def set_disabled(self, person: str, disabled: bool, hand: Hand | None = None) -> None:
        """A disabled one signs in no more, and is signed out everywhere. Raises AccountError."""
        self.find(person)
        with self.transaction():
            before = self._look(person, hand, loses=disabled)
            if hand is not None and before.disabled is disabled:
                raise AccountError(f"{person} is so already", "unchanged")
            self._db.execute(
                "UPDATE account SET disabled=?, epoch=epoch+?, rev=rev+1 WHERE id=?", (disabled, disabled, person)
            )
            self._tell_account(person)
            if disabled:
                self._db.execute("DELETE FROM session WHERE person=?", (person,))
            self._enter_of(hand, "disabled" if disabled else "enabled", person)

    def unlock(self, person: str, stations: Iterable[str], hand: Hand) -> None:
        """Wrong secrets of the past cost that person no waiting any more. Raises AccountError."""
        self.find(person)
        with self.transaction():
            self.throttle.forgive(person, stations)
            self._enter_of(hand, "unlocked", person)

    def _look(self, person: str, hand: Hand | None, *, loses: bool = False) -> Account:
        """The account as it is inside the transaction. `loses`: he will be no admin any more. Raises AccountError where
        a hand at a screen may not: it saw an older state, or nobody would be left who may manage accounts."""
        account = self.find(person)
        if hand is None:
            return account
        if loses and hand.person == person:
            raise AccountError("nobody takes his own account out of use, or his own role away", "self")
        if hand.rev != account.rev:
            raise AccountError(f"{person} has changed since it was seen", "changed")
        admins = [one for one in self.all() if one.role is Role.ADMIN and not one.disabled]
        if loses and [one.id for one in admins] == [person]:
            raise AccountError(f"{person} is the last one who may manage accounts", "last_admin")
        return account

    def _enter_of(self, hand: Hand | None, what: str, person: str, detail: str = "") -> None:
        if hand is None:
            self.enter(what, person, detail=detail)
        else:
            self.enter(what, person, hand.station, " · ".join(filter(None, (detail, f"by {hand.person}"))))

    @staticmethod
    def _fit(secret: str, person: str) -> None:
        if wrong := passwords.unfit(secret, person):
            raise AccountError(wrong, "bad_secret")

    # --- signing in ------------------------------------------------------------------------------

    def check(self, person: str, secret: str) -> Account | None:
        """Whose secret this is; None for a wrong one and for nobody alike. As slow as the hash."""
        row = self._db.execute(f"SELECT {_SEEN}, hash FROM account WHERE id=?", (person,)).fetchone()
        kept = str(row[-1]) if row else None
        if not passwords.fits(kept, secret):
            return None
        if kept is not None and passwords.outdated(kept):
            self._renew_hash(person, passwords.hashed(secret))
        return _account(row)

    def _renew_hash(self, person: str, kept: str) -> None:
        """At the next sign-in if not now: the old hash is still a good one."""
        with contextlib.suppress(LogTrouble), self.transaction():
            self._db.execute("UPDATE account SET hash=?, rev=rev+1 WHERE id=?", (kept, person))
            self._tell_account(person)

    def keep(self, session: Kept) -> None:
        """Inside the caller's transaction."""
        self._db.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(session))
        self._telling.append(_of_session(session))

    def sessions(self, now_ns: int) -> list[Kept]:
        """Those that are not over, oldest first; the others are removed in time."""
        with self.transaction():
            self._forget_sessions(now_ns)
        return [session for session in self._sessions() if session.t_end > now_ns]

    def _forget_sessions(self, now_ns: int) -> None:
        self._db.execute(
            "DELETE FROM session WHERE t_end<=? AND max(t_begin, t_end)<=?", (now_ns, now_ns - SHARED_SESSION_NS)
        )

    def _sessions(self) -> list[Kept]:
        rows = self._db.execute("SELECT token, person, station, epoch, t_begin, t_end FROM session ORDER BY t_begin")
        return [Kept(*row) for row in rows]

    def end(self, tokens: list[bytes]) -> None:
        """These sessions are over, on disk too."""
        with self.transaction():
            ending = [s for s in self._sessions() if s.token in tokens and s.t_end]
            self._telling += [_of_session(s, over=True) for s in ending]
            self._db.executemany("UPDATE session SET t_end=0 WHERE token=?", [(t,) for t in tokens])

    # --- the file --------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One change, shared before it is written; one within another is part of it. Raises LogTrouble."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._telling = []
        try:
            yield
            self._sharing.share(self._telling)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def enter(self, what: str, person: str, station: str = "", detail: str = "") -> None:
        """A row for the record. Inside the caller's transaction."""
        row, id_ = _EntryRow(time.time_ns(), what, person, station, detail), os.urandom(12)
        self._write_entry(id_, row)
        self._telling.append(_of_entry(id_, row))

    def _write_entry(self, id_: bytes, row: _EntryRow) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO entry(t, what, person, station, detail, id) VALUES (?, ?, ?, ?, ?, ?)",
            (*msgspec.structs.astuple(row), id_),
        )

    def entries(self) -> list[tuple[str, str, str, str]]:
        """(what, person, station, detail), oldest first."""
        return list(self._db.execute("SELECT what, person, station, detail FROM entry ORDER BY n"))

    # --- several hubs ----------------------------------------------------------------------------

    def _tell_account(self, person: str) -> None:
        self._telling += self._accounts("WHERE id=?", person)

    def _accounts(self, where: str = "", *values: str) -> list[Row]:
        found = self._db.execute(
            f"SELECT id, name, short, role, disabled, epoch, hash, t_secret, t_temp, rev FROM account {where}", values
        )
        return [Row(ACCOUNT, row[0], row[9], msgspec.json.encode(_AccountRow(*row[:9]))) for row in found]

    def rows(self) -> Iterator[Row]:
        """Shelf."""
        yield from self._accounts()
        yield from [_of_session(session, over=not session.t_end) for session in self._sessions()]
        found = self._db.execute("SELECT id, t, what, person, station, detail FROM entry WHERE id IS NOT NULL")
        yield from [_of_entry(row[0], _EntryRow(*row[1:])) for row in found]

    def take(self, rows: Iterable[Row]) -> None:
        """Shelf."""
        with self.transaction():
            for row in rows:
                match row.kind:
                    case "account":
                        self._take_account(msgspec.json.decode(row.told, type=_AccountRow), row.rev)
                    case "session":
                        self._take_session(msgspec.json.decode(row.told, type=Kept), over=row.rev > 0)
                    case "entry":
                        self._write_entry(bytes.fromhex(row.key), msgspec.json.decode(row.told, type=_EntryRow))
            self._forget_sessions(time.time_ns())

    def _take_account(self, account: _AccountRow, rev: int) -> None:
        known = self._db.execute("SELECT rev FROM account WHERE id=?", (account.id,)).fetchone()
        if known is not None and known[0] > rev:
            return
        *values, t_temp = msgspec.structs.astuple(account)
        row = (*values, rev, t_temp)
        self._db.execute("INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._db.execute("DELETE FROM session WHERE person=? AND epoch<?", (account.id, account.epoch))

    def _take_session(self, session: Kept, *, over: bool) -> None:
        """An ended one stays ended, in whatever order its rows come."""
        values = msgspec.structs.astuple(msgspec.structs.replace(session, t_end=0) if over else session)
        self._db.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT(token) DO UPDATE SET t_end=excluded.t_end WHERE t_end<>0",
            values,
        )

    def close(self) -> None:
        self._db.close()


def _of_session(session: Kept, *, over: bool = False) -> Row:
    """`over`: it ended, perhaps before its time."""
    told = msgspec.structs.replace(session, t_end=0) if over else session
    until = max(session.t_begin, session.t_end) + SHARED_SESSION_NS
    return Row(SESSION, session.token.hex(), int(over), msgspec.json.encode(told), until)


def _of_entry(id_: bytes, row: _EntryRow) -> Row:
    return Row(ENTRY, id_.hex(), 0, msgspec.json.encode(row), row.t + SHARED_ENTRY_NS)


_SEEN = "id, name, short, role, disabled, epoch, rev, t_temp"


def _account(row: tuple[Any, ...]) -> Account:
    """Of the columns of _SEEN, and what follows them."""
    id_, name, short, role, disabled, epoch, rev, t_temp = row[:8]
    return Account(id_, name, short, _role(role), bool(disabled), epoch, rev, t_temp)


def _role(text: str) -> Role:
    """A role that this version does not know may look, no more."""
    try:
        return Role(text)
    except ValueError:
        return Role.VIEWER
