"""CONFIDE: who called about a report that the centre has taken in. It goes into the vault and nowhere else.

Only of reports with the centre's own numbers, and once: what a source has told, or another call, is not written over.
That somebody told something is kept (`witness`), before what was told is; a row that cannot be written, or that the
other hubs of a site do not have, means `not_kept`.
Must not: log what was told, or hold it longer than the job.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping

from backends.domain.access import Right, may
from backends.domain.times import SessionClock
from backends.hub.access import Who
from backends.hub.clerk import Ending, Job
from backends.hub.own_numbers import OWN
from backends.hub.ports import LogTrouble
from backends.hub.private import REPORTER, Vault
from backends.hub.witness import Look, Witness
from backends.protocol.messages import Confide, Confided

log = logging.getLogger(__name__)

FIELDS = frozenset({"name", "phone"})
VALUE_LIMIT = 80
TOLD = "confided"
"""Outcome of a row of the witness: nobody looked, somebody told."""


class Confides:
    """Judges in the loop, writes in the clerk's thread."""

    def __init__(
        self, vault: Vault, witness: Witness, clock: SessionClock, counters: Counter[str],
        known: Callable[[str], bool], key: Callable[[str], str] = lambda report: report,
    ) -> None:  # fmt: skip
        """`known`: there is a report with that id; `key`: under what its caller is kept."""
        self._vault, self._witness, self._clock, self._counters = vault, witness, clock, counters
        self._known, self._key = known, key

    def asked(self, station: str, who: Who | None, message: Confide) -> Job:
        """What the clerk has to do."""
        request, values = message.request, dict(message.values)
        code = self._refusal(who, message)
        if code or who is None:
            self._counters["confide_refused"] += 1
            return lambda: lambda: [Confided(request, code)]
        look = Look(
            self._clock.now_ns(), station, who.operator.id, who.operator.role.value, REPORTER, message.target, "", TOLD
        )
        key = self._key(message.target)
        return lambda: self._keep(request, look, key, values)

    def _refusal(self, who: Who | None, message: Confide) -> str:
        if who is None:
            return "nobody_signed_in"
        if not may(who.operator.role, Right.INTAKE):
            return "not_allowed"
        if not message.target.startswith(OWN) or not self._known(message.target):
            return "unknown"
        return "" if _fit(message.values) else "bad_values"

    def _keep(self, request: int, look: Look, key: str, values: dict[str, str]) -> Ending:
        try:
            before = self._vault.find(REPORTER, key)
            if before is not None:
                code = "" if before == values else "known"
                return lambda: [Confided(request, code)]
            self._witness.looked(look)
            self._vault.tell(REPORTER, key, values)
        except (sqlite3.Error, LogTrouble):
            # Without the error's text: a statement's values must not come into a log by it.
            log.error("what somebody confided of report %s cannot be kept", look.target)
            return lambda: [Confided(request, "not_kept")]
        return lambda: [Confided(request)]


def _fit(values: Mapping[str, str]) -> bool:
    return (
        bool(values)
        and values.keys() <= FIELDS
        and all(0 < len(text.strip()) <= VALUE_LIMIT and text.isprintable() for text in values.values())
    )
