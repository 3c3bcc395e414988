"""Which time a plot shows, and the axis of time: pure figures.

A view without an end follows now. Ticks fall on round times of the site's zone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from backends.domain.times import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
DAY_NS = 86_400 * NS_PER_S
SHORTEST_NS, LONGEST_NS = 10 * MINUTE_NS, 30 * DAY_NS
Span = tuple[int, int]
"""Start and end, ns."""
OLDEST_NS = 400 * DAY_NS
"""How far back a plot can be moved: as long as a station keeps its hours by default."""


@dataclass(frozen=True)
class View:
    """A range of time."""

    span_ns: int
    end_ns: int | None = None
    """None: now, and with it."""

    @property
    def live(self) -> bool:
        return self.end_ns is None

    def ends(self, now_ns: int) -> tuple[int, int]:
        """Start and end at the moment `now_ns`."""
        end_ns = now_ns if self.end_ns is None else self.end_ns
        return end_ns - self.span_ns, end_ns

    def zoomed(self, factor: float, at: float, now_ns: int) -> View:
        """`factor` > 1: a longer time. What stands at share `at` of the width stays there; at now the end stays."""
        span_ns = min(LONGEST_NS, max(SHORTEST_NS, round(self.span_ns * factor)))
        if self.end_ns is None:
            return replace(self, span_ns=span_ns)
        fixed_ns = self.end_ns - round(self.span_ns * (1.0 - at))
        return View(span_ns, fixed_ns + round(span_ns * (1.0 - at))).held(now_ns)

    def panned(self, by_ns: int, now_ns: int) -> View:
        """Later (> 0) or earlier. What reaches now follows it."""
        return replace(self, end_ns=self.ends(now_ns)[1] + by_ns).held(now_ns)

    def held(self, now_ns: int) -> View:
        """Within what can be shown."""
        if self.end_ns is None or self.end_ns >= now_ns:
            return View(self.span_ns)
        return replace(self, end_ns=max(self.end_ns, now_ns - OLDEST_NS + self.span_ns))


def reach_of(before: Span | None, view: Span, columns: int, *, live: bool, ahead: float = 0.5) -> Span:
    """The range that lines are thinned and drawn for. `before` as long as a view of the same length is within it.

    Where a view of the past is moved it is `ahead` of a view more on the side it is moved to, so that the next steps of
    the hand draw nothing anew; plots that are moved together have different ones, so that not all draw in one frame.
    It begins on a multiple of a column's width: a peak stands in the same column wherever the view begins, and does not
    tremble.
    """
    span_ns = view[1] - view[0]
    step_ns = max(1, span_ns // columns)
    plain_ns, more_ns = (int(span_ns * n) // step_ns * step_ns + 2 * step_ns for n in (1.0, 1.0 + ahead))
    long_ns = before[1] - before[0] if before is not None else 0
    if before is not None and long_ns in (plain_ns, more_ns):  # it is moved
        if before[0] <= view[0] and view[1] <= before[1] and not (live and long_ns == more_ns):
            return before
        long_ns = plain_ns if live else more_ns
        end_ns = -(-view[1] // step_ns) * step_ns
        start_ns = end_ns - long_ns if view[0] < before[0] else view[0] // step_ns * step_ns
    else:
        long_ns, start_ns = plain_ns, view[0] // step_ns * step_ns
    return start_ns, start_ns + long_ns


def around(t_ns: int, half_ns: int, now_ns: int) -> View:
    """`half_ns` on both sides of a moment, as far as it is not still to come."""
    return View(max(SHORTEST_NS, 2 * half_ns), min(t_ns + half_ns, now_ns)).held(now_ns)
