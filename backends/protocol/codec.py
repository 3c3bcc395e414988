"""Strict JSON: pre-scan, decode, schema. What does not pass is BadMessage, with a reason for people.

Why a pre-scan: msgspec 0.22 accepts duplicate keys and \\u0000, and deep nesting raises
RecursionError; SQLite and Qt choke on what remains (lone surrogates, NUL). So size, depth and
forbidden escapes are checked on the bytes before decoding. One `except` stands around
decode+validate, none around apply.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from backends.domain.feeds import FEEDS
from backends.protocol.messages import MAX_FRAME, Envelope, FromConsole, FromHub, Heartbeat

MAX_DEPTH = 16
T = TypeVar("T")

#: Outside strings only brackets matter for depth; strings are skipped as one token.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_BAD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[dD][c-fC-F])")
_SURROGATE_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")


class BadMessage(ValueError):
    """A message that does not follow the protocol. The text says what is wrong, without the payload."""


def prescan(raw: bytes) -> None:
    """Raise BadMessage for size, nesting, NUL, lone surrogates and duplicate keys."""
    if len(raw) > MAX_FRAME:
        raise BadMessage(f"message of {len(raw)} bytes is over the limit of {MAX_FRAME}")
    if b"\\u" in raw and _BAD_ESCAPE.search(_SURROGATE_PAIR.sub(b"", raw)):
        raise BadMessage("string with U+0000 or half a surrogate pair")
    depth = deepest = 0
    # Counting is cheap enough to be exact only where it can matter.
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        for match in _TOKENS.finditer(raw):
            token = match.group()
            if token in b"[{":
                depth += 1
                deepest = max(deepest, depth)
                if deepest > MAX_DEPTH:
                    raise BadMessage(f"nested deeper than {MAX_DEPTH}")
            elif token in b"]}":
                depth -= 1


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    prescan(raw)
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise BadMessage(str(error)) from None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_HEARTBEAT = msgspec.json.Decoder(Heartbeat)
_FROM_CONSOLE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FromConsole)
_FROM_HUB: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FromHub)
_BODY: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(spec.record) for name, spec in FEEDS.items()}
_ENCODER = msgspec.json.Encoder()


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
    """The typed record in an envelope's body. Unknown feed: BadMessage."""
    decoder = _BODY.get(feed)
    if decoder is None:
        raise BadMessage(f"unknown feed {feed!r}")
    return _decode(decoder, bytes(raw))
