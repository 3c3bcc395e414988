"""RTSP cameras, over TCP. Must not: retry (that is the decoder's) or pace (a camera paces itself)."""

from __future__ import annotations

from backends.video.reading import READ_S, Reader, with_credentials
from backends.video.source import Address, Source, SourceSpec

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


def open_rtsp(address: Address) -> Source:
    """Raises SourceFault."""
    return Reader(with_credentials(address), OPTIONS, low_delay=True)


SPEC = SourceSpec(
    kind="rtsp",
    schemes=("rtsp",),
    says="An RTSP camera, H.264, H.265 or MJPEG, over TCP.",
    example="rtsp://192.0.2.7/stream2",
    open=open_rtsp,
)
