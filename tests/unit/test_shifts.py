"""Shifts follow from the times at which they begin."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from backends.domain.shifts import SHIFTS, is_night, shift_at
from backends.domain.times import NS_PER_S

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY_NIGHT = ("18:00", "06:00")


def ns(day: int, clock: str) -> int:
    hour, minute = clock.split(":")
    return int(dt.datetime(2026, 11, day, int(hour), int(minute), tzinfo=ZONE).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("begins", "at", "first", "last", "night"),
    [
        (DAY_NIGHT, (20, "09:41"), (20, "06:00"), (20, "18:00"), False),
        (DAY_NIGHT, (20, "18:00"), (20, "18:00"), (21, "06:00"), True),
        (DAY_NIGHT, (20, "03:00"), (19, "18:00"), (20, "06:00"), True),
        (SHIFTS, (20, "13:59"), (20, "06:00"), (20, "14:00"), False),
        (SHIFTS, (20, "23:00"), (20, "22:00"), (21, "06:00"), True),
        (("07:30",), (20, "07:00"), (19, "07:30"), (20, "07:30"), True),
        (("00:00", "12:00"), (20, "13:00"), (20, "12:00"), (21, "00:00"), False),
    ],
)
def test_a_moment_lies_in_its_shift(
    begins: tuple[str, ...], at: tuple[int, str], first: tuple[int, str], last: tuple[int, str], night: bool
) -> None:
    span = shift_at(begins, ns(*at), ZONE)
    assert span == (ns(*first), ns(*last))
    assert is_night(span, ZONE) is night


def test_the_shift_before_ends_where_this_one_begins() -> None:
    begin, _ = shift_at(SHIFTS, ns(20, "09:41"), ZONE)
    assert shift_at(SHIFTS, begin - 1, ZONE) == (ns(19, "22:00"), begin)


def test_what_is_no_time_of_day_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        shift_at(("six",), ns(20, "09:41"), ZONE)
