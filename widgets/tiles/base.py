"""What every tile has in common: header, type scale, staleness, repaint on the shared clock.

A tile paints itself with `widgets.parts.text` only, at the sizes of its panel (`self.scale`), and opens
nothing. The window calls the hooks; they run in the GUI thread and must not block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from layouts.options import SHIPPED_KINDS
from layouts.spec import TileKind
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.shapes import draw_hatch
from widgets.session import Session
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight


@dataclass(frozen=True)
class TileSpec:
    """One row of the registry."""

    kind: str
    """Name in layout files."""
    options: type[msgspec.Struct]
    """Options in layout files; unknown fields are forbidden."""
    widget: type[Tile]
    shows_alarms: bool = False
    """True for the alarm list: its window need not name the highest alarm in the top bar."""
    min_em: tuple[float, float] = (8.0, 4.0)
    """Smallest useful width and height, in font sizes of reading text."""

    @property
    def layout(self) -> TileKind:
        """The kind as layouts know it; the sizes of the shipped ones are told there, without Qt."""
        shipped = SHIPPED_KINDS.get(self.kind)
        return TileKind(self.options, shipped.min_em if shipped else self.min_em, self.shows_alarms)


class Tile(QWidget):
    """Base of all tiles."""

    feeds: tuple[str, ...] = ()
    """The feeds whose records it shows: it is refreshed when one of them changes and marked stale when
    one of them is stale."""
    has_header = True

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__()
        self.session = session
        self.scale = scale
        self.options = options
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)

    # -- hooks for tile kinds ------------------------------------------------------------------------

    def title(self) -> str:
        """Header, left: what this tile is."""
        return ""

    def summary(self) -> str:
        """Header, right: one summary, shown while the data is live."""
        return ""

    def shows_highest_alarm(self) -> bool:
        """Of a kind that shows alarms: the highest unacknowledged one is on it now, or there is none."""
        return False

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        """Paint below the header. `body` is in widget coordinates, the ground is already painted."""

    def on_feeds(self, changed: frozenset[str]) -> None:
        """Records of `changed` moved. Default: repaint when one of `feeds` is among them."""
        if changed & set(self.feeds):
            self.refresh()

    def on_second(self) -> None:
        """Once a second: ages. Default: repaint only while stale."""
        if self.stale_since_ns() is not None:
            self.update()

    def on_picture_pass(self) -> None:
        """Every pass of the pump. Only tiles with pictures override it."""

    def on_blink(self, bright: bool) -> None:
        """1 Hz, only while something unacknowledged may be shown."""

    def on_health(self) -> None:
        """Feed health or the link changed."""
        self.update()

    def on_look(self) -> None:
        """Theme or language changed: drop caches."""
        self.refresh()

    def refresh(self) -> None:
        """Recompute what is shown and repaint. Override to rebuild derived state, then call super."""
        self.update()

    # -- common painting -----------------------------------------------------------------------------

    @property
    def theme(self) -> Theme:
        return self.session.look.theme

    def now_ns(self) -> int:
        return self.session.clock.now_ns()

    def stale_since_ns(self) -> int | None:
        """None: all its feeds are live."""
        return self.session.city.stale_since_ns(self.feeds) if self.feeds else None

    def stale_words(self) -> str:
        """ "số liệu cũ 12 phút", empty while live."""
        since = self.stale_since_ns()
        if since is None:
            return ""
        if since == 0:
            return tr("stale.never")
        age_s = (self.now_ns() - since) / 1e9
        return tr("stale.age", age=fmt.duration(age_s), at=fmt.clock(since))

    @property
    def header_height(self) -> int:
        return self.scale.line(self.scale.read) + self.scale.pad if self.has_header else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            rect = QRectF(self.rect())
            painter.fillRect(rect, self.theme.tile)
            header = QRectF(rect.left(), rect.top(), rect.width(), self.header_height)
            stale = self.stale_words()
            if stale and self.has_header:
                draw_hatch(painter, header, self._hatch_color(), self.scale.floor * 1.2)
            body = rect.adjusted(0, self.header_height, 0, 0)
            self.paint_body(painter, body)
            if self.has_header:
                self._paint_header(painter, header, stale)
        finally:
            painter.end()

    def _hatch_color(self) -> QColor:
        color = QColor(self.theme.muted)
        color.setAlpha(70)
        return color

    def _paint_header(self, painter: QPainter, header: QRectF, stale: str) -> None:
        scale, theme, pad = self.scale, self.theme, self.scale.pad
        inner = header.adjusted(pad, 0, -pad, 0)
        name = self.title()
        right = stale or self.summary()
        name_width = text.width(name, scale.read, Weight.SEMIBOLD)
        if not stale:
            right = text.whole_parts(right, scale.floor, Weight.REGULAR, inner.width() - name_width - pad)
        right_width = text.width(right, scale.floor, Weight.SEMIBOLD if stale else Weight.REGULAR)
        gap = pad if right else 0
        # The name comes first: the summary takes what it leaves, and is dropped before it is useless.
        room = inner.width() - min(name_width, inner.width()) - gap
        if right and room < min(right_width, scale.floor * 4):
            room, right = 0, ""
        if stale:
            room = min(right_width + scale.floor + 1, inner.width())
            chip = QRectF(inner.right() - room, 0, room, scale.line(scale.floor))
            chip.moveCenter(QRectF(chip.left(), header.top(), chip.width(), header.height()).center())
            painter.fillRect(chip, theme.inverse)
            text.draw(
                painter,
                chip.adjusted(scale.floor / 2, 0, -scale.floor / 2, 0),
                right,
                scale.floor,
                theme.inverse_text,
                Weight.SEMIBOLD,
                align=Qt.AlignmentFlag.AlignHCenter,
            )
        elif right:
            text.draw(
                painter,
                QRectF(inner.right() - room, header.top(), room, header.height()),
                right,
                scale.floor,
                theme.muted,
                align=Qt.AlignmentFlag.AlignRight,
            )
            room = min(room, right_width)
        left = QRectF(inner.left(), header.top(), inner.width() - (room + gap if right else 0), header.height())
        if left.width() > scale.read * 2:
            text.draw(painter, left, name, scale.read, theme.text, Weight.SEMIBOLD)

    def paint_empty(self, painter: QPainter, body: QRectF, sentence: str) -> None:
        """Empty is a sentence, not a void."""
        inner = body.adjusted(self.scale.pad, 0, -self.scale.pad, 0)
        text.draw(painter, inner, sentence, self.scale.read, self.theme.muted, align=Qt.AlignmentFlag.AlignHCenter)
