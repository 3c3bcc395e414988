"""A network of messages without sockets: a hub's model and the real LinkMachine, and a seeded chaos between them.

Every message (envelopes, heartbeats, answers, acknowledgements, requests) may be dropped, delayed, doubled or
overtaken; time is a number that the test moves. `Books` is the sink: it takes only what joins, each once.
"""

from __future__ import annotations

import heapq
import itertools
import random
from typing import Any

import msgspec
from helpers.fake_hub import alarm

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.feeds import FEEDS, FeedKind, FeedQuality, FeedStatus, Mode
from backends.domain.incident import TimelineEvent
from backends.domain.ports import LinkStatus
from backends.domain.record import Record, Snapshot
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S, HubClock, ManualClock
from backends.link.machine import LinkMachine
from backends.link.ports import LinkSettings, Trouble
from backends.protocol.codec import decode_from_console, encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Ack,
    Act,
    Batch,
    Canary,
    Envelope,
    FeedHead,
    Fetch,
    Heartbeat,
    Hello,
    Ping,
    Pong,
    Reset,
    Series,
    Snap,
    SnapGet,
    Welcome,
    topic,
)

STEP_S = 0.01


class Weather(msgspec.Struct):
    """How bad the network is: shares of 0 to 1, seconds."""

    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    most_s: float = 1.0


class HubModel:
    """What a correct hub does, in memory."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.epoch, self.instance = "e1", "i1"
        self.logs: dict[str, list[Envelope]] = {name: [] for name in FEEDS}
        self.oldest: dict[str, int] = dict.fromkeys(FEEDS, 1)
        self.done: dict[str, int] = {}
        """How often each action took effect."""
        self.beats = 0

    def put(self, feed: str, now_ns: int) -> Envelope:
        log = self.logs[feed]
        n = self.rng.randrange(40)
        kind = "event" if FEEDS[feed].kind is FeedKind.APPEND else "del" if self.rng.random() < 0.1 else "put"
        record: Any = alarm(n, rev=len(log) + 1)
        if kind == "event":
            record = TimelineEvent(f"t{len(log)}", now_ns, "x")
        elif feed == "reports":
            record = Report(f"r{n}", "flood", LocalText("Ngập"), ReportState.NEW, now_ns, now_ns + NS_PER_S)
        body = msgspec.Raw(b"null" if kind == "del" else encode(record))
        env = Envelope(Mode.DEMO, feed, self.epoch, len(log) + 1, now_ns, kind, record.id, len(log) + 1, body=body)
        log.append(env)
        return env

    def state(self, feed: str) -> dict[str, int]:
        """id -> seq."""
        items: dict[str, int] = {}
        for env in self.logs[feed]:
            items.pop(env.id, None)
            if env.type != "del":
                items[env.id] = env.seq
        return items

    def renew(self) -> None:
        """A hub that lost its numbers: another epoch, the same state."""
        self.epoch, self.instance = f"{self.epoch}'", f"{self.instance}'"
        for feed, log in self.logs.items():
            kept = self.state(feed)
            items = [env for env in log if kept.get(env.id) == env.seq]
            log[:] = [msgspec.structs.replace(env, epoch=self.epoch, seq=n) for n, env in enumerate(items, 1)]
            self.oldest[feed] = 1

    def heads(self) -> dict[str, FeedHead]:
        return {feed: FeedHead(self.epoch, len(log), self.oldest[feed]) for feed, log in self.logs.items()}

    def beat(self, now_ns: int) -> Heartbeat:
        self.beats += 1
        return Heartbeat(
            self.beats, now_ns, self.instance, Mode.DEMO, self.heads(), Canary(self.beats, now_ns)
        )  # fmt: skip

    def answer(self, message: Any, now_ns: int) -> list[Any]:
        match message:
            case Hello():
                return [Welcome("hub", self.instance, Mode.DEMO, 1, now_ns, 500, self.heads(), operator_id="op")]
            case Ping():
                return [Pong(message.n, message.sent, now_ns)]
            case Fetch():
                log, oldest = self.logs[message.feed], self.oldest[message.feed]
                if message.epoch != self.epoch or not oldest - 1 <= message.after <= len(log):
                    return [Reset(message.feed, self.epoch, oldest, "epoch")]
                return [Batch(message.feed, self.epoch, tuple(log[message.after : message.after + 50]), len(log))]
            case SnapGet():
                kept = self.state(message.feed)
                items = [env for env in self.logs[message.feed] if kept.get(env.id) == env.seq]
                parts = [items[n : n + 15] for n in range(0, max(1, len(items)), 15)]
                as_of = len(self.logs[message.feed])
                return [
                    Snap(message.feed, self.epoch, as_of, n, len(parts), tuple(part)) for n, part in enumerate(parts, 1)
                ]
            case Act():
                aid = message.action.aid
                if aid in self.done:
                    return [Ack(aid, "duplicate", outcome="applied")]
                self.done[aid] = self.done.get(aid, 0) + 1
                return [Ack(aid, "stored"), Ack(aid, "applied")]
        return []


class Books:
    """The sink: what the store would keep, and what does not join."""

    def __init__(self) -> None:
        self.at: dict[str, tuple[str, int]] = {}
        self.items: dict[str, dict[str, int]] = {feed: {} for feed in FEEDS}
        self.taken: dict[str, int] = {}
        self.faults: list[str] = []
        self.qualities: dict[str, FeedQuality] = {}
        self.ends: dict[str, list[Stage]] = {}
        self.bad = 0

    def records(self, records: list[Record]) -> None:
        for r in records:
            epoch, seq = self.at.get(r.feed, ("", 0))
            if (r.epoch, r.seq) != (epoch, seq + 1):
                self.faults.append(f"{r.feed} {r.epoch} {r.seq} after {epoch} {seq}")
            self.at[r.feed] = (r.epoch, r.seq)
            self.taken[r.feed] = self.taken.get(r.feed, 0) + 1
            self.items[r.feed].pop(r.id, None)
            if r.type != "del":
                self.items[r.feed][r.id] = r.seq

    def preview(self, record: Record) -> None: ...

    def snapshot(self, snapshot: Snapshot) -> None:
        self.at[snapshot.feed] = (snapshot.epoch, snapshot.seq)
        if FEEDS[snapshot.feed].kind is FeedKind.STATE:
            self.items[snapshot.feed] = {r.id: r.seq for r in snapshot.items}

    def quarantine(self, feed: str, reason: str, raw: bytes) -> None:
        self.bad += 1

    def stage(self, status: ActionStatus) -> None:
        if status.stage.final:
            self.ends.setdefault(status.action.aid, []).append(status.stage)

    def feed_status(self, status: FeedStatus) -> None:
        self.qualities[status.feed] = status.quality

    def link_status(self, status: LinkStatus) -> None: ...

    def series(self, series: Series) -> None: ...

    def welcomed(self, grant: Any, token: str) -> None: ...

    def signed(self, answer: Any) -> None: ...

    def revealed(self, answer: Any) -> None: ...
    def leased(self, answer: Any) -> None: ...
    def accounted(self, answer: Any) -> None: ...

    def blob(self, whole: Any) -> None: ...

    def anchored(self, answer: Any) -> None: ...

    def trouble(self, what: Trouble, on: bool, detail: str) -> None: ...

    def has_room(self) -> bool:
        return True

    def may_fill(self) -> bool:
        return True


class Chaos:
    """Hub and machine with a network between them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.time = ManualClock()
        self.hub = HubModel(self.rng)
        self.books = Books()
        clock = HubClock(self.time)
        settings = LinkSettings("desk-1", Mode.DEMO, "", "", lambda: None)
        self.machine = LinkMachine(settings, self.books, clock, {}, jitter=self.rng.random)
        self.weather = Weather()
        self.clicks: list[str] = []
        self._on_its_way: list[tuple[float, int, str, list[bytes]]] = []
        self._numbers = itertools.count()
        self._beat_s = 0.0
        self.machine.opened(self.now_s)

    @property
    def now_s(self) -> float:
        return self.time.monotonic_s()

    def step(self, puts: float = 0.0, clicks: float = 0.0) -> None:
        """10 ms. `puts`, `clicks`: chance of one."""
        self.time.advance_s(STEP_S)
        now_ns = self.time.now_ns()
        for feed in ("alarms", "reports", "timeline"):
            if self.rng.random() < puts:
                env = self.hub.put(feed, now_ns)
                self._send("live", [topic(feed), encode(env)])
        if self.now_s >= self._beat_s:
            self._beat_s = self.now_s + 0.5
            self._send("live", [HEARTBEAT_TOPIC, encode(self.hub.beat(now_ns))])
        if self.rng.random() < clicks:
            aid = f"u{len(self.clicks)}"
            self.clicks.append(aid)
            action = Action(aid, Verb.COMMENT, "alarms", f"a{self.rng.randrange(5)}", 0, now_ns)
            self.machine.submit(ActionStatus(action, Stage.QUEUED))
        while self._on_its_way and self._on_its_way[0][0] <= self.now_s:
            _, _, where, frames = heapq.heappop(self._on_its_way)
            self._arrive(where, frames)
        if self.machine.wants_new_sockets(self.now_s):
            self.machine.opened(self.now_s)
        self.machine.turn(self.now_s, lambda raw: self._send("hub", [b"1", raw]))

    def _send(self, where: str, frames: list[bytes]) -> bool:
        w, rng = self.weather, self.rng
        for _ in range(2 if rng.random() < w.double else 1):
            if rng.random() >= w.drop:
                late_s = rng.uniform(0, w.most_s) if rng.random() < w.delay else 0.0
                # Without chaos the order holds: same due time, rising number.
                heapq.heappush(self._on_its_way, (self.now_s + late_s, next(self._numbers), where, frames))
        return True

    def _arrive(self, where: str, frames: list[bytes]) -> None:
        if where == "live":
            self.machine.on_live(frames, self.now_s)
        elif where == "console":
            self.machine.on_ctl(frames, self.now_s)
        else:
            for answer in self.hub.answer(decode_from_console(frames[1]), self.time.now_ns()):
                self._send("console", [b"1", encode(answer)])

    def calm(self, seconds: float = 25.0) -> None:
        """The network is well again, and nothing more happens: time to catch up."""
        self.weather = Weather()
        for _ in range(int(seconds / STEP_S)):
            self.step()

    def wrong(self) -> list[str]:
        """What does not agree in the end."""
        found = list(self.books.faults)
        if self.books.bad:
            found.append(f"{self.books.bad} messages were taken for bad ones")
        for feed in ("alarms", "reports", "timeline"):
            head = (self.hub.epoch, len(self.hub.logs[feed]))
            if self.books.at.get(feed, ("", 0)) != head and head[1]:
                found.append(f"{feed} stands at {self.books.at.get(feed)}, the hub at {head}")
            elif feed != "timeline" and self.books.items[feed] != self.hub.state(feed):
                found.append(f"{feed}: another state")
            if self.books.qualities.get(feed) is not FeedQuality.LIVE:
                found.append(f"{feed} is {self.books.qualities.get(feed)}")
        found += [f"{aid} done {n} times" for aid, n in self.hub.done.items() if n != 1]
        found += [f"{aid} has ends {self.books.ends.get(aid)}" for aid in self.clicks
                  if len(self.books.ends.get(aid, [])) != 1 or aid not in self.hub.done]  # fmt: skip
        return found
