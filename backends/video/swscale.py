"""FFmpeg's swscale, called directly: from a decoded frame into pixels that are ours, in one pass.

PyAV scales into a frame of its own, which then has to be copied; here swscale writes into shared memory itself,
and a crop costs nothing, because it is only another place to read from. Measured with 18 clips of 360p in turn,
to 480x270: 0.23 ms a frame after decoding instead of 0.30. The library is the very one that PyAV has loaded
(two of them in one process would disagree); its calls are the old stable ones (since FFmpeg 0.8).

swscale works in groups of 8 pixels: at other widths some of its ways write beyond a row and others leave its last
pixels out. So rows are drawn up to the next whole group, and the caller must have that room (`GROUP`). Calls let go
of the interpreter lock. Must not: be given a frame that somebody else changes.
"""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import psutil

GROUP = 8
"""Pixels that are written together. Without it, seen with widths of 2 to 700: up to 6 pixels beyond an even width, and
(18 pixels, not scaled) the last 2 of a row not written at all."""
_FAST_BILINEAR = 1
_BT709, _BT601, _BT2020 = 1, 5, 9
"""Numbers of swscale's tables, the same as FFmpeg's colour spaces."""
_HD_LINES = 720
_FULL = 2
"""av.video.reformatter.ColorRange.JPEG."""

_Pointers = ctypes.c_void_p * 4
_Strides = ctypes.c_int * 4
Origins = tuple[tuple[int, int], ...]
"""For each plane: bytes to the first pixel that is read, by row offset x line size and within the row."""


class NoSwscale(RuntimeError):
    """PyAV has no swscale that can be called."""


def _library(name: str) -> ctypes.CDLL:
    """The library that PyAV has loaded."""
    for mapped in psutil.Process().memory_maps():
        file = Path(mapped.path).name
        if file.startswith((f"lib{name}", f"{name}-")):
            return ctypes.CDLL(mapped.path)
    raise NoSwscale(f"PyAV {av.__version__} has loaded no {name}")


@cache
def _swscale() -> ctypes.CDLL:
    found = _library("swscale")
    found.sws_getContext.restype = ctypes.c_void_p
    found.sws_getContext.argtypes = [*[ctypes.c_int] * 7, *[ctypes.c_void_p] * 3]
    found.sws_freeContext.argtypes = [ctypes.c_void_p]
    found.sws_scale.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_int, ctypes.c_int, *[ctypes.c_void_p] * 2]
    found.sws_getCoefficients.restype = ctypes.c_void_p
    found.sws_getCoefficients.argtypes = [ctypes.c_int]
    found.sws_setColorspaceDetails.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, *[ctypes.c_int] * 4,
    ]  # fmt: skip
    return found


@cache
def _number_of(pixel_format: str) -> int:
    """FFmpeg's number of a pixel format. Raises NoSwscale."""
    number = int(_library("avutil").av_get_pix_fmt(pixel_format.encode()))
    if number < 0:
        raise NoSwscale(f"FFmpeg does not know the pixel format {pixel_format}")
    return number


@cache
def _steps(pixel_format: str) -> tuple[int, ...] | None:
    """Bytes of one pixel in each plane; None where planes cannot be read from any even pixel on (packed chroma)."""
    about = av.VideoFormat(pixel_format, 64, 64)
    if about.is_bit_stream or about.has_palette or (about.is_big_endian and about.components[0].bits > 8):
        return None
    planes: dict[int, list[av.video.format.VideoFormatComponent]] = {}
    for component in about.components:
        planes.setdefault(component.plane, []).append(component)
    if any(len({c.width for c in found}) > 1 for found in planes.values()):
        return None
    return tuple(sum((c.bits + 7) // 8 for c in planes[n]) for n in sorted(planes))


class Converter:
    """From one kind of frame, a box of it, to BGRA of one size. Used by one thread at a time."""

    def __init__(self, frame: av.VideoFrame, box: tuple[int, int, int, int], width: int, height: int) -> None:
        """`box`: x, y, width and height in the frame, even; `width`, `height` of what is wanted.

        Raises NoSwscale for what cannot be converted.
        """
        self.kind = kind_of(frame)
        steps = _steps(frame.format.name)
        x, y, w, h = box
        if steps is None and (w, h) != (frame.width, frame.height):
            raise NoSwscale(f"no part of a picture in {frame.format.name} can be read")
        self._rows = h
        self._origins = [
            (y * plane.height // frame.height, x * plane.width // frame.width * step)
            for plane, step in zip(frame.planes, steps or (0,) * len(frame.planes), strict=False)
        ]
        sws = _swscale()
        source, target = _number_of(frame.format.name), _number_of("bgra")
        wide = (width + GROUP - 1) // GROUP * GROUP
        # The same scale where the picture goes on there; at its edge it is stretched, by 7 pixels at most.
        w = min(frame.width - x, w * wide // width // 2 * 2) if steps is not None else w
        context = sws.sws_getContext(w, h, source, wide, height, target, _FAST_BILINEAR, None, None, None)
        if not context:
            raise NoSwscale(f"swscale cannot convert {frame.format.name}, {w}x{h}")
        self._context = context
        self._free = weakref.finalize(self, sws.sws_freeContext, context)
        full = frame.format.name.startswith(("yuvj", "gray")) or int(frame.color_range) == _FULL
        table = sws.sws_getCoefficients(_matrix(frame))
        # Refused for RGB and grey, which have no matrix.
        sws.sws_setColorspaceDetails(context, table, int(full), table, 1, 0, 1 << 16, 1 << 16)

    def draw(self, frame: av.VideoFrame, target: npt.NDArray[np.uint8]) -> None:
        """`frame` of the kind it was made for; `target`: (height, width, 4), its rows with room for GROUP pixels."""
        planes = frame.planes
        source, strides = _Pointers(), _Strides()
        for n, (plane, (row, inside)) in enumerate(zip(planes, self._origins, strict=False)):
            source[n] = plane.buffer_ptr + row * plane.line_size + inside
            strides[n] = plane.line_size
        out, stride = _Pointers(target.ctypes.data), _Strides(target.strides[0])
        _swscale().sws_scale(self._context, source, strides, 0, self._rows, out, stride)


def kind_of(frame: av.VideoFrame) -> tuple[int, int, str, int, int]:
    """What a converter depends on: it is made anew when this changes."""
    return frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range)


def _matrix(frame: av.VideoFrame) -> int:
    """Of the colours. What says nothing is taken as its size suggests, as players do."""
    space = int(frame.colorspace)
    if space in (_BT709, _BT601, 4, 6, 7):
        return space
    if space in (_BT2020, 10):
        return _BT2020
    return _BT709 if frame.height >= _HD_LINES else _BT601
