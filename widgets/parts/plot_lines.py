"""The series of one plot: which they are, what was asked of history for each, and what came.

1. `need`: what of the range in view is not known, or too coarse, is asked for, with half a range on either side.
2. The store answers first, 3. the hub completes it under the same number; both run outside the GUI thread.
4. Only the newest question counts: an answer to an older one is dropped (`dropped`).
Live samples are appended as they arrive. GUI thread only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backends.domain.ports import SeriesPart
from backends.domain.sensor import Sensor
from backends.domain.times import NS_PER_S
from widgets.parts.plot_air import index_for
from widgets.parts.plot_range import Span
from widgets.parts.plot_series import GAP_PERIODS, PlotSeries
from widgets.session import Session

MAX_POINTS = 4000
"""Asked of history: two for each pixel of the widest wall panel's plot."""
MOST = 8
"""Lines that a plot tells apart."""
AGAIN_S = 15.0
"""A question that nothing was heard of is asked again: its feeder may have been restarted."""


@dataclass
class Shown:
    """One series of a plot."""

    sensor: Sensor
    series: PlotSeries
    request: int = 0
    asked: Span = (0, 0)
    asked_at_s: float = 0.0
    answered: bool = True
    complete: bool = True
    """The hub has answered, not the station's store alone."""


@dataclass
class PlotLines:
    """Of one plot; the first is the one that the tile is about."""

    session: Session
    shown: list[Shown] = field(default_factory=list)
    dropped: int = 0
    """Answers that came too late."""
    index: Shown | None = None
    """The air index that follows from the first; it has a strip and no line."""

    @property
    def _all(self) -> list[Shown]:
        return [*self.shown, *([self.index] if self.index is not None else [])]

    @property
    def first(self) -> Shown | None:
        return self.shown[0] if self.shown else None

    def set_first(self, sensor: Sensor | None) -> None:
        """Another sensor, or another definition of it; what it was compared with stays."""
        rest = [one for one in self.shown[1:] if sensor is None or one.sensor.id != sensor.id]
        first = self.first
        if sensor is None:
            self.shown = []
        elif first is not None and first.sensor.id == sensor.id:
            first.sensor = sensor
        else:
            self.shown = [self._made(sensor), *rest]
        self._find_index()

    def _find_index(self) -> None:
        sensors = self.session.city.records("sensors").values()
        found = index_for(self.first.sensor, sensors) if self.first is not None else None
        if found is None or self.index is None or self.index.sensor.id != found.id:
            self.index = self._made(found) if found is not None else None
        else:
            self.index.sensor = found

    def add(self, sensor: Sensor) -> bool:
        """Compare with another one; False: it is there, or there are as many as can be told apart."""
        if not self.shown or len(self.shown) >= MOST or any(one.sensor.id == sensor.id for one in self.shown):
            return False
        self.shown.append(self._made(sensor))
        return True

    def remove_last(self) -> Sensor | None:
        """The one added last; never the first."""
        return self.shown.pop().sensor if len(self.shown) > 1 else None

    def refresh_definitions(self) -> None:
        """The directory changed."""
        for one in self.shown[1:]:
            one.sensor = self.session.city.sensor(one.sensor.id) or one.sensor
        self._find_index()

    def start_again(self) -> None:
        """Forget every sample: the session clock jumped."""
        self.shown = [self._made(one.sensor) for one in self.shown]
        self.index = self._made(self.index.sensor) if self.index is not None else None

    def _made(self, sensor: Sensor) -> Shown:
        series = PlotSeries(sensor.period_s)
        series.listening_ns = self.session.clock.now_ns()
        made = Shown(sensor, series)
        self._take_newest(made)
        return made

    # -- history ---------------------------------------------------------------------------------------

    def need(self, t0_ns: int, t1_ns: int, columns: int) -> None:
        """Ask for what this range lacks."""
        now_ns, now_s = self.session.clock.now_ns(), self.session.mono.monotonic_s()
        t1_ns = min(t1_ns, now_ns)
        for one in self._all:
            lost = not one.answered and now_s - one.asked_at_s > AGAIN_S
            if not lost and not one.answered and one.asked[0] <= t0_ns and one.asked[1] >= t1_ns:
                continue
            if lost or one.series.missing(t0_ns, t1_ns) or not one.series.is_fine(t0_ns, t1_ns, columns):
                margin = (t1_ns - t0_ns) // 2
                self._ask(one, t0_ns - margin, min(now_ns, t1_ns + margin), now_s)

    def ask_again(self, t0_ns: int, t1_ns: int) -> None:
        """What came while the channel was away is not known: history has it."""
        now_ns = self.session.clock.now_ns()
        for one in self._all:
            one.series.listening_ns = now_ns
            self._ask(one, t0_ns, min(t1_ns, now_ns), self.session.mono.monotonic_s())

    def _ask(self, one: Shown, t0_ns: int, t1_ns: int, now_s: float) -> None:
        one.asked, one.asked_at_s, one.answered, one.complete = (t0_ns, t1_ns), now_s, False, False
        one.request = self.session.history.request(one.sensor.id, t0_ns, t1_ns, MAX_POINTS)

    def on_series(self, part: SeriesPart) -> bool:
        """An answer to whomever; True: to one of ours."""
        for one in self._all:
            if part.series != one.sensor.id:
                continue
            if part.request != one.request:
                self.dropped += 1
                continue
            one.series.take(part, one.asked, MAX_POINTS)
            one.answered, one.complete = True, part.complete
            self._take_newest(one)
            return True
        return False

    # -- live ------------------------------------------------------------------------------------------

    def take_newest(self) -> bool:
        """The newest sample of each; True when one of them is new."""
        return any([self._take_newest(one) for one in self._all])  # noqa: C419  # all of them, not up to the first

    def _take_newest(self, one: Shown) -> bool:
        newest = self.session.city.value(one.sensor.id)
        return newest is not None and one.series.append(newest, self.session.clock.now_ns())

    def missing(self, t0_ns: int, t1_ns: int) -> tuple[Span, ...]:
        """What of a range nobody has answered for yet, of any of the series; what is still to come left aside."""
        t1_ns = min(t1_ns, self.session.clock.now_ns())
        spans = {span for one in self.shown for span in one.series.missing(t0_ns, t1_ns)}
        return tuple(sorted(spans))

    def version(self) -> tuple[object, ...]:
        """Changes with whatever is to be painted anew."""
        return tuple((one.sensor, one.series.version) for one in self._all)


def gap_ns(sensor: Sensor) -> int:
    """A pause of more than this is a gap."""
    return int(sensor.period_s * GAP_PERIODS * NS_PER_S)
