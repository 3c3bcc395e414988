"""Typing as an input method does it."""

from __future__ import annotations

from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication, QLineEdit


def type_in(field: QLineEdit, words: str) -> None:
    """As an input method gives it; keyClicks with Vietnamese letters abort Qt."""
    event = QInputMethodEvent()
    event.setCommitString(words)
    QApplication.sendEvent(field, event)
