"""ACCOUNTS: an administrator sees and changes accounts at a screen; everybody sees his own and sets his own secret.

Judged in the loop, done in the clerk's thread (a hash is slow), its ending in the loop: the accounts count at once, and
the change is an event of the timeline. A change and the list with it are one transaction: it is on the disk and counts,
or nothing has changed and the answer says so. A secret that is given to somebody is made here, told once, and is good
for a day: who has it sets his own. A question that comes again, because its answer was lost, gets the same answer and
has its effect once. Must not: log or keep a secret, or show accounts to whoever may not see them.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import sqlite3
import time
from collections import Counter

import msgspec

from backends.domain.access import AccountSeen, Right, may
from backends.domain.people import Role
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S, SessionClock
from backends.hub import passwords, timeline
from backends.hub.access import Access, Who
from backends.hub.accounts import Account, AccountBook, AccountError, Hand
from backends.hub.clerk import Ending
from backends.hub.core import Core
from backends.hub.ports import LogTrouble
from backends.hub.reply import Reply
from backends.hub.security import told
from backends.protocol.messages import Accounted, Accounts

log = logging.getLogger(__name__)

GIVEN_NS = 24 * 3600 * NS_PER_S
"""For so long a secret is good that somebody else has given."""
AGAIN_S = 120.0
"""For so long a question that comes again is known: a console gives up long before."""
LISTED_MOST = 2000
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of a secret that is told by mouth: no letter or digit that looks like another."""


class Accounting:
    """Made and asked by the loop's thread; its jobs touch the account book alone."""

    def __init__(
        self, core: Core, clock: SessionClock, counters: Counter[str], access: Access, book: AccountBook
    ) -> None:  # fmt: skip
        self._core, self._clock, self._counters, self._access, self._book = core, clock, counters, access, book
        self._answered: dict[bytes, tuple[float, Accounted]] = {}
        """Changes that were answered lately, by the fingerprint of the question. Clerk's thread only."""

    def asked(self, station: str, who: Who | None, message: Accounts) -> Reply:
        """What follows from this question."""
        if code := self._refusal(who, message):
            if code in ("not_allowed", "nobody_signed_in"):
                text = "station %s asked for accounts (%s): %s"
                told(self._counters, "accounts_refused", log, text, station, message.act[:16], code)
            return Reply([Accounted(message.request, code)])
        assert who is not None
        asker, person, sees_all = who, who.operator.id, sees(who.operator.role)
        stations = tuple(self._core.records("stations"))
        at = self._access.stations_of_people()
        hand = Hand(person, station, message.rev)

        def job() -> Ending:
            key = hashlib.sha256(station.encode() + b"\0" + msgspec.json.encode(message)).digest()
            try:
                answer, change, accounts, listed = self._done(message, hand, stations, at, key)
            except AccountError as error:
                refused = Accounted(message.request, error.code, str(error)[:200])
                return lambda: [refused]
            except (sqlite3.Error, LogTrouble) as error:
                log.error("accounts cannot be read or written: %s", error)
                return lambda: [Accounted(message.request, "not_kept")]
            seen = tuple(one for one in listed if sees_all or one.id == person)
            answer = msgspec.structs.replace(answer, accounts=seen[:LISTED_MOST])
            return lambda: self._ended(answer, message, change, asker, accounts)

        return Reply(job=job)

    def _refusal(self, who: Who | None, message: Accounts) -> str:
        if self._access.seats:
            return "not_here"
        if who is None:
            return "nobody_signed_in"
        if message.act not in _ACTS:
            return "bad_act"
        if message.act not in ("list", "own") and not may(who.operator.role, Right.MANAGE_ACCOUNTS):
            return "not_allowed"
        return ""

    # -- in the clerk's thread -----------------------------------------------------------------------

    def _done(
        self, message: Accounts, hand: Hand, stations: tuple[str, ...], at: dict[str, tuple[str, ...]], key: bytes
    ) -> tuple[Accounted, str, list[Account], tuple[AccountSeen, ...]]:  # fmt: skip
        """(the answer without the list, what has changed; empty: nothing, or not now; all accounts after it,
        and as they are told). Where it raises (AccountError, sqlite3.Error, LogTrouble) nothing has changed."""
        now_s = time.monotonic()
        # Also at a mere look: a secret that was made stays here no longer than its answer may be asked for again.
        self._answered = {k: one for k, one in self._answered.items() if now_s - one[0] < AGAIN_S}
        change = "" if message.act == "list" or key in self._answered else message.act
        if change == "own":
            self._prove(hand, message.old)  # what it counts stays counted, whatever comes of the change
        with self._book.transaction() if change else contextlib.nullcontext():
            answer = self._change(message, hand, stations) if change else Accounted(message.request)
            accounts = self._book.all()
            listed = self._listed(accounts, stations, at)
        if change:
            self._answered[key] = (now_s, answer)
        elif key in self._answered:
            answer = self._answered[key][1]
        return answer, change, accounts, listed

    def _change(self, message: Accounts, hand: Hand, stations: tuple[str, ...]) -> Accounted:
        """Does it, in the caller's transaction. Raises AccountError."""
        book, person = self._book, message.person
        match message.act:
            case "add":
                secret, until_ns = given_secret(person), time.time_ns() + GIVEN_NS
                short = " ".join(message.name.split()[-2:])
                book.add(person, message.name, short, _role(message.role), secret, hand, until_ns)
                return Accounted(message.request, secret=secret, until=until_ns)
            case "secret":
                if person == hand.person:
                    raise AccountError("one's own secret is not given, it is set", "self")
                secret, until_ns = given_secret(person), time.time_ns() + GIVEN_NS
                book.set_secret(person, secret, hand, until_ns)
                return Accounted(message.request, secret=secret, until=until_ns)
            case "own":
                book.set_secret(hand.person, message.secret, hand)
            case "role":
                book.set_role(person, _role(message.role), hand)
            case "unlock":
                book.unlock(person, stations, hand)
            case _:
                book.set_disabled(person, message.act == "disable", hand)
        return Accounted(message.request)

    def _prove(self, hand: Hand, secret: str) -> None:
        """Who sits there is the person himself, and no passer-by at his desk: counted like a sign-in. Raises
        AccountError."""
        book, now_ns = self._book, time.time_ns()
        if (wait_s := book.throttle.wait_s(hand.person, hand.station, now_ns)) > 0:
            raise AccountError(f"{wait_s:.0f}", "wait")
        if book.check(hand.person, secret) is None:
            with book.transaction():
                book.throttle.failed(hand.person, hand.station, now_ns)
                book.enter("refused", hand.person, hand.station)
            raise AccountError("the present secret is another one", "wrong_secret")

    def _listed(
        self, accounts: list[Account], stations: tuple[str, ...], at: dict[str, tuple[str, ...]]
    ) -> tuple[AccountSeen, ...]:
        book, now_ns = self._book, time.time_ns()
        signed_in = book.signed_in()
        return tuple(
            AccountSeen(
                one.id, one.name, one.role.value, one.rev, one.disabled, at.get(one.id, ()), signed_in.get(one.id, 0),
                round(max(0.0, book.throttle.person_wait_s(one.id, stations, now_ns)), 1), one.t_temp,
            )
            for one in accounts
        )  # fmt: skip

    # -- in the loop ---------------------------------------------------------------------------------

    def _ended(
        self, answer: Accounted, message: Accounts, change: str, who: Who, accounts: list[Account]
    ) -> list[Accounted]:  # fmt: skip
        if change:
            person = who.operator.id if change == "own" else message.person
            self._access.know(accounts, person)
            now_ns = self._clock.now_ns()
            found = next((one for one in accounts if one.id == person), None)
            text = LocalText(" · ".join(filter(None, (found.name if found is not None else person, _said(message)))))
            id_ = f"account/{person}/{change}/{now_ns}"
            self._core.note(timeline.event(id_, _WHAT[change], person, now_ns, actor=who.operator.id, text=text))
        return [answer]


_WHAT = {
    "add": "account_added",
    "role": "account_role",
    "disable": "account_disabled",
    "enable": "account_enabled",
    "unlock": "account_unlocked",
    "secret": "account_secret_given",
    "own": "account_secret_set",
}
"""What the timeline calls each change."""
_ACTS = frozenset({"list", *_WHAT})


def sees(role: Role) -> bool:
    """Does this role see everybody's account? The others see their own."""
    return may(role, Right.MANAGE_ACCOUNTS) or may(role, Right.READ_AUDIT)


def given_secret(person: str) -> str:
    """Sixteen letters in four groups, 79 bits: to be told by mouth and typed once."""
    while True:
        letters = [secrets.choice(_LETTERS) for _ in range(16)]
        made = "-".join("".join(letters[n : n + 4]) for n in range(0, 16, 4))
        if not passwords.unfit(made, person):
            return made


def _said(message: Accounts) -> str:
    return message.role if message.act in ("add", "role") else ""


def _role(name: str) -> Role:
    """Raises AccountError."""
    try:
        return Role(name)
    except ValueError:
        raise AccountError(f"there is no role {name[:20]!r}", "bad_role") from None
