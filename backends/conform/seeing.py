"""Checks of SEES: what stations see of the cameras on their screens comes into the directory, and leaves it with them.

A backend may do without. There is no answer to it, so it counts as offered where it moves a record: at first the
station says of some cameras that their picture is black, and the first of which the directory says anything is the one
that the checks go on with. Must not: leave behind what it said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from backends.conform import directory
from backends.conform.directory import Directory
from backends.conform.hostile import ignored
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, NotOffered, Peer, Skipped
from backends.domain.camera import FLAGS_MOST, Camera, Sight, StationSight
from backends.domain.picture import PictureFlag
from backends.protocol.codec import encode
from backends.protocol.messages import VERSION, Sees

CHECKS = Checks()
check = CHECKS.check
MANY = 5000
"""Unknown cameras in one SEES, some 250 KiB."""
SIGHT_S = 25.0
"""For so long a station's word is kept."""
ASKED_OF = 16
"""Cameras of which something is said until one is found whose record moves."""
NAMELESS = "conform-no-such-camera-"
BLACK = (PictureFlag.BLACK,)


class Screen:
    """The first station, the cameras of which it has said something, and the one that moved."""

    def __init__(self, peer: Peer, station: str) -> None:
        self.peer, self.station = peer, station
        self._directory = Directory(peer)
        self._said: dict[str, Camera] = {}
        self.camera = ""

    def says(self, *sights: Sight) -> None:
        self.peer.send(Sees(sights))

    def black(self) -> None:
        self.says(Sight(self.camera, flags=BLACK))

    def until(self, what: str, wanted: Callable[[Camera], bool]) -> Camera:
        """The first record of the camera from now on that is so; `what` says what else is missing. Raises Failed."""

        def so(camera: Camera) -> bool:
            return camera.id == self.camera and wanted(camera)

        return self._directory.until(f"the record of {self.camera} does not say {what}", so)

    def until_healthy(self) -> None:
        """Raises Failed."""
        self.until("that its picture is well", _is_healthy)

    def find(self) -> None:
        """Raises NotOffered where no record moves, Skipped where there is no camera to say it of."""
        cameras = self._directory.cameras.values()
        if not cameras:
            raise NotOffered("there is no camera in the directory")
        fit = [camera for camera in cameras if camera.enabled and PictureFlag.BLACK not in camera.flags]
        if not fit:
            raise Skipped("no camera that is in use and whose picture is not black already: provide one")
        # Those first that are reached over a network: of a picture that a program draws nobody need be told.
        fit.sort(key=lambda camera: not any(stream.uri.startswith(("rtsp", "http")) for stream in camera.streams))
        self._said = {camera.id: camera for camera in fit[:ASKED_OF]}
        self.says(*(Sight(camera, flags=BLACK) for camera in self._said))
        try:
            self.camera = self._directory.until("", self._has_moved).id
        except Failed:
            raise NotOffered(f"SEES of {', '.join(self._said)} moves no record of theirs") from None

    def _has_moved(self, camera: Camera) -> bool:
        before = self._said.get(camera.id)
        return before is not None and _seen(camera) != _seen(before)

    def clear(self) -> None:
        """What was said is taken back."""
        self.says(*map(Sight, self._said))
        with suppress(Failed):
            for said in self._said:
                self.camera = said
                self.until("", _is_clear)
        _shows_nothing(self.peer)


def _shows_nothing(peer: Peer) -> None:
    """Waits until the backend has it: a connection that is closed takes with it what is on its way."""
    peer.send(Sees())
    peer.ping(1)


def _seen(camera: Camera) -> tuple[object, ...]:
    return camera.online, camera.flags, camera.sights


def _is_clear(camera: Camera) -> bool:
    return PictureFlag.BLACK not in camera.flags and not camera.sights


def _is_healthy(camera: Camera) -> bool:
    return camera.online and not camera.flags and not camera.sights


def _is_black(camera: Camera) -> bool:
    return camera.online and camera.flags == BLACK


@contextmanager
def _screen(room: Room) -> Iterator[Screen]:
    """A station that says that a camera is black, and that one. Raises NotOffered or Skipped."""
    if "SEES" in room.absent:
        raise NotOffered(room.absent["SEES"])
    with room.joined() as (peer, welcome):
        screen = Screen(peer, welcome.station)
        try:
            screen.find()
            yield screen
        except NotOffered as absent:
            room.absent["SEES"] = str(absent)
            raise
        finally:
            screen.clear()


@check(
    "sees",
    "what a station sees wrong is in the camera's record; what it sees otherwise than that is in `sights`",
)
def sees(room: Room) -> str:
    with _screen(room) as screen:
        screen.until("`online` and `flags` black", _is_black)
        screen.says(Sight(screen.camera, online=False))
        unseen = StationSight(screen.station, online=False)
        screen.until(f"in `sights` that {screen.station} has no picture", lambda camera: unseen in camera.sights)
        screen.says(Sight(screen.camera, flags=BLACK * 2))
        agreed = "`online` and `flags` black, once, without `sights`"
        screen.until(agreed, lambda camera: _is_black(camera) and not camera.sights)
        screen.says(Sight(screen.camera))
        screen.until_healthy()
    return screen.camera


@check("sees-disagree", "stations that see different things are both in `sights`, as long as they do")
def sees_disagree(room: Room) -> str:
    with _screen(room) as screen, _beside(room, screen) as (other, station):
        _differ(screen, other, station)
        screen.says()
        screen.until_healthy()
    return f"{screen.station} and {station} of {screen.camera}"


@check("sees-over", "the word of a station that falls silent is kept for 25 s, not longer")
def sees_over(room: Room) -> str:
    with _screen(room) as screen, _beside(room, screen) as (other, station):
        silent_s = _differ(screen, other, station)
        while not _is_over(screen):
            if time.monotonic() > silent_s + SIGHT_S + directory.SEEN_S:
                raise Failed(f"{time.monotonic() - silent_s:.0f} s after its last word it is still in the record")
            other.send(Sees((Sight(screen.camera),)))
        kept_s = time.monotonic() - silent_s
        if kept_s < SIGHT_S * 0.8:
            raise Failed(f"it was forgotten after {kept_s:.1f} s")
    return f"{kept_s:.0f} s"


@contextmanager
def _beside(room: Room, screen: Screen) -> Iterator[tuple[Peer, str]]:
    """A second station and its name. Raises Skipped."""
    with room.beside(acting=False) as (other, welcome):
        if welcome.station == screen.station:
            raise Skipped("the second station is the same: --other-key FILE of another one")
        try:
            yield other, welcome.station
        finally:
            _shows_nothing(other)


def _differ(screen: Screen, other: Peer, station: str) -> float:
    """The first one says black, the other one that the picture is well, and the record says both. When the first one
    said it (monotonic). Raises Failed."""
    screen.black()
    said_s = time.monotonic()
    both = {StationSight(screen.station, flags=BLACK), StationSight(station)}
    other.send(Sees((Sight(screen.camera),)))
    what = f"`flags` black, and in `sights` both {screen.station} and {station}"
    screen.until(what, lambda camera: _is_black(camera) and both <= set(camera.sights))
    return said_s


def _is_over(screen: Screen) -> bool:
    """Waits for a moment: the other station says it again meanwhile, more often than every 10 s."""
    with suppress(Failed):
        screen.until_healthy()
        return True
    return False


@check("sees-hostile", "SEES of wrong types, or of thousands of unknown cameras, has no answer and spoils no later one")
def sees_hostile(room: Room) -> str:
    with _screen(room) as screen:
        for n, (what, cameras) in enumerate(_bad(screen.camera).items(), start=400):
            raw = msgspec.json.encode({"msg": "SEES", "cameras": cameras})
            ignored(screen.peer, f"SEES with {what}", VERSION, raw, n=n)
        many = Sees(tuple(Sight(f"{NAMELESS}{n}", flags=BLACK) for n in range(MANY)))
        ignored(screen.peer, f"SEES of {MANY} unknown cameras", VERSION, encode(many), n=399)
        screen.says(Sight(f"{NAMELESS}0", online=False), Sight(screen.camera))
        screen.until_healthy()
        screen.black()
        screen.until("`online` and `flags` black", _is_black)
        if unknown := [camera for camera in Directory(screen.peer).cameras if camera.startswith(NAMELESS)]:
            raise Failed(f"{unknown[0]} has come into the directory, of which nobody but a station has heard")
    return f"{len(_bad(''))} kinds, {MANY} unknown cameras"


def _bad(camera: str) -> dict[str, Any]:
    """By what is wrong: no list of cameras."""
    return {
        "a text for the list": camera,
        "one camera for the list": {"camera": camera},
        "numbers and nothing": [1, None],
        "no camera": [{"online": False}],
        "a number for a camera": [{"camera": 7}],
        "a number for a truth value": [{"camera": camera, "online": 0}],
        "a text for flags": [{"camera": camera, "flags": "black"}],
        f"{FLAGS_MOST + 1} flags": [{"camera": camera, "flags": [*BLACK * (FLAGS_MOST + 1)]}],
    }
