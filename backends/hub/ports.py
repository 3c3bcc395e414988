"""The Protocols inside the hub: where its truth is kept, and what world it watches.

The log stands behind a port so that a site that outgrows one machine can keep it elsewhere; the world
is the simulated city, a recording, or adapters of real systems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from backends.domain.sensor import Flagged, Sample
from backends.domain.world import Directory, WorldEvent
from backends.protocol.messages import Envelope, FeedHead

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


class Change(msgspec.Struct, frozen=True):
    """One thing to write and publish; it gets its seq from the log."""

    feed: str
    type: str
    """One of: "put", "del" or "event"."""
    id: str
    t_ns: int
    """Source time."""
    record: Any = None
    rev: int = 0
    cause: str = ""


class ActionRow(msgspec.Struct, frozen=True):
    """What became of an action; kept for 30 days to answer the same `aid` again."""

    aid: str
    station: str
    digest: bytes
    """SHA-256 of the action's content: the same aid with other content is refused."""
    stage: str
    code: str = ""
    text: str = ""
    rev: int = 0


class LogTrouble(Exception):
    """The log cannot keep what it was given (disk full, I/O error). Nothing of that commit was kept."""


class NotLeading(Exception):
    """Another hub leads now, or this one may no longer be sure that it does: it must fall silent at once.

    Raised by every method of a replicated log that is used for serving; the embedded log never raises it.
    """


class EventLog(Protocol):
    """Numbered records per feed, current items, samples and action outcomes. One thread owns it."""

    def heads(self) -> dict[str, FeedHead]:
        """Every feed's epoch, head, oldest and newest source time."""
        ...

    def head(self, feed: str) -> FeedHead:
        """One feed's. Raises KeyError for an unknown feed."""
        ...

    def commit(
        self,
        changes: Sequence[Change],
        now_ns: int,
        *,
        samples: Sequence[Sample] = (),
        action: ActionRow | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> list[Envelope]:
        """One transaction; what it returns is on disk and numbered, in order. Raises LogTrouble."""
        ...

    def outcome(self, aid: str) -> ActionRow | None:
        """What became of an earlier action."""
        ...

    def fetch(self, feed: str, after: int, limit: int, max_bytes: int) -> list[Envelope]:
        """Records after `after`, in order, hole-free; at least one if there is any."""
        ...

    def find(self, feed: str, id_: str) -> Envelope | None:
        """The newest record of that id. The log is looked through from its end back: for rare questions, and not for
        longer than a console waits; None then, too."""
        ...

    def items(self, feed: str) -> list[Envelope]:
        """A state feed's current items; an append feed's newest records."""
        ...

    def history(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        """A series over a range, rising in time, NaN = no good value. None: never heard of it."""
        ...

    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]:
        """Runs of its samples that are not good."""
        ...

    def last(self, series: str) -> Sample | None:
        """The newest sample of a series."""
        ...

    def load_past(self, samples: Iterable[Sample]) -> int:
        """Take samples of the past, outside the feed's numbering; `seal` writes them."""
        ...

    def seal(self) -> None:
        """Write what is held in memory into blocks."""
        ...

    def maintain(self, now_ns: int) -> None:
        """Housekeeping in small slices: prune by age, pack samples. Called about once a second."""
        ...

    def meta(self, key: str) -> str:
        """A remembered text, empty when there is none."""
        ...

    def close(self, *, planned: bool = True) -> None:
        """Write what is left and let go; `planned` False after a failure, so that the next start continues."""
        ...


class WorldSource(Protocol):
    """What happens in the city. `until` is called with rising times and returns events in time order."""

    def directory(self) -> Directory: ...

    def past(self) -> Iterable[WorldEvent]:
        """The 24 h before the start."""
        ...

    def until(self, t_ns: int) -> Iterable[WorldEvent]:
        """What has happened since the last call, up to `t_ns`."""
        ...
