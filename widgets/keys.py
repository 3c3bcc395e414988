"""Keys and Qt: what a pressed key means, and binding the table's keys to what they do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from widgets.commands import CAMERA_KEYS, COMMANDS, WINDOW_KEYS, Context
from widgets.hands import Ask


def bind(widget: QWidget, command: str, action: Callable[[], object]) -> None:
    """The keys of that command do it while the keyboard is in `widget`; those of the window, anywhere in it. Once a
    press: a key that is held down must not acknowledge one alarm after the other."""
    row = COMMANDS[command]
    for key in row.keys:
        bind_key(widget, key, action, window=row.context is Context.WINDOW)


def bind_key(widget: QWidget, key: str, action: Callable[[], object], *, window: bool) -> None:
    """For keys that come with data (layouts); all others go by the table."""
    # By name in the portable form: read as words of the screen's language, "Enter" would be the other key.
    shortcut = QShortcut(QKeySequence.fromString(key, QKeySequence.SequenceFormat.PortableText), widget)
    wide, narrow = Qt.ShortcutContext.WindowShortcut, Qt.ShortcutContext.WidgetShortcut
    shortcut.setContext(wide if window else narrow)
    shortcut.setAutoRepeat(False)
    shortcut.activated.connect(action)


def act_of(event: QKeyEvent) -> Ask | None:
    """What the pressed key asks of a camera tile; None: nothing. A keypad's keys count as the others do."""
    return CAMERA_KEYS.get(spelt(event))


def is_window_key(event: QKeyEvent) -> bool:
    """The window does something with it, wherever the keyboard is: no line edit keeps it for itself, as some do
    with Ctrl+F and Ctrl+H (a step, a Backspace)."""
    return spelt(event) in WINDOW_KEYS


def spelt(event: QKeyEvent) -> str:
    """The pressed key as the tables name it; of a keypad as of the others."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if event.text() in ("+", "=", "-"):
        modifiers &= ~Qt.KeyboardModifier.ShiftModifier
    pressed = QKeySequence(QKeyCombination(modifiers, Qt.Key(event.key())))
    return pressed.toString(QKeySequence.SequenceFormat.PortableText)
