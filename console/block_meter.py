"""Sees from a thread of its own when the GUI's thread is blocked, for how long, and where.

The GUI's thread stamps each picture pass (`tick`, 50 a second). This thread sleeps until a stamp would be
100 ms old and looks; where no newer one has come it takes the GUI thread's Python stack while it is still
blocked. About ten wake-ups a second. A block whose stack could not be taken (something held the interpreter
lock all the time) is counted all the same, by the stamps. Each block is one event `gui_block` {ms, stack} of
the JSON log when it ends, and a line of the log, ten a minute at most; one that lasts for a second is in the
log before it ends, because it may never. No Qt.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from types import FrameType
from typing import Protocol

_log = logging.getLogger(__name__)

BLOCK_S = 0.1
LONG_S = 0.25
"""The bar of `make bench`: no block beyond it."""
HANG_S = 1.0
"""Said at once, before it ends."""
_LOOK_S = 0.01
"""How often the end of a block is looked for."""
_SAMPLES = 50
"""Stacks that are taken of one block: five seconds of it."""
_FRAMES = 16
_LINES_A_MINUTE = 10


class Events(Protocol):
    """Where blocks are told (`console.events.EventLog`)."""

    def emit(self, event: str, **fields: object) -> None: ...


class BlockMeter:
    """Made in the GUI's thread. `tick` belongs to that thread; the figures may be read by any."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._watched = threading.get_ident()
        self._stamp_s = 0.0
        self._over: deque[tuple[float, float]] = deque(maxlen=1000)
        """(begin, end) of intervals beyond BLOCK_S, by the stamps."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._said: deque[float] = deque(maxlen=_LINES_A_MINUTE)
        self.count = 0
        """Blocks beyond BLOCK_S that have ended."""
        self.long_count = 0
        """Of these beyond LONG_S."""
        self.worst_s = 0.0

    def tick(self) -> None:
        """From the GUI's loop, at each pass."""
        now_s = time.monotonic()
        if self._stamp_s and now_s - self._stamp_s > BLOCK_S:
            self._over.append((self._stamp_s, now_s))
        self._stamp_s = now_s

    def start(self) -> None:
        """From the GUI's thread, when its loop is about to run."""
        self._stamp_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="block meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Before the passes end; tells the sums as the event `gui_blocks`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None
            self._settle(None)
            worst_ms = round(self.worst_s * 1000)
            self._events.emit("gui_blocks", over_100ms=self.count, over_250ms=self.long_count, worst_ms=worst_ms)

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            stamp_s = self._stamp_s
            left_s = stamp_s + BLOCK_S - time.monotonic()
            if left_s > 0:
                self._stop.wait(left_s)
            if self._stamp_s == stamp_s and not self._stop.is_set():
                self._watch(stamp_s)
            else:
                self._settle(None)

    def _watch(self, stamp_s: float) -> None:
        """1. The stack, now and ten times a second; 2. wait for the next stamp; a long one is said meanwhile;
        3. tell, with the stack that was seen most: where the time went, not where it ended."""
        seen: Counter[tuple[str, ...]] = Counter()
        said = False
        next_s = 0.0
        while self._stamp_s == stamp_s and not self._stop.is_set():
            now_s = time.monotonic()
            if now_s >= next_s and seen.total() < _SAMPLES:
                next_s = now_s + BLOCK_S
                stack = self._stack()
                if self._stamp_s == stamp_s:  # else it ended meanwhile, and the stack is another moment's
                    seen[stack] += 1
            if now_s - stamp_s > HANG_S and not said:
                said = True
                where = " < ".join(_most(seen))
                _log.warning("the screen has been blocked for %.1f s and still is, in: %s", now_s - stamp_s, where)
            self._stop.wait(_LOOK_S)
        self._settle((stamp_s, _most(seen)))

    def _settle(self, seen: tuple[float, Sequence[str]] | None) -> None:
        """Tell what has ended."""
        while self._over:
            begin_s, end_s = self._over.popleft()
            stack = seen[1] if seen is not None and seen[0] == begin_s else ()
            lasted_s = end_s - begin_s
            self.count += 1
            self.long_count += lasted_s > LONG_S
            self.worst_s = max(self.worst_s, lasted_s)
            self._events.emit("gui_block", ms=round(lasted_s * 1000, 1), stack=stack)
            self._say(lasted_s, stack, end_s)

    def _say(self, lasted_s: float, stack: Sequence[str], now_s: float) -> None:
        if len(self._said) == _LINES_A_MINUTE and now_s - self._said[0] < 60.0:
            return
        self._said.append(now_s)
        where = " < ".join(stack) or "(no Python code could be seen)"
        _log.warning("the screen was blocked for %.0f ms, in: %s", lasted_s * 1000, where)

    def _stack(self) -> tuple[str, ...]:
        """The GUI thread's calls, innermost first: "function (file:line)"."""
        frame: FrameType | None = sys._current_frames().get(self._watched)
        calls: list[str] = []
        while frame is not None and len(calls) < _FRAMES:
            code = frame.f_code
            calls.append(f"{code.co_qualname} ({_short(code.co_filename)}:{frame.f_lineno})")
            frame = frame.f_back
        return tuple(calls)


def _most(seen: Counter[tuple[str, ...]]) -> tuple[str, ...]:
    """The stack that was seen most often, of equals the first; empty when none was seen."""
    return seen.most_common(1)[0][0] if seen else ()


def _short(path: str) -> str:
    """Folder and file: no path of a machine or a person in a log."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])
