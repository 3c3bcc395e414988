"""What stations say of the cameras on their screens, and what of it comes into the directory.

HELLO says which cameras a station shows, SEES how they are. The sweep leaves a camera alone while a station has a
picture of it, and for GRACE_S after a station has begun to show it; one that no station has a picture of is looked
at, so that a broken line to one room does not make a camera dead for all. Of a station that never says SEES (an older
one) it leaves alone what that shows.

A station's word is kept for SIGHT_S only, of cameras that the directory has and that are swept, SHOWS_MOST of each
station. Into a record goes: where at least one has a picture, that the camera is there, with all that any of them sees
wrong; and what each of them sees (`sights`) while that is not what the record says: a wall that tours healthy cameras
writes nothing. Pure but for the clock; one thread. Must not: answer a station, or believe one that speaks another mode.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from backends.domain.camera import Camera, Sight, StationSight, flags_meant
from backends.domain.picture import PictureFlag
from backends.hub.core import Core
from backends.hub.sweeping import is_swept
from backends.protocol.messages import SHOWS_MOST

SHOWN_S = 90.0
"""A station that has not said for so long what it shows shows nothing."""
GRACE_S = 30.0
"""To open a camera and to say what is seen: without a word the sweep looks by itself."""
SIGHT_S = 25.0
"""A station says it every 10 s."""
STATIONS_MOST = 8
"""Of which a record tells what they see; those without a picture first."""

_SHOWN_ONLY = frozenset({PictureFlag.REPEATING, PictureFlag.BEHIND})
"""No single look finds these: they end with the last station that shows the camera."""


@dataclass
class _Told:
    """By one station."""

    said_s: float
    """Its last HELLO."""
    shows_s: float = float("-inf")
    """Its last HELLO that showed something."""
    since_s: dict[str, float] = field(default_factory=dict)
    """Camera that it shows -> since when."""
    sees_s: float = float("-inf")
    """Its last SEES; an older station never says one."""
    sees: dict[str, Sight] = field(default_factory=dict)


class Sights:
    """Of one hub."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = monotonic_s
        self._told: dict[str, _Told] = {}

    def hello(self, station: str, shows: Iterable[str]) -> None:
        """A HELLO of this hub's mode. One that shows nothing says nothing of what was shown: that ends by itself."""
        self._forget()
        now_s = self._now_s()
        told = self._told.setdefault(station, _Told(now_s))
        told.said_s = now_s
        shown = tuple(shows)[:SHOWS_MOST]
        if shown:
            told.shows_s = now_s
            told.since_s = {camera: told.since_s.get(camera, now_s) for camera in shown}

    def sees(self, station: str, sights: Iterable[Sight]) -> None:
        """All that this station sees now. Of one that has not said HELLO in this mode: nothing."""
        told = self._told.get(station)
        if told is not None:
            told.sees_s = self._now_s()
            told.sees = {sight.camera: _in_order(sight) for sight in tuple(sights)[:SHOWS_MOST]}

    def shown(self) -> frozenset[str]:
        """Cameras on the screens of stations, as far as they say so; each says it every 30 s."""
        self._forget()
        return frozenset(camera for told in self._told.values() for camera in told.since_s)

    def busy(self) -> frozenset[str]:
        """Cameras that need no look."""
        self._forget()
        now_s = self._now_s()
        new = {
            camera
            for told in self._told.values()
            for camera, since_s in told.since_s.items()
            if now_s - since_s < GRACE_S or told.sees_s == float("-inf")
        }
        seen = {sight.camera for told in self._fresh().values() for sight in told.sees.values() if sight.online}
        return frozenset(new | seen)

    def turn(self, core: Core, now_ns: int) -> None:
        """Into the directory; once a second."""
        cameras: dict[str, Camera] = core.records("cameras")
        by_camera: dict[str, list[StationSight]] = {}
        for station, told in self._fresh().items():
            for sight in told.sees.values():
                by_camera.setdefault(sight.camera, []).append(StationSight(station, sight.online, sight.flags))
        for camera in list(cameras.values()):
            sights = by_camera.get(camera.id, []) if camera.enabled and is_swept(camera) else []
            if camera.turns:
                sights = [msgspec.structs.replace(one, flags=flags_meant(camera, one.flags)) for one in sights]
            if sights or camera.sights or not _SHOWN_ONLY.isdisjoint(camera.flags):
                after = with_sights(camera, sights, now_ns)
                if after != camera:
                    core.put("cameras", after, now_ns)

    def _fresh(self) -> dict[str, _Told]:
        old_s = self._now_s() - SIGHT_S
        return {station: told for station, told in self._told.items() if told.sees_s > old_s}

    def _forget(self) -> None:
        old_s = self._now_s() - SHOWN_S
        self._told = {station: told for station, told in self._told.items() if told.said_s > old_s}
        for told in self._told.values():
            if told.shows_s <= old_s:
                told.since_s = {}


def _in_order(sight: Sight) -> Sight:
    """Each flag once, in the order of urgency: whatever a station sends, two that see the same say the same."""
    flags = tuple(flag for flag in PictureFlag if sight.online and flag in sight.flags)
    return Sight(sight.camera, sight.online, flags)


def with_sights(camera: Camera, sights: Sequence[StationSight], now_ns: int) -> Camera:
    """The record as stations see it; the same where nothing has changed."""
    seeing = [one for one in sights if one.online]
    if seeing:
        wrong = {flag for one in seeing for flag in one.flags}
        online, reason, flags = True, "", tuple(flag for flag in PictureFlag if flag in wrong)
    else:  # the sweep's word stands, and it will look
        online, reason = camera.online, camera.reason
        flags = camera.flags if sights else tuple(flag for flag in camera.flags if flag not in _SHOWN_ONLY)
    said = (online, flags if online else ())
    other = sorted(sights, key=lambda one: (one.online, one.station)) if _differ(sights, said) else ()
    moved = (online, flags) != (camera.online, camera.flags)
    return msgspec.structs.replace(
        camera,
        sights=tuple(other[:STATIONS_MOST]),
        online=online,
        reason=reason,
        flags=flags,
        t_state_ns=now_ns if moved or (seeing and not camera.t_state_ns) else camera.t_state_ns,
    )


def _differ(sights: Sequence[StationSight], said: tuple[bool, tuple[PictureFlag, ...]]) -> bool:
    return any((one.online, one.flags) != said for one in sights)
