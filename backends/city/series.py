"""Values of all series: a pure function of (seed, time, what disturbs them), in whole columns.

Every value is base + daily rhythm + smooth noise, except the special ones (river, tide, rain, roads).
Disturbances (a jam that slows the traffic, a station that falls silent) come from the stories, so that
plots and alarms tell the same. Nothing is remembered between calls but the disturbances in force.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backends.city import hydro
from backends.city.stations import LEVEL, Definition, definitions
from backends.city.tables import DAY_S, OFFSET_S, table
from backends.domain.quality import Quality
from backends.domain.sensor import Sample
from backends.domain.times import NS_PER_S
from backends.domain.world import Measured

TICK_S = 10
"""Series are due at multiples of this; each keeps its own phase, so that values trickle."""
BLOCK_S = 1800
"""Ordinary values are worked out for so many seconds at a time."""
RAMP_S = 240.0
"""How long a series takes to its peak: a disturbance begins that much before its alarm."""
_NOISE_S = 1500.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Disturbance:
    """From `t0_ns` to `t1_ns` the series go to `peak`, or (peak None) give nothing but `quality`."""

    sensors: tuple[str, ...]
    t0_ns: int
    t1_ns: int
    peak: float | None = None
    quality: Quality = Quality.GOOD


@dataclass(frozen=True)
class Water:
    """The water of a scenario: level of the Hiếu and rain, by UTC seconds."""

    level_m: Callable[[float], float]
    rain_mm: Callable[[float], float]
    shift: dict[str, tuple[float, float]]
    """Parameter -> (factor, addition) that the weather makes of the ordinary value."""


class SeriesBank:
    """Gives the samples of one moment after another. Times must not go backwards."""

    def __init__(self, seed: int, water: Water, disturbances: Iterator[Disturbance]) -> None:
        self._water = water
        self._incoming = disturbances
        self._next = next(disturbances, None)
        self._active: list[Disturbance] = []
        self._rows = definitions()
        self._index = {d.id: i for i, d in enumerate(self._rows)}
        self._ids = [d.id for d in self._rows]
        rhythms = table("stations")["rhythm"]
        kinds = list(rhythms)
        self._table = np.array([[*rhythms[k], rhythms[k][0]] for k in kinds], dtype=np.float64)
        rng = random.Random(f"{seed} series")
        factor = np.array([1.0 + d.row.get("spread", 0.15) * rng.uniform(-1, 1) for d in self._rows])
        self._base = self._column("base", 0.0) * factor
        self._daily = self._column("daily", 0.0) * np.abs(factor)
        self._rhythm = np.array([kinds.index(d.row.get("rhythm", "flat")) for d in self._rows])
        self._noise = self._column("noise", 0.0)
        self._floor = self._column("floor", -1e9)
        self._ceil = self._column("ceil", 1e9)
        self._scale, self._add = np.ones(len(self._rows)), np.zeros(len(self._rows))
        for i, row in enumerate(self._rows):
            self._scale[i], self._add[i] = water.shift.get(row.parameter, (1.0, 0.0))
        self._decimals = [int(d.row.get("decimals", 1)) for d in self._rows]
        self._unit = 10.0 ** np.array(self._decimals)
        self._seeds = np.array([rng.getrandbits(63) for _ in self._rows], dtype=np.uint64)
        self._lag = np.array([rng.uniform(0.0, _NOISE_S) for _ in self._rows])
        self._due = self._schedule()
        self._special = self._specials()
        self._block: dict[int, tuple[list[int], list[float]]] = {}
        self._block_no = -1

    def _column(self, name: str, default: float) -> Floats:
        return np.array([float(d.row.get(name, default)) for d in self._rows], dtype=np.float64)

    def _schedule(self) -> dict[int, dict[int, npt.NDArray[np.intp]]]:
        """period -> phase -> the series that are due then. Level and tide are due on the full minute."""
        result: dict[int, dict[int, list[int]]] = {}
        for i, d in enumerate(self._rows):
            exact = d.row.get("special") in ("river", "tide")
            phase = 0 if exact else (i * 7 * TICK_S) % d.period_s
            result.setdefault(d.period_s, {}).setdefault(phase, []).append(i)
        return {p: {k: np.array(v, dtype=np.intp) for k, v in phases.items()} for p, phases in result.items()}

    def measured(self, t_s: int) -> Measured | None:
        """The samples that are due at `t_s` (a multiple of TICK_S), None when there are none."""
        if t_s // BLOCK_S != self._block_no:
            self._fill_block(t_s // BLOCK_S)
        found = self._block.get(t_s)
        if found is None:
            return None
        rows, values = found
        t_ns = t_s * NS_PER_S
        ids, special = self._ids, self._special
        changed = self._disturbed(t_ns)
        samples = []
        for i, ordinary in zip(rows, values, strict=True):
            value = round(special[i](float(t_s)), self._decimals[i]) if i in special else ordinary
            if i in changed:
                changed_value, quality = self._apply(changed[i], value, t_ns)
                if changed_value is not None:
                    changed_value = round(changed_value, self._decimals[i])
                samples.append(Sample(ids[i], t_ns, changed_value, quality.value))
            else:
                samples.append(Sample(ids[i], t_ns, value))
        return Measured(t_ns, tuple(samples))

    def _fill_block(self, block_no: int) -> None:
        """The ordinary values of a whole block of ticks at once: whole columns cost little more than a tick's."""
        first = block_no * BLOCK_S
        due: list[tuple[int, npt.NDArray[np.intp]]] = []
        for t_s in range(first, first + BLOCK_S, TICK_S):
            parts = [rows for period, phases in self._due.items() if (rows := phases.get(t_s % period)) is not None]
            if parts:
                due.append((t_s, np.concatenate(parts)))
        all_rows = np.concatenate([rows for _, rows in due])
        times = np.repeat(np.array([t for t, _ in due], dtype=np.float64), [len(rows) for _, rows in due])
        values = self._ordinary(all_rows, times)
        self._block, self._block_no, at = {}, block_no, 0
        for t_s, rows in due:
            self._block[t_s] = (rows.tolist(), values[at : at + len(rows)].tolist())
            at += len(rows)

    def _ordinary(self, rows: npt.NDArray[np.intp], t_s: Floats) -> Floats:
        hour = (t_s + OFFSET_S) % DAY_S / 3600.0
        low = hour.astype(np.intp)
        kind = self._rhythm[rows]
        daily = self._table[kind, low]
        daily = daily + (self._table[kind, low + 1] - daily) * (hour - low)
        position = (t_s + self._lag[rows]) / _NOISE_S
        step = np.floor(position)
        share = position - step
        share = share * share * (3.0 - 2.0 * share)
        a, b = self._lattice(rows, step), self._lattice(rows, step + 1.0)
        quick = self._lattice(rows, t_s) * 0.25
        value = self._base[rows] + self._daily[rows] * daily + self._noise[rows] * (a + (b - a) * share + quick)
        value = np.clip(value * self._scale[rows] + self._add[rows], self._floor[rows], self._ceil[rows])
        unit = self._unit[rows]
        result: Floats = np.round(value * unit) / unit
        return result

    def _lattice(self, rows: npt.NDArray[np.intp], step: Floats) -> Floats:
        """Noise in -1..1 that depends on the series and the step only (splitmix64)."""
        x = self._seeds[rows] + step.astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
        result: Floats = (x >> np.uint64(11)).astype(np.float64) / float(1 << 52) - 1.0
        return result

    def _disturbed(self, t_ns: int) -> dict[int, Disturbance]:
        while self._next is not None and self._next.t0_ns <= t_ns:
            self._active.append(self._next)
            self._next = next(self._incoming, None)
        if not self._active:
            return {}
        self._active = [d for d in self._active if d.t1_ns > t_ns]
        return {self._index[s]: d for d in self._active for s in d.sensors}

    @staticmethod
    def _apply(change: Disturbance, value: float, t_ns: int) -> tuple[float | None, Quality]:
        if change.peak is None:
            return None, change.quality
        ramp = min(RAMP_S, (change.t1_ns - change.t0_ns) / NS_PER_S / 3.0)
        before = (t_ns - change.t0_ns) / NS_PER_S
        after = (change.t1_ns - t_ns) / NS_PER_S
        weight = max(0.0, min(1.0, before / ramp, after / ramp))
        return value + (change.peak - value) * weight, change.quality

    def _specials(self) -> dict[int, Callable[[float], float]]:
        water, result = self._water, {}
        for i, d in enumerate(self._rows):
            if "special" in d.row:
                result[i] = special_value(d, water)
        return result


def special_value(d: Definition, water: Water) -> Callable[[float], float]:
    """Value by UTC seconds of a series that is not base + rhythm + noise."""
    kind = d.row["special"]
    place = d.gauge.index
    if kind == "river":
        if d.id == LEVEL:
            return water.level_m
        # The other gauges of the river: the same wave, earlier upstream, over another zero.
        return lambda t: 0.4 + 0.35 * place + 0.9 * water.level_m(t + 1200.0 * place)
    if kind == "discharge":
        return lambda t: hydro.discharge_m3s(water.level_m(t + 1200.0 * place))
    if kind == "tide":
        return hydro.tide_m
    if kind == "rain_1h":
        share = 0.8 + 0.05 * (place * 7 % 9)
        return lambda t: share * water.rain_mm(t - 300.0 * (place % 5))
    if kind == "rain_24h":
        share = 0.8 + 0.05 * (place * 7 % 9)
        return lambda t: share * hydro.rain_24h_mm(water.rain_mm, t)
    if kind == "road":
        bank = 3.3 + 0.16 * (place * 5 % 12)
        return lambda t: hydro.road_depth_cm(water.level_m(t), water.rain_mm(t), bank)
    raise ValueError(f"stations.toml: unknown special {kind!r} of {d.id}")
