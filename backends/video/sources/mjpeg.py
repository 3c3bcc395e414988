"""HTTP cameras that send one JPEG after the other (multipart/x-mixed-replace).

Must not: retry or pace; the camera paces itself.
"""

from __future__ import annotations

from backends.video.reading import READ_S, Reader, with_credentials
from backends.video.source import Address, Source, SourceSpec

OPTIONS = {
    "timeout": str(int(READ_S * 1e6)),  # microseconds, of the socket
    "fflags": "nobuffer",
    "probesize": "65536",
    "analyzeduration": "0",
    "protocol_whitelist": "http,https,httpproxy,tcp,tls",
}


def open_mjpeg(address: Address) -> Source:
    """Raises SourceFault."""
    # What FFmpeg states as this format's frame rate is made up.
    return Reader(with_credentials(address), OPTIONS, container_format="mpjpeg", paced=False)


SPEC = SourceSpec(
    kind="mjpeg",
    schemes=("http", "https"),
    says="An HTTP camera that sends JPEG pictures one after the other (multipart/x-mixed-replace).",
    example="http://192.0.2.7/video.mjpg",
    open=open_mjpeg,
)
