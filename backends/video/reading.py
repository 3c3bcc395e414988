"""Reading with PyAV, the same for all sources: opening with timeouts, decoding, errors in words.

FFmpeg's own error texts hold the address, and the address the password: they never leave this module.
Must not: pace, reconnect or scale.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from backends.video.source import Address, Compressed, NotASource, Refused, SourceFault

OPEN_S = 5.0
READ_S = 5.0
"""A camera that accepts and stays mute, or stops in mid-picture, is given up after this long."""
MAX_PIXELS = 64_000_000
"""A picture that claims more is refused by the decoder."""
MAX_BAD = 50
"""Packets in a row that cannot be decoded before the stream is opened afresh."""

av.logging.set_level(None)  # FFmpeg's log goes through Python, from its own threads, and holds addresses


def with_credentials(address: Address) -> str:
    """The address as FFmpeg wants it. It stays in this process, and never in a message."""
    if not address.user:
        return address.uri
    parts = urlsplit(address.uri)
    host = parts.netloc.rpartition("@")[2]
    who = f"{quote(address.user, safe='')}:{quote(address.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{host}"))


class Reader:
    """An open container and its first video stream. Source."""

    def __init__(
        self,
        url: str,
        options: Mapping[str, str],
        *,
        container_format: str | None = None,
        low_delay: bool = False,
        paced: bool = True,
        timeout: tuple[float, float] | None = (OPEN_S, READ_S),
    ) -> None:
        """`paced`: the frame rate that FFmpeg states is to be believed."""
        began = time.monotonic()
        try:
            self.container: InputContainer = av.open(
                url, "r", format=container_format, options=dict(options), timeout=timeout
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise fault_of(error, time.monotonic() - began) from None
        try:
            self.stream: VideoStream = self.container.streams.video[0]
        except IndexError:
            self.container.close()
            raise NotASource("there is no picture in what this address sends") from None
        codec = self.stream.codec_context
        codec.thread_type = "SLICE"
        codec.thread_count = 1
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        if low_delay:
            codec.flags |= Flags.low_delay
        aspect = self.stream.sample_aspect_ratio
        self.pixel_aspect = float(aspect) if aspect else 1.0
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 0) if paced else 0.0
        self.bad = 0
        self._bad_in_a_row = 0

    def arrivals(self) -> Iterator[Compressed]:
        """Packets as they come; the empty one at the end of a file brings what the decoder has kept."""
        packets = self.container.demux(self.stream)
        while True:
            began = time.monotonic()
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                raise fault_of(error, time.monotonic() - began) from None
            yield packet

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        """Whole frames. Raises SourceFault after MAX_BAD packets in a row that give none."""
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            self.bad += 1
            self._bad_in_a_row += 1
            if self._bad_in_a_row > MAX_BAD:
                raise SourceFault("the camera sends data that cannot be decoded") from None
            return []
        except av.error.FFmpegError as error:
            raise fault_of(error) from None
        whole = [frame for frame in decoded if isinstance(frame, av.VideoFrame) and not frame.is_corrupt]
        self.bad += len(decoded) - len(whole)
        if whole:
            self._bad_in_a_row = 0
        return whole

    def close(self) -> None:
        self.container.close()


_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((TimeoutError, av.error.ExitError), "no answer in time"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "the camera closed the connection"),
    (EOFError, "the camera ended the stream"),
    (FileNotFoundError, "there is no such file"),
    (PermissionError, "this file may not be read"),
    (av.error.HTTPNotFoundError, "the camera does not know this address (404)"),
    (av.error.HTTPError, "the camera answers with an error"),
    (av.error.InvalidDataError, "what it sends is no video"),
)


def fault_of(error: BaseException, took_s: float = 0.0) -> SourceFault:
    """FFmpeg's error in our words, without the address. `took_s`: how long the call had been waiting."""
    if took_s >= min(OPEN_S, READ_S) - 0.2:
        # FFmpeg's RTSP reader calls a camera that stays mute "invalid data".
        return SourceFault("no answer in time")
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return Refused("the camera refuses user name or password")
    if isinstance(error, av.error.ProtocolNotFoundError | av.error.DemuxerNotFoundError):
        return NotASource("this program cannot read that kind of stream")
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return SourceFault(words)
    number = getattr(error, "errno", None) or 0
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SourceFault("there is no way to the camera in the network")
    if 0 < number < 200:
        return SourceFault(os.strerror(number).lower())
    return SourceFault(f"it cannot be opened ({type(error).__name__})")
