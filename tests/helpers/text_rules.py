"""The rules that painted text must keep, over everything that the text door wrote down."""

from __future__ import annotations

from collections import defaultdict

from widgets.parts.text import ELLIPSIS, PaintedText, TextLog

_SLACK = 1.5
"""Pixels: rounding of boxes, and side bearings of letters."""


def below_floor(log: TextLog, floor: int) -> list[str]:
    """Text that is smaller than the panel's floor."""
    return [f"{item.text!r} at {item.px} px, floor {floor}" for item in log.items if item.px < floor]


def cut(log: TextLog) -> list[str]:
    """Text that runs out of the room it was given, or is elided to nothing but an ellipsis."""
    bad = []
    for item in log.items:
        room = item.room.adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK)
        if item.painted.left() < room.left() or item.painted.right() > room.right():
            bad.append(f"{item.text!r} is wider than its room")
        if item.painted.height() > item.room.height() + _SLACK:
            bad.append(f"{item.text!r} is higher than its room")
        if item.text.strip() == ELLIPSIS:
            bad.append(f"{item.whole!r} shows nothing but an ellipsis")
    return bad


def overlapping(log: TextLog) -> list[str]:
    """Pairs of different texts of one widget whose boxes meet."""
    by_device: dict[int, list[PaintedText]] = defaultdict(list)
    for item in log.items:
        by_device[item.device].append(item)
    bad = []
    for items in by_device.values():
        for n, one in enumerate(items):
            box = one.painted.adjusted(_SLACK, _SLACK, -_SLACK, -_SLACK)
            bad += [
                f"{one.text!r} overlaps {other.text!r}"
                for other in items[n + 1 :]
                if box.intersects(other.painted) and one.text != other.text
            ]
    return bad
