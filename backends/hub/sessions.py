"""Who is signed in where, in memory: looked at for every action without touching a file.

A session is a random token of 256 bits, known here by its SHA-256, bound to the station whose key signed in.
It ends by SIGNOUT, by time (wall clock or monotonic clock, whichever comes first), when its account is
disabled or gets another secret, and when its station's key is taken away.
Must not: keep a token, or give a session to another station than its own.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection, Iterable

from backends.domain.times import NS_PER_S
from backends.hub.accounts import Account, Kept

MOST_A_STATION = 8
"""Sessions of one station; the oldest ends when one more begins (a hand-over leaves the last one's open)."""


def new_token() -> str:
    """256 bits, as text for a message."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> bytes:
    """What is kept of a token. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


class Sessions:
    """Used by the hub's loop alone."""

    def __init__(self, accounts: Iterable[Account], kept: Iterable[Kept]) -> None:
        self._accounts = {a.id: a for a in accounts}
        self._all: dict[bytes, tuple[Kept, float]] = {}
        for session in kept:
            self.begin(session)

    def begin(self, session: Kept) -> list[Kept]:
        """Hold a session that is on disk; those that it pushes out."""
        left_s = (session.t_end - time.time_ns()) / NS_PER_S
        self._all[session.token] = (session, time.monotonic() + left_s)
        here = [s for s in self.all() if s.station == session.station]
        out = here[: max(0, len(here) - MOST_A_STATION)]
        for old in out:
            del self._all[old.token]
        return out

    def all(self) -> list[Kept]:
        """Every session, oldest first."""
        return sorted((s for s, _ in self._all.values()), key=lambda s: s.t_begin)

    def of(self, token: str, station: str) -> tuple[Account, Kept] | None:
        """Whose session this is; None for an unknown, ended or foreign one alike."""
        found = self._all.get(fingerprint(token)) if token else None
        if found is None or found[0].station != station or self._over(*found):
            return None
        return self._accounts[found[0].person], found[0]

    def knows_elsewhere(self, token: str, station: str) -> bool:
        """Is it another station's? For the security log alone, never for an answer."""
        found = self._all.get(fingerprint(token))
        return found is not None and found[0].station != station

    def end(self, token: str, station: str) -> Kept | None:
        """That session of that station is over."""
        found = self._all.get(fingerprint(token))
        if found is None or found[0].station != station:
            return None
        return self._all.pop(fingerprint(token))[0]

    def account(self, person: str) -> Account | None:
        return self._accounts.get(person)

    def know(self, accounts: Iterable[Account]) -> None:
        """The accounts as they are now; a role counts at once, a session that no longer fits is over."""
        self._accounts = {a.id: a for a in accounts}

    def sweep(self, stations: Collection[str] | None) -> list[Kept]:
        """Take out what is over, and what stands at a station that is not among those (None: any); what was taken."""
        out = [
            s
            for s, end_s in self._all.values()
            if self._over(s, end_s) or (stations is not None and s.station not in stations)
        ]
        for session in out:
            del self._all[session.token]
        return out

    def _over(self, session: Kept, end_s: float) -> bool:
        account = self._accounts.get(session.person)
        if account is None or account.disabled or account.epoch != session.epoch:
            return True
        return time.monotonic() >= end_s or time.time_ns() >= session.t_end
