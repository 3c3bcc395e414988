"""From a decoded frame to planes in shared memory, cropped, scaled and fitted without stretching.

Everything goes through swscale (one context kept for each output), which writes into the shared buffer itself:
decoded frames, and what a source has drawn. Measured against OpenCV's resize of the planes, 36 streams of 360p
interleaved in one thread, added to decoding (1.17 ms): 0.17 ms against 0.7 to 1.2; and swscale knows every format.
Where the shapes differ, black bars are left: a stretched picture misleads. Must not: know where the target lies, or
hold a frame.
"""

from __future__ import annotations

import math

import av
import numpy as np

from backends.video.planes import SPILL, Colours, Planes
from backends.video.swscale import DRAWN, Converter, Image, Kind, NoSwscale, Shot, kind_of

__all__ = ["Box", "Image", "Scaler", "Shot", "fit", "size_of"]

_SAME_SHAPE = 0.02
"""Shapes that differ by less are filled without bars: codecs round sizes to multiples of 8 or 16."""
_PLAIN = "yuv420p"


class Box:
    """Where the picture is taken from (source pixels) and goes to (target pixels); all even."""

    __slots__ = ("h", "src", "w", "x", "y")

    def __init__(self, src: tuple[int, int, int, int], x: int, y: int, w: int, h: int) -> None:
        self.src, self.x, self.y, self.w, self.h = src, x, y, w, h


def fit(
    source: tuple[int, int], crop: tuple[float, float, float, float], target: tuple[int, int], pixel_aspect: float = 1.0
) -> Box:
    """Crop in shares of the picture, fitted into the target with bars at the sides or below where shapes differ.

    `pixel_aspect`: width of a source pixel by its height.
    """
    width, height = source
    x0, y0 = (min(max(int(share * side), 0), side - 2) // 2 * 2 for share, side in zip(crop[:2], source, strict=True))
    cw = max(2, min(width - x0, math.ceil(crop[2] * width)) // 2 * 2)
    ch = max(2, min(height - y0, math.ceil(crop[3] * height)) // 2 * 2)
    tw, th = target
    shape = cw * pixel_aspect / ch
    w, h = tw, th
    if abs(shape / (tw / th) - 1) > _SAME_SHAPE:
        if shape > tw / th:
            h = max(2, round(tw / shape) // 2 * 2)
        else:
            w = min(tw, max(2, round(th * shape / 2) * 2))
    # What is left over stands below, where the tile's caption lies, rather than half of it above.
    return Box((x0, y0, cw, ch), (tw - w) // 4 * 2, 0, w, h)


def size_of(shot: Shot) -> tuple[int, int]:
    """Width and height."""
    if isinstance(shot, np.ndarray):
        return shot.shape[1], shot.shape[0]
    return shot.width, shot.height


class Scaler:
    """Draws the frames of one stream into the buffers of one output. One thread at a time."""

    def __init__(self, crop: tuple[float, float, float, float]) -> None:
        self._crop = crop
        self._key: tuple[Kind, float] | None = None
        self._box = Box((0, 0, 2, 2), 0, 0, 2, 2)
        self._converter: Converter | None = None
        self._make_plain = False
        """Of these planes no part can be read."""
        self._bars = False
        self._with_bars: set[Planes] = set()
        """Buffers that have them already."""

    def draw(self, shot: Shot, target: Planes, pixel_aspect: float = 1.0) -> Colours:
        """`target`: even sides. Returns what the numbers in it mean."""
        key = kind_of(shot), pixel_aspect
        if key != self._key:
            self._prepare(key, shot, target)
        if self._make_plain:
            shot = _plain(shot)
        converter, box = self._converter, self._box
        assert converter is not None
        if not self._bars:
            converter.draw(shot, target.pointers, target.strides)
            return converter.colours
        black = converter.colours.black
        if target not in self._with_bars:
            target.fill(black)
            self._with_bars.add(target)
        converter.draw(shot, target.at(box.x, box.y), target.strides)
        # The last group may reach into the bar.
        target.blacken(box.x + box.w, converter.wide - box.w + SPILL, box.h, black)
        return converter.colours

    def _prepare(self, key: tuple[Kind, float], shot: Shot, target: Planes) -> None:
        kind, aspect = key
        self._key = None  # where this fails nothing fits any more: the next picture makes all of it anew
        self._box = box = fit(kind[:2], self._crop, (target.width, target.height), aspect)
        self._bars = (box.w, box.h) != (target.width, target.height)
        self._with_bars.clear()
        try:
            self._converter, self._make_plain = Converter(kind, box.src, box.w, box.h), False
        except NoSwscale:
            if kind[2] in (_PLAIN, DRAWN):
                raise
            self._converter, self._make_plain = Converter(kind_of(_plain(shot)), box.src, box.w, box.h), True
        self._key = key


def _plain(shot: Shot) -> av.VideoFrame:
    assert not isinstance(shot, np.ndarray)
    return shot.reformat(format=_PLAIN)
