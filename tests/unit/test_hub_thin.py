"""Thinning keeps extremes, ends and gaps, and never gives more points than asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backends.domain.times import NS_PER_S
from backends.hub.thin import open_gaps, thin

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=400)


@given(VALUES, st.integers(0, 100))
def test_extremes_ends_and_gaps_stay(values: list[float], max_points: int) -> None:
    v = np.array(values)
    t = np.arange(len(v), dtype=np.int64) * 7
    t2, v2 = thin(t, v, max_points)
    assert len(t2) <= max(5, max_points)
    assert (t2[0], t2[-1]) == (t[0], t[-1])
    assert np.all(np.diff(t2) > 0)
    assert all(np.array_equal(v[t == x], [y], equal_nan=True) for x, y in zip(t2, v2, strict=True))
    if not np.isnan(v).all():
        assert np.nanmax(v2) == np.nanmax(v)
        assert np.nanmin(v2) == np.nanmin(v)
    assert np.isnan(v2).any() == np.isnan(v).any()


def test_a_spike_of_one_sample_survives_a_hundredfold_thinning() -> None:
    v = np.zeros(100_000)
    v[54_321], v[12_345] = 9.0, -9.0
    t2, v2 = thin(np.arange(100_000, dtype=np.int64), v, 1000)
    assert dict(zip(t2.tolist(), v2.tolist(), strict=True))[54_321] == 9.0
    assert dict(zip(t2.tolist(), v2.tolist(), strict=True))[12_345] == -9.0


def test_silence_opens_a_gap() -> None:
    t = np.array([0, 60, 120, 600, 660], dtype=np.int64) * NS_PER_S
    t2, v2 = open_gaps(t, np.ones(5), 60.0)
    assert (t2 // NS_PER_S).tolist() == [0, 60, 120, 180, 600, 660]
    assert np.isnan(v2).tolist() == [False, False, False, True, False, False]
    assert open_gaps(t, np.ones(5), 0.0)[0].tolist() == t.tolist()
