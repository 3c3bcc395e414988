"""Checks of what a station says of itself: its loudspeaker, and the end of its audit chain. A backend may do without
either. Anchors stay for good: a station's key for `conform` is no console's."""

from __future__ import annotations

import functools
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backends.conform.actor import LOOK_S, Actor
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, NotOffered, Peer, Skipped
from backends.domain.incident import TimelineEvent
from backends.domain.people import Speaker, Station
from backends.protocol.codec import decode_body
from backends.protocol.messages import Anchor, Anchored, AnchorGet, Anchors, Envelope, Hello, Welcome

CHECKS = Checks()
check = CHECKS.check
SEEN_S = 5.0
"""What HELLO said of it is in the record by then."""
SILENT_S = 4.0
"""After its last message a station's loudspeaker is in its record for so long at the most."""
ROOM = Speaker("conform", True, 1)
ROOM_LIMIT = 40
PAGE = 1000
_requests = itertools.count(1)


class Loudspeaker:
    """A station that says something of its loudspeaker, and a connection that looks."""

    def __init__(self, peer: Peer, station: str, looks: Actor) -> None:
        self.peer, self.station, self._looks = peer, station, looks

    def says(self, speaker: Speaker | None) -> None:
        self.peer.ask(
            Hello(self.peer.place.station, self.peer.place.mode, token=self.peer.token, speaker=speaker), Welcome
        )

    def becomes(self, what: str, wanted: Callable[[Speaker | None], bool], limit_s: float = SEEN_S) -> None:
        """Raises Failed."""
        end_s = time.monotonic() + limit_s
        while not wanted(self._said()):
            if time.monotonic() > end_s:
                raise Failed(f"`speaker` in the record of {self.station} does not become {what} within {limit_s:g} s")
            self._looks.peer.receive(LOOK_S)

    def _said(self) -> Speaker | None:
        record: Station | None = self._looks.records("stations").get(self.station)
        return record.speaker if record is not None else None


@contextmanager
def _loudspeaker(room: Room, looks: tuple[Peer, Welcome] | None = None) -> Iterator[Loudspeaker]:
    """Raises NotOffered. `looks`: a connection of another station; else the same one looks."""
    if "speaker" in room.absent:
        raise NotOffered(room.absent["speaker"])
    with room.joined() as (peer, welcome):
        speaker = Loudspeaker(peer, welcome.station, Actor(room, *(looks or (peer, welcome))))
        speaker.says(ROOM)
        try:
            speaker.becomes("", lambda said: said is not None)
        except Failed:
            room.absent["speaker"] = f"HELLO with `speaker` moves no record of {welcome.station}"
            raise NotOffered(room.absent["speaker"]) from None
        yield speaker
        speaker.says(None)


@check("speaker", "a station's loudspeaker is in its record as HELLO says it, and out of it when HELLO says nothing")
def speaker(room: Room) -> str:
    with _loudspeaker(room) as one:
        one.becomes(f"{ROOM}", lambda said: said == ROOM)
        silenced = Speaker("conform", False, 2)
        one.says(silenced)
        one.becomes(f"{silenced}", lambda said: said == silenced)
        one.says(None)
        one.becomes("nothing", lambda said: said is None)
        one.says(ROOM)
        one.becomes(f"{ROOM}", lambda said: said == ROOM)
        one.says(Speaker("x" * (ROOM_LIMIT + 1), True))
        one.becomes("nothing, where the room has 41 characters", lambda said: said is None)
    return one.station


@check("speaker-over", "a station that falls silent is not counted on: its loudspeaker leaves the record within 4 s")
def speaker_over(room: Room) -> str:
    with _loudspeaker(room):
        pass  # it is offered: only then is a second station needed
    with room.beside(acting=False) as looks, _loudspeaker(room, looks) as one:
        if looks[1].station == one.station:
            raise Skipped("the second station is the same: --other-key FILE of another one")
        one.becomes(f"{ROOM}", lambda said: said == ROOM)
        silent_s = time.monotonic()
        one.becomes("nothing, though nothing is heard of it", lambda said: said is None, SILENT_S + SEEN_S)
    return f"after {time.monotonic() - silent_s:.1f} s"


# --- anchors --------------------------------------------------------------------------------------------------------


def _is(what: str, envelope: Envelope) -> bool:
    event: TimelineEvent = decode_body("timeline", envelope.body)
    return event.what == what


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _anchors(peer: Peer, after: int) -> list[tuple[int, str, int]]:
    """All of this station after that number. Raises Failed where they are out of order."""
    found: list[tuple[int, str, int]] = []
    while True:
        answer: Anchors = peer.ask(AnchorGet(next(_requests), found[-1][0] if found else after), Anchors)
        found += answer.anchors
        if [n for n, _, _ in found] != sorted({n for n, _, _ in found}) or len(answer.anchors) > PAGE:
            raise Failed(f"ANCHORGET after {after} gave {len(answer.anchors)}, or not in order")
        if len(answer.anchors) < PAGE:
            return found


@check("anchor", "the end of a station's audit chain is kept, and one that goes back or differs is said")
def anchor(room: Room) -> str:
    with room.joined() as (peer, welcome):
        if "ANCHOR" not in room.absent and not peer.answers(AnchorGet(next(_requests), 1 << 62), Anchors):
            room.absent["ANCHOR"] = "ANCHORGET gets no answer"
        if "ANCHOR" in room.absent:
            raise NotOffered(room.absent["ANCHOR"])
        actor = Actor(room, peer, welcome)
        before = _anchors(peer, 0)
        n = (before[-1][0] if before else 0) + 2
        now_ns = actor.now_ns()
        row = (n, _hash(f"conform {n}"), now_ns)
        for code, (number, hash_, t) in (
            ("", row), ("", row), ("behind", (n - 1, _hash("older"), now_ns)), ("differs", (n, _hash("other"), now_ns)),
        ):  # fmt: skip
            answer: Anchored = peer.ask(Anchor(number, hash_, t), Anchored)
            if (answer.n, answer.code) != (number, code):
                raise Failed(f"ANCHOR {number} ended as {answer.n} {answer.code!r}, the protocol says {code!r}")
        if (kept := _anchors(peer, n - 2)) != [row]:
            raise Failed(f"one anchor was kept after {n - 2}, ANCHORGET gives {kept}")
        for what in ("anchor_behind", "anchor_differs"):
            actor.until(f"the timeline does not tell of {what}", "timeline", functools.partial(_is, what), SEEN_S)
            if len([event for event in actor.events() if event.what == what]) != 1:
                raise Failed(f"the timeline tells of {what} more than once")
    return f"number {n} of {welcome.station}"
