"""The one door for painted text: placing, eliding, figures of equal width, and a record for the tests.

A line is laid out once and kept (QStaticText): the same pixels as `drawText` for half of its time. No other code of
ours paints text (a test looks). While a `TextLog` is installed every
piece of text is written down with its size, place and room, so that a test can prove that nothing is
below the floor, cut, or overlapping on any window.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QStaticText, QTransform

from widgets.typography import Weight, font

ELLIPSIS = "…"
# Looked up once: through the enumeration each costs a tenth of a line of text.
_LEFT, _RIGHT, _CENTER = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignHCenter
_DIGITS = "0123456789"


@dataclass(frozen=True)
class PaintedText:
    """One piece of text as it was painted, in device coordinates of its widget or window."""

    text: str
    """What was painted, after eliding."""
    whole: str
    px: int
    painted: QRectF
    """Tight box: advance width by cap-to-descent height."""
    room: QRectF
    device: int
    """id() of the paint device, to group by widget."""


@dataclass
class TextLog:
    """Collects PaintedText while installed."""

    items: list[PaintedText] = field(default_factory=list)


_log: TextLog | None = None
_owner: object | None = None


@contextmanager
def recording() -> Iterator[TextLog]:
    """Write down all text painted inside the `with` (GUI thread)."""
    global _log  # noqa: PLW0603  # one recorder for one GUI thread
    before, _log = _log, TextLog()
    try:
        yield _log
    finally:
        _log = before


def recording_active() -> bool:
    """True inside `recording`: caches of painted text must then be painted anew."""
    return _log is not None


@contextmanager
def on_device(owner: object) -> Iterator[None]:
    """Text painted onto a cache inside the `with` counts as painted on `owner`."""
    global _owner  # noqa: PLW0603  # as _log
    before, _owner = _owner, owner
    try:
        yield
    finally:
        _owner = before


@lru_cache(maxsize=512)
def metrics(px: int, weight: Weight = Weight.REGULAR) -> QFontMetricsF:
    """Metrics of the family at a size."""
    return QFontMetricsF(font(px, weight))


@lru_cache(maxsize=512)
def _caps(px: int, weight: Weight) -> tuple[float, float]:
    """Height of the capitals, and the ascent."""
    measure = metrics(px, weight)
    return float(measure.capHeight()), float(measure.ascent())


@lru_cache(maxsize=4096)
def _advance(text: str, px: int, weight: Weight) -> float:
    return float(metrics(px, weight).horizontalAdvance(text))


@lru_cache(maxsize=256)
def _digit_cell(px: int, weight: Weight) -> float:
    # A little less than the widest figure: its side bearings may overlap, and "1" stands less lonely.
    return 0.94 * max(_advance(d, px, weight) for d in _DIGITS)


def width(text: str, px: int, weight: Weight = Weight.REGULAR, *, tabular: bool = False) -> float:
    """Advance width in pixels; `tabular`: every figure as wide as the widest."""
    if not tabular:
        return _advance(text, px, weight)
    cell = _digit_cell(px, weight)
    return sum(cell if c in _DIGITS else _advance(c, px, weight) for c in text)


@lru_cache(maxsize=4096)
def elided(text: str, px: int, weight: Weight, room: float) -> str:
    """`text` cut to `room` pixels with an ellipsis, never ending in a space before it."""
    if _advance(text, px, weight) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _advance(text[:middle].rstrip(" ·,-–") + ELLIPSIS, px, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip(" ·,-–") + ELLIPSIS if low else ""


def whole_parts(text: str, px: int, weight: Weight, room: float) -> str:
    """As many of the parts of "a · b · c" as `room` holds whole, from the first on; at least the first, which may
    be too wide."""
    while _advance(text, px, weight) > room and " · " in text:
        text = text.rpartition(" · ")[0]
    return text


@lru_cache(maxsize=2048)
def _laid_out(text: str, px: int, weight: Weight) -> QStaticText:
    """Of one painter after the other; a window of another density lays it out anew."""
    made = QStaticText(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    made.prepare(QTransform(), font(px, weight))
    return made


def draw(
    painter: QPainter,
    room: QRectF,
    text: str,
    px: int,
    color: QColor,
    weight: Weight = Weight.REGULAR,
    *,
    align: Qt.AlignmentFlag = _LEFT,
    tabular: bool = False,
    elide: bool = True,
) -> QRectF:
    """Paint one line of plain text, vertically centred in `room`; returns the box it took.

    `align` is AlignLeft, AlignRight or AlignHCenter. Text from outside comes through here too: it is
    never read as rich text; line breaks become spaces. Nothing is painted where not one letter fits.
    """
    whole = " ".join(text.split()) if ("\n" in text or "\t" in text) else text
    left, top, wide, high = room.left(), room.top(), room.width(), room.height()
    shown = elided(whole, px, weight, wide) if elide and not tabular else whole
    if not shown:
        return QRectF(left, top, 0.0, high)
    advance = width(shown, px, weight, tabular=tabular)
    if align == _RIGHT:
        left += wide - advance
    elif align == _CENTER:
        left += (wide - advance) / 2
    caps, ascent = _caps(px, weight)
    # Centre the capitals, not the em box: mixed sizes on one line then share their optical middle.
    baseline = top + (high + caps) / 2
    painter.setFont(font(px, weight))
    painter.setPen(color)
    if tabular:
        _draw_tabular(painter, left, baseline, shown, px, weight)
    else:
        painter.drawStaticText(QPointF(left, baseline - ascent), _laid_out(shown, px, weight))
    box = QRectF(left, baseline - caps, advance, caps)
    if _log is not None:
        _record(painter, box, room, shown, whole, px)
    return box


def _draw_tabular(painter: QPainter, left: float, baseline: float, text: str, px: int, weight: Weight) -> None:
    """Be Vietnam Pro has no tabular figures, so each figure is centred in a cell of the widest one."""
    cell = _digit_cell(px, weight)
    for char in text:
        advance = _advance(char, px, weight)
        step = cell if char in _DIGITS else advance
        painter.drawText(QPointF(left + (step - advance) / 2, baseline), char)
        left += step


def _record(painter: QPainter, box: QRectF, room: QRectF, shown: str, whole: str, px: int) -> None:
    assert _log is not None
    transform = painter.transform()
    _log.items.append(
        PaintedText(shown, whole, px, transform.mapRect(box), transform.mapRect(room), id(_owner or painter.device()))
    )


def wrap(text: str, px: int, weight: Weight, room: float, lines: int) -> list[str]:
    """Break at spaces into at most `lines` lines; the last one carries the rest (and is elided by `draw`)."""
    words, out, line = text.split(), [], ""
    for n, word in enumerate(words):
        trial = f"{line} {word}".strip()
        if line and _advance(trial, px, weight) > room:
            out.append(line)
            if len(out) == lines - 1:
                return [*out, " ".join(words[n:])]
            line = word
        else:
            line = trial
    return [*out, line] if line else out


def qt_font(px: int, weight: Weight = Weight.REGULAR) -> QFont:
    """The family for the few standard widgets (line edits, menus)."""
    return QFont(font(px, weight))
