"""Roll-ups: exact, made again when a day grows, and what a plot of weeks is read from."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.feed_waits import ExpectLogs, wait_until

from backends.domain.sensor import Sample
from backends.domain.times import NS_PER_S
from backends.store.keeping import Keep
from backends.store.rollup import ROLL_FILE, RollWriter
from backends.store.samples import DAY_NS, SamplesWriter, day_file, day_files
from backends.store.series import read_series

T0 = 20_000 * DAY_NS


class Rig:
    """Both writers on one folder."""

    def __init__(self, folder: Path, keep_days: int = 2, keep: Keep | None = None) -> None:
        self.folder = folder
        self.rolls = RollWriter(folder, keep or Keep())
        self.samples = SamplesWriter(folder, keep_days, lambda code, text: None, 0, self.rolls)
        self.rolls.start()
        self.samples.start()

    def put(self, samples: list[Sample]) -> None:
        self.samples.put(samples)
        assert self.samples.flush()

    def roll(self, *days: int) -> None:
        self.rolls.ask(day_file(self.folder, T0 + day * DAY_NS) for day in days)
        assert self.rolls.flush()

    def stop(self) -> None:
        self.samples.stop()
        self.rolls.stop()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        db = sqlite3.connect(self.folder / ROLL_FILE)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.stop()


def day_of(day: int, every_s: int = 30, name: str = "s1") -> list[Sample]:
    t0 = T0 + day * DAY_NS
    return [Sample(name, t0 + t * NS_PER_S, day * 1000 + math.sin(t / 900) * 100) for t in range(0, 86_400, every_s)]


def test_minutes_and_hours_are_exact(rig: Rig) -> None:
    samples = day_of(0)
    samples[5] = Sample("s1", samples[5].t_ns, 7.0, "fault")
    rig.put(samples)
    rig.roll(0)
    values = [s.value for s in samples if s.quality == "good"]
    least, greatest, total, n, bad = rig.rows(
        "SELECT min(least), max(greatest), sum(sum), sum(n), sum(bad) FROM minute"
    )[0]
    assert (least, greatest, n, bad) == (min(values), max(values), len(values), 1)  # type: ignore[type-var]
    assert total == pytest.approx(sum(values))  # type: ignore[arg-type]
    assert rig.rows("SELECT count(*), sum(n) FROM hour") == [(24, len(values))]
    first = rig.rows("SELECT t_s, least, greatest, n FROM minute ORDER BY t_s LIMIT 1")[0]
    assert first == (T0 // NS_PER_S, samples[0].value, samples[1].value, 2)


def test_late_samples_are_counted_once_and_the_day_is_made_again(rig: Rig) -> None:
    rig.put(day_of(0, 60))
    rig.roll(0)
    day = day_file(rig.folder, T0)
    assert rig.rolls.covers(day)
    rig.put([*day_of(0, 60)[:100], Sample("s1", T0 + 5 * NS_PER_S, 5000.0)])
    assert not rig.rolls.covers(day)
    rig.roll(0)
    assert rig.rolls.covers(day)
    assert rig.rows("SELECT sum(n), max(greatest) FROM minute") == [(1441, 5000.0)]


def test_a_day_goes_only_when_it_is_rolled_and_the_plot_goes_on(tmp_path: Path, rig: Rig) -> None:
    for day in range(6):
        rig.put(day_of(day, 60))
    wait_until(lambda: len(day_files(tmp_path)) == 3, what="the oldest days are retired")
    end = T0 + 6 * DAY_NS
    t_ns, value = read_series(tmp_path, "s1", T0, end, 2000)
    assert (t_ns[0] - T0) < 120 * NS_PER_S
    assert np.nanmax(value) == max(s.value for s in day_of(5, 60))  # type: ignore[type-var]
    assert np.nanmin(value) == min(s.value for s in day_of(0, 60))  # type: ignore[type-var]
    assert not np.isnan(value).any(), "no gap where rolls and samples meet"
    assert (np.diff(t_ns) > 0).all()
    fine_t, fine = read_series(tmp_path, "s1", T0 + 3600 * NS_PER_S, T0 + 7200 * NS_PER_S, 2000)
    assert len(fine) >= 60, "minutes of a day whose samples have gone"
    assert (fine_t[0], fine[0]) == (T0 + 3600 * NS_PER_S, day_of(0, 60)[60].value)


def test_control_without_roll_ups_the_old_days_are_empty(tmp_path: Path) -> None:
    writer = SamplesWriter(tmp_path, 2, lambda code, text: None, 0)
    writer.start()
    for day in range(6):
        writer.put(day_of(day, 600))
        assert writer.flush()
    writer.stop()
    assert read_series(tmp_path, "s1", T0, T0 + DAY_NS, 2000)[0].size == 0


def test_answers_about_a_day_that_has_gone_do_not_spoil_its_roll_up(tmp_path: Path, rig: Rig) -> None:
    for day in range(6):
        rig.put(day_of(day, 60))
    wait_until(lambda: len(day_files(tmp_path)) == 3)
    before = rig.rows("SELECT sum(n) FROM minute")
    rig.put([Sample("s1", T0 + 30 * NS_PER_S, 1.0)])
    assert len(day_files(tmp_path)) == 3
    assert rig.samples.dropped == 1
    assert rig.rows("SELECT sum(n) FROM minute") == before


def test_one_sample_of_a_broken_clock_makes_no_day_old(tmp_path: Path, rig: Rig) -> None:
    rig.put(day_of(0, 600))
    rig.put([Sample("s1", T0 + 20_000 * DAY_NS, 1.0)])
    rig.put(day_of(1, 600))
    assert day_file(tmp_path, T0).exists()
    assert day_file(tmp_path, T0 + DAY_NS).exists()


def test_minutes_go_before_hours(tmp_path: Path) -> None:
    rig = Rig(tmp_path, 1, Keep(minute_days=2, hour_days=4))
    try:
        for day in range(7):
            rig.put(day_of(day, 600))
            rig.roll(*range(day))
        assert rig.rows("SELECT count(DISTINCT t_s / 86400) FROM minute") == [(2,)]
        assert rig.rows("SELECT count(DISTINCT t_s / 86400) FROM hour") == [(4,)]
        t_ns, _ = read_series(tmp_path, "s1", T0 + 2 * DAY_NS, T0 + 3 * DAY_NS - 1, 2000)
        assert 24 <= len(t_ns) <= 48, "a day that has hours only"
    finally:
        rig.stop()


def test_a_damaged_roll_up_is_kept_aside_and_made_again(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("roll.db is damaged")
    (tmp_path / ROLL_FILE).write_bytes(b"not a database" * 1000)
    rig = Rig(tmp_path, 5)
    try:
        rig.put(day_of(0, 600))
        rig.put(day_of(1, 600))
        wait_until(lambda: rig.rolls.covers(day_file(tmp_path, T0)))
        assert len(list(tmp_path.glob("damaged-*"))) == 1
        assert rig.rows("SELECT sum(n) FROM hour") == [(144,)]
    finally:
        rig.stop()


def test_what_is_rolled_is_known_after_a_restart(tmp_path: Path) -> None:
    first = Rig(tmp_path, 5)
    first.put(day_of(0, 600))
    first.put(day_of(1, 600))
    first.stop()  # closing the days' files changes them once more
    again = Rig(tmp_path, 5)
    again.roll(0)
    again.stop()
    third = Rig(tmp_path, 5)
    try:
        wait_until(lambda: third.rolls.covers(day_file(tmp_path, T0)))
    finally:
        third.stop()
