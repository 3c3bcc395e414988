"""What hands do to plots: time by wheel, drag and keys, one cursor and one time for all, comparing, back to now."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from helpers.sample_places import NOW_NS
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.ports import NewSamples, SeriesPart
from backends.domain.quality import Quality
from backends.domain.sensor import Flagged, Sample
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets.parts import text
from widgets.parts.plot_chart import DASHES, Chart, Curve
from widgets.parts.plot_keys import PLOT_KEYS, PlotAct, key_of
from widgets.parts.plot_lines import MOST
from widgets.parts.sensor_picker import SensorPicker, matching
from widgets.plots import IDLE_S
from widgets.theme import THEMES, ThemeName
from widgets.tiles.plot import PlotTile

ROOT = Path(__file__).parents[2]
RIVER, TIDE, RAIN, PM, SPEED = (
    "river-01.water_level", "cuaviet-tide", "hieu-dongha-rain", "song-pm25", "ql9-speed",
)  # fmt: skip
MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
NONE = Qt.KeyboardModifier.NoModifier


def plot(
    qtbot: QtBot, sample: SampleSession, sensor: str = RIVER, hours: float = 6.0, panel: str = "desk"
) -> PlotTile:  # fmt: skip
    tile = PlotTile(sample.session, SCALES[panel], PlotOptions(sensor=sensor, hours=hours))
    tile.resize(*((760, 420) if panel == "desk" else (1400, 800)))
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    settle(sample, tile)
    return tile


def settle(sample: SampleSession, tile: PlotTile) -> None:
    """The view stands, and history has answered."""
    tile._settled()
    sample.answer_history()
    tile.grab()


def press(tile: PlotTile, key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE, words: str = "") -> None:
    QApplication.sendEvent(tile, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, words))


def wheel(tile: PlotTile, at: QPointF, delta: int, modifiers: Qt.KeyboardModifier = NONE) -> None:
    QApplication.sendEvent(
        tile,
        QWheelEvent(at, at, QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, modifiers,
                    Qt.ScrollPhase.NoScrollPhase, False),
    )  # fmt: skip


def mouse(tile: PlotTile, kind: QEvent.Type, at: QPointF, held: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    button = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    QApplication.sendEvent(tile, QMouseEvent(kind, at, at, button, held, NONE))


def said(tile: PlotTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


# -- time ------------------------------------------------------------------------------------------------


def test_the_wheel_zooms_and_with_shift_moves(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    middle = tile._plot.center()
    wheel(tile, middle, -120)
    assert tile.view.span_ns > 6 * HOUR
    wheel(tile, middle, 120, Qt.KeyboardModifier.ShiftModifier)
    assert not tile.view.live
    under = tile._time_at(middle)
    tile.grab()
    under = tile._time_at(middle)
    wheel(tile, middle, 240)
    tile.grab()
    assert abs(tile._time_at(middle) - under) < 2 * MINUTE


def test_dragging_moves_the_time_with_the_pointer(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    start = tile._plot.center()
    under = tile._time_at(start)
    mouse(tile, QEvent.Type.MouseButtonPress, start)
    to = start + QPointF(120, 0)
    mouse(tile, QEvent.Type.MouseMove, to, Qt.MouseButton.LeftButton)
    mouse(tile, QEvent.Type.MouseButtonRelease, to)
    tile.grab()
    assert not tile.view.live
    # The forecast's part of the width goes when the past is looked at: the moment stays near the pointer.
    assert abs(tile._time_at(to) - under) < HOUR


def test_keys_move_and_come_back(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    press(tile, Qt.Key.Key_PageUp)
    assert tile.view.ends(NOW_NS) == (NOW_NS - 12 * HOUR, NOW_NS - 6 * HOUR)
    assert any(w.startswith("xem quá khứ 19/11 21:41 – ") for w in said(tile)), said(tile)
    press(tile, Qt.Key.Key_Plus, Qt.KeyboardModifier.ShiftModifier, "+")
    assert tile.view.span_ns < 6 * HOUR
    press(tile, Qt.Key.Key_End)
    assert tile.view.live
    assert tile.view.span_ns == 6 * HOUR
    assert not any(w.startswith("xem quá khứ") for w in said(tile))
    press(tile, Qt.Key.Key_Left)
    assert not tile.view.live
    press(tile, Qt.Key.Key_Escape)
    assert tile.view.live


def test_thirty_days_are_asked_of_history_and_what_has_not_come_is_named(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample, TIDE)
    for _ in range(40):
        press(tile, Qt.Key.Key_Minus, NONE, "-")
    assert tile.view.span_ns == 30 * 24 * HOUR
    before = len(sample.history.requests)
    qtbot.waitUntil(lambda: len(sample.history.requests) > before)
    asked = sample.history.requests[-1]
    assert len(sample.history.requests) == before + 1, "forty steps of the wheel are one question"
    assert asked.t0_ns <= NOW_NS - 30 * 24 * HOUR
    assert "Đang lấy số liệu" in said(tile)
    sample.deliver(sample.history.part(asked))
    assert "Đang lấy số liệu" not in said(tile)


def test_the_past_shows_no_value_as_if_it_were_now(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    assert "4,12 m" in said(tile)
    press(tile, Qt.Key.Key_PageUp)
    settle(sample, tile)
    assert "4,12 m" not in said(tile)
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS, 4.44),)))
    assert not any("4,44" in w for w in said(tile))
    state = tile.state()
    assert state is not None
    assert state.forecast == ()
    assert state.broken is None


def test_nobody_there_it_is_back_at_now(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    press(tile, Qt.Key.Key_PageUp)
    sample.clock.advance_s(IDLE_S / 2)
    tile.on_second()
    assert not tile.view.live
    press(tile, Qt.Key.Key_Left)
    sample.clock.advance_s(IDLE_S * 0.9)
    tile.on_second()
    assert not tile.view.live, "it was touched since"
    sample.clock.advance_s(IDLE_S)
    tile.on_second()
    assert tile.view.live


def test_nobody_there_all_plots_are_back_at_once(qtbot: QtBot, sample: SampleSession) -> None:
    sample.session.plots.link(linked=False)
    tiles = [plot(qtbot, sample) for _ in range(4)]
    for tile in tiles:
        press(tile, Qt.Key.Key_PageUp)
    sample.clock.advance_s(IDLE_S)
    for tile in tiles:
        tile.on_second()
    assert [tile.view.live for tile in tiles] == [True] * 4, "one that comes back by itself is no hand"
    assert sample.session.plots.idle()


# -- shared ------------------------------------------------------------------------------------------------


def test_all_plots_share_the_cursor(qtbot: QtBot, sample: SampleSession) -> None:
    one, other = plot(qtbot, sample), plot(qtbot, sample, TIDE, hours=12)
    mouse(one, QEvent.Type.MouseMove, one._plot.center())
    at_ns = sample.session.plots.cursor_ns
    state = other.state()
    assert state is not None
    assert state.cursor_ns == at_ns
    assert state.at_cursor is not None
    assert abs(state.at_cursor.t_ns - at_ns) <= 10 * MINUTE
    assert any(w.count(":") == 2 and " m" in w for w in said(other))
    QApplication.sendEvent(one, QEvent(QEvent.Type.Leave))
    assert sample.session.plots.cursor_ns is None


def test_linked_plots_share_the_time_and_walls_stay_at_now(qtbot: QtBot, sample: SampleSession) -> None:
    one, other = plot(qtbot, sample), plot(qtbot, sample, TIDE, hours=12)
    wall = plot(qtbot, sample, panel="wall")
    assert other.view.span_ns == 12 * HOUR, "at rest each has its own hours"
    press(one, Qt.Key.Key_PageUp)
    assert other.view == one.view
    assert wall.view.live
    wheel(wall, wall._plot.center(), -120)
    assert wall.view.span_ns == 6 * HOUR
    press(one, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert not sample.session.plots.linked
    assert other.view.live
    press(other, Qt.Key.Key_Left)
    assert not other.view.live
    assert one.view.live


def test_two_cursors_tell_the_difference(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    plots = sample.session.plots
    plots.point(NOW_NS - 2 * HOUR)
    press(tile, Qt.Key.Key_Space, NONE, " ")
    plots.point(NOW_NS - HOUR)
    words = next(w for w in said(tile) if "cách" in w)
    assert "cách 1 giờ" in words
    assert words.rsplit(" · ", 1)[1].startswith("+")
    plots.mark()
    assert plots.mark_ns == NOW_NS - HOUR
    plots.mark()
    assert plots.mark_ns is None, "pressed again at the mark: forgotten"


def test_the_cursor_moves_by_keys(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    press(tile, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    first = sample.session.plots.cursor_ns
    press(tile, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    second = sample.session.plots.cursor_ns
    assert first is not None
    assert second is not None
    assert second < first
    assert tile.view.live, "the view stays"


# -- comparing ---------------------------------------------------------------------------------------------


def test_a_sensor_is_found_without_accents_and_added(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    tile.show()
    press(tile, Qt.Key.Key_Insert)
    picker = next(child for child in tile.children() if isinstance(child, SensorPicker))
    picker.field.setText("thuy trieu")
    assert [s.id for s in picker.found()] == [TIDE]
    QApplication.sendEvent(picker.field, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, NONE, "\r"))
    assert [one.sensor.id for one in tile.lines.shown] == [RIVER, TIDE]
    settle(sample, tile)
    assert any(w.startswith("2 Thủy triều Cửa Việt ") for w in said(tile))
    press(tile, Qt.Key.Key_Delete)
    assert [one.sensor.id for one in tile.lines.shown] == [RIVER]
    assert matching([tile.sensor], "SONG hieu ĐÔNG") == [tile.sensor]
    assert matching([tile.sensor], "song hieu xyz") == []


def test_a_compared_line_shows_no_old_or_faulty_value_as_current(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    tile._compare(sample.city.sensor(TIDE))
    settle(sample, tile)

    def of_tide() -> str:
        state = tile.state()
        assert state is not None
        return state.more[0].words

    sample.deliver(NewSamples((Sample(TIDE, NOW_NS, 1.23),)))
    assert of_tide() == "2 Thủy triều Cửa Việt 1,23 m"
    tide = sample.city.sensor(TIDE)
    assert tide is not None
    sample.clock.advance_s(tide.period_s * 3 + 60)
    assert of_tide().startswith("2 Thủy triều Cửa Việt số liệu cũ ")
    now_ns = sample.clock.now_ns()
    sample.deliver(NewSamples((Sample(TIDE, now_ns, 1.24),)))
    assert of_tide().endswith(" 1,24 m")
    sample.deliver(NewSamples((Sample(TIDE, now_ns + NS_PER_S, 9.99, Quality.FAULT),)))
    assert of_tide() == "2 Thủy triều Cửa Việt thiết bị lỗi"
    sample.session.plots.point(now_ns)
    assert of_tide().endswith(" 1,24 m"), "of the cursor's moment it is true"


def test_a_held_enter_picks_no_sensor(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    tile.show()
    press(tile, Qt.Key.Key_Insert)
    picker = next(child for child in tile.children() if isinstance(child, SensorPicker))
    for held in (True, False):
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, NONE, "\r", held)
        QApplication.sendEvent(picker.field, event)
        assert len(tile.lines.shown) == (1 if held else 2)


def test_two_units_have_two_axes_and_three_are_shapes(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample, hours=12)
    tile._compare(sample.city.sensor(RAIN))
    settle(sample, tile)
    state = tile.state()
    assert state is not None
    assert state.right is not None
    assert state.right[2] == sample.city.sensor(RAIN).unit
    assert (state.more[0].low, state.more[0].high) == state.right[:2]
    tile._compare(sample.city.sensor(PM))
    settle(sample, tile)
    state = tile.state()
    assert state is not None
    assert state.shapes
    assert state.right is None
    assert len({(line.low, line.high) for line in state.more}) == 2, "each over its own range"
    press(tile, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert not tile.shapes


def test_eight_lines_are_told_apart_without_colour(qapp: QApplication) -> None:
    """Each dash leaves another pattern of pixels; a dense line as well as a sparse one."""
    prepare(qapp)
    assert len(set(DASHES)) == MOST
    seen = set()
    for dash in range(MOST):
        for points in (20, 5000):
            t_ns = np.linspace(0, 3600 * NS_PER_S, points).astype(np.int64)
            image = _drawn(Curve(t_ns, np.full(points, 0.5), 0.0, 1.0, THEMES[ThemeName.DARK].text, 2.0, dash))
            row = bytes(image.pixelColor(x, 50).lightness() > 100 for x in range(400))
            seen.add((dash, row))
            assert any(row)
    assert len({row for _, row in seen if row.count(1) < 395}) >= MOST - 1
    by_dash = [{row for d, row in seen if d == dash} for dash in range(1, MOST)]
    assert all(a.isdisjoint(b) for n, a in enumerate(by_dash) for b in by_dash[n + 1 :])


def _drawn(curve: Curve) -> QImage:
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

    chart = Chart()
    chart.set_curves((curve,))
    chart.set_view(QRectF(0, 0, 400, 100), 0, 3600 * NS_PER_S)
    image = QImage(400, 100, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    chart.paint(painter, 1.0)
    painter.end()
    return image


# -- truth in the pixels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [200, 86_400])
@pytest.mark.parametrize("dash", [0, 1])
def test_no_pixel_of_a_line_in_a_gap(qapp: QApplication, points: int, dash: int) -> None:
    """Sparse, and 86,400 samples on 400 pixels; the gap is a twentieth of the time, all around it is noise."""
    prepare(qapp)
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

    from widgets.parts.plot_series import PlotSeries

    day = 86_400 * NS_PER_S
    t_ns = np.linspace(0, day, points).astype(np.int64)
    keep = (t_ns < day * 0.5) | (t_ns > day * 0.55)
    value = np.random.default_rng(3).uniform(0.2, 0.8, points)
    series = PlotSeries(86_400 / points)
    series.take(SeriesPart(1, "s", t_ns[keep], value[keep]), (0, day), 200_000)
    chart = Chart()
    line = series.line(0, day, 400)
    chart.set_curves((Curve(*line, 0.0, 1.0, THEMES[ThemeName.DARK].text, 2.0, dash),))
    chart.set_view(QRectF(0, 0, 400, 100), 0, day)
    image = QImage(400, 100, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    chart.paint(painter, 1.0)
    painter.end()
    lit = [any(image.pixelColor(x, y).lightness() > 20 for y in range(100)) for x in range(400)]
    first, last = 200 + 400 // points + 3, 220 - 400 // points - 3
    assert not any(lit[first:last])
    assert sum(lit[:198]) > (100 if dash else 150), "the control: around the gap there is a line"
    assert sum(lit[222:]) > (90 if dash else 140)


def test_each_quality_has_its_shape_in_grey(qtbot: QtBot, sample: SampleSession) -> None:
    """The strips below the line differ in a grey picture, and each says its word."""
    strips = set()
    for quality, word in (
        ("fault", "thiết bị lỗi"), ("calibrating", "đang hiệu chuẩn"), ("stale", "số liệu cũ"),
        ("disconnected", "mất kết nối"),
    ):  # fmt: skip
        tile = plot(qtbot, sample_session())
        first = tile.lines.first
        assert first is not None
        t_ns, value = (a.copy() for a in first.series.samples(NOW_NS - 6 * HOUR, NOW_NS))
        run = NOW_NS - 4 * HOUR, NOW_NS - 3 * HOUR
        value[(t_ns >= run[0]) & (t_ns <= run[1])] = np.nan
        part = SeriesPart(1, RIVER, t_ns, value, True, (Flagged(*run, quality, 2.0, 2.2),))
        first.series.take(part, (NOW_NS - 9 * HOUR, NOW_NS), 4000)
        assert word in said(tile)
        image = tile.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        chart = tile._chart
        assert chart is not None
        left, right = (round(chart.x(t)) for t in run)
        bottom = round(tile._plot.bottom())
        strips.add(
            bytes(image.pixelColor(x, y).lightness() for y in range(bottom - 5, bottom) for x in range(left, right))
        )
        state = tile.state()
        assert state is not None
        assert state.flags[0].quality == quality
        assert state.gaps == (), "what has a quality is not called missing"
    assert len(strips) == 4


def test_what_is_missing_is_named(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample, hours=3)
    asked = sample.history.requests[-1]
    part = sample.history.part(asked)
    keep = (part.t_ns < NOW_NS - 120 * MINUTE) | (part.t_ns > NOW_NS - 60 * MINUTE)
    assert "thiếu số liệu" not in said(tile)
    sample.deliver(msgspec.structs.replace(part, t_ns=part.t_ns[keep], value=part.value[keep]))
    assert "thiếu số liệu" in said(tile)


# -- keys for people ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(PLOT_KEYS))
def test_every_key_is_told(key: str, sample: SampleSession) -> None:
    told = (ROOT / "docs" / "plots.md").read_text(encoding="utf-8")
    assert f"`{key_of(PLOT_KEYS[key]) if key != '=' else '='}`" in told or f"`{key}`" in told


def test_every_act_has_a_key() -> None:
    assert {PLOT_KEYS[key] for key in PLOT_KEYS} == set(PlotAct)


def test_the_list_of_sensors_goes_with_its_plot(qtbot: QtBot, sample: SampleSession) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    tile = PlotTile(sample.session, SCALES["desk"], PlotOptions(sensor=RIVER))
    tile.setParent(window)
    window.show()
    press(tile, Qt.Key.Key_Insert)
    picker = next(child for child in window.children() if isinstance(child, SensorPicker))
    gone: list[int] = []
    picker.destroyed.connect(lambda: gone.append(1))
    tile.hide()
    tile.setParent(None)
    tile.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert gone == [1]


def test_what_was_compared_is_there_again_after_a_restart(qtbot: QtBot, sample: SampleSession) -> None:
    before = plot(qtbot, sample)
    for id_ in (TIDE, RAIN):
        before._compare(sample.city.sensor(id_))
    before.act(PlotAct.REMOVE)
    after = plot(qtbot, sample)
    assert [one.sensor.id for one in after.lines.shown] == [RIVER]
    after.on_second()
    assert [one.sensor.id for one in after.lines.shown] == [RIVER, TIDE]
    after.act(PlotAct.REMOVE)
    after.on_second()
    assert [one.sensor.id for one in after.lines.shown] == [RIVER], "what was taken away stays away"
    sheet, wall = plot(qtbot, sample), plot(qtbot, sample, panel="wall")
    sheet.alone = True
    for tile in (sheet, wall):
        tile._compare(sample.city.sensor(TIDE))
    again = plot(qtbot, sample)
    again.on_second()
    assert [one.sensor.id for one in again.lines.shown] == [RIVER], "a sheet's and a wall's are for the moment"
