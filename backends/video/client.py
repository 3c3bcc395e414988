"""The GUI's end of the pictures: the `PictureSource` of ports.py over the broker's shared memory.

A thread keeps the connection, sends demands and attaches memory; it then swaps in one new dictionary. What
the GUI thread calls reads that dictionary and shared memory, without a lock or a system call. Must not:
import Qt, or keep the GUI thread waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection

import msgspec

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.picture import Apart
from backends.domain.replay import is_past, is_replay, kept_name, replay_of
from backends.domain.stream_choice import LeftOut, Seen
from backends.video.channel import Stopper
from backends.video.frames import LOST_S, BadFrameHeader, FrameReader, PinnedFrame
from backends.video.plan import StreamKey
from backends.video.segment import attach
from backends.video.wire import Asked, AskHeld, Busy, Held, KeepClip, Reduced, Told, Wanted, encode, told_decoder

log = logging.getLogger(__name__)

_RETRY_S = 0.5
_BUSY_OLD_S = 3.0
"""What the broker said of the load is of no use after this; it says it once a second."""
_HELD_EVERY_S = 1.0
_MOST_KEEPS = 32
"""Orders that wait for the broker; the oldest is forgotten first."""
_HELD_OLD_S = 3.0
"""An older answer is of a time when nobody looked."""


class PictureClient:
    """Pictures of cameras for one GUI process. All public methods: GUI thread only, none blocks."""

    def __init__(self, address: str, authkey: bytes) -> None:
        self._address = address
        self._authkey = authkey
        self._readers: dict[Demand, FrameReader] = {}
        self._standins: dict[Demand, FrameReader] = {}  # of the GUI thread
        self._refused: dict[Demand, str] = {}
        self._apart: dict[Demand, Apart] = {}
        self._attached: dict[tuple[str, int], FrameReader] = {}  # of the receiving thread
        self._since: dict[Demand, float] = {}
        self._wanted: frozenset[Demand] = frozenset()
        self._reduced: tuple[Reduced, ...] = ()
        self._busy: tuple[float, float] | None = None
        """Share of the processor, and when it was said."""
        self._counted: dict[FrameReader, tuple[int, int]] = {}
        """Frames received and late ones at the last look; of the GUI thread."""
        self._sent: dict[int, tuple[Demand, ...]] = {}
        self._sent_to: tuple[Connection | None, int] = (None, 0)
        self._held: tuple[float, dict[tuple[str, str], float]] = (0.0, {})
        self._held_wanted = 0.0  # when somebody looked last
        self._held_asked = 0.0
        self._keeps: deque[KeepClip] = deque(maxlen=_MOST_KEEPS)
        self._number = 0
        self._change = threading.Condition()
        self._connection: Connection | None = None
        self._closed = False
        self._stopper = Stopper()
        self._reason = ""
        self._threads = [
            threading.Thread(target=self._receive, name="pictures receive", daemon=True),
            threading.Thread(target=self._send, name="pictures send", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def demand(self, wanted: frozenset[Demand]) -> None:
        """All that is shown now, over all windows."""
        with self._change:
            if wanted == self._wanted:
                return
            now = time.monotonic()
            self._since = {demand: self._since.get(demand, now) for demand in wanted}
            # To pause and to go on is the same output: its picture stays meanwhile.
            for one in wanted - self._readers.keys():
                other = msgspec.structs.replace(one, held=not one.held)
                if is_past(one.uri) and other in self._readers:
                    self._readers = {**self._readers, one: self._readers[other]}
            self._stand_in(wanted)
            self._wanted = wanted
            self._number += 1
            self._change.notify_all()

    def sequence(self, demand: Demand) -> int:
        """Sequence of the newest picture, 0 = none yet."""
        reader = self._readers.get(demand)
        if reader is not None and (sequence := reader.sequence()):
            if self._standins:
                self._standins.pop(demand, None)
            return sequence
        standin = self._standin(demand)
        return standin.sequence() if standin is not None else 0

    @contextmanager
    def pin(self, demand: Demand) -> Iterator[PinnedFrame | None]:
        """The newest picture; its size may differ from the demand (shared or older output): scale it.

        Read its sequence after the `with`: 0 = it was overwritten meanwhile, paint again.
        """
        reader = self._readers.get(demand)
        if reader is None or not reader.sequence():
            reader = self._standin(demand)
        if reader is None:
            yield None
            return
        pinned = reader.pin()
        try:
            yield pinned
        finally:
            if not reader.unpin(pinned) and pinned is not None:
                pinned.sequence = 0  # torn under the painter: so it is still new, and painted again

    def status(self, demand: Demand) -> PictureStatus:
        """What to say on the tile. The age is reckoned here and now."""
        reader = self._readers.get(demand)
        if reader is not None:
            status = reader.status()
            apart = self._apart.get(demand)
            return status if apart is None else msgspec.structs.replace(status, apart=apart)
        age_s = time.monotonic() - self._since.get(demand, time.monotonic())
        reason = self._refused.get(demand, "") or self._reason
        state = PictureState.LOST if reason and age_s >= LOST_S else PictureState.CONNECTING
        if reason and (is_replay(demand.uri) or is_past(demand.uri)):
            state = PictureState.NO_SOURCE  # nobody waits for the past
        return PictureStatus(state=state, age_s=age_s, reason=reason)

    def source_size(self, demand: Demand) -> tuple[int, int]:
        """Width and height of the decoded picture before scaling; (0, 0) = not known yet."""
        reader = self._readers.get(demand)
        return reader.source_size() if reader is not None else (0, 0)

    def seen(self, demand: Demand) -> Seen:
        """What has come of its own output: a stand-in does not count, a switch waits for this picture."""
        reader = self._readers.get(demand)
        if reader is None:
            return Seen(refused=demand in self._refused)
        width, height = reader.source_size()
        return Seen(reader.age_s() if reader.sequence() else None, width, height, smoothed=reader.smoothed)

    def leave_out(self, left_out: Mapping[StreamKey, LeftOut]) -> None:
        """From now on, of these streams; of all others nothing. No stream is opened afresh for it."""
        with self._change:
            self._reduced = tuple(Reduced(key.camera_id, key.uri, one) for key, one in sorted(left_out.items()))
            self._number += 1
            self._change.notify_all()

    def decoding(self) -> tuple[float, float] | None:
        """(share of late frames since the last call, share of the processor); None: the broker has not said it."""
        readers = set(self._readers.values())
        counted = {reader: reader.counts() for reader in readers}
        before, self._counted = self._counted, counted
        came = late = 0
        for reader, now in counted.items():
            then = before.get(reader, now)
            if not then[0]:
                continue  # its first picture brings the counts of the whole stream along
            came, late = came + max(0, now[0] - then[0]), late + max(0, now[1] - then[1])
        busy = self._busy
        if busy is None or time.monotonic() - busy[1] > _BUSY_OLD_S:
            return None
        return min(1.0, late / came) if came else 0.0, busy[0]

    def held_s(self, demand: Demand) -> float:
        """Seconds of its stream that can be shown again, as of the last second or two; 0 = none, or not known yet.

        Asked of the broker while somebody looks, once a second at most.
        """
        with self._change:
            self._held_wanted = now = time.monotonic()
            if self._held_due():
                self._change.notify_all()
        said, held = self._held
        replay = replay_of(demand.uri)
        stream = demand.camera_id, replay.live if replay is not None else demand.uri
        return held.get(stream, 0.0) if now - said < _HELD_OLD_S else 0.0

    def keep_clip(self, name: str, demand: Demand, from_ns: int, until_ns: int) -> None:
        """Have the seconds of its stream between these times (monotonic) kept as a file of that name."""
        with self._change:
            self._keeps.append(KeepClip(name, demand.camera_id, demand.uri, from_ns, until_ns))
            self._change.notify_all()

    def close(self) -> None:
        """End the threads. Pictures that are already attached stay readable."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._stopper.stop()
        for thread in self._threads:
            thread.join(2.0)

    def _standin(self, demand: Demand) -> FrameReader | None:
        """A lost picture stands in for nothing: over it the tile would say that the new one is being fetched."""
        reader = self._standins.get(demand)
        return reader if reader is not None and reader.age_s() < LOST_S else None

    def _stand_in(self, wanted: frozenset[Demand]) -> None:
        """A tile that changes its size shows the old picture until the new one is there. Under the lock."""
        shown = pictures_of(self._wanted, self._readers, self._standins)
        old = {demand: reader for demand, reader in shown.items() if reader.age_s() < LOST_S}
        self._standins = {
            demand: old[other]
            for demand in wanted
            if demand not in self._readers and (other := stand_in(demand, old)) is not None
        }

    def _send(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(self._something_to_send)
                if self._closed:
                    return
                connection, number = self._connection, self._number
                message: Asked = AskHeld()
                if self._sent_to == (connection, number) and self._keeps:
                    message = self._keeps.popleft()
                elif self._sent_to == (connection, number):
                    self._held_asked = time.monotonic()
                else:
                    demands, reduced = tuple(self._wanted), self._reduced
                    self._sent = {number: demands}
                    self._sent_to = (connection, number)
                    message = Wanted(number, demands, reduced)
            assert connection is not None
            try:
                connection.send_bytes(encode(message))
            except (OSError, ValueError):
                log.info("demands could not be sent; the broker is gone, and gets them when it is back")

    def _something_to_send(self) -> bool:
        if self._closed or self._connection is None:
            return self._closed
        return self._sent_to != (self._connection, self._number) or bool(self._keeps) or self._held_due()

    def _held_due(self) -> bool:
        return self._held_wanted - self._held_asked >= _HELD_EVERY_S

    def _receive(self) -> None:
        try:
            from backends.video.swscale import prepare  # loads FFmpeg, 0.3 s: here nobody waits for it

            prepare()
        except Exception:  # whatever a broken installation raises; no picture could be painted
            log.exception("FFmpeg, which makes the colours of pictures, cannot be used")
            self._reason = "FFmpeg cannot be used on this machine: see the log, and ioc-console doctor"
            return
        while not self._closed:
            try:
                connection = Client(self._address, authkey=self._authkey)
            except (OSError, EOFError, AuthenticationError):
                self._reason = "the decoder processes are not running"
                with self._change:
                    self._change.wait_for(lambda: self._closed, _RETRY_S)
                continue
            self._reason = ""
            with self._change:
                self._connection = connection
                self._change.notify_all()
            try:
                while (message := self._stopper.receive(connection)) is not None:
                    self._take(told_decoder.decode(message))
            except (OSError, EOFError, msgspec.DecodeError):
                if not self._closed:
                    log.info("the connection to the picture broker is lost; pictures that still come are shown")
            finally:
                with self._change:
                    self._connection = None
                connection.close()

    def _take(self, answer: Told) -> None:
        if isinstance(answer, Held):
            held = {(stream.camera_id, stream.uri): stream.held_s for stream in answer.streams}
            self._held = (time.monotonic(), held)
            return
        if isinstance(answer, Busy):
            self._busy = (answer.cpu_share, time.monotonic())
            return
        with self._change:
            demands = self._sent.get(answer.number)
        if demands is None:
            return  # a newer demand is already on its way
        self._apart = {demands[given.demand]: given.apart for given in answer.outputs if given.apart is not None}
        readers: dict[Demand, FrameReader] = {}
        refused: dict[Demand, str] = {}
        attached: dict[tuple[str, int], FrameReader] = {}
        for given in answer.outputs:
            demand = demands[given.demand]
            if not given.segment:
                refused[demand] = given.refused
                continue
            key = (given.segment, given.generation)
            try:
                attached[key] = readers[demand] = (
                    attached.get(key) or self._attached.get(key) or FrameReader(attach(given.segment), given.generation)
                )
            except (OSError, BadFrameHeader) as error:
                log.warning("a picture of camera %s cannot be read: %s", demand.camera_id, error)
                refused[demand] = "its picture memory cannot be read"
        self._attached = attached
        self._publish(readers, refused)

    def _publish(self, readers: Mapping[Demand, FrameReader], refused: Mapping[Demand, str]) -> None:
        with self._change:
            # Old ones stay readable until their tiles are gone.
            self._readers = {**{d: r for d, r in self._readers.items() if d in self._wanted}, **readers}
            self._refused = dict(refused)


def stand_in(demand: Demand, old: Iterable[Demand]) -> Demand | None:
    """Which of the old pictures is shown until its own is there. While a camera switches there are two: the stream
    that it is of, before the other."""
    same = [
        other
        for other in old
        if (other.camera_id, other.crop) == (demand.camera_id, demand.crop)
        # What was must never be taken for what is, nor what is for what a recorder kept.
        and (is_replay(demand.uri) or not is_replay(other.uri))
        and is_past(demand.uri) is is_past(other.uri)
        and kept_name(demand.uri) == kept_name(other.uri)
    ]
    return min(same, key=lambda other: (other.uri != demand.uri, -other.width * other.height), default=None)


def pictures_of(
    demands: Iterable[Demand], readers: Mapping[Demand, FrameReader], standins: Mapping[Demand, FrameReader]
) -> dict[Demand, FrameReader]:
    """What is on the screen of each: its own picture, else its stand-in. An output that has no picture yet is no
    reason to let go of what stands in for it: a tile that is being dragged would go black."""
    found = {}
    for demand in demands:
        for reader in (readers.get(demand), standins.get(demand)):
            if reader is not None and reader.sequence():
                found[demand] = reader
                break
    return found
