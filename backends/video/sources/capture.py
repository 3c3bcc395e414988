"""Cameras and capture cards on this machine, through OpenCV: `capture:0`, `capture:/dev/video0?width=1280&height=720`.

A driver may hang in a call that has no time-out of its own; the worker's watch over its threads ends that
(`decoder.HUNG_S`). Must not: open anything that is no capture device, or set what was not asked for.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import av
import cv2

from backends.video.reading import MAX_PIXELS, READ_S
from backends.video.ring_layout import Codec
from backends.video.scaling import Image
from backends.video.source import Address, Compressed, NotASource, NothingToLeaveOut, SourceFault, SourceSpec

# Seconds that OpenCV waits for a frame of a V4L2 device; 10 without it. Read when a device is opened.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(int(READ_S)))
_WISHES = {"width": cv2.CAP_PROP_FRAME_WIDTH, "height": cv2.CAP_PROP_FRAME_HEIGHT, "fps": cv2.CAP_PROP_FPS}
_V4L_MAJOR = 81
"""Linux, Documentation/admin-guide/devices.txt: video4linux."""
_MAX_FAILED = 3
"""Reads in a row that bring nothing; each has waited for READ_S."""

OpenDevice = Callable[[int | str], cv2.VideoCapture]


def device_of(uri: str) -> tuple[int | str, dict[str, float]]:
    """Number or path of the device, and what is wished of it. Raises NotASource."""
    name, _, query = uri.partition(":")[2].partition("?")
    wishes: dict[str, float] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _WISHES or not re.fullmatch(r"[1-9]\d{0,4}", value):
            raise NotASource(f'"{key[:20]}" of a capture device must be width, height or fps with a number')
        wishes[key] = float(value)
    if wishes.get("width", 1) * wishes.get("height", 1) > MAX_PIXELS:
        raise NotASource("a picture of that many pixels is too large")
    if re.fullmatch(r"\d{1,3}", name):
        return int(name), wishes
    if sys.platform == "linux" and re.fullmatch(r"/dev/(v4l/by-(id|path)/[\w.:+-]+|video\d+)", name):
        return name, wishes
    raise NotASource("a capture device is a number, or on Linux a name below /dev/v4l or /dev/videoN")


def open_device(device: int | str) -> cv2.VideoCapture:
    """Raises SourceFault."""
    if sys.platform == "win32":
        return cv2.VideoCapture(int(device), cv2.CAP_DSHOW)
    path = Path(f"/dev/video{device}" if isinstance(device, int) else device)
    try:
        found = path.stat()
    except FileNotFoundError:
        raise SourceFault("there is no such capture device") from None
    except OSError:
        raise SourceFault("this capture device may not be opened") from None
    if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) != _V4L_MAJOR:
        raise NotASource("this is no capture device")
    return cv2.VideoCapture(str(path), cv2.CAP_V4L2)


class Capture(NothingToLeaveOut):
    """An open device. Source."""

    pixel_aspect = 1.0
    codec: Codec | None = None

    def __init__(self, address: Address, opener: OpenDevice = open_device) -> None:
        device, wishes = device_of(address.uri)
        self._stop = address.stop
        self._device = opener(device)
        self.bad = 0
        if not self._device.isOpened():
            self._device.release()
            raise SourceFault("the capture device cannot be opened; another program may be using it")
        for key, value in wishes.items():
            self._device.set(_WISHES[key], value)
        # What the driver says is a wish of its own: 0, 1000 and more have been seen.
        said = self._device.get(cv2.CAP_PROP_FPS)
        self.fps = said if 1.0 <= said <= 240.0 else 0.0

    def arrivals(self) -> Iterator[Image]:
        failed = 0
        while not self._stop.is_set():
            good, frame = self._device.read()
            if not good or frame is None:
                self.bad += 1
                failed += 1
                if failed >= _MAX_FAILED:
                    raise SourceFault("the capture device gives no picture")
                continue
            failed = 0
            if frame.shape[0] * frame.shape[1] > MAX_PIXELS:
                raise SourceFault(f"a picture of {frame.shape[1]} x {frame.shape[0]} pixels is too large")
            yield cv2.cvtColor(frame, cv2.COLOR_GRAY2BGRA if frame.ndim == 2 else cv2.COLOR_BGR2BGRA)

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        """There are no packets: OpenCV has decoded them."""
        raise TypeError("a capture device gives pictures")

    def close(self) -> None:
        self._device.release()


SPEC = SourceSpec(
    kind="capture",
    schemes=("capture",),
    says="A camera or capture card on this machine, through OpenCV.",
    example="capture:0",
    open=Capture,
)
