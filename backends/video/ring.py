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

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from backends.video.metering import Meter
from backends.video.ring_layout import (
    BITS,
    CODEC_MAX,
    CURRENT,
    KEY,
    LAST,
    LOST,
    MAX_PACKET,
    MORE,
    OPENING,
    SEEN,
    SMALLEST_PART,
    START,
    VERSION,
    WRITERS,
    Codec,
    Entry,
    Piece,
    RingPacket,
    Slab,
)

_TOO_MANY = 1 << 39
"""Records; a count that claims more is damaged."""


class RingWriter:
    """The worker's end, for one thread. `begin` at each opening of the camera, then `put`; neither ever waits."""

    def __init__(self, name: str, generation: int) -> None:
        """Raises FileNotFoundError (the slab has gone) and BadRing."""
        self._slab = Slab(name, generation)
        words = self._slab.words
        words[WRITERS] = words[WRITERS] + 1 & 0xFFFFFF
        self._writer = words[WRITERS]
        self._slab.look()
        words[SEEN] = self._slab.version
        self._piece, last = self._newest()
        self._sequence = max(words[LAST] if words[LAST] < _TOO_MANY else 0, last) + 1
        self._codec = b""
        self._meter = Meter()
        self._wait_key = True

    def _newest(self) -> tuple[Piece | None, int]:
        """Where the writer before us stopped, and the last sequence there."""
        piece = max(self._slab.pieces.values(), key=Piece.opened, default=None)
        if piece is None or not (opening := piece.opened()):
            return None, 0
        entries = (piece.entry(slot, opening) for slot in range(piece.committed()[0]))
        last = max((entry.sequence for entry in entries if entry), default=opening >> 24)
        return piece, last

    def begin(self, codec: Codec) -> bool:
        """A new opening of the camera. False: its codec data are too long, nothing will be kept."""
        raw = msgspec.msgpack.encode(codec)
        self._codec = raw if len(raw) <= CODEC_MAX else b""
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
        return self._slab.words[LOST]

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
        if len(view) > MAX_PACKET or not self._store(view, mono_ns, wall_ns, pts, dts, KEY if key else 0):
            words[LOST] = words[LOST] + 1 & 0xFFFFFFFF
            self._break()
            return False
        words[LAST] = self._sequence - 1
        self._wait_key = False
        return True

    def _store(self, view: memoryview, mono_ns: int, wall_ns: int, pts: int, dts: int, key: int) -> bool:
        done = 0
        while True:
            rest = len(view) - done
            room = self._piece.room() if self._piece is not None else 0
            if room < min(rest, SMALLEST_PART):
                if not self._open_next():
                    return False
                continue
            assert self._piece is not None
            size = min(rest, room)
            flags = key | (0 if done else START) | (MORE if size < rest else 0)
            self._piece.add(self._sequence, view[done : done + size], mono_ns, wall_ns, pts, dts, flags)
            self._sequence += 1
            done += size
            if done == len(view):
                return True

    def _open_next(self) -> bool:
        """Go on in an unused piece, or in the oldest one, whose records go. False: there is none."""
        slab = self._slab
        for _ in range(4):
            pieces = sorted(slab.pieces.values(), key=Piece.opened)
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


def span_of(slab: Slab) -> tuple[int, int] | None:
    """Monotonic times of the oldest key frame and of the newest packet; None: nothing can be shown.

    Looks at a record or two, however much is held: who only asks for this keeps no index.
    """
    slab.look()
    pieces = sorted(((opening, piece) for piece in slab.pieces.values() if (opening := piece.opened())), key=_opening)
    oldest = next((entry.mono_ns for at in pieces for entry in _entries(*at) if _is_key(entry)), None)
    newest = next((entry.mono_ns for at in reversed(pieces) for entry in _entries(*at, newest_first=True)), None)
    return None if oldest is None or newest is None else (oldest, max(oldest, newest))


def _opening(at: tuple[int, Piece]) -> int:
    return at[0]


def _entries(opening: int, piece: Piece, *, newest_first: bool = False) -> Iterator[Entry]:
    slots = range(piece.committed()[0])
    return (
        entry
        for slot in (reversed(slots) if newest_first else slots)
        if (entry := piece.entry(slot, opening)) is not None
    )


def _is_key(entry: Entry) -> bool:
    """The first record of a key frame."""
    return entry.flags & (KEY | START) == KEY | START


class _Held:
    """What a reader knows of one piece: its index so far. Entries never change within an opening."""

    def __init__(self, piece: Piece) -> None:
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
        self._slab = Slab(name, generation)
        self._version = -1
        self._held: dict[int, _Held] = {}
        self._order: list[_Held] = []

    def _look(self) -> None:
        self._slab.look()
        if self._version != self._slab.version:
            self._version = self._slab.version
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
        return [entry for entry in self.index() if _is_key(entry)]

    def span(self) -> tuple[int, int] | None:
        """Monotonic times of the oldest key frame and of the newest packet; None: nothing can be shown."""
        return span_of(self._slab)

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
        # What is known of the index is enough while catching up: data that were overwritten do not fit their CRC.
        if packet := self._whole(sequence + 1, gap=False):
            return packet
        self._look()
        if packet := self._whole(sequence + 1, gap=False):
            return packet
        # The writer may have gone on to the next piece between our looks at the two: only a second look tells.
        self._look()
        if packet := self._whole(sequence + 1, gap=False):
            return packet
        keys = [e.sequence for _, e in self._from(sequence + 1) if _is_key(e)]
        return next((packet for key in keys if (packet := self._whole(key, gap=True))), None)

    def _whole(self, sequence: int, *, gap: bool) -> RingPacket | None:
        """The packet whose first record is `sequence`; None: not (yet) all there."""
        parts: list[bytes] = []
        size = 0
        first: Entry | None = None
        for held, entry in self._from(sequence):
            starts = bool(entry.flags & START)
            if entry.sequence != sequence + len(parts) or starts != (first is None):
                return None
            data = held.data(entry)
            size += entry.length
            if data is None or size > MAX_PACKET or held.codec is None:
                return None
            first = first or entry
            parts.append(data)
            if not entry.flags & MORE:
                return RingPacket(
                    sequence=entry.sequence,
                    mono_ns=first.mono_ns,
                    wall_ns=first.wall_ns,
                    pts=first.pts,
                    dts=first.dts,
                    key=bool(first.flags & KEY),
                    data=parts[0] if len(parts) == 1 else b"".join(parts),
                    codec=held.codec,
                    gap=gap,
                )
        return None
