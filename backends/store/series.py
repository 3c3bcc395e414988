"""Reading samples back: one series over a range of days, thinned to what a plot can show.

A day comes from its samples, or from the roll-ups (least and greatest of each minute or hour): where the screen could
not show finer anyway, and where the samples have gone.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import numpy as np

from backends.domain.flags import longest, runs
from backends.domain.sensor import Flagged
from backends.domain.times import NS_PER_S
from backends.store.reader import reading
from backends.store.rollup import HOUR_S, MINUTE_S, ROLL_FILE, day_start_s, signature
from backends.store.samples import day_file, day_files
from backends.store.thin import Times, Values, thin

_log = logging.getLogger(__name__)

GAP_PERIODS = 5.0
"""A pause of more than this many usual intervals stays open in the plot."""

_Rows = list[tuple[int, float | None]]


def read_series(data_dir: Path, series: str, t0_ns: int, t1_ns: int, max_points: int) -> tuple[Times, Values]:
    """(t_ns, value) with NaN where there is a gap. A day that cannot be read is left out and logged."""
    first, last = day_file(data_dir, t0_ns).name, day_file(data_dir, t1_ns).name
    raw = {path.name: path for path in day_files(data_dir) if first <= path.name <= last}
    step_s = (t1_ns - t0_ns) / NS_PER_S / max(1, max_points)
    rolled: dict[str, _Rows] = {}
    if step_s >= 2 * MINUTE_S or first not in raw:
        rolled = _read_rolls(data_dir, series, (t0_ns, t1_ns), (first, last), step_s, raw)
    parts: list[_Rows] = []
    from_rolls: bool | None = None
    for name in sorted({*raw, *rolled}):
        rows = rolled[name] if name in rolled else _read_day(raw[name], series, t0_ns, t1_ns)
        if from_rolls is (name in rolled) and parts:
            parts[-1].extend(rows)
        else:
            parts.append(list(rows))
        from_rolls = name in rolled
    return thin(*_joined(parts), max_points)


def read_flags(data_dir: Path, series: str, t0_ns: int, t1_ns: int, max_points: int) -> tuple[Flagged, ...]:
    """Runs of samples that are not good, where `read_series` reads samples; roll-ups have only the gap."""
    if (t1_ns - t0_ns) / NS_PER_S / max(1, max_points) >= 2 * MINUTE_S:
        return ()
    first, last = day_file(data_dir, t0_ns).name, day_file(data_dir, t1_ns).name
    out: list[Flagged] = []
    for path in day_files(data_dir):
        if not first <= path.name <= last:
            continue
        try:
            with reading(path) as db:
                rows = db.execute(
                    "SELECT * FROM (SELECT row_number() OVER (ORDER BY t_ns), t_ns, value, quality FROM sample"
                    " WHERE series = (SELECT id FROM series WHERE name = ?) AND t_ns BETWEEN ? AND ?)"
                    " WHERE quality <> 'good' ORDER BY t_ns",
                    (series, t0_ns, t1_ns),
                ).fetchall()
        except sqlite3.Error as error:
            _log.warning("%s cannot be read: %s", path.name, error)
            continue
        out += runs(rows)
    return longest(out)


def _read_day(path: Path, series: str, t0_ns: int, t1_ns: int) -> _Rows:
    try:
        with reading(path) as db:
            return db.execute(
                "SELECT t_ns, CASE WHEN quality = 'good' THEN value END FROM sample"
                " WHERE series = (SELECT id FROM series WHERE name = ?) AND t_ns BETWEEN ? AND ? ORDER BY t_ns",
                (series, t0_ns, t1_ns),
            ).fetchall()
    except sqlite3.Error as error:
        _log.warning("%s cannot be read: %s", path.name, error)
        return []


def _read_rolls(
    data_dir: Path, series: str, times: tuple[int, int], names: tuple[str, str], step_s: float, raw: dict[str, Path]
) -> dict[str, _Rows]:
    """By day. Days whose samples are there are left out when the plot can show them finer, or they have grown."""
    path = data_dir / ROLL_FILE
    out: dict[str, _Rows] = {}
    if not path.exists():
        return out
    try:
        with reading(path) as db:
            row = db.execute("SELECT id FROM series WHERE name = ?", (series,)).fetchone()
            days = db.execute("SELECT day, signature, minutes FROM rolled WHERE day BETWEEN ? AND ?", names).fetchall()
            for day, known, minutes in days if row is not None else ():
                if day in raw and (step_s < 2 * MINUTE_S or known != signature(raw[day])):
                    continue
                hours = step_s >= 2 * HOUR_S or not minutes
                out[day] = _buckets(db, "hour" if hours else "minute", row[0], day_start_s(day), times)
    except sqlite3.Error as error:
        _log.warning("%s cannot be read: %s", path.name, error)
    return out


def _buckets(db: sqlite3.Connection, table: str, series: int, start_s: int, times: tuple[int, int]) -> _Rows:
    step_ns = (HOUR_S if table == "hour" else MINUTE_S) * NS_PER_S
    first_s = max(start_s, (times[0] - step_ns) // NS_PER_S + 1)
    last_s = min(start_s + 86_399, times[1] // NS_PER_S)
    rows: _Rows = []
    for t_s, least, greatest in db.execute(
        f"SELECT t_s, least, greatest FROM {table} WHERE series = ? AND t_s BETWEEN ? AND ? ORDER BY t_s",
        (series, first_s, last_s),
    ).fetchall():
        rows.append((t_s * NS_PER_S, least))
        if greatest != least:
            rows.append((t_s * NS_PER_S + step_ns // 2, greatest))
    return rows


def _joined(parts: list[_Rows]) -> tuple[Times, Values]:
    """Parts of unlike spacing, each judged by its own; a pause between two of them by the longer one."""
    rows = [row for part in parts for row in part]
    t_ns = np.array([row[0] for row in rows], dtype=np.int64)
    value = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64)
    usual = np.concatenate([_usual(part) for part in parts]) if parts else np.empty(0)
    return open_gaps(t_ns, value, usual)


def _usual(part: _Rows) -> Values:
    if len(part) < 2:
        return np.zeros(len(part))
    steps = np.diff(np.array([row[0] for row in part], dtype=np.int64))
    return np.full(len(part), float(np.median(steps)))


def open_gaps(t_ns: Times, value: Values, usual: Values | None = None) -> tuple[Times, Values]:
    """A NaN one second after the last point before every long pause, so that no line is drawn across it.

    `usual`: each point's usual interval, where they are not all alike.
    """
    if len(t_ns) < 3:
        return t_ns, value
    steps = np.diff(t_ns)
    longest = np.median(steps) if usual is None else np.maximum(usual[:-1], usual[1:])
    after = np.flatnonzero(steps > np.maximum(GAP_PERIODS * longest, 2 * NS_PER_S))
    if not len(after):
        return t_ns, value
    return np.insert(t_ns, after + 1, t_ns[after] + NS_PER_S), np.insert(value, after + 1, np.nan)
