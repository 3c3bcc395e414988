"""Nothing but BadMessage comes out of the codec, and what it lets in is what every parser reads."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FEEDS, Mode
from backends.domain.text import LocalText
from backends.protocol.codec import (
    MAX_DEPTH,
    BadMessage,
    decode_body,
    decode_envelope,
    decode_from_console,
    decode_from_hub,
    decode_heartbeat,
    encode,
    prescan,
)
from backends.protocol.messages import MAX_FRAME, Envelope, Hello

ALARM = Alarm("a", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Cháy: chợ", 'Fire at "the" market'), 5)
ENVELOPE = encode(
    Envelope(Mode.DEMO, "alarms", "e1", 7, 1_795_218_065_366_235_803, "put", "a", 1, "", msgspec.Raw(encode(ALARM)))
)
DECODERS = (
    decode_envelope,
    decode_heartbeat,
    decode_from_console,
    decode_from_hub,
    *(lambda raw, feed=feed: decode_body(feed, raw) for feed in FEEDS),
)

BAD = {
    "empty": b"",
    "not utf-8": b'{"a":"\xff"}',
    "surrogate as utf-8": b'{"a":"\xed\xa0\x80"}',
    "high half": rb'{"a":"\ud83d"}',
    "high half before text": rb'{"a":"\ud83dx"}',
    "low half": rb'{"a":"\ude00"}',
    "halves swapped": rb'{"a":"\ude00\ud83d"}',
    "escaped nul": rb'{"a":"x\u0000y"}',
    "escaped nul in a key": rb'{"\u0000":1}',
    "nul after an escaped backslash": rb'{"a":"\\\u0000"}',
    "raw nul": b'{"a":"x\x00"}',
    "nan": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "float beyond range": b'{"a":1e400}',
    "2^63": b'{"a":9223372036854775808}',
    "below -2^63": b'{"a":-9223372036854775809}',
    "5000 digits": b'{"a":' + b"1" * 5000 + b"}",
    "same key": b'{"a":1,"a":2}',
    "same key apart": b'{"a":1,"b":{"c":1},"a":2}',
    "same key, nested": b'{"x":[{"a":1,"a":1}]}',
    "same key, space before the colon": b'{"a" :1,"a":2}',
    "same key, written with an escape": rb'{"a":1,"\u0061":2}',
    "same key, hidden behind an escaped colon": rb'{"a":1,"a":"\u003a"}',
    "same key, hidden behind an escaped colon in capitals": rb'{"a":1,"a":"\u003A"}',
    "same key, far down": b"[" * 10 + b'{"a":1,"a":2}' + b"]" * 10,
    "2^63, far down": b"[" * 10 + b"9223372036854775808" + b"]" * 10,
    "nul, far down": b"[" * 10 + rb'"\u0000"' + b"]" * 10,
    "nan, far down": b"[" * 10 + b"NaN" + b"]" * 10,
    "cut off, far down": b"[" * 10,
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "very deep": b"[" * 200_000,
    "very deep objects": b'{"a":' * 100_000,
    "two values": b"{} {}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "too long": b'"' + b"x" * MAX_FRAME + b'"',
}
GOOD = {
    "int64 limits": b"[9223372036854775807,-9223372036854775808]",
    "pair": rb'{"a":"\ud83d\ude00"}',
    "words u0000 behind a backslash": rb'{"a":"\\u0000"}',
    "escaped colon": rb'{"a":"\u003a","b":1}',
    "colons in text": b'{"a":"1:2:3","b:c":"\\":"}',
    "spaces": b' { "a" : 1 , "b" : { "a" : 1 } } ',
    "int64 limits, far down": b"[" * 10 + b"9223372036854775807,-9223372036854775808" + b"]" * 10,
    "brackets in text": b'["[[[[[[[[[[[[[[[[[[[[{{{"]',
    "brackets in text, far down": b"[" * 10 + b'"[[[[[[[[[[[[\\"{{{{{"' + b"]" * 10,
    "as deep as allowed": b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
    "same key in different objects": b'[{"vi":"a"},{"vi":"b"}]',
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_prescan_refuses(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        prescan(raw)


@pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD.keys())
def test_prescan_lets_in(raw: bytes) -> None:
    prescan(raw)


def test_the_typed_decoder_alone_would_let_duplicates_and_nul_in() -> None:
    """The negative control of the pre-scan: without it these pass."""
    raw = ENVELOPE.replace(b'"seq":7', rb'"seq":7,"seq":8,"id":"\u0000"')
    assert msgspec.json.decode(raw, type=Envelope).seq == 8
    with pytest.raises(BadMessage):
        decode_envelope(raw)


def test_envelope_and_body_survive_the_way() -> None:
    envelope = decode_envelope(ENVELOPE)
    assert envelope.seq == 7
    assert decode_body("alarms", envelope.body) == ALARM


def test_unknown_fields_are_ignored_and_unknown_messages_refused() -> None:
    assert decode_from_console(b'{"msg":"HELLO","station":"s","mode":"demo","later":[1]}') == Hello("s", Mode.DEMO)
    for raw in (b'{"msg":"NEVER"}', b'{"station":"s"}', b'{"msg":"HELLO","station":7,"mode":"demo"}'):
        with pytest.raises(BadMessage):
            decode_from_console(raw)


def test_body_of_an_unknown_feed_is_bad() -> None:
    with pytest.raises(BadMessage, match="unknown feed"):
        decode_body("nothing", b"{}")


def _only_bad_message(raw: bytes) -> None:
    for decode in DECODERS:
        with contextlib.suppress(BadMessage):
            decode(raw)


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    _only_bad_message(raw)


@settings(max_examples=60)
@given(st.data())
def test_mutilated_messages(data: st.DataObject) -> None:
    raw = bytearray(ENVELOPE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _only_bad_message(bytes(raw))


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, st.booleans())
def test_what_passes_reads_the_same_everywhere(value: object, ascii_only: bool) -> None:
    """Against the standard module, which keeps everything: what passes is equal in both readers."""
    try:
        raw = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        prescan(raw)
    except BadMessage:
        return
    pairs: list[int] = []
    json.loads(raw, object_pairs_hook=lambda p: pairs.append(len(p) - len(dict(p))))
    assert sum(pairs) == 0
    assert json.loads(raw) == pytest.approx(msgspec.json.decode(raw)) if isinstance(value, float) else True
    assert b"\\u0000" not in encode(json.loads(raw)).replace(b"\\\\", b"")


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "a:", "\\u0061", "c"]), st.integers(0, 9)), max_size=5))
def test_duplicates_are_found_exactly(pairs: list[tuple[str, int]]) -> None:
    raw = ("{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}").encode()
    keys = [json.loads(f'"{key}"') for key, _ in pairs]
    if len(set(keys)) == len(keys):
        prescan(raw)
    else:
        with pytest.raises(BadMessage, match="twice"):
            prescan(raw)
