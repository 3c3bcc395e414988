"""Strict JSON: pre-scan, decode, schema. What does not pass is BadMessage, with a reason for people.

Why a pre-scan: a typed decoder alone (msgspec 0.22) accepts duplicate keys, \\u0000, integers beyond
int64 and, in fields that it skips, any depth; SQLite, Qt and other people's parsers then disagree
about what was said. The pre-scan decodes the whole text once against a type of plain JSON that is a
few levels deep and whose integers are int64: that finds depth, range, NaN, bad UTF-8 and half surrogate
pairs at C speed. Encoding the result again and counting colons finds duplicate keys: a repeated key is
lost on the way. Texts for which this would not be exact (deeper ones, escaped colons) take the exact,
slower way. One `except` stands around decode+validate, none around apply.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

import msgspec

from backends.domain.feeds import FEEDS
from backends.protocol.messages import MAX_FRAME, Envelope, FromConsole, FromHub, Heartbeat

MAX_DEPTH = 16
T = TypeVar("T")

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
"""Strings as one token each, and brackets."""
_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


_FAST_DEPTH = 8
"""Our own messages are 8 deep at most. Each level more doubles the decoder's size (16 take 6 s to build)."""


def _plain_json(depth: int) -> Any:
    """The type of JSON that is at most `depth` levels deep."""
    scalar: Any = None | bool | str | _Int64 | float
    level = scalar
    for _ in range(depth):
        level = scalar | list[level] | dict[str, level]  # type: ignore[valid-type]  # a type made at run time
    return level


_PLAIN: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_plain_json(_FAST_DEPTH))
_ENCODER = msgspec.json.Encoder()


class BadMessage(ValueError):
    """A message that does not follow the protocol. The text says what is wrong, without the payload."""


def prescan(raw: bytes) -> None:
    """Raise BadMessage for size, syntax, nesting, number range, NUL, lone surrogates and duplicate keys.

    About 5 µs for an envelope of 400 bytes; linear in the size whatever the content.
    """
    if len(raw) > MAX_FRAME:
        raise BadMessage(f"message of {len(raw)} bytes is over the limit of {MAX_FRAME}")
    try:
        again = _ENCODER.encode(_PLAIN.decode(raw))
    except msgspec.ValidationError:
        # Deeper than the fast way goes, or a number out of range.
        _exact(raw)
        return
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(str(error)[:200]) from None
    if b"\\u" in raw:
        _refuse_nul(raw)
        if b"\\u003a" in raw or b"\\u003A" in raw:
            # An escaped colon would spoil the count.
            _exact(raw)
            return
    if again.count(b":") != raw.count(b":"):
        raise BadMessage("an object has the same key twice")


def _refuse_nul(raw: bytes) -> None:
    """U+0000 can only be written as an escape; a backslash before it may itself be escaped."""
    if b"\\u0000" in raw.replace(b"\\\\", b""):
        raise BadMessage("a string holds U+0000")


def _exact(raw: bytes) -> None:
    """Every rule once more, key by key and token by token. Linear, some 20 times slower than the fast way."""
    depth = 0
    for match in _TOKENS.finditer(raw):
        token = match.group()
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadMessage(f"nested deeper than {MAX_DEPTH}")
        elif token in b"]}":
            depth -= 1
    _refuse_nul(raw)
    try:
        msgspec.json.decode(raw)
        json.loads(raw, object_pairs_hook=_pairs, parse_int=_int64)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise error if isinstance(error, BadMessage) else BadMessage(str(error)[:200]) from None


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise BadMessage("an object has the same key twice")


def _int64(digits: str) -> None:
    if len(digits) > 20 or not -(1 << 63) <= int(digits) < 1 << 63:
        raise BadMessage("an integer is beyond int64")


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    prescan(raw)
    return _typed(decoder, raw)


def _typed(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise BadMessage(str(error)[:200]) from None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_HEARTBEAT = msgspec.json.Decoder(Heartbeat)
_FROM_CONSOLE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FromConsole)
_FROM_HUB: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FromHub)
_BODY: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(spec.record) for name, spec in FEEDS.items()}


def encode(message: Any) -> bytes:
    """JSON of a message, envelope, heartbeat or domain record."""
    return _ENCODER.encode(message)


def decode_envelope(raw: bytes) -> Envelope:
    return _decode(_ENVELOPE, raw)


def decode_heartbeat(raw: bytes) -> Heartbeat:
    return _decode(_HEARTBEAT, raw)


def decode_from_console(raw: bytes) -> FromConsole:
    return _decode(_FROM_CONSOLE, raw)  # type: ignore[no-any-return]


def decode_from_hub(raw: bytes) -> FromHub:
    return _decode(_FROM_HUB, raw)  # type: ignore[no-any-return]


def decode_body(feed: str, raw: bytes | msgspec.Raw) -> Any:
    """The typed record in an envelope's body. Unknown feed: BadMessage.

    A Raw is part of a message that was pre-scanned as a whole; bytes (from a file, a test) are scanned here.
    """
    decoder = _BODY.get(feed)
    if decoder is None:
        raise BadMessage(f"unknown feed {feed[:64]!r}")
    return _typed(decoder, raw) if isinstance(raw, msgspec.Raw) else _decode(decoder, raw)
