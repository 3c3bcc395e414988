"""RTSP cameras, over TCP. Must not: retry (that is the decoder's) or pace (a camera paces itself)."""

from __future__ import annotations

from collections.abc import Iterator

import av

from backends.video.reading import READ_S, Reader, with_credentials
from backends.video.source import Address, SourceSpec

OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": str(int(READ_S * 1e6)),  # microseconds, of the socket
    "fflags": "nobuffer",
    "max_delay": "0",
    "probesize": "65536",
    "analyzeduration": "500000",  # microseconds; without it an unclear frame rate costs 5 s at every opening
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
}


class RtspSource:
    """An open RTSP stream."""

    def __init__(self, address: Address) -> None:
        self._reader = Reader(with_credentials(address), OPTIONS, low_delay=True)
        self.pixel_aspect = self._reader.pixel_aspect
        self.fps = self._reader.fps

    def frames(self) -> Iterator[av.VideoFrame]:
        return self._reader.frames()

    def close(self) -> None:
        self._reader.close()


SPEC = SourceSpec(
    kind="rtsp",
    schemes=("rtsp",),
    says="An RTSP camera, H.264, H.265 or MJPEG, over TCP.",
    example="rtsp://192.0.2.7/stream2",
    open=RtspSource,
)
