"""A small hub on real sockets that does what a test tells it: drop, delay, double, stay silent, lie.

It runs in a thread. Everything it does goes through `live_filter`, `answer_filter` and a few switches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from backends.domain.access import GRANTS
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FEEDS, Mode
from backends.domain.people import Role
from backends.domain.sensor import Flagged
from backends.domain.text import LocalText
from backends.link.ports import Endpoints
from backends.protocol.codec import encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Ack,
    Act,
    Anchor,
    Anchored,
    AnchorGet,
    Anchors,
    Batch,
    Blob,
    BlobGet,
    Canary,
    Envelope,
    FeedHead,
    Fetch,
    FromConsole,
    Heartbeat,
    Hello,
    History,
    Ping,
    Pong,
    Reset,
    Reveal,
    Revealed,
    Series,
    Signed,
    SignIn,
    SignOut,
    Snap,
    SnapGet,
    Welcome,
    topic,
)

_FROM_CONSOLE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(FromConsole)


def alarm(n: int, **changes: Any) -> Alarm:
    """Alarm number `n`."""
    base = Alarm(f"a{n}", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText(f"Cảnh báo {n}"), t_raised_ns=n)
    return msgspec.structs.replace(base, **changes)


PART = 1000
"""Bytes of a blob's part."""


class Account(msgspec.Struct):
    """A person that this hub lets in."""

    secret: str
    role: Role = Role.OPERATOR
    name: str = ""
    offline_s: float = 86400.0
    session_s: float = 43200.0
    disabled: bool = False

    def told(self, person: str) -> dict[str, Any]:
        """The fields of WELCOME and SIGNED that say who it is."""
        grants = tuple(sorted(right.value for right in GRANTS[self.role]))
        return {"operator_id": person, "name": self.name or person, "role": self.role.value, "grants": grants}


class FakeHub:
    """Start with `start`, stop with `stop`; a new `start` binds the same ports again."""

    def __init__(self, mode: Mode = Mode.DEMO) -> None:
        self.mode = mode
        self.public, self.secret = zmq.curve_keypair()
        self.epoch = "e1"
        self.logs: dict[str, list[Envelope]] = {name: [] for name in FEEDS}
        self.oldest: dict[str, int] = {}
        self.live_filter: Callable[[Envelope], list[Envelope]] = lambda env: [env]
        self.answer_filter: Callable[[Any], list[Any]] = lambda answer: [answer]
        self.beating = True
        self.canary_moves = True
        self.acks = True
        self.acted: list[Act] = []
        self.applied: dict[str, str] = {}
        self.applied_by: dict[str, str] = {}
        """aid -> person."""
        self.asked: list[Any] = []
        self.history: dict[str, list[tuple[int, float | None]]] = {}
        self.flags: dict[str, tuple[Flagged, ...]] = {}
        self.periods: dict[str, float] = {}
        self.t_source: dict[str, int] = {}
        self.seat = "op"
        """Who sits at every station, without signing in; empty: people sign in."""
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, str] = {}
        """Token -> person."""
        self.secrets_seen: list[str] = []
        self.reporters: dict[str, dict[str, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.anchors: list[tuple[int, str, int]] = []
        self.instance = 0
        self.peers: set[bytes] = set()
        self._ports: tuple[int, int] | None = None
        self._orders: deque[Callable[[], None]] = deque()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # -- the test's side -----------------------------------------------------------------------------

    def start(self) -> FakeHub:
        self._stop.clear()
        self.instance += 1
        self._context: zmq.Context[Any] = zmq.Context()
        self._pub = self._socket(zmq.PUB, 0)
        self._router = self._socket(zmq.ROUTER, 1)
        self._ports = tuple(int(s.last_endpoint.rsplit(b":", 1)[1]) for s in (self._pub, self._router))  # type: ignore[assignment]
        self._thread = threading.Thread(target=self._run, name="fake-hub", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None

    @property
    def endpoints(self) -> Endpoints:
        assert self._ports is not None
        live, ctl = (f"tcp://127.0.0.1:{port}" for port in self._ports)
        return Endpoints(live, ctl, self.public.decode())

    def put(self, feed: str, record: Any, kind: str = "", rev: int = 0) -> Envelope:
        """Log and publish the next record of a feed."""
        kind = kind or ("event" if FEEDS[feed].kind.value != "state" else "put")
        return self.put_raw(feed, getattr(record, "id", ""), encode(record), kind, rev)

    def delete(self, feed: str, key: str) -> Envelope:
        return self.put_raw(feed, key, b"", "del")

    def put_raw(self, feed: str, key: str, body: bytes, kind: str = "put", rev: int = 0) -> Envelope:
        log = self.logs[feed]
        env = Envelope(
            self.mode, feed, self.epoch, len(log) + 1, time.time_ns(), kind, key, rev, body=msgspec.Raw(body or b"null")
        )
        log.append(env)
        self._orders.append(lambda: self._publish(env))
        return env

    def send_live(self, *frames: bytes) -> None:
        """Anything at all on LIVE."""
        self._orders.append(lambda: self._pub.send_multipart(list(frames)))

    def send_ctl(self, *frames: bytes) -> None:
        """Anything at all on CTL, to every console that has spoken."""
        self._orders.append(lambda: [self._router.send_multipart([who, *frames]) for who in self.peers] and None)

    def drained(self, timeout_s: float = 10.0) -> None:
        """Wait until all that was ordered has been sent."""
        end_s = time.monotonic() + timeout_s
        while self._orders and time.monotonic() < end_s:
            time.sleep(0.001)

    def new_epoch(self, epoch: str) -> None:
        """The log starts anew; the state is what it was."""
        for feed, log in self.logs.items():
            items = list(self.state(feed).values())
            log[:] = [msgspec.structs.replace(env, epoch=epoch, seq=n) for n, env in enumerate(items, 1)]
        self.epoch = epoch

    def state(self, feed: str) -> dict[str, Envelope]:
        """What the log adds up to."""
        items: dict[str, Envelope] = {}
        for env in self.logs[feed]:
            if env.type == "del":
                items.pop(env.id, None)
            else:
                items[env.id or str(env.seq)] = env
        return items

    # -- the hub's side ------------------------------------------------------------------------------

    def _socket(self, kind: int, n: int) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.linger = 0
        socket.curve_server = True
        socket.curve_secretkey = self.secret
        socket.bind(f"tcp://127.0.0.1:{self._ports[n] if self._ports else '*'}")
        return socket

    def _run(self) -> None:
        beat_at = 0.0
        n = 0
        try:
            while not self._stop.is_set():
                if self._router.poll(5):
                    who, *frames = self._router.recv_multipart()
                    self._answer(who, _FROM_CONSOLE.decode(frames[1]))
                while self._orders:
                    self._orders.popleft()()
                if self.beating and time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + 0.5
                    n += 1
                    canary = Canary(n if self.canary_moves else 1, time.time_ns())
                    beat = Heartbeat(n, time.time_ns(), f"i{self.instance}", self.mode, self._heads(), canary)
                    self._pub.send_multipart([HEARTBEAT_TOPIC, encode(beat)])
        finally:
            self._pub.close()
            self._router.close()
            self._context.term()

    def _publish(self, env: Envelope) -> None:
        for sent in self.live_filter(env):
            self._pub.send_multipart([topic(sent.feed), encode(sent)])

    def _heads(self) -> dict[str, FeedHead]:
        return {
            feed: FeedHead(
                self.epoch, len(log), self.oldest.get(feed, 1), self.t_source.get(feed, 0), self.periods.get(feed, 0.0)
            )
            for feed, log in self.logs.items()
        }

    def _answer(self, who: bytes, message: Any) -> None:
        self.asked.append(message)
        self.peers.add(who)
        for answer in self._access_answers(message) or self._answers(message):
            for sent in self.answer_filter(answer):
                raw = sent if isinstance(sent, bytes) else encode(sent)
                bytes_of = [self._part(sent)] if isinstance(sent, Blob) and not sent.code else []
                self._router.send_multipart([who, b"1", raw, *bytes_of])

    def _part(self, part: Blob) -> bytes:
        return self.blobs[part.blob][(part.part - 1) * PART : part.part * PART]

    def _welcome(self, hello: Hello) -> Welcome:
        """The person of the token, or whoever the hub has seated here."""
        person = self.sessions.get(hello.token, self.seat)
        account = self.accounts.get(person)
        who: dict[str, Any] = {"operator_id": person}
        if account is not None:
            who = account.told(person) | {"t_expires": self._expires_ns(account) if hello.token else 0}
        return Welcome("fake", f"i{self.instance}", self.mode, 1, time.time_ns(), 500, self._heads(), **who)

    @staticmethod
    def _expires_ns(account: Account) -> int:
        return time.time_ns() + int(account.session_s * 1e9)

    def _access_answers(self, message: Any) -> list[Any]:
        match message:
            case SignIn():
                self.secrets_seen.append(message.secret)
                account = self.accounts.get(message.person)
                if self.seat:
                    return [Signed(message.request, "not_here")]
                if account is None or account.secret != message.secret:
                    return [Signed(message.request, "refused")]
                if account.disabled:
                    return [Signed(message.request, "disabled")]
                token = f"token-{len(self.sessions) + 1}-{message.person}"
                self.sessions[token] = message.person
                told = account.told(message.person)
                expires_ns = self._expires_ns(account)
                return [Signed(message.request, token=token, t_expires=expires_ns, offline_s=account.offline_s, **told)]
            case SignOut():
                self.sessions.pop(message.token, None)
                return [Signed(message.request, "signed_out")]
            case Reveal():
                person = self.sessions.get(message.token, self.seat)
                if not person:
                    return [Revealed(message.request, "nobody_signed_in")]
                values = self.reporters.get(message.target)
                return [Revealed(message.request, "" if values else "unknown", values or {})]
            case BlobGet():
                data = self.blobs.get(message.blob)
                if data is None:
                    return [Blob(message.request, message.blob, code="unknown")]
                parts = max(1, -(-len(data) // PART))
                return [
                    Blob(message.request, message.blob, "image/png", len(data), n, parts) for n in range(1, parts + 1)
                ]
            case Anchor():
                known = {n: row_hash for n, row_hash, _ in self.anchors}.get(message.n)
                if known is None:
                    self.anchors.append((message.n, message.hash, message.t))
                return [Anchored(message.n, "" if known in (None, message.hash) else "differs")]
        return []

    def _answers(self, message: Any) -> list[Any]:
        match message:
            case Hello():
                return [self._welcome(message)]
            case Fetch():
                oldest = self.oldest.get(message.feed, 1)
                log = self.logs[message.feed]
                if message.epoch != self.epoch or message.after < oldest - 1:
                    return [Reset(message.feed, self.epoch, oldest, "too old")]
                items = tuple(log[message.after : message.after + message.limit])
                return [Batch(message.feed, self.epoch, items, len(log))]
            case SnapGet():
                items = tuple(self.state(message.feed).values())
                parts = max(1, -(-len(items) // 500))
                return [
                    Snap(
                        message.feed,
                        self.epoch,
                        len(self.logs[message.feed]),
                        n + 1,
                        parts,
                        items[n * 500 : n * 500 + 500],
                    )
                    for n in range(parts)
                ]
            case History():
                points = self.history.get(message.series)
                if points is None:
                    return [Series(message.request, message.series, (), (), "unknown_series")]
                times, values = tuple(t for t, _ in points), tuple(v for _, v in points)
                flags = self.flags.get(message.series, ())
                return [Series(message.request, message.series, times, values, flags=flags)]
            case Act():
                self.acted.append(message)
                if not self.acks:
                    return []
                aid = message.action.aid
                if aid in self.applied:
                    return [Ack(aid, "duplicate", outcome=self.applied[aid])]
                person = self.sessions.get(message.token, self.seat)
                if not person:
                    self.applied[aid] = "refused"
                    return [Ack(aid, "refused", code="nobody_signed_in")]
                self.applied[aid] = "applied"
                self.applied_by[aid] = person
                return [Ack(aid, "stored"), Ack(aid, "applied")]
            case AnchorGet():
                later = [anchor for anchor in self.anchors if anchor[0] > message.after]
                return [Anchors(message.request, tuple(later[:1000]))]
            case Ping():
                return [Pong(message.n, message.sent, time.time_ns())]
        return []
