"""Stand-ins of product quality for the ports that widgets use: pictures, actions, history, sound, inbox.

They keep the contracts of `backends.domain.ports` (return at once, answer through the inbox, refuse in
words) and write down what they were asked. They never pretend that something arrived by itself: a test
says when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.domain.access import AccessAnswer, AccountSeen, AccountsTold, AccountWish, Revealed
from backends.domain.action import Action, ActionStatus, Stage, Verb, new_aid
from backends.domain.alarm import Priority
from backends.domain.alarm_figures import AlarmFigures
from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.ports import ActionRefused, Delivery, FiguresPart, Pixels, SeriesPart, SmallPicture
from backends.domain.replay import is_past, is_replay
from backends.domain.stream_choice import LeftOut, Seen
from backends.domain.times import NS_PER_S, SessionClock
from backends.domain.turning import TurnStage, TurnStatus, TurnWish
from backends.video.plan import StreamKey

Series = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""(t_ns, value), rising in time; NaN is an open gap."""


class FakeInbox:
    """Deliveries in the order in which they were put."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []

    def put(self, *deliveries: Delivery) -> None:
        self.waiting += deliveries

    def drain(self, limit: int = 5000) -> list[Delivery]:
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken


class FakeSmall:
    """Small pictures that a test has put there, by their SHA-256."""

    def __init__(self, inbox: FakeInbox) -> None:
        self._inbox = inbox
        self.have: dict[str, bytes] = {}
        self.wanted: list[tuple[str, ...]] = []
        self.wanted_pictures: list[tuple[str, ...]] = []

    def want(self, blobs: tuple[str, ...]) -> None:
        self.wanted.append(blobs)
        self._inbox.put(*(SmallPicture(blob, self.have[blob]) for blob in blobs if blob in self.have))

    def want_pictures(self, blobs: tuple[str, ...]) -> None:
        """Those that a test has not put there are unknown."""
        self.wanted_pictures.append(blobs)
        for blob in blobs:
            data = self.have.get(blob, b"")
            self._inbox.put(SmallPicture(blob, data, "" if data else "unknown"))


@dataclass
class FakePicture:
    """A frame that nobody overwrites."""

    pixels: Pixels
    sequence: int

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    def bgra(self) -> Pixels:
        return self.pixels


class FakePictures:
    """Pictures that a test sets by camera id; all streams of the camera show the same one."""

    def __init__(self) -> None:
        self.wanted: frozenset[Demand] = frozenset()
        self.withheld: set[str] = set()
        """Addresses whose pictures have not come yet."""
        self.left_out: Mapping[StreamKey, LeftOut] = {}
        self.load: tuple[float, float] | None = None
        """What `decoding` says."""
        self.pins = 0
        self.sizes: dict[str, tuple[int, int]] = {}
        """By camera id, or by the address of one stream: what `source_size` says."""
        self.replays: dict[str, PictureStatus] = {}
        """By the address of the replay."""
        self.clips: list[tuple[str, Demand, int, int]] = []
        """What was to be kept."""
        self.held: dict[str, float] = {}
        """Seconds, by camera id."""
        self._pictures: dict[str, FakePicture] = {}
        self._statuses: dict[str, PictureStatus] = {}

    def show(self, camera_id: str, pixels: Pixels) -> None:
        """A new picture of this camera (or of the stream of this address); its state becomes LIVE unless a test has
        said otherwise."""
        before = self._pictures.get(camera_id)
        self._pictures[camera_id] = FakePicture(pixels, before.sequence + 1 if before else 1)
        self._statuses.setdefault(camera_id, PictureStatus(PictureState.LIVE, received=1, fps=25.0))

    def set_status(self, camera_id: str, status: PictureStatus) -> None:
        self._statuses[camera_id] = status

    def demand(self, wanted: frozenset[Demand]) -> None:
        self.wanted = wanted

    def _picture(self, demand: Demand) -> FakePicture | None:
        if demand.uri in self.withheld:
            return None
        return self._pictures.get(demand.uri) or self._pictures.get(demand.camera_id)

    def sequence(self, demand: Demand) -> int:
        picture = self._picture(demand)
        return picture.sequence if picture else 0

    @contextmanager
    def pin(self, demand: Demand) -> Iterator[FakePicture | None]:
        self.pins += 1
        yield self._picture(demand)

    def seen(self, demand: Demand) -> Seen:
        """As `stream_desk.Pictures`."""
        picture = self._picture(demand) if demand in self.wanted else None
        return Seen(self.status(demand).age_s) if picture is not None else Seen()

    def leave_out(self, left_out: Mapping[StreamKey, LeftOut]) -> None:
        self.left_out = left_out

    def decoding(self) -> tuple[float, float] | None:
        return self.load

    def status(self, demand: Demand) -> PictureStatus:
        if is_replay(demand.uri) or is_past(demand.uri):
            return self.replays.get(demand.uri, PictureStatus(PictureState.CONNECTING))
        return self._statuses.get(demand.camera_id, PictureStatus(PictureState.CONNECTING))

    def source_size(self, demand: Demand) -> tuple[int, int]:
        return self.sizes.get(demand.uri) or self.sizes.get(demand.camera_id, (0, 0))

    def keep_clip(self, name: str, demand: Demand, from_ns: int, until_ns: int) -> None:
        self.clips.append((name, demand, from_ns, until_ns))

    def held_s(self, demand: Demand) -> float:
        return self.held.get(demand.camera_id, 0.0)


@dataclass
class FakeActions:
    """Keeps clicks; `refuse` set to a code refuses the next ones in words."""

    clock: SessionClock
    inbox: FakeInbox
    submitted: list[Action] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    """Those of all clicks."""
    refuse: str = ""

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int, args: dict[str, str] | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        if self.refuse:
            raise ActionRefused(self.refuse)
        self.pictures += pictures
        action = Action(
            aid=new_aid(),
            verb=verb,
            feed=feed,
            target=target,
            expect_state_rev=expect_state_rev,
            made_at_ns=self.clock.now_ns(),
            args=args or {},
            cseq=len(self.submitted) + 1,
        )
        self.submitted.append(action)
        self.inbox.put(ActionStatus(action, Stage.QUEUED, t_stage_ns=action.made_at_ns))
        return action.aid

    def answer(self, stage: Stage, code: str = "", text: str = "") -> None:
        """The hub answers the newest click."""
        self.inbox.put(ActionStatus(self.submitted[-1], stage, code, text, self.clock.now_ns()))


@dataclass
class FakeAccess:
    """Writes down what was asked; `answer`, `grant` and `show` are what a feeder would say to it."""

    inbox: FakeInbox
    asked: list[tuple[str, ...]] = field(default_factory=list)
    wishes: list[AccountWish] = field(default_factory=list)

    def sign_in(self, person: str, secret: str) -> int:
        self.asked.append(("sign_in", person, secret))
        return len(self.asked)

    def sign_out(self) -> int:
        self.asked.append(("sign_out",))
        return len(self.asked)

    def lock(self) -> None:
        self.asked.append(("lock",))

    def reveal(self, what: str, target: str, reason: str) -> int:
        self.asked.append(("reveal", what, target, reason))
        return len(self.asked)

    def accounts(self, wish: AccountWish) -> int:
        self.asked.append(("accounts", wish.act, wish.person))
        self.wishes.append(wish)
        return len(self.asked)

    def tell_accounts(self, *accounts: AccountSeen, code: str = "", text: str = "", secret: str = "") -> None:
        """To the newest question about them."""
        self.inbox.put(AccountsTold(len(self.asked), self.wishes[-1], code, text, accounts, secret, 1))

    def confide(self, target: str, values: dict[str, str]) -> int:
        self.asked.append(("confide", target, *values.values()))
        return len(self.asked)

    def answer(self, code: str = "", retry_s: float = 0.0) -> None:
        """To the newest question."""
        self.inbox.put(AccessAnswer(len(self.asked), code, retry_s))

    def signed_by_given_secret(self) -> None:
        """The newest sign-in was let in by a secret that somebody gave."""
        self.inbox.put(AccessAnswer(len(self.asked), text="own_secret"))

    def show(self, values: dict[str, str], code: str = "") -> None:
        """The newest reveal is answered."""
        _, what, target, _ = self.asked[-1]
        self.inbox.put(Revealed(len(self.asked), what, target, code, values))


@dataclass
class FakeTurning:
    """Writes down what hands wanted; `say` is what a feeder would tell of a camera."""

    inbox: FakeInbox
    wishes: list[TurnWish] = field(default_factory=list)

    def turn(self, wish: TurnWish) -> None:
        self.wishes.append(wish)

    def say(self, camera_id: str, stage: TurnStage, code: str = "", **more: Any) -> None:
        """About the newest wish for that camera, where `number` says no other one."""
        newest = max((wish.number for wish in self.wishes if wish.camera_id == camera_id), default=0)
        self.inbox.put(TurnStatus(camera_id, stage, code, **({"number": newest} | more)))


@dataclass(frozen=True)
class HistoryRequest:
    """One call of `FakeHistory.request`."""

    number: int
    series: str
    t0_ns: int
    t1_ns: int
    max_points: int


class FakeHistory:
    """Answers from functions by series when `answer` is called, thinned to what was asked for."""

    def __init__(self, inbox: FakeInbox) -> None:
        self.inbox = inbox
        self.requests: list[HistoryRequest] = []
        self.series: dict[str, Callable[[int, int], Series]] = {}
        """By series: (t0_ns, t1_ns) -> samples in that range."""

    def request(self, series: str, t0_ns: int, t1_ns: int, max_points: int) -> int:
        asked = HistoryRequest(len(self.requests) + 1, series, t0_ns, t1_ns, max_points)
        self.requests.append(asked)
        return asked.number

    def part(self, asked: HistoryRequest, *, complete: bool = True) -> SeriesPart:
        """What the store or the hub would answer to `asked`."""
        make = self.series.get(asked.series)
        if make is None:
            t_ns, value = np.empty(0, np.int64), np.empty(0, np.float64)
        else:
            t_ns, value = make(asked.t0_ns, asked.t1_ns)
        step = max(1, -(-len(t_ns) // max(1, asked.max_points)))
        return SeriesPart(asked.number, asked.series, t_ns[::step], value[::step], complete)

    def answer(self) -> None:
        """Put answers to all requests so far into the inbox."""
        self.inbox.put(*(self.part(asked) for asked in self.requests))


class FakeFigures:
    """Answers when `answer` is called."""

    def __init__(self, inbox: FakeInbox) -> None:
        self.inbox = inbox
        self.asked: list[tuple[int, int]] = []
        """(t0_ns, t1_ns) of each question; its number is its place, from 1."""

    def ask_figures(self, t0_ns: int, t1_ns: int) -> int:
        self.asked.append((t0_ns, t1_ns))
        return len(self.asked)

    def answer(self, figures: AlarmFigures | None, number: int = 0) -> None:
        """Into the inbox; 0 = to the newest question."""
        self.inbox.put(FiguresPart(number or len(self.asked), figures))


class FakeSound:
    """An annunciator without a loudspeaker."""

    def __init__(self, *, available: bool = True) -> None:
        self._available = available
        self.muted = False
        self.heard: Priority | None = None
        self.speaker = ""
        self.silences = 0

    @property
    def available(self) -> bool:
        return self._available

    @property
    def silenced(self) -> bool:
        return self.muted

    @property
    def sounding(self) -> Priority | None:
        return self.heard

    @property
    def heard_at(self) -> str:
        return self.speaker

    def silence(self) -> None:
        self.heard = None
        self.silences += 1

    def toggle_muted(self) -> None:
        self.muted = not self.muted


def curve(f: Callable[[float], float], period_s: float = 60.0) -> Callable[[int, int], Series]:
    """A series from `f` (hours since the epoch -> value), sampled on multiples of `period_s`."""
    step = int(period_s * NS_PER_S)

    def make(t0_ns: int, t1_ns: int) -> Series:
        t_ns = np.arange(-(-t0_ns // step) * step, t1_ns + 1, step, dtype=np.int64)
        return t_ns, np.array([f(t / NS_PER_S / 3600.0) for t in t_ns.tolist()], dtype=np.float64)

    return make
