"""How an old picture looks: framed and titled in the colour of replays, with its time and how long ago that was.

The title alone says it, in whatever room there is; then come the time, how long ago, speed. Must not: decide what is
shown (`replay`).
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPolygonF

from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.replay import ReplaySeen
from widgets.parts.shapes import chip_width, draw_bar, draw_chip
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight


def band_height(scale: TypeScale) -> float:
    """Of the title, without the line below it that says how far the replay is."""
    return scale.line(scale.floor) + scale.floor * 0.35


def title_height(scale: TypeScale) -> float:
    """Of both: what stands below it begins here."""
    return band_height(scale) + frame_width(scale)


def frame_width(scale: TypeScale) -> float:
    return max(3.0, round(scale.floor * 0.26))


def parts(whole: QRectF, scale: TypeScale) -> list[QRectF]:
    """Where `draw` paints, for who lays only these over the picture."""
    thick = frame_width(scale)
    return [
        QRectF(whole.left(), whole.top(), whole.width(), title_height(scale)),
        QRectF(whole.left(), whole.bottom() - thick, whole.width(), thick),
        QRectF(whole.left(), whole.top(), thick, whole.height()),
        QRectF(whole.right() - thick, whole.top(), thick, whole.height()),
    ]


def note_part(room: QRectF, scale: TypeScale) -> QRectF:
    """Where the chip of `draw_nothing` lies, or less."""
    return QRectF(room.left(), room.top(), room.width(), band_height(scale))


def draw(
    painter: QPainter,
    whole: QRectF,
    seen: ReplaySeen,
    now_ns: int,
    theme: Theme,
    scale: TypeScale,
) -> None:
    """Over the picture of a tile. `now_ns`: the session clock, by which everything on the screen is told."""
    band, *frame = parts(whole, scale)
    thick = frame_width(scale)
    for side in frame:
        painter.fillRect(side, theme.replay)
    title = QRectF(band.left(), band.top(), band.width(), band_height(scale))
    painter.fillRect(title, theme.replay)
    draw_bar(
        painter, QRectF(band.left(), title.bottom(), band.width(), thick), seen.part / 100, theme.scrim, theme.replay
    )
    _draw_title(painter, title, seen, now_ns, theme, scale)


def draw_nothing(painter: QPainter, room: QRectF, words: str, theme: Theme, scale: TypeScale) -> None:
    """A chip at the top of the live picture: why nothing is shown again, or no longer."""
    px = scale.floor
    width = min(room.width(), chip_width(words, px))
    chip = QRectF(room.right() - width, room.top(), width, band_height(scale))
    draw_chip(painter, chip, words, px, theme.scrim, theme.on_picture)


def _draw_title(
    painter: QPainter, title: QRectF, seen: ReplaySeen, now_ns: int, theme: Theme, scale: TypeScale
) -> None:
    px, pad = scale.floor, scale.pad
    side = px * 0.9
    mark = QRectF(title.left() + pad, title.center().y() - side / 2, side * 1.3, side)
    _draw_mark(painter, mark, theme.ink, paused=seen.paused)
    room = title.adjusted(pad + side * 1.3 + px * 0.5, 0, -pad, 0)
    words = _fitting(_choices(seen, now_ns), room.width(), px)
    left = room.left()
    for place, said in enumerate(words):
        weight = Weight.SEMIBOLD if place else Weight.BOLD
        wide = text.width(said, px, weight) + 1
        box = QRectF(left, room.top(), min(wide, room.right() - left), room.height())
        text.draw(painter, box, said, px, theme.ink, weight)
        left += wide + px * 0.7


def _choices(seen: ReplaySeen, now_ns: int) -> list[list[str]]:
    """What may be said, most first."""
    title = tr("replay.title")
    pace = tr("replay.paused") if seen.paused else ""
    if not pace and seen.rate != 1:
        pace = f"{fmt.number(seen.rate, 0 if seen.rate >= 1 else 1)}x"
    at = when(seen.t_ns, now_ns) if seen.t_ns else fmt.clock(now_ns - (seen.behind_s or 0) * NS_PER_S)
    if seen.behind_s is None:
        # Whole seconds may pass until a recorder has opened: what is awaited is said with it.
        awaited = [tr("replay.opening_at", at=at), pace] if seen.t_ns else [tr("replay.opening")]
        return _without_empty([[title, *awaited], [title, tr("replay.opening")], [title]])
    ago, short = tr("replay.ago", age=fmt.duration(seen.behind_s)), f"−{fmt.countdown(seen.behind_s)}"
    return _without_empty(
        [
            [title, at, ago, pace],
            [title, at, short, pace],
            [title, at, pace],
            [title, at],
            [title, at[:-3] if seen.t_ns else short],  # without seconds
            [title, short],
            [title],
        ]
    )


def when(t_ns: int, now_ns: int) -> str:
    """Of what a recorder kept, always with its day: the time alone could be of any. "20/11 08:15:00"."""
    same_year = fmt.local_time(t_ns).year == fmt.local_time(now_ns).year
    return f"{fmt.date_short(t_ns) if same_year else fmt.date_long(t_ns)} {fmt.clock(t_ns)}"


def _without_empty(choices: list[list[str]]) -> list[list[str]]:
    return [[said for said in choice if said] for choice in choices]


def _fitting(choices: Sequence[list[str]], room: float, px: int) -> list[str]:
    def wide(words: list[str]) -> float:
        return sum(text.width(said, px, Weight.BOLD) + 1 for said in words) + px * 0.7 * (len(words) - 1)

    return next((words for words in choices if wide(words) <= room), choices[-1])


def _draw_mark(painter: QPainter, box: QRectF, color: QColor, *, paused: bool) -> None:
    """Two triangles to the left; two bars while it stands."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    half = box.width() / 2
    for left in (box.left(), box.left() + half):
        if paused:
            painter.drawRect(QRectF(left + half * 0.2, box.top(), half * 0.5, box.height()))
        else:
            tip = QPointF(left, box.center().y())
            painter.drawPolygon(QPolygonF([tip, QPointF(left + half, box.top()), QPointF(left + half, box.bottom())]))
    painter.restore()
