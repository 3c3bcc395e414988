"""HTTP cameras that send one JPEG after the other (multipart/x-mixed-replace).

Must not: retry or pace; the camera paces itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import av

from backends.video.reading import READ_S, Reader, with_credentials
from backends.video.source import Address, SourceSpec

OPTIONS = {
    "timeout": str(int(READ_S * 1e6)),  # microseconds, of the socket
    "fflags": "nobuffer",
    "probesize": "65536",
    "analyzeduration": "0",
    "protocol_whitelist": "http,https,httpproxy,tcp,tls",
}


class MjpegSource:
    """An open HTTP MJPEG stream."""

    def __init__(self, address: Address) -> None:
        self._reader = Reader(with_credentials(address), OPTIONS, container_format="mpjpeg")
        self.pixel_aspect = self._reader.pixel_aspect
        self.fps = 0.0  # what FFmpeg states for this format is made up

    def frames(self) -> Iterator[av.VideoFrame]:
        return self._reader.frames()

    def close(self) -> None:
        self._reader.close()


SPEC = SourceSpec(
    kind="mjpeg",
    schemes=("http", "https"),
    says="An HTTP camera that sends JPEG pictures one after the other (multipart/x-mixed-replace).",
    example="http://192.0.2.7/video.mjpg",
    open=MjpegSource,
)
