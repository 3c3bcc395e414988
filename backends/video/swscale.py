"""FFmpeg's swscale, called directly: from a decoded frame into planes that are ours, and from those to the screen.

PyAV scales into a frame of its own, which then has to be copied; here swscale writes into shared memory itself, and a
crop costs nothing, because it is only another place to read from. The library is the very one that PyAV has loaded
(two of them in one process would disagree); its calls are the old stable ones (since FFmpeg 0.8).

Down to a smaller picture each pixel is the mean of what it stands for (SWS_AREA; enlarged, the same flag is linear),
from planes to planes: matrix and range stay what the stream says they are. Colours are made of them in the same size,
which is swscale's fastest way. Measured with 18 clips of 360p in turn, to 480x270, added to decoding: planes 0.17 ms a
frame, their colours 0.12; straight to colours (fast bilinear) 0.35.

swscale works in groups of pixels (`planes.GROUP`). So rows are drawn up to the next whole group, and there must be
that room. Calls let go of the interpreter lock. Must not: be given a frame that somebody else changes.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
import psutil
from av.video.plane import VideoPlane

from backends.video.planes import BT601, BT709, BT2020, GROUP, MATRICES, Colours, Planes, Pointers, Strides

_AREA = 0x20
"""Flag of swscale. In the same size planes are copied whatever it says."""
_HD_LINES = 720
_FULL = 2
"""av.video.reformatter.ColorRange.JPEG."""
_MOST_SCREENS = 64
"""Sizes (with what their numbers mean) that are kept ready for the screen."""

Image: TypeAlias = npt.NDArray[np.uint8]
Shot: TypeAlias = av.VideoFrame | Image
"""A decoded frame, or BGRA pixels that a source has drawn itself."""
Kind: TypeAlias = tuple[int, int, str, int, int]
"""Width, height, pixel format, and what the frame says of matrix and range."""
DRAWN = "bgra"
_DRAWN_COLOURS = Colours(BT601, full=True)
"""What has no YUV of its own is made into these: no level is lost."""


class NoSwscale(RuntimeError):
    """PyAV has no swscale that can be called."""


def _library(name: str) -> ctypes.CDLL:
    """The library that PyAV has loaded; OpenCV may have brought another. Those of a wheel lie beside its package."""
    paths = [Path(mapped.path) for mapped in psutil.Process().memory_maps()]
    found = [path for path in paths if path.name.startswith((f"lib{name}", f"{name}-"))]
    own = [path for path in found if path.parent.name == "av.libs"]
    if not found:
        raise NoSwscale(f"PyAV {av.__version__} has loaded no {name}")
    return ctypes.CDLL(str((own or found)[0]))


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
    """From one kind of frame, a box of it, to planes of one size. Used by one thread at a time."""

    def __init__(self, kind: Kind, box: tuple[int, int, int, int], width: int, height: int) -> None:
        """`box`: x, y, width and height in the frame, even; `width`, `height` of what is wanted.

        Raises NoSwscale for what cannot be converted.
        """
        self.kind = kind
        frame_w, frame_h, name = kind[:3]
        about = av.VideoFormat(name, frame_w, frame_h)
        steps = _steps(name)
        x, y, w, h = box
        if steps is None and (w, h) != (frame_w, frame_h):
            raise NoSwscale(f"no part of a picture in {name} can be read")
        self._rows = h
        sizes = {c.plane: (c.width, c.height) for c in about.components}
        self._origins = [
            (y * sizes[n][1] // frame_h, x * sizes[n][0] // frame_w * step) if n in sizes else (0, 0)
            for n, step in enumerate(steps or (0,) * 4)
        ]
        self.wide = (width + GROUP - 1) // GROUP * GROUP
        """Pixels of a row that are written."""
        # The same scale where the picture goes on there; at its edge it is stretched, by 15 pixels at most.
        w = min(frame_w - x, w * self.wide // width // 2 * 2) if steps is not None else w
        self.colours = _colours_of(kind, about)
        self._context = _Context((w, h, name.replace("yuvj", "yuv")), (self.wide, height, "yuv420p"), self.colours)
        self._source, self._lines = Pointers(), Strides()

    def draw(self, shot: Shot, target: ctypes.Array[ctypes.c_void_p], strides: ctypes.Array[ctypes.c_int]) -> None:
        """`shot` of the kind it was made for; the rows of the target with room for whole groups."""
        source, lines = self._source, self._lines
        if isinstance(shot, np.ndarray):
            row, inside = self._origins[0]
            lines[0] = shot.strides[0]
            source[0] = shot.ctypes.data + row * shot.strides[0] + inside
        else:
            planes: Sequence[VideoPlane] = shot.planes
            for n, (plane, (row, inside)) in enumerate(zip(planes, self._origins, strict=False)):
                lines[n] = line = plane.line_size
                source[n] = plane.buffer_ptr + row * line + inside
        self._context.run(source, lines, self._rows, target, strides)


class _Context:
    """One context of swscale. `source`, `target`: width, height, pixel format; `colours`: what YUV means in it."""

    def __init__(self, source: tuple[int, int, str], target: tuple[int, int, str], colours: Colours) -> None:
        sws = _swscale()
        ends = *source[:2], _number_of(source[2]), *target[:2], _number_of(target[2])
        context = sws.sws_getContext(*ends, _AREA, None, None, None)
        if not context:
            raise NoSwscale(f"swscale cannot convert {source[2]}, {source[0]}x{source[1]}")
        self._context = ctypes.c_void_p(context)
        self._free = weakref.finalize(self, sws.sws_freeContext, context)
        self._scale = sws.sws_scale
        table = sws.sws_getCoefficients(colours.matrix)
        full = int(colours.full)
        to_full = 1 if target[2] == DRAWN else full
        sws.sws_setColorspaceDetails(context, table, full, table, to_full, 0, 1 << 16, 1 << 16)

    def run(
        self,
        source: ctypes.Array[ctypes.c_void_p],
        lines: ctypes.Array[ctypes.c_int],
        rows: int,
        target: ctypes.Array[ctypes.c_void_p],
        strides: ctypes.Array[ctypes.c_int],
    ) -> None:
        self._scale(self._context, source, lines, 0, rows, target, strides)


class _Screen:
    """Makes colours of planes of one size. The pixels are the same memory each time: it stays in the caches."""

    def __init__(self, width: int, height: int, colours: Colours) -> None:
        wide = (width + GROUP - 1) // GROUP * GROUP
        self._context = _Context((wide, height, "yuv420p"), (wide, height, DRAWN), colours)
        self._height = height
        self.rows: Image = _room(wide, height)
        self._target, self._strides = Pointers(self.rows.ctypes.data), Strides(self.rows.strides[0])

    def draw(self, planes: Planes) -> Image:
        self._context.run(planes.pointers, planes.strides, self._height, self._target, self._strides)
        return self.rows


_rooms: weakref.WeakValueDictionary[tuple[int, int], Image] = weakref.WeakValueDictionary()


def _room(wide: int, height: int) -> Image:
    """One for each size, whatever its numbers mean, as long as anybody needs it."""
    room = _rooms.get((wide, height))
    if room is None:
        room = _rooms[wide, height] = np.zeros((height, wide, 4), np.uint8)
    return room


# Many sizes come when a tile is dragged, and go: those that were painted longest ago.
_screen = lru_cache(maxsize=_MOST_SCREENS)(_Screen)


def bgra_of(planes: Planes, colours: Colours) -> Image:
    """(height, width or a few more, 4) BGRA: pixels for the screen, there until the next call for a picture of this
    size. One thread of a process: the one that paints."""
    return _screen(planes.width, planes.height, colours).draw(planes)


def prepare() -> None:
    """Load what `bgra_of` needs, in a thread that nobody waits for."""
    _swscale()
    _number_of(DRAWN)


def kind_of(shot: Shot) -> Kind:
    """What a converter depends on: it is made anew when this changes."""
    if isinstance(shot, np.ndarray):
        return shot.shape[1], shot.shape[0], DRAWN, 0, 0
    # Not made into plain numbers: that takes longer than all the rest, at every frame.
    return shot.width, shot.height, shot.format.name, shot.colorspace, shot.color_range


def _colours_of(kind: Kind, about: av.VideoFormat) -> Colours:
    """What says nothing of its matrix is taken as its size suggests, as players do."""
    _, height, name, space, stated = kind
    if about.is_rgb or about.has_palette or about.is_bit_stream:
        return _DRAWN_COLOURS
    full = name.startswith(("yuvj", "gray")) or int(stated) == _FULL
    if int(space) in MATRICES:
        return Colours(int(space), full)
    if int(space) == 10:  # BT.2020 with constant luminance
        return Colours(BT2020, full)
    return Colours(BT709 if height >= _HD_LINES else BT601, full)
