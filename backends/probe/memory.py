"""What the sweep keeps on disk of each camera: what it sees when all is well, one small file each.

A reference is the mean of the first LEARN looks at which nothing was wrong, one for each kind of light; it serves
from the first look on, and gets better with each. A file belongs to a camera at an address: another address is
another view. A file that cannot be read is begun anew. Must not: judge.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backends.domain.picture import Light
from backends.video.looks import VIEW_H, VIEW_W
from backends.video.scaling import Image
from backends.video.viewing import LEARN_LOOKS, Reference

log = logging.getLogger(__name__)

LEARN = LEARN_LOOKS
_WRITTEN = frozenset({1, 3, 10, LEARN})
"""Looks after which it is written: each would be half a gigabyte of writing a day."""
MOST_BYTES = 1 << 20


class _Mean:
    __slots__ = ("count", "focus", "grey")

    def __init__(self, grey: npt.NDArray[np.float32], focus: float, count: int) -> None:
        self.grey, self.focus, self.count = grey, focus, count


class References:
    """Of one camera; one thread at a time."""

    def __init__(self, folder: Path, camera_id: str, uri: str) -> None:
        name = hashlib.sha256(f"{camera_id}\n{uri}".encode()).hexdigest()[:32]
        self._path = folder / f"{name}.npz"
        self._means = _read(self._path)

    def of(self, light: Light) -> Reference | None:
        """None: it has never been seen well in this light."""
        mean = self._means.get(light)
        if mean is None:
            return None
        return Reference(light, "", (mean.grey + 0.5).astype(np.uint8), mean.focus)

    def learn(self, light: Light, grey: Image, focus: float) -> None:
        """A view in which nothing is wrong; after LEARN of them a reference stays as it is."""
        mean = self._means.get(light)
        if mean is None:
            mean = self._means[light] = _Mean(np.zeros((VIEW_H, VIEW_W), np.float32), 0.0, 0)
        if mean.count >= LEARN:
            return
        mean.count += 1
        mean.grey += (grey - mean.grey) / mean.count
        mean.focus += (focus - mean.focus) / mean.count
        if mean.count in _WRITTEN:
            self._write()

    def _write(self) -> None:
        arrays: dict[str, npt.NDArray[np.float32]] = {}
        for light, mean in self._means.items():
            arrays[f"{light.value}_grey"] = mean.grey
            arrays[f"{light.value}_told"] = np.array([mean.focus, mean.count], np.float32)
        data = io.BytesIO()
        np.savez_compressed(data, **arrays)  # type: ignore[arg-type]  # its stubs think of `allow_pickle`
        part = self._path.with_suffix(".part")
        try:
            part.write_bytes(data.getvalue())
            os.replace(part, self._path)
        except OSError as error:
            log.warning("a reference view cannot be kept: %s", error)
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _read(path: Path) -> dict[Light, _Mean]:
    found: dict[Light, _Mean] = {}
    try:
        if not path.exists() or path.stat().st_size > MOST_BYTES:
            return found
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            for light in Light:
                if f"{light.value}_grey" in arrays:
                    grey = np.asarray(arrays[f"{light.value}_grey"], np.float32)
                    focus, count = (float(value) for value in arrays[f"{light.value}_told"])
                    if grey.shape == (VIEW_H, VIEW_W) and np.isfinite(grey).all() and focus > 0 and count >= 1:
                        found[light] = _Mean(np.clip(grey, 0, 255), focus, int(count))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("a reference view cannot be read and is learnt anew: %s", error)
        return {}
    return found
