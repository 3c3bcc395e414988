"""Min-max thinning of a series, so that a peak between two pixels is never lost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


def thin(t_ns: Times, value: Values, max_points: int) -> tuple[Times, Values]:
    """At most about `max_points` points: the least and the greatest of each bucket, in time order.

    A NaN (a gap that must stay open) is kept wherever a bucket has one.
    """
    n = len(t_ns)
    if n <= max(max_points, 4):
        return t_ns, value
    buckets = max(1, max_points // 3)
    edges = np.linspace(0, n, buckets + 1).astype(np.int64)
    starts = edges[:-1]
    gap = np.isnan(value)
    low = np.where(gap, np.inf, value)
    high = np.where(gap, -np.inf, value)
    bucket = np.repeat(np.arange(buckets), np.diff(edges))
    index = np.arange(n)
    minima = np.minimum.reduceat(low, starts)
    maxima = np.maximum.reduceat(high, starts)
    keep = np.zeros(n, dtype=bool)
    keep[[0, n - 1]] = True
    for hits in (low == minima[bucket], high == maxima[bucket], gap):
        first = np.full(buckets, n, dtype=np.int64)
        np.minimum.at(first, bucket[hits], index[hits])
        keep[first[first < n]] = True
    return t_ns[keep], value[keep]
