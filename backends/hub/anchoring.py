"""ANCHOR and ANCHORGET: the hub as witness of the stations' audit chains, which it does not see.

An anchor that does not continue the station's earlier ones is a security event: counted, logged, and an event
of the timeline, once for each, NOTES_A_DAY at most. No answer while it cannot be kept: the station sends it again.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections import Counter
from collections.abc import Callable

from backends.domain.times import NS_PER_S, SessionClock
from backends.hub import timeline
from backends.hub.clerk import Ending, Job
from backends.hub.ports import Change, LogTrouble
from backends.hub.security import told
from backends.hub.witness import Witness
from backends.protocol.messages import Anchor, Anchored, AnchorGet, Anchors, FromHub

log = logging.getLogger(__name__)

NOTES_A_DAY = 20
"""Of one station; the timeline is everybody's, and kept. More are counted, and said in the log."""
DAY_NS = 86_400 * NS_PER_S
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Anchoring:
    """Asked in the loop, writes in the clerk's thread."""

    def __init__(
        self, witness: Witness, note: Callable[[Change], None], clock: SessionClock, counters: Counter[str]
    ) -> None:
        """`note` takes an event for the timeline; called in the loop."""
        self._witness, self._note, self._clock, self._counters = witness, note, clock, counters
        self._noted: dict[str, tuple[int, int]] = {}
        """(day, events of the timeline on it) of each station."""

    def anchor(self, station: str, message: Anchor) -> Job | None:
        """None: no anchor at all, counted like any other message that does not follow the protocol."""
        if message.n < 0 or not _SHA256.fullmatch(message.hash):
            self._counters["bad"] += 1
            return None
        return lambda: self._keep(station, message)

    def _keep(self, station: str, message: Anchor) -> Ending:
        try:
            code, first = self._witness.anchored(station, message.n, bytes.fromhex(message.hash), message.t)
        except (sqlite3.Error, LogTrouble) as error:
            log.error("an anchor of %s cannot be kept: %s", station, error)
            return lambda: []
        return lambda: self._told(station, message, code, first)

    def _told(self, station: str, message: Anchor, code: str, first: bool) -> list[FromHub]:
        if code and first:
            kind = f"anchor_{code}"
            told(self._counters, kind, log, "the audit chain of station %s: anchor %d is %s", station, message.n, code)
            now_ns = self._clock.now_ns()
            if self._may_note(station, now_ns // DAY_NS):
                self._note(timeline.of_anchor(code, station, message.n, message.hash, now_ns))
        elif code:
            self._counters[f"anchor_{code}"] += 1
        return [Anchored(message.n, code)]

    def _may_note(self, station: str, day: int) -> bool:
        before = self._noted.get(station, (day, 0))
        count = before[1] + 1 if before[0] == day else 1
        self._noted[station] = (day, count)
        return count <= NOTES_A_DAY

    def get(self, station: str, message: AnchorGet) -> Job:
        def job() -> Ending:
            found = tuple(self._witness.anchors(station, message.after))
            return lambda: [Anchors(message.request, found)]

        return job
