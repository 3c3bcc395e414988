"""Overload begins above 10 alarms in 10 minutes for an operator, and ends below 5."""

from __future__ import annotations

import pytest

from backends.domain.overload import BEGINS_ABOVE, ENDS_BELOW, WINDOW_S, AlarmLoad, load_of, operators_on_duty
from backends.domain.people import Operator, Role, Station
from backends.domain.times import NS_PER_S

NOW_NS = 10_000 * NS_PER_S
CALM, OVER = AlarmLoad(), AlarmLoad(overloaded=True)


def raised(count: int, age_s: float = 60.0) -> list[int]:
    return [NOW_NS - int(age_s * NS_PER_S)] * count


@pytest.mark.parametrize(
    ("before", "count", "operators", "over"),
    [
        (CALM, BEGINS_ABOVE, 1, False),
        (CALM, BEGINS_ABOVE + 1, 1, True),
        (CALM, BEGINS_ABOVE + 1, 2, False),
        (CALM, 2 * BEGINS_ABOVE + 1, 2, True),
        (OVER, ENDS_BELOW, 1, True),
        (OVER, ENDS_BELOW - 1, 1, False),
        (OVER, 2 * ENDS_BELOW, 2, True),
        (OVER, 2 * ENDS_BELOW - 1, 2, False),
        (CALM, ENDS_BELOW, 1, False),
        (CALM, BEGINS_ABOVE + 1, 0, True),
    ],
)
def test_it_begins_high_and_ends_low(before: AlarmLoad, count: int, operators: int, over: bool) -> None:
    load = load_of(before, raised(count), NOW_NS, operators)
    assert load.overloaded is over
    assert load.raised == count


def test_what_is_older_than_the_window_or_in_the_future_does_not_count() -> None:
    times = raised(20, WINDOW_S) + raised(3, WINDOW_S - 1) + raised(20, -1)
    assert load_of(CALM, times, NOW_NS, 1) == AlarmLoad(False, 3, 1)


def test_on_duty_is_who_works_at_a_station_that_is_there() -> None:
    roster = [
        Operator("a", "A", "A", Role.OPERATOR), Operator("b", "B", "B", Role.SHIFT_LEAD),
        Operator("c", "C", "C", Role.OPERATOR), Operator("w", "W", "W", Role.VIEWER),
    ]  # fmt: skip
    stations = [
        Station("1", "1", True, "a"), Station("2", "2", True, "a"), Station("3", "3", True, "b"),
        Station("4", "4", False, "c"), Station("5", "5", True, "w"), Station("6", "6", True),
    ]  # fmt: skip
    assert operators_on_duty(stations, roster) == 2
    assert operators_on_duty([], roster) == 1
