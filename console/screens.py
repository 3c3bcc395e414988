"""`--screens`: virtual monitors on Qt's offscreen platform. Parsing and the platform's configuration file; no Qt."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec

_SCREEN = re.compile(
    r"(?P<width>\d{3,5})x(?P<height>\d{3,5})(?:@(?P<inches>\d{1,3}(?:\.\d+)?))?(?::(?P<kind>[a-z]+))?", re.ASCII
)
_USUAL_INCHES = {"desk": 24.0, "wall": 55.0}
MAX_SCREENS = 32


class UsageError(Exception):
    """The command line or a settings file is wrong; the message is one sentence that helps. Exit status 2."""


class VirtualScreen(msgspec.Struct, frozen=True):
    """One virtual monitor."""

    name: str
    """`screen-1`, ..."""
    x: int
    y: int
    width: int
    """Pixels; the device pixel ratio is 1."""
    height: int
    inches: float
    kind: str
    """`desk" or "wall`."""


def parse_screens(text: str) -> tuple[VirtualScreen, ...]:
    """`WxH[@INCHES][:desk|wall][,...]`, side by side from left to right. Raises UsageError."""
    screens: list[VirtualScreen] = []
    x = 0
    for part in text.split(","):
        match = _SCREEN.fullmatch(part.strip())
        if match is None:
            raise UsageError(
                f'--screens: "{part.strip()}" is no monitor; write WxH[@INCHES][:desk|wall], '
                "for example 1920x1080@24:desk,3840x2160@55:wall"
            )
        kind = match["kind"] or "desk"
        if kind not in _USUAL_INCHES:
            raise UsageError(f'--screens: "{kind}" in "{part.strip()}" must be desk or wall')
        width, height = int(match["width"]), int(match["height"])
        if not (640 <= width <= 16384 and 360 <= height <= 16384):
            raise UsageError(f'--screens: "{part.strip()}" must be 640x360 to 16384x16384 pixels')
        inches = float(match["inches"] or _USUAL_INCHES[kind])
        if not 5 <= inches <= 300:
            raise UsageError(f'--screens: {inches:g} inches in "{part.strip()}" must be 5 to 300')
        screens.append(VirtualScreen(f"screen-{len(screens) + 1}", x, 0, width, height, inches, kind))
        x += width
    if len(screens) > MAX_SCREENS:
        raise UsageError(f"--screens: {len(screens)} monitors are more than the {MAX_SCREENS} that are supported")
    return tuple(screens)


def offscreen_platform(screens: tuple[VirtualScreen, ...], folder: Path) -> str:
    """Writes the offscreen plugin's configuration into `folder`; returns the value for QT_QPA_PLATFORM.

    Qt splits that value at colons, and so the file is named relative to the current folder where its
    path has one (a Windows drive). Raises UsageError when that does not help, OSError when it cannot write.
    """
    file = folder / "screens.json"
    described = [
        {
            "name": s.name,
            "x": s.x,
            "y": s.y,
            "width": s.width,
            "height": s.height,
            "logicalDpi": 96,
            "dpi": 96,
            "dpr": 1,
        }
        for s in screens
    ]
    file.write_text(
        json.dumps({"synchronousWindowSystemEvents": False, "windowFrameMargins": False, "screens": described}),
        encoding="utf-8",
    )
    path = str(file)
    if ":" in path:
        path = os.path.relpath(file).replace(os.sep, "/")
    if ":" in path:
        raise UsageError(f"--screens: the data folder {folder} must not have a colon in its path")
    return f"offscreen:configfile={path}"
