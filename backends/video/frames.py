"""One output of one stream in shared memory: a checked header and three buffers of YUV 4:2:0.

Newest wins. The writer (a decoder worker) never touches the newest buffer nor the one that the reader
(the GUI thread) has pinned, so three are enough; sequence numbers around every buffer tell a torn read,
which is retried and counted. The age of the picture is reckoned by the READER from the monotonic stamp of
the last new frame: a writer that is dead or hung cannot look live. No locks, no system calls.

Layout, in 8-byte words: 0-7 fixed when the segment is made (7 is their CRC-32); 8-31 written by the
worker; 32-33 by the reader; 34-47 by the worker, since when each flag is up; 48-50 what the numbers of each
buffer mean; the reason in words from byte 512; buffers (`planes`) from byte 4096. Little-endian machines only,
as all that this program runs on are.

Must not: allocate memory (that is `segment`), decode, or know about cameras.
"""

from __future__ import annotations

import mmap
import struct
import time
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backends.domain.camera import PictureState, PictureStatus
from backends.domain.picture import DEVICES, FLAGS, Decoding, Raised, bits_of, flags_of
from backends.video.planes import Colours, Planes, bytes_of, colours_of, stride_of

MAGIC = int.from_bytes(b"IOCPIC03", "little")
SLOTS = 3
HEADER_BYTES = 4096
MAX_SIDE = 16384
"""Pixels; a header that claims more is damaged."""

_GENERATION, _WIDTH, _HEIGHT, _STRIDE, _SLOTS, _SLOT_BYTES, _CRC = range(1, 8)
_NEWEST, _STAMP, _INTERVAL, _RECEIVED, _STATE, _RECONNECTS, _REASON_SEQ, _REASON_LEN, _SOURCE, _SINCE = range(8, 18)
_BITRATE, _BAD, _FLAGS, _LATE = 18, 19, 20, 21
_SHOWN, _SHOWN_MONO = 22, 23
_BEGIN, _END = 24, 27
_UNSMOOTHED, _DECODING = 30, 31
_PINNED, _TORN = 32, 33
_FLAG_SINCE = 34
_COLOURS = 48
_REASON_AT, _REASON_MAX = 512, 480

SLOW_S = 1.5
"""No new picture for this long, or for three usual intervals if that is longer: SLOW (design, section 6)."""
LOST_S = 5.0
"""No new picture for this long: LOST (design, section 6)."""

STATES = (
    PictureState.CONNECTING,
    PictureState.WAITING_KEY,
    PictureState.LIVE,
    PictureState.REFUSED,
    PictureState.NO_SOURCE,
    PictureState.DISABLED,
    PictureState.REPLAY,
    PictureState.ENDED,
)
"""What a worker may say; its place here is the number in the header. SLOW and LOST are the reader's."""
_CODE = {state: code for code, state in enumerate(STATES)}
_LIVE, _REPLAY = _CODE[PictureState.LIVE], _CODE[PictureState.REPLAY]

_DECODINGS = tuple(Decoding)

Clock = Callable[[], int]
Pixels = npt.NDArray[np.uint8]


class BadFrameHeader(Exception):
    """The memory is not an output of ours, or its bounds do not fit the memory."""


def segment_size(width: int, height: int) -> int:
    """Bytes of an output: header and three buffers, each on a page of its own."""
    return HEADER_BYTES + SLOTS * _slot_bytes(width, height)


def _slot_bytes(width: int, height: int) -> int:
    return (bytes_of(width, height) + 4095) // 4096 * 4096


def format_segment(memory: mmap.mmap, generation: int, width: int, height: int, now_ns: int | None = None) -> None:
    """Write the fixed part of the header into zeroed memory. `generation` differs for every output ever made."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise BadFrameHeader(f"a picture of {width} x {height} pixels is not possible")
    words = memoryview(memory).cast("Q")
    fixed = (MAGIC, generation, width, height, stride_of(width), SLOTS, _slot_bytes(width, height))
    words[:7] = memoryview(struct.pack("<7Q", *fixed)).cast("Q")
    words[_CRC] = zlib.crc32(struct.pack("<7Q", *fixed))
    words[_SINCE] = time.monotonic_ns() if now_ns is None else now_ns


class _Output:
    """What reader and writer share: the checked bounds and the views on the buffers."""

    def __init__(self, memory: mmap.mmap, generation: int) -> None:
        if len(memory) < HEADER_BYTES:
            raise BadFrameHeader(f"{len(memory)} bytes are too few for a header")
        self._words = words = memoryview(memory).cast("Q")
        magic, found, width, height, stride, slots, slot_bytes = words[:7]
        if magic != MAGIC or words[_CRC] != zlib.crc32(words[:7].tobytes()):
            raise BadFrameHeader("the header is not one of ours, or is damaged")
        if found != generation:
            raise BadFrameHeader(f"generation {found} found where {generation} was assigned")
        if (
            not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE)
            or slots != SLOTS
            or stride != stride_of(width)
            or slot_bytes != _slot_bytes(width, height)
            or HEADER_BYTES + slots * slot_bytes > len(memory)
        ):
            raise BadFrameHeader(f"the bounds of the header ({width} x {height}) do not fit the memory")
        self.generation, self.width, self.height = generation, width, height
        self._memory = memory
        self.buffers = [Planes(memory, width, height, HEADER_BYTES + i * slot_bytes) for i in range(SLOTS)]


class About(NamedTuple):
    """What a worker tells of a stream beside its pictures; the same for all its outputs."""

    size: tuple[int, int] = (0, 0)
    """Of the decoded picture before scaling."""
    smoothed: bool = True
    """Its codec has a loop filter."""
    bits_per_s: int = 0
    """What the stream sends."""
    bad: int = 0
    """How much of it could not be decoded."""
    late: int = 0
    """Frames that were drawn more than one usual interval after they came."""
    decoding: Decoding = Decoding.PLAIN
    """What decodes it now."""
    device: str = ""
    """One of `DEVICES`, or empty."""


class FrameWriter(_Output):
    """The worker's end. One writer at a time; a new one goes on counting where a dead one stopped."""

    def begin(self) -> Planes:
        """The buffer to draw the next picture into: neither the newest nor the pinned one."""
        words = self._words
        newest, pinned = words[_NEWEST], words[_PINNED] - 1
        busy = newest & 3 if newest else -1
        slot = 0
        while slot in (busy, pinned):
            slot += 1
        self._slot = slot
        self._sequence = (newest >> 2 if newest else self.generation << 32) + 1
        words[_BEGIN + slot] = self._sequence
        return self.buffers[slot]

    def publish(self, stamp_ns: int, interval_ns: int, received: int, colours: Colours) -> int:
        """The buffer of `begin` is now the newest picture. Returns its sequence.

        `stamp_ns`: monotonic clock at the arrival of the frame; `interval_ns`: the usual time between two; `colours`:
        what the numbers in the buffer mean. The order counts: the newest is said last.
        """
        words, slot = self._words, self._slot
        words[_COLOURS + slot] = colours.word
        words[_END + slot] = self._sequence
        words[_INTERVAL] = interval_ns
        words[_RECEIVED] = received
        words[_STAMP] = stamp_ns
        words[_STATE] = _REPLAY if words[_SHOWN] else _LIVE
        words[_NEWEST] = self._sequence << 2 | slot
        return self._sequence

    def say(self, state: PictureState, reason: str = "", reconnects: int = 0) -> None:
        """What the worker knows about the connection; `reason` is for people and holds no secret."""
        words = self._words
        text = reason.encode()[:_REASON_MAX]
        words[_REASON_SEQ] += 1  # odd: being written
        self._memory[_REASON_AT : _REASON_AT + len(text)] = text
        words[_REASON_LEN] = len(text)
        words[_REASON_SEQ] += 1
        words[_RECONNECTS] = reconnects
        words[_STATE] = _CODE[state]

    def say_about(self, about: About) -> None:
        """Of the stream; before `publish`, where it has changed."""
        words = self._words
        width, height = about.size
        words[_SOURCE] = width << 32 | height
        words[_UNSMOOTHED] = not about.smoothed
        words[_BITRATE] = about.bits_per_s
        words[_BAD] = about.bad
        words[_LATE] = about.late
        device = DEVICES.index(about.device) + 1 if about.device else 0
        words[_DECODING] = _DECODINGS.index(about.decoding) | device << 8

    def say_health(self, raised: tuple[Raised, ...]) -> None:
        """What is wrong with the pictures that come, and since when (monotonic)."""
        for one in raised:
            self._words[_FLAG_SINCE + FLAGS.index(one.flag)] = one.since_ns
        self._words[_FLAGS] = bits_of(raised)

    def say_when(self, mono_ns: int, wall_ns: int) -> None:
        """The picture of the next `publish` is an old one, received then. An output shows the past from its first
        picture on, or never."""
        self._words[_SHOWN_MONO] = mono_ns
        self._words[_SHOWN] = wall_ns

    def say_stamp(self, stamp_ns: int, interval_ns: int) -> None:
        """When the last new frame came, for an output that was added after it: it must not look younger."""
        self._words[_STAMP] = stamp_ns
        self._words[_INTERVAL] = interval_ns

    @property
    def shown_mono_ns(self) -> int:
        """Of an output that shows the past: where the writer before us had come to."""
        return self._words[_SHOWN_MONO]

    @property
    def shown_ns(self) -> int:
        """The same, UTC."""
        return self._words[_SHOWN]

    @property
    def received(self) -> int:
        return self._words[_RECEIVED]

    @property
    def reconnects(self) -> int:
        return self._words[_RECONNECTS]

    @property
    def bad(self) -> int:
        return self._words[_BAD]

    @property
    def late(self) -> int:
        return self._words[_LATE]


class PinnedFrame:
    """A picture that the writer keeps away from until it is let go."""

    __slots__ = ("colours", "height", "planes", "sequence", "width")

    def __init__(self, planes: Planes, sequence: int, colours: Colours) -> None:
        self.planes = planes
        self.width, self.height = planes.width, planes.height
        self.sequence = sequence
        self.colours = colours

    def bgra(self) -> Pixels:
        """Pixels for the screen: (height, width or a few more, 4) BGRA in whole rows, not in shared memory. They stay
        until the next picture of this size is asked for; GUI thread only."""
        from backends.video.swscale import bgra_of  # loads FFmpeg: not in processes that paint nothing

        return bgra_of(self.planes, self.colours)


class FrameReader(_Output):
    """The GUI's end. One thread reads; pins do not nest for one output."""

    def __init__(self, memory: mmap.mmap, generation: int, clock: Clock = time.monotonic_ns) -> None:
        super().__init__(memory, generation)
        self._clock = clock
        for buffer in self.buffers:
            buffer.freeze()

    def sequence(self) -> int:
        """Sequence of the newest picture, 0 = none yet."""
        return self._words[_NEWEST] >> 2

    def pin(self) -> PinnedFrame | None:
        """Keep the newest picture; None: none yet, or (never seen, counted) torn at every try."""
        words = self._words
        for _ in range(8):
            newest = words[_NEWEST]
            if not newest:
                return None
            slot, sequence = newest & 3, newest >> 2
            if slot >= SLOTS:
                break  # damaged: never index by what memory says without looking
            words[_PINNED] = slot + 1
            if words[_NEWEST] == newest and words[_BEGIN + slot] == words[_END + slot] == sequence:
                return PinnedFrame(self.buffers[slot], sequence, colours_of(words[_COLOURS + slot]))
            words[_TORN] += 1
        self.unpin(None)
        return None

    def unpin(self, pinned: PinnedFrame | None) -> bool:
        """Let go. False: the picture was overwritten while it was being read; counted, paint it again."""
        words = self._words
        slot = words[_PINNED] - 1
        words[_PINNED] = 0
        if pinned is None or not 0 <= slot < SLOTS or words[_BEGIN + slot] == pinned.sequence:
            return True
        words[_TORN] += 1
        return False

    @property
    def smoothed(self) -> bool:
        """Its codec has a loop filter; also as long as that is not known."""
        return not self._words[_UNSMOOTHED]

    def age_s(self) -> float:
        """Seconds since the last new picture, or since the output was made where none has come."""
        return max(0, self._clock() - (self._words[_STAMP] or self._words[_SINCE])) / 1e9

    def counts(self) -> tuple[int, int]:
        """Frames received, and how many of them were late."""
        return self._words[_RECEIVED], self._words[_LATE]

    def source_size(self) -> tuple[int, int]:
        """Width and height of the decoded picture before scaling; (0, 0) = not known yet."""
        word = self._words[_SOURCE]
        return word >> 32, word & 0xFFFFFFFF

    def status(self) -> PictureStatus:
        """The state as of now. What the worker last said counts only as far as the picture's age allows."""
        words = self._words
        code = words[_STATE]
        said = STATES[code] if code < len(STATES) else PictureState.CONNECTING
        stamp, interval = words[_STAMP], words[_INTERVAL]
        age_s = self.age_s()
        reason = self._reason() if words[_REASON_LEN] else ""
        decoding, device = words[_DECODING] & 0xFF, words[_DECODING] >> 8
        return PictureStatus(
            state=judge(said, stamp != 0, age_s, interval / 1e9, bool(reason), past=words[_SHOWN] != 0),
            age_s=age_s,
            received=words[_RECEIVED],
            fps=1e9 / interval if interval else 0.0,
            reconnects=words[_RECONNECTS],
            torn=words[_TORN],
            reason=reason,
            bits_per_s=words[_BITRATE],
            bad=words[_BAD],
            late=words[_LATE],
            raised=tuple(Raised(flag, words[_FLAG_SINCE + FLAGS.index(flag)]) for flag in flags_of(words[_FLAGS])),
            shown_ns=words[_SHOWN],
            shown_mono_ns=words[_SHOWN_MONO],
            decoding=_DECODINGS[decoding] if decoding < len(_DECODINGS) else Decoding.PLAIN,
            device=DEVICES[device - 1] if 0 < device <= len(DEVICES) else "",
        )

    def _reason(self) -> str:
        words = self._words
        for _ in range(8):
            before = words[_REASON_SEQ]
            text = self._memory[_REASON_AT : _REASON_AT + min(words[_REASON_LEN], _REASON_MAX)]
            if before % 2 == 0 and words[_REASON_SEQ] == before:
                return text.decode(errors="replace")
            words[_TORN] += 1
        return ""


def judge(
    said: PictureState, seen: bool, age_s: float, interval_s: float, failed: bool, *, past: bool = False
) -> PictureState:
    """The state that people see.

    `said` by the worker; `seen`: there has been a picture; `age_s` since the last new one, or since the
    demand; `failed`: an attempt to open ended with a reason; `past`: what is shown is an old picture.
    """
    if said in (PictureState.REFUSED, PictureState.NO_SOURCE, PictureState.DISABLED, PictureState.ENDED):
        return said
    if not seen:
        # A camera that cannot be reached is lost, not "connecting" for ever.
        if failed and age_s >= LOST_S:
            return PictureState.LOST
        return PictureState.CONNECTING if said in (PictureState.LIVE, PictureState.REPLAY) else said
    if age_s >= LOST_S:
        return PictureState.LOST
    if age_s >= max(SLOW_S, 3 * interval_s):
        return PictureState.SLOW
    return PictureState.REPLAY if past else PictureState.LIVE
