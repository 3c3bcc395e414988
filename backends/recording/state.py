"""What a centre's feeds are at a moment, from records in their order: recorder and player reckon it by the same code.

Kept as the bytes that were recorded, not as objects: a recording of another version stays what it was, and a digest
is of what was said. Pure; one thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from backends.domain.feeds import FEEDS, FeedKind
from backends.protocol.messages import Envelope

APPENDED = 500
"""Of an append feed so many of the newest records are part of the state: what a list shows at once."""


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One item of a feed: [id, seq, rev, t (UTC ns, when it was published), body]."""

    id: str
    seq: int
    rev: int
    t: int
    body: msgspec.Raw


class FeedState(msgspec.Struct, frozen=True):
    """One feed as of a position; what a snapshot in a recording holds. Of samples: the newest of each series, `id`."""

    feed: str
    epoch: str
    seq: int
    items: tuple[Item, ...]


class _Feed:
    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.items: dict[str, Item] = {}


class State:
    """All feeds."""

    def __init__(self, feeds: Iterable[FeedState] = ()) -> None:
        self._feeds: dict[str, _Feed] = {}
        for feed in feeds:
            self.load(feed)

    def load(self, state: FeedState) -> None:
        """Replaces what was known of that feed."""
        feed = self._feeds[state.feed] = _Feed()
        feed.epoch, feed.seq = state.epoch, state.seq
        feed.items = {item.id: item for item in state.items}

    def apply(self, envelope: Envelope) -> None:
        """One record. What belongs to no known feed changes nothing."""
        spec = FEEDS.get(envelope.feed)
        if spec is None:
            return
        feed = self._feeds.setdefault(envelope.feed, _Feed())
        feed.epoch, feed.seq = envelope.epoch, envelope.seq
        if envelope.type == "del":
            feed.items.pop(envelope.id, None)
        elif spec.kind is FeedKind.LOSSY:
            for series, sample in _samples(envelope.body):
                feed.items[series] = Item(series, envelope.seq, 0, envelope.t, sample.copy())
        elif envelope.type in ("put", "event"):
            # A copy: the body is a piece of the message, and of the chunk that it was read from.
            item = Item(envelope.id, envelope.seq, envelope.rev, envelope.t, envelope.body.copy())
            if spec.kind is FeedKind.APPEND:
                feed.items.pop(item.id, None)
                if len(feed.items) >= APPENDED:
                    del feed.items[next(iter(feed.items))]
            feed.items[item.id] = item

    def feeds(self) -> list[FeedState]:
        """All of them, by name; for a snapshot."""
        return [
            FeedState(name, feed.epoch, feed.seq, tuple(feed.items.values()))
            for name, feed in sorted(self._feeds.items())
        ]

    def digest(self) -> str:
        """SHA-256 over every feed's position and every item's id, revision and content. Equal = the same state."""
        total = hashlib.sha256()
        for name, feed in sorted(self._feeds.items()):
            total.update(f"{name}\0{feed.epoch}\0{feed.seq}\0{len(feed.items)}\n".encode())
            for id_ in sorted(feed.items):
                item = feed.items[id_]
                body = bytes(item.body)
                total.update(f"{id_}\0{item.seq}\0{item.rev}\0{item.t}\0{len(body)}\n".encode())
                total.update(body)
        return total.hexdigest()


class _Batch(msgspec.Struct, frozen=True):
    samples: tuple[msgspec.Raw, ...] = ()


class _Series(msgspec.Struct, frozen=True, array_like=True):
    series: str


_BATCH, _SERIES = msgspec.json.Decoder(_Batch), msgspec.json.Decoder(_Series)


def _samples(body: msgspec.Raw) -> list[tuple[str, msgspec.Raw]]:
    """(series, sample) of a SampleBatch; a body of another form gives none."""
    try:
        return [(_SERIES.decode(raw).series, raw) for raw in _BATCH.decode(body).samples]
    except msgspec.DecodeError:
        return []
