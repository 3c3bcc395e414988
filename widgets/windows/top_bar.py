"""The top bar of every window: clock, mode, layout, feeds, sound, counters, operator.

On a window without an alarm list it also names the highest unacknowledged alarm. What does not fit is
dropped from the least important up (operator, layout, date); clock, mode, counters, the highest alarm
and the loss of the hub never are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backends.domain.alarm import Priority
from backends.domain.feeds import FeedQuality, LinkState
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts import text
from widgets.parts.alarm_words import place_and_time
from widgets.parts.shapes import chip_width, draw_chip, draw_mode_ground, draw_padlock, draw_speaker
from widgets.parts.symbols import draw_symbol
from widgets.session import Session
from widgets.typography import TypeScale, Weight

_DATE = 2
"""How early the date is dropped; layout and operator go before it."""
_FEWEST_EM = 4.0
"""In less room than that the words of an alarm are two letters and dots: they are left out."""


@dataclass
class BarWords:
    """What this window adds to the common bar."""

    layout: str = ""
    screen: int = 1
    names_highest_alarm: bool = False


@dataclass(frozen=True)
class _Part:
    """One group of the bar: `paint` is called with the room that it asked for."""

    width: float
    paint: Callable[[QPainter, QRectF], None]
    drop: int = 0
    """The higher, the earlier it is dropped; 0 = never."""
    want: float = 0.0
    """Room in which nothing of it is cut: date, layout and operator make place for it, nothing else does."""


def _make_room(parts: list[_Part], spare: float, wanted: float, gap: float) -> None:
    """Drop what only adorns until `wanted` more pixels are free, or nothing of it is left."""
    for part in sorted((p for p in parts if p.drop >= _DATE), key=lambda p: -p.drop):
        if spare >= wanted:
            return
        parts.remove(part)
        spare += part.width + gap


class TopBar(QWidget):
    """Painted as one piece; the window tells it when a second, a blink or a change came."""

    operatorPressed = Signal()
    """Somebody clicked on who is signed in."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget) -> None:
        super().__init__(parent)
        self.session, self.scale = session, scale
        self.words = BarWords()
        self._bright = True
        self._sound_box = QRectF()
        self._operator_box = QRectF()
        self._symbols: list[QRectF] = []
        """Where alarm symbols stand: all that a blink repaints."""
        self._dirty = QRectF()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_words(self, words: BarWords, scale: TypeScale) -> None:
        self.words, self.scale = words, scale
        self.update()

    def on_blink(self, bright: bool) -> None:
        lit = bright or self.session.city.highest_alarm() is None
        if lit is not self._bright:
            self._bright = lit
            for box in self._symbols:
                self.update(box.toAlignedRect())

    # -- painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            self._dirty = QRectF(event.rect())
            if self._dirty.contains(QRectF(self.rect())):
                self._symbols.clear()
                self._operator_box = QRectF()
            painter.fillRect(self._dirty, self.session.look.theme.tile)
            pad = self.scale.pad * 1.2
            room = QRectF(self.rect()).adjusted(pad, 0, -pad, 0)
            self._paint_parts(painter, room, pad * 1.6)
        finally:
            painter.end()

    def _paint_parts(self, painter: QPainter, room: QRectF, gap: float) -> None:
        left = [self._clock(), self._date(), self._mode()]
        alarm = self._highest()
        middle = alarm if alarm is not None else self._place()
        health = self._link_trouble()
        right = [self._sound(), self._counters(), self._operator()]
        parts = [p for p in (*left, health, self._escalated(), middle, *right) if p is not None]
        spare = room.width() - sum(p.width for p in parts) - gap * (len(parts) - 1)
        while spare < 0 and any(p.drop for p in parts):
            gone = max(parts, key=lambda p: p.drop)
            parts.remove(gone)
            spare += gone.width + gap
        if alarm is not None:
            _make_room(parts, spare, alarm.want - alarm.width, gap)
        rights = [p for p in parts if p in right]
        x = room.right()
        for part in reversed(rights):
            x -= part.width
            self._paint_part(painter, part, QRectF(x, room.top(), part.width, room.height()))
            x -= gap
        edge, x = x, room.left()
        for part in (p for p in parts if p not in rights):
            width = part.width
            if part is alarm:
                # The alarm's words take all that is left, and are elided rather than dropped.
                width = max(0.0, edge - x)
            self._paint_part(painter, part, QRectF(x, room.top(), min(width, max(0.0, edge - x)), room.height()))
            x += width + gap

    def _paint_part(self, painter: QPainter, part: _Part, room: QRectF) -> None:
        if room.intersects(self._dirty):
            part.paint(painter, room)

    def _symbol(self, painter: QPainter, box: QRectF, priority: Priority, *, filled: bool) -> None:
        if filled and box not in self._symbols:
            self._symbols.append(box)
        dimmed = filled and not self._bright
        draw_symbol(painter, box, priority, self.session.look.theme, filled=filled, dimmed=dimmed)

    def _lines(self, room: QRectF) -> tuple[QRectF, QRectF]:
        step = self.scale.line(self.scale.floor)
        top = QRectF(room.left(), room.center().y() - step, room.width(), step)
        return top, top.translated(0, step)

    def _two_lines(self, upper: str, lower: str, drop: int, *, right: bool = False) -> _Part:
        floor, theme = self.scale.floor, self.session.look.theme
        align = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft

        def paint(painter: QPainter, room: QRectF) -> None:
            first, second = self._lines(room)
            text.draw(painter, first, upper, floor, theme.text if right else theme.muted, align=align)
            text.draw(painter, second, lower, floor, theme.muted, align=align)

        return _Part(max(text.width(upper, floor), text.width(lower, floor)) + 1, paint, drop)

    def _clock(self) -> _Part:
        px = round(self.scale.glance * 1.25)
        words = fmt.clock(self.session.clock.now_ns())
        theme = self.session.look.theme

        def paint(painter: QPainter, room: QRectF) -> None:
            text.draw(painter, room, words, px, theme.strong, Weight.SEMIBOLD, tabular=True)

        return _Part(text.width(words, px, Weight.SEMIBOLD, tabular=True), paint)

    def _date(self) -> _Part:
        now = self.session.clock.now_ns()
        date = fmt.date_short(now) if self.scale.wall else fmt.date_long(now)
        return self._two_lines(fmt.weekday(now), date, drop=_DATE)

    def _mode(self) -> _Part:
        px, theme = self.scale.floor, self.session.look.theme
        words = tr(f"mode.{self.session.city.link.mode}")
        pad = px * 0.9

        def paint(painter: QPainter, room: QRectF) -> None:
            box = QRectF(room.left(), 0, room.width(), self.scale.line(px) * 1.3)
            box.moveCenter(room.center())
            ink = draw_mode_ground(painter, box, self.session.city.link.mode, theme)
            text.draw(painter, box, words, px, ink, Weight.SEMIBOLD, align=Qt.AlignmentFlag.AlignHCenter)

        return _Part(text.width(words, px, Weight.SEMIBOLD) + 2 * pad, paint)

    def _place(self) -> _Part:
        """Layout and feeds; on a wall, where every word is large, the feeds alone."""
        city = self.session.city
        words, statuses, total = self.words, city.statuses, len(city.feeds)
        live = sum(name in statuses and statuses[name].quality is FeedQuality.LIVE for name in city.feeds)
        if self.scale.wall:
            return self._two_lines(tr("topbar.feeds_name"), f"{live}/{total}", drop=3)
        where = tr("topbar.layout_screen", layout=words.layout, n=words.screen)
        lag = max((s.lag_s for s in statuses.values() if s.quality is FeedQuality.LIVE), default=0.0)
        if live and lag >= 0.05:
            return self._two_lines(where, tr("topbar.feeds_lag", live=live, total=total, lag=fmt.number(lag, 1)), 3)
        return self._two_lines(where, tr("topbar.feeds", live=live, total=total), drop=3)

    def _link_trouble(self) -> _Part | None:
        """Inverse grey: the loss of the hub or the store belongs to every window."""
        city, px = self.session.city, self.scale.floor
        lines = [words for words in (self._link_words(), self._store_words()) if words]
        if city.link.queued:
            lines.append(tr("topbar.queued", n=city.link.queued))
        if not lines:
            return None
        if len(lines) == 1 and self.words.names_highest_alarm:
            # Two short lines leave more of the bar to the alarm's name.
            lines = text.wrap(lines[0], px, Weight.SEMIBOLD, text.width(lines[0], px, Weight.SEMIBOLD) * 0.62, 2)
        return self._inverse(lines[:2])

    def _escalated(self) -> _Part | None:
        """What nobody has seen to, at the desk of who must now. On a wall's panel that names the highest alarm its name
        needs the room, and says it below."""
        city = self.session.city
        if self.scale.wall and self.words.names_highest_alarm:
            return None
        if not city.book.escalated or not city.coverage.takes_escalated(city.grant.role):
            return None
        return self._inverse([tr("topbar.escalated"), tr("topbar.escalated_n", n=len(city.book.escalated))])

    def _inverse(self, lines: list[str]) -> _Part:
        """One or two short lines that nothing takes away."""
        theme, px = self.session.look.theme, self.scale.floor

        def paint(painter: QPainter, room: QRectF) -> None:
            step = self.scale.line(px)
            box = QRectF(room.left(), 0, room.width(), step * len(lines) + px * 0.4)
            box.moveCenter(room.center())
            painter.fillRect(box, theme.inverse)
            for n, words in enumerate(lines):
                line = QRectF(box.left() + px / 2, box.top() + px * 0.2 + n * step, box.width() - px, step)
                text.draw(painter, line, words, px, theme.inverse_text, Weight.SEMIBOLD)

        return _Part(max(text.width(words, px, Weight.SEMIBOLD) for words in lines) + px + 1, paint)

    def _link_words(self) -> str:
        link = self.session.city.link
        match link.state:
            case LinkState.DOWN:
                if not link.t_since_ns:
                    return tr("topbar.hub_stored")
                age_s = max(0.0, (self.session.clock.now_ns() - link.t_since_ns) / 1e9)
                return tr("topbar.hub_lost", age=fmt.duration(age_s))
            case LinkState.REFUSED:
                return tr("topbar.hub_refused")
            case LinkState.CONNECTING:
                return tr("topbar.hub_connecting")
        return ""

    def _store_words(self) -> str:
        trouble = self.session.city.trouble
        return tr("topbar.store_trouble", text=trouble.text) if trouble is not None else ""

    def _highest(self) -> _Part | None:
        if not self.words.names_highest_alarm:
            return None
        alarm = self.session.city.highest_alarm()
        if alarm is None:
            return None
        theme, scale = self.session.look.theme, self.scale
        side = scale.line(scale.floor) * 1.7
        px = scale.floor if scale.wall else scale.read
        name, step = local(alarm.name), scale.line(scale.floor)
        late = tr("alarms.escalated") if scale.wall and self.session.city.escalated_here(alarm) else ""
        whole = max(
            text.width(name, px, Weight.SEMIBOLD),
            chip_width(late, scale.floor) if late else 0.0,
            text.width(place_and_time(alarm, self.session.clock.now_ns()), scale.floor),
        )

        def paint(painter: QPainter, room: QRectF) -> None:
            if room.width() < side:
                return
            band = QRectF(room.left(), room.top() + room.height() * 0.06, room.width(), room.height() * 0.88)
            if band.width() < side + scale.pad * 1.5 + px * _FEWEST_EM:
                # Not two letters of each line: the sign alone, as large as ever.
                band.setWidth(min(band.width(), side + scale.pad))
            ground = theme.urgent_row if alarm.priority is Priority.URGENT else theme.raised
            painter.fillRect(band, ground)
            box = QRectF(band.left() + scale.pad / 2, band.center().y() - side / 2, side, side)
            self._symbol(painter, box, alarm.priority, filled=True)
            words = band.adjusted(side + scale.pad, 0, -scale.pad / 2, 0)
            if words.width() < px * _FEWEST_EM:
                return
            # Name over place; a name that needs both lines takes them.
            lines = [name] if late else text.wrap(name, px, Weight.SEMIBOLD, words.width(), 2)
            first = QRectF(words.left(), words.center().y() - step, words.width(), step)
            text.draw(painter, first, lines[0], px, theme.strong, Weight.SEMIBOLD)
            second = first.translated(0, step)
            if late:
                second.setWidth(min(chip_width(late, scale.floor), second.width()))
                draw_chip(painter, second, late, scale.floor, theme.inverse, theme.inverse_text)
            elif len(lines) > 1:
                text.draw(painter, second, lines[1], px, theme.strong, Weight.SEMIBOLD)
            else:
                whole = place_and_time(alarm, self.session.clock.now_ns())
                # Where it is tight, the time goes before the place is cut: the alarm list tells it.
                fits = text.width(whole, scale.floor) <= second.width()
                text.draw(painter, second, whole if fits else local(alarm.place) or whole, scale.floor, theme.text)

        rest = side + scale.pad * 2
        least = chip_width(late, scale.floor) if late else text.width(name, px, Weight.SEMIBOLD) * 0.62
        return _Part(rest + least, paint, want=rest + whole)

    def _sound(self) -> _Part:
        theme, sound = self.session.look.theme, self.session.sound
        side = float(self.scale.glance)

        def paint(painter: QPainter, room: QRectF) -> None:
            box = QRectF(room.left(), room.center().y() - side / 2, side, side)
            self._sound_box = box
            silent = sound.silenced or not sound.available
            heard = sound.sounding is not None
            color = theme.strong if heard else theme.text if silent else theme.muted
            # Another loudspeaker of this room sounds for this desk: no waves, and none is missing.
            waves = 3 if heard else 0 if sound.heard_at else 2
            draw_speaker(painter, box, color, waves=waves, muted=silent)

        # A wall's panel without an alarm list needs the room for the alarm's name.
        return _Part(side * 1.05, paint, drop=1 if self.scale.wall and self.words.names_highest_alarm else 0)

    def _counters(self) -> _Part:
        scale, theme = self.scale, self.session.look.theme
        counts = self.session.city.unacknowledged_counts()
        px, side = scale.glance, scale.glance * 1.25
        step = side + px * 0.3
        widths = [step + text.width(str(n), px, Weight.SEMIBOLD, tabular=True) for n in counts.values()]
        gap = px * (0.5 if scale.wall else 0.75)

        def paint(painter: QPainter, room: QRectF) -> None:
            x = room.left()
            for (priority, n), width in zip(counts.items(), widths, strict=True):
                box = QRectF(x, room.center().y() - side / 2, side, side)
                self._symbol(painter, box, priority, filled=n > 0)
                color = theme.strong if n else theme.muted
                number = QRectF(x + step, room.top(), width - step, room.height())
                text.draw(painter, number, str(n), px, color, Weight.SEMIBOLD, tabular=True)
                x += width + gap

        return _Part(sum(widths) + gap * (len(widths) - 1), paint)

    def _operator(self) -> _Part:
        """Who is signed in and as what; a wall without keyboard, at which nobody signs in, only looks."""
        grant, who = self.session.city.grant, self.session.city.operator()
        if not grant.operator_id:
            if self.scale.wall or not grant.sign_in:
                words = tr("role.viewer" if self.scale.wall else "topbar.no_operator")
                return self._clickable(self._two_lines(words, "", drop=4, right=True))
            return self._state(tr("topbar.no_operator"), tr("access.bar_keys"), locked=False)
        role = tr(f"role.{grant.role}")
        name = who.name if who is not None else grant.name
        if grant.locked:
            return self._state(tr("access.bar_locked"), name, locked=True)
        if self.session.city.briefing:
            return self._state(tr("access.bar_briefing"), name, locked=False)
        if grant.offline:
            return self._clickable(self._two_lines(name, f"{role} · {tr('access.bar_offline')}", 4, right=True))
        if who is not None and who.t_handover_ns:
            role = tr("topbar.handover", role=role, at=fmt.clock_minutes(who.t_handover_ns))
        return self._clickable(self._two_lines(name, role, drop=4, right=True))

    def _clickable(self, part: _Part) -> _Part:
        def paint(painter: QPainter, room: QRectF) -> None:
            self._operator_box = room
            part.paint(painter, room)

        return _Part(part.width, paint, part.drop)

    def _state(self, upper: str, lower: str, *, locked: bool) -> _Part:
        """Nobody acts here: strong words, a padlock when it is locked. Not a hue, and dropped last."""
        px, theme = self.scale.floor, self.session.look.theme
        side = px * 1.5 if locked else 0.0
        gap = px * 0.5 if locked else 0.0
        wide = max(text.width(upper, px, Weight.SEMIBOLD), text.width(lower, px)) + 1

        def paint(painter: QPainter, room: QRectF) -> None:
            self._operator_box = room
            if locked:
                draw_padlock(painter, QRectF(room.left(), room.center().y() - side / 2, side, side), theme.strong)
            first, second = self._lines(room.adjusted(side + gap, 0, 0, 0))
            align = Qt.AlignmentFlag.AlignRight
            text.draw(painter, first, upper, px, theme.strong, Weight.SEMIBOLD, align=align)
            text.draw(painter, second, lower, px, theme.muted, align=align)

        return _Part(side + gap + wide, paint, drop=1)

    # -- mouse ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._sound_box.contains(event.position()):
            sound = self.session.sound
            # What sounds now is stopped first; a second press turns the sound off altogether.
            (sound.silence if sound.sounding is not None else sound.toggle_muted)()
            self.update()
            return
        if self._operator_box.contains(event.position()):
            self.operatorPressed.emit()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        sound = self.session.sound
        key = "sound_none" if not sound.available else "sound_muted" if sound.silenced else "sound_on"
        if sound.sounding is not None:
            key = "sound_silence"
        words = tr(f"topbar.{key}")
        if sound.heard_at:
            words = f"{words} · {tr('topbar.sound_elsewhere', station=sound.heard_at)}"
        self.setToolTip(words if self._sound_box.contains(event.position()) else "")
        super().mouseMoveEvent(event)
