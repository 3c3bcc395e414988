"""A small backend that keeps every promise of the protocol, or breaks exactly one of them, on real sockets.

`SmallBackend(fault)` takes the name of the check that must notice. It runs in a thread; its logs outlive
`restart`. It is the negative control of backends/conform: nothing else may use it as a hub.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import msgspec
import numpy as np
import zmq
import zmq.utils.z85
from helpers.small_cameras import CAMERAS, SmallCameras
from helpers.small_desk import SmallDesk
from helpers.small_people import PEOPLE, SECRET, SmallPeople

from backends.conform.room import Desk
from backends.conform.wire import Place
from backends.domain.action import Action
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.domain.incident import TimelineEvent
from backends.domain.indicator import Indicator
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.procedure import Procedure, Step
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from backends.hub.thin import open_gaps, thin
from backends.protocol.codec import BadMessage, decode_body, decode_from_console, encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    MAX_FRAME,
    Ack,
    Act,
    Batch,
    BlobPut,
    Canary,
    Denied,
    Envelope,
    FeedHead,
    Fetch,
    FromConsole,
    Heartbeat,
    Hello,
    History,
    Lease,
    Ping,
    Pong,
    Reset,
    Sees,
    Series,
    Snap,
    SnapGet,
    Welcome,
    topic,
)

STATION = "desk-1"
OTHER = "desk-2"
SECOND = 1_000_000_000


class SmallBackend:
    """Start with `start`, stop with `stop`. `fault` "" keeps every promise; `without`: messages it does not know.
    `signs_in`: people sign in, with SECRET; else they are seated."""

    def __init__(self, fault: str = "", without: tuple[str, ...] = (), *, signs_in: bool = False) -> None:
        self.fault = fault
        self.without = without
        self.signs_in = signs_in
        self.public, self.secret = zmq.curve_keypair()
        self.client_public, self.client_secret = zmq.curve_keypair()
        self.other_public, self.other_secret = zmq.curve_keypair()
        self.logs: dict[str, list[Envelope]] = {name: [] for name in FEEDS}
        self.items: dict[str, dict[str, Envelope]] = {name: {} for name in FEEDS}
        self.acted: dict[str, tuple[Action, Ack]] = {}
        self.epoch = "e1"
        self.starts = 0
        self._ports: list[str] = ["tcp://127.0.0.1:*"] * 2
        self._stop = threading.Event()
        self._thread = threading.Thread()
        self.started_ns = time.time_ns()
        self.seated = "op"
        """Who is signed in at the station; empty = nobody. At the other one it is somebody else."""
        self.unsupported: tuple[str, ...] = ()
        """Verbs that `grants` name all the same."""
        self.cameras = SmallCameras(self)
        self.people = SmallPeople(self)
        self.desk = SmallDesk(self)
        self._fill()

    def broken(self, name: str) -> bool:
        return self.fault == name

    def _fill(self) -> None:
        for n in range(12):
            name = LocalText(f"Cảnh báo {n}")
            alarm = Alarm(f"a{n}", Priority.HIGH, AlarmState.UNACKNOWLEDGED, name, n + 1, procedure_id="fire")
            self.append("alarms", alarm.id, alarm)
        latched = Alarm("b", Priority.LOW, AlarmState.LATCHED, LocalText("Rò khí"), 1, latching=True, acked_by="Hà")
        self.append("alarms", "b", msgspec.structs.replace(latched, t_returned_ns=2))
        for person in PEOPLE[:2]:
            self.append("roster", person.id, person)
        for record in (
            SlaRule("sla-tree", "tree", LocalText("Cây xanh"), 24.0),
            Agency("parks", LocalText("Công viên")),
            Area("ward-1", LocalText("Phường 1"), (), "2025-07-01"),
            Procedure("procedure:fire", LocalText("Cháy"), tuple(Step(f"s{n}", LocalText("Gọi")) for n in range(3))),
        ):
            self.append("config", record.id, record)
        for camera in CAMERAS:
            self.append("cameras", camera.id, camera)
        self.append("sensors", "river", Sensor("river", LocalText("Sông"), "m", period_s=1.0))
        self.append("indicators", "beds", Indicator("beds", "health", LocalText("Giường"), 1.0, 1))
        if self.broken("log-gives-state"):
            envelope = self.items["roster"]["op"]
            self.items["roster"]["op"] = msgspec.structs.replace(envelope, rev=envelope.rev + 1)

    def append(self, feed: str, id_: str, record: Any, cause: str = "") -> Envelope:
        kind = "put" if FEEDS[feed].kind is FeedKind.STATE else "event"
        body = msgspec.Raw(encode(record))
        rev = getattr(record, "rev", 1)
        seq = len(self.logs[feed]) + 1
        envelope = Envelope(Mode.DEMO, feed, self.epoch, seq, time.time_ns(), kind, id_, rev, cause, body)
        self.logs[feed].append(envelope)
        if kind == "put":
            self.items[feed][id_] = envelope
        if self.starts:
            sent = msgspec.structs.replace(envelope, rev=9) if self.broken("live-is-the-log") else envelope
            self._live.send_multipart([topic(feed), encode(sent)])
        return envelope

    def remove(self, feed: str, id_: str, rev: int, cause: str) -> None:
        """The item leaves its feed."""
        seq = len(self.logs[feed]) + 1
        envelope = Envelope(Mode.DEMO, feed, self.epoch, seq, time.time_ns(), "del", id_, rev, cause)
        self.logs[feed].append(envelope)
        del self.items[feed][id_]
        self._live.send_multipart([topic(feed), encode(envelope)])

    def entry(self, aid: str) -> TimelineEvent | None:
        """Of the logbook."""
        found = [one for one in self.logs["timeline"] if one.id == aid]
        return decode_body("timeline", found[0].body) if found else None

    def rewrite(self, aid: str, event: TimelineEvent) -> None:
        """What must never be done."""
        log = self.logs["timeline"]
        n = next(n for n, one in enumerate(log) if one.id == aid)
        log[n] = msgspec.structs.replace(log[n], body=msgspec.Raw(encode(event)))

    @staticmethod
    def now_ns() -> int:
        return time.time_ns()

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> Place:
        self._stop.clear()
        self.starts += 1
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._zap = self._context.socket(zmq.REP)
        self._zap.bind("inproc://zeromq.zap.01")
        self._ctl = self._socket(zmq.ROUTER, 0)
        self._live = self._socket(zmq.PUB, 1)
        self._thread = threading.Thread(target=self._serve, name="small-backend")
        self._thread.start()
        return self._place(self.client_public, self.client_secret, STATION)

    def other(self) -> Desk:
        """The second station."""
        return self.at(OTHER, "op-2")

    def at(self, station: str, person: str) -> Desk:
        """A station, and who signs in there."""
        keys = {STATION: (self.client_public, self.client_secret), OTHER: (self.other_public, self.other_secret)}
        person, secret = (person, SECRET) if self.signs_in else ("", "")
        return Desk(self._place(*keys[station], station), person, secret)

    def _place(self, public: bytes, secret: bytes, station: str) -> Place:
        ctl, live = self._ports
        return Place(ctl, self.public.decode(), public.decode(), secret.decode(), station, live)

    @property
    def addresses(self) -> tuple[str, str]:
        """CTL and LIVE."""
        ctl, live = self._ports
        return ctl, live

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def restart(self) -> None:
        self.stop()
        if self.broken("restart"):
            self.acted.clear()
        self.start()

    def _socket(self, kind: int, n: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        if not self.broken("no-encryption"):
            socket.curve_server = True
            socket.curve_secretkey = self.secret
            socket.zap_domain = b"small"
        socket.maxmsgsize = -1 if self.broken("oversized") else MAX_FRAME
        if kind == zmq.ROUTER:
            socket.router_mandatory = True
            socket.router_handover = True
            socket.sndhwm = 1 if self.broken("slow-reader") else 128
            socket.sndtimeo = 3000
        deadline_s = time.monotonic() + 5
        while True:
            try:
                socket.bind(self._ports[n])
                break
            except zmq.ZMQError:
                # Closing is asynchronous: the port of the run before is free a moment later.
                if time.monotonic() > deadline_s:
                    raise
        self._ports[n] = socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()  # type: ignore[union-attr]
        return socket

    def _serve(self) -> None:
        beat_s, self._beats, self._refused, self._joined = 0.0, 0, set[bytes](), set[bytes]()
        self._acted_s = 0.0
        self._frozen = self.heads()
        poller = zmq.Poller()
        for socket in (self._zap, self._ctl):
            poller.register(socket, zmq.POLLIN)
        try:
            while not self._stop.is_set():
                ready = dict(poller.poll(20))
                if self._zap in ready:
                    self._answer_zap()
                if self._ctl in ready:
                    self._one(self._ctl.recv_multipart(copy=False))
                for part in (self.cameras, self.desk, self.people):
                    part.look()
                idle = time.monotonic() - self._acted_s > 1.0
                if time.monotonic() >= beat_s and (idle or not self.broken("heartbeat")):
                    beat_s = time.monotonic() + 0.5
                    self._beat()
        finally:
            for socket in (self._zap, self._ctl, self._live):
                socket.close()
            self._context.term()

    def _answer_zap(self) -> None:
        frames = self._zap.recv_multipart()
        key = zmq.utils.z85.encode(frames[6])
        stations = {self.client_public: STATION, self.other_public: OTHER}
        good = key in stations or self.broken("unknown-key")
        answer = [b"200", b"OK", stations.get(key, STATION).encode()] if good else [b"400", b"no", b""]
        self._zap.send_multipart([b"1.0", frames[1], *answer, b""])

    def _beat(self) -> None:
        self._beats += 1
        canary = Canary(1 if self.broken("canary") else self._beats // 2 + 1, time.time_ns())
        heads = self._frozen if self.broken("lost-tail") else self.heads()
        beat = Heartbeat(self._beats, time.time_ns(), f"i{self.starts}", Mode.DEMO, heads, canary)
        self._live.send_multipart([HEARTBEAT_TOPIC, encode(beat)])

    def heads(self) -> dict[str, FeedHead]:
        trimmed = "indicators" if self.broken("snapshot-then-fetch") else ""
        return {f: FeedHead(self.epoch, len(log), 2 if f == trimmed else 1) for f, log in self.logs.items()}

    # --- requests --------------------------------------------------------------------------------

    def _one(self, frames: list[zmq.Frame]) -> None:
        peer, parts = frames[0].bytes, [frame.bytes for frame in frames[1:]]
        station = STATION if self.broken("no-encryption") else str(frames[-1].get("User-Id"))
        for answer in self._answers(peer, station, parts):
            message, *data = answer if isinstance(answer, tuple) else (answer,)
            frames_out = [peer, b"1", encode(message), *data]
            try:
                self._ctl.send_multipart(frames_out, 0 if self.broken("slow-reader") else zmq.NOBLOCK)
            except zmq.ZMQError:
                return

    def _answers(self, peer: bytes, station: str, parts: list[bytes]) -> list[Any]:
        if parts[0] != b"1":
            return [Denied("version")]
        if not 2 <= len(parts) <= 3 and not (self.broken("bad-frames") and len(parts) > 2):
            return []
        message = self._decode(parts[1])
        if isinstance(message, list):
            return message
        if isinstance(message, BlobPut) is not (len(parts) == 3) and not self.broken("bad-frames"):
            return []
        self.people.heard(station)
        if isinstance(message, Hello):
            return [self._hello(peer, station, message)]
        if peer in self._refused:
            return [Denied("mode")]
        match message:
            case Fetch():
                return self._fetch(peer, message)
            case SnapGet():
                return self._snap(message)
            case History():
                return [self._history(message)]
            case Act():
                self._acted_s = time.monotonic()
                return self._act(peer, station, message)
            case Lease() if "LEASE" not in self.without:
                who = self.people.who(station, message.token)
                return [self.cameras.lease(station, who.id if who is not None else "", message)]
            case Sees() if "SEES" not in self.without:
                self.cameras.sees(station, message)
            case Ping():
                return [Pong(message.n, 0 if self.broken("ping") else message.sent, time.time_ns())]
            case _ if type(message).__struct_config__.tag not in self.without:
                return self.people.answer(station, message, parts[2] if len(parts) > 2 else b"")
        return []

    def _decode(self, raw: bytes) -> Any:
        """A message, or a list of answers: none for what does not follow the protocol."""
        if self.broken("deep-nesting") and len(raw) >= 100_000 and len(raw) < MAX_FRAME:
            return [Pong(13, 1, 1)]
        if self.broken("good-json") and b"later" in raw:
            return [Denied("what")]
        try:
            if self.broken("bad-json") or (self.broken("oversized") and len(raw) > MAX_FRAME):
                return msgspec.convert(json.loads(raw), FromConsole)
            message = decode_from_console(raw)
            if self.broken("forged-actor") and isinstance(message, Act):
                self.people.forged = json.loads(raw).get("actor", "")
            return message
        except (BadMessage, ValueError, RecursionError):
            return [Denied("what")] if self.broken("unknown-message") and b"CONFORM_FUTURE" in raw else []

    def seat(self, station: str) -> str:
        """Who sits there."""
        return self.seated if station == STATION else "op-2"

    def _hello(self, peer: bytes, key: str, hello: Hello) -> Any:
        if hello.mode is not Mode.DEMO and not self.broken("foreign-mode"):
            self._refused.add(peer)
            return Denied("mode")
        if 1 not in hello.versions or "json" not in hello.enc:
            return Denied("what" if self.broken("unknown-version") else "version")
        self._refused.discard(peer)
        if hello.cursors:
            self._joined.add(peer)
        station = hello.station if self.broken("claimed-station") else key
        heads = self.heads()
        if self.broken("join"):
            del heads["layouts"]
        instance, now = f"i{self.starts}", time.time_ns()
        if "speaker" not in self.without:
            self.people.hello(key, hello)
        welcome = Welcome("small", instance, Mode.DEMO, 1, now, 500, heads, station)
        who = self.people.who(key, hello.token)
        if who is None:
            return welcome
        grants = tuple(right for right in self.people.grants(who) if right not in self.without)
        return msgspec.structs.replace(welcome, operator_id=who.id, name=who.name, role=who.role.value, grants=grants)

    def _fetch(self, peer: bytes, fetch: Fetch) -> list[Any]:
        if fetch.feed not in FEEDS:
            return [] if self.broken("unknown-feed") else [Denied("unknown_feed")]
        log, after, reason = self.logs[fetch.feed], fetch.after, ""
        if fetch.feed == "samples" and not self.broken("lossy"):
            reason = "lossy"
        elif fetch.epoch != self.epoch and not self.broken("reset-epoch"):
            reason = "epoch"
        elif after > len(log) and not self.broken("reset-ahead"):
            reason = "ahead"
        elif after < self.heads()[fetch.feed].oldest - 1 and not self.broken("reset-too-old"):
            reason = "too_old"
        if reason:
            return [Reset(fetch.feed, self.epoch, 1, reason)]
        skip = (self.broken("gap") and fetch.limit < 1000) or (self.broken("join-with-cursor") and peer in self._joined)
        limit = fetch.limit + 1 if self.broken("fetch-limit") else fetch.limit
        items = tuple(log[max(0, after) + skip :][:limit])
        return [Batch(fetch.feed, self.epoch, items, len(log))]

    def _snap(self, get: SnapGet) -> list[Any]:
        if get.feed not in FEEDS:
            return [Denied("unknown_feed")]
        if FEEDS[get.feed].kind is FeedKind.STATE:
            items = tuple(self.items[get.feed].values())
        else:
            items = tuple(self.logs[get.feed][-500:])
            if self.broken("append-snapshot"):
                items = items[:-1]
        if self.broken("snapshot-then-fetch") and get.feed == "indicators":
            items = tuple(msgspec.structs.replace(e, rev=time.monotonic_ns()) for e in items)
        first = 0 if self.broken("snapshot-parts") else 1
        return [Snap(get.feed, self.epoch, len(self.logs[get.feed]), first, 1, items)]

    def _history(self, ask: History) -> Series:
        if ask.series != "river":
            return Series(ask.request, ask.series, (), (), "unknown_series")
        seconds = np.array([n for n in range(600) if not 300 < n < 360])
        t, v = self.started_ns - (600 - seconds) * SECOND, 2.5 + np.sin(seconds / 41)
        chosen = t <= ask.t1
        t, v = t[chosen], v[chosen]
        if not self.broken("history-gap"):
            t, v = open_gaps(t, v, 1.0)
        if self.broken("history"):
            step = -(-len(t) // ask.max_points)
            t, v = t[::step], v[::step]
        else:
            t, v = thin(t, v, ask.max_points)
        values = tuple(None if np.isnan(x) else float(x) for x in v)
        return Series(ask.request, ask.series, tuple(int(x) for x in t), values)

    # --- actions ---------------------------------------------------------------------------------

    def _act(self, peer: bytes, station: str, act: Act) -> list[Any]:
        action = act.action
        if act.mode is not Mode.DEMO and not self.broken("action-mode"):
            return [Ack(action.aid, "refused", code="mode")]
        if len(action.aid) > 64:
            return [Ack(action.aid[:64], "refused", code="bad_aid")]
        key = f"{peer!r}{action.aid}" if self.broken("duplicate-elsewhere") else action.aid
        known = None if self.broken("duplicate") else self.acted.get(key)
        if known is not None:
            if known[0] != action and not self.broken("aid-reused"):
                return [Ack(action.aid, "refused", code="aid_reused")]
            return [msgspec.structs.replace(known[1], stage="duplicate", outcome=known[1].stage)]
        person = self.people.who(station, act.token)
        if person is None:
            final = Ack(action.aid, "refused", code="nobody_signed_in")
        elif action.verb.value in (*self.without, *self.unsupported):
            final = Ack(action.aid, "refused", code="unsupported")
        else:
            final = self.desk.decide(person, action)
        if final.code in ("nobody_signed_in", "not_allowed") and not self.broken("judged-anew"):
            return [final]
        self.acted[key] = action, final
        return [final] if self.broken("action") else [Ack(action.aid, "stored"), final]
