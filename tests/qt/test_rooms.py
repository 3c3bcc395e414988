"""Where pages are laid: beside the alarm lists, and not over half of a tile."""

from __future__ import annotations

import pytest
from helpers.search_room import CTRL, SHIFT, Key, Room
from PySide6.QtCore import QRect

from widgets.windows.rooms import clear_of_halves

ROOM = QRect(400, 50, 1500, 950)


@pytest.mark.parametrize(
    ("tile", "left"),
    [
        (QRect(0, 900, 1900, 100), QRect(400, 50, 1500, 846)),  # a strip below that begins under the lists
        (QRect(0, 0, 1900, 150), QRect(400, 154, 1500, 846)),  # one above
        (QRect(300, 50, 200, 950), QRect(504, 50, 1396, 950)),  # a column at the edge
        (QRect(500, 900, 300, 100), ROOM),  # wholly below the page: it is covered, not cut
        (QRect(0, 400, 1900, 600), ROOM),  # what it would cost is more than a cut tile
        (QRect(0, 50, 300, 950), ROOM),  # beside it
    ],
)
def test_no_tile_is_cut_where_that_costs_little(tile: QRect, left: QRect) -> None:
    assert clear_of_halves(ROOM, [tile], 4) == left


def test_a_page_on_the_overview_cuts_no_tile(room: Room) -> None:
    room.key(Key.Key_G, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert page is not None
    for tile in room.window.tiles.values():
        meets, within = page.geometry().intersects(tile.geometry()), page.geometry().contains(tile.geometry())
        assert within or not meets, (type(tile).__name__, tile.geometry(), page.geometry())
