"""The demo's camera pictures: one drawn street scene a camera, as looped clips in a folder.

    clip_path(folder, number, weather)          where a clip is (or will be)
    still_path(folder, number, weather)         one picture of it, for a camera whose clip nobody needs yet
    ensure_clip(folder, number, ...)            make it unless it is there
    python -m backends.city.scenes              make a list of them, as a child process

The child reads {"folder": str, "cameras": [numbers], "weather": str, "stills": bool} (see backends.process), makes
the clips or stills in that order and ends; each appears under its name only when it is whole. It must not import the
video workers: a clip is a file like any camera's recording.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from backends.city.cameras import eye, scene_kind
from backends.city.scene_film import Film, encode, encode_still, still
from backends.city.scene_stage import WEATHERS
from backends.city.tables import table
from backends.process import child_settings

VERSION = 1
"""Part of the file name: moves when the drawing changes, so that old clips are not taken for new ones."""
_log = logging.getLogger(__name__)


def clip_path(folder: Path, number: str, weather: str = "day") -> Path:
    """Where the clip of camera `number` is. Raises ValueError for a weather that does not exist."""
    if weather not in WEATHERS:
        raise ValueError(f"unknown weather {weather!r}: there are {', '.join(WEATHERS)}")
    return folder / f"scene-{number}-{weather}-v{VERSION}.mp4"


def still_path(folder: Path, number: str, weather: str = "day") -> Path:
    """Where one picture of the clip of camera `number` is, drawn without it in a tenth of the time (0.2 s, 40 kB)."""
    return clip_path(folder, number, weather).with_suffix(".jpg")


def ensure_still(folder: Path, number: str, weather: str = "day") -> Path:
    """That picture, made now unless it is there. Raises OSError when the folder cannot be written."""
    path = still_path(folder, number, weather)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{path.stem}-{os.getpid()}.part.jpg"
    try:
        partial.write_bytes(encode_still(still(number, _name(number), scene_kind(number), weather)))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def ensure_clip(folder: Path, camera_number: str, name: str, kind: str, weather: str = "day") -> Path:
    """The clip of a camera, made now unless it is there (one to three seconds of one core, 1 to 3 MB).

    Two processes may make the same clip at once: each writes its own file and the last one wins.
    Raises OSError when the folder cannot be written.
    """
    path = clip_path(folder, camera_number, weather)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{path.stem}-{os.getpid()}.part.mp4"
    try:
        halting = camera_number in table("cameras")["slow"]
        encode(partial, Film(camera_number, name, kind, weather), halting=halting)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def ensure_number(folder: Path, number: str, weather: str = "day") -> Path:
    """The clip of a camera of the directory, by its number alone; a number without a camera shows a street."""
    return ensure_clip(folder, number, _name(number), scene_kind(number), weather)


def _name(number: str) -> str:
    try:
        return eye(number).name.vi
    except KeyError:
        return ""


def main() -> int:
    """The child process. One clip that fails is logged and skipped; exit status 1 when any did."""
    settings = child_settings()
    logging.basicConfig(level=logging.INFO)
    folder, failed = Path(settings["folder"]), 0
    ensure = ensure_still if settings.get("stills") else ensure_number
    for number in settings["cameras"]:
        try:
            ensure(folder, number, settings.get("weather", "day"))
        except (OSError, ValueError, RuntimeError) as error:
            failed += 1
            _log.warning("no clip for camera %s: %s", number, error)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
