"""The memory of all packet rings, in the supervisor: real memory, never more than the budget.

Each stream has a slab, which gets pieces as it fills them. When the budget is used up, streams share it by bitrate,
so that all hold about the same number of seconds: who has more than its share gives its oldest piece. A piece that
was taken counts until its writer has let go of it. Called by one thread, or under one lock.

Must not: read packets, or know what a camera is.
"""

from __future__ import annotations

import logging
import math
import mmap
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, Protocol, TypeVar

from backends.video.ring import span_of
from backends.video.ring_layout import (
    BITS,
    CURRENT,
    OPENING,
    PIECE_BYTES,
    SEEN,
    SLAB_BYTES,
    TABLE_AT,
    TABLE_SLOTS,
    VERSION,
    BadRing,
    Slab,
    format_piece,
    format_slab,
)
from backends.video.segment import NoPictureMemory, free_bytes

log = logging.getLogger(__name__)

BUDGET = 512 << 20
"""Bytes (design, section 6)."""
LEAVE = 100_000_000
"""Bytes of shared memory that pictures need (a full wall of 64 tiles); packets come after them."""
KEEP_S = 120.0
"""What nobody shows any more is kept for this long, unless its memory is wanted earlier."""
RETIRE_S = 5.0
"""A writer that has not let go by then is dead (a hung worker is killed after 2 s)."""
USUAL_BITS = 1_000_000
"""Bits a second that a stream is taken to send until its rate is known."""
_FEWEST_BITS, _MOST_BITS = 64_000, 200_000_000
_AHEAD_S = 2.0
"""A stream is given room for what it sends in this time before it must throw away its oldest."""
_FIRST_NUMBER = 1 << 40
"""Segments are numbered by whoever makes them: far above the numbers of pictures."""

K = TypeVar("K", bound=Hashable)


class Memory(Protocol):
    """`segment.Segments`."""

    def create(self, number: int, size: int) -> tuple[str, mmap.mmap]: ...

    def remove(self, name: str) -> None: ...


class _Slab:
    def __init__(self, name: str, memory: mmap.mmap, generation: int) -> None:
        self.name = name
        self.generation = generation
        self.words = memoryview(memory).cast("Q")
        self.pieces: dict[int, tuple[str, memoryview]] = {}
        self.version = 0
        self.unwanted_since: float | None = None
        self.share = 0.0
        """Pieces that it ought to have."""
        self.view: Slab | None = None

    @property
    def bits(self) -> int:
        """A second; within bounds, whatever the memory says."""
        return min(_MOST_BITS, max(_FEWEST_BITS, self.words[BITS] or USUAL_BITS))

    def put(self, before: int, after: int) -> bool:
        """Change one place of the table (0 = free) and say that it has changed. False: there is no such place."""
        table = self.words[TABLE_AT : TABLE_AT + TABLE_SLOTS].tolist()
        found = before in table
        if found:
            self.words[TABLE_AT + table.index(before)] = after
        self.version += 1
        self.words[VERSION] = self.version
        return found

    def unused(self) -> int:
        return sum(not words[OPENING] for _, words in self.pieces.values())

    def oldest(self) -> int | None:
        """The piece to give away: an unused one, else the oldest; never the one that is being written."""
        current = self.words[CURRENT]
        return min((n for n in self.pieces if n != current), key=lambda n: self.pieces[n][1][OPENING], default=None)


class RingPool(Generic[K]):
    """Slabs by stream. `want` whenever it changes, `balance` once or twice a second."""

    def __init__(
        self,
        memory: Memory,
        budget: int = BUDGET,
        *,
        piece_bytes: int = PIECE_BYTES,
        leave: int = LEAVE,
        clock: Callable[[], float] = time.monotonic,
        free: Callable[[], int] = free_bytes,
    ) -> None:
        """`budget` in bytes, 0 = no rings. `leave`: bytes of shared memory that are not touched."""
        self._memory = memory
        self._budget = budget
        self._piece_bytes = piece_bytes
        self._leave = leave
        self._clock = clock
        self._free = free
        self._number = _FIRST_NUMBER
        self._slabs: dict[K, _Slab] = {}
        self._waiting: set[K] = set()
        self._retired: list[tuple[_Slab | None, int, float, int]] = []
        self._scarce = False

    def want(self, streams: Iterable[K]) -> None:
        """These are shown now. The rest is kept for a while."""
        now = self._clock()
        wanted = set(streams)
        for key, slab in self._slabs.items():
            if key in wanted:
                slab.unwanted_since = None
            elif slab.unwanted_since is None:
                slab.unwanted_since = now
        self._waiting = wanted - self._slabs.keys()
        self.balance()

    def slab(self, stream: K) -> tuple[str, int] | None:
        """Segment and generation for `RingWriter` and `RingReader`; None: there is no room for it (yet)."""
        slab = self._slabs.get(stream)
        return (slab.name, slab.generation) if slab else None

    def held_s(self, stream: K) -> float:
        """Seconds that can be shown of it."""
        slab = self._slabs.get(stream)
        if slab is None:
            return 0.0
        try:
            slab.view = slab.view or Slab(slab.name, slab.generation)
        except (OSError, BadRing):
            return 0.0
        span = span_of(slab.view)
        return (span[1] - span[0]) / 1e9 if span else 0.0

    @property
    def used(self) -> int:
        """Bytes of real memory, what writers have not yet let go of included."""
        pieces = sum(len(slab.pieces) for slab in self._slabs.values())
        return len(self._slabs) * SLAB_BYTES + pieces * self._piece_bytes + sum(size for *_, size in self._retired)

    def close(self) -> None:
        """Take all away; a worker that still writes keeps its memory until it ends."""
        for key in list(self._slabs):
            self._drop(key)
        self._waiting.clear()

    def balance(self) -> None:
        """Give pieces to those who fill theirs, and take from those who have more than their share."""
        now = self._clock()
        self._retired = [
            item
            for item in self._retired
            if now - item[2] < RETIRE_S and (item[0] is None or item[0].words[SEEN] < item[1])
        ]
        for key, slab in list(self._slabs.items()):
            if slab.unwanted_since is not None and (now - slab.unwanted_since >= KEEP_S or not slab.pieces):
                self._drop(key)
        for key in sorted(self._waiting, key=str):
            if not self._make(key):
                self._take_from_richest()
        self._reckon()
        wanted = [slab for slab in self._slabs.values() if slab.unwanted_since is None]
        short = False
        for slab in sorted(wanted, key=lambda slab: len(slab.pieces) / slab.share):
            # A piece that was taken serves those below their share first; what nobody needs, anybody may have.
            while self._lacks(slab) and not (short and len(slab.pieces) + 1 > slab.share):
                if not self._grow(slab):
                    if len(slab.pieces) + 1 <= slab.share:
                        short = True
                        self._take_from_richest()
                    break

    def _reckon(self) -> None:
        """Shares by bitrate; two pieces at least, or one cannot be thrown away while the other is written."""
        wanted = [slab for slab in self._slabs.values() if slab.unwanted_since is None]
        pieces = max(0, self._budget - len(self._slabs) * SLAB_BYTES) // self._piece_bytes
        total = sum(slab.bits for slab in wanted)
        least = max(1, min(2, pieces // len(wanted))) if wanted else 0
        for slab in self._slabs.values():
            slab.share = max(least, pieces * slab.bits / total) if slab.unwanted_since is None else 0.0

    def _lacks(self, slab: _Slab) -> bool:
        ahead = math.ceil(slab.bits * _AHEAD_S / 8 / self._piece_bytes)
        return len(slab.pieces) < 2 or (slab.unused() < ahead and len(slab.pieces) < TABLE_SLOTS)

    def _room(self, size: int) -> bool:
        return self.used + size <= self._budget and self._free() - size >= self._leave

    def _create(self, size: int) -> tuple[str, mmap.mmap] | None:
        if not self._room(size):
            return None
        self._number += 1
        try:
            made = self._memory.create(self._number, size)
        except NoPictureMemory as error:
            if not self._scarce:
                log.warning("packets are kept for a shorter time: %s", error)
            self._scarce = True
            return None
        self._scarce = False
        return made

    def _make(self, key: K) -> bool:
        if (made := self._create(SLAB_BYTES)) is None:
            return False
        name, memory = made
        format_slab(memory, self._number, self._piece_bytes)
        self._slabs[key] = _Slab(name, memory, self._number)
        self._waiting.discard(key)
        return True

    def _grow(self, slab: _Slab) -> bool:
        if (made := self._create(self._piece_bytes)) is None:
            return False
        name, memory = made
        format_piece(memory, slab.generation, self._number)
        slab.pieces[self._number] = name, memoryview(memory).cast("Q")
        slab.put(0, self._number)
        return True

    def _take_from_richest(self) -> bool:
        """Take the oldest piece of who is most above its share."""
        able = [slab for slab in self._slabs.values() if len(slab.pieces) - 1 >= slab.share]
        richest = max(able, key=lambda slab: (len(slab.pieces) - slab.share) / (slab.share or 0.1), default=None)
        return richest is not None and self._take(richest)

    def _take(self, slab: _Slab) -> bool:
        number = slab.oldest()
        if number is None and slab.unwanted_since is not None:
            number = next(iter(slab.pieces), None)
        if number is None:
            return False
        slab.put(number, 0)
        if slab.words[CURRENT] == number and slab.unwanted_since is None:
            # The writer has just gone on to it (see RingWriter._open_next).
            slab.put(0, number)
            return False
        self._memory.remove(slab.pieces.pop(number)[0])
        self._retired.append((slab, slab.version, self._clock(), self._piece_bytes))
        return True

    def _drop(self, key: K) -> None:
        slab = self._slabs.pop(key)
        for name, _ in slab.pieces.values():
            self._memory.remove(name)
        self._memory.remove(slab.name)
        # Its worker lets go of all at its next order.
        self._retired.append((None, 0, self._clock(), SLAB_BYTES + len(slab.pieces) * self._piece_bytes))
