"""Samples: a file a day, shed first, read back thinned with their gaps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.feed_waits import ExpectLogs
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.flags import longest
from backends.domain.sensor import Flagged, Sample
from backends.domain.times import NS_PER_S
from backends.store.samples import DAY_NS, SamplesWriter, day_file, day_files
from backends.store.series import open_gaps, read_flags, read_series
from backends.store.thin import thin

T0 = 20_000 * DAY_NS  # a midnight, UTC


@pytest.fixture
def troubles() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def writer(tmp_path: Path, troubles: list[tuple[str, str]]) -> Iterator[SamplesWriter]:
    made = SamplesWriter(tmp_path, 3, lambda code, text: troubles.append((code, text)), floor_bytes=0)
    made.start()
    yield made
    made.stop()


def series(start_ns: int, n: int, name: str = "s1") -> list[Sample]:
    return [Sample(name, start_ns + i * NS_PER_S, float(i)) for i in range(n)]


def test_a_range_over_midnight_comes_from_two_files(tmp_path: Path, writer: SamplesWriter) -> None:
    writer.put(series(T0 - 50 * NS_PER_S, 100), ("e", 1))
    writer.put(series(T0, 10, "other"))
    assert writer.flush()
    assert len(day_files(tmp_path)) == 2
    t_ns, value = read_series(tmp_path, "s1", T0 - 10 * NS_PER_S, T0 + 9 * NS_PER_S, 1000)
    assert value.tolist() == [float(n) for n in range(40, 60)]
    assert t_ns[0] == T0 - 10 * NS_PER_S
    assert read_series(tmp_path, "nobody", 0, T0 * 2, 100)[0].size == 0


def test_gaps_stay_open_and_faults_are_gaps(tmp_path: Path, writer: SamplesWriter) -> None:
    writer.put(series(T0, 10))
    writer.put(series(T0 + 60 * NS_PER_S, 5))
    writer.put([Sample("s1", T0 + 70 * NS_PER_S, 9.0, "fault"), Sample("s1", T0 + 71 * NS_PER_S, None, "disconnected")])
    assert writer.flush()
    t_ns, value = read_series(tmp_path, "s1", T0, T0 + 100 * NS_PER_S, 1000)
    gaps = t_ns[np.isnan(value)]
    assert ((gaps - T0) // NS_PER_S).tolist() == [10, 65, 70, 71]


def test_what_is_not_good_is_named_in_runs(tmp_path: Path, writer: SamplesWriter) -> None:
    bad = {3: "calibrating", 4: "calibrating", 7: "fault", 9: "fault"}
    writer.put([Sample("s1", T0 + n * NS_PER_S, float(n), bad.get(n, "good")) for n in range(20)])
    writer.put([Sample("s1", T0 + 20 * NS_PER_S, None, "disconnected")])
    assert writer.flush()
    flags = read_flags(tmp_path, "s1", T0, T0 + 60 * NS_PER_S, 1000)
    told = [((f.t0_ns - T0) // NS_PER_S, (f.t1_ns - T0) // NS_PER_S, f.quality, f.least, f.greatest) for f in flags]
    assert told == [
        (3, 4, "calibrating", 3.0, 4.0), (7, 7, "fault", 7.0, 7.0), (9, 9, "fault", 9.0, 9.0),
        (20, 20, "disconnected", None, None),
    ]  # fmt: skip
    assert read_flags(tmp_path, "s1", T0, T0 + 40 * DAY_NS, 1000) == (), "roll-ups know only the gap"
    _, value = read_series(tmp_path, "s1", T0, T0 + 60 * NS_PER_S, 1000)
    assert np.isnan(value[[3, 4, 7, 9, 20]]).all()


def test_of_too_many_runs_the_longest_are_told() -> None:
    told = longest([Flagged(10 * n, 10 * n + n % 7, "fault") for n in range(100)], 5)
    assert [f.t1_ns - f.t0_ns for f in told] == [6] * 5
    assert [f.t0_ns for f in told] == sorted(f.t0_ns for f in told)


def test_old_days_are_deleted_as_files(tmp_path: Path, writer: SamplesWriter) -> None:
    for day in range(6):
        writer.put(series(T0 + day * DAY_NS, 2))
        assert writer.flush()
    names = [path.name for path in day_files(tmp_path)]
    assert names == [day_file(tmp_path, T0 + day * DAY_NS).name for day in (2, 3, 4, 5)]


def test_samples_of_a_broken_clock_make_no_file(tmp_path: Path, writer: SamplesWriter) -> None:
    writer.put([Sample("s1", (1 << 63) - 1, 1.0), Sample("s1", 5, 1.0), Sample("s1", T0, 1.0)])
    assert writer.flush()
    assert (writer.written, writer.dropped) == (1, 2)


def test_a_damaged_day_costs_that_day(
    tmp_path: Path, writer: SamplesWriter, troubles: list[object], expect_logs: ExpectLogs
) -> None:
    expect_logs("is damaged")
    day_file(tmp_path, T0).write_bytes(b"not a database" * 100)
    writer.put(series(T0, 5))
    assert writer.flush()
    writer.put(series(T0, 5))
    assert writer.flush()
    assert writer.written == 5
    assert len(list(tmp_path.glob("damaged-*"))) == 1


def test_little_space_sheds_samples_in_words(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    writer = SamplesWriter(tmp_path, 3, lambda code, text: told.append((code, text)), floor_bytes=1 << 60)
    writer.start()
    writer.put(series(T0, 5))
    assert writer.flush()
    writer.stop()
    assert (writer.written, writer.dropped) == (0, 5)
    assert told[0][0] == "disk_full"
    assert day_files(tmp_path) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e9, 1e9), st.just(float("nan"))), min_size=1, max_size=400),
    st.integers(6, 120),
)
def test_thinning_keeps_extremes_gaps_and_order(values: list[float], limit: int) -> None:
    t_ns = np.arange(len(values), dtype=np.int64)
    value = np.array(values)
    thin_t, thin_v = thin(t_ns, value, limit)
    assert len(thin_t) <= max(limit, 4) + 2
    assert (np.diff(thin_t) > 0).all()
    assert np.array_equal(value[thin_t], thin_v, equal_nan=True)
    if not np.isnan(value).all():
        assert np.nanmax(thin_v) == np.nanmax(value)
        assert np.nanmin(thin_v) == np.nanmin(value)
    assert np.isnan(thin_v).any() == np.isnan(value).any()


def test_a_steady_series_gets_no_gap() -> None:
    t_ns = np.arange(10, dtype=np.int64) * NS_PER_S
    assert open_gaps(t_ns, np.ones(10))[0].size == 10
