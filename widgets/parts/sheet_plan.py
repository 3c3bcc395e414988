"""How an alarm's cameras, its plot and its map share a room: pure figures.

Pictures have a shape, plots and maps take any. So the pictures stand in rows or columns that fit their shape, the best
camera in the first of them and never smaller than the others, and what they leave goes to the rest: beside them, below
them, or the plot below and the map beside. Of all these ways the one is taken that shows most of the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect

PICTURE = 16 / 9
"""Width to height of a usual picture."""
OTHERS_LEAST = 0.26
"""Share of the room's width, or of its height, that plot and map keep at least."""
PICTURES_LEAST = 0.35
"""Share of the room that pictures beside a plot or a map have at least: of smaller ones nothing is read."""
_OTHERS_WORTH = 0.35
"""What a pixel of plot or map is worth beside one of a picture."""

Fits = Callable[[int, QRect], bool]
"""(which tile, in the order of pictures and others; its room): it can be read there."""


@dataclass(frozen=True)
class Plan:
    """Rooms of the pictures and of the rest, in their order."""

    pictures: tuple[QRect, ...]
    others: tuple[QRect, ...]


def share_out(room: QRect, pictures: int, others: int, gap: int, strip: int, fits: Fits) -> Plan | None:
    """The best way; None: none in which each of them `fits` and the pictures are large enough.

    `others`: 0, 1 or 2, the plot before the map; `gap`: pixels between them; `strip`: height of the words below each
    picture, which its room includes.
    """
    best: tuple[float, Plan] | None = None
    for plan in _plans(room, pictures, others, gap, strip):
        rooms = [*plan.pictures, *plan.others]
        if not all(fits(n, rect) for n, rect in enumerate(rooms)):
            continue
        worth = sum(picture_area(rect, strip) for rect in plan.pictures)
        if pictures and others and worth < PICTURES_LEAST * room.width() * room.height():
            continue
        worth += _OTHERS_WORTH * sum(rect.width() * rect.height() for rect in plan.others)
        if best is None or worth > best[0]:
            best = worth, plan
    return best[1] if best is not None else None


def picture_area(room: QRect, strip: int) -> float:
    """Of the picture in it."""
    wide = min(float(room.width()), max(0, room.height() - strip) * PICTURE)
    return wide * wide / PICTURE


def _plans(room: QRect, pictures: int, others: int, gap: int, strip: int) -> Iterator[Plan]:
    x, y, wide, high = room.left(), room.top(), room.width(), room.height()
    if not pictures:
        yield from (Plan((), tuple(_line(room, others, gap, down=down))) for down in (False, True) if others)
        return
    least_wide, least_high = round(wide * OTHERS_LEAST) + gap, round(high * OTHERS_LEAST) + gap
    for lines in _lines_of(pictures):
        for down in (True, False):  # rows, one below the other; columns
            block = _Block(lines, gap, strip, down=down)
            if not others:
                yield Plan(block.cells(room), ())
                continue
            w, h = block.within(wide - least_wide, high)
            left, right = QRect(x, y, w, high), QRect(x + w + gap, y, wide - w - gap, high)
            yield Plan(block.cells(left), tuple(_line(right, others, gap, down=True)))
            w, h = block.within(wide, high - least_high)
            top, low = QRect(x, y, wide, h), QRect(x, y + h + gap, wide, high - h - gap)
            yield Plan(block.cells(top), tuple(_line(low, others, gap, down=False)))
            if others == 2:
                w, h = block.within(wide - least_wide, high - least_high)
                right, low = QRect(x + w + gap, y, wide - w - gap, high), QRect(x, y + h + gap, w, high - h - gap)
                yield Plan(block.cells(QRect(x, y, w, h)), (low, right))


def _lines_of(count: int, least: int = 1) -> Iterator[tuple[int, ...]]:
    """All ways to put so many into lines of which none has fewer than the one before."""
    if not count:
        yield ()
    for first in range(least, count + 1):
        yield from ((first, *rest) for rest in _lines_of(count - first, first))


@dataclass(frozen=True)
class _Block:
    """Pictures that stand together."""

    lines: Sequence[int]
    """How many in each."""
    gap: int
    strip: int
    down: bool
    """The lines are rows; else columns."""

    def within(self, wide: int, high: int) -> tuple[int, int]:
        """The largest size in that room at which the pictures fill their cells."""
        between = self.gap * (len(self.lines) - 1)
        if self.down:  # height = rest + slope * width
            slope = sum(1 / n for n in self.lines) / PICTURE
            rest = sum(self.strip - self.gap * (n - 1) / n / PICTURE for n in self.lines) + between
            w = max(1.0, min(float(wide), (high - rest) / slope))
            return round(w), min(high, round(rest + slope * w))
        slope = sum(1 / n for n in self.lines) * PICTURE  # width = rest + slope * height
        rest = between - PICTURE * sum(self.gap * (n - 1) / n + self.strip for n in self.lines)
        h = max(1.0, min(float(high), (wide - rest) / slope))
        return min(wide, round(rest + slope * h)), round(h)

    def cells(self, room: QRect) -> tuple[QRect, ...]:
        """All of `room`: what is over goes to all lines alike."""
        along, across = (room.height(), room.width()) if self.down else (room.width(), room.height())
        natural = [self._deep(n, across) for n in self.lines]
        over = (along - self.gap * (len(self.lines) - 1) - sum(natural)) / len(self.lines)
        out: list[QRect] = []
        start, end = (room.top(), room.top() + along) if self.down else (room.left(), room.left() + along)
        for n, count in enumerate(self.lines):
            deep = end - start if n == len(self.lines) - 1 else max(1, round(natural[n] + over))
            line = QRect(room.left(), start, across, deep) if self.down else QRect(start, room.top(), deep, across)
            out += _line(line, count, self.gap, down=not self.down)
            start += deep + self.gap
        return tuple(out)

    def _deep(self, count: int, across: int) -> float:
        """Of a line of so many pictures that is so long."""
        each = (across - self.gap * (count - 1)) / count
        return each / PICTURE + self.strip if self.down else (each - self.strip) * PICTURE


def _line(room: QRect, count: int, gap: int, *, down: bool) -> list[QRect]:
    """Equal parts of it, one after the other; the last one has what is left over."""
    whole = room.height() if down else room.width()
    step = (whole + gap) // max(1, count)
    out = []
    for n in range(count):
        size = step - gap if n < count - 1 else whole - step * n
        if down:
            out.append(QRect(room.left(), room.top() + step * n, room.width(), size))
        else:
            out.append(QRect(room.left() + step * n, room.top(), size, room.height()))
    return out
