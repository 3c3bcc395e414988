"""The alarm list: acknowledge, claim, call up the camera. What does not fit is said in the header.

While somebody reads it (`Reader`) no row moves; what is new meanwhile is counted in the header, the gravest of it by
name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QToolTip

from backends.domain.alarm import Alarm, Priority
from backends.domain.times import NS_PER_S
from layouts.options import AlarmsOptions
from widgets import format as fmt
from widgets.commands import COMMANDS
from widgets.i18n import local, tr
from widgets.keys import bind
from widgets.memory import SELECTED
from widgets.models.alarm_filter import ALL, AlarmFilter, found, is_grave, kept
from widgets.models.alarms import ROW_ROLE, AlarmListModel, AlarmRow, FoldRow
from widgets.parts import text
from widgets.parts.alarm_filter_bar import FilterBar
from widgets.parts.alarm_hands import AlarmHands
from widgets.parts.alarm_panel import AlarmPanel, Mode
from widgets.parts.alarm_rows import AlarmDelegate, RowButton
from widgets.parts.alarm_view import AlarmView
from widgets.parts.reader import Reader
from widgets.parts.rows import plain_tooltip
from widgets.parts.sensor_drag import SensorDrag
from widgets.parts.shapes import chip_width
from widgets.parts.symbols import draw_symbol
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

FILTER = "alarm.filter"


class AlarmsTile(Tile):
    """See the module. Enter acknowledges the selected row, F9 takes it in hand, F8 calls up its camera."""

    feeds = ("alarms",)

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.model = AlarmListModel(session.city, self)
        self.view = AlarmView(session, scale, self.model, self)
        self.reader = Reader(self.view)
        self.bar = FilterBar(session, scale, self)
        self.bar.changed.connect(self._filter)
        self.bar.left.connect(self._leave_bar)
        self._news = QRectF()
        """Where the header says what is new."""
        self.delegate = AlarmDelegate(self.view, session.city)
        self.view.setItemDelegate(self.delegate)
        self.view.setModel(self.model)
        self.view.setAccessibleName(tr("alarms.title"))
        self.view.shownChanged.connect(self._renew_header)
        self.panel = AlarmPanel(session, scale, self)
        self.hands = AlarmHands(session, self.model, self.view, self.panel)
        self.delegate.pressed.connect(self.hands.press)
        self.delegate.foldPressed.connect(self.hands.open_fold)
        self._over = False
        """What the rows and the banner follow: overloaded or not."""
        self.panel.field.textChanged.connect(lambda: self.reader.write(self.panel.mode is not Mode.PAST))
        for signal in (self.hands.panelChanged, self.panel.closed):
            signal.connect(self._on_panel)
        if not scale.wall:
            self.setFocusProxy(self.view)
            SensorDrag(self.view.viewport(), session.hands, self._sensors_at)
        session.city.grantChanged.connect(self.view.viewport().update)
        # The model hears of a change before the window does: what the header counts is already right then.
        self.model.layoutChanged.connect(self._on_rows)
        self.model.waitingChanged.connect(self._renew_header)
        self.reader.changed.connect(self._on_reader)
        own: dict[str, Callable[[], bool]] = {
            "alarms.catch_up": self._catch_up,
            "alarms.top": self._to_top,
            "alarms.filter": self._open_bar,
            "alarms.clear": self._clear_filter,
            "alarms.urgent": self._urgent_only,
            "alarms.fold": self._fold,
            **self.hands.acts,
        }
        self.view.own_keys = {key: act for command, act in own.items() for key in COMMANDS[command].keys}
        ends = ("alarms.catch_up", "alarms.top")
        self.view.ending_keys = frozenset(key for command in ends for key in COMMANDS[command].keys)
        for command, button in (
            ("alarms.acknowledge", RowButton.ACKNOWLEDGE),
            ("alarms.claim", RowButton.CLAIM),
            ("alarms.release", RowButton.RELEASE),
            ("alarms.camera", RowButton.CAMERA),
        ):
            bind(self.view, command, partial(self.hands.press_chosen, button))
        self._recall()
        if session.city.load.overloaded:
            self._weigh()  # another layout in the middle of it
        # An empty list from the start is the sentence, not a void: no row comes or goes that would say so.
        self._on_rows()

    def _sensors_at(self, at: QPoint) -> tuple[str, ...]:
        row = self.view.indexAt(at).data(ROW_ROLE)
        return (row.alarm.sensor_id,) if isinstance(row, AlarmRow) and row.alarm.sensor_id else ()

    # -- memory ----------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """After a crash the row that was chosen is chosen again; Enter means the same alarm as before it."""
        if self.scale.wall:
            return  # nobody chooses on a wall, and nobody would see there what a filter leaves out
        self.bar.show_filter(found(self.session.memory.get(FILTER)), told=True)
        row = self.model.row_of(self.session.memory.get(SELECTED))
        if row >= 0:
            self.view.select_row(row)
            self.view.setFocus()
        self.view.selectionModel().currentChanged.connect(self._remember)
        self.view.selectionModel().selectionChanged.connect(self._renew_header)
        self.view.doubleClicked.connect(self.hands.tell)

    def _remember(self) -> None:
        alarm = self._current()
        self.session.memory.set(SELECTED, alarm.id if alarm is not None else "")
        self.panel.show_alarm(alarm)

    def choose(self, alarm_id: str) -> bool:
        """The keyboard on that alarm's row, as Up and Down bring it there; False: it is not in this list. A filter, a
        fold or a reader that keeps it away gives way: a person asked for it."""
        if self.scale.wall or alarm_id not in self.session.city.book:
            return False
        if self.model.row_of(alarm_id) < 0:
            self.reader.end()
            if not self.model.passes(alarm_id):
                self._clear_filter()
            self.model.open_home(alarm_id)
        row = self.model.row_of(alarm_id)
        self.view.select_row(row)
        self.view.setFocus()
        return row >= 0

    # -- Tile ------------------------------------------------------------------------------------------

    def title(self) -> str:
        # Where a reader keeps the banner back, the name says it.
        said = self._over or not self.session.city.load.overloaded
        return tr("alarms.title" if said else "alarms.title_overload")

    def summary(self) -> str:
        """What waits below the edge comes first: the header gives up what has no room from the end."""
        total, shown = self.model.rowCount(), self.view.shown_rows()
        rows = [row for row in (self.model.row(n) for n in shown) if not row.gone]
        seen = [row.alarm for row in rows if isinstance(row, AlarmRow) and row.alarm.unacknowledged]
        folded = sum(row.fold.asking for row in rows if isinstance(row, FoldRow) and not row.fold.opened)
        # Held rows may show what a filter no longer lets through.
        hidden = max(0, self.model.asking() - len(seen) - folded)
        urgent = self.session.city.unacknowledged_counts()[Priority.URGENT]  # no filter takes one of these away
        urgent -= sum(alarm.priority is Priority.URGENT for alarm in seen)
        chosen = sum(part.bottom() - part.top() + 1 for part in self.view.selectionModel().selection().toList())
        parts = []
        if urgent > 0:
            parts.append(tr("alarms.more_unack_urgent", n=hidden, urgent=urgent))
        elif hidden:
            parts.append(tr("alarms.more_unack", n=hidden))
        if self.model.filter.active and self.bar.isHidden():
            parts += [words for words in reversed(self.bar.counts_words) if words]
        elif chosen > 1:
            parts.append(tr("alarms.chosen", n=chosen))
        if parts:
            return " · ".join(parts)
        if not total:
            return ""  # the list says that there are none
        key = "alarms.summary" if seen or folded else "alarms.summary_calm"
        return tr(key, unack=len(seen) + folded, shown=len(shown), total=total)

    def shows_highest_alarm(self) -> bool:
        """False while a reader, a filter or the size of the tile keeps its row away: then the top bar names it."""
        highest = self.session.city.highest_alarm()
        if highest is None or not self.isVisible():
            return True
        return self.model.row_of(highest.id) in self.view.shown_rows()

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        if not self.model.rowCount():
            self.paint_empty(painter, body, tr("alarms.empty"))
        if self._over:
            self._paint_banner(painter, QRectF(body.left(), body.top(), body.width(), self._banner_height()))

    def _on_rows(self) -> None:
        """The model follows the city by itself; here the sentence of an empty list comes and goes."""
        # With a filter it stays even when empty: its keys must work.
        self.view.empty = tr("alarms.filtered_empty") if self.model.filter.active else ""
        wanted = self.model.rowCount() > 0 or bool(self.view.empty)
        if self.view.isHidden() is wanted:
            self.view.setVisible(wanted)
            self.update()

    def _renew_header(self) -> None:
        self.bar.show_counts(self.model.passing(), self.model.total(), self.model.filtered_asking())
        # Not the whole tile: the rows below would be painted with it.
        self.update(0, 0, self.width(), self.header_height + self._banner_height())

    def on_feeds(self, changed: frozenset[str]) -> None:
        if changed & {"alarms", "local"}:
            self._renew_header()
        self.panel.on_feeds(changed)
        if "cameras" in changed:
            self.view.viewport().update()  # an alarm's camera may have died, or come back

    def on_look(self) -> None:
        self.bar.on_look()
        self.panel.on_look()
        self.view.setAccessibleName(tr("alarms.title"))
        self._on_rows()  # the sentence of an empty list
        self.view.relayout()
        self.refresh()

    def on_blink(self, bright: bool) -> None:
        self.delegate.bright = bright
        if any(self.session.city.unacknowledged_counts().values()):
            viewport = self.view.viewport()
            viewport.update(0, 0, self.delegate.symbol_column(), viewport.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _bar_height(self) -> int:
        """0: nothing is filtered, or the tile has no room for it; then the header says what is left out."""
        wanted = self.model.filter.active or self.bar.opened
        room = self.height() - self.header_height - self._banner_height() - self.bar.tall
        enough = room > 2 * (self.scale.line(self.scale.read) + self.scale.line(self.scale.floor))
        return self.bar.tall if wanted and enough and not self.scale.wall else 0

    def _lay_out(self) -> None:
        top, bar = self.header_height + self._banner_height(), self._bar_height()
        self.bar.setVisible(bar > 0)
        self.bar.setGeometry(0, top, self.width(), max(1, bar))
        room = self.height() - top - bar
        panel = min(self.panel.tall, max(0, room - 2 * (self.scale.line(self.scale.read) + self.scale.pad)))
        self.panel.place(panel)
        self.view.setGeometry(0, top + bar, self.width(), max(0, room - panel))

    def _on_panel(self) -> None:
        """It takes its room from the last rows; the chosen one stays in sight."""
        self.panel.show_alarm(self._current())
        self._lay_out()
        self.reader.write(self.panel.mode is not Mode.PAST)
        if self.view.currentIndex().isValid():
            self.view.scrollTo(self.view.currentIndex())

    def _current(self) -> Alarm | None:
        row = self.view.currentIndex().data(ROW_ROLE)
        return row.alarm if isinstance(row, AlarmRow) else None

    @property
    def current(self) -> Alarm | None:
        """The one that the keyboard stands on."""
        return self._current()

    # -- filter ----------------------------------------------------------------------------------------

    def _filter(self, filter_: AlarmFilter) -> None:
        self.session.memory.set(FILTER, kept(filter_))
        self.model.set_filter(filter_)
        self.model.hold(self.reader.reading)
        self._lay_out()
        self._on_rows()
        self._renew_header()

    def _open_bar(self) -> bool:
        self.bar.opened = True
        self._lay_out()
        self.bar.field.setFocus()
        return True

    def _leave_bar(self) -> None:
        self.bar.opened = False
        self._lay_out()
        self.view.setFocus()

    def _clear_filter(self) -> bool:
        self.bar.show_filter(ALL, told=True)
        return True

    def _urgent_only(self) -> bool:
        """And back to all."""
        urgent = AlarmFilter(priorities=frozenset({Priority.URGENT}))
        self.bar.show_filter(ALL if self.model.filter == urgent else urgent, told=True)
        return True

    def on_second(self) -> None:
        super().on_second()
        self.reader.look()
        self._weigh()
        self.hands.many.on_second()
        if self.now_ns() // NS_PER_S % 60 == 0:
            self.view.viewport().update()  # at midnight a time becomes a date

    # -- overload --------------------------------------------------------------------------------------

    def _weigh(self) -> None:
        """Rows are folded while more alarms come in than one can look at; not under a reader, but when he is done."""
        load = self.session.city.weigh(self.now_ns())
        if load.overloaded is not self._over and not self.model.held:
            self._over = load.overloaded
            self.model.collapse(self._over)
            self._lay_out()
            self.update()
        elif load.overloaded:
            self._renew_header()

    def _fold(self) -> bool:
        """By hand, until the overload begins or ends."""
        self.model.collapse(not self.model.collapsed)
        self.model.hold(self.reader.reading)
        self.update()
        return True

    def _banner_height(self) -> int:
        return self.scale.line(self.scale.floor) + self.scale.pad // 2 if self._over else 0

    def banner(self) -> str:
        """What the overload is, and what is done about it."""
        load = self.session.city.load
        parts = [tr("alarms.overload", n=fmt.number(load.raised))]
        if load.operators > 1:
            parts.append(tr("alarms.overload_each", n=fmt.number(load.each)))
        parts.append(tr("alarms.overload_folded" if self.model.collapsed else "alarms.overload_plain"))
        if not self.scale.wall:
            parts.append(tr("alarms.overload_keys"))
        return " · ".join(parts)

    def _paint_banner(self, painter: QPainter, room: QRectF) -> None:
        theme, px = self.theme, self.scale.floor
        painter.fillRect(room, theme.inverse)
        inner = room.adjusted(self.scale.pad, 0, -self.scale.pad, 0)
        words = text.whole_parts(self.banner(), px, Weight.SEMIBOLD, inner.width())
        text.draw(painter, inner, words, px, theme.inverse_text, Weight.SEMIBOLD)

    # -- what is new while somebody reads ----------------------------------------------------------------

    def news(self) -> str:
        """What waits above; urgent ones are counted apart, the gravest of them named."""
        waiting = self.model.waiting
        if not waiting:
            return ""
        urgent = sum(1 for _ in takewhile(is_grave, waiting))
        if urgent:
            return tr("alarms.new_above_urgent", n=len(waiting), urgent=urgent, name=local(waiting[0].name))
        return tr("alarms.new_above", n=len(waiting))

    def _paint_header(self, painter: QPainter, header: QRectF, stale: str) -> None:
        words, self._news = self.news(), QRectF()
        if words:
            scale, theme, first = self.scale, self.theme, self.model.waiting[0]
            side = float(scale.line(scale.floor))
            title = text.width(self.title(), scale.read, Weight.SEMIBOLD) + 3 * scale.pad
            wide = min(chip_width(words, scale.floor) + side + scale.pad, header.width() - title)
            wide = max(wide, side + scale.pad)  # at least the symbol
            self._news = QRectF(header.right() - scale.pad / 2 - wide, header.top() + 2, wide, header.height() - 4)
            painter.fillRect(self._news, theme.urgent_row if is_grave(first) else theme.raised)
            box = QRectF(self._news.left() + scale.pad / 2, self._news.center().y() - side / 2, side, side)
            draw_symbol(painter, box, first.priority, theme, filled=first.unacknowledged)
            room = self._news.adjusted(side + scale.pad, 0, -scale.pad / 2, 0)
            text.draw(painter, room, words, scale.floor, theme.strong, Weight.SEMIBOLD)
            header = header.adjusted(0, 0, -wide, 0)
        super()._paint_header(painter, header, stale)

    def _on_reader(self, reading: bool) -> None:
        self.model.hold(reading)
        if not reading:
            self._weigh()

    def _catch_up(self) -> bool:
        """False: nothing new waited. Then Esc goes on, to what is laid over the windows."""
        news = bool(self.model.waiting)
        if self.model.held:
            self.reader.end()
        return news

    def _to_top(self) -> bool:
        self.reader.end()
        self.view.select_row(0)
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._news.contains(event.position()):
            self.reader.end()
        elif event.position().y() < self.header_height and not self.scale.wall:
            self._open_bar()
        super().mousePressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            here = self._news.contains(QPointF(event.pos()))
            header = event.pos().y() < self.header_height and not self.scale.wall
            words = tr("alarms.filter_tip") if header else ""
            if here:
                words = "\n".join((self.news(), tr("alarms.new_above_tip")))
            QToolTip.showText(event.globalPos(), plain_tooltip(words), self)
            return True
        return super().event(event)


SPEC = TileSpec(kind="alarms", options=AlarmsOptions, widget=AlarmsTile, shows_alarms=True)
