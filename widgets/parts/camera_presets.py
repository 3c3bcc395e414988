"""The presets of a camera that is turned from this tile, in its menu: to go to, and, for who may, to keep the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QMenu, QWidgetAction

from backends.domain.access import Right
from widgets.i18n import tr
from widgets.parts import text

if TYPE_CHECKING:
    from widgets.tiles.camera import CameraTile

LISTED_MOST = 20
"""Of the presets: what is beyond is reached by its digit or not at all from a menu."""
NAME_MOST = 60


def add_presets(menu: QMenu, tile: CameraTile) -> None:
    """Nothing while the camera is not turned from this tile."""
    status = tile.turn.status
    if status is None or not tile.turn.active:
        return
    menu.addSeparator()
    for n, preset in enumerate(status.presets[:LISTED_MOST], start=1):
        digit = f"\t{n % 10}" if n <= 10 else ""
        action = menu.addAction(f"{preset.name.replace('&', '&&')}{digit}")
        action.triggered.connect(lambda _=False, token=preset.token: tile.turn.go_to(token))
    if not status.presets:
        menu.addAction(tr("turn.no_presets")).setEnabled(False)
    if not tile.session.city.grant.may(Right.KEEP_PRESET):
        menu.addAction(tr("turn.keep_not_allowed")).setEnabled(False)
        return
    line = QLineEdit(menu)
    line.setFont(text.qt_font(tile.scale.read))
    line.setMaxLength(NAME_MOST)
    line.setPlaceholderText(tr("turn.keep_hint"))
    action = QWidgetAction(menu)
    action.setDefaultWidget(line)
    menu.addAction(action)

    def keep() -> None:
        if name := line.text().strip():
            tile.turn.keep(name)
            menu.close()

    line.returnPressed.connect(keep)
