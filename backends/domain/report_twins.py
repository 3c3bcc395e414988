"""Which reports may speak of the same thing: suggested by place, time, category and words; a person decides.

Pure, and quick enough for a queue of thousands: what lies too far away is left out by its coordinates first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from backends.domain.report import Report, ReportState
from backends.domain.text import fold
from backends.domain.times import NS_PER_S

WITHIN_M = 250.0
"""As far apart may two people stand who report the same thing, where their category says nothing."""
WITHIN_S = 6 * 3600.0
"""And so far apart in time."""
OTHER_CATEGORY = 0.6
"""A report under another category counts so much: people file a flooded drain under roads too."""
LEAST = 0.25
"""Below this score nobody is bothered with a suggestion."""
MOST = 5
_M_PER_DEGREE = 111_320.0


class Twin(msgspec.Struct, frozen=True):
    """One suggestion."""

    report_id: str
    score: float
    """0 to 1."""
    distance_m: float
    apart_s: float
    """How much later `report` came; negative: earlier."""


class Reach(msgspec.Struct, frozen=True):
    """How far suggestions of a category go."""

    within_m: float = WITHIN_M
    within_s: float = WITHIN_S


def twins(report: Report, others: Iterable[Report], reach: Reach = Reach()) -> list[Twin]:  # noqa: B008  # frozen
    """The best suggestions for `report`, best first. One that is merged or rejected is none; one that was done within
    the time is: it may have come back, or somebody reports what has just been mended."""
    if report.lon is None or report.lat is None:
        return []
    per_lon = _M_PER_DEGREE * math.cos(math.radians(report.lat))
    words = _words(report)
    found = []
    for other in others:
        if other.id == report.id or other.state in (ReportState.MERGED, ReportState.REJECTED):
            continue
        if other.lon is None or other.lat is None:
            continue
        east, north = (other.lon - report.lon) * per_lon, (other.lat - report.lat) * _M_PER_DEGREE
        if abs(east) > reach.within_m or abs(north) > reach.within_m:
            continue
        distance_m = math.hypot(east, north)
        apart_s = (report.t_received_ns - other.t_received_ns) / NS_PER_S
        if distance_m > reach.within_m or abs(apart_s) > reach.within_s:
            continue
        near = 1 - distance_m / reach.within_m
        soon = 1 - abs(apart_s) / reach.within_s
        kind = 1.0 if other.category == report.category else OTHER_CATEGORY
        score = kind * (0.5 * near + 0.25 * soon + 0.25 * _likeness(words, _words(other)))
        if score >= LEAST:
            found.append(Twin(other.id, round(score, 3), distance_m, apart_s))
    return sorted(found, key=lambda twin: (-twin.score, twin.report_id))[:MOST]


def _words(report: Report) -> frozenset[str]:
    return frozenset(word for word in fold(f"{report.title.vi} {report.text}").split() if len(word) > 1)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of words that both have (Jaccard)."""
    return len(one & other) / len(one | other) if one and other else 0.0
