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
        """The short one where the other leaves no room for what is not shown."""
        whole, said, scale = tr("air.title"), self.summary(), self.scale
        wide = text.width(whole, scale.read, Weight.SEMIBOLD) + text.width(said, scale.floor) + 3 * scale.pad
        return tr("air.short") if said and wide > self.width() else whole

    @property
    def _high(self) -> int:
        return self.scale.line(self.scale.read) + self.scale.pad

    @property
    def _fit(self) -> int:
        """Rows that are shown at most."""
        fit = max(1, (self.height() - self.header_height) // self._high)
        return min(fit, self.options.rows) if self.options.rows else fit

    def summary(self) -> str:
        silent = sum(air.value is None for air in self._found)
        more = len(self._found) - self._fit
        said = (
            tr("air.more", n=more) if more > 0 else "",
            tr("air.silent", n=silent, total=len(self._found)) if silent else "",
        )
        return " · ".join(words for words in said if words)

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
        row = QRectF(body.left() + scale.pad, body.top(), body.width() - 2 * scale.pad, self._high)
        for air in found[: self._fit]:
            self._paint_row(painter, row, air)
            row.translate(0, self._high)

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
