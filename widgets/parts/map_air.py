"""The air on the map: a badge at each station that has an index. Pure, without painting.

Bad air keeps its place, or steps aside for an alarm, and where badges would overlap the worst one speaks, with a count.
Normal air is grey and goes where there is room: what it says is that nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QRectF

from widgets.models.air import Air
from widgets.parts.air_badge import air_words
from widgets.parts.map_projection import Projection
from widgets.parts.map_things import Cluster, Thing, What, clusters, set_aside


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


def bad_air(things: Iterable[Thing], rooms: list[QRectF], width: Callable[[Thing], float]) -> list[Cluster]:
    """`rooms`: of the alarms."""
    return clusters(set_aside((one for one in things if one.bad), rooms, width), width)


def calm_air(things: Iterable[Thing], rooms: Iterable[QRectF], box: Callable[[Thing], QRectF]) -> list[Cluster]:
    """Those that have room beside `rooms` and one another."""
    taken, out = list(rooms), []
    for thing in things:
        room = box(thing)
        if thing.bad or any(room.intersects(other) for other in taken):
            continue
        taken.append(room)
        out.append(Cluster((thing,), thing.at))
    return out
