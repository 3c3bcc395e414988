"""The plot: gaps stay open, hue only when broken, forecast, late answers dropped, words at every size."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.sample_places import NOW_NS, level
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Priority
from backends.domain.feeds import FeedQuality
from backends.domain.ports import NewSamples, SeriesPart
from backends.domain.quality import Quality, Value
from backends.domain.sensor import Flagged, Limit, Sample
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets import format as fmt
from widgets.i18n import Language
from widgets.parts import text
from widgets.parts.plot_axes import gravest_broken, time_ticks, value_range, value_ticks
from widgets.parts.plot_limits import in_force
from widgets.parts.plot_series import PlotSeries
from widgets.parts.plot_state import PlotState
from widgets.parts.text import TextLog
from widgets.theme import THEMES, ThemeName
from widgets.tiles.plot import PlotTile

RIVER = "river-01.water_level"
SIZES = [
    ("desk", 500, 280),
    ("desk", 378, 270),
    ("desk", 320, 160),
    ("desk", 170, 90),
    ("desk", 900, 420),
    ("wall", 1090, 270),
    ("wall", 1120, 405),
    ("wall", 620, 200),
    ("wall", 1400, 800),
    ("wall4k", 2180, 540),
]
MINUTE = 60 * NS_PER_S


def plot(
    qtbot: QtBot,
    sample: SampleSession,
    size: tuple[int, int] = (500, 280),
    panel: str = "desk",
    sensor: str = RIVER,
    hours: float = 3.0,
    answered: bool = True,
) -> PlotTile:
    tile = PlotTile(sample.session, SCALES[panel], PlotOptions(sensor=sensor, hours=hours))
    tile.resize(*size)
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    sample.city.healthChanged.connect(tile.on_health)
    if answered:
        sample.answer_history()
    return tile


def series_of(tile: PlotTile) -> PlotSeries:
    assert tile.lines.first is not None
    return tile.lines.first.series


def values(tile: PlotTile) -> np.ndarray:
    return series_of(tile).samples(0, 2 * NOW_NS)[1].copy()


def painted(tile: PlotTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


def words(tile: PlotTile) -> list[str]:
    return [item.text for item in painted(tile).items]


def hover_at(tile: PlotTile, at: QPoint) -> None:
    none, plain = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(at)
    QApplication.sendEvent(tile, QMouseEvent(QEvent.Type.MouseMove, where, where, none, none, plain))


def has_hue(image: QImage, theme: ThemeName = ThemeName.DARK) -> bool:
    """Any of the four priority hues on the picture, anti-aliased edges left aside."""
    hues = {THEMES[theme].hue(p).rgb() for p in Priority}
    return any(image.pixel(x, y) in hues for x in range(image.width()) for y in range(image.height()))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("panel", "width", "height", "scene", "sensor"),
    [
        *((*size, Scene.DESK, RIVER) for size in SIZES),
        *((*size, Scene.CALM, RIVER) for size in SIZES[::4]),
        *((*size, Scene.DESK, "song-pm25") for size in SIZES[1::4]),
        *((*size, Scene.DESK, "cuaviet-tide") for size in SIZES[::3]),
    ],
)
def test_words_keep_the_rules(
    qapp: QApplication,
    qtbot: QtBot,
    panel: str,
    width: int,
    height: int,
    language: Language,
    scene: Scene,
    sensor: str,
) -> None:
    theme = ThemeName.LIGHT if language is Language.EN else ThemeName.DARK
    prepare(qapp, language, theme)
    tile = plot(qtbot, sample_session(scene, theme), (width, height), panel, sensor, hours=12)
    for hover in (None, QPoint(width // 2, height * 2 // 3), QPoint(width - 20, height * 2 // 3)):
        if hover is not None:
            hover_at(tile, hover)
        log = painted(tile)
        assert log.items
        assert below_floor(log, SCALES[panel].floor) == []
        assert overlapping(log) == []
        assert cut(log) == []
        inside = QRectF(tile.rect())
        assert all(inside.contains(item.painted) for item in log.items)


def test_desk_says_what_the_concept_says(qtbot: QtBot, sample: SampleSession) -> None:
    said = words(plot(qtbot, sample))
    for expected in ("Mực nước sông Hiếu, trạm Đông Hà", "4,12 m", "dự báo", "08:00", "09:00", "09:41:00 · mỗi 1 phút"):
        assert expected in said
    assert {"BĐ1", "BĐ2", "BĐ3"} <= {w.split()[0] for w in said}


def test_wall_shows_value_relation_and_the_broken_limit_only(qtbot: QtBot, sample: SampleSession) -> None:
    said = words(plot(qtbot, sample, (1090, 270), "wall"))
    assert {"4,12", "m", "BĐ3", "trên BĐ3 0,12 m", "dự báo"} <= set(said)
    assert "BĐ2" not in said


def test_limit_takes_its_hue_only_when_broken(qtbot: QtBot, qapp: QApplication, sample: SampleSession) -> None:
    assert has_hue(plot(qtbot, sample).grab().toImage())
    calm = sample_session(Scene.CALM)
    river = calm.city.sensor(RIVER)
    assert river is not None
    calm.put("sensors", msgspec.structs.replace(river, last=Value(NOW_NS - MINUTE, 1.6)))
    assert not has_hue(plot(qtbot, calm).grab().toImage())


def test_a_faulty_instrument_has_no_hue_and_says_so(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS, 9.99, "fault"),)))
    assert any("thiết bị lỗi" in w for w in words(tile))
    assert not has_hue(tile.grab().toImage())


def _holed(t0_ns: int, t1_ns: int, hole: tuple[int, int]) -> SeriesPart:
    t_ns = np.arange(t0_ns, t1_ns, MINUTE, dtype=np.int64)
    t_ns = t_ns[(t_ns < hole[0]) | (t_ns > hole[1])]
    return SeriesPart(0, RIVER, t_ns, np.full(len(t_ns), 2.5))


@pytest.mark.parametrize("with_nan", [False, True])
def test_no_line_crosses_a_gap(qtbot: QtBot, sample: SampleSession, with_nan: bool) -> None:
    hole = (NOW_NS - 90 * MINUTE, NOW_NS - 60 * MINUTE)
    tile = plot(qtbot, sample, answered=False)
    asked = sample.history.requests[-1]
    part = msgspec.structs.replace(_holed(asked.t0_ns, asked.t1_ns, hole), request=asked.number)
    if with_nan:
        t_ns = np.append(part.t_ns, (hole[0] + hole[1]) // 2)
        value = np.append(part.value, np.nan)
        order = np.argsort(t_ns)
        part = msgspec.structs.replace(part, t_ns=t_ns[order], value=value[order])
    sample.deliver(part)
    image = tile.grab().toImage()
    line = THEMES[ThemeName.DARK].strong.rgb()

    def drawn_at(t_ns: int) -> bool:
        state = tile.state()
        place = tile._chart.place(t_ns, 2.5, state.low, state.high)
        x, y = round(place.x()), round(place.y())
        return any(image.pixel(x, y + d) == line for d in (-1, 0, 1))

    assert drawn_at(hole[0] - 20 * MINUTE)
    assert drawn_at(hole[1] + 20 * MINUTE)
    middle = (hole[0] + hole[1]) // 2
    assert not any(drawn_at(middle + n * MINUTE) for n in range(-10, 11))


def test_late_answer_of_another_request_is_ignored(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    asked = sample.history.requests[-1]
    before = values(tile)
    wrong = sample.history.part(asked)
    sample.deliver(msgspec.structs.replace(wrong, request=asked.number + 7, value=wrong.value * 0 + 99.0))
    assert np.array_equal(values(tile), before)
    assert tile.lines.dropped == 1
    sample.deliver(msgspec.structs.replace(wrong, value=wrong.value * 0 + 99.0))
    assert values(tile).max() == 99.0, "the control: the right number is taken"


def test_live_samples_are_appended_once_and_in_order(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    count = len(values(tile))
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS, 4.2),)))
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS, 4.2),)))
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS - MINUTE, 1.0),)))
    assert len(values(tile)) <= count + 1
    last = series_of(tile).last()
    assert last is not None
    assert last.value == 4.2
    assert "4,20 m" in words(tile)


def test_samples_of_other_series_cost_nothing(
    qtbot: QtBot, sample: SampleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = plot(qtbot, sample)
    calls: list[int] = []
    monkeypatch.setattr(tile, "refresh", lambda: calls.append(1))
    sample.deliver(NewSamples((Sample("aws-1", NOW_NS, 20.0),)))
    assert calls == []
    sample.deliver(NewSamples((Sample(RIVER, NOW_NS, 4.3),)))
    assert calls == [1]


def test_forecast_is_dotted_after_now(qtbot: QtBot, sample: SampleSession) -> None:
    with_it = plot(qtbot, sample)
    assert "dự báo" in words(with_it)
    state = with_it.state()
    assert state is not None
    assert state.t1_ns > NOW_NS
    river = sample.city.sensor(RIVER)
    assert river is not None
    sample.put("sensors", msgspec.structs.replace(river, forecast=()))
    assert "dự báo" not in words(with_it)


def test_back_from_a_lost_channel_the_gap_is_asked_for(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    tile.on_health()
    assert len(sample.history.requests) == 1, "live all along: asked once"
    asked = len(sample.history.requests)
    sample.set_quality("samples", FeedQuality.STALE, age_s=60)
    sample.set_quality("samples", FeedQuality.LIVE)
    assert len(sample.history.requests) == asked + 1


def test_parameter_finds_the_sensor_when_the_directory_comes(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    empty, full = sample_session(Scene.EMPTY), sample_session()
    tile = PlotTile(empty.session, SCALES["desk"], PlotOptions(parameter="water_level"))
    qtbot.addWidget(tile)
    empty.city.feedsChanged.connect(tile.on_feeds)
    tile.resize(500, 280)
    assert "Danh bạ chưa có cảm biến nào đo mực nước" in words(tile)
    assert not empty.history.requests
    river = full.city.sensor(RIVER)
    empty.put("sensors", river)
    assert tile.sensor is river
    assert [r.series for r in empty.history.requests] == [RIVER]


def test_old_value_is_told_and_loses_its_weight(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    sample.clock.advance_s(720)
    assert "số liệu cũ 12 phút" in words(tile)


def test_hover_tells_value_and_time(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    tile.grab()
    place = tile._chart.place(NOW_NS - 60 * MINUTE, 3.0, 0.0, 4.0).toPoint()
    hover_at(tile, QPoint(place.x(), 200))
    said = [w for w in words(tile) if w.startswith("08:4") and " m" in w]
    assert said, words(tile)


def test_html_in_names_stays_letters(qtbot: QtBot, sample: SampleSession) -> None:
    river = sample.city.sensor(RIVER)
    assert river is not None
    tile = plot(qtbot, sample)
    sample.put("sensors", msgspec.structs.replace(river, name=LocalText("<b>x</b>"), station=LocalText("<i>y</i>")))
    assert "<b>x</b>, trạm <i>y</i>" in words(tile)


def test_thinning_keeps_extremes_and_gaps() -> None:
    series = PlotSeries(60.0)
    t_ns = np.arange(0, 100_000 * MINUTE, MINUTE, dtype=np.int64)
    whole = 0, 100_000 * MINUTE
    value = np.sin(np.arange(100_000) / 500.0)
    value[41_234] = 7.0
    keep = (t_ns < 60_000 * MINUTE) | (t_ns > 61_000 * MINUTE)
    series.take(SeriesPart(1, RIVER, t_ns[keep], value[keep]), whole, 200_000)
    thin_t, thin_v = series.line(*whole, 400)
    assert len(thin_t) < 1700
    assert np.nanmax(thin_v) == 7.0
    assert np.isnan(thin_v).sum() == 1
    assert 60_000 * MINUTE < thin_t[np.isnan(thin_v)][0] < 61_000 * MINUTE


def test_quality_breaks_the_line_and_is_marked() -> None:
    series = PlotSeries(60.0)
    series.append(Value(1 * MINUTE, 1.0))
    series.append(Value(2 * MINUTE, 5.0, Quality.FAULT))
    series.append(Value(3 * MINUTE, 1.1))
    t_ns, value = series.samples(0, 10 * MINUTE)
    assert t_ns.tolist() == [1 * MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert np.isnan(value).tolist() == [False, True, False]
    assert series.flags(0, 10 * MINUTE) == [Flagged(2 * MINUTE, 2 * MINUTE, "fault", 5.0, 5.0)]


def test_the_sample_river_is_where_the_concept_has_it() -> None:
    assert round(level(NOW_NS / NS_PER_S / 3600), 2) == 4.12


def test_value_ticks_are_round_and_speak_the_language(qapp: QApplication) -> None:
    prepare(qapp, Language.VI)
    assert [t.label for t in value_ticks(-0.62, 0.62, 3)] == ["−0,5", "0,0", "0,5"]
    assert [t.label for t in value_ticks(900, 2100, 4)] == ["1.000", "1.500", "2.000"]
    prepare(qapp, Language.EN)
    assert [t.label for t in value_ticks(900, 2100, 4)] == ["1,000", "1,500", "2,000"]
    assert value_ticks(1.0, 1.0, 4) == []


@pytest.mark.parametrize("hours", [0.5, 3, 12, 24, 72, 744])
@pytest.mark.parametrize("most", [1, 3, 8])
def test_time_ticks_are_round_local_times_and_never_too_many(qapp: QApplication, hours: float, most: int) -> None:
    prepare(qapp)
    ticks = time_ticks(NOW_NS - int(hours * 60 * MINUTE), NOW_NS, most)
    assert len(ticks) <= most + 1
    for tick in ticks:
        local = fmt.local_time(int(tick.at))
        assert local.second == 0
        assert ("/" in tick.label) == (local.hour == 0 and local.minute == 0)


def test_midnight_carries_the_date(qapp: QApplication) -> None:
    prepare(qapp)
    labels = [t.label for t in time_ticks(NOW_NS - 24 * 60 * MINUTE, NOW_NS, 5)]
    assert labels == ["12:00", "18:00", "20/11", "06:00"]


def test_limits_hold_from_their_date_on(sample: SampleSession) -> None:
    future = Limit(LocalText("mới"), 3.5, Priority.HIGH, valid_from="2027-01-01")
    today = Limit(LocalText("nay"), 3.0, Priority.HIGH, valid_from="2026-11-20")
    assert in_force((future, today), NOW_NS) == [today]


def test_the_gravest_broken_limit_counts_on_both_sides() -> None:
    low = Limit(LocalText("thấp"), 15.0, Priority.MEDIUM, above=False)
    high = Limit(LocalText("cao"), 60.0, Priority.HIGH)
    higher = Limit(LocalText("rất cao"), 80.0, Priority.URGENT)
    assert gravest_broken((low, high, higher), 11.0) is low
    assert gravest_broken((low, high, higher), 30.0) is None
    assert gravest_broken((low, high, higher), 70.0) is high
    assert gravest_broken((low, high, higher), 90.0) is higher
    assert gravest_broken((low, high), None) is None


def test_range_holds_values_and_the_nearest_limits_only() -> None:
    limits = [Limit(LocalText(str(v)), v, Priority.LOW) for v in (2.0, 3.0, 40.0)]
    low, high = value_range((1.5, 1.6), (None, None), limits)
    assert low < 1.5
    assert 2.0 < high < 3.0
    assert value_range(None, (None, None), ()) == (0.0, 1.06)
    flat = value_range((5.0, 5.0), (None, None), ())
    assert flat[0] < 5.0 < flat[1]


@pytest.mark.parametrize(("unit", "said"), [("m", True), ("µg/m³", True), ("km/h", False), ("%", False)])
def test_a_speed_has_no_trend_in_words(sample: SampleSession, unit: str, said: bool) -> None:
    """ "falling 44 km/h/h" tells nobody anything."""
    state = PlotState(
        unit=unit, decimals=1, t0_ns=0, t1_ns=1, now_ns=1, low=0.0, high=1.0, last=None, word="", old=False, limits=(),
        broken=None, nearest=None, forecast=(), rate_per_h=-44.0,
    )  # fmt: skip
    assert bool(state.trend()) is said
