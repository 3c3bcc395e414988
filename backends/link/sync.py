"""One feed's position: what may be applied, what is missing, and what to ask the hub for.

Pure: no sockets, no clock of its own, no store. The caller passes envelopes, heads and answers in and
gets back what to apply, in order, once. The cycle of one gap:

1. a live message beyond cursor + 1, or a head that was already above the cursor one heartbeat ago;
2. after a jitter of 0 to 0.2 s a FETCH, one outstanding a feed; live messages wait in a buffer;
3. BATCH: applied from cursor + 1 on, then the buffer as far as it joins; more is fetched at once;
4. or RESET: SNAPGET, the parts of SNAP, the cursor jumps to `as_of`, then step 3.

An unanswered request is repeated after 2 s, doubling to 5 s (anchors/reliability.md, 2.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

import msgspec

from backends.domain.feeds import FeedKind
from backends.protocol.messages import Batch, Cursor, Envelope, FeedHead, Fetch, Reset, Snap, SnapGet

BUFFER_LIMIT = 10_000
"""Live messages kept while a fetch is on its way; later ones are fetched too."""
JITTER_S = 0.2
RETRY_FIRST_S = 2.0
RETRY_MAX_S = 5.0
REWOUND_AFTER = 3
"""Heartbeats in a row whose head lies below our cursor before we believe that the hub lost its tail."""

Request = Fetch | SnapGet


class Need(Enum):
    """What this feed has to ask for."""

    NOTHING = 0
    FETCH = 1
    SNAPSHOT = 2


class Applied(msgspec.Struct):
    """What one input made applicable. `snapshot` comes before `records`."""

    records: list[Envelope] = []
    snapshot: tuple[str, int, tuple[Envelope, ...]] | None = None
    """(epoch, as_of, items): replaces a state feed; of an append feed, without items, it only says
    that the position has jumped to `as_of` because the hub no longer has what was between."""


class FeedSync:
    """The position of one feed. Used by the link thread only."""

    def __init__(self, feed: str, kind: FeedKind, cursor: Cursor | None, jitter: Callable[[], float]) -> None:
        self.feed = feed
        self.kind = kind
        self.cursor = cursor
        self.head: FeedHead | None = None
        self.gaps = 0
        """Times that something was missing."""
        self.lost = 0
        """Lossy feed only: messages that never came."""
        self._jitter = jitter
        self._pending: dict[int, Envelope] = {}
        self._need = Need.NOTHING
        self._send_at_s = 0.0
        self._asked: Request | None = None
        self._retry_s = RETRY_FIRST_S
        self._head_before: tuple[str, int] | None = None
        self._rewound = 0
        self._doubt = False
        """Our cursor may lie beyond what the hub has: a FETCH will tell."""
        self._parts: dict[int, tuple[Envelope, ...]] = {}
        self._parts_of: tuple[str, int, int] | None = None
        self._jump: tuple[str, int] | None = None

    def hurry(self) -> None:
        """This feed's requests wait a quarter of the usual jitter."""
        jitter = self._jitter
        self._jitter = lambda: jitter() / 4

    @property
    def complete(self) -> bool:
        """The known head is reached and nothing is being asked for."""
        if self.kind is FeedKind.LOSSY:
            return self.head is not None
        if self.head is None or self.cursor is None or self._need is not Need.NOTHING:
            return False
        return self.cursor.epoch == self.head.epoch and not self._pending

    @property
    def wanting(self) -> bool:
        """Something is missing, asked for or not yet."""
        return self._need is not Need.NOTHING

    @property
    def handed_epoch(self) -> str:
        """The cursor's epoch, once it has been handed on: a jump waits for its first records."""
        return self.cursor.epoch if self.cursor is not None and self._jump is None else ""

    @property
    def asked(self) -> Request | None:
        """The outstanding request."""
        return self._asked

    def connection_lost(self) -> None:
        """Answers to what was asked will not come; the buffer stays valid."""
        self._asked = None
        self._parts.clear()
        self._parts_of = None
        self._head_before = None

    # -- heads ---------------------------------------------------------------------------------------

    def on_welcome(self, head: FeedHead, now_s: float) -> Applied:
        """The head at the join: what is missing is fetched at once, with the join's own jitter."""
        self._take_head(head)
        if self.kind is FeedKind.LOSSY:
            return Applied()
        if self._compare_epoch(head, now_s) and self.cursor is not None and head.head > self.cursor.seq:
            self._want(Need.FETCH, now_s, count=False)
        return self._landed(self._drain())

    def on_heartbeat(self, head: FeedHead, now_s: float) -> None:
        """A head that was announced one heartbeat ago and is still above the cursor is a lost tail."""
        before = self._head_before
        self._take_head(head)
        self._head_before = (head.epoch, head.head)
        if self.kind is FeedKind.LOSSY or not self._compare_epoch(head, now_s) or self.cursor is None:
            return
        if before is not None and before[0] == self.cursor.epoch and self.cursor.seq < before[1]:
            self._want(Need.FETCH, now_s)
        # BATCH may run ahead of LIVE, for long where the line is narrow: only CTL knows whether the hub lost its tail.
        # It answers RESET "ahead" then; to start over without asking would jump over what is still on its way.
        self._rewound = self._rewound + 1 if head.head < self.cursor.seq else 0
        if self._rewound >= REWOUND_AFTER:
            self._rewound = 0
            self._doubt = True
            self._want(Need.FETCH, now_s, count=False)

    def _take_head(self, head: FeedHead) -> None:
        self.head = head

    def _compare_epoch(self, head: FeedHead, now_s: float) -> bool:
        if self.cursor is not None and self.cursor.epoch == head.epoch:
            return True
        self._start_over(head, now_s)
        return self.cursor is not None and self.cursor.epoch == head.epoch

    def _start_over(self, head: FeedHead, now_s: float) -> None:
        """No cursor that the hub can continue: a snapshot, or for an append feed its oldest record."""
        self._pending = {seq: env for seq, env in self._pending.items() if env.epoch == head.epoch}
        if self.kind is FeedKind.APPEND:
            self.cursor = Cursor(head.epoch, head.oldest - 1)
            self._jump = (head.epoch, head.oldest - 1)
            self._asked = None
            if head.head >= head.oldest:
                self._want(Need.FETCH, now_s, count=False)
        else:
            self._want(Need.SNAPSHOT, now_s, count=False)

    # -- messages ------------------------------------------------------------------------------------

    def on_live(self, env: Envelope, now_s: float) -> Applied:
        """A message of the fast path: applied if it is the next one, else kept or dropped."""
        if self.kind is FeedKind.LOSSY:
            return self._lossy(env)
        cursor = self.cursor
        if cursor is None or env.epoch != cursor.epoch:
            if self.head is not None and env.epoch == self.head.epoch:
                self._keep(env)
            return Applied()
        if env.seq <= cursor.seq:
            return Applied()
        if env.seq == cursor.seq + 1 and self._need is not Need.SNAPSHOT:
            self.cursor = Cursor(cursor.epoch, env.seq)
            return self._landed(self._drain([env]) if self._pending else Applied([env]))
        self._keep(env)
        self._want(Need.FETCH, now_s)
        return Applied()

    def newcomer(self, env: Envelope) -> bool:
        """A live message that has to wait, and is the first of its item: nothing that is missing speaks of it."""
        waits = self.cursor is None or env.epoch != self.cursor.epoch or env.seq > self.cursor.seq
        return waits and env.type == "put" and env.rev == 1

    def on_batch(self, batch: Batch, now_s: float) -> Applied:
        """The answer of FETCH; a late or repeated one does no harm."""
        if self.cursor is None or batch.epoch != self.cursor.epoch or self._need is Need.SNAPSHOT:
            return Applied()
        self._doubt = False
        answered = isinstance(self._asked, Fetch)
        self._asked = None if answered else self._asked
        applied = self._join(batch.items)
        applied.records.extend(self._drain().records)
        if applied.records:
            self._retry_s = RETRY_FIRST_S
        if answered:
            if self.cursor.seq < batch.head or self._pending:
                # More is there: at once while it moves, with the retry pause when the hub gives nothing.
                self._need = Need.FETCH
                self._send_at_s = now_s + (0.0 if applied.records else self._pause())
            else:
                self._need = Need.NOTHING
        return self._landed(applied)

    def _landed(self, applied: Applied) -> Applied:
        """The first records after a jump carry it with them."""
        if self._jump is not None and applied.records:
            applied.snapshot = (*self._jump, ())
            self._jump = None
        return applied

    def on_reset(self, reset: Reset, now_s: float) -> None:
        """Our cursor cannot be continued."""
        self._doubt = False
        head = FeedHead(reset.epoch, max(reset.oldest - 1, self._known_head(reset.epoch)), reset.oldest)
        self._asked = None
        self._start_over(head, now_s)

    def _known_head(self, epoch: str) -> int:
        return self.head.head if self.head is not None and self.head.epoch == epoch else 0

    def on_snap(self, part: Snap, now_s: float) -> Applied:
        """One part; the last one replaces the feed. Parts of another `as_of` start a new collection."""
        if self._need is not Need.SNAPSHOT or not 1 <= part.part <= part.parts:
            return Applied()
        key = (part.epoch, part.as_of, part.parts)
        if self._parts_of != key:
            self._parts_of = key
            self._parts = {}
        self._parts[part.part] = part.items
        if len(self._parts) < part.parts:
            self._send_at_s = now_s + self._retry_s  # it moves: wait for the rest before asking again
            return Applied()
        items = tuple(item for n in range(1, part.parts + 1) for item in self._parts[n])
        self._parts, self._parts_of, self._asked = {}, None, None
        self._need, self._retry_s = Need.NOTHING, RETRY_FIRST_S
        self.cursor = Cursor(part.epoch, part.as_of)
        self._pending = {s: e for s, e in self._pending.items() if e.epoch == part.epoch and s > part.as_of}
        applied = self._drain()
        applied.snapshot = (part.epoch, part.as_of, items)
        if self._pending or self.cursor.seq < self._known_head(part.epoch):
            self._need, self._send_at_s = Need.FETCH, now_s
        return applied

    def resync(self, cursor: Cursor | None, now_s: float) -> None:
        """The store could not keep part of this feed; `cursor` is what it has."""
        self._asked = None
        if self.kind is FeedKind.STATE:
            self._want(Need.SNAPSHOT, now_s, count=False)
        elif self.kind is FeedKind.APPEND:
            self.cursor = cursor
            self._pending.clear()
            if cursor is not None:
                self._want(Need.FETCH, now_s, count=False)
            elif self.head is not None:
                self._start_over(self.head, now_s)

    # -- asking --------------------------------------------------------------------------------------

    def request(self, now_s: float) -> Request | None:
        """What to send now, if anything. Called at every turn of the loop while the link is up."""
        if self._need is Need.NOTHING or now_s < self._send_at_s:
            return None
        if self._asked is not None:
            self._retry_s = min(RETRY_MAX_S, self._retry_s * 2)
        if self._need is Need.SNAPSHOT:
            self._asked = SnapGet(self.feed)
        else:
            assert self.cursor is not None
            if not self._doubt and not self._pending and self.cursor.seq >= self._known_head(self.cursor.epoch):
                self._need, self._asked = Need.NOTHING, None  # live messages have closed the gap meanwhile
                return None
            self._asked = Fetch(self.feed, self.cursor.epoch, self.cursor.seq)
        self._send_at_s = now_s + self._retry_s + self._jitter() * JITTER_S
        return self._asked

    def _want(self, need: Need, now_s: float, *, count: bool = True) -> None:
        if self._need is Need.SNAPSHOT or self._need is need:
            return
        self.gaps += count
        self._need = need
        self._asked = None
        self._retry_s = RETRY_FIRST_S
        self._send_at_s = now_s + self._jitter() * JITTER_S

    def _pause(self) -> float:
        pause, self._retry_s = self._retry_s, min(RETRY_MAX_S, self._retry_s * 2)
        return pause

    # -- order ---------------------------------------------------------------------------------------

    def _keep(self, env: Envelope) -> None:
        if len(self._pending) < BUFFER_LIMIT:
            self._pending[env.seq] = env

    def _join(self, items: Iterable[Envelope]) -> Applied:
        assert self.cursor is not None
        out: list[Envelope] = []
        seq = self.cursor.seq
        for env in items:
            if env.epoch == self.cursor.epoch and env.seq == seq + 1:
                out.append(env)
                seq += 1
        if out:
            self.cursor = Cursor(self.cursor.epoch, seq)
        return Applied(out)

    def _drain(self, first: list[Envelope] | None = None) -> Applied:
        out = first if first is not None else []
        if self.cursor is None:
            return Applied(out)
        seq = self.cursor.seq
        while self._pending and (env := self._pending.get(seq + 1)) is not None and env.epoch == self.cursor.epoch:
            del self._pending[seq + 1]
            out.append(env)
            seq += 1
        if seq != self.cursor.seq:
            self.cursor = Cursor(self.cursor.epoch, seq)
        if self._pending and min(self._pending) <= seq:
            self._pending = {s: e for s, e in self._pending.items() if s > seq}
        return Applied(out)

    def _lossy(self, env: Envelope) -> Applied:
        """Conflated before numbering and never fetched: a hole is counted, not filled."""
        cursor = self.cursor
        if cursor is not None and cursor.epoch == env.epoch:
            if env.seq <= cursor.seq:
                return Applied()
            if env.seq > cursor.seq + 1:
                self.gaps += 1
                self.lost += env.seq - cursor.seq - 1
        self.cursor = Cursor(env.epoch, env.seq)
        return Applied([env])
