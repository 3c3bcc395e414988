"""The air on the map: only bad air draws the eye, a number tells it in a grey print, and what is old looks old."""

from __future__ import annotations

import pytest
from helpers.air_stations import station, told
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.ports import Changes
from layouts.options import MapOptions
from widgets.i18n import Language
from widgets.models.air import LATE_S, STALE_S
from widgets.parts import text
from widgets.parts.map_things import Cluster, What
from widgets.theme import ThemeName
from widgets.tiles.map import MapTile

AGO_S = 2400.0
"""Since the end of the hour that was told."""
PLACES = {"Ái Tử": (107.06, 16.85), "Cam Lộ": (107.13, 16.85), "Đông Hà": (107.06, 16.78), "Gio Linh": (107.13, 16.78)}


def with_air(sample: SampleSession) -> SampleSession:
    for name, place in PLACES.items():
        sample.deliver(Changes("sensors", put=(station(name, *place),)))
    for name, value in {"Ái Tử": 42.0, "Cam Lộ": 131.0, "Đông Hà": None, "Gio Linh": 88.0}.items():
        told(sample, name, value, AGO_S, "good" if value is not None else "fault")
    return sample


def map_of(
    qtbot: QtBot, sample: SampleSession, size: tuple[int, int] = (700, 700), panel: str = "desk", *layers: str
) -> MapTile:
    tile = MapTile(sample.session, SCALES[panel], MapOptions(layers=layers) if layers else MapOptions())
    tile.resize(*size)
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    return tile


def air(tile: MapTile) -> dict[str, Cluster]:
    found = (cluster for cluster in tile.shown_clusters if cluster.worst.what is What.AIR)
    return {cluster.worst.id.partition(".")[0]: cluster for cluster in found}


def most_colour(tile: MapTile, cluster: Cluster) -> float:
    """The strongest saturation in its badge."""
    box = tile._sizes.box(cluster.worst).toAlignedRect()
    image = tile.grab(box).toImage()
    pixels = (QColor(image.pixelColor(x, y)) for x in range(image.width()) for y in range(image.height()))
    return max(colour.hslSaturationF() for colour in pixels if 0.1 < colour.lightnessF() < 0.9)


def said(tile: MapTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


def test_only_bad_air_has_a_colour_and_all_have_their_number(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_of(qtbot, with_air(sample), (700, 700), "desk", "areas", "air")
    found = air(tile)
    assert found.keys() == PLACES.keys()
    assert most_colour(tile, found["Cam Lộ"]) > 0.9
    for name in ("Ái Tử", "Gio Linh", "Đông Hà"):
        assert most_colour(tile, found[name]) < 0.3, name
    words = said(tile)
    for number in ("131", "42", "88", "–"):
        assert number in words, number


@pytest.mark.parametrize(("wait_s", "shown", "words"), [(LATE_S, "131", "quá giờ"), (STALE_S, "–", "không có số liệu")])
def test_it_grows_old_by_the_clock_alone(
    qtbot: QtBot, sample: SampleSession, wait_s: float, shown: str, words: str
) -> None:
    tile = map_of(qtbot, with_air(sample), (700, 700), "desk", "areas", "air")
    sample.clock.advance_s(wait_s - AGO_S + 1)
    tile.on_second()
    cluster = air(tile)["Cam Lộ"]
    assert most_colour(tile, cluster) < 0.3, "a colour says that it is so now"
    assert shown in said(tile)
    assert words in tile.words_at(cluster.at)


def test_the_worst_speaks_for_those_beside_it_with_a_count(qtbot: QtBot, sample: SampleSession) -> None:
    sample = with_air(sample)
    sample.deliver(Changes("sensors", put=(station("Hồ Xá", 107.1301, 16.8501), station("Lao Bảo", 107.1302, 16.85))))
    told(sample, "Hồ Xá", 420.0)
    told(sample, "Lao Bảo", 20.0)
    tile = map_of(qtbot, sample, (700, 700), "desk", "areas", "air")
    found = air(tile)
    assert [thing.id for thing in found["Hồ Xá"].things] == ["Hồ Xá.vn_aqi", "Cam Lộ.vn_aqi"]
    assert "Lao Bảo" not in found, "normal air gives way"
    assert "VN_AQI 420 · Nguy hại · giờ đến 09:01 · Trạm Hồ Xá" in tile.words_at(found["Hồ Xá"].at)
    assert {"420", "2"} <= set(said(tile))


def test_it_steps_aside_for_an_alarm_of_its_station(qtbot: QtBot, sample: SampleSession) -> None:
    sample = with_air(sample)
    river = sample.city.sensor("river-01.water_level")
    assert river is not None
    assert river.lon is not None
    sample.deliver(Changes("sensors", put=(station("Cam Lộ", river.lon, river.lat),)))
    tile = map_of(qtbot, sample)
    alarms = [tile._room(one) for one in tile.shown_clusters if one.worst.what is What.ALARM]
    badge = tile._sizes.box(air(tile)["Cam Lộ"].worst)
    assert not any(room.adjusted(1, 1, -1, -1).intersects(badge) for room in alarms)
    order = [cluster.worst.what for cluster in tile.shown_clusters]
    assert order.index(What.ALARM) > max(n for n, what in enumerate(order) if what is What.AIR), "alarms lie on top"


@pytest.mark.parametrize("size", [(420, 360), (700, 700), (300, 300)])
def test_all_of_a_bad_badge_is_seen_also_at_the_edge_beside_an_alarm(
    qtbot: QtBot, sample: SampleSession, size: tuple[int, int]
) -> None:
    pm25 = sample.city.sensor("song-pm25")
    assert pm25 is not None, "an alarm stands there, at the lower edge of the map"
    sample.deliver(Changes("sensors", put=(station("Cam Lộ", pm25.lon, pm25.lat), station("Hồ Xá", 107.05, 16.863))))
    told(sample, "Cam Lộ", 131.0)
    told(sample, "Hồ Xá", 131.0)
    tile = map_of(qtbot, sample, size, "wall")
    found = air(tile)
    assert found.keys() == {"Cam Lộ", "Hồ Xá"}
    for name, cluster in found.items():
        assert tile.body().contains(tile._sizes.box(cluster.worst)), name
        rooms = [tile._room(one) for one in tile.shown_clusters if one.worst.what is What.ALARM]
        assert not any(room.intersects(tile._sizes.box(cluster.worst)) for room in rooms), name


def test_a_layout_may_leave_it_out(qtbot: QtBot, sample: SampleSession) -> None:
    assert not air(map_of(qtbot, with_air(sample), (700, 700), "desk", "areas", "stations"))
    assert map_of(qtbot, sample).words_at(QPointF(-50, -50)) == ""


@pytest.mark.parametrize(("panel", "size"), [("desk", (378, 270)), ("desk", (1100, 950)), ("wall", (900, 700))])
@pytest.mark.parametrize("language", list(Language))
def test_painted_text_keeps_the_rules(
    qapp: QApplication, qtbot: QtBot, panel: str, size: tuple[int, int], language: Language
) -> None:
    theme = ThemeName.LIGHT if language is Language.EN else ThemeName.DARK
    prepare(qapp, language, theme)
    tile = map_of(qtbot, with_air(sample_session(theme=theme)), size, panel)
    with text.recording() as log:
        tile.grab()
    prepare(qapp)
    assert "131" in [item.text for item in log.items]
    assert below_floor(log, SCALES[panel].floor) == []
    assert overlapping(log) == []
    assert cut(log) == []
