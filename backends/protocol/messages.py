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
from backends.domain.camera import Sight
from backends.domain.feeds import Mode
from backends.domain.people import Speaker
from backends.domain.sensor import Flagged
from backends.protocol.message import Message
from backends.protocol.people_messages import (
    Accounted,
    Accounts,
    Confide,
    Confided,
    Reveal,
    Revealed,
    Signed,
    SignIn,
    SignOut,
)

__all__ = [
    "Accounted",
    "Accounts",
    "Confide",
    "Confided",
    "Reveal",
    "Revealed",
    "SignIn",
    "SignOut",
    "Signed",
]  # with these it is one module to its users

VERSION = b"1"
HEARTBEAT_TOPIC = b"1/hb/"
HEARTBEAT_MS = 500
FETCH_LIMIT = 1000
BLOB_PART = 256 << 10
"""Bytes of frame 2 at most."""
SHOWS_MOST = 256
"""Cameras that a HELLO names: four full walls."""
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


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the hub takes and gives at most; a console need not find out by being refused."""

    frame: int = MAX_FRAME
    fetch: int = FETCH_LIMIT
    blob: int = 8 << 20
    """Bytes of a whole blob."""
    blob_part: int = BLOB_PART


class Hello(Message, frozen=True, tag="HELLO"):
    """Console: once per connection and every 30 s."""

    station: str
    mode: Mode
    versions: tuple[int, ...] = (1,)
    enc: tuple[str, ...] = ("json",)
    cursors: dict[str, Cursor] = {}  # noqa: RUF012  # msgspec copies it
    token: str = ""
    shows: tuple[str, ...] = ()
    """Ids of the cameras on this station's screens, SHOWS_MOST at the most: the hub's sweep leaves them alone."""
    speaker: Speaker | None = None
    """Its loudspeaker, where it is heard together with those of other stations."""


class Welcome(Message, frozen=True, tag="WELCOME"):
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
    """Who is signed in at this station: of HELLO's token, or of the seat where the hub seats people itself."""
    name: str = ""
    role: str = ""
    grants: tuple[str, ...] = ()
    """Rights of that person (domain/access.py); what is not here is refused."""
    t_expires: int = 0
    """End of that session; 0 = none."""
    limits: Limits = Limits()


class Denied(Message, frozen=True, tag="DENIED"):
    code: str
    text: str = ""


class Fetch(Message, frozen=True, tag="FETCH"):
    """Console: records after a cursor; one outstanding a feed."""

    feed: str
    epoch: str
    after: int
    limit: int = FETCH_LIMIT


class Batch(Message, frozen=True, tag="BATCH"):
    feed: str
    epoch: str
    items: tuple[Envelope, ...]
    head: int


class Reset(Message, frozen=True, tag="RESET"):
    """Hub: that cursor cannot be continued; take a snapshot."""

    feed: str
    epoch: str
    oldest: int
    reason: str


class SnapGet(Message, frozen=True, tag="SNAPGET"):
    feed: str


class Snap(Message, frozen=True, tag="SNAP"):
    """Hub: the feed as of a seq, in parts (part counts from 1)."""

    feed: str
    epoch: str
    as_of: int
    part: int
    parts: int
    items: tuple[Envelope, ...]


class History(Message, frozen=True, tag="HISTORY"):
    """Console: a series over a range, thinned to max_points (min and max kept)."""

    request: int
    series: str
    t0: int
    t1: int
    max_points: int = 2000


class Series(Message, frozen=True, tag="SERIES"):
    """Hub: answer of HISTORY; value null = gap."""

    request: int
    series: str
    t: tuple[int, ...]
    value: tuple[float | None, ...]
    code: str = ""
    """One of: "unknown_series" where the hub does not know it."""
    flags: tuple[Flagged, ...] = ()
    """Runs of samples that are not good, which the line leaves out; rising in time. Older backends say none."""


class Act(Message, frozen=True, tag="ACT"):
    """Console: one action. Who acts is taken from the key and the session, never from here."""

    action: Action
    mode: Mode
    token: str = ""
    """Session under which it was clicked; empty where the hub seats people itself."""


class Ack(Message, frozen=True, tag="ACK"):
    """Hub: stored | applied | conflict | refused | expired | duplicate. `stored` only after fsync."""

    aid: str
    stage: str
    rev: int = 0
    code: str = ""
    text: str = ""
    outcome: str = ""
    """For duplicate: the stage that the first one reached."""


class Ping(Message, frozen=True, tag="PING"):
    n: int
    sent: int


class Pong(Message, frozen=True, tag="PONG"):
    n: int
    sent: int
    now: int


class Bye(Message, frozen=True, tag="BYE"):
    """Hub: a planned stop."""

    reason: str
    retry_ms: int = 1000


class Lease(Message, frozen=True, tag="LEASE"):
    """Console: a person at this station wants to turn a camera, goes on, or has done."""

    request: int
    camera: str
    """Its id."""
    act: str
    """"take", "renew" (takes it from nobody), "give_back", "preset" (may the view be kept under the name `text`?)."""
    patrol: bool = False
    """No hand is on it: whoever may turn it may take it."""
    lease: str = ""
    """The station's own name for this lease, a new one each time that a camera is taken; what is renewed or given back
    is named by it, so that what comes late touches no later lease."""
    text: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Lease({self.request}, {self.camera!r}, {self.act!r}, ...)"


class Leased(Message, frozen=True, tag="LEASED"):
    """Hub: the answer of LEASE."""

    request: int
    code: str = ""
    """Empty = granted, or done; "held" (by `holder`), "unknown" (no such camera, or it does not turn), "not_held",
    "not_allowed", "nobody_signed_in", "bad_text", "bad_act"; "not_kept": it cannot be audited now."""
    holder: str = ""
    lease_s: float = 0.0
    """For so long from the question on, unless it is renewed before."""
    address: str = ""
    """ONVIF device service of the camera, or of its recorder; of a drawn one its own address. Holds no password."""
    channel: int = 0
    """At its recorder, from 1; 0 = the first one that turns."""


class BlobGet(Message, frozen=True, tag="BLOBGET"):
    """Console: bytes that a record names (a picture of a report or alarm, a miniature)."""

    request: int
    blob: str
    """SHA-256 of the content, 64 hexadecimal digits: a blob never changes."""


class Blob(Message, frozen=True, tag="BLOB"):
    """Hub: one part of a blob; its bytes are frame 2. Parts count from 1 and come in order."""

    request: int
    blob: str
    media: str = ""
    """"image/jpeg", "image/png" or "video/mp4"."""
    size: int = 0
    part: int = 1
    parts: int = 1
    code: str = ""
    """"unknown": no such blob, and no frame 2."""


class BlobPut(Message, frozen=True, tag="BLOBPUT"):
    """Console: one part of a blob, its bytes as frame 2. Repeated until BLOBKEPT says so; repeats do no harm."""

    request: int
    blob: str
    media: str
    size: int
    part: int
    parts: int
    token: str = ""


class BlobKept(Message, frozen=True, tag="BLOBKEPT"):
    """Hub: all parts up to `part` are kept, go on after it. With the last one the whole is on disk, its hash right."""

    request: int
    blob: str
    part: int
    code: str = ""
    """"too_large", "bad_part", "bad_hash", "bad_media", "not_allowed", "not_kept"."""


class Anchor(Message, frozen=True, tag="ANCHOR"):
    """Console: the end of this station's audit chain, every minute and at the end of each session."""

    n: int
    """Number of its newest row."""
    hash: str
    """Of that row, 64 hexadecimal digits."""
    t: int


class Anchored(Message, frozen=True, tag="ANCHORED"):
    """Hub: it is on disk here, outside the reach of whoever can change the station's files."""

    n: int
    code: str = ""
    """"behind": an anchor with a higher number is known; "differs": the same number had another hash."""


class AnchorGet(Message, frozen=True, tag="ANCHORGET"):
    """Console: the anchors of this station after `after`, at most 1000."""

    request: int
    after: int = 0


class Anchors(Message, frozen=True, tag="ANCHORS"):
    """Hub: (n, hash, t) of each, in order; fewer than 1000 = these were the last."""

    request: int
    anchors: tuple[tuple[int, str, int], ...] = ()


class Sees(Message, frozen=True, tag="SEES"):
    """Console: how the cameras on its screens are, all of them; at a change, 3 s apart at least, and every 10 s."""

    cameras: tuple[Sight, ...] = ()
    """SHOWS_MOST at the most."""


FromConsole = (
    Hello | Fetch | SnapGet | History | Act | Ping | SignIn | SignOut | Reveal | Confide | Lease | BlobGet | BlobPut
    | Anchor | AnchorGet | Sees | Accounts
)  # fmt: skip
FromHub = (
    Welcome | Denied | Batch | Reset | Snap | Series | Ack | Pong | Bye | Signed | Revealed | Confided | Leased | Blob
    | BlobKept | Anchored | Anchors | Accounted
)  # fmt: skip
