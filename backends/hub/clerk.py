"""Two threads beside the hub's loop, for what may take long: one for blobs, one for password hashes and small files.

Blobs have their own, because a store of blobs on other machines may take half a minute, and nobody's sign-in waits for
somebody's picture. A job runs in its thread and returns how it ends: a function that the loop calls in its own thread,
which gives the messages to send back. So whatever a job needs of the hub's state it is given before, and
whatever it changes there it changes in its ending. Jobs of one thread keep their order.
Must not: let one station fill a queue (LIMIT_STATION), or hold a job back without saying so.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from backends.protocol.messages import FromHub

log = logging.getLogger(__name__)

LIMIT_STATION = 8
"""Jobs of one station that may wait for one thread; a console has one of each kind outstanding."""
OFFICE, BLOBS = "clerk", "blobs"
"""The threads."""
Ending = Callable[[], Sequence[FromHub]]
Job = Callable[[], Ending]


class Clerk:
    """Made, asked and closed by the loop's thread."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._threads = {name: ThreadPoolExecutor(1, thread_name_prefix=name) for name in (OFFICE, BLOBS)}
        self._ended: queue.SimpleQueue[tuple[str, str, bytes, Ending | None]] = queue.SimpleQueue()
        self._waiting: Counter[tuple[str, str]] = Counter()
        self.bell, self._rope = socket.socketpair()
        """Readable when a job has ended: for the loop's poller."""
        for end in (self.bell, self._rope):
            end.setblocking(False)

    def take(self, station: str, routing_id: bytes, job: Job, thread: str = OFFICE) -> bool:
        """Run `job` when its turn comes; False when this station has too many waiting already.

        `station` empty = a job of the hub itself.
        """
        if self._waiting[thread, station] >= LIMIT_STATION:
            self._counters["clerk_busy"] += 1
            return False
        self._waiting[thread, station] += 1
        self._threads[thread].submit(self._run, thread, station, routing_id, job)
        return True

    def _run(self, thread: str, station: str, routing_id: bytes, job: Job) -> None:
        ending: Ending | None = None
        try:
            ending = job()
        except Exception:
            log.exception("a job of %s met a fault of the hub", station or "the hub")
        self._ended.put((thread, station, routing_id, ending))
        with contextlib.suppress(OSError):
            # Full: the loop has been rung for already. Closed: nobody listens any more.
            self._rope.send(b"\0")

    def ended(self) -> list[tuple[str, bytes, Ending]]:
        """(station, routing id, ending) of the jobs that are done; each is given once."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(4096)
        done = []
        while not self._ended.empty():
            thread, station, routing_id, ending = self._ended.get()
            self._waiting[thread, station] -= 1
            if ending is None:
                self._counters["faults"] += 1
            else:
                done.append((station, routing_id, ending))
        return done

    def close(self) -> None:
        """Finish the jobs in hand, drop the others: their consoles ask again."""
        for thread in self._threads.values():
            thread.shutdown(wait=True, cancel_futures=True)
        self.bell.close()
        self._rope.close()
