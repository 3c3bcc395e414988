"""The moment at which an alarm was raised, as a station keeps it: a still of its camera and some seconds of what the
camera sent. Which alarms, and how much of it all, is the site's to say. Pure. Must not: know files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.times import NS_PER_S

MOMENTS_DIR = "moments"
"""Their folder in the data folder of a station."""
_DAY_NS = 86_400 * NS_PER_S
Seconds = Annotated[float, msgspec.Meta(ge=0, le=30)]


class MomentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[moments]` of a site's file."""

    priorities: tuple[Priority, ...] = (Priority.URGENT, Priority.HIGH)
    """Of these alarms."""
    before_s: Seconds = 5.0
    """So much of the clip lies before the alarm was raised, as far as its camera was shown then."""
    after_s: Seconds = 5.0
    most: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 300
    """So many are kept; 0 = none are."""
    most_mb: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    """So much of the disk they take together; a usual one takes 1 to 6 MB."""
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7
    """So long each is kept."""

    def wants(self, alarm: Alarm) -> bool:
        """It has just been raised, or raised anew, and is one of these."""
        fresh = alarm.state is AlarmState.UNACKNOWLEDGED and alarm.priority in self.priorities
        return self.most > 0 and fresh and bool(alarm.camera_ids)


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of them. Stored as JSON beside its files."""

    name: str
    """Of its files, without their endings."""
    alarm_id: str
    t_raised_ns: int
    camera_id: str
    number: str
    t_ns: int
    """When the still was taken: UTC, the session's clock."""
    mono_ns: int
    """The same by the monotonic clock of this machine, as the clip counts."""
    from_ns: int
    """The clip: from when, until when, by that clock."""
    until_ns: int
    files: str = ""
    """Of another moment of the same camera and seconds, whose files are its own; empty: it has its own."""

    @property
    def base(self) -> str:
        """Name of the files that belong to it."""
        return self.files or self.name


class Stored(msgspec.Struct, frozen=True):
    """What one of them takes."""

    name: str
    t_ns: int
    """When it was written."""
    size: int
    """Bytes."""


def too_many(stored: Iterable[Stored], rule: MomentRule, now_ns: int) -> list[str]:
    """Names of those that go: what is too old, then the oldest of what is too much."""
    newest = sorted(stored, key=lambda one: (one.t_ns, one.name), reverse=True)
    kept, size, gone = 0, 0, []
    for one in newest:
        old = now_ns - one.t_ns > rule.days * _DAY_NS
        if old or kept == rule.most or size + one.size > rule.most_mb * 1_000_000:
            gone.append(one.name)
        else:
            kept, size = kept + 1, size + one.size
    return gone
