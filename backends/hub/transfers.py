"""Blobs on their way to consoles: a part now and then, beside everything else the loop does.

Each turn gives every transfer at most one part, PARTS_A_TURN in all. A console that takes nothing has its
part tried again at the next turn and holds nobody up; what it leaves for GIVE_UP_S is dropped, it asks again.
Used by the loop's thread alone. Must not: read a whole blob into memory, or wait.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path

from backends.hub.blobs import parts_of
from backends.protocol.messages import BLOB_PART, Blob

PARTS_A_TURN = 4
MOST_A_PEER = 4
MOST_A_STATION = 8
MOST = 64
GIVE_UP_S = 30.0
Send = Callable[[bytes, Blob, bytes], bool]
"""(routing id, message, frame 2) -> taken; False = the peer's pipe is full."""


class _Transfer:
    """One answer of BLOBGET."""

    def __init__(self, routing_id: bytes, station: str, request: int, blob: str, media: str, path: Path) -> None:
        self.routing_id, self.station, self.request = routing_id, station, request
        self._blob, self._media, self._path = blob, media, path
        self._size = path.stat().st_size
        self._next = 1
        self.moved_s = time.monotonic()

    def give(self, send: Send) -> bool:
        """Try the next part; True when it was taken. Raises OSError when the file cannot be read."""
        with self._path.open("rb") as file:
            file.seek((self._next - 1) * BLOB_PART)
            data = file.read(BLOB_PART)
        part = Blob(self.request, self._blob, self._media, self._size, self._next, parts_of(self._size))
        if not send(self.routing_id, part, data):
            return False
        self._next += 1
        self.moved_s = time.monotonic()
        return True

    @property
    def done(self) -> bool:
        return self._next > parts_of(self._size)


class Transfers:
    """All that is on its way."""

    def __init__(self) -> None:
        self._all: deque[_Transfer] = deque()
        self._stuck = False

    @property
    def wait_s(self) -> float | None:
        """When the next turn is due; None = nothing is on its way."""
        if not self._all:
            return None
        return 0.02 if self._stuck else 0.0

    def begin(self, routing_id: bytes, station: str, request: int, blob: str, media: str, path: Path) -> bool:
        """False: too many are on their way, to this peer, its station or at all. Raises OSError."""
        theirs = [t.request for t in self._all if t.routing_id == routing_id]
        if request in theirs:
            return True  # asked again while the answer is on its way
        stations = sum(t.station == station for t in self._all)
        if len(theirs) >= MOST_A_PEER or stations >= MOST_A_STATION or len(self._all) >= MOST:
            return False
        self._all.append(_Transfer(routing_id, station, request, blob, media, path))
        return True

    def turn(self, send: Send) -> None:
        """Give some parts. A transfer whose file has gone ends; its console asks again."""
        given, tried, now_s = 0, len(self._all), time.monotonic()
        for _ in range(tried):
            if given >= PARTS_A_TURN:
                break
            transfer = self._all.popleft()
            try:
                taken = transfer.give(send)
            except OSError:
                continue
            given += taken
            if not transfer.done and (taken or now_s - transfer.moved_s < GIVE_UP_S):
                self._all.append(transfer)
        self._stuck = given == 0

    def only(self, stations: Collection[str]) -> None:
        """End those of all other stations."""
        self._all = deque(t for t in self._all if t.station in stations)
