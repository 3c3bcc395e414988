"""What was, on one tile: its picture again from the packet ring (from when, how fast, paused or not, and back to live),
what was kept of an alarm, or a past time that a recorder kept (`past`, which does all that once it has begun).

It only says what is wanted (`demand`) and what is seen (`seen`); the tile shows both pictures' demands, so that what is
live goes on being decoded and is there at once afterwards. GUI thread only. Must not: paint (`replay_look`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.moment import Moment
from backends.domain.ports import PictureSource
from backends.domain.replay import Replay, kept_uri
from backends.domain.times import NS_PER_S, MonotonicClock, SessionClock
from widgets.hands import Ask
from widgets.i18n import tr

if TYPE_CHECKING:
    from widgets.parts.past import PastControl

RATES = (0.5, 1.0, 2.0, 4.0)
_SAID_S = 4.0
"""How long it is said that there was nothing to show."""


JUMPS_S = {Ask.BACK_10: -10, Ask.BACK_30: -30, Ask.BACK_60: -60, Ask.FORWARD_10: 10, Ask.FORWARD_60: 60}


@dataclass(frozen=True)
class ReplaySeen:
    """What the tile says about an old picture. Changes once a second, and when a person does something."""

    behind_s: int | None
    """How long ago the picture was received; None: it has not come yet."""
    rate: float
    paused: bool
    part: int
    """Hundredths of the way to its end."""
    t_ns: int = 0
    """Of what a recorder or the moment of an alarm has kept: when it was recorded, to the second, or the wanted time
    where it has not come; UTC. 0: it is from the packet ring."""


class ReplayControl:
    """Of one tile."""

    def __init__(
        self,
        pictures: PictureSource,
        mono: MonotonicClock,
        past: PastControl | None = None,
        clock: SessionClock | None = None,
    ) -> None:
        """`past` and `clock`: without them no past times and no moments of alarms are shown."""
        self._pictures = pictures
        self._past = past
        self._clock = clock
        self._moment: Moment | None = None
        """The alarm whose clip it is; None: it is from the packet ring."""
        self._mono = mono
        self._live: Demand | None = None
        self._replay: Replay | None = None
        self._began_ns = 0
        """The oldest moment that this replay has been taken to."""
        self._end_ns = 0
        """The present, when it was asked for."""
        self._at_ns = 0
        """Of the picture that is seen; 0 = none yet."""
        self._rate = 1.0
        self._paused = False
        self._nothing_since_s = -_SAID_S

    # -- what a person does ------------------------------------------------------------------------------

    def act(self, act: Ask) -> bool:
        """Do it; False: not this, or it means nothing now, for it is live that is shown, or nothing at all."""
        if self._past is not None and self._past.active:
            return self._past.act(act)
        jump_s = JUMPS_S.get(act, 0)
        if jump_s < 0:
            self.back(-jump_s)
            return self.active
        if not self.active:
            return False
        match act:
            case Ask.FORWARD_10 | Ask.FORWARD_60:
                self.forward(jump_s)
            case Ask.PAUSE:
                self.toggle_pause()
            case Ask.SLOWER | Ask.FASTER:
                self.faster(1 if act is Ask.FASTER else -1)
            case Ask.LIVE | Ask.OUT:
                self.to_live()
            case _:
                return False
        return True

    def back(self, seconds: float) -> None:
        """Show again what was live so long ago; during a replay, so long before what is seen."""
        if self._live is None:
            return
        if self._replay is None:
            self._end_ns = self._began_ns = self._now_ns()
            self._at_ns = self._end_ns
            self._rate, self._paused = 1.0, False
        else:
            self.look()
        self._go_to(self._at() - round(seconds * NS_PER_S))

    def forward(self, seconds: float) -> None:
        """Skip so much; beyond the end: back to live."""
        if self._replay is None:
            return
        self.look()
        to_ns = self._at() + round(seconds * NS_PER_S)
        if to_ns < self._end_ns:
            self._go_to(to_ns)
        else:
            self.to_live()

    def toggle_pause(self) -> None:
        """Stay with the picture that is seen, or go on from it."""
        if self._replay is None:
            return
        self.look()
        if self._replay is not None:
            self._paused = not self._paused
            self._go_to(self._at())

    def set_rate(self, rate: float) -> None:
        """One of RATES. Ends a pause."""
        if rate not in RATES:
            raise ValueError(f"{rate} is none of {RATES}")
        self.look()
        if self._replay is not None and (rate != self._rate or self._paused):
            self._rate, self._paused = rate, False
            self._go_to(self._at())

    def faster(self, steps: int = 1) -> None:
        """The next rate; negative: slower."""
        place = RATES.index(self._rate) + steps
        self.set_rate(RATES[min(len(RATES) - 1, max(0, place))])

    def to_live(self) -> None:
        self._replay = self._moment = None
        if self._past is not None:
            self._past.to_live()

    def start_past(self, t_ns: int) -> None:
        """A past time (UTC) from the camera's recorder, in the place of what is shown."""
        if self._past is not None:
            self._replay = None
            self._past.start(t_ns)

    def start_moment(self, moment: Moment) -> None:
        """What was kept of this alarm, from its beginning, in the place of what is shown."""
        if self._live is None or self._clock is None:
            return
        self.to_live()
        self._moment = moment
        self._began_ns, self._end_ns, self._at_ns = moment.from_ns, moment.until_ns, 0
        self._rate, self._paused = 1.0, False
        self._replay = Replay(kept_uri(moment.base), moment.from_ns, moment.until_ns)

    # -- what the tile asks and tells --------------------------------------------------------------------

    @property
    def active(self) -> bool:
        return self._replay is not None or (self._past is not None and self._past.active)

    @property
    def blank(self) -> bool:
        """There is no picture of the past yet, and what is live would be taken for one."""
        return self._past is not None and self._past.active and self._past.demand() is None

    @property
    def live(self) -> Demand | None:
        """What the tile would show live."""
        return self._live

    def set_live(self, live: Demand | None) -> None:
        """What the tile would show live, whenever it changes; None: nothing (hidden, no camera).

        Another camera ends a replay; another size or crop, or another stream of the camera, does not.
        """
        if live is None or self._live is None or live.camera_id != self._live.camera_id:
            self.to_live()
            self._nothing_since_s = -_SAID_S
        if self._past is not None:
            self._past.set_live(live)
        self._live = live

    def demand(self) -> Demand | None:
        """To be shown beside the live demand, and painted instead of it. None: live is painted, unless `blank`."""
        if self._past is not None and self._past.active:
            return self._past.demand()
        if self._replay is None or self._live is None:
            return None
        return msgspec.structs.replace(self._live, uri=self._replay.uri)

    def look(self) -> PictureStatus | None:
        """How its picture is, ten times a second; None: live is shown. At the end it goes back to live by itself."""
        if self._past is not None and self._past.active:
            return self._past.look()
        demand = self.demand()
        if demand is None:
            return None
        status = self._pictures.status(demand)
        if status.shown_mono_ns:
            self._at_ns = status.shown_mono_ns
        elif status.reason:
            self._nothing_since_s = self._mono.monotonic_s()
            self.to_live()
            return None
        if status.state is PictureState.ENDED and not self._paused:
            self.to_live()
            return None
        return status

    def seen(self) -> ReplaySeen | None:
        """For `replay_look`; None: live is shown."""
        if self._past is not None and self._past.active:
            return self._past.seen()
        if self._replay is None:
            return None
        behind_s = max(0, round((self._now_ns() - self._at_ns) / NS_PER_S)) if self._at_ns else None
        whole_ns = max(1, self._end_ns - self._began_ns)
        part = 100 * (self._at() - self._began_ns) // whole_ns
        t_ns = 0
        if self._moment is not None and self._clock is not None:
            # Told by the day and the session's clock: it may be of another day, and this machine have started since.
            t_ns = (self._moment.t_ns + self._at() - self._moment.mono_ns) // NS_PER_S * NS_PER_S
            behind_s = max(0, round((self._clock.now_ns() - t_ns) / NS_PER_S)) if self._at_ns else None
        return ReplaySeen(behind_s, self._rate, self._paused, min(100, max(0, part)), t_ns)

    @property
    def nothing(self) -> str:
        """Why there was nothing to show again, for a while; empty: nothing is said."""
        if self._mono.monotonic_s() - self._nothing_since_s < _SAID_S:
            return tr("replay.nothing")
        return self._past.said if self._past is not None else ""

    def held_s(self) -> float:
        """Seconds that can be shown again; 0 = none, or not known yet. Asked for while somebody looks."""
        return self._pictures.held_s(self._live) if self._live is not None else 0.0

    # -- inside ------------------------------------------------------------------------------------------

    def _now_ns(self) -> int:
        return round(self._mono.monotonic_s() * NS_PER_S)

    def _at(self) -> int:
        return self._at_ns or (self._replay.from_ns if self._replay is not None else self._now_ns())

    def _go_to(self, to_ns: int) -> None:
        if self._live is None:
            return
        live = self._replay.live if self._replay is not None else self._live.uri
        from_ns = min(max(0, to_ns), self._end_ns)
        self._began_ns = min(self._began_ns, from_ns)
        self._at_ns = 0
        self._replay = Replay(live, from_ns, from_ns if self._paused else self._end_ns, self._rate)
