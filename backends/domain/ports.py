"""The Protocols that join the parts. console/ builds implementations and hands them to widgets.

Data towards the GUI comes as frozen deliveries through one inbox, drained by one timer in the GUI
thread; nothing here emits Qt signals. What the GUI wants done goes through ActionDesk, AccessDesk,
HistoryDesk, FiguresDesk, StreamDesk and PictureSource, whose calls return at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from backends.domain.access import AccessAnswer, AccountsTold, AccountWish, Grant, Revealed
from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm_figures import AlarmFigures
from backends.domain.camera import Camera, Demand, PictureStatus
from backends.domain.device import CameraEvent, Preset, PtzPosition
from backends.domain.feeds import FeedStatus, LinkState, Mode
from backends.domain.sensor import Flagged, Sample
from backends.domain.stream_choice import Act, Use, View, Wish
from backends.domain.text import LocalText
from backends.domain.turning import TurnStatus, TurnWish


class Changes(msgspec.Struct, frozen=True):
    """Committed changes of one state or append feed, in order. `stored` False: shown, but not kept."""

    feed: str
    put: tuple[Any, ...] = ()
    deleted: tuple[str, ...] = ()
    reset: bool = False
    """True: `put` is the whole feed (start from the store, or a snapshot); forget the rest."""
    stored: bool = True


class NewSamples(msgspec.Struct, frozen=True):
    """Newest samples, at most one batch a drain; latest wins, `conflated` counted."""

    samples: tuple[Sample, ...]
    conflated: int = 0


class SeriesPart(msgspec.Struct, frozen=True):
    """Answer of HistoryDesk: one series over a range, thinned to what was asked for."""

    request: int
    series: str
    t_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    """NaN = a gap that must stay open."""
    complete: bool = True
    """False: from the store alone; more may come under the same request number."""
    flags: tuple[Flagged, ...] = ()
    """Samples that are not good, which the line leaves out; rising in time."""


class FiguresPart(msgspec.Struct, frozen=True):
    """Answer of FiguresDesk."""

    request: int
    figures: AlarmFigures | None
    """None: the store cannot be read now."""


class LinkStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """The link as a whole."""

    state: LinkState
    mode: Mode
    t_since_ns: int
    server: str = ""
    reason: str = ""
    now_ns: int = 0
    """The hub's clock when this was made; 0 = not known yet."""
    rate: float = 1.0
    """How fast the hub's clock runs."""
    queued: int = 0
    """Actions that wait for the link."""


class StoreTrouble(msgspec.Struct, frozen=True):
    """The store cannot keep what arrives: said in words, alarms still show."""

    code: str
    """One of: "disk_full", "io_error", "damaged", "newer_schema", "" = healed."""
    text: str = ""


class SmallPicture(msgspec.Struct, frozen=True):
    """What SmallPictureDesk was asked for: a JPEG of a camera, whose bytes have the SHA-256 `blob`. Or
    PictureDesk: a JPEG or PNG from outside, of which nothing else has been looked at."""

    blob: str
    data: bytes
    code: str = ""
    """Of `want_pictures`, why it does not come (yet): "unknown" (the hub does not have it), "too_large", "no_picture"
    (neither JPEG nor PNG), "no_answer", "busy", "bad_hash"."""


Delivery = (
    Changes | NewSamples | SeriesPart | FiguresPart | FeedStatus | LinkStatus | ActionStatus | StoreTrouble | Grant
    | AccessAnswer | Revealed | AccountsTold | SmallPicture | TurnStatus
)  # fmt: skip


class Inbox(Protocol):
    """The one door for data into the GUI thread."""

    def drain(self, limit: int = 5000) -> list[Delivery]:
        """What has been committed since the last call, oldest first. Never blocks. GUI thread only."""
        ...


class ActionRefused(Exception):
    """The click could not be kept; `code` and the words say why, and nothing was sent."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code


class ActionDesk(Protocol):
    """Takes clicks. The stages come back through the inbox as ActionStatus."""

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int, args: dict[str, str] | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        """Keep the click and send it when the link is there. Returns its `aid`.

        `pictures`: JPEGs that it names in `args["pictures"]` by their SHA-256 (`action.with_pictures`). They are kept
        with it, and are at the hub before it is.

        Returns within a frame; the stage QUEUED in the inbox says that it is on disk.
        Raises ActionRefused when it cannot be kept at all ("not_kept"), or when whoever is signed in may not
        do it ("nobody_signed_in", "locked", "not_allowed"): the hub is not even asked.
        """
        ...


class AccessDesk(Protocol):
    """Who sits here. All calls return at once; what became of them comes through the inbox.

    A Grant comes at every change: of the person, of the lock, of the rights. A secret given here is used
    for the one call and kept nowhere.
    """

    def sign_in(self, person: str, secret: str) -> int:
        """Sign in, unlock, or take over from whoever was signed in (hand-over of a shift).

        AccessAnswer with the returned number says how it went. Without the hub it is compared with what this
        station keeps for that person, if it keeps anything.
        """
        ...

    def sign_out(self) -> int:
        """The session ends; clicks that are on their way still go out under it. AccessAnswer follows."""
        ...

    def lock(self) -> None:
        """Hide actions and personal data until somebody signs in. Alarms and sound go on."""
        ...

    def reveal(self, what: str, target: str, reason: str) -> int:
        """See what never travels on LIVE: ("reporter", report id) or ("camera", camera id), audited by the hub
        with `reason`, 1 to 200 characters. Revealed with the returned number follows.

        ("past", camera id) is a look at a past time, its span (`replay.span_text`) the reason: Revealed has "uri", an
        address without a password, which this station may open while whoever asked sits here. Or "trouble", in words
        of the recorder."""
        ...

    def accounts(self, wish: AccountWish) -> int:
        """See or change accounts at the hub, which audits each change; without the hub nothing is changed. AccountsTold
        with the returned number follows."""
        ...

    def confide(self, target: str, values: dict[str, str]) -> int:
        """Tell the hub who called about a report that the centre took in (`name`, `phone`), once it has its number.

        AccessAnswer with the returned number follows; only its empty code says that the hub has it. Nothing of it is
        kept here: who asks holds it until then, and asks again.
        """
        ...


class HistoryDesk(Protocol):
    """Series over a range: first from the store, then from the hub."""

    def request(self, series: str, t0_ns: int, t1_ns: int, max_points: int) -> int:
        """Ask; SeriesPart with the returned number comes through the inbox. Never blocks."""
        ...


class FiguresDesk(Protocol):
    """Figures of the alarms, from the events that this station keeps."""

    def ask_figures(self, t0_ns: int, t1_ns: int) -> int:
        """Ask for that time; FiguresPart with the returned number comes through the inbox. Never blocks.

        A later question takes the place of one that is not answered yet. Without a feeder nothing comes: whoever shows
        them asks again now and then.
        """
        ...


class SmallPictureDesk(Protocol):
    """The small pictures that camera records name."""

    def want(self, blobs: tuple[str, ...]) -> None:
        """All (SHA-256) that the screen lacks now, most wanted first; what was wanted before is forgotten.

        Each comes through the inbox once, as SmallPicture, from this station's disk or else from the hub. Nothing
        comes of one that nobody has: it is tried again for as long as it is wanted. Never blocks.
        """
        ...


class PictureDesk(SmallPictureDesk, Protocol):
    """And those that reports name."""

    def want_pictures(self, blobs: tuple[str, ...]) -> None:
        """As SmallPictureDesk.want, and it is said why one does not come, each time that it was tried."""
        ...


Pixels = npt.NDArray[np.uint8]
"""(height, row, 4), BGRA in memory (QImage.Format_RGB32), whole rows: they may be longer than the picture is wide."""


class Picture(Protocol):
    """A pinned frame."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    def bgra(self) -> Pixels:
        """Its colours, made now. They stay until the next picture of this size is asked for its own: paint or copy."""
        ...

    @property
    def sequence(self) -> int:
        """Counts pictures of this output; equal = the same picture."""
        ...


class PictureSource(Protocol):
    """Pictures of cameras. GUI thread only; no call blocks."""

    def demand(self, wanted: frozenset[Demand]) -> None:
        """All that is shown now, over all windows. What is no longer in it stops being decoded."""
        ...

    def sequence(self, demand: Demand) -> int:
        """Sequence of the newest picture, 0 = none yet. Cheap: read for every tile at every pass."""
        ...

    def pin(self, demand: Demand) -> AbstractContextManager[Picture | None]:
        """The newest picture, kept from being overwritten inside the `with`."""
        ...

    def status(self, demand: Demand) -> PictureStatus: ...

    def source_size(self, demand: Demand) -> tuple[int, int]:
        """Width and height of the decoded picture before scaling; (0, 0) = not known yet."""
        ...

    def keep_clip(self, name: str, demand: Demand, from_ns: int, until_ns: int) -> None:
        """Have what its stream sends between these times (monotonic) kept as a file of that name, once they are over.
        Nothing is answered; a replay of `replay.kept_uri(name)` shows it."""
        ...

    def held_s(self, demand: Demand) -> float:
        """Seconds of its stream that can be shown again (`backends.domain.replay`); 0 = none, or not known yet."""
        ...


class StreamDesk(Protocol):
    """Chooses the streams of all that is on the screen and has them decoded. GUI thread only; no call blocks."""

    def set_cameras(self, cameras: Iterable[Camera]) -> None:
        """The directory, whenever it has changed."""
        ...

    def show(self, views: Sequence[View], replays: Collection[Demand] = ()) -> tuple[Demand | None, ...]:
        """All that can be seen, over all windows, at every change of it and ten times a second: a switch of streams
        goes on between two calls. `replays`: what is shown again beside it (`domain.replay`); nothing is chosen there.

        Returns what each of them paints from now on; None: nothing, its camera has no address or is switched off.
        """
        ...

    def wish(self, camera_id: str) -> Wish:
        """What people chose on the tiles of this camera, which share one stream: the main one if any of them did."""
        ...

    def use(self, camera_id: str) -> Use | None:
        """Which stream it is, and why; None: it is not shown."""
        ...

    def left_out(self, camera_id: str) -> tuple[Act, ...]:
        """What is left out of its picture now. That it is no main stream is said by `use`."""
        ...

    @property
    def standing(self) -> LocalText | None:
        """What is left out on this wall, in words, for as long as it is."""
        ...

    def feel(self, tick_p99_ms: float, alarmed: Collection[str] = ()) -> None:
        """Look at the load, once a second. `tick_p99_ms`: of the GUI's passes in that second; `alarmed`: ids of
        cameras that are made worse last."""
        ...


class TurnDesk(Protocol):
    """Turns cameras for whoever sits here. GUI thread only; returns at once."""

    def turn(self, wish: TurnWish) -> None:
        """What becomes of it comes through the inbox as TurnStatus. While a hand holds a move it is said again, at
        least every half of `turning.MOVE_S`; a move of nothing stops the camera at once."""
        ...


class PtzDriver(Protocol):
    """Turns one camera. One thread; every call blocks for some seconds at most and raises `device.DeviceTrouble`.

    Knows no lease: whoever calls has made sure that this person may turn this camera now.
    """

    def prepare(self) -> None:
        """Ask what a move needs to know. Once, before the first of them: none then waits for more than its own call."""
        ...

    def move(self, pan: float, tilt: float, zoom: float, timeout_s: float) -> None:
        """Speeds from -1 to 1 (right, up, in), until the next call or for `timeout_s`: then the CAMERA stops by itself.

        Whoever keeps it moving calls again before that, at half of the time-out.
        """
        ...

    def stop(self) -> None: ...
    def presets(self) -> tuple[Preset, ...]: ...
    def go_to(self, preset: str) -> None:
        """Turn to a preset, by its token."""
        ...

    def keep_preset(self, name: str, preset: str = "") -> str:
        """Keep the present view, in the place of `preset` where one is given. Returns its token."""
        ...

    def position(self) -> PtzPosition: ...


class CameraEvents(Protocol):
    """What one device notices, for the hub."""

    def watch(
        self, stop: threading.Event, deliver: Callable[[CameraEvent], None], say: Callable[[str], None]
    ) -> None:  # fmt: skip
        """Until `stop`, in the caller's thread, over any number of losses. `deliver` gets each event, from this thread.

        `say` gets a sentence whenever the watch is lost, and the empty text when it stands and how things are is said
        next, also where it was not lost: silence after a loss must not be taken for quiet.
        """
        ...


class PastPictures(Protocol):
    """What one recorder has kept, whether it is played by its maker's addresses or by ONVIF Profile G."""

    def past(self, channel: int, t0_ns: int, t1_ns: int | None = None) -> str:
        """The address (`Demand.uri`) of what it kept of its `channel`, counted from 1, from `t0_ns` to `t1_ns` (UTC;
        None: as far as there is something). May ask the recorder, for some seconds.

        Raises `device.DeviceTrouble` in words where there is none, ValueError for times or channels that cannot be.
        """
        ...
