"""The demo's street scenes: `scene:068` is a looped clip that the city draws; while it is missing, we wait.

Must not: draw the scenes, or know where they lie (the broker's settings say).
"""

from __future__ import annotations

from pathlib import Path

from backends.video.source import Address, NotYet, Source, SourceSpec
from backends.video.sources.file import LoopedFile


def open_scene(address: Address) -> Source:
    """Raises NotYet while the clip is not drawn yet."""
    if not address.path or not Path(address.path).is_file():
        raise NotYet("this street scene is still being drawn")
    return LoopedFile(Path(address.path), address)


SPEC = SourceSpec(
    kind="scene",
    schemes=("scene",),
    says="A street scene of the demo city, drawn by this program and looped.",
    example="scene:068",
    open=open_scene,
    network=False,
)
