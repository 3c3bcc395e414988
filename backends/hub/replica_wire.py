"""What one message of the replicated log holds: one commit of the hub, whole, or a part of one. Pure.

One message = one transaction: envelopes, samples, the action's outcome, remembered texts and heads are kept
or lost together. A commit that is larger than a message may be is cut into parts with one id; parts count
only when all of them follow one another, so that a hub that dies between two parts has written nothing.
Must not: know JetStream, or number anything.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Literal

import msgspec

from backends.domain.sensor import Sample
from backends.hub.ports import ActionRow
from backends.protocol.codec import encode
from backends.protocol.messages import Envelope, FeedHead

VERSION = 1
PART_BYTES = 700 << 10
"""Of a packed message. JetStream's default limit is 1 MiB with its headers."""
_PACK_LEVEL = 1


_Piece = tuple[tuple[Envelope, ...], tuple[Sample, ...], tuple[ActionRow, ...]]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One commit. `term` rises with each change of leader and never falls within the log."""

    kind: Literal["term", "commit", "past", "whole"]
    """`term`: a hub begins to lead; `commit`: a transaction; `past`: samples of before the log began; `whole`: all
    that the log adds up to, so that what stands before it may be forgotten."""
    term: int
    holder: str
    id: str
    heads: dict[str, FeedHead] = {}
    """Heads as they are after this entry, of the feeds that it moves; of all feeds in a `term`."""
    envelopes: tuple[Envelope, ...] = ()
    samples: tuple[Sample, ...] = ()
    action: ActionRow | None = None
    outcomes: tuple[ActionRow, ...] = ()
    """Of a `whole`: what became of all actions that are remembered."""
    meta: dict[str, str] = {}
    part: int = 1
    parts: int = 1
    v: int = VERSION


_DECODER = msgspec.json.Decoder(Entry)


class BadEntry(Exception):
    """A message of the log that this hub cannot read. The text says why."""


def pack(entry: Entry, limit: int = PART_BYTES) -> list[bytes]:
    """The messages of a commit, in order; each at most `limit` bytes unless one record alone is larger."""
    whole = _packed(entry)
    if len(whole) <= limit:
        return [whole]
    pieces = list(_cut((entry.envelopes, entry.samples, entry.outcomes), limit))
    bare = msgspec.structs.replace(entry, action=None, meta={}, heads={})
    packed = []
    for n, (envelopes, samples, outcomes) in enumerate(pieces, start=1):
        base = entry if n == len(pieces) else bare
        part = msgspec.structs.replace(
            base, envelopes=envelopes, samples=samples, outcomes=outcomes, part=n, parts=len(pieces)
        )
        packed.append(_packed(part))
    return packed


def _cut(piece: _Piece, limit: int) -> Iterator[_Piece]:
    """Halves of halves, in order, until each fits."""
    envelopes, samples, outcomes = piece
    count = len(envelopes) + len(samples) + len(outcomes)
    if count <= 1 or len(zlib.compress(encode(piece), _PACK_LEVEL)) < limit * 3 // 4:
        yield piece
        return
    half = count // 2
    first, second = max(0, half - len(envelopes)), max(0, half - len(envelopes) - len(samples))
    yield from _cut((envelopes[:half], samples[:first], outcomes[:second]), limit)
    yield from _cut((envelopes[half:], samples[first:], outcomes[second:]), limit)


def _packed(entry: Entry) -> bytes:
    return zlib.compress(encode(entry), _PACK_LEVEL)


def unpack(raw: bytes) -> Entry:
    """One message. Raises BadEntry."""
    try:
        entry = _DECODER.decode(zlib.decompress(raw))
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadEntry(f"a message of the log cannot be read: {error}") from error
    if entry.v > VERSION:
        raise BadEntry(f"the log was written by a newer hub (format {entry.v}, this one knows {VERSION})")
    return entry


class Joiner:
    """Parts in, whole commits out. What is not completed by the very next messages never happened."""

    def __init__(self) -> None:
        self._parts: list[Entry] = []

    def take(self, entry: Entry) -> Entry | None:
        """The whole commit when `entry` was its last part."""
        if entry.parts == 1:
            self._parts = []
            return entry
        if not self._parts or self._parts[0].id != entry.id or entry.part != len(self._parts) + 1:
            self._parts = []
        if entry.part != len(self._parts) + 1:
            return None
        self._parts.append(entry)
        if entry.part < entry.parts:
            return None
        parts, self._parts = self._parts, []
        return msgspec.structs.replace(
            entry,
            envelopes=tuple(e for p in parts for e in p.envelopes),
            samples=tuple(s for p in parts for s in p.samples),
            outcomes=tuple(o for p in parts for o in p.outcomes),
            part=1,
            parts=1,
        )
