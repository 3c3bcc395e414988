"""Planes for tests: made, filled, and as the screen would show them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backends.video.planes import Colours, Planes, bytes_of
from backends.video.swscale import bgra_of

WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Matrix -> share of red and of blue in the brightness (BT.709, BT.601, BT.2020)."""


def planes(width: int, height: int, fill: int = 0) -> Planes:
    return Planes(bytearray([fill]) * bytes_of(width, height), width, height)


def shown(made: Planes, colours: Colours) -> npt.NDArray[np.uint8]:
    """(height, width, 3), RGB: what the screen gets."""
    return bgra_of(made, colours)[:, : made.width, 2::-1].copy()


def meant(made: Planes, colours: Colours) -> npt.NDArray[np.float64]:
    """(height, width, 3), RGB by the standards' own formulas, each pair of lines and columns sharing its colour."""
    h, w = made.height, made.width
    y = made.y[:h, :w].astype(float)
    u, v = (
        np.repeat(np.repeat(plane[: h // 2, : w // 2].astype(float), 2, 0), 2, 1) - 128 for plane in (made.u, made.v)
    )
    if not colours.full:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    red, blue = WEIGHTS[colours.matrix]
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    return np.clip(np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], axis=2), 0, 255)


def numbers_of(rgb: tuple[int, int, int], colours: Colours) -> tuple[int, int, int]:
    """Y, U and V of a colour, by the same formulas."""
    red, blue = WEIGHTS[colours.matrix]
    r, g, b = rgb
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    if not colours.full:
        y, u, v = 16 + y * 219 / 255, u * 224 / 255, v * 224 / 255
    return round(y), min(255, round(128 + u)), min(255, round(128 + v))
