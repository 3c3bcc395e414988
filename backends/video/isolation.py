"""Which streams run apart from the others, because they were open when workers died. Pure.

Nobody knows which stream ended a worker, only which were open in it. So, by deaths within the last ten minutes:
1. at the first all of them start again where they were;
2. those that were there at two run apart: each in a worker of its own, or, where they are many, in groups that the next
   death makes smaller, until one is left with itself;
3. one that ends a worker that it had for itself is opened with growing pauses.
What runs apart stays there as long as a screen wants it: to bring it back would interrupt it. What is wanted again
within the ten minutes goes there at once. Must not: know processes, or read a clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from backends.domain.picture import Apart
from backends.video.plan import StreamKey

WITHIN_S = 600.0
"""A death is remembered for so long."""
DEATHS = 2
"""At so many a stream is suspected."""
GROUPS = 4
"""Into so many the suspects of one death are parted, at most: each new worker costs 60 MB and a second of a core, and
all of them shall be back within 4 s."""
PLACES = 8
"""Workers for what runs apart, at most."""
PAUSE_FIRST_S, PAUSE_MOST_S = 2.0, 60.0


class _Death(NamedTuple):
    t_s: float
    alone: bool
    """It had the worker for itself."""


class Isolation:
    """Used under the broker's lock. A place is a number below PLACES."""

    def __init__(self, places: int = PLACES, cores: int = GROUPS) -> None:
        self._places = places
        self._parts = min(GROUPS, max(2, cores))
        self._deaths: dict[StreamKey, tuple[_Death, ...]] = {}
        self._groups: dict[int, frozenset[StreamKey]] = {}
        self._waits_until: dict[int, float] = {}

    def died(self, streams: Collection[StreamKey], now_s: float) -> None:
        """A worker that had these open has died."""
        alone = len(streams) == 1 and frozenset(streams) in self._groups.values()
        for stream in streams:
            self._deaths[stream] = (*self._recent(stream, now_s), _Death(now_s, alone))
        if alone:
            (stream,) = streams
            self._waits_until[self.apart[stream]] = now_s + self._pause_s(stream, now_s)
            return
        suspects = {stream for stream in streams if self._suspected(stream, now_s)}
        if suspects:
            self._groups = {place: group - suspects for place, group in self._groups.items()}
            self._drop_empty()
            self._part(suspects)

    def arrange(self, streams: Collection[StreamKey], now_s: float) -> None:
        """All that is decoded now: who is not, gives its place back; who comes back as a suspect, goes apart."""
        wanted = frozenset(streams)
        self._groups = {place: group & wanted for place, group in self._groups.items()}
        self._drop_empty()
        self._deaths = {one: recent for one in self._deaths if (recent := self._recent(one, now_s))}
        back = {one for one in self._deaths if one in wanted and self._suspected(one, now_s)} - self.apart.keys()
        if back:
            self._part(back)

    @property
    def apart(self) -> dict[StreamKey, int]:
        """The place of each that runs apart."""
        return {stream: place for place, group in self._groups.items() for stream in group}

    def waits_s(self, place: int, now_s: float) -> float:
        """For how long nothing may be started there."""
        return max(0.0, self._waits_until.get(place, 0.0) - now_s)

    def say(self, stream: StreamKey, now_s: float) -> Apart | None:
        """How it runs; None: like all others."""
        place = self.apart.get(stream)
        if place is None:
            return None
        if self.waits_s(place, now_s):
            return Apart.WAITING
        return Apart.ALONE if len(self._groups[place]) == 1 else Apart.FEW

    def _part(self, suspects: Iterable[StreamKey]) -> None:
        ordered = sorted(suspects)
        free = [place for place in range(self._places) if place not in self._groups]
        parts = min(len(ordered), self._parts, len(free))
        for number in range(parts):
            self._groups[free[number]] = frozenset(ordered[number::parts])

    def _pause_s(self, stream: StreamKey, now_s: float) -> float:
        """By its deaths alone: those before may have been another's."""
        deaths = sum(death.alone for death in self._recent(stream, now_s))
        return min(PAUSE_MOST_S, PAUSE_FIRST_S * 2.0 ** (deaths - 1))

    def _recent(self, stream: StreamKey, now_s: float) -> tuple[_Death, ...]:
        return tuple(death for death in self._deaths.get(stream, ()) if now_s - death.t_s < WITHIN_S)

    def _suspected(self, stream: StreamKey, now_s: float) -> bool:
        return len(self._recent(stream, now_s)) >= DEATHS

    def _drop_empty(self) -> None:
        self._groups = {place: group for place, group in self._groups.items() if group}
        self._waits_until = {place: t_s for place, t_s in self._waits_until.items() if place in self._groups}
