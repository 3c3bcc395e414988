"""The filter of an alarm list, in sight for as long as it filters: what is left out must never be forgotten.

A field for words, the four priorities, what is mine, area, kind of source and state; "20 / 56", and how many
unacknowledged ones are left out, which no filter takes away. Must not: filter; it says what a person asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from backends.domain.alarm import Priority
from backends.domain.place import Area
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.alarm_filter import ALL, AlarmFilter, Stand
from widgets.parts import text
from widgets.parts.fields import Field
from widgets.parts.rows import plain_tooltip
from widgets.parts.shapes import chip_width, draw_chip
from widgets.parts.symbols import draw_symbol
from widgets.session import Session
from widgets.typography import TypeScale, Weight

LIMIT = 60
"""Characters of the field."""
_SOURCES = frozenset({"limit", "camera", "analytics", "feed", "person", "station"})


class Toggle(QAbstractButton):
    """A flat control: inverse while it filters. A symbol, or words."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget, priority: Priority | None = None) -> None:
        super().__init__(parent)
        self.session, self.scale, self._priority = session, scale, priority
        self.on = False
        self.words = ""
        """Not Qt's own text, which takes an "&" in the name of a place for a key."""
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def say(self, words: str, *, on: bool) -> None:
        self.words = words
        self.setAccessibleName(words)
        self.setToolTip(plain_tooltip(words))
        self.on = on
        self.update()

    @property
    def wide(self) -> int:
        if self._priority is not None:
            return round(self.scale.line(self.scale.read) * 1.3)
        return round(chip_width(self.words, self.scale.floor) + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, rect = self.session.look.theme, QRectF(self.rect())
            ground, ink = (theme.inverse, theme.inverse_text) if self.on else (theme.ground, theme.text)
            painter.fillRect(rect, ground)
            if self._priority is not None:
                side = self.scale.line(self.scale.floor)
                box = QRectF(0, 0, side, side)
                box.moveCenter(rect.center())
                if self.on:  # the symbol keeps its own ground: hues are ranked against that
                    painter.fillRect(box.adjusted(-3, -1, 3, 1), theme.tile)
                draw_symbol(painter, box, self._priority, theme, filled=True)
            else:
                draw_chip(painter, rect, self.words, self.scale.floor, ground, ink, Weight.MEDIUM)
            if self.hasFocus():
                painter.setPen(theme.strong if not self.on else theme.inverse_text)
                painter.drawRect(rect.adjusted(0.5, 0.5, -1, -1))
        finally:
            painter.end()


class FilterBar(QWidget):
    """Below the header of its tile, which gives it its place and the numbers."""

    changed = Signal(object)
    """The AlarmFilter that a person asked for."""
    left = Signal()
    """The keyboard goes back to the list."""

    def __init__(self, session: Session, scale: TypeScale, tile: QWidget) -> None:
        super().__init__(tile)
        self.session, self.scale = session, scale
        self.filter = ALL
        self.opened = False
        """A person wants it in sight though it filters nothing yet."""
        self._counts = (0, 0, 0)
        self.field = Field(scale, self, limit=LIMIT)
        self.field.wordsChanged.connect(lambda words: self._ask(words=" ".join(words.split())))
        self.field.installEventFilter(self)
        self.priorities = {priority: Toggle(session, scale, self, priority) for priority in Priority}
        for priority, toggle in self.priorities.items():
            toggle.clicked.connect(lambda _=False, one=priority: self._flip("priorities", one))
        self.mine = Toggle(session, scale, self)
        self.mine.clicked.connect(lambda: self._ask(mine=not self.filter.mine))
        self.choices = {name: Toggle(session, scale, self) for name in ("areas", "sources", "stands")}
        for name, toggle in self.choices.items():
            toggle.clicked.connect(lambda _=False, name=name: self._open_menu(name))
        self.clear = Toggle(session, scale, self)
        self.clear.clicked.connect(lambda: self.show_filter(ALL, told=True))
        for child in (*self.priorities.values(), self.mine, *self.choices.values(), self.clear):
            child.installEventFilter(self)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()
        self.on_look()

    # -- what is asked ---------------------------------------------------------------------------------

    def show_filter(self, filter_: AlarmFilter, *, told: bool = False) -> None:
        """This one is in force. `told`: a person asked for it here."""
        self.filter = filter_
        if self.field.words().split() != filter_.words.split():
            self.field.setText(filter_.words)
        self._say()
        if told:
            self.changed.emit(filter_)

    def _ask(self, **changes: Any) -> None:
        asked = msgspec.structs.replace(self.filter, **changes)
        if asked != self.filter:
            self.show_filter(asked, told=True)

    def _flip(self, kind: str, value: StrEnum | str) -> None:
        self._ask(**{kind: getattr(self.filter, kind) ^ {value}})

    def _open_menu(self, kind: str) -> None:
        toggle = self.choices[kind]
        self.menu(kind).popup(toggle.mapToGlobal(QPoint(0, toggle.height())))

    def menu(self, kind: str) -> QMenu:
        """Areas, kinds of source, or states: each can be chosen and left out again."""
        menu = QMenu(self)
        menu.setFont(text.qt_font(self.scale.read))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = getattr(self.filter, kind)
        for value, words in self._offered(kind):
            action = menu.addAction(words.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(value in chosen)
            action.triggered.connect(lambda _=False, value=value: self._flip(kind, value))
        return menu

    def _offered(self, kind: str) -> list[tuple[Any, str]]:
        if kind == "stands":
            return [(stand, _words(kind, stand, self.session)) for stand in Stand]
        field = {"areas": "area_id", "sources": "source"}[kind]
        there = {getattr(alarm, field) for alarm in self.session.city.alarms()} | getattr(self.filter, kind)
        return sorted(((v, _words(kind, v, self.session)) for v in there if v), key=lambda pair: pair[1])

    # -- what is said ----------------------------------------------------------------------------------

    def show_counts(self, passing: int, total: int, asking_left_out: int) -> None:
        if (passing, total, asking_left_out) != self._counts:
            self._counts = (passing, total, asking_left_out)
            self.update()

    @property
    def counts_words(self) -> tuple[str, str]:
        """("20 / 56", "3 unacknowledged left out"); the second is empty when there are none."""
        passing, total, asking = self._counts
        shown = tr("alarms.filter_counts", shown=fmt.number(passing), total=fmt.number(total))
        return shown, tr("alarms.filter_hidden", n=fmt.number(asking)) if asking else ""

    def _say(self) -> None:
        for priority, toggle in self.priorities.items():
            toggle.say(tr(f"priority.{priority}"), on=priority in self.filter.priorities)
        for kind, toggle in self.choices.items():
            chosen: Sequence[Any] = sorted(getattr(self.filter, kind))
            words = tr(f"alarms.filter_{kind}")
            if len(chosen) == 1:
                words = _words(kind, chosen[0], self.session)
            elif chosen:
                words = f"{words}: {len(chosen)}"
            toggle.say(words, on=bool(chosen))
        self.mine.say(tr("alarms.filter_mine"), on=self.filter.mine)
        self.clear.say(tr("alarms.filter_clear"), on=False)
        self._lay_out()
        self.update()

    def on_look(self) -> None:
        self.field.dress(self.session.look.theme)
        self.field.setPlaceholderText(tr("alarms.filter_field"))
        self.field.setAccessibleName(tr("alarms.filter_field"))
        self._say()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Esc, Down and Enter lead back into the list: an Enter typed here must acknowledge nothing."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            back = {Qt.Key.Key_Escape}
            if watched is self.field:
                back |= {Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter}
            if event.key() in back:
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

    # -- place and paint -------------------------------------------------------------------------------

    @property
    def tall(self) -> int:
        """Height that it needs at its width."""
        line, pad = self._line, self.scale.pad
        return 3 * line + 2 * pad

    @property
    def _line(self) -> int:
        return self.scale.line(self.scale.read) + 2

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        pad, line, width = self.scale.pad, self._line, self.width()
        gap = max(2, pad // 2)
        clear, mine = self.clear.wide, self.mine.wide
        self.clear.setGeometry(width - pad - clear, 0, clear, line)
        self.mine.setGeometry(width - 2 * pad - clear - mine, 0, mine, line)
        self.field.setGeometry(pad, 0, max(1, width - 4 * pad - clear - mine), line)
        x, y = pad, line + gap
        for toggle in self.priorities.values():
            toggle.setGeometry(x, y, toggle.wide, line)
            x += toggle.wide + gap
        x += gap
        share = max(1, (width - pad - x - 2 * gap) // 3)
        for toggle in self.choices.values():
            wide = min(toggle.wide, share)
            toggle.setGeometry(x, y, wide, line)
            x += wide + gap

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, px, pad = self.session.look.theme, self.scale.floor, self.scale.pad
            painter.fillRect(self.rect(), theme.tile)
            shown, hidden = self.counts_words
            top = 2 * (self._line + max(2, pad // 2))
            room = QRectF(pad, top, self.width() - 2 * pad, self.scale.line(px))
            box = text.draw(painter, room, shown, px, theme.strong, Weight.SEMIBOLD)
            room.setLeft(box.right() + pad)
            if hidden:
                room.setWidth(min(chip_width(hidden, px), room.width()))
                draw_chip(painter, room, hidden, px, theme.inverse, theme.inverse_text)
        finally:
            painter.end()


def _words(kind: str, value: Any, session: Session) -> str:
    if kind == "areas":
        area = session.city.records("config").get(value)
        return local(area.name) if isinstance(area, Area) else str(value)[:40]
    if kind == "sources":
        return tr(f"alarms.source.{value}") if value in _SOURCES else str(value)[:40]
    return tr(f"alarms.stand.{value}")
