"""Frames between the feeder process and the GUI process: msgpack of typed records, never pickle.

Bodies of records travel as the JSON bytes that the link validated; the GUI's end decodes them with
the feed's own type. Both ends are the same program version, so there is no negotiation here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from backends.domain.access import AccessAnswer, AccountsTold, AccountWish, Grant, Revealed
from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm
from backends.domain.camera import Sight
from backends.domain.feeds import FEEDS, FeedStatus
from backends.domain.people import Speaker
from backends.domain.ports import FiguresPart, LinkStatus, SmallPicture, StoreTrouble
from backends.domain.sensor import Flagged, Sample
from backends.domain.turning import TurnStatus, TurnWish

LOCAL_FEED = "local"
"""Alarms of the station itself."""

_RECORD_TYPES: dict[str, Any] = {**{name: spec.record for name, spec in FEEDS.items()}, LOCAL_FEED: Alarm}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {f: msgspec.json.Decoder(t) for f, t in _RECORD_TYPES.items()}


def decode_record(feed: str, raw: bytes) -> Any:
    """The typed record of bytes that have been validated before."""
    return _DECODERS[feed].decode(raw)


class _Frame(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


class WireChanges(_Frame, frozen=True):
    feed: str
    put: tuple[bytes, ...]
    deleted: tuple[str, ...]
    reset: bool
    stored: bool


class WireSamples(_Frame, frozen=True):
    samples: tuple[Sample, ...]
    conflated: int


class WireSeries(_Frame, frozen=True):
    """`t_ns` int64 and `value` float64 as native bytes: both ends are on one machine."""

    request: int
    series: str
    t_ns: bytes
    value: bytes
    complete: bool
    flags: tuple[Flagged, ...] = ()


class WireFigures(_Frame, frozen=True):
    part: FiguresPart


class WireFeedStatus(_Frame, frozen=True):
    status: FeedStatus


class WireLinkStatus(_Frame, frozen=True):
    status: LinkStatus


class WireAction(_Frame, frozen=True):
    status: ActionStatus


class WireTrouble(_Frame, frozen=True):
    trouble: StoreTrouble


class WireGrant(_Frame, frozen=True):
    grant: Grant


class WireAccess(_Frame, frozen=True):
    answer: AccessAnswer


class WireRevealed(_Frame, frozen=True):
    answer: Revealed


class WireAccounts(_Frame, frozen=True):
    answer: AccountsTold


class WireSmallPicture(_Frame, frozen=True):
    picture: SmallPicture


class WireTurn(_Frame, frozen=True):
    status: TurnStatus


class Alive(_Frame, frozen=True):
    """Sent when nothing else is, while the link turns. What looks live is judged by WireLinkStatus alone."""


class ClickKept(_Frame, frozen=True):
    """The click is in the journal, on disk."""

    aid: str


class AuditKept(_Frame, frozen=True):
    """The row of an Acknowledged is in the store, on disk."""

    aid: str


class ClickRefused(_Frame, frozen=True):
    aid: str
    code: str
    text: str


class Attach(_Frame, frozen=True):
    """First frame of a GUI: which positions it has read from the store by itself, and which actions have no end
    as far as it knows: those that ended while it had no feeder are told to it."""

    have: dict[str, tuple[str, int]]
    open: tuple[str, ...] = ()


class Click(_Frame, frozen=True):
    """One click. Not kept after `until_mono_s` (the machine's monotonic clock, shared by its processes)."""

    aid: str
    verb: Verb
    feed: str
    target: str
    expect_state_rev: int
    args: dict[str, str]
    until_mono_s: float
    person: str
    """Who was signed in when it was made: it is kept under no other name."""
    pictures: tuple[bytes, ...] = ()
    """Files that `args` name by their SHA-256."""


class Question(_Frame, frozen=True):
    """HistoryDesk.request."""

    request: int
    series: str
    t0_ns: int
    t1_ns: int
    max_points: int


class AskFigures(_Frame, frozen=True):
    """FiguresDesk.ask_figures."""

    request: int
    t0_ns: int
    t1_ns: int


class Seeing(_Frame, frozen=True):
    """How the cameras on this screen are, all of them: said every few seconds, for the hub."""

    sights: tuple[Sight, ...]


class WantPictures(_Frame, frozen=True):
    """SmallPictureDesk.want, or PictureDesk.want_pictures."""

    blobs: tuple[str, ...]
    of_records: bool = False


class AskSignIn(_Frame, frozen=True):
    """AccessDesk.sign_in. The secret goes through the local socket, which only this user may open."""

    request: int
    person: str
    secret: str

    def __repr__(self) -> str:
        return f"AskSignIn({self.request}, ...)"


class AskSignOut(_Frame, frozen=True):
    request: int


class AskLock(_Frame, frozen=True):
    """AccessDesk.lock."""


class AskReveal(_Frame, frozen=True):
    """AccessDesk.reveal."""

    request: int
    what: str
    target: str
    reason: str


class AskAccounts(_Frame, frozen=True):
    """AccessDesk.accounts. May hold a secret, as AskSignIn does."""

    request: int
    wish: AccountWish


class AskConfide(_Frame, frozen=True):
    """AccessDesk.confide. What it holds goes through the local socket and the link, and lies nowhere."""

    request: int
    target: str
    values: dict[str, str]

    def __repr__(self) -> str:
        return f"AskConfide({self.request}, {self.target!r}, ...)"


class AskTurn(_Frame, frozen=True):
    """TurnDesk.turn."""

    wish: TurnWish


class Viewing(_Frame, frozen=True):
    """All cameras that this screen shows now: who viewed which is audited."""

    cameras: tuple[str, ...]


class Sounding(_Frame, frozen=True):
    """How this screen's loudspeaker is, for the hub; said again every few seconds."""

    speaker: Speaker | None


class Acknowledged(_Frame, frozen=True):
    """An alarm that the GUI raises by itself was acknowledged there: for the audit, which has one row for an `aid`.
    Sent again to every feeder until one says AuditKept. `person`: as in Click."""

    aid: str
    target: str
    person: str
    t_ns: int
    """When it was clicked."""


class StillSaved(_Frame, frozen=True):
    """A file was saved at this station, such as a still of a camera: for the audit, sent again like Acknowledged.
    `detail`: the file's name and its hash."""

    aid: str
    target: str
    """"cameras/cam-014", "sensors/river-01.water_level"."""
    detail: str
    person: str
    t_ns: int
    what: str = "save_still"


ToGui = (
    WireChanges | WireSamples | WireSeries | WireFeedStatus | WireLinkStatus | WireAction | WireTrouble | Alive
    | ClickKept | ClickRefused | AuditKept | WireGrant | WireAccess | WireRevealed
    | WireSmallPicture | WireTurn | WireFigures | WireAccounts
)  # fmt: skip
ToFeeder = (
    Attach | Click | Question | AskSignIn | AskSignOut | AskLock | AskReveal | AskConfide | AskTurn | Viewing
    | Acknowledged | StillSaved | WantPictures | Seeing | AskFigures | AskAccounts | Sounding
)  # fmt: skip

_ENCODER = msgspec.msgpack.Encoder()
_TO_GUI: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(ToGui)
_TO_FEEDER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(ToFeeder)


def encode(frame: ToGui | ToFeeder) -> bytes:
    return _ENCODER.encode(frame)


def decode_to_gui(raw: bytes) -> ToGui:
    """Raises msgspec.DecodeError."""
    return _TO_GUI.decode(raw)  # type: ignore[no-any-return]


def decode_to_feeder(raw: bytes) -> ToFeeder:
    """Raises msgspec.DecodeError."""
    return _TO_FEEDER.decode(raw)  # type: ignore[no-any-return]
