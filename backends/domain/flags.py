"""Runs of samples that are not good, as plots show them: what is not good is never part of the line."""

from __future__ import annotations

from collections.abc import Iterable

from backends.domain.sensor import Flagged

FLAGS_LIMIT = 1000
"""Runs that one answer tells; of more, the longest. The line stays open at all of them."""

Row = tuple[int, int, float | None, str]
"""(place among all samples of the series, t_ns, value, quality)."""


def runs(rows: Iterable[Row]) -> list[Flagged]:
    """`rows`: samples that are not good, rising in time. Good ones between two of them part two runs."""
    out: list[Flagged] = []
    before = -2
    for place, t_ns, value, quality in rows:
        last = out[-1] if out and place == before + 1 and out[-1].quality == quality else None
        before = place
        if last is None:
            out.append(Flagged(t_ns, t_ns, quality, value, value))
        else:
            values = [v for v in (last.least, last.greatest, value) if v is not None]
            out[-1] = Flagged(last.t0_ns, t_ns, quality, min(values, default=None), max(values, default=None))
    return out


def longest(flags: list[Flagged], most: int = FLAGS_LIMIT) -> tuple[Flagged, ...]:
    """At most `most` of them, in their order."""
    if len(flags) <= most:
        return tuple(flags)
    kept = sorted(range(len(flags)), key=lambda n: flags[n].t0_ns - flags[n].t1_ns)[:most]
    return tuple(flags[n] for n in sorted(kept))
