"""Messages as they must not be: valid ones of every schema, built from the types themselves, then broken.

Seeded. What comes out fails the strict reader, or is harmless (a dead epoch, an unknown feed): so that a test can
say what must have been applied in the end. `bodies` are broken bodies inside valid envelopes, which take their
position and nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
from msgspec import inspect

from backends.domain.feeds import FEEDS
from backends.protocol import codec
from backends.protocol.codec import BadMessage
from backends.protocol.messages import HEARTBEAT_TOPIC, Envelope, FromConsole, FromHub, Heartbeat, topic

DEAD = "dead-epoch"
WORDS = ("", "a", "đèn", "x" * 300, "\u202eevil", "<b>", "1' OR 1=1", "alarms", "\u0001", "🚨")
NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 1790000000 * 10**9)
ODD: tuple[Any, ...] = (None, True, [], {}, "1", 1.5, 2**63, -(2**63) - 1, 1e400, "\ud800", [[[[]]]], {"a": {"a": 1}})
_POISON = (
    b"", b"{", b"null", b"[]", b'"', b"NaN", b"[" * 5000, b'{"a":' * 5000, b"\xff\xfe\x00", b"\xc3\x28", b"{}" * 3,
    b'{"msg":"BATCH"}', b'{"msg":"NOBODY"}', b'{"v":1,"v":1}', b'{"t":-Infinity}', b'{"id":"\\u0000"}',
    b'{"id":"\\ud800"}', b'{"seq":99999999999999999999}', b"\xef\xbb\xbf{}", b" " * 70000, b"1" * 5000,
)  # fmt: skip


def build(rng: random.Random, kind: inspect.Type, depth: int = 0) -> Any:
    """Some value of a type, as JSON would hold it."""
    match kind:
        case inspect.StrType():
            return rng.choice(WORDS)
        case inspect.IntType():
            return rng.choice(NUMBERS)
        case inspect.FloatType():
            return rng.choice((0.0, -1.5, 1e300, 107.1))
        case inspect.BoolType():
            return rng.random() < 0.5
        case inspect.EnumType():
            return rng.choice(list(kind.cls)).value
        case inspect.StructType():
            made = {
                f.encode_name: build(rng, f.type, depth + 1) for f in kind.fields if f.required or rng.random() < 0.5
            }
            if kind.array_like:
                return [build(rng, f.type, depth + 1) for f in kind.fields]
            return {kind.tag_field: kind.tag, **made} if kind.tag_field else made
        case inspect.ListType() | inspect.VarTupleType():
            return [build(rng, kind.item_type, depth + 1) for _ in range(rng.randrange(3 if depth < 5 else 1))]
        case inspect.TupleType():
            return [build(rng, item, depth + 1) for item in kind.item_types]
        case inspect.DictType():
            keys = ("alarms", "timeline", "x")[: rng.randrange(4)]
            return {key: build(rng, kind.value_type, depth + 1) for key in keys}
        case inspect.UnionType():
            return build(rng, rng.choice(kind.types), depth)
        case _:
            return {}


class Maker:
    """An endless source of bad messages."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._to_console = [inspect.type_info(t) for t in get_args(FromHub)]
        self._to_hub = [inspect.type_info(t) for t in get_args(FromConsole)]
        self._envelope, self._beat = inspect.type_info(Envelope), inspect.type_info(Heartbeat)
        self._bodies = {name: inspect.type_info(spec.record) for name, spec in FEEDS.items()}

    def live(self) -> list[bytes]:
        """Frames on LIVE."""
        rng = self.rng
        draw = rng.random()
        feed = rng.choice(list(FEEDS))
        head = rng.choice((topic(feed), topic(feed), HEARTBEAT_TOPIC, b"1/", b"", b"1/nobody/", rng.randbytes(5)))
        if draw < 0.15:
            return [head, rng.choice(_POISON)]
        if draw < 0.2:
            return [rng.randbytes(rng.randrange(40)) for _ in range(rng.randrange(4))]
        if draw < 0.4:
            return [HEARTBEAT_TOPIC, self._broken(build(rng, self._beat), codec.decode_heartbeat)]
        env = build(rng, self._envelope) | {"feed": feed, "epoch": DEAD, "body": build(rng, self._bodies[feed])}
        return [head, self._broken(env, codec.decode_envelope)]

    def to_console(self) -> list[bytes]:
        """Frames on CTL, as if from the hub."""
        return self._ctl(self._to_console, codec.decode_from_hub)

    def to_hub(self) -> list[bytes]:
        """Frames on CTL, as if from a console."""
        return self._ctl(self._to_hub, codec.decode_from_console)

    def body(self, feed: str) -> bytes:
        """A body that its feed does not take."""

        def decode(raw: bytes) -> Any:
            return codec.decode_body(feed, raw)

        while True:
            raw = self._broken(build(self.rng, self._bodies[feed]), decode, whole=False)
            try:
                # The envelope around it must be readable.
                codec.prescan(raw)
            except BadMessage:
                continue
            return raw

    def _ctl(self, kinds: list[inspect.Type], decode: Any) -> list[bytes]:
        rng = self.rng
        draw = rng.random()
        if draw < 0.15:
            return [b"1", rng.choice(_POISON)]
        if draw < 0.2:
            return [rng.randbytes(rng.randrange(9)) for _ in range(1 + rng.randrange(3))]
        return [b"1", self._broken(build(rng, rng.choice(kinds)), decode)]

    def _broken(self, tree: Any, decode: Any, *, whole: bool = True) -> bytes:
        """JSON of `tree`, changed until `decode` does not take it."""
        rng = self.rng
        for _ in range(50):
            changed = _copy(tree)
            for _ in range(1 + rng.randrange(3)):
                changed = self._mutate(changed)
            raw = _dump(changed)
            if whole and rng.random() < 0.3:
                raw = self._bytes(raw)
            try:
                decode(raw)
            except BadMessage:
                return raw
        return b"{" if whole else b"[1]"

    def _mutate(self, tree: Any) -> Any:
        """One thing in it changed: a key gone, doubled in kind, or another type in its place."""
        rng = self.rng
        places = list(_places(tree))
        if not places:
            return _copy(rng.choice(ODD))
        holder, key = rng.choice(places)
        if isinstance(holder, dict) and rng.random() < 0.3:
            del holder[key]
        else:
            holder[key] = _copy(rng.choice(ODD))
        return tree

    def _bytes(self, raw: bytes) -> bytes:
        rng = self.rng
        data = bytearray(raw)
        match rng.randrange(4):
            case 0:
                return bytes(data[: rng.randrange(len(data))]) if data else b"{"
            case 1:
                for _ in range(3):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            case 2:
                at = rng.randrange(len(data))
                data[at:at] = rng.choice(_POISON)[:50]
            case _:
                data += data[:20]
        return bytes(data)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, dict | list):
        for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
            yield tree, key
            yield from _places(tree[key])


def _copy(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {k: _copy(v) for k, v in tree.items()}
    return [_copy(v) for v in tree] if isinstance(tree, list) else tree


def _dump(tree: Any) -> bytes:
    import json

    return json.dumps(tree, ensure_ascii=True).encode()


__all__ = ["DEAD", "Maker", "build", "msgspec"]
