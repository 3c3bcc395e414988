"""The hand-over of a shift (bàn giao ca): the record, what people do to it, and its SHA-256.

Open: it collects note lines. Given: whoever goes has signed, and what stood then is frozen in it. Locked: whoever comes
has signed as well; nothing moves it any more. What it lists is made by handover_sheet.py. Pure: times are arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from backends.domain.alarm import TransitionRefused
from backends.domain.people import Operator, Role
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

NOTES_MOST = 100
NOTE_LIMIT = 500
"""Characters of one note line."""
SHIFT_S = 12 * 3600.0
"""How far back the first hand-over goes where nobody knows when the shift began."""


class HandoverState(StrEnum):
    """Where a hand-over stands."""

    OPEN = "open"
    """Notes are being written."""
    GIVEN = "given"
    """The outgoing shift has signed; its contents are frozen."""
    LOCKED = "locked"
    """Both have signed."""


class Section(StrEnum):
    """What a hand-over lists, in this order."""

    OPEN = "open"
    """Alarms that nobody has in hand, acknowledged or not."""
    CLAIMED = "claimed"
    """Alarms that somebody has in hand."""
    SHELVED = "shelved"
    OUT_OF_SERVICE = "out_of_service"
    OVERDUE = "overdue"
    """Citizen reports past their time."""
    CHANNELS = "channels"
    """Series, stations or all of it, of which nothing is heard."""
    CAMERAS = "cameras"
    """Those without a connection."""
    LAYOUT = "layout"
    """What the screens of whoever goes show."""
    LOG = "log"
    """Entries of the logbook since the last hand-over."""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing as it stood."""

    feed: str
    id: str
    """With `feed`: what it is."""
    name: LocalText
    detail: LocalText = LocalText("")
    """Of an alarm where, of a report which agency, of a camera why."""
    state: str = ""
    """As its record says; of a log entry "correction" or "corrected"."""
    priority: str = ""
    t_ns: int = 0
    """Since when; of a shelved alarm until when; of a report when it was due; of an entry when it was written."""
    who: str = ""
    """Display name: who has it, set it aside, wrote it."""
    why: str = ""
    pictures: tuple[str, ...] = ()
    """Of a log entry: its blobs."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One section."""

    section: Section
    total: int = 0
    """How many there were; `lines` may be fewer, the gravest (of the logbook the newest)."""
    lines: tuple[Line, ...] = ()


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line that a person wrote into it."""

    t_ns: int
    by: str
    """Display name."""
    by_id: str
    text: str


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who signed, as the roster called him then."""

    operator_id: str
    name: str
    role: Role
    t_ns: int
    station_id: str = ""


class Handover(msgspec.Struct, frozen=True, omit_defaults=True):
    """One hand-over of the room."""

    id: str
    """`GC-0007`: the hub counts them."""
    state: HandoverState
    t_from_ns: int
    """When the shift began that is handed over: the last hand-over, or the beginning of its opener's shift."""
    t_opened_ns: int
    opened_by: str = ""
    """Display name."""
    notes: tuple[Note, ...] = ()
    """Oldest first."""
    parts: tuple[Part, ...] = ()
    """Frozen when it was given; before that empty."""
    t_frozen_ns: int = 0
    given: Signature | None = None
    taken: Signature | None = None
    sha256: str = ""
    """Of a locked one: see `digest`."""
    rev: int = 1
    state_rev: int = 1
    """Moves with every note and every signature: nobody signs what he has not seen."""


def one_line(text: str) -> str:
    """Without line breaks and characters that cannot be printed: those are six bytes each in JSON."""
    printable = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())


def since_ns(handovers: Iterable[Handover], person: Operator | None, now_ns: int) -> int:
    """When the shift began that is handed over: with the last hand-over, else with the person's own shift."""
    taken = [one.taken.t_ns for one in handovers if one.taken is not None]
    if taken:
        return max(taken)
    began_ns = person.t_on_ns if person is not None else 0
    return began_ns if 0 < began_ns < now_ns else now_ns - int(SHIFT_S * NS_PER_S)


def unlocked(handovers: Iterable[Handover]) -> Handover | None:
    """The one that is under way; there is at most one."""
    return next((one for one in handovers if one.state is not HandoverState.LOCKED), None)


def open_new(id_: str, person: Operator, t_from_ns: int, t_ns: int) -> Handover:
    """An empty one."""
    return Handover(id_, HandoverState.OPEN, t_from_ns, t_ns, person.short)


def note(handover: Handover, person: Operator, text: str, t_ns: int) -> Handover:
    """A line more. A signature that was there falls: it was given to something else.

    Raises TransitionRefused: "locked", or "full" after NOTES_MOST lines.
    """
    _unlocked(handover)
    if len(handover.notes) >= NOTES_MOST:
        raise TransitionRefused("full")
    line = Note(t_ns, person.short, person.id, one_line(text))
    return _moved(
        handover, state=HandoverState.OPEN, notes=(*handover.notes, line), parts=(), t_frozen_ns=0, given=None
    )


def give(handover: Handover, person: Operator, parts: tuple[Part, ...], t_ns: int) -> Handover:
    """Signed by who goes; `parts` is how things stand. Signed again, it is frozen anew. Raises TransitionRefused."""
    _unlocked(handover)
    signed = _signature(person, t_ns)
    return _moved(handover, state=HandoverState.GIVEN, parts=parts, t_frozen_ns=t_ns, given=signed)


def take(handover: Handover, person: Operator, t_ns: int) -> Handover:
    """Signed by who comes: locked.

    Raises TransitionRefused: "locked", "not_given", or "same_person" (one cannot hand over to oneself).
    """
    _unlocked(handover)
    if handover.given is None:
        raise TransitionRefused("not_given")
    if handover.given.operator_id == person.id:
        raise TransitionRefused("same_person", handover.given.name)
    locked = _moved(handover, state=HandoverState.LOCKED, taken=_signature(person, t_ns))
    return msgspec.structs.replace(locked, sha256=digest(locked))


def digest(handover: Handover) -> str:
    """SHA-256 (hex) over the record as JSON: keys sorted, fields that have their default left out, no spaces, UTF-8,
    without `sha256`, `rev` and `state_rev`."""
    bare = msgspec.structs.replace(handover, sha256="", rev=1, state_rev=1)
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()


def intact(handover: Handover) -> bool:
    """A locked one holds what was signed."""
    return handover.state is HandoverState.LOCKED and handover.sha256 == digest(handover)


def _unlocked(handover: Handover) -> None:
    if handover.state is HandoverState.LOCKED:
        raise TransitionRefused("locked", handover.taken.name if handover.taken is not None else "")


def _signature(person: Operator, t_ns: int) -> Signature:
    return Signature(person.id, person.name, person.role, t_ns, person.station_id)


def _moved(handover: Handover, **fields: object) -> Handover:
    return msgspec.structs.replace(handover, rev=handover.rev + 1, state_rev=handover.state_rev + 1, **fields)
