"""Link and store, joined: what arrives is validated, committed, and then shown. No Qt, no process.

Start, in this order: the store is opened (or repaired) and its last state loaded; the store's
writers run; the link joins the hub from the stored cursors. Stop runs backwards. The same core runs
inside the feeder process (feeder.py) and as threads of a caller (feed_local.py).
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import zmq.auth

from backends.domain.access import Grant
from backends.domain.action import EXPIRY_S, Action, ActionStatus, Stage, Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.feeds import FEEDS, FeedKind, FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.ports import ActionRefused, LinkStatus, StoreTrouble
from backends.domain.record import Record, Snapshot
from backends.domain.times import NS_PER_S, HubClock, SystemClock
from backends.link.loop import Link
from backends.link.machine import LinkMachine
from backends.link.ports import BlobDone, Endpoints, LinkSettings, Trouble
from backends.protocol.messages import Anchor, Anchored, Cursor, History, Leased, Revealed, Series, Signed
from backends.store.keeping import Keep
from backends.store.ops import Op, PutAudit, PutMoment, PutQuarantine, PutRecords, PutSnapshot, PutStage
from backends.store.reader import read_ended
from backends.store.store import Store
from console.feed_access import FOLDER, AccessKeeper
from console.feed_alarms import LocalAlarms
from console.feed_exchange import Exchange
from console.feed_history import HistoryReader
from console.feed_past import PastDesk
from console.feed_pictures import SmallPictures
from console.feed_secrets import SecretKeeper
from console.feed_turning import TurnKeeper
from console.feed_views import Views
from console.feed_wire import LOCAL_FEED, AuditKept, StillSaved
from console.sealed import Seal

_log = logging.getLogger(__name__)

ROOM_ROWS = 50_000
"""Rows waiting for a commit at which the link stops reading LIVE; what it misses is fetched."""
BACKLOG_ROWS = 1000
COMMIT_LATE_S = 0.3
LIVE_RECORDS = 20
"""So few alarms at once are news; more are a backlog themselves."""
MOMENT_EVERY_S = 5.0
SESSION_ENDS = frozenset({"sign_out", "session_over"})
"""What is audited under these names hands the audit's end to the hub at once."""
LINK_TURNS_S = 3.0
"""The link's loop comes round twenty times a second; a machine under load may take a little longer."""
ENDED_KEPT = 1000
"""Actions whose end is remembered, so that a click that comes again is not a second one."""
REFUSING = ("disk_full", "io_error", "newer_schema", "other_mode")


class FeedSettings(msgspec.Struct, frozen=True):
    """Settings of a feeder, as they stand in its settings line (JSON)."""

    data_dir: str
    """One folder for one mode."""
    station: str
    mode: Mode
    hub_file: str = ""
    """`hub.json` of a hub on this machine ({live, ctl, public_key}); read again at every reconnect. Or:"""
    live: str = ""
    ctl: str = ""
    server_key: str = ""
    hubs: tuple[Endpoints, ...] = ()
    """Several hubs that serve the same feeds; then without the three above."""
    key_file: str = ""
    """The station's pyzmq certificate with its secret key. Or:"""
    public_key: str = ""
    secret_key: str = ""
    keep_days: int = 30
    """Days of samples."""
    keep: Keep = Keep(ballast_bytes=64 << 20)
    """Days of everything else, backups, space held for a full disk."""
    listen: str = ""
    """Where the GUI connects: path of a socket, or name of a pipe on Windows. Feeder process only."""
    authkey: str = ""
    """Hex."""
    cameras_door: str = ""
    """Where the supervisor takes what cameras are opened with; empty: it is not asked for."""
    cameras_key: str = ""
    """Hex; of that door."""


def link_settings(settings: FeedSettings) -> LinkSettings:
    """Raises ValueError or OSError when the keys cannot be read."""
    public, secret = settings.public_key, settings.secret_key
    if settings.key_file:
        pair = zmq.auth.load_certificate(settings.key_file)
        if pair[1] is None:
            raise ValueError(f"{settings.key_file} holds no secret key")
        public, secret = pair[0].decode(), pair[1].decode()
    return LinkSettings(settings.station, settings.mode, public, secret, lambda: _endpoints(settings))


def _endpoints(settings: FeedSettings) -> tuple[Endpoints, ...]:
    if settings.hubs:
        return settings.hubs
    if not settings.hub_file:
        return (Endpoints(settings.live, settings.ctl, settings.server_key),)
    try:
        found = json.loads(Path(settings.hub_file).read_bytes())
        return (Endpoints(found["live"], found["ctl"], settings.server_key or found["public_key"]),)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.info("no hub to join yet: %s", error)
        return ()


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
        self.access = AccessKeeper(Path(settings.data_dir), self.clock, self._granted_to, self.audit)
        known = partial(self.exchange.raw, "cameras")
        self.secrets = SecretKeeper(own, self.clock, SystemClock(), self.access, self.audit, known)
        self.access.past = PastDesk(self.secrets.allow)
        self.turning = TurnKeeper(own, settings.station, self.clock, self.access, self.secrets, tell, self.audit, known)
        self._blobs: dict[int, Callable[[BlobDone], None]] = {}
        self.views = Views(lambda: self._link)
        self._blob_numbers = itertools.count(1)
        self.history = HistoryReader(Path(settings.data_dir), self._ask_hub, self.store.samples.put)
        self.small = SmallPictures(Path(settings.data_dir), self.fetch_blob)
        self._lock = threading.Lock()
        """Of the dictionaries below. Never held across the disk: the link's thread takes it."""
        self._keeping = threading.Lock()
        """Clicks one after the other: the journal has them in the order of their numbers."""
        self._unfinished: dict[str, ActionStatus] = {}
        self._ended: dict[str, ActionStatus] = {}
        self._newest: deque[Record] = deque(maxlen=LIVE_RECORDS)
        """New alarms that came lately. Link thread only."""
        self._cseq = 0
        self._fresh: dict[str, int] = {}
        self._moment_at_s = 0.0
        self.quarantined = 0

    def start(self) -> None:
        """Raises StoreBusy, OSError or ValueError; troubles that can pass are alarms instead."""
        wire = link_settings(self.settings)
        state = self.store.open()
        if state.clock is not None:
            self.clock.set(state.clock.now_ns(time.time_ns()), state.clock.rate)
        self._unfinished = {status.action.aid: status for status in state.unfinished}
        self._ended = {status.action.aid: status for status in read_ended(Path(self.settings.data_dir), ENDED_KEPT)}
        self._cseq = state.last_cseq
        self.exchange.load(state.feeds, state.unfinished)
        positions = self.store.positions
        machine = LinkMachine(
            wire, self, self.clock,
            {feed: Cursor(epoch, seq) for feed, (epoch, seq) in positions.items()},
            unfinished=state.unfinished,
            fresh={kept.feed: kept.t_fresh_ns for kept in state.feeds},
        )  # fmt: skip
        self._link = Link(wire, self, machine)
        self.store.start()
        self.history.start()
        self.small.start()
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
        self.store.stop()

    @property
    def alive(self) -> bool:
        """False when a thread has died of a bug: start the process anew."""
        return self._link is not None and self._link.alive and self.store.alive

    def turns(self) -> bool:
        """The link's loop came round lately, and the locks that every record, click and screen needs are free.
        Waits for those locks: whoever asks this hangs with a core that hangs."""
        with self._lock:
            pass
        self.exchange.unlocked()
        return self.link_turns(LINK_TURNS_S)

    def link_turns(self, within_s: float) -> bool:
        """The link's loop came round so lately. Waits for nothing."""
        link = self._link
        return link is not None and time.monotonic() - link.turned_s < within_s

    # -- clicks --------------------------------------------------------------------------------------

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int,
        args: dict[str, str] | None = None, aid: str = "", person: str | None = None,
    ) -> str:  # fmt: skip
        """Keep a click: journal (fsync), then the store, then the hub. The same `aid` again does nothing, also
        when it has come to its end meanwhile (see `ended`): a feeder may die between keeping and answering.

        `person`: who was signed in at the click, where that was not just now. Raises ActionRefused when it may
        not be made, or cannot be kept.
        """
        aid = aid or new_aid()
        if self.known(aid):
            return aid  # whoever sits here by now: it was kept when it was clicked
        grant = self._granted(verb, person)
        now_ns = self.clock.now_ns()
        if feed == LOCAL_FEED:
            return self._submit_local(aid, verb, target, now_ns, grant)
        trouble = self.store.trouble
        if trouble in REFUSING:
            raise ActionRefused("not_kept", f"the store cannot keep it: {trouble}")
        expiry_s = EXPIRY_S[verb]
        expires_ns = 0 if expiry_s is None else now_ns + int(expiry_s * NS_PER_S)
        with self._keeping:
            if self.known(aid):
                return aid
            action = Action(aid, verb, feed, target, expect_state_rev, now_ns, expires_ns, args or {}, self._cseq + 1)
            try:
                self.store.keep_action(action, grant.operator_id)
            except OSError as error:
                raise ActionRefused("not_kept", str(error)) from None
            self._cseq += 1
            status = ActionStatus(action, Stage.QUEUED, t_stage_ns=now_ns, person=grant.operator_id)
            with self._lock:
                self._unfinished[aid] = status
            self.store.put([self._stage_op(status)])
        return aid

    def known(self, aid: str) -> bool:
        """It was kept: under way, or at its end."""
        with self._lock:
            return aid in self._unfinished or aid in self._ended

    def _granted_to(self, grant: Grant) -> None:
        self.secrets.sits(grant)
        self.exchange.tell(grant)

    def _granted(self, verb: Verb, person: str | None) -> Grant:
        """Raises ActionRefused in the words of Grant.refusal, or "session_over"."""
        grant = self.access.grant
        if person is not None and person != grant.operator_id:
            raise ActionRefused("session_over", "somebody else is signed in by now")
        refusal = grant.refusal(verb)
        if refusal:
            raise ActionRefused(refusal)
        return grant

    def ended(self, aid: str) -> ActionStatus | None:
        """How an action came to its end, for a screen that was away; None while it is under way, or unknown."""
        with self._lock:
            return self._ended.get(aid)

    def _submit_local(self, aid: str, verb: Verb, target: str, now_ns: int, grant: Grant) -> str:
        action = Action(aid, verb, LOCAL_FEED, target, 0, now_ns)
        stage, code = Stage.APPLIED, ""
        try:
            if verb is not Verb.ACKNOWLEDGE:
                raise TransitionRefused("not_for_local")
            self.alarms.acknowledge(target, grant.name, now_ns)
        except TransitionRefused as refusal:
            stage, code = Stage.REFUSED, refusal.code
        status = ActionStatus(action, stage, code, t_stage_ns=now_ns, person=grant.operator_id)
        with self._lock:
            self._keep_end(status)
        self.audit(verb.value, grant.operator_id, f"{LOCAL_FEED}/{target}", code, stage.value)
        self.exchange.tell(status)
        return aid

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
        """Somebody saved a still of a camera: noted once, as `acknowledged` is."""
        self.store.audit(
            PutAudit(
                note.t_ns, "save_still", note.person, f"cameras/{note.camera}", detail=note.detail,
                station=self.settings.station, aid=note.aid,
            )
        )  # fmt: skip

    def _keep_end(self, status: ActionStatus) -> None:
        self._ended[status.action.aid] = status
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _stage_op(self, status: ActionStatus) -> PutStage:
        return PutStage(status, self.settings.station, status.person)

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
        with self._lock:
            if status.stage.final:
                self._unfinished.pop(status.action.aid, None)
                self._keep_end(status)
            else:
                self._unfinished[status.action.aid] = status
        self.store.put([self._stage_op(status)])

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
        self.history.on_series(series.request, series.t, series.value, series.code)

    def welcomed(self, grant: Grant, token: str) -> None:
        self.access.welcomed(grant, token)

    def signed(self, answer: Signed) -> None:
        self.access.signed(answer)

    def revealed(self, answer: Revealed) -> None:
        self.access.revealed(answer)

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
        with self._lock:
            waits = status.stage is Stage.QUEUED and status.action.aid in self._unfinished
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
        with self._lock:
            unfinished = list(self._unfinished.values())
        self.store.put([self._stage_op(status) for status in unfinished])
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
