"""From bytes to records: strict decoding, and a second, tolerant look at an answer with a bad item.

One bad item must not stop a feed (anchors/reliability.md, 2.2): its position is kept as a record of
type "bad", so that the cursor can move past it, and its bytes go to quarantine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from backends.domain.feeds import Mode
from backends.domain.quality import Quality
from backends.domain.record import Record
from backends.domain.sensor import SampleBatch
from backends.protocol.codec import BadMessage, decode_body, decode_envelope
from backends.protocol.messages import MAX_FRAME, Batch, Envelope, FeedHead, Heartbeat, Reset, Snap, Welcome

Quarantine = Callable[[str, str, bytes], None]
"""(feed, reason, raw)."""

PRIVATE = (
    b'"REVEALED"', b'"SIGNED"', b'"WELCOME"', b'"HELLO"', b'"ACT"', b'"SIGNIN"', b'"SIGNOUT"', b'"REVEAL"', b'"LEASE"',
    b'"ACCOUNTED"', b'"ACCOUNTS"', b'"CONFIDE"', b'"CONFIDED"', b'"BLOBPUT"',
)  # fmt: skip
"""Messages that carry tokens, secrets, or personal data (those of a console too, if a hub sends one back)."""

INT64 = 1 << 63
"""SQLite's integers end here; JSON's do not."""

TIME_END: Final = 1 << 62
"""Nanoseconds: the year 2116. A time beyond it would run over the end of 64 bits while it is extrapolated."""
MAX_RATE: Final = 1e6
MAX_PARTS: Final = 100_000

_QUALITIES = frozenset(quality.value for quality in Quality)

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


def _check_qualities(batch: SampleBatch) -> None:
    """Words on the wire, an enum on the screen: one that is not of it must not come so far."""
    for quality in {sample.quality for sample in batch.samples} - _QUALITIES:
        raise BadMessage(f"quality {quality[:40]!r}")


def keepable(raw: bytes) -> bytes:
    """What of a bad message may be kept: nothing of one that may hold a token or personal data.

    Wherever the name stands, and in any layout of the JSON: it is the message that cannot be read.
    """
    return b"" if any(name in raw for name in PRIVATE) else raw


def check_numbers(message: Any) -> None:
    """Raise BadMessage for a time, rate or position that fits its type and yet cannot be one.

    The clock and the cursors of the whole console are set by them: one such message must not poison either.
    """
    heads: dict[str, FeedHead] = {}
    if isinstance(message, Heartbeat | Welcome):
        if not (0 <= message.now < TIME_END and 0 <= message.rate <= MAX_RATE):
            raise BadMessage(f"time {message.now} at rate {message.rate:g}")
        heads = message.heads if isinstance(message, Heartbeat) else message.feeds
    for name, head in heads.items():
        if not (0 <= head.head < INT64 and 0 <= head.oldest <= head.head + 1 and abs(head.t_source) < TIME_END):
            raise BadMessage(f"head of {name[:40]!r}: {head.oldest} to {head.head}")
    if isinstance(message, Snap) and not (0 <= message.as_of < INT64 and 0 < message.parts <= MAX_PARTS):
        raise BadMessage(f"snapshot as of {message.as_of} in {message.parts} parts")
    if isinstance(message, Reset) and not 0 <= message.oldest < INT64:
        raise BadMessage(f"oldest {message.oldest}")
    if isinstance(message, Batch) and not 0 <= message.head < INT64:
        raise BadMessage(f"head {message.head}")


def to_record(env: Envelope, t_rx_ns: int, quarantine: Quarantine) -> Record:
    """The typed record of an envelope; "bad" when its body is not one."""
    body: Any = None
    kind = env.type
    raw = bytes(env.body)
    if kind in ("put", "event"):
        try:
            body = decode_body(env.feed, env.body)  # scanned with its envelope
            if type(body) is SampleBatch:
                _check_qualities(body)
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
    saved: Batch | Snap
    if isinstance(loose, _LooseBatch):
        saved = Batch(loose.feed, loose.epoch, tuple(items), loose.head)
    else:
        saved = Snap(loose.feed, loose.epoch, loose.as_of, loose.part, loose.parts, tuple(items))
    try:
        check_numbers(saved)
    except BadMessage:
        return None
    return saved
