"""Figures of the alarms, worked out by hand, and the load against the live one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.alarm_figures import (
    AlarmFigures,
    Answered,
    Duty,
    Frequent,
    Span,
    duty_of,
    figures_of,
    lines_of,
    on_duty,
)
from backends.domain.incident import TimelineEvent
from backends.domain.overload import AlarmLoad, load_of
from backends.domain.people import Operator, Role, Station
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

T = 1_000_000 * NS_PER_S
HOUR: Span = (T, T + 3600 * NS_PER_S)
ONE: Duty = ((0, 1),)
HIGH, MEDIUM, LOW, URGENT = Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.URGENT


def at(seconds: float) -> int:
    return T + int(seconds * NS_PER_S)


def event(seconds: float, what: str, target: str, priority: Priority | None = None, actor: str = "") -> TimelineEvent:
    id_ = f"{target}/{what}/{seconds}"
    return TimelineEvent(id_, at(seconds), what, target, actor, LocalText(target.upper()), priority=priority)


def raised(*seconds: float, key: str = "a", priority: Priority | None = None) -> list[TimelineEvent]:
    """Each a new alarm of that key."""
    return [event(s, "alarm_raised", f"{key}@{s:g}", priority) for s in seconds]


def figures(
    *events: TimelineEvent, within: Span = HOUR, whole: tuple[Span, ...] = (HOUR,), duty: Duty = ONE,
    standing: tuple[Alarm, ...] = (),
) -> AlarmFigures:  # fmt: skip
    rising = sorted(events, key=lambda one: one.t_ns)
    return figures_of(rising, within, whole, duty, standing, within[1])


def met(told: AlarmFigures) -> dict[str, bool | None]:
    return {line.id: line.met for line in lines_of(told)}


# -- rate, peak, overload --------------------------------------------------------------------------------------------


def test_one_alarm_a_minute_for_twelve_minutes_and_two_operators() -> None:
    told = figures(*raised(*range(0, 720, 60)), duty=((0, 2),))
    assert told.raised == 12
    assert told.operators == 2.0
    assert told.rate == pytest.approx(1.0)  # 12 in 6 windows of ten minutes, for 2
    assert (told.peak, told.peak_ns) == (5.0, at(540))  # ten of them within ten minutes
    assert (told.overloads, told.overload_s) == (0, 0.0)
    assert met(told)["rate"] is True
    assert met(told)["peak"] is True


def test_eleven_in_two_minutes_are_an_overload_until_fewer_than_five_are_left() -> None:
    told = figures(*raised(*range(10, 120, 10)))
    # Begins with the 11th at 110 s; the 7th, of 70 s, leaves the window at 670 s: four are left.
    assert told.overloads == 1
    assert told.overload_s == told.overload_longest_s == 560.0
    assert (told.peak, told.peak_ns) == (11.0, at(110))
    assert met(told) | {"rate": False, "peak": False, "overload": False} == met(told)


def test_an_overload_that_began_before_counts_from_the_begin_of_what_was_asked() -> None:
    within = (at(500), HOUR[1])
    told = figures(*raised(*range(10, 120, 10)), within=within)
    assert told.raised == 0
    assert told.overload_s == 170.0
    assert (told.peak, told.peak_ns) == (11.0, at(500))


def test_who_signs_out_leaves_his_load_to_the_others() -> None:
    told = figures(*raised(*range(10, 120, 10)), duty=((0, 2), (at(300), 1)))
    assert told.overload_s == 370.0  # from 300 s, when eleven are one person's, to 670 s
    assert (told.peak, told.peak_ns) == (11.0, at(300))
    assert told.operators == pytest.approx((300 * 2 + 3300) / 3600)
    assert told.rate == pytest.approx(11 * 600 / 3900)


@settings(max_examples=25, deadline=None)
@given(
    moments=st.lists(st.integers(0, 1500), max_size=60),
    steps=st.lists(st.tuples(st.integers(1, 1500), st.integers(1, 3)), max_size=3, unique_by=lambda step: step[0]),
)
def test_the_load_of_the_past_is_the_load_that_was_shown_live(moments: list[int], steps: list[tuple[int, int]]) -> None:
    duty: Duty = ((0, 1), *((at(t), n) for t, n in sorted(steps)))
    within = (at(300), at(1500))
    told = figures(*raised(*moments), within=within, whole=((at(0), at(1500)),), duty=duty)
    times = [at(t) for t in moments]
    load, over, peak = AlarmLoad(), 0, 0.0
    for second in range(1500):
        load = load_of(load, times, at(second), on_duty(duty, at(second)))
        if second >= 300:
            over += load.overloaded
            peak = max(peak, load.each)
    assert told.overload_s == over
    assert told.peak == pytest.approx(peak)


# -- what there is no data of ----------------------------------------------------------------------------------------


def test_without_data_there_are_no_figures() -> None:
    told = figures(*raised(10), whole=((at(-900), at(0)),))
    assert (told.rate, told.peak, told.counted, told.raised) == (None, None, (), 0)
    assert told.missing == (HOUR,)
    assert {line.met for line in lines_of(told) if line.id != "old"} == {None}


def test_only_time_of_which_all_is_there_counts_and_the_rest_is_named() -> None:
    whole = ((at(-50), at(600)), (at(1200), at(1800)))
    told = figures(*raised(10, 20, 1300), whole=whole)
    assert told.counted == ((at(0), at(600)), (at(1200), at(1800)))
    assert told.missing == ((at(600), at(1200)), (at(1800), at(3600)))
    assert told.rate == pytest.approx(3 / 2)
    assert told.counted_s == 1200.0


def test_a_hole_between_two_events_of_one_moment_is_named_too() -> None:
    assert figures(whole=((at(0), at(600)), (at(600), at(3600)))).missing == ((at(600), at(600)),)


def test_a_load_does_not_go_on_over_a_hole() -> None:
    told = figures(*raised(*range(10, 120, 10)), whole=((at(0), at(200)), (at(300), at(3600))))
    assert told.overload_s == 90.0


def test_of_less_than_ten_minutes_there_is_no_rate() -> None:
    assert figures(*raised(10), within=(at(0), at(599))).rate is None
    assert figures(*raised(10), within=(at(0), at(600))).rate == 1.0


# -- what counts -----------------------------------------------------------------------------------------------------


def test_what_nobody_is_asked_about_does_not_count() -> None:
    told = figures(
        event(10, "alarm_raised", "x@1", LOW), event(20, "alarm_shelved", "x@1", LOW),
        event(30, "alarm_raised", "x@1", LOW),  # on the shelf
        event(40, "alarm_raised", "x@1", HIGH),  # graver: it comes back
        event(50, "alarm_suppressed", "y@1", LOW), event(60, "alarm_raised", "y@1", URGENT),
        event(70, "alarm_unsuppressed", "y@1", URGENT),
        event(80, "alarm_out_of_service", "z@1", LOW), event(90, "alarm_raised", "z@1", HIGH),
        event(95, "alarm_in_service", "z@1", HIGH), event(97, "report_received", "PA-1"), event(99, "comment", "x@1"),
    )  # fmt: skip
    assert told.frequent == (Frequent("x", LocalText("X@1"), 2), Frequent("y", LocalText("Y@1"), 1))
    assert told.by_priority == {LOW: 1, HIGH: 1, URGENT: 1}


def test_the_most_frequent_are_causes_not_rows() -> None:
    told = figures(
        *raised(1, 2, 3, key="pump"), *raised(4, 5, key="gate"), *(raised(9, key=f"k{n}")[0] for n in range(12))
    )
    assert [(one.key, one.times) for one in told.frequent[:3]] == [("pump", 3), ("gate", 2), ("k0", 1)]
    assert len(told.frequent) == 10
    assert met(told)["top"] is None, "of 17 alarms nobody can say"
    many = figures(*(raised(n, key=f"k{n % 100}")[0] for n in range(400)))
    assert met(many)["top"] is False  # 40 of 400
    assert met(figures(*(raised(n, key=f"k{n}")[0] for n in range(400))))["top"] is True


def test_priorities_are_compared_once_there_are_enough() -> None:
    def told(urgent: int, high: int, medium: int, low: int) -> dict[str, bool | None]:
        counts = {URGENT: urgent, HIGH: high, MEDIUM: medium, LOW: low}
        return met(figures(*(e for p, n in counts.items() for e in raised(*range(n), key=p, priority=p))))

    few = told(1, 0, 0, 98)
    assert [few[p] for p in Priority] == [None] * 4
    good = told(1, 5, 14, 80)
    assert [good[p] for p in Priority] == [True] * 4
    bad = told(2, 6, 16, 76)
    assert [bad[p] for p in Priority] == [False] * 4


# -- how long people took --------------------------------------------------------------------------------------------


def test_waiting_is_from_the_asking_to_the_first_hand() -> None:
    told = figures(
        event(10, "alarm_raised", "a@1", HIGH), event(70, "alarm_acknowledged", "a@1", HIGH),
        event(80, "alarm_claimed", "a@1", HIGH),  # it asks for nothing any more
        event(20, "alarm_raised", "b@1", HIGH), event(30, "alarm_returned", "b@1", HIGH),
        event(40, "alarm_raised", "b@1", HIGH), event(140, "alarm_claimed", "b@1", HIGH),
        event(0, "alarm_raised", "c@1", MEDIUM), event(100, "alarm_raised", "c@1", URGENT),
        event(130, "alarm_acknowledged", "c@1", URGENT),
        event(5, "alarm_acknowledged", "old@1", LOW),
    )  # fmt: skip
    assert told.answered == (Answered(URGENT, 1, 30.0, 30.0), Answered(HIGH, 2, 90.0, 120.0))
    assert told.unknown_answers == 1


def test_the_95th_percentile_is_the_19th_of_twenty() -> None:
    events = [e for n in range(20) for e in raised(n, key=f"k{n}", priority=LOW)]
    events += [event(100 + 2 * n, "alarm_acknowledged", f"k{n}@{n:g}", LOW) for n in range(20)]
    (one,) = figures(*events).answered
    assert (one.times, one.median_s, one.p95_s) == (20, 109.5, 118.0)


def test_one_that_was_raised_before_counts_where_it_was_acknowledged() -> None:
    before = (at(-3600), at(0))
    events = (event(-60, "alarm_raised", "a@1", LOW), event(30, "alarm_acknowledged", "a@1", LOW))
    assert figures(*events, whole=((before[0], HOUR[1]),)).answered == (Answered(LOW, 1, 90.0, 90.0),)
    assert figures(*events, within=before, whole=(before,)).answered == ()


# -- chattering, fleeting, old ---------------------------------------------------------------------------------------


def test_chattering_and_fleeting_are_counted_once_an_alarm() -> None:
    told = figures(
        *(event(s, "alarm_chattering", "c@1") for s in (30, 300)), event(40, "alarm_chattering", "c@2"),
        event(50, "alarm_raised", "f@1"), event(59, "alarm_returned", "f@1"),
        event(50, "alarm_raised", "g@1"), event(60, "alarm_returned", "g@1"),
        event(70, "alarm_raised", "h@1"), event(75, "alarm_returned", "h@1"), event(90, "alarm_raised", "h@1"),
        event(20, "alarm_raised", "c@1"), event(21, "alarm_returned", "c@1"),
    )  # fmt: skip
    assert (told.chattering, told.fleeting) == (1, 1)
    assert met(told)["chattering"] is False
    assert met(figures())["fleeting"] is True


def test_old_is_what_is_active_and_before_peoples_eyes_for_more_than_a_day() -> None:
    def alarm(n: int, hours: float, state: AlarmState = AlarmState.ACKNOWLEDGED, returned: int = 0) -> Alarm:
        t_ns = HOUR[1] - int(hours * 3600) * NS_PER_S
        return Alarm(f"o{n}", HIGH, state, LocalText("O"), t_ns, t_returned_ns=returned)

    standing = (
        alarm(1, 25), alarm(2, 30, AlarmState.UNACKNOWLEDGED), alarm(3, 23.9), alarm(4, 48, AlarmState.SHELVED),
        alarm(5, 48, AlarmState.OUT_OF_SERVICE), alarm(6, 48, AlarmState.RETURNED, 5), alarm(7, 48, returned=5),
        alarm(8, 48, AlarmState.SUPPRESSED),
    )  # fmt: skip
    told = figures(standing=standing, whole=())
    assert [one.id for one in told.old] == ["o2", "o1"]
    assert met(told)["old"] is True
    assert met(figures(standing=tuple(alarm(n, 25 + n) for n in range(5))))["old"] is False


# -- who is there ----------------------------------------------------------------------------------------------------


def test_who_sat_where_is_read_back_from_who_sits_there_now() -> None:
    roster = [Operator(id_, id_, id_, role) for id_, role in (
        ("a", Role.OPERATOR), ("b", Role.SHIFT_LEAD), ("c", Role.OPERATOR), ("w", Role.VIEWER),
    )]  # fmt: skip
    stations = [Station("s1", "1", True, "a"), Station("s2", "2", True, ""), Station("s3", "3", True, "w")]
    events = [
        event(10, "signed_out", "s1", actor="c"), event(10, "signed_in", "s1", actor="a"),
        event(30, "signed_out", "s2", actor="b"),
    ]  # fmt: skip
    duty = duty_of(events, stations, roster)
    assert [on_duty(duty, at(s)) for s in (0, 10, 29, 30, 500)] == [2, 2, 2, 1, 1]
    assert duty_of([], [Station("s1", "1", False, "a")], roster) == ((0, 1),)
