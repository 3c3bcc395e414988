"""The air index on plots: a strip of hours above what it follows from, and the steps of its scale on its own plot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.air_stations import BANDS, station, told
from helpers.fakes import curve
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from helpers.sample_places import NOW_NS, t
from helpers.text_rules import below_floor, overlapping
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.ports import SeriesPart
from backends.domain.times import NS_PER_S
from layouts.options import PlotOptions
from widgets.i18n import Language
from widgets.models.air import LATE_S
from widgets.parts import text
from widgets.parts.plot_air import runs_of
from widgets.parts.plot_range import View
from widgets.parts.plot_series import PlotSeries
from widgets.theme import ThemeName
from widgets.tiles.plot import PlotTile

HOUR = 3600 * NS_PER_S
PM25, INDEX = "song-pm25", "st-song.vn_aqi"
AGO_S = (NOW_NS - t(9)) / NS_PER_S


def with_index(sample: SampleSession, newest: float = 131.0) -> SampleSession:
    """Of the station that measures PM2.5: good in the night, poor by day."""
    sample.put("sensors", station("st-song", inputs=(PM25,)))
    sample.history.series[INDEX] = curve(lambda h: newest - 60 + 60 * math.cos(h - NOW_NS / HOUR), 3600.0)
    told(sample, "st-song", newest, AGO_S)
    return sample


def plot(
    qtbot: QtBot, sample: SampleSession, sensor: str = PM25, size: tuple[int, int] = (760, 420), panel: str = "desk"
) -> PlotTile:
    tile = PlotTile(sample.session, SCALES[panel], PlotOptions(sensor=sensor, hours=24))
    tile.resize(*size)
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    sample.answer_history()
    return tile


def said(tile: PlotTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


def most_colour(tile: PlotTile) -> float:
    """The strongest saturation in the strip."""
    image = tile.grab().toImage()
    rows = range(tile.header_height, tile.header_height + tile.scale.line(tile.scale.floor))
    pixels = (QColor(image.pixelColor(x, y)) for x in range(image.width()) for y in rows)
    return max(one.hslSaturationF() for one in pixels if 0.1 < one.lightnessF() < 0.9)


def test_hours_of_one_step_are_one_piece_and_holes_stay_open() -> None:
    series = PlotSeries(3600.0)
    times = np.array([t(h) for h in (1, 2, 3, 4, 6, 7)], dtype=np.int64)
    values = np.array([40.0, 48.0, 60.0, math.nan, 130.0, 120.0])
    span = (t(0), t(8))
    series.take(SeriesPart(1, INDEX, times, values), span, 4000)
    runs = runs_of(series, BANDS, *span)
    assert [(run.t0_ns, run.t1_ns, run.step, run.most, run.last) for run in runs] == [
        (t(0), t(2), 1, 48.0, 48.0), (t(2), t(3), 2, 60.0, 60.0), (t(5), t(7), 3, 130.0, 120.0),
    ]  # fmt: skip
    assert runs_of(series, BANDS, t(6, 30), t(6, 40))[0].step == 3, "of the hour that the view lies in"
    assert runs_of(series, (), *span) == ()


def test_what_it_follows_from_carries_its_hours_and_nothing_else_does(qtbot: QtBot, sample: SampleSession) -> None:
    with_index(sample)
    asked = len(sample.history.requests)
    tile = plot(qtbot, sample)
    assert [one.series for one in sample.history.requests[asked:]] == [PM25, INDEX]
    words = said(tile)
    assert "VN_AQI" in words
    assert any(one.startswith("Kém ") or one == "131" for one in words)
    assert any(one.startswith("Tốt") or one.isdigit() for one in words)
    river = plot(qtbot, sample, "river-01.water_level")
    assert river.lines.index is None
    assert "VN_AQI" not in said(river)


def test_only_the_newest_has_a_colour_and_only_while_it_is_of_now(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, with_index(sample))
    assert most_colour(tile) > 0.9
    tile.show_view(View(6 * HOUR, NOW_NS - 12 * HOUR))
    sample.answer_history()
    assert most_colour(tile) < 0.3, "what was is grey"
    tile.show_view(None)
    assert most_colour(tile) > 0.9
    sample.clock.advance_s(LATE_S - AGO_S + 1)
    tile.on_second()
    assert most_colour(tile) < 0.3, "past its hour"


def test_normal_air_has_no_colour(qtbot: QtBot, sample: SampleSession) -> None:
    assert most_colour(plot(qtbot, with_index(sample, 80.0))) < 0.3


def test_its_own_plot_names_the_steps(qtbot: QtBot, sample: SampleSession) -> None:
    words = said(plot(qtbot, with_index(sample), INDEX))
    for band in ("Tốt", "Trung bình", "Kém", "Nguy hại"):
        assert band in words, band


def test_a_new_index_and_one_that_goes_are_taken_up(qtbot: QtBot, sample: SampleSession) -> None:
    tile = plot(qtbot, sample)
    assert tile.lines.index is None
    with_index(sample)
    assert tile.lines.index is not None
    sample.put("sensors", station("st-song", inputs=("another",)))
    assert tile.lines.index is None


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("panel", "size", "sensor"),
    [
        ("desk", (760, 420), PM25), ("desk", (420, 240), PM25), ("desk", (760, 420), INDEX),
        ("wall", (1200, 800), PM25), ("wall4k", (1800, 1300), INDEX), ("wall", (600, 260), PM25),
    ],
)  # fmt: skip
def test_painted_text_keeps_the_rules(
    qapp: QApplication, qtbot: QtBot, panel: str, size: tuple[int, int], sensor: str, language: Language
) -> None:
    theme = ThemeName.LIGHT if language is Language.EN else ThemeName.DARK
    prepare(qapp, language, theme)
    tile = plot(qtbot, with_index(sample_session(theme=theme)), sensor, size, panel)
    with text.recording() as log:
        tile.grab()
    prepare(qapp)
    assert log.items
    assert below_floor(log, SCALES[panel].floor) == []
    assert overlapping(log) == []
