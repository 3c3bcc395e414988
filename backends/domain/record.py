"""One position of one feed on its way from the link to the store and on to the screen.

It carries both forms: `raw`, the JSON that was validated and is stored and forwarded untouched, and
`body`, the typed record that the same bytes decode to. Nothing here reads or writes anything.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Record(msgspec.Struct, frozen=True):
    """A validated message. `type` is "put", "del", "event", or "bad": a position without content."""

    feed: str
    epoch: str
    seq: int
    type: str
    id: str
    rev: int
    cause: str
    t_ns: int
    """When the hub published it."""
    t_rx_ns: int
    """Session time at which it was received."""
    raw: bytes
    body: Any = None


class Snapshot(msgspec.Struct, frozen=True):
    """A whole state feed as of a position; replaces what was known of it.

    Of an append feed it has no items and says that its position jumps: the hub no longer has the rest.
    """

    feed: str
    epoch: str
    seq: int
    items: tuple[Record, ...]


class Kept(msgspec.Struct, frozen=True):
    """What the store has of one feed, read in one transaction: its position and its items, oldest first."""

    feed: str
    epoch: str
    seq: int
    t_fresh_ns: int
    items: tuple[tuple[str, bytes], ...]
    """(id, JSON body)."""
