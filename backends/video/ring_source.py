"""The packets of a ring played as a source, from a time on and at a rate: instant replay.

It ends where the past ends, and whoever opened it goes back to live. Pictures come out as they did live: the same
packets go through the same decoder. Must not: write into the ring, or draw "replay" over the picture (the tile says
it).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import cast

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from backends.domain.stream_choice import LeftOut
from backends.video.packets import packet_of
from backends.video.reading import MAX_PIXELS
from backends.video.ring import RingReader
from backends.video.ring_layout import BadRing, Codec, RingPacket
from backends.video.source import Address, Compressed, NotASource, SourceFault

LONGEST_WAIT_S = 5.0
"""A camera that was silent for longer is not waited for again: its next packet comes after this time."""
_LOOK_S = 0.5
"""While waiting, the wish to stop is the event itself; this only bounds one wait."""


def decoder_of(codec: Codec) -> VideoCodecContext:
    """Set as `reading.Reader` sets that of a live stream. Raises SourceFault."""
    try:
        context = av.CodecContext.create(codec.name, "r")
    except (av.error.FFmpegError, ValueError):
        raise SourceFault("this program cannot decode what was kept") from None
    if not isinstance(context, VideoCodecContext):
        raise SourceFault("there is no picture in what was kept")
    if codec.extradata:
        context.extradata = codec.extradata
    context.thread_type = "SLICE"
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context


class RingSource:
    """Source: from the key frame before `from_ns` to `until_ns`, or to where the ring ends. One thread."""

    def __init__(
        self,
        reader: RingReader,
        from_ns: int,
        *,
        until_ns: int | None = None,
        rate: float = 1.0,
        stop: Event | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Times on the monotonic clock of this machine. `until_ns`: by default the newest packet of now, else at
        rate 1 a replay would never reach the present. Raises SourceFault when nothing is kept."""
        if rate <= 0:
            raise ValueError("packets can only be played forwards")
        span = reader.span()
        start = reader.seek(from_ns)
        first = reader.after(start) if start is not None else None
        if span is None or first is None:
            raise SourceFault("nothing is kept of this camera")
        self._reader = reader
        self._first = first
        self._until_ns = span[1] if until_ns is None else until_ns
        self._rate = rate
        self._stop = stop or Event()
        self._clock = clock
        self._wait = wait or self._stop.wait
        self._context: VideoCodecContext | None = None
        self._fresh: Codec | None = None
        self.pixel_aspect = first.codec.pixel_aspect
        self.fps = first.codec.fps * rate
        self.bad = 0
        self.gaps = 0
        """Places where packets were missing: lost, damaged, or overwritten before they could be played."""
        self.from_ns = first.mono_ns
        """Where it really begins: at a key frame."""

    def arrivals(self) -> Iterator[Compressed]:
        """Packets at their time. Ends at the present; the last, empty one brings what the decoder has kept."""
        stored: RingPacket | None = self._first
        start_s, start_ns, before_ns = self._clock(), self._first.mono_ns, self._first.mono_ns
        self._fresh = self._first.codec
        while stored is not None and stored.mono_ns <= self._until_ns:
            if stored.mono_ns - before_ns > LONGEST_WAIT_S * 1e9:
                start_ns += stored.mono_ns - before_ns - int(LONGEST_WAIT_S * 1e9)
            before_ns = stored.mono_ns
            due_s = start_s + (stored.mono_ns - start_ns) / 1e9 / self._rate
            while (left_s := due_s - self._clock()) > 0 and not self._stop.is_set():
                self._wait(min(left_s, _LOOK_S))
            if self._stop.is_set():
                return
            if stored.gap:
                self.gaps += 1
                self._fresh = stored.codec
            yield packet_of(stored)
            stored = self._reader.after(stored.sequence)
        yield cast("Compressed", Packet())

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        """The frames that this packet completes, damaged ones left out and counted."""
        frames: list[av.VideoFrame] = []
        if self._fresh is not None:
            # Another opening, or a hole: what the old decoder has kept comes first.
            if self._context is not None:
                frames = self._decode(None)
            self._context, self._fresh = decoder_of(self._fresh), None
        return frames + self._decode(packet if packet.size else None)

    def _decode(self, packet: Compressed | None) -> list[av.VideoFrame]:
        if self._context is None:
            return []
        try:
            decoded = self._context.decode(packet)
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, ValueError):
            self.bad += 1
            return []
        whole = [frame for frame in decoded if not frame.is_corrupt]
        self.bad += len(decoded) - len(whole)
        return whole

    def leave_out(self, what: LeftOut) -> None:
        """A replay is short and looked at closely: nothing is left out of it."""

    def close(self) -> None:
        self._context = None


def open_ring(name: str, generation: int) -> RingReader:
    """For `RingSource`. Raises SourceFault when the ring has gone with what it held."""
    try:
        return RingReader(name, generation)
    except (OSError, BadRing):
        raise SourceFault("nothing is kept of this camera") from None


def replay_uri(from_ns: int, until_ns: int, rate: float = 1.0) -> str:
    """For an order of a replay; monotonic times. Where the ring lies goes beside it, in `path`: see `ring_path`."""
    return f"ring:{from_ns}/{until_ns}/{rate:g}"


def ring_path(name: str, generation: int) -> str:
    return f"{name}/{generation}"


def open_replay(address: Address) -> RingSource:
    """`replay_uri` and `ring_path` in one address. Raises SourceFault."""
    try:
        from_ns, until_ns, rate = address.uri.partition(":")[2].split("/")
        name, generation = address.path.split("/")
        times, number, speed = (int(from_ns), int(until_ns)), int(generation), float(rate)
        if not 0 < speed < float("inf"):
            raise ValueError(rate)
    except ValueError:
        raise NotASource("this is no address of a replay") from None
    return RingSource(open_ring(name, number), times[0], until_ns=times[1], rate=speed, stop=address.stop)
