"""Citizen reports (phản ánh hiện trường). Reporters' identity is not part of this record, ever.

The record, its order in the queue and its SLA clock; what people do to it is in report_moves.py.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S


class ReportState(StrEnum):
    """Where a report stands."""

    NEW = "new"
    """Received, nobody has decided about it."""
    ASSIGNED = "assigned"
    """Given to an agency."""
    IN_PROGRESS = "in_progress"
    """The agency works on it."""
    RETURNED = "returned"
    """Sent back by the agency: not theirs. The centre decides anew."""
    DONE = "done"
    """Closed with a result."""
    REJECTED = "rejected"
    """Closed with a reason."""
    MERGED = "merged"
    """The same as another one (`merged_into`), which carries on for both."""

    @property
    def open(self) -> bool:
        """Still somebody's work."""
        return self in _OPEN

    @property
    def undecided(self) -> bool:
        """The centre's own work: somebody must say whose it is."""
        return self in (ReportState.NEW, ReportState.RETURNED)


_OPEN = frozenset({ReportState.NEW, ReportState.ASSIGNED, ReportState.IN_PROGRESS, ReportState.RETURNED})


class Channel(StrEnum):
    """How a report came."""

    APP = "app"
    """The citizens' application."""
    HOTLINE = "hotline"
    """Somebody called, an operator wrote it down."""
    SOCIAL = "social"
    """Found by social listening."""
    OPERATOR = "operator"
    """An operator saw it on a camera."""
    AGENCY = "agency"
    """Another system of the city."""


class FieldOrder(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order to a unit in the field. Times in the hub's clock, 0 = not yet."""

    unit_id: str
    unit: LocalText
    """As it was called when the order was given."""
    text: str
    t_sent_ns: int
    sent_by: str = ""
    t_received_ns: int = 0
    t_arrived_ns: int = 0
    t_done_ns: int = 0


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One report as the queue shows it."""

    id: str
    """`PA-2203`."""
    category: str
    title: LocalText
    state: ReportState
    t_received_ns: int
    t_due_ns: int
    """End of the SLA clock; while it is paused it would move on (`due_ns`)."""
    text: str = ""
    """The citizen's own words: plain text from outside."""
    place: LocalText = LocalText("")
    area_id: str = ""
    lon: float | None = None
    lat: float | None = None
    category_name: LocalText = LocalText("")
    agency_id: str = ""
    """Whose work it is, or (while undecided) whose it probably is."""
    agency: LocalText = LocalText("")
    t_closed_ns: int = 0
    camera_ids: tuple[str, ...] = ()
    channel: Channel = Channel.APP
    reporters: int = 1
    """How many people said it, those of merged reports included (of a merged one: its own alone). Who they are is told
    by REVEAL alone."""
    merged: tuple[str, ...] = ()
    """Ids of the reports that were merged into this one, oldest merge first."""
    merged_into: str = ""
    holder: str = ""
    """Display name of who deals with it at the centre."""
    holder_id: str = ""
    bounces: int = 0
    """How often an agency sent it back."""
    reason: str = ""
    """Why it was sent back, rejected, paused or opened again: the last of these."""
    t_paused_ns: int = 0
    """Since when the SLA clock stands; 0 = it runs."""
    paused_ns: int = 0
    """How long it stood before that, altogether."""
    escalated: int = 0
    """0, 1 = with the shift lead, 2 = with the leaders."""
    orders: tuple[FieldOrder, ...] = ()
    """Oldest first."""
    before: tuple[str, ...] = ()
    """Blob ids (SHA-256) of pictures that came with it."""
    after: tuple[str, ...] = ()
    """Blob ids of pictures of the result."""
    result: str = ""
    """What was done, in words that the citizen may read."""
    rating: int = 0
    """The citizen's, 1 to 5; 0 = none."""
    rating_text: str = ""
    """The citizen's words with it: plain text from outside."""
    t_rated_ns: int = 0
    """When it was given, by its source; a later result is not what it speaks of."""
    reopened: int = 0
    source_said: str = ""
    """State and agency as its source told them last: what it only repeats changes nothing."""
    decided_by: str = ""
    """Display name of who at the centre did something to it last; empty = it is as its source has it."""
    rev: int = 1
    state_rev: int = 1
    """Moves with every act of a person and of an agency; not with new words, pictures or a rating."""


def due_ns(report: Report, now_ns: int) -> int:
    """When it is due as things stand: a clock that stands pushes it on."""
    return report.t_due_ns + (max(0, now_ns - report.t_paused_ns) if report.t_paused_ns else 0)


def remaining_s(report: Report, now_ns: int) -> float:
    """Seconds until due; negative when overdue. They do not run while the clock stands."""
    return (due_ns(report, now_ns) - now_ns) / NS_PER_S


LOW_RATING = 2
"""At most so much: the citizen says that it is not done."""
UNHAPPY_S = 3 * 86_400.0
"""So long a low rating keeps a closed report in the queue."""


def unhappy(report: Report) -> bool:
    """Closed as done, and the citizen says that it is not."""
    return report.state is ReportState.DONE and 0 < report.rating <= LOW_RATING


def waits(report: Report, now_ns: int) -> bool:
    """It belongs into the queue: it is open, or somebody should look whether to open it again."""
    return report.state.open or (unhappy(report) and now_ns - report.t_rated_ns < UNHAPPY_S * NS_PER_S)


def queue_order(report: Report, now_ns: int) -> tuple[int, int, str]:
    """Overdue first (longest overdue first), then by what is due next; closed ones last. A low rating counts as due
    since it was given."""
    if unhappy(report):
        return (0, report.t_rated_ns, report.id)
    return (0 if report.state.open else 1, due_ns(report, now_ns), report.id)


def sla_used(report: Report, now_ns: int) -> float:
    """Share of the SLA time that is used, 0 to 1 (1 = due or overdue)."""
    return min(1.0, max(0.0, used_share(report, now_ns)))


def used_share(report: Report, now_ns: int) -> float:
    """As `sla_used`, going on past 1: 1.5 = half as long again as was allowed. Pauses count on neither side."""
    allowed = max(1, report.t_due_ns - report.t_received_ns - report.paused_ns)
    return 1.0 - (due_ns(report, now_ns) - now_ns) / allowed
