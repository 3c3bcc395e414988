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

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FEEDS, Mode
from backends.domain.text import LocalText
from backends.link.ports import Endpoints
from backends.protocol.codec import encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Ack,
    Act,
    Batch,
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
    Series,
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
        self.asked: list[Any] = []
        self.history: dict[str, list[tuple[int, float | None]]] = {}
        self.periods: dict[str, float] = {}
        self.t_source: dict[str, int] = {}
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

    def put(self, feed: str, record: Any, kind: str = "") -> Envelope:
        """Log and publish the next record of a feed."""
        kind = kind or ("event" if FEEDS[feed].kind.value != "state" else "put")
        return self.put_raw(feed, getattr(record, "id", ""), encode(record), kind)

    def delete(self, feed: str, key: str) -> Envelope:
        return self.put_raw(feed, key, b"", "del")

    def put_raw(self, feed: str, key: str, body: bytes, kind: str = "put") -> Envelope:
        log = self.logs[feed]
        env = Envelope(
            self.mode, feed, self.epoch, len(log) + 1, time.time_ns(), kind, key, body=msgspec.Raw(body or b"null")
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
        for answer in self._answers(message):
            for sent in self.answer_filter(answer):
                raw = sent if isinstance(sent, bytes) else encode(sent)
                self._router.send_multipart([who, b"1", raw])

    def _answers(self, message: Any) -> list[Any]:
        match message:
            case Hello():
                return [
                    Welcome(
                        "fake", f"i{self.instance}", self.mode, 1, time.time_ns(), 500, self._heads(), operator_id="op"
                    )
                ]
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
                return [
                    Series(message.request, message.series, tuple(t for t, _ in points), tuple(v for _, v in points))
                ]
            case Act():
                self.acted.append(message)
                if not self.acks:
                    return []
                aid = message.action.aid
                if aid in self.applied:
                    return [Ack(aid, "duplicate", outcome=self.applied[aid])]
                self.applied[aid] = "applied"
                return [Ack(aid, "stored"), Ack(aid, "applied")]
            case Ping():
                return [Pong(message.n, message.sent, time.time_ns())]
        return []
