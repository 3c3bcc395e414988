"""From a decoded frame to BGRA pixels in shared memory, cropped, scaled and fitted without stretching.

Frames go through swscale (fast bilinear, one context kept for each output), which writes into the shared buffer
itself; what a source has drawn goes through OpenCV. Measured against OpenCV's resize of the planes and conversion
into the buffer, 36 streams of 360p interleaved in one thread, added to decoding (1.17 ms): 0.15 to 0.35 ms against
0.7 to 1.2; and swscale knows every format and colour range. Where the shapes differ, black bars are left: a
stretched picture misleads. Must not: know where the target lies, or hold a frame.
"""

from __future__ import annotations

import math

import av
import cv2
import numpy as np
import numpy.typing as npt

from backends.video.swscale import GROUP, Converter, NoSwscale, kind_of

Image = npt.NDArray[np.uint8]
Shot = av.VideoFrame | Image
"""A decoded frame, or BGRA pixels that a source has drawn itself."""

_SAME_SHAPE = 0.02
"""Shapes that differ by less are filled without bars: codecs round sizes to multiples of 8 or 16."""
_PLAIN = "yuv420p"
cv2.setNumThreads(1)


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
            # Whole groups: what swscale writes beyond them would be seen in the bar.
            w = min(tw, max(GROUP, round(th * shape / GROUP) * GROUP))
    # What is left over stands below, where the tile's caption lies, rather than half of it above.
    return Box((x0, y0, cw, ch), (tw - w) // 4 * 2, 0, w, h)


def size_of(shot: Shot) -> tuple[int, int]:
    """Width and height."""
    if isinstance(shot, np.ndarray):
        return shot.shape[1], shot.shape[0]
    return shot.width, shot.height


class Scaler:
    """Draws the frames of one stream into the buffers of one output. One thread at a time."""

    def __init__(self, crop: tuple[float, float, float, float], buffers: int = 3) -> None:
        self._crop = crop
        self._buffers = buffers
        self._key: tuple[int, int, float] = (0, 0, 0.0)
        self._to_clear = 0
        self._converter: Converter | None = None
        self._box = Box((0, 0, 2, 2), 0, 0, 2, 2)

    def draw(self, shot: Shot, target: Image, pixel_aspect: float = 1.0) -> None:
        """`target`: (height, width, 4) BGRA, even sides, rows with room for whole groups (`swscale`)."""
        width, height = size_of(shot)
        key = (width, height, pixel_aspect)
        if key != self._key:
            self._prepare(key, target)
        box = self._box
        inside = target
        if (box.w, box.h) != (target.shape[1], target.shape[0]):
            if self._to_clear:
                target[:] = 0
                self._to_clear -= 1
            inside = target[box.y : box.y + box.h, box.x : box.x + box.w]
        if isinstance(shot, np.ndarray):
            x, y, w, h = box.src
            self._resize(shot[y : y + h, x : x + w], inside)
        else:
            self._draw_frame(shot, inside)

    def _prepare(self, key: tuple[int, int, float], target: Image) -> None:
        self._key = key
        self._box = fit(key[:2], self._crop, (target.shape[1], target.shape[0]), key[2])
        self._to_clear = self._buffers
        self._converter = None

    def _draw_frame(self, shot: av.VideoFrame, target: Image) -> None:
        if self._converter is None or self._converter.kind != kind_of(shot):
            try:
                self._converter = Converter(shot, self._box.src, target.shape[1], target.shape[0])
            except NoSwscale:
                if shot.format.name == _PLAIN:
                    raise
                # Planes of which no part can be read: made plain first.
                self._draw_frame(shot.reformat(format=_PLAIN), target)
                return
        self._converter.draw(shot, target)

    @staticmethod
    def _resize(source: Image, target: Image) -> None:
        if source.shape == target.shape:
            cv2.copyTo(source, None, target)
            return
        # Far below half size, linear taps miss lines and the picture flickers; areas do not.
        far = source.shape[1] > 2 * target.shape[1] or source.shape[0] > 2 * target.shape[0]
        how = cv2.INTER_AREA if far else cv2.INTER_LINEAR
        cv2.resize(source, (target.shape[1], target.shape[0]), target, 0, 0, how)
