"""A still street for tests and previews of camera tiles: numpy only, deterministic in its seed."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt


def street_picture(width: int, height: int, seed: int) -> npt.NDArray[np.uint8]:
    """(height, width, 4) BGRA: sky, houses, road, noise. The caller's own: drawn once, copied every time."""
    return _drawn(width, height, seed).copy()


@functools.lru_cache(maxsize=512)  # every camera of the sample city has one, in every test that shows cameras
def _drawn(width: int, height: int, seed: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 4), np.uint8)
    horizon = int(height * 0.55)
    picture[:horizon, :, :3] = np.linspace(150, 100, horizon, dtype=np.uint8)[:, None, None]
    picture[horizon:, :, :3] = np.linspace(70, 105, height - horizon, dtype=np.uint8)[:, None, None]
    x = 0
    while x < width:
        w, h = int(rng.integers(width // 16, width // 8)), int(rng.integers(horizon // 4, horizon - horizon // 8))
        picture[horizon - h : horizon, x : x + w - 4, :3] = rng.integers(70, 130, 3, dtype=np.uint8)
        x += w
    for _ in range(int(rng.integers(3, 9))):
        cx, cy = int(rng.integers(2, width - 26)), int(rng.integers(horizon + 2, height - 13))
        picture[cy : cy + 12, cx : cx + 24, :3] = rng.integers(60, 220, 3, dtype=np.uint8)
    noise = rng.integers(-8, 8, (height, width, 1), dtype=np.int16)
    picture[:, :, :3] = np.clip(picture[:, :, :3].astype(np.int16) + noise, 0, 255).astype(np.uint8)
    picture[:, :, 3] = 255
    return picture
