"""Whose session is present, under which token each click goes out, and the words of signing in and out.

Pure. A click is sent under a session of the person who made it, and of nobody else:
1. while that person's session is here (or is leaving, see 3), with its token; where the hub seats people
   itself, with none, as long as the seat is that person's;
2. while nobody's session is here it waits (its expiry runs on): who signs in again sends his own clicks;
3. a session that ends keeps its token until its clicks are through, LEAVE_S at most, then SIGNOUT goes out;
4. when another person's session is here and it was never sent, it ends as refused, "session_over". One that
   was sent and not answered is asked for without a token: a hub with sessions can only tell what it did.
Must not: let a token or a secret into a log, a repr or a record that is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from backends.domain.access import NOBODY, Grant
from backends.domain.action import ActionStatus, Stage
from backends.domain.people import Role
from backends.link.asking import Asking
from backends.link.ports import Sink
from backends.protocol.messages import (
    Accounted,
    Accounts,
    Confide,
    Confided,
    Lease,
    Leased,
    Reveal,
    Revealed,
    Signed,
    SignIn,
    SignOut,
    Welcome,
)

ANSWER_S = 15.0
"""How long a person waits for SIGNED or REVEALED before the words "no answer"."""
LEASE_ANSWER_S = 3.0
"""A hand that waits for a camera does not wait for longer."""
LEAVE_S = 10.0
"""How long a session that ends may wait for the answers of its clicks, the link being up."""


class Session(msgspec.Struct, frozen=True):
    """One person's session at the hub; `token` empty = none there (offline, or nobody)."""

    person: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Session({self.person!r}, ...)"


class _Leaving(msgspec.Struct):
    session: Session
    request: int
    since_s: float
    """-1 = not yet counted: the link is down."""


class Access:
    """Used by the link thread only."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.present = Session()
        self._seat: str | None = None
        """Who the hub has seated here; None: it has not said, "": it seats nobody."""
        self._leaving: list[_Leaving] = []
        self._hellos: deque[str] = deque(maxlen=8)
        """Tokens of the HELLOs that are not answered, oldest first."""
        self.sign_ins = Asking(2.0, 8.0, lives_s=ANSWER_S, limit=4)
        self.sign_outs = Asking(1.0, 8.0, limit=16)
        self.reveals = Asking(3.0, 6.0, lives_s=ANSWER_S, limit=8)
        self.leases = Asking(0.8, 2.0, lives_s=LEASE_ANSWER_S, limit=32)
        self.accounts = Asking(3.0, 6.0, lives_s=ANSWER_S, limit=8)

    # -- from the program ----------------------------------------------------------------------------

    def sign_in(self, question: SignIn, now_s: float) -> None:
        for gone in self.sign_ins.ask(question.request, question, now_s):
            self._sink.signed(Signed(gone, code="no_answer"))

    def use(self, session: Session) -> None:
        """From now on this session is the present one; its HELLO goes out at the next turn."""
        self.present = session

    def sign_out(self, request: int, session: Session) -> None:
        """That session ends as soon as its clicks are through."""
        if self.present.token == session.token:
            self.present = Session()
        self._leaving.append(_Leaving(session, request, -1.0))

    def reveal(self, question: Reveal, now_s: float) -> None:
        for gone in self.reveals.ask(question.request, question, now_s):
            self._sink.revealed(Revealed(gone, code="no_answer"))

    def manage(self, question: Accounts, now_s: float) -> None:
        for gone in self.accounts.ask(question.request, question, now_s):
            self._sink.accounted(Accounted(gone, code="no_answer"))

    def confide(self, question: Confide, now_s: float) -> None:
        """Answered as a reveal is, without values."""
        for gone in self.reveals.ask(question.request, question, now_s):
            self._sink.revealed(Revealed(gone, code="no_answer"))

    def lease(self, question: Lease, now_s: float) -> None:
        """Under the present session."""
        asked = msgspec.structs.replace(question, token=self.present.token)
        for gone in self.leases.ask(question.request, asked, now_s):
            self._sink.leased(Leased(gone, code="no_answer"))

    # -- from the hub --------------------------------------------------------------------------------

    def on_answer(self, answer: Signed | Revealed | Confided | Leased | Accounted) -> None:
        """Handed on once; a repeated one has been answered before."""
        if isinstance(answer, Accounted):
            if self.accounts.answered(answer.request):
                self._sink.accounted(answer)
            return
        if isinstance(answer, Leased):
            if self.leases.answered(answer.request):
                self._sink.leased(answer)
            return
        if isinstance(answer, Confided):
            answer = Revealed(answer.request, answer.code)
        if isinstance(answer, Revealed):
            if self.reveals.answered(answer.request):
                self._sink.revealed(answer)
        elif self.sign_ins.answered(answer.request) or self.sign_outs.answered(answer.request):
            self._sink.signed(answer)

    def on_welcome(self, welcome: Welcome) -> None:
        """Takes from it who sits here, if it answers a HELLO of the present session."""
        token = self.present.token
        if not self._hellos or self._hellos.popleft() != token:
            return
        who = welcome.operator_id
        if not token:
            self._seat = who
            self._sink.welcomed(grant_of(welcome) if who else msgspec.structs.replace(NOBODY, sign_in=True), token)
        elif who and who == self.present.person:
            self._sink.welcomed(msgspec.structs.replace(grant_of(welcome), sign_in=True), token)
        else:
            # The hub does not know the token (any more): nothing may go out under it.
            self.present = Session()
            self._seat = None
            self._sink.welcomed(msgspec.structs.replace(NOBODY, sign_in=True), token)

    def connection_lost(self) -> None:
        """New sockets, or another hub behind them: all open questions are asked again."""
        self._hellos.clear()
        for asking in self.askings():
            asking.connection_lost()

    # -- towards the hub -----------------------------------------------------------------------------

    def hello_sent(self) -> None:
        self._hellos.append(self.present.token)

    def token_for(self, status: ActionStatus) -> str | None:
        """Under which token this click may go out now; None: not now."""
        person = status.person
        if self.present.token and person == self.present.person:
            return self.present.token
        for leaving in self._leaving:
            if leaving.session.person == person:
                return leaving.session.token
        if self.present.token:
            return None if status.stage is Stage.QUEUED else ""
        return "" if self._seat and person in ("", self._seat) else None

    def is_over(self, status: ActionStatus) -> bool:
        """Somebody else's session is here, so this click will never be sent."""
        if self.token_for(status) is not None:
            return False
        return bool(self.present.token or self._seat)

    def turn(self, now_s: float, waiting_for: frozenset[str]) -> None:
        """`waiting_for`: persons whose clicks are not through. Ends sessions and questions whose time has come."""
        for leaving in list(self._leaving):
            if leaving.since_s < 0:
                leaving.since_s = now_s
            session = leaving.session
            through = session.person not in waiting_for or session.person == self.present.person
            if through or now_s - leaving.since_s > LEAVE_S:
                self._leaving.remove(leaving)
                self.sign_outs.ask(leaving.request, SignOut(leaving.request, session.token))

    def give_up(self, now_s: float) -> None:
        """Tell those who have waited too long for an answer; with or without a link."""
        for number in self.sign_ins.given_up(now_s):
            self._sink.signed(Signed(number, code="no_answer"))
        for number in self.reveals.given_up(now_s):
            self._sink.revealed(Revealed(number, code="no_answer"))
        for number in self.leases.given_up(now_s):
            self._sink.leased(Leased(number, code="no_answer"))
        for number in self.accounts.given_up(now_s):
            self._sink.accounted(Accounted(number, code="no_answer"))

    def askings(self) -> Iterator[Asking]:
        yield from (self.sign_ins, self.sign_outs, self.reveals, self.leases, self.accounts)


def grant_of(said: Welcome | Signed) -> Grant:
    """Who that is and what he may do, from the hub's words; a role that nobody here knows may only look."""
    try:
        # A hub that tells no roles seats operators: that is what it lets act.
        role = Role(said.role) if said.role else Role.OPERATOR
    except ValueError:
        role = Role.VIEWER
    rights = said.grants if said.role else None
    return Grant(said.operator_id, said.name or said.operator_id, role, said.t_expires, rights=rights)
