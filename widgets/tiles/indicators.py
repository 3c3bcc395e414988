"""A board of slow indicators: as many cells as are readable, what does not fit is counted.

Columns and rows follow from the size of the tile and of the type; each cell chooses its own words in
`parts/indicators_cell.py`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QRectF
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip

from backends.domain.indicator import Indicator
from layouts.options import IndicatorsOptions
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.indicators_cell import CellPainter, CellPlan, CellPlanner, CellWords, cell_words
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

_HIDDEN_LOSS = 4.5
"""A cell that is not shown is worse than a name that is cut, better than a number too small to read."""


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
        self._grid_key: object = None
        self._grid = (1, 1)
        self._plans_key: object = None
        self._plans: list[CellPlan] = []

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

    def grid(self, words: list[CellWords]) -> tuple[int, int]:
        """Columns and rows whose cells lose least, hidden cells and strange shapes counted in.

        The layout's columns are a wish: fewer where cells would be too narrow for their words.
        """
        best, least = (1, 1), float("inf")
        em, gap = self.scale.floor, self.gap
        for columns in range(1, min(12, len(words), int((self.width() + gap) / (em * 4 + gap))) + 1):
            for rows in range(1, min(math.ceil(len(words) / columns), int((self.height() + gap) / (em * 3 + gap))) + 1):
                loss = self._grid_loss(words, columns, rows)
                if loss < least - 1e-9:
                    best, least = (columns, rows), loss
        return best

    def _grid_loss(self, words: list[CellWords], columns: int, rows: int) -> float:
        gap, places = self.gap, columns * rows
        width = (self.width() - gap * (columns - 1)) / columns
        cell = QRectF(0, 0, width, (self.height() - gap * (rows - 1)) / rows)
        planner, hidden = CellPlanner(self.scale), self.hidden(len(words), places)
        shown = sum(planner.plan(cell, w).loss for w in words[: len(words) - hidden])
        ragged = 0 if hidden else places - len(words)
        wish = abs(columns - min(self.options.columns, len(words)))
        return shown + hidden * _HIDDEN_LOSS + ragged * 0.2 + wish * 0.3

    @staticmethod
    def hidden(count: int, places: int) -> int:
        """How many of `count` are not shown: one place is given to saying so, unless there is only one."""
        return max(0, count - max(1, places - 1)) if count > places else 0

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        painter.fillRect(body, self.theme.ground)
        wanted = self.wanted()
        self._cells = []
        if not wanted:
            painter.fillRect(body, self.theme.tile)
            self.paint_empty(painter, body, tr("indicators.empty"))
            return
        stale, now_ns = self.stale_since_ns(), self.now_ns()
        said = [(x, cell_words(x, now_ns, stale)) for x in wanted]
        columns, rows = self._kept_grid([words for _, words in said])
        hidden = self.hidden(len(said), columns * rows)
        if hidden:
            # Which ones stay: those on the wrong side first; where: the order of the board.
            keep = {x.id for x, _ in sorted(said, key=lambda pair: not pair[0].bad)[: len(said) - hidden]}
            said = [pair for pair in said if pair[0].id in keep]
        words = [w for _, w in said]
        more = tr("indicators.more", n=hidden) if hidden else ""
        if hidden and columns * rows == 1:
            words = [replace(words[0], as_of=(f"{words[0].as_of[0]} · {more}", f"+{hidden}"))]
        count = min(columns * rows, len(words) + bool(hidden))
        places = [self._cell(n, columns, rows, count) for n in range(count)]
        plans = self._kept_plans(places[: len(words)], words)
        cell_painter = CellPainter(painter, self.scale, self.theme)
        for n, (cell, word, plan) in enumerate(zip(places, words, plans, strict=False)):
            row = plans[n // columns * columns :][:columns]
            around = (max(len(p.name) for p in row), max(len(p.foot.lines) for p in row))
            cell_painter.paint(cell, word, plan, around)
            self._cells.append((cell, word))
        if hidden and columns * rows > 1:
            painter.fillRect(places[-1], self.theme.tile)
            inner = places[-1].adjusted(self.scale.pad, 0, -self.scale.pad, 0)
            px = (
                self.scale.read
                if text.width(more, self.scale.read, Weight.MEDIUM) <= inner.width()
                else self.scale.floor
            )
            text.draw(painter, inner, more, px, self.theme.muted, Weight.MEDIUM)

    def _kept_grid(self, words: list[CellWords]) -> tuple[int, int]:
        """`grid`, looked for again only when size or names have changed: cells do not jump with the figures."""
        key = (self.width(), self.height(), tuple(w.name for w in words))
        if self._grid_key != key:
            self._grid_key, self._grid = key, self.grid(words)
        return self._grid

    def _kept_plans(self, cells: list[QRectF], words: list[CellWords]) -> list[CellPlan]:
        key = (tuple((c.width(), c.height()) for c in cells), tuple(words))
        if self._plans_key != key:
            self._plans_key, self._plans = key, CellPlanner(self.scale).board(cells, words)
        return self._plans

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
