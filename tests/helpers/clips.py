"""Small video clips for tests, encoded with PyAV: a bright bar walks over grey, so that every frame differs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    fps: int = 25,
    size: tuple[int, int] = (320, 180),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
) -> Path:
    """Write a clip; frame n has its bar at n / frames of the width."""
    width, height = size
    frames = int(seconds * fps)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = Fraction(1, fps)
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": str(fps), "bf": "0"}
        for n in range(frames):
            image = np.full((height, width, 3), 64, np.uint8)
            x = n * (width - 16) // frames
            image[:, x : x + 16] = 235
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def bar_at(pixels: np.ndarray) -> float:
    """Where the bar is, as a share of the width; pixels as a picture gives them."""
    row = pixels[pixels.shape[0] // 2, :, 1].astype(int)
    return float(np.argmax(row)) / len(row)
