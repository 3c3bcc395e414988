"""What people have done to the camera tiles by hand: which camera was put where, which tile is chosen.

A place is a tile's name within the layout and the camera that the layout gives it ("0.3:014"), so that nothing put
by hand lands on another tile when monitors come or go. All of it is forgotten when a layout is chosen, and found
again after a restart of the screen (`Memory`). GUI thread only. Must not: know tiles, or touch a place that is kept
for alarms (`windows.camera_desk` refuses that).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from PySide6.QtCore import QObject, QPoint, Signal

from backends.domain.stream_choice import Wish
from widgets.memory import Memory

KEPT = 8
"""Cameras that a place remembers, the one on it included."""
_PUT = "camera.by_hand"
"""Its name in the session's memory."""


class Ask(StrEnum):
    """What a person asks of one camera tile."""

    MAXIMISE = "maximise"
    """Over the whole window, and back."""
    DETAILS = "details"
    STILL = "still"
    EARLIER = "earlier"
    """The camera that was on it before."""
    RELEASE = "release"
    """The layout's own camera again."""
    WHOLE = "whole"
    """The whole picture again, after a zoom."""
    NEARER = "nearer"
    FARTHER = "farther"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    OUT = "out"
    """One step back: out of an old picture, out of the zoom, then out of the full window."""
    BACK_10 = "back_10"
    """What was live 10 seconds ago; of an old picture: 10 seconds before it."""
    BACK_30 = "back_30"
    BACK_60 = "back_60"
    FORWARD_10 = "forward_10"
    FORWARD_60 = "forward_60"
    LOOK_BACK = "look_back"
    """A past time, to be typed."""
    BEFORE_ALARM = "before_alarm"
    """The past from half a minute before the alarm that is seen on it."""
    MINUTE_BACK = "minute_back"
    """Of a past time: the beginning of the minute, or of the one before."""
    MINUTE_ON = "minute_on"
    PAUSE = "pause"
    """Stay with the old picture that is seen, or go on from it."""
    SLOWER = "slower"
    FASTER = "faster"
    LIVE = "live"
    """Back to what is live."""
    TURN = "turn"
    """Take the camera to turn it, and give it back."""
    PATROL = "patrol"
    """Let it go from preset to preset."""


@dataclass
class _Trail:
    """The cameras of one place, the newest last, and which of them is on it."""

    cameras: list[str]
    at: int


@dataclass(frozen=True)
class Carried:
    """A camera, or sensors, that the pointer carries."""

    camera_id: str
    """Empty: sensors are carried."""
    source: str = ""
    """Place that it comes from; empty: a list, or the map."""
    sensors: tuple[str, ...] = ()
    """Ids, of one station: they go onto plots, and onto no camera tile (`parts.sensor_drag`)."""


class _Kept(msgspec.Struct):
    """What the memory holds."""

    layout: str | None = None
    put: dict[str, str] = {}
    wishes: dict[str, tuple[str, Wish]] = {}


class CameraHands(QObject):
    """One a session."""

    placed = Signal(str)
    """The camera that was put on this place by hand has changed; empty: all places."""
    chosen = Signal(str, str)
    """(before, now): places of the chosen tile."""
    wished = Signal(str)
    """Another stream is wanted on this place."""
    marked = Signal()
    """Tiles show their numbers now, or no longer; or what is carried is over another place."""
    asked = Signal(str, str)
    """(place, Ask): a person asks something of a tile."""
    moved = Signal(QPoint)
    """What is carried is here now, in global coordinates."""
    dropped = Signal(object, str)
    """(Carried, place): let go over that place; empty place: beside all of them."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self._memory = memory
        self._layout: str | None = None
        self._put: dict[str, str] = {}
        self._wishes: dict[str, tuple[str, Wish]] = {}
        """Place -> (camera id, stream that a person chose for it there)."""
        self._trails: dict[str, _Trail] = {}
        self.place = ""
        """Of the chosen tile; empty: none."""
        self.numbers = False
        """Tiles show their numbers: somebody is typing one."""
        self.carried: Carried | None = None
        self.over = ""
        """Place under what is carried."""

    # -- cameras put by hand -----------------------------------------------------------------------------

    def begin(self, layout: str) -> None:
        """A layout is put on the screens: what was put by hand goes, but for what a restart of the screen kept."""
        first, self._layout = self._layout is None, layout
        self._put, self._wishes = self._kept(layout) if first else ({}, {})
        self._trails = {}
        self._keep()
        self.placed.emit("")

    def camera(self, place: str) -> str:
        """Id of the camera that was put there by hand; empty: the layout's own is on it."""
        return self._put.get(place, "")

    def earlier(self, place: str) -> tuple[str, ...]:
        """Ids of the cameras that were on it, the newest first, without the one that is."""
        trail = self._trails.get(place)
        if trail is None:
            return ()
        return tuple(c for n, c in reversed(list(enumerate(trail.cameras))) if n != trail.at)

    def put(self, place: str, camera_id: str, before: str) -> None:
        """Put a camera there. `before`: the one that is on it now, empty where there is none."""
        trail = self._trails.setdefault(place, _Trail([], -1))
        for one in (before, camera_id):
            if one:
                trail.cameras = [c for c in trail.cameras if c != one] + [one]
        trail.cameras = trail.cameras[-KEPT:]
        trail.at = len(trail.cameras) - 1
        self._set(place, camera_id)

    def back(self, place: str) -> bool:
        """The camera before the one that is on it; False: there is none."""
        trail = self._trails.get(place)
        if trail is None or trail.at <= 0:
            return False
        trail.at -= 1
        self._set(place, trail.cameras[trail.at])
        return True

    def release(self, place: str) -> bool:
        """The layout's own camera again; False: it is there."""
        if place not in self._put:
            return False
        del self._put[place]
        self._trails.pop(place, None)
        self._keep()
        self.placed.emit(place)
        return True

    def wish(self, place: str, camera_id: str) -> Wish:
        """The stream that a person chose for this camera on this place."""
        of, wish = self._wishes.get(place, ("", Wish.AUTO))
        return wish if of == camera_id else Wish.AUTO

    def set_wish(self, place: str, camera_id: str, wish: Wish) -> None:
        """It holds until another camera is on the place."""
        if not place or wish is self.wish(place, camera_id):
            return
        self._wishes[place] = (camera_id, wish)
        if wish is Wish.AUTO:
            del self._wishes[place]
        self._keep()
        self.wished.emit(place)

    def end_wish(self, place: str, camera_id: str) -> None:
        """This camera is on the place now: what was chosen for another one is over."""
        if place in self._wishes and self._wishes[place][0] != camera_id:
            del self._wishes[place]
            self._keep()

    def _set(self, place: str, camera_id: str) -> None:
        self._put[place] = camera_id
        self._keep()
        self.placed.emit(place)

    def _keep(self) -> None:
        kept = json.dumps({"layout": self._layout, "put": self._put, "wishes": self._wishes})
        self._memory.set(_PUT, kept if self._put or self._wishes else "")

    def _kept(self, layout: str) -> tuple[dict[str, str], dict[str, tuple[str, Wish]]]:
        try:
            kept = msgspec.json.decode(self._memory.get(_PUT) or "{}", type=_Kept)
        except ValueError:  # the memory cuts what is too long
            return {}, {}
        return (kept.put, kept.wishes) if kept.layout == layout else ({}, {})

    # -- the chosen tile, numbers, what is carried -------------------------------------------------------

    def choose(self, place: str) -> None:
        if place != self.place:
            before, self.place = self.place, place
            self.chosen.emit(before, place)

    def show_numbers(self, shown: bool) -> None:
        if shown is not self.numbers:
            self.numbers = shown
            self.marked.emit()

    def ask(self, place: str, act: Ask) -> None:
        self.asked.emit(place, act.value)

    def carry(self, carried: Carried, over: str, at: QPoint) -> None:
        """The pointer carries a camera, and is over that place."""
        if (carried, over) != (self.carried, self.over):
            self.carried, self.over = carried, over
            self.marked.emit()
        self.moved.emit(at)

    def drop(self, *, done: bool) -> None:
        """Let go. `done` False: given up."""
        carried, over = self.carried, self.over
        self.carried, self.over = None, ""
        self.marked.emit()
        if carried is not None:
            self.dropped.emit(carried, over if done else "")
