"""The head of a drawn scene that turns: the demo's cameras are turned as real ones are, and their pictures follow.

Where it looks is one small file beside the scene's clip. Whoever turns it writes how it moves from now on and until
when (`SceneHead`, a `PtzDriver`); whoever decodes the clip reads that and shows the part of the picture that is looked
at (`scene_part`). So a move ends by itself, as in a camera, also when its writer has died. On the monotonic clock,
which the processes of one machine share. What a ring keeps is the whole picture, as the clip has it. Must not: know
leases, or load FFmpeg (the feeder turns cameras and decodes nothing).
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from backends.domain.camera import Camera
from backends.domain.device import Preset, PtzPosition
from backends.video.faults import SourceFault

SCHEME = "scene:"
HOME_SHARE = 0.625
"""Of the clip's width that the head sees when it is not zoomed in; the rest is what it can turn to."""
NEAREST = 3.0
"""How many times nearer it comes."""
_SPEED = 0.6
"""Of half of its reach, and of its zoom, a second at full speed."""
_GO_S = 1.5
_FORMAT = struct.Struct("<8d")


@dataclass(frozen=True)
class Aim:
    """How it moves. Each place -1 to 1 (left to right, down to up), the zoom 0 to 1."""

    since_s: float = 0.0
    """Monotonic; it stood at the three places below then."""
    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    pan_by: float = 0.0
    """Speeds, a second."""
    tilt_by: float = 0.0
    zoom_by: float = 0.0
    until_s: float = 0.0

    def at(self, now_s: float) -> tuple[float, float, float]:
        """Pan, tilt and zoom; at its ends it stands."""
        gone_s = max(0.0, min(now_s, self.until_s) - self.since_s)
        return (
            max(-1.0, min(1.0, self.pan + self.pan_by * gone_s)),
            max(-1.0, min(1.0, self.tilt + self.tilt_by * gone_s)),
            max(0.0, min(1.0, self.zoom + self.zoom_by * gone_s)),
        )


def part_of(aim: Aim, now_s: float) -> tuple[float, float, float, float]:
    """What it sees of the clip: x, y, width, height as shares."""
    pan, tilt, zoom = aim.at(now_s)
    share = HOME_SHARE / NEAREST**zoom
    return (1.0 - share) * (pan + 1.0) / 2, (1.0 - share) * (1.0 - tilt) / 2, share, share


def aim_file(folder: Path, number: str) -> Path:
    return folder / f"scene-{number}.aim"


def read_aim(path: Path) -> Aim | None:
    """None: it does not turn."""
    try:
        return Aim(*_FORMAT.unpack(path.read_bytes()))
    except (OSError, struct.error):
        return None


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise SourceFault(f"the drawn camera cannot be turned: {error}") from None


def at_home(folder: Path, number: str) -> None:
    """It turns from now on; where it looked before, it looks still. Raises SourceFault."""
    path = aim_file(folder, number)
    if read_aim(path) is None:
        _write(path, _FORMAT.pack(*astuple(Aim())))


class SceneHead:
    """See the module. Implements `ports.PtzDriver`."""

    def __init__(self, folder: Path, number: str, camera: Camera | None) -> None:
        """`camera`: its record, for the presets that the city gave it."""
        self._aim = aim_file(folder, number)
        self._kept = self._aim.with_suffix(".presets")
        self._given = _given(camera) if camera is not None else {}

    def prepare(self) -> None:
        """There is nothing to be asked for."""

    def move(self, pan: float, tilt: float, zoom: float, timeout_s: float) -> None:
        self._set(pan * _SPEED, tilt * _SPEED, zoom * _SPEED, timeout_s)

    def stop(self) -> None:
        self._set(0.0, 0.0, 0.0, 0.0)

    def presets(self) -> tuple[Preset, ...]:
        return tuple(Preset(name, name) for name in self._places())

    def go_to(self, preset: str) -> None:
        places = self._places()
        if preset not in places:
            raise SourceFault(f'there is no preset "{preset}"')
        pan, tilt, zoom = self._now()
        to_pan, to_tilt, to_zoom = places[preset]
        self._set((to_pan - pan) / _GO_S, (to_tilt - tilt) / _GO_S, (to_zoom - zoom) / _GO_S, _GO_S)

    def keep_preset(self, name: str, preset: str = "") -> str:
        kept = {key: place for key, place in self._own().items() if key != preset} | {name: self._now()}
        _write(self._kept, json.dumps(kept, ensure_ascii=False).encode())
        return name

    def position(self) -> PtzPosition:
        pan, tilt, zoom = self._now()
        aim = read_aim(self._aim) or Aim()
        return PtzPosition(pan, tilt, zoom, moving=time.monotonic() < aim.until_s)

    def _now(self) -> tuple[float, float, float]:
        return (read_aim(self._aim) or Aim()).at(time.monotonic())

    def _set(self, pan: float, tilt: float, zoom: float, seconds: float) -> None:
        now_s = time.monotonic()
        _write(self._aim, _FORMAT.pack(now_s, *self._now(), pan, tilt, zoom, now_s + seconds))

    def _own(self) -> dict[str, tuple[float, float, float]]:
        """Those that people have kept; a damaged file has none."""
        try:
            raw = json.loads(self._kept.read_bytes())
            return {str(name): (float(p), float(t), float(z)) for name, (p, t, z) in raw.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _places(self) -> Mapping[str, tuple[float, float, float]]:
        return {**self._given, **self._own()}


def _given(camera: Camera) -> dict[str, tuple[float, float, float]]:
    """By the bearings of the camera's record: the ends of its reach are the edges of the clip."""
    if camera.reach is None or not camera.angle_deg or camera.reach.width_deg <= camera.angle_deg:
        return {}
    half = (camera.reach.width_deg - camera.angle_deg) / 2
    found = {}
    for view in camera.preset_views:
        off = (view.bearing_deg - camera.reach.middle_deg + 180.0) % 360.0 - 180.0
        found[view.preset] = (max(-1.0, min(1.0, off / half)), 0.0, 0.0)
    return found
