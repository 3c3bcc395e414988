"""Incidents (a case that gathers alarms and reports) and the timeline's events."""

from __future__ import annotations

import msgspec

from backends.domain.alarm import Priority
from backends.domain.text import LocalText


class Incident(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case."""

    id: str
    name: LocalText
    t_opened_ns: int
    t_closed_ns: int = 0
    alarm_ids: tuple[str, ...] = ()
    report_ids: tuple[str, ...] = ()
    rev: int = 1


class TimelineEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Something that happened, for the record. Append only. Not followed by the garbage collector (nothing in it can
    lead back to it): a week of them is read at once."""

    id: str
    t_ns: int
    what: str
    """One of: "alarm_raised", "alarm_acknowledged", "alarm_claimed", "alarm_released", "alarm_shelved",
    "alarm_unshelved", "alarm_reset", "alarm_out_of_service", "alarm_in_service", "alarm_suppressed",
    "alarm_unsuppressed", "alarm_chattering", "alarm_quiet", "alarm_returned", "report_received",
    "step_done", "step_not_needed", "step_not_done", "layout_pushed", "setting_changed",
    "account_added" and others of accounts, "signed_in", "signed_out", "turning_begun",
    "turning_ended", "preset_kept", "anchor_behind", "anchor_differs", "log_entry", "handover_opened", "handover_given",
    "handover_taken", ..."""
    target: str = ""
    actor: str = ""
    text: LocalText = LocalText("")
    about: str = ""
    """Of an entry of the logbook: feed of `target`; empty = it is about nothing in particular."""
    t_from_ns: int = 0
    """The time that an entry of the logbook tells of; 0 = the moment at which it was written."""
    t_to_ns: int = 0
    corrects: str = ""
    """Id of the entry that this one corrects. No entry is ever changed."""
    pictures: tuple[str, ...] = ()
    """Of an entry of the logbook: blobs (SHA-256) that go with it; its words say of which camera and when."""
    priority: Priority | None = None
    """Of an alarm after what happened to it; None: it is no alarm's, or its hub does not say."""


class LayoutRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wall layout published by the shift lead (used from the shift-lead work on)."""

    id: str
    name: LocalText
    toml: str
    rev: int = 1
