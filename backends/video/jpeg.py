"""Single JPEG pictures as a stream: the head is read before anything is decoded, then FFmpeg's decoder takes them.

A head of a few bytes can claim 65535 x 65535 pixels. Must not: read from a network.
"""

from __future__ import annotations

import av
from av.video.codeccontext import VideoCodecContext

from backends.video.packets import padded
from backends.video.reading import MAX_BYTES, MAX_PIXELS, FrameDecoder
from backends.video.ring_layout import Codec
from backends.video.source import Compressed, SourceFault

START = b"\xff\xd8"
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
"""Baseline, extended and progressive, with Huffman codes (ITU-T T.81, table B.1): what cameras send."""
_NO_FRAMES = frozenset((0xC4, 0xC8, 0xCC))
"""Huffman tables, reserved, arithmetic conditioning: between the frame markers, but none of them."""


class NoJpeg(SourceFault):
    """These bytes are no JPEG picture that may be decoded; the words say what is wrong."""


def size_in_head(data: bytes | memoryview) -> tuple[int, int]:
    """Width and height as the head claims them. Raises NoJpeg; looks at nothing behind the head."""
    if bytes(data[:2]) != START:
        raise NoJpeg("what the camera sends is no JPEG picture")
    at, end = 2, len(data)
    while at + 4 <= end:
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if marker in _FRAMES:
            if length < 8 or at + 9 > end:
                break
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            if not width or not height:
                break
            return width, height
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
            raise NoJpeg("a kind of JPEG that cameras do not send")
        if length < 2 or marker in (0xD8, 0xD9, 0xDA):  # a second picture, the end, or data before any frame
            break
        at += 2 + length
    raise NoJpeg("the head of the camera's JPEG picture is damaged")


def check(data: bytes | memoryview) -> tuple[int, int]:
    """Width and height, within the limits. Raises NoJpeg."""
    if len(data) > MAX_BYTES:
        raise NoJpeg(f"a picture of more than {MAX_BYTES >> 20} MB")
    width, height = size_in_head(data)
    if width * height > MAX_PIXELS:
        raise NoJpeg(f"a picture of {width} x {height} pixels is too large")
    return width, height


class JpegDecoder:
    """Counts what is bad, gives up after too much of it. One thread."""

    pixel_aspect = 1.0
    fps = 0.0
    kept = Codec("mjpeg", b"", (1, 1000), 0, 0)
    """For the ring: each picture says its own size, and when it came is all that is known of its time."""

    def __init__(self) -> None:
        self._codec = VideoCodecContext.create("mjpeg", "r")
        self._frames = FrameDecoder(self._codec)
        self.count_bad = self._frames.count_bad

    @property
    def bad(self) -> int:
        return self._frames.bad

    def packet(self, data: bytes) -> Compressed | None:
        """A picture to decode; None for a bad one, which is counted. Raises SourceFault after too many in a row."""
        try:
            check(data)
        except NoJpeg as fault:
            self._frames.count_bad(str(fault))
            return None
        packet = padded(data)
        packet.is_keyframe = True
        return packet

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        return self._frames.decode(lambda: self._codec.decode(packet))
