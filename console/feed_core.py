"""Link and store, joined: what arrives is validated, committed, and then shown. No Qt, no process.

Start, in this order: the store is opened (or repaired) and its last state loaded; the store's
writers run; the link joins the hub from the stored cursors. Stop runs backwards. The same core runs
inside the feeder process (feeder.py) and as threads of a caller (feed_local.py).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zmq.auth

from backends.domain.action import EXPIRY_S, Action, ActionStatus, Stage, Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.feeds import FEEDS, FeedQuality, FeedStatus, Mode
from backends.domain.ports import ActionRefused, LinkStatus, StoreTrouble
from backends.domain.record import Record, Snapshot
from backends.domain.times import NS_PER_S, HubClock
from backends.link.loop import Link
from backends.link.machine import LinkMachine
from backends.link.ports import Endpoints, LinkSettings, Trouble
from backends.protocol.messages import Cursor, History, Series
from backends.store.ops import Op, PutMoment, PutQuarantine, PutRecords, PutSnapshot, PutStage
from backends.store.reader import read_ended
from backends.store.store import Store
from console.feed_alarms import LocalAlarms
from console.feed_exchange import Exchange
from console.feed_history import HistoryReader
from console.feed_wire import LOCAL_FEED

_log = logging.getLogger(__name__)

ROOM_ROWS = 50_000
"""Rows waiting for a commit at which the link stops reading LIVE; what it misses is fetched."""
MOMENT_EVERY_S = 5.0
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
    key_file: str = ""
    """The station's pyzmq certificate with its secret key. Or:"""
    public_key: str = ""
    secret_key: str = ""
    token: str = ""
    keep_days: int = 30
    """Days of samples."""
    listen: str = ""
    """Where the GUI connects: path of a socket, or name of a pipe on Windows. Feeder process only."""
    authkey: str = ""
    """Hex."""


def link_settings(settings: FeedSettings) -> LinkSettings:
    """Raises ValueError or OSError when the keys cannot be read."""
    public, secret = settings.public_key, settings.secret_key
    if settings.key_file:
        pair = zmq.auth.load_certificate(settings.key_file)
        if pair[1] is None:
            raise ValueError(f"{settings.key_file} holds no secret key")
        public, secret = pair[0].decode(), pair[1].decode()
    return LinkSettings(settings.station, settings.mode, public, secret, lambda: _endpoints(settings), settings.token)


def _endpoints(settings: FeedSettings) -> Endpoints | None:
    if not settings.hub_file:
        return Endpoints(settings.live, settings.ctl, settings.server_key)
    try:
        found = json.loads(Path(settings.hub_file).read_bytes())
        return Endpoints(found["live"], found["ctl"], settings.server_key or found["public_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.info("no hub to join yet: %s", error)
        return None


class FeedCore:
    """The link's sink and the store's listener at once. Public methods may be called by any thread."""

    def __init__(self, settings: FeedSettings, clock: HubClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or HubClock()
        self.exchange = Exchange()
        self.alarms = LocalAlarms(self._local_changed)
        self.store = Store(
            Path(settings.data_dir), settings.mode.value, self,
            keep_days=settings.keep_days, on_samples_trouble=self._samples_trouble,
        )  # fmt: skip
        self._link: Link | None = None
        self.history = HistoryReader(Path(settings.data_dir), self._ask_hub, self.store.samples.put)
        self._lock = threading.Lock()
        self._unfinished: dict[str, ActionStatus] = {}
        self._ended: dict[str, ActionStatus] = {}
        self._cseq = 0
        self._operator_id = ""
        self._fresh: dict[str, int] = {}
        self._rate = 1.0
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
        self._link.start()

    def stop(self) -> None:
        if self._link is not None:
            self._link.stop()
        self.history.stop()
        self.store.stop()

    @property
    def alive(self) -> bool:
        """False when a thread has died of a bug: start the process anew."""
        return self._link is not None and self._link.alive and self.store.alive

    # -- clicks --------------------------------------------------------------------------------------

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int,
        args: dict[str, str] | None = None, aid: str = "",
    ) -> str:  # fmt: skip
        """Keep a click: journal (fsync), then the store, then the hub. The same `aid` again does nothing, also
        when it has come to its end meanwhile (see `ended`): a feeder may die between keeping and answering.

        Raises ActionRefused when it cannot be kept.
        """
        aid = aid or new_aid()
        now_ns = self.clock.now_ns()
        if feed == LOCAL_FEED:
            return self._submit_local(aid, verb, target, now_ns)
        trouble = self.store.trouble
        if trouble in REFUSING:
            raise ActionRefused("not_kept", f"the store cannot keep it: {trouble}")
        expiry_s = EXPIRY_S[verb]
        expires_ns = 0 if expiry_s is None else now_ns + int(expiry_s * NS_PER_S)
        with self._lock:
            if aid in self._unfinished or aid in self._ended:
                return aid
            action = Action(aid, verb, feed, target, expect_state_rev, now_ns, expires_ns, args or {}, self._cseq + 1)
            try:
                self.store.keep_action(action)
            except OSError as error:
                raise ActionRefused("not_kept", str(error)) from None
            self._cseq += 1
            status = ActionStatus(action, Stage.QUEUED, t_stage_ns=now_ns)
            self._unfinished[aid] = status
            self.store.put([self._stage_op(status)])
        return aid

    def ended(self, aid: str) -> ActionStatus | None:
        """How an action came to its end, for a screen that was away; None while it is under way, or unknown."""
        with self._lock:
            return self._ended.get(aid)

    def _submit_local(self, aid: str, verb: Verb, target: str, now_ns: int) -> str:
        action = Action(aid, verb, LOCAL_FEED, target, 0, now_ns)
        stage, code = Stage.APPLIED, ""
        try:
            if verb is Verb.COMMENT:
                raise TransitionRefused("not_for_local")
            self.alarms.acknowledge(target, self._operator_id or self.settings.station, now_ns)
        except TransitionRefused as refusal:
            stage, code = Stage.REFUSED, refusal.code
        self.exchange.tell(ActionStatus(action, stage, code, t_stage_ns=now_ns))
        return aid

    def _stage_op(self, status: ActionStatus) -> PutStage:
        return PutStage(status, self.settings.station, self._operator_id)

    # -- the link's sink (link thread) ---------------------------------------------------------------

    def records(self, records: list[Record]) -> None:
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
                self._ended[status.action.aid] = status
                while len(self._ended) > ENDED_KEPT:
                    del self._ended[next(iter(self._ended))]
            else:
                self._unfinished[status.action.aid] = status
        self.store.put([self._stage_op(status)])

    def feed_status(self, status: FeedStatus) -> None:
        if status.quality is FeedQuality.LIVE:
            self._fresh[status.feed] = status.t_fresh_ns
        self.exchange.status(status)

    def link_status(self, status: LinkStatus) -> None:
        self._operator_id, self._rate = status.operator_id or self._operator_id, status.rate
        self.exchange.status(status)
        now_s = time.monotonic()
        if self._fresh and now_s >= self._moment_at_s:
            self._moment_at_s = now_s + MOMENT_EVERY_S
            self.store.put([PutMoment(self._fresh, status.now_ns, time.time_ns(), status.rate)])
            self._fresh = {}

    def series(self, series: Series) -> None:
        self.history.on_series(series.request, series.t, series.value, series.code)

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
        """A new, empty file while running: everything is taken anew, unfinished actions are put back."""
        with self._lock:
            unfinished = list(self._unfinished.values())
        self.store.put([self._stage_op(status) for status in unfinished])
        if self._link is not None:
            for feed in FEEDS:
                self._link.resync(feed, None)

    def _samples_trouble(self, code: str, text: str) -> None:
        if text:
            _log.warning("%s", text)
        self.alarms.set("samples", bool(code), self.clock.now_ns(), code)

    def _local_changed(self, alarm: Alarm) -> None:
        if alarm.state is AlarmState.NORMAL:
            self.exchange.local([], [alarm.id])
        else:
            self.exchange.local([(alarm.id, msgspec.json.encode(alarm), alarm)], [])
