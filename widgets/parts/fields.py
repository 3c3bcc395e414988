"""The few line edits and buttons, dressed after the theme: flat, one family, a keyline where the keyboard is.

Text typed in them never composes to something else than the person sees, and keys of the window stay the window's.
Must not: keep a secret.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from widgets.keys import is_window_key
from widgets.parts import text
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight


class Field(QLineEdit):
    """One line. `secret`: hidden, plain keys only (no input method sees it), never copied or completed."""

    wordsChanged = Signal(str)
    """What the person sees in it has changed, what the input method still composes included: with most Vietnamese
    ones that is the whole word until a space. For whatever searches while somebody types."""

    def __init__(self, scale: TypeScale, parent: QWidget, *, secret: bool = False, limit: int = 200) -> None:
        super().__init__(parent)
        self.scale = scale
        self.setFont(text.qt_font(scale.read))
        self.setFrame(False)
        self.setMaxLength(limit)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.hide_words(secret)
        hints = Qt.InputMethodHint.ImhNoPredictiveText | Qt.InputMethodHint.ImhNoAutoUppercase
        self.setInputMethodHints(self.inputMethodHints() | hints)
        self._composed = ""
        self.textChanged.connect(lambda _text: self.wordsChanged.emit(self.words()))

    def hide_words(self, secret: bool) -> None:
        """As `secret` says, from now on."""
        self.setEchoMode(QLineEdit.EchoMode.Password if secret else QLineEdit.EchoMode.Normal)
        # Qt 6 leaves the input method on for hidden text; without it Telex leaves "ee" alone.
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, not secret)

    def words(self) -> str:
        """The text as it is seen, half-typed words of the input method in their place."""
        at = self.cursorPosition()
        return self.text()[:at] + self._composed + self.text()[at:]

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        before, self._composed = self._composed, event.preeditString()
        super().inputMethodEvent(event)
        if before != self._composed:
            self.wordsChanged.emit(self.words())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and is_window_key(event):
            event.ignore()
            return False
        return super().event(event)

    def dress(self, theme: Theme) -> None:
        pad = self.scale.pad
        self.setStyleSheet(
            f"QLineEdit {{ background: {theme.ground.name()}; color: {theme.strong.name()};"
            f" border: 1px solid {theme.muted.name()}; padding: 0 {pad}px;"
            f" selection-background-color: {theme.muted.name()}; selection-color: {theme.strong.name()}; }}"
            f"QLineEdit:focus {{ border: 2px solid {theme.strong.name()}; padding: 0 {pad - 1}px; }}"
            f"QLineEdit:disabled {{ color: {theme.muted.name()}; }}"
        )


class Button(QPushButton):
    """A flat button; `main` is the one that Enter presses."""

    def __init__(self, scale: TypeScale, parent: QWidget, *, main: bool = False) -> None:
        super().__init__(parent)
        self.scale, self._main = scale, main
        self.setFont(text.qt_font(scale.floor, Weight.SEMIBOLD))
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def dress(self, theme: Theme) -> None:
        ground, ink = (theme.inverse, theme.inverse_text) if self._main else (theme.raised, theme.text)
        # On a raised panel the second button has its ground's colour: only the line says that it is one.
        edge, focus = (theme.inverse, theme.muted) if self._main else (theme.muted, theme.strong)
        self.setStyleSheet(
            f"QPushButton {{ background: {ground.name()}; color: {ink.name()}; border: 1px solid {edge.name()};"
            f" padding: 0 {self.scale.pad}px; }}"
            f"QPushButton:focus {{ border: 2px solid {focus.name()}; }}"
            f"QPushButton:disabled {{ background: {theme.line.name()}; color: {theme.muted.name()}; }}"
        )
