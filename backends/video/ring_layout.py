"""Where what lies in a packet ring: slabs, pieces, index entries, with the checks that let damage be seen.

How they are used: `ring`. Must not: decide what is written, thrown away or read.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from typing import NamedTuple

import msgspec

from backends.video.segment import attach

MAGIC = int.from_bytes(b"IOCRNG01", "little")
PIECE_MAGIC = int.from_bytes(b"IOCRPC01", "little")
PIECE_BYTES = 512 << 10
"""64 streams share 512 MB: 16 pieces each, so that a stream loses 6 % of what it holds at a time."""
SLAB_BYTES = 16384
TABLE_SLOTS = 1024
MAX_PACKET = 8 << 20
"""Bytes; larger ones are not kept. A picture of 4K as JPEG takes 2 to 3 MB."""
DATA_AT = 8192
ENTRY_BYTES = 64
NOTHING_KEPT = "nothing is kept of this camera"
NO_TIME = -(1 << 63)
"""pts or dts that the stream does not give (AV_NOPTS_VALUE)."""

_GENERATION, _PIECE_BYTES, _SLOTS, _CRC = 1, 2, 3, 7
VERSION, CURRENT, SEEN, LAST, BITS, LOST, WRITERS = range(8, 15)
TABLE_AT = 4096 // 8
OPENING, _COMMIT = 8, 9
_CODEC_AT = 256
CODEC_MAX = DATA_AT - _CODEC_AT - 8
SMALLEST_PART = 4096
"""Bytes; a packet that does not fit is cut, but not into crumbs."""
START, MORE, KEY = 1, 2, 4
_ENTRY = struct.Struct("<QQQqqQQQ")
_LOW40 = (1 << 40) - 1


def ring_path(name: str, generation: int) -> str:
    """Where the packets lie, for the `path` beside the address of a replay. The supervisor alone makes it."""
    return f"{name}/{generation}"


class BadRing(Exception):
    """The memory is no ring of ours, or its bounds do not fit the memory."""


class Codec(msgspec.Struct, frozen=True, array_like=True):
    """What a decoder must know before the first packet."""

    name: str
    """FFmpeg's name of the decoder: h264, hevc, mjpeg."""
    extradata: bytes
    time_base: tuple[int, int]
    """Seconds, of pts and dts."""
    width: int
    height: int
    pixel_aspect: float = 1.0
    fps: float = 0.0
    """As declared; 0 = unknown."""


class RingPacket(NamedTuple):
    """A packet as it was received."""

    sequence: int
    """Of its last record: where to go on reading."""
    mono_ns: int
    """Monotonic clock at receipt."""
    wall_ns: int
    """Time since 1970 at receipt."""
    pts: int
    dts: int
    key: bool
    data: bytes
    codec: Codec
    gap: bool
    """What came before it is missing, or another stream: the decoder starts afresh. Then it is a key frame."""


class Entry(NamedTuple):
    """One record of the index. A packet may be cut into several."""

    sequence: int
    mono_ns: int
    wall_ns: int
    pts: int
    dts: int
    flags: int
    offset: int
    length: int
    crc: int


def format_slab(memory: mmap.mmap, generation: int, piece_bytes: int = PIECE_BYTES) -> None:
    """Write the fixed part into zeroed memory of SLAB_BYTES. `generation` differs for every slab ever made."""
    _fix(memory, MAGIC, generation, piece_bytes, TABLE_SLOTS)


def format_piece(memory: mmap.mmap, generation: int, number: int) -> None:
    """Write the fixed part into zeroed memory. It belongs to the slab of `generation`."""
    _fix(memory, PIECE_MAGIC, generation, len(memory), number)


def _fix(memory: mmap.mmap, *fixed: int) -> None:
    raw = struct.pack("<7Q", *fixed, 0, 0, 0)
    memory[: len(raw)] = raw
    memoryview(memory).cast("Q")[_CRC] = zlib.crc32(raw)


def _check(memory: mmap.mmap, least: int, magic: int, generation: int) -> memoryview:
    """The words. Raises BadRing."""
    if len(memory) < least:
        raise BadRing(f"{len(memory)} bytes are too few")
    words = memoryview(memory).cast("Q")
    if words[0] != magic or words[_CRC] != zlib.crc32(words[:7].tobytes()):
        raise BadRing("the header is not one of ours, or is damaged")
    if words[_GENERATION] != generation:
        raise BadRing(f"generation {words[_GENERATION]} found where {generation} was assigned")
    return words


def piece_name(slab: str, number: int, size: int) -> str:
    """Name of the segment of a piece: the supervisor numbers all its segments, only the number differs."""
    windows = "." in slab
    run = slab.rpartition("-")[0]
    return f"{run}-{number}.{size}" if windows else f"{run}-{number}"


class Piece:
    """A view on one piece, of a writer or a reader."""

    def __init__(self, memory: mmap.mmap, generation: int, number: int) -> None:
        self.words = _check(memory, DATA_AT + ENTRY_BYTES, PIECE_MAGIC, generation)
        if self.words[2] != len(memory) or self.words[3] != number:
            raise BadRing("the bounds of a piece do not fit the memory")
        self.memory = memory
        self.number = number
        self.size = len(memory)

    def opened(self) -> int:
        """Its opening: the first sequence and who opened it; 0 = unused, being opened, or damaged."""
        opening = self.words[OPENING]
        return opening if opening and self.codec_bytes(opening) is not None else 0

    def committed(self) -> tuple[int, int]:
        """Entries, and where the data end. Bounded, whatever the word says."""
        word = self.words[_COMMIT]
        count, end = word >> 40, max(DATA_AT, word & _LOW40)
        most = (self.size - DATA_AT) // ENTRY_BYTES
        return (count, end) if count <= most and end + count * ENTRY_BYTES <= self.size else (min(count, most), 0)

    def codec_bytes(self, opening: int) -> bytes | None:
        """As stored; None: damaged, or being written."""
        length, crc = struct.unpack("<II", self.memory[_CODEC_AT : _CODEC_AT + 8])
        if length > CODEC_MAX:
            return None
        raw = self.memory[_CODEC_AT + 8 : _CODEC_AT + 8 + length]
        return raw if crc == _salted_crc(raw, opening) else None

    def open(self, opening: int, codec: bytes) -> None:
        """Throw away what is in it. Whoever dies in between leaves an unused piece."""
        words = self.words
        words[OPENING] = 0
        words[_COMMIT] = 0
        raw = struct.pack("<II", len(codec), _salted_crc(codec, opening)) + codec
        self.memory[_CODEC_AT : _CODEC_AT + len(raw)] = raw
        words[_COMMIT] = DATA_AT
        words[OPENING] = opening

    def room(self) -> int:
        """Bytes of data that one more record may have."""
        count, end = self.committed()
        return max(0, self.size - ENTRY_BYTES * (count + 1) - end) if end else 0

    def add(self, sequence: int, data: memoryview, mono_ns: int, wall_ns: int, pts: int, dts: int, flags: int) -> None:
        """One record; `data` must fit. Steps 1 to 3 of the module's text."""
        count, end = self.committed()
        self.memory[end : end + len(data)] = data
        raw = _ENTRY.pack(
            sequence, mono_ns, wall_ns, pts, dts, flags << 32 | end, len(data) << 32 | zlib.crc32(data), 0
        )
        at = self.size - ENTRY_BYTES * (count + 1)
        self.memory[at : at + ENTRY_BYTES - 8] = raw[:-8]
        self.words[at // 8 + 7] = _salted_crc(raw[:-8], self.words[OPENING])
        self.words[_COMMIT] = (count + 1) << 40 | (end + len(data))

    def entry(self, slot: int, opening: int) -> Entry | None:
        """None: damaged, half-written, or of another opening."""
        at = self.size - ENTRY_BYTES * (slot + 1)
        raw = self.memory[at : at + ENTRY_BYTES]
        sequence, mono_ns, wall_ns, pts, dts, place, extent, crc = _ENTRY.unpack(raw)
        if crc != _salted_crc(raw[:-8], opening):
            return None
        offset, length = place & 0xFFFFFFFF, extent >> 32
        if offset < DATA_AT or offset + length > at:
            return None
        return Entry(sequence, mono_ns, wall_ns, pts, dts, place >> 32, offset, length, extent & 0xFFFFFFFF)


def _salted_crc(raw: bytes, opening: int) -> int:
    """CRC-32 of what belongs to this opening of the piece: what an earlier one left must not look good."""
    return zlib.crc32(opening.to_bytes(8, "little"), zlib.crc32(raw))


class Slab:
    """What writer and readers share: the table, and the pieces they have attached to."""

    def __init__(self, name: str, generation: int) -> None:
        """Raises FileNotFoundError and BadRing."""
        memory = attach(name)
        self.words = words = _check(memory, SLAB_BYTES, MAGIC, generation)
        if words[_SLOTS] != TABLE_SLOTS or not DATA_AT + 2 * SMALLEST_PART <= words[_PIECE_BYTES] < 1 << 32:
            raise BadRing("the bounds of a slab do not fit")
        self.name, self.generation, self.piece_bytes = name, generation, words[_PIECE_BYTES]
        self.version = -1
        self.pieces: dict[int, Piece] = {}

    def numbers(self) -> list[int]:
        return [number for number in self.words[TABLE_AT : TABLE_AT + TABLE_SLOTS].tolist() if number]

    def look(self) -> None:
        """Attach to what the pool has added, let go of what it has taken. Cheap when nothing changed."""
        version = self.words[VERSION]
        if version == self.version:
            return
        before, self.pieces = self.pieces, {}
        for number in self.numbers():
            try:
                self.pieces[number] = before.get(number) or Piece(
                    attach(piece_name(self.name, number, self.piece_bytes)), self.generation, number
                )
            except (OSError, ValueError, BadRing):
                continue  # taken at this moment, or damaged: what it held is lost
        self.version = version
