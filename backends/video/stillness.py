"""Frozen and repeating pictures, found in the samples of all frames. Pure; times are arguments.

Frozen: the key frames are the same to the bit, which those of a living sensor never are, and for 10 s nothing has
moved visibly. Key frames are compared, because between them an encoder may send nothing at all for a picture that
lives. A word is 8 samples beside each other; words without any structure say nothing (an encoder makes every dark
wall the same), and some of the others may differ: a clock that the camera writes over a sensor that has died. An
encoder that finds its rate writes the same picture in the same bits only after a while (x264 at constant quality: 50
frames), so the bits need be the same for a part of the 10 s only. Not found before that: a dead sensor behind an
encoder that goes on changing its quality (a fixed bit rate that the still picture does not need).

Repeating: every picture has been shown before, within 10 s, and so for two rounds after the first. Only a loop that is
the same to the bit is found: that of a recorder, a file or a stuck buffer; one that is encoded afresh is not.
"""

from __future__ import annotations

import zlib
from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

from backends.video.looks import COLUMNS, ROWS
from backends.video.scaling import Image

FROZEN_NS = 10_000_000_000
"""design, section 6."""
FROZEN_KEYS = 2
FROZEN_BITS_NS = 4_000_000_000
"""For so long the key frames must have been the same to the bit."""
LOOP_NS = 10_000_000_000
"""The longest loop that counts (design, section 6)."""
ROUNDS = 3
_SLACK_NS = 500_000_000
"""A loop that is due after 10 s comes later by what the network adds."""
_SHORTEST_NS = 3_000_000_000
"""Before that nothing repeats: some encoders send a few frames twice."""
_CHANGED = 0.15
"""Share of the words with structure that may differ between key frames of a dead sensor: what a clock takes, and what
the encoder then changes beside it. Measured with x264 at constant quality: a still picture with a clock 0.03 to 0.08; a
living one with hardly any noise (0.3 grey levels) at the coarsest quality (42) 0.90 and more."""
_MOVED = 0.05
"""Share that may change visibly in a picture that is said to stand still."""
_CLOCK_WORDS = 6
"""What a clock may take where there is little structure."""
_MIN_WORDS = 48
"""Words with structure, of 288, below which nothing can be said: fog, a wall, a black picture."""
_STRUCTURE = 6
"""Grey levels between the brightest and the darkest sample of a word."""
_VISIBLE = 16
"""Grey levels: more than what an encoder changes in a picture that stays the same."""
_EVERY_NS = 200_000_000
"""Between two looks for motion: it is the dearest part, and a fifth of a second is nothing to 10 s."""
_FEW = 4
"""Samples that must differ visibly before a loop is one of moving pictures."""
_MISSES = 3.0
"""Pictures in a row that may be new within a loop: frames are lost on the way."""

Words = npt.NDArray[np.uint64]


class Stillness:
    """Of one stream; one thread."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        """When the picture froze, as far as one can see; None: it is not frozen."""
        self._key: Words | None = None
        """The last key frame."""
        self._textured: npt.NDArray[np.bool_] = np.zeros((ROWS, COLUMNS // 8), np.bool_)
        self._count = 0
        self._keys = 0
        self._keys_since_ns = 0
        self._first: Image | None = None
        """The first picture of those that stand still."""
        self._still_since_ns = 0
        self._next_ns = 0

    def step(self, sample: Image, key: bool, now_ns: int) -> None:
        """The next frame. `key`: it was decoded without others before it; true for all frames of JPEG streams."""
        if key:
            self._step_key(sample, now_ns)
        if self._first is None or (now_ns >= self._next_ns and self._moved(sample, self._first)):
            self._first, self._still_since_ns = sample, now_ns
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + _EVERY_NS
        judged = (
            self._keys >= FROZEN_KEYS
            and now_ns - self._keys_since_ns >= FROZEN_BITS_NS
            and now_ns - self._still_since_ns >= FROZEN_NS
        )
        self.since_ns = self._still_since_ns if judged else None

    def _step_key(self, sample: Image, now_ns: int) -> None:
        words = sample.view(np.uint64)
        if self._keys and self._key is not None and self._same(words, self._key):
            self._keys += 1
        else:
            self._keys, self._keys_since_ns = 1, now_ns
        self._key = words
        grouped = sample.reshape(ROWS, COLUMNS // 8, 8)
        self._textured = grouped.max(axis=2) - grouped.min(axis=2) >= _STRUCTURE
        self._count = int(np.count_nonzero(self._textured))
        if self._count < _MIN_WORDS:
            self._keys = 0

    def _same(self, words: Words, other: Words) -> bool:
        """To the bit, a clock apart."""
        changed = int(np.count_nonzero((words != other) & self._textured))
        return changed <= max(_CLOCK_WORDS, _CHANGED * self._count)

    def _moved(self, sample: Image, other: Image) -> bool:
        """They differ so that one can see it, and in more than a clock's place."""
        strong = np.asarray(cv2.compare(cv2.absdiff(sample, other), _VISIBLE, cv2.CMP_GT), np.uint8)
        return int(np.count_nonzero(strong.view(np.uint64))) > max(_CLOCK_WORDS, _MOVED * self._count)


class Loop:
    """Of one stream; one thread."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        """When the loop began for the first time; None: nothing repeats."""
        self._seen: dict[int, int] = {}
        """Picture -> when it was shown last."""
        self._order: deque[tuple[int, int]] = deque()
        self._last = -1
        self._run_since_ns: int | None = None
        self._longest_ns = 0
        self._misses = 0.0
        self._first: Image | None = None
        self._moves = False

    def step(self, sample: Image, now_ns: int) -> None:
        """The next frame."""
        picture = zlib.crc32(sample.data)
        if picture == self._last:
            return
        self._last = picture
        self._forget(now_ns)
        before_ns = self._seen.get(picture)
        self._seen[picture] = now_ns
        self._order.append((now_ns, picture))
        if before_ns is None:
            self._misses += 1
            if self._run_since_ns is not None and self._misses > _MISSES:
                self._run_since_ns = self.since_ns = None
            return
        if self._run_since_ns is None:
            self._run_since_ns, self._longest_ns, self._first, self._moves = now_ns, 0, sample, False
            self._misses = 0.0
        self._misses = max(0.0, self._misses - 0.1)
        self._longest_ns = max(self._longest_ns, now_ns - before_ns)
        self._judge(sample, self._run_since_ns, now_ns)

    def _forget(self, now_ns: int) -> None:
        while self._order and self._order[0][0] < now_ns - LOOP_NS - _SLACK_NS:
            shown_ns, picture = self._order.popleft()
            if self._seen.get(picture) == shown_ns:
                del self._seen[picture]

    def _judge(self, sample: Image, run_since_ns: int, now_ns: int) -> None:
        if not self._moves and self._first is not None:
            # Bits that flicker in a picture that stands still are the encoder's.
            strong = cv2.compare(cv2.absdiff(sample, self._first), _VISIBLE, cv2.CMP_GT)
            self._moves = cv2.countNonZero(strong) >= _FEW
        needed_ns = max((ROUNDS - 1) * self._longest_ns, _SHORTEST_NS)
        if self._moves and now_ns - run_since_ns >= needed_ns:
            self.since_ns = run_since_ns - self._longest_ns
