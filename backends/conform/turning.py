"""Checks of LEASE: a camera is turned by one person at a time, everybody sees by whom, and it comes back to all.

A backend may do without: it leaves LEASE unanswered, and no camera of its directory `turns`. What is taken here is a
camera that nobody has; nothing speaks to the camera itself.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from backends.conform.directory import LOOK_S, Directory
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import ANSWER_S, Failed, NotOffered, Peer, Skipped, head_of
from backends.domain.access import Right
from backends.domain.action import new_aid
from backends.domain.camera import Camera
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.protocol.codec import decode_body
from backends.protocol.messages import Lease, Leased, Welcome

CHECKS = Checks()
check = CHECKS.check
BEGUN, ENDED, KEPT = "turning_begun", "turning_ended", "preset_kept"
NAMELESS = "conform-no-such-camera"
NAME_LIMIT = 60
LONGEST_LEASE_S = 90.0
"""What lasts longer is not waited for."""
_requests = itertools.count(1)


class Hand:
    """One person at one station, and one camera."""

    def __init__(self, peer: Peer, welcome: Welcome, camera: str) -> None:
        self.peer, self.welcome, self.camera = peer, welcome, camera
        self._last = ""
        """The lease that was granted last."""

    def may(self, right: Right) -> bool:
        return right.value in self.welcome.grants

    def question(self, act: str, lease: str = "", **more: object) -> Lease:
        fields = {"camera": self.camera, "act": act, "lease": lease, "token": self.peer.token, **more}
        return Lease(next(_requests), **fields)  # type: ignore[arg-type]  # by name, as the message has them

    def ask(self, question: Lease) -> Leased:
        """Its answer. Raises Failed."""
        leased: Leased = self.peer.ask(question, Leased)
        if not leased.code:
            self._last = question.lease
        return leased

    def granted(self, act: str, lease: str, **more: object) -> Leased:
        """Raises Failed when it is refused."""
        leased = self.ask(self.question(act, lease, **more))
        if leased.code:
            raise Failed(f"LEASE {act} of {self.camera} was refused: {leased.code} {leased.holder}".rstrip())
        return leased

    def refused(self, code: str, act: str, lease: str = "", **more: object) -> Leased:
        """Raises Failed when it is not, or as something else."""
        question = self.question(act, lease, **more)
        leased = self.ask(question)
        if leased.code != code:
            said = leased.code or "granted"
            raise Failed(f"LEASE {act} of {question.camera} was answered by {said}, the protocol says {code}")
        return leased

    def let_go(self) -> None:
        """After a check that failed: the next one is to find the camera free."""
        with suppress(Failed):
            self.ask(self.question("give_back", self._last))

    def has(self, camera: Camera) -> bool:
        """The record says that this person turns it from here."""
        turner = camera.turner if camera.id == self.camera else None
        return turner is not None and turner.is_at(self.welcome.operator_id, self.welcome.station)


class Stage(Hand):
    """The first station's hand, with the directory and the timeline as of before it moved."""

    def __init__(self, peer: Peer, welcome: Welcome, camera: str, directory: Directory) -> None:
        super().__init__(peer, welcome, camera)
        self._directory = directory
        self._since = head_of(peer.hello().feeds, "timeline")

    def taken(self, hand: Hand | None = None) -> Camera:
        """The record that says so. Raises Failed."""
        hand = hand or self
        what = f"`turner` of {self.camera} does not become {hand.welcome.operator_id} at {hand.welcome.station}"
        return self._directory.until(what, hand.has)

    def freed(self, more_s: float = 0.0) -> None:
        """`more_s`: for so long it may still be somebody's. Raises Failed."""
        what = f"`turner` stays in the record of {self.camera}"
        self._directory.until(what, lambda camera: camera.id == self.camera and camera.turner is None, more_s)

    def told(self, *expected: str) -> list[TimelineEvent]:
        """What the timeline tells of this camera since then: exactly that. Raises Failed."""
        end_s = time.monotonic() + ANSWER_S
        while len(events := self._events()) < len(expected) and time.monotonic() < end_s:
            self.peer.receive(LOOK_S)
        if (seen := [event.what for event in events]) != list(expected):
            raise Failed(f"the timeline says {seen} of {self.camera}, it should say {list(expected)}")
        return events

    def _events(self) -> list[TimelineEvent]:
        envelopes = self.peer.fetch_all("timeline", self._since.epoch, self._since.head)
        events: list[TimelineEvent] = [decode_body("timeline", envelope.body) for envelope in envelopes]
        return [event for event in events if event.target == self.camera and event.what in (BEGUN, ENDED, KEPT)]


@contextmanager
def _stage(room: Room, *, may_turn: bool = True) -> Iterator[Stage]:
    """A person before a camera that nobody has. Raises NotOffered or Skipped."""
    with room.joined() as (peer, _):
        _offered(room, peer)
    with room.acting() as (peer, welcome):
        directory = Directory(peer)
        free = [camera.id for camera in directory.cameras.values() if camera.turns and camera.turner is None]
        if not free:
            raise Skipped("no camera with `turns` that nobody has: provide one")
        stage = Stage(peer, welcome, free[0], directory)
        if may_turn and not stage.may(Right.TURN_CAMERA):
            raise Skipped(f"{welcome.operator_id} may not turn cameras: let an operator or a shift lead sit there")
        try:
            yield stage
        except Failed:
            stage.let_go()
            raise


def _offered(room: Room, peer: Peer) -> None:
    """Raises NotOffered where LEASE gets no answer; Failed where cameras are said to turn nonetheless."""
    if "LEASE" in room.absent:
        raise NotOffered(room.absent["LEASE"])
    if peer.answers(Lease(next(_requests), NAMELESS, "give_back", lease=new_aid(), token=peer.token), Leased):
        return
    turning = [camera.id for camera in Directory(peer).cameras.values() if camera.turns]
    if turning:
        raise Failed(f"camera {turning[0]} has `turns`, and LEASE gets no answer")
    room.absent["LEASE"] = "LEASE gets no answer, and no camera has `turns`"
    raise NotOffered(room.absent["LEASE"])


@check("lease", "a camera is leased: for how long, under which address; who turns it is in its record and the timeline")
def lease(room: Room) -> str:
    with _stage(room) as stage:
        name = new_aid()
        leased = stage.granted("take", name)
        if leased.lease_s <= 0:
            raise Failed(f"`lease_s` is {leased.lease_s:g}")
        address = urlsplit(leased.address)
        if address.scheme not in ("http", "https") or not address.hostname or address.username or address.password:
            raise Failed("`address` must be an http(s) address with a host, and without user and password")
        turner = stage.taken().turner
        if turner is None or not turner.name or turner.patrol:
            raise Failed(f"`turner` says {turner}")
        stage.granted("renew", name)
        stage.granted("give_back", name)
        stage.freed()
        if any(event.actor != stage.welcome.operator_id for event in stage.told(BEGUN, ENDED)):
            raise Failed("`actor` of these events is not the person")
    return f"{stage.camera} for {leased.lease_s:g} s"


@check("lease-held", "one person at a time: the next is told who has it; a hand, or a higher rank, takes it over")
def lease_held(room: Room) -> str:
    with _stage(room) as stage, room.beside(acting=True) as (peer, welcome):
        other = Hand(peer, welcome, stage.camera)
        _are_two(stage, other)
        # The second one's rank is not below the first one's: it keeps what it has.
        hands: list[Hand] = [stage, other] if other.welcome.role == Role.SHIFT_LEAD else [other, stage]
        first, second = hands
        try:
            _taken_over(stage, first, second)
        except Failed:
            other.let_go()
            raise
    return f"{first.welcome.operator_id} did not get what {second.welcome.operator_id} had"


def _are_two(stage: Stage, other: Hand) -> None:
    """Raises Skipped."""
    ours, theirs = stage.welcome, other.welcome
    if ours.station == theirs.station or ours.operator_id == theirs.operator_id:
        raise Skipped("the second station, or the person there, is the same: two of each are needed")
    if not other.may(Right.TURN_CAMERA):
        raise Skipped(f"{theirs.operator_id} may not turn cameras: let an operator or a shift lead sit there")


def _taken_over(stage: Stage, first: Hand, second: Hand) -> None:
    """A patrol of the first; the second's hand takes the camera over and keeps it. Raises Failed."""
    patrol, hand = new_aid(), new_aid()
    first.granted("take", patrol, patrol=True)
    stage.taken(first)
    second.granted("take", hand)
    record = stage.taken(second)
    for act, name in (("take", new_aid()), ("renew", patrol)):
        leased = first.refused("held", act, name)
        if record.turner is None or leased.holder != record.turner.name:
            raise Failed(f"`holder` is {leased.holder!r}, in the record {record.turner} has it")
    first.refused("not_held", "give_back", patrol)
    second.granted("renew", hand)
    second.granted("give_back", hand)
    stage.freed()
    stage.told(BEGUN, ENDED, BEGUN, ENDED)


@check("lease-repeated", "what is asked again, because its answer was lost, has its effect once, however late it comes")
def lease_repeated(room: Room) -> str:
    with _stage(room) as stage:
        name = new_aid()
        take = stage.question("take", name)
        for _ in range(2):
            if code := stage.ask(take).code:
                raise Failed(f"LEASE take was refused: {code}")
        stage.taken()
        give_back = stage.question("give_back", name)
        if code := stage.ask(give_back).code:
            raise Failed(f"LEASE give_back was refused: {code}")
        stage.freed()
        stage.ask(give_back)
        stage.ask(take)
        stage.refused("not_held", "renew", name)
        later = new_aid()
        stage.granted("take", later)
        stage.ask(give_back)
        stage.granted("renew", later)
        stage.taken()
        stage.granted("give_back", later)
        stage.freed()
        stage.told(BEGUN, ENDED, BEGUN, ENDED)
    return "one begin and one end each"


@check("lease-late", "what names an older lease touches no later one, and what is over is not renewed")
def lease_late(room: Room) -> str:
    with _stage(room) as stage:
        old, new = new_aid(), new_aid()
        stage.granted("take", old)
        stage.granted("take", new)
        stage.refused("not_held", "renew", old)
        stage.refused("not_held", "give_back", old)
        stage.granted("renew", new)
        stage.taken()
        stage.granted("give_back", new)
        stage.refused("not_held", "renew", new)
        stage.freed()
        stage.told(BEGUN, ENDED)
    return "not_held"


@check("lease-refused", "what cannot be is said: an unknown camera, one that does not turn, an unknown act")
def lease_refused(room: Room) -> str:
    with _stage(room) as stage:
        still = [camera.id for camera in Directory(stage.peer).cameras.values() if not camera.turns][:1]
        for camera in (NAMELESS, *still):
            stage.refused("unknown", "take", new_aid(), camera=camera)
        stage.refused("bad_act", "conform_future", new_aid())
        # What follows it is decided after it: a camera that was given by mistake would be seen by now.
        name = new_aid()
        stage.granted("take", name)
        stage.taken()
        stage.granted("give_back", name)
        stage.freed()
        stage.told(BEGUN, ENDED)
        records = Directory(stage.peer).cameras
        if any(camera in records and records[camera].turner is not None for camera in (NAMELESS, *still)):
            raise Failed("a camera that was refused has a `turner`")
    return "unknown, bad_act"


@check("lease-rights", "who lacks the right, or a session, gets neither the camera nor its view kept")
def lease_rights(room: Room) -> str:
    with _stage(room, may_turn=False) as stage:
        seen = []
        if stage.peer.token:
            for token in ("", "conform-no-such-session"):
                stage.refused("nobody_signed_in", "take", new_aid(), token=token)
            seen.append("nobody_signed_in")
        if not stage.may(Right.TURN_CAMERA):
            stage.refused("not_allowed", "take", new_aid())
            stage.told()
            return ", ".join([*seen, "turning not_allowed"])
        name = new_aid()
        stage.granted("take", name)
        stage.taken()
        kept = stage.may(Right.KEEP_PRESET)
        if kept:
            for text in ("", "  ", "x" * (NAME_LIMIT + 1)):
                stage.refused("bad_text", "preset", name, text=text)
            stage.granted("preset", name, text="conform")
        else:
            stage.refused("not_allowed", "preset", name, text="conform")
        stage.granted("give_back", name)
        stage.freed()
        stage.told(BEGUN, *([KEPT] if kept else []), ENDED)
    return ", ".join([*seen, "the view kept, bad_text" if kept else "the view not_allowed"])


@check("lease-over", "a lease that is not renewed is over after `lease_s`; a renewal counts from its question")
def lease_over(room: Room) -> str:
    with _stage(room) as stage:
        name = new_aid()
        leased = stage.granted("take", name)
        if leased.lease_s > LONGEST_LEASE_S:
            stage.granted("give_back", name)
            raise Skipped(f"a lease lasts {leased.lease_s:g} s, which is not waited for: make it shorter")
        stage.taken()
        third_s = time.monotonic() + leased.lease_s / 3
        while time.monotonic() < third_s:
            stage.peer.receive(LOOK_S)
        renewed_s = time.monotonic()
        stage.granted("renew", name)
        stage.peer.hello()
        stage.freed(leased.lease_s)
        lasted_s = time.monotonic() - renewed_s
        if lasted_s < leased.lease_s * 0.9:
            raise Failed(f"it was over {lasted_s:.1f} s after the renewal, `lease_s` is {leased.lease_s:g}")
        stage.refused("not_held", "renew", name)
        stage.told(BEGUN, ENDED)
    return f"over after {lasted_s:.1f} s"
