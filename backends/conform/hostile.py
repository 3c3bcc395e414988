"""Checks of bad input, foreign modes and keys: what must be refused, and what must go on meanwhile."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import ANSWER_S, Failed, Peer, Place, prepared
from backends.domain.feeds import Mode
from backends.protocol.messages import MAX_FRAME, VERSION, Bye, Denied, Hello, Pong, Snap, SnapGet, Welcome

CHECKS = Checks()
check = CHECKS.check
HEAD = b'{"msg":"PING","sent":1,"n":'
"""A PING of number 13 follows: whoever answers 13 has let the bad text in."""
BAD: dict[str, bytes] = {
    "nothing at all": b"",
    "no JSON": b"PING",
    "text that is cut off": HEAD + b"13",
    "two values": HEAD + b"13} {}",
    "a NUL behind the value": HEAD + b"13}\x00",
    "a comma too many": HEAD + b"13,}",
    "a comment": HEAD + b"13 /* */}",
    "a byte order mark": b"\xef\xbb\xbf" + HEAD + b"13}",
    "a list": b"[" + HEAD + b"13}]",
    "invalid UTF-8": HEAD + b'13,"x":"\xff"}',
    "an overlong UTF-8 form": HEAD + b'13,"x":"\xc0\xaf"}',
    "a surrogate as UTF-8": HEAD + b'13,"x":"\xed\xa0\x80"}',
    "half a surrogate pair": HEAD + rb'13,"x":"\ud83d"}',
    "the second half alone": HEAD + rb'13,"x":"\ude00"}',
    "swapped halves": HEAD + rb'13,"x":"\ude00\ud83d"}',
    "U+0000, escaped": HEAD + rb'13,"x":"a\u0000b"}',
    "U+0000, raw": HEAD + b'13,"x":"a\x00b"}',
    "U+0000 in a key": HEAD + rb'13,"a\u0000b":1}',
    "NaN": HEAD + b'13,"x":NaN}',
    "Infinity": HEAD + b'13,"x":-Infinity}',
    "a number beyond double": HEAD + b'13,"x":1e400}',
    "2^63": HEAD + b'13,"x":9223372036854775808}',
    "below -2^63": HEAD + b'13,"x":-9223372036854775809}',
    "5000 digits": HEAD + b'13,"x":' + b"1" * 5000 + b"}",
    "a leading zero": HEAD + b'13,"x":01}',
    "the same key twice": HEAD + b'12,"n":13}',
    "the same key twice, escaped": HEAD + rb'12,"\u006e":13}',
    "the same key twice, inside": HEAD + b'13,"x":[{"a":1,"a":1}]}',
    "a text for a number": HEAD + b'"13"}',
    "a fraction for a whole number": HEAD + b"13.5}",
    "true for a number": HEAD + b"true}",
    "a field missing": b'{"msg":"PING","n":13}',
    "no msg": b'{"n":13,"sent":1}',
    "17 levels": HEAD + b'13,"x":' + b"[" * 16 + b"]" * 16 + b"}",
}
GOOD: dict[str, bytes] = {
    "an unknown field": HEAD + b'14,"later":{"x":[1,2.5,null,true]}}',
    "spaces": b' { "msg" : "PING" ,\r\n\t"n" : 14 , "sent" : 1 } ',
    "a surrogate pair": HEAD + rb'14,"x":"\ud83d\ude00"}',
    "the word u0000 behind a backslash": HEAD + rb'14,"x":"\\u0000"}',
    "the largest and smallest integers": HEAD + b'14,"x":[9223372036854775807,-9223372036854775808]}',
    "16 levels": HEAD + b'14,"x":' + b"[" * 15 + b"]" * 15 + b"}",
    "the same key in two objects": HEAD + b'14,"x":[{"a":1},{"a":1}]}',
    "Vietnamese": HEAD + '14,"x":"Sông Hiếu trên BĐ3 — ngập"}'.encode(),
}


def ignored(peer: Peer, what: str, *frames: bytes, n: int) -> None:
    """Send something bad, then a PING: the PONG must be the next thing that comes. Raises Failed."""
    peer.send_raw(*frames)
    peer.send_raw(VERSION, HEAD + b"%d}" % n)
    end_s = time.monotonic() + ANSWER_S
    while (left_s := end_s - time.monotonic()) > 0:
        answer = peer.receive(left_s)
        if isinstance(answer, Pong) and answer.n == n:
            return
        if answer is not None and not isinstance(answer, Bye):
            raise Failed(f"{what} was answered by {type(answer).__name__.upper()}, not ignored")
    raise Failed(f"after {what} the connection gives no answer any more")


@check("bad-json", "text that breaks the rules of JSON gets no answer, and the connection lives")
def bad_json(room: Room) -> str:
    with room.joined() as (peer, _):
        wrong = []
        for n, (what, raw) in enumerate(BAD.items(), start=100):
            try:
                ignored(peer, what, VERSION, raw, n=n)
            except Failed as failed:
                wrong.append(str(failed))
                # What was answered late must not be taken for the next one's answer.
                while peer.receive(0.2) is not None:
                    pass
        if wrong:
            more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise Failed("; ".join(wrong[:3]) + more)
    return f"{len(BAD)} kinds"


@check("good-json", "unknown fields and every legal way of writing are taken")
def good_json(room: Room) -> str:
    with room.joined() as (peer, _):
        for what, raw in GOOD.items():
            peer.send_raw(VERSION, raw)
            answer = peer.receive(ANSWER_S)
            if not isinstance(answer, Pong) or answer.n != 14:
                raise Failed(f"a PING with {what} got no PONG")
    return f"{len(GOOD)} kinds"


@check("deep-nesting", "100,000 levels of nesting harm nobody")
def deep_nesting(room: Room) -> str:
    with room.joined() as (peer, _):
        for what, raw in {
            "100,000 open lists": b"[" * 100_000,
            "100,000 lists": HEAD + b'13,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "100,000 objects": HEAD + b'13,"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        }.items():
            ignored(peer, what, VERSION, raw, n=len(raw))
    return "ignored"


@check("oversized", "a frame over 1 MiB is not taken, and the station can join again at once")
def oversized(room: Room) -> str:
    with room.joined() as (peer, _):
        peer.send_raw(VERSION, HEAD + b'13,"x":"' + b"x" * (MAX_FRAME + 1) + b'"}')
        answer = peer.receive(1.0)
        if answer is not None and not isinstance(answer, Bye):
            raise Failed(f"it was answered by {type(answer).__name__.upper()}")
    with room.joined() as (again, _):
        again.ping(1)
    return "not taken"


@check("bad-frames", "messages of too few or too many frames are not taken, and the connection lives")
def bad_frames(room: Room) -> str:
    good = HEAD + b"13}"
    with room.joined() as (peer, _):
        for n, frames in enumerate(
            [(VERSION,), (VERSION, good, b"", b""), (VERSION, b"", good, good, good)], start=200
        ):
            ignored(peer, f"a message of {len(frames)} frames", *frames, n=n)
    return "ignored"


@check("unknown-message", "a message that version 1 does not know gets no answer, and the connection lives")
def unknown_message(room: Room) -> str:
    with room.joined() as (peer, _):
        ignored(peer, "an unknown message", VERSION, b'{"msg":"CONFORM_FUTURE","n":13,"sent":1}', n=300)
        ignored(peer, "an unknown verb", VERSION, _act_of(peer, "conform_future"), n=301)
    return "ignored"


def _act_of(peer: Peer, verb: str) -> bytes:
    action: dict[str, Any] = {
        "aid": f"conform-{time.time_ns()}", "verb": verb, "feed": "alarms", "target": "x", "expect_state_rev": 0,
        "made_at_ns": 1,
    }  # fmt: skip
    return msgspec.json.encode({"msg": "ACT", "mode": peer.place.mode.value, "action": action})


@check("unknown-version", "a version or encoding that the backend does not speak is DENIED version")
def unknown_version(room: Room) -> str:
    with room.joined() as (peer, _):
        station, mode = peer.place.station, peer.place.mode
        peer.send_raw(b"2", b"{}")
        for what, denied in (
            ("frame 0 = 2", peer.expect(Denied, about="frame 0 = 2")),
            ("versions [2]", peer.ask(Hello(station, mode, versions=(2,)), Denied)),
            ("enc cbor", peer.ask(Hello(station, mode, enc=("cbor",)), Denied)),
        ):
            if denied.code != "version":
                raise Failed(f"{what} is DENIED {denied.code!r}")
        peer.ask(Hello(station, mode, versions=(1, 2), enc=("cbor", "json")), Welcome)
    return "denied, and a console that also speaks version 1 is welcome"


@check("foreign-mode", "HELLO of a foreign mode is DENIED mode, and so is everything until a HELLO in the right one")
def foreign_mode(room: Room) -> str:
    with room.joined() as (peer, _):
        for mode in (mode for mode in Mode if mode is not peer.place.mode):
            for message in (Hello(peer.place.station, mode), SnapGet("alarms")):
                peer.send(message)
                answer = peer.expect(Denied, Welcome, Snap, about=f"{type(message).__name__} in mode {mode.value}")
                if getattr(answer, "code", "") != "mode":
                    raise Failed(f"{type(message).__name__.upper()} in mode {mode.value} was not DENIED mode")
        peer.hello()
        peer.ask(SnapGet("alarms"), Snap)
    return "denied"


@check("claimed-station", "the station is what the key says; what HELLO claims changes nothing")
def claimed_station(room: Room) -> str:
    with room.joined() as (peer, honest):
        claimed = peer.ask(Hello("conform-somebody-else", peer.place.mode, token=peer.token), Welcome)
        if claimed.station != honest.station or claimed.operator_id != honest.operator_id:
            raise Failed(f"whoever says so becomes station {claimed.station!r}, {claimed.operator_id!r}")
    return f"it stays {honest.station}"


@check("unknown-key", "a key that is not authorised is refused at the handshake, on both sockets")
def unknown_key(room: Room) -> str:
    public, secret = zmq.curve_keypair()
    place = msgspec.structs.replace(room.place, public=public.decode(), secret=secret.decode())
    ends = {"CTL": (zmq.DEALER, place.ctl)} | ({"LIVE": (zmq.SUB, place.live)} if place.live else {})
    for name, (kind, address) in ends.items():
        if _handshake(room, place, kind, address) != zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            raise Failed(f"{name} lets a key in that nobody authorised")
    with room.joined():
        pass
    return f"refused on {' and '.join(ends)}"


def _handshake(room: Room, place: Place, kind: int, address: str) -> int:
    """How the handshake ended, a monitor's event. Raises Failed when it did not end."""
    socket = prepared(room.context, kind, place)
    monitor = socket.get_monitor_socket(_ENDS)
    try:
        socket.connect(address)
        if not monitor.poll(int(ANSWER_S * 1000)):
            raise Failed(f"the handshake with {address} did not end within {ANSWER_S:g} s")
        return int(recv_monitor_message(monitor)["event"])
    finally:
        socket.disable_monitor()
        monitor.close(linger=0)
        socket.close()


_ENDS = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


@check("no-encryption", "a client without CURVE is not let in")
def no_encryption(room: Room) -> str:
    with room.context.socket(zmq.DEALER) as plain:
        plain.linger = 0
        plain.connect(room.place.ctl)
        plain.send_multipart([VERSION, HEAD + b"13}"])
        if plain.poll(1000):
            raise Failed("it answers a client that is not encrypted")
    return "not answered"
