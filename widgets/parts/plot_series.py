"""One series as a plot holds it: answers of history, live samples after them, open gaps, thinned to the pixels.

Bounded: `PARTS` answers of as many points as were asked for, and `LIVE_POINTS` samples that came since. What is further
apart than three periods is never joined by a line, and what its instrument does not call good is not part of the line:
it is kept in `flags`. Holds numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backends.domain.ports import SeriesPart
from backends.domain.quality import Quality, Value
from backends.domain.sensor import Flagged
from backends.domain.times import NS_PER_S
from widgets.parts.plot_range import DAY_NS, Span

GAP_PERIODS = 3
PARTS = 3
"""Answers that are kept: of now, of the time that is looked at, and of the one before it."""
LIVE_POINTS = 100_000
"""A day of one each second, and more than a month of one each minute."""
FLAGS_KEPT = 2000
Times = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Part:
    """What history said of one range."""

    asked: Span
    t_ns: Times
    value: Numbers
    step_ns: int
    """Mean distance of its samples where the answer was thinned; 0: all of them are there."""
    flags: tuple[Flagged, ...]
    complete: bool


_EMPTY = Part((0, 0), np.empty(0, np.int64), np.empty(0, np.float64), 0, (), True)


@dataclass(frozen=True)
class Columns:
    """A line for the pixels of a plot: least and greatest of each column that has any, NaN where it is open."""

    t_ns: Numbers
    """Middle of the column, seconds since the start of the view."""
    least: Numbers
    greatest: Numbers


class PlotSeries:
    """Samples rising in time. GUI thread."""

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.version = 0
        """Moves with every change."""
        self._parts: list[Part] = []
        """Newest answer first."""
        self._t, self._v, self._n = np.empty(64, np.int64), np.empty(64, np.float64), 0
        """Live samples: the first `_n` of arrays that grow by doubling."""
        self._live_flags: list[Flagged] = []
        self._newest_ns = 0
        self.listening_ns: int | None = None
        """Since when every sample of the series comes by itself; None: it does not."""
        self._joined: tuple[object, Times, Numbers, int] | None = None
        self._finite: tuple[object, Index, Index] | None = None
        self._line: tuple[object, Times, Numbers] | None = None
        self._holes: tuple[object, list[Span]] | None = None
        self._last: Value | None = None
        self._last_known = False

    # -- taking ----------------------------------------------------------------------------------------

    def take(self, part: SeriesPart, asked: Span, most: int) -> None:
        """An answer about `asked`, at most `most` points. A later one about the same range takes the place of what it
        speaks of: where the hub has forgotten what the station kept, that stays."""
        thinned = len(part.t_ns) > most // 2 and (asked[1] - asked[0]) / max(1, len(part.t_ns))
        usual = self.period_s * NS_PER_S
        step_ns = int(thinned) if thinned and thinned > usual * 1.5 else 0
        made = Part(asked, part.t_ns, part.value, step_ns, part.flags, part.complete)
        before = next((p for p in self._parts if p.asked == asked), None)
        if before is not None and len(before.t_ns):
            made = _completed(made, before)
        self._parts = [made, *(p for p in self._parts if p.asked != asked)][:PARTS]
        self._changed()

    def append(self, sample: Value, now_ns: int | None = None) -> bool:
        """A live sample; False when it is not newer than the last one.

        `now_ns`: what is here from more than a day after it was left by a clock that was wrong, here or at the gauge.
        It goes, or the line would stand still until that day. (Not what is newer than the sample: a gauge may send
        afterwards what it had kept.)
        """
        if now_ns is not None and sample.t_ns <= now_ns + DAY_NS < max(self._newest_ns, self._past_end()):
            self._come_back(now_ns + DAY_NS)
        if sample.t_ns <= max(self._newest_ns, self._past_end()):
            return False
        self._newest_ns = sample.t_ns
        good = sample.quality is Quality.GOOD and sample.value is not None
        if not good:
            self._flag(sample)
        if self._n == len(self._t):
            self._grow()
        self._t[self._n] = sample.t_ns
        self._v[self._n] = sample.value if good and sample.value is not None else np.nan
        self._n += 1
        self._changed()
        return True

    def _come_back(self, until_ns: int) -> None:
        self._parts = [p for p in self._parts if not len(p.t_ns) or int(p.t_ns[-1]) <= until_ns]
        self._live_flags = [flag for flag in self._live_flags if flag.t0_ns <= until_ns]
        self._n = int(np.searchsorted(self._t[: self._n], until_ns, "right"))
        self._newest_ns = int(self._t[self._n - 1]) if self._n else 0
        self._changed()

    def _past_end(self) -> int:
        return max((int(p.t_ns[-1]) for p in self._parts if len(p.t_ns)), default=0)

    def _flag(self, sample: Value) -> None:
        last = self._live_flags[-1] if self._live_flags else None
        quality = sample.quality.value
        before = int(self._t[self._n - 1]) if self._n else 0
        if last is not None and last.quality == quality and last.t1_ns == before:
            values = [v for v in (last.least, last.greatest, sample.value) if v is not None]
            flag = Flagged(last.t0_ns, sample.t_ns, quality, min(values, default=None), max(values, default=None))
            self._live_flags[-1] = flag
        elif sample.quality is not Quality.GOOD:
            self._live_flags.append(Flagged(sample.t_ns, sample.t_ns, quality, sample.value, sample.value))
            del self._live_flags[:-FLAGS_KEPT]

    def _grow(self) -> None:
        kept = self._n if self._n < LIVE_POINTS else LIVE_POINTS * 3 // 4
        size = min(LIVE_POINTS, max(64, 2 * kept))
        for name in ("_t", "_v"):
            old = getattr(self, name)
            new = np.empty(size, old.dtype)
            new[:kept] = old[self._n - kept : self._n]
            setattr(self, name, new)
        self._n = kept

    def _changed(self) -> None:
        self.version += 1
        self._joined = self._finite = self._line = self._holes = None
        self._last_known = False

    # -- reading ---------------------------------------------------------------------------------------

    def part_for(self, t0_ns: int, t1_ns: int) -> Part:
        """The answer that says most of a range; of equals the finer one, then the newer one."""

        def worth(part: Part) -> tuple[int, int]:
            return min(part.asked[1], t1_ns) - max(part.asked[0], t0_ns), -part.step_ns

        best = max(self._parts, key=worth, default=_EMPTY)
        return best if worth(best)[0] > 0 else _EMPTY

    def missing(self, t0_ns: int, t1_ns: int) -> list[Span]:
        """What of a range nothing is known of yet."""
        part = self.part_for(t0_ns, t1_ns)
        known = [part.asked] if part is not _EMPTY else []
        if self.listening_ns is not None:
            known.append((self.listening_ns, max(t1_ns, self.listening_ns)))
        out: list[Span] = []
        at = t0_ns
        for start, end in sorted(known):
            if start > at:
                out.append((at, min(start, t1_ns)))
            at = max(at, end)
            if at >= t1_ns:
                break
        if at < t1_ns:
            out.append((at, t1_ns))
        return [(a, b) for a, b in out if b > a]

    def is_fine(self, t0_ns: int, t1_ns: int, columns: int) -> bool:
        """What there is of this range is fine enough for so many columns of pixels."""
        return self.part_for(t0_ns, t1_ns).step_ns <= 2 * (t1_ns - t0_ns) / max(1, columns)

    def samples(self, t0_ns: int, t1_ns: int) -> tuple[Times, Numbers]:
        """The points of a range, NaN where the line is open, one beyond each end, which lead it in and out."""
        t_ns, value, _ = self._join(self.part_for(t0_ns, t1_ns))
        first = max(0, int(np.searchsorted(t_ns, t0_ns)) - 1)
        last = int(np.searchsorted(t_ns, t1_ns, side="right")) + 1
        return t_ns[first:last], value[first:last]

    def _join(self, part: Part) -> tuple[Times, Numbers, int]:
        """An answer and the live samples after it, with a NaN in the middle of every gap; the gap before live ones."""
        key = (id(part), self.version)
        if self._joined is None or self._joined[0] != key:
            end_ns = int(part.t_ns[-1]) if len(part.t_ns) else 0
            newer = int(np.searchsorted(self._t[: self._n], end_ns, side="right"))
            t_ns, value = part.t_ns, part.value
            if newer < self._n:  # else no copy: fresh memory costs more than what is done with it
                t_ns = np.concatenate([t_ns, self._t[newer : self._n]])
                value = np.concatenate([value, self._v[newer : self._n]])
            # Min-max thinning keeps two samples a bucket: neighbours are up to four mean distances apart.
            own_ns = int(GAP_PERIODS * self.period_s * NS_PER_S)
            thinned_ns = max(own_ns, 4 * part.step_ns)
            steps = np.diff(t_ns)
            holes = np.flatnonzero(steps > np.where(t_ns[1:] <= end_ns, thinned_ns, own_ns))
            if len(holes):
                middle = t_ns[holes] + steps[holes] // 2
                t_ns, value = np.insert(t_ns, holes + 1, middle), np.insert(value, holes + 1, np.nan)
            self._joined = (key, t_ns, value, end_ns)
        return self._joined[1:]

    def flags(self, t0_ns: int, t1_ns: int) -> list[Flagged]:
        """Samples of a range that are not good, oldest first."""
        part = self.part_for(t0_ns, t1_ns)
        end_ns = int(part.t_ns[-1]) if len(part.t_ns) else 0
        found = [*part.flags, *(flag for flag in self._live_flags if flag.t0_ns > end_ns)]
        return [flag for flag in found if flag.t1_ns >= t0_ns and flag.t0_ns <= t1_ns]

    def line(self, t0_ns: int, t1_ns: int, columns: int) -> tuple[Times, Numbers]:
        """The samples of a range, thinned to minima and maxima of the columns; gaps wider than a column survive."""
        key = (self.version, t0_ns, t1_ns, columns)
        if self._line is None or self._line[0] != key:
            t_ns, value = self.samples(t0_ns, t1_ns)
            if len(t_ns) > 2 * columns:
                t_ns, value = self._thinned(t0_ns, t1_ns, columns)
            self._line = (key, t_ns, value)
        return self._line[1:]

    def extent(self, t0_ns: int, t1_ns: int, of: Span, columns: int) -> tuple[float, float] | None:
        """Least and greatest of the line of `of` within a part of it; the samples that lead in and out count."""
        t_ns, value = self.line(*of, columns)
        step_ns = (of[1] - of[0]) // columns
        inside = np.searchsorted(t_ns, (t0_ns - step_ns, t0_ns, t1_ns, t1_ns + step_ns))
        part = value[max(0, min(int(inside[0]), int(inside[1]) - 1)) : max(int(inside[3]), int(inside[2]) + 1)]
        if not len(part):
            return None
        low, high = float(np.fmin.reduce(part)), float(np.fmax.reduce(part))
        return (low, high) if np.isfinite(low) else None

    def holes(self, t0_ns: int, t1_ns: int, columns: int) -> list[Span]:
        """Where that line is open: from the number before to the number after it."""
        key = (self.version, t0_ns, t1_ns, columns)
        if self._holes is None or self._holes[0] != key:
            t_ns, value = self.line(t0_ns, t1_ns, columns)
            finite = np.flatnonzero(np.isfinite(value))
            open_ = np.flatnonzero(np.diff(finite) > 1)
            ends = t_ns[finite[open_]].tolist(), t_ns[finite[open_ + 1]].tolist()
            self._holes = (key, list(zip(*ends, strict=True)))
        return self._holes[1]

    def _thinned(self, t0_ns: int, t1_ns: int, columns: int) -> tuple[Times, Numbers]:
        """Least and greatest of each column that has samples, both at its middle; one sample beyond each end.

        numpy's own reduction takes 0.08 ms for 43,200 samples; tsdownsample takes 0.19 and its buckets are not the
        columns of the screen (November 2026).
        """
        times, value, before, after = self._opens(self.part_for(t0_ns, t1_ns))
        edges = np.linspace(t0_ns, t1_ns, columns + 1).astype(np.int64)
        starts = np.searchsorted(times, edges)
        first, last = int(starts[0]), int(starts[-1])
        own = np.flatnonzero(starts[:-1] < starts[1:])
        groups, middle = starts[:-1][own], (edges[:-1][own] + edges[1:][own]) // 2
        if len(own):
            least, greatest = (f.reduceat(value[:last], groups) for f in (np.fmin, np.fmax))
            some = np.isfinite(least)
            groups, middle, least, greatest = groups[some], middle[some], least[some], greatest[some]
        else:
            least = greatest = value[:0]
        lead = _there(value, first - 1)
        rest = _there(value, last)
        t_ns = np.concatenate([times[lead], np.repeat(middle, 2), times[rest]])
        v = np.concatenate([value[lead], np.column_stack([least, greatest]).ravel(), value[rest]])
        # What is narrower than a pixel cannot be seen.
        wide = (times[after] - times[before] > (t1_ns - t0_ns) // columns) & (after >= first) & (before < last)
        if not wide.any():
            return t_ns, v
        before, after = before[wide], after[wide]
        # Before the column of the first sample after the opening.
        at = np.searchsorted(groups, after, side="right") - 1
        at = np.where(after >= last, len(groups), np.maximum(at, 0)) * 2 + len(lead)
        between = times[before] + (times[after] - times[before]) // 2
        return np.insert(t_ns, at, between), np.insert(v, at, np.nan)

    def _opens(self, part: Part) -> tuple[Times, Numbers, Index, Index]:
        """The line, and the last number before and the first one after each part in which it is open."""
        t_ns, value, _ = self._join(part)
        key = (id(part), self.version)
        if self._finite is None or self._finite[0] != key:
            change = np.diff(np.isfinite(value).astype(np.int8))
            before, after = np.flatnonzero(change == -1), np.flatnonzero(change == 1) + 1
            if len(after) and (not len(before) or after[0] < before[0]):
                after = after[1:]  # it begins open
            self._finite = (key, before[: len(after)], after)
        return t_ns, value, self._finite[1], self._finite[2]

    def last(self, now_ns: int | None = None) -> Value | None:
        """Newest number of the line, whatever is looked at: an answer may reach further than what came live.

        `now_ns`: nothing from more than a day after it, which a clock that was wrong has left in the store.
        """
        if not self._last_known:
            self._last, self._last_known = self._newest(), True
        if now_ns is not None and self._last is not None and self._last.t_ns > now_ns + DAY_NS:
            return self._newest(now_ns + DAY_NS)
        return self._last

    def _newest(self, until_ns: int | None = None) -> Value | None:
        found = []
        for t_ns, value in ((self._t[: self._n], self._v[: self._n]), *((p.t_ns, p.value) for p in self._parts)):
            end = len(value) if until_ns is None else int(np.searchsorted(t_ns, until_ns, "right"))
            start = max(0, end - 1000)
            finite = np.flatnonzero(np.isfinite(value[start:end]))
            if len(finite):
                n = start + int(finite[-1])
                found.append(Value(int(t_ns[n]), float(value[n])))
        return max(found, key=lambda one: one.t_ns, default=None)

    def near(self, t_ns: int) -> Value | None:
        """The sample nearest to a moment, None in a gap."""
        own_ns = int(self.period_s * GAP_PERIODS * NS_PER_S / 2) + 1
        part = self.part_for(t_ns - own_ns, t_ns + own_ns)
        within_ns = max(own_ns, part.step_ns * 2)
        times, value = self.samples(t_ns - within_ns, t_ns + within_ns)
        away = np.where(np.isfinite(value), np.abs(times - t_ns), np.iinfo(np.int64).max)
        if not len(away) or int(away.min()) > within_ns:
            return None
        n = int(away.argmin())
        return Value(int(times[n]), float(value[n]))

    def rate_per_h(self, over_s: float, now_ns: int) -> float | None:
        """Change per hour over the last `over_s`, None where the line does not reach that far back."""
        last = self.last(now_ns)
        if last is None or last.value is None:
            return None
        before = self.near(last.t_ns - int(over_s * NS_PER_S))
        if before is None or before.value is None or before.t_ns >= last.t_ns:
            return None
        return (last.value - before.value) / ((last.t_ns - before.t_ns) / NS_PER_S / 3600.0)


def _there(value: Numbers, at: int) -> Index:
    """The index itself where there is a number, else none: one sample leads the line in, or out."""
    inside = 0 <= at < len(value) and bool(np.isfinite(value[at]))
    return np.array([at] if inside else [], np.intp)


def _completed(part: Part, before: Part) -> Part:
    """An answer, and beyond its ends what was said before."""
    if not len(part.t_ns):
        return Part(part.asked, before.t_ns, before.value, before.step_ns, before.flags, part.complete)
    first, last = int(part.t_ns[0]), int(part.t_ns[-1])
    left, right = before.t_ns < first, before.t_ns > last
    if not left.any() and not right.any():
        return part
    flags = (
        *(f for f in before.flags if f.t1_ns < first), *part.flags, *(f for f in before.flags if f.t0_ns > last),
    )  # fmt: skip
    return Part(
        part.asked,
        np.concatenate([before.t_ns[left], part.t_ns, before.t_ns[right]]),
        np.concatenate([before.value[left], part.value, before.value[right]]),
        max(part.step_ns, before.step_ns), flags, part.complete,
    )  # fmt: skip


def columns_of(t_ns: Times, value: Numbers, t0_ns: int, t1_ns: int, columns: int) -> Columns:
    """Least and greatest of each column of pixels, and where the line runs between columns without a sample."""
    step = (t1_ns - t0_ns) / NS_PER_S / columns
    at = (t_ns - t0_ns) / NS_PER_S
    finite = np.isfinite(value)
    place = np.floor(at / step).astype(np.int64)
    # A new group at each new column, and at each side of a gap.
    edge = np.flatnonzero(np.concatenate([[True], (place[1:] != place[:-1]) | (finite[1:] != finite[:-1])]))
    if not len(t_ns):
        return Columns(np.empty(0), np.empty(0), np.empty(0))
    middle = np.where(finite[edge], np.add.reduceat(at, edge) / np.diff(np.append(edge, len(at))), at[edge])
    return Columns(middle, np.minimum.reduceat(value, edge), np.maximum.reduceat(value, edge))
