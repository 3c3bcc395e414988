"""A past time from a recorder: by its maker's own addresses, or by ONVIF Profile G. Paced by the recorder.

Implements `Past` (`when`): what it shows is old, and its tile says of when. A loss is told like any other; the next
opening goes on where the last picture was. It is at its end when the wanted time is over, or when a recorder that is
asked to go on has nothing more. Nothing of it is kept in the packet ring, whose packets are the present's.
Must not: pace, or retry by itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Event
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from av.video.frame import VideoFrame

from backends.domain.times import NS_PER_S
from backends.video.nvr.past import SCHEMES, MakersPast, ReplayPast, Span, read_past
from backends.video.reading import Reader
from backends.video.ring_layout import Codec
from backends.video.rtsp_replay import MAX_PACKET, ReplayFeed
from backends.video.source import Address, Arrival, Compressed, NotASource, Refused, Source, SourceFault, SourceSpec
from backends.video.sources.rtsp import open_rtsp

ENDED = "the recording ends here"
LEAST_NS = NS_PER_S
"""Whole seconds are asked for. An opening that went on after a loss and brought less has met the end of what there is;
and so has one that is lost so shortly before the end of the span."""
LAST_PICTURES = 3.5
MOST_GAP_NS = NS_PER_S // 5
FEED_OPTIONS = {
    "sdp_flags": "custom_io",
    "protocol_whitelist": "none",  # it has no reason to open anything
    "reorder_queue_size": "0",
    "max_delay": "0",
    "probesize": "65536",
    "analyzeduration": "1",
    "fpsprobesize": "0",
    "allowed_media_types": "video",
}

_reached: WeakKeyDictionary[Event, int] = WeakKeyDictionary()
"""By the `stop` of the stream, which all its openings share: up to when it has shown."""
_over: WeakSet[Event] = WeakSet()
"""Streams that have come to their end: opening them again would show the end again."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """One opening, and the recorded time of a packet in it where the recorder says it (0: it does not)."""

    source: Source
    recorded_ns: Callable[[Compressed], int]
    close: Callable[[], None]


class Playback:
    """One opening of a span. Source and Past."""

    def __init__(self, opened: _Opened, span: Span, from_ns: int, stop: Event) -> None:
        self._opened, self._span, self._from_ns, self._stop = opened, span, from_ns, stop
        self._at_ns = from_ns
        self._gap_ns = 0
        self._first_s: float | None = None
        self._times: OrderedDict[int, int] = OrderedDict()
        self.fps = opened.source.fps
        self.codec: Codec | None = None
        self.decode = opened.source.decode
        self.leave_out = opened.source.leave_out

    @property
    def pixel_aspect(self) -> float:
        return self._opened.source.pixel_aspect

    @property
    def bad(self) -> int:
        return self._opened.source.bad

    def arrivals(self) -> Iterator[Arrival]:
        """Ends with the span, or where an opening brings nothing more; raises SourceFault at a loss before that."""
        try:
            for came in self._opened.source.arrivals():
                if self._stop.is_set():
                    return
                if not isinstance(came, np.ndarray) and came.size:
                    self._note(came)
                    if self._is_over():
                        _over.add(self._stop)
                        return
                yield came
        except (Refused, NotASource):
            raise
        except SourceFault:
            if self._is_at_its_end():
                _over.add(self._stop)
                return
            raise
        if not self._is_at_its_end():
            raise SourceFault("the recorder ended the stream")
        _over.add(self._stop)

    def _is_over(self) -> bool:
        """Past the span (recorders may not stop by themselves), or so near to its end that the rest may be kept back
        in FFmpeg until a next picture comes: from a recorder that does stop, none comes any more."""
        return self._span.t1_ns is not None and self._at_ns + LAST_PICTURES * self._gap_ns >= self._span.t1_ns

    def _is_at_its_end(self) -> bool:
        """After a loss: whether there was nothing more to come."""
        if self._span.t1_ns is not None and self._span.t1_ns - self._at_ns < LEAST_NS:
            return True
        return self._from_ns > self._span.t0_ns and self._at_ns - self._from_ns < LEAST_NS

    def when(self, frame: VideoFrame) -> tuple[int, int]:
        """When this picture was recorded: monotonic clock of this machine (0: before it was started), and UTC."""
        wall_ns = self._times.get(frame.pts, self._at_ns) if frame.pts is not None else self._at_ns
        ago_ns = time.time_ns() - wall_ns
        return max(0, time.monotonic_ns() - ago_ns), wall_ns

    def _note(self, packet: Compressed) -> None:
        """Keeps when this packet was recorded: as the recorder says, else counted from what was asked for."""
        recorded_ns = self._opened.recorded_ns(packet)
        if not recorded_ns and packet.pts is not None:
            at_s = float(packet.pts * packet.time_base)
            if self._first_s is None:
                self._first_s = at_s
            recorded_ns = self._from_ns + int((at_s - self._first_s) * NS_PER_S)
        if packet.pts is not None and recorded_ns:
            self._times[packet.pts] = recorded_ns
            while len(self._times) > 64:
                self._times.popitem(last=False)
        self._gap_ns = min(max(recorded_ns - self._at_ns, 0), MOST_GAP_NS)
        self._at_ns = max(self._at_ns, recorded_ns)
        _reached[self._stop] = self._at_ns

    def close(self) -> None:
        self._opened.close()


def open_playback(address: Address) -> Source:
    """From where this stream's last opening had come to, in whatever process. Raises SourceFault."""
    past = read_past(address.uri)
    from_ns = max(past.span.t0_ns, _reached.get(address.stop, 0), address.resume_utc_ns)
    if past.span.t1_ns is not None:  # never behind its end: what is left of it is asked for once more
        from_ns = max(past.span.t0_ns, min(from_ns, past.span.t1_ns - LEAST_NS))
    if address.stop in _over:
        raise NotASource(ENDED)
    if isinstance(past, ReplayPast):
        opened = _by_replay(past, address, from_ns)
    else:
        from_ns = from_ns // NS_PER_S * NS_PER_S  # as it is asked for, and so counted from
        opened = _by_maker(past, address, from_ns)
    return Playback(opened, past.span, from_ns, address.stop)


def _by_maker(past: MakersPast, address: Address, from_ns: int) -> _Opened:
    source = open_rtsp(replace(address, uri=past.address(from_ns)))
    return _Opened(source, lambda packet: 0, source.close)


def _by_replay(past: ReplayPast, address: Address, from_ns: int) -> _Opened:
    feed = ReplayFeed(past, from_ns, address.user, address.password)
    try:
        reader = Reader(
            feed, FEED_OPTIONS, container_format="sdp", low_delay=True, timeout=None, buffer_size=MAX_PACKET
        )
    except BaseException:
        feed.close()
        raise

    def recorded_ns(packet: Compressed) -> int:
        return 0 if packet.pts is None else feed.times.of(packet.pts)

    def close() -> None:
        reader.close()
        feed.close()

    return _Opened(reader, recorded_ns, close)


SPEC = SourceSpec(
    kind="playback",
    schemes=SCHEMES,
    says="What a recorder has kept of a past time: by Hikvision's or Dahua's addresses, or by ONVIF Profile G.",
    example="nvr-hikvision://192.0.2.7/3?from=2026-11-20T08:15:00Z&to=2026-11-20T08:20:00Z",
    open=open_playback,
)
