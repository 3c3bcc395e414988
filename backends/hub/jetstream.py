"""The replicated log: EventLog over NATS JetStream, with this hub's own copy for reading.

One commit is one message of the log (`replica_wire`). A hub leads from the moment at which its `term` entry
stands in the log; from then on the servers refuse whatever an earlier leader still sends, because it does
not know the log's end. So two hubs never number the same position, however late one of them wakes up.

A commit whose answer does not come within COMMIT_WAIT_S is LogTrouble: nothing is published, changes wait,
the canary stops. The message itself stays on its way until the servers say what became of it; nothing else
is written before that. If it was an action, or the waiting changes are no longer the same, this hub begins
a new term from what the log says.

Must not: serve anything while the lease may be over, or block its thread longer than the figures below.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from backends.domain.sensor import Flagged, Sample
from backends.hub.jetstream_client import Fenced, JetStreamClient
from backends.hub.ports import ActionRow, Change, LogTrouble, NotLeading, Times, Values
from backends.hub.replica import LOST_TAIL, Replica, new_epochs
from backends.hub.replica_wire import BadEntry, Entry, Joiner, pack, unpack
from backends.process import beat
from backends.protocol.messages import Envelope, FeedHead

log = logging.getLogger(__name__)

COMMIT_WAIT_S = 0.75
"""The hub's loop waits so long for a commit, at most."""
BUSY_S = 30.0
"""The hub's loop may pack samples, or write down all there is, for so long without losing the lease."""
START_WAIT_S = 20.0
"""For each message of a new log's past; nobody is served yet."""
PAST_SAMPLES = 20_000
APPLY_SLICE_S = 0.05
WHOLE_EVERY_S = 6 * 3600.0
KEEP_S = 7 * 24 * 3600.0
"""Of the log on the servers: as long as a hub may be away without beginning its copy anew."""
WHOLES = "wholes"
"""Remembered: (wall time, first message) of each `whole` that still stands in the log."""


class _Pending(msgspec.Struct):
    """A commit that is on its way."""

    entry: Entry
    future: concurrent.futures.Future[int]
    changes: Sequence[Change]
    samples: Sequence[Sample]


class ReplicatedLog:
    """EventLog of one hub of several. Made and used by one thread; `client` is started and connected."""

    def __init__(self, copy: Replica, client: JetStreamClient, holder: str) -> None:
        self._copy = copy
        self._client = client
        self._holder = holder
        self._joiner = Joiner()
        self._last = copy.position
        """Sequence of the newest message that was read or written, applied or not."""
        self._term = 0
        """Our own term while we lead."""
        self._pending: _Pending | None = None
        self._wants_whole = False
        """The log was shortened, and this copy begins with what it begins with."""

    # --- following -------------------------------------------------------------------------------

    def follow(self) -> None:
        """Begin to read the log behind what the copy has. Raises LogTrouble."""
        self._term = 0
        self._drop_pending()
        self._joiner = Joiner()
        self._last = self._copy.position
        self._check_copy()
        first = self._client.first_sequence()
        if self._copy.position and first > self._copy.position + 1:
            raise AwayTooLong(f"the log begins at message {first}, this hub's copy ends at {self._copy.position}")
        self._wants_whole = first > 1 and not self._copy.position
        self._last = max(self._copy.position, first - 1)
        self._client.follow_from(self._last + 1)

    def take_in(self) -> int:
        """Apply what the tail has brought, a slice of it. Returns how many messages. Raises LogTrouble."""
        self._client.alive()
        until_s = time.monotonic() + APPLY_SLICE_S
        count = 0
        while time.monotonic() < until_s:
            try:
                sequence, raw = self._client.messages.get_nowait()
            except queue.Empty:
                break
            self._take(sequence, raw)
            count += 1
        return count

    def _take(self, sequence: int, raw: bytes) -> None:
        try:
            entry = self._joiner.take(unpack(raw))
        except BadEntry as error:
            raise LogTrouble(str(error)) from error
        if entry is not None:
            if self._wants_whole and entry.kind != "whole":
                raise LogTrouble(f"the log was shortened and begins with a {entry.kind}: it cannot be read from there")
            self._wants_whole = False
            self._copy.apply(entry, sequence)
        self._last = sequence

    def keep_house(self, now_ns: int) -> None:
        """While following: this copy packs and forgets like the leader's. Raises LogTrouble."""
        self._client.alive(BUSY_S)
        self._copy.maintain(now_ns)
        self._client.alive()

    def behind(self) -> int:
        """Messages of the log that were not read yet. Raises LogTrouble."""
        return self._client.last_sequence() - self._last

    # --- leading ---------------------------------------------------------------------------------

    def lead(self, stop: threading.Event) -> bool:
        """Read to the log's end and begin a term there. False: the lease or the race was lost, follow on.

        Raises LogTrouble when the servers do not answer.
        """
        while self._client.holds_lease and not stop.is_set():
            beat()
            self._client.alive()
            end = self._client.last_sequence()
            if self._last < end:
                if not self.take_in():
                    stop.wait(0.005)
                continue
            if self._last > end:
                # An old leading server speaks; or the servers have lost what they had confirmed.
                self._check_copy()
                raise LogTrouble(f"the log ends at message {end}, {self._last} was read: read again")
            if self._begin_term(end):
                return True
        return False

    def _check_copy(self) -> None:
        """Is the last thing that this copy has still in the log? Raises LostTail."""
        position = self._copy.position
        if not position:
            return
        found = self._client.message_id(position)
        if found is None and self._client.last_sequence() < position:
            raise LostTail(f"the log ends before message {position}, which this hub has read")
        if found is not None and not found.startswith(f"{self._copy.position_id}/"):
            raise LostTail(f"message {position} of the log is another than the one that this hub has read")

    def _begin_term(self, end: int) -> bool:
        heads = self._copy.heads()
        if self._copy.meta(LOST_TAIL):
            log.error("a part of the log is lost, or may be: every feed gets a new epoch")
            heads = new_epochs(heads)
        term = self._copy.term + 1
        entry = Entry("term", term, self._holder, os.urandom(8).hex(), heads)
        (raw,) = pack(entry)
        future = self._client.append([raw], entry.id, end)
        try:
            sequence = future.result(COMMIT_WAIT_S * 2)
        except Fenced:
            return False
        except concurrent.futures.TimeoutError:
            future.cancel()
            return False
        self._client.stop_following()
        self._drop_pending()
        self._copy.apply(entry, sequence)
        if self._copy.meta(LOST_TAIL):
            self._copy.remember(LOST_TAIL, "")
        self._joiner = Joiner()
        self._last = sequence
        self._term = term
        log.info("this hub leads, term %d, behind message %d", term, sequence)
        return True

    @property
    def term_read(self) -> int:
        """Newest term of the log, as far as it was read."""
        return self._copy.term

    @property
    def leads(self) -> bool:
        return self._term > 0 and self._client.holds_lease

    def _must_lead(self) -> None:
        self._client.alive()
        if not self.leads:
            self._term = 0
            raise NotLeading("the lease is over")

    def _drop_pending(self) -> None:
        if self._pending is not None:
            self._pending.future.cancel()
            self._pending = None

    # --- EventLog: writing -----------------------------------------------------------------------

    def commit(
        self,
        changes: Sequence[Change],
        now_ns: int,
        *,
        samples: Sequence[Sample] = (),
        action: ActionRow | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> list[Envelope]:
        """As the port says; NotLeading when another hub has written, or the lease is over."""
        self._must_lead()
        landed = self._settle(changes, samples)
        if landed is not None:
            changes, samples = changes[len(landed.changes) :], samples[len(landed.samples) :]
        before = list(landed.entry.envelopes) if landed is not None and landed.entry.kind == "commit" else []
        envelopes, heads = self._copy.number(changes, samples, now_ns)
        if not envelopes and action is None and not meta:
            return before
        entry = Entry(
            "commit", self._term, self._holder, os.urandom(8).hex(), heads, tuple(envelopes), tuple(samples), action,
            meta=dict(meta or {}),
        )  # fmt: skip
        self._write(entry, changes, samples, COMMIT_WAIT_S)
        return before + envelopes

    def _write(self, entry: Entry, changes: Sequence[Change], samples: Sequence[Sample], wait_s: float) -> None:
        parts = pack(entry, min(self._client.part_bytes, 700 << 10))
        future = self._client.append(parts, entry.id, self._last)
        self._pending = _Pending(entry, future, list(changes), list(samples))
        until_s = time.monotonic() + wait_s
        while not concurrent.futures.wait([future], min(1.0, max(0.0, until_s - time.monotonic()))).done:
            if time.monotonic() >= until_s:
                raise LogTrouble(f"JetStream has not confirmed a commit within {wait_s:g} s")
            beat()  # a past of many samples may take longer than a hub may be silent
            self._client.alive()
        with contextlib.suppress(Fenced):  # said below, in one place
            future.result(0)
        self._arrive()

    def _arrive(self) -> _Pending:
        """The pending commit is decided: it is in the log and in the copy, or we do not lead."""
        assert self._pending is not None
        pending, self._pending = self._pending, None
        try:
            sequence = pending.future.result(0)
        except Fenced as fenced:
            self._term = 0
            log.warning("term %d is over: %s", pending.entry.term, fenced)
            raise NotLeading(str(fenced)) from fenced
        self._copy.apply(pending.entry, sequence)
        self._last = sequence
        return pending

    def _settle(self, changes: Sequence[Change], samples: Sequence[Sample]) -> _Pending | None:
        """What was on its way and has arrived since; its changes stand first among those that waited."""
        if self._pending is None:
            return None
        if not self._pending.future.done():
            raise LogTrouble("JetStream has not answered yet")
        landed = self._arrive()
        if (
            landed.entry.action is not None
            or not _begins(changes, landed.changes)
            or not _begins(samples, landed.samples)
        ):
            self._term = 0
            raise NotLeading("a commit arrived late; beginning again from the log")
        return landed

    def load_past(self, samples: Iterable[Sample]) -> int:
        """Into the log in messages of their own; nobody is served yet. Raises LogTrouble or NotLeading."""
        self._must_lead()
        count = newest_ns = 0
        rest = iter(samples)
        while some := tuple(islice(rest, PAST_SAMPLES)):
            beat()
            count += len(some)
            newest_ns = max(newest_ns, *(s.t_ns for s in some))
            head = msgspec.structs.replace(self._copy.head("samples"), t_source=newest_ns)
            entry = Entry("past", self._term, self._holder, os.urandom(8).hex(), {"samples": head}, samples=some)
            self._write(entry, (), (), START_WAIT_S)
        return count

    def seal(self) -> None:
        self._client.alive(BUSY_S)
        self._copy.seal()
        self._client.alive()

    def maintain(self, now_ns: int) -> None:
        self._client.alive(BUSY_S)
        self._copy.maintain(now_ns)
        self._must_lead()
        wholes = msgspec.json.decode(self._copy.meta(WHOLES) or "[]", type=list[tuple[float, int]])
        now_s = time.time()
        if self._pending is None and (not wholes or now_s - wholes[-1][0] > WHOLE_EVERY_S):
            self._write_whole(wholes, now_s)

    def _write_whole(self, wholes: list[tuple[float, int]], now_s: float) -> None:
        """So that the log may be shortened: what is older than KEEP_S goes, from a whole on. Raises LogTrouble."""
        old = [place for t_s, place in wholes if now_s - t_s > KEEP_S]
        kept = [(t_s, place) for t_s, place in wholes if not old or place >= old[-1]]
        self._client.alive(BUSY_S)
        entry = self._copy.whole(self._term, self._holder)
        entry.meta[WHOLES] = msgspec.json.encode([*kept, (now_s, self._last + 1)]).decode()
        self._write(entry, (), (), COMMIT_WAIT_S)
        if old:
            self._client.shorten(old[-1])

    # --- EventLog: reading -----------------------------------------------------------------------

    def heads(self) -> dict[str, FeedHead]:
        self._must_lead()
        return self._copy.heads()

    def head(self, feed: str) -> FeedHead:
        self._must_lead()
        return self._copy.head(feed)

    def outcome(self, aid: str) -> ActionRow | None:
        self._must_lead()
        return self._copy.outcome(aid)

    def fetch(self, feed: str, after: int, limit: int, max_bytes: int) -> list[Envelope]:
        self._must_lead()
        return self._copy.fetch(feed, after, limit, max_bytes)

    def find(self, feed: str, id_: str) -> Envelope | None:
        self._must_lead()
        return self._copy.find(feed, id_)

    def items(self, feed: str) -> list[Envelope]:
        self._client.alive()
        return self._copy.items(feed)

    def history(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Times, Values] | None:
        self._client.alive()
        return self._copy.history(series, t0_ns, t1_ns)

    def flags(self, series: str, t0_ns: int, t1_ns: int) -> tuple[Flagged, ...]:
        self._client.alive()
        return self._copy.flags(series, t0_ns, t1_ns)

    def last(self, series: str) -> Sample | None:
        self._client.alive()
        return self._copy.last(series)

    def meta(self, key: str) -> str:
        self._client.alive()
        return self._copy.meta(key)

    def close(self, *, planned: bool = True) -> None:
        self._drop_pending()
        self._copy.close(planned=planned)


class AwayTooLong(LogTrouble):
    """The log was shortened beyond this copy; a new one is read from it."""


class LostTail(LogTrouble):
    """The servers have lost messages that they had confirmed: most of them lost power within the same minutes."""


def _begins(whole: Sequence[object], first: Sequence[object]) -> bool:
    return len(whole) >= len(first) and all(a is b for a, b in zip(whole, first, strict=False))
