"""What is committed, once for all screens of this station, and a queue (outlet) for each of them.

The exchange mirrors the last state of every feed, so that a GUI that attaches gets the whole first
and then the increments, with nothing between lost or doubled: both happen under one lock. A slow GUI
never holds up the link: lossy feeds are conflated by key, and a queue of precious records that grows
past its limit is dropped and replaced by the whole feed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from backends.domain.access import AccessAnswer, AccountsTold, Grant, Revealed
from backends.domain.action import ActionStatus
from backends.domain.feeds import FEEDS, FeedKind, FeedQuality, FeedStatus
from backends.domain.ports import FiguresPart, LinkStatus, NewSamples, SeriesPart, SmallPicture, StoreTrouble
from backends.domain.record import Kept, Record
from backends.domain.sensor import Sample
from backends.domain.turning import TurnStatus
from console.feed_wire import LOCAL_FEED, AuditKept, ClickKept, ClickRefused

PRECIOUS_LIMIT = 20_000
"""Records waiting for one GUI before the feed is sent anew as a whole."""
TAKE_ROWS = 2000
"""Records in one turn of a screen beside its alarms: a new alarm must not wait for a whole backlog to be sent."""
CHUNK = 500
"""Records in one delivery of increments."""
APPEND_KEPT = 2000
STATE_EVERY_S = 0.05
SAMPLES_EVERY_S = 0.1

_FIRST = frozenset({"alarms", LOCAL_FEED})

Item = tuple[bytes, Any]
"""(JSON body, typed record or None where it has not been decoded here)."""


class OutChanges(msgspec.Struct, frozen=True):
    """Changes on their way to one screen, not yet decoded or encoded."""

    feed: str
    items: tuple[Item, ...] = ()
    deleted: tuple[str, ...] = ()
    reset: bool = False
    stored: bool = True


Out = (
    OutChanges | NewSamples | SeriesPart | FiguresPart | FeedStatus | LinkStatus | ActionStatus | StoreTrouble
    | ClickKept | ClickRefused | AuditKept | Grant | AccessAnswer | Revealed | AccountsTold | SmallPicture | TurnStatus
)  # fmt: skip


def is_precious(feed: str) -> bool:
    return feed == LOCAL_FEED or FEEDS[feed].precious or FEEDS[feed].kind is FeedKind.APPEND


class Outlet:
    """The queue of one screen. Filled and taken under the exchange's lock only."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._ordered: list[Out] = []
        self._waiting: dict[str, int] = {}
        self._renew: set[str] = set()
        self._conflated: dict[str, dict[str, Item | None]] = {}
        self._stored: dict[str, bool] = {}
        self._samples: dict[str, Sample] = {}
        self._merged = 0
        self._feeds: dict[str, FeedStatus] = {}
        self._link: LinkStatus | None = None
        self._state_at_s = self._samples_at_s = 0.0
        self.renewed = 0
        """Times that a precious queue was replaced by the whole feed."""

    def add(self, out: Out) -> None:
        """Something whose order matters."""
        if isinstance(out, OutChanges):
            if out.feed in self._renew:
                return
            waiting = self._waiting.get(out.feed, 0) + len(out.items) + len(out.deleted)
            self._waiting[out.feed] = waiting
            if waiting > PRECIOUS_LIMIT and not out.reset:
                self.renew(out.feed)
                self.renewed += 1
                return
        self._ordered.append(out)
        self._wake()

    def renew(self, feed: str) -> None:
        """Forget what waits of this feed; the next `take` brings it as a whole."""
        self._ordered = [o for o in self._ordered if not (isinstance(o, OutChanges) and o.feed == feed)]
        self._conflated.pop(feed, None)
        self._renew.add(feed)
        self._wake()

    def latest(self, feed: str, changes: Mapping[str, Item | None], stored: bool) -> None:
        """State of a feed in which the newest wins; None deletes."""
        if feed in self._renew:
            return
        waiting = self._conflated.setdefault(feed, {})
        if not waiting:
            self._wake()
        waiting.update(changes)
        self._stored[feed] = stored

    def samples(self, samples: Iterable[Sample], conflated: int) -> None:
        before, count = len(self._samples), 0
        for sample in samples:
            count += 1
            # Of what waits together the newest by its own time: a source may list its newest first.
            waits = self._samples.get(sample.series)
            if waits is None or waits.t_ns <= sample.t_ns:
                self._samples[sample.series] = sample
        self._merged += conflated + count - (len(self._samples) - before)
        if not before:
            self._wake()

    def status(self, status: FeedStatus | LinkStatus) -> None:
        if isinstance(status, FeedStatus):
            self._feeds[status.feed] = status
        else:
            self._link = status
        self._wake()

    def take(self, now_s: float, whole: Callable[[str], OutChanges]) -> list[Out]:
        """All that is due. `whole` gives a feed from the mirror."""
        out: list[Out] = [whole(feed) for feed in sorted(self._renew)]
        self._renew.clear()
        out.extend(self._due())
        if now_s - self._state_at_s >= STATE_EVERY_S and self._conflated:
            self._state_at_s = now_s
            for feed, changes in self._conflated.items():
                out.extend(_chunks(feed, changes, self._stored.get(feed, True)))
            self._conflated = {}
        if now_s - self._samples_at_s >= SAMPLES_EVERY_S and self._samples:
            self._samples_at_s = now_s
            out.append(NewSamples(tuple(self._samples.values()), self._merged))
            self._samples, self._merged = {}, 0
        # A status never overtakes the rows that it speaks of.
        held = self._conflated.keys() | self._waiting.keys()
        out.extend(status for feed, status in self._feeds.items() if feed not in held)
        self._feeds = {feed: status for feed, status in self._feeds.items() if feed in held}
        if self._link is not None:
            out.append(self._link)
            self._link = None
        return out

    def _due(self) -> list[Out]:
        """Alarms, actions and answers all, of other rows so many; what is left keeps its order."""
        first = [o for o in self._ordered if not isinstance(o, OutChanges) or o.feed in _FIRST]
        rest = [o for o in self._ordered if isinstance(o, OutChanges) and o.feed not in _FIRST]
        count = rows = 0
        while count < len(rest) and rows < TAKE_ROWS:
            rows += len(rest[count].items) + len(rest[count].deleted)
            count += 1
        self._ordered = list(rest[count:])
        self._waiting.clear()
        for left in rest[count:]:
            self._waiting[left.feed] = self._waiting.get(left.feed, 0) + len(left.items) + len(left.deleted)
        return [*first, *rest[:count]]

    @property
    def idle(self) -> bool:
        """Nothing waits, not even for its turn."""
        return not (
            self._ordered or self._renew or self._conflated or self._samples or self._feeds or self._link is not None
        )


def _chunks(feed: str, changes: Mapping[str, Item | None], stored: bool) -> Iterable[OutChanges]:
    put = [item for item in changes.values() if item is not None]
    gone = tuple(key for key, item in changes.items() if item is None)
    for start in range(0, max(len(put), 1), CHUNK):
        yield OutChanges(feed, tuple(put[start : start + CHUNK]), gone if start == 0 else (), stored=stored)


class _Mirror:
    def __init__(self) -> None:
        self.items: dict[str, bytes] = {}
        self.position: tuple[str, int] = ("", 0)


class Exchange:
    """Thread-safe. Writers are the store's and the link's threads; takers the screens' own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mirrors: dict[str, _Mirror] = {feed: _Mirror() for feed in (*FEEDS, LOCAL_FEED)}
        self._outlets: list[Outlet] = []
        self._feed_status: dict[str, FeedStatus] = {}
        self._held: dict[str, FeedStatus] = {}
        self._said: dict[str, FeedStatus] = {}
        """The link's last word, whatever the screens were told."""
        self._link_status: LinkStatus | None = None
        self._trouble: StoreTrouble | None = None
        self._grant: Grant | None = None
        self._pending: dict[str, ActionStatus] = {}

    def unlocked(self) -> None:
        """Returns when the lock is free."""
        with self._lock:
            return

    def load(self, feeds: Iterable[Kept], pending: Iterable[ActionStatus]) -> None:
        """The last stored state, before anything else."""
        with self._lock:
            for kept in feeds:
                mirror = self._mirrors[kept.feed]
                mirror.items = dict(kept.items)
                mirror.position = (kept.epoch, kept.seq)
            self._pending = {status.action.aid: status for status in pending}

    def raw(self, feed: str, record: str) -> bytes | None:
        """One record of a feed as it is here now, JSON; None: there is none."""
        with self._lock:
            return self._mirrors[feed].items.get(record)

    def whole(self, feed: str) -> tuple[bytes, ...]:
        """All records of a feed as they are here now, JSON."""
        with self._lock:
            return tuple(self._mirrors[feed].items.values())

    def fresh_ns(self, feed: str) -> int:
        """Up to when it is known to be complete here; 0 = not known."""
        with self._lock:
            status = self._feed_status.get(feed)
            return status.t_fresh_ns if status is not None and feed not in self._held else 0

    # -- screens -------------------------------------------------------------------------------------

    def attach(self, wake: Callable[[], None], have: Mapping[str, tuple[str, int]]) -> Outlet:
        """A new screen: it gets every feed as a whole, except where it has that position already."""
        outlet = Outlet(wake)
        with self._lock:
            for feed, mirror in self._mirrors.items():
                if FEEDS.get(feed) is not None and FEEDS[feed].kind is FeedKind.LOSSY:
                    continue
                if have.get(feed) != mirror.position or feed == LOCAL_FEED:
                    outlet.renew(feed)
            for status in (*self._feed_status.values(), self._link_status):
                if status is not None:
                    outlet.status(status)
            for pending in self._pending.values():
                outlet.add(pending)
            if self._trouble is not None:
                outlet.add(self._trouble)
            if self._grant is not None:
                outlet.add(self._grant)
            self._outlets.append(outlet)
        return outlet

    def detach(self, outlet: Outlet) -> None:
        with self._lock:
            if outlet in self._outlets:
                self._outlets.remove(outlet)

    def take(self, outlet: Outlet, now_s: float) -> list[Out]:
        with self._lock:
            return outlet.take(now_s, self._whole)

    def waiting(self, outlet: Outlet) -> bool:
        with self._lock:
            return not outlet.idle

    def send(self, outlet: Outlet, out: Out) -> None:
        """An answer for one screen only."""
        with self._lock:
            outlet.add(out)

    def _whole(self, feed: str) -> OutChanges:
        return OutChanges(feed, tuple((raw, None) for raw in self._mirrors[feed].items.values()), reset=True)

    # -- news ----------------------------------------------------------------------------------------

    def records(self, records: Sequence[Record], stored: bool) -> None:
        """The next positions of one feed."""
        feed = records[0].feed
        with self._lock:
            mirror = self._mirrors[feed]
            latest: dict[str, Item | None] = {}
            for r in records:
                if r.type == "del":
                    mirror.items.pop(r.id, None)
                    latest[r.id] = None
                elif r.type != "bad":
                    mirror.items[r.id] = r.raw
                    latest[r.id] = (r.raw, r.body)
            mirror.position = (records[-1].epoch, records[-1].seq)
            if FEEDS[feed].kind is FeedKind.APPEND:
                while len(mirror.items) > APPEND_KEPT:
                    del mirror.items[next(iter(mirror.items))]
            if is_precious(feed):
                for out in _in_order(feed, records, stored):
                    for outlet in self._outlets:
                        outlet.add(out)
            elif latest:
                for outlet in self._outlets:
                    outlet.latest(feed, latest, stored)
            self._release(feed)

    def preview(self, record: Record) -> None:
        """A new alarm before its turn: on the screens as "not stored", not in the mirror. One whose turn has come
        meanwhile is left alone: it may be gone again."""
        with self._lock:
            mirror = self._mirrors[record.feed]
            over = mirror.position[0] == record.epoch and mirror.position[1] >= record.seq
            if not over and record.id not in mirror.items:
                for outlet in self._outlets:
                    outlet.add(OutChanges(record.feed, ((record.raw, record.body),), stored=False))

    def snapshot(self, feed: str, epoch: str, seq: int, items: Iterable[Record]) -> None:
        """A state feed as a whole; an append feed's position jumps, and what is known of it stays."""
        with self._lock:
            mirror = self._mirrors[feed]
            mirror.position = (epoch, seq)
            if FEEDS[feed].kind is not FeedKind.APPEND:
                mirror.items = {r.id: r.raw for r in items}
                for outlet in self._outlets:
                    outlet.renew(feed)
            self._release(feed)

    def local(self, put: Sequence[tuple[str, bytes, Any]], deleted: Sequence[str]) -> None:
        """Alarms of the station itself: (id, JSON, record). Not stored, and nothing lost: causes are looked at anew."""
        with self._lock:
            items = self._mirrors[LOCAL_FEED].items
            items.update({key: raw for key, raw, _ in put})
            for key in deleted:
                items.pop(key, None)
            out = OutChanges(LOCAL_FEED, tuple((raw, body) for _, raw, body in put), tuple(deleted))
            for outlet in self._outlets:
                outlet.add(out)

    def samples(self, samples: Sequence[Sample], conflated: int) -> None:
        with self._lock:
            for outlet in self._outlets:
                outlet.samples(samples, conflated)

    def status(self, status: FeedStatus | LinkStatus) -> None:
        """The link's word. A feed turns LIVE on the screen only when its rows are there as well."""
        with self._lock:
            if isinstance(status, FeedStatus):
                self._feed_health(status)
                return
            self._link_status = status
            for outlet in self._outlets:
                outlet.status(status)

    def _feed_health(self, status: FeedStatus) -> None:
        told, before = self._feed_status.get(status.feed), self._said.get(status.feed)
        self._said[status.feed] = status
        self._held.pop(status.feed, None)
        # Once live, the usual lag of a commit is no news; rows that were due at the status before are.
        turns = told is None or told.quality is not FeedQuality.LIVE
        stands = before is not None and before.quality is FeedQuality.LIVE and self._behind(before)
        if status.quality is FeedQuality.LIVE and self._behind(status) and (turns or stands):
            self._held[status.feed] = status
            status = msgspec.structs.replace(status, quality=FeedQuality.CATCHING_UP)
        self._feed_status[status.feed] = status
        for outlet in self._outlets:
            outlet.status(status)

    def _release(self, feed: str) -> None:
        held = self._held.get(feed)
        if held is not None and not self._behind(held):
            self._feed_health(held)

    def _behind(self, status: FeedStatus) -> bool:
        """Rows that the link has handed on are not in the mirror yet."""
        if FEEDS[status.feed].kind is FeedKind.LOSSY:
            return False
        epoch, seq = self._mirrors[status.feed].position
        return bool(status.epoch and epoch != status.epoch) or seq < status.cursor

    def tell(self, out: ActionStatus | StoreTrouble | Grant | AuditKept | TurnStatus) -> None:
        """Something that every screen must hear, in order."""
        with self._lock:
            if isinstance(out, StoreTrouble):
                self._trouble = out if out.code else None
            elif isinstance(out, Grant):
                self._grant = out
            elif isinstance(out, ActionStatus):
                if out.stage.final:
                    self._pending.pop(out.action.aid, None)
                else:
                    self._pending[out.action.aid] = out
            for outlet in self._outlets:
                outlet.add(out)


def _in_order(feed: str, records: Sequence[Record], stored: bool) -> Iterable[OutChanges]:
    """Precious records, none merged. A new delivery begins where putting and deleting one id would mix."""
    put: list[Item] = []
    put_ids: set[str] = set()
    gone: list[str] = []
    for r in records:
        if r.type == "bad":
            continue
        mixes = (r.id in put_ids) if r.type == "del" else (r.id in gone)
        if mixes or len(put) + len(gone) >= CHUNK:
            yield OutChanges(feed, tuple(put), tuple(gone), stored=stored)
            put, put_ids, gone = [], set(), []
        if r.type == "del":
            gone.append(r.id)
        else:
            put.append((r.raw, r.body))
            put_ids.add(r.id)
    if put or gone:
        yield OutChanges(feed, tuple(put), tuple(gone), stored=stored)
