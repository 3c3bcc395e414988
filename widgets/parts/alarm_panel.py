"""Below the rows of an alarm list: what happened to the chosen alarm, and the line in which a person writes on it.

Right opens it for whichever row is chosen, Left closes it. Ctrl+N writes a note, Ctrl+D sets aside, Ctrl+Shift+O takes
out of service, all chosen ones; what is typed and not sent comes back after a restart of the screen. No dialog: the
rows above stay where they are. Must not: send anything; it tells its tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QWidget

from backends.domain.access import SHELVE_MOST_S
from backends.domain.alarm import Alarm
from backends.domain.place import masks_of
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.alarms import AlarmRow
from widgets.parts import alarm_moment, text
from widgets.parts.alarm_history import Happened, history_of
from widgets.parts.fields import Field
from widgets.parts.rows import plain_tooltip
from widgets.parts.shapes import chip_width, draw_chip
from widgets.session import Session
from widgets.typography import TypeScale, Weight

LINES = 6
"""Lines of the past; older ones are counted."""
NOTE_LIMIT, REASON_LIMIT = 500, 200
"""Characters. The hub takes 2,000 and 200."""
ASIDE_S = (600, 1800, 3600, 4 * 3600, 8 * 3600, 12 * 3600)
"""Times for which an alarm may be set aside, as far as the role allows."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Mode(StrEnum):
    """What the keyboard does in it."""

    PAST = "past"
    """Nothing: it only tells."""
    NOTE = "note"
    SHELVE = "shelve"
    OUT = "out"
    """Taken out of service: not watched, without an end."""


_TITLES = {Mode.NOTE: "alarms.note_title", Mode.SHELVE: "alarms.shelve_title", Mode.OUT: "alarms.out_title"}
_KEYS = {Mode.NOTE: "alarms.note_keys", Mode.SHELVE: "alarms.shelve_keys", Mode.OUT: "alarms.out_keys"}


class AlarmPanel(QWidget):
    """At the lower edge of its tile, which calls `show_alarm` when another row is chosen."""

    noted = Signal(object, str)
    """(rows, words)"""
    shelved = Signal(object, str, float)
    """(rows, reason, seconds)"""
    takenOut = Signal(object, str)
    """(rows, reason)"""
    closed = Signal()
    """It no longer needs the room that it had."""

    def __init__(self, session: Session, scale: TypeScale, tile: QWidget) -> None:
        super().__init__(tile)
        self.session, self.scale, self._tile = session, scale, tile
        self.mode = Mode.PAST
        self.opened = False
        self._past = False
        """Right opened it: it stays when the line is done."""
        self.alarm: Alarm | None = None
        self.rows: tuple[AlarmRow, ...] = ()
        """Those on which something is written."""
        self._writer = ("", "")
        """Who writes, in which role."""
        self.seconds = 0
        """For how long they are set aside."""
        self.said = ""
        self._lines: list[Happened] = []
        self._times: list[tuple[QRectF, int]] = []
        """Where the times to set aside stand."""
        self.field = Field(scale, self, limit=NOTE_LIMIT)
        self.field.textChanged.connect(self._remember)
        self.field.installEventFilter(self)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.hide()
        session.city.grantChanged.connect(self._on_grant)
        session.moments.changed.connect(self.update)
        self.on_look()

    # -- opened and closed -----------------------------------------------------------------------------

    def tell(self) -> None:
        """Show the past of the chosen alarm."""
        self.opened = self._past = True
        self._read()

    def write(self, mode: Mode, rows: Sequence[AlarmRow]) -> None:
        """A note, or why they are set aside, on all these."""
        self.mode, self.rows, self.opened, self.said = mode, tuple(rows), True, ""
        self._writer = self._person
        self.seconds = self._offered()[0] if self._offered() else 0
        self.field.setMaxLength(NOTE_LIMIT if mode is Mode.NOTE else REASON_LIMIT)
        self.field.setText(self.session.memory.get(self._unsent))
        self.field.setAccessibleName(self._title())
        self._read()

    def end(self) -> None:
        """The line is done; the past stays if it was asked for."""
        had = self.field.hasFocus()
        self.mode, self.rows, self.said = Mode.PAST, (), ""
        self.opened = self._past
        self.closed.emit()
        if had:
            self._tile.setFocus()

    def close_past(self) -> bool:
        """False: it was not open."""
        was, self._past = self._past, False
        if was and self.mode is Mode.PAST:
            self.end()
        return was

    @property
    def _person(self) -> tuple[str, str]:
        grant = self.session.city.grant
        return grant.operator_id, grant.role

    @property
    def _unsent(self) -> str:
        """What the memory calls the unsent words: of this person, for these alarms."""
        ids = " ".join(row.alarm.id for row in self.rows)[:200]
        return f"alarm.{self.mode}:{self.session.city.grant.operator_id}:{ids}"

    def _remember(self, words: str) -> None:
        if self.mode is not Mode.PAST:
            self.session.memory.set(self._unsent, words)

    def _on_grant(self) -> None:
        # What one person has written goes out in nobody else's name, and under no other role.
        if self.mode is not Mode.PAST and (self.session.city.grant.locked or self._person != self._writer):
            self.end()
        self.update()

    # -- what it shows ---------------------------------------------------------------------------------

    def show_alarm(self, alarm: Alarm | None) -> None:
        self.alarm = alarm
        self._read()

    def on_feeds(self, changed: frozenset[str]) -> None:
        if self.opened and changed & {"timeline", "alarms", "roster"}:
            self._read()

    def on_look(self) -> None:
        self.field.dress(self.session.look.theme)
        if self.mode is not Mode.PAST:
            self.field.setAccessibleName(self._title())
        self._read()  # the past in the language that is now

    def _read(self) -> None:
        if self.opened and self.alarm is not None:
            self.alarm = self.session.city.alarm(self.alarm.id) or self.alarm
            self._lines = history_of(self.session.city, self.alarm)
        else:
            self._lines = []
        self.update()

    def _offered(self) -> list[int]:
        most_s = SHELVE_MOST_S.get(self.session.city.grant.role, 0.0)
        return [s for s in ASIDE_S if s <= most_s]

    # -- keys ------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self.field or event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if event.key() in _ENTER:
            if not event.isAutoRepeat():
                self._send()
        elif event.key() == Qt.Key.Key_Escape:
            self.end()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.mode is Mode.SHELVE:
            offered = self._offered()
            step = 1 if event.key() == Qt.Key.Key_Up else -1
            self.seconds = offered[max(0, min(len(offered) - 1, offered.index(self.seconds) + step))]
            self.update()
        else:
            return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.seconds = next((s for chip, s in self._times if chip.contains(event.position())), self.seconds)
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            now_ns = self.session.clock.now_ns()
            lines = (f"{fmt.event_time(one.t_ns, now_ns)}  {one.words}" for one in self._lines)
            QToolTip.showText(event.globalPos(), plain_tooltip("\n".join(lines)), self)
            return True
        return super().event(event)

    def _send(self) -> None:
        words = " ".join(self.field.text().split())
        if not words:
            self.said = tr("alarms.note_empty" if self.mode is Mode.NOTE else "alarms.shelve_reason")
            self.update()
            return
        rows, mode = self.rows, self.mode
        self.session.memory.set(self._unsent, "")
        if mode is Mode.SHELVE:
            self.shelved.emit(rows, words, float(self.seconds))
        elif mode is Mode.OUT:
            self.takenOut.emit(rows, words)
        else:
            self.noted.emit(rows, words)
        self.end()

    # -- place and paint -------------------------------------------------------------------------------

    @property
    def tall(self) -> int:
        """Height that it needs; the same for every alarm, so that rows keep their places."""
        if not self.opened:
            return 0
        scale = self.scale
        low = scale.line(scale.floor)
        past = scale.line(scale.read) + LINES * low if self._past else 0
        line = scale.line(scale.read) + self._field_height + low + scale.pad // 2 if self.mode is not Mode.PAST else 0
        return past + line + 2 * scale.pad

    @property
    def _field_height(self) -> int:
        return self.scale.line(self.scale.read) + self.scale.pad

    def place(self, height: int) -> None:
        """Over so much of the lower edge."""
        self.setGeometry(0, self._tile.height() - height, self._tile.width(), max(1, height))
        writing = self.mode is not Mode.PAST
        self.field.setVisible(writing)
        low, pad = self.scale.line(self.scale.floor), self.scale.pad
        bottom = self.height() - pad - low - pad // 4
        self.field.setGeometry(pad, bottom - self._field_height, self.width() - 2 * pad, self._field_height)
        self.setVisible(height > 0)
        if writing:
            self.field.setFocus()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, pad = self.session.look.theme, self.scale.pad
            rect = QRectF(self.rect())
            painter.fillRect(rect, theme.raised)
            painter.fillRect(QRectF(0, 0, rect.width(), 1), theme.muted)
            inner = rect.adjusted(pad, pad, -pad, -pad)
            if self.mode is not Mode.PAST:
                inner = self._paint_line(painter, inner)
            if self._past:
                self._paint_past(painter, inner)
        finally:
            painter.end()

    def _title(self) -> str:
        key = _TITLES[self.mode]
        many = "" if len(self.rows) == 1 else "_many"
        name = local(self.rows[0].alarm.name) if self.rows else ""
        return tr(key + many, n=len(self.rows)) if many else tr(key, name=name)

    def _paint_line(self, painter: QPainter, inner: QRectF) -> QRectF:
        """Title, field, hint at the bottom; returns the room above."""
        theme, scale, pad = self.session.look.theme, self.scale, self.scale.pad
        line, low = scale.line(scale.read), scale.line(scale.floor)
        field = QRectF(self.field.geometry())
        title = QRectF(inner.left(), field.top() - line - pad / 4, inner.width(), line)
        right = title.right()
        self._times = []
        if self.mode is Mode.SHELVE:
            for seconds in reversed(self._offered()):
                words = fmt.duration(seconds)
                wide = chip_width(words, scale.floor)
                if right - wide < title.left() + title.width() * 0.3 and seconds != self.seconds:
                    continue
                chosen = seconds == self.seconds
                ground, ink = (theme.inverse, theme.inverse_text) if chosen else (theme.ground, theme.text)
                chip = QRectF(right - wide, title.top(), wide, line)
                draw_chip(painter, chip, words, scale.floor, ground, ink)
                self._times.append((chip, seconds))
                right -= wide + pad / 2
        room = QRectF(title.left(), title.top(), right - title.left(), line)
        text.draw(painter, room, self._title(), scale.floor, theme.strong, Weight.SEMIBOLD)
        foot = QRectF(inner.left(), field.bottom() + pad / 4, inner.width(), low)
        if self.said:
            foot.setWidth(min(chip_width(self.said, scale.floor), foot.width()))
            draw_chip(painter, foot, self.said, scale.floor, theme.inverse, theme.inverse_text)
        else:
            hint = tr(_KEYS[self.mode])
            text.draw(painter, foot, hint, scale.floor, theme.muted)
        return QRectF(inner.left(), inner.top(), inner.width(), title.top() - pad / 2 - inner.top())

    def _paint_moment(self, painter: QPainter, room: QRectF) -> tuple[float, float]:
        """The old picture; returns how much of the width and of the height it takes."""
        session = self.session
        moment = session.moments.of(self.alarm) if self.alarm is not None else None
        picture = session.moments.picture(moment) if moment is not None else None
        wide = alarm_moment.width_for(room, picture, self.scale) if picture is not None else 0.0
        if moment is None or picture is None or not wide:
            return 0.0, 0.0
        masks = masks_of(session.city.records("config").values(), moment.camera_id)
        now_ns, theme = session.clock.now_ns(), session.look.theme
        alarm_moment.paint(painter, room, moment, picture, masks, now_ns, theme, self.scale)
        return wide + self.scale.pad, float(self.scale.line(self.scale.floor))

    def _paint_past(self, painter: QPainter, inner: QRectF) -> None:
        theme, scale = self.session.look.theme, self.scale
        line, low, now_ns = scale.line(scale.read), scale.line(scale.floor), self.session.clock.now_ns()
        head = QRectF(inner.left(), inner.top(), inner.width(), line)
        name = local(self.alarm.name) if self.alarm is not None else tr("alarms.history_none")
        keys = tr("alarms.history_keys")
        wide = text.width(keys, scale.floor)
        if self.mode is Mode.PAST and head.width() > wide + scale.read * 8:
            align = Qt.AlignmentFlag.AlignRight
            text.draw(painter, head, keys, scale.floor, theme.muted, align=align)
            head.setWidth(head.width() - wide - scale.pad)
        text.draw(painter, head, name, scale.read, theme.strong, Weight.SEMIBOLD)
        below = QRectF(inner.left(), head.bottom(), inner.width(), inner.bottom() - head.bottom())
        aside, under = self._paint_moment(painter, below)
        inner = inner.adjusted(0, 0, -aside, -under)
        fit = max(1, int((inner.bottom() - head.bottom()) / low))
        lines, top = self._lines, head.bottom()
        older = len(lines) - fit + 1 if len(lines) > fit else 0
        if older:
            room = QRectF(inner.left(), top, inner.width(), low)
            text.draw(painter, room, tr("alarms.history_older", n=older), scale.floor, theme.muted)
            lines, top = lines[older:], top + low
        when = max((text.width(fmt.event_time(e.t_ns, now_ns), scale.floor, tabular=True) for e in lines), default=0.0)
        for one in lines:
            at = QRectF(inner.left(), top, when, low)
            text.draw(painter, at, fmt.event_time(one.t_ns, now_ns), scale.floor, theme.muted, tabular=True)
            room = QRectF(at.right() + scale.pad, top, inner.right() - at.right() - scale.pad, low)
            text.draw(painter, room, one.words, scale.floor, theme.strong if one.text else theme.text)
            top += low
