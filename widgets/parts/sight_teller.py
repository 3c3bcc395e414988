"""How the cameras on this screen are, told every few seconds to whoever tells the hub.

A picture that is opening, or that waits for its key frame, is not judged and not told. Must not: tell anything that the
tiles do not say.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from backends.domain.camera import PictureState, PictureStatus, Sight
from backends.domain.ports import PictureSource
from widgets.parts.demands import DemandBoard
from widgets.pump import Pump

EVERY = 3
"""Seconds."""
_THERE = frozenset({PictureState.LIVE, PictureState.SLOW})
_AWAY = frozenset({PictureState.LOST, PictureState.REFUSED})


def sight_of(camera_id: str, status: PictureStatus) -> Sight | None:
    """None: nothing can be said yet, or the fault is this program's."""
    if status.state in _THERE:
        return Sight(camera_id, flags=tuple(raised.flag for raised in status.raised))
    return Sight(camera_id, online=False) if status.state in _AWAY else None


class SightTeller(QObject):
    """One a session."""

    def __init__(
        self, demands: DemandBoard, pictures: PictureSource, pump: Pump, tell: Callable[[tuple[Sight, ...]], None]
    ) -> None:
        super().__init__()
        self._demands, self._pictures, self._tell = demands, pictures, tell
        self._seconds = 0
        pump.secondPassed.connect(self._look)

    def _look(self) -> None:
        self._seconds += 1
        if self._seconds % EVERY:
            return
        found: dict[str, Sight] = {}
        for demand in self._demands.wanted():
            sight = sight_of(demand.camera_id, self._pictures.status(demand))
            before = found.get(demand.camera_id)
            if sight is not None and (before is None or not before.online):
                found[demand.camera_id] = sight
        self._tell(tuple(found.values()))
