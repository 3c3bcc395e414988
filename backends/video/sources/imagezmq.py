"""JPEG pictures over ZeroMQ as `imagezmq` sends them: two parts, JSON with "msg", then the JPEG.

`imagezmq://host:5555` is its PUB/SUB pattern: the camera publishes, we connect. `imagezmq-rep://192.0.2.1:5555`
is its REQ/REP pattern: the cameras connect to that address of this machine, and each picture is answered with
"OK", good or bad, because a sender without an answer waits for ever. A name behind the address
(`imagezmq://host:5555/cam-7`) takes only pictures whose "msg" is that name. The convention knows neither
passwords nor encryption. Must not: decode what claims too much, or keep more than a few pictures.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import msgspec
import zmq

from backends.video.address import refuse_password
from backends.video.jpeg import JpegDecoder
from backends.video.reading import MAX_BYTES, OPEN_S, READ_S
from backends.video.ring_layout import Codec
from backends.video.source import Address, Compressed, NotASource, NothingToLeaveOut, SourceFault, SourceSpec

_KEPT = 2
"""Pictures that may wait in memory, for each sender: newer ones are dropped by the publisher meanwhile."""
_LOOK_MS = 250
"""How often a waiting source sees that nobody wants it any more."""
_OK = b"OK"
"""The answer of imagezmq.ImageHub.send_reply."""
_HOST = re.compile(r"[\w.:-]{1,253}")


class _Head(msgspec.Struct):
    """imagezmq's SerializingSocket.send_jpg writes "msg" alone, send_array also type and shape of raw pixels."""

    msg: str
    dtype: str | None = None


_head_decoder = msgspec.json.Decoder(_Head)


def place_of(uri: str) -> tuple[str, str]:
    """ZeroMQ's endpoint and the wanted name, empty for all. Raises NotASource."""
    refuse_password(uri)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host) or not port or parts.query or parts.fragment:
        raise NotASource("this address must name a host and a port: imagezmq://host:5555 or imagezmq-rep://host:5555")
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}", unquote(parts.path[1:])


class JpegMessages(NothingToLeaveOut):
    """A SUB or REP socket and the decoder of what comes. Source. One thread."""

    def __init__(self, address: Address) -> None:
        endpoint, self._name = place_of(address.uri)
        self._stop = address.stop
        self._replies = address.uri.partition(":")[0].lower() == "imagezmq-rep"
        self._decoder = JpegDecoder()
        self.pixel_aspect, self.fps = self._decoder.pixel_aspect, self._decoder.fps
        self.decode = self._decoder.decode
        self.codec: Codec | None = self._decoder.kept
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.REP if self._replies else zmq.SUB)
        self._first: bytes | None = None
        try:
            self._reach(endpoint)
            self._first = self._picture(OPEN_S)
        except BaseException:
            self.close()
            raise

    def _reach(self, endpoint: str) -> None:
        socket = self._socket
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, _KEPT)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_BYTES)  # of one part: libzmq closes the connection of a larger one
        socket.setsockopt(zmq.IPV6, 1)
        socket.setsockopt(zmq.HANDSHAKE_IVL, int(OPEN_S * 1000))
        try:
            if self._replies:
                socket.bind(endpoint)
            else:
                socket.setsockopt(zmq.SUBSCRIBE, b"")
                socket.connect(endpoint)
        except zmq.ZMQError as error:
            if error.errno == zmq.EADDRINUSE:
                raise SourceFault("another program already listens at this address") from None
            raise SourceFault("this address cannot be listened at" if self._replies else "no way there") from None

    @property
    def bad(self) -> int:
        return self._decoder.bad

    def arrivals(self) -> Iterator[Compressed]:
        while not self._stop.is_set():
            picture, self._first = self._first or self._picture(READ_S), None
            packet = self._decoder.packet(picture)
            if packet is not None:
                yield packet

    def _picture(self, seconds: float) -> bytes:
        """The next picture of the wanted name. Raises SourceFault when none comes in time."""
        until = time.monotonic() + seconds
        while not self._stop.is_set():
            left = until - time.monotonic()
            if left <= 0:
                raise SourceFault("no answer in time")
            if self._socket.poll(int(min(_LOOK_MS, left * 1000 + 1))):
                picture = self._take()
                if picture is not None:
                    return picture
        raise SourceFault("not wanted any more")

    def _take(self) -> bytes | None:
        """One message, answered if it wants to be; None when it is for another or damaged (which is counted)."""
        head = self._socket.recv(copy=True)
        more = self._socket.getsockopt(zmq.RCVMORE)
        body = self._socket.recv(copy=True) if more else b""
        parts = 2
        while self._socket.getsockopt(zmq.RCVMORE):
            self._socket.recv(copy=False)
            parts += 1
        if self._replies:
            self._socket.send(_OK, zmq.NOBLOCK)
        try:
            said = _head_decoder.decode(head)
        except msgspec.DecodeError:
            said = None
        if said is None or not more or parts != 2:
            self._decoder.count_bad("what the camera sends is not imagezmq's pair of JSON and JPEG")
            return None
        if self._name and said.msg != self._name:
            return None
        if said.dtype is not None:
            self._decoder.count_bad("the camera sends raw pixels; it must send JPEG (send_jpg)")
            return None
        return body

    def close(self) -> None:
        self._socket.close(0)


SPEC = SourceSpec(
    kind="imagezmq",
    schemes=("imagezmq", "imagezmq-rep"),
    says="JPEG pictures over ZeroMQ by imagezmq's convention; -rep waits for senders that want each one answered.",
    example="imagezmq://192.0.2.7:5555",
    open=JpegMessages,
)
