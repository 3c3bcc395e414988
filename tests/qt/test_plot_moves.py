"""A plot that is moved shows the same as one that was opened there, and draws no line anew for it; its line, its axis
and its newest value have one scale."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from helpers.sample_city import SCALES, SampleSession
from helpers.sample_places import NOW_NS
from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from backends.domain.ports import SeriesPart
from backends.domain.sensor import Sensor
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets.parts.plot_chart import Chart, Curve
from widgets.parts.plot_range import View, reach_of
from widgets.parts.plot_view import with_headroom
from widgets.theme import THEMES, ThemeName
from widgets.tiles.plot import PlotTile

RIVER = "river-01.water_level"
MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
PEAK_NS = NOW_NS - 7 * HOUR
LINE = THEMES[ThemeName.DARK].text.rgb()


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    sample.put(
        "sensors", msgspec.structs.replace(river(sample), period_s=1.0, forecast=(), limits=(), low=0.0, high=4.0)
    )
    return sample


def river(sample: SampleSession) -> Sensor:
    found = sample.city.sensor(RIVER)
    assert found is not None
    return found


def opened(qtbot: QtBot, sample: SampleSession, view: View) -> PlotTile:
    """A day of seconds, all noise: with one peak and one hole."""
    tile = PlotTile(sample.session, SCALES["desk"], PlotOptions(sensor=RIVER, hours=6.0))
    tile.resize(700, 300)
    qtbot.addWidget(tile)
    tile.show_view(view)
    tile._settled()
    t_ns = NOW_NS - np.arange(86_400, dtype=np.int64)[::-1] * NS_PER_S
    value = 2.0 + np.random.default_rng(5).normal(0.0, 0.2, len(t_ns))
    value[np.searchsorted(t_ns, PEAK_NS)] = 3.9
    keep = (t_ns < PEAK_NS + HOUR) | (t_ns > PEAK_NS + HOUR + 20 * MINUTE)
    for asked in sample.history.requests:
        sample.deliver(SeriesPart(asked.number, RIVER, t_ns[keep], value[keep]))
    return tile


def test_moved_there_it_shows_what_one_shows_that_was_opened_there(
    qtbot: QtBot, sample: SampleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = View(6 * HOUR, NOW_NS - 5 * HOUR - 17 * MINUTE)
    fresh = opened(qtbot, sample, there).grab().toImage()
    tile = opened(qtbot, sample, View(6 * HOUR, NOW_NS - 6 * HOUR - MINUTE))
    tile.grab()
    tile.show_view(View(6 * HOUR, NOW_NS - 6 * HOUR))
    tile.grab()
    drawn: list[Curve] = []
    draw = Chart._draw

    def counted(self: Chart, canvas: object, curve: Curve, *rest: object) -> None:
        drawn.append(curve)
        draw(self, canvas, curve, *rest)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(Chart, "_draw", counted)
    for n in range(1, 44):
        tile.show_view(View(6 * HOUR, NOW_NS - 6 * HOUR + n * MINUTE))
        image = tile.grab().toImage()
    assert tile.view == there
    assert not drawn, "its line was drawn before"
    assert image == fresh
    tile.show_view(View(6 * HOUR, NOW_NS - 12 * HOUR))
    tile.grab()
    assert drawn, "the control: beyond what was drawn it is drawn anew"


def test_a_peak_and_a_hole_stay_at_their_times_while_the_view_moves(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample, View(6 * HOUR, NOW_NS - 5 * HOUR))
    for minutes in (0, 1, 2, 3, 29, 61, 100, 230, -15):
        tile.show_view(View(6 * HOUR, NOW_NS - 5 * HOUR + minutes * MINUTE))
        image = tile.grab().toImage()
        chart, state = tile._chart, tile.state()
        assert chart is not None
        assert state is not None
        top = chart.place(PEAK_NS, 3.85, state.low, state.high)
        lit = {x for x in range(-3, 4) if image.pixel(round(top.x()) + x, round(top.y())) == LINE}
        assert lit & {-1, 0, 1}, f"the peak, {minutes} min on"
        assert lit <= {-1, 0, 1}
        left, right = (round(chart.x(PEAK_NS + HOUR + n * MINUTE)) for n in (2, 18))
        hole = [image.pixel(x, y) == LINE for x in range(left, right) for y in range(60, 200)]
        assert not any(hole), f"a line in the hole, {minutes} min on"


def test_what_is_out_of_view_does_not_stretch_the_axis(qtbot: QtBot, sample: SampleSession) -> None:
    sample.put("sensors", msgspec.structs.replace(river(sample), low=None, high=None))
    tile = opened(qtbot, sample, View(HOUR, PEAK_NS - 15 * MINUTE))
    tile.state()
    tile.show_view(View(HOUR, PEAK_NS - 10 * MINUTE))
    before = tile.state()
    tile.show_view(View(HOUR, PEAK_NS + 10 * MINUTE))
    after = tile.state()
    assert before is not None
    assert after is not None
    assert before.reach == after.reach, "the control: the peak is within what was thinned"
    assert before.high < 3.6
    assert after.high > 3.9


def test_a_new_value_is_in_the_line_whatever_was_drawn(qtbot: QtBot, sample: SampleSession) -> None:
    from backends.domain.ports import NewSamples
    from backends.domain.sensor import Sample

    tile = opened(qtbot, sample, View(6 * HOUR, NOW_NS - 6 * HOUR))
    tile.show_view(None)
    sample.city.feedsChanged.connect(tile.on_feeds)
    tile.grab()
    sample.clock.advance_s(1)
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS + NS_PER_S, 3.5),)))
    tile.grab()
    assert tile._chart is not None
    assert tile._chart.curves[0].value[-1] == 3.5


def test_line_axis_and_value_have_one_scale(qtbot: QtBot, sample: SampleSession) -> None:
    """Where the axis is made higher for the value to stand above the line, the line is drawn with that axis."""
    sample.put("sensors", msgspec.structs.replace(river(sample), low=None, high=None))
    tile = opened(qtbot, sample, View(6 * HOUR))
    tile.show_view(None)
    tile.grab()
    state, first = tile.state(), tile.lines.first
    assert state is not None
    assert first is not None
    body = QRectF(tile.rect()).adjusted(0, tile.header_height, 0, 0)
    high = with_headroom(state, tile.scale, body, first.series).high
    assert high > state.high, "the control: there is need for it"
    assert tile._chart is not None
    assert (tile._chart.curves[0].low, tile._chart.curves[0].high) == (state.low, high)


@pytest.mark.parametrize("live", [True, False])
def test_a_reach_stays_while_the_view_is_in_it_and_has_one_grid(live: bool) -> None:
    span, columns = 6 * HOUR + 7, 640
    step = span // columns
    at = reach_of(None, (NOW_NS - span, NOW_NS), columns, live=live)
    assert at[0] % step == 0
    assert at[0] <= NOW_NS - span < NOW_NS <= at[1]
    assert reach_of(at, (at[1] - span, at[1]), columns, live=live) == at
    beyond = reach_of(at, (at[1] - span + 1, at[1] + 1), columns, live=live)
    assert beyond != at
    assert beyond[0] % step == 0
    zoomed = reach_of(at, (NOW_NS - span // 2, NOW_NS), columns, live=live)
    assert zoomed != at, "other columns"
    assert at[1] - at[0] < 1.01 * span, "opened or zoomed: no more than is seen"
    earlier = reach_of(at, (NOW_NS - 2 * span, NOW_NS - span), columns, live=live, ahead=0.4)
    assert earlier[0] <= NOW_NS - 2 * span < NOW_NS - span <= earlier[1]
    assert (earlier[0] < NOW_NS - 2.35 * span) is not live, "moved to the past: more of it"
    later = reach_of(earlier, (NOW_NS - span // 2, NOW_NS + span // 2), columns, live=live, ahead=0.4)
    assert later[0] <= NOW_NS - span // 2 < NOW_NS + span // 2 <= later[1]
    assert (later[1] > NOW_NS + 0.85 * span) is not live
