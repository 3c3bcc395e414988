"""Checks of the logbook and of hand-overs: entries stay as they were written, two people sign, and then nothing moves.

A backend may do without either (`log`; the feed `handovers` with `hand_over` and `take_over`). An entry is there for
good, and so is a hand-over; one that nobody else could take is left as it is, for the next check.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backends.conform.actor import NAMELESS, Actor, acting, second
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, NotOffered, content
from backends.domain.action import Action, Verb
from backends.domain.handover import NOTE_LIMIT, Handover, HandoverState, digest, unlocked
from backends.domain.incident import TimelineEvent
from backends.protocol.messages import Envelope

CHECKS = Checks()
check = CHECKS.check
TEXT_LIMIT = 2000
LAYOUT_LIMIT = 80
SHA = "0" * 64
"""Of a picture that nobody has."""


# --- the logbook ----------------------------------------------------------------------------------------------------


def _entry(actor: Actor, target: str = "", **args: str) -> Action:
    return actor.action(Verb.LOG, "timeline", target, **args)


def written(actor: Actor, action: Action) -> TimelineEvent:
    """The entry. Raises Failed where it is not what was said."""
    event = actor.done(action).one("log_entry")
    if event.id != action.aid or event.text.vi != action.args["text"]:
        raise Failed(f"entry {event.id} says {event.text.vi!r}; its id is the `aid` {action.aid}")
    return event


def _about(actor: Actor) -> tuple[str, str]:
    """(feed, id) of something that there is, or of nothing."""
    for feed in ("cameras", "alarms", "sensors", "reports"):
        for id_ in actor.records(feed):
            return feed, id_
    return "", ""


@check("log", "an entry of the logbook stands on the timeline as it was written, with what and which time it is about")
def log(room: Room) -> str:
    with acting(room, Verb.LOG, feed="timeline") as actor:
        written(actor, _entry(actor, text="conform: Sổ trực, 1 mục"))
        feed, target = _about(actor)
        now_ns = actor.now_ns()
        span = {"t_from_ns": str(now_ns - 60_000_000_000), "t_to_ns": str(now_ns)}
        args = {"text": "conform: about something", **span} | ({"about": feed} if feed else {})
        event = written(actor, _entry(actor, target, **args))
        told = event.about, event.target, event.t_from_ns, event.t_to_ns
        if told != (feed, target, now_ns - 60_000_000_000, now_ns):
            raise Failed(f"an entry about {feed} {target} came back as about {told}")
    return f"about {feed} {target}".rstrip()


@check("log-corrected", "no entry is ever changed: a correction is another one that names it and takes over its target")
def log_corrected(room: Room) -> str:
    with acting(room, Verb.LOG, feed="timeline") as actor:
        feed, target = _about(actor)
        first = _entry(actor, target, text="conform: wrong", **({"about": feed} if feed else {}))
        written(actor, first)
        before = _row(actor, first.aid)
        later = written(actor, _entry(actor, text="conform: right", corrects=first.aid))
        if (later.corrects, later.about, later.target) != (first.aid, feed, target):
            raise Failed(f"the correction is {later}")
        for _ in range(2):
            if actor.peer.act(first)[-1].stage != "duplicate":
                raise Failed("an entry that is sent again must be a duplicate")
        if content(_row(actor, first.aid)) != content(before):
            raise Failed(f"entry {first.aid} is not what it was")
    return "both stay"


def _row(actor: Actor, aid: str) -> Envelope:
    """Of the log as it is given now. Raises Failed where it is there twice, or not."""
    head = actor.welcome.feeds["timeline"]
    rows = [one for one in actor.peer.fetch_all("timeline", head.epoch, head.head) if one.cause == aid]
    if len(rows) != 1:
        raise Failed(f"entry {aid} is {len(rows)} times on the timeline")
    return rows[0]


@check("log-refused", "an entry without words, about nothing known, of no time, or with what is no picture is refused")
def log_refused(room: Room) -> str:
    with acting(room, Verb.LOG, feed="timeline") as actor:
        wrong: dict[str, list[dict[str, str]]] = {
            "bad_text": [{}, {"text": " "}, {"text": "x" * (TEXT_LIMIT + 1)}],
            "bad_about": [{"text": "x", "about": "alarms"}, {"text": "x", "about": NAMELESS, "target": "x"}],
            "bad_span": [
                {"text": "x", "t_from_ns": "yesterday"},
                {"text": "x", "t_from_ns": "2", "t_to_ns": "1"},
                {"text": "x", "t_to_ns": "9" * 30},
            ],
            "bad_corrects": [{"text": "x", "corrects": NAMELESS}],
            "bad_pictures": [{"text": "x", "pictures": "conform"}, {"text": "x", "pictures": " ".join([SHA] * 3)}],
        }
        for code, cases in wrong.items():
            for args in cases:
                actor.refused(code, _entry(actor, args.pop("target", ""), **args))
    return ", ".join(wrong)


# --- hand-overs -----------------------------------------------------------------------------------------------------


class Desk:
    """Who goes, and the hand-over that is under way."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def under_way(self) -> Handover | None:
        records: dict[str, Handover] = self.actor.records("handovers")
        return unlocked(records.values())

    def act(self, verb: Verb, seen: Handover | None, by: Actor | None = None, **args: str) -> Action:
        """`seen` None: it opens one."""
        target, expect = ("new", 0) if seen is None else (seen.id, seen.state_rev)
        return (by or self.actor).action(verb, "handovers", target, expect, **args)

    def noted(self, seen: Handover | None, text: str) -> Handover:
        """A line of notes. Raises Failed."""
        done = self.actor.done(self.act(Verb.COMMENT, seen, text=text))
        note = done.record.notes[-1] if done.record is not None and done.record.notes else None
        if note is None or (note.text, note.by_id) != (text, self.actor.id):
            raise Failed(f"the last note of the hand-over is {note}")
        return self._moved(seen, done.record)

    def given(self, seen: Handover | None) -> Handover:
        """Signed by who goes. Raises Failed."""
        done = self.actor.done(self.act(Verb.HAND_OVER, seen, layout="conform"))
        after = self._moved(seen, done.record)
        if after.state is not HandoverState.GIVEN or after.given is None or after.given.operator_id != self.actor.id:
            raise Failed(f"after the signature {after.id} is {after.state.value}, given by {after.given}")
        if not after.t_frozen_ns:
            raise Failed(f"{after.id} is given, and does not say when its contents were frozen")
        return after

    @staticmethod
    def _moved(before: Handover | None, after: Handover | None) -> Handover:
        if after is None or (before is not None and after.state_rev <= before.state_rev):
            raise Failed(f"`state_rev` of hand-over {before.id if before else 'new'} must rise with it")
        return after


@contextmanager
def _desk(room: Room) -> Iterator[Desk]:
    """Raises NotOffered or Skipped."""
    with acting(room, Verb.HAND_OVER, Verb.TAKE_OVER, feed="handovers") as actor:
        if "handovers" not in actor.welcome.feeds:
            if actor.grants(Verb.HAND_OVER):
                raise Failed("`grants` name hand_over, and WELCOME has no head of handovers")
            raise NotOffered("there is no head of handovers")
        yield Desk(actor)


@check("handover", "a hand-over collects notes, then who goes signs: frozen, under its number, one at a time")
def handover(room: Room) -> str:
    with _desk(room) as desk:
        noted = desk.noted(desk.under_way(), "conform: one line")
        desk.actor.conflict("already_open", desk.act(Verb.HAND_OVER, None))
        given = desk.given(noted)
        if given.id != noted.id or given.notes != noted.notes:
            raise Failed(f"{noted.id} is {given.id} after the signature, its notes {given.notes}")
        desk.actor.conflict("gone", desk.actor.action(Verb.TAKE_OVER, "handovers", NAMELESS, 1))
        for text in ("", " ", "x" * (NOTE_LIMIT + 1)):
            desk.actor.refused("bad_text", desk.act(Verb.COMMENT, given, text=text))
        desk.actor.refused("bad_text", desk.act(Verb.HAND_OVER, given, layout="x" * (LAYOUT_LIMIT + 1)))
    return given.id


@check(
    "handover-seen",
    "nobody signs what he has not seen: an old `state_rev` is a conflict, a note ends a signature",
)
def handover_seen(room: Room) -> str:
    with _desk(room) as desk:
        given = desk.given(desk.under_way())
        again = desk.noted(given, "conform: after the signature")
        if again.given is not None or again.state is not HandoverState.OPEN or again.parts:
            raise Failed(f"after a note {again.id} is {again.state.value}, given by {again.given}")
        desk.actor.conflict("not_given", desk.act(Verb.TAKE_OVER, again))
        for seen in (given.state_rev, 0):
            late = desk.actor.action(Verb.HAND_OVER, "handovers", again.id, seen)
            desk.actor.conflict("changed", late)
    return again.id


@check("handover-two", "two different people sign; then it is locked under its SHA-256, and nothing moves it")
def handover_two(room: Room) -> str:
    with _desk(room) as desk, second(room, desk.actor) as other:
        given = desk.given(desk.noted(desk.under_way(), "conform: for the next shift"))
        ack = desk.actor.conflict("same_person", desk.act(Verb.TAKE_OVER, given))
        if given.given is None or ack.text != given.given.name:
            raise Failed(f"the text of same_person is {ack.text!r}, the signature {given.given}")
        done = other.done(desk.act(Verb.TAKE_OVER, given, other))
        locked: Handover | None = done.record
        if locked is None or locked.state is not HandoverState.LOCKED:
            raise Failed(f"after both signatures {given.id} is {locked}")
        if locked.taken is None or locked.taken.operator_id != other.id or locked.given != given.given:
            raise Failed(f"{locked.id} was given by {locked.given}, taken by {locked.taken}")
        if locked.parts != given.parts or locked.notes != given.notes:
            raise Failed(f"{locked.id} holds something else than what was signed")
        if locked.sha256 != digest(locked):
            raise Failed(f"`sha256` of {locked.id} is {locked.sha256!r}, of the record {digest(locked)}")
        done.one("handover_taken")
        for verb, by in ((Verb.COMMENT, other), (Verb.HAND_OVER, desk.actor), (Verb.TAKE_OVER, other)):
            by.conflict("locked", desk.act(verb, locked, by, text="conform: too late"))
        if other.records("handovers").get(locked.id) != locked:
            raise Failed(f"{locked.id} has moved after it was locked")
    return f"{locked.id}, {desk.actor.id} to {other.id}"
