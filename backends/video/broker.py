"""The supervisor's part of the pictures: owns all shared memory, keeps the workers, answers the GUI.

In order: the GUI sends all that it shows (`Wanted`); `plan` says which outputs that needs; their memory is
made; the streams are spread over the workers; the GUI is told where its pictures are (`Assigned`). What is
no longer wanted lingers for a second, so that a change of layout reconnects nothing that stays.

Threads: one that cares, those of the door, two for each worker. Must not: import Qt, touch a pixel, or send a
password anywhere but into a worker's stdin, for a place that it is meant for.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from backends.domain.camera import PictureState
from backends.domain.picture import Apart
from backends.domain.replay import MOST_PAST, TOO_MANY_PAST, is_past, is_replay, kept_name, past_key, replay_of
from backends.domain.stream_choice import LeftOut
from backends.video.clip_keeper import ClipKeeper
from backends.video.crew import Crewman, WorkerEnded
from backends.video.door import Door, Seat
from backends.video.frames import FrameReader, format_segment, segment_size
from backends.video.isolation import Isolation
from backends.video.places import place_of
from backends.video.plan import OutputKey, StreamKey, outputs_for, spread
from backends.video.ring_layout import NOTHING_KEPT, ring_path
from backends.video.ring_pool import BUDGET, RingPool
from backends.video.segment import NoPictureMemory, Segments, free_bytes
from backends.video.wire import (
    Asked,
    AskHeld,
    Assigned,
    Assignment,
    Busy,
    Held,
    HeldStream,
    KeepClip,
    Orders,
    OutputOrder,
    StreamOrder,
    Wanted,
)

log = logging.getLogger(__name__)

LINGER_S = 1.0
"""What nobody wants any more is decoded for this long."""
GUI_GONE_S = 10.0
"""After the GUI has gone its demands stay for this long: a restarted GUI finds its pictures moving."""
_CARE_S = 0.5
_BUSY_S = 1.0


@dataclass(frozen=True)
class Credentials:
    """How a camera, or the past of one, is opened."""

    user: str = ""
    password: str = field(default="", repr=False)
    places: frozenset[str] = frozenset()
    """Where they may go (`place_of`), whatever address a screen names for that camera."""


class BrokerSettings(msgspec.Struct, frozen=True):
    """What the supervisor may set."""

    workers: int = 0
    """Decoder processes; 0 = as many as cores, 4 at most."""
    scene_dir: str = ""
    """Where `scene:068` looks for `068.mp4`, unless `scenes` names a file."""
    scenes: dict[str, str] = {}
    """Number of a scene -> file."""
    expect_bytes: int = 100_000_000
    """Shared memory that a full wall needs (64 tiles of 480x270); less than that free is said at the start."""
    ring_bytes: int = BUDGET
    """Memory for the packets of shown cameras; 0 = none are kept."""
    keep_dir: str = ""
    """Where seconds that a GUI orders are kept as files; empty: nowhere."""
    hardware: str = "off"
    """Graphics device to decode with: "off", "auto", or one of `DEVICES`."""
    log_file: str = ""
    """Where workers write what they have to say; empty: to our own stderr."""


class _Output:
    __slots__ = ("generation", "seen", "segment", "unwanted_since")

    def __init__(self, segment: str, generation: int, seen: FrameReader) -> None:
        self.segment = segment
        self.generation = generation
        self.seen = seen
        self.unwanted_since: float | None = None


class PictureBroker:
    """Start it in the process that outlives the GUI; give `address` and `authkey` to the GUI over a pipe."""

    def __init__(
        self,
        settings: BrokerSettings | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        *,
        address: str | None = None,
        authkey: bytes | None = None,
        ended: WorkerEnded | None = None,
    ) -> None:
        """`address` and `authkey`: of a broker before this one, for a GUI that shall find it again. `ended` is
        told of each worker that died, in a thread of the broker; it must return at once."""
        self._ended = ended
        self.settings = settings or BrokerSettings()
        self.authkey = authkey or secrets.token_bytes(32)
        self._credentials = dict(credentials or {})
        self._scenes = dict(self.settings.scenes)
        self._lock = threading.Lock()  # guards all below
        self._segments = Segments()
        self._rings: RingPool[StreamKey] = RingPool(self._segments, self.settings.ring_bytes)
        self._outputs: dict[OutputKey, _Output] = {}
        self._refused: dict[OutputKey, str] = {}
        self._places: dict[StreamKey, int] = {}
        self._guis: list[Seat] = []
        # Differs from that of a broker before us, whose pictures the GUI may still hold.
        self._generation = int(time.monotonic() * 10) & 0xFFFFFF
        self._crew: list[Crewman] = []
        """The common ones first, then those of what runs apart."""
        self._common = 0
        self._isolation = Isolation(cores=os.cpu_count() or 1)
        self._said_apart: dict[StreamKey, Apart] = {}
        self._stopped = threading.Event()
        self._keeper = ClipKeeper(Path(self.settings.keep_dir), self._slab_of) if self.settings.keep_dir else None
        self._door = Door(address, self.authkey)
        self.address = self._door.address
        self._carer = threading.Thread(target=self._care, name="pictures care", daemon=True)

    def start(self) -> None:
        """Start the workers and listen. Says in the log when shared memory is small."""
        if sentence := memory_warning(self.settings.expect_bytes):
            log.warning("%s", sentence)
        with self._lock:
            self._common = self.settings.workers or min(4, os.cpu_count() or 1)
            for _ in range(self._common):
                self._hire()
        self._door.open(self._come, self._asked, self._gone)
        self._carer.start()
        if self._keeper is not None:
            self._keeper.start()

    def _hire(self) -> None:
        """One more worker; beyond the common ones for what runs apart. Under the lock."""
        number = len(self._crew)
        name, beat = self._segments.create(number, 4096)
        log_file = Path(self.settings.log_file) if self.settings.log_file else None
        at_once = -(-(os.cpu_count() or 1) // self._common)
        rests = number >= self._common
        # Who runs apart was there when workers died, and it may have been the device's driver that ended them.
        hardware = "off" if rests else self.settings.hardware
        crewman = Crewman(number, name, beat, log_file, at_once, self._worker_ended, rests=rests, hardware=hardware)
        self._crew.append(crewman)
        self._crew[-1].start()

    def _worker_ended(self, number: int, pid: int, rc: int, lived_s: float, hung: bool) -> None:
        """In the thread of that worker: what was open in it is suspected, before it starts again."""
        with self._lock:
            if self._stopped.is_set():
                return
            self._isolation.died([s for s, place in self._places.items() if place == number], time.monotonic())
            self._replan()
        if self._ended is not None:
            self._ended(number, pid, rc, lived_s, hung)

    def stop(self) -> None:
        """End all workers and take all memory away."""
        self._stopped.set()
        self._door.close()
        if self._keeper is not None:
            self._keeper.close()
        if self._carer.is_alive():
            self._carer.join(5.0)
        for man in self._crew:
            man.stop()
        with self._lock:
            self._rings.close()
            self._segments.close()

    def set_credentials(self, credentials: Mapping[str, Credentials]) -> None:
        """By camera id. A changed one opens its stream afresh. By `past_key`: of its recorder; a past that is none of
        its places is not opened."""
        with self._lock:
            self._credentials = dict(credentials)
            self._give_orders()

    def set_scenes(self, scenes: Mapping[str, str]) -> None:
        """Number -> file of the demo's street scenes; a file may still be missing."""
        with self._lock:
            self._scenes = dict(scenes)
            self._give_orders()

    def passwords(self) -> frozenset[str]:
        """All that workers were given: whoever quotes a worker's words takes them out."""
        with self._lock:
            return frozenset(one.password for one in self._credentials.values() if one.password)

    def worker_pids(self) -> list[int]:
        """Of the workers that run now."""
        return [pid for man in self._crew if (pid := man.pid) is not None]

    def pid_of(self, stream: StreamKey) -> int | None:
        """Of the worker that decodes it now."""
        with self._lock:
            place = self._places.get(stream)
            return self._crew[place].pid if place is not None else None

    @property
    def run(self) -> str:
        """How the names of this broker's shared memory begin."""
        return self._segments.run

    def wanted_uris(self) -> frozenset[str]:
        """Addresses of all that a screen wants now."""
        with self._lock:
            return frozenset(demand.uri for gui in self._guis for demand in gui.wanted.demands)

    def streams(self) -> dict[StreamKey, PictureState]:
        """What is decoded now, replays apart, and how each stands."""
        with self._lock:
            outputs = [(key, one) for key, one in self._outputs.items() if not is_replay(key.stream.uri)]
            return {key.stream: output.seen.status().state for key, output in outputs}

    def worker_restarts(self) -> int:
        return sum(man.restarts for man in self._crew)

    def ring_held_s(self, stream: StreamKey) -> float:
        """Seconds of it that can be shown again."""
        with self._lock:
            return self._rings.held_s(stream)

    def segment_count(self) -> int:
        """Outputs that exist, lingering ones included."""
        with self._lock:
            return len(self._outputs)

    # --- GUIs: each of these in the thread that reads from one ------------------------------------

    def _come(self, gui: Seat) -> None:
        with self._lock:
            self._guis.append(gui)

    def _gone(self, gui: Seat) -> None:
        with self._lock:
            gui.gone_at = time.monotonic()

    def _asked(self, gui: Seat, asked: Asked) -> None:
        if isinstance(asked, KeepClip):
            if self._keeper is not None:
                self._keeper.keep(asked)
            return
        with self._lock:
            gui.tell(self._held(gui) if isinstance(asked, AskHeld) else self._answer(gui, asked))

    def _slab_of(self, order: KeepClip) -> tuple[str, int] | None:
        with self._lock:
            return self._rings.slab(StreamKey(order.camera_id, order.uri))

    def _answer(self, gui: Seat, wanted: Wanted) -> Assigned:
        # A GUI that is back takes over from the one that has gone.
        self._guis = [other for other in self._guis if not other.gone_at]
        gui.wanted = wanted
        self._replan()
        return self._assignment(wanted)

    def _held(self, gui: Seat) -> Held:
        streams = {_kept_stream(StreamKey(demand.camera_id, demand.uri)) for demand in gui.wanted.demands}
        return Held(tuple(HeldStream(s.camera_id, s.uri, self._rings.held_s(s)) for s in sorted(streams)))

    def _assignment(self, wanted: Wanted) -> Assigned:
        outputs = outputs_for(demand for gui in self._guis for demand in gui.wanted.demands)
        found = []
        for index, demand in enumerate(wanted.demands):
            key = outputs[demand]
            if output := self._outputs.get(key):
                apart = self._isolation.say(key.stream, time.monotonic())
                found.append(Assignment(index, output.segment, output.generation, apart=apart))
            else:
                found.append(Assignment(index, refused=self._refused.get(key, "")))
        return Assigned(wanted.number, tuple(found))

    def _replan(self) -> None:
        """Make what is wanted, drop what has lingered, and give the orders. Under the lock."""
        now = time.monotonic()
        self._refused.clear()
        wanted = set(outputs_for(demand for gui in self._guis for demand in gui.wanted.demands).values())
        for key, output in list(self._outputs.items()):
            if key in wanted:
                output.unwanted_since = None
            elif is_past(key.stream.uri):
                self._segments.remove(self._outputs.pop(key).segment)  # a recorder has few places
            elif output.unwanted_since is None:
                output.unwanted_since = now
            elif now - output.unwanted_since > LINGER_S:
                self._segments.remove(self._outputs.pop(key).segment)
        for key in sorted(wanted - self._outputs.keys()):
            self._make(key)
        self._spread(now)
        live = (_kept_stream(key.stream) for key in self._outputs if not is_past(key.stream.uri))
        self._rings.want({stream for stream in live if not kept_name(stream.uri)})
        self._give_orders()

    def _spread(self, now: float) -> None:
        streams = {key.stream for key in self._outputs}
        self._isolation.arrange(streams, now)
        apart = {stream: self._common + place for stream, place in self._isolation.apart.items()}
        while len(self._crew) <= max(apart.values(), default=0):
            self._hire()
        before = {stream: place for stream, place in self._places.items() if place < self._common}
        for stream in apart.keys() - {s for s, place in self._places.items() if place >= self._common}:
            log.warning("camera %s was open when decoder workers died: it runs apart from the others", stream.camera_id)
        self._places = {**spread(streams - apart.keys(), self._common, before), **apart}
        for place, man in enumerate(self._crew[self._common :]):
            wait_s = self._isolation.waits_s(place, now)
            man.hold(now + wait_s if wait_s else 0.0)

    def _make(self, key: OutputKey) -> None:
        if is_replay(key.stream.uri) and not self._path(key.stream):
            self._refused[key] = NOTHING_KEPT
            return
        pasts = {one.stream for one in self._outputs if is_past(one.stream.uri)} - {key.stream}
        if is_past(key.stream.uri) and len(pasts) >= MOST_PAST:
            self._refused[key] = TOO_MANY_PAST
            return
        self._generation += 1
        try:
            name, memory = self._segments.create(self._generation, segment_size(key.width, key.height))
        except NoPictureMemory as error:
            log.warning("camera %s: %s", key.stream.camera_id, error)
            self._refused[key] = str(error)
            return
        format_segment(memory, self._generation, key.width, key.height)
        self._outputs[key] = _Output(name, self._generation, FrameReader(memory, self._generation))

    def _give_orders(self) -> None:
        outputs: dict[StreamKey, list[OutputOrder]] = {}
        for key, output in sorted(self._outputs.items(), key=lambda item: item[1].generation):
            outputs.setdefault(key.stream, []).append(OutputOrder(output.segment, output.generation, key.crop))
        orders: list[list[StreamOrder]] = [[] for _ in self._crew]
        reduced = {StreamKey(r.camera_id, r.uri): r.left_out for gui in self._guis for r in gui.wanted.reduced}
        moving = {StreamKey(d.camera_id, d.uri) for gui in self._guis for d in gui.wanted.demands if not d.held}
        for stream, drawn in outputs.items():
            secret = self._credentials_for(stream)
            if is_past(stream.uri) and (stream not in moving or secret is None):
                continue  # paused; or the hub has not allowed it to whoever sits here
            user, password = (secret.user, secret.password) if secret is not None else ("", "")
            path = self._path(stream)
            ring = self._rings.slab(stream) or ("", 0)
            left_out = reduced.get(stream, LeftOut())
            order = StreamOrder(stream.camera_id, stream.uri, tuple(drawn), user, password, path, *ring, left_out)
            orders[self._places[stream]].append(order)
        for man, streams in zip(self._crew, orders, strict=True):
            man.order(Orders(tuple(streams)))

    def _credentials_for(self, stream: StreamKey) -> Credentials | None:
        """What a screen says of an address opens nothing: one that is no place of the camera gets no password."""
        name = past_key(stream.camera_id) if is_past(stream.uri) else stream.camera_id
        known = self._credentials.get(name)
        return known if known is not None and place_of(stream.uri) in known.places else None

    def _path(self, stream: StreamKey) -> str:
        """What an address cannot say: the file of a scene, the place of a replay's packets."""
        if name := kept_name(stream.uri):
            return self._keeper.path(name) if self._keeper is not None else ""
        if is_replay(stream.uri):
            slab = self._rings.slab(_kept_stream(stream))
            return ring_path(*slab) if slab else ""
        scheme, _, number = stream.uri.partition(":")
        if scheme != "scene":
            return ""
        if number in self._scenes:
            return self._scenes[number]
        if self.settings.scene_dir and number.isalnum():
            return str(Path(self.settings.scene_dir) / f"{number}.mp4")
        return ""

    def _care(self) -> None:
        expected = measure_s = time.monotonic()
        while not self._stopped.wait(_CARE_S):
            now = time.monotonic()
            # If we ourselves were held up (machine suspended), nobody else could give a sign either.
            if now - expected < 4 * _CARE_S:
                for man in self._crew:
                    man.kill_if_hung()
            expected = now
            self._tidy(now)
            if now >= measure_s:
                measure_s = now + _BUSY_S
                busy = Busy(min(1.0, sum(man.load() for man in self._crew) / (os.cpu_count() or 1)))
                with self._lock:
                    for gui in self._guis:
                        gui.tell(busy)

    def _tidy(self, now: float) -> None:
        """Drop what has lingered, and try again what found no memory."""
        with self._lock:
            kept = {stream: self._rings.slab(stream) for stream in self._places}
            self._rings.balance()
            if kept != {stream: self._rings.slab(stream) for stream in self._places}:
                self._give_orders()
            known = len(self._guis)
            self._guis = [gui for gui in self._guis if not gui.gone_at or now - gui.gone_at < GUI_GONE_S]
            lingering = any(output.unwanted_since is not None for output in self._outputs.values())
            refused = set(self._refused)
            if known != len(self._guis) or refused or lingering:
                self._replan()
            apart = {one: how for one in self._isolation.apart if (how := self._isolation.say(one, now)) is not None}
            news = bool(refused - self._refused.keys()) or apart != self._said_apart
            self._said_apart = apart
            for gui in self._guis if news else ():
                gui.tell(self._assignment(gui.wanted))


def _kept_stream(stream: StreamKey) -> StreamKey:
    """Whose packets it needs: those of a replay are the packets of the live stream, which go on being kept for it."""
    replay = replay_of(stream.uri)
    return StreamKey(stream.camera_id, replay.live) if replay is not None else stream


def memory_warning(expected_bytes: int) -> str:
    """One sentence when shared memory is too small for a full wall, else empty. Also for `doctor`."""
    free = free_bytes()
    if free >= expected_bytes:
        return ""
    return (
        f"shared memory (/dev/shm) has {free / 1e6:.0f} MB free, a full wall needs {expected_bytes / 1e6:.0f} MB: "
        "some tiles will stay without a picture; containers need --shm-size=512m"
    )
