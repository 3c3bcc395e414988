"""Reading samples back: one series over a range of days, thinned to what a plot can show."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import numpy as np

from backends.domain.times import NS_PER_S
from backends.store.reader import reading
from backends.store.samples import day_file, day_files
from backends.store.thin import Times, Values, thin

_log = logging.getLogger(__name__)

GAP_PERIODS = 5.0
"""A pause of more than this many usual intervals stays open in the plot."""


def read_series(data_dir: Path, series: str, t0_ns: int, t1_ns: int, max_points: int) -> tuple[Times, Values]:
    """(t_ns, value) with NaN where there is a gap. A day that cannot be read is left out and logged."""
    first, last = day_file(data_dir, t0_ns).name, day_file(data_dir, t1_ns).name
    rows: list[tuple[int, float | None]] = []
    for path in day_files(data_dir):
        if first <= path.name <= last:
            try:
                rows.extend(_read_day(path, series, t0_ns, t1_ns))
            except sqlite3.Error as error:
                _log.warning("%s cannot be read: %s", path.name, error)
    t_ns = np.array([row[0] for row in rows], dtype=np.int64)
    value = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64)
    return thin(*open_gaps(t_ns, value), max_points)


def _read_day(path: Path, series: str, t0_ns: int, t1_ns: int) -> list[tuple[int, float | None]]:
    with reading(path) as db:
        return db.execute(
            "SELECT t_ns, CASE WHEN quality IN ('fault', 'disconnected') THEN NULL ELSE value END FROM sample"
            " WHERE series = (SELECT id FROM series WHERE name = ?) AND t_ns BETWEEN ? AND ? ORDER BY t_ns",
            (series, t0_ns, t1_ns),
        ).fetchall()


def open_gaps(t_ns: Times, value: Values) -> tuple[Times, Values]:
    """A NaN one second after the last point before every long pause, so that no line is drawn across it."""
    if len(t_ns) < 3:
        return t_ns, value
    steps = np.diff(t_ns)
    usual = float(np.median(steps))
    after = np.flatnonzero(steps > max(GAP_PERIODS * usual, 2 * NS_PER_S))
    if not len(after):
        return t_ns, value
    return np.insert(t_ns, after + 1, t_ns[after] + NS_PER_S), np.insert(value, after + 1, np.nan)
