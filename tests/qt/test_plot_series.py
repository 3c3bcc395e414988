"""What a plot holds and asks for: ranges of time, answers that come late or twice, live samples, what is missing."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.sample_city import SampleSession, prepare
from helpers.sample_places import NOW_NS
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import Priority
from backends.domain.ports import NewSamples, SeriesPart
from backends.domain.quality import Quality, Value
from backends.domain.sensor import Flagged, Limit, Sample
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.parts.plot_axes import midnights
from widgets.parts.plot_chart import Canvas, Curve, draw_band, filled
from widgets.parts.plot_limits import Held, held, in_force
from widgets.parts.plot_lines import AGAIN_S, MOST, PlotLines
from widgets.parts.plot_range import DAY_NS, LONGEST_NS, SHORTEST_NS, View, around
from widgets.parts.plot_series import LIVE_POINTS, PARTS, PlotSeries, columns_of

MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
RIVER = "river-01.water_level"


def answer(t0_ns: int, t1_ns: int, step_ns: int = MINUTE, value: float = 1.0) -> SeriesPart:
    t_ns = np.arange(t0_ns, t1_ns + 1, step_ns, dtype=np.int64)
    return SeriesPart(1, "s", t_ns, np.full(len(t_ns), value))


# -- ranges of time --------------------------------------------------------------------------------------


def test_a_view_at_now_stays_there_when_it_is_zoomed() -> None:
    view = View(HOUR).zoomed(2.0, 0.3, NOW_NS)
    assert view == View(2 * HOUR)
    assert view.ends(NOW_NS + 5) == (NOW_NS + 5 - 2 * HOUR, NOW_NS + 5)


def test_zooming_keeps_what_is_under_the_pointer() -> None:
    view = View(4 * HOUR, NOW_NS - 10 * HOUR)
    t0_ns, _ = view.ends(NOW_NS)
    under = t0_ns + HOUR
    closer = view.zoomed(0.5, 0.25, NOW_NS)
    start_ns, end_ns = closer.ends(NOW_NS)
    assert end_ns - start_ns == 2 * HOUR
    assert start_ns + HOUR // 2 == under


@pytest.mark.parametrize(("factor", "span"), [(1e-6, SHORTEST_NS), (1e6, LONGEST_NS)])
def test_from_ten_minutes_to_thirty_days(factor: float, span: int) -> None:
    assert View(HOUR).zoomed(factor, 1.0, NOW_NS).span_ns == span
    assert (SHORTEST_NS, LONGEST_NS) == (10 * MINUTE, 30 * DAY_NS)


def test_moved_past_now_it_follows_now_again() -> None:
    past = View(HOUR).panned(-HOUR // 4, NOW_NS)
    assert past.end_ns == NOW_NS - HOUR // 4
    assert past.panned(HOUR, NOW_NS).live
    assert View(HOUR).panned(-1000 * DAY_NS, NOW_NS).ends(NOW_NS)[0] >= NOW_NS - 400 * DAY_NS


def test_around_a_moment() -> None:
    assert around(NOW_NS - DAY_NS, 30 * MINUTE, NOW_NS).ends(NOW_NS) == (
        NOW_NS - DAY_NS - 30 * MINUTE,
        NOW_NS - DAY_NS + 30 * MINUTE,
    )
    assert around(NOW_NS - MINUTE, 5 * MINUTE, NOW_NS).live, "what is still to come cannot be looked at"


def test_days_have_borders_in_the_sites_zone(qapp: QApplication) -> None:
    prepare(qapp)
    found = midnights(NOW_NS - 3 * DAY_NS, NOW_NS)
    assert len(found) == 3
    assert all((t + 7 * HOUR) % DAY_NS == 0 for t in found), "Asia/Ho_Chi_Minh is UTC+7"


# -- what is held ----------------------------------------------------------------------------------------


def test_live_samples_are_bounded() -> None:
    series = PlotSeries(1.0)
    for n in range(LIVE_POINTS + 1000):
        series.append(Value((n + 1) * NS_PER_S, float(n)))
    t_ns, value = series.samples(0, 10**18)
    assert len(t_ns) <= LIVE_POINTS
    assert value[-1] == LIVE_POINTS + 999
    assert np.all(np.diff(t_ns) == NS_PER_S), "what was dropped was at the old end"


def test_answers_are_bounded_and_the_finer_one_of_a_range_counts() -> None:
    series = PlotSeries(60.0)
    for n in range(10):
        series.take(answer(n * DAY_NS, (n + 1) * DAY_NS), (n * DAY_NS, (n + 1) * DAY_NS), 4000)
    assert len(series._parts) == PARTS
    whole = 0, 30 * DAY_NS
    series.take(answer(*whole, step_ns=10 * MINUTE, value=9.0), whole, 5000)
    assert series.part_for(9 * DAY_NS, 10 * DAY_NS).step_ns == 0
    assert series.part_for(*whole).step_ns == pytest.approx(10 * MINUTE, rel=0.01)
    assert not series.is_fine(20 * DAY_NS, 20 * DAY_NS + HOUR, 400)
    assert series.is_fine(*whole, 400)


def test_what_the_hub_has_forgotten_stays_as_the_station_kept_it() -> None:
    series = PlotSeries(60.0)
    asked = 0, 10 * HOUR
    kept = SeriesPart(1, "s", *_same(answer(0, 10 * HOUR)), False, (Flagged(MINUTE, MINUTE, "fault"),))
    series.take(kept, asked, 4000)
    series.take(answer(5 * HOUR, 10 * HOUR, value=2.0), asked, 4000)
    _, value = series.samples(*asked)
    assert set(value.tolist()) == {1.0, 2.0}
    assert len(value) == 601
    assert series.flags(*asked) == [Flagged(MINUTE, MINUTE, "fault")]
    series.take(SeriesPart(1, "s", np.empty(0, np.int64), np.empty(0)), asked, 4000)
    assert len(series.samples(*asked)[0]) == 601, "a hub that knows nothing takes nothing away"


def _same(part: SeriesPart) -> tuple[np.ndarray, np.ndarray]:
    return part.t_ns, part.value


def test_only_what_nobody_has_answered_for_is_missing() -> None:
    series = PlotSeries(60.0)
    assert series.missing(0, HOUR) == [(0, HOUR)]
    series.take(answer(HOUR, 2 * HOUR), (HOUR, 2 * HOUR), 4000)
    assert series.missing(0, 3 * HOUR) == [(0, HOUR), (2 * HOUR, 3 * HOUR)]
    series.listening_ns = 2 * HOUR - MINUTE
    assert series.missing(0, 3 * HOUR) == [(0, HOUR)], "since then every sample comes by itself"


def test_qualities_break_the_line_and_are_runs() -> None:
    series = PlotSeries(60.0)
    for n, quality in enumerate((Quality.GOOD, Quality.FAULT, Quality.FAULT, Quality.STALE, Quality.GOOD)):
        series.append(Value((n + 1) * MINUTE, float(n), quality))
    assert series.flags(0, HOUR) == [
        Flagged(2 * MINUTE, 3 * MINUTE, "fault", 1.0, 2.0),
        Flagged(4 * MINUTE, 4 * MINUTE, "stale", 3.0, 3.0),
    ]
    _, value = series.samples(0, HOUR)
    assert np.isnan(value).tolist() == [False, True, True, True, False]


def test_the_cursor_finds_nothing_in_a_gap() -> None:
    series = PlotSeries(60.0)
    series.append(Value(MINUTE, 1.0))
    series.append(Value(30 * MINUTE, 2.0))
    assert series.near(15 * MINUTE) is None
    assert series.near(2 * MINUTE) == Value(MINUTE, 1.0)


def test_columns_keep_extremes_and_gaps() -> None:
    t_ns = np.arange(1000, dtype=np.int64) * NS_PER_S
    value = np.zeros(1000)
    value[333], value[700:720] = 9.0, np.nan
    found = columns_of(t_ns, value, 0, 1000 * NS_PER_S, 100)
    assert np.nanmax(found.greatest) == 9.0
    open_at = found.t_ns[np.isnan(found.least)]
    assert ((open_at >= 700) & (open_at < 720)).all()
    assert len(open_at) >= 1


def test_the_newest_number_is_the_latest_of_what_came_live_and_what_was_answered() -> None:
    series = PlotSeries(3600.0)
    series.append(Value(8 * HOUR, 1.0))
    series.take(SeriesPart(1, "s", np.array([7 * HOUR, 9 * HOUR]), np.array([0.5, 5.0])), (0, 9 * HOUR), 4000)
    assert not series.append(Value(9 * HOUR, 5.0)), "the answer has it"
    assert series.last() == Value(9 * HOUR, 5.0)
    series.append(Value(10 * HOUR, 2.0))
    assert series.last() == Value(10 * HOUR, 2.0)


def test_what_a_wrong_clock_has_left_years_ahead_is_not_the_newest_number() -> None:
    series = PlotSeries(3600.0)
    years = 6 * 365 * 24 * HOUR
    series.take(SeriesPart(1, "s", np.array([years, years + HOUR]), np.array([0.5, 0.8])), (years, years + HOUR), 4000)
    assert series.last(9 * HOUR) is None
    series.append(Value(8 * HOUR, 5.0), 9 * HOUR)
    assert series.last(9 * HOUR) == Value(8 * HOUR, 5.0)
    fast = Value(15 * HOUR, 5.5)  # a gauge that sends local time as UTC
    series.append(fast)
    assert series.last(9 * HOUR) == fast


# -- limits of their time ----------------------------------------------------------------------------------


def test_a_changed_limit_steps_at_its_date(qapp: QApplication) -> None:
    prepare(qapp)
    before, after = (
        Limit(LocalText("BĐ1"), value, Priority.HIGH, valid_from=date)
        for value, date in ((2.0, "2020-01-01"), (1.8, "2026-11-20"))
    )
    other = Limit(LocalText("BĐ2"), 3.0, Priority.HIGH)
    border = next(t for t in midnights(NOW_NS - DAY_NS, NOW_NS))
    found = {(h.limit.value, h.t0_ns, h.t1_ns) for h in held((after, other, before), NOW_NS - DAY_NS, NOW_NS)}
    assert found == {
        (2.0, NOW_NS - DAY_NS, border), (1.8, border, NOW_NS), (3.0, NOW_NS - DAY_NS, NOW_NS),
    }  # fmt: skip


def test_a_limit_that_ended_is_not_drawn_after_its_last_day() -> None:
    border = next(t for t in midnights(NOW_NS - DAY_NS, NOW_NS))
    ended = Limit(LocalText("A"), 2.0, Priority.HIGH, valid_from="2020-01-01", valid_until="2026-11-20")
    short = Limit(LocalText("B"), 3.0, Priority.HIGH, valid_from="2026-01-01", valid_until="2026-11-20")
    long = Limit(LocalText("B"), 4.0, Priority.HIGH)
    t0_ns = NOW_NS - DAY_NS
    found = sorted(held((ended, short, long), t0_ns, NOW_NS), key=lambda one: one.limit.value)
    assert found == [Held(ended, t0_ns, border), Held(short, t0_ns, border), Held(long, border, NOW_NS)]
    assert in_force((ended, short, long), NOW_NS) == [long], "the older one, which has no end, holds again"


# -- asking ------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(sample: SampleSession) -> PlotLines:
    made = PlotLines(sample.session)
    made.set_first(sample.city.sensor(RIVER))
    return made


def test_what_is_known_is_not_asked_again(sample: SampleSession, lines: PlotLines) -> None:
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    assert len(sample.history.requests) == 1, "asked once while the answer is on its way"
    asked = sample.history.requests[0]
    assert (asked.t0_ns, asked.t1_ns) == (NOW_NS - 90 * MINUTE, NOW_NS), "half a range on either side, not the future"
    lines.on_series(sample.history.part(asked))
    lines.need(NOW_NS - HOUR - 20 * MINUTE, NOW_NS - 20 * MINUTE, 400)
    assert len(sample.history.requests) == 1, "a small step finds what was fetched with it"
    lines.need(NOW_NS - 9 * HOUR, NOW_NS - 8 * HOUR, 400)
    assert len(sample.history.requests) == 2


def test_an_answer_of_an_older_question_is_dropped_and_counted(sample: SampleSession, lines: PlotLines) -> None:
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    lines.need(NOW_NS - 9 * HOUR, NOW_NS - 8 * HOUR, 400)
    first, second = sample.history.requests
    assert not lines.on_series(sample.history.part(first))
    assert lines.dropped == 1
    assert lines.on_series(sample.history.part(second))


def test_a_question_nobody_heard_is_asked_again(sample: SampleSession, lines: PlotLines) -> None:
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    sample.clock.advance_s(AGAIN_S / 2)
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    assert len(sample.history.requests) == 1
    sample.clock.advance_s(AGAIN_S)
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    assert len(sample.history.requests) == 2


def test_what_a_gauge_sends_days_afterwards_takes_nothing_away(sample: SampleSession, lines: PlotLines) -> None:
    """It had kept it: its own clock was right, and so is what is there already."""
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    lines.on_series(sample.history.part(sample.history.requests[0]))
    series, late = lines.shown[0].series, Value(NOW_NS - 50 * HOUR, 0.1)
    before = series.last(), series.samples(0, NOW_NS)[0].tolist()
    assert not series.append(late, NOW_NS)
    assert (series.last(), series.samples(0, NOW_NS)[0].tolist()) == before
    known = sample.city.value(RIVER)
    assert known is not None
    sample.deliver(NewSamples((Sample(RIVER, late.t_ns, late.value),)))
    assert sample.city.value(RIVER) == known, "nor is it the newest that is known of the gauge"
    ahead = Sample(RIVER, NOW_NS + HOUR, 9.9)
    sample.deliver(NewSamples((ahead,)))
    right = Value(NOW_NS + NS_PER_S, 5.0)
    sample.deliver(NewSamples((Sample(RIVER, right.t_ns, right.value),)))
    assert sample.city.value(RIVER) == right, "but what came of a clock that was ahead gives way"


def test_a_gauge_whose_clock_was_days_ahead_goes_on_when_it_is_set_right(
    sample: SampleSession, lines: PlotLines
) -> None:
    lines.need(NOW_NS - HOUR, NOW_NS, 400)
    lines.on_series(sample.history.part(sample.history.requests[0]))
    series = lines.shown[0].series
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS + 70 * HOUR, 5.1),)))
    assert lines.take_newest()
    right = Value(NOW_NS + MINUTE, 5.2)
    sample.clock.advance_s(60)
    sample.deliver(NewSamples((Sample(RIVER, right.t_ns, 5.2),)))
    assert lines.take_newest()
    assert series.last() == right
    assert len(series.samples(0, NOW_NS)[0]) > 10, "what was answered stays"


def test_no_more_lines_than_can_be_told_apart(sample: SampleSession, lines: PlotLines) -> None:
    sensors = [s for s in sample.city.records("sensors").values() if s.id != RIVER]
    assert not lines.add(sample.city.sensor(RIVER))
    added = [lines.add(sensor) for sensor in sensors]
    assert sum(added) == min(len(sensors), MOST - 1)
    while lines.remove_last() is not None:
        pass
    assert [one.sensor.id for one in lines.shown] == [RIVER]


# -- from samples to pixels ----------------------------------------------------------------------------------


def test_a_column_without_a_sample_is_on_the_way_and_an_open_one_is_not() -> None:
    x = np.array([0.5, 4.5, 6.0, 7.5, 9.5])
    top = np.array([10.0, 18.0, np.nan, 20.0, 20.0])
    highs, lows = filled(x, top, top + 2.0, 10)
    assert np.isnan(highs).tolist() == [False] * 5 + [True] * 2 + [False] * 3
    assert lows[-1] == 22.0
    touching = highs[1:] <= lows[:-1]
    assert touching[:4].all(), "neighbours of a rising line touch"


def test_a_lone_sample_between_two_gaps_is_drawn() -> None:
    x = np.array([1.0, 2.0, 5.5, 8.0, 9.5])
    top = np.array([3.0, np.nan, 7.0, np.nan, 3.0])
    highs, _ = filled(x, top, top + 1.0, 10)
    assert np.flatnonzero(np.isfinite(highs)).tolist() == [1, 5, 9]


def test_the_band_is_as_thick_as_it_should_be_and_smooth() -> None:
    canvas = Canvas(8, 20, 1.0)
    curve = Curve(np.empty(0, np.int64), np.empty(0), 0.0, 1.0, QColor("#ffffff"), 2.0)
    draw_band(canvas, np.full(8, 10.25), np.full(8, 10.25), curve)
    alpha = canvas.pixels[:, 4] >> 24
    assert np.flatnonzero(alpha).tolist() == [9, 10, 11]
    assert alpha.sum() / 255 == pytest.approx(2.0, abs=0.02)
    assert canvas.used == (8, 12) or canvas.used == (9, 12)
    canvas.clear()
    assert not canvas.pixels.any()


def test_a_band_outside_the_plot_touches_nothing() -> None:
    canvas = Canvas(8, 20, 1.0)
    curve = Curve(np.empty(0, np.int64), np.empty(0), 0.0, 1.0, QColor("#ffffff"), 2.0)
    draw_band(canvas, np.full(8, -500.0), np.full(8, -400.0), curve)
    draw_band(canvas, np.full(8, 1e9), np.full(8, 2e9), curve)
    draw_band(canvas, np.full(8, np.nan), np.full(8, np.nan), curve)
    assert not canvas.pixels.any()
