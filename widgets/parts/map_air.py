"""The air on the map: a badge at each station that has an index. Pure, without painting.

Bad air keeps its place, or steps aside for an alarm, and where badges would overlap the worst one speaks, with a count.
Normal air is grey and goes where there is room: what it says is that nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from PySide6.QtCore import QRectF

from widgets.models.air import Air
from widgets.parts.air_badge import air_words
from widgets.parts.map_projection import Projection
from widgets.parts.map_things import Cluster, Thing, What, clusters


def air_things(airs: Iterable[Air], now_ns: int, to: Projection, body: QRectF) -> list[Thing]:
    """Those inside `body`, the worst first. What is old asks for nobody."""
    found = []
    for n, air in enumerate(airs):
        if air.at is None:
            continue
        at = to.to_px(*air.at)
        if body.contains(at):
            bad = not air.calm and not air.old
            found.append(
                Thing(What.AIR, air.id, at, 22 if bad else 45, air_words(air, now_ns), bad=bad, air=air, order=n)
            )
    return found


def bad_air(
    things: Iterable[Thing], rooms: list[QRectF], body: QRectF, box: Callable[[Thing], QRectF]
) -> list[Cluster]:  # fmt: skip
    """`rooms`: of the alarms; `body`: of the map, in which all of a badge is seen."""
    placed = [_beside(one, rooms, body, box) for one in things if one.bad]
    return clusters(placed, lambda one: box(one).width())


def _beside(thing: Thing, rooms: list[QRectF], body: QRectF, box: Callable[[Thing], QRectF]) -> Thing:
    """At its place, or as near to it as there is room beside the alarm that has it; where there is none, over it."""
    own = _inside(box(thing), body)
    hit = next((room for room in rooms if room.intersects(own)), None)
    if hit is not None:
        wide, high = own.width(), own.height()
        tried = (
            own.translated(0, hit.top() - 1 - own.bottom()), own.translated(0, hit.bottom() + 1 - own.top()),
            own.translated(hit.left() - 1 - own.right(), 0), own.translated(hit.right() + 1 - own.left(), 0),
            QRectF(hit.left() - wide - 1, hit.top(), wide, high), QRectF(hit.right() + 1, hit.top(), wide, high),
        )  # fmt: skip
        free = (one for one in tried if body.contains(one) and not any(one.intersects(room) for room in rooms))
        own = min(free, key=lambda one: (one.center() - thing.at).manhattanLength(), default=own)
    return replace(thing, at=own.center())


def _inside(own: QRectF, body: QRectF) -> QRectF:
    across = max(body.left() - own.left(), 0.0) + min(body.right() - own.right(), 0.0)
    return own.translated(across, max(body.top() - own.top(), 0.0) + min(body.bottom() - own.bottom(), 0.0))


def calm_air(
    things: Iterable[Thing], rooms: Iterable[QRectF], body: QRectF, box: Callable[[Thing], QRectF]
) -> list[Cluster]:  # fmt: skip
    """Those that have room beside `rooms` and one another."""
    taken, out = list(rooms), []
    for thing in things:
        room = box(thing)
        if thing.bad or not body.contains(room) or any(room.intersects(other) for other in taken):
            continue
        taken.append(room)
        out.append(Cluster((thing,), thing.at))
    return out
