"""The city's data tables (data/*.toml) and small readers for them.

What a city would want to change stands in the tables, not in code. This module knows no table by
meaning; it only reads them, once, and turns their columns into the domain's types.
"""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

Row = dict[str, Any]

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OFFSET_S = 7 * 3600
"""Viet Nam has had UTC+7 without summer time since 1975, so the hour of the day is plain arithmetic."""
DAY_S = 86_400


@functools.cache
def table(name: str) -> Row:
    """One data table. Raises FileNotFoundError for a name that does not exist. Do not change what it returns."""
    return tomllib.loads(files("backends.city").joinpath("data", f"{name}.toml").read_text(encoding="utf-8"))


def text(row: Row, column: str = "") -> LocalText:
    """The columns `vi`/`en` (or `COLUMN_vi`/`COLUMN_en`) of a row; empty when the row has none."""
    prefix = f"{column}_" if column else ""
    return LocalText(row.get(f"{prefix}vi", ""), row.get(f"{prefix}en", ""))


def filled(template: LocalText, **figures: object) -> LocalText:
    """`template` with its {names} filled in, in both languages."""
    return LocalText(template.vi.format(**figures), template.en.format(**figures))


def local_ns(iso: str) -> int:
    """UTC nanoseconds of a local time of the city, `2020-10-16T11:00`."""
    return int(dt.datetime.fromisoformat(iso).replace(tzinfo=ZONE).timestamp()) * NS_PER_S


def local_date(t_ns: int) -> str:
    """ISO date in the city at `t_ns`."""
    return dt.datetime.fromtimestamp(t_ns / NS_PER_S, ZONE).date().isoformat()


def local_hour(t_s: float) -> float:
    """Hour of the local day, 0 <= h < 24, of UTC seconds."""
    return (t_s + OFFSET_S) % DAY_S / 3600.0


def midnight_ns(t_ns: int, days: int = 0) -> int:
    """Local midnight of the day of `t_ns`, `days` days later."""
    day = (t_ns // NS_PER_S + OFFSET_S) // DAY_S + days
    return (day * DAY_S - OFFSET_S) * NS_PER_S


def is_sunday(t_ns: int) -> bool:
    """The local day of `t_ns` is a Sunday (1 January 1970 was a Thursday)."""
    return ((t_ns // NS_PER_S + OFFSET_S) // DAY_S + 3) % 7 == 6


def by_hour(day: list[float], t_s: float) -> float:
    """A table of 24 local hours, joined by straight lines, at `t_s`."""
    hour = local_hour(t_s)
    low = int(hour)
    share = hour - low
    return day[low] * (1.0 - share) + day[(low + 1) % 24] * share
