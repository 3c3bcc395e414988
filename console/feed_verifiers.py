"""What a station keeps so that its people can sign in while the hub is away: Argon2id verifiers that expire.

One sealed file a person (console/sealed.py), bound to this station and mode: a copy in another station's
folder does not open, and a changed role or date breaks the seal. A wrong try is counted on disk before it
is compared, so that killing the program wins nothing; the pause after it follows the monotonic clock and
begins anew with the process. Must not: keep, log or return a secret, or let anybody in past the date.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backends.domain.access import Grant
from backends.domain.people import Role
from backends.domain.times import NS_PER_S
from console.sealed import BadSeal, Seal

_log = logging.getLogger(__name__)

MOST_OFFLINE_S = 7 * 86400.0
FREE_TRIES = 3
PAUSE_FIRST_S = 5.0
PAUSE_MOST_S = 900.0
CLOCK_BACK_S = 300.0
"""The clock may be corrected by so much; beyond it, somebody turned it back."""


class NotLetIn(Exception):
    """`code` as in AccessAnswer."""

    def __init__(self, code: str, retry_s: float = 0.0) -> None:
        super().__init__(code)
        self.code, self.retry_s = code, retry_s


class _Kept(msgspec.Struct, frozen=True):
    version: int
    person: str
    operator_id: str
    name: str
    role: Role
    rights: tuple[str, ...] | None
    hash: str
    """Argon2id, with its salt and costs."""
    t_until_ns: int
    t_seen_ns: int
    """Newest time at which it was used: an earlier one means that the clock was turned back."""
    wrong: int = 0
    """Tries since the last right one, counted before they are compared."""


def normal(text: str) -> str:
    """One form for what looks the same: composed letters, however they were typed."""
    return unicodedata.normalize("NFC", text)


def pause_s(wrong: int) -> float:
    """How long to wait after so many wrong tries."""
    return 0.0 if wrong < FREE_TRIES else min(PAUSE_MOST_S, PAUSE_FIRST_S * 2.0 ** (wrong - FREE_TRIES))


class Verifiers:
    """Used by one thread. Each call may take a tenth of a second: that is what Argon2id is for."""

    def __init__(self, folder: Path, seal: Seal, hasher: PasswordHasher | None = None) -> None:
        self._folder, self._seal = folder, seal
        self._hasher = hasher or PasswordHasher()
        self._memory: dict[str, _Kept] = {}
        """Of people who may not sign in offline: only to unlock their own session, gone with it."""
        self._may_try_s: dict[str, float] = {}

    def keep(self, person: str, secret: str, grant: Grant, offline_s: float, now_ns: int) -> None:
        """The hub has let this person in: so may this station, for `offline_s`. Raises OSError."""
        person = normal(person)
        lasts_s = min(offline_s, MOST_OFFLINE_S)
        until_ns = now_ns + int(lasts_s * NS_PER_S) if lasts_s > 0 else grant.t_expires_ns or now_ns + 86400 * NS_PER_S
        kept = _Kept(
            1, person, grant.operator_id, grant.name, grant.role, grant.rights,
            self._hasher.hash(self._peppered(person, secret)), until_ns, now_ns,
        )  # fmt: skip
        self._may_try_s.pop(person, None)
        if lasts_s > 0:
            self._memory.pop(person, None)
            self._seal.write(self._path(person), kept)
        else:
            self._memory[person] = kept
            self._path(person).unlink(missing_ok=True)

    def forget(self, person: str) -> bool:
        """The hub lets this person in no more: neither does this station. Whether it had kept anything. Raises
        OSError."""
        person = normal(person)
        path = self._path(person)
        had = self._memory.pop(person, None) is not None or path.exists()
        path.unlink(missing_ok=True)
        return had

    def forget_unkept(self) -> None:
        """A session ended: what was only in memory for it goes."""
        self._memory.clear()

    def let_in(self, person: str, secret: str, now_ns: int, now_s: float) -> Grant:
        """Who that is, marked offline. Raises NotLetIn; OSError where a try cannot be counted."""
        person = normal(person)
        kept = self._find(person)
        if now_ns > kept.t_until_ns:
            raise NotLetIn("expired_here")
        if now_ns < kept.t_seen_ns - int(CLOCK_BACK_S * NS_PER_S):
            raise NotLetIn("clock_back")
        may_try_s = self._may_try_s.setdefault(person, now_s + pause_s(kept.wrong))
        if now_s < may_try_s:
            raise NotLetIn("wait", may_try_s - now_s)
        kept = msgspec.structs.replace(kept, wrong=kept.wrong + 1)
        self._put(kept)
        try:
            self._hasher.verify(kept.hash, self._peppered(person, secret))
        except (VerificationError, InvalidHashError):
            self._may_try_s[person] = now_s + pause_s(kept.wrong)
            raise NotLetIn("refused", pause_s(kept.wrong)) from None
        self._may_try_s.pop(person)
        self._put(msgspec.structs.replace(kept, wrong=0, t_seen_ns=max(now_ns, kept.t_seen_ns)))
        return Grant(
            kept.operator_id, kept.name, kept.role, kept.t_until_ns, offline=True, sign_in=True, rights=kept.rights
        )

    def _find(self, person: str) -> _Kept:
        try:
            kept = self._memory.get(person) or self._seal.read(self._path(person), _Kept)
        except BadSeal as error:
            _log.warning("%s is of another station or was changed: nobody is let in by it", error)
            raise NotLetIn("foreign") from None
        if kept is None or kept.version != 1:
            raise NotLetIn("no_offline")
        if kept.person != person:
            raise NotLetIn("foreign")  # a sealed file under another person's name
        return kept

    def _put(self, kept: _Kept) -> None:
        if kept.person in self._memory:
            self._memory[kept.person] = kept
        else:
            self._seal.write(self._path(kept.person), kept)

    def _peppered(self, person: str, secret: str) -> str:
        # With the station's key inside, the file alone is no help to a guesser.
        return self._seal.mac(f"{person}\0{normal(secret)}".encode())

    def _path(self, person: str) -> Path:
        return self._folder / f"{hashlib.sha256(person.encode()).hexdigest()[:32]}.verifier"
