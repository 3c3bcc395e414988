"""From a decoded frame to BGRA pixels in shared memory, cropped, scaled and fitted without stretching.

The common case (8-bit 4:2:0, limited range, BT.601 or unsaid) goes through OpenCV: its planes are resized
and converted straight into the shared buffer. All other formats go through swscale, which knows them, and
one copy. Where the shapes differ, black bars are left: a stretched picture misleads. Must not: know where the
target lies, or hold a frame.
"""

from __future__ import annotations

import math

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter

Image = npt.NDArray[np.uint8]
Shot = av.VideoFrame | Image
"""A decoded frame, or BGRA pixels that a source has drawn itself."""

_SAME_SHAPE = 0.02
"""Shapes that differ by less are filled without bars: codecs round sizes to multiples of 8 or 16."""
_BT709 = 1
"""AVColorSpace AVCOL_SPC_BT709; OpenCV's conversion is BT.601."""
_FULL_RANGE = 2
"""AVColorRange AVCOL_RANGE_JPEG; OpenCV's conversion expects the limited range."""

cv2.setNumThreads(1)


class Box:
    """Where the picture is taken from (source pixels) and goes to (target pixels); all even."""

    __slots__ = ("h", "src", "w", "x", "y")

    def __init__(self, src: tuple[int, int, int, int], x: int, y: int, w: int, h: int) -> None:
        self.src, self.x, self.y, self.w, self.h = src, x, y, w, h


def fit(
    source: tuple[int, int], crop: tuple[float, float, float, float], target: tuple[int, int], pixel_aspect: float = 1.0
) -> Box:
    """Crop in shares of the picture, fitted into the target with bars where the shapes differ.

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
            w = max(2, round(th * shape) // 2 * 2)
    return Box((x0, y0, cw, ch), (tw - w) // 4 * 2, (th - h) // 4 * 2, w, h)


def size_of(shot: Shot) -> tuple[int, int]:
    """Width and height."""
    if isinstance(shot, np.ndarray):
        return shot.shape[1], shot.shape[0]
    return shot.width, shot.height


def _pixels(plane: VideoPlane, size: int = 1) -> Image:
    """The plane's bytes without its padding, not copied; `size` bytes a pixel."""
    rows: Image = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # PyAV's stub hides the buffer
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width * size]


class Scaler:
    """Draws the frames of one stream into the buffers of one output. One thread at a time."""

    def __init__(self, crop: tuple[float, float, float, float], buffers: int = 3) -> None:
        self._crop = crop
        self._buffers = buffers
        self._key: tuple[int, int, float] = (0, 0, 0.0)
        self._to_clear = 0
        self._reformatter: VideoReformatter | None = None
        self._packed: Image = np.zeros((0, 0), np.uint8)
        self._box = Box((0, 0, 2, 2), 0, 0, 2, 2)

    def draw(self, shot: Shot, target: Image, pixel_aspect: float = 1.0) -> None:
        """`target`: (height, width, 4) BGRA, even sides."""
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
        elif shot.format.name == "yuv420p" and int(shot.colorspace) != _BT709 and int(shot.color_range) != _FULL_RANGE:
            self._draw_planes(shot, inside)
        else:
            self._draw_any(shot, inside)

    def _prepare(self, key: tuple[int, int, float], target: Image) -> None:
        self._key = key
        self._box = box = fit(key[:2], self._crop, (target.shape[1], target.shape[0]), key[2])
        self._to_clear = self._buffers
        w, h = box.w, box.h
        self._packed = packed = np.empty((h * 3 // 2, w), np.uint8)
        flat = packed.reshape(-1)
        luma, chroma = w * h, w * h // 4
        self._planes = (
            packed[:h],
            flat[luma : luma + chroma].reshape(h // 2, w // 2),
            flat[luma + chroma :].reshape(h // 2, w // 2),
        )

    def _draw_planes(self, shot: av.VideoFrame, target: Image) -> None:
        x, y, w, h = self._box.src
        whole = (w, h) == (shot.width, shot.height)
        for index, plane in enumerate(shot.planes):
            pixels = _pixels(plane)
            half = 1 if index else 0
            part = pixels if whole else pixels[y >> half : (y + h) >> half, x >> half : (x + w) >> half]
            self._resize(part, self._planes[index])
        cv2.cvtColor(self._packed, cv2.COLOR_YUV2BGRA_I420, target)

    def _draw_any(self, shot: av.VideoFrame, target: Image) -> None:
        """Formats that OpenCV does not know: full range (JPEG), BT.709, 4:2:2, 10 bits and the rest."""
        if self._reformatter is None:
            self._reformatter = VideoReformatter()
        x, y, w, h = self._box.src
        whole = (w, h) == (shot.width, shot.height)
        wide, high = (target.shape[1], target.shape[0]) if whole else (shot.width, shot.height)
        plain = self._reformatter.reformat(
            shot, wide, high, "bgra", interpolation=Interpolation.FAST_BILINEAR, threads=1
        )
        image = _pixels(plain.planes[0], 4).reshape(plain.height, plain.width, 4)
        self._resize(image if whole else image[y : y + h, x : x + w], target)

    @staticmethod
    def _resize(source: Image, target: Image) -> None:
        if source.shape == target.shape:
            cv2.copyTo(source, None, target)
            return
        # Far below half size, linear taps miss lines and the picture flickers; areas do not.
        far = source.shape[1] > 2 * target.shape[1] or source.shape[0] > 2 * target.shape[0]
        how = cv2.INTER_AREA if far else cv2.INTER_LINEAR
        cv2.resize(source, (target.shape[1], target.shape[0]), target, 0, 0, how)
