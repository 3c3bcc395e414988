"""The world of a hub that follows: it runs along, so that a new leader has missed nothing of it.

Every hub is given the same world. Those that follow keep its events until the log says that the leader has
written them (WORLD_T); whoever leads next begins with what is left. The leader keeps them in the same way,
so that it can begin a term anew from the log. Times are arguments; a world is asked an hour at a time, and
never for a time before the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from backends.domain.times import NS_PER_S
from backends.domain.world import Directory, Measured, WorldEvent
from backends.hub.ports import WorldSource
from backends.process import beat

HELD_SAMPLE_EVENTS = 50_000
"""Events with samples that are kept while no hub can write; other events are always kept."""
SLICE_NS = 3600 * NS_PER_S
"""A world is asked for no more than this at once: it may have to tell years, and memory is for what is kept."""


def slices(after_ns: int, to_ns: int) -> Iterator[int]:
    """Times at which to ask a world that was last asked at `after_ns`, up to and with `to_ns`; none if that is past."""
    while after_ns < to_ns:
        after_ns = min(after_ns + SLICE_NS, to_ns)
        yield after_ns


class Standby:
    """WorldSource around another one."""

    def __init__(self, world: WorldSource, written: Callable[[], int], start_ns: int = 0) -> None:
        """`written`: up to which moment the log has the world's events; `start_ns`: where the world begins."""
        self._world = world
        self._written = written
        self.start_ns = self._asked_ns = start_ns
        self._kept: deque[WorldEvent] = deque()
        self._given = 0
        """How many of those were returned by `until` in this term."""
        self.shed = 0

    def directory(self) -> Directory:
        return self._world.directory()

    def past(self) -> Iterable[WorldEvent]:
        return self._world.past()

    def run_along(self, t_ns: int) -> None:
        """While following: take what has happened, forget what the log has."""
        self._given = 0
        self._take(t_ns)

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        """While leading. What was kept comes first."""
        self._take(t_ns)
        new = list(self._kept)[self._given :]
        self._given = len(self._kept)
        return iter(new)

    def begin_term(self) -> None:
        """The next `until` gives everything that the log does not have."""
        self._given = 0

    def _take(self, t_ns: int) -> None:
        written_ns = self._written()
        self._forget(written_ns)
        for at_ns in slices(self._asked_ns, t_ns):
            self._kept.extend(self._world.until(at_ns))
            self._asked_ns = at_ns
            self._forget(written_ns)
            beat()  # to whoever started this process: it works
        if len(self._kept) > 2 * HELD_SAMPLE_EVENTS:
            self._shed()

    def _forget(self, written_ns: int) -> None:
        while self._kept and self._kept[0].t_ns <= written_ns:
            self._kept.popleft()
            self._given = max(0, self._given - 1)

    def _shed(self) -> None:
        """The oldest samples go first; nothing else goes at all."""
        drop = sum(isinstance(e, Measured) for e in self._kept) - HELD_SAMPLE_EVENTS
        kept: deque[WorldEvent] = deque()
        given = self._given
        for n, event in enumerate(self._kept):
            if drop > 0 and isinstance(event, Measured):
                drop -= 1
                self.shed += 1
                self._given -= n < given
            else:
                kept.append(event)
        self._kept = kept
