"""Worker processes: started, given their orders, watched, killed when hung, started again.

The thread that starts a worker also waits for its end, so it lives as long as the worker should (the
parent-death signal of Linux follows the starting THREAD). A second thread writes the orders, because a
hung worker does not empty its pipe. Must not: decide what is decoded (that is the broker's).
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from backends.process import start_child
from backends.video.wire import Orders, WorkerSettings, encode

log = logging.getLogger(__name__)

HUNG_S = 2.0
"""Without a stamp (due twice a second) for this long a worker is killed; its tiles are back within 4 s."""
STARTING_S = 15.0
"""A slow disk may take this long to start Python."""
_RESTART_FIRST_S, _RESTART_MOST_S = 0.05, 5.0
_STEADY_S = 20.0
"""A worker that lived for this long restarts at once again."""

_ONE_THREAD: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

WorkerEnded = Callable[[int, int, int, float, bool], None]
"""(number, pid, status, seconds it lived, it was killed as hung): of a worker that was not asked to end."""


class Crewman:
    """One place in the crew: a worker, and after its death the next one."""

    def __init__(
        self,
        number: int,
        beat_name: str,
        beat: mmap.mmap,
        log_file: Path | None = None,
        at_once: int = 1,
        ended: WorkerEnded | None = None,
        *,
        rests: bool = False,
        hardware: str = "off",
    ) -> None:
        """`ended` is called in the thread of the dead worker, before the next one starts, and may give new orders.
        `rests`: without orders there is no process. `hardware`: as in `WorkerSettings`."""
        self._rests = rests
        self._rested_pid = 0
        self._hold_until = 0.0
        self.number = number
        self.restarts = 0
        self._settings = msgspec.to_builtins(WorkerSettings(number, beat_name, at_once, hardware))
        self._beat = memoryview(beat).cast("Q")
        self._before = (0, 0)
        self._log_file = log_file
        self._ended = ended
        self._hung_pid = 0
        self._change = threading.Condition()
        self._child: subprocess.Popen[bytes] | None = None
        self._orders = b""
        self._needed = False
        """There has been something to decode. Before that no process is started: at the program's start the
        windows need the cores."""
        self._written_to: tuple[int, bytes] = (0, b"")
        self._started = 0.0
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._live, name=f"decoder worker {number}", daemon=True),
            threading.Thread(target=self._write, name=f"orders to worker {number}", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def order(self, orders: Orders) -> None:
        """From now on decode these; also what a restarted worker gets. Returns at once."""
        line = encode(orders) + b"\n"
        with self._change:
            self._needed = bool(orders.streams) or (self._needed and not self._rests)
            if not self._needed and self._child is not None and self._child.poll() is None:
                self._rested_pid = self._child.pid
                self._child.kill()
            if line != self._orders:
                self._orders = line
                self._change.notify_all()

    def hold(self, until_s: float) -> None:
        """Start no worker before that time (monotonic); 0 = no longer."""
        with self._change:
            if until_s != self._hold_until:
                self._hold_until = until_s
                self._change.notify_all()

    def _held_s(self) -> float:
        return max(0.0, self._hold_until - time.monotonic())

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        child = self._child
        return child.pid if child is not None and child.returncode is None else None

    def load(self) -> float:
        """Cores that the worker has used since the last call; 0 when there are no two stamps to tell by."""
        spent, stamp = self._beat[1], self._beat[0]
        before, self._before = self._before, (spent, stamp)
        if not before[1] or stamp <= before[1] or spent < before[0]:
            return 0.0  # the first look, no new stamp, or another process
        return (spent - before[0]) / (stamp - before[1])

    def kill_if_hung(self) -> None:
        """Called by the broker every half second."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        now = time.monotonic()
        last = self._beat[0] / 1e9
        waited = now - max(last, self._started)
        if waited > (HUNG_S if last >= self._started else STARTING_S):
            log.warning("decoder worker %d gave no sign for %.1f s and is killed", self.number, waited)
            self._hung_pid = child.pid
            child.kill()

    def stop(self) -> None:
        """End the worker and wait for it. It keeps nothing, so it is killed."""
        with self._change:
            self._stopping = True
            if self._child is not None:
                self._child.kill()
            self._change.notify_all()
        for thread in self._threads:
            thread.join(10.0)

    def _live(self) -> None:
        pause_s = _RESTART_FIRST_S
        while True:
            with self._change:
                while not self._stopping and (not self._needed or self._held_s()):
                    self._change.wait(self._held_s() or None)
                if self._stopping:
                    return
                self._started = time.monotonic()
                child = self._child = start_child(
                    "backends.video.worker", self._settings, env=_ONE_THREAD, log=self._log_file
                )
                self._change.notify_all()
            status = child.wait()
            if child.stdin is not None:
                with contextlib.suppress(OSError):
                    child.stdin.close()
            lived_s = time.monotonic() - self._started
            if self._stopping:
                return
            if child.pid == self._rested_pid:
                continue
            pause_s = _RESTART_FIRST_S if lived_s > _STEADY_S else min(_RESTART_MOST_S, pause_s * 3)
            self.restarts += 1
            log.warning("decoder worker %d ended (status %d) and is started again", self.number, status)
            if self._ended is not None:  # without our lock: it may order us, and holds one of its own
                self._ended(self.number, child.pid, status, lived_s, self._hung_pid == child.pid)
            with self._change:
                self._change.wait_for(lambda: self._stopping, pause_s)

    def _write(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(self._something_to_write)
                if self._stopping:
                    return
                child, line = self._child, self._orders
                assert child is not None
                self._written_to = (child.pid, line)
            # Its death is the other thread's business: the next worker gets these orders again.
            with contextlib.suppress(OSError, ValueError):
                assert child.stdin is not None
                child.stdin.write(line)
                child.stdin.flush()

    def _something_to_write(self) -> bool:
        if self._stopping:
            return True
        child = self._child
        return child is not None and bool(self._orders) and self._written_to != (child.pid, self._orders)
