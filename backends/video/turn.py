"""Whose turn it is to compute: in one worker, as many streams decode or scale at once as it has cores for.

Without this, all streams of an overloaded worker want the processor at the same moment: 36 threads against
the GUI's one, which then gets its 37th part (measured: a GUI tick of 500 ms instead of 50). It also keeps the
caches of a stream's frame warm until it is drawn. Waiting for a camera is never done in a turn.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any


class Turn:
    """`with TURN():` around decoding and drawing. Set once, before any stream starts."""

    def __init__(self) -> None:
        self._gate: AbstractContextManager[Any] = threading.Lock()

    def limit(self, at_once: int) -> None:
        """So many streams at once; 1 is the plain lock, which costs least."""
        self._gate = threading.Lock() if at_once <= 1 else threading.Semaphore(at_once)

    def __call__(self) -> AbstractContextManager[Any]:
        return self._gate


TURN = Turn()
"""Of this process."""
