"""The part of a drawn scene that its head looks at (`scene_head`), cut from the clip's picture.

Must not: know where that is.
"""

from __future__ import annotations

import av
import cv2
import numpy as np


def framed(frame: av.VideoFrame, part: tuple[float, float, float, float]) -> av.VideoFrame:
    """That part of a picture at the picture's own size; another format than the clips have is left as it is."""
    if frame.format.name != "yuv420p":
        return frame
    wide, high = frame.width, frame.height
    rows = frame.to_ndarray()
    made = np.empty_like(rows)
    low = high + high // 4
    for top, end, shrink in ((0, high, 1), (high, low, 2), (low, len(rows), 2)):
        plane = rows[top:end].reshape(high // shrink, wide // shrink)
        x, y = round(part[0] * plane.shape[1]), round(part[1] * plane.shape[0])
        w, h = max(1, round(part[2] * plane.shape[1])), max(1, round(part[3] * plane.shape[0]))
        near = cv2.resize(plane[y : y + h, x : x + w], plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        made[top:end] = near.reshape(end - top, wide)
    shown = av.VideoFrame.from_ndarray(made, format="yuv420p")
    shown.pts = frame.pts
    if frame.time_base:
        shown.time_base = frame.time_base
    shown.colorspace, shown.color_range = frame.colorspace, frame.color_range
    return shown
