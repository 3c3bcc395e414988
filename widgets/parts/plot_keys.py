"""The keys of a plot that has the keyboard (a click on it, or Tab): one table. docs/plots.md shows the same (tests).

Letters are not used alone: under Telex they are half-typed words. Digits stay with the window (cameras by number).
"""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence


class PlotAct(StrEnum):
    """What can be asked of a plot; the value names its words (`plot_hand.*`)."""

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
    "+": PlotAct.NEARER,
    "=": PlotAct.NEARER,
    "-": PlotAct.FARTHER,
    "Left": PlotAct.EARLIER,
    "Right": PlotAct.LATER,
    "PgUp": PlotAct.PAGE_EARLIER,
    "PgDown": PlotAct.PAGE_LATER,
    "Shift+Left": PlotAct.CURSOR_EARLIER,
    "Shift+Right": PlotAct.CURSOR_LATER,
    "Space": PlotAct.MARK,
    "End": PlotAct.NOW,
    "Ctrl+K": PlotAct.LINK,
    "Ins": PlotAct.ADD,
    "Del": PlotAct.REMOVE,
    "Ctrl+N": PlotAct.SHAPES,
    "Ctrl+E": PlotAct.TABLE,
    "Ctrl+S": PlotAct.PICTURE,
}
"""Key as Qt spells it -> what it does to the plot."""

MENU = (
    PlotAct.NEARER, PlotAct.FARTHER, PlotAct.NOW, PlotAct.LINK, PlotAct.MARK, PlotAct.ADD, PlotAct.REMOVE,
    PlotAct.SHAPES, PlotAct.TABLE, PlotAct.PICTURE,
)  # fmt: skip
"""For those who do not know the keys."""


def act_of(event: QKeyEvent) -> PlotAct | None:
    """What the pressed key asks; None: nothing. A keypad's keys count as the others do."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if event.text() in ("+", "=", "-"):
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
    return PLOT_KEYS.get(pressed.toString(QKeySequence.SequenceFormat.PortableText))


def key_of(act: PlotAct) -> str:
    """As keyboards say it."""
    key = next(key for key, one in PLOT_KEYS.items() if one is act)
    return {"Ins": "Insert", "Del": "Delete"}.get(key, key)
