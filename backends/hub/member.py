"""One of several hubs: follow the replicated log, lead when the lease is ours, follow again when it is not.

Cycle: 1. connect and open this hub's copy, 2. follow: apply what the leader writes and what all hubs share, keep
the world running along and the copy within its bounds, ask for the lease once both are read to their ends, 3. with
the lease: begin a term in the log, read what was shared before it, serve, 4. the lease or the fence says that it is
over: close the doors at once, 2.

A hub that follows does not listen: a console that looks for it is refused by the system itself, within a
millisecond, and looks elsewhere. What a leader does is exactly what a single hub does (`main`).
Must not: serve without a term of its own in the log.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from backends.domain.feeds import Mode
from backends.domain.times import SessionClock
from backends.hub.core import START_T, WORLD_T
from backends.hub.jetstream import AwayTooLong, LostTail, ReplicatedLog
from backends.hub.jetstream_client import JetStreamClient
from backends.hub.jetstream_rows import SharedRows
from backends.hub.ports import EventLog, LogTrouble, NotLeading, WorldSource
from backends.hub.replica import LOST_TAIL, Replica, set_aside
from backends.hub.standby import Standby
from backends.process import beat

log = logging.getLogger(__name__)

TURN_S = 0.05
RETRY_S = 0.2
HOUSE_EVERY_S = 1.0
ALONG_EVERY = 4
"""Turns of following between two looks at the world."""


class Member:
    """Runs in one thread, `run`."""

    def __init__(
        self,
        client: JetStreamClient,
        rows: SharedRows,
        path: Path,
        mode: Mode,
        *,
        make_world: Callable[[int], WorldSource],
        start: Callable[[EventLog], int],
        clock: Callable[[EventLog], SessionClock],
        serve: Callable[[EventLog, Standby], None],
        follows: Callable[[], None],
    ) -> None:
        """`serve` begins the log, where there is none, at the world's `start_ns`; it returns when the hub is to stop,
        and raises NotLeading when its turn is over;
        `follows` is called whenever this hub begins to follow."""
        self._client, self._rows = client, rows
        self._path, self._mode = path, mode
        self._make_world, self._start, self._make_clock = make_world, start, clock
        self._serve, self._say_follows = serve, follows
        self._events: ReplicatedLog | None = None
        self._standby: Standby | None = None
        self._clock: SessionClock | None = None
        self._faults = 0
        """Of the world, survived."""
        self._trouble = ""
        self._anew: LogTrouble | None = None
        """Why this hub's copy is of no use any more."""

    def run(self, stop: threading.Event) -> None:
        self._client.start()
        self._say_follows()
        try:
            while not stop.is_set():
                try:
                    self._cycle(stop)
                except NotLeading as over:
                    log.warning("this hub leads no longer: %s", over)
                except (LostTail, AwayTooLong) as lost:
                    log.error("%s; this hub's copy is set aside and read anew", lost)
                    self._anew = lost
                    if isinstance(lost, LostTail):
                        self._rows.distrust()
                    self._let_others()
                except (LogTrouble, sqlite3.OperationalError) as trouble:
                    # A small file is locked for seconds while a command line waits for the servers with a change.
                    if str(trouble) != self._trouble:
                        log.error("%s", trouble)
                    self._trouble = str(trouble)
                    beat()  # to whoever started this process: the loop turns
                    self._let_others()
                    stop.wait(RETRY_S)
        finally:
            self._rows.close()
            self._client.close()
            if self._events is not None:
                self._events.close()

    def _let_others(self) -> None:
        """Whoever is in trouble must not keep the lease: its own disk may be what is full."""
        with contextlib.suppress(LogTrouble):
            self._client.want_lease(False)

    def _cycle(self, stop: threading.Event) -> None:
        if self._anew is not None:
            self._begin_copy_anew(lost_tail=isinstance(self._anew, LostTail))
            self._anew = None
        if self._events is None:
            self._events = self._open()
        self._rows.begin()
        self._events.follow()
        if self._follow(self._events, stop) and self._events.lead(stop):
            self._rows.catch_up()
            self._trouble = ""
            try:
                self._serve(self._events, self._world_to_lead(self._events))
            finally:
                self._clock = None  # the term's own clock is ahead of it
                self._say_follows()

    def _open(self) -> ReplicatedLog:
        identity = self._client.open()
        return ReplicatedLog(Replica(self._path, self._mode, identity), self._client, self._client.holder)

    def _begin_copy_anew(self, *, lost_tail: bool) -> None:
        identity = self._client.open()
        if self._events is not None:
            self._events.close()
            self._events = None
        set_aside(self._path)
        copy = Replica(self._path, self._mode, identity)
        if lost_tail:
            copy.remember(LOST_TAIL, "1")
        self._events = ReplicatedLog(copy, self._client, self._client.holder)

    def _follow(self, events: ReplicatedLog, stop: threading.Event) -> bool:
        """Until the lease is ours. False: stop."""
        ready = False
        turn, house_s = 0, 0.0
        while not stop.is_set():
            beat()
            count = events.take_in()
            if turn % ALONG_EVERY == 0:
                self._run_along(events)
                if self._clock is not None and time.monotonic() >= house_s:
                    house_s = time.monotonic() + HOUSE_EVERY_S
                    events.keep_house(self._clock.now_ns())
            turn += 1
            if not ready and not count and self._rows.in_step and events.behind() <= 0:
                ready = True
                self._trouble = ""
                log.info("this hub follows, term %d", events.term_read)
                self._client.want_lease(True)
            if ready and self._client.holds_lease:
                return True
            if not count:
                stop.wait(TURN_S)
        return False

    # --- the world -------------------------------------------------------------------------------

    def _run_along(self, events: ReplicatedLog) -> None:
        if not events.meta(START_T):
            return
        standby = self._world_of(events)
        if self._clock is None:
            self._clock = self._make_clock(events)
        try:
            standby.run_along(self._clock.now_ns())
        except Exception:
            self._faults += 1
            if self._faults < 10 or self._faults % 1000 == 0:
                log.exception("the world broke (fault %d)", self._faults)

    def _world_to_lead(self, events: ReplicatedLog) -> Standby:
        standby = self._world_of(events)
        standby.begin_term()
        return standby

    def _world_of(self, events: ReplicatedLog) -> Standby:
        """The one that begins where the log's does: what happens when must be the same for every hub, or what lies
        between two leaders' ideas of it is lost. The hub that began the log may have been another than this one, with
        a world of its own made already; while there is none in the log, the world made first says where it begins."""
        known = events.meta(START_T)
        if self._standby is None or (known and self._standby.start_ns != int(known)):
            start_ns = self._start(events)
            self._standby = Standby(self._make_world(start_ns), lambda: int(events.meta(WORLD_T) or 0), start_ns)
        return self._standby
