"""What may happen again and again is counted, and said in the log once a minute: a flood of it must not fill the disk.

`told` is for security events, `said` for all others.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

SAID_EVERY_S = 60.0
_said_s: dict[tuple[int, str, str], float] = {}
"""When something was said last, by counter, kind and whom it is about."""


def told(counters: Counter[str], kind: str, log: logging.Logger, text: str, *args: object) -> None:
    """Count one security event of `kind`; the first is said, then one a minute, with its number."""
    said(counters, kind, log, "security: " + text, *args)


def said(counters: Counter[str], kind: str, log: logging.Logger, text: str, *args: object, about: str = "") -> None:
    """The same for what is none. `about`: once a minute of each of these, whatever others do."""
    counters[kind] += 1
    key, now_s = (id(counters), kind, about), time.monotonic()
    said_s = _said_s.get(key)
    if said_s is None or counters[kind] == 1 or now_s - said_s >= SAID_EVERY_S:
        _said_s[key] = now_s
        log.warning(text + " (number %d)", *args, counters[kind])
