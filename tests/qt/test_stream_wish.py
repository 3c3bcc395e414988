"""The stream that a person chooses on a tile: from its menu, on its picture, for as long as the camera is on it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.camera_wall import CameraWall, camera_wall, middle, street_session
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from backends.domain.camera import StreamKind
from backends.domain.stream_choice import Pick, Use, Via, Why, Wish
from widgets.hands import Ask, CameraHands
from widgets.i18n import tr
from widgets.memory import Memory
from widgets.parts.camera_details import stream_words
from widgets.parts.camera_menu import open_menu
from widgets.tiles.camera import CameraTile

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def wall(qtbot: QtBot, qapp: QApplication) -> Iterator[CameraWall]:
    with camera_wall(street_session(qapp), "overview") as made:
        run(made, 2.0)
        yield made


def run(wall: CameraWall, seconds: float) -> None:
    """Time passes, the desk looks."""
    for _ in range(round(seconds * 10)):
        wall.sample.clock.advance_s(0.1)
        for _ in range(5):
            wall.sample.session.demands.flush()


def stream_menu(tile: CameraTile) -> tuple[QMenu, dict[str, QAction]]:
    menu = open_menu(tile, tile.mapToGlobal(middle(tile)))
    below = next(a.menu() for a in menu.actions() if a.text() == tr("camera_hand.stream"))
    assert isinstance(below, QMenu)
    return menu, {action.text(): action for action in below.actions()}


def choose(tile: CameraTile, wish: Wish) -> None:
    menu, actions = stream_menu(tile)
    actions[tr(f"camera.wish.{wish.value}")].trigger()
    menu.close()


def details(tile: CameraTile) -> dict[str, str]:
    if not tile.details:
        tile.act(Ask.DETAILS)
    tile.on_second()
    return dict(tile._marks().details)


def test_a_stream_is_chosen_and_given_back(wall: CameraWall) -> None:
    tile = wall.free()[0]
    assert not tile.shown_uri.endswith("main")
    assert details(tile)[tr("camera_details.chosen")] == "theo kích thước ô"
    choose(tile, Wish.MAIN)
    menu, actions = stream_menu(tile)
    assert [text for text, action in actions.items() if action.isChecked()] == ["Luồng chính"]
    menu.close()
    run(wall, 8.0)
    assert tile.shown_uri.endswith("main")
    said = details(tile)
    assert said[tr("camera_details.stream")] == "luồng chính"
    assert said[tr("camera_details.chosen")] == "do người dùng chọn"
    choose(tile, Wish.AUTO)
    run(wall, 8.0)
    assert not tile.shown_uri.endswith("main")


def test_it_ends_with_the_camera_and_does_not_come_back_with_it(wall: CameraWall) -> None:
    tile, hands = wall.free()[0], wall.sample.session.hands
    assert tile.camera is not None
    own = tile.camera.id
    choose(tile, Wish.MAIN)
    hands.put(tile.place, "cam-102", own)
    assert tile.wish is Wish.AUTO
    hands.put(tile.place, own, "cam-102")
    assert tile.camera.id == own
    assert tile.wish is Wish.AUTO


def test_a_wished_stream_that_gives_no_picture_is_left_and_the_tile_says_why(wall: CameraWall) -> None:
    tile = wall.free()[0]
    assert tile.camera is not None
    main = tile.camera.stream(StreamKind.MAIN).uri
    wall.sample.pictures.withheld.add(main)
    choose(tile, Wish.MAIN)
    run(wall, 1.0)
    assert details(tile)[tr("camera_details.chosen")] == "đang đổi luồng", "what is shown is not what was chosen"
    run(wall, 14.0)
    assert tile.shown_uri != main
    said = details(tile)
    assert (said[tr("camera_details.stream")], said[tr("camera_details.chosen")]) == (
        "luồng phụ", "luồng kia không có hình",
    )  # fmt: skip
    assert tile.wish is Wish.MAIN, "it is tried again"


def test_a_camera_with_one_stream_says_so(wall: CameraWall) -> None:
    tile = wall.free()[0]
    assert tile.camera is not None
    wall.sample.put("cameras", msgspec.structs.replace(tile.camera, streams=tile.camera.streams[:1]))
    menu, actions = stream_menu(tile)
    assert {text: action.isEnabled() for text, action in actions.items()} == {"camera chỉ có một luồng": False}
    menu.close()


def test_a_choice_survives_a_restart_of_the_screen_and_goes_with_the_layout() -> None:
    memory = Memory()
    hands = CameraHands(memory)
    hands.begin("overview")
    hands.set_wish("0.3:014", "cam-014", Wish.SUB)
    hands.set_wish("", "cam-014", Wish.MAIN)
    again = CameraHands(Memory(memory.all()))
    again.begin("overview")
    assert again.wish("0.3:014", "cam-014") is Wish.SUB
    assert again.wish("0.3:014", "cam-021") is Wish.AUTO
    again.end_wish("0.3:014", "cam-014")
    assert again.wish("0.3:014", "cam-014") is Wish.SUB
    again.end_wish("0.3:014", "cam-021")
    assert again.wish("0.3:014", "cam-014") is Wish.AUTO
    hands.begin("traffic")
    assert hands.wish("0.3:014", "cam-014") is Wish.AUTO
    assert memory.all() == {}
    damaged = CameraHands(Memory({"camera.by_hand": '{"layout": "overview", "wishes": {"0.3": ["cam", "huge"]}}'}))
    damaged.begin("overview")
    assert damaged.wish("0.3", "cam") is Wish.AUTO


def test_a_tile_whose_neighbour_chose_says_that(qapp: QApplication) -> None:
    assert street_session(qapp)
    shown = Use(Pick(StreamKind.MAIN, "x", Via.DIRECT), Why.WISH)
    assert stream_words(shown, Wish.SUB, Wish.MAIN) == "do người dùng chọn ở ô khác"
    assert stream_words(shown, Wish.MAIN, Wish.MAIN) == "do người dùng chọn"
    assert stream_words(shown, Wish.SUB, Wish.SUB) == "đang đổi luồng"
    assert stream_words(None, Wish.SUB, Wish.SUB) == ""
