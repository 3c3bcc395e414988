"""How an alarm's cameras, its plot and its map share a room: pure figures."""

from __future__ import annotations

from PySide6.QtCore import QRect

PICTURE = 16 / 9
"""Width to height of a usual picture."""
_PICTURES = 0.64
"""Share of the longer side that the pictures get beside plot and map."""


def share_out(room: QRect, pictures: int, others: int, gap: int, *, beside: bool) -> tuple[list[QRect], list[QRect]]:
    """Rooms of the pictures and of the rest, `gap` pixels apart: the rest beside them, or below."""
    if not pictures or not others:
        return grid(room, pictures, gap), grid(room, others, gap)
    if beside:
        cut = round((room.width() - gap) * _PICTURES)
        first = QRect(room.left(), room.top(), cut, room.height())
        rest = QRect(room.left() + cut + gap, room.top(), room.width() - cut - gap, room.height())
        return grid(first, pictures, gap), _line(rest, others, gap, down=True)
    cut = round((room.height() - gap) * _PICTURES)
    first = QRect(room.left(), room.top(), room.width(), cut)
    rest = QRect(room.left(), room.top() + cut + gap, room.width(), room.height() - cut - gap)
    return grid(first, pictures, gap), _line(rest, others, gap, down=False)


def grid(room: QRect, count: int, gap: int) -> list[QRect]:
    """So many cells in reading order, in as many columns as show pictures largest."""
    if not count:
        return []
    columns = max(range(1, count + 1), key=lambda n: _picture_width(_cell(room, n, -(-count // n), gap)))
    rows = _line(room, -(-count // columns), gap, down=True)
    cells = [cell for row in rows for cell in _line(row, columns, gap, down=False)]
    return cells[:count]


def _cell(room: QRect, columns: int, rows: int, gap: int) -> tuple[float, float]:
    return (room.width() - gap * (columns - 1)) / columns, (room.height() - gap * (rows - 1)) / rows


def _picture_width(cell: tuple[float, float]) -> float:
    return min(cell[0], cell[1] * PICTURE)


def _line(room: QRect, count: int, gap: int, *, down: bool) -> list[QRect]:
    """Equal parts of it, one after the other; the last one has what is left over."""
    whole = room.height() if down else room.width()
    step = (whole + gap) // count
    out = []
    for n in range(count):
        size = step - gap if n < count - 1 else whole - step * n
        if down:
            out.append(QRect(room.left(), room.top() + step * n, room.width(), size))
        else:
            out.append(QRect(room.left() + step * n, room.top(), size, room.height()))
    return out
