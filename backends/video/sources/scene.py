"""The demo's street scenes: `scene:068` is a looped clip that the city draws; while it is missing, we wait. One that
turns (`scene_head`) shows the part of its clip that it looks at.

Must not: draw the scenes, or know where they lie (the broker's settings say).
"""

from __future__ import annotations

import time
from pathlib import Path

import av

from backends.video.scene_head import SCHEME, aim_file, part_of, read_aim
from backends.video.scene_part import framed
from backends.video.source import Address, Compressed, NotYet, Source, SourceSpec
from backends.video.sources.file import LoopedFile

_LOOK_S = 2.0
"""How often one that does not turn is looked at again."""


class _Scene(LoopedFile):
    def __init__(self, path: Path, address: Address) -> None:
        super().__init__(path, address)
        self._aim = aim_file(path.parent, address.uri.removeprefix(SCHEME))
        self._look_s = 0.0

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        frames, now_s = super().decode(packet), time.monotonic()
        if now_s < self._look_s:
            return frames
        aim = read_aim(self._aim)
        if aim is None:
            self._look_s = now_s + _LOOK_S
            return frames
        part = part_of(aim, now_s)
        return [framed(frame, part) for frame in frames]


def open_scene(address: Address) -> Source:
    """Raises NotYet while the clip is not drawn yet."""
    if not address.path or not Path(address.path).is_file():
        raise NotYet("this street scene is still being drawn")
    return _Scene(Path(address.path), address)


SPEC = SourceSpec(
    kind="scene",
    schemes=("scene",),
    says="A street scene of the demo city, drawn by this program and looped.",
    example="scene:068",
    open=open_scene,
    network=False,
)
