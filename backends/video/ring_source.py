"""The packets of a ring played as a source, from a time on and at a rate: instant replay.

It begins with the picture of that time, whatever lies between it and the key frame before, and ends where the past
ends; whoever opened it goes back to live. Pictures come out as they did live: the same packets go through the same
decoder. Must not: write into the ring, or draw "replay" over the picture (the tile says it).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import cast

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from backends.domain.replay import kept_name, replay_of
from backends.domain.stream_choice import LeftOut
from backends.video.kept import KeptReader, Packets
from backends.video.packets import packet_of
from backends.video.reading import limit
from backends.video.ring import RingReader
from backends.video.ring_layout import NOTHING_KEPT, BadRing, Codec, RingPacket
from backends.video.source import Address, Compressed, NotASource, SourceFault

LONGEST_WAIT_S = 2.0
"""Of the past: a camera that was silent for longer is not waited for again, its next packet comes after this time. At
half the speed it is still less than what makes a picture count as lost."""
CLOSEST_NS = 30_000_000
"""A fast replay draws no pictures that are closer than this on the screen: nobody sees them."""
_LOOK_S = 0.5
"""While waiting, the wish to stop is the event itself; this only bounds one wait."""
_REORDERED = 64
"""Packets whose times are known: a decoder gives a picture back after 16 others at most (H.264, H.265)."""


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
    limit(context)
    return context


class RingSource:
    """Source, and Past: from the picture at `from_ns` to `until_ns`, or to where the ring ends. One thread."""

    codec: Codec | None = None
    """What is shown again is not kept again."""

    def __init__(
        self,
        reader: Packets,
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
            raise SourceFault(NOTHING_KEPT)
        self._reader = reader
        self._first = first
        self._until_ns = span[1] if until_ns is None else until_ns
        self._rate = rate
        self._stop = stop or Event()
        self._clock = clock
        self._wait = wait or self._stop.wait
        self._context: VideoCodecContext | None = None
        self._fresh: Codec | None = None
        self._came: deque[tuple[int | None, int, int]] = deque(maxlen=_REORDERED)
        self._before: av.VideoFrame | None = None
        self._shown_ns = 0
        self.pixel_aspect = first.codec.pixel_aspect
        self.fps = first.codec.fps * rate
        self.bad = 0
        self.gaps = 0
        """Places where packets were missing: lost, damaged, or overwritten before they could be played."""
        self.from_ns = max(from_ns, first.mono_ns)
        """Where it really begins: what is older has gone."""

    def arrivals(self) -> Iterator[Compressed]:
        """Packets at their time. Ends at the present; the last, empty one brings what the decoder has kept."""
        stored: RingPacket | None = self._first
        start_ns = before_ns = self.from_ns
        start_s: float | None = None  # the way from the key frame takes its own time
        self._fresh = self._first.codec
        while stored is not None and stored.mono_ns <= self._until_ns:
            if stored.mono_ns >= self.from_ns:
                if stored.mono_ns - before_ns > LONGEST_WAIT_S * 1e9:
                    start_ns += stored.mono_ns - before_ns - int(LONGEST_WAIT_S * 1e9)
                before_ns = stored.mono_ns
                start_s = self._clock() if start_s is None else start_s
                due_s = start_s + (stored.mono_ns - start_ns) / 1e9 / self._rate
                while (left_s := due_s - self._clock()) > 0 and not self._stop.is_set():
                    self._wait(min(left_s, _LOOK_S))
            if self._stop.is_set():
                return
            if stored.gap:
                self.gaps += 1
                self._fresh = stored.codec
            packet = packet_of(stored)
            self._came.append((packet.pts, stored.mono_ns, stored.wall_ns))
            yield packet
            stored = self._reader.after(stored.sequence)
        yield cast("Compressed", Packet())

    def when(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Of the packet that it was in; without timestamps, of the one that brought it out of the decoder."""
        _, mono_ns, wall_ns = next(
            (came for came in reversed(self._came) if came[0] is not None and came[0] == frame.pts), self._came[-1]
        )
        return mono_ns, wall_ns

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        """The frames that this packet completes and that are to be shown; damaged ones are left out and counted."""
        frames: list[av.VideoFrame] = []
        if self._fresh is not None:
            # Another opening, or a hole: what the old decoder has kept comes first.
            if self._context is not None:
                frames = self._decode(None)
            self._context, self._fresh = decoder_of(self._fresh), None
        frames += self._decode(packet if packet.size else None)
        shown = [frame for frame in frames if self._shows(frame)]
        if not shown and not packet.size and not self._shown_ns and self._before is not None:
            return [self._before]  # the whole replay lies between two pictures
        return shown

    def _shows(self, frame: av.VideoFrame) -> bool:
        mono_ns, _ = self.when(frame)
        if mono_ns < self.from_ns:
            self._before = frame
            return False
        if self._rate > 1 and 0 <= mono_ns - self._shown_ns < CLOSEST_NS * self._rate:
            return False
        self._shown_ns = mono_ns
        return True

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
        self._context = self._before = None


def open_ring(name: str, generation: int) -> RingReader:
    """For `RingSource`. Raises SourceFault when the ring has gone with what it held."""
    try:
        return RingReader(name, generation)
    except (OSError, BadRing):
        raise SourceFault(NOTHING_KEPT) from None


def open_kept(path: str) -> KeptReader:
    """For `RingSource`, of a file. Raises SourceFault when it has gone, or is damaged."""
    try:
        return KeptReader(Path(path))
    except (OSError, BadRing):
        raise SourceFault(NOTHING_KEPT) from None


def open_replay(address: Address) -> RingSource:
    """The address of `backends.domain.replay` and a `ring_path` in one. Raises SourceFault."""
    replay = replay_of(address.uri)
    if replay is None:
        raise NotASource("this is no address of a replay")
    return RingSource(
        open_kept(address.path) if kept_name(replay.live) else _open_slab(address.path),
        min(max(replay.from_ns, address.resume_ns), replay.until_ns),
        until_ns=replay.until_ns,
        rate=replay.rate,
        stop=address.stop,
    )


def _open_slab(path: str) -> RingReader:
    name, _, number = path.partition("/")
    if not number.isdecimal():
        raise SourceFault(NOTHING_KEPT)
    return open_ring(name, int(number))
