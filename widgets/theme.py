"""Colours as tokens (look.md), dark and light, and the palette of the few standard widgets.

Nothing else in the program names a colour. One accent never means two things: the four priority hues
belong to alarms alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import Priority


class ThemeName(StrEnum):
    """The two themes."""

    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True)
class Theme:
    """One theme's tokens."""

    name: ThemeName
    ground: QColor
    tile: QColor
    raised: QColor
    line: QColor
    text: QColor
    strong: QColor
    muted: QColor
    urgent_row: QColor
    keyline: QColor
    """Outline of unacknowledged symbols: white on dark, dark on light."""
    ink: QColor
    """Marks inside a filled symbol, text on an alarm flag."""
    inverse: QColor
    """Ground of an inverse grey chip (overdue, slow): lateness is never a hue."""
    inverse_text: QColor
    water: QColor
    replay: QColor
    scrim: QColor
    """Band under captions on a picture."""
    on_picture: QColor
    """Text on that band, the same in both themes: pictures do not change with the theme."""
    on_picture_muted: QColor
    urgent: QColor
    high: QColor
    medium: QColor
    low: QColor

    def hue(self, priority: Priority) -> QColor:
        """The priority's own colour."""
        return {
            Priority.URGENT: self.urgent,
            Priority.HIGH: self.high,
            Priority.MEDIUM: self.medium,
            Priority.LOW: self.low,
        }[priority]


def _c(value: str, alpha: int = 255) -> QColor:
    color = QColor(value)
    color.setAlpha(alpha)
    return color


DARK = Theme(
    name=ThemeName.DARK,
    ground=_c("#121417"),
    tile=_c("#1b1d20"),
    raised=_c("#24272c"),
    line=_c("#2a2e33"),
    text=_c("#d7dce3"),
    strong=_c("#ffffff"),
    muted=_c("#8a919c"),
    urgent_row=_c("#3a1d25"),
    keyline=_c("#ffffff"),
    ink=_c("#121417"),
    inverse=_c("#d7dce3"),
    inverse_text=_c("#121417"),
    water=_c("#2d4a66"),
    replay=_c("#4dd6c1"),
    scrim=_c("#121417", 208),
    on_picture=_c("#ffffff"),
    on_picture_muted=_c("#b4bac4"),
    urgent=_c("#ff4d5e"),
    high=_c("#ff9f1c"),
    medium=_c("#ffd84d"),
    low=_c("#6cc4ff"),
)

LIGHT = Theme(
    name=ThemeName.LIGHT,
    ground=_c("#e4e7ea"),
    tile=_c("#f5f6f7"),
    raised=_c("#ffffff"),
    line=_c("#d3d8dd"),
    text=_c("#22262b"),
    strong=_c("#000000"),
    muted=_c("#5d6570"),
    urgent_row=_c("#f9dfe2"),
    keyline=_c("#22262b"),
    ink=_c("#ffffff"),
    inverse=_c("#22262b"),
    inverse_text=_c("#ffffff"),
    water=_c("#b9d0e4"),
    replay=_c("#00695c"),
    scrim=_c("#121417", 208),
    on_picture=_c("#ffffff"),
    on_picture_muted=_c("#b4bac4"),
    urgent=_c("#c8102e"),
    high=_c("#9a4a00"),
    medium=_c("#7a5f00"),
    low=_c("#0b63a5"),
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def apply_palette(app: QApplication, theme: Theme) -> None:
    """Fusion with our own palette: the only theming that also works offscreen (anchors, fact 8)."""
    app.setStyle("Fusion")
    palette = QPalette()
    role = QPalette.ColorRole
    for which, color in (
        (role.Window, theme.ground),
        (role.WindowText, theme.text),
        (role.Base, theme.tile),
        (role.AlternateBase, theme.raised),
        (role.Text, theme.text),
        (role.Button, theme.raised),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.strong),
        (role.ToolTipBase, theme.raised),
        (role.ToolTipText, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Highlight, theme.muted),
        (role.HighlightedText, theme.strong),
        (role.Mid, theme.line),
    ):
        palette.setColor(which, color)
    app.setPalette(palette)
