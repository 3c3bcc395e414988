"""Thinning a series for HISTORY: extremes and gaps are kept, whatever the number of points."""

from __future__ import annotations

import itertools

import numpy as np

from backends.domain.times import NS_PER_S
from backends.hub.ports import Times, Values


def open_gaps(t: Times, v: Values, period_s: float) -> tuple[Times, Values]:
    """Put a NaN after every point that is followed by more than three periods of silence."""
    if len(t) < 2 or period_s <= 0:
        return t, v
    limit = int(3 * period_s * NS_PER_S)
    holes = np.flatnonzero(np.diff(t) > limit)
    if not len(holes):
        return t, v
    return np.insert(t, holes + 1, t[holes] + limit // 3), np.insert(v, holes + 1, np.nan)


def thin(t: Times, v: Values, max_points: int) -> tuple[Times, Values]:
    """At most `max_points` points (fewer than 5 are taken for 5): first, last, each bucket's min, max and first gap."""
    max_points = max(5, max_points)
    n = len(t)
    if n <= max_points:
        return t, v
    gap = np.isnan(v)
    any_gap = bool(gap.any())
    buckets = max(1, (max_points - 2) // (3 if any_gap else 2))
    edges = np.linspace(0, n, buckets + 1).astype(np.int64)
    keep = np.zeros(n, dtype=bool)
    keep[0] = keep[-1] = True
    low = np.where(gap, np.inf, v)
    high = np.where(gap, -np.inf, v)
    for a, b in itertools.pairwise(edges.tolist()):
        if a == b:
            continue
        keep[a + int(low[a:b].argmin())] = True
        keep[a + int(high[a:b].argmax())] = True
        if any_gap and gap[a:b].any():
            keep[a + int(gap[a:b].argmax())] = True
    return t[keep], v[keep]
