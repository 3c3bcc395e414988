"""Which hub to try next, and when. Pure; monotonic seconds are arguments.

One hub: after silence, with back-off. Several hubs, of which one serves: the others do not listen, so that a
try costs a millisecond; they are tried in order from the one that served last, and the whole round again
after a short pause, because a new leader is there within seconds. Only a longer outage backs off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.link.ports import Endpoints

BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 8.0
NEXT_S = 0.05
"""Between two hubs of a round."""
ROUND_S = 0.25
"""Between two rounds over all hubs."""
HASTE_S = 20.0
"""So long after the last sign of a hub; a change of leader takes 2 s, one of the log's servers up to 15 s."""


class Addresses:
    """Used by the link thread."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._known: tuple[Endpoints, ...] = ()
        self._at = -1
        self._tries = 0
        """Since the last sign of a hub."""
        self._good_s: float | None = None
        self._first_s: float | None = None
        self._pause_s = BACKOFF_FIRST_S

    @property
    def several(self) -> bool:
        return len(self._known) > 1

    def serves(self, now_s: float) -> None:
        """The hub that was tried last gives signs of life."""
        self._good_s = now_s
        self._first_s = None
        self._tries = 0
        self._pause_s = BACKOFF_FIRST_S

    def next(self, known: Sequence[Endpoints], now_s: float) -> tuple[Endpoints | None, float]:
        """The hub to try now, and how long to wait before another is tried."""
        if tuple(known) != self._known:
            self._known, self._at = tuple(known), -1
        if self._first_s is None:
            self._first_s = now_s
        if not self._known:
            return None, self._backoff()
        # The first try after an outage goes to the next hub only where there are several.
        self._at = (self._at + 1) % len(self._known)
        self._tries += 1
        return self._known[self._at], self._pause(now_s)

    def _pause(self, now_s: float) -> float:
        if not self.several:
            return self._backoff()
        if self._tries % len(self._known):
            return self._spread(NEXT_S)
        since_s = max(self._good_s or 0.0, self._first_s or 0.0)
        return self._spread(ROUND_S) if now_s - since_s < HASTE_S else self._backoff()

    def _backoff(self) -> float:
        pause_s, self._pause_s = self._pause_s, min(BACKOFF_MAX_S, self._pause_s * 2)
        return self._spread(pause_s)

    def _spread(self, pause_s: float) -> float:
        """Full pause to 1.5 pauses, so that a room of consoles does not come back as one."""
        return pause_s * (1.0 + 0.5 * self._jitter())
