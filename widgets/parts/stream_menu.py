"""The part of a camera tile's menu in which a person chooses the stream: Auto, main or sub.

Must not: choose; it tells the hands (`CameraHands.set_wish`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu

from backends.domain.camera import Camera
from backends.domain.stream_choice import Wish
from widgets.i18n import tr

if TYPE_CHECKING:
    from widgets.tiles.camera import CameraTile


def has_choice(camera: Camera) -> bool:
    """One of its routes has a main stream and a sub-stream."""
    return any(len({stream.kind for stream in route}) > 1 for route in (camera.restream, camera.streams))


def add_streams(menu: QMenu, tile: CameraTile) -> None:
    """A menu of its own below `menu`; of a camera with one stream it says that."""
    camera = tile.camera
    if camera is None:
        return
    hands, place, camera_id, chosen = tile.session.hands, tile.place, camera.id, tile.wish
    streams = menu.addMenu(tr("camera_hand.stream"))
    streams.setFont(menu.font())
    streams.setPalette(menu.palette())
    if not has_choice(camera):
        streams.addAction(tr("camera.why.only")).setEnabled(False)
        return
    group = QActionGroup(streams)
    for wish in Wish:
        action = streams.addAction(tr(f"camera.wish.{wish.value}"))
        action.setCheckable(True)
        action.setChecked(wish is chosen)
        group.addAction(action)
        action.triggered.connect(lambda _=False, wish=wish: hands.set_wish(place, camera_id, wish))
