"""When to try again, and how many may try at once, over all workers. Pure but for the locks of the gate.

Must not: sleep, or open a stream.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from backends.video.segment import SHM

if sys.platform == "win32":
    import msvcrt

    _OPEN = os.O_CREAT
else:
    import fcntl

    _OPEN = os.O_CLOEXEC

FIRST_S, MOST_S = 1.0, 30.0
"""Reconnect after 1 to 30 s (design, section 6)."""
GOOD_S = 30.0
"""Only so many seconds of good pictures set the wait back: a short success must not start a storm."""
REFUSED_S, REFUSED_MOST_S = 60.0, 900.0
"""After a refused password, doubled each time: cameras lock accounts. Another password begins anew."""
NO_SOURCE_S = 60.0
NOT_YET_S = 1.0


class Backoff:
    """Waiting times of one stream: doubled each time, spread by +-20 % so that a room does not knock at once."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._next_s = FIRST_S
        self._refused_s = REFUSED_S
        self._jitter = jitter

    def after_loss(self, good_s: float) -> float:
        """Seconds to wait after a loss that came `good_s` after the first picture (0: none came)."""
        if good_s >= GOOD_S:
            self._next_s = FIRST_S
            self._refused_s = REFUSED_S
        wait, self._next_s = self._next_s, min(MOST_S, self._next_s * 2)
        return min(MOST_S, wait * (0.8 + 0.4 * self._jitter()))

    def after_refusal(self) -> float:
        """Seconds to wait after the camera refused the password."""
        wait, self._refused_s = self._refused_s, min(REFUSED_MOST_S, self._refused_s * 2)
        return wait * (1.0 + 0.2 * self._jitter())

    def after_no_source(self) -> float:
        """Seconds to wait where what came is none of ours; it may be another time."""
        return NO_SOURCE_S * (1.0 + 0.2 * self._jitter())


def gate_file(beat: str) -> str:
    """The file whose bytes are the places of all workers of a run; `beat`: a segment of that run.

    On Linux the run's lock file, which is there as long as the supervisor is (its own `flock` and these record locks
    do not know of each other, fcntl(2)). On Windows, where a run has no file, an empty one among the temporary ones.
    """
    name = f"{beat.rpartition('-')[0]}.lock"
    return str(Path(tempfile.gettempdir(), name) if sys.platform == "win32" else SHM / name)


class _Places:
    """Places that several processes share: one byte each of a file, locked while it is taken.

    The system lets go of a dead process's locks. Used under the gate's lock: such locks are the process's, so a
    process has to know by itself what it holds. On Linux they are also lost when the process closes any other
    descriptor of the file, so nobody else here may open it.
    """

    def __init__(self, path: str, number: int) -> None:
        self._fd = os.open(path, os.O_RDWR | _OPEN, 0o600)
        self._number = number
        self._ours: set[int] = set()

    def take(self) -> int | None:
        """One that was free; None = all are taken."""
        # From a place of our own on: not all processes run for the same one.
        for step in range(self._number):
            place = (os.getpid() + step) % self._number
            if place not in self._ours and self._lock(place, locked=True):
                self._ours.add(place)
                return place
        return None

    def give(self, place: int) -> None:
        self._ours.discard(place)
        self._lock(place, locked=False)

    def close(self) -> None:
        """Lets go of all."""
        os.close(self._fd)

    if sys.platform == "win32":

        def _lock(self, place: int, *, locked: bool) -> bool:
            os.lseek(self._fd, place, os.SEEK_SET)
            try:
                msvcrt.locking(self._fd, msvcrt.LK_NBLCK if locked else msvcrt.LK_UNLCK, 1)
            except OSError:
                return False
            return True

    else:

        def _lock(self, place: int, *, locked: bool) -> bool:
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB if locked else fcntl.LOCK_UN, 1, place)
            except OSError:
                return False
            return True


class OpeningGate:
    """At most `places` openings at once; each holds its place for HOLD_S at most, the opening itself goes on.

    So mute cameras at the head of the list cannot keep the good ones waiting. `share` makes it the gate of all
    workers together; before, and where there is no such file, the places are this process's own.
    """

    HOLD_S = 0.5
    """A camera that answers opens within this (measured: 0.1 to 0.4 s); sixteen mute ones pass in 1 s."""
    LOOK_S = 0.02
    """How often a waiting opening looks whether another process has let go."""

    def __init__(self, places: int = 8, clock: Callable[[], float] = time.monotonic) -> None:
        self._number = places
        self._clock = clock
        self._since: dict[int, tuple[float, int]] = {}
        """Who holds since when which place."""
        self._free = threading.Condition()
        self._shared: _Places | None = None
        self._keeper: threading.Thread | None = None

    def share(self, path: str) -> None:
        """The places are those of this file from now on. Once, before or while openings wait.

        Raises OSError; then the places stay this process's own.
        """
        with self._free:
            self._shared = _Places(path, self._number)
            self._since.clear()

    def enter(self, who: int, stop: threading.Event) -> None:
        """Wait for a place; returns at once when `stop` is set."""
        with self._free:
            while not stop.is_set():
                wait_s = self._expire()
                place = self._take()
                if place is not None:
                    self._since[who] = (self._clock(), place)
                    self._keep()
                    return
                self._free.wait(self.LOOK_S if self._shared else wait_s)

    def leave(self, who: int) -> None:
        with self._free:
            self._give(who)
            self._free.notify_all()

    def _take(self) -> int | None:
        if self._shared is not None:
            return self._shared.take()
        return 0 if len(self._since) < self._number else None

    def _give(self, who: int) -> None:
        held = self._since.pop(who, None)
        if held is not None and self._shared is not None:
            self._shared.give(held[1])

    def _expire(self) -> float:
        """Takes back what was held for too long; seconds until the next one is."""
        now = self._clock()
        for who in [who for who, (since, _) in self._since.items() if now - since >= self.HOLD_S]:
            self._give(who)
        return min((since for since, _ in self._since.values()), default=now) + self.HOLD_S - now + 0.001

    def _keep(self) -> None:
        """Other processes wait for our places too: a thread takes them back, and ends when none is held."""
        if self._shared is not None and self._keeper is None:
            self._keeper = threading.Thread(target=self._take_back, name="opening gate", daemon=True)
            self._keeper.start()

    def _take_back(self) -> None:
        with self._free:
            while self._since:
                self._free.wait(self._expire())
            self._keeper = None
