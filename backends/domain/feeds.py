"""The feeds of the link, as one table: name, kind, record type, expected period.

A new feed is one row here. State feeds hold keyed items with `rev`; append feeds hold events that are
never replaced; the one lossy feed is conflated before numbering and back-filled by HISTORY.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.alarm import Alarm
from backends.domain.camera import Camera
from backends.domain.handover import Handover
from backends.domain.incident import Incident, LayoutRecord, TimelineEvent
from backends.domain.indicator import Indicator
from backends.domain.people import Operator, Station
from backends.domain.place import ConfigRecord
from backends.domain.report import Report
from backends.domain.sensor import SampleBatch, Sensor
from backends.domain.settings import Setting


class FeedKind(StrEnum):
    """How a feed behaves."""

    STATE = "state"
    APPEND = "append"
    LOSSY = "lossy"


class FeedSpec(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    kind: FeedKind
    record: object
    """The msgspec type of a `put` or `event` body."""
    precious: bool = False
    """Alarms, reports, actions: never merged, never dropped, committed at once."""
    optional: bool = False
    """A backend may leave it out: then it has no head, and nobody asks for it or counts it."""


FEEDS: dict[str, FeedSpec] = {
    spec.name: spec
    for spec in (
        FeedSpec("alarms", FeedKind.STATE, Alarm, precious=True),
        FeedSpec("incidents", FeedKind.STATE, Incident, precious=True),
        FeedSpec("reports", FeedKind.STATE, Report, precious=True),
        FeedSpec("cameras", FeedKind.STATE, Camera),
        FeedSpec("sensors", FeedKind.STATE, Sensor),
        FeedSpec("indicators", FeedKind.STATE, Indicator),
        FeedSpec("layouts", FeedKind.STATE, LayoutRecord),
        FeedSpec("handovers", FeedKind.STATE, Handover, optional=True),
        FeedSpec("roster", FeedKind.STATE, Operator),
        FeedSpec("stations", FeedKind.STATE, Station),
        FeedSpec("config", FeedKind.STATE, ConfigRecord | Setting),
        FeedSpec("timeline", FeedKind.APPEND, TimelineEvent),
        FeedSpec("samples", FeedKind.LOSSY, SampleBatch),
    )
}


class FeedQuality(StrEnum):
    """What the operator should think of a feed."""

    LIVE = "live"
    """Heads are reached and heartbeats come."""
    CATCHING_UP = "catching_up"
    """The link is there; missing records are being fetched."""
    STALE = "stale"
    """No valid message for three of its periods (at least 1.5 s)."""
    STORED = "stored"
    """Only the last stored state: no hub since the program started."""


class FeedStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feed's health, made by the link twice a second and at every change."""

    feed: str
    quality: FeedQuality
    t_fresh_ns: int = 0
    """Session time of the last moment at which the feed was known to be complete."""
    head: int = 0
    cursor: int = 0
    lag_s: float = 0.0
    """Receive time minus publish time of the newest message."""
    per_s: float = 0.0
    """Messages a second, over the last seconds."""
    gaps: int = 0
    bad: int = 0
    """Messages that went to quarantine."""
    epoch: str = ""
    """Of `cursor`; empty where nothing of that epoch has been handed on."""


class LinkState(StrEnum):
    """The connection to the hub as a whole."""

    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    REFUSED = "refused"
    """The hub does not know this station's key, or speaks another mode."""


class Mode(StrEnum):
    """What the city on the screen is. `test` never reaches an operator."""

    LIVE = "live"
    DEMO = "demo"
    EXERCISE = "exercise"
    REPLAY = "replay"
    TEST = "test"
