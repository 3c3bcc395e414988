"""The menu of a camera tile: what a person may ask of it, for those who do not know the keys.

Must not: do any of it; it asks (`CameraHands.ask`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QMenu

from widgets.commands import CAMERA_KEYS
from widgets.hands import Ask
from widgets.i18n import local, tr
from widgets.parts import camera_zoom as zoom
from widgets.parts import text
from widgets.parts.camera_presets import add_presets
from widgets.parts.stream_menu import add_streams

if TYPE_CHECKING:
    from widgets.tiles.camera import CameraTile

_ON_KEYS = {"Return": "Enter", "Del": "Delete"}
"""As keyboards say it, where Qt says it otherwise."""


@dataclass(frozen=True)
class Entry:
    """One row of the menu."""

    words: str
    """Its key in the catalogues."""
    act: Ask
    enabled: bool = True
    checked: bool | None = None
    """None: nothing that can be on or off."""


def entries(tile: CameraTile) -> tuple[Entry, ...]:
    """What can be asked of this tile now."""
    picture, hands, old = bool(tile.shown_uri), tile.session.hands, tile.replay
    return (
        Entry("camera_hand.restore" if tile.maximised else "camera_hand.maximise", Ask.MAXIMISE),
        Entry("camera_hand.whole", Ask.WHOLE, tile.picture.seen != zoom.WHOLE),
        Entry("replay.back_10", Ask.BACK_10, picture),
        Entry("replay.back_30", Ask.BACK_30, picture),
        Entry("replay.back_60", Ask.BACK_60, picture),
        Entry("replay.look_back", Ask.LOOK_BACK, picture),
        Entry("replay.before_alarm", Ask.BEFORE_ALARM, picture and tile.alarmed),
        Entry("replay.pause", Ask.PAUSE, old is not None, checked=old is not None and old.paused),
        Entry("replay.to_live", Ask.LIVE, old is not None),
        Entry("turn.act", Ask.TURN, tile.camera is not None and tile.camera.turns, checked=tile.turn.active),
        Entry("turn.act_patrol", Ask.PATROL, bool(tile.turn.patrol_stops())),
        Entry("camera_hand.details", Ask.DETAILS, checked=tile.details),
        Entry("camera_hand.still", Ask.STILL, picture),
        Entry("camera_hand.earlier", Ask.EARLIER, bool(hands.earlier(tile.place))),
        Entry("camera_hand.release", Ask.RELEASE, tile.by_hand),
    )


def open_menu(tile: CameraTile, at: QPoint) -> QMenu:
    """Show it at a point (global). It goes when something is chosen, or by Esc; the wall goes on meanwhile."""
    hands, place = tile.session.hands, tile.place
    menu = QMenu(tile)
    menu.setFont(text.qt_font(tile.scale.read))
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    palette = menu.palette()
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, tile.theme.muted)
    menu.setPalette(palette)
    for entry in entries(tile):
        key = next(key for key, act in CAMERA_KEYS.items() if act is entry.act)
        action = menu.addAction(f"{tr(entry.words)}\t{_ON_KEYS.get(key, key)}")
        action.setEnabled(entry.enabled)
        if entry.checked is not None:
            action.setCheckable(True)
            action.setChecked(entry.checked)
        action.triggered.connect(lambda _=False, act=entry.act: hands.ask(place, act))
    add_streams(menu, tile)
    add_presets(menu, tile)
    _add_earlier(menu, tile)
    menu.popup(at)
    return menu


def _add_earlier(menu: QMenu, tile: CameraTile) -> None:
    """The last cameras of the tile, to be chosen from."""
    hands, place, city = tile.session.hands, tile.place, tile.session.city
    cameras = [camera for one in hands.earlier(place) if (camera := city.camera(one)) is not None]
    if cameras:
        menu.addSeparator()
    shown = tile.camera.id if tile.camera is not None else ""
    for camera in cameras:
        name = local(camera.name).replace("&", "&&")
        action = menu.addAction(f"{camera.number}  {name}")
        action.triggered.connect(lambda _=False, camera_id=camera.id: hands.put(place, camera_id, shown))
