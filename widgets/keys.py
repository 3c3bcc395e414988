"""The keys of camera tiles: one table. Those of the whole window are in `windows.wall`, those of a list in its tile.

README.md shows the same keys to people (tests compare). Letters are not used alone: under Telex they are half-typed
words.
"""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from widgets.hands import Ask

CAMERA_KEYS: dict[str, Ask] = {
    "Return": Ask.MAXIMISE,
    "Enter": Ask.MAXIMISE,
    "Esc": Ask.OUT,
    "+": Ask.NEARER,
    "=": Ask.NEARER,
    "-": Ask.FARTHER,
    "Home": Ask.WHOLE,
    "Left": Ask.LEFT,
    "Right": Ask.RIGHT,
    "Up": Ask.UP,
    "Down": Ask.DOWN,
    "Backspace": Ask.EARLIER,
    "Del": Ask.RELEASE,
    "Ctrl+I": Ask.DETAILS,
    "Ctrl+S": Ask.STILL,
    "Ctrl+Left": Ask.BACK_10,
    "Shift+Left": Ask.BACK_30,
    "Ctrl+Shift+Left": Ask.BACK_60,
    "Ctrl+Right": Ask.FORWARD_10,
    "Ctrl+Shift+Right": Ask.FORWARD_60,
    "Ctrl+G": Ask.LOOK_BACK,
    "Ctrl+B": Ask.BEFORE_ALARM,
    "PgUp": Ask.MINUTE_BACK,
    "PgDown": Ask.MINUTE_ON,
    "Space": Ask.PAUSE,
    "Ctrl+Down": Ask.SLOWER,
    "Ctrl+Up": Ask.FASTER,
    "End": Ask.LIVE,
    "Ctrl+P": Ask.TURN,
    "Ctrl+Shift+P": Ask.PATROL,
}
"""Key as Qt spells it -> what it does to the chosen tile."""


def act_of(event: QKeyEvent) -> Ask | None:
    """What the pressed key asks of a camera tile; None: nothing. A keypad's keys count as the others do."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if event.text() in ("+", "=", "-"):
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
    return CAMERA_KEYS.get(pressed.toString(QKeySequence.SequenceFormat.PortableText))
