"""The menu of a plot tile: what its keys do, for those who do not know them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.plot_keys import MENU, PlotAct, key_of

if TYPE_CHECKING:
    from widgets.tiles.plot import PlotTile


def plot_menu(tile: PlotTile) -> QMenu:
    """Fresh at every call; it goes when it is closed."""
    menu = QMenu(tile)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.setFont(text.qt_font(tile.scale.floor))
    on = {PlotAct.LINK: tile.session.plots.linked, PlotAct.SHAPES: tile.shapes}
    for act in MENU:
        action = menu.addAction(f"{tr(f'command.plot.{act}')}\t{key_of(act)}")
        if act in on:
            action.setCheckable(True)
            action.setChecked(on[act])
        action.setEnabled(act is not PlotAct.REMOVE or len(tile.lines.shown) > 1)
        action.triggered.connect(lambda _checked=False, one=act: tile.act(one))
    return menu
