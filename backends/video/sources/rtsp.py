"""RTSP cameras: inside the connection, as UDP datagrams, or encrypted. H.264, H.265 and MJPEG.

FFmpeg's handshake keeps to the time-outs (measured: 4.0 s against a peer that stays mute, and against one that
sends a byte each 0.2 s). Must not: retry (that is the decoder's) or pace (a camera paces itself).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from backends.video import tls
from backends.video.address import Reach, reach_of
from backends.video.reading import NO_ANSWER, READ_S, Reader, with_credentials
from backends.video.source import Address, NotASource, Refused, Source, SourceFault, SourceSpec

OPTIONS = {
    "timeout": str(int(READ_S * 1e6)),  # microseconds, of the socket
    "probesize": "65536",
    # The first packets are looked at for what they are, and then shown: many cameras begin with a key frame, and what
    # FFmpeg's "nobuffer" throws away here is waited for until the next one. Measured, key frames each second: first
    # picture after 0.3 s, against 1.2 s with half a second of looking thrown away. Without a limit an unclear frame
    # rate costs 5 s at every opening.
    "analyzeduration": "1",  # microseconds
    "fpsprobesize": "0",
    "allowed_media_types": "video",
}
TCP = {"rtsp_transport": "tcp", "max_delay": "0", "protocol_whitelist": "rtsp,rtp,tcp"}
TLS = {"rtsp_transport": "tcp", "max_delay": "0", "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls"}
UDP = {
    "rtsp_transport": "udp",
    "max_delay": "100000",  # microseconds to wait for a datagram that was overtaken: 100 ms
    "reorder_queue_size": "64",
    "buffer_size": str(1 << 20),  # bytes: a key frame comes as one burst of 200 datagrams
    "protocol_whitelist": "rtsp,rtp,tcp,udp",
}
PORT, TLS_PORT = 554, 322


def open_rtsp(address: Address) -> Source:
    """Raises SourceFault."""
    scheme = address.uri.partition(":")[0].lower()
    encrypted = scheme == "rtsps"
    reach = reach_of(address.uri, may_udp=True, may_pin=encrypted)
    if encrypted and reach.udp:
        raise NotASource("an encrypted camera (rtsps) sends nothing over UDP that is encrypted")
    host, port = _host_of(reach, TLS_PORT if encrypted else PORT)
    options = dict(OPTIONS) | (TLS if encrypted else UDP if reach.udp else TCP)
    if encrypted:
        options |= tls.ffmpeg_options(host, port, reach.pin)
    try:
        return Reader(with_credentials(address, reach.uri), options, low_delay=True)
    except (Refused, NotASource):
        raise
    except SourceFault as fault:
        if str(fault) == NO_ANSWER:
            if reach.udp:
                raise SourceFault(f"{NO_ANSWER}; what a camera sends over UDP may be held back on the way") from None
            raise
        if encrypted and (why := tls.why_refused(host, port, reach.pin)):
            raise why from None
        raise


def _host_of(reach: Reach, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(reach.uri)
        host, port = parts.hostname or "", parts.port or port
    except ValueError:
        host = ""
    if not host:
        raise NotASource("this address names no host")
    return host, port


SPEC = SourceSpec(
    kind="rtsp",
    schemes=("rtsp", "rtsps"),
    says="An RTSP camera, H.264, H.265 or MJPEG, over TCP, UDP (#udp) or TLS (rtsps, #sha256=... to pin).",
    example="rtsp://192.0.2.7/stream2",
    open=open_rtsp,
)
