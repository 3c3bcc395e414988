"""Where a password may go: the place that an address leads to, as text to be compared with one from the directory.

Of a camera's stream it is the scheme with host and port, of a look at the past the whole address: another host, port
or span is another place. Nothing is resolved or filled in: the same place is written in the same way, because screens
take addresses from the directory as they are. Pure. Must not: hold a password, or open anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.domain.replay import is_past

_STREAM = re.compile(r"(?:rtsps?|https?)://[^\x00-\x20\x7f/?#@\\]+(?=[/?#]|\Z)", re.IGNORECASE)
"""Up to where every reader of addresses sees the end of the host: what they read differently has no place."""


def place_of(uri: str) -> str:
    """Empty: nothing that takes a password."""
    if is_past(uri):
        return uri
    found = _STREAM.match(uri)
    return found.group().lower() if found else ""


def places_of(uris: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(place_of, uris)))
