"""A list of the city's sensors, searched as typed and without accents, from which one is added to a plot.

Over the plot that asked, for as long as it has the keyboard. Must not: know what becomes of the choice.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from backends.domain.sensor import Sensor
from backends.domain.text import fold
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.fields import Field
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale, Weight

_ROWS = 8


def matching(sensors: list[Sensor], typed: str) -> list[Sensor]:
    """Those in whose name, station, quantity or id every typed word begins one, in order of name."""
    wanted = split(typed)
    found = [s for s in sensors if matches(wanted, _said(s))]
    return sorted(found, key=lambda s: (fold(local(s.name)), fold(local(s.station)), s.id))


def _said(sensor: Sensor) -> frozenset[str]:
    return tokens(" ".join((sensor.name.vi, sensor.name.en, sensor.station.vi, sensor.parameter, sensor.id)))


class SensorPicker(QWidget):
    """See the module. GUI thread only."""

    def __init__(
        self, session: Session, scale: TypeScale, over: QWidget, choose: Callable[[Sensor], None]
    ) -> None:  # fmt: skip
        super().__init__(over.window())
        self.session, self.scale, self._over, self._choose = session, scale, over, choose
        self._at = 0
        self._ended = False
        over.destroyed.connect(self.deleteLater)  # another layout
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.field = Field(scale, self, limit=60)
        self.field.setPlaceholderText(tr("plot_hand.search"))
        self.field.setAccessibleName(tr("plot_hand.search"))
        self.field.dress(session.look.theme)
        self.field.wordsChanged.connect(lambda _words: self._typed())
        self.field.installEventFilter(self)

    def begin(self) -> None:
        """Show it over the plot, with the keyboard in its field."""
        line = self.scale.line(self.scale.read)
        window = self.window()
        width = min(window.width(), max(self._over.width(), self.scale.floor * 26))
        height = min(window.height(), line * (_ROWS + 2) + 2 * self.scale.pad)
        at = self._over.mapTo(window, self._over.rect().topLeft())
        x = min(max(0, at.x()), window.width() - width)
        y = min(max(0, at.y()), window.height() - height)
        self.setGeometry(x, y, width, height)
        pad = self.scale.pad
        self.field.setGeometry(pad, pad, width - 2 * pad, line + pad // 2)
        self.show()
        self.raise_()
        self.field.setFocus()

    def found(self) -> list[Sensor]:
        """What the typed words leave."""
        return matching(list(self.session.city.records("sensors").values()), self.field.words())

    def end(self, *, back: bool = False) -> None:
        """`back`: the keyboard goes back to the plot. Not where somebody has taken it elsewhere, to an alarm say."""
        if self._ended:
            return
        self._ended = True
        if back and isValid(self._over):
            self._over.setFocus()
        else:
            self.field.clearFocus()  # before it hides: Qt would give the keyboard to whatever comes next
        self.hide()
        self.deleteLater()

    def _typed(self) -> None:
        self._at = 0
        self.update()

    def _take(self, n: int) -> None:
        found = self.found()
        if 0 <= n < len(found) and isValid(self._over):
            self._choose(found[n])
            self.end(back=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut:
            self.end()
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        match event.key():
            case Qt.Key.Key_Escape:
                self.end(back=True)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                if not event.isAutoRepeat():  # a key that is held chose something else
                    self._take(self._at)
            case Qt.Key.Key_Down:
                self._at = min(self._at + 1, max(0, len(self.found()) - 1))
            case Qt.Key.Key_Up:
                self._at = max(0, self._at - 1)
            case _:
                return False
        self.update()
        return True

    def _rows_top(self) -> float:
        return self.field.geometry().bottom() + self.scale.pad / 2

    def mousePressEvent(self, event: QMouseEvent) -> None:
        line = self.scale.line(self.scale.read)
        first = max(0, self._at - _ROWS + 1)
        self._take(first + int((event.position().y() - self._rows_top()) // line))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale = self.session.look.theme, self.scale
            painter.fillRect(self.rect(), theme.raised)
            found, line = self.found(), scale.line(scale.read)
            inner = QRectF(self.rect()).adjusted(scale.pad, 0, -scale.pad, 0)
            if not found:
                room = QRectF(inner.left(), self._rows_top(), inner.width(), line)
                text.draw(painter, room, tr("plot_hand.nothing_found"), scale.read, theme.muted)
            first = max(0, self._at - _ROWS + 1)
            for n, sensor in enumerate(found[first : first + _ROWS]):
                row = QRectF(0, self._rows_top() + n * line, self.width(), line)
                chosen = first + n == self._at
                if chosen:
                    painter.fillRect(row, theme.inverse)
                room = QRectF(inner.left(), row.top(), inner.width(), line)
                name = local(sensor.name)
                color = theme.inverse_text if chosen else theme.text
                weight = Weight.SEMIBOLD if chosen else Weight.REGULAR
                done = text.draw(painter, room, name, scale.read, color, weight)
                where = f"{local(sensor.station)} · {sensor.unit}".strip(" ·")
                rest = room.adjusted(done.width() + scale.pad, 0, 0, 0)
                if rest.width() > scale.floor * 3:
                    text.draw(painter, rest, where, scale.floor, theme.inverse_text if chosen else theme.muted)
        finally:
            painter.end()
