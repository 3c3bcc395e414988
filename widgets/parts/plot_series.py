"""One series as a plot needs it: history joined with live samples, open gaps, thinned to the pixels.

Holds numbers only. What is further apart than three periods is never joined by a line, and a sample that
its instrument calls faulty breaks the line and is kept as a mark.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backends.domain.quality import Quality, Value
from backends.domain.times import NS_PER_S

GAP_PERIODS = 3
_MARKS_KEPT = 500
Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


class PlotSeries:
    """Samples rising in time."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.t_ns: Times = np.empty(0, np.int64)
        self.value: Numbers = np.empty(0, np.float64)
        self.marks: list[Value] = []
        """Faulty or calibrating samples, oldest first."""
        self._history_gap_ns = 0
        self._history_end_ns = 0

    def take_history(self, t_ns: Times, value: Numbers, thinned_step_s: float = 0.0) -> None:
        """History replaces what there is up to its end; live samples after it stay.

        `thinned_step_s`: mean distance of the samples where the answer was thinned to the points asked
        for, 0 where it was not: then a distance that thinning made is no gap.
        """
        if not len(t_ns):
            return
        self._history_end_ns = int(t_ns[-1])
        # Min-max thinning keeps two samples a bucket: neighbours are up to four mean distances apart.
        self._history_gap_ns = int(max(self.period_s * GAP_PERIODS, thinned_step_s * 4.0) * NS_PER_S)
        newer = self.t_ns > t_ns[-1]
        self.t_ns = np.concatenate([t_ns, self.t_ns[newer]])
        self.value = np.concatenate([value, self.value[newer]])

    def append(self, sample: Value) -> bool:
        """A live sample; False when it is not newer than the last one."""
        newest = int(self.t_ns[-1]) if len(self.t_ns) else 0
        if self.marks:
            newest = max(newest, self.marks[-1].t_ns)
        if sample.t_ns <= newest:
            return False
        good = sample.quality in (Quality.GOOD, Quality.STALE) and sample.value is not None
        if not good and sample.value is not None:
            self.marks = [*self.marks[-_MARKS_KEPT:], sample]
        self.t_ns = np.append(self.t_ns, np.int64(sample.t_ns))
        self.value = np.append(self.value, sample.value if good and sample.value is not None else np.nan)
        return True

    def forget_before(self, t_ns: int) -> None:
        """Drop what has left the plot, but for one sample that leads the line in from the left."""
        first = max(0, int(np.searchsorted(self.t_ns, t_ns)) - 1)
        if first:
            self.t_ns, self.value = self.t_ns[first:], self.value[first:]
        self.marks = [mark for mark in self.marks if mark.t_ns >= t_ns]

    def with_gaps(self) -> tuple[Times, Numbers]:
        """The samples with a NaN in the middle of every gap."""
        if len(self.t_ns) < 2:
            return self.t_ns, self.value
        step = np.diff(self.t_ns)
        live = int(self.period_s * GAP_PERIODS * NS_PER_S)
        allowed = np.where(self.t_ns[1:] <= self._history_end_ns, max(self._history_gap_ns, live), live)
        holes = np.flatnonzero(step > allowed)
        if not len(holes):
            return self.t_ns, self.value
        middle = self.t_ns[holes] + step[holes] // 2
        return np.insert(self.t_ns, holes + 1, middle), np.insert(self.value, holes + 1, np.nan)

    def line(self, most: int) -> tuple[Times, Numbers]:
        """`with_gaps`, thinned by minima and maxima to about `most` points; gaps survive."""
        t_ns, value = self.with_gaps()
        if len(t_ns) <= most:
            return t_ns, value
        from tsdownsample import MinMaxDownsampler

        thin = MinMaxDownsampler()
        finite = np.isfinite(value)
        # Runs of finite samples, each thinned by itself, so that no bucket reaches over a gap.
        edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
        keep: list[npt.NDArray[np.intp]] = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if keep:
                keep.append(np.array([start - 1], np.intp))
            share = max(4, int(most * (end - start) / len(t_ns)) // 2 * 2)
            run = np.arange(start, end, dtype=np.intp)
            if end - start > share:
                picked = np.asarray(thin.downsample(t_ns[start:end], value[start:end], n_out=share), dtype=np.intp)
                # Min-max buckets start with an extreme, not with the first sample: the ends stay.
                run = run[np.unique(np.concatenate([[0], picked, [end - start - 1]]))]
            keep.append(run)
        index = np.concatenate(keep) if keep else np.empty(0, np.intp)
        return t_ns[index], value[index]

    def last(self) -> Value | None:
        """Newest number of the line."""
        finite = np.flatnonzero(np.isfinite(self.value))
        if not len(finite):
            return None
        n = int(finite[-1])
        return Value(int(self.t_ns[n]), float(self.value[n]))

    def extent(self, t0_ns: int) -> tuple[float, float] | None:
        """Smallest and largest number since `t0_ns`, None when there is none."""
        part = self.value[self.t_ns >= t0_ns]
        part = part[np.isfinite(part)]
        return (float(part.min()), float(part.max())) if len(part) else None

    def near(self, t_ns: int, within_ns: int) -> Value | None:
        """The sample nearest to a moment, None in a gap."""
        finite = np.flatnonzero(np.isfinite(self.value))
        if not len(finite):
            return None
        times = self.t_ns[finite]
        right = int(np.clip(np.searchsorted(times, t_ns), 0, len(times) - 1))
        left = max(0, right - 1)
        n = left if abs(int(times[left]) - t_ns) <= abs(int(times[right]) - t_ns) else right
        if abs(int(times[n]) - t_ns) > within_ns:
            return None
        return Value(int(times[n]), float(self.value[finite[n]]))

    def rate_per_h(self, over_s: float) -> float | None:
        """Change per hour over the last `over_s`, None where the line does not reach that far back."""
        last = self.last()
        if last is None or last.value is None:
            return None
        before = self.near(last.t_ns - int(over_s * NS_PER_S), int(max(self.period_s * 2, over_s * 0.2) * NS_PER_S))
        if before is None or before.value is None or before.t_ns >= last.t_ns:
            return None
        return (last.value - before.value) / ((last.t_ns - before.t_ns) / NS_PER_S / 3600.0)
