"""A tour: the stops of a list one after the other on one tile, each a camera for its dwell time.

It holds while somebody looks at the tile closely, and while its camera has an alarm that nobody has acknowledged. The
next camera is asked for a little before its turn, so that no black stands between the two. By the session's clock,
which may stand still or jump. Must not: paint, turn a camera (`tour_presets` does), or decide when it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.domain.camera import Demand
from backends.domain.stream_choice import View
from backends.domain.times import NS_PER_S
from layouts.options import TourStop
from widgets.parts.demands import DemandBoard

AHEAD_S = 3.0
"""A camera is usually open and has its first key frame within this time."""


class CameraTour:
    """Of one tile. GUI thread only."""

    def __init__(self, stops: Sequence[TourStop], dwell_s: float, demands: DemandBoard) -> None:
        """`stops`: at least one. `dwell_s`: of those that say nothing else."""
        self.stops = tuple(stops)
        self._dwell_s = dwell_s
        self._demands = demands
        self._at = 0
        self._since_ns: int | None = None
        self.ahead: TourStop | None = None
        """The next one, while its picture is asked for already."""

    @property
    def stop(self) -> TourStop:
        """Whose turn it is."""
        return self.stops[self._at]

    @property
    def number(self) -> str:
        """Of its camera."""
        return self.stop.camera

    @property
    def words(self) -> str:
        """ "2/5"."""
        return f"{self._at + 1}/{len(self.stops)}"

    def dwell_s(self, stop: TourStop) -> float:
        return stop.dwell_s if stop.dwell_s is not None else self._dwell_s

    def step(self, now_ns: int, view_of: Callable[[str], View | None], *, hold: bool) -> bool:
        """Once a second; True: it is the turn of another camera. `view_of`: what the tile would show of the camera of
        that number, None = it cannot be shown, its turn is left out."""
        if hold or self._since_ns is None or now_ns < self._since_ns:
            self._since_ns = now_ns  # after a hold, and when the clock was set back, its time begins again
            self.shown()
            return False
        passed_s, dwell_s = (now_ns - self._since_ns) / NS_PER_S, self.dwell_s(self.stop)
        if passed_s < dwell_s - min(AHEAD_S, dwell_s / 2):
            return False
        n, view = self._next(view_of)
        if view is None:
            return False
        if passed_s < dwell_s:
            self._demands.set(self, view)
            self.ahead = self.stops[n]
            return False
        self._at, self._since_ns = n, now_ns
        return True

    def shown(self) -> None:
        """The tile shows it by itself now, or nothing."""
        self._demands.set(self, None)
        self.ahead = None

    def on_demand(self, demand: Demand | None) -> None:
        """As an owner of the board: what comes of it is painted by the tile, in its turn."""

    def _next(self, view_of: Callable[[str], View | None]) -> tuple[int, View | None]:
        count = len(self.stops)
        for n in ((self._at + step) % count for step in range(1, count)):
            if (view := view_of(self.stops[n].camera)) is not None:
                return n, view
        return self._at, None
