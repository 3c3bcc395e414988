"""A cheap look at a decoded frame: a sample of its brightness for every frame, a small grey view once a second.

The luma plane is read where the decoder has left it. A sample is 36 rows of 64 pixels out of the picture as it
came: sensor noise is in it, so that no two pictures of a living camera have the same. A view is the whole picture
averaged down to 160x90. For what has no luma (RGB), green stands for it. Nothing here keeps a frame.

Must not: judge.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane

from backends.video.scaling import Image, Shot

Plane = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
ROWS, COLUMNS = 36, 64
"""Of a sample. Columns in whole words of 8 bytes: they are compared by words."""
VIEW_W, VIEW_H = 160, 90
_GREY = 128
"""The value of chroma that means no colour."""
_PACKED: dict[str, tuple[int, int]] = {
    "yuyv422": (0, 2), "yvyu422": (0, 2), "uyvy422": (1, 2), "rgb24": (1, 3), "bgr24": (1, 3),
    "rgba": (1, 4), "bgra": (1, 4), "rgb0": (1, 4), "bgr0": (1, 4), "argb": (2, 4), "abgr": (2, 4), "0rgb": (2, 4),
    "0bgr": (2, 4),
}  # fmt: skip
"""Name -> byte of the luma (or green) in a pixel, bytes of a pixel."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture made small."""

    grey: Image
    """(90, 160)."""
    colour: float
    """Mean distance of its chroma from grey, levels of 255; 0 = no colours."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the luma of a pixel format lies."""

    dtype: str
    shift: int
    """Bits to drop until 8 are left."""
    at: int
    step: int
    chroma: tuple[int, ...]
    """Planes that hold nothing but chroma."""


@functools.cache
def _layout(name: str) -> _Layout | None:
    """None: not known how to read it."""
    if name in _PACKED:
        return _Layout("u1", 0, *_PACKED[name], ())
    if not name.startswith(("yuv", "nv", "gray", "p0", "p2", "p4", "gbrp")):
        return None
    about = av.VideoFormat(name, 64, 64)
    bits = about.components[0].bits
    if (bits > 8 and about.is_big_endian) or bits > 16 or about.components[0].plane != _luma_plane(about):
        return None
    planes = {c.plane for c in about.components}
    chroma = () if name.startswith("gb") else tuple(sorted(planes - {0}))[:2]
    # P010 and its like keep their bits at the upper end of the word.
    shift = 8 if name.startswith("p") else bits - 8
    return _Layout("u1" if bits == 8 else "<u2", shift if bits > 8 else 0, 0, 1, chroma)


def _luma_plane(about: av.VideoFormat) -> int:
    """Plane 0 holds luma; of GBR it holds green, which is the second component."""
    return about.components[0].plane if about.name.startswith("gb") else 0


def _plane(frame: av.VideoFrame, number: int, layout: _Layout) -> Plane | None:
    """Rows of a plane, in place, without what stands behind them. Valid only as long as nobody lets go of `frame`."""
    plane = frame.planes[number]
    if plane.line_size <= 0:
        return None  # upside down
    # The stubs do not know that a plane is a buffer.
    rows: Plane = np.frombuffer(plane, layout.dtype)  # type: ignore[call-overload]
    per_row = plane.line_size // rows.itemsize
    return rows[: per_row * plane.height].reshape(plane.height, per_row)


def luma_of(frame: av.VideoFrame) -> tuple[Plane, int] | None:
    """(height, width) of the luma, in place, and the bits to drop until 8 are left; None: a format nobody can read.

    Read it and let go of it at once: it keeps the frame's memory from the decoder.
    """
    layout = _layout(frame.format.name)
    if layout is None:
        return None
    pixels = _pixels(frame, layout)
    return None if pixels is None else (pixels[:, :, layout.at], layout.shift)


def _pixels(frame: av.VideoFrame, layout: _Layout) -> Plane | None:
    """(height, width, values beside each other in plane 0), in place."""
    rows = _plane(frame, 0, layout)
    if rows is None:
        return None
    return rows[:, : frame.width * layout.step].reshape(frame.height, frame.width, layout.step)


def sample_of(shot: Shot) -> Image | None:
    """(36, 64): pixels on a grid, each as it came. None: too small a picture, or a format nobody can read."""
    if isinstance(shot, np.ndarray):
        return _sampled(shot[:, :, 1], 0)
    grid = _grid(shot.format.name, shot.width, shot.height)
    if grid is None:
        return None
    # Of every frame: no more than one plane, and one view on it.
    plane = VideoPlane(shot, 0)
    line = plane.line_size
    if line <= 0:
        return None  # upside down
    at, rows, columns, dtype, shift = grid
    steps = rows * line, columns
    # The stubs do not know that a plane is a buffer.
    points: Plane = np.ndarray((ROWS, COLUMNS), dtype, plane, at + rows // 2 * line, steps)  # type: ignore[arg-type]
    return np.array(points >> shift if shift else points, np.uint8, order="C")


@functools.cache
def _grid(name: str, width: int, height: int) -> tuple[int, int, int, str, int] | None:
    """Bytes to the first point within a row, rows and bytes between two, type, bits to drop; None as `sample_of`."""
    layout = _layout(name)
    high, wide = height // ROWS, width // COLUMNS
    if layout is None or not high or not wide:
        return None
    size = np.dtype(layout.dtype).itemsize
    return (wide // 2 * layout.step + layout.at) * size, high, wide * layout.step * size, layout.dtype, layout.shift


def _sampled(luma: Plane, shift: int) -> Image | None:
    high, wide = luma.shape[0] // ROWS, luma.shape[1] // COLUMNS
    if not high or not wide:
        return None
    grid = luma[high // 2 :: high, wide // 2 :: wide][:ROWS, :COLUMNS]
    return np.array(grid >> shift if shift else grid, np.uint8, order="C")


def view_of(shot: Shot) -> View | None:
    """The whole picture, averaged. None as in `sample_of`. Once a second: it reads every pixel."""
    if isinstance(shot, np.ndarray):
        return _view_of_colours(shot)
    layout = _layout(shot.format.name)
    if layout is None or shot.height < ROWS or shot.width < COLUMNS:
        return None
    pixels = _pixels(shot, layout)
    if pixels is None:
        return None
    # With what stands beside the luma in packed formats: OpenCV copies what is not dense.
    small = cv2.resize(pixels, (VIEW_W, VIEW_H), interpolation=cv2.INTER_AREA).reshape(VIEW_H, VIEW_W, layout.step)
    return View((small[:, :, layout.at] >> layout.shift).astype(np.uint8), _colour_of(shot, layout))


def _view_of_colours(shot: Image) -> View | None:
    if shot.shape[0] < ROWS or shot.shape[1] < COLUMNS:
        return None
    grey = cv2.resize(cv2.cvtColor(shot, cv2.COLOR_BGRA2GRAY), (VIEW_W, VIEW_H), interpolation=cv2.INTER_AREA)
    points = shot[8::16, 8::16, :3]
    # Half the spread of the channels is about what chroma differs from grey.
    colour = float((points.max(axis=2) - points.min(axis=2)).mean()) / 2
    return View(np.asarray(grey, np.uint8), colour)


def _colour_of(frame: av.VideoFrame, layout: _Layout) -> float:
    """From a few hundred points of each chroma plane."""
    if not layout.chroma:
        if frame.format.name.startswith("gray"):
            return 0.0
        frame = frame.reformat(VIEW_W, VIEW_H, "yuv420p")
        layout = _LAYOUT_420
    total = 0.0
    for number in layout.chroma:
        rows = _plane(frame, number, layout)
        if rows is not None:
            # Where one plane has both, they lie beside each other.
            points = rows[8::16, : frame.planes[number].width * (3 - len(layout.chroma))]
            total += float(np.abs((points >> layout.shift).astype(np.int16) - _GREY).mean())
    return total / len(layout.chroma)


_LAYOUT_420 = _Layout("u1", 0, 0, 1, (1, 2))
