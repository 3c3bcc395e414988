"""Paper: a title, sections of rows and a footer as a PDF in A4, for whatever is to be signed, filed or sent.

Black on white, in the one family, which the file carries with it; what is too long for its column is wrapped, never
cut. Every page has the footer and its number. What must be seen is bold, with a bar in the margin: it survives any
printer. Sizes are points, of 1/72 inch. Needs a QGuiApplication. Must not: know what it prints.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QPen

from backends.domain.feeds import Mode
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.exports import Job, job_for
from widgets.typography import LINE_HEIGHT, Weight

if TYPE_CHECKING:
    from widgets.session import Session

DPI = 288
"""Units of the page: four to a point, so that whole sizes of type are fine enough."""
_PT = DPI // 72
_MARGIN_MM = 16.0
_TITLE, _HEAD, _BODY, _SMALL = 15 * _PT, 10 * _PT, 9 * _PT, 7 * _PT
_GAP = 2 * _PT
_PICTURE = 0.6
"""Share of the width, and at most so high."""
_INK, _MUTED, _LINE = QColor("#000000"), QColor("#555555"), QColor("#999999")


@dataclass(frozen=True)
class PaperPicture:
    """One picture, in its own shape, with its words below."""

    words: str
    image: QImage | None
    """None: it is not there; the words say why."""


@dataclass(frozen=True)
class PaperPart:
    """One section."""

    title: str
    rows: Sequence[Sequence[str]] = ()
    """Cells; all rows of a section have as many."""
    columns: Sequence[str] = ()
    """What stands over them, again on each page; empty = nothing."""
    strong: Collection[int] = ()
    """Rows that must be seen."""
    widths: Sequence[float] = ()
    """Shares of the columns, as many as there are cells; empty = all the same."""
    empty: str = ""
    """What stands there without rows; empty = the usual word."""
    pictures: Sequence[PaperPicture] = ()
    """Below its rows."""


@dataclass(frozen=True)
class Paper:
    """What is to be printed."""

    title: str
    head: str = ""
    """Above it: whose paper it is."""
    lines: Sequence[str] = ()
    """Below the title."""
    parts: Sequence[PaperPart] = ()
    footer: str = ""
    """On every page, beside its number."""
    mark: str = ""
    """Across every page: what must not be taken for the city in operation."""
    attached: tuple[str, bytes] | None = None
    """Name and content of a table (CSV) that goes with the file, to be reckoned with."""


def paper_job(
    session: Session, paper: Paper, of: str, stem: str, account: Mapping[str, object], *, what: str, feed: str
) -> Job:
    """It as a file to save, under the city's name and with the mode of the link. GUI thread."""
    content = to_pdf(headed(paper, session.site, session.city.link.mode))
    return job_for(session, "pdf", of, stem, content, account, what=what, feed=feed)


def headed(paper: Paper, site: str, mode: Mode) -> Paper:
    """With the city's name, and what is not operation across it and in a line."""
    head = " · ".join(filter(None, (tr("app.title"), site)))
    if mode is Mode.LIVE:
        return replace(paper, head=head)
    mark = tr(f"mode.{mode.value}")
    return replace(paper, head=head, lines=(*paper.lines, tr("paper.mode", mode=mark)), mark=mark)


def to_pdf(paper: Paper) -> bytes:
    """The file's bytes. GUI thread."""
    total = _Press(paper, None, 0).run()  # once without a painter, to count the pages
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(DPI)
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, margins, QPageLayout.Unit.Millimeter
        )
    )
    writer.setTitle(paper.title)
    if paper.attached is not None:
        name, table = paper.attached
        writer.addFileAttachment(name, QByteArray(table), "text/csv")
    painter = QPainter(writer)
    try:
        _Press(paper, (writer, painter), total).run()
    finally:
        painter.end()
    buffer.close()
    return bytes(content.data())


def page_room() -> tuple[float, float]:
    """Width and height inside the margins."""
    inch = 25.4
    return (210.0 - 2 * _MARGIN_MM) / inch * DPI, (297.0 - 2 * _MARGIN_MM) / inch * DPI


class _Press:
    """One run over the paper; without a painter it only counts pages."""

    def __init__(self, paper: Paper, out: tuple[QPdfWriter, QPainter] | None, total: int) -> None:
        self._paper, self._out, self._total = paper, out, total
        self._wide, high = page_room()
        self._foot_y = high - _line(_SMALL)
        self._bottom = self._foot_y - 2 * _GAP
        self._y = 0.0
        self._page = 1

    def run(self) -> int:
        """Number of pages."""
        self._furnish()
        self._words(self._paper.head, _BODY, Weight.REGULAR, _MUTED)
        self._words(self._paper.title, _TITLE, Weight.BOLD, _INK)
        for line in self._paper.lines:
            self._words(line, _BODY, Weight.REGULAR, _MUTED)
        for part in self._paper.parts:
            self._part(part)
        return self._page

    def _part(self, part: PaperPart) -> None:
        # A title stands over at least one row, never alone at the foot of a page.
        self._need(2 * _GAP + _line(_HEAD) + 2 * _line(_BODY))
        self._y += 3 * _GAP
        self._words(part.title, _HEAD, Weight.SEMIBOLD, _INK)
        self._rule()
        if not part.rows and not part.pictures:
            self._words(part.empty or tr("paper.nothing"), _BODY, Weight.REGULAR, _MUTED)
        widths = part.widths or [1.0] * max(map(len, part.rows), default=1)
        if part.rows and part.columns:
            self._row(part.columns, widths, _SMALL, ink=_MUTED)
        for n, row in enumerate(part.rows):
            over = (part.columns, widths) if part.columns else None
            weight = Weight.SEMIBOLD if n in part.strong else Weight.REGULAR
            self._row(row, widths, weight=weight, barred=n in part.strong, over=over)
        for picture in part.pictures:
            self._picture(picture)

    def _picture(self, picture: PaperPicture) -> None:
        image = picture.image
        size = QSizeF(image.size()) if image is not None else QSizeF()
        size.scale(self._wide * _PICTURE, self._wide * _PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
        lines = _wrapped(picture.words, _SMALL, self._wide)
        self._need(size.height() + len(lines) * _line(_SMALL))  # words never stand alone on the next page
        if image is not None:
            if self._out is not None:
                self._out[1].drawImage(QRectF(QPointF(0, self._y), size), image)
            self._y += size.height()
        self._words(picture.words, _SMALL, Weight.REGULAR, _INK)
        self._y += _GAP

    def _row(
        self,
        cells: Sequence[str],
        widths: Sequence[float],
        px: int = _BODY,
        weight: Weight = Weight.REGULAR,
        ink: QColor = _INK,
        *,
        barred: bool = False,
        over: tuple[Sequence[str], Sequence[float]] | None = None,
    ) -> None:
        """`over`: what stands over the columns again where the row comes on a new page."""
        whole = sum(widths)
        rooms = [share / whole * self._wide for share in widths]
        wrapped = [_wrapped(cell, px, room - _GAP, weight) for cell, room in zip(cells, rooms, strict=True)]
        deep = max((len(lines) for lines in wrapped), default=0)
        for n in range(deep):  # a row that is longer than a page goes on on the next one
            if self._need(_line(px)) and over is not None:
                self._row(*over, px=_SMALL, ink=_MUTED)
            left = 0.0
            for lines, room in zip(wrapped, rooms, strict=True):
                if n < len(lines):
                    self._draw(QRectF(left, self._y, room - _GAP, _line(px)), lines[n], px, weight, ink)
                left += room
            if barred and self._out is not None:
                self._out[1].fillRect(QRectF(-2 * _GAP, self._y, _GAP, _line(px)), _INK)
            self._y += _line(px)
        self._y += _GAP

    def _words(self, words: str, px: int, weight: Weight, ink: QColor) -> None:
        for line in _wrapped(words, px, self._wide, weight):
            self._need(_line(px))
            self._draw(QRectF(0, self._y, self._wide, _line(px)), line, px, weight, ink)
            self._y += _line(px)

    def _rule(self) -> None:
        if self._out is not None:
            self._out[1].setPen(QPen(_LINE, _PT / 2))
            self._out[1].drawLine(0, round(self._y), round(self._wide), round(self._y))
        self._y += _GAP

    def _need(self, height: float) -> bool:
        """True: a new page has begun."""
        if not self._y or self._y + height <= self._bottom:
            return False
        self._page += 1
        self._y = 0.0
        if self._out is not None:
            self._out[0].newPage()
        self._furnish()
        return True

    def _furnish(self) -> None:
        """What every page has."""
        number = tr("paper.page", n=self._page, total=self._total)
        wide = text.width(number, _SMALL) + 1
        low = QRectF(0, self._foot_y, self._wide - wide - _GAP, _line(_SMALL))
        self._draw(low, self._paper.footer, _SMALL, ink=_MUTED)
        right = QRectF(self._wide - wide, self._foot_y, wide, _line(_SMALL))
        self._draw(right, number, _SMALL, ink=_MUTED)
        if self._paper.mark and self._out is not None:
            self._mark(self._out[1], self._paper.mark)

    def _mark(self, painter: QPainter, words: str) -> None:
        px = 40 * _PT
        wide = text.width(words, px, Weight.BOLD)
        px = math.floor(px * min(1.0, self._wide / wide))
        painter.save()
        painter.translate(self._wide / 2, self._foot_y / 2)
        painter.rotate(-45)
        wide = text.width(words, px, Weight.BOLD) + 2
        text.draw(painter, QRectF(-wide / 2, -px, wide, 2 * px), words, px, QColor("#e2e2e2"), Weight.BOLD)
        painter.restore()

    def _draw(
        self, room: QRectF, words: str, px: int, weight: Weight = Weight.REGULAR, ink: QColor = _INK
    ) -> None:  # fmt: skip
        if self._out is not None and words:
            text.draw(self._out[1], room, words, px, ink, weight, align=Qt.AlignmentFlag.AlignLeft, elide=False)


def _line(px: int) -> float:
    return math.ceil(px * LINE_HEIGHT)


def _wrapped(words: str, px: int, room: float, weight: Weight = Weight.REGULAR) -> list[str]:
    """Broken at spaces; a word that is wider than its column is broken where the column ends."""
    lines: list[str] = []
    for line in text.wrap(words, px, weight, room, len(words) + 1):
        rest = line
        while text.width(rest, px, weight) > room and len(rest) > 1:
            fit = len(rest) - 1
            while fit > 1 and text.width(rest[:fit], px, weight) > room:
                fit -= 1
            lines.append(rest[:fit])
            rest = rest[fit:]
        lines.append(rest)
    return lines
