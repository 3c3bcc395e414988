"""A board of slow indicators: as many cells as are readable, what does not fit is counted.

Columns and rows follow from the size of the tile and of the type; each cell chooses its own words in
`parts/indicators_cell.py`.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip

from backends.domain.indicator import Indicator
from layouts.options import IndicatorsOptions
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.indicators_cell import CellPainter, CellWords, cell_words
from widgets.parts.rows import plain_tooltip
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

_SERVICES = (
    "public_administration",
    "health",
    "education",
    "tourism",
    "lodging",
    "social_listening",
    "wifi",
    "environment",
    "agriculture",
    "traffic",
    "public_security",
    "information_security",
    "cameras",
    "field_reports",
    "integration_platform",
)
"""Order of a board without ids; services that are not named here follow by name."""


def service_order(indicator: Indicator) -> tuple[int, str, str]:
    known = indicator.service in _SERVICES
    return (_SERVICES.index(indicator.service) if known else len(_SERVICES), indicator.service, indicator.id)


class IndicatorsTile(Tile):
    """Cells side by side, each a plane of its own."""

    feeds = ("indicators",)
    has_header = False

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: IndicatorsOptions = options
        self._cells: list[tuple[QRectF, CellWords]] = []

    def wanted(self) -> list[Indicator]:
        """What the layout asks for, in its order; ids that do not exist (yet) are left out."""
        known = self.session.city.records("indicators")
        if self.options.ids:
            return [known[i] for i in self.options.ids if i in known]
        return sorted(known.values(), key=service_order)

    def on_second(self) -> None:
        # Ages and "today" move with the minute at most; stale ages with the second.
        if self.stale_since_ns() is not None or self.now_ns() // 10**9 % 60 == 0:
            self.update()

    @property
    def gap(self) -> int:
        """Between cells: what layouts.geometry leaves between tiles (6 px at 1080p), from the type alone."""
        return max(3, round(self.scale.floor * (0.19 if self.scale.wall else 0.46)))

    # -- layout --------------------------------------------------------------------------------------

    def least_cell(self) -> tuple[float, float]:
        """Width and height under which a cell says too little: name and value."""
        scale = self.scale
        return scale.floor * 9.0, scale.line(scale.read) + scale.line(scale.read) + scale.pad * 1.4

    def grid(self, count: int) -> tuple[int, int]:
        """Columns and rows for `count` cells: the wanted columns, fewer where they would be too narrow."""
        gap = self.gap
        least_w, least_h = self.least_cell()
        fit_c = max(1, int((self.width() + gap) / (least_w + gap)))
        fit_r = max(1, int((self.height() + gap) / (least_h + gap)))
        columns = max(1, min(self.options.columns, fit_c, count))
        rows = math.ceil(count / columns)
        if rows > fit_r:
            # More columns than asked for are better than cells that are not shown.
            columns = min(fit_c, math.ceil(count / fit_r))
            rows = min(fit_r, math.ceil(count / columns))
        # Even rows: 4 cells in 3 columns stand as 2 and 2.
        return math.ceil(min(count, columns * rows) / rows), rows

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        painter.fillRect(body, self.theme.ground)
        self._cells = []
        wanted = self.wanted()
        if not wanted:
            painter.fillRect(body, self.theme.tile)
            self.paint_empty(painter, body, tr("indicators.empty"))
            return
        columns, rows = self.grid(len(wanted))
        shown, hidden = wanted, 0
        if len(wanted) > columns * rows:
            hidden = len(wanted) - columns * rows + 1
            # Which ones stay: those on the wrong side first; where: the order of the board.
            keep = sorted(wanted, key=lambda x: not x.bad)[: columns * rows - 1]
            shown = [x for x in wanted if x in keep]
        stale, now_ns = self.stale_since_ns(), self.now_ns()
        cell_painter = CellPainter(painter, self.scale, self.theme)
        for n, indicator in enumerate(shown):
            cell, words = self._cell(n, columns, rows, len(shown) + bool(hidden)), cell_words(indicator, now_ns, stale)
            cell_painter.paint(cell, words)
            self._cells.append((cell, words))
        if hidden:
            cell = self._cell(len(shown), columns, rows, len(shown) + 1)
            painter.fillRect(cell, self.theme.tile)
            inner = cell.adjusted(self.scale.pad, 0, -self.scale.pad, 0)
            text.draw(painter, inner, tr("indicators.more", n=hidden), self.scale.read, self.theme.muted, Weight.MEDIUM)

    def _cell(self, n: int, columns: int, rows: int, count: int) -> QRectF:
        """The n-th cell; the last row's cells share its whole width."""
        gap = self.gap
        row, column = divmod(n, columns)
        in_row = min(columns, count - row * columns)
        w = (self.width() - gap * (in_row - 1)) / in_row
        h = (self.height() - gap * (rows - 1)) / rows
        left, top = round(column * (w + gap)), round(row * (h + gap))
        return QRectF(left, top, round(column * (w + gap) + w) - left, round(row * (h + gap) + h) - top)

    # -- tooltip -------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            words = next((w.whole for cell, w in self._cells if cell.contains(event.pos())), "")
            QToolTip.showText(event.globalPos(), plain_tooltip(words), self)
            return True
        return super().event(event)


SPEC = TileSpec("indicators", IndicatorsOptions, IndicatorsTile)
