"""How fast a quantity moves: slope over the last hour of its samples."""

from __future__ import annotations

from collections import deque

from backends.domain.times import NS_PER_S

WINDOW_NS = 3600 * NS_PER_S
SPACING_NS = 60 * NS_PER_S
"""Closer samples are not kept: 60 points an hour are enough for a slope."""
LEAST_NS = 20 * 60 * NS_PER_S
"""Shorter spans say nothing about an hour."""


class Trend:
    """Samples of the last hour of one sensor, thinned to one a minute."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: deque[tuple[int, float]] = deque()

    def add(self, t_ns: int, value: float) -> None:
        """Times must rise; an older one is ignored."""
        points = self._points
        if points and t_ns - points[-1][0] < SPACING_NS:
            return
        points.append((t_ns, value))
        while points[0][0] < t_ns - WINDOW_NS:
            points.popleft()

    def per_hour(self) -> float | None:
        """Least-squares slope in units an hour; None while the samples span less than twenty minutes."""
        points = self._points
        if len(points) < 3 or points[-1][0] - points[0][0] < LEAST_NS:
            return None
        t0 = points[0][0]
        hours = [(t - t0) / WINDOW_NS for t, _ in points]
        mean_t = sum(hours) / len(hours)
        mean_v = sum(v for _, v in points) / len(points)
        spread = sum((h - mean_t) ** 2 for h in hours)
        return sum((h - mean_t) * (v - mean_v) for h, (_, v) in zip(hours, points, strict=True)) / spread
