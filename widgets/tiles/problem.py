"""What stands where a tile could not be made: one sentence, what is wrong and where. The rest goes on."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from layouts.spec import ProblemOptions
from widgets.i18n import language, tr
from widgets.parts import text
from widgets.session import Session
from widgets.tiles.base import Tile
from widgets.typography import TypeScale, Weight


class ProblemTile(Tile):
    """Not a kind of its own: windows put it in the place of a broken one."""

    has_header = False

    def __init__(self, session: Session, scale: TypeScale, options: Any, kind: str) -> None:
        super().__init__(session, scale, options)
        self._kind = kind

    def sentence(self) -> str:
        if isinstance(self.options, ProblemOptions):
            problem = self.options.problem
            where = f"{problem.file}:{problem.line}" if problem.line else problem.file
            return f"{problem.text.get(language())} ({where})"
        return tr("layout.unknown_tile", kind=self._kind)

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        scale = self.scale
        px, inner = scale.floor, body.adjusted(scale.pad, scale.pad, -scale.pad, -scale.pad)
        step = scale.line(px)
        room = max(1, int(inner.height() // step))
        lines = text.wrap(self.sentence(), px, Weight.REGULAR, inner.width(), min(room, 6))
        top = inner.center().y() - step * len(lines) / 2
        for line in lines:
            text.draw(painter, QRectF(inner.left(), top, inner.width(), step), line, px, self.theme.text)
            top += step
