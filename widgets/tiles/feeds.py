"""Tile "feeds": the health of every data channel and of the link, the integration platform's own view.

Shows `CityModel.statuses` and `CityModel.link`; it measures nothing itself. A feed that is not live is
hatched and says so on an inverse chip; a priority's hue never appears here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QToolTip

from backends.domain.feeds import FeedQuality, FeedStatus, LinkState
from backends.domain.ports import LinkStatus
from backends.domain.times import NS_PER_S
from layouts.options import FeedsOptions
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.rows import plain_tooltip
from widgets.parts.shapes import chip_width, draw_chip, draw_hatch, draw_rule
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

WALL_ROWS = 7
"""look.md: a wall shows at most five to seven rows a list."""

_REASONS = frozenset({"hub_silent", "late", "key_refused", "mode_mismatch", "denied", "bye"})
"""Codes of `LinkStatus.reason`, up to a colon; another one is not told: the state stands there."""
_OFFSET_TOLD_S = 0.5
"""A clock nearer than this is right for a room of people."""
_OFFSET_SENSE_S = 86_400.0
"""Further off than a day, the hub does not tell today's time at all (a scenario's past)."""

station_clock_ns: Callable[[], int] = time.time_ns
"""This machine's own clock, to say by how much the hub's differs."""


@dataclass(frozen=True)
class FeedRow:
    """One feed in words."""

    name: str
    title: str
    state: str
    trouble: bool
    """Not live: hatch and inverse chip."""
    lag: str
    rate: str
    age: str
    gaps: str
    bad: str


def feed_row(name: str, status: FeedStatus | None, now_ns: int) -> FeedRow:
    """The words of one feed; figures that no longer hold are a dash."""
    title, none = tr(f"feed.{name}"), tr("feeds.none")
    if status is None or (status.quality is not FeedQuality.LIVE and status.t_fresh_ns == 0):
        return FeedRow(name, title, tr("feeds.never"), True, none, none, none, none, none)
    age = fmt.duration((now_ns - status.t_fresh_ns) / NS_PER_S)
    moving = status.quality in (FeedQuality.LIVE, FeedQuality.CATCHING_UP)
    return FeedRow(
        name=name,
        title=title,
        state=_state(status.quality, age),
        trouble=status.quality in (FeedQuality.STALE, FeedQuality.STORED),
        lag=tr("feeds.seconds", n=fmt.number(status.lag_s, 1)) if moving else none,
        rate=fmt.number(status.per_s, 1 if status.per_s < 10 else 0) if moving else none,
        age=age,
        gaps=fmt.number(status.gaps),
        bad=fmt.number(status.bad),
    )


def _state(quality: FeedQuality, age: str) -> str:
    if quality is FeedQuality.STALE:
        return tr("feeds.stale", age=age)
    if quality is FeedQuality.STORED:
        return tr("feeds.stored", age=age)
    return tr("feeds.live") if quality is FeedQuality.LIVE else tr("feeds.catching_up")


def link_words(link: LinkStatus, now_ns: int, offset_s: float) -> list[str]:
    """The link as sentences, the most important first; the line shows as many as it has room for."""
    at, age = fmt.event_time(link.t_since_ns, now_ns), fmt.duration((now_ns - link.t_since_ns) / NS_PER_S)
    words = [tr(f"feeds.link.{link.state.value}", server=link.server, at=at, age=age).replace("  ", " ").rstrip()]
    if link.state is LinkState.DOWN:
        words.append(tr("feeds.link.since", at=at))
    if link.queued:
        words.append(tr("feeds.link.queued", n=link.queued))
    code = link.reason.partition(":")[0]
    if code in _REASONS and link.state is not LinkState.UP:
        words.append(tr("feeds.link.reason", text=tr(f"feeds.reason.{code}")))
    if link.rate != 1.0:
        words.append(tr("feeds.link.speed", n=fmt.number(link.rate, 0 if link.rate >= 10 else 1)))
    elif _OFFSET_TOLD_S <= abs(offset_s) < _OFFSET_SENSE_S and link.state is LinkState.UP:
        words.append(tr("feeds.link.offset", by=_offset(offset_s)))
    return words


def _offset(offset_s: float) -> str:
    """To the tenth while it is seconds, in words beyond that."""
    seconds = abs(offset_s)
    return tr("feeds.seconds", n=fmt.number(seconds, 1)) if seconds < 60 else fmt.duration(seconds)


@dataclass(frozen=True)
class Grid:
    """How the feeds are laid out."""

    columns: int
    rows: int
    row_height: float
    table: bool
    """True: one feed a line with figures under column heads; False: cells with name and state."""
    two_lines: bool = False

    @property
    def room(self) -> int:
        return self.columns * self.rows

    @classmethod
    def of(cls, scale: TypeScale, width: float, height: float, count: int) -> Grid:
        """The first of these that shows all: table, cells of two lines, cells of one; else what fits."""
        pad = scale.pad
        line, low = scale.line(scale.read) + pad * 0.5, scale.line(scale.read) + scale.line(scale.floor) + pad
        head = scale.line(scale.floor)
        most = WALL_ROWS if scale.wall else count
        table_fit = int((height - head) // line)
        if width >= 26 * scale.read and table_fit >= min(count, most):
            rows = min(count, most)
            return cls(1, rows, min((height - head) / rows, low), table=True)
        for two, natural, em in ((True, low, 11.0), (False, line, 14.0)):
            columns = max(1, min(4, int(width // (em * scale.read))))
            rows = min(int((height + 1) // natural), -(-count // columns), most)
            if rows >= 1 and (columns * rows >= min(count, most) or not two):
                return cls(columns, rows, min(height / rows, low * 1.25), table=False, two_lines=two)
        # Not one row has room: header and link line say what there is to say.
        return cls(1, 0, 0.0, table=False)


class FeedsTile(Tile):
    """Feed health."""

    def title(self) -> str:
        return tr("feeds.title")

    def summary(self) -> str:
        statuses = [self.session.city.statuses.get(name) for name in self.session.city.feeds]
        live = [s for s in statuses if s is not None and s.quality is FeedQuality.LIVE]
        shown, total = len(self._shown()), len(statuses)
        if shown < total:
            return tr("feeds.summary_part", live=len(live), total=total, shown=shown)
        if len(live) < total:
            return tr("feeds.summary", live=len(live), total=total)
        return tr("feeds.summary_lag", live=len(live), total=total, lag=fmt.number(max(s.lag_s for s in live), 1))

    def on_second(self) -> None:
        # Everything here has an age.
        self.update()

    # -- what is shown, where --------------------------------------------------------------------------

    def _body(self) -> QRectF:
        """Below header and link line."""
        scale = self.scale
        top = self.header_height + scale.line(scale.floor) * (2 if scale.wall else 1) + scale.pad * 0.5
        return QRectF(0, top, self.width(), max(1.0, self.height() - top - scale.pad * 0.5))

    def _grid(self) -> Grid:
        body = self._body()
        return Grid.of(self.scale, body.width(), body.height(), len(self.session.city.feeds))

    def _shown(self) -> list[FeedRow]:
        """In the table's order; where not all fit, those in trouble come first."""
        now_ns, room = self.now_ns(), self._grid().room
        rows = [feed_row(name, self.session.city.statuses.get(name), now_ns) for name in self.session.city.feeds]
        if len(rows) > room:
            rows.sort(key=lambda row: not row.trouble)
        return rows[:room]

    def _cells(self) -> list[tuple[FeedRow, QRectF]]:
        grid, body = self._grid(), self._body()
        head = self.scale.line(self.scale.floor) if grid.table else 0
        width = body.width() / grid.columns
        out = []
        for n, row in enumerate(self._shown()):
            column, line = divmod(n, grid.rows)
            out.append(
                (row, QRectF(column * width, body.top() + head + line * grid.row_height, width, grid.row_height))
            )
        return out

    # -- painting ----------------------------------------------------------------------------------------

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        self._paint_link(painter, body)
        grid = self._grid()
        cells = self._cells()
        for _, rect in cells:
            draw_rule(painter, rect.left(), rect.right(), rect.top(), self.theme)
        if grid.table and cells:
            self._paint_table(painter, cells)
            return
        for row, rect in cells:
            self._paint_cell(painter, rect, row, two_lines=grid.two_lines)

    def _paint_link(self, painter: QPainter, body: QRectF) -> None:
        scale, theme, link = self.scale, self.theme, self.session.city.link
        px, height = scale.floor, scale.line(scale.floor)
        if body.height() < height:
            return
        offset_s = (self.now_ns() - station_clock_ns()) / NS_PER_S
        words = link_words(link, self.now_ns(), offset_s)
        inner = body.adjusted(scale.pad, 0, -scale.pad, 0)
        line = QRectF(inner.left(), inner.top(), inner.width(), height)
        first, rest = words[0], " · ".join(words[1:])
        if link.state is LinkState.UP:
            taken = text.draw(painter, line, first, px, theme.text).width()
        else:
            chip = QRectF(line.left(), line.top(), min(chip_width(first, px), line.width()), height)
            draw_chip(painter, chip, first, px, theme.inverse, theme.inverse_text)
            taken = chip.width()
        if scale.wall:
            line.translate(0, height)
        else:
            line.setLeft(line.left() + taken + scale.pad * 1.5)
        if rest and line.width() > px * 5:
            text.draw(painter, line, rest, px, theme.muted)

    def _paint_table(self, painter: QPainter, cells: list[tuple[FeedRow, QRectF]]) -> None:
        scale, theme = self.scale, self.theme
        px, gap = scale.floor, scale.pad * 2.0
        inner = QRectF(cells[0][1]).adjusted(scale.pad, 0, -scale.pad, 0)
        names = max(text.width(row.title, scale.read, Weight.MEDIUM) for row, _ in cells)
        states = max(self._state_width(row) for row, _ in cells)
        columns: list[tuple[str, str, float]] = []
        right = inner.right()
        for key in ("age", "lag", "rate", "gaps", "bad"):
            head = tr(f"feeds.column.{key}")
            width = max(text.width(head, px), *(text.width(getattr(r, key), px, tabular=True) for r, _ in cells))
            if inner.left() + names + states + 2 * gap + sum(c[2] + gap for c in columns) + width > right:
                break
            columns.append((key, head, width))
        # Figures stand at the right edge, in the order of the heads; the state takes what is left.
        x = right - sum(width for _, _, width in columns) - gap * max(0, len(columns) - 1)
        left_of_figures = x
        for key, head, width in columns:
            head_room = QRectF(x, inner.top() - scale.line(px), width, scale.line(px))
            text.draw(painter, head_room, head, px, theme.muted, align=Qt.AlignmentFlag.AlignRight)
            for row, rect in cells:
                room = QRectF(x, rect.top(), width, rect.height())
                value = getattr(row, key)
                color = theme.strong if key in ("gaps", "bad") and value not in ("0", tr("feeds.none")) else theme.text
                text.draw(painter, room, value, px, color, align=Qt.AlignmentFlag.AlignRight, tabular=True)
            x += width + gap
        for row, rect in cells:
            text.draw(painter, QRectF(inner.left(), rect.top(), names, rect.height()), row.title, scale.read,
                      theme.text, Weight.MEDIUM)  # fmt: skip
            left = inner.left() + names + gap
            self._paint_state(painter, QRectF(left, rect.top(), left_of_figures - gap - left, rect.height()), row)

    def _paint_cell(self, painter: QPainter, rect: QRectF, row: FeedRow, *, two_lines: bool) -> None:
        scale, theme = self.scale, self.theme
        inner = rect.adjusted(scale.pad, 0, -scale.pad, 0)
        if two_lines:
            first, second = scale.line(scale.read), scale.line(scale.floor)
            top = inner.center().y() - (first + second) / 2
            text.draw(painter, QRectF(inner.left(), top, inner.width(), first), row.title, scale.read, theme.text,
                      Weight.MEDIUM)  # fmt: skip
            below = QRectF(inner.left(), top + first, inner.width(), second)
            taken = self._paint_state(painter, below, row)
            below.setLeft(below.left() + taken + scale.pad)
            if not row.trouble and below.width() >= text.width(row.lag, scale.floor, tabular=True):
                text.draw(painter, below, row.lag, scale.floor, theme.muted, tabular=True,
                          align=Qt.AlignmentFlag.AlignRight)  # fmt: skip
            return
        width = min(self._state_width(row), inner.width() * 0.6)
        self._paint_state(painter, QRectF(inner.right() - width, inner.top(), width, inner.height()), row)
        name = inner.adjusted(0, 0, -width - scale.pad, 0)
        taken = text.draw(painter, name, row.title, scale.read, theme.text, Weight.MEDIUM).width() + scale.pad
        if row.trouble and name.width() > taken:
            self._hatch(painter, name.adjusted(taken, 0, 0, 0))

    def _state_width(self, row: FeedRow) -> float:
        return chip_width(row.state, self.scale.floor) if row.trouble else text.width(row.state, self.scale.floor)

    def _paint_state(self, painter: QPainter, room: QRectF, row: FeedRow) -> float:
        """Words, on an inverse chip over a hatch when the feed is not live. Returns the width taken."""
        scale, theme = self.scale, self.theme
        if not row.trouble:
            return text.draw(painter, room, row.state, scale.floor, theme.muted).width()
        band = self._hatch(painter, room)
        chip = QRectF(band.left(), band.top(), min(self._state_width(row), band.width()), band.height())
        draw_chip(painter, chip, row.state, scale.floor, theme.inverse, theme.inverse_text)
        return band.width()

    def _hatch(self, painter: QPainter, room: QRectF) -> QRectF:
        """Stripes on a band of one line, centred in `room`."""
        band = QRectF(room.left(), 0, room.width(), self.scale.line(self.scale.floor))
        band.moveCenter(QPointF(band.center().x(), room.center().y()))
        draw_hatch(painter, band, self._hatch_color(), self.scale.floor * 1.2)
        return band

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            hit = next((row for row, rect in self._cells() if rect.contains(QPointF(event.pos()))), None)
            if hit is not None:
                QToolTip.showText(event.globalPos(), plain_tooltip(self._whole(hit)), self)
                return True
        return super().event(event)

    def _whole(self, row: FeedRow) -> str:
        status = self.session.city.statuses.get(row.name)
        cursor, head = (fmt.number(status.cursor), fmt.number(status.head)) if status else ("0", "0")
        lines = [tr("feeds.tooltip", name=row.title, state=row.state, cursor=cursor, head=head)]
        lines += [f"{tr(f'feeds.column.{key}')}: {getattr(row, key)}" for key in ("age", "lag", "rate", "gaps", "bad")]
        return "\n".join(lines)


SPEC = TileSpec("feeds", FeedsOptions, FeedsTile)
