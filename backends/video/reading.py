"""Reading with PyAV, the same for all sources: opening with timeouts, decoding, errors in words.

FFmpeg's own error texts hold the address, and the address the password: they never leave this module. What a
stream may claim is bounded before it is believed. Must not: pace, reconnect or scale.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.stream import Discard
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from backends.domain.picture import Decoding
from backends.domain.stream_choice import LeftOut
from backends.video.hardware import HARDWARE, By, device_format
from backends.video.packets import codec_of
from backends.video.ring_layout import Codec
from backends.video.source import Address, Compressed, NotASource, Refused, SourceFault

log = logging.getLogger(__name__)

OPEN_S = 5.0
"""FFmpeg takes it twice at the most: to open, and to learn what comes."""
READ_S = 4.0
"""A camera that accepts and stays mute, or stops in mid-picture, is given up after this long: before its picture
counts as lost (5 s), so that the reason stands there when it is said."""
MAX_PIXELS = 36_000_000
"""A picture that claims more is refused: twice as much as the largest cameras send (16 MP)."""
MAX_BYTES = 8 << 20
"""Of one packet. A key frame of 4K at its best takes 2 MB, a JPEG of 16 MP 6 MB."""
MAX_STREAMS = 16
"""In one container: pictures, sound and subtitles in several qualities."""
MAX_EXTRADATA = 64 << 10
"""Bytes of what a decoder is told before the first picture; 200 are usual."""
MAX_BAD = 50
"""Packets in a row that cannot be decoded before the stream is opened afresh."""
MAX_WAIT = 250
"""Packets that the processor lets go by while it waits for a key frame, when a device has failed: 10 s."""

LIMITS = {"max_streams": str(MAX_STREAMS), "max_pixels": str(MAX_PIXELS)}
"""For the demuxer, and for the decoders that it opens to learn what comes (PyAV hands them on where the streams are
known before, as with RTSP)."""

av.logging.set_level(None)  # FFmpeg's log goes through Python, from its own threads, and holds addresses


def with_credentials(address: Address, uri: str = "") -> str:
    """The address, or `uri` in its place, as FFmpeg wants it. It stays in this process, and never in a message."""
    uri = uri or address.uri
    if not address.user:
        return uri
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    who = f"{quote(address.user, safe='')}:{quote(address.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{host}"))


class Bytes(Protocol):
    """Something open that FFmpeg reads from instead of an address."""

    def read(self, size: int) -> bytes: ...


def limit(codec: VideoCodecContext) -> None:
    """One thread, and no larger picture than MAX_PIXELS, whenever the stream changes its size."""
    codec.thread_type = "SLICE"
    codec.thread_count = 1
    codec.options = {"max_pixels": str(MAX_PIXELS)}


_SKIP: tuple[Literal["DEFAULT"], Literal["NONREF"]] = ("DEFAULT", "NONREF")
SMOOTHED = frozenset({"h264", "hevc"})
"""Codecs whose loop filter can be left out."""


def another(codec: VideoCodecContext, low_delay: bool, *, skip_loop_filter: bool = False) -> VideoCodecContext:
    """A fresh decoder for the same stream, on the processor. FFmpeg reads this option when a decoder is opened, and
    PyAV has no other way to it."""
    fresh = av.CodecContext.create(codec.name, "r")
    assert isinstance(fresh, VideoCodecContext)
    _set_like(fresh, codec, low_delay)
    if skip_loop_filter:
        fresh.options = {**fresh.options, "skip_loop_filter": "all"}
    return fresh


def _set_like(fresh: VideoCodecContext, codec: VideoCodecContext, low_delay: bool) -> None:
    if codec.extradata:
        fresh.extradata = codec.extradata
    limit(fresh)
    if low_delay:
        fresh.flags |= Flags.low_delay


class FrameDecoder:
    """Counts what is bad and gives up after too much of it in a row. One thread."""

    def __init__(self, codec: VideoCodecContext) -> None:
        limit(codec)
        self.bad = 0
        self._in_a_row = 0

    @property
    def spoilt(self) -> bool:
        """It has given up because of what came, not because of what decodes it."""
        return self._in_a_row > MAX_BAD

    def begin_anew(self) -> None:
        """Another decoder takes over: what the one before could not decode is not held against it."""
        self._in_a_row = 0

    def decode(self, decode: Callable[[], list[VideoFrame]]) -> list[VideoFrame]:
        """Whole frames. Raises SourceFault after MAX_BAD packets in a row that give none."""
        try:
            decoded = decode()
        except av.error.InvalidDataError:
            self.count_bad("the camera sends data that cannot be decoded")
            return []
        except av.error.FFmpegError as error:
            raise fault_of(error) from None
        whole = [frame for frame in decoded if isinstance(frame, VideoFrame) and not frame.is_corrupt]
        self.bad += len(decoded) - len(whole)
        if whole:
            self._in_a_row = 0
        return whole

    def count_bad(self, words: str) -> None:
        """One more. Raises SourceFault with these words after MAX_BAD in a row."""
        self.bad += 1
        self._in_a_row += 1
        if self._in_a_row > MAX_BAD:
            raise SourceFault(words)


class Reader:
    """An open container and its first video stream. Source."""

    def __init__(
        self,
        url: str | Bytes,
        options: Mapping[str, str],
        *,
        container_format: str | None = None,
        low_delay: bool = False,
        paced: bool = True,
        timeout: tuple[float, float] | None = (OPEN_S, READ_S),
        io_open: Callable[[str, int, object], Bytes] | None = None,
        buffer_size: int = 32_768,
    ) -> None:
        """`paced`: the frame rate that FFmpeg states is to be believed. `io_open`: opens every address for FFmpeg.
        `buffer_size`: how much of `Bytes` is asked for at once."""
        began = time.monotonic()
        self._read_s = timeout[1] if timeout else 0.0
        try:
            self.container: InputContainer = av.open(
                url,
                "r",
                format=container_format,
                options=dict(LIMITS) | dict(options),
                timeout=timeout,
                io_open=io_open,
                buffer_size=buffer_size,
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise fault_of(error, time.monotonic() - began) from None
        try:
            self._begin(low_delay, paced)
        except BaseException:
            self.container.close()
            raise

    def _begin(self, low_delay: bool, paced: bool) -> None:
        try:
            self.stream: VideoStream = self.container.streams.video[0]
        except IndexError:
            raise NotASource("there is no picture in what this address sends") from None
        if len(self.container.streams) > MAX_STREAMS:
            raise NotASource(f"more than {MAX_STREAMS} streams in what this address sends")
        for other in self.container.streams:
            if other is not self.stream:
                other.discard = Discard.all
        codec = self.stream.codec_context
        if codec.extradata_size > MAX_EXTRADATA:
            raise SourceFault("the camera describes its stream at too great length")
        if codec.width * codec.height > MAX_PIXELS:
            raise SourceFault(f"a picture of {codec.width} x {codec.height} pixels is too large")
        self._frames = FrameDecoder(codec)
        self._decoder = codec
        self._low_delay = low_delay
        self._left_out = LeftOut()
        self._renew = False
        if low_delay:
            codec.flags |= Flags.low_delay
        self._begin_on_device()
        self.codec: Codec | None = codec_of(self.stream)
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 0) if paced else 0.0

    def _begin_on_device(self) -> None:
        self.by = By()
        self._silent = self._waited = 0
        self._begun = self._wants_key = False
        self._on_device = ""
        """Name of the format of pictures that are on the device."""
        codec = self.stream.codec_context
        opened = HARDWARE.decoder_for(codec.name, self.by)
        if opened is not None:
            _set_like(opened, codec, self._low_delay)
            self._decoder = opened
            self._on_device = device_format(self.by.device, codec.name)

    @property
    def bad(self) -> int:
        return self._frames.bad

    @property
    def pixel_aspect(self) -> float:
        """Known for certain from the first decoded picture on."""
        aspect = self._decoder.sample_aspect_ratio or self.stream.sample_aspect_ratio
        return float(aspect) if aspect else 1.0

    def arrivals(self) -> Iterator[Compressed]:
        """Packets as they come; the empty one at the end of a file brings what the decoder has kept."""
        packets = self.container.demux(self.stream)
        while True:
            began = time.monotonic()
            try:
                packet = next(packets)
            except (StopIteration, IndexError):
                # PyAV 18 (`InputContainer.demux`) stumbles at the end over streams that came after the opening; up to
                # MAX_STREAMS of them can come, and their packets are none of ours.
                return
            except (av.error.FFmpegError, OSError) as error:
                raise fault_of(error, time.monotonic() - began, self._read_s) from None
            if packet.size > MAX_BYTES:
                raise SourceFault(f"a picture of more than {MAX_BYTES >> 20} MB")
            yield packet

    def leave_out(self, what: LeftOut) -> None:
        """Frames without reference at once; the loop filter from the next key frame on, with a fresh decoder."""
        if what.skip_loop_filter != self._left_out.skip_loop_filter and self._decoder.name in SMOOTHED:
            # A device filters by itself, and at no cost to the processor.
            self._renew = self._renew or self.by.decoding is not Decoding.DEVICE
        self._left_out = what
        self._decoder.skip_frame = _SKIP[what.skip_non_reference]

    def decode(self, packet: Compressed) -> list[VideoFrame]:
        """Whole frames. Raises SourceFault after MAX_BAD packets in a row that give none."""
        if self._wants_key:
            if not packet.is_keyframe:
                return self._wait_for_key()
            self._wants_key = False
        kept: list[VideoFrame] = []
        if self._renew and packet.is_keyframe:
            kept = self._frames.decode(lambda: self._decoder.decode(None))
            self._renew = False
            left_out = self._left_out
            self._decoder = another(self._decoder, self._low_delay, skip_loop_filter=left_out.skip_loop_filter)
            self._decoder.skip_frame = _SKIP[left_out.skip_non_reference]
        if self.by.decoding is Decoding.DEVICE:
            frames = self._decode_on_device(packet)
        else:
            frames = self._frames.decode(lambda: self._decoder.decode(packet))
        if not packet.size and self._decoder is not self.stream.codec_context:
            self._decoder.flush_buffers()  # at the end of a file; the stream's own is flushed by the seek
        return kept + frames

    def _decode_on_device(self, packet: Compressed) -> list[VideoFrame]:
        """Whatever goes wrong there, the connection stays and the processor goes on."""
        self._begun = self._begun or packet.is_keyframe
        try:
            frames = self._frames.decode(lambda: self._decoder.decode(packet))
        except SourceFault:
            if not self._begun:  # nothing can come before the first key frame
                raise
            return self._leave_device(packet)
        self._silent = self._silent + 1 if self._begun and not frames else 0
        if self._silent > MAX_BAD:
            return self._leave_device(packet)
        if frames and self._decoder.pix_fmt != self._on_device:
            # FFmpeg has asked the device and gone on without it; what was held there is let go at the next key frame.
            self.by.decoding, self._renew = Decoding.REFUSED, True
            what = f"{self._decoder.name}, {self._decoder.profile}, {frames[0].width} x {frames[0].height}"
            HARDWARE.say(logging.WARNING, f"{self.by.device} does not take {what}: decoding on the processor")
        return frames

    def _leave_device(self, packet: Compressed) -> list[VideoFrame]:
        """From this packet on, or where that begins nothing, from the next key frame."""
        log.warning("%s failed in the middle of a stream: decoding on the processor", self.by.device)
        if not self._frames.spoilt:  # what one camera sends is no reason to leave the device
            HARDWARE.failed(self.by.device)
        self.by.decoding = Decoding.FAILED
        self._frames.begin_anew()
        left_out = self._left_out
        codec = self.stream.codec_context
        self._decoder = another(codec, self._low_delay, skip_loop_filter=left_out.skip_loop_filter)
        self._decoder.skip_frame = _SKIP[left_out.skip_non_reference]
        self._renew = False
        if packet.is_keyframe:
            return self._frames.decode(lambda: self._decoder.decode(packet))
        self._wants_key = True
        return self._wait_for_key()

    def _wait_for_key(self) -> list[VideoFrame]:
        self._waited += 1
        if self._waited > MAX_WAIT:
            raise SourceFault("the camera sends data that cannot be decoded")
        return []

    def close(self) -> None:
        self.container.close()


NO_ANSWER = "no answer in time"
_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    ((TimeoutError, av.error.ExitError), NO_ANSWER),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "the camera closed the connection"),
    (EOFError, "the camera ended the stream"),
    (FileNotFoundError, "there is no such file"),
    (PermissionError, "this file may not be read"),
    (av.error.HTTPNotFoundError, "the camera does not know this address (404)"),
    (av.error.HTTPError, "the camera answers with an error"),
    (av.error.InvalidDataError, "what it sends is no video"),
)


def fault_of(error: BaseException, took_s: float = 0.0, timeout_s: float = min(OPEN_S, READ_S)) -> SourceFault:
    """FFmpeg's error in our words, without the address. `took_s`: how long the call had been waiting."""
    if isinstance(error, SourceFault):  # of the bytes that FFmpeg was reading
        return error
    if timeout_s and took_s >= timeout_s - 0.2:
        # FFmpeg's RTSP reader calls a camera that stays mute "invalid data".
        return SourceFault(NO_ANSWER)
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
