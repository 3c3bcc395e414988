"""Enter, pressed once, does one thing: a second press that comes with it answers nothing.

A double press, or a key that bounces or is repeated by a remote screen, would answer a question that the first press
has just opened and nobody has read. One of these a session: what the first press opened is often not what it was
pressed in (search line -> page -> question). GUI thread only.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from backends.domain.times import MonotonicClock

LOOK_S = 0.5
"""What has just opened or changed is looked at so long before an Enter means it."""
KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Enters:
    """When it was pressed last, with no other key since."""

    def __init__(self, mono: MonotonicClock) -> None:
        self._mono = mono
        self._pressed_s = float("-inf")

    def press(self) -> bool:
        """It is pressed. False: it belongs to the press before; five at once are one."""
        before, self._pressed_s = self._pressed_s, self._mono.monotonic_s()
        return self._pressed_s - before >= LOOK_S

    def other(self, _text: str = "") -> None:
        """A hand did something else: what comes next is meant."""
        self._pressed_s = float("-inf")

    def heed(self, event: QKeyEvent) -> bool:
        """Of any key press in a line that asks. True: it is an Enter that is meant."""
        if event.key() not in KEYS:
            self.other()
            return False
        return not event.isAutoRepeat() and self.press()
