"""What all tiles of all windows want to show, gathered into one set for the picture source."""

from __future__ import annotations

from collections.abc import Callable

from backends.domain.camera import Demand
from backends.domain.ports import PictureSource


class DemandBoard:
    """Tiles write what they show; the pump's pass sends the union when it changed. GUI thread only."""

    def __init__(
        self, pictures: PictureSource, shown: Callable[[tuple[str, ...]], None] = lambda cameras: None
    ) -> None:
        """`shown`: hears which cameras are on the screen, for whoever keeps a record of it."""
        self._pictures = pictures
        self._shown = shown
        self._wanted: dict[object, Demand] = {}
        self._sent: frozenset[Demand] | None = None
        self._dirty = True

    def set(self, owner: object, demand: Demand | None) -> None:
        """`owner` (a tile) now shows `demand`; None: nothing (hidden, no camera)."""
        if self._wanted.get(owner) == demand:
            return
        if demand is None:
            self._wanted.pop(owner, None)
        else:
            self._wanted[owner] = demand
        self._dirty = True

    def wanted(self) -> frozenset[Demand]:
        """What is shown now, over all windows: for lists that say how the pictures on the screen are."""
        return frozenset(self._wanted.values())

    def flush(self) -> None:
        """Send the set if it changed since the last time."""
        if not self._dirty:
            return
        self._dirty = False
        wanted = frozenset(self._wanted.values())
        if wanted != self._sent:
            self._sent = wanted
            self._pictures.demand(wanted)
            self._shown(tuple(sorted({demand.camera_id for demand in wanted})))
