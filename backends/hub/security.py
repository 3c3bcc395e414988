"""Security events of the hub: each is counted, and said in the log; a flood of them must not fill the disk."""

from __future__ import annotations

import logging
from collections import Counter


def told(counters: Counter[str], kind: str, log: logging.Logger, text: str, *args: object) -> None:
    """Count one event of `kind`; the first ten are said one by one, then every hundredth, with its number."""
    counters[kind] += 1
    count = counters[kind]
    if count <= 10 or count % 100 == 0:
        log.warning("security: " + text + " (number %d)", *args, count)
