"""Operators' clicks: kept before anything else happens to them, sent once, followed to their end.

A click goes into the journal (fsync), then into the store, and from its commit to the hub. Public methods may be
called by any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from backends.domain.access import Grant
from backends.domain.action import EXPIRY_S, Action, ActionStatus, Stage, Verb, new_aid, pictures_of
from backends.domain.alarm import TransitionRefused
from backends.domain.ports import ActionRefused
from backends.domain.times import NS_PER_S, HubClock
from backends.store.ops import Op, PutStage
from backends.store.store import Store
from console.feed_alarms import LocalAlarms
from console.feed_outgoing import OutgoingPictures
from console.feed_wire import LOCAL_FEED

ENDED_KEPT = 1000
"""Actions whose end is remembered, so that a click that comes again is not a second one."""
REFUSING = ("disk_full", "io_error", "newer_schema", "other_mode")

Audit = Callable[[str, str, str, str, str], None]
"""(what, person, target, detail, result)"""


class Clicks:
    """What is under way, and how the last ones ended."""

    def __init__(
        self, station: str, store: Store, clock: HubClock, alarms: LocalAlarms, grant: Callable[[], Grant],
        tell: Callable[[ActionStatus], None], audit: Audit, outgoing: OutgoingPictures,
    ) -> None:  # fmt: skip
        """`grant`: who is signed in now. `tell`: all screens. `outgoing`: where pictures wait for the hub."""
        self._station = station
        self._store = store
        self._clock = clock
        self._alarms = alarms
        self._grant = grant
        self._tell = tell
        self._audit = audit
        self._outgoing = outgoing
        self._lock = threading.Lock()
        """Of the two dictionaries. Never held across the disk: the link's thread takes it."""
        self._keeping = threading.Lock()
        """Clicks one after the other: the journal has them in the order of their numbers."""
        self._unfinished: dict[str, ActionStatus] = {}
        self._ended: dict[str, ActionStatus] = {}
        self._cseq = 0

    def load(self, unfinished: Sequence[ActionStatus], ended: Sequence[ActionStatus], last_cseq: int) -> None:
        """What the store knows, before anything else."""
        self._unfinished = {status.action.aid: status for status in unfinished}
        named = {blob for status in unfinished for blob in pictures_of(status.action)}
        # A file of another mode, or one that cannot be read, does not tell all clicks that still wait for their turn.
        self._outgoing.load(named, sure=not self._store.trouble)
        self._ended = {status.action.aid: status for status in ended}
        self._cseq = last_cseq

    def unlocked(self) -> None:
        """Returns when the lock that every click and record needs is free."""
        with self._lock:
            pass

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int,
        args: dict[str, str] | None = None, aid: str = "", person: str | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        """Keep a click: journal (fsync), then the store, then the hub. The same `aid` again does nothing, also
        when it has come to its end meanwhile (see `ended`): a feeder may die between keeping and answering.

        `person`: who was signed in at the click, where that was not just now. `pictures`: see ports.ActionDesk. Raises
        ActionRefused when it may not be made, or cannot be kept.
        """
        aid = aid or new_aid()
        if self.known(aid):
            return aid  # whoever sits here by now: it was kept when it was clicked
        grant = self._granted(verb, person)
        now_ns = self._clock.now_ns()
        if feed == LOCAL_FEED:
            return self._submit_local(aid, verb, target, now_ns, grant)
        trouble = self._store.trouble
        if trouble in REFUSING:
            raise ActionRefused("not_kept", f"the store cannot keep it: {trouble}")
        expiry_s = EXPIRY_S[verb]
        expires_ns = 0 if expiry_s is None else now_ns + int(expiry_s * NS_PER_S)
        with self._keeping:
            if self.known(aid):
                return aid
            action = Action(aid, verb, feed, target, expect_state_rev, now_ns, expires_ns, args or {}, self._cseq + 1)
            try:
                self._outgoing.keep(pictures)
                self._store.keep_action(action, grant.operator_id)
            except OSError as error:
                raise ActionRefused("not_kept", str(error)) from None
            self._cseq += 1
            status = ActionStatus(action, Stage.QUEUED, t_stage_ns=now_ns, person=grant.operator_id)
            with self._lock:
                self._unfinished[aid] = status
            self._store.put([self._op(status)])
        return aid

    def known(self, aid: str) -> bool:
        """It was kept: under way, or at its end."""
        with self._lock:
            return aid in self._unfinished or aid in self._ended

    def ended(self, aid: str) -> ActionStatus | None:
        """How an action came to its end, for a screen that was away; None while it is under way, or unknown."""
        with self._lock:
            return self._ended.get(aid)

    def waits(self, status: ActionStatus) -> bool:
        """Is it one that has just been kept, and that the hub has not been told?"""
        with self._lock:
            return status.stage is Stage.QUEUED and status.action.aid in self._unfinished

    def stage(self, status: ActionStatus) -> None:
        """It has come further. Link thread."""
        with self._lock:
            if status.stage.final:
                self._unfinished.pop(status.action.aid, None)
                self._keep_end(status)
            else:
                self._unfinished[status.action.aid] = status
        if status.stage.final:
            self._let_go(status.action, took_effect=status.stage in (Stage.APPLIED, Stage.DUPLICATE))
        self._store.put([self._op(status)])

    def _let_go(self, action: Action, *, took_effect: bool) -> None:
        """Of its pictures, those that no other click waits with."""
        with self._lock:
            needed = {blob for other in self._unfinished.values() for blob in pictures_of(other.action)}
        gone = [blob for blob in pictures_of(action) if blob not in needed]
        self._outgoing.forget(gone, action.aid if took_effect else "")

    def put_back(self) -> None:
        """The store's file is another one now: what is under way belongs into it."""
        with self._lock:
            unfinished = list(self._unfinished.values())
        self._store.put([self._op(status) for status in unfinished])

    def _granted(self, verb: Verb, person: str | None) -> Grant:
        """Raises ActionRefused in the words of Grant.refusal, or "session_over"."""
        grant = self._grant()
        if person is not None and person != grant.operator_id:
            raise ActionRefused("session_over", "somebody else is signed in by now")
        refusal = grant.refusal(verb)
        if refusal:
            raise ActionRefused(refusal)
        return grant

    def _submit_local(self, aid: str, verb: Verb, target: str, now_ns: int, grant: Grant) -> str:
        action = Action(aid, verb, LOCAL_FEED, target, 0, now_ns)
        stage, code = Stage.APPLIED, ""
        try:
            if verb is not Verb.ACKNOWLEDGE:
                raise TransitionRefused("not_for_local")
            self._alarms.acknowledge(target, grant.name, now_ns)
        except TransitionRefused as refusal:
            stage, code = Stage.REFUSED, refusal.code
        status = ActionStatus(action, stage, code, t_stage_ns=now_ns, person=grant.operator_id)
        with self._lock:
            self._keep_end(status)
        self._audit(verb.value, grant.operator_id, f"{LOCAL_FEED}/{target}", code, stage.value)
        self._tell(status)
        return aid

    def _keep_end(self, status: ActionStatus) -> None:
        self._ended[status.action.aid] = status
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _op(self, status: ActionStatus) -> Op:
        return PutStage(status, self._station, status.person)
