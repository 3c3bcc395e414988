"""Alarms after ISA-18.2 / IEC 62682: record, order and pure transitions.

The hub's alarm engine is the only caller of the transitions that change the truth; the console uses
the same functions to show a pending click. Nothing here reads a clock: times are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

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
    SHELVED = "shelved"
    """Set aside by a person until `shelved_until_ns`."""
    SUPPRESSED = "suppressed"
    """Kept quiet by design, because its parent speaks for it."""
    OUT_OF_SERVICE = "oos"
    """Not watched: maintenance."""
    NORMAL = "normal"
    """Returned and acknowledged: no longer in the list."""


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
    """How often it was raised since it became active; > 1 for a re-raise or a collapsed group."""
    sensor_id: str = ""
    camera_ids: tuple[str, ...] = ()
    """Cameras that see the place, best first, dead ones included."""
    procedure_id: str = ""
    source: str = ""
    """What raised it: "limit", "camera", "analytics", "feed", "person", "canary", ..."""
    rev: int = 1
    """Moves with every change of the record."""
    state_rev: int = 1
    """Moves on raise, return, rise of priority, acknowledge, claim, release, shelve, unshelve; only it is compared."""

    @property
    def unacknowledged(self) -> bool:
        """Still asks for an acknowledgement (active or returned)."""
        return self.state in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)


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


def acknowledge(alarm: Alarm, by: str, t_ns: int) -> Alarm:
    """Seen by `by`. Raises TransitionRefused("already_acknowledged") when it asks for nothing."""
    if not alarm.unacknowledged:
        raise TransitionRefused("already_acknowledged", alarm.holder or alarm.acked_by)
    state = AlarmState.NORMAL if alarm.state is AlarmState.RETURNED else AlarmState.ACKNOWLEDGED
    return _moved(alarm, state=state, acked_by=by, t_acked_ns=t_ns)


def claim(alarm: Alarm, by: str, by_id: str, t_ns: int) -> Alarm:
    """Taken in hand by `by`, which also acknowledges. A second claim is a conflict naming the holder."""
    if alarm.holder_id:
        raise TransitionRefused("already_claimed", alarm.holder)
    if alarm.state not in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED):
        raise TransitionRefused("not_active")
    # A returned alarm that somebody claims stays in the list, acknowledged and in hand.
    return _moved(
        alarm,
        state=AlarmState.ACKNOWLEDGED,
        acked_by=alarm.acked_by or by,
        t_acked_ns=alarm.t_acked_ns or t_ns,
        holder=by,
        holder_id=by_id,
    )


def release(alarm: Alarm, by_id: str, *, anybody: bool = False) -> Alarm:
    """Given back by its holder, or (`anybody`) by one who may take it from him. It stays acknowledged."""
    if not alarm.holder_id:
        raise TransitionRefused("not_claimed")
    if alarm.holder_id != by_id and not anybody:
        raise TransitionRefused("already_claimed", alarm.holder)
    return _moved(alarm, holder="", holder_id="")


def shelve(alarm: Alarm, by: str, reason: str, until_ns: int) -> Alarm:
    """Set aside by a person until `until_ns`. Raises TransitionRefused("not_active") for what is not in the list."""
    if alarm.state not in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED):
        raise TransitionRefused(
            "already_shelved" if alarm.state is AlarmState.SHELVED else "not_active", alarm.shelved_by
        )
    return _moved(alarm, state=AlarmState.SHELVED, shelved_until_ns=until_ns, shelved_by=by, shelve_reason=reason)


def unshelve(alarm: Alarm) -> Alarm:
    """Back in the list, asking for an acknowledgement again, whether the time is up or a person says so."""
    if alarm.state is not AlarmState.SHELVED:
        raise TransitionRefused("not_shelved")
    state = AlarmState.RETURNED if alarm.t_returned_ns else AlarmState.UNACKNOWLEDGED
    return _moved(alarm, state=state, shelved_until_ns=0, shelved_by="", shelve_reason="", acked_by="", t_acked_ns=0)


def return_to_normal(alarm: Alarm, t_ns: int) -> Alarm:
    """The cause has gone. An acknowledged alarm becomes NORMAL, an unseen one waits as RETURNED."""
    if alarm.state is AlarmState.UNACKNOWLEDGED:
        return _moved(alarm, state=AlarmState.RETURNED, t_returned_ns=t_ns)
    if alarm.state is AlarmState.ACKNOWLEDGED:
        return _moved(alarm, state=AlarmState.NORMAL, t_returned_ns=t_ns)
    if alarm.state is AlarmState.SHELVED:
        # Nobody is waiting for it; what was seen before it was set aside need not come back.
        return _moved(alarm, state=AlarmState.NORMAL, t_returned_ns=t_ns)
    return alarm


def raise_again(alarm: Alarm, t_ns: int) -> Alarm:
    """The cause is back while the alarm still waits as RETURNED, or lies on the shelf having returned before."""
    if alarm.state is AlarmState.SHELVED and alarm.t_returned_ns:
        # It stays set aside, but it must not come off the shelf as something that is over.
        return _moved(alarm, t_raised_ns=t_ns, t_returned_ns=0, count=alarm.count + 1)
    if alarm.state is not AlarmState.RETURNED:
        return alarm
    return _moved(alarm, state=AlarmState.UNACKNOWLEDGED, t_raised_ns=t_ns, t_returned_ns=0, count=alarm.count + 1)


def rise(alarm: Alarm, priority: Priority, t_ns: int) -> Alarm:
    """Re-alarm on rise: a graver priority asks for a new acknowledgement, but keeps its holder.

    It also ends shelving: who set the milder one aside did not decide about this.
    """
    if priority.rank >= alarm.priority.rank:
        return alarm
    return _moved(
        alarm,
        priority=priority,
        state=AlarmState.UNACKNOWLEDGED,
        t_raised_ns=t_ns,
        t_returned_ns=0,
        acked_by="",
        t_acked_ns=0,
        shelved_until_ns=0,
        shelved_by="",
        shelve_reason="",
    )


def _moved(alarm: Alarm, **changes: object) -> Alarm:
    return msgspec.structs.replace(alarm, rev=alarm.rev + 1, state_rev=alarm.state_rev + 1, **changes)
