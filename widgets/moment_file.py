"""The moment of an alarm as files: a small JPEG, and a JSON that says what it is; the clip beside them is the picture
broker's. All for this user alone (0600). Any thread. Must not: know tiles, or ask anybody.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QImage

from backends.domain.moment import Moment, MomentRule, Stored, too_many

WIDTH = 640
"""Pixels of the still, at most."""
_QUALITY = 80
_TOLD, _STILL, _CLIP = ".json", ".jpg", ".clip"


def write_moment(folder: Path, moment: Moment, image: QImage | None) -> QImage | None:
    """Write what it is, and its still where it has one of its own; returns that as it was written. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    small = None
    if image is not None:
        wide = min(WIDTH, image.width())
        small = image.scaledToWidth(wide, Qt.TransformationMode.SmoothTransformation)
        _write(folder / f"{moment.name}{_STILL}", _jpeg(small))
    _write(folder / f"{moment.name}{_TOLD}", msgspec.json.encode(moment))
    return small


def read_moments(folder: Path) -> list[Moment]:
    """All that are there; what is no moment is left alone."""
    found = []
    for path in sorted(folder.glob(f"*{_TOLD}")) if folder.is_dir() else []:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            found.append(msgspec.json.decode(path.read_bytes(), type=Moment))
    return found


def read_still(folder: Path, moment: Moment) -> QImage | None:
    """None: it has gone, or is damaged."""
    try:
        image = QImage.fromData((folder / f"{moment.base}{_STILL}").read_bytes())
    except OSError:
        return None
    return None if image.isNull() else image


def prune(folder: Path, rule: MomentRule, now_ns: int) -> list[str]:
    """Take away what is too old or too much; returns the names. Raises OSError."""
    sizes: dict[str, tuple[int, int]] = {}
    for path in folder.iterdir():
        if path.suffix in (_TOLD, _STILL, _CLIP) and not path.name.startswith("."):
            told = path.stat()
            newest, size = sizes.get(path.stem, (0, 0))
            sizes[path.stem] = max(newest, told.st_mtime_ns), size + told.st_size
    gone = too_many((Stored(name, *what) for name, what in sizes.items()), rule, now_ns)
    _remove(folder, gone)
    return gone


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        for ending in (_STILL, _CLIP, _TOLD):
            (folder / f"{name}{ending}").unlink(missing_ok=True)


def _jpeg(image: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "JPEG", _QUALITY):  # type: ignore[call-overload]  # PySide6's stubs know only bytes for the format
        raise OSError("the picture cannot be written as JPEG")
    return bytes(buffer.data().data())


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for this user alone."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
