"""The air at each station: the hourly VN_AQI as a badge, with its word and the hour that it is of; the worst first.

Number, word, order and a keyline that grows with the step say all of it; the scale's colours are inside the badge alone
(look.md) and say it once more. What is older than its hour is hatched; what is too old, or could not be told, is no
index: the badge is empty and the row says since when.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from layouts.options import AirOptions
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.air import Air, air_of
from widgets.parts import text
from widgets.parts.air_badge import badge_width, draw_badge
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight


class AirTile(Tile):
    """See the module."""

    feeds = ("sensors", "samples")

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: AirOptions = options
        self._found: list[Air] = air_of(session.city, self.now_ns())

    def title(self) -> str:
        return tr("air.title")

    def summary(self) -> str:
        silent = sum(air.value is None for air in self._found)
        return tr("air.silent", n=silent, total=len(self._found)) if silent else ""

    def on_feeds(self, changed: frozenset[str]) -> None:
        if "sensors" in changed:  # samples come ten times a second, an index each hour
            self.refresh()

    def on_second(self) -> None:
        before = self._found
        self._look()
        if before != self._found or self.stale_since_ns() is not None:
            self.update()

    def refresh(self) -> None:
        self._look()
        super().refresh()

    def _look(self) -> None:
        """An index also grows old by the clock alone."""
        self._found = air_of(self.session.city, self.now_ns())

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        found, scale = self._found, self.scale
        if not found:
            self.paint_empty(painter, body, tr("air.empty"))
            return
        high = scale.line(scale.read) + scale.pad
        fit = max(1, int(body.height() // high))
        if self.options.rows:
            fit = min(fit, self.options.rows)
        shown = found if len(found) <= fit else found[: max(1, fit - 1)]
        row = QRectF(body.left() + scale.pad, body.top(), body.width() - 2 * scale.pad, high)
        for air in shown:
            self._paint_row(painter, row, air)
            row.translate(0, high)
        if len(shown) < len(found) and row.bottom() <= body.bottom() + 1:
            more = tr("air.more", n=len(found) - len(shown))
            text.draw(painter, row, more, scale.floor, self.theme.muted)

    def _paint_row(self, painter: QPainter, row: QRectF, air: Air) -> None:
        scale, theme, pad = self.scale, self.theme, self.scale.pad
        badge = QRectF(row.left(), row.top() + pad / 4, badge_width(scale.read), row.height() - pad / 2)
        draw_badge(painter, badge, air, scale.read, scale.floor, theme, quiet=False)
        now_ns = self.now_ns()
        hour = tr("air.hour", at=fmt.event_minutes(air.t_ns, now_ns)) if air.t_ns else ""
        if air.old:
            hour = f"{tr('air.late')} · {hour}"
        if air.value is None:
            hour = tr("air.since", at=fmt.event_minutes(air.t_ns, now_ns)) if air.t_ns else ""
        room = QRectF(badge.right() + pad, row.top(), row.right() - badge.right() - pad, row.height())
        right = text.width(hour, scale.floor) + 1
        if hour and right < room.width() * 0.5:
            end = QRectF(room.right() - right, row.top(), right, row.height())
            text.draw(painter, end, hour, scale.floor, theme.muted, align=Qt.AlignmentFlag.AlignRight)
            room.setRight(end.left() - pad)
        word = local(air.band.name) if air.band is not None else tr("air.none")
        ink = theme.muted if air.old else theme.strong if air.step else theme.text
        taken = text.draw(painter, room, word, scale.read, ink, Weight.SEMIBOLD)
        room.setLeft(room.left() + taken.width() + pad)
        if room.width() > scale.floor * 4:
            text.draw(painter, room, air.station, scale.floor, theme.muted)


SPEC = TileSpec("air", AirOptions, AirTile)
