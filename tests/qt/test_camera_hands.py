"""Hands on the camera tiles: what a person does with mouse and keyboard, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.camera_wall import LEFT, NONE, CameraWall, camera_wall, middle, street_session
from helpers.sample_city import DESK, WALL, SampleSession
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from layouts.options import CameraListOptions, CameraOptions
from layouts.spec import Monitor
from widgets.hands import KEPT, CameraHands
from widgets.i18n import tr
from widgets.memory import Memory
from widgets.parts import camera_zoom as zoom
from widgets.parts import text
from widgets.parts.camera_menu import open_menu
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.camera import CameraTile
from widgets.windows.number_line import NumberLine

Key = Qt.Key
SMALL = Monitor("desk", 0, 0, 800, 800, 14.0)


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    return street_session(qapp)


@pytest.fixture
def wall(qtbot: QtBot, sample: SampleSession) -> Iterator[CameraWall]:
    with camera_wall(sample, "overview") as made:
        yield made


@pytest.fixture
def small(qtbot: QtBot, sample: SampleSession) -> Iterator[CameraWall]:
    """A window that fits the screen of the test: what lies beyond a screen cannot be pointed at."""
    with camera_wall(sample, "overview", (SMALL,)) as made:
        yield made


@pytest.fixture
def two(qtbot: QtBot, sample: SampleSession) -> Iterator[CameraWall]:
    with camera_wall(sample, "cameras", (DESK, WALL)) as made:
        yield made


def said(wall: CameraWall, window: int = 0) -> str:
    return wall.windows[window].notice.sentence


def words(tile: CameraTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.text for item in log.items)


def line_of(wall: CameraWall, window: int = 0) -> NumberLine | None:
    return next((line for line in wall.windows[window].findChildren(NumberLine) if line.isVisible()), None)


def turn_wheel(tile: CameraTile, at: QPoint, notches: int) -> None:
    event = QWheelEvent(
        QPointF(at), QPointF(tile.mapToGlobal(at)), QPoint(), QPoint(0, 120 * notches), Qt.MouseButton.NoButton,
        NONE, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(tile, event)


# -- choosing ------------------------------------------------------------------------------------------


def test_a_click_chooses_a_tile_and_it_is_seen(wall: CameraWall) -> None:
    tile, other = wall.free()[:2]
    before = tile.grab().toImage()
    wall.click(tile)
    assert wall.sample.session.hands.place == tile.place
    assert tile.hasFocus()
    ring = tile.grab().toImage()
    assert ring.pixelColor(tile.width() // 2, 1) != before.pixelColor(tile.width() // 2, 1)
    alarms = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    alarms.setFocus()
    edge = tile.grab().toImage()  # the choice stays when the keyboard goes elsewhere
    assert edge.pixelColor(1, tile.height() // 2).lightness() > 250
    assert edge.pixelColor(tile.width() // 2, 1) == before.pixelColor(tile.width() // 2, 1)
    wall.click(other)
    assert tile.grab().toImage().pixelColor(1, tile.height() // 2) == before.pixelColor(1, tile.height() // 2)


def test_arrows_go_to_the_tile_beside(two: CameraWall) -> None:
    first, right = two.tiles()[:2]
    two.click(first)
    two.key(Key.Key_Right)
    assert right.hasFocus()
    two.key(Key.Key_Left, Key.Key_Left)
    assert first.hasFocus()
    two.key(Key.Key_Down)
    below = next(t for t in two.tiles() if t.hasFocus())
    assert below.geometry().x() == first.geometry().x()
    assert below.geometry().y() > first.geometry().y()


# -- the full window -----------------------------------------------------------------------------------


def test_a_double_click_maximises_beside_the_alarm_list_and_back(wall: CameraWall) -> None:
    window, tile = wall.windows[0], wall.free()[0]
    own = tile.geometry()
    wall.double_click(tile)
    large = tile.geometry()
    assert large.width() * large.height() > 2 * own.width() * own.height()
    lists = [t for t in window.tiles.values() if isinstance(t, AlarmsTile)]
    assert lists
    assert all(t.isVisible() and not t.geometry().intersects(large) for t in lists)
    wall.sample.session.demands.flush()
    covered = [t for t in wall.tiles() if t is not tile and t.isHidden()]
    assert covered
    shown = {demand.camera_id for demand in wall.sample.pictures.wanted}
    assert not shown & {t.camera.id for t in covered if t.camera and t.camera.id not in _visible(wall)}
    wall.double_click(tile)
    assert tile.geometry() == own
    assert all(t.isVisible() for t in wall.tiles())
    wall.key(Key.Key_Return)
    assert tile.geometry() == large
    wall.key(Key.Key_Escape)
    assert tile.geometry() == own


def _visible(wall: CameraWall) -> set[str]:
    return {t.camera.id for t in wall.tiles() if t.isVisible() and t.camera}


# -- zoom ----------------------------------------------------------------------------------------------


def test_the_wheel_zooms_at_the_pointer_and_one_key_returns(wall: CameraWall, qtbot: QtBot) -> None:
    tile = wall.free()[0]
    wall.click(tile)
    box = tile.picture.box(tile.rect(), tile.camera)
    at = QPoint(round(box.left() + box.width() * 0.75), round(box.top() + box.height() * 0.25))
    turn_wheel(tile, at, 4)
    x, y, across, down = tile.picture.seen
    assert across == down == pytest.approx(1 / zoom.STEP**4)
    assert x + 0.75 * across == pytest.approx(0.75, abs=0.01)  # what was under the pointer is still under it
    assert y + 0.25 * down == pytest.approx(0.25, abs=0.01)
    assert "2,4x" in words(tile)
    demand = _wanted_of(wall, tile, qtbot, tile.picture.seen)
    assert demand == tile.picture.seen
    wall.key(Key.Key_Home)
    assert tile.picture.seen == zoom.WHOLE
    assert "x" not in words(tile).split(" | ")
    assert _wanted_of(wall, tile, qtbot, zoom.WHOLE) == zoom.WHOLE


def _wanted_of(wall: CameraWall, tile: CameraTile, qtbot: QtBot, crop: zoom.Crop) -> zoom.Crop:
    """The crop that is asked of the decoder, once the wheel has come to rest."""

    def crops() -> list[zoom.Crop]:
        wall.sample.session.demands.flush()
        return [d.crop for d in wall.sample.pictures.wanted if tile.camera and d.camera_id == tile.camera.id]

    qtbot.waitUntil(lambda: crop in crops())
    return next(one for one in crops() if one == crop)


def test_a_drag_pans_a_zoomed_picture_and_stops_at_its_edge(wall: CameraWall) -> None:
    tile = wall.free()[0]
    turn_wheel(tile, middle(tile), 6)
    before = tile.picture.seen
    handle, at = tile.window().windowHandle(), tile.mapTo(tile.window(), middle(tile))
    QTest.mousePress(handle, LEFT, NONE, at)
    QTest.mouseMove(handle, at + QPoint(30, 0))
    assert tile.picture.seen[0] < before[0]
    assert tile.picture.seen[1] == before[1]
    for step in range(1, 30):
        QTest.mouseMove(handle, at + QPoint(30 + step * 30, 0))
    QTest.mouseRelease(handle, LEFT, NONE, at + QPoint(900, 0))
    assert tile.picture.seen[0] == 0.0
    assert wall.sample.session.hands.carried is None


def test_a_zoom_shows_that_part_at_once(wall: CameraWall) -> None:
    """Before the decoder knows of it: the left half white, the right half black; a zoom to the right is all black."""
    import numpy as np

    tile = wall.free()[0]
    assert tile.camera is not None
    pixels = np.zeros((90, 160, 4), np.uint8)
    pixels[:, :80] = 255
    wall.sample.pictures.show(tile.camera.id, pixels)
    tile.refresh()
    centre = middle(tile)
    tile.picture.look_at((0.6, 0.2, 0.3, 0.3))
    assert tile.grab().toImage().pixelColor(centre).lightness() < 20
    tile.picture.look_at((0.1, 0.2, 0.3, 0.3))
    assert tile.grab().toImage().pixelColor(centre).lightness() > 240


# -- putting cameras on tiles --------------------------------------------------------------------------


def test_dragging_one_tile_onto_another_swaps_them(small: CameraWall) -> None:
    one, other = small.free()[:2]
    first, second = _number(one), _number(other)
    small.drag(one, other)
    assert (_number(one), _number(other)) == (second, first)
    assert one.by_hand
    assert other.by_hand
    assert tr("camera_hand.by_hand") in words(one) or one.width() < 400
    small.drag(one, other)
    assert (_number(one), _number(other)) == (first, second)
    assert not one.by_hand  # the layout's own camera is on it again
    assert not other.by_hand


def test_a_drag_that_ends_beside_all_tiles_or_by_esc_changes_nothing(small: CameraWall) -> None:
    one, other = small.free()[:2]
    before = small.numbers()
    small.drag(one, small.windows[0].bar)
    assert small.numbers() == before
    small.drag(one, other, let_go=False)
    assert small.sample.session.hands.over == other.place
    small.key(Key.Key_Escape)
    assert small.sample.session.hands.carried is None
    QTest.mouseRelease(other.window().windowHandle(), LEFT, NONE, other.mapTo(other.window(), middle(other)))
    assert small.numbers() == before


def test_the_place_kept_for_alarms_is_not_touched_by_a_drag(small: CameraWall) -> None:
    slot = next(tile for tile in small.tiles() if tile.options.slot)
    tile = small.free()[0]
    before = small.numbers()
    small.drag(tile, slot)
    assert small.numbers() == before
    assert said(small) == tr("camera_hand.is_alarm_swap", n=slot.number)
    small.drag(slot, tile)  # its camera is copied; the place keeps it
    assert _number(tile) == before[small.tiles().index(slot)]
    assert _number(slot) == before[small.tiles().index(slot)]


def test_a_camera_is_dragged_from_the_list_onto_a_tile(qtbot: QtBot, sample: SampleSession) -> None:
    from widgets.parts.camera_drag import ListDrag
    from widgets.tiles.camera_list import CameraListTile

    with camera_wall(sample, "overview", (SMALL,)) as wall:
        tile = wall.free()[0]
        window = wall.windows[0]
        listing = CameraListTile(sample.session, window.scale, CameraListOptions())
        listing.setParent(window)
        listing.setGeometry(window.width() - 420, window.height() - 500, 400, 480)
        listing.show()
        listing.raise_()
        QApplication.processEvents()
        assert listing.findChildren(ListDrag)
        listing.tree.expandAll()
        row = next(i for i in listing.tree.shown() if listing._camera_at(listing.tree.visualRect(i).center()))
        camera_id = listing._camera_at(listing.tree.visualRect(row).center())
        chosen = listing.tree.currentIndex()
        wall.drag(listing.tree.viewport(), tile, listing.tree.visualRect(row).center())
        assert tile.camera is not None
        assert tile.camera.id == camera_id
        assert tile.by_hand
        assert listing.tree.currentIndex() in (row, chosen)  # the rows on the way were not chosen


def _number(tile: CameraTile) -> str:
    return tile.camera.number if tile.camera else ""


# -- numbers -------------------------------------------------------------------------------------------


def test_a_number_and_enter_put_a_camera_on_the_chosen_tile(wall: CameraWall) -> None:
    tile = wall.free()[1]
    wall.click(tile)
    wall.type("21")
    assert wall.sample.session.hands.numbers
    assert tile.number in words(tile).split(" | ")
    line = line_of(wall)
    assert line is not None
    assert "021" in line.answer
    wall.key(Key.Key_Return)
    assert _number(tile) == "021"
    assert not wall.sample.session.hands.numbers
    assert tile.hasFocus()
    assert line_of(wall) is None


def test_camera_tile_and_monitor_are_typed(two: CameraWall) -> None:
    target = two.tile(3, window=1)
    two.type("52 3 2")
    two.key(Key.Key_Return)
    assert _number(target) == "052"
    assert _number(two.tile(3)) != "052"
    assert said(two) == tr("camera_hand.put_monitor", number="052", n=3, monitor=2)
    two.type("14>2")
    two.key(Key.Key_Enter)
    assert _number(two.tile(2)) == "014"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("999", ("camera_hand.no_camera", {"number": "999"})),
        ("21", ("camera_hand.no_tile", {})),
        ("21.99", ("camera_hand.no_tile_number", {"monitor": 1, "n": 99, "most": 36})),
        ("21.0", ("camera_hand.no_tile_number", {"monitor": 1, "n": 0, "most": 36})),
        ("21.1.7", ("camera_hand.no_monitor", {"n": 7, "most": 2})),
    ],
)
def test_wrong_numbers_are_answered_in_words(
    two: CameraWall, typed: str, answer: tuple[str, dict[str, object]]
) -> None:
    two.sample.session.hands.choose("")
    before = two.numbers(), two.numbers(1)
    key, values = answer
    if "most" in values and "monitor" in values:
        values = {**values, "most": len(two.tiles())}
    two.type(typed)
    two.key(Key.Key_Return)
    line = line_of(two)
    assert line is not None  # what is wrong can be mended
    assert line.answer == tr(key, **values)
    two.key(Key.Key_Backspace)
    assert line.answer != tr(key, **values)
    two.key(Key.Key_Escape)
    assert line_of(two) is None
    assert (two.numbers(), two.numbers(1)) == before


def test_an_enter_for_a_number_never_acknowledges_an_alarm(wall: CameraWall) -> None:
    """Not even one that comes after the line has gone."""
    alarms = next(t for t in wall.windows[0].tiles.values() if isinstance(t, AlarmsTile))
    alarms.view.setFocus()
    wall.key(Key.Key_Down)
    wall.type("21")
    line = line_of(wall)
    assert line is not None
    wall.key(Key.Key_Return)
    assert line.answer == tr("camera_hand.no_tile")
    line._idle.timeout.emit()
    wall.key(Key.Key_Return)
    assert wall.sample.actions.submitted == []


def test_the_alarm_place_takes_a_camera_only_by_its_number(wall: CameraWall) -> None:
    slot = next(tile for tile in wall.tiles() if tile.options.slot)
    before = _number(slot)
    wall.click(slot)
    wall.type("21")
    wall.key(Key.Key_Return)
    line = line_of(wall)
    assert line is not None
    assert line.answer == tr("camera_hand.is_alarm", n=slot.number, camera="021")
    assert _number(slot) == before
    wall.type(f".{slot.number}")
    wall.key(Key.Key_Return)
    assert _number(slot) == "021"
    wall.click(slot)
    wall.key(Key.Key_Delete)
    assert _number(slot) == before


# -- what was on it before, and the layout's own ------------------------------------------------------


def test_the_last_eight_cameras_come_back_one_by_one(wall: CameraWall) -> None:
    tile = wall.free()[0]
    own = _number(tile)
    others = [c.number for c in wall.sample.city.records("cameras").values() if c.number != own][:9]
    wall.click(tile)
    for number in others:
        wall.type(number)
        wall.key(Key.Key_Return)
    assert _number(tile) == others[-1]
    seen = []
    for _ in range(KEPT - 1):
        wall.key(Key.Key_Backspace)
        seen.append(_number(tile))
    assert seen == others[-2::-1][: KEPT - 1]
    wall.key(Key.Key_Backspace)
    assert said(wall) == tr("camera_hand.no_earlier")
    wall.key(Key.Key_Delete)
    assert _number(tile) == own
    assert not tile.by_hand


def test_what_was_put_by_hand_goes_with_the_layout_and_survives_a_restart() -> None:
    memory = Memory()
    hands = CameraHands(memory)
    hands.begin("overview")
    hands.put("0.3:014", "cam-021", "cam-014")
    again = CameraHands(Memory(memory.all()))
    again.begin("overview")
    assert again.camera("0.3:014") == "cam-021"
    elsewhere = CameraHands(Memory(memory.all()))
    elsewhere.begin("traffic")
    assert elsewhere.camera("0.3:014") == ""
    hands.begin("overview")  # chosen again
    assert hands.camera("0.3:014") == ""
    assert memory.all() == {}
    damaged = CameraHands(Memory({"camera.by_hand": '{"layout": "overview", "put": {"0.3'}))
    damaged.begin("overview")
    assert damaged.camera("0.3:014") == ""


# -- figures and menu ----------------------------------------------------------------------------------


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_offers_what_can_be_done_now(wall: CameraWall, qtbot: QtBot) -> None:
    tile = wall.free()[0]
    wall.click(tile)
    menu = open_menu(tile, tile.mapToGlobal(middle(tile)))
    entries = {action.text().split("\t")[0]: action for action in menu.actions()}
    assert not entries[tr("camera_hand.release")].isEnabled()
    entries[tr("camera_hand.details")].trigger()
    assert tile.details
    entries[tr("camera_hand.maximise")].trigger()
    assert wall.windows[0].maximised.tile is tile
    menu.close()


def test_a_tile_of_its_own_has_no_place(qtbot: QtBot, sample: SampleSession) -> None:
    """Without a window that numbers it nothing can be put on it, and two such tiles are not one place."""
    from helpers.sample_city import SCALES

    tile = CameraTile(sample.session, SCALES["desk"], CameraOptions(camera="014"))
    qtbot.addWidget(tile)
    sample.session.hands.put("0.3:014", "cam-021", "cam-014")
    assert _number(tile) == "014"
