"""What cameras see, on the map: a wedge the right way round, for the few that count and no others."""

from __future__ import annotations

import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import Camera, Sector
from backends.domain.picture import PictureFlag
from backends.domain.ports import Changes
from layouts.options import MapOptions
from widgets.parts.map_projection import fit
from widgets.parts.map_views import wedges
from widgets.theme import THEMES, ThemeName
from widgets.tiles.map import MapTile

REACH = 14
"""Pixels from the camera at which it is looked whether its wedge is there."""


@pytest.fixture(params=list(ThemeName))
def sample(qapp: QApplication, request: pytest.FixtureRequest) -> SampleSession:
    prepare(qapp, theme=request.param)
    made = sample_session(Scene.CALM, theme=request.param)
    made.session.look.theme = THEMES[request.param]
    cameras = made.city.records("cameras")
    lonely = replace(cameras["cam-014"], lon=107.13, lat=16.78, bearing_deg=0.0, angle_deg=80.0, range_m=50.0)
    made.deliver(Changes("cameras", put=(lonely,)))
    return made


@pytest.fixture
def tile(qtbot: QtBot, sample: SampleSession) -> MapTile:
    made = MapTile(sample.session, SCALES["desk"], MapOptions(layers=("cameras",)))
    made.resize(500, 570)
    qtbot.addWidget(made)
    sample.city.feedsChanged.connect(made.on_feeds)
    made.show()
    made.grab()
    return made


def spot(tile: MapTile, camera: Camera) -> QPointF:
    assert tile._projection is not None
    assert camera.lon is not None
    assert camera.lat is not None
    return tile._projection.to_px(camera.lon, camera.lat)


def move(tile: MapTile, at: QPointF) -> None:
    """The pointer, with no button held."""
    none = Qt.MouseButton.NoButton
    keys = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(QEvent.Type.MouseMove, at, tile.mapToGlobal(at), none, none, keys)
    QApplication.sendEvent(tile, event)


def picture(tile: MapTile) -> QImage:
    return tile.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)


def changed(before: QImage, after: QImage, at: QPointF) -> dict[str, bool]:
    """By direction whether the map differs there, in a grey print."""
    ways = {"n": (0, -1), "e": (1, 0), "s": (0, 1), "w": (-1, 0)}
    out = {}
    for name, (x, y) in ways.items():
        point = QPoint(round(at.x() + x * REACH), round(at.y() + y * REACH))
        out[name] = abs(before.pixelColor(point).red() - after.pixelColor(point).red()) > 5
    return out


def test_under_the_pointer_its_wedge_shows_the_way_it_looks(tile: MapTile, sample: SampleSession) -> None:
    camera = sample.city.camera("cam-014")
    assert camera is not None
    at, calm = spot(tile, camera), picture(tile)
    move(tile, at)
    assert changed(calm, picture(tile), at) == {"n": True, "e": False, "s": False, "w": False}
    move(tile, QPointF(5, 560))
    assert picture(tile) == calm, "it is gone again"
    sample.deliver(Changes("cameras", put=(replace(camera, bearing_deg=270.0),)))
    tile.on_second()
    move(tile, at)
    assert changed(calm, picture(tile), at) == {"n": False, "e": False, "s": False, "w": True}


def test_it_stands_for_cameras_on_the_screens_and_for_the_chosen_one(tile: MapTile, sample: SampleSession) -> None:
    camera = sample.city.camera("cam-014")
    assert camera is not None
    at, calm = spot(tile, camera), picture(tile)
    sample.session.hands.choose("0.3:014")
    assert changed(calm, picture(tile), at)["n"]
    sample.session.hands.choose("0.3:033")
    assert picture(tile) == calm, "nobody has said what that one sees"
    tile.show_views(frozenset({"cam-014"}))
    assert changed(calm, picture(tile), at)["n"]


def test_a_map_without_cameras_has_none(qtbot: QtBot, sample: SampleSession) -> None:
    made = MapTile(sample.session, SCALES["desk"], MapOptions(layers=("areas",)))
    qtbot.addWidget(made)
    made.show_views(frozenset({"cam-014"}))
    assert made._seen() == []


def test_only_what_is_known_has_a_wedge(sample: SampleSession) -> None:
    camera = sample.city.camera("cam-014")
    assert camera is not None
    to = fit(((107.0, 16.7), (107.2, 16.9)), QRectF(0, 0, 500, 500))
    assert to is not None

    def width(**more: object) -> list[float]:
        return [wedge.width_deg for wedge in wedges([replace(camera, **more)], to, SCALES["desk"])]

    assert width() == [80.0]
    assert width(angle_deg=None) == [90.0]
    assert width(angle_deg=360.0, bearing_deg=None) == [360.0]
    assert width(bearing_deg=None) == width(flags=(PictureFlag.TURNED,)) == width(turns=True) == width(lon=None) == []
    assert width(turns=True, reach=Sector(300.0, 120.0)) == [120.0]
    near = wedges([replace(camera, range_m=20_000.0)], to, SCALES["desk"])[0]
    assert near.radius > wedges([camera], to, SCALES["desk"])[0].radius
