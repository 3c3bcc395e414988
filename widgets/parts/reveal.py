"""Who sent a citizen report: asked with a reason, told by the hub alone, shown for a minute.

A cycle: 1. `open_for` a report, the keyboard in the field of the reason; 2. Enter asks the AccessDesk; 3. the
answer is shown with the seconds that are left; 4. it is wiped after SHOWN_S, on Esc, and at once when the
screen is locked or another person sits here. Must not: keep, log or copy what it shows.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backends.domain.access import Revealed, Right
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.fields import Field
from widgets.parts.shapes import chip_width, draw_chip
from widgets.session import Session
from widgets.typography import TypeScale, Weight

SHOWN_S = 60.0
REASON_LIMIT = 200
_FIELDS = ("name", "phone", "email", "address", "id_number")
_ANSWERS = frozenset(
    {
        "not_allowed", "nobody_signed_in", "locked", "bad_reason", "unknown", "not_kept", "offline", "no_answer",
        "no_feeder",
    }
)  # fmt: skip


class RevealPanel(QWidget):
    """At the lower edge of its tile, which calls `place` and `on_second`."""

    def __init__(self, session: Session, scale: TypeScale, tile: QWidget) -> None:
        super().__init__(tile)
        self.session, self.scale, self._tile = session, scale, tile
        self.report_id = ""
        self._asked = 0
        self._refused = ""
        self._values: tuple[tuple[str, str], ...] = ()
        self._until_s = 0.0
        self._person = ""
        self.reason = Field(scale, self, limit=REASON_LIMIT)
        self.reason.returnPressed.connect(self._ask)
        self.reason.textChanged.connect(self._remember)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()
        session.city.accessAnswered.connect(self._on_answer)
        session.city.grantChanged.connect(self._on_grant)
        self.on_look()

    @property
    def values(self) -> tuple[tuple[str, str], ...]:
        """What is shown now: (label, text)."""
        return self._values

    def open_for(self, report_id: str) -> None:
        self.wipe()
        self.report_id = report_id
        self._person = self.session.city.grant.operator_id
        self.reason.setText(self.session.memory.get(self._note))  # typed before a crash
        self.place()
        self.show()
        self.raise_()
        self.reason.setFocus()

    @property
    def _note(self) -> str:
        """What the memory calls the unsent reason: of this person, for this report."""
        return f"reveal.reason:{self._person}:{self.report_id}"

    def _remember(self, reason: str) -> None:
        self.session.memory.set(self._note, reason)

    def wipe(self) -> None:
        """Nothing of it is left: not the answer, not the question that may still be answered."""
        had = self.reason.hasFocus() or self.hasFocus()
        self._asked, self._refused, self._values, self._until_s = 0, "", (), 0.0
        self.reason.clear()
        self.reason.setEnabled(True)
        self.hide()
        if had:
            self._tile.setFocus()

    def on_second(self) -> None:
        """Ends what has been shown long enough."""
        if self._until_s:
            if self.session.mono.monotonic_s() >= self._until_s:
                self.wipe()
            self.update()

    def on_look(self) -> None:
        self.reason.dress(self.session.look.theme)
        self.reason.setAccessibleName(tr("reveal.reason"))
        self.update()

    def _on_grant(self) -> None:
        grant = self.session.city.grant
        city = self.session.city
        if city.briefing or grant.refusal(Right.REVEAL_REPORTER) or grant.operator_id != self._person:
            self.wipe()

    def _ask(self) -> None:
        reason = self.reason.text().strip()
        if not reason:
            self._refused = tr("reveal.answer.bad_reason")
        else:
            self._refused = ""
            self._asked = self.session.access.reveal("reporter", self.report_id, reason)
            self.session.memory.set(self._note, "")
            self.reason.setEnabled(False)
            self.setFocus()
        self.update()

    def _on_answer(self, answer: object) -> None:
        if not isinstance(answer, Revealed) or answer.request != self._asked or not self._asked:
            return
        self._asked = 0
        code = answer.code or ("" if answer.values else "unknown")  # an anonymous report has nothing to show
        if code:
            self._refused = tr(f"reveal.answer.{code if code in _ANSWERS else 'other'}", code=code[:40])
            self.reason.setEnabled(True)
            self.reason.setFocus()
        else:
            self._values = tuple((_label(key), words) for key, words in answer.values.items())
            self._until_s = self.session.mono.monotonic_s() + SHOWN_S
            self.reason.hide()
        self.place()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.wipe()

    # -- place and paint -------------------------------------------------------------------------------

    def place(self) -> None:
        """As high as what it has to say, over the last rows of the tile."""
        scale, tile = self.scale, self._tile
        low, pad = scale.line(scale.floor), scale.pad
        rows = max(1, len(self._values)) * scale.line(scale.read) if self._values else scale.line(scale.read) + pad
        height = min(tile.height(), scale.line(scale.read) + low + rows + low + 2 * pad + pad // 2)
        self.setGeometry(0, tile.height() - height, tile.width(), height)
        top = pad + scale.line(scale.read) + low
        self.reason.setGeometry(pad, top, self.width() - 2 * pad, scale.line(scale.read) + pad)
        self.reason.setVisible(not self._values)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale = self.session.look.theme, self.scale
            rect = QRectF(self.rect())
            painter.fillRect(rect, theme.raised)
            painter.fillRect(QRectF(0, 0, rect.width(), 1), theme.muted)
            pad, line, low = scale.pad, scale.line(scale.read), scale.line(scale.floor)
            inner = QRectF(pad, pad, rect.width() - 2 * pad, line)
            title = tr("reveal.title", id=self.report_id)
            text.draw(painter, inner, title, scale.read, theme.strong, Weight.SEMIBOLD)
            below = QRectF(inner.left(), inner.bottom(), inner.width(), low)
            if self._values:
                self._paint_values(painter, below, line)
            else:
                text.draw(painter, below, tr("reveal.reason"), scale.floor, theme.text)
            foot = QRectF(inner.left(), rect.bottom() - low - pad / 2, inner.width(), low)
            self._paint_foot(painter, foot)
        finally:
            painter.end()

    def _paint_values(self, painter: QPainter, top: QRectF, line: int) -> None:
        theme, scale = self.session.look.theme, self.scale
        column = max(text.width(label, scale.floor) for label, _ in self._values) + scale.pad * 1.5
        y = top.top()
        for label, words in self._values:
            text.draw(painter, QRectF(top.left(), y, column, line), label, scale.floor, theme.muted)
            room = QRectF(top.left() + column, y, top.width() - column, line)
            text.draw(painter, room, words, scale.read, theme.strong)
            y += line

    def _paint_foot(self, painter: QPainter, room: QRectF) -> None:
        theme, px = self.session.look.theme, self.scale.floor
        if self._refused:
            room.setWidth(min(chip_width(self._refused, px), room.width()))
            draw_chip(painter, room, self._refused, px, theme.inverse, theme.inverse_text)
            return
        words = tr("reveal.asking") if self._asked else tr("reveal.keys")
        if self._values:
            left_s = max(0, round(self._until_s - self.session.mono.monotonic_s()))
            words = tr("reveal.left", n=left_s)
        text.draw(painter, room, words, px, theme.muted)


def _label(key: str) -> str:
    return tr(f"reveal.field.{key}") if key in _FIELDS else key[:40]
