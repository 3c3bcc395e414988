"""The pictures of an opened report: a strip of small ones, and one of them (or before and after) over a room.

Each says what it is and since when it is there, so that none is taken for a live one; where one is missing, its place
says why. GUI thread only. Must not: take the keyboard, or be shown while citizens' own words may not be
(`CityModel.shows_personal_data`): its owner hides it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from backends.domain.report import Report
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.record_pictures import MOST, RecordPictures
from widgets.session import Session
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

STRIP_LINES = 4
"""Height of a small picture, in lines of reading text."""
_SHAPE = 4 / 3
_WHY = frozenset({"unknown", "too_large", "no_picture", "damaged", "no_answer", "busy", "bad_hash"})


class Pictured(Protocol):
    """One picture that a record names."""

    @property
    def blob(self) -> str: ...
    def words(self, now_ns: int) -> str:
        """What it is, and of when."""
        ...


@dataclass(frozen=True)
class Shot:
    """One picture of a report."""

    blob: str
    after: bool
    """Of the result; False: it came with the report."""
    n: int
    """Which of its kind, from 1."""
    of: int
    t_ns: int
    """When the report came, or was closed: the picture is no newer."""

    def words(self, now_ns: int) -> str:
        """What it is, and since when it is here."""
        key = "reports.picture.after" if self.after else "reports.picture.before"
        number = f" {self.n}/{self.of}" if self.of > 1 else ""
        when = tr(f"{key}_at", at=fmt.event_minutes(self.t_ns, now_ns)) if self.t_ns else ""
        return " · ".join(filter(None, (f"{tr(key)}{number}", when)))


def shots_of(report: Report) -> tuple[Shot, ...]:
    """Those that came with it, then those of its result."""
    before, after = report.before, report.after
    return (
        *(Shot(blob, False, n, len(before), report.t_received_ns) for n, blob in enumerate(before, 1)),
        *(Shot(blob, True, n, len(after), report.t_closed_ns) for n, blob in enumerate(after, 1)),
    )


def pages_of(report: Report) -> list[tuple[Shot, ...]]:
    """What is enlarged together: before and after side by side where there is both, else one at a time."""
    shots = shots_of(report)
    before, after = [s for s in shots if not s.after], [s for s in shots if s.after]
    if not before or not after:
        return [(shot,) for shot in shots]
    count = max(len(before), len(after))
    return [(before[min(n, len(before) - 1)], after[min(n, len(after) - 1)]) for n in range(count)]


def why_words(code: str) -> str:
    """Why a picture is not there (`RecordPictures.code`)."""
    if not code:
        return tr("reports.picture.coming")
    return tr(f"reports.picture.why.{code}") if code in _WHY else tr("reports.picture.why.other")


def draw_picture(
    painter: QPainter, box: QRectF, image: QImage | None, why: str, theme: Theme, scale: TypeScale
) -> None:  # fmt: skip
    """The picture in its own shape inside `box`; where there is none, why."""
    painter.fillRect(box, theme.ground)
    if image is not None:
        size = image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(box.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, image)
    else:
        low, pad = scale.line(scale.floor), scale.pad
        inner = box.adjusted(pad / 2, 0, -pad / 2, 0)
        lines = text.wrap(why, scale.floor, Weight.REGULAR, inner.width(), max(1, int(inner.height() // low)))
        line = QRectF(inner.left(), inner.center().y() - low * len(lines) / 2, inner.width(), low)
        for words in lines:
            text.draw(painter, line, words, scale.floor, theme.text, align=Qt.AlignmentFlag.AlignHCenter)
            line.translate(0, low)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0, 0, -1, -1))


class PictureStrip(QWidget):
    """Small pictures beside each other, within the report's panel."""

    chosen = Signal(object)
    """The Shot that was clicked."""

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._scale = session, scale
        self._pictures: RecordPictures = session.record_pictures
        self.shots: tuple[Shot, ...] = ()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._pictures.changed.connect(self.update)
        self.hide()

    @staticmethod
    def height_for(scale: TypeScale) -> int:
        """Pictures, and the words below them."""
        return STRIP_LINES * scale.line(scale.read) + scale.line(scale.floor) + scale.pad

    def show_shots(self, shots: Sequence[Shot]) -> None:
        """These; none: it is hidden."""
        self.shots = tuple(shots)
        self.setVisible(bool(shots))
        self._pictures.look(self, tuple(shot.blob for shot in self.seen))
        self.update()

    @property
    def seen(self) -> tuple[Shot, ...]:
        """Those that there is room for."""
        return self.shots[: max(1, min(MOST, int((self.width() + self._scale.pad) // self._step)))]

    @property
    def _box(self) -> QRectF:
        high = self.height() - self._scale.line(self._scale.floor) - self._scale.pad
        return QRectF(0, 0, round(high * _SHAPE), high)

    @property
    def _step(self) -> float:
        return max(1.0, self._box.width() + self._scale.pad)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        n = int(event.position().x() // self._step)
        seen = self.seen
        if event.button() == Qt.MouseButton.LeftButton and n < len(seen):
            self.chosen.emit(seen[n])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale = self._session.look.theme, self._scale
            painter.fillRect(self.rect(), theme.raised)
            seen, box, low = self.seen, self._box, scale.line(scale.floor)
            for n, shot in enumerate(seen):
                why = why_words(self._pictures.code(shot.blob))
                draw_picture(painter, box, self._pictures.image(shot.blob), why, theme, scale)
                left = len(self.shots) - len(seen) if n == len(seen) - 1 else 0
                words = tr("reports.picture.after" if shot.after else "reports.picture.before")
                words = f"{words} · +{left}" if left else words
                text.draw(painter, QRectF(box.left(), box.bottom(), box.width(), low), words, scale.floor, theme.muted)
                box.translate(self._step, 0)
        finally:
            painter.end()


class PictureRoom(QWidget):
    """One page of pictures over a room beside the alarm lists. The keyboard stays where it is."""

    ended = Signal()

    def __init__(self, session: Session, scale: TypeScale, parent: QWidget) -> None:
        super().__init__(parent)
        self._home = parent
        self._session, self._scale = session, scale
        self._pictures: RecordPictures = session.record_pictures
        self._name = ""
        self._pages: Sequence[tuple[Pictured, ...]] = []
        self._at = 0
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._pictures.changed.connect(self.update)
        self.hide()

    @property
    def shown(self) -> tuple[Pictured, ...]:
        """What is enlarged now."""
        return self._pages[self._at] if self.isVisible() and self._pages else ()

    def open_for(self, report: Report, over: QWidget, room: QRect, shot: Shot | None = None) -> None:
        """`shot`: the page with it first; None: the first page. `room`: of `over`, on which it lies until it ends."""
        pages = pages_of(report)
        self.open_pages(report.id, pages, over, room, next((n for n, page in enumerate(pages) if shot in page), 0))

    def open_pages(
        self, name: str, pages: Sequence[tuple[Pictured, ...]], over: QWidget, room: QRect, at: int = 0
    ) -> None:
        """These, the page `at` first; none: nothing opens. `name`: of the record that names them."""
        self._name, self._pages = name, pages
        if not pages:
            return
        self._at = at
        self.setParent(over)
        self.setGeometry(room)
        self.show()
        self.raise_()
        self._look()

    def step(self, by: int) -> None:
        self._at = max(0, min(self._at + by, len(self._pages) - 1))
        self._look()

    def end(self) -> None:
        if self.isVisible():
            self.hide()
            self.setParent(self._home)
            self._pictures.look(self, ())
            self.ended.emit()

    def _look(self) -> None:
        self._pictures.look(self, tuple(shot.blob for shot in self._pages[self._at]))
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The left half goes back, the right half on, where there is more than one page; else it ends."""
        if event.button() != Qt.MouseButton.LeftButton or len(self._pages) < 2:
            self.end()
        else:
            self.step(1 if event.position().x() > self.width() / 2 else -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale, pad = self._session.look.theme, self._scale, self._scale.pad
            box = QRectF(self.rect())
            painter.fillRect(box, theme.raised)
            painter.setPen(theme.muted)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
            inner = box.adjusted(pad, pad, -pad, -pad)
            head = QRectF(inner.left(), inner.top(), inner.width(), scale.line(scale.floor))
            count = f"{self._at + 1} / {len(self._pages)}" if len(self._pages) > 1 else ""
            keys = tr("reports.picture.keys") if count else tr("reports.picture.key_back")
            words = " · ".join(filter(None, (self._name, count, keys)))
            text.draw(painter, head, text.whole_parts(words, scale.floor, Weight.REGULAR, head.width()), scale.floor,
                      theme.muted)  # fmt: skip
            page = self._pages[self._at]
            room = inner.adjusted(0, head.height() + pad / 2, 0, 0)
            wide = (room.width() - pad * (len(page) - 1)) / len(page)
            for n, shot in enumerate(page):
                self._paint_shot(painter, QRectF(room.left() + n * (wide + pad), room.top(), wide, room.height()), shot)
        finally:
            painter.end()

    def _paint_shot(self, painter: QPainter, room: QRectF, shot: Pictured) -> None:
        theme, scale = self._session.look.theme, self._scale
        line = scale.line(scale.read)
        words = shot.words(self._session.clock.now_ns())
        place = QRectF(room.left(), room.top(), room.width(), line)
        px = scale.read if text.width(words, scale.read, Weight.SEMIBOLD) <= room.width() else scale.floor
        words = text.whole_parts(words, px, Weight.SEMIBOLD, room.width())
        text.draw(painter, place, words, px, theme.strong, Weight.SEMIBOLD)
        box = room.adjusted(0, line, 0, 0)
        why = why_words(self._pictures.code(shot.blob))
        draw_picture(painter, box, self._pictures.image(shot.blob), why, theme, scale)
