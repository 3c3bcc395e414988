"""Slow indicators of every service: the figures at the start, and how they move afterwards.

Every figure carries the moment that it holds for; a scenario's `nan` says that nobody takes the figure then.
A later figure depends only on (seed, indicator, period).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from backends.city.tables import Row, is_sunday, local_hour, midnight_ns, table, text
from backends.domain.indicator import Indicator
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import IndicatorMoved

_MIN_NS = 60 * NS_PER_S
_HOUR_NS = 60 * _MIN_NS


def _as_of(rule: str, t_ns: int) -> tuple[int, str]:
    """The newest moment that the rule's figure holds for at `t_ns`, and how precise that is."""
    kind, _, number = rule.partition(":")
    if kind == "minute":
        step = int(number) * _MIN_NS
        return t_ns // step * step, "minute"
    today = midnight_ns(t_ns)
    if kind == "hour":
        moment = today + int(number) * _HOUR_NS
        return (moment if moment <= t_ns else moment - 24 * _HOUR_NS), "hour"
    if kind == "today":
        return today, "today"
    # "yesterday": published at 06:00, holds for the day before.
    published = t_ns if local_hour(t_ns / NS_PER_S) >= 6 else t_ns - 24 * _HOUR_NS
    return midnight_ns(published, -1), "day"


def _noise(seed: int, name: str, moment: int) -> float:
    return random.Random(f"{seed} {name} {moment}").uniform(-1.0, 1.0)


def _indicator(row: Row, seed: int, start_ns: int, t_ns: int) -> Indicator:
    moment, period = _as_of(row["as_of"], t_ns)
    first, _ = _as_of(row["as_of"], start_ns)
    drift = float(row.get("drift", 0.0))
    # Anchored at the start: the first screen shows the table's own figure.
    change = drift * (_noise(seed, row["id"], moment) - _noise(seed, row["id"], first)) / 2.0
    decimals = int(row.get("decimals", 0))
    value = max(0.0, round(row["value"] + change, decimals)) if not math.isnan(row["value"]) else None
    if row.get("closed") == "sunday" and is_sunday(moment):
        value = None  # nobody counts on a day off: a figure of nought would be news
    unit = LocalText(row["unit"]) if "unit" in row else text(row, "unit")
    return Indicator(
        id=row["id"],
        service=row["service"],
        name=text(row),
        value=value,
        t_as_of_ns=moment,
        unit=unit,
        decimals=decimals,
        goal=float(row["goal"]) if "goal" in row else None,
        goal_kind=row.get("goal_kind", ""),
        period=period,
    )


def _rows(other: Mapping[str, float]) -> list[Row]:
    return [{**row, "value": other.get(row["id"], row["value"])} for row in table("indicators")["indicator"]]


def indicators(seed: int, start_ns: int, other: Mapping[str, float]) -> tuple[Indicator, ...]:
    """All of them at the start; `other` = a scenario's own figures by id."""
    return tuple(_indicator(row, seed, start_ns, start_ns) for row in _rows(other))


def moves(seed: int, start_ns: int, other: Mapping[str, float]) -> Iterator[IndicatorMoved]:
    """Every new figure after the start, without end, in time order."""
    rows = _rows(other)
    last = {row["id"]: _as_of(row["as_of"], start_ns)[0] for row in rows}
    t_ns = start_ns // _MIN_NS * _MIN_NS
    while True:
        t_ns += _MIN_NS
        for row in rows:
            moment, _ = _as_of(row["as_of"], t_ns)
            if moment != last[row["id"]]:
                last[row["id"]] = moment
                yield IndicatorMoved(t_ns, _indicator(row, seed, start_ns, t_ns))
