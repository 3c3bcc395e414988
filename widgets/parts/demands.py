"""What all tiles of all windows show, gathered for the desk of streams, which answers what each of them paints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from backends.domain.camera import Demand
from backends.domain.ports import StreamDesk
from backends.domain.stream_choice import View

LOOK_EVERY = 5
"""Passes: ten looks a second at 50 passes."""


class Owner(Protocol):
    """A tile."""

    def on_demand(self, demand: Demand | None) -> None:
        """What it paints from now on: said again at every look. None: there is no stream for it."""
        ...


class DemandBoard:
    """Tiles write what they show; the pump's pass asks the desk. GUI thread only."""

    def __init__(self, streams: StreamDesk, shown: Callable[[tuple[str, ...]], None] = lambda cameras: None) -> None:
        """`shown`: hears which cameras are on the screen, for whoever keeps a record of it."""
        self._streams = streams
        self._shown = shown
        self._views: dict[Owner, View] = {}
        self._painted: dict[Owner, Demand] = {}
        self._replays: dict[Owner, Demand] = {}
        self._told: tuple[str, ...] | None = None
        self._passes = 0
        self._dirty = True

    def set(self, owner: Owner, view: View | None) -> None:
        """`owner` now shows `view`; None: nothing (hidden, no camera). `on_demand` follows at the next pass."""
        if self._views.get(owner) == view:
            return
        if view is None:
            del self._views[owner]
            self._painted.pop(owner, None)
            self._replays.pop(owner, None)
        else:
            self._views[owner] = view
        self._dirty = True

    def set_replay(self, owner: Owner, replay: Demand | None) -> None:
        """`owner` shows this again, beside its view, which stays as it is; None: no longer."""
        if self._replays.get(owner) == replay:
            return
        if replay is None:
            del self._replays[owner]
        else:
            self._replays[owner] = replay
        self._dirty = True

    def wanted(self) -> frozenset[Demand]:
        """What is live now, over all windows: for lists that say how the pictures on the screen are."""
        return frozenset(self._painted.values())

    def flush(self) -> None:
        """At every pass. Asks when anything changed, and else ten times a second."""
        self._passes += 1
        if not self._dirty and self._passes % LOOK_EVERY:
            return
        self._dirty = False
        owners = list(self._views)
        demands = self._streams.show([self._views[owner] for owner in owners], tuple(self._replays.values()))
        found = dict(zip(owners, demands, strict=True))
        self._painted = {owner: demand for owner, demand in found.items() if demand is not None}
        cameras = tuple(sorted({demand.camera_id for demand in self._painted.values()}))
        if cameras != self._told:
            self._told = cameras
            self._shown(cameras)
        for owner, demand in found.items():
            owner.on_demand(demand)
