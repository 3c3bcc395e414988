"""A picture in memory: YUV 4:2:0 in three planes, and what its numbers mean.

Half the bytes of BGRA or less, on their way from the worker to the screen; it is the screen that makes colours of
them (`swscale.bgra_of`), where it paints. Rows are longer than the picture is wide: swscale writes whole groups, and a
picture with bars beside it may end just before the edge. Must not: convert, or know where the memory comes from.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

GROUP = 16
"""Pixels that are written together (8 of the colours). Seen with every even width to 700: up to 6 bytes beyond the
brightness and 7 beyond the colours where the width is no multiple."""
SPILL = 16
"""So many more where the width is one: where no lines are mixed for the colours (RGB in half the height, YUV in the
same), they are written 16 together. Seen: 8 bytes of them, of all rows but the last."""
_ALIGNED = 32
BT709, BT601, BT2020 = 1, 5, 9
"""Numbers of swscale's tables, the same as FFmpeg's colour spaces."""
MATRICES = (BT709, 4, BT601, 6, 7, BT2020)

Plane = npt.NDArray[np.uint8]
Pointers = ctypes.c_void_p * 4
Strides = ctypes.c_int * 4
"""What swscale takes for each plane; rows in bytes."""


class Colours(NamedTuple):
    """What a picture's numbers mean."""

    matrix: int = BT601
    """One of MATRICES."""
    full: bool = False
    """Black is 0 and white 255 (full range), not 16 and 235."""

    @property
    def word(self) -> int:
        """As it stands in a header."""
        return self.matrix | self.full << 8

    @property
    def black(self) -> int:
        return 0 if self.full else 16


_ALL = [Colours(matrix, full) for matrix in MATRICES for full in (False, True)]
_OF_WORD = {colours.word: colours for colours in _ALL}
_USUAL = Colours()


def colours_of(word: int) -> Colours:
    """The opposite of `Colours.word`; of a damaged word what most cameras send."""
    return _OF_WORD.get(word, _USUAL)


def stride_of(width: int) -> int:
    """Bytes of a row of brightness: room for a group more and what spills, and its colours (half of it) aligned too."""
    return (width + GROUP + SPILL + _ALIGNED - 1) // _ALIGNED * _ALIGNED


def bytes_of(width: int, height: int) -> int:
    """Of all three planes."""
    return stride_of(width) * (height + (height + 1) // 2)


class Planes:
    """Views on the memory of one picture. `y`: (height, stride), `u` and `v`: half of both; whole rows."""

    __slots__ = ("height", "pointers", "strides", "u", "v", "width", "y")

    def __init__(self, memory: mmap.mmap | bytearray, width: int, height: int, offset: int = 0) -> None:
        stride, lines = stride_of(width), (height + 1) // 2
        whole: Plane = np.frombuffer(memory, np.uint8, bytes_of(width, height), offset)
        ends = stride * height, stride * height + stride // 2 * lines
        self.width, self.height = width, height
        self.y: Plane = whole[: ends[0]].reshape(height, stride)
        self.u: Plane = whole[ends[0] : ends[1]].reshape(lines, stride // 2)
        self.v: Plane = whole[ends[1] :].reshape(lines, stride // 2)
        self.pointers = Pointers(self.y.ctypes.data, self.u.ctypes.data, self.v.ctypes.data)
        self.strides = Strides(stride, stride // 2, stride // 2)

    def fill(self, y: int, u: int = 128, v: int = 128) -> None:
        """One colour, everywhere."""
        self.y[:], self.u[:], self.v[:] = y, u, v

    def at(self, x: int, y: int) -> ctypes.Array[ctypes.c_void_p]:
        """Where a part of it begins; x and y even."""
        stride = self.strides[0]
        within = y * stride + x, y // 2 * (stride // 2) + x // 2
        return Pointers(*(plane.ctypes.data + within[n > 0] for n, plane in enumerate((self.y, self.u, self.v))))

    def blacken(self, x: int, width: int, height: int, black: int) -> None:
        """The bar from x on, so wide, beside the upper rows; all even."""
        self.y[:height, x : x + width] = black
        for plane in (self.u, self.v):
            plane[: height // 2, x // 2 : (x + width) // 2] = 128

    def freeze(self) -> None:
        """Who only reads cannot write."""
        for plane in (self.y, self.u, self.v):
            plane.flags.writeable = False
