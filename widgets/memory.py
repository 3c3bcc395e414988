"""What the screen wants to find again after it was restarted: a selected row, a called-up camera, unsent text.

Short values by name. Kept in the supervisor's memory only, never on disk: it may hold what a person has
typed. Never a password: fields that hide their text are refused. GUI thread only.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLineEdit

SELECTED = "alarm.selected"
"""Name of the alarm that is chosen in the list: also other parts ask for it."""
TEXT_LIMIT = 8000
"""Characters of one value; longer ones are cut."""


class Memory(QObject):
    """One a session. What was there before the crash is given to the constructor."""

    changed = Signal()

    def __init__(self, kept: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._values = dict(kept or {})

    def get(self, name: str) -> str:
        """Empty: nothing."""
        return self._values.get(name, "")

    def set(self, name: str, value: str) -> None:
        """Empty: forget."""
        value = value[:TEXT_LIMIT]
        if self.get(name) == value:
            return
        if value:
            self._values[name] = value
        else:
            del self._values[name]
        self.changed.emit()

    def all(self) -> dict[str, str]:
        return dict(self._values)

    def bind(self, field: QLineEdit, name: str) -> None:
        """A field's unsent text comes back; its owner empties the field when the text is sent. Raises ValueError
        for a field that hides its text."""
        if field.echoMode() is not QLineEdit.EchoMode.Normal:
            raise ValueError(f"{name}: a password is never kept")
        if self.get(name):
            field.setText(self.get(name))
        field.textChanged.connect(lambda text: self.set(name, text))
