"""HTTP cameras: JPEG pictures one after the other, MPEG transport streams and HLS, told apart by what comes.

Everything is fetched by `fetch`: FFmpeg's own HTTP client would follow a playlist into segments whose
certificates nobody checks. Must not: retry; pace what paces itself (HLS comes in bursts and is paced).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from backends.video.address import reach_of
from backends.video.fetch import Access, Body, get
from backends.video.jpeg import START, JpegDecoder
from backends.video.multipart import Parts, boundary_in
from backends.video.reading import OPEN_S, READ_S, Reader
from backends.video.ring_layout import Codec
from backends.video.source import Address, Compressed, NotASource, NothingToLeaveOut, Source, SourceFault, SourceSpec

TS_OPTIONS = {"probesize": str(1 << 20), "analyzeduration": "200000", "fpsprobesize": "0"}
HLS_OPTIONS = {
    "live_start_index": "-1",  # the newest segment
    "http_persistent": "0",  # each request is ours
    "protocol_whitelist": "http,https",
    "max_reload": "100",
    "probesize": str(1 << 20),
    "analyzeduration": "500000",
}
HLS_OPEN_S, HLS_READ_S = 10.0, 15.0
"""A live playlist gains a segment every 2 to 10 s; until then nothing comes, and nothing is wrong."""
SEGMENT_S = 10.0
"""Longest that one playlist or segment may take to come."""
MAX_SEGMENT = 64 << 20
"""Bytes of one playlist or segment: 10 s of 50 Mbit/s."""
_TS_SYNC, _PLAYLIST = b"\x47", b"#EXTM3U"
_STEP_S = 3.0
"""A larger step between two packets is another clock or skipped segments, not a pause of the camera."""
_BEHIND_S = 10.0
"""Further behind than this, the playlist is opened afresh at its newest segment."""


def open_http(address: Address) -> Source:
    """Raises SourceFault."""
    reach = reach_of(address.uri, may_pin=address.uri[:6].lower() == "https:")
    try:
        host = urlsplit(reach.uri).hostname or ""
    except ValueError:
        host = ""
    if not host:
        raise NotASource("this address names no host")
    access = Access(host, address.user, address.password, reach.pin)
    body = get(reach.uri, access, OPEN_S)
    try:
        return _source_for(body, access, address)
    except BaseException:
        body.close()
        raise


def _source_for(body: Body, access: Access, address: Address) -> Source:
    """By the declared type where it says something, else by the first bytes."""
    kind = body.content_type.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        return JpegParts(body, boundary_in(body.content_type))
    first = body.peek()
    if "mpegurl" in kind or first.startswith(_PLAYLIST):
        body.close()
        return Hls(body.url, access, address)
    if kind == "video/mp2t" or first.startswith(_TS_SYNC):
        return TransportStream(body)
    if first.startswith(b"--"):
        return JpegParts(body, first[2:].splitlines()[0].strip())
    if first.startswith(START):
        raise NotASource("this address sends one picture, not a stream")
    raise SourceFault("what it sends is no video" if first else "the camera ended the stream")


class JpegParts(NothingToLeaveOut):
    """A multipart body of JPEG pictures. Source."""

    def __init__(self, body: Body, boundary: bytes) -> None:
        self._body = body
        self._parts = Parts(boundary)
        self._decoder = JpegDecoder()
        self.pixel_aspect, self.fps = self._decoder.pixel_aspect, self._decoder.fps
        self.decode = self._decoder.decode
        self.codec: Codec | None = self._decoder.kept

    @property
    def bad(self) -> int:
        return self._decoder.bad

    def arrivals(self) -> Iterator[Compressed]:
        self._body.allow(READ_S)
        while data := self._body.read(65536):
            for picture in self._parts.feed(data):
                self._body.allow(READ_S)
                packet = self._decoder.packet(picture)
                if packet is not None:
                    yield packet

    def close(self) -> None:
        self._body.close()


class TransportStream(Reader):
    """A body that is an MPEG transport stream. Source."""

    def __init__(self, body: Body) -> None:
        self._body = body
        body.allow(OPEN_S)
        super().__init__(body, TS_OPTIONS, container_format="mpegts", low_delay=True)

    def arrivals(self) -> Iterator[Compressed]:
        self._body.allow(READ_S)
        for packet in super().arrivals():
            self._body.allow(READ_S)
            yield packet

    def close(self) -> None:
        super().close()
        self._body.close()


class _Segment:
    """A playlist or segment that FFmpeg has asked for."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._left = MAX_SEGMENT
        body.allow(SEGMENT_S)

    def read(self, size: int) -> bytes:
        data = self._body.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise SourceFault(f"a segment of more than {MAX_SEGMENT >> 20} MB")
        return data

    def close(self) -> None:
        self._body.close()


class Pace:
    """When packets of a playlist are due, by their own timestamps. Pure.

    One that comes late moves all that follow, so that they are not hurried after it; so the pictures fall behind by
    what they have waited for.
    """

    def __init__(self) -> None:
        self._start: float | None = None
        self._before = 0.0
        self._behind = 0.0

    def wait_s(self, at: float, now: float) -> float:
        """Seconds until the packet of time `at` is due, 0 = now. Raises SourceFault when it is too far behind."""
        if self._start is None or not -_STEP_S < at - self._before < _STEP_S:
            self._start = now - at
        self._before = at
        early = self._start + at - now
        if early >= 0:
            return early
        self._start -= early
        self._behind -= early
        if self._behind > _BEHIND_S:
            raise SourceFault("the pictures have fallen too far behind")
        return 0.0


class Hls:
    """A live playlist: its newest segment first, then in real time by its own timestamps. Source."""

    def __init__(self, url: str, access: Access, address: Address) -> None:
        self._stop = address.stop
        self._access = access
        self._reader = Reader(
            url, HLS_OPTIONS, container_format="hls", timeout=(HLS_OPEN_S, HLS_READ_S), io_open=self._fetch
        )
        self.fps = self._reader.fps
        self.decode = self._reader.decode
        self.leave_out = self._reader.leave_out
        self.by = self._reader.by
        self.codec = self._reader.codec

    def _fetch(self, url: str, _flags: int, _options: object) -> _Segment:
        if self._stop.is_set():
            raise SourceFault("not wanted any more")
        return _Segment(get(url, self._access, OPEN_S))

    @property
    def pixel_aspect(self) -> float:
        return self._reader.pixel_aspect

    @property
    def bad(self) -> int:
        return self._reader.bad

    def arrivals(self) -> Iterator[Compressed]:
        """Each packet at its time."""
        pace = Pace()
        for packet in self._reader.arrivals():
            if packet.dts is not None:
                at = float(packet.dts * packet.time_base)
                if self._stop.wait(pace.wait_s(at, time.monotonic())):
                    return
            yield packet

    def close(self) -> None:
        self._reader.close()


SPEC = SourceSpec(
    kind="http",
    schemes=("http", "https"),
    says="An HTTP camera: JPEG pictures one after the other, an MPEG transport stream, or HLS.",
    example="http://192.0.2.7/video.mjpg",
    open=open_http,
)
