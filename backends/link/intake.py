"""From bytes to records: strict decoding, and a second, tolerant look at an answer with a bad item.

One bad item must not stop a feed (anchors/reliability.md, 2.2): its position is kept as a record of
type "bad", so that the cursor can move past it, and its bytes go to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from backends.domain.feeds import Mode
from backends.domain.record import Record
from backends.protocol.codec import BadMessage, decode_body, decode_envelope
from backends.protocol.messages import MAX_FRAME, Batch, Envelope, Snap

Quarantine = Callable[[str, str, bytes], None]
"""(feed, reason, raw)."""

INT64 = 1 << 63
"""SQLite's integers end here; JSON's do not."""

_TYPES = frozenset({"put", "del", "event"})


class _LooseBatch(msgspec.Struct, tag_field="msg", tag="BATCH"):
    feed: str
    epoch: str
    items: list[msgspec.Raw]
    head: int


class _LooseSnap(msgspec.Struct, tag_field="msg", tag="SNAP"):
    feed: str
    epoch: str
    as_of: int
    part: int
    parts: int
    items: list[msgspec.Raw]


_LOOSE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_LooseBatch | _LooseSnap)


def to_record(env: Envelope, t_rx_ns: int, quarantine: Quarantine) -> Record:
    """The typed record of an envelope; "bad" when its body is not one."""
    body: Any = None
    kind = env.type
    raw = bytes(env.body)
    if kind in ("put", "event"):
        try:
            body = decode_body(env.feed, env.body)  # scanned with its envelope
        except BadMessage as error:
            quarantine(env.feed, f"body of {env.feed} {env.seq}: {error}", raw)
            kind = "bad"
    elif kind not in _TYPES:
        if kind != "bad":
            quarantine(env.feed, f"unknown type {kind[:40]!r} of {env.feed} {env.seq}", raw)
        kind = "bad"
    if not (abs(env.t) < INT64 and abs(env.rev) < INT64):
        quarantine(env.feed, f"number beyond 64 bits in {env.feed} {env.seq}", raw)
        return Record(env.feed, env.epoch, env.seq, "bad", env.id, 0, env.cause, t_rx_ns, t_rx_ns, raw)
    return Record(env.feed, env.epoch, env.seq, kind, env.id, env.rev, env.cause, env.t, t_rx_ns, raw, body)


def salvage(raw: bytes, after: int, mode: Mode, quarantine: Quarantine) -> Batch | Snap | None:
    """A BATCH or SNAP that failed the strict decoder, with its bad items marked or left out.

    `after` is the cursor of the fetch that it answers. None: not even its frame can be read.
    """
    if len(raw) > MAX_FRAME:
        return None
    try:
        loose = _LOOSE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    items: list[Envelope] = []
    seq = after
    for item in loose.items:
        try:
            env = decode_envelope(bytes(item))
        except BadMessage as error:
            quarantine(loose.feed, f"item after {loose.feed} {seq}: {error}", bytes(item))
            if isinstance(loose, _LooseSnap):
                continue
            env = Envelope(mode, loose.feed, loose.epoch, seq + 1, 0, "bad")
        seq = env.seq
        items.append(env)
    if isinstance(loose, _LooseBatch):
        return Batch(loose.feed, loose.epoch, tuple(items), loose.head)
    return Snap(loose.feed, loose.epoch, loose.as_of, loose.part, loose.parts, tuple(items))
