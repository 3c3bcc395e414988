"""The schematic map: clusters with their worst, blink of symbols only, plain text, words at every size."""

from __future__ import annotations

import random

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.sample_places import NOW_NS
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from layouts.options import MapOptions
from widgets.i18n import Language
from widgets.parts import text
from widgets.parts.map_alarms import MANY
from widgets.parts.map_ground import areas_in_force
from widgets.parts.map_projection import fit
from widgets.parts.map_things import Thing, What, clusters
from widgets.parts.rows import plain_tooltip
from widgets.parts.text import TextLog
from widgets.theme import THEMES, ThemeName
from widgets.tiles.map import MapTile

SIZES = [
    ("desk", 500, 570),
    ("desk", 378, 270),
    ("desk", 160, 120),
    ("desk", 1100, 950),
    ("wall", 900, 700),
    ("wall", 420, 360),
    ("wall4k", 1800, 1500),
]


def map_tile(
    qtbot: QtBot, sample: SampleSession, size: tuple[int, int] = (500, 570), panel: str = "desk", *layers: str
) -> MapTile:
    options = MapOptions(layers=layers) if layers else MapOptions()
    tile = MapTile(sample.session, SCALES[panel], options)
    tile.resize(*size)
    qtbot.addWidget(tile)
    sample.city.feedsChanged.connect(tile.on_feeds)
    return tile


def painted(tile: MapTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


@pytest.mark.parametrize(("panel", "width", "height"), SIZES)
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("scene", [Scene.DESK, Scene.FLOOD])
def test_words_keep_the_rules(
    qapp: QApplication, qtbot: QtBot, panel: str, width: int, height: int, language: Language, scene: Scene
) -> None:
    theme = ThemeName.LIGHT if language is Language.EN else ThemeName.DARK
    prepare(qapp, language, theme)
    tile = map_tile(qtbot, sample_session(scene, theme), (width, height), panel)
    log = painted(tile)
    assert log.items
    assert below_floor(log, SCALES[panel].floor) == []
    assert overlapping(log) == []
    assert cut(log) == []


def test_summary_and_note(qtbot: QtBot, sample: SampleSession) -> None:
    said = [item.text for item in painted(map_tile(qtbot, sample)).items]
    assert "7 cảnh báo · 364 camera · 139 trạm" in said
    assert "sơ đồ" in said
    assert "1 cảnh báo ngoài sơ đồ" in said, "the UPS alarm has no place, and that is said"


@pytest.mark.parametrize(
    ("width", "words"),
    [(900, "7 cảnh báo · 364 camera · 139 trạm"), (300, "7 cảnh báo · 364 camera"), (210, "7 cảnh báo")],
)
def test_a_narrow_header_keeps_whole_parts(qtbot: QtBot, sample: SampleSession, width: int, words: str) -> None:
    said = [item.text for item in painted(map_tile(qtbot, sample, (width, 500))).items]
    assert [text for text in said if "cảnh báo" in text and "ngoài" not in text] == [words]


def test_layers_are_left_out(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample, (500, 570), "desk", "areas", "cameras")
    assert tile.shown_clusters == ()
    assert "364 camera" in [item.text for item in painted(tile).items]


def test_urgent_is_drawn_last_and_largest(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample)
    worst = tile.shown_clusters[-1].worst
    assert worst.priority is Priority.URGENT
    sizes = [tile._sizes.of_thing(c.worst) for c in tile.shown_clusters]
    assert max(sizes) == tile._sizes.of_thing(worst)


def test_a_cluster_shows_its_worst_member_and_the_count(qtbot: QtBot, sample: SampleSession) -> None:
    river = sample.city.alarm("al-river")
    assert river is not None
    low = [
        msgspec.structs.replace(river, id=f"near-{n}", priority=Priority.LOW, state=AlarmState.ACKNOWLEDGED)
        for n in range(5)
    ]
    sample.deliver(Changes("alarms", put=(*low, river), reset=True))
    tile = map_tile(qtbot, sample, (500, 570), "desk", "alarms")
    (cluster,) = tile.shown_clusters
    assert cluster.worst.id == "al-river"
    assert len(cluster.things) == 6
    assert "6" in [item.text for item in painted(tile).items]


def test_clusters_never_overlap_and_lose_nothing() -> None:
    chance = random.Random(4)
    for _ in range(30):
        things = [
            Thing(What.ALARM, str(n), QPointF(chance.uniform(0, 300), chance.uniform(0, 300)), chance.randrange(8), "")
            for n in range(60)
        ]
        side = {t.id: chance.choice((30.0, 40.0, 60.0)) for t in things}
        made = clusters(things, lambda t: side[t.id])  # noqa: B023
        assert sorted(t.id for c in made for t in c.things) == sorted(t.id for t in things)
        rooms = []
        for cluster in made:
            assert cluster.worst.rank == min(t.rank for t in cluster.things)
            half = side[cluster.worst.id] / 2
            rooms.append(QRectF(cluster.at.x() - half, cluster.at.y() - half, half * 2, half * 2))
        assert not any(a.intersects(b) for n, a in enumerate(rooms) for b in rooms[n + 1 :])
        assert [c.worst.rank for c in made] == sorted((c.worst.rank for c in made), reverse=True)


def test_thousands_of_alarms_are_taken_up_once_a_second(qtbot: QtBot, sample: SampleSession) -> None:
    river = sample.city.alarm("al-river")
    assert river is not None
    tile = map_tile(qtbot, sample, (500, 570), "desk", "alarms")
    sample.city.feedsChanged.connect(tile.on_feeds)
    assert tile.shown_clusters
    copies = [msgspec.structs.replace(river, id=f"copy-{n}", priority=Priority.LOW) for n in range(MANY)]
    sample.put("alarms", *copies)
    assert sum(len(c.things) for c in tile.shown_clusters) < MANY
    tile.on_second()
    assert sum(len(c.things) for c in tile.shown_clusters) > MANY
    sample.deliver(Changes("alarms", deleted=tuple(c.id for c in copies[2:])))
    tile.on_second()
    assert {t.id for c in tile.shown_clusters for t in c.things}.isdisjoint(c.id for c in copies[2:])


def test_reports_step_aside_for_alarms_and_are_not_counted_as_alarms(qtbot: QtBot, sample: SampleSession) -> None:
    river = sample.city.alarm("al-river")
    assert river is not None
    here = [msgspec.structs.replace(r, lon=river.lon, lat=river.lat) for r in sample.city.reports()]
    sample.deliver(Changes("alarms", put=(river,), reset=True), Changes("reports", put=tuple(here), reset=True))
    tile = map_tile(qtbot, sample, (500, 570), "desk", "alarms", "reports")
    reports, alarm = tile.shown_clusters[0], tile.shown_clusters[-1]
    assert len(alarm.things) == 1
    assert len(reports.things) == len(here)
    assert not tile._room(alarm).contains(reports.at)


def test_blink_repaints_the_symbols_only(qtbot: QtBot, sample: SampleSession) -> None:
    regions: list[QRect] = []

    class Watched(MapTile):
        def paintEvent(self, event: QPaintEvent) -> None:
            regions.extend(list(event.region()))
            super().paintEvent(event)

    tile = Watched(sample.session, SCALES["desk"], MapOptions())
    tile.resize(500, 570)
    qtbot.addWidget(tile)
    with qtbot.waitExposed(tile):
        tile.show()
    qtbot.waitUntil(lambda: bool(regions))
    regions.clear()
    tile.on_blink(False)
    qtbot.waitUntil(lambda: bool(regions))
    area = sum(r.width() * r.height() for r in regions)
    assert area < tile.width() * tile.height() * 0.15
    urgent = tile.shown_clusters[-1]
    assert any(r.contains(urgent.at.toPoint()) for r in regions)


def test_less_motion_does_not_blink(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample)
    bright = tile.grab().toImage()
    sample.session.look.less_motion = True
    tile.on_blink(False)
    assert tile.grab().toImage() == bright
    sample.session.look.less_motion = False
    assert tile.grab().toImage() != bright, "the control: without the wish it dims"


def test_calm_city_has_no_colour_but_water(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    image = map_tile(qtbot, sample_session(Scene.CALM)).grab().toImage()
    hues = {THEMES[ThemeName.DARK].hue(p).rgb() for p in Priority}
    seen = {image.pixel(x, y) for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}
    assert not seen & hues
    assert THEMES[ThemeName.DARK].water.rgb() in seen


def test_background_is_kept_until_something_on_it_changes(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample)
    tile.grab()
    kept = tile._pixmap
    sample.put("alarms", msgspec.structs.replace(sample.city.alarms()[0], rev=9))
    sample.put("sensors", *[msgspec.structs.replace(s, rev=2) for s in sample.city.records("sensors").values()])
    tile.on_second()
    tile.grab()
    assert tile._pixmap is kept, "alarms and new values do not redraw the ground"
    camera = sample.city.camera("cam-014")
    assert camera is not None
    sample.put("cameras", msgspec.structs.replace(camera, online=False))
    tile.on_second()
    tile.grab()
    assert tile._pixmap is not kept


def test_dead_camera_looks_dead(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample, (500, 570), "desk", "areas", "cameras")
    before = tile.grab().toImage()
    camera = sample.city.camera("cam-014")
    assert camera is not None
    sample.put("cameras", msgspec.structs.replace(camera, online=False))
    tile.on_second()
    assert tile.grab().toImage() != before


def test_overdue_report_is_inverse_and_ranks_before_the_others(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample, (500, 570), "desk", "reports")
    assert tile.shown_clusters[-1].worst.id == "PA-2203"
    assert tile.shown_clusters[-1].worst.bad


def test_areas_by_their_dates(sample: SampleSession) -> None:
    config = sample.city.records("config").values()
    assert len(areas_in_force(config, NOW_NS)) == 9
    year_2000 = 946_684_800 * 10**9
    assert [a.id for a in areas_in_force(config, year_2000)] == ["town-old"]


def test_projection_keeps_shapes_and_fits() -> None:
    to = fit([(107.0, 16.8), (107.1, 16.9)], QRectF(10, 20, 400, 300))
    assert to is not None
    room = QRectF(9.9, 19.9, 400.2, 300.2)
    corners = [to.to_px(107.0, 16.8), to.to_px(107.1, 16.9)]
    assert all(room.contains(c) for c in corners)
    assert corners[0].y() > corners[1].y(), "north is up"
    one = to.to_px(107.05, 16.85)
    east, north = to.to_px(107.06, 16.85) - one, to.to_px(107.05, 16.86) - one
    assert abs(east.x() / -north.y() - 0.957) < 0.002, "cos(16.85 deg)"
    assert fit([], QRectF(0, 0, 10, 10)) is None


def test_injected_html_stays_letters(qtbot: QtBot, sample: SampleSession) -> None:
    evil = '<b onmouseover="x">Cây đổ</b>'
    report = msgspec.structs.replace(sample.city.reports()[0], title=LocalText(evil))
    sample.deliver(Changes("reports", put=(report,), reset=True))
    tile = map_tile(qtbot, sample, (500, 570), "desk", "reports")
    words = tile.words_at(tile.shown_clusters[0].at)
    assert evil in words
    assert "<b" not in plain_tooltip(words)
    assert "&lt;b" in plain_tooltip(words)


@pytest.mark.qt_log_ignore("does not support raise")
def test_click_tells_what_is_there(qtbot: QtBot, sample: SampleSession) -> None:
    from PySide6.QtCore import Qt

    tile = map_tile(qtbot, sample)
    tile.show()
    urgent = tile.shown_clusters[-1]
    qtbot.mouseClick(tile, Qt.MouseButton.LeftButton, pos=urgent.at.toPoint())
    assert "Sông Hiếu trên BĐ3 0,12 m" in QToolTip.text()
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible())


def test_a_station_tells_its_values(qtbot: QtBot, sample: SampleSession) -> None:
    tile = map_tile(qtbot, sample, (500, 570), "desk", "areas", "stations")
    tile.grab()
    station = next(t for t in tile._dots if t.id == "st-hieu")
    assert "Mực nước sông Hiếu 4,12 m" in tile.words_at(station.at)


def test_alarms_find_their_place_through_sensor_or_camera(qtbot: QtBot, sample: SampleSession) -> None:
    def alarm(key: str, **more: object) -> Alarm:
        return Alarm(key, Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText(key), NOW_NS, **more)  # type: ignore[arg-type]

    put = (alarm("a", sensor_id="song-pm25"), alarm("b", camera_ids=("cam-102",)), alarm("c"))
    sample.deliver(Changes("alarms", put=put, reset=True))
    tile = map_tile(qtbot, sample, (500, 570), "desk", "alarms")
    assert {t.id for c in tile.shown_clusters for t in c.things} == {"a", "b"}
    assert "1 cảnh báo ngoài sơ đồ" in [i.text for i in painted(tile).items]


def test_nothing_is_a_sentence(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    tile = map_tile(qtbot, sample_session(Scene.EMPTY))
    assert "Chưa có dữ liệu bản đồ" in [i.text for i in painted(tile).items]


def test_no_symbol_lies_on_a_count(qtbot: QtBot, sample: SampleSession) -> None:
    """Two reports at one place, and one beside them whose diamond reaches into their count."""
    tile = map_tile(qtbot, sample, (500, 570), "desk", "reports")
    tile.grab()
    first = next(r for r in sample.city.records("reports").values() if r.lon is not None)
    for report in sample.city.records("reports").values():
        sample.put("reports", msgspec.structs.replace(report, lon=None, lat=None))
    pair = [msgspec.structs.replace(first, id=f"PA-{n}", lon=107.09, lat=16.81) for n in (1, 2)]
    sample.put("reports", *pair)
    alone = next(item for item in painted(tile).items if item.text == "2")
    before = tile.grab(alone.painted.toAlignedRect()).toImage()
    assert tile.shown_clusters[0].at.x() < alone.painted.center().x()
    away = 0.0001
    while len(tile.shown_clusters) == 1:  # to the lower right, where the count is
        sample.put("reports", msgspec.structs.replace(first, id="PA-0", lon=107.09 + away, lat=16.81 - away))
        away += 0.0001
    assert tile.grab(alone.painted.toAlignedRect()).toImage() == before
