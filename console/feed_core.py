"""Link and store, joined: what arrives is validated, committed, and then shown. No Qt, no process.

Start, in this order: the store is opened (or repaired) and its last state loaded; the store's
writers run; the link joins the hub from the stored cursors. Stop runs backwards. The same core runs
inside the feeder process (feeder.py) and as threads of a caller (feed_local.py).
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from backends.domain.access import Grant
from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.feeds import FEEDS, FeedKind, FeedQuality, FeedStatus, LinkState
from backends.domain.ports import LinkStatus, StoreTrouble
from backends.domain.record import Record, Snapshot
from backends.domain.times import HubClock, SystemClock
from backends.link.loop import Link
from backends.link.machine import LinkMachine
from backends.link.ports import BlobDone, Trouble
from backends.protocol.messages import Accounted, Anchor, Anchored, Cursor, History, Leased, Revealed, Series, Signed
from backends.store.ops import Op, PutAudit, PutMoment, PutQuarantine, PutRecords, PutSnapshot, PutStage
from backends.store.reader import read_ended
from backends.store.store import Store
from console.feed_access import FOLDER, AccessKeeper
from console.feed_alarms import LocalAlarms
from console.feed_clicks import ENDED_KEPT, Clicks
from console.feed_exchange import Exchange
from console.feed_figures import FiguresReader
from console.feed_history import HistoryReader
from console.feed_outgoing import OutgoingPictures
from console.feed_past import PastDesk
from console.feed_pictures import RECORDS, Pictures
from console.feed_secrets import SecretKeeper
from console.feed_settings import FeedSettings, link_settings
from console.feed_turning import TurnKeeper
from console.feed_views import Views
from console.feed_wire import LOCAL_FEED, AuditKept, StillSaved
from console.sealed import Seal

_log = logging.getLogger(__name__)

ROOM_ROWS = 50_000
"""Rows waiting for a commit at which the link stops reading LIVE; what it misses is fetched."""
FILL_ROWS = ROOM_ROWS // 2
"""Rows waiting at which no more of what was missed is asked for: the writer never idles, and the other half is LIVE's.
With one limit for both, a gap of 100,000 records kept new alarms waiting, for two seconds on a slow disk."""
BACKLOG_ROWS = 1000
COMMIT_LATE_S = 0.3
LIVE_RECORDS = 20
"""So few alarms at once are news; more are a backlog themselves."""
MOMENT_EVERY_S = 5.0
SESSION_ENDS = frozenset({"sign_out", "session_over"})
"""What is audited under these names hands the audit's end to the hub at once."""
LINK_TURNS_S = 3.0
"""The link's loop comes round twenty times a second; a machine under load may take a little longer."""


class FeedCore:
    """The link's sink and the store's listener at once. Public methods may be called by any thread."""

    def __init__(self, settings: FeedSettings, clock: HubClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or HubClock()
        self.exchange = Exchange()
        self.alarms = LocalAlarms(self._local_changed)
        self.store = Store(
            Path(settings.data_dir), settings.mode.value, self,
            keep_days=settings.keep_days, keep=settings.keep, on_samples_trouble=self._samples_trouble,
            on_backup_trouble=self._backup_trouble, on_anchor=self.anchor,
        )  # fmt: skip
        self._link: Link | None = None
        own, tell = Path(settings.data_dir) / FOLDER, self.exchange.tell
        self.outgoing = OutgoingPictures(Path(settings.data_dir))
        self.access = AccessKeeper(Path(settings.data_dir), self.clock, self._granted_to, self.audit)
        self.clicks = Clicks(
            settings.station, self.store, self.clock, self.alarms, lambda: self.access.grant, tell, self.audit,
            self.outgoing,
        )  # fmt: skip
        known = partial(self.exchange.raw, "cameras")
        self.secrets = SecretKeeper(own, self.clock, SystemClock(), self.access, self.audit, known)
        self.access.past = PastDesk(self.secrets.allow)
        self.turning = TurnKeeper(own, settings.station, self.clock, self.access, self.secrets, tell, self.audit, known)
        self._blobs: dict[int, Callable[[BlobDone], None]] = {}
        self.views = Views(lambda: self._link)
        self._blob_numbers = itertools.count(1)
        self.history = HistoryReader(Path(settings.data_dir), self._ask_hub, self.store.samples.put)
        self.figures = FiguresReader(
            Path(settings.data_dir), settings.mode.value, self.clock.now_ns, self.exchange.whole, self.exchange.fresh_ns
        )
        self.small = Pictures(Path(settings.data_dir), self.fetch_blob)
        self.large = Pictures(Path(settings.data_dir), self.fetch_blob, RECORDS)
        self._lock = threading.Lock()
        """Of the blobs that are under way."""
        self._newest: deque[Record] = deque(maxlen=LIVE_RECORDS)
        """New alarms that came lately. Link thread only."""
        self._fresh: dict[str, int] = {}
        self._moment_at_s = 0.0
        self.quarantined = 0

    def start(self) -> None:
        """Raises StoreBusy, OSError or ValueError; troubles that can pass are alarms instead."""
        wire = link_settings(self.settings)
        state = self.store.open()
        if state.clock is not None:
            self.clock.set(state.clock.now_ns(time.time_ns()), state.clock.rate)
        self.clicks.load(state.unfinished, read_ended(Path(self.settings.data_dir), ENDED_KEPT), state.last_cseq)
        self.exchange.load(state.feeds, state.unfinished)
        positions = self.store.positions
        machine = LinkMachine(
            wire, self, self.clock,
            {feed: Cursor(epoch, seq) for feed, (epoch, seq) in positions.items()},
            unfinished=state.unfinished,
            fresh={kept.feed: kept.t_fresh_ns for kept in state.feeds},
            outgoing=self.outgoing,
        )  # fmt: skip
        self._link = Link(wire, self, machine)
        self.store.start()
        self.history.start()
        self.small.start()
        self.figures.start()
        self.large.start()
        seal = Seal(wire.secret_key, wire.station, wire.mode.value)
        self.access.start(self._link, seal)
        self.turning.start(self._link, seal)
        self._link.start()
        self.secrets.start(self.settings.cameras_door, bytes.fromhex(self.settings.cameras_key), seal)

    def stop(self) -> None:
        self.turning.stop()
        self.secrets.stop()
        if self._link is not None:
            self._link.stop()
        self.access.stop()
        self.history.stop()
        self.small.stop()
        self.figures.stop()
        self.large.stop()
        self.store.stop()

    @property
    def alive(self) -> bool:
        """False when a thread has died of a bug: start the process anew."""
        return self._link is not None and self._link.alive and self.store.alive

    def turns(self) -> bool:
        """The link's loop came round lately, and the locks that every record, click and screen needs are free.
        Waits for those locks: whoever asks this hangs with a core that hangs."""
        self.clicks.unlocked()
        self.exchange.unlocked()
        return self.link_turns(LINK_TURNS_S)

    def link_turns(self, within_s: float) -> bool:
        """The link's loop came round so lately. Waits for nothing."""
        link = self._link
        return link is not None and time.monotonic() - link.turned_s < within_s

    # -- what screens say ----------------------------------------------------------------------------

    def _granted_to(self, grant: Grant) -> None:
        self.secrets.sits(grant)
        self.exchange.tell(grant)

    def acknowledged(self, aid: str, target: str, person: str, t_ns: int) -> None:
        """A screen acknowledged an alarm that it raises by itself: noted like one of this process, once for an `aid`.
        Screens are told when the row is on disk: until then it may be lost with this process."""
        self.store.audit(
            PutAudit(
                t_ns, Verb.ACKNOWLEDGE.value, person, f"{LOCAL_FEED}/{target}", Stage.APPLIED.value,
                station=self.settings.station, aid=aid,
            )
        )  # fmt: skip

    def still_saved(self, note: StillSaved) -> None:
        """Somebody saved a still of a camera, or another file: noted once, as `acknowledged` is."""
        self.store.audit(
            PutAudit(
                note.t_ns, note.what, note.person, note.target, detail=note.detail,
                station=self.settings.station, aid=note.aid,
            )
        )  # fmt: skip

    def audit(self, what: str, person: str, target: str = "", detail: str = "", result: str = "") -> None:
        """Something that is no action: signed in or out, locked, looked at a camera ("cameras/014"), saw a name."""
        self.store.audit(
            PutAudit(
                self.clock.now_ns(), what, person, target, result, detail, self.settings.station,
                ends_session=what in SESSION_ENDS,
            )
        )  # fmt: skip

    # -- the link's sink (link thread) ---------------------------------------------------------------

    def records(self, records: list[Record]) -> None:
        if records[0].feed == "alarms" and len(records) <= LIVE_RECORDS:
            self._newest.extend(record for record in records if record.rev == 1)
            self._show_newest()
        if records[0].feed == "cameras":
            self.turning.seen(record.body for record in records if record.body is not None)
        if records[0].feed != "samples":
            self.store.put([PutRecords(records)])
            return
        for record in records:
            if record.body is not None:
                self.store.samples.put(record.body.samples, (record.epoch, record.seq))
                self.exchange.samples(record.body.samples, record.body.conflated)

    def preview(self, record: Record) -> None:
        if record.type == "put":
            self.exchange.preview(record)

    def _show_newest(self) -> None:
        """The disk is busy with a backlog, or with one commit that does not end: new alarms are shown at once and
        kept in their turn. Those that came just before it was noticed too."""
        if self.store.waiting_rows > BACKLOG_ROWS or self.store.busy_s > COMMIT_LATE_S:
            while self._newest:
                self.preview(self._newest.popleft())

    def snapshot(self, snapshot: Snapshot) -> None:
        self.store.put([PutSnapshot(snapshot)])

    def quarantine(self, feed: str, reason: str, raw: bytes) -> None:
        self.quarantined += 1
        if self.quarantined.bit_count() == 1:  # 1, 2, 4, ...: a flood must not fill the log
            _log.info("quarantine, %d so far: %s: %s", self.quarantined, feed or "?", reason)
        self.store.put([PutQuarantine(self.clock.now_ns(), feed, reason, raw)])

    def stage(self, status: ActionStatus) -> None:
        self.clicks.stage(status)

    def feed_status(self, status: FeedStatus) -> None:
        if status.quality is FeedQuality.LIVE:
            self._fresh[status.feed] = status.t_fresh_ns
        self.exchange.status(status)

    def link_status(self, status: LinkStatus) -> None:
        self.access.link_is(status.state is LinkState.UP)
        self.exchange.status(status)
        if not self.store.waiting_rows and not self.store.busy_s:
            self._newest.clear()  # all are in their places: one that has gone since must not come again
        self._show_newest()
        now_s = time.monotonic()
        if self._fresh and now_s >= self._moment_at_s:
            self._moment_at_s = now_s + MOMENT_EVERY_S
            self.store.put([PutMoment(self._fresh, status.now_ns, time.time_ns(), status.rate)])
            self._fresh = {}

    def series(self, series: Series) -> None:
        self.history.on_series(series.request, series.t, series.value, series.code, series.flags)

    def welcomed(self, grant: Grant, token: str) -> None:
        self.access.welcomed(grant, token)

    def signed(self, answer: Signed) -> None:
        self.access.signed(answer)

    def revealed(self, answer: Revealed) -> None:
        self.access.revealed(answer)

    def accounted(self, answer: Accounted) -> None:
        self.access.accounted(answer)

    def leased(self, answer: Leased) -> None:
        self.turning.leased(answer)

    def blob(self, whole: BlobDone) -> None:
        with self._lock:
            done = self._blobs.pop(whole.request, None)
        if done is not None:
            done(whole)

    def fetch_blob(self, blob: str, done: Callable[[BlobDone], None]) -> None:
        """Bytes that a record names, from the hub. `done` is called once, by the link's thread."""
        with self._lock:
            number = next(self._blob_numbers)
            self._blobs[number] = done
        if self._link is not None:
            self._link.ask_blob(number, blob)

    def anchor(self, n: int, row_hash: str) -> None:
        """The newest end of the audit chain: the hub is told until it says that it keeps it."""
        if self._link is not None:
            self._link.anchor(Anchor(n, row_hash, self.clock.now_ns()))

    def anchored(self, answer: Anchored) -> None:
        if answer.code:
            _log.warning("the hub's anchor of this station's audit chain, row %d: %s", answer.n, answer.code)

    def trouble(self, what: Trouble, on: bool, detail: str) -> None:
        self.alarms.set(what.value, on, self.clock.now_ns(), detail)

    def has_room(self) -> bool:
        return self.store.waiting_rows < ROOM_ROWS

    def may_fill(self) -> bool:
        return self.store.waiting_rows < FILL_ROWS

    def _ask_hub(self, request: int, series: str, t0_ns: int, t1_ns: int, max_points: int) -> None:
        if self._link is not None:
            self._link.ask_history(History(request, series, t0_ns, t1_ns, max_points))

    # -- the store's listener (writer thread) --------------------------------------------------------

    def on_commit(self, ops: Sequence[Op], stored: bool) -> None:
        for op in ops:
            if isinstance(op, PutRecords):
                self.exchange.records(op.records, stored)
            elif isinstance(op, PutSnapshot):
                snap = op.snapshot
                self.exchange.snapshot(snap.feed, snap.epoch, snap.seq, snap.items)
            elif isinstance(op, PutStage):
                self._on_stage(op.status)
            elif isinstance(op, PutAudit) and op.aid and stored:
                self.exchange.tell(AuditKept(op.aid))

    def _on_stage(self, status: ActionStatus) -> None:
        if not status.stage.final and self.clicks.ended(status.action.aid) is not None:
            return  # put back into a new file while its end was on the way
        waits = self.clicks.waits(status)
        self.exchange.tell(status)
        if waits and self._link is not None:
            self._link.submit(status)
        if status.stage.final:
            self.store.action_finished(status)

    def on_hole(self, feed: str) -> None:
        position = self.store.positions.get(feed)
        if self._link is not None:
            self._link.resync(feed, Cursor(*position) if position else None)

    def on_trouble(self, code: str, text: str) -> None:
        self.alarms.set("store", bool(code), self.clock.now_ns(), code)
        self.exchange.tell(StoreTrouble(code, text))

    def on_emptied(self) -> None:
        """A backup or an empty file in the place of a damaged one: unfinished actions are put back. What is a state
        comes as a whole, so that no screen sees an older one pass by; events go on where the file has them."""
        self.clicks.put_back()
        if self._link is not None:
            for feed, spec in FEEDS.items():
                position = self.store.positions.get(feed) if spec.kind is FeedKind.APPEND else None
                self._link.resync(feed, Cursor(*position) if position else None)

    def _samples_trouble(self, code: str, text: str) -> None:
        if text:
            _log.warning("%s", text)
        self.alarms.set("samples", bool(code), self.clock.now_ns(), code)

    def _backup_trouble(self, code: str, text: str) -> None:
        if text:
            _log.warning("%s", text)
        self.alarms.set("backup", bool(code), self.clock.now_ns(), code)

    def _local_changed(self, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            self.exchange.local([], [alarm.id])
        else:
            self.exchange.local([(alarm.id, msgspec.json.encode(alarm), alarm)], [])
