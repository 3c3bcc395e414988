"""What can be asked of a plot that has the keyboard (a click on it, or Tab), by the keys of `widgets.commands`.

Digits stay with the window (cameras by number).
"""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtGui import QKeyEvent

from widgets.commands import COMMANDS, Context, told_keys
from widgets.keys import spelt


class PlotAct(StrEnum):
    """What can be asked of a plot; the value names its words (`command.plot.*`)."""

    NEARER = "nearer"
    """A shorter time, down to ten minutes."""
    FARTHER = "farther"
    """A longer time, up to thirty days."""
    EARLIER = "earlier"
    LATER = "later"
    PAGE_EARLIER = "page_earlier"
    PAGE_LATER = "page_later"
    CURSOR_EARLIER = "cursor_earlier"
    CURSOR_LATER = "cursor_later"
    MARK = "mark"
    """Keep the cursor's moment: differences are told against it."""
    NOW = "now"
    """Back to the layout's hours, up to now."""
    LINK = "link"
    """Whether this station's plots share the time."""
    ADD = "add"
    """Compare with another sensor."""
    REMOVE = "remove"
    """Take away the one that was added last."""
    SHAPES = "shapes"
    """Compare shapes: each line over its own range."""
    TABLE = "table"
    """Save what is shown as CSV."""
    PICTURE = "picture"
    """Save what is shown as PNG."""


PLOT_KEYS: dict[str, PlotAct] = {
    key: PlotAct(command.id.partition(".")[2])
    for command in COMMANDS.values()
    if command.context is Context.PLOT
    for key in command.keys
}
"""Key as Qt spells it -> what it does to the plot."""

MENU = (
    PlotAct.NEARER, PlotAct.FARTHER, PlotAct.NOW, PlotAct.LINK, PlotAct.MARK, PlotAct.ADD, PlotAct.REMOVE,
    PlotAct.SHAPES, PlotAct.TABLE, PlotAct.PICTURE,
)  # fmt: skip
"""For those who do not know the keys."""


def act_of(event: QKeyEvent) -> PlotAct | None:
    """What the pressed key asks; None: nothing. A keypad's keys count as the others do."""
    return PLOT_KEYS.get(spelt(event))


def key_of(act: PlotAct) -> str:
    """As keyboards say it."""
    return told_keys(COMMANDS[f"{Context.PLOT}.{act}"])
