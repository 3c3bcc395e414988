"""A still as a file: a PNG at the camera's own resolution, and beside it a JSON that says what it is, with its hash.

A file cannot hold its own hash: the PNG's text holds that of its pixels (SHA-256 over the RGB bytes, row by row from
above), the JSON both that and the one of the PNG file. Any thread. Must not: know tiles, or ask anybody.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QImage

from backends.domain.text import LocalText, fold
from backends.domain.times import NS_PER_S
from widgets import format as fmt

VERSION = 1
_SLUG = 40
_MOST_SAME = 1000


@dataclass(frozen=True)
class Still:
    """One picture and what is to be known of it."""

    camera_id: str
    number: str
    name: LocalText
    t_ns: int
    """When the picture was received: UTC, the session's clock."""
    stream: str
    """"main" or "sub"."""
    person: str
    """Id of who saved it."""
    state: str
    """Of the picture: "live", "slow", "lost"."""
    flags: tuple[str, ...]
    """What the health check said of the picture then."""
    image: QImage


@dataclass(frozen=True)
class Saved:
    """What has become of it."""

    still: Still
    path: Path
    sha256: str
    """Of the PNG file."""


def write_still(folder: Path, still: Still) -> Saved:
    """Write both files; no older one is ever replaced. Raises OSError in words that name the path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pixels = pixels_hash(still.image)
    png = _png(still, pixels)
    digest = hashlib.sha256(png).hexdigest()
    path = _write_new(folder, _stem(still), png)
    try:
        told = json.dumps(_account(still, path.name, digest, pixels), ensure_ascii=False, indent=2)
        path.with_suffix(".json").write_text(told + "\n", encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)  # a picture without its account proves nothing
        path.with_suffix(".json").unlink(missing_ok=True)
        raise
    return Saved(still, path, digest)


def pixels_hash(image: QImage) -> str:
    """SHA-256 over the RGB bytes, row by row, without the padding that QImage puts at the end of rows."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return hashlib.sha256(np.ascontiguousarray(rows[:, : rgb.width() * 3]).tobytes()).hexdigest()


def _png(still: Still, pixels: str) -> bytes:
    image = still.image.convertToFormat(QImage.Format.Format_RGB888)
    image.setText("Title", f"{still.number} {still.name.vi}")
    image.setText("Creation Time", _utc(still.t_ns))
    image.setText("Source", f"camera {still.camera_id}, {still.stream} stream")
    image.setText("Pixels SHA-256", pixels)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]  # PySide6's stubs know only bytes for the format
        raise OSError("the picture cannot be written as PNG")
    return bytes(buffer.data().data())


def _write_new(folder: Path, stem: str, content: bytes) -> Path:
    for n in range(1, _MOST_SAME):
        path = folder / (f"{stem}.png" if n == 1 else f"{stem}-{n}.png")
        try:
            with path.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            continue
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path
    raise OSError(f"{folder} is full of stills of the same moment")


def _stem(still: Still) -> str:
    """Time, number and name: no letter of it can lead out of the folder, whatever a directory says."""
    local = fmt.local_time(still.t_ns)
    name = re.sub(r"[^a-z0-9]+", "-", fold(still.name.vi)).strip("-")[:_SLUG].strip("-")
    number = re.sub(r"[^A-Za-z0-9]+", "-", still.number)[:_SLUG].strip("-")
    moment = f"{local:%Y%m%d-%H%M%S}-{still.t_ns % NS_PER_S // 1_000_000:03d}"
    return "_".join(part for part in (moment, number, name, still.stream) if part)


def _account(still: Still, file: str, sha256: str, pixels: str) -> dict[str, object]:
    return {
        "version": VERSION,
        "file": file,
        "sha256": sha256,
        "pixels_sha256": pixels,
        "camera": {
            "id": still.camera_id,
            "number": still.number,
            "name_vi": still.name.vi,
            "name_en": still.name.en,
        },
        "stream": still.stream,
        "width": still.image.width(),
        "height": still.image.height(),
        "t_ns": still.t_ns,
        "taken_utc": _utc(still.t_ns),
        "taken_local": fmt.local_time(still.t_ns).isoformat(timespec="milliseconds"),
        "saved_by": still.person,
        "state": still.state,
        "flags": list(still.flags),
    }


def _utc(t_ns: int) -> str:
    return datetime.fromtimestamp(t_ns / NS_PER_S, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
