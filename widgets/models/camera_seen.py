"""How a camera is, in the words of a list: by its picture on this screen, else by what the hub's probe says.

Pure but for the language on screen. Where screen and hub disagree whether it is there, both are said; what is wrong
with a picture that is on the screen the screen knows best: the hub's probe leaves it alone. Paints nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.camera import Camera, PictureState, PictureStatus, as_meant
from backends.domain.picture import PictureFlag
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import tr

OLD_NS = 20 * 60 * NS_PER_S
"""The sweep takes a picture every ten minutes; two that did not come are no chance."""
_AHEAD_NS = 60 * NS_PER_S
"""A picture from farther in the future than clocks differ: nobody knows when it was taken."""


@dataclass(frozen=True)
class Seen:
    """A camera's state as a row shows it."""

    words: str
    age: str
    """How long it has been so; empty = not known, or nothing to say."""
    rank: int
    """0 = dead, 1 = wrong, 2 = switched off or on its way, 3 = well: the order of "what is wrong first"."""

    @property
    def trouble(self) -> bool:
        return self.rank < 2


_DEAD = frozenset({PictureState.LOST, PictureState.REFUSED, PictureState.NO_SOURCE})


def seen_of(camera: Camera, status: PictureStatus | None, now_ns: int) -> Seen:
    """`status`: of its picture on this station's screens, None = it is not shown here."""
    if not camera.enabled:
        return Seen(tr("camera.disabled"), _since(camera, now_ns), 2)
    if status is None or status.state is PictureState.DISABLED:
        if not camera.online:
            return Seen(tr("camera_list.offline"), _since(camera, now_ns), 0)
        if camera.disputed:
            return Seen(tr("camera_list.disputed"), _since(camera, now_ns), 1)
        if camera.flags:
            return Seen(_flag(camera.flags[0]), _since(camera, now_ns), 1)
        return Seen(tr("camera_list.online"), _since(camera, now_ns), 3)
    here = _here(as_meant(camera, status))
    if camera.online == (status.state not in _DEAD):
        return here
    hub = tr("camera_list.hub_online") if camera.online else tr("camera_list.hub_offline")
    return Seen(f"{here.words} · {hub}", here.age, min(here.rank, 1))


def _here(status: PictureStatus) -> Seen:
    """Of the picture alone; its age moves by the second only while something is wrong."""
    match status.state:
        case PictureState.LIVE if status.raised:
            return Seen(_flag(status.raised[0].flag), "", 1)
        case PictureState.LIVE:
            return Seen(tr("camera_list.shown"), "", 3)
        case PictureState.SLOW:
            return Seen(tr("camera.slow", n=max(1, int(status.age_s))), "", 1)
        case PictureState.LOST:
            return Seen(tr("camera_list.lost"), fmt.countdown(status.age_s), 0)
        case PictureState.REFUSED | PictureState.NO_SOURCE:
            return Seen(tr(f"camera.{status.state.value}"), "", 0)
        case _:
            return Seen(tr(f"camera.{status.state.value}"), "", 2)


def _flag(flag: PictureFlag) -> str:
    return tr(f"picture.{flag.value}")


def _since(camera: Camera, now_ns: int) -> str:
    """In words, to the minute once it is one: 364 rows would else change every second."""
    if not camera.t_state_ns:
        return ""
    return fmt.duration(max(0.0, (now_ns - camera.t_state_ns) / NS_PER_S))


def sights_words(camera: Camera) -> list[str]:
    """Of a camera that stations see differently: what each of them sees, a line each."""
    if not camera.disputed:
        return []
    lines = []
    for one in camera.sights:
        state = tr("camera_list.online" if one.online else "camera_list.offline")
        lines.append(f"{one.station}: " + " · ".join([state, *map(_flag, one.flags)]))
    if not any(one.online for one in camera.sights):
        lines.append(tr("camera_list.hub_online"))
    return lines


def age_ns(t_ns: int, now_ns: int) -> int | None:
    """None: not known."""
    return None if not t_ns or t_ns > now_ns + _AHEAD_NS else max(0, now_ns - t_ns)


def is_old(camera: Camera, t_ns: int, now_ns: int) -> bool:
    """It says little of how the camera is now."""
    age = age_ns(t_ns, now_ns)
    return age is None or age > OLD_NS or not camera.online or not camera.enabled


def still_words(t_ns: int, now_ns: int) -> str:
    """Its age, rounded up to the minute."""
    age = age_ns(t_ns, now_ns)
    if age is None:
        return tr("camera_list.still_undated")
    return tr("camera_list.still", age=fmt.duration(max(60, age // NS_PER_S + 59)))
