"""Who is at a station: the person of a session, or of the seat where the hub seats people itself (the demo).

Cycle of a sign-in: 1. SIGNIN in the loop, one a station at a time, 2. delay, hash and session row in the
clerk's thread, 3. its ending in the loop: the session counts, roster and seat show it, SIGNED goes out.
Every second the accounts are looked at, and what is over is taken out: on disk, on the feeds, for the station.
Must not: believe a name or role in a payload, or do a hash in the loop.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Collection

import msgspec

from backends.domain.access import GRANTS
from backends.domain.people import Operator, Station
from backends.domain.times import NS_PER_S, SessionClock
from backends.hub import timeline
from backends.hub.accounts import Account, AccountBook, Kept
from backends.hub.clerk import Clerk, Ending, Job
from backends.hub.core import Core
from backends.hub.ports import LogTrouble
from backends.hub.reply import Reply
from backends.hub.security import told
from backends.hub.sessions import Sessions, fingerprint, new_token
from backends.protocol.messages import FromHub, Signed, SignIn, SignOut

log = logging.getLogger(__name__)

SESSION_S = 12 * 3600.0
"""A shift and its hand-over; then one signs in again."""
OFFLINE_S = 24 * 3600.0
"""For how long a station may let a person in without the hub, from his last sign-in here."""
TROUBLE_RETRY_S = 5.0
LOOKS_AT_MOST_S = 10.0
"""Then a SIGNIN that was lost on its way through the hub no longer stands in the way of the next."""
NAME_MOST = 64


class Who(msgspec.Struct, frozen=True):
    """A person at a station."""

    operator: Operator
    t_expires_ns: int = 0
    """In the hub's time; 0 = none."""

    @property
    def grants(self) -> tuple[str, ...]:
        return grants_of(self.operator)


def grants_of(operator: Operator) -> tuple[str, ...]:
    """Names of the rights that go with a role, in order."""
    return tuple(sorted(right.value for right in GRANTS.get(operator.role, frozenset())))


class Access:
    """Used by the loop's thread; its jobs run in the clerk's and touch the account book alone."""

    def __init__(
        self, core: Core, clock: SessionClock, rate: float, counters: Counter[str], clerk: Clerk, book: AccountBook,
        *, seats: bool, session_s: float = SESSION_S,
    ) -> None:  # fmt: skip
        """`seats`: the roster says who sits where, and nobody signs in."""
        self._core, self._clock, self._rate, self._counters = core, clock, rate, counters
        self._clerk, self._book = clerk, book
        self._seats, self._session_s = seats, session_s
        self._signing: dict[str, float] = {}
        """Until when a SIGNIN of that station is being looked at."""
        self._looking = False
        self._leaving: set[bytes] = set()
        """Sessions that are over, and still on the disk."""
        self._sessions = Sessions(book.all(), [] if seats else book.sessions(time.time_ns()))
        if not seats:
            for station in {*core.records("stations"), *(s.station for s in self._sessions.all())}:
                self._show(station)

    # --- who -------------------------------------------------------------------------------------

    def who(self, station: str, token: str) -> Who | None:
        """Who acts under that token at that station; None = nobody."""
        now_ns = self._clock.now_ns()
        if self._seats:
            seated = self._core.operator_at(station, now_ns)
            return Who(seated) if seated is not None else None
        found = self._sessions.of(token, station)
        if found is None:
            if token and self._sessions.knows_elsewhere(token, station):
                told(self._counters, "foreign_token", log, "station %s uses a session of another station", station)
            return None
        account, session = found
        return Who(_operator(account, station), self._expires_ns(session))

    def _expires_ns(self, session: Kept) -> int:
        left_ns = int((session.t_end - time.time_ns()) * self._rate)
        return (self._clock.now_ns() + left_ns) // NS_PER_S * NS_PER_S

    # --- signing in ------------------------------------------------------------------------------

    def sign_in(self, station: str, message: SignIn) -> Reply:
        """A second SIGNIN while one is looked at is the same one again."""
        if self._seats:
            return Reply([Signed(message.request, "not_here")])
        now_s = time.monotonic()
        if now_s < self._signing.get(station, 0.0):
            return Reply()
        self._signing[station] = now_s + LOOKS_AT_MOST_S
        person = message.person.strip().casefold()[:NAME_MOST]
        secret, number = message.secret, message.request
        return Reply(job=lambda: self._try(station, person, secret, number))

    def _try(self, station: str, person: str, secret: str, number: int) -> Ending:
        """In the clerk's thread. The same steps for a name that exists and one that does not."""
        try:
            return self._checked(station, person, secret, number)
        except (sqlite3.Error, LogTrouble) as error:
            log.error("nobody can sign in: the accounts cannot be written: %s", error)
            return lambda: self._not_signed(station, number, "wait", TROUBLE_RETRY_S)

    def _checked(self, station: str, person: str, secret: str, number: int) -> Ending:
        book, now_ns = self._book, time.time_ns()
        wait_s = book.throttle.wait_s(person, station, now_ns)
        if wait_s > 0:
            return lambda: self._not_signed(station, number, "wait", wait_s)
        account = book.check(person, secret)
        code = "refused" if account is None else _unusable(account, now_ns)
        if account is None or code:
            with book.transaction():
                book.throttle.failed(person, station, now_ns)
                book.enter("refused", account.id if account is not None else "", station)
            return lambda: self._not_signed(station, number, code)
        token = new_token()
        end_ns = now_ns + int(self._session_s * NS_PER_S)
        session = Kept(fingerprint(token), account.id, station, account.epoch, now_ns, end_ns)
        with book.transaction():
            book.throttle.passed(person, station)
            book.keep(session)
            book.enter("signed_in", account.id, station)
        accounts = book.all()
        return lambda: self._signed(number, token, session, accounts)

    def _not_signed(self, station: str, number: int, code: str, wait_s: float = 0.0) -> list[FromHub]:
        self._signing.pop(station, None)
        if code == "refused":
            told(self._counters, "sign_in_refused", log, "a sign-in at station %s was refused", station)
        else:
            self._counters[f"sign_in_{code}"] += 1
        return [Signed(number, code, retry_s=round(wait_s, 1))]

    def _signed(self, number: int, token: str, session: Kept, accounts: list[Account]) -> list[FromHub]:
        self._signing.pop(session.station, None)
        self._counters["sign_in"] += 1
        self._sessions.know(accounts)
        self._end(self._sessions.begin(session))
        self._note("signed_in", session)
        self._show(session.station)
        who = self.who(session.station, token)
        if who is None:  # disabled in the same moment
            return [Signed(number, "refused")]
        person, account = who.operator, self._sessions.account(session.person)
        given = account is not None and account.t_temp > 0
        return [
            Signed(
                number, text="own_secret" if given else "", token=token, operator_id=person.id, name=person.name,
                role=person.role.value, grants=who.grants, t_expires=who.t_expires_ns,
                offline_s=0.0 if given else OFFLINE_S,  # a secret that was told by mouth opens no station by itself
            )
        ]  # fmt: skip

    # --- signing out -----------------------------------------------------------------------------

    def sign_out(self, station: str, message: SignOut) -> Reply:
        """The session counts no more from now on; SIGNED goes out when it is gone from the disk too."""
        session = self._sessions.end(message.token, station)
        if session is not None:
            self._end([session])
        token = fingerprint(message.token)
        if token not in self._leaving:
            return Reply([Signed(message.request, "signed_out")])
        return Reply(job=self._off_the_disk([token], Signed(message.request, "signed_out")))

    def _end(self, sessions: list[Kept]) -> None:
        """These are out of memory; `look` goes on until they are off the disk too, or a restart would revive them."""
        for session in sessions:
            self._leaving.add(session.token)
            self._note("signed_out", session)
            self._show(session.station)

    def _off_the_disk(self, tokens: list[bytes], answer: Signed | None = None) -> Job:
        """The answer goes out only when they are."""

        def job() -> Ending:
            try:
                self._book.end(tokens)
            except (sqlite3.Error, LogTrouble) as error:
                log.error("%d sessions cannot be ended on the disk yet: %s", len(tokens), error)
                return lambda: []
            return lambda: self._off(tokens, answer)

        return job

    def _off(self, tokens: list[bytes], answer: Signed | None) -> list[FromHub]:
        self._leaving.difference_update(tokens)
        return [answer] if answer is not None else []

    # --- every second ----------------------------------------------------------------------------

    def look(self, stations: Collection[str] | None) -> None:
        """`stations`: those whose key is authorised; the sessions of others are over, like those past their time.

        None: the folder of keys cannot be read. Nobody gets through then, but nobody is signed out either.
        """
        if self._seats:
            return
        self._end(self._sessions.sweep(stations))
        if self._leaving:
            self._clerk.take("", b"", self._off_the_disk(list(self._leaving)))
        if not self._looking:
            self._looking = self._clerk.take("", b"", self._read_accounts)

    def _read_accounts(self) -> Ending:
        """In the clerk's thread."""
        accounts: list[Account] | None = None
        try:
            accounts = self._book.news()
        except sqlite3.Error as error:
            log.error("the accounts cannot be read: %s", error)
        return lambda: self._know(accounts)

    def _know(self, accounts: list[Account] | None) -> list[FromHub]:
        self._looking = False
        if accounts is not None:
            self._sessions.know(accounts)
        return []

    # --- accounts ---------------------------------------------------------------------------------

    @property
    def seats(self) -> bool:
        """The roster says who sits where, and nobody signs in."""
        return self._seats

    def stations_of_people(self) -> dict[str, tuple[str, ...]]:
        """Where each person is signed in now."""
        found: dict[str, tuple[str, ...]] = {}
        for session in self._sessions.all():
            found[session.person] = (*found.get(session.person, ()), session.station)
        return found

    def know(self, accounts: list[Account], person: str) -> None:
        """The accounts as they are since one of them was changed; the roster shows him as he is."""
        self._sessions.know(accounts)
        if person in self._core.records("roster"):
            self._place(person, self._clock.now_ns())

    # --- what the feeds show ---------------------------------------------------------------------

    def _note(self, what: str, session: Kept) -> None:
        id_ = f"{what}/{session.token.hex()[:16]}"
        self._core.note(timeline.of_presence(what, id_, session.station, session.person, self._clock.now_ns()))

    def _show(self, station: str) -> None:
        """Roster and seat as the sessions are: the newest one of a station is who sits there."""
        now_ns = self._clock.now_ns()
        here = [s for s in self._sessions.all() if s.station == station]
        person = here[-1].person if here else ""
        seat: Station = self._core.records("stations").get(station) or Station(station, station)
        self._core.put("stations", msgspec.structs.replace(seat, operator_id=person, online=bool(person)), now_ns)
        for one in {person, seat.operator_id}:
            self._place(one, now_ns)

    def _place(self, person: str, now_ns: int) -> None:
        """A person on the roster, with the station where he signed in last."""
        theirs = [s.station for s in self._sessions.all() if s.person == person]
        station = theirs[-1] if theirs else ""
        account = self._sessions.account(person)
        known: Operator | None = self._core.records("roster").get(person)
        if account is not None:
            t_on_ns = known.t_on_ns if known is not None and known.station_id == station else now_ns
            there = _operator(account, station, t_on_ns)
            if known is not None and station:  # what he covers goes with him, until he signs out
                there = msgspec.structs.replace(there, areas=known.areas, sectors=known.sectors)
            self._core.put("roster", there, now_ns)
        elif known is not None:
            self._core.put("roster", msgspec.structs.replace(known, station_id="", areas=(), sectors=()), now_ns)


def _unusable(account: Account, now_ns: int) -> str:
    """Why nobody signs in by it, though the secret is right; empty = one does."""
    if account.disabled:
        return "disabled"
    return "expired" if 0 < account.t_temp < now_ns else ""


def _operator(account: Account, station: str, t_on_ns: int = 0) -> Operator:
    return Operator(account.id, account.name, account.short, account.role, station, t_on_ns)
