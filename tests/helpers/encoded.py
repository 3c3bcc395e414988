"""Pictures through a real encoder and decoder, in memory: what a stream's frames look like, without a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt


def coded(
    pictures: Iterable[npt.NDArray[np.uint8]], *, fps: int = 6, key_every: int = 12, crf: int = 29
) -> Iterator[av.VideoFrame]:
    """NV12 planes in, decoded frames out, by H.264 (or MPEG-4, where there is no encoder for it)."""
    name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    encoder: Any = av.CodecContext.create(name, "w")
    options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "crf": str(crf)}
    encoder.options = options if name == "libx264" else {}
    encoder.time_base, encoder.framerate, encoder.pix_fmt = Fraction(1, fps), Fraction(fps), "yuv420p"
    encoder.gop_size, encoder.max_b_frames, encoder.thread_count = key_every, 0, 1
    decoder: Any = av.CodecContext.create("h264" if name == "libx264" else name, "r")
    decoder.thread_count = 1
    for number, picture in enumerate(pictures):
        if not number:
            encoder.height, encoder.width = picture.shape[0] * 2 // 3, picture.shape[1]
        frame = av.VideoFrame.from_ndarray(picture, format="nv12").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, fps)
        for packet in encoder.encode(frame):
            yield from decoder.decode(packet)
    for packet in encoder.encode(None):
        yield from decoder.decode(packet)
    yield from decoder.decode(None)
