"""Security events of the hub: each is counted, and said in the log; a flood of them must not fill the disk."""

from __future__ import annotations

import logging
import time
from collections import Counter

SAID_EVERY_S = 60.0
_said_s: dict[tuple[int, str], float] = {}
"""When a kind was said last, by counter and kind."""


def told(counters: Counter[str], kind: str, log: logging.Logger, text: str, *args: object) -> None:
    """Count one event of `kind`; the first is said, then one a minute, with its number."""
    counters[kind] += 1
    key, now_s = (id(counters), kind), time.monotonic()
    said_s = _said_s.get(key)
    if said_s is None or counters[kind] == 1 or now_s - said_s >= SAID_EVERY_S:
        _said_s[key] = now_s
        log.warning("security: " + text + " (number %d)", *args, counters[kind])
