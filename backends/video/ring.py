"""The packet ring: the compressed packets of one stream in shared memory, for the last seconds or minutes.

It outlives the worker that writes it, for it must show what happened before a crash. Instant replay, pre-roll and a
recorder read it. A slab is one page of words and a table of pieces; a piece is a segment of its own, allocated in
full, so that a slab grows and shrinks without anybody being left with memory that has gone (`ring_pool` does that).
One writer (a worker; a new one goes on where a dead one stopped), many readers, no locks, no system calls but for
attaching to a piece.

Layout of a slab, in 8-byte words: 0-7 fixed when it is made (7 is their CRC-32); 8 by the pool; 9-15 by the writer;
the table, one number of a piece each, from byte 4096. Layout of a piece: 0-7 fixed; 8 = its opening, 9 = what is
committed; the codec from byte 256; data from byte 8192 upwards; its index from the end downwards, 64 bytes a record.

How a record is written, and why it may stop at any byte: 1. the data, 2. the index entry, whose last word is the
CRC-32 over the others and the opening of the piece, 3. ONE word that says how many entries and bytes are committed.
A reader takes an entry only if it is committed and its CRC fits, and gives data away only if their CRC fits after
they were copied: what a writer overwrote meanwhile, left half-written, or what was damaged, is never given out.
Sequences have no hole inside an unbroken stream: a hole (loss, damage, new opening, new writer) makes the reader go
on at the next key frame and say so.

Eviction: a full writer opens its oldest piece again. What is left of a group of pictures whose key frame went with
it is never given out: for a reader whole groups go, oldest first. x86 order of stores is relied on, as in `frames`.
Must not: allocate memory, decode, or know cameras.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from backends.video.metering import Meter
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
NO_TIME = -(1 << 63)
"""pts or dts that the stream does not give (AV_NOPTS_VALUE)."""

_GENERATION, _PIECE_BYTES, _SLOTS, _CRC = 1, 2, 3, 7
VERSION, CURRENT, SEEN, _LAST, BITS, _LOST, _WRITERS = range(8, 15)
_TABLE_AT = 4096 // 8
OPENING, _COMMIT = 8, 9
_CODEC_AT = 256
_CODEC_MAX = DATA_AT - _CODEC_AT - 8
_SMALLEST_PART = 4096
"""Bytes; a packet that does not fit is cut, but not into crumbs."""
_START, _MORE, _KEY = 1, 2, 4
_ENTRY = struct.Struct("<QQQqqQQQ")
_LOW40 = (1 << 40) - 1


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


class _Piece:
    """A view on one piece, of a writer or a reader."""

    def __init__(self, memory: mmap.mmap, generation: int, number: int) -> None:
        self.words = _check(memory, DATA_AT + ENTRY_BYTES, PIECE_MAGIC, generation)
        if self.words[2] != len(memory) or self.words[3] != number:
            raise BadRing("the bounds of a piece do not fit the memory")
        self.memory = memory
        self.number = number
        self.size = len(memory)

    def committed(self) -> tuple[int, int]:
        """Entries, and where the data end. Bounded, whatever the word says."""
        word = self.words[_COMMIT]
        count, end = word >> 40, max(DATA_AT, word & _LOW40)
        most = (self.size - DATA_AT) // ENTRY_BYTES
        return (count, end) if count <= most and end + count * ENTRY_BYTES <= self.size else (min(count, most), 0)

    def codec_bytes(self, opening: int) -> bytes | None:
        """As stored; None: damaged, or being written."""
        length, crc = struct.unpack_from("<II", self.memory, _CODEC_AT)
        if length > _CODEC_MAX:
            return None
        raw = self.memory[_CODEC_AT + 8 : _CODEC_AT + 8 + length]
        return raw if crc == zlib.crc32(raw, opening & 0xFFFFFFFF) else None

    def open(self, opening: int, codec: bytes) -> None:
        """Throw away what is in it. Whoever dies in between leaves an unused piece."""
        words = self.words
        words[OPENING] = 0
        words[_COMMIT] = 0
        self.memory[_CODEC_AT + 8 : _CODEC_AT + 8 + len(codec)] = codec
        struct.pack_into("<II", self.memory, _CODEC_AT, len(codec), zlib.crc32(codec, opening & 0xFFFFFFFF))
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
        self.words[at // 8 + 7] = _salted(raw, self.words[OPENING])
        self.words[_COMMIT] = (count + 1) << 40 | (end + len(data))

    def entry(self, slot: int, opening: int) -> Entry | None:
        """None: damaged, half-written, or of another opening."""
        at = self.size - ENTRY_BYTES * (slot + 1)
        raw = self.memory[at : at + ENTRY_BYTES]
        sequence, mono_ns, wall_ns, pts, dts, place, extent, crc = _ENTRY.unpack(raw)
        if crc != _salted(raw, opening):
            return None
        offset, length = place & 0xFFFFFFFF, extent >> 32
        if offset < DATA_AT or offset + length > at:
            return None
        return Entry(sequence, mono_ns, wall_ns, pts, dts, place >> 32, offset, length, extent & 0xFFFFFFFF)


def _salted(raw: bytes, opening: int) -> int:
    """CRC-32 of an entry in this opening of the piece: one of an earlier opening must not look good."""
    return zlib.crc32(opening.to_bytes(8, "little"), zlib.crc32(raw[:-8]))


class _Slab:
    """What writer and readers share: the table, and the pieces they have attached to."""

    def __init__(self, name: str, generation: int) -> None:
        """Raises FileNotFoundError and BadRing."""
        memory = attach(name)
        self.words = words = _check(memory, SLAB_BYTES, MAGIC, generation)
        if words[_SLOTS] != TABLE_SLOTS or not DATA_AT + 2 * _SMALLEST_PART <= words[_PIECE_BYTES] < 1 << 32:
            raise BadRing("the bounds of a slab do not fit")
        self.name, self.generation, self.piece_bytes = name, generation, words[_PIECE_BYTES]
        self.version = -1
        self.pieces: dict[int, _Piece] = {}

    def numbers(self) -> list[int]:
        return [number for number in self.words[_TABLE_AT : _TABLE_AT + TABLE_SLOTS].tolist() if number]

    def look(self) -> None:
        """Attach to what the pool has added, let go of what it has taken. Cheap when nothing changed."""
        version = self.words[VERSION]
        if version == self.version:
            return
        before, self.pieces = self.pieces, {}
        for number in self.numbers():
            try:
                self.pieces[number] = before.get(number) or _Piece(
                    attach(piece_name(self.name, number, self.piece_bytes)), self.generation, number
                )
            except (OSError, ValueError, BadRing):
                continue  # taken at this moment, or damaged: what it held is lost
        self.version = version


class RingWriter:
    """The worker's end, for one thread. `begin` at each opening of the camera, then `put`; neither ever waits."""

    def __init__(self, name: str, generation: int) -> None:
        """Raises FileNotFoundError (the slab has gone) and BadRing."""
        self._slab = _Slab(name, generation)
        words = self._slab.words
        words[_WRITERS] += 1
        self._writer = words[_WRITERS] & 0xFFFFFF
        self._slab.look()
        self._piece, last = self._newest()
        self._sequence = max(words[_LAST], last) + 1
        self._codec = b""
        self._meter = Meter()
        self._wait_key = True

    def _newest(self) -> tuple[_Piece | None, int]:
        """Where the writer before us stopped, and the last sequence there."""
        piece = max(self._slab.pieces.values(), key=lambda piece: piece.words[OPENING], default=None)
        if piece is None or not (opening := piece.words[OPENING]):
            return None, 0
        entries = (piece.entry(slot, opening) for slot in range(piece.committed()[0]))
        last = max((entry.sequence for entry in entries if entry), default=opening >> 24)
        return (piece if piece.room() and piece.codec_bytes(opening) is not None else None), last

    def begin(self, codec: Codec) -> bool:
        """A new opening of the camera. False: its codec data are too long, nothing will be kept."""
        raw = msgspec.msgpack.encode(codec)
        self._codec = raw if len(raw) <= _CODEC_MAX else b""
        piece = self._piece
        if piece is not None and piece.codec_bytes(piece.words[OPENING]) != raw:
            self._piece = None
        self._break()
        return bool(self._codec)

    def _break(self) -> None:
        """A hole in the sequence: readers go on at the next key frame."""
        self._sequence += 1
        self._wait_key = True

    @property
    def lost(self) -> int:
        """Packets that found no room."""
        return self._slab.words[_LOST]

    def tidy(self) -> None:
        """Let go of memory that the pool has taken. `put` does it too; call this where no packets come."""
        slab = self._slab
        slab.look()
        if self._piece is not None and self._piece.number not in slab.pieces:
            self._piece = None
        slab.words[SEEN] = slab.version

    def put(self, data: bytes | memoryview, pts: int, dts: int, key: bool, mono_ns: int, wall_ns: int) -> bool:
        """Keep a packet. False: not kept (no room, too large, or no key frame yet), and readers will see a hole.

        Pictures before the first key frame are of no use to anybody, and not kept.
        """
        words = self._slab.words
        if self._slab.version != words[VERSION]:
            self.tidy()
        view = memoryview(data).cast("B")
        if not view or not self._codec or (self._wait_key and not key):
            return False
        self._meter.take(len(view), mono_ns)
        words[BITS] = self._meter.bits_per_s
        if len(view) > MAX_PACKET or not self._store(view, mono_ns, wall_ns, pts, dts, _KEY if key else 0):
            words[_LOST] += 1
            self._break()
            return False
        words[_LAST] = self._sequence - 1
        self._wait_key = False
        return True

    def _store(self, view: memoryview, mono_ns: int, wall_ns: int, pts: int, dts: int, key: int) -> bool:
        done = 0
        while True:
            rest = len(view) - done
            room = self._piece.room() if self._piece is not None else 0
            if room < min(rest, _SMALLEST_PART):
                if not self._open_next():
                    return False
                continue
            assert self._piece is not None
            size = min(rest, room)
            flags = key | (0 if done else _START) | (_MORE if size < rest else 0)
            self._piece.add(self._sequence, view[done : done + size], mono_ns, wall_ns, pts, dts, flags)
            self._sequence += 1
            done += size
            if done == len(view):
                return True

    def _open_next(self) -> bool:
        """Go on in an unused piece, or in the oldest one, whose records go. False: there is none."""
        slab = self._slab
        for _ in range(4):
            pieces = sorted(slab.pieces.values(), key=lambda piece: piece.words[OPENING])
            others = [piece for piece in pieces if piece is not self._piece] or pieces
            if not others:
                return False
            piece = others[0]
            # The pool looks at CURRENT after it has taken a piece out of the table, and we at the table after we
            # have written CURRENT: one of the two always sees the other.
            slab.words[CURRENT] = piece.number
            if piece.number in slab.numbers():
                piece.open(self._sequence << 24 | self._writer, self._codec)
                self._piece = piece
                return True
            slab.look()
        return False


class _Held:
    """What a reader knows of one piece: its index so far. Entries never change within an opening."""

    def __init__(self, piece: _Piece) -> None:
        self.piece = piece
        self.opening = 0
        self.codec: Codec | None = None
        self.entries: list[Entry] = []
        self._slots = 0

    def look(self) -> None:
        piece = self.piece
        opening = piece.words[OPENING]
        if opening != self.opening or not opening:
            self.opening, self.entries, self._slots, self.codec = opening, [], 0, None
            raw = piece.codec_bytes(opening) if opening else None
            if raw is not None:
                try:
                    self.codec = msgspec.msgpack.decode(raw, type=Codec)
                except msgspec.DecodeError:
                    self.codec = None
        if self.codec is None:
            self.opening = 0  # looked at afresh the next time
            return
        count = piece.committed()[0]
        for slot in range(self._slots, count):
            if (entry := piece.entry(slot, opening)) is not None:
                self.entries.append(entry)
        self._slots = max(self._slots, count)
        if piece.words[OPENING] != opening:
            self.opening, self.entries, self._slots, self.codec = 0, [], 0, None

    def data(self, entry: Entry) -> bytes | None:
        """A copy; None: overwritten or damaged."""
        raw = self.piece.memory[entry.offset : entry.offset + entry.length]
        return raw if zlib.crc32(raw) == entry.crc and self.piece.words[OPENING] == self.opening else None


class RingReader:
    """A reader's end, for one thread. Changes nothing in the ring, and holds nothing in it."""

    def __init__(self, name: str, generation: int) -> None:
        """Raises FileNotFoundError (the slab has gone) and BadRing."""
        self._slab = _Slab(name, generation)
        self._held: dict[int, _Held] = {}
        self._order: list[_Held] = []

    def _look(self) -> None:
        self._slab.look()
        self._held = {
            number: held if (held := self._held.get(number)) and held.piece is piece else _Held(piece)
            for number, piece in self._slab.pieces.items()
        }
        for held in self._held.values():
            held.look()
        self._order = sorted((held for held in self._held.values() if held.opening), key=lambda held: held.opening)

    def _from(self, sequence: int) -> Iterator[tuple[_Held, Entry]]:
        """Entries from this sequence on, in order."""
        first = max(0, bisect_right(self._order, sequence, key=lambda held: held.opening >> 24) - 1)
        for held in self._order[first:]:
            for entry in held.entries[bisect_left(held.entries, sequence, key=lambda entry: entry.sequence) :]:
                yield held, entry

    def index(self) -> list[Entry]:
        """All records that are held, oldest first; those of a group whose key frame has gone, too."""
        self._look()
        return [entry for held in self._order for entry in held.entries]

    def keys(self) -> list[Entry]:
        """The key frames that are held, oldest first."""
        return [entry for entry in self.index() if entry.flags & (_KEY | _START) == _KEY | _START]

    def span(self) -> tuple[int, int] | None:
        """Monotonic times of the oldest key frame and of the newest packet; None: nothing can be shown."""
        index = self.index()
        oldest = next((entry.mono_ns for entry in index if entry.flags & (_KEY | _START) == _KEY | _START), None)
        return None if oldest is None else (oldest, max(oldest, index[-1].mono_ns))

    @property
    def held_s(self) -> float:
        """Seconds that can be shown."""
        span = self.span()
        return (span[1] - span[0]) / 1e9 if span else 0.0

    def seek(self, mono_ns: int) -> int | None:
        """Where to begin for this time: `after()` it comes the key frame before the time, else the oldest one.

        None: there is nothing.
        """
        keys = self.keys()
        if not keys:
            return None
        before = [key for key in keys if key.mono_ns <= mono_ns]
        return (before[-1] if before else keys[0]).sequence - 1

    def after(self, sequence: int) -> RingPacket | None:
        """The next packet after `sequence`; None: none yet.

        `gap`: the next one was lost, damaged or overwritten, or another opening follows: it goes on at a key frame.
        """
        self._look()
        if packet := self._whole(sequence + 1, gap=False):
            return packet
        # The writer may have gone on to the next piece between our looks at the two: only a second look tells.
        self._look()
        if packet := self._whole(sequence + 1, gap=False):
            return packet
        keys = [e.sequence for _, e in self._from(sequence + 1) if e.flags & (_KEY | _START) == _KEY | _START]
        return next((packet for key in keys if (packet := self._whole(key, gap=True))), None)

    def _whole(self, sequence: int, *, gap: bool) -> RingPacket | None:
        """The packet whose first record is `sequence`; None: not (yet) all there."""
        parts: list[bytes] = []
        size = 0
        first: Entry | None = None
        for held, entry in self._from(sequence):
            starts = bool(entry.flags & _START)
            if entry.sequence != sequence + len(parts) or starts != (first is None):
                return None
            data = held.data(entry)
            size += entry.length
            if data is None or size > MAX_PACKET or held.codec is None:
                return None
            first = first or entry
            parts.append(data)
            if not entry.flags & _MORE:
                return RingPacket(
                    sequence=entry.sequence,
                    mono_ns=first.mono_ns,
                    wall_ns=first.wall_ns,
                    pts=first.pts,
                    dts=first.dts,
                    key=bool(first.flags & _KEY),
                    data=parts[0] if len(parts) == 1 else b"".join(parts),
                    codec=held.codec,
                    gap=gap,
                )
        return None
