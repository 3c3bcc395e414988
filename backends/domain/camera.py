"""Cameras: the directory record, the demand for pictures, and what a picture's state may be."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from backends.domain.picture import Apart, Decoding, PictureFlag, Raised
from backends.domain.text import LocalText
from backends.domain.turning import Turner

FLAGS_MOST = 16
"""Of one picture in a message: twice as many as there are."""


class StreamKind(StrEnum):
    """Which of a camera's streams."""

    MAIN = "main"
    """luồng chính: full resolution."""
    SUB = "sub"
    """luồng phụ: small, for tiles."""


class Stream(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stream of a camera. `uri` never holds a password."""

    kind: StreamKind
    uri: str
    """rtsp(s)://host/path (#udp, #sha256=HEX), http(s)://host/path (MJPEG, MPEG-TS or HLS), capture:0,
    imagezmq://host:5555/NAME, imagezmq-rep://address:5555/NAME, file:PATH (looped), scene:NUMBER (the demo's
    drawn street scene), testcard:NAME."""
    width: int = 0
    height: int = 0
    fps: float = 0.0


class Sight(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a station sees one of the cameras on its screens."""

    camera: str
    online: bool = True
    """It has a picture."""
    flags: Annotated[tuple[PictureFlag, ...], msgspec.Meta(max_length=FLAGS_MOST)] = ()
    """What is wrong with it, most urgent first."""


class StationSight(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one station sees of a camera."""

    station: str
    online: bool = True
    flags: tuple[PictureFlag, ...] = ()


class Sector(msgspec.Struct, frozen=True):
    """Clockwise from `from_deg`, `width_deg` wide; 360 is all round."""

    from_deg: float
    width_deg: float

    @property
    def middle_deg(self) -> float:
        return (self.from_deg + self.width_deg / 2) % 360.0


class PresetView(msgspec.Struct, frozen=True):
    """Where a camera that turns looks at one of its presets."""

    preset: str
    """Its name, or its token at the camera."""
    bearing_deg: float


class Camera(msgspec.Struct, frozen=True, omit_defaults=True):
    """One eye (mắt) of the directory."""

    id: str
    number: str
    """What operators call it: "068"."""
    name: LocalText
    streams: tuple[Stream, ...]
    """Of the camera itself, or of its recorder."""
    site: str = ""
    area_id: str = ""
    owner: str = "city"
    """`city" or "ward`."""
    lon: float | None = None
    lat: float | None = None
    bearing_deg: float | None = None
    """Where it looks, clockwise from north; of no meaning for one that turns."""
    online: bool = True
    """What the hub's own probe says."""
    reason: str = ""
    """Why it is not online, or could not be judged, for people and without secrets: "connection refused"."""
    flags: tuple[PictureFlag, ...] = ()
    """What that probe sees wrong with its picture, most urgent first."""
    thumbnail: str = ""
    """SHA-256 of a small JPEG (320 wide) among the hub's blobs; of a camera that is away, the last one."""
    t_thumbnail_ns: int = 0
    enabled: bool = True
    t_state_ns: int = 0
    """Since when `online` and `flags` are so."""
    sights: tuple[StationSight, ...] = ()
    """What the stations see that show it now, those without a picture first; empty while that is what is said here."""
    substitutes: tuple[str, ...] = ()
    """Camera ids that may stand in for this one, best first."""
    restream: tuple[Stream, ...] = ()
    """The same from the room's restream server, which pulls the camera once for all: used first where there are any."""
    recorder: str = ""
    """The recorder that keeps its pictures, where the hub knows how to play them from there; empty: none."""
    turns: bool = False
    """It can be turned, and the hub knows how it is reached for that."""
    turner: Turner | None = None
    """Who turns it now."""
    angle_deg: float | None = None
    """What it sees across, up to 360 (all round); None: not known."""
    range_m: float | None = None
    """So far away it shows what matters; None: not known."""
    reach: Sector | None = None
    """What it can be turned to; None: it is fixed, or that is not known."""
    preset_views: tuple[PresetView, ...] = ()
    """Of those presets of which somebody has said it."""
    rev: int = 1

    @property
    def disputed(self) -> bool:
        """Stations that show it see different things, or none has a picture where the hub has one: a broken line."""
        seen = {(one.online, one.flags) for one in self.sights}
        return len(seen) > 1 or (bool(seen) and self.online and not any(online for online, _ in seen))

    def stream(self, kind: StreamKind) -> Stream:
        """The wanted stream, or the nearest there is, restreamed where it is. Raises LookupError when there is none."""
        route = self.restream or self.streams
        for stream in route:
            if stream.kind is kind:
                return stream
        if not route:
            raise LookupError(f"camera {self.number} has no stream")
        return route[0]


class PictureState(StrEnum):
    """What the picture on a tile is, as far as the decoder can tell."""

    CONNECTING = "connecting"
    WAITING_KEY = "waiting_key"
    """Connected; the next key frame has not come yet."""
    LIVE = "live"
    SLOW = "slow"
    """No new picture for max(1.5 s, 3 usual intervals)."""
    LOST = "lost"
    """No new picture for 5 s."""
    REFUSED = "refused"
    """The camera refuses the password: no retry storm."""
    DISABLED = "disabled"
    NO_SOURCE = "no_source"
    """The address is not one that this program can open; `reason` says why."""
    REPLAY = "replay"
    """Pictures of the past come as they should; `shown_ns` says of when."""
    ENDED = "ended"
    """A replay has come to its end; its last picture stays."""


class Demand(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """What a tile wants to show. Equal demands share one output. Looked up at every picture pass: its hash is kept."""

    camera_id: str
    uri: str
    """Of one of its streams, or of a replay of one (`backends.domain.replay`)."""
    width: int
    """Physical pixels of the picture on the screen."""
    height: int
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    """x, y, width, height as shares of the full picture."""
    held: bool = False
    """Of a recorder's past: stay with the picture that is there, and let go of the recorder meanwhile."""


class PictureStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """A camera's picture as its worker sees it. Read by the GUI thread at repaint rate."""

    state: PictureState
    age_s: float = 0.0
    """Since the last new picture (monotonic), or since the demand where none has come."""
    received: int = 0
    """Frames decoded since the demand, reconnections and deaths of workers included."""
    fps: float = 0.0
    reconnects: int = 0
    torn: int = 0
    """Reads that met a buffer being written, were retried and counted."""
    reason: str = ""
    """For people, without secrets: "connection refused"."""
    bits_per_s: int = 0
    """What the stream sends; 0 = not known (drawn here, or not for long enough)."""
    bad: int = 0
    """Packets and frames that could not be decoded."""
    late: int = 0
    """Frames that were drawn more than one usual interval after they came: this machine is too slow."""
    raised: tuple[Raised, ...] = ()
    """What is wrong with the pictures that come, most urgent first. Of no meaning in states without a picture."""
    apart: Apart | None = None
    """Its decoder worker is not shared with the others; None: it is."""
    decoding: Decoding = Decoding.PLAIN
    device: str = ""
    """The graphics device that `decoding` is about (`DEVICES`); empty: none in particular."""
    shown_ns: int = 0
    """Of a replay: when the picture that is shown was received, UTC; 0 = it is none of the past, or none has come."""
    shown_mono_ns: int = 0
    """The same by the monotonic clock of this machine: what is reckoned with."""


def flags_meant(camera: Camera, flags: tuple[PictureFlag, ...]) -> tuple[PictureFlag, ...]:
    """Those that are news: a camera that people turn looks elsewhere than its reference view by right."""
    return tuple(flag for flag in flags if not (camera.turns and flag is PictureFlag.TURNED))


def as_meant(camera: Camera, status: PictureStatus) -> PictureStatus:
    """The status with those flags alone."""
    meant = flags_meant(camera, tuple(one.flag for one in status.raised))
    if len(meant) == len(status.raised):
        return status
    return msgspec.structs.replace(status, raised=tuple(one for one in status.raised if one.flag in meant))
