"""A person at a station who acts: what was done has exactly the effect that was told of it, and what was not done none.

What a backend does without is told by it in one way (docs/protocol.md, section 7): the verb is in no `grants`, and is
refused as `unsupported`; or it does not know it at all, and gives no answer. Must not: repair anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from backends.conform.room import Room, peer_now
from backends.conform.wire import UNKNOWN_S, Failed, NotOffered, Patience, Peer, Skipped, head_of, name_of
from backends.domain.access import GRANTS, Right, may
from backends.domain.action import Action, Stage, Verb, new_aid
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.domain.settings import SETTING
from backends.protocol.codec import decode_body
from backends.protocol.messages import Ack, Act, Envelope, Signed, SignIn, Welcome

NAMELESS = "conform-no-such-thing"
UNSUPPORTED, NOT_ALLOWED = "unsupported", "not_allowed"
SEVERAL_FEEDS = (Verb.CLAIM, Verb.RELEASE, Verb.COMMENT)
"""Verbs of more than one feed: granted, they may still be unsupported on one of them."""
LOOK_S = 0.1
"""Between two FETCHes."""


class Done(msgspec.Struct, frozen=True):
    """What an action did."""

    ack: Ack
    record: Any
    """The item as it came back on its feed; None where it left it, or where what was said is an event alone."""
    events: tuple[TimelineEvent, ...]

    def one(self, what: str) -> TimelineEvent:
        """Its only event. Raises Failed where it is another one, or not the only one."""
        if [event.what for event in self.events] != [what]:
            raise Failed(f"{self.ack.aid} left {[event.what for event in self.events]} on timeline, not one {what}")
        return self.events[0]


class Actor:
    """One person at one connection. `welcome`: of who may act there."""

    def __init__(self, room: Room, peer: Peer, welcome: Welcome) -> None:
        self.room, self.peer, self.welcome = room, peer, welcome
        self._since = peer.hello().feeds
        self._news: dict[str, list[Envelope]] = {}
        self._vain: list[Action] = []

    @property
    def id(self) -> str:
        return self.welcome.operator_id

    @property
    def leads(self) -> bool:
        """What the others hold may be given back, and said for others."""
        return self.welcome.role == Role.SHIFT_LEAD.value

    def grants(self, right: Right | Verb) -> bool:
        return right.value in self.welcome.grants

    def now_ns(self) -> int:
        return peer_now(self.peer)

    # --- acting ----------------------------------------------------------------------------------

    def action(self, verb: Verb, feed: str, target: str, expect: int = 0, /, **args: str) -> Action:
        """One that was not sent yet."""
        return Action(new_aid(), verb, feed, target, expect, self.now_ns(), args=args)

    def done(self, action: Action) -> Done:
        """It is applied, and its record and events say so. Raises Failed, and NotOffered where a verb of several feeds
        is not supported on this one."""
        about = name_of(Act(action, self.peer.place.mode))
        ack = self.peer.act(action)[-1]
        _supported(action, ack)
        if ack.stage != Stage.APPLIED.value:
            raise Failed(f"{about} ended as {ack.stage} {ack.code} {ack.text}".rstrip() + ", not applied")
        events = self.events(action.aid)
        if not events or any(event.actor != self.id for event in events):
            said = [(event.what, event.actor) for event in events]
            raise Failed(f"{about}: the events with its `cause` are {said}, by {self.id} there is at least one")
        told_only = action.verb is Verb.LOG or (action.verb is Verb.COMMENT and action.feed != "handovers")
        return Done(ack, None if told_only else self._echo(action, ack, about), events)

    def _echo(self, action: Action, ack: Ack, about: str) -> Any:
        numbered = action.verb is Verb.INTAKE or action.target == "new"
        target = ack.text if numbered else SETTING * (action.verb is Verb.CONFIGURE) + action.target
        echo = [e for e in self.news(action.feed) if e.cause == action.aid and e.id == target]
        if len(echo) != 1:
            raise Failed(f"{about}: {len(echo)} records of {target!r} carry it as `cause`, not 1")
        if echo[0].type == "del":
            return None
        if echo[0].rev != ack.rev:
            raise Failed(f"{about}: ACK says rev {ack.rev}, the record {echo[0].rev}")
        return decode_body(action.feed, echo[0].body)

    def conflict(self, code: str, action: Action) -> Ack:
        """Raises as `done`, when it ends otherwise."""
        return self._ends(Stage.CONFLICT, code, action)

    def refused(self, code: str, action: Action) -> Ack:
        """Raises as `done`, when it ends otherwise."""
        return self._ends(Stage.REFUSED, code, action)

    def _ends(self, stage: Stage, code: str, action: Action) -> Ack:
        self._vain.append(action)
        ack = self.peer.act(action)[-1]
        if (ack.stage, ack.code) != (stage.value, code):
            _supported(action, ack)
            about = name_of(Act(action, self.peer.place.mode))
            said = f"{ack.stage} {ack.code}".rstrip()
            raise Failed(f"{about} {_told(action.args)}ended as {said}, the protocol says {stage.value} {code}")
        return ack

    def settle(self) -> None:
        """What was refused has left nothing. Raises Failed."""
        for feed in {"timeline", *(action.feed for action in self._vain if action.feed in self._since)}:
            causes = {envelope.cause for envelope in self.news(feed)}
            for action in self._vain:
                if action.aid in causes:
                    about = name_of(Act(action, self.peer.place.mode))
                    raise Failed(f"{about} was not applied, and has left something on {feed}")

    # --- looking ---------------------------------------------------------------------------------

    def news(self, feed: str) -> list[Envelope]:
        """Records of a feed since this began, in order."""
        news = self._news.setdefault(feed, [])
        head = head_of(self._since, feed)
        news += self.peer.fetch_all(feed, head.epoch, news[-1].seq if news else head.head)
        return news

    def events(self, cause: str = "") -> tuple[TimelineEvent, ...]:
        """Of the timeline since this began; with `cause`, those of that action."""
        news = [one for one in self.news("timeline") if cause in ("", one.cause)]
        return tuple(decode_body("timeline", one.body) for one in news)

    def until(self, what: str, feed: str, wanted: Callable[[Envelope], bool], limit_s: float) -> Envelope:
        """The first record since this began for which `wanted` holds. Raises Failed in words that begin with `what`."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            found = next(filter(wanted, self.news(feed)), None)
            if found is not None:
                return found
            self.peer.receive(LOOK_S)
        raise Failed(f"{what}, within {limit_s:g} s")

    def records(self, feed: str) -> dict[str, Any]:
        """The items of a state feed as of now; none where the backend has no such feed."""
        if feed not in self._since:
            return {}
        return {id_: decode_body(feed, envelope.body) for id_, envelope in self.room.items(self.peer, feed).items()}


@contextmanager
def acting(room: Room, *verbs: Verb, feed: str = "", live: bool = False) -> Iterator[Actor]:
    """Who acts at the first station; with `verbs`, who may do these. Raises NotOffered or Skipped."""
    with room.acting(live=live) as (peer, welcome):
        actor = Actor(room, peer, welcome)
        for verb in verbs:
            offered(actor, verb, feed)
        yield actor
        actor.settle()


@contextmanager
def second(room: Room, first: Actor) -> Iterator[Actor]:
    """Another person at another station. Raises Skipped where there is none."""
    with room.beside(acting=True) as (peer, welcome):
        if welcome.operator_id == first.id or welcome.station == first.welcome.station:
            raise Skipped("the second station, or the person there, is the same: two of each are needed")
        actor = Actor(room, peer, welcome)
        yield actor
        actor.settle()


def offered(actor: Actor, verb: Verb, feed: str) -> None:
    """Raises NotOffered where the backend does without a verb, Skipped where this person may not; Failed where it is
    answered in a way that is neither, though it is in no `grants`."""
    if actor.grants(verb):
        return
    key = verb.value
    if key in actor.room.absent:
        raise NotOffered(actor.room.absent[key])
    probe = actor.action(verb, feed, NAMELESS)
    actor.peer.send(Act(probe, actor.peer.place.mode, actor.peer.token))
    ack = actor.peer.within(Patience(UNKNOWN_S), Ack)
    while ack is not None and ack.stage == Stage.STORED.value:
        ack = actor.peer.within(Patience(UNKNOWN_S), Ack)
    if ack is None or ack.code == UNSUPPORTED:
        how = "is not answered" if ack is None else f"is {UNSUPPORTED}"
        actor.room.absent[key] = f"{key} is not in `grants`, and {how}"
        raise NotOffered(actor.room.absent[key])
    if ack.code == NOT_ALLOWED:
        raise Skipped(f"{actor.id} may not {key}: let {whoever_may(verb)} sit there (--person ID)")
    raise Failed(f"{key} is not in `grants`, and ended as {ack.stage} {ack.code}, not {NOT_ALLOWED} or {UNSUPPORTED}")


@contextmanager
def managing(room: Room, right: Right | Verb) -> Iterator[Actor]:
    """Who may change settings or accounts: whoever sits at the first station, or the administrator. Raises NotOffered
    where that verb is unsupported, Skipped where neither may."""
    with room.acting() as (peer, welcome):
        first = Actor(room, peer, welcome)
        if first.grants(right):
            yield first
            first.settle()
            return
        if isinstance(right, Verb):
            with suppress(Skipped):
                offered(first, right, "config")
    with room.managing() as (peer, welcome):
        admin = Actor(room, peer, welcome)
        yield admin
        admin.settle()


def needs_session(actor: Actor) -> str:
    """The token of whoever acts. Raises NotOffered where the backend seats people itself, Skipped where it need not."""
    if actor.peer.token:
        return actor.peer.token
    signed: Signed = actor.peer.ask(SignIn(1, NAMELESS, "conform"), Signed)
    if signed.code == "not_here":
        raise NotOffered("SIGNIN is answered by not_here: the backend seats people itself")
    raise Skipped("nobody has signed in here: --person ID")


def whoever_may(verb: Verb) -> str:
    """The roles that give it, in words."""
    return " or ".join(f"the role {role.value}" for role in GRANTS if may(role, verb))


def _supported(action: Action, ack: Ack) -> None:
    """Raises NotOffered where a verb of several feeds is granted, and not supported on this one."""
    if ack.code == UNSUPPORTED and action.verb in SEVERAL_FEEDS:
        raise NotOffered(f"{action.verb.value} on {action.feed} is {UNSUPPORTED}")


def _told(args: dict[str, str]) -> str:
    """Arguments, for a sentence; long ones are cut."""
    said = ", ".join(f"{name} {text[:24]!r}" for name, text in args.items())
    return f"with {said} " if said else ""
