"""Who computes: in one worker as many threads decode and draw as it has cores for, and streams hand them their work.

A stream's own thread waits for its camera and does nothing else: it is woken for microseconds. What has come is decoded
and drawn here, all that is there at a beat, one after the other. Measured in pairs, 36 streams of 360p25 on two cores
(November 2026): a thread for each stream that decodes too, one at a time, takes 1 to 7 % more of the processor and up
to twice as many switches of threads, because all of them want the interpreter's lock. Without a limit, the streams of
an overloaded worker want the processor at the same moment: 36 threads against the GUI's one, which then gets its 37th
part (a GUI tick of 500 ms instead of 50). Decoding and drawing of a frame are one piece of work: its caches stay warm.

Must not: know what is computed, or wait for a camera.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

BEAT_S = 0.02
"""What comes while others compute, or within this time after them, is computed together; screens are painted as often.
The first one after that does not wait, nor does what somebody waits for."""
MOST_WAITING = 4
"""Pieces of work of one lane; who brings more waits, so that a slow machine holds up the camera, not memory."""

T = TypeVar("T")


class Computing:
    """The threads of one process, from `start` on. They end with `stop`, and with the process."""

    def __init__(self) -> None:
        self._ready: SimpleQueue[Lane[Any] | None] = SimpleQueue()
        self._hurry = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, at_once: int = 1) -> None:
        """So many pieces of work at the same moment. Once."""
        for number in range(max(1, at_once)):
            thread = threading.Thread(target=self._run, name=f"computing {number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def lane(self, work: Callable[[T], None]) -> Lane[T]:
        """`work` is called with what is put into it, in order, never twice at the same moment."""
        return Lane(self._ready, self._hurry, work)

    def stop(self) -> None:
        """Waits for the work that is being done. What is put afterwards is never done."""
        for _ in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join(5.0)

    def _run(self) -> None:
        while (lane := self._ready.get()) is not None:
            lane.step()
            if self._ready.empty():
                # Others are on their way: fewer wake-ups than one for each.
                self._hurry.wait(BEAT_S - time.monotonic() % BEAT_S)
                self._hurry.clear()


class Lane(Generic[T]):
    """The work of one stream. `put`, `wait` and `rest` by one thread."""

    def __init__(self, ready: SimpleQueue[Lane[Any] | None], hurry: threading.Event, work: Callable[[T], None]) -> None:
        self._ready, self._hurry = ready, hurry
        self._work = work
        self._change = threading.Condition()  # guards all below
        self._waiting: deque[T] = deque()
        self._busy = False
        """It is in the queue, or being worked at."""
        self._fault: BaseException | None = None

    def put(self, what: T) -> None:
        """Returns at once, or when there is room. Raises what the work before it raised; nothing is done after that."""
        with self._change:
            self._change.wait_for(lambda: len(self._waiting) < MOST_WAITING or self._fault is not None)
            if self._fault is not None:
                raise self._fault
            self._waiting.append(what)
            if self._busy:
                return
            self._busy = True
        self._ready.put(self)

    def wait(self) -> None:
        """Until all is done. Raises as `put`."""
        self.rest()
        if self._fault is not None:
            raise self._fault

    def rest(self) -> None:
        """Until all is done, well or not; without waiting for the beat."""
        with self._change:
            if self._busy:
                self._hurry.set()
                self._change.wait_for(lambda: not self._busy)

    def step(self) -> None:
        """The next piece; by a computing thread."""
        with self._change:
            if len(self._waiting) == MOST_WAITING:
                self._change.notify_all()
            what = self._waiting.popleft()
        try:
            self._work(what)
        except BaseException as fault:  # noqa: BLE001  told in the stream's own thread
            self._fault = fault
        with self._change:
            if self._fault is not None:
                self._waiting.clear()
            self._busy = bool(self._waiting)
            if not self._busy:
                self._change.notify_all()
                return
        self._ready.put(self)  # behind the others
