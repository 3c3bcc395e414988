"""How an alarm row is painted, and where its buttons are. No actions here: the tile carries them out.

Unacknowledged: symbol filled, row raised, text strong. Acknowledged or in hand: symbol outlined, text
muted, who. An urgent unacknowledged row is larger and keeps its buttons in sight; other rows show theirs
on hover or focus, in the place of their second line, so that no row changes its height under the pointer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter

from backends.domain.access import Grant
from backends.domain.action import Stage, Verb
from backends.domain.alarm import AlarmState
from backends.domain.people import Role
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.alarm_filter import is_grave
from widgets.models.alarms import ROW_ROLE, AlarmRow, FoldRow, Row
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts import text
from widgets.parts.alarm_fold_rows import paint_fold
from widgets.parts.alarm_words import gone_words, pending_words, run_words, second_line, state_words
from widgets.parts.rows import Index, RowDelegate, RowList
from widgets.parts.shapes import chip_width, draw_chip, draw_rule
from widgets.parts.stand_in import camera_of
from widgets.parts.symbols import draw_symbol
from widgets.typography import Weight


class RowButton(StrEnum):
    """What can be done on a row."""

    ACKNOWLEDGE = "acknowledge"
    CLAIM = "claim"
    RELEASE = "release"
    """Give it back; a shift lead also what another has in hand."""
    RESET = "reset"
    """The end of a latched alarm."""
    IN_SERVICE = "in_service"
    CAMERA = "camera"
    WHY = "why"
    """Stands where the actions would be, and says why they are not there."""


_CLAIMED = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED})


def may_claim(row: AlarmRow) -> bool:
    """It can be taken in hand. The station's own alarms are nobody's case: they end with their cause."""
    alarm = row.alarm
    return not row.gone and row.feed != LOCAL_FEED and not alarm.holder_id and alarm.state in _CLAIMED


def may_release(row: AlarmRow, grant: Grant) -> bool:
    """The person here has it in hand, or may take it from who has."""
    holder = row.alarm.holder_id
    return not row.gone and bool(holder) and (holder == grant.operator_id or grant.role is Role.SHIFT_LEAD)


@dataclass(frozen=True)
class _Placed:
    button: RowButton
    words: str
    rect: QRectF


class AlarmDelegate(RowDelegate):
    """Paints AlarmRow and tells which button was pressed."""

    pressed = Signal(object, object)
    """(AlarmRow, RowButton)"""
    foldPressed = Signal(object)
    """The FoldRow that a person clicked on."""

    def __init__(self, view: RowList, city: CityModel) -> None:
        super().__init__(view)
        self.city = city
        self.bright = True
        view.pressed.connect(self._on_pressed)

    # -- sizes -----------------------------------------------------------------------------------------

    def row_height(self, index: Index) -> int:
        row: Row | None = index.data(ROW_ROLE)
        scale = self.scale
        plain = scale.line(scale.read) + scale.line(scale.floor) + round(scale.pad * (1.5 if scale.wall else 1.0))
        if row is None or not row.large:
            return plain
        if scale.wall:
            return round(plain * 1.25)
        return plain + scale.line(scale.floor) + scale.pad + scale.pad // 2

    def symbol_column(self) -> int:
        """Width of the column of symbols, for the blink."""
        scale = self.scale
        lines = scale.line(scale.read) + scale.line(scale.floor)
        return int(scale.pad + lines * 0.92)

    @staticmethod
    def _urgent(row: AlarmRow) -> bool:
        return is_grave(row.alarm) and not row.gone

    # -- painting --------------------------------------------------------------------------------------

    def paint_row(self, painter: QPainter, rect: QRectF, index: Index, *, selected: bool, hovered: bool) -> None:
        row: Row = index.data(ROW_ROLE)
        if isinstance(row, FoldRow):
            paint_fold(painter, rect, row, self, hovered=hovered)
            return
        alarm, theme, scale = row.alarm, self.theme, self.scale
        urgent, large, fresh = self._urgent(row), row.large, alarm.unacknowledged and not row.gone
        if urgent:
            painter.fillRect(rect, theme.urgent_row)
        elif fresh or hovered:
            painter.fillRect(rect, theme.raised)
        draw_rule(painter, rect.left(), rect.right(), rect.bottom() - 1, theme)
        pad = scale.pad
        if row.inset:
            painter.fillRect(QRectF(rect.left(), rect.top(), max(2.0, pad / 3), rect.height()), theme.muted)
        inner = rect.adjusted(pad, pad / 2, -pad, -pad / 2)
        lines = scale.line(scale.read) + scale.line(scale.floor)
        top = inner.top() if large and self._has_hands else inner.center().y() - lines / 2
        side = lines * (0.92 if urgent else 0.74)
        column = lines * 0.92
        box = QRectF(inner.left() + (column - side) / 2, top + (lines - side) / 2, side, side)
        draw_symbol(painter, box, alarm.priority, theme, filled=fresh, dimmed=fresh and not self.bright)
        left = inner.left() + column + pad
        if self.view.dirty.right() <= left:
            return  # a blink repaints the symbols alone
        first = QRectF(left, top, inner.right() - left, scale.line(scale.read))
        second = QRectF(left, first.bottom(), first.width(), scale.line(scale.floor))
        current = selected and index.row() == self.view.currentIndex().row()
        buttons = self.buttons(row, rect, large=large, hovered=hovered or current)
        self._paint_first(painter, first, row)
        if buttons and not large:
            self._paint_buttons(painter, buttons)
            # What has become of it meanwhile is news to whoever is about to press one of them.
            beside = QRectF(second)
            beside.setLeft(buttons[-1].rect.right() + pad)
            self._paint_state(painter, beside, row, whole=True)
        else:
            self._paint_second(painter, second, row)
            self._paint_buttons(painter, buttons)

    def _paint_first(self, painter: QPainter, line: QRectF, row: AlarmRow) -> None:
        alarm, theme, scale = row.alarm, self.theme, self.scale
        color = theme.strong if alarm.unacknowledged and not row.gone else theme.muted
        right = line.right()
        if not scale.wall:
            when = fmt.event_time(alarm.t_raised_ns, self.view.session.clock.now_ns())
            width = text.width(when, scale.floor, tabular=True)
            room = QRectF(right - width, line.top(), width, line.height())
            text.draw(
                painter, room, when, scale.floor, theme.text if color is theme.strong else theme.muted, tabular=True
            )
            right -= width + scale.pad
        room = QRectF(line.left(), line.top(), right - line.left(), line.height())
        box = text.draw(painter, room, local(alarm.name), scale.read, color, Weight.SEMIBOLD)
        if row.gone:
            stroke = max(1.0, scale.read * 0.08)
            painter.fillRect(QRectF(box.left(), box.center().y() - stroke / 2, box.width(), stroke), theme.muted)

    def _paint_second(self, painter: QPainter, line: QRectF, row: AlarmRow) -> None:
        alarm, theme, scale = row.alarm, self.theme, self.scale
        px = scale.floor
        color = theme.text if self._urgent(row) else theme.muted
        if scale.wall and row.pending is None and row.stored:
            # One line says it all at four metres: whose it is where somebody has it, else where and when.
            words = state_words(alarm) if not self._open(row) else ""
            where = local(alarm.place) if not words else ""
            at = fmt.event_minutes(alarm.t_raised_ns, self.view.session.clock.now_ns())
            text.draw(painter, line, " · ".join(w for w in (where, words, at) if w), px, color)
            return
        right = self._paint_state(painter, line, row)
        if right - line.left() > px * 3:
            room = QRectF(line.left(), line.top(), right - line.left(), line.height())
            said = (run_words(self.city, alarm), second_line(alarm, figures=not scale.wall))
            text.draw(painter, room, " · ".join(filter(None, said)), px, color)

    def _paint_state(self, painter: QPainter, line: QRectF, row: AlarmRow, *, whole: bool = False) -> float:
        """Right in `line`: where it stands, or what became of the last click. `whole`: or nothing, where that has no
        room. Returns the right edge of what is left."""
        theme, px = self.theme, self.scale.floor
        chip = ""
        if row.pending is not None:
            chip = pending_words(row.pending, row.alarm)
        elif not row.stored:
            chip = tr("alarms.not_stored")
        elif self.city.escalated_here(row.alarm):
            chip = state_words(row.alarm)
        words = gone_words(row.alarm) if row.gone else chip or state_words(row.alarm)
        wide = chip_width(words, px) if chip else text.width(words, px)
        if whole and wide > line.width():
            return line.right()
        wide = min(wide, line.width() * (1.0 if whole else 0.75 if chip else 0.6))
        room = QRectF(line.right() - wide, line.top(), wide, line.height())
        if chip and not row.gone:
            draw_chip(painter, room, words, px, theme.inverse, theme.inverse_text)
        else:
            color = theme.text if self._urgent(row) else theme.muted
            text.draw(painter, room, words, px, color, align=Qt.AlignmentFlag.AlignRight)
        return room.left() - self.scale.pad

    @staticmethod
    def _open(row: AlarmRow) -> bool:
        return row.alarm.state is AlarmState.UNACKNOWLEDGED

    def _paint_buttons(self, painter: QPainter, buttons: list[_Placed]) -> None:
        theme, px = self.theme, self.scale.floor
        for placed in buttons:
            if placed.button is RowButton.WHY:
                # No ground of its own: it cannot be pressed for what the others do.
                text.draw(painter, placed.rect, placed.words, px, theme.text, Weight.MEDIUM)
            else:
                draw_chip(painter, placed.rect, placed.words, px, theme.ground, theme.strong)

    @property
    def _has_hands(self) -> bool:
        """Buttons are meant for somebody: not on a wall, and not for who sees and does nothing."""
        grant = self.city.grant
        return not self.scale.wall and not (grant.operator_id and grant.role is Role.VIEWER)

    # -- buttons ---------------------------------------------------------------------------------------

    def buttons(self, row: AlarmRow, rect: QRectF, *, large: bool, hovered: bool) -> list[_Placed]:
        """The buttons that a row shows now, with their places in viewport coordinates."""
        if row.gone or not (large or hovered) or not self._has_hands:
            return []
        grant = self.city.grant
        pending = row.pending is not None and not row.pending.stage.final and row.pending.stage is not Stage.EXPIRED
        # A note on its way stands in nobody's way.
        pending = pending and row.pending is not None and row.pending.action.verb is not Verb.COMMENT
        asked: list[tuple[RowButton, Verb, str]] = []
        if not pending and row.alarm.unacknowledged:
            asked.append((RowButton.ACKNOWLEDGE, Verb.ACKNOWLEDGE, tr("alarms.acknowledge")))
        latched = row.alarm.state is AlarmState.LATCHED
        if not pending and latched:
            asked.append((RowButton.RESET, Verb.RESET, tr("alarms.reset")))
        if not pending and may_claim(row):
            asked.append((RowButton.CLAIM, Verb.CLAIM, tr("alarms.claim")))
        if not pending and may_release(row, grant) and grant.may(Verb.RELEASE):
            asked.append((RowButton.RELEASE, Verb.RELEASE, tr("alarms.release")))
        if not pending and row.alarm.state is AlarmState.OUT_OF_SERVICE:
            asked.append((RowButton.IN_SERVICE, Verb.IN_SERVICE, tr("alarms.in_service")))
        offered = [(button, words) for button, verb, words in asked if grant.may(verb)]
        refused = next((why for _, verb, _ in asked if (why := grant.refusal(verb))), "")
        if refused and not offered:
            offered.append((RowButton.WHY, tr(f"access.why.{refused}")))
        camera = camera_of(self.city, row.alarm)
        if camera is not None:
            words = tr("alarms.camera", number=camera.number)
            if camera.for_number:
                words = tr("alarms.camera_for", number=camera.number, dead=camera.for_number)
            offered.append((RowButton.CAMERA, words))
        return self._place(offered, rect, large=large)

    def _place(self, offered: list[tuple[RowButton, str]], rect: QRectF, *, large: bool) -> list[_Placed]:
        scale, px = self.scale, self.scale.floor
        pad = scale.pad
        lines = scale.line(scale.read) + scale.line(scale.floor)
        height = float(scale.line(px) + (pad // 2 if large else 0))
        left = rect.left() + pad + (0 if large else lines * 0.92 + pad)
        top = rect.bottom() - pad - height if large else rect.bottom() - pad / 2 - height
        out: list[_Placed] = []
        for button, words in offered:
            width = chip_width(words, px) + px * 0.3
            if left + width > rect.right() - pad:
                break
            out.append(_Placed(button, words, QRectF(left, top, width, height)))
            left += width + pad * 0.6
        return out

    def _on_pressed(self, row: Row, rect: QRectF, at: QPointF) -> None:
        """`row` as it was painted when the button went down: so the click means what the person saw."""
        if self.scale.wall:
            return  # nobody's hands are meant there; a fold that a passer-by opened would stay open
        if isinstance(row, FoldRow):
            self.foldPressed.emit(row)
            return
        for placed in self.buttons(row, rect, large=row.large, hovered=True):
            if placed.rect.contains(at):
                self.pressed.emit(row, placed.button)
