"""REVEAL: what never travels on LIVE is told to a person with the right, after the look itself is on disk.

No audit, no answer: a row that cannot be written means `not_kept`, and nothing is told. Looks that were
refused are rows too. Must not: log or keep what is told.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable

from backends.domain.access import Right, may
from backends.domain.replay import PAST, span_of
from backends.domain.times import SessionClock
from backends.hub.access import Who
from backends.hub.actions import REASON_LIMIT, TARGET_LIMIT
from backends.hub.clerk import Ending, Job
from backends.hub.ports import LogTrouble
from backends.hub.private import CAMERA, RECORDER, REPORTER, Vault
from backends.hub.security import told
from backends.hub.witness import Look, Witness
from backends.protocol.messages import Reveal, Revealed

log = logging.getLogger(__name__)

STREAM = "stream"
"""A camera's user and password for the station's decoder, not for eyes: for whoever sits there, since each role may
see pictures. Kept on record like a look."""
_RIGHT = {REPORTER: Right.REVEAL_REPORTER, CAMERA: Right.REVEAL_CAMERA, PAST: Right.LOOK_BACK}


class Reveals:
    """Judges in the loop, looks and writes in the clerk's thread."""

    def __init__(
        self, vault: Vault, witness: Witness, clock: SessionClock, counters: Counter[str],
        past_of: Callable[[str], dict[str, str] | None] = lambda camera: None,
        key: Callable[[str], str] = lambda report: report,
    ) -> None:  # fmt: skip
        """`past_of`: how the past of a camera is played, without a secret; None: no recorder keeps it. `key`: under
        what the reporter of a report is kept."""
        self._vault, self._witness, self._clock, self._counters = vault, witness, clock, counters
        self._past_of, self._key = past_of, key

    def asked(self, station: str, who: Who | None, message: Reveal) -> Job:
        """What the clerk has to do for this question."""
        code = _refusal(who, message)
        if code in ("not_allowed", "nobody_signed_in"):
            told(self._counters, "reveal_refused", log, "station %s asked for a secret: %s", station, code)
        person, role = (who.operator.id, who.operator.role.value) if who is not None else ("", "")
        look = Look(
            self._clock.now_ns(), station, person, role, message.what[:20], message.target[:TARGET_LIMIT],
            message.reason.strip()[:REASON_LIMIT], code,
        )  # fmt: skip
        way = self._past_of(message.target) if message.what == PAST else None
        key = self._key(look.target) if message.what == REPORTER else look.target
        return lambda: self._look(message.request, look, key, way)

    def _look(self, request: int, look: Look, key: str, way: dict[str, str] | None) -> Ending:
        try:
            values = None if look.outcome else self._find(look.what, key, way)
            code = look.outcome or ("unknown" if values is None else "")
            self._witness.looked(Look(*_but_outcome(look), code))
        except (sqlite3.Error, LogTrouble) as error:
            log.error("a look at a secret cannot be kept, so it is not answered: %s", error)
            return lambda: [Revealed(request, "not_kept")]
        return lambda: [Revealed(request, code, values or {})]

    def _find(self, what: str, key: str, way: dict[str, str] | None) -> dict[str, str] | None:
        if what != PAST:
            return self._vault.find(_kept_as(what), key)
        return None if way is None else way | (self._vault.find(RECORDER, way["id"]) or {})


def _refusal(who: Who | None, message: Reveal) -> str:
    if who is None:
        return "nobody_signed_in"
    if message.what != STREAM:
        right = _RIGHT.get(message.what)
        if right is None:
            return "unknown"
        if not may(who.operator.role, right):
            return "not_allowed"
    if not 0 < len(message.reason.strip()) <= REASON_LIMIT:
        return "bad_reason"
    if message.what == PAST and span_of(message.reason.strip()) is None:
        return "bad_reason"  # the record says which time was looked at, or there is no look
    return "" if 0 < len(message.target) <= TARGET_LIMIT else "unknown"


def _but_outcome(look: Look) -> tuple[int, str, str, str, str, str, str]:
    return look.t, look.station, look.person, look.role, look.what, look.target, look.reason


def _kept_as(what: str) -> str:
    return CAMERA if what == STREAM else what
