"""Who sits at this station: sessions at the hub, sign-in without it, lock, and what a role lets be seen.

The keeper stands between the screens (AccessDesk) and the link. What it decides:
1. WELCOME names a seat: that person is granted, nobody is asked to sign in, and the seat is remembered, so
   that a console that starts without its hub still has it.
2. Otherwise people sign in: at the hub while the link is up, else (and when the hub does not answer) against
   what is kept here (feed_verifiers.py). The new session replaces the old one, which ends after its clicks.
3. A lock takes effect at once and ends with a sign-in, of the same person (who keeps or renews the session)
   or of another (hand-over).
4. A session ends when the hub no longer knows it, or at its time.
Threads: calls come from screens and from the link; hashing and files have a thread of their own, because
neither may wait. A secret lives in the one question that it belongs to, and nowhere else.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from backends.domain.access import NOBODY, AccessAnswer, AccountsTold, AccountWish, Grant, Revealed, Right
from backends.domain.action import Verb
from backends.domain.replay import PAST
from backends.domain.times import NS_PER_S, SessionClock
from backends.link.access import Session, grant_of
from backends.protocol import messages as wire
from console.feed_verifiers import MOST_OFFLINE_S, NotLetIn, Verifiers, normal
from console.sealed import BadSeal, Seal

_log = logging.getLogger(__name__)

FOLDER = "access"
SEAT_FILE = "seat"
PERSON_LIMIT = 200
SECRET_LIMIT = 1024
REASON_LIMIT = 200
SEAT_AGAIN_S = 3600.0
"""How often the memory of an unchanged seat is renewed."""

Answer = Callable[[AccessAnswer], None]
Shown = Callable[[Revealed], None]
Managed = Callable[[AccountsTold], None]
Told = Callable[[str, wire.Revealed], None]
"""(who sat here when it was asked, the answer)."""
OPEN_REASON = "opened for viewing"
REVEALS = {"reporter": Right.REVEAL_REPORTER, "camera": Right.REVEAL_CAMERA, PAST: Right.LOOK_BACK}


class PastDoor(Protocol):
    """Opens what the hub has allowed to look at. Returns at once; what the screen may know comes to `told` once."""

    def open(
        self, person: str, camera: str, span: str, values: Mapping[str, str], told: Callable[[dict[str, str]], None]
    ) -> None: ...


class HubDoor(Protocol):
    """What the keeper needs of the link. Calls return at once."""

    def sign_in(self, question: wire.SignIn) -> None: ...
    def use_session(self, session: Session) -> None: ...
    def sign_out(self, request: int, session: Session) -> None: ...
    def reveal(self, question: wire.Reveal) -> None: ...
    def manage(self, question: wire.Accounts) -> None: ...
    def confide(self, question: wire.Confide) -> None: ...


class _Try(msgspec.Struct):
    """A sign-in that is under way. Holds the secret until its answer, for the verifier."""

    request: int
    person: str
    secret: str
    answer: Answer

    def __repr__(self) -> str:
        return f"_Try({self.request}, ...)"


class _Look(msgspec.Struct):
    """A reveal that is under way."""

    request: int
    what: str
    target: str
    reason: str
    operator_id: str
    shown: Shown


class _Wish(msgspec.Struct):
    """A question about accounts that is under way, without its secrets."""

    request: int
    wish: AccountWish
    operator_id: str
    told: Managed


class _Seat(msgspec.Struct, frozen=True):
    grant: Grant
    t_until_ns: int


class AccessKeeper:
    """Thread-safe. `told` is called with each new Grant, `noted` with (what, person, target, detail) for the audit."""

    def __init__(
        self,
        data_dir: Path,
        clock: SessionClock,
        told: Callable[[Grant], None],
        noted: Callable[[str, str, str, str], None] = lambda what, person, target, detail: None,
    ) -> None:
        self._folder = data_dir / FOLDER
        self._clock, self._told, self._noted = clock, told, noted
        self._lock = threading.RLock()
        self._grant = NOBODY
        self._session = Session()
        self._up = False
        self._heard_s = time.monotonic()
        """When the link was there last; before that, when this began."""
        self._numbers = itertools.count(1)
        self._tries: dict[int, _Try] = {}
        self._looks: dict[int, _Look] = {}
        self._wishes: dict[int, _Wish] = {}
        self._opens: dict[int, tuple[str, Told]] = {}
        self._told_of: dict[int, tuple[int, Answer]] = {}
        """CONFIDEs under way: (request, who hears); without what they hold."""
        self._door: HubDoor | None = None
        self.past: PastDoor | None = None
        self._seal = Seal("", "", "")
        self._verifiers = Verifiers(self._folder, self._seal)
        self._seat_kept: tuple[Grant, float] | None = None
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="access", daemon=True)

    def start(self, door: HubDoor, seal: Seal) -> None:
        """Before the link starts: takes up the seat that the hub gave last."""
        self._door, self._seal = door, seal
        self._verifiers = Verifiers(self._folder, seal)
        try:
            seat = seal.read(self._folder / SEAT_FILE, _Seat)
        except (BadSeal, OSError) as error:
            _log.info("the seat of this station is not known (its keys are new?): %s", error)
            seat = None
        if seat is not None and self._clock.now_ns() < seat.t_until_ns:
            self._grant = seat.grant
        # Told even when it is nobody: a screen may still show who was here before this process.
        self._told(self._grant)
        self._thread.start()

    def stop(self) -> None:
        self._work.put(None)
        if self._thread.is_alive():
            self._thread.join(5.0)

    @property
    def grant(self) -> Grant:
        """Who sits here now."""
        return self._grant

    @property
    def up(self) -> bool:
        """The hub is there, as far as the link has said."""
        return self._up

    @property
    def away_s(self) -> float:
        """For how long the hub has been away, as far as it is known here."""
        return 0.0 if self._up else time.monotonic() - self._heard_s

    # -- of the screens --------------------------------------------------------------------------------

    def sign_in(self, request: int, person: str, secret: str, answer: Answer) -> None:
        """See ports.AccessDesk."""
        person, secret = normal(person.strip()), normal(secret)
        with self._lock:
            seat = self._grant.operator_id and not self._grant.sign_in
            if seat:
                # The hub seats people here: there is no secret to ask for, and nobody else to become.
                mine = person in ("", self._grant.operator_id)
                if mine and self._grant.locked:
                    self._set(msgspec.structs.replace(self._grant, locked=False))
                    self._noted("unlock", self._grant.operator_id, "", "")
                answer(AccessAnswer(request, "" if mine else "not_here"))
                return
            if not 0 < len(person) <= PERSON_LIMIT or not 0 < len(secret) <= SECRET_LIMIT:
                answer(AccessAnswer(request, "refused"))
                return
            asked = _Try(request, person, secret, answer)
            if self._up and self._door is not None:
                number = next(self._numbers)
                self._tries[number] = asked
                self._door.sign_in(wire.SignIn(number, person, secret))
            else:
                self._work.put(lambda: self._offline(asked))

    def sign_out(self, request: int, answer: Answer) -> None:
        """See ports.AccessDesk."""
        with self._lock:
            if not self._grant.sign_in:
                answer(AccessAnswer(request, "not_here"))
                return
            if self._grant.operator_id:
                self._noted("sign_out", self._grant.operator_id, "", "")
            self._leave()
            self._set(_nobody())
        answer(AccessAnswer(request))

    def lock(self) -> None:
        """See ports.AccessDesk."""
        with self._lock:
            if self._grant.operator_id and not self._grant.locked:
                self._set(msgspec.structs.replace(self._grant, locked=True))
                self._noted("lock", self._grant.operator_id, "", "")

    def reveal(self, request: int, what: str, target: str, reason: str, shown: Shown) -> None:
        """See ports.AccessDesk."""
        reason = reason.strip()
        with self._lock:
            code = self._may_reveal(what)
            if not code and not 0 < len(reason) <= REASON_LIMIT:
                code = "bad_reason"
            if not code and (not self._up or self._door is None or self._grant.offline):
                code = "offline"
            if code or self._door is None:
                shown(Revealed(request, what, target, code))
                return
            number = next(self._numbers)
            self._looks[number] = _Look(request, what, target, reason, self._grant.operator_id, shown)
            self._noted("reveal", self._grant.operator_id, f"{what}/{target}", reason)
            self._door.reveal(wire.Reveal(number, what, target, reason, self._session.token))

    def manage(self, request: int, wish: AccountWish, told: Managed) -> None:
        """See ports.AccessDesk.accounts. Asked of the hub now, or not at all: nothing of it waits on a disk."""
        bare = msgspec.structs.replace(wish, secret="", old="")
        with self._lock:
            code = self._may_manage(wish)
            if not code and (not self._up or self._door is None or self._grant.offline):
                code = "offline"
            if code or self._door is None:
                told(AccountsTold(request, bare, code))
                return
            number = next(self._numbers)
            self._wishes[number] = _Wish(request, bare, self._grant.operator_id, told)
            if wish.act != "list":
                person = wish.person if wish.act != "own" else self._grant.operator_id
                self._noted(f"account_{wish.act}", self._grant.operator_id, f"accounts/{person}", wish.role)
            self._door.manage(
                wire.Accounts(
                    number, wish.act, wish.person, wish.rev, wish.name, wish.role, wish.secret, wish.old,
                    self._session.token,
                )
            )  # fmt: skip

    def _may_manage(self, wish: AccountWish) -> str:
        if wish.act not in ("list", "own"):
            return self._grant.refusal(Right.MANAGE_ACCOUNTS)
        if not self._grant.operator_id:
            return "nobody_signed_in"
        return "locked" if self._grant.locked else ""

    def confide(self, request: int, target: str, values: dict[str, str], answer: Answer) -> None:
        """See ports.AccessDesk. That it was told is audited; what, is in no record of this station."""
        with self._lock:
            code = self._grant.refusal(Verb.INTAKE)
            if not code and (not self._up or self._grant.offline):
                code = "offline"
            if code or self._door is None:
                answer(AccessAnswer(request, code or "offline"))
                return
            number = next(self._numbers)
            self._told_of[number] = (request, answer)
            self._noted("confide", self._grant.operator_id, f"reporter/{target}", "")
            self._door.confide(wire.Confide(number, target, values, self._session.token))

    def open_camera(self, camera: str, told: Told) -> bool:
        """Ask the hub how the decoder of this station opens a camera, for whoever sits here; a lock stops no picture.
        False: not now (no hub, or nobody with a session there). `told` gets the answer once, in the link's thread."""
        with self._lock:
            person = self._grant.operator_id
            if not person or not self._up or self._door is None or self._grant.offline:
                return False
            number = next(self._numbers)
            self._opens[number] = (person, told)
            self._door.reveal(wire.Reveal(number, "stream", camera, OPEN_REASON, self._session.token))
            return True

    def _may_reveal(self, what: str) -> str:
        right = REVEALS.get(what)
        return "unknown" if right is None else self._grant.refusal(right)

    # -- of the link -----------------------------------------------------------------------------------

    def link_is(self, up: bool) -> None:
        """About twice a second. Also ends a session whose time is up."""
        with self._lock:
            self._up = up
            if up:
                self._heard_s = time.monotonic()
            expires_ns = self._grant.t_expires_ns
            if self._grant.sign_in and 0 < expires_ns < self._clock.now_ns():
                self._noted("session_over", self._grant.operator_id, "", "expired")
                self._leave()
                self._set(_nobody())

    def welcomed(self, grant: Grant, token: str) -> None:
        """Who the hub says sits here; `token` is the session's that it was asked about."""
        with self._lock:
            now = self._grant
            if token != self._session.token:
                return  # asked before the present session began, or ended
            if grant.operator_id:
                locked = now.locked and now.operator_id == grant.operator_id
                if not grant.sign_in:
                    self._session = Session()
                self._set(msgspec.structs.replace(grant, locked=locked))
            elif not (now.offline and now.operator_id):
                # Who signed in without the hub stays, offline, until he signs in at the hub.
                if now.operator_id and now.sign_in:
                    self._noted("session_over", now.operator_id, "", "unknown to the hub")
                self._session = Session()
                self._set(_nobody())
            self._remember_seat(grant)

    def signed(self, said: wire.Signed) -> None:
        """The hub's answer to one of our SIGNINs (that of a SIGNOUT is nobody's news)."""
        with self._lock:
            asked = self._tries.pop(said.request, None)
            if asked is None:
                return
            if said.code == "no_answer":
                # Heartbeats or not: a hub that does not answer is away, for whoever stands at the keyboard.
                self._work.put(lambda: self._offline(asked, "no_answer"))
                return
            if said.code or not said.operator_id or not said.token:
                if said.code == "refused":
                    self._noted("sign_in_refused", "", asked.person, "")
                if said.code == "disabled":
                    self._noted("sign_in_refused", "", asked.person, "disabled")
                    self._work.put(lambda: self._forget(asked.person))
                asked.answer(AccessAnswer(asked.request, said.code or "refused", said.retry_s))
                return
            grant = msgspec.structs.replace(grant_of(said), sign_in=True)
            self._leave()
            self._session = Session(said.operator_id, said.token)
            if self._door is not None:
                self._door.use_session(self._session)
            back = self._grant.locked and self._grant.operator_id == grant.operator_id
            self._set(grant)
            self._noted("unlock" if back else "sign_in", grant.operator_id, "", "")
            self._work.put(lambda: self._keep(asked, grant, said.offline_s))
        asked.answer(AccessAnswer(asked.request, text=said.text))

    def accounted(self, said: wire.Accounted) -> None:
        """The hub's answer to one of our ACCOUNTS; told to nobody else than who asked, nor while locked."""
        with self._lock:
            asked = self._wishes.pop(said.request, None)
            if asked is None:
                return
            code = said.code or self._may_manage(asked.wish)
            if not code and asked.operator_id != self._grant.operator_id:
                code = "not_allowed"
        if code:
            asked.told(AccountsTold(asked.request, asked.wish, code, said.text))
        else:
            asked.told(AccountsTold(asked.request, asked.wish, "", "", said.accounts, said.secret, said.until))

    def revealed(self, said: wire.Revealed) -> None:
        """The hub's answer to one of our REVEALs. Not shown to anybody else than who asked, nor while locked."""
        with self._lock:
            opening = self._opens.pop(said.request, None)
            look = self._looks.pop(said.request, None)
            told_of = self._told_of.pop(said.request, None)
        if told_of is not None:
            told_of[1](AccessAnswer(told_of[0], said.code))
        if opening is not None:
            person, told = opening
            told(person, said)
        if look is None:
            return
        with self._lock:
            code = said.code or self._may_reveal(look.what)
            if not code and look.operator_id != self._grant.operator_id:
                code = "not_allowed"
        if look.what != PAST or code:
            look.shown(Revealed(look.request, look.what, look.target, code, {} if code else said.values))
        elif self.past is not None:  # what the hub told is for the decoders, and not for a screen
            self.past.open(
                look.operator_id, look.target, look.reason, said.values, lambda values: self._opened(look, values)
            )

    def _opened(self, look: _Look, values: dict[str, str]) -> None:
        """As `revealed`: whoever asked may have gone while a recorder was asked."""
        with self._lock:
            code = self._may_reveal(look.what)
            if not code and look.operator_id != self._grant.operator_id:
                code = "not_allowed"
        look.shown(Revealed(look.request, look.what, look.target, code, {} if code else values))

    # -- inside ----------------------------------------------------------------------------------------

    def _set(self, grant: Grant) -> None:
        if grant != self._grant:
            self._grant = grant
            self._told(grant)

    def _leave(self) -> None:
        """The present session, if there is one, ends after its clicks."""
        if self._door is not None:
            if self._session.token:
                self._door.sign_out(next(self._numbers), self._session)
            self._door.use_session(Session())
        self._session = Session()
        self._work.put(self._verifiers.forget_unkept)

    def _remember_seat(self, grant: Grant) -> None:
        now_s = time.monotonic()
        seat = _nobody() if grant.sign_in else grant
        if self._seat_kept is not None and self._seat_kept[0] == seat and now_s - self._seat_kept[1] < SEAT_AGAIN_S:
            return
        self._seat_kept = (seat, now_s)
        until_ns = self._clock.now_ns() + int(MOST_OFFLINE_S * NS_PER_S)
        self._work.put(lambda: self._seal.write(self._folder / SEAT_FILE, _Seat(seat, until_ns)))

    # -- the thread of hashes and files ----------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            try:
                job()
            except OSError as error:
                _log.warning("what is kept for signing in cannot be written: %s", error)
            del job  # it may hold a secret

    def _keep(self, asked: _Try, grant: Grant, offline_s: float) -> None:
        self._verifiers.keep(asked.person, asked.secret, grant, offline_s, self._clock.now_ns())

    def _forget(self, person: str) -> None:
        try:
            had = self._verifiers.forget(person)
        except OSError:
            self._noted("verifier_kept", "", person, "disabled, and it could not be deleted")
            raise
        if had:
            self._noted("verifier_deleted", "", person, "disabled")

    def _offline(self, asked: _Try, otherwise: str = "no_offline") -> None:
        """`otherwise`: what to say where nothing is kept for that person."""
        try:
            grant = self._verifiers.let_in(asked.person, asked.secret, self._clock.now_ns(), time.monotonic())
        except NotLetIn as refused:
            if refused.code == "refused":
                self._noted("sign_in_refused", "", asked.person, "offline")
            code = otherwise if refused.code == "no_offline" else refused.code
            asked.answer(AccessAnswer(asked.request, code, refused.retry_s))
            return
        except OSError as error:
            _log.warning("a try to sign in cannot be counted, so nobody is let in: %s", error)
            asked.answer(AccessAnswer(asked.request, "not_kept"))
            return
        with self._lock:
            if self._session.token and self._session.person == grant.operator_id:
                self._set(msgspec.structs.replace(self._grant, locked=False))  # his own session goes on
                self._noted("unlock", grant.operator_id, "", "offline")
            else:
                self._leave()
                self._session = Session(grant.operator_id)
                if self._door is not None:
                    self._door.use_session(self._session)
                self._set(grant)
                self._noted("sign_in", grant.operator_id, "", "offline")
        asked.answer(AccessAnswer(asked.request))


def _nobody() -> Grant:
    return msgspec.structs.replace(NOBODY, sign_in=True)
