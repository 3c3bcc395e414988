"""Where the hub's loop stands when a turn of it takes long: said in the hub's log once it goes on.

A hub that says nothing while its disk is stuck leaves whoever looks for the reason with "no answer came". What never
goes on is its supervisor's to see (`backends.process.beat`). One thread: the loop's.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

from backends.hub.security import said

log = logging.getLogger(__name__)

SLOW_S = 1.0
"""Twenty times what a turn takes on a busy day; consoles call a feed old after 1.5 s."""
WAITING = "waiting (the process had no processor, or was stopped)"
"""The loop waits a tenth of a second at most: what is longer was not its own wish."""


class Stages:
    """`begin` each stage of a turn; that ends the one before."""

    def __init__(self, counters: Counter[str]) -> None:
        """`counters`: "slow_turns" counts the stages that took too long."""
        self._counters = counters
        self._stage = ""
        self._began_s = 0.0

    def begin(self, stage: str) -> None:
        now_s = time.monotonic()
        if self._stage and (took_s := now_s - self._began_s) > SLOW_S:
            text = "the hub's loop stood for %.1f s: %s"
            said(self._counters, "slow_turns", log, text, took_s, self._stage, about=self._stage)
        self._stage, self._began_s = stage, now_s
