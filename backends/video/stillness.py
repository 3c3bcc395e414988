"""Frozen and repeating pictures, found in the samples of all frames. Pure; times are arguments.

Frozen: key frames are compared, because between them an encoder may send nothing at all for a picture that lives.
A word is 8 samples beside each other; words without any structure say nothing (an encoder makes every dark wall
the same), and some of the others may differ: a clock that the camera writes over a sensor that has died. Not found, while
it lasts: a dead sensor behind an encoder that goes on changing its quality (a fixed bit rate, on the way to it).

Repeating: every picture has been shown before, within 10 s, and so for two rounds after the first. Only a loop that is
the same to the bit is found: that of a recorder, a file or a stuck buffer; one that is encoded afresh is not.
"""

from __future__ import annotations

import zlib
from collections import deque

import cv2
import numpy as np
import numpy.typing as npt

from backends.video.scaling import Image

FROZEN_NS = 10_000_000_000
"""design, section 6."""
FROZEN_KEYS = 2
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
_FEW = 4
"""Samples that must differ visibly before a loop is one of moving pictures."""
_MISSES = 3.0
"""Pictures in a row that may be new within a loop: frames are lost on the way."""

Words = npt.NDArray[np.uint64]


class Stillness:
    """Of one stream; one thread."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        """When the picture froze; None: it is not frozen."""
        self._key: Image | None = None
        """The last key frame's sample."""
        self._textured: npt.NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self._count = 0
        self._last: Image | None = None
        self._keys = 0
        self._keys_since_ns = 0
        self._run_since_ns = 0

    def step(self, sample: Image, key: bool, now_ns: int) -> None:
        """The next frame. `key`: it was decoded without others before it; true for all frames of JPEG streams."""
        words = sample.view(np.uint64)
        before, before_ns = self._last, self._run_since_ns
        if before is None or not self._few(words != before.view(np.uint64)):
            self._run_since_ns = now_ns
        self._last = sample
        if key:
            # An encoder writes the same picture in slightly other bits at a key frame, after frames that were all the
            # same: it had stood still since then.
            near = before is not None and not self._visible(sample, before)
            self._step_key(sample, words, now_ns, before_ns if near else now_ns)
        elif self._keys and self._key is not None and self._visible(sample, self._key):
            # A loop as long as the distance of key frames has the same key frames, and moves between them.
            self._keys = 0
        judged = self._keys >= FROZEN_KEYS and now_ns - self._keys_since_ns >= FROZEN_NS
        self.since_ns = self._keys_since_ns if judged else None

    def _step_key(self, sample: Image, words: Words, now_ns: int, run_ns: int) -> None:
        """`run_ns`: since when the pictures have stood still."""
        if self._keys and self._key is not None and self._few(words != self._key.view(np.uint64)):
            self._keys += 1
        else:
            self._keys, self._keys_since_ns = 1, run_ns
        self._key = sample
        grouped = sample.reshape(*words.shape, 8)
        self._textured = grouped.max(axis=2) - grouped.min(axis=2) >= _STRUCTURE
        self._count = int(np.count_nonzero(self._textured))
        if self._count < _MIN_WORDS:
            self._keys = 0

    def _few(self, changed: npt.NDArray[np.bool_]) -> bool:
        """So few that it may be a clock."""
        return changed.shape == self._textured.shape and (
            int(np.count_nonzero(changed & self._textured)) <= self._allowed(_CHANGED)
        )

    def _allowed(self, share: float) -> float:
        return max(_CLOCK_WORDS, share * self._count)

    def _visible(self, sample: Image, other: Image) -> bool:
        """They differ so that one can see it, and in more than a clock's place."""
        strong = cv2.compare(cv2.absdiff(sample, other), _VISIBLE, cv2.CMP_GT)
        return int(np.count_nonzero(np.asarray(strong, np.uint8).view(np.uint64))) > self._allowed(_MOVED)


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
        picture = zlib.crc32(sample)
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
        if not self._moves and self._first is not None and self._first.shape == sample.shape:
            # Bits that flicker in a picture that stands still are the encoder's.
            strong = cv2.compare(cv2.absdiff(sample, self._first), _VISIBLE, cv2.CMP_GT)
            self._moves = cv2.countNonZero(strong) >= _FEW
        needed_ns = max((ROUNDS - 1) * self._longest_ns, _SHORTEST_NS)
        if self._moves and now_ns - run_since_ns >= needed_ns:
            self.since_ns = run_since_ns - self._longest_ns
