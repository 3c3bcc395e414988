"""The hub's two sockets and its one loop.

Cycle, at most 100 ms long: 1. handshakes (ZAP), 2. requests on CTL, a slice of them, 3. every 100 ms a
round of the world: commit, then publish on LIVE, 4. every 500 ms a heartbeat with every feed's head.
One thread owns all sockets. No client can hold the loop: requests are served in slices, expensive ones
have a budget a station, what takes long is the clerk's, blobs go out a part a turn, and what a slow client
does not take is dropped for it alone (it asks again).
Must not: use ZMQ_HEARTBEAT_* (libzmq can abort the process), or answer a peer whose key is not authorised.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import zmq

from backends.domain.times import SessionClock
from backends.hub.access import SESSION_S, Access
from backends.hub.answers import Answers, Identity
from backends.hub.clerk import BLOBS, Clerk
from backends.hub.core import Core
from backends.hub.keys import KeyPair
from backends.hub.peers import COST_BYTES, COST_DATA_BYTES, Peers, cost_of
from backends.hub.ports import NotLeading
from backends.hub.reply import Reply
from backends.hub.stages import WAITING, Stages
from backends.hub.stores import Stores
from backends.hub.sweeping import Sweep
from backends.hub.transfers import Transfers
from backends.hub.watching import EventWatch
from backends.hub.zap import DOMAIN, Gate, ZapHandler
from backends.process import beat, give_back_memory
from backends.protocol.codec import BadMessage, decode_from_console, encode
from backends.protocol.messages import (
    HEARTBEAT_MS,
    HEARTBEAT_TOPIC,
    MAX_FRAME,
    VERSION,
    Blob,
    BlobPut,
    Bye,
    Denied,
    Envelope,
    FromConsole,
    FromHub,
    Heartbeat,
    Hello,
    Pong,
    Welcome,
    topic,
)

log = logging.getLogger(__name__)

ROUND_S = 0.1
SLICE = 64
"""Requests served before the loop looks at its deadlines again."""
SLICE_S = 0.02
SEND_HWM, RECEIVE_HWM = 128, 100
"""Messages of up to 1 MiB that wait for one peer, or from it. A snapshot has a part for each 480 KiB."""
REBIND_S = 3.0

Context = zmq.Context[zmq.Socket[bytes]]


class Endpoints(msgspec.Struct, frozen=True):
    """Addresses, ports resolved."""

    live: str
    ctl: str


class Server:
    """ROUTER (CTL) and PUB (LIVE) of one hub. Made, run and closed by one thread."""

    def __init__(
        self, core: Core, identity: Identity, clock: SessionClock, keys: KeyPair, authorised: Path, stores: Stores,
        *, seats: bool, session_s: float = SESSION_S, sweep: Sweep | None = None, events: EventWatch | None = None,
    ) -> None:  # fmt: skip
        """`seats`: the roster says who sits where; else people sign in. `sweep` looks at cameras, `events` listens to
        them; both run."""
        self._sweep = sweep
        self._events = events
        self._core = core
        self._identity = identity
        self._clock = clock
        self._keys = keys
        self.counters: Counter[str] = Counter()
        self._clerk = Clerk(self.counters)
        self._access = Access(
            core, clock, identity.rate, self.counters, self._clerk, stores.book, seats=seats, session_s=session_s
        )
        self._answers = Answers(core, identity, clock, self.counters, self._access, stores)
        self._transfers = Transfers()
        self._gate = Gate(authorised)
        self._gate.refresh()
        self._context: Context = zmq.Context()
        self._zap = ZapHandler(self._context, self._gate, self.counters)
        self._poller = zmq.Poller()
        self._poller.register(self._zap.socket, zmq.POLLIN)
        self._poller.register(self._clerk.bell.fileno(), zmq.POLLIN)
        self._peers = Peers(self.counters, lambda routing_id: self._send(routing_id, Pong(0, 0, clock.now_ns())))
        self._beats = 0
        self._live: zmq.Socket[bytes] | None = None
        self._ctl: zmq.Socket[bytes] | None = None
        self.endpoints = Endpoints("", "")

    # --- sockets ---------------------------------------------------------------------------------

    def bind(self, live: str, ctl: str) -> Endpoints:
        """Bind both; `*` as port takes a free one. Raises zmq.ZMQError."""
        self._live = self._make_live(live)
        self._ctl = self._socket(zmq.ROUTER)
        self._ctl.router_mandatory = True
        # A routing id belongs to who has it: nobody takes over another one's answers.
        self._ctl.router_handover = False
        self._ctl.sndhwm = SEND_HWM
        self._ctl.rcvhwm = RECEIVE_HWM
        self._ctl.linger = 500
        self._ctl.bind(ctl)
        self._poller.register(self._ctl, zmq.POLLIN)
        self.endpoints = Endpoints(_bound(self._live), _bound(self._ctl))
        return self.endpoints

    def unbind(self) -> None:
        """After a `bind` that failed: the next one starts from nothing."""
        for socket in (self._live, self._ctl):
            if socket is not None:
                socket.close(linger=0)
        self._live = self._ctl = None

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.curve_server = True
        socket.curve_secretkey = self._keys.secret
        socket.curve_publickey = self._keys.public
        socket.zap_domain = DOMAIN.encode()
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.maxmsgsize = MAX_FRAME
        socket.handshake_ivl = 3000
        socket.tcp_keepalive = 1
        socket.tcp_keepalive_idle = 5
        return socket

    def _make_live(self, address: str) -> zmq.Socket[bytes]:
        live = self._socket(zmq.PUB)
        live.sndhwm = 10_000
        live.linger = 500
        # PUB receives nothing but subscriptions: a prefix of a few bytes each.
        live.maxmsgsize = 1024
        try:
            live.bind(address)
        except zmq.ZMQError:
            live.close(linger=0)
            raise
        return live

    def _rebind_live(self) -> None:
        """A revoked key's live session survives in libzmq: only a new socket ends it."""
        assert self._live is not None
        self._live.close(linger=0)
        deadline_s = time.monotonic() + REBIND_S
        while True:
            try:
                self._live = self._make_live(self.endpoints.live)
                return
            except zmq.ZMQError as error:
                # Closing is asynchronous: the port, or a file, is free a moment later.
                if error.errno not in (errno.EADDRINUSE, errno.EMFILE, errno.ENFILE) or time.monotonic() > deadline_s:
                    raise
                self._zap.socket.poll(10)

    def close(self) -> None:
        """Close sockets and context; what BYE has queued gets half a second."""
        for socket in (self._live, self._ctl):
            if socket is not None:
                socket.close()
        self._zap.close()
        self._clerk.close()
        self._context.term()

    # --- the loop --------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then say BYE."""
        stages = Stages(self.counters)
        next_round = next_beat = next_house = time.monotonic()
        while not stop.is_set():
            stages.begin(WAITING)
            wait_s = min(next_round, next_beat) - time.monotonic()
            if (transfers_s := self._transfers.wait_s) is not None:
                wait_s = min(wait_s, transfers_s)
            ready: dict[Any, int] = dict(self._poller.poll(max(0, int(wait_s * 1000))))
            stages.begin("handshakes")
            if self._zap.socket in ready:
                self._zap.answer()
            stages.begin("requests")
            if self._ctl in ready:
                self._serve()
            stages.begin("ends of jobs, blobs")
            if self._clerk.bell.fileno() in ready:
                self._end_jobs()
            self._transfers.turn(self._send_part)
            now_s = time.monotonic()
            if now_s >= next_round:
                next_round = max(next_round + ROUND_S, now_s)
                stages.begin("round and commit")
                self._listen()
                committed = self._core.round(self._clock.now_ns(), now_s)
                stages.begin("publish")
                self.publish(committed)
            if now_s >= next_beat:
                stages.begin("heartbeat")
                next_beat = max(next_beat + HEARTBEAT_MS / 1000, now_s)
                beat()  # to whoever started this process: the loop turns
                self._beat()
            if now_s >= next_house:
                next_house = now_s + 1.0
                stages.begin("house-keeping")
                self._keep_house(now_s)
                give_back_memory(now_s)
        self._say_bye()

    def publish(self, envelopes: list[Envelope] | tuple[Envelope, ...]) -> None:
        """Committed records to everybody."""
        assert self._live is not None
        for envelope in envelopes:
            self._live.send_multipart((topic(envelope.feed), encode(envelope)))
        self.counters["published"] += len(envelopes)

    def _beat(self) -> None:
        assert self._live is not None
        self._beats += 1
        beat = Heartbeat(
            n=self._beats,
            now=self._clock.now_ns(),
            instance=self._identity.instance,
            mode=self._identity.mode,
            heads=self._core.heads(),
            canary=self._core.canary,
            rate=self._identity.rate,
        )
        self._live.send_multipart((HEARTBEAT_TOPIC, encode(beat)))

    def _keep_house(self, now_s: float) -> None:
        self._gate.refresh()
        if self._gate.take_lost():
            log.warning("a station's key was taken away: LIVE is bound anew")
            self._rebind_live()
            stations = self._gate.stations
            self._transfers.only(stations)
            self._peers.only(stations)
        self._access.look(self._gate.stations if self._gate.readable else None)
        self._peers.forget_silent(now_s)
        self._answers.sights.turn(self._core, self._clock.now_ns())
        self._answers.speakers.turn(self._core, self._peers.heard_s, self._clock.now_ns())
        if self._sweep is not None:
            self._sweep.turn(self._core, self._clock.now_ns(), self._answers.sights.busy())
        self._answers.turning.look(now_s)
        self._core.maintain(self._clock.now_ns())

    def _listen(self) -> None:
        """What cameras have noticed."""
        if self._events is None:
            return
        try:
            suspects = self._events.turn(self._core, self._clock.now_ns())
        except NotLeading:
            raise
        except Exception:
            self.counters["event_faults"] += 1  # it may come ten times a second
            if self.counters["event_faults"] < 10 or self.counters["event_faults"] % 1000 == 0:
                log.exception("cameras' events met a fault of the hub (number %d)", self.counters["event_faults"])
            return
        if self._sweep is not None and suspects:
            self._sweep.look_soon(suspects)

    def _say_bye(self) -> None:
        for routing_id in self._peers:
            self._send(routing_id, Bye("stopping"))

    # --- requests --------------------------------------------------------------------------------

    def _serve(self) -> None:
        assert self._ctl is not None
        until_s = time.monotonic() + SLICE_S
        for _ in range(SLICE):
            try:
                frames = self._ctl.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._one(frames)
            if time.monotonic() > until_s:
                return

    def _one(self, frames: list[zmq.Frame]) -> None:
        """One request. Whatever it is, it ends here."""
        routing_id = frames[0].bytes
        key = _user_id(frames[-1])
        station = self._gate.station(key) if key is not None else None
        if station is None:
            # Revoked since the handshake; ZAP lets nobody else come so far.
            self.counters["revoked"] += 1
            self._send(routing_id, Denied("key", "this station is no longer authorised"))
            return
        peer = self._peers.of(routing_id, station)
        if peer is None:
            return
        peer.seen_s = time.monotonic()
        if not 3 <= len(frames) <= 4 or frames[1].bytes != VERSION:
            self.counters["bad"] += 1
            if len(frames) >= 2 and frames[1].bytes != VERSION:
                self._send(routing_id, Denied("version", "this hub speaks version 1"))
            return
        message = self._read(station, frames)
        if message is None:
            return
        if peer.refused and not isinstance(message, Hello):
            self._send(routing_id, Denied("mode", f"this hub is {self._identity.mode.value}"))
            return
        if not self._peers.affords(station, cost_of(message)):
            return
        try:
            reply = self._answers.to(station, message, frames[3].bytes if len(frames) == 4 else b"")
        except NotLeading:
            raise
        except Exception:
            self.counters["faults"] += 1
            log.exception("a request of %s met a fault of the hub", station)
            return
        if isinstance(message, Hello):
            peer.refused = not any(isinstance(one, Welcome) for one in reply.messages)
        self._follow(routing_id, station, reply)

    def _read(self, station: str, frames: list[zmq.Frame]) -> FromConsole | None:
        """None: it does not follow the protocol, or is more than this station may send."""
        data_bytes = len(frames[3]) if len(frames) == 4 else 0
        if not self._peers.affords(station, len(frames[2]) // COST_BYTES + data_bytes // COST_DATA_BYTES):
            return None
        try:
            message = decode_from_console(frames[2].bytes)
        except BadMessage as error:
            self.counters["bad"] += 1
            log.debug("a message of %s does not follow the protocol: %s", station, error)
            return None
        if (len(frames) == 4) is not isinstance(message, BlobPut):
            self.counters["bad"] += 1
            return None
        return message

    def _follow(self, routing_id: bytes, station: str, reply: Reply) -> None:
        """What follows from a request, in its order. What is not begun here is asked for again."""
        self.publish(reply.published)
        for message in reply.messages:
            self._send(routing_id, message)
        if reply.job is not None:
            self._clerk.take(station, routing_id, reply.job)
        if reply.blob_job is not None:
            self._clerk.take(station, routing_id, reply.blob_job, BLOBS)
        if (blob := reply.sending) is not None:
            try:
                self._transfers.begin(routing_id, station, blob.request, blob.blob, blob.media, blob.path)
            except OSError as error:
                log.error("blob %s cannot be read: %s", blob.blob[:12], error)

    def _end_jobs(self) -> None:
        for station, routing_id, ending in self._clerk.ended():
            try:
                messages = ending()
            except Exception:
                self.counters["faults"] += 1
                log.exception("the end of a job of %s met a fault of the hub", station or "the hub")
                continue
            # A key that was taken away meanwhile hears nothing any more, and nobody what another one asked.
            if station in self._gate.stations and self._peers.station_of(routing_id) == station:
                for message in messages:
                    self._send(routing_id, message)

    def _send_part(self, routing_id: bytes, message: Blob, data: bytes) -> bool:
        """False: the peer's pipe is full. One that has gone takes everything."""
        assert self._ctl is not None
        try:
            self._ctl.send_multipart((routing_id, VERSION, encode(message), data), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno == zmq.EAGAIN:
                return False
            if error.errno != zmq.EHOSTUNREACH:
                raise
        return True

    def _send(self, routing_id: bytes, message: FromHub) -> bool:
        """False: the peer has gone."""
        assert self._ctl is not None
        try:
            self._ctl.send_multipart((routing_id, VERSION, encode(message)), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            # Gone, or so slow that its pipe is full: it asks again.
            self.counters["undelivered"] += 1
            return bool(error.errno == zmq.EAGAIN)
        return True


def _bound(socket: zmq.Socket[bytes]) -> str:
    return socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()  # type: ignore[union-attr]


def _user_id(frame: zmq.Frame) -> bytes | None:
    """The Z85 key that ZAP has put on this message."""
    try:
        return str(frame.get("User-Id")).encode()
    except zmq.ZMQError:
        return None
