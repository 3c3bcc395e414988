"""A tour: the cameras of a list one after the other on one tile, each for its dwell time.

It holds while somebody looks at the tile closely, and while its camera has an alarm that nobody has acknowledged. The
next camera is asked for a little before its turn, so that no black stands between the two. By the session's clock,
which may stand still or jump. Must not: paint, or decide when it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.domain.camera import Demand
from backends.domain.stream_choice import View
from backends.domain.times import NS_PER_S
from widgets.parts.demands import DemandBoard

AHEAD_S = 3.0
"""A camera is usually open and has its first key frame within this time."""


class CameraTour:
    """Of one tile. GUI thread only."""

    def __init__(self, numbers: Sequence[str], dwell_s: float, demands: DemandBoard) -> None:
        """`numbers`: of cameras, at least one."""
        self.numbers = tuple(numbers)
        self._dwell_ns = int(dwell_s * NS_PER_S)
        self._ahead_ns = int(min(AHEAD_S, dwell_s / 2) * NS_PER_S)
        self._demands = demands
        self._at = 0
        self._since_ns: int | None = None

    @property
    def number(self) -> str:
        """Of the camera whose turn it is."""
        return self.numbers[self._at]

    @property
    def words(self) -> str:
        """ "2/5"."""
        return f"{self._at + 1}/{len(self.numbers)}"

    def step(self, now_ns: int, view_of: Callable[[str], View | None], *, hold: bool) -> bool:
        """Once a second; True: it is the turn of another camera. `view_of`: what the tile would show of the camera of
        that number, None = it cannot be shown, its turn is left out."""
        if hold or self._since_ns is None or now_ns < self._since_ns:
            self._since_ns = now_ns  # after a hold, and when the clock was set back, its time begins again
            self._demands.set(self, None)
            return False
        passed_ns = now_ns - self._since_ns
        if passed_ns < self._dwell_ns - self._ahead_ns:
            return False
        n, view = self._next(view_of)
        if view is None:
            return False
        if passed_ns < self._dwell_ns:
            self._demands.set(self, view)
            return False
        self._at, self._since_ns = n, now_ns
        return True

    def shown(self) -> None:
        """The tile shows it by itself now."""
        self._demands.set(self, None)

    def on_demand(self, demand: Demand | None) -> None:
        """As an owner of the board: what comes of it is painted by the tile, in its turn."""

    def _next(self, view_of: Callable[[str], View | None]) -> tuple[int, View | None]:
        count = len(self.numbers)
        for n in ((self._at + step) % count for step in range(1, count)):
            if (view := view_of(self.numbers[n])) is not None:
                return n, view
        return self._at, None
