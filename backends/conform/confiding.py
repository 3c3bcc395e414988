"""Checks of what never travels on LIVE: who called about a report, and who sent one. A backend may do without CONFIDE
and REVEAL; a report that was taken in for it stays in its queue."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from backends.conform.actor import NAMELESS, NOT_ALLOWED, Actor, acting, needs_session
from backends.conform.registry import Checks
from backends.conform.reporting import taken_in
from backends.conform.room import Room, feeds_of
from backends.conform.wire import Failed, NotOffered, Peer, head_of
from backends.domain.access import Right
from backends.domain.action import Verb
from backends.protocol.messages import Confide, Confided, Envelope, Reveal, Revealed

CHECKS = Checks()
check = CHECKS.check
REASON = "conform: to call back"
REASON_LIMIT = 200
VALUE_LIMIT = 80
SPAN = "2026-11-20T08:15:00Z/2026-11-20T08:45:00Z"
_requests = itertools.count(1)


def _confided(actor: Actor, code: str, target: str, values: dict[str, str], token: str | None = None) -> None:
    """Raises Failed when it is answered otherwise."""
    question = Confide(next(_requests), target, values, actor.peer.token if token is None else token)
    answer: Confided = actor.peer.ask(question, Confided)
    if answer.code != code:
        raise Failed(f"CONFIDE {target} {_lengths(values)} ended as {answer.code!r}, the protocol says {code!r}")


def _lengths(values: dict[str, str]) -> str:
    """What was sent, without it."""
    return ", ".join(f"{name} of {len(text)} characters" for name, text in values.items()) or "nothing"


def _revealed(
    actor: Actor, code: str, what: str, target: str, reason: str = REASON, token: str | None = None
) -> Revealed:
    """Raises Failed when it is answered otherwise, or tells something in spite of a code."""
    question = Reveal(next(_requests), what, target, reason, actor.peer.token if token is None else token)
    answer: Revealed = actor.peer.ask(question, Revealed)
    if answer.code != code or (code and answer.values):
        told = ", ".join(answer.values) or "nothing"
        raise Failed(f"REVEAL {what} {target} ended as {answer.code!r} and told {told}; the protocol says {code!r}")
    return answer


def _caller() -> dict[str, str]:
    """Nobody: a name and a number that are nowhere else."""
    return {"name": f"conform-caller-{secrets.token_hex(8)}", "phone": f"0000{secrets.randbelow(10**10):010}"}


@contextmanager
def _desk(room: Room, *, live: bool = False) -> Iterator[Actor]:
    """Who takes in a report, where a caller may be confided. Raises NotOffered or Skipped."""
    with acting(room, Verb.INTAKE, feed="reports", live=live) as actor:
        known(room, actor.peer, Confide(next(_requests), NAMELESS, _caller(), actor.peer.token), Confided, "CONFIDE")
        yield actor


def known(room: Room, peer: Peer, question: Confide | Reveal, kind: type[Confided | Revealed], name: str) -> None:
    """Raises NotOffered where that message gets no answer."""
    if name not in room.absent:
        if peer.answers(question, kind):
            return
        room.absent[name] = f"{name} gets no answer"
    raise NotOffered(room.absent[name])


@check("confide", "who called about a report of the centre is told once, and by an audited call alone")
def confide(room: Room) -> str:
    with _desk(room) as actor:
        number = taken_in(actor).id
        caller = _caller()
        for wrong in ({}, {"name": " "}, {"phone": "x" * (VALUE_LIMIT + 1)}, {**caller, "address": "x"}):
            _confided(actor, "bad_values", number, wrong)
        _confided(actor, "unknown", NAMELESS, caller)
        for _ in range(2):
            _confided(actor, "", number, caller)
        _confided(actor, "known", number, _caller())
        if not actor.grants(Right.REVEAL_REPORTER):
            _revealed(actor, NOT_ALLOWED, "reporter", number)
            return f"{number}: told, and not revealed to who may not"
        told = _revealed(actor, "", "reporter", number).values
        if told != caller:
            raise Failed(f"REVEAL of the reporter of {number} tells {', '.join(told) or 'nothing'}, not who called")
    return f"{number}: told, and revealed"


@check("confide-apart", "a caller's name and number are in no snapshot, no record, no event and not on LIVE")
def confide_apart(room: Room) -> str:
    with _desk(room, live=bool(room.place.live)) as actor:
        number = taken_in(actor).id
        caller = _caller()
        _confided(actor, "", number, caller)
        if actor.grants(Right.REVEAL_REPORTER):
            _revealed(actor, "", "reporter", number)
        actor.peer.never = tuple(text.encode() for text in caller.values())
        last = room.say(actor.peer, "conform: after a caller was confided")
        feeds = feeds_of("state", "append", offered=actor.welcome.feeds)
        for feed in feeds:
            actor.peer.snapshot(feed)
            head = head_of(actor.welcome.feeds, feed)
            actor.peer.fetch_all(feed, head.epoch, head.head)
        if room.place.live:
            actor.peer.live_until("the comment after it", lambda m: isinstance(m, Envelope) and m.cause == last.aid)
    return f"{number}: in none of {len(feeds)} feeds"


@check("reveal", "what is told to one person at a time is told to who has the right and says why, else to nobody")
def reveal(room: Room) -> str:
    with acting(room) as actor:
        question = Reveal(next(_requests), "reporter", NAMELESS, REASON, actor.peer.token)
        try:
            known(room, actor.peer, question, Revealed, "REVEAL")
        except NotOffered:
            if granted := [right for right in _RIGHTS if actor.grants(right)]:
                raise Failed(f"`grants` name {granted[0].value}, and REVEAL gets no answer") from None
            raise
        _revealed(actor, "unknown", NAMELESS, NAMELESS)
        for right, what in _RIGHTS.items():
            if not actor.grants(right):
                _revealed(actor, NOT_ALLOWED, what, NAMELESS)
                continue
            for reason in ("", "  ", "x" * (REASON_LIMIT + 1)):
                _revealed(actor, "bad_reason", what, NAMELESS, reason)
            if what == "past":
                _revealed(actor, "bad_reason", what, NAMELESS)
            _revealed(actor, "unknown", what, NAMELESS, SPAN)
    return ", ".join(what for right, what in _RIGHTS.items() if actor.grants(right)) or "nothing is told to this role"


_RIGHTS = {Right.REVEAL_REPORTER: "reporter", Right.REVEAL_CAMERA: "camera", Right.LOOK_BACK: "past"}


@check("reveal-session", "without a session nothing is told, and nothing is taken in confidence")
def reveal_session(room: Room) -> str:
    with acting(room) as actor:
        needs_session(actor)
        known(room, actor.peer, Reveal(next(_requests), "reporter", NAMELESS, REASON), Revealed, "REVEAL")
        for token in ("", NAMELESS):
            for what in (*_RIGHTS.values(), "stream"):
                _revealed(actor, "nobody_signed_in", what, NAMELESS, token=token)
        if "CONFIDE" not in room.absent and actor.peer.answers(Confide(next(_requests), NAMELESS, {}), Confided):
            _confided(actor, "nobody_signed_in", NAMELESS, _caller(), NAMELESS)
    return "nobody_signed_in"
