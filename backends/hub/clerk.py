"""One thread beside the hub's loop, for what may take long: password hashes, fsync of small files, blobs.

A job runs in the clerk's thread and returns how it ends: a function that the loop calls in its own thread,
which gives the messages to send back. So whatever a job needs of the hub's state it is given before, and
whatever it changes there it changes in its ending. Jobs keep their order.
Must not: let one station fill the queue (LIMIT_STATION), or hold a job back without saying so.
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
"""Jobs of one station that may wait; a console has one of each kind outstanding."""
Ending = Callable[[], Sequence[FromHub]]
Job = Callable[[], Ending]


class Clerk:
    """Made, asked and closed by the loop's thread."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        self._ended: queue.SimpleQueue[tuple[str, bytes, Ending | None]] = queue.SimpleQueue()
        self._waiting: Counter[str] = Counter()
        self.bell, self._rope = socket.socketpair()
        """Readable when a job has ended: for the loop's poller."""
        for end in (self.bell, self._rope):
            end.setblocking(False)

    def take(self, station: str, routing_id: bytes, job: Job) -> bool:
        """Run `job` when its turn comes; False when this station has too many waiting already.

        `station` empty = a job of the hub itself.
        """
        if self._waiting[station] >= LIMIT_STATION:
            self._counters["clerk_busy"] += 1
            return False
        self._waiting[station] += 1
        self._pool.submit(self._run, station, routing_id, job)
        return True

    def _run(self, station: str, routing_id: bytes, job: Job) -> None:
        ending: Ending | None = None
        try:
            ending = job()
        except Exception:
            log.exception("a job of %s met a fault of the hub", station or "the hub")
        self._ended.put((station, routing_id, ending))
        with contextlib.suppress(OSError):
            # Full: the loop has been rung for already. Closed: nobody listens any more.
            self._rope.send(b"\0")

    def ended(self) -> list[tuple[str, bytes, Ending]]:
        """(station, routing id, ending) of the jobs that are done; each is given once."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(4096)
        done = []
        while not self._ended.empty():
            station, routing_id, ending = self._ended.get()
            self._waiting[station] -= 1
            if ending is None:
                self._counters["faults"] += 1
            else:
                done.append((station, routing_id, ending))
        return done

    def close(self) -> None:
        """Finish the job in hand, drop the others: their consoles ask again."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.bell.close()
        self._rope.close()
