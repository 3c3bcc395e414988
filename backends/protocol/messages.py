"""Messages of the link, version 1 (docs/protocol.md is the public text).

CTL (ROUTER/DEALER): frame 0 = VERSION, frame 1 = JSON of one message below (field `msg` names it),
optional frame 2 = bytes of a BLOB. LIVE (PUB/SUB): frame 0 = topic, frame 1 = JSON of an Envelope
(topic `1/<feed>/`) or of a Heartbeat (topic `1/hb/`).

Times are UTC nanoseconds as JSON integers (int64). Unknown fields are ignored, unknown messages are
counted and shown, never fatal.
"""

from __future__ import annotations

import msgspec

from backends.domain.action import Action
from backends.domain.feeds import Mode

VERSION = b"1"
HEARTBEAT_TOPIC = b"1/hb/"
HEARTBEAT_MS = 500
FETCH_LIMIT = 1000
MAX_FRAME = 1 << 20
"""Bytes; the sockets' MAXMSGSIZE and the codec's limit."""


def topic(feed: str) -> bytes:
    """Frame 0 of a feed on LIVE. The trailing slash keeps `alarm` from matching `alarms`."""
    return f"1/{feed}/".encode()


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record of one feed. Position = (feed, epoch, seq), +1 each, hole-free within an epoch."""

    mode: Mode
    feed: str
    epoch: str
    seq: int
    t: int
    """When the hub published it."""
    type: str
    """One of: "put", "del" or "event"."""
    id: str = ""
    rev: int = 0
    cause: str = ""
    """`aid` of the action that caused it; empty for the world's own doing."""
    body: msgspec.Raw = msgspec.Raw(b"")
    v: int = 1


class Cursor(msgspec.Struct, frozen=True):
    """How far a console has a feed."""

    epoch: str
    seq: int


class FeedHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A feed's end, carried by WELCOME and every heartbeat (a lost tail shows no gap otherwise)."""

    epoch: str
    head: int
    oldest: int = 1
    """First seq that FETCH can still give."""
    t_source: int = 0
    """Newest source time in the feed."""
    period_s: float = 0.0
    """How often the feed is expected to move; 0 = only heartbeats prove it alive."""


class Canary(msgspec.Struct, frozen=True):
    """A test alarm that passes through the alarm engine every second; dead after 3 missed."""

    seq: int
    t: int


class Heartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """On LIVE every HEARTBEAT_MS, sent by the loop that publishes."""

    n: int
    now: int
    instance: str
    mode: Mode
    heads: dict[str, FeedHead]
    canary: Canary | None = None
    rate: float = 1.0
    """How fast the hub's clock runs (a scenario may run at 60); consoles extrapolate `now` with it."""
    v: int = 1


class _Message(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="msg", tag=str.upper):
    pass


class Hello(_Message, frozen=True, tag="HELLO"):
    """Console: once per connection and every 30 s."""

    station: str
    mode: Mode
    versions: tuple[int, ...] = (1,)
    enc: tuple[str, ...] = ("json",)
    cursors: dict[str, Cursor] = {}
    token: str = ""


class Welcome(_Message, frozen=True, tag="WELCOME"):
    """Hub: who it is, what time it is, where the feeds end."""

    server: str
    instance: str
    mode: Mode
    version: int
    now: int
    hb_ms: int
    feeds: dict[str, FeedHead]
    station: str = ""
    """The station's name as its key tells it."""
    rate: float = 1.0
    operator_id: str = ""
    """Who is signed in at this station (the demo's seat has somebody on duty)."""


class Denied(_Message, frozen=True, tag="DENIED"):
    code: str
    text: str = ""


class Fetch(_Message, frozen=True, tag="FETCH"):
    """Console: records after a cursor; one outstanding a feed."""

    feed: str
    epoch: str
    after: int
    limit: int = FETCH_LIMIT


class Batch(_Message, frozen=True, tag="BATCH"):
    feed: str
    epoch: str
    items: tuple[Envelope, ...]
    head: int


class Reset(_Message, frozen=True, tag="RESET"):
    """Hub: that cursor cannot be continued; take a snapshot."""

    feed: str
    epoch: str
    oldest: int
    reason: str


class SnapGet(_Message, frozen=True, tag="SNAPGET"):
    feed: str


class Snap(_Message, frozen=True, tag="SNAP"):
    """Hub: the feed as of a seq, in parts (part counts from 1)."""

    feed: str
    epoch: str
    as_of: int
    part: int
    parts: int
    items: tuple[Envelope, ...]


class History(_Message, frozen=True, tag="HISTORY"):
    """Console: a series over a range, thinned to max_points (min and max kept)."""

    request: int
    series: str
    t0: int
    t1: int
    max_points: int = 2000


class Series(_Message, frozen=True, tag="SERIES"):
    """Hub: answer of HISTORY; value null = gap."""

    request: int
    series: str
    t: tuple[int, ...]
    value: tuple[float | None, ...]
    code: str = ""
    """One of: "unknown_series" where the hub does not know it."""


class Act(_Message, frozen=True, tag="ACT"):
    """Console: one action. Who acts is taken from the key and the session, never from here."""

    action: Action
    mode: Mode


class Ack(_Message, frozen=True, tag="ACK"):
    """Hub: stored | applied | conflict | refused | expired | duplicate. `stored` only after fsync."""

    aid: str
    stage: str
    rev: int = 0
    code: str = ""
    text: str = ""
    outcome: str = ""
    """For duplicate: the stage that the first one reached."""


class Ping(_Message, frozen=True, tag="PING"):
    n: int
    sent: int


class Pong(_Message, frozen=True, tag="PONG"):
    n: int
    sent: int
    now: int


class Bye(_Message, frozen=True, tag="BYE"):
    """Hub: a planned stop."""

    reason: str
    retry_ms: int = 1000


FromConsole = Hello | Fetch | SnapGet | History | Act | Ping
FromHub = Welcome | Denied | Batch | Reset | Snap | Series | Ack | Pong | Bye
