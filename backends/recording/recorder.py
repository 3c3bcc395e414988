"""The recorder: decides when a recording begins and ends, and fills it from the feeds and from the packet rings.

Something is recorded while there is a reason: a person's key, a rule (an urgent alarm that nobody has closed yet), or a
schedule. It begins some time before its reason: feeds are remembered for that long, pictures are still in the rings.
`take` and the like never wait and may be called by any thread; one thread turns (`run`), and only it touches files.
When more comes than the disk takes, measurements are given up first and counted; alarms, reports and acts never are.
Must not: hold up whoever gives it something, decode, or know where packets lie (`Sources` does).
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from backends.domain.action import new_aid
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FEEDS
from backends.domain.times import NS_PER_S
from backends.protocol.codec import BadMessage, decode_body
from backends.protocol.messages import Envelope
from backends.recording.preroll import PreRoll
from backends.recording.topics import About, Acted, LayoutShown
from backends.recording.writer import Coded, End, RecordingWriter

log = logging.getLogger(__name__)

TURN_S = 0.2
FLUSH_NS, SYNC_NS, SNAPSHOT_NS = NS_PER_S, 5 * NS_PER_S, 15 * NS_PER_S
"""Between two flushes (what a kill may cost), writes to the platter (what a power cut may cost), and snapshots (how far
a seek has to roll)."""
QUEUE_BYTES = 64 << 20
"""Of what waits to be written. The bound of PlotJuggler's recorder."""
TURN_BYTES = 32 << 20
"""Of pictures in one turn: while a pre-roll is copied, records go on being taken."""
KEY, RULE = "key", "rule"


class Codec(Protocol):
    """`backends.video.ring_layout.Codec`, as far as it is needed here."""

    @property
    def name(self) -> str: ...
    @property
    def extradata(self) -> bytes: ...


class Received(Protocol):
    """`RingPacket`, as far as it is needed here; times monotonic."""

    @property
    def sequence(self) -> int: ...
    @property
    def mono_ns(self) -> int: ...
    @property
    def pts(self) -> int: ...
    @property
    def key(self) -> bool: ...
    @property
    def data(self) -> bytes: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def gap(self) -> bool: ...


class Source(Protocol):
    """Where one camera's packets are read (`RingReader`)."""

    def seek(self, mono_ns: int) -> int | None: ...
    def after(self, sequence: int) -> Received | None: ...


Sources = Callable[[], Mapping[str, Source]]
"""Cameras that are to be recorded now: those that are shown, and those of the alarms."""


class Rules(msgspec.Struct, frozen=True):
    """When is recorded without a key, and how much. A city's to choose."""

    priorities: tuple[Priority, ...] = (Priority.URGENT,)
    """Alarms of these begin a recording and keep it going while they are neither acknowledged nor gone."""
    pre_s: float = 60.0
    post_s: float = 120.0
    """After the last reason has gone."""
    longest_s: float = 3600.0
    """Of one recording; then the next one goes on."""


class Status(msgspec.Struct, frozen=True):
    """What the screen says of it."""

    recording: bool = False
    folder: str = ""
    reasons: tuple[str, ...] = ()
    t_start_ns: int = 0
    dropped: int = 0
    trouble: str = ""
    """Why nothing can be recorded, or the last one was cut off, in words of the system."""


class _Taken(msgspec.Struct, frozen=True):
    content: Envelope | Acted | LayoutShown
    t_ns: int
    size: int


class _Running:
    """One recording that is being written."""

    def __init__(self, writer: RecordingWriter, now_ns: int, mono_from_ns: int) -> None:
        self.writer = writer
        self.t_start_ns = now_ns
        self.mono_from_ns = mono_from_ns
        """From when on pictures belong to it."""
        self.cursors: dict[str, tuple[Source, int]] = {}
        self.needed_ns = now_ns
        """When there was a reason last."""
        self.flushed_ns = self.synced_ns = self.snapshot_ns = now_ns


class Recorder:
    """One station's. `take`, `acted`, `layout`, `begin`, `end`, `status`: any thread; `run` or `turn`: one thread."""

    def __init__(
        self, folder: Path, rules: Rules, sources: Sources, now_ns: Callable[[], int], mono_ns: Callable[[], int],
        *, site: str = "", mode: str = "", station: str = "",
    ) -> None:  # fmt: skip
        """`now_ns`: session time. Recordings become folders of `folder`."""
        self._folder, self._rules, self._sources = folder, rules, sources
        self._now_ns, self._mono_ns = now_ns, mono_ns
        self._about = site, mode, station
        self._lock = threading.Lock()
        self._queue: deque[_Taken] = deque()
        self._waiting = 0
        self._dropped: Counter[str] = Counter()
        self._orders: set[str] = set()
        """Reasons that people gave."""
        self._before = PreRoll(int(rules.pre_s * NS_PER_S))
        self._alarms: dict[str, str] = {}
        """Alarm -> its name: the reasons by rule."""
        self._running: _Running | None = None
        self._trouble = ""
        self.status = Status()
        """Swapped as a whole."""

    # --- any thread ------------------------------------------------------------------------------

    def take(self, envelope: Envelope, t_ns: int) -> None:
        """A record of a feed, as it was committed; session time of receipt."""
        self._put(_Taken(envelope, t_ns, len(bytes(envelope.body)) + 200))

    def acted(self, acted: Acted) -> None:
        self._put(_Taken(acted, acted.t_ns, 500))

    def layout(self, shown: LayoutShown) -> None:
        self._put(_Taken(shown, shown.t_ns, 200))

    def _put(self, taken: _Taken) -> None:
        with self._lock:
            if self._waiting + taken.size > QUEUE_BYTES and not self._precious(taken.content):
                self._dropped[taken.content.feed if isinstance(taken.content, Envelope) else "other"] += 1
                return
            self._queue.append(taken)
            self._waiting += taken.size

    @staticmethod
    def _precious(content: Envelope | Acted | LayoutShown) -> bool:
        return not isinstance(content, Envelope) or ((spec := FEEDS.get(content.feed)) is not None and spec.precious)

    def begin(self, why: str) -> None:
        """A person's order, or a schedule's; `why` names it in the recording."""
        with self._lock:
            self._orders.add(why)

    def end(self, why: str) -> None:
        """That reason has gone. The recording ends `post_s` later, or when the others have gone too."""
        with self._lock:
            self._orders.discard(why)

    # --- the recorder's thread -------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then what runs is closed."""
        while not stop.wait(TURN_S):
            self.turn()
        self.close()

    def close(self) -> None:
        """The last turn; what runs is closed."""
        self.turn()
        self._close("stopped")

    def turn(self) -> None:
        """Everything that has come, into the file or the pre-roll. Raises nothing: troubles stand in `status`."""
        with self._lock:
            taken, self._queue, self._waiting = self._queue, deque(), 0
            reasons = tuple(sorted(self._orders))
        try:
            for one in taken:
                self._keep(one)
            now_ns = self._now_ns()
            reasons += tuple(self._alarms.values())
            self._decide(reasons, now_ns)
            if self._running is not None:
                self._pictures(self._running)
                self._write(self._running, now_ns)
        except OSError as error:
            self._give_up(str(error))
        self._tell(reasons)

    def _keep(self, one: _Taken) -> None:
        content = one.content
        if isinstance(content, Envelope):
            if content.feed == "alarms":
                self._judge(content)
            if self._running is None:
                self._before.take(content, one.t_ns)
            else:
                self._running.writer.record(content, one.t_ns)
        elif self._running is not None and isinstance(content, Acted):
            self._running.writer.acted(content)
        elif self._running is not None and isinstance(content, LayoutShown):
            self._running.writer.layout(content)

    def _judge(self, envelope: Envelope) -> None:
        """Is this alarm a reason?"""
        alarm: Alarm | None = None
        if envelope.type == "put":
            try:
                alarm = decode_body("alarms", bytes(envelope.body))
            except BadMessage:
                return
        open_ = alarm is not None and alarm.state in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)
        if alarm is not None and open_ and alarm.priority in self._rules.priorities:
            self._alarms[envelope.id] = f"alarm {envelope.id}"
        else:
            self._alarms.pop(envelope.id, None)

    def _decide(self, reasons: tuple[str, ...], now_ns: int) -> None:
        running = self._running
        if running is None:
            if reasons:
                self._running = self._open(reasons[0], now_ns)
            return
        if reasons:
            running.needed_ns = now_ns
        over = now_ns - running.needed_ns > self._rules.post_s * NS_PER_S
        if over or now_ns - running.t_start_ns > self._rules.longest_s * NS_PER_S:
            state = running.writer.state
            self._close("stopped")
            self._before = PreRoll(int(self._rules.pre_s * NS_PER_S), state)
            if not over:
                self._running = self._open(reasons[0] if reasons else "continued", now_ns)

    def _open(self, reason: str, now_ns: int) -> _Running:
        """Raises OSError."""
        t_from_ns, state, records = self._before.since(now_ns)
        mono_from_ns = self._mono_ns() - (now_ns - t_from_ns)
        site, mode, station = self._about
        capture = new_aid()
        stamp = datetime.fromtimestamp(t_from_ns / NS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
        about = About(capture, site, mode, station, reason, t_from_ns)
        writer = RecordingWriter(self._folder / f"{stamp}_{capture[-8:]}", about)
        self._trouble = ""
        self._dropped.clear()
        writer.state = state
        writer.snapshot(t_from_ns)
        for envelope, t_ns in records:
            writer.record(envelope, t_ns)
        return _Running(writer, now_ns, mono_from_ns)

    # --- pictures --------------------------------------------------------------------------------

    def _pictures(self, running: _Running) -> None:
        """All packets that the rings have and the file has not, TURN_BYTES at most, in the order of their times."""
        now_ns, mono_ns = self._now_ns(), self._mono_ns()
        sources = self._sources()
        for camera in running.cursors.keys() - sources.keys():
            del running.cursors[camera]
            running.writer.broken(camera)
        for camera, source in sources.items():
            known = running.cursors.get(camera)
            if known is None or known[0] is not source:
                start = source.seek(running.mono_from_ns if known is None else mono_ns)
                if start is None:
                    continue
                running.cursors[camera] = source, start
        streams = [_stream(camera, *at) for camera, at in running.cursors.items()]
        budget = TURN_BYTES
        for _, camera, packet in heapq.merge(*streams, key=lambda one: one[0]):
            source, before = running.cursors[camera]
            running.cursors[camera] = source, packet.sequence
            if packet.gap and before:
                self._dropped["gaps"] += running.writer.broken(camera)
            t_ns = now_ns - (mono_ns - packet.mono_ns)
            codec = packet.codec
            coded = Coded(camera, t_ns, codec.name, codec.extradata, packet.data, packet.key, packet.pts)
            running.writer.picture(coded)
            budget -= len(packet.data)
            if budget < 0:
                return

    # --- the file --------------------------------------------------------------------------------

    def _write(self, running: _Running, now_ns: int) -> None:
        """Raises OSError."""
        if now_ns - running.snapshot_ns >= SNAPSHOT_NS:
            running.snapshot_ns = now_ns
            running.writer.snapshot(now_ns)
        if now_ns - running.flushed_ns >= FLUSH_NS:
            running.flushed_ns = now_ns
            running.writer.flush()
        if now_ns - running.synced_ns >= SYNC_NS:
            running.synced_ns = now_ns
            running.writer.sync()

    def _close(self, end: End) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        try:
            running.writer.close(end, dict(self._dropped))
        except OSError as error:
            self._trouble = str(error)
            log.error("recording %s is not closed: %s", running.writer.folder.name, error)

    def _give_up(self, why: str) -> None:
        """The disk takes nothing more: what is in the file stays readable; nothing more is tried until the reasons of
        now have gone, or another comes."""
        self._trouble = why
        log.error("nothing can be recorded: %s", why)
        running, self._running = self._running, None
        if running is not None:
            running.writer.abandon()
            self._before = PreRoll(int(self._rules.pre_s * NS_PER_S), running.writer.state)
        self._alarms.clear()
        with self._lock:
            self._orders.clear()

    def _tell(self, reasons: tuple[str, ...]) -> None:
        running = self._running
        self.status = Status(
            running is not None, running.writer.folder.name if running is not None else "", reasons,
            running.t_start_ns if running is not None else 0, sum(self._dropped.values()), self._trouble,
        )  # fmt: skip


def _stream(camera: str, source: Source, sequence: int) -> Iterator[tuple[int, str, Received]]:
    while (packet := source.after(sequence)) is not None:
        yield packet.mono_ns, camera, packet
        sequence = packet.sequence
