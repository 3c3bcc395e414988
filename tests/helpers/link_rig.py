"""A LinkMachine without sockets: a clock that a test moves, a sink that remembers, what was sent as plain JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from backends.domain.access import Grant
from backends.domain.action import ActionStatus
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FeedStatus, Mode
from backends.domain.ports import LinkStatus
from backends.domain.record import Record, Snapshot
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S, HubClock, ManualClock
from backends.link.machine import LinkMachine
from backends.link.ports import BlobDone, LinkSettings, Trouble
from backends.protocol.codec import encode
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    Accounted,
    Anchored,
    Canary,
    Cursor,
    Envelope,
    FeedHead,
    Heartbeat,
    Leased,
    Revealed,
    Series,
    Signed,
    Welcome,
    topic,
)

T0 = 1_790_000_000 * NS_PER_S


class Seen:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.rows: list[Record] = []
        self.snaps: list[Snapshot] = []
        self.previews: list[Record] = []
        self.bad: list[tuple[str, str]] = []
        self.bad_bytes: list[bytes] = []
        self.stages: list[ActionStatus] = []
        self.feeds: dict[str, FeedStatus] = {}
        self.link: LinkStatus | None = None
        self.answers: list[Series] = []
        self.troubles: list[tuple[Trouble, bool]] = []
        self.grants: list[Grant] = []
        self.signed_answers: list[Signed] = []
        self.revealed_answers: list[Revealed] = []
        self.leases: list[Leased] = []
        self.accounts: list[Accounted] = []
        self.blobs: list[BlobDone] = []
        self.anchors: list[Anchored] = []
        self.behind = False
        """The store has enough to do with what was missed."""

    def records(self, records: list[Record]) -> None:
        self.rows.extend(records)

    def preview(self, record: Record) -> None:
        self.previews.append(record)

    def snapshot(self, snapshot: Snapshot) -> None:
        self.snaps.append(snapshot)

    def quarantine(self, feed: str, reason: str, raw: bytes) -> None:
        self.bad.append((feed, reason))
        self.bad_bytes.append(raw)

    def stage(self, status: ActionStatus) -> None:
        self.stages.append(status)

    def feed_status(self, status: FeedStatus) -> None:
        self.feeds[status.feed] = status

    def link_status(self, status: LinkStatus) -> None:
        self.link = status

    def series(self, series: Series) -> None:
        self.answers.append(series)

    def welcomed(self, grant: Grant, token: str) -> None:
        self.grants.append(grant)

    def signed(self, answer: Signed) -> None:
        self.signed_answers.append(answer)

    def revealed(self, answer: Revealed) -> None:
        self.revealed_answers.append(answer)

    def accounted(self, answer: Accounted) -> None:
        self.accounts.append(answer)

    def leased(self, answer: Leased) -> None:
        self.leases.append(answer)

    def blob(self, whole: BlobDone) -> None:
        self.blobs.append(whole)

    def anchored(self, answer: Anchored) -> None:
        self.anchors.append(answer)

    def trouble(self, what: Trouble, on: bool, detail: str) -> None:
        self.troubles.append((what, on))

    def has_room(self) -> bool:
        return True

    def may_fill(self) -> bool:
        return not self.behind


class Rig:
    """A machine, its clock and what it sends."""

    def __init__(self, cursors: dict[str, Cursor] | None = None, **more: Any) -> None:
        self.time = ManualClock(T0)
        self.clock = HubClock(self.time)
        self.clock.set(T0)
        self.seen = Seen()
        settings = LinkSettings("desk-1", Mode.DEMO, "", "", lambda: None)
        self.machine = LinkMachine(settings, self.seen, self.clock, cursors or {}, jitter=lambda: 0.0, **more)
        self.sent: list[dict[str, Any]] = []
        self.pings: list[dict[str, Any]] = []
        self.data: list[bytes] = []
        """Second frames, of BLOBPUT."""
        self.connected = True
        self.beats = self.beats_moved = 0
        self.machine.opened(self.now_s)

    @property
    def now_s(self) -> float:
        return self.time.monotonic_s()

    def send(self, raw: bytes) -> bool:
        message = msgspec.json.decode(raw)
        if self.connected and message["msg"] == "PING":
            self.pings.append(message)  # goes out once a second beside everything else
        elif self.connected:
            self.sent.append(message)
        return self.connected

    def send_data(self, raw: bytes, data: bytes) -> bool:
        if self.send(raw):
            self.data.append(data)
        return self.connected

    def turn(self, after_s: float = 0.0) -> list[dict[str, Any]]:
        self.time.advance_s(after_s)
        self.sent = []
        self.machine.turn(self.now_s, self.send, self.send_data)
        return self.sent

    def ctl(self, message: Any, *more: bytes) -> None:
        raw = message if isinstance(message, bytes) else encode(message)
        self.machine.on_ctl([b"1", raw, *more], self.now_s)

    def beat(self, heads: dict[str, FeedHead] | None = None, canary: int | None = None, **more: Any) -> None:
        self.beats += 1
        mode = more.pop("mode", Mode.DEMO)
        beat = Heartbeat(
            self.beats, self.time.now_ns(), "i1", mode, heads or {},
            None if canary is None else Canary(canary, 0), **more,
        )  # fmt: skip
        self.machine.on_live([HEARTBEAT_TOPIC, encode(beat)], self.now_s)

    def welcome(self, operator_id: str = "op", heads: dict[str, FeedHead] | None = None, **more: Any) -> None:
        more = {"instance": "i1", **more}
        instance = more.pop("instance")
        now_ns = self.time.now_ns()
        self.ctl(Welcome("hub", instance, Mode.DEMO, 1, now_ns, 500, heads or {}, operator_id=operator_id, **more))

    def join(self, heads: dict[str, FeedHead] | None = None, operator_id: str = "op") -> None:
        self.turn()
        self.welcome(operator_id, heads)
        self.beat(heads)
        self.turn()

    def live(self, seq: int, body: bytes | None = None, **more: Any) -> None:
        mode = more.pop("mode", Mode.DEMO)
        raw = body if body is not None else encode(alarm(seq))
        env = Envelope(mode, "alarms", "e", seq, T0, more.pop("type", "put"), f"a{seq}", body=msgspec.Raw(raw))
        self.machine.on_live([topic("alarms"), encode(env)], self.now_s)


def alarm(n: int) -> Alarm:
    return Alarm(f"a{n}", Priority.LOW, AlarmState.UNACKNOWLEDGED, LocalText("x"), n)


def alarms_at(seq: int) -> dict[str, Cursor]:
    """What a store says that has alarms up to `seq` of epoch e."""
    return {"alarms": Cursor("e", seq)}
