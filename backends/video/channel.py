"""Receiving from a multiprocessing connection in a thread that can be told to stop.

Closing a connection does not wake a thread that is blocked in it; a second, private pipe does. Must not:
know what the messages mean.
"""

from __future__ import annotations

import contextlib
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from backends.video.wire import MAX_MESSAGE


class Stopper:
    """Wakes every thread that waits in `receive` with it. Used once."""

    def __init__(self) -> None:
        self._woken, self._waker = Pipe(duplex=False)

    def stop(self) -> None:
        """May be called more than once, from any thread."""
        with contextlib.suppress(OSError):
            self._waker.close()

    def receive(self, connection: Connection) -> bytes | None:
        """The next message; None after `stop`. Raises EOFError or OSError when the other end has gone."""
        if self._woken in wait([connection, self._woken]):
            return None
        return connection.recv_bytes(MAX_MESSAGE)
