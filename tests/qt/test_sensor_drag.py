"""A sensor that is carried onto a plot is compared there; whatever else a press may mean stays what it is."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from layouts.options import AlarmsOptions, MapOptions, PlotOptions
from widgets.i18n import tr
from widgets.parts.map_things import What
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.base import Tile
from widgets.tiles.map import MapTile
from widgets.tiles.plot import PlotTile

RIVER, TIDE, PM = "river-01.water_level", "cuaviet-tide", "song-pm25"
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Desk:
    """Tiles beside each other in one window, with the mouse over them."""

    def __init__(self) -> None:
        self.sample: SampleSession = sample_session()
        self.window = QWidget()
        self.window.resize(1200, 700)
        self.window.show()
        self.told: list[str] = []
        self.sample.session.notices.tell_desk = self.told.append  # type: ignore[method-assign]  # what is told

    def put(self, tile: Tile, x: int, wide: int = 380) -> None:
        tile.setParent(self.window)
        tile.setGeometry(x, 0, wide, 600)
        tile.show()
        QApplication.processEvents()
        tile.grab()

    def plot(self, sensor: str, x: int, panel: str = "desk") -> PlotTile:
        tile = PlotTile(self.sample.session, SCALES[panel], PlotOptions(sensor=sensor, hours=6.0))
        self.put(tile, x)
        self.sample.answer_history()
        tile.grab()
        return tile

    def mouse(self, kind: QEvent.Type, of: QWidget, at: QPoint) -> None:
        """Where the window is at `at`; the widget that was pressed gets it, as with a button held."""
        where = QPointF(of.mapFrom(self.window, at))
        move = kind is QEvent.Type.MouseMove
        held = LEFT if kind is not QEvent.Type.MouseButtonRelease else Qt.MouseButton.NoButton
        button = Qt.MouseButton.NoButton if move else LEFT
        glob = QPointF(self.window.mapToGlobal(at))
        QApplication.sendEvent(of, QMouseEvent(kind, where, glob, button, held, NONE))

    def drag(self, source: QWidget, start: QPoint, to: QPoint, *, let_go: bool = True) -> None:
        """`start`: in the source, `to`: in the window."""
        begin = source.mapTo(self.window, start)
        self.mouse(QEvent.Type.MouseButtonPress, source, begin)
        for share in (0.05, 0.3, 0.7, 1.0):
            self.mouse(QEvent.Type.MouseMove, source, begin + (to - begin) * share)
        if let_go:
            self.mouse(QEvent.Type.MouseButtonRelease, source, to)


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    prepare(qapp)
    made = Desk()
    yield made
    made.window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def shown(tile: PlotTile) -> list[str]:
    return [one.sensor.id for one in tile.lines.shown]


def middle(tile: QWidget) -> QPoint:
    return tile.geometry().center()


def test_a_plot_is_carried_by_its_header_and_compared(desk: Desk) -> None:
    river, tide = desk.plot(RIVER, 0), desk.plot(TIDE, 400)
    desk.drag(tide, QPoint(40, 8), middle(river), let_go=False)
    assert desk.sample.session.hands.carried is not None
    assert river._place is not None
    assert river._place.over
    desk.mouse(QEvent.Type.MouseButtonRelease, tide, middle(river))
    assert shown(river) == [RIVER, TIDE]
    assert shown(tide) == [TIDE]
    assert not river._place.over
    desk.drag(tide, QPoint(40, 8), middle(river))
    assert shown(river) == [RIVER, TIDE], "it is there"
    assert desk.told[-1] == tr("plot_hand.no_more")


def test_below_the_header_a_drag_moves_the_time_and_carries_nothing(desk: Desk) -> None:
    river, tide = desk.plot(RIVER, 0), desk.plot(TIDE, 400)
    desk.drag(tide, tide._plot.center().toPoint(), tide.pos() + tide._plot.center().toPoint() + QPoint(90, 0))
    assert not tide.view.live
    tide.show_view(None)
    desk.drag(tide, tide._plot.center().toPoint(), middle(river))
    assert shown(river) == [RIVER]


def test_esc_and_letting_go_beside_plots_change_nothing(desk: Desk) -> None:
    river, tide = desk.plot(RIVER, 0), desk.plot(TIDE, 400)
    desk.drag(tide, QPoint(40, 8), QPoint(900, 650))
    assert desk.sample.session.hands.carried is None
    desk.drag(tide, QPoint(40, 8), middle(river), let_go=False)
    desk.sample.session.hands.drop(done=False)
    desk.mouse(QEvent.Type.MouseButtonRelease, tide, middle(river))
    assert shown(river) == [RIVER]
    tide.show_view(tide.view.panned(-(10**12), tide.now_ns()))
    desk.drag(tide, QPoint(40, 8), middle(river), let_go=False)
    before = tide.view
    QTest.keyClick(tide, Qt.Key.Key_Escape)
    assert tide.view == before, "Esc is the window's while something is carried"
    desk.mouse(QEvent.Type.MouseButtonRelease, tide, QPoint(900, 650))


def test_a_walls_plot_takes_nothing(desk: Desk) -> None:
    tide, wall = desk.plot(TIDE, 0), desk.plot(RIVER, 400, "wall")
    desk.drag(tide, QPoint(40, 8), middle(wall))
    assert shown(wall) == [RIVER]


def test_a_station_of_the_map_gives_what_the_plot_is_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.tiles.map.QToolTip", Mock())  # the offscreen window system cannot raise one
    tide = desk.plot(TIDE, 0)
    city_map = MapTile(desk.sample.session, SCALES["desk"], MapOptions())
    desk.put(city_map, 400, 700)
    dots = {t.id: t.at.toPoint() for t in city_map._dots if t.what is What.STATION}
    of = {desk.sample.city.sensor(RIVER): RIVER, desk.sample.city.sensor(PM): PM}
    for sensor, id_ in of.items():
        assert sensor is not None
        at = dots[sensor.station_id or sensor.id]
        assert id_ in city_map.sensors_at(at)
        desk.drag(city_map, at, middle(tide))
    taken = shown(tide)[1:]
    assert RIVER in taken
    assert len(taken) == 2
    empty = next(QPoint(x, 300) for x in range(20, 600, 7) if not city_map.sensors_at(QPoint(x, 300)))
    desk.drag(city_map, empty, middle(tide))
    assert len(shown(tide)) == 3


def test_an_alarms_row_is_carried_and_a_click_of_an_unsteady_hand_is_a_click(desk: Desk) -> None:
    tide = desk.plot(TIDE, 500)
    listing = AlarmsTile(desk.sample.session, SCALES["desk"], AlarmsOptions())
    desk.put(listing, 0, 480)
    view = listing.view.viewport()
    at = next(p for y in range(5, 500, 8) if listing._sensors_at(p := QPoint(60, y)))
    sensor = listing._sensors_at(at)[0]
    hands = desk.sample.session.hands
    desk.drag(view, at, view.mapTo(desk.window, at + QPoint(30, 2)))
    assert listing._current() is not None
    assert listing._current().sensor_id == sensor, "clicked"  # type: ignore[union-attr]  # asserted above
    desk.drag(view, at, middle(tide), let_go=False)
    assert hands.carried is not None
    assert listing._current().sensor_id == sensor, "no other row on the way"  # type: ignore[union-attr]  # as above
    desk.mouse(QEvent.Type.MouseButtonRelease, view, middle(tide))
    assert sensor in shown(tide)


def test_an_unknown_sensor_is_said(desk: Desk) -> None:
    tide = desk.plot(TIDE, 0)
    tide.take(("nowhere",))
    assert shown(tide) == [TIDE]
    assert desk.told == [tr("plot_hand.not_here")]
