"""Packet rings in real shared memory: writers that are killed, a reader beside a fast one, a clip played again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.clips import write_clip
from helpers.ring_rig import CODEC, Rig, faults_of, name_of, put, read_all
from helpers.waiting import wait_for

from backends.domain.replay import Replay
from backends.video import ring_layout, segment
from backends.video.packets import codec_of, times_of
from backends.video.reading import Reader
from backends.video.ring import RingReader, RingWriter
from backends.video.ring_layout import Codec, ring_path
from backends.video.ring_pool import RingPool
from backends.video.ring_source import RingSource, open_replay, open_ring
from backends.video.source import Address, NotASource, SourceFault

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="it forks, and SIGKILL is Unix's")
KILLS = 200


class RealMemories(segment.Segments):
    """With `attach`, as `Rig` wants it."""

    attach = staticmethod(segment.attach)


@pytest.fixture
def real() -> Iterator[RealMemories]:
    made = RealMemories()
    yield made
    made.close()


class Writers:
    """The child that makes writers and kills them."""

    def __init__(self, rig: Rig, acks: str) -> None:
        root = Path(__file__).parents[2]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "helpers.ring_child", rig.name, str(rig.generation), acks],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
        )

    def run(self, order: dict[str, Any]) -> int:
        """The signal that ended it."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()
        return int(self._child.stdout.readline())

    def __enter__(self) -> Writers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._child:
            assert self._child.stdin is not None
            self._child.stdin.close()
        assert self._child.returncode == 0


@needs_linux
def test_writers_killed_at_random_bytes_leave_a_ring_that_reads(real: RealMemories) -> None:
    chance = random.Random(20261125)
    rig = Rig(real, 6)
    acks_name, acks_memory = real.create(1, 4096)
    acks = memoryview(acks_memory).cast("Q")
    reader = rig.reader()
    with Writers(rig, acks_name) as writers:
        for run in range(1, KILLS + 1):
            order: dict[str, Any] = {"run": run, "most": 400}
            if run % 2:
                order["fuse"] = chance.randrange(1, 120_000)
            else:
                order["until"] = chance.randrange(1, 120)
            assert writers.run(order) == signal.SIGKILL
            for found in (read_all(reader), read_all(rig.reader())):  # one that was there all the time, and a new one
                assert not faults_of(found, most=400)
                last = [name_of(packet.data)[1] for packet in found if name_of(packet.data)[0] == run]
                # All that `put` had returned from is there; one more may be, committed but not yet told.
                assert (last[-1] + 1 if last else 0) in (acks[run], acks[run] + 1)
    assert acks[1 : KILLS + 1].tolist().count(0) < KILLS // 4


def _copying(reader: RingReader, ended: threading.Event, found: list[ring_layout.RingPacket]) -> None:
    at: int | None = None
    while True:
        last = ended.is_set()
        at = reader.seek(-1) if at is None else at
        if at is None:
            continue
        while (packet := reader.after(at)) is not None:
            found.append(packet)
            at = packet.sequence
        if last:
            return


def test_a_reader_beside_a_fast_writer(real: RealMemories) -> None:
    rig = Rig(real, 3)
    writer, ended = rig.writer(), threading.Event()
    found: list[ring_layout.RingPacket] = []
    thread = threading.Thread(target=_copying, args=(rig.reader(), ended, found))
    thread.start()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for index in range(4000):
            put(writer, 1, index)
        wait_for("a first packet", lambda: found)
    finally:
        sys.setswitchinterval(before)
        ended.set()
        thread.join()
    assert not faults_of(found)
    assert name_of(found[-1].data) == (1, 3999)
    assert len(found) > 10


def test_the_pool_in_real_shared_memory(real: RealMemories) -> None:
    pool: RingPool[str] = RingPool(real, 4 << 20, leave=0)
    pool.want(["a"])
    place = pool.slab("a")
    assert place is not None
    writer = RingWriter(*place)
    writer.begin(CODEC)
    for index in range(3000):
        put(writer, 1, index)
        if index % 50 == 0:
            pool.balance()
    assert 3 << 20 < pool.used <= 4 << 20
    assert pool.held_s("a") > 10
    if sys.platform == "linux":
        files = list(segment.SHM.glob(f"{real.run}-*"))
        assert sum(path.stat().st_blocks * 512 for path in files) == pool.used
    pool.close()
    reader_fails = pytest.raises(SourceFault, match="nothing is kept")
    with reader_fails:
        open_ring(*place)


class Time:
    """A clock that waiting moves on."""

    def __init__(self) -> None:
        self.now = 50.0
        self.waited = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds


def _store(path: Path, writer: RingWriter, start_ns: int = 0) -> list[bytes]:
    """The clip goes into the ring as a live stream does; its frames as they came live."""
    source = Reader(str(path), {"protocol_whitelist": "file"}, timeout=None)
    writer.begin(codec_of(source.stream))
    live = []
    try:
        for packet in source.arrivals():
            if packet.size:
                assert packet.time_base is not None
                assert packet.dts is not None
                at = start_ns + int(packet.dts * packet.time_base * 1_000_000_000)
                pts, dts = times_of(packet)
                assert writer.put(memoryview(packet), pts, dts, packet.is_keyframe, at, at)
            live += [_pixels(frame) for frame in source.decode(packet)]
    finally:
        source.close()
    return live


def _pixels(frame: av.VideoFrame) -> bytes:
    return frame.pts.to_bytes(8, "little", signed=True) + np.ascontiguousarray(frame.to_ndarray()).tobytes()


def _play(source: RingSource) -> list[bytes]:
    shown = []
    for packet in source.arrivals():
        shown += [_pixels(frame) for frame in source.decode(packet)]
    source.close()
    return shown


CLIPS = [
    pytest.param("h264.mp4", {}, id="h264"),
    pytest.param("mpeg4.mp4", {"codec": "mpeg4"}, id="mpeg4"),
    pytest.param("mjpeg.mkv", {"codec": "mjpeg", "pixel_format": "yuvj420p"}, id="mjpeg"),
]


@pytest.mark.parametrize(("name", "how"), CLIPS)
def test_a_clip_from_the_ring_gives_the_frames_of_live(
    real: RealMemories, tmp_path: Path, name: str, how: dict[str, str]
) -> None:
    path = write_clip(tmp_path / name, seconds=4, **how)  # type: ignore[arg-type]  # codec and format only
    rig = Rig(real, 8, 512 << 10)
    live = _store(path, RingWriter(rig.name, rig.generation))
    assert len(set(live)) == 100
    clock = Time()
    source = RingSource(open_ring(rig.name, rig.generation), 0, clock=clock, wait=clock.wait)
    assert (source.fps, source.pixel_aspect) == (25.0, 1.0)
    assert _play(source) == live
    assert (source.bad, source.gaps) == (0, 0)
    assert abs(clock.waited - 3.96) < 1e-6


def test_a_replay_begins_at_its_time_and_ends_at_the_present(real: RealMemories, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", seconds=4)  # a key frame each second
    rig = Rig(real, 8, 512 << 10)
    writer = RingWriter(rig.name, rig.generation)
    live = _store(path, writer)
    clock = Time()
    source = RingSource(rig.reader(), 2_500_000_000, rate=2.0, clock=clock, wait=clock.wait)
    _store(path, writer, 10_000_000_000)  # goes on after the replay was asked for: not part of it
    assert source.fps == 50.0
    # The way from the key frame at 2 s is decoded and not shown; at twice the speed every second picture is enough.
    assert _play(source) == live[63::2]
    assert abs(clock.waited - 0.73) < 1e-6


def test_a_hole_is_played_over_without_a_damaged_picture(real: RealMemories, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", seconds=4)
    rig = Rig(real, 8, 512 << 10)
    live = _store(path, RingWriter(rig.name, rig.generation))
    reader = rig.reader()
    entry = reader.index()[30]
    piece = rig.piece(rig.numbers[0])
    piece[entry.offset + 5] ^= 0x40
    clock = Time()
    source = RingSource(reader, 0, clock=clock, wait=clock.wait)
    assert _play(source) == live[:30] + live[50:]
    assert source.gaps == 1
    # The control: the same damage given to the decoder makes other pictures.
    blind = rig.reader()
    blind._look()
    packets = [blind._order[0].piece.memory[e.offset : e.offset + e.length] for e in blind.index()]
    context = av.CodecContext.create("h264", "r")
    context.extradata = blind._order[0].codec.extradata if blind._order[0].codec else b""
    shown: list[Any] = []
    for data in (*packets, None):
        try:
            shown += context.decode(av.Packet(data) if data is not None else None)
        except av.error.InvalidDataError:
            shown.append(None)
    assert [f and np.ascontiguousarray(f.to_ndarray()).tobytes() for f in shown] != [p[8:] for p in live]


def test_openings_that_follow_each_other_are_decoded_each_with_its_own_codec(
    real: RealMemories, tmp_path: Path
) -> None:
    first = write_clip(tmp_path / "first.mp4", seconds=1)
    second = write_clip(tmp_path / "second.mkv", seconds=1, codec="mjpeg", pixel_format="yuvj420p", size=(160, 96))
    rig = Rig(real, 8, 512 << 10)
    writer = RingWriter(rig.name, rig.generation)
    live = _store(first, writer) + _store(second, writer, 60_000_000_000)
    clock = Time()
    source = RingSource(rig.reader(), 0, clock=clock, wait=clock.wait)
    assert _play(source) == live
    assert source.gaps == 1
    assert clock.waited < 8  # a minute without a picture is not waited for


def test_a_replay_stops_when_nobody_wants_it(real: RealMemories, tmp_path: Path) -> None:
    rig = Rig(real, 8, 512 << 10)
    _store(write_clip(tmp_path / "clip.mp4", seconds=1), RingWriter(rig.name, rig.generation))
    stop = threading.Event()
    source = RingSource(rig.reader(), 0, stop=stop)
    arrivals = source.arrivals()
    next(arrivals)
    stop.set()
    assert list(arrivals) == []


def test_nothing_kept_is_said(real: RealMemories) -> None:
    rig = Rig(real, 2)
    with pytest.raises(SourceFault, match="nothing is kept"):
        RingSource(rig.reader(), 0)
    writer = RingWriter(rig.name, rig.generation)
    writer.begin(Codec("no such codec", b"", (1, 25), 8, 8))
    writer.put(b"data", 0, 0, True, 1, 1)
    source = RingSource(rig.reader(), 0)
    packet = next(source.arrivals())
    with pytest.raises(SourceFault, match="cannot decode"):
        source.decode(packet)
    with pytest.raises(ValueError, match="forwards"):
        RingSource(rig.reader(), 0, rate=0)


def test_a_replay_has_an_address(real: RealMemories, tmp_path: Path) -> None:
    rig = Rig(real, 8, 512 << 10)
    live = _store(write_clip(tmp_path / "clip.mp4", seconds=4), RingWriter(rig.name, rig.generation))
    where = ring_path(rig.name, rig.generation)
    address = Address(Replay("rtsp://cam/1", 1_600_000_000, 2_000_000_000).uri, path=where)
    assert _play(open_replay(address)) == live[40:51]
    resumed = Address(address.uri, path=where, resume_ns=1_800_000_000)
    assert _play(open_replay(resumed)) == live[45:51]
    for uri in ("ring:1/2", "ring:1/2/1", "ring:1/2/x/rtsp://cam/1", "file:1/2/1/rtsp://cam/1"):
        with pytest.raises(NotASource, match="no address of a replay"):
            open_replay(Address(uri, path=where))
    for path in ("", "x", ring_path(rig.name, rig.generation + 1), ring_path("ioc-pic-none", 1)):
        with pytest.raises(SourceFault, match="nothing is kept"):
            open_replay(Address(address.uri, path=path))


def test_each_picture_tells_when_it_was_received(real: RealMemories, tmp_path: Path) -> None:
    rig = Rig(real, 8, 512 << 10)
    path = write_clip(tmp_path / "clip.mkv", seconds=1, codec="mpeg4")
    _store(path, RingWriter(rig.name, rig.generation), 7_000_000_000)
    clock = Time()
    source = RingSource(rig.reader(), 7_500_000_000, clock=clock, wait=clock.wait)
    times = [source.when(frame) for packet in source.arrivals() for frame in source.decode(packet)]
    assert times == [(at, at) for at in range(7_520_000_000, 8_000_000_000, 40_000_000)]


@pytest.mark.parametrize(("at_ns", "frame"), [(2_520_000_000, 63), (2_530_000_000, 63), (9_000_000_000, 99)])
def test_one_moment_is_one_picture(real: RealMemories, tmp_path: Path, at_ns: int, frame: int) -> None:
    """A paused replay: the picture of that time, though it lies deep in its group of pictures."""
    rig = Rig(real, 8, 512 << 10)
    live = _store(write_clip(tmp_path / "clip.mp4", seconds=4), RingWriter(rig.name, rig.generation))
    clock = Time()
    source = RingSource(rig.reader(), at_ns, until_ns=at_ns, clock=clock, wait=clock.wait)
    assert _play(source) == live[frame : frame + 1]
    assert clock.waited == 0
