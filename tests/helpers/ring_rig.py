"""Packet rings for tests: memory without files, memory that stops at a byte, packets that tell who they are."""

from __future__ import annotations

import errno
import mmap
import random
from collections.abc import Callable
from typing import Any

import pytest

from backends.video import ring_layout
from backends.video.ring import RingReader, RingWriter
from backends.video.ring_layout import Codec, RingPacket, format_piece, format_slab, piece_name
from backends.video.segment import NoPictureMemory

CODEC = Codec("h264", b"\x01extra", (1, 90_000), 640, 360, 1.0, 25.0)
PIECE = 32768
"""Bytes; small, so that a test goes round the ring often."""
MS = 1_000_000


class Memories:
    """`segment.Segments` and `segment.attach` without files."""

    def __init__(self, most: int = 1 << 40) -> None:
        self.held: dict[str, mmap.mmap] = {}
        self.most = most

    def create(self, number: int, size: int) -> tuple[str, mmap.mmap]:
        if sum(map(len, self.held.values())) + size > self.most:
            raise NoPictureMemory("no shared memory left in the test")
        name = f"ioc-pic-test-{number}"
        self.held[name] = mmap.mmap(-1, size)
        return name, self.held[name]

    def remove(self, name: str) -> None:
        del self.held[name]

    def attach(self, name: str) -> mmap.mmap:
        if name not in self.held:
            raise FileNotFoundError(errno.ENOENT, "gone", name)
        return self.held[name]


class Rig:
    """One slab with some pieces, as the pool makes it."""

    def __init__(self, memories: Any, pieces: int, piece_bytes: int = PIECE, generation: int = 7) -> None:
        self.memories = memories
        self.generation = generation
        self.piece_bytes = piece_bytes
        self.name, self.memory = memories.create(1 << 40, ring_layout.SLAB_BYTES)
        format_slab(self.memory, generation, piece_bytes)
        self.words = memoryview(self.memory).cast("Q")
        self.numbers: list[int] = []
        self._number = 1 << 40
        for _ in range(pieces):
            self.grow()

    def grow(self) -> None:
        self._number += 1
        _, memory = self.memories.create(self._number, self.piece_bytes)
        format_piece(memory, self.generation, self._number)
        table = self.words[ring_layout.TABLE_AT : ring_layout.TABLE_AT + ring_layout.TABLE_SLOTS].tolist()
        self.words[ring_layout.TABLE_AT + table.index(0)] = self._number
        self.words[ring_layout.VERSION] += 1
        self.numbers.append(self._number)

    def piece(self, number: int) -> mmap.mmap:
        memory: mmap.mmap = self.memories.attach(piece_name(self.name, number, self.piece_bytes))
        return memory

    def writer(self, codec: Codec = CODEC) -> RingWriter:
        writer = RingWriter(self.name, self.generation)
        assert writer.begin(codec)
        return writer

    def reader(self) -> RingReader:
        return RingReader(self.name, self.generation)


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> Memories:
    made = Memories()
    monkeypatch.setattr(ring_layout, "attach", made.attach)
    return made


def packet_bytes(run: int, index: int, most: int = 3000) -> bytes:
    """Made of its own name: who reads it can tell whether it is whole. Every eighth is a key frame, and larger."""
    chance = random.Random(run << 32 | index)
    size = chance.randrange(12, most) * (4 if index % 8 == 0 else 1)
    return run.to_bytes(4, "little") + index.to_bytes(4, "little") + chance.randbytes(size)


def put(writer: RingWriter, run: int, index: int, most: int = 3000) -> bool:
    """Time goes by 40 ms a packet."""
    at = (run * 1000 + index) * 40 * MS
    data = packet_bytes(run, index, most)
    return writer.put(data, index * 3600, index * 3600, index % 8 == 0, at, at + 5)


def name_of(data: bytes) -> tuple[int, int]:
    """Run and index."""
    return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")


def read_all(reader: RingReader, sequence: int | None = None) -> list[RingPacket]:
    """From the oldest key frame, or after `sequence`."""
    at = reader.seek(-1) if sequence is None else sequence
    found: list[RingPacket] = []
    while at is not None and (packet := reader.after(at)) is not None:
        found.append(packet)
        at = packet.sequence
    return found


def faults_of(packets: list[RingPacket], most: int = 3000) -> list[str]:
    """What no reader may ever be given: other bytes than were put, disorder, a hole that is not said."""
    faults = []
    before: tuple[int, int] | None = None
    for packet in packets:
        run, index = name_of(packet.data)
        if packet.data != packet_bytes(run, index, most):
            faults.append(f"packet {run}/{index}: not the bytes that were put")
        at = (run * 1000 + index) * 40 * MS
        if (packet.mono_ns, packet.wall_ns, packet.pts, packet.dts) != (at, at + 5, index * 3600, index * 3600):
            faults.append(f"packet {run}/{index}: other times")
        if packet.key != (index % 8 == 0) or (packet.gap and not packet.key):
            faults.append(f"packet {run}/{index}: key {packet.key}, gap {packet.gap}")
        if before is None and not packet.key:
            faults.append(f"packet {run}/{index}: it begins without a key frame")
        if before is not None and (run, index) <= before:
            faults.append(f"packet {run}/{index} after {before}")
        if before is not None and not packet.gap and (run, index) != (before[0], before[1] + 1):
            faults.append(f"packet {run}/{index} after {before}, and no hole was said")
        before = run, index
    return faults


class Killed(BaseException):
    """The writer died here."""


class Fuse:
    """So many bytes may still be written; then `burnt` is called in the midst of it."""

    def __init__(self, left: int, burnt: Callable[[], None]) -> None:
        self.left = left
        self.burnt = burnt
        self.written = 0

    def spend(self, wanted: int) -> int:
        self.written += wanted
        allowed = min(wanted, self.left)
        self.left -= allowed
        return allowed


class FusedMemory:
    """Memory of a piece that writes byte by byte until the fuse burns."""

    def __init__(self, memory: mmap.mmap, fuse: Fuse) -> None:
        self._memory, self._fuse = memory, fuse

    def __len__(self) -> int:
        return len(self._memory)

    def __getitem__(self, at: slice) -> bytes:
        return self._memory[at]

    def __setitem__(self, at: slice, data: bytes | memoryview) -> None:
        allowed = self._fuse.spend(len(data))
        self._memory[at.start : at.start + allowed] = data[:allowed]
        if allowed < len(data):
            self._fuse.burnt()


class FusedWords:
    """Words: a store is done whole or not at all, as the processor does it."""

    def __init__(self, words: memoryview, fuse: Fuse) -> None:
        self._words, self._fuse = words, fuse

    def __getitem__(self, at: Any) -> Any:
        return self._words[at]

    def __setitem__(self, at: int, value: int) -> None:
        if self._fuse.spend(8) < 8:
            self._fuse.burnt()
        self._words[at] = value


def put_on_a_fuse(writer: RingWriter, fuse: Fuse) -> None:
    """From now on this writer writes through the fuse, into all its pieces and the slab."""
    slab: Any = writer._slab
    slab.words = FusedWords(slab.words, fuse)
    for piece in slab.pieces.values():
        piece.memory = FusedMemory(piece.memory, fuse)
        piece.words = FusedWords(piece.words, fuse)
