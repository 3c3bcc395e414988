"""One station's two sockets, driven by hand, for checks.

Whatever the backend sends is read as strictly as docs/protocol.md section 3 says; what does not pass ends the
check in words. Must not: retry or repair anything, which is the console's work and would hide a fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar, Self

import msgspec
import zmq

from backends.domain.action import Action, Stage
from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.protocol.codec import BadMessage, decode_body, decode_envelope, decode_from_hub, decode_heartbeat, encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    MAX_FRAME,
    VERSION,
    Accounts,
    Ack,
    Act,
    Anchor,
    Batch,
    Blob,
    Confide,
    Denied,
    Envelope,
    FeedHead,
    Fetch,
    FromConsole,
    Heartbeat,
    Hello,
    Ping,
    Pong,
    Reset,
    Reveal,
    Snap,
    SnapGet,
    Welcome,
    topic,
)

ANSWER_S = 5.0
"""An answer that takes longer counts as none."""
UNKNOWN_S = 5.0
"""A message without an answer for so long is one that the backend does not know."""
SPARING_S = 0.15
"""Between two of what leaves a row for good; docs/protocol.md, section 9."""
LIVE_S = 3.0
SLICE_S, STOOD_S = 0.1, 0.5
"""Waiting looks up every SLICE_S; of a slice that took longer, no more than STOOD_S counts."""
Context = zmq.Context[zmq.Socket[bytes]]


class Failed(Exception):
    """The backend breaks a promise; the sentence says which and how it was seen."""


class Skipped(Exception):
    """The check could not be made; the sentence says what to provide. No pass."""


class NotOffered(Exception):
    """The protocol leaves it to the backend, and this one does without; the sentence says by what it was told. Neither
    a pass nor a fault."""


class Patience:
    """Seconds of waiting, of which those do not count in which this process itself did not run: a machine that was
    suspended or starved for longer than an answer may take is not the backend's fault."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, monotonic."""
        self.seconds = seconds
        self._clock = clock
        self._left_s = seconds
        self._looked_s = clock()

    def slice_s(self) -> float:
        """How long to wait now, SLICE_S at most; 0 = no longer."""
        now_s = self._clock()
        self._left_s -= min(now_s - self._looked_s, STOOD_S)
        self._looked_s = now_s
        return max(0.0, min(self._left_s, SLICE_S))


class Place(msgspec.Struct, frozen=True):
    """Where the backend is and who asks. `live` empty: a backend without LIVE."""

    ctl: str
    server_key: str
    public: str
    secret: str
    station: str = ""
    live: str = ""
    mode: Mode = Mode.DEMO

    def __repr__(self) -> str:
        return f"Place({self.ctl!r}, {self.live!r}, station={self.station!r}, ...)"


def prepared(context: Context, kind: int, place: Place, **options: int) -> zmq.Socket[bytes]:
    """A CURVE client socket with the options that docs/protocol.md names, not yet connected."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.maxmsgsize = 2 * MAX_FRAME
    socket.handshake_ivl = 3000
    socket.reconnect_ivl = 100
    for name, value in options.items():
        setattr(socket, name, value)
    socket.curve_serverkey = place.server_key.encode()
    socket.curve_publickey = place.public.encode()
    socket.curve_secretkey = place.secret.encode()
    return socket


class Peer:
    """DEALER and, where asked for, SUB of one station. Context manager; one thread."""

    _spared_s: ClassVar[dict[str, float]] = {}
    """Station's key -> before when it sends no further message of `_SPARING`."""

    def __init__(
        self,
        context: Context,
        place: Place,
        *,
        live: bool = False,
        token: str = "",
        dealer: dict[str, int] | None = None,
    ) -> None:
        self.place = place
        self.token = token
        self.last_size = 0
        """Bytes of the newest message on CTL."""
        self.last_data = b""
        """Its frame 2."""
        self.never: tuple[bytes, ...] = ()
        """What must be in no message that comes, on either socket."""
        self.sub: zmq.Socket[bytes] | None = None
        self.ctl = prepared(context, zmq.DEALER, place, **(dealer or {}))
        self.ctl.connect(place.ctl)
        if live:
            self.sub = prepared(context, zmq.SUB, place, rcvhwm=100_000, sndhwm=0)
            self.sub.setsockopt(zmq.SUBSCRIBE, b"1/")
            self.sub.connect(place.live)

    def close(self) -> None:
        self.ctl.close()
        if self.sub is not None:
            self.sub.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- CTL -------------------------------------------------------------------------------------

    def send(self, message: FromConsole, data: bytes | None = None) -> None:
        """`data`: frame 2. What a backend answers ten times a second only is not sent more often than that."""
        if isinstance(message, _SPARING):
            time.sleep(max(0.0, self._spared_s.get(self.place.public, 0.0) - time.monotonic()))
            self._spared_s[self.place.public] = time.monotonic() + SPARING_S
        self.send_raw(VERSION, encode(message), *(() if data is None else (data,)))

    def send_raw(self, *frames: bytes) -> None:
        try:
            self.ctl.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            raise Failed("there is no connection on CTL to send on") from None

    def receive(self, timeout_s: float) -> Any:
        """The next message on CTL, None when none comes."""
        if not self.ctl.poll(max(0, int(timeout_s * 1000))):
            return None
        frames = self.ctl.recv_multipart()
        if frames[0] != VERSION or len(frames) < 2:
            raise Failed(f"an answer on CTL must be the frames [1, JSON], this one has {len(frames)} frames")
        self._spare(frames)
        try:
            message: Any = decode_from_hub(frames[1])
        except BadMessage as error:
            raise Failed(f"the backend sent what does not follow the protocol: {error}: {_short(frames[1])}") from None
        if (len(frames) > 2) is not (isinstance(message, Blob) and not message.code):
            what = "a BLOB" if isinstance(message, Blob) else _tag(type(message))
            raise Failed(f"{what} came in {len(frames)} frames; only a BLOB that is there has a third one")
        self.last_size, self.last_data = len(frames[1]), frames[2] if len(frames) > 2 else b""
        if isinstance(message, Batch | Snap):
            for envelope in message.items:
                self._judge(envelope, message.feed, message.epoch)
        return message

    def ask(self, message: FromConsole, *kinds: type[Any], data: bytes | None = None) -> Any:
        """Send and wait for an answer of one of these kinds, to that very request. `data`: frame 2. Raises Failed."""
        self.send(message, data)
        return self.answer(message, *kinds)

    def answer(self, message: FromConsole, *kinds: type[Any]) -> Any:
        """The answer to what was sent before. Raises Failed."""
        about = name_of(message)
        answer = self.expect(*kinds, about=about)
        asked = getattr(message, "request", None)
        if asked is not None and getattr(answer, "request", asked) != asked:
            raise Failed(f"{about} was answered as request {answer.request}")
        return answer

    def answers(self, message: FromConsole, *kinds: type[Any], data: bytes | None = None) -> bool:
        """Does the backend know that message, by an answer of one of these kinds?"""
        self.send(message, data)
        return self.within(Patience(UNKNOWN_S), *kinds) is not None

    def expect(self, *kinds: type[Any], about: str, patience: Patience | None = None) -> Any:
        """The next message of one of these kinds; others, but for DENIED, are about something else. `about` names the
        request, so that whoever reads that it failed finds it. `patience`: what is left of one that began before, else
        ANSWER_S."""
        patience = patience or Patience(ANSWER_S)
        message = self.within(patience, *kinds, Denied)
        if message is None:
            raise Failed(f"{about} got no {' or '.join(_tag(kind) for kind in kinds)} within {patience.seconds:g} s")
        if not isinstance(message, kinds):
            raise Failed(f"{about} was answered by DENIED {message.code} {message.text}".rstrip())
        return message

    def within(self, patience: Patience, *kinds: type[Any]) -> Any:
        """The next message of one of these kinds, None when none comes."""
        while (slice_s := patience.slice_s()) > 0:
            message = self.receive(slice_s)
            if isinstance(message, kinds):
                return message
        return None

    def hello(self) -> Welcome:
        message = Hello(self.place.station, self.place.mode, token=self.token)
        welcome: Welcome = self.ask(message, Welcome)
        return welcome

    def ping(self, n: int) -> Pong:
        """PING and its PONG. Raises Failed."""
        self.send(Ping(n, time.time_ns()))
        patience = Patience(ANSWER_S)
        while True:
            pong: Pong = self.expect(Pong, about=f"PING {n}", patience=patience)
            if pong.n == n:
                return pong

    def snapshot(self, feed: str) -> list[Snap]:
        """All parts of a feed. Raises Failed where their numbers do not fit."""
        parts: list[Snap] = [self.ask(SnapGet(feed), Snap)]
        while len(parts) < parts[0].parts:
            parts.append(self.expect(Snap, about=f"SNAPGET {feed}, part {len(parts) + 1} of {parts[0].parts}"))
        return parts

    def fetch(self, feed: str, epoch: str, after: int, limit: int = 1000) -> Batch:
        """One BATCH after a cursor. Raises Failed at anything else, and where positions do not follow each other."""
        answer = self.ask(Fetch(feed, epoch, after, limit), Batch, Reset)
        if isinstance(answer, Reset):
            raise Failed(f"FETCH {feed} after {after} was answered by RESET {answer.reason}")
        batch: Batch = answer
        if batch.feed != feed or batch.epoch != epoch:
            raise Failed(f"FETCH {feed} of epoch {epoch} was answered for {batch.feed}, {batch.epoch}")
        seqs = [envelope.seq for envelope in batch.items]
        if seqs != list(range(after + 1, after + 1 + len(seqs))):
            raise Failed(f"FETCH {feed} after {after} must begin at {after + 1} without holes, it gave {seqs[:5]}...")
        if len(seqs) > limit:
            raise Failed(f"FETCH {feed} with limit {limit} gave {len(seqs)} records")
        if seqs and batch.head < seqs[-1]:
            raise Failed(f"BATCH of {feed} says head {batch.head} and brings {seqs[-1]}")
        return batch

    def fetch_all(self, feed: str, epoch: str, after: int) -> list[Envelope]:
        """Everything after a cursor. Raises Failed when it does not come to an end."""
        items: list[Envelope] = []
        while True:
            batch = self.fetch(feed, epoch, after)
            items += batch.items
            if not batch.items:
                if batch.head > after:
                    raise Failed(f"FETCH {feed} after {after} gave nothing, though the head is {batch.head}")
                return items
            after = batch.items[-1].seq

    def act(self, action: Action, mode: Mode | None = None) -> list[Ack]:
        """Send an action; its ACKs up to the final one."""
        self.send(Act(action, mode or self.place.mode, self.token))
        return self.acks(action)

    def acks(self, action: Action) -> list[Ack]:
        """The ACKs of an action up to the final one. Raises Failed."""
        got: list[Ack] = []
        about, patience = name_of(Act(action, self.place.mode)), Patience(ANSWER_S)
        while True:
            told = f"{about}, after the stages {[a.stage for a in got]}," if got else about
            ack: Ack = self.expect(Ack, about=told, patience=patience)
            if ack.aid != action.aid:
                continue
            if ack.stage not in FROM_HUB_STAGES:
                raise Failed(f"an ACK has the stage {ack.stage!r}, which does not exist")
            got.append(ack)
            if ack.stage != Stage.STORED.value:
                return got

    def _spare(self, frames: list[bytes]) -> None:
        """Raises Failed where a frame holds what it must not, also in a field that nobody knows."""
        for word in self.never:
            if any(word in frame for frame in frames):
                raise Failed(f"{word.decode()!r}, which was told in confidence, is in {_short(frames[-1])}...")

    # --- LIVE ------------------------------------------------------------------------------------

    def receive_live(self, timeout_s: float) -> Envelope | Heartbeat | None:
        """The next message on LIVE, None when none comes. Raises Failed for one that breaks the rules."""
        assert self.sub is not None
        if not self.sub.poll(max(0, int(timeout_s * 1000))):
            return None
        frames = self.sub.recv_multipart()
        if len(frames) != 2:
            raise Failed(f"a message on LIVE has two frames, this one {len(frames)}")
        self._spare(frames)
        try:
            if frames[0] == HEARTBEAT_TOPIC:
                beat = decode_heartbeat(frames[1])
                if beat.mode is not self.place.mode:
                    raise Failed(f"a heartbeat is of mode {beat.mode.value}")
                return beat
            envelope = decode_envelope(frames[1])
        except BadMessage as error:
            raise Failed(f"LIVE brought what does not follow the protocol: {error}: {_short(frames[1])}") from None
        if frames[0] != topic(envelope.feed):
            raise Failed(f"LIVE brought feed {envelope.feed} under the topic {frames[0]!r}")
        self._judge(envelope, envelope.feed, envelope.epoch)
        return envelope

    def live_until(self, what: str, wanted: Callable[[Envelope | Heartbeat], bool], timeout_s: float = LIVE_S) -> Any:
        """The first message on LIVE for which `wanted` holds. Raises Failed."""
        patience = Patience(timeout_s)
        while (slice_s := patience.slice_s()) > 0:
            message = self.receive_live(slice_s)
            if message is not None and wanted(message):
                return message
        raise Failed(f"{what} did not come on LIVE within {timeout_s:g} s")

    def beat(self) -> Heartbeat:
        """The next heartbeat."""
        beat: Heartbeat = self.live_until("a heartbeat", lambda m: isinstance(m, Heartbeat))
        return beat

    def _judge(self, envelope: Envelope, feed: str, epoch: str) -> None:
        """An envelope by itself: where it belongs, its type, and its body by the feed's record."""
        where = f"{envelope.feed} {envelope.seq}"
        if (envelope.feed, envelope.epoch) != (feed, epoch):
            raise Failed(f"record {where} of epoch {envelope.epoch} came as one of {feed}, {epoch}")
        if envelope.mode is not self.place.mode:
            raise Failed(f"record {where} is of mode {envelope.mode.value}")
        if feed not in FEEDS:
            return
        state = FEEDS[feed].kind is FeedKind.STATE
        if envelope.type not in (("put", "del") if state else ("event",)):
            raise Failed(f"record {where} has the type {envelope.type!r}")
        if state and not envelope.id:
            raise Failed(f"record {where} has no id")
        if envelope.type == "del":
            return
        try:
            body = decode_body(feed, envelope.body)
        except BadMessage as error:
            raise Failed(f"the body of record {where} does not fit its feed: {error}") from None
        if state and getattr(body, "id", envelope.id) != envelope.id:
            raise Failed(f"record {where} is called {envelope.id!r} outside and {body.id!r} inside")


FROM_HUB_STAGES = tuple(s.value for s in Stage if s not in (Stage.QUEUED, Stage.SENT))


def content(envelope: Envelope) -> dict[str, Any]:
    """An envelope as plain values, for comparing: spaces and the order of keys do not count."""
    plain: dict[str, Any] = msgspec.json.decode(encode(envelope))
    return plain


def head_of(heads: dict[str, FeedHead], feed: str) -> FeedHead:
    """A feed's head in WELCOME or a heartbeat. Raises Failed where it is missing."""
    if feed not in heads:
        raise Failed(f"there is no head of {feed}")
    return heads[feed]


def _tag(kind: type[Any]) -> str:
    return str(kind.__struct_config__.tag)


def name_of(message: FromConsole) -> str:
    """Which request it is, for whoever looks for it: `FETCH alarms`, `HISTORY river (request 4)`, `ACT claim on alarms
    a-1 (aid ...)`."""
    tag = _tag(type(message))
    if isinstance(message, Act):
        action = message.action
        return f"{tag} {action.verb.value} on {action.feed} {action.target}".rstrip() + f" (aid {action.aid})"
    said = [str(getattr(message, field)) for field in _NAMING if getattr(message, field, "")]
    if isinstance(message, Fetch):
        said.append(f"after {message.after}")
    if (request := getattr(message, "request", None)) is not None:
        said.append(f"(request {request})")
    return " ".join([tag, *said])


_SPARING = (Reveal, Confide, Accounts, Anchor)
_NAMING = ("feed", "series", "act", "what", "camera", "target", "person", "blob", "part", "n")
"""Fields that say what a request is about. None of them is secret."""


def _short(raw: bytes) -> str:
    return raw[:120].decode("utf-8", "replace")
