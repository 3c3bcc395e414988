"""Alarms after ISA-18.2 / IEC 62682: record, order and pure transitions.

The hub's alarm engine is the only caller of the transitions that change the truth; the console uses
the same functions to show a pending click. Which event leads from which state where is data (WORLD, PEOPLE,
LATCHING; docs/alarms.md shows them). Nothing here reads a clock: times are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from backends.domain.step_mark import StepMark
from backends.domain.text import LocalText


class Priority(StrEnum):
    """Four priorities. National scales count the other way, so they are words, never numbers."""

    URGENT = "urgent"
    """Act now: life or much property at stake."""
    HIGH = "high"
    """Act within minutes."""
    MEDIUM = "medium"
    """Act within the hour."""
    LOW = "low"
    """Know of it, act within the shift."""

    @property
    def rank(self) -> int:
        """0 for urgent to 3 for low: smaller is graver."""
        return _RANK[self]


_RANK = {Priority.URGENT: 0, Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}


class AlarmState(StrEnum):
    """Where an alarm stands. NORMAL ones leave the feed (a `del`)."""

    UNACKNOWLEDGED = "unack"
    """Active, nobody has seen it."""
    ACKNOWLEDGED = "acked"
    """Active, somebody has seen it (or has it in hand: `holder`)."""
    RETURNED = "returned"
    """The cause has gone, but nobody had acknowledged it."""
    LATCHED = "latched"
    """Acknowledged and its cause has gone, but it is of a kind that stays until a person resets it."""
    SHELVED = "shelved"
    """Set aside by a person until `shelved_until_ns`."""
    SUPPRESSED = "suppressed"
    """Kept quiet by design, because its parent speaks for it."""
    OUT_OF_SERVICE = "oos"
    """Not watched: maintenance."""
    NORMAL = "normal"
    """Returned and acknowledged: no longer in the list."""


class Event(StrEnum):
    """What can happen to an alarm. The last eight are people's, and can be refused; the world's cannot."""

    RAISE = "raise"
    RETURN = "return"
    RISE = "rise"
    """Its priority becomes graver."""
    SUPPRESS = "suppress"
    """Its parent has an alarm of its own, which speaks for it."""
    UNSUPPRESS = "unsuppress"
    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    RELEASE = "release"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    """A person's, or the end of the time."""
    RESET = "reset"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


WORLD = """
                raise       return      rise        suppress    unsuppress
unack           .           returned    unack       suppressed  .
acked           .           normal      unack       suppressed  .
acked gone      unack       normal      unack       .           .
returned gone   unack       .           unack       .           .
latched gone    unack       .           unack       .           .
shelved         .           normal      unack       .           .
shelved gone    shelved     .           unack       .           .
suppressed      .           normal      suppressed  .           unack
suppressed gone suppressed  .           suppressed  .           returned
oos             .           oos         oos         .           .
oos gone        oos         .           oos         .           .
normal gone     unack       .           .           .           .
"""
"""State ("gone": its cause has gone) x the world's events -> state; "." = nothing moves."""

PEOPLE = """
                acknowledge claim       release     shelve      unshelve    reset       out_of_service in_service
unack           acked       acked       unack       shelved     no          no          oos            no
acked           no          acked       acked       shelved     no          no          oos            no
acked gone      no          acked       normal      shelved     no          no          oos            no
returned gone   normal      acked       returned    shelved     no          no          oos            no
latched gone    no          quiet       latched     quiet       no          normal      oos            no
shelved         quiet       quiet       shelved     no          unack       no          oos            no
shelved gone    quiet       quiet       shelved     no          returned    no          oos            no
suppressed      quiet       quiet       suppressed  quiet       no          no          oos            no
suppressed gone quiet       quiet       suppressed  quiet       no          no          oos            no
oos             quiet       quiet       oos         quiet       no          no          no             unack
oos gone        quiet       quiet       oos         quiet       no          no          no             normal
normal gone     quiet       quiet       normal      quiet       no          no          quiet          no
"""
"""State x people's events -> state; "no" = refused with the event's code in REFUSED, "quiet" = as "not_active"."""

LATCHING = """
                return      acknowledge release     in_service
acked           latched     =           =           =
acked gone      latched     =           latched     =
returned gone   =           latched     =           =
shelved         shelved     =           =           =
suppressed      suppressed  =           =           =
oos gone        =           =           =           returned
"""
"""What differs for a latching alarm; "=" = as above."""

REFUSED = {
    Event.ACKNOWLEDGE: "already_acknowledged",
    Event.SHELVE: "already_shelved",
    Event.UNSHELVE: "not_shelved",
    Event.RESET: "not_latched",
    Event.OUT_OF_SERVICE: "already_out_of_service",
    Event.IN_SERVICE: "not_out_of_service",
}
"""A claim or release is refused by who holds the alarm: "already_claimed", "not_claimed"."""


_GONE = (AlarmState.RETURNED, AlarmState.LATCHED, AlarmState.NORMAL)


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One alarm as the list shows it."""

    id: str
    priority: Priority
    state: AlarmState
    name: LocalText
    """What happened: "Sông Hiếu trên BĐ3 0,12 m"."""
    t_raised_ns: int
    detail: LocalText = LocalText("")
    """Figures: "4,12 m, đang lên 0,21 m/giờ"."""
    place: LocalText = LocalText("")
    area_id: str = ""
    lon: float | None = None
    lat: float | None = None
    t_returned_ns: int = 0
    t_acked_ns: int = 0
    acked_by: str = ""
    """Display name of who acknowledged ("Thu Hà")."""
    holder: str = ""
    """Display name of who claimed it; a claim also acknowledges."""
    holder_id: str = ""
    shelved_until_ns: int = 0
    shelved_by: str = ""
    shelve_reason: str = ""
    count: int = 1
    """How often it was raised since it became active."""
    sensor_id: str = ""
    camera_ids: tuple[str, ...] = ()
    """Cameras that see the place, best first, dead ones included."""
    procedure_id: str = ""
    source: str = ""
    """What raised it: "limit", "camera", "analytics", "feed", "person", "canary", ..."""
    latching: bool = False
    """It stays when its cause has gone, until it is acknowledged and reset."""
    t_clear_ns: int = 0
    """Since when its cause has gone while it stands on, by an off-delay or because it chatters; 0 = it has not."""
    chattering: bool = False
    """Raised and gone too often: it stands as one alarm, `count` goes on, and it returns once it has been quiet."""
    fleeting: bool = False
    """It was over within seconds, and did not come again."""
    oos_by: str = ""
    """Who took it out of service, from when, and why."""
    oos_reason: str = ""
    t_oos_ns: int = 0
    parent: str = ""
    """Key of what speaks for it when both are wrong (a recorder, a station, a feed); see `key`."""
    children: int = 0
    """How many alarms this one speaks for: those that are suppressed, with its key as `parent`."""
    steps: tuple[StepMark, ...] = ()
    """What was said of the steps of its procedure, the latest last (`backends.domain.procedure`)."""
    sector: str = ""
    """Which kind of work it is ("flood", "traffic", ...): who covers it goes by that and the area, see coverage.py."""
    t_escalated_ns: int = 0
    """Since when it has been with the shift lead, because nobody had seen to it; 0 = it is not. Ends as soon as it asks
    for nothing any more."""
    rev: int = 1
    """Moves with every change of the record."""
    state_rev: int = 1
    """Moves with the state: raise, return, rise of priority, suppress, unsuppress, and all that people do to it; only
    it is compared."""

    @property
    def active(self) -> bool:
        """Its cause is there, as far as is known."""
        return not self.t_returned_ns and self.state not in _GONE

    @property
    def key(self) -> str:
        """What it is about, without the moment at which it was raised."""
        return self.id.rpartition("@")[0] or self.id

    @property
    def unacknowledged(self) -> bool:
        """Still asks for an acknowledgement (active or returned)."""
        return self.state in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)


def _cells(text: str) -> dict[tuple[str, Event], str]:
    """Table text -> (row, event) -> cell. A row's name is its first 16 characters."""
    first, *rows = text.strip("\n").splitlines()
    events = [Event(word) for word in first.split()]
    return {
        (row[:16].strip(), event): cell for row in rows for event, cell in zip(events, row[16:].split(), strict=True)
    }


CELLS = _cells(WORLD) | _cells(PEOPLE)
LATCHING_CELLS = CELLS | {at: cell for at, cell in _cells(LATCHING).items() if cell != "="}


def row_of(alarm: Alarm) -> str:
    """Its row of the tables."""
    return alarm.state.value if alarm.active else f"{alarm.state.value} gone"


class TransitionRefused(Exception):
    """The action does not fit the alarm's state. `code` is stable, the text is for the log."""

    def __init__(self, code: str, holder: str = "") -> None:
        super().__init__(f"{code} {holder}".strip())
        self.code = code
        self.holder = holder


def list_order(alarm: Alarm) -> tuple[int, int, int, str]:
    """Sort key of every alarm list: unacknowledged first, then priority, then newest (look.md)."""
    return (0 if alarm.unacknowledged else 1, alarm.priority.rank, -alarm.t_raised_ns, alarm.id)


def highest_unacknowledged(alarms: Iterable[Alarm]) -> Alarm | None:
    """The one that every window must name; None when all are acknowledged."""
    open_ones = [a for a in alarms if a.unacknowledged]
    return min(open_ones, key=list_order) if open_ones else None


def _to(alarm: Alarm, event: Event) -> AlarmState | None:
    """Where the event leads; None = nothing moves. Raises TransitionRefused."""
    cell = (LATCHING_CELLS if alarm.latching else CELLS)[row_of(alarm), event]
    if cell == ".":
        return None
    if cell == "no":
        raise TransitionRefused(REFUSED[event], _who(alarm))
    if cell == "quiet":
        raise TransitionRefused("not_active", _who(alarm))
    return AlarmState(cell)


def _who(alarm: Alarm) -> str:
    """The person that a refusal names."""
    if alarm.state is AlarmState.OUT_OF_SERVICE:
        return alarm.oos_by
    return alarm.shelved_by if alarm.state is AlarmState.SHELVED else alarm.holder or alarm.acked_by


# --- what people do ---------------------------------------------------------------------------------


def acknowledge(alarm: Alarm, by: str, t_ns: int) -> Alarm:
    """Seen by `by`. Raises TransitionRefused("already_acknowledged") when it asks for nothing."""
    return _moved(alarm, state=_to(alarm, Event.ACKNOWLEDGE), acked_by=by, t_acked_ns=t_ns)


def claim(alarm: Alarm, by: str, by_id: str, t_ns: int) -> Alarm:
    """Taken in hand by `by`, which also acknowledges. A second claim is a conflict naming the holder.

    A returned alarm that somebody claims stays in the list, acknowledged and in hand.
    """
    if alarm.holder_id:
        raise TransitionRefused("already_claimed", alarm.holder)
    return _moved(
        alarm,
        state=_to(alarm, Event.CLAIM),
        acked_by=alarm.acked_by or by,
        t_acked_ns=alarm.t_acked_ns or t_ns,
        holder=by,
        holder_id=by_id,
    )


def release(alarm: Alarm, by_id: str, *, anybody: bool = False) -> Alarm:
    """Given back by its holder, or (`anybody`) by one who may take it from him. It stays acknowledged; one whose cause
    has gone is over."""
    if not alarm.holder_id:
        raise TransitionRefused("not_claimed")
    if alarm.holder_id != by_id and not anybody:
        raise TransitionRefused("already_claimed", alarm.holder)
    return _moved(alarm, state=_to(alarm, Event.RELEASE), holder="", holder_id="")


def shelve(alarm: Alarm, by: str, reason: str, until_ns: int) -> Alarm:
    """Set aside by a person until `until_ns`. Raises TransitionRefused("not_active") for what is not in the list."""
    state = _to(alarm, Event.SHELVE)
    return _moved(alarm, state=state, shelved_until_ns=until_ns, shelved_by=by, shelve_reason=reason)


def unshelve(alarm: Alarm) -> Alarm:
    """Back in the list, asking for an acknowledgement again, whether the time is up or a person says so."""
    return _moved(alarm, state=_to(alarm, Event.UNSHELVE), **_NOT_SHELVED, **_NOT_SEEN)


def reset(alarm: Alarm) -> Alarm:
    """The end of a latched alarm. Raises TransitionRefused("not_latched") before it is returned and acknowledged."""
    return _moved(alarm, state=_to(alarm, Event.RESET))


def take_out_of_service(alarm: Alarm, by: str, reason: str, t_ns: int) -> Alarm:
    """Not watched from now on, until somebody puts it into service again. What is wrong meanwhile is counted."""
    state = _to(alarm, Event.OUT_OF_SERVICE)
    return _moved(alarm, state=state, oos_by=by, oos_reason=reason, t_oos_ns=t_ns, **_NOT_SHELVED)


def put_in_service(alarm: Alarm) -> Alarm:
    """Watched again: what is wrong now asks for an acknowledgement; what is not, leaves."""
    state = _to(alarm, Event.IN_SERVICE)
    return _moved(alarm, state=state, oos_by="", oos_reason="", t_oos_ns=0, **_NOT_SEEN)


# --- what the world does ----------------------------------------------------------------------------


def return_to_normal(alarm: Alarm, t_ns: int) -> Alarm:
    """The cause has gone. An acknowledged alarm becomes NORMAL, an unseen one waits as RETURNED."""
    state = _to(alarm, Event.RETURN)
    if state is None:
        return alarm
    return _moved(alarm, state=state, t_returned_ns=alarm.t_returned_ns or t_ns, t_clear_ns=0)


def raise_again(alarm: Alarm, t_ns: int) -> Alarm:
    """The cause is back while the alarm still stands. One that is set aside or out of service stays so, as something
    that is wrong now."""
    state = _to(alarm, Event.RAISE)
    if state is None:
        return alarm
    seen = _NOT_SEEN if state is AlarmState.UNACKNOWLEDGED else {}
    again = {"t_raised_ns": t_ns, "t_returned_ns": 0, "t_clear_ns": 0, "fleeting": False, "count": alarm.count + 1}
    return _moved(alarm, state=state, **again, **seen)


def rise(alarm: Alarm, priority: Priority, t_ns: int) -> Alarm:
    """Re-alarm on rise: a graver priority asks for a new acknowledgement, but keeps its holder.

    It also ends shelving: who set the milder one aside did not decide about this. Suppressed and out of service, it
    stays so.
    """
    state = _to(alarm, Event.RISE)
    if priority.rank >= alarm.priority.rank or state is None:
        return alarm
    back = {**_NOT_SEEN, **_NOT_SHELVED} if state is AlarmState.UNACKNOWLEDGED else {}
    return _moved(
        alarm, state=state, priority=priority, t_raised_ns=t_ns, t_returned_ns=0, t_clear_ns=0, fleeting=False, **back
    )  # fmt: skip


def suppress(alarm: Alarm) -> Alarm:
    """Its parent speaks for it from now on."""
    state = _to(alarm, Event.SUPPRESS)
    return alarm if state is None else _moved(alarm, state=state)


def unsuppress(alarm: Alarm) -> Alarm:
    """Its parent is well again: what is still wrong asks for an acknowledgement."""
    state = _to(alarm, Event.UNSUPPRESS)
    return alarm if state is None else _moved(alarm, state=state, **_NOT_SEEN)


def escalate(alarm: Alarm, t_ns: int) -> Alarm:
    """Nobody has seen to it: it goes to the shift lead. `state_rev` stays: a click made before still fits."""
    return msgspec.structs.replace(alarm, t_escalated_ns=t_ns, rev=alarm.rev + 1)


_NOT_SEEN: dict[str, object] = {"acked_by": "", "t_acked_ns": 0}
_NOT_SHELVED: dict[str, object] = {"shelved_until_ns": 0, "shelved_by": "", "shelve_reason": ""}


def _moved(alarm: Alarm, **changes: object) -> Alarm:
    moved = msgspec.structs.replace(alarm, rev=alarm.rev + 1, state_rev=alarm.state_rev + 1, **changes)
    if moved.t_escalated_ns and not moved.unacknowledged:
        moved = msgspec.structs.replace(moved, t_escalated_ns=0)
    return moved
