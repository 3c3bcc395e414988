"""What the hub answers on CTL: one request in, a Reply out. No sockets.

A request that cannot be served is answered (DENIED, RESET, an empty SERIES) or counted; nothing that a
console sends may raise. Who asks is the station of the key and the person of the session, never the payload.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable

import msgspec

from backends.domain.access import Right, may
from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.domain.times import SessionClock
from backends.hub.access import Access
from backends.hub.accounting import Accounting
from backends.hub.anchoring import Anchoring
from backends.hub.blobs import BlobStore
from backends.hub.clerk import Ending
from backends.hub.confides import Confides
from backends.hub.core import Core
from backends.hub.ports import LogTrouble
from backends.hub.reply import Reply, Sending
from backends.hub.reveals import Reveals
from backends.hub.security import told
from backends.hub.sights import Sights
from backends.hub.speakers import Speakers
from backends.hub.stores import Stores
from backends.hub.thin import open_gaps, thin
from backends.hub.turning import Turning
from backends.protocol.codec import encode
from backends.protocol.messages import (
    FETCH_LIMIT,
    HEARTBEAT_MS,
    Accounts,
    Ack,
    Act,
    Anchor,
    AnchorGet,
    Batch,
    Blob,
    BlobGet,
    BlobKept,
    BlobPut,
    Confide,
    Denied,
    Envelope,
    Fetch,
    FromConsole,
    FromHub,
    Hello,
    History,
    Lease,
    Ping,
    Pong,
    Reset,
    Reveal,
    Sees,
    Series,
    SignIn,
    SignOut,
    Snap,
    SnapGet,
    Welcome,
)

log = logging.getLogger(__name__)

PART_BYTES = 480 << 10
"""A BATCH or part of a SNAP stays below this, so that the frame stays far below MAX_FRAME."""
ENVELOPE_BYTES = 320
MAX_POINTS = 10_000


class Identity(msgspec.Struct, frozen=True):
    """Who the hub says that it is."""

    name: str
    instance: str
    mode: Mode
    rate: float


class Answers:
    """Answers of one hub. One thread."""

    def __init__(
        self, core: Core, identity: Identity, clock: SessionClock, counters: Counter[str], access: Access,
        stores: Stores,
    ) -> None:  # fmt: skip
        self._core = core
        self._identity = identity
        self._clock = clock
        self._counters = counters
        self._access = access
        self._blobs: BlobStore = stores.blobs
        key = core.own_numbers.key
        self._reveals = Reveals(stores.vault, stores.witness, clock, counters, core.past_of, key)
        self._confides = Confides(
            stores.vault, stores.witness, clock, counters, lambda report: report in core.records("reports"), key
        )
        self.sights = Sights()
        self.speakers = Speakers()
        self.turning = Turning(core, clock, counters)
        self._anchoring = Anchoring(stores.witness, core.note, clock, counters)
        self._accounting = Accounting(core, clock, counters, access, stores.book)

    def to(self, station: str, message: FromConsole, data: bytes = b"") -> Reply:
        """`station` is the key's, not the message's; `data` is frame 2."""
        match message:
            case Hello():
                return Reply([self._hello(station, message)])
            case Fetch():
                return Reply([self._fetch(message)])
            case SnapGet():
                return Reply(self._snap(message))
            case History():
                return Reply([self._history(message)])
            case Act():
                return self._act(station, message)
            case Sees():
                self.sights.sees(station, message.cameras)
                return Reply()
            case Ping():
                return Reply([Pong(message.n, message.sent, self._clock.now_ns())])
            case _:
                return self._of_access(station, message, data)

    def _of_access(
        self,
        station: str,
        message: SignIn | SignOut | Accounts | Reveal | Confide | Lease | BlobGet | BlobPut | Anchor | AnchorGet,
        data: bytes,
    ) -> Reply:
        match message:
            case SignIn():
                return self._access.sign_in(station, message)
            case SignOut():
                return self._access.sign_out(station, message)
            case Accounts():
                return self._accounting.asked(station, self._access.who(station, message.token), message)
            case Reveal():
                return Reply(job=self._reveals.asked(station, self._access.who(station, message.token), message))
            case Confide():
                return Reply(job=self._confides.asked(station, self._access.who(station, message.token), message))
            case Lease():
                return Reply([self.turning.asked(station, self._access.who(station, message.token), message)])
            case BlobGet():
                return self._blob(message)
            case BlobPut():
                return self._put(station, message, data)
            case Anchor():
                return Reply(job=self._anchoring.anchor(station, message))
            case AnchorGet():
                return Reply(job=self._anchoring.get(station, message))

    def _hello(self, station: str, hello: Hello) -> FromHub:
        if hello.mode is not self._identity.mode:
            return self._foreign(station, hello.mode)
        if 1 not in hello.versions or "json" not in hello.enc:
            self._counters["unknown_version"] += 1
            return Denied("version", "this hub speaks version 1 in json")
        if hello.station and hello.station != station:
            told(
                self._counters,
                "other_station",
                log,
                "the key of station %s calls itself %r",
                station,
                hello.station[:64],
            )
        self.sights.hello(station, hello.shows)
        self.speakers.hello(station, hello.speaker)
        who = self._access.who(station, hello.token)
        return Welcome(
            server=self._identity.name,
            instance=self._identity.instance,
            mode=self._identity.mode,
            version=1,
            now=self._clock.now_ns(),
            hb_ms=HEARTBEAT_MS,
            feeds=self._core.heads(),
            station=station,
            rate=self._identity.rate,
            operator_id=who.operator.id if who is not None else "",
            name=who.operator.name if who is not None else "",
            role=who.operator.role.value if who is not None else "",
            grants=who.grants if who is not None else (),
            t_expires=who.t_expires_ns if who is not None else 0,
        )

    def _blob(self, message: BlobGet) -> Reply:
        found = self._blobs.find(message.blob)
        if found is None:
            return Reply([Blob(message.request, message.blob[:64], code="unknown")])
        return Reply(sending=Sending(message.request, message.blob, found[1], found[0]))

    def _put(self, station: str, message: BlobPut, data: bytes) -> Reply:
        who = self._access.who(station, message.token)
        if who is None or not may(who.operator.role, Right.COMMENT):
            return Reply([BlobKept(message.request, message.blob[:64], 0, "not_allowed")])

        def job() -> Ending:
            kept = self._blobs.put(station, message, data)
            return lambda: [kept]

        return Reply(blob_job=job)

    def _foreign(self, station: str, mode: Mode) -> Denied:
        text = "station %s speaks mode %s to a hub of mode %s"
        told(self._counters, "foreign_mode", log, text, station, mode, self._identity.mode)
        return Denied("mode", f"this hub is {self._identity.mode.value}")

    def _fetch(self, fetch: Fetch) -> FromHub:
        spec = FEEDS.get(fetch.feed)
        if spec is None:
            return Denied("unknown_feed", fetch.feed[:64])
        head = self._core.log.head(fetch.feed)
        reason = ""
        if spec.kind is FeedKind.LOSSY:
            reason = "lossy"
        elif fetch.epoch != head.epoch:
            reason = "epoch"
        elif fetch.after > head.head:
            reason = "ahead"
        elif fetch.after < head.oldest - 1:
            reason = "too_old"
        if reason:
            return Reset(fetch.feed, head.epoch, head.oldest, reason)
        limit = min(max(1, fetch.limit), FETCH_LIMIT)
        items = self._core.log.fetch(fetch.feed, fetch.after, limit, PART_BYTES)
        return Batch(fetch.feed, head.epoch, tuple(items), head.head)

    def _snap(self, request: SnapGet) -> list[FromHub]:
        if request.feed not in FEEDS:
            return [Denied("unknown_feed", request.feed[:64])]
        head = self._core.log.head(request.feed)
        parts = split(self._core.snapshot(request.feed))
        return [
            Snap(request.feed, head.epoch, head.head, n, len(parts), tuple(items))
            for n, items in enumerate(parts, start=1)
        ]

    def _history(self, request: History) -> FromHub:
        found = self._core.log.history(request.series, request.t0, request.t1)
        sensor = self._core.sensor(request.series)
        if found is None:
            code = "" if sensor is not None else "unknown_series"
            return Series(request.request, request.series, (), (), code)
        t, v = open_gaps(*found, sensor.period_s if sensor is not None else 0.0)
        t, v = thin(t, v, min(request.max_points, MAX_POINTS))
        values = tuple(None if math.isnan(x) else x for x in v.tolist())
        flags = self._core.log.flags(request.series, request.t0, request.t1)
        return Series(request.request, request.series, tuple(t.tolist()), values, flags=flags)

    def _act(self, station: str, act: Act) -> Reply:
        if act.mode is not self._identity.mode:
            self._foreign(station, act.mode)
            text = f"this hub is {self._identity.mode.value}"
            return Reply([Ack(act.action.aid, "refused", code="mode", text=text)])
        who = self._access.who(station, act.token)
        person = who.operator if who is not None else None
        try:
            answer = self._core.act(station, person, act.action, self._clock.now_ns())
        except LogTrouble as trouble:
            # No answer: the console keeps the action and sends it again.
            log.error("action %s of %s waits: %s", act.action.aid, station, trouble)
            return Reply()
        return Reply(list(answer.acks), answer.published)


def split(items: list[Envelope], size: Callable[[Envelope], int] | None = None) -> list[list[Envelope]]:
    """Parts below PART_BYTES each; at least one, which may be empty."""
    size = size or (lambda e: len(bytes(e.body)) + 6 * len(e.id) + ENVELOPE_BYTES)
    parts: list[list[Envelope]] = [[]]
    held = 0
    for item in items:
        need = size(item)
        if parts[-1] and held + need > PART_BYTES:
            parts.append([])
            held = 0
        parts[-1].append(item)
        held += need
    return parts


def encoded(messages: list[FromHub]) -> list[bytes]:
    """JSON of each."""
    return [encode(m) for m in messages]
