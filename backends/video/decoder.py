"""One stream: open, read (in a thread of its own), decode, draw into its outputs, and again after a loss.

Nothing of a camera may reach another stream: every error ends here, in words on the tile. Must not:
know where the orders come from, or judge the age of a picture (its reader does).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence

import numpy as np

from backends.domain.camera import PictureState
from backends.domain.picture import Raised
from backends.domain.stream_choice import LeftOut
from backends.video.backoff import NOT_YET_S, Backoff, OpeningGate
from backends.video.computing import BEAT_S, Computing
from backends.video.frames import About, BadFrameHeader, FrameWriter
from backends.video.hardware import By
from backends.video.health import Health
from backends.video.looks import sample_of, view_of
from backends.video.metering import Meter
from backends.video.packets import times_of
from backends.video.reading import SMOOTHED
from backends.video.ring import RingWriter
from backends.video.ring_layout import BadRing, Codec
from backends.video.scaling import Scaler, Shot, size_of
from backends.video.segment import attach
from backends.video.source import (
    Accelerated,
    Address,
    Arrival,
    Compressed,
    NotASource,
    NotYet,
    Past,
    Refused,
    Source,
    SourceFault,
    spec_of,
)
from backends.video.wire import OutputOrder, StreamOrder

log = logging.getLogger(__name__)

_BEAT_NS = int(BEAT_S * 1e9)
_LONGEST_GAP_NS = 5_000_000_000
"""A longer gap is a loss, and says nothing about the usual interval."""
_DRAW_AT_LEAST_NS = 500_000_000
"""However many pictures are left out, one is drawn after this: a camera with 2 a second must not look slow."""
HUNG_S = 60.0
"""Every call has a shorter timeout, slow name servers included; a thread without a sign for this long is stuck."""


class _Drawing:
    """An output and what draws it."""

    def __init__(self, order: OutputOrder) -> None:
        self.writer = FrameWriter(attach(order.segment), order.generation)
        self.scaler = Scaler(order.crop)
        self.about: About | None = None
        """What its header says of the stream."""


class _Showing:
    """What is computed of one opening, by the threads of `computing`."""

    def __init__(self, stream: StreamDecoder, source: Source) -> None:
        self._stream, self._source = stream, source
        self._first, self._left_out, self._look_again = True, LeftOut(), True
        self._before_bad = stream._bad

    def take(self, what: tuple[Arrival, int]) -> None:
        """What came, and when. Decoding and drawing are one piece: the caches of a frame are warm until it is drawn."""
        came, came_ns = what
        stream, source = self._stream, self._source
        if stream._stop.is_set():
            return
        if self._left_out != stream._left_out:
            self._left_out = stream._left_out
            source.leave_out(self._left_out)
        if isinstance(came, np.ndarray):
            shots: Sequence[Shot] = (came,)
        else:
            stream._meter.take(came.size, came_ns)
            shots = source.decode(came)
            self._look_again |= came.is_keyframe
            if shots and self._look_again:
                stream._aspect = source.pixel_aspect  # certain only from the first decoded picture on
                self._look_again = False
            stream._bad = self._before_bad + source.bad
        with stream._lock:
            for shot in shots:
                stream._take(shot, came_ns, first=self._first)
                self._first = False
            if shots and 0 < stream._interval_ns < time.monotonic_ns() - came_ns - _BEAT_NS:
                stream._late += len(shots)


class StreamDecoder:
    """Decodes one stream until `stop`. `set_outputs` may be called from another thread at any time."""

    def __init__(self, order: StreamOrder, gate: OpeningGate, computing: Computing) -> None:
        self._computing = computing
        self._stop = threading.Event()
        self._camera_id = order.camera_id
        self._gate = gate
        self._backoff = Backoff()
        self._lock = threading.Lock()  # guards all below; held while a frame is drawn
        self._drawings: dict[OutputOrder, _Drawing] = {}
        self._last: Shot | None = None
        self._aspect = 1.0
        self._past: Past | None = None
        self._when = (0, 0)
        self._stamp_ns = 0
        self._interval_ns = 0
        self._received = 0
        self._reconnects = 0
        self._bad = 0
        self._late = 0
        self._smoothed = True
        self._by = By()
        self._left_out = order.left_out
        self._drawn_ns = 0
        """Arrival of the picture that was drawn last."""
        self._since_drawn = 0
        """Pictures that came after it."""
        self._meter = Meter()
        self._ring_place = (order.ring, order.ring_generation)
        self._ring: RingWriter | None = None  # of the stream's thread alone
        self._kept_in = ("", 0)
        self._health = Health()
        self._raised: tuple[Raised, ...] = ()
        self._said = (PictureState.CONNECTING, "")
        self._sign = time.monotonic()
        self._wake = threading.Event()
        self.set_outputs(order.outputs)
        # A new worker goes on counting where the dead one stopped.
        writers = [d.writer for d in self._drawings.values()]
        self._reconnects = max((w.reconnects for w in writers), default=0)
        self._received = max((w.received for w in writers), default=0)
        self._bad = max((w.bad for w in writers), default=0)
        self._late = max((w.late for w in writers), default=0)
        resume_ns = max((w.shown_mono_ns for w in writers), default=0)
        resume_utc_ns = max((w.shown_ns for w in writers), default=0)
        address = Address(order.uri, order.user, order.password, order.path, self._stop, resume_ns, resume_utc_ns)
        self._address = address
        self._thread = threading.Thread(target=self._run, name=f"stream {order.camera_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; returns at once. It lets go of the camera within the read timeout."""
        self._stop.set()
        self._wake.set()

    def retry_now(self) -> None:
        """Do not wait any longer (the scene has been drawn, the network is back)."""
        self._wake.set()

    @property
    def hung(self) -> bool:
        """True: stuck in a call that should have ended long ago."""
        return self._thread.is_alive() and time.monotonic() - self._sign > HUNG_S

    def set_outputs(self, orders: tuple[OutputOrder, ...]) -> None:
        """Draw these outputs from now on. A new one gets the last picture at once, with its true age."""
        with self._lock:
            before = self._drawings
            self._drawings = {}
            for order in orders:
                drawing = before.get(order)
                if drawing is None:
                    try:
                        drawing = _Drawing(order)
                    except (OSError, BadFrameHeader) as error:
                        log.warning("an output of camera %s cannot be drawn: %s", self._camera_id, error)
                        continue
                    drawing.writer.say(*self._said, self._reconnects)
                    drawing.writer.say_health(self._raised)
                    if self._last is not None:
                        self._draw(drawing, self._last)
                        drawing.writer.say(*self._said, self._reconnects)
                self._drawings[order] = drawing

    def set_ring(self, name: str, generation: int) -> None:
        """Keep the packets there from the next key frame on; empty: nowhere."""
        with self._lock:
            self._ring_place = (name, generation)

    def leave_out(self, what: LeftOut) -> None:
        """From the next packet on; any thread. The stream stays open."""
        self._left_out = what

    def _keep(self, packet: Compressed, codec: Codec, now_ns: int) -> None:
        """Into the ring, in some microseconds, whatever becomes of the picture. A ring is no reason to lose one."""
        place = self._ring_place
        if self._kept_in != place:
            self._kept_in, self._ring = place, None
            if place[0]:
                try:
                    self._ring = RingWriter(*place)
                    self._ring.begin(codec)
                except (OSError, BadRing) as error:
                    log.warning("packets of camera %s are not kept: %s", self._camera_id, error)
        if self._ring is not None and packet.size:
            pts, dts = times_of(packet)
            self._ring.put(memoryview(packet), pts, dts, packet.is_keyframe, now_ns, time.time_ns())

    def _draw(self, drawing: _Drawing, shot: Shot) -> None:
        writer = drawing.writer
        colours = drawing.scaler.draw(shot, writer.begin(), self._aspect)
        about = self._about(shot)
        if about != drawing.about:
            drawing.about = about
            writer.say_about(about)
        if self._past is not None:
            writer.say_when(*self._when)
        writer.publish(self._stamp_ns, self._drawn_interval_ns(), self._received, colours)

    def _about(self, shot: Shot) -> About:
        by = self._by
        return About(
            size_of(shot), self._smoothed, self._meter.bits_per_s, self._bad, self._late, by.decoding, by.device
        )

    def _drawn_interval_ns(self) -> int:
        """Usual time between two pictures that are drawn."""
        return max(self._interval_ns, min(self._interval_ns * self._left_out.draw_every, _DRAW_AT_LEAST_NS))

    def _say(self, state: PictureState, reason: str = "") -> None:
        with self._lock:
            self._said = (state, reason)
            for drawing in self._drawings.values():
                drawing.writer.say(state, reason, self._reconnects)

    def _run(self) -> None:
        while not self._stop.is_set():
            opened = time.monotonic()
            try:
                self._session()
                if self._past is not None and not self._stop.is_set():  # stopped is no end: another may go on there
                    self._rest()
                    return
                wait_s = self._after_loss(opened, "the camera ended the stream")
            except NotYet:
                self._say(PictureState.CONNECTING)
                wait_s = NOT_YET_S
            except Refused as fault:
                self._say(PictureState.REFUSED, str(fault))
                wait_s = self._backoff.after_refusal()
            except NotASource as fault:
                self._say(PictureState.NO_SOURCE, str(fault))
                wait_s = self._backoff.after_no_source()
            except SourceFault as fault:
                wait_s = self._after_loss(opened, str(fault))
            except Exception:
                # Ours, not the camera's: reported in full, and this stream alone waits.
                log.exception("the decoder of camera %s failed", self._camera_id)
                wait_s = self._after_loss(opened, "the decoder failed")
            self._pause(wait_s)

    def _rest(self) -> None:
        """The past has been shown. What is there stays, for outputs that come later too, until nobody wants it."""
        self._say(PictureState.ENDED)
        self._sign = math.inf
        self._stop.wait()

    def _after_loss(self, opened: float, reason: str) -> float:
        if not self._stop.is_set():
            self._reconnects += 1
            self._say(PictureState.CONNECTING, reason)
        return self._backoff.after_loss(max(0.0, self._stamp_ns / 1e9 - opened))

    def _pause(self, wait_s: float) -> None:
        self._sign = time.monotonic() + wait_s
        self._wake.wait(wait_s)
        self._wake.clear()
        self._sign = time.monotonic()

    def _session(self) -> None:
        """One opening until the stream ends."""
        source = self._open()
        try:
            self._aspect = source.pixel_aspect
            self._smoothed = source.codec is not None and source.codec.name in SMOOTHED
            self._past = source if isinstance(source, Past) else None
            self._by = source.by if isinstance(source, Accelerated) else By()
            self._interval_ns = int(1e9 / source.fps) if source.fps > 0 else self._interval_ns
            self._say(PictureState.WAITING_KEY)
            self._show(source)
        finally:
            # A camera that is away must not hold memory that the pool has taken.
            self._ring, self._kept_in = None, ("", 0)
            source.close()

    def _open(self) -> Source:
        spec = spec_of(self._address.uri)
        if not spec.network:
            return spec.open(self._address)
        me = threading.get_ident()
        self._gate.enter(me, self._stop)
        try:
            self._sign = time.monotonic()
            return spec.open(self._address)
        finally:
            self._gate.leave(me)

    def _show(self, source: Source) -> None:
        """What comes is kept at once, and computed by others; never more than some packets later."""
        codec, past = source.codec, isinstance(source, Past)
        lane = self._computing.lane(_Showing(self, source).take)
        try:
            for came in source.arrivals():
                came_ns = time.monotonic_ns()
                self._sign = came_ns / 1e9
                if self._stop.is_set():
                    break
                drawn = isinstance(came, np.ndarray)
                if not isinstance(came, np.ndarray) and codec is not None:
                    self._keep(came, codec, came_ns)
                lane.put((came, came_ns))
                # What it has drawn it may draw over; a file begins again with the same decoder; the past counts on
                # being decoded before it goes on.
                if past or drawn or not came.size:
                    lane.wait()
            lane.wait()
        finally:
            lane.rest()

    def _take(self, shot: Shot, came_ns: int, *, first: bool) -> None:
        """A new picture, `first` of this opening. Under the lock."""
        gap_ns = came_ns - self._stamp_ns
        if first:
            self._said = (PictureState.LIVE if self._past is None else PictureState.REPLAY, "")
            for drawing in self._drawings.values():
                drawing.writer.say(*self._said, self._reconnects)
        elif gap_ns < _LONGEST_GAP_NS:
            self._interval_ns += (gap_ns - self._interval_ns) >> 4 if self._interval_ns else gap_ns
        self._stamp_ns = came_ns
        self._received += 1
        self._last = shot
        if self._past is not None and not isinstance(shot, np.ndarray):
            self._when = self._past.when(shot)
        self._since_drawn += 1
        every = self._left_out.draw_every
        if first or self._since_drawn >= every or came_ns - self._drawn_ns >= _DRAW_AT_LEAST_NS:
            self._since_drawn, self._drawn_ns = 0, came_ns
            for drawing in self._drawings.values():
                self._draw(drawing, shot)
        if self._past is None:  # what was wrong then is no news
            self._look(shot, came_ns)

    def _look(self, shot: Shot, came_ns: int) -> None:
        """What is wrong with it. Under the lock, and after it is drawn: its luma is still in the caches."""
        key = isinstance(shot, np.ndarray) or shot.key_frame
        changed = self._health.frame(sample_of(shot), key, came_ns)
        if self._health.wants_view(came_ns):
            changed |= self._health.view(view_of(shot), came_ns)
        if changed:
            self._raised = self._health.raised
            for drawing in self._drawings.values():
                drawing.writer.say_health(self._raised)
