"""The conversation with the hub, without sockets: what to send, what was received, how things stand.

Driven by loop.py (and by tests) from one thread, in this order:
1. `opened` when the sockets are new (SUB is subscribed before the first HELLO goes out);
2. `on_live` and `on_ctl` for what arrives, `turn` at least every 50 ms, which sends what is due;
3. `wants_new_sockets` says when the peer has been silent for too long.

Nothing here waits, and no clock is read: monotonic seconds come as `now_s`, session time from the
clock that is passed in and that WELCOME and heartbeats set.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from backends.domain.action import ActionStatus
from backends.domain.feeds import FEEDS, FeedKind, LinkState, Mode
from backends.domain.people import Speaker
from backends.domain.times import NS_PER_S, HubClock
from backends.link.access import Access, Session
from backends.link.asking import Asking
from backends.link.blobs import BLOB_LIMIT, Blobs
from backends.link.blobs_out import BlobsOut, SendData
from backends.link.feed import Feed, Handing
from backends.link.freshness import STALE_S, Lateness
from backends.link.health import SILENT_S, CanaryWatch, wants_other
from backends.link.intake import INT64, check_numbers, keepable, salvage, to_record
from backends.link.outbox import Outbox
from backends.link.ports import LinkSettings, Outgoing, Sink, Trouble
from backends.link.seeing import Seeing, Sounding
from backends.link.standing import Standing
from backends.link.sync import Applied, FeedSync
from backends.protocol import codec
from backends.protocol.codec import BadMessage
from backends.protocol.messages import (
    HEARTBEAT_TOPIC,
    SHOWS_MOST,
    VERSION,
    Accounted,
    Ack,
    Act,
    Anchor,
    Anchored,
    Batch,
    Blob,
    BlobKept,
    Bye,
    Confided,
    Cursor,
    Denied,
    FeedHead,
    Fetch,
    FromHub,
    Heartbeat,
    Hello,
    History,
    Leased,
    Ping,
    Pong,
    Reset,
    Revealed,
    Series,
    Signed,
    Snap,
    Welcome,
)

_log = logging.getLogger(__name__)

HELLO_RETRY_S = 1.0
HELLO_EVERY_S = 30.0
DENIED_RETRY_S = 5.0
HISTORY_RETRY_S = 3.0
ALARMS_FIRST_S = 3.0
"""After a join the alarms are caught up before other feeds ask for anything: a new one must show within a second."""
HISTORY_WAITING = 200
"""Questions kept while the hub is away; the oldest are forgotten."""

Send = Callable[[bytes], bool]
"""Gives one CTL message to the socket; False: no connection, try again later."""


class LinkMachine:
    """One console's side of the protocol. Used by one thread."""

    def __init__(
        self,
        settings: LinkSettings,
        sink: Sink,
        clock: HubClock,
        cursors: Mapping[str, Cursor],
        *,
        unfinished: Iterable[ActionStatus] = (),
        fresh: Mapping[str, int] | None = None,
        jitter: Callable[[], float] = random.random,
        outgoing: Outgoing | None = None,
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._clock = clock
        self._feeds = {
            name: Feed(FeedSync(name, spec.kind, cursors.get(name), jitter), (fresh or {}).get(name, 0))
            for name, spec in FEEDS.items()
        }
        self._feeds["alarms"].sync.hurry()
        self.outbox = Outbox(unfinished)
        self.security_events = 0
        """Messages of a foreign mode."""
        self._canary = CanaryWatch()
        self._lateness = Lateness()
        self.access = Access(sink)
        self.blobs = Blobs(sink.blob, lambda reason, raw: self._bad("", reason, raw))
        self.blobs_out = BlobsOut(outgoing)
        self._history = Asking(HISTORY_RETRY_S, HISTORY_RETRY_S, limit=HISTORY_WAITING)
        self._anchors = Asking(2.0, 30.0, limit=1)
        self._askings = (*self.access.askings(), self._history, self.blobs.asking, self._anchors)
        self._standing = Standing(sink, clock, settings.mode, self._feeds, lambda: len(self.outbox))
        self._instance = ""
        self.shows: tuple[str, ...] = ()
        self.seeing = Seeing()
        self.sounding = Sounding()
        self._speaker: Speaker | None = None
        """As the last HELLO said."""
        self._opened_s: float | None = None
        self._welcomed = False
        self._hello_at_s = self._hello_sent_s = self._ping_at_s = 0.0
        self._live_s = float("-inf")
        self._asked_s = self._stay_until_s = 0.0
        self._alarms_first_until_s = 0.0
        self._retry_at_s: float | None = None
        self._pings = 0
        self._handing = Handing(sink, self._bad, self._same_mode)

    # -- life of the sockets -------------------------------------------------------------------------

    def opened(self, now_s: float) -> None:
        """New sockets: nothing that was asked will be answered."""
        self._opened_s = now_s
        self._welcomed = False
        self._hello_at_s = self._asked_s = self._stay_until_s = 0.0
        self._retry_at_s = None
        self._lateness.restart()
        self._forget_asked()

    def _forget_asked(self) -> None:
        """Nothing that was asked before will be answered."""
        for feed in self._feeds.values():
            feed.sync.connection_lost()
        self.access.connection_lost()
        self.blobs.connection_lost()
        self.blobs_out.connection_lost()
        self._anchors.connection_lost()
        self._history.connection_lost()
        self.seeing.connection_lost()

    def key_refused(self, now_s: float) -> None:
        """HANDSHAKE_FAILED_AUTH: this socket never tries again by itself (anchors, 0.3)."""
        self._standing.heads_s = float("-inf")
        self._standing.set(LinkState.REFUSED, "key_refused")
        self._retry_at_s = now_s

    def wants_new_sockets(self, now_s: float, *, several: bool = False) -> bool:
        """5 s without a heartbeat since they were made, a refused key, or a planned stop's end; `several`: sooner."""
        if several:
            # One that denies us lives: another will hardly say anything else, and none sooner than this one.
            other = wants_other(self._opened_s, self._welcomed, self._live_s, now_s)
            return self._retry_at_s is not None or (other and now_s >= self._stay_until_s)
        if self._opened_s is None:
            return True
        if self._retry_at_s is not None:
            return now_s >= self._retry_at_s
        return now_s - max(self._live_s, self._opened_s) > SILENT_S

    @property
    def healthy(self) -> bool:
        """Joined, and a heartbeat has come since the sockets were made: the back-off may start anew."""
        return self._welcomed and self._opened_s is not None and self._live_s > self._opened_s

    # -- from the program ----------------------------------------------------------------------------

    def submit(self, status: ActionStatus) -> None:
        """An action that is on disk."""
        self.outbox.add(status)

    def ask_history(self, question: History) -> None:
        self._history.ask(question.request, question)

    def use_session(self, session: Session) -> None:
        """Whose clicks these are from now on; the hub hears of it at once."""
        self.access.use(session)
        self._hello_at_s = 0.0

    def show(self, cameras: Iterable[str]) -> None:
        """What is on the screens here; the next HELLO says so, which is soon enough."""
        self.shows = tuple(sorted(cameras))[:SHOWS_MOST]

    def anchor(self, anchor: Anchor) -> None:
        """Only the newest counts: an older one that waits is forgotten."""
        self._anchors.ask(anchor.n, anchor)

    def resync(self, feed: str, cursor: Cursor | None, now_s: float) -> None:
        """The store lost its way in this feed; `cursor` is what it has."""
        if feed in self._feeds:
            self._feeds[feed].sync.resync(cursor, now_s)

    # -- LIVE ----------------------------------------------------------------------------------------

    def on_live(self, frames: list[bytes], now_s: float) -> None:
        """One message of the SUB socket."""
        feed = ""
        try:
            if len(frames) != 2:
                raise BadMessage(f"{len(frames)} frames instead of 2")
            if frames[0] == HEARTBEAT_TOPIC:
                beat = codec.decode_heartbeat(frames[1])
                check_numbers(beat)
                if self._same_mode(beat.mode, "hb", frames[1]):
                    self._live_s = now_s
                    if beat.instance != self._instance and now_s >= self._stay_until_s:
                        self._hello_at_s = min(self._hello_at_s, now_s)  # another process: join it
                    self._on_beat(beat, now_s)
                return
            feed = frames[0][2:-1].decode("ascii", "replace")
            env = codec.decode_envelope(frames[1])
            known = self._feeds.get(env.feed)
            if known is None:
                return
            if frames[0] != f"1/{env.feed}/".encode():
                raise BadMessage(f"topic {feed!r} carries feed {env.feed!r}")
            if not 0 < env.seq < INT64:
                raise BadMessage(f"seq {env.seq}")
        except BadMessage as error:
            self._bad(feed, str(error), b" ".join(frames))
            return
        if not self._same_mode(env.mode, env.feed, frames[1]):
            return
        known.rate.count += 1
        known.movement.seen(env.epoch, env.seq, now_s)
        known.lag_s = max(0.0, (self._clock.now_ns() - env.t) / NS_PER_S / max(self._standing.clock_rate, 1e-6))
        if env.feed == "alarms" and known.sync.wanting and known.sync.newcomer(env):
            self._sink.preview(to_record(env, self._clock.now_ns(), lambda *_: None))
        self._apply(env.feed, known.sync.on_live(env, now_s))

    def _same_mode(self, mode: Mode, feed: str, raw: bytes) -> bool:
        if mode is self._settings.mode:
            return True
        self.security_events += 1
        self._bad(feed, f"mode {mode.value} on a {self._settings.mode.value} console", raw)
        self._standing.trouble(Trouble.MODE, True, mode.value)
        if not self._welcomed:
            self._standing.set(LinkState.REFUSED, "mode_mismatch")
        return False

    def _on_beat(self, beat: Heartbeat, now_s: float) -> None:
        """A late one says where the feeds were: it must not look like now. CTL is asked how things are."""
        if self._lateness.late(beat.now, now_s):
            self._ping_at_s = min(self._ping_at_s, now_s)
            return
        self._standing.fresh_s = now_s
        self._take_time(beat.now, beat.rate)
        self._take_heads(beat.heads, now_s, welcome=False)
        if self._welcomed and self._standing.state is LinkState.DOWN and self._retry_at_s is None:
            # It was silent for a while and is there again: only WELCOME makes the link UP.
            self._hello_at_s = min(self._hello_at_s, max(now_s, self._hello_sent_s + HELLO_RETRY_S))
        self._standing.trouble(Trouble.CANARY, self._canary.dead(beat.canary, now_s))

    # -- CTL -----------------------------------------------------------------------------------------

    def on_ctl(self, frames: list[bytes], now_s: float) -> None:
        """One message of the DEALER socket."""
        if len(frames) < 2 or frames[0] != VERSION:
            self._bad("", "CTL message without version", b" ".join(frames))
            return
        raw = frames[1]
        try:
            message: Any = codec.decode_from_hub(raw)
            check_numbers(message)
        except BadMessage as error:
            # The reason is kept even where most of the answer can be saved.
            message = salvage(raw, self._after(raw), self._settings.mode, self._bad)
            if message is None:
                self._bad("", str(error), raw)
                return
        if isinstance(message, Batch | Reset | Snap):
            self._on_answer(message, now_s)
        else:
            self._on_word(message, frames, now_s)

    def _on_answer(self, message: Batch | Reset | Snap, now_s: float) -> None:
        feed = self._feeds.get(message.feed)
        if feed is None:
            return
        if isinstance(message, Batch):
            self._apply(message.feed, feed.sync.on_batch(self._own(message), now_s))
        elif isinstance(message, Snap):
            self._apply(message.feed, feed.sync.on_snap(message, now_s))
        else:
            feed.sync.on_reset(message, now_s)

    def _on_word(self, message: FromHub, frames: list[bytes], now_s: float) -> None:
        match message:
            case Welcome():
                self._on_welcome(message, now_s)
            case Denied():
                self._welcomed = False
                self._hello_at_s, self._asked_s = now_s + DENIED_RETRY_S, 0.0
                self._stay_until_s = self._hello_at_s - HELLO_RETRY_S  # before this one is asked again
                self._standing.set(LinkState.REFUSED, f"denied:{message.code}")
            case Ack():
                self._on_ack(message, frames[1])
            case Series():
                if self._history.answered(message.request):
                    self._sink.series(message)
            case Signed() | Revealed() | Confided() | Leased() | Accounted():
                self.access.on_answer(message)
            case Blob() | BlobKept():
                self._on_blob(message, frames, now_s)
            case Anchored():
                if self._anchors.answered(message.n):
                    self._sink.anchored(message)
            case Bye():
                self._standing.heads_s = float("-inf")
                self._standing.set(LinkState.DOWN, f"bye:{message.reason}")
                self._retry_at_s = now_s + min(max(message.retry_ms, 200), 8000) / 1000
            case Pong():
                self._lateness.answered(message.n, message.now, now_s, self._standing.clock_rate)
            case _:
                pass

    def _on_blob(self, message: Blob | BlobKept, frames: list[bytes], now_s: float) -> None:
        if isinstance(message, Blob):
            self.blobs.on_blob(message, frames[2] if len(frames) == 3 else None)
        else:
            self.blobs_out.on_kept(message, now_s)

    def _after(self, raw: bytes) -> int:
        """The cursor that an unreadable BATCH continues: of the fetch of the feed that it names."""
        for name, feed in self._feeds.items():
            asked = feed.sync.asked
            if isinstance(asked, Fetch) and f'"feed":"{name}"'.encode() in raw[:200]:
                return asked.after
        return 0

    def _own(self, batch: Batch) -> Batch:
        """Foreign modes never pass, not even inside an answer."""
        if all(item.mode is self._settings.mode for item in batch.items):
            return batch
        items = tuple(item for item in batch.items if self._same_mode(item.mode, item.feed, bytes(item.body)))
        return Batch(batch.feed, batch.epoch, items, batch.head)

    def _on_welcome(self, welcome: Welcome, now_s: float) -> None:
        if not self._same_mode(welcome.mode, "welcome", b""):
            self._standing.set(LinkState.REFUSED, "mode_mismatch")
            self._hello_at_s = now_s + DENIED_RETRY_S
            return
        first = not self._welcomed or welcome.instance != self._instance
        self._welcomed = True
        self._standing.server, self._instance = welcome.server, welcome.instance
        self.access.on_welcome(welcome)
        if first:
            self._canary.restart(now_s)
            self._lateness.restart()
            self._lateness.told(welcome.now, self._asked_s or self._hello_sent_s, now_s, welcome.rate)
            self._ping_at_s, self._alarms_first_until_s = now_s, now_s + ALARMS_FIRST_S
            self.outbox.connection_made()
            self._forget_asked()
            for feed in self._feeds.values():
                feed.movement.restart()
        self.blobs.limit = min(BLOB_LIMIT, welcome.limits.blob)
        late = self._lateness.late(welcome.now, now_s)
        self._hello_at_s = now_s + (HELLO_RETRY_S if late else HELLO_EVERY_S)
        if not late:
            self._take_time(welcome.now, welcome.rate)
        # While LIVE is well, what it is about to bring is not missing yet.
        self._take_heads(welcome.feeds, now_s, welcome=first or now_s - self._standing.fresh_s > STALE_S, late=late)
        self._standing.ever_up = True
        self._standing.trouble(Trouble.MODE, False)
        self._standing.set(*((LinkState.DOWN, "late") if late else (LinkState.UP, "")))
        self._asked_s = 0.0  # answered: the next HELLO is a question of its own

    def _on_ack(self, ack: Ack, raw: bytes) -> None:
        try:
            status = self.outbox.on_ack(ack, self._clock.now_ns())
        except ValueError as error:
            self._bad("", f"ACK: {error}", raw)
            return
        if ack.code == "nobody_signed_in":
            self._hello_at_s = 0.0  # the hub may have ended the session: ask at once who sits here
        if status is not None:
            self._sink.stage(status)

    def _take_time(self, now_ns: int, rate: float) -> None:
        self._standing.clock_rate = rate
        self._clock.set(now_ns, rate)

    def _take_heads(self, heads: Mapping[str, FeedHead], now_s: float, *, welcome: bool, late: bool = False) -> None:
        if not late:
            self._standing.heads_s = now_s
        for name, head in heads.items():
            feed = self._feeds.get(name)
            if feed is None:
                continue
            if welcome:
                self._apply(name, feed.sync.on_welcome(head, now_s))
            else:
                feed.sync.on_heartbeat(head, now_s)
            # What LIVE alone carries does not move because CTL says that it should have.
            if not (welcome and feed.sync.kind is FeedKind.LOSSY):
                feed.movement.seen(head.epoch, head.head, now_s)

    # -- towards the store ---------------------------------------------------------------------------

    def _apply(self, name: str, applied: Applied) -> None:
        self._handing.apply(name, applied, self._clock.now_ns())

    def hold(self) -> None:
        """A burst begins: what becomes applicable is handed on at its end, each feed's records together."""
        self._handing.hold()

    def release(self) -> None:
        """The burst is over."""
        self._handing.release()

    def _bad(self, feed: str, reason: str, raw: bytes) -> None:
        if feed in self._feeds:
            self._feeds[feed].bad += 1
        self._sink.quarantine(feed, reason, keepable(raw))

    # -- each turn -----------------------------------------------------------------------------------

    def turn(self, now_s: float, send: Send, send_data: SendData = lambda *_: False) -> None:
        """Send what is due and tell how things stand. At least every 50 ms."""
        if self._opened_s is not None:
            self._talk(now_s, send)
            if self._welcomed:
                self.blobs_out.turn(now_s, send_data)
        self.access.give_up(now_s)
        self.blobs.give_up(now_s)
        self._standing.turn(now_s)

    def _talk(self, now_s: float, send: Send) -> None:
        live_silent = self._welcomed and now_s - self._standing.fresh_s > STALE_S
        speaker = self.sounding.current(now_s)
        late = live_silent and now_s >= self._hello_sent_s + HELLO_RETRY_S
        if now_s >= self._hello_at_s or late or speaker != self._speaker:
            # Without heartbeats, WELCOME brings the heads: CTL alone keeps the console complete.
            token = self.access.present.token
            mode, shows = self._settings.mode, self.shows
            hello = Hello(self._settings.station, mode, (1,), ("json",), self._cursors(), token, shows, speaker)
            if not send(codec.encode(hello)):
                return
            self.access.hello_sent()
            self._speaker = speaker
            self._hello_sent_s, self._asked_s = now_s, self._asked_s or now_s
            self._hello_at_s = now_s + HELLO_RETRY_S
        if not self._welcomed:
            return
        alarms, full = self._feeds["alarms"].sync, not self._sink.may_fill()
        for feed in self._feeds.values():
            if feed.sync is not alarms and (full or (alarms.wanting and now_s < self._alarms_first_until_s)):
                continue
            request = feed.sync.request(now_s)
            if request is not None and not send(codec.encode(request)):
                feed.sync.connection_lost()
                return
        self._send_actions(now_s, send)
        sees = self.seeing.due(now_s)
        if sees is not None and send(codec.encode(sees)):
            self.seeing.sent(sees, now_s)
        self.access.turn(now_s, self.outbox.persons)
        for asking in self._askings:
            for number, question in asking.due(now_s):
                if not send(codec.encode(question)):
                    return
                asking.sent(number, now_s)
        if now_s >= self._ping_at_s:
            self._pings += 1
            self._ping_at_s = now_s + 1.0
            if send(codec.encode(Ping(self._pings, self._clock.now_ns()))):
                self._lateness.asked(self._pings, now_s)

    def _cursors(self) -> dict[str, Cursor]:
        return {n: f.sync.cursor for n, f in self._feeds.items() if f.sync.cursor is not None}

    def _send_actions(self, now_s: float, send: Send) -> None:
        now_ns = self._clock.now_ns()
        for status in (*self.outbox.expired(now_ns), *self.outbox.ended(self.access.is_over, now_ns)):
            self._sink.stage(status)
        for waiting in self.outbox.due(now_s):
            token = self.access.token_for(waiting)
            if token is None or not self.blobs_out.clear(waiting.action, token):
                continue
            if not send(codec.encode(Act(waiting.action, self._settings.mode, token))):
                return
            moved = self.outbox.sent(waiting.action.aid, now_s, now_ns)
            if moved is not None:
                self._sink.stage(moved)
