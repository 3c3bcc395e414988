"""A TCP proxy on loopback that makes a network fail: it sees bytes only, so CURVE goes through it untouched.

Each direction ("up": towards the hub, "down": towards the console) has a `Way`: open, late, narrow, or stopped.
`cut` is a cable pulled without a reset: both ends keep their connections, nothing arrives, new connections hang.
`mend(lose=True)` is what follows when the path has forgotten the old connections: they stay dead, without a
reset, and only new ones work. `reset` ends all connections the hard way.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from typing import Self

CHUNK = 65536
TURN_S = 0.005


class Way:
    """One direction."""

    def __init__(self) -> None:
        self.stopped = False
        self.delay_s = 0.0
        self.bytes_per_s = 0.0
        """0: as fast as it goes."""
        self.carried = 0


class _Half:
    """Bytes from `source` to `target`."""

    def __init__(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        self.source, self.target, self.way = source, target, way
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.held = 0
        self.ended = False
        self._allowed = 0.0
        self._at_s = time.monotonic()

    def read(self, now_s: float) -> bool:
        """Take what is there; False at the end of the connection."""
        limit = CHUNK if not self.way.bytes_per_s else max(1024, int(self.way.bytes_per_s / 20))
        if self.way.stopped or self.held > 4 * limit:
            return True
        try:
            data = self.source.recv(limit)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        self.waiting.append((now_s + self.way.delay_s, data))
        self.held += len(data)
        return True

    def write(self, now_s: float) -> bool:
        rate = self.way.bytes_per_s
        self._allowed = min(rate, self._allowed + (now_s - self._at_s) * rate) if rate else 0.0
        self._at_s = now_s
        while self.waiting and not self.way.stopped and self.waiting[0][0] <= now_s:
            due_s, data = self.waiting[0]
            part = data[: int(self._allowed)] if rate else data
            if not part:
                return True
            try:
                sent = self.target.send(part)
            except BlockingIOError:
                return True
            except OSError:
                return False
            self._allowed -= sent
            self.held -= sent
            self.way.carried += sent
            self.waiting.popleft()
            if sent < len(data):
                self.waiting.appendleft((due_s, data[sent:]))
        return True


class FaultProxy:
    """`address` leads to `target` ("tcp://host:port"). Context manager; one thread."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.setblocking(False)
        self.address = f"tcp://127.0.0.1:{self._door.getsockname()[1]}"
        self.up, self.down = Way(), Way()
        self._pairs: list[tuple[_Half, _Half]] = []
        self._forgotten: list[tuple[_Half, _Half]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)

    # -- the faults ----------------------------------------------------------------------------------

    def cut(self) -> None:
        """Nothing passes, nobody is told."""
        self.up.stopped = self.down.stopped = True

    def mend(self, *, lose: bool = False) -> None:
        """Everything passes again; `lose`: not on the connections of before."""
        with self._lock:
            if lose:
                self._forgotten += self._pairs
                self._pairs = []
            self.up.stopped = self.down.stopped = False

    def reset(self) -> None:
        """All connections end with RST."""
        with self._lock:
            for pair in self._pairs:
                self._end(pair, hard=True)
            self._pairs = []

    @property
    def connections(self) -> int:
        return len(self._pairs)

    # -- the thread ----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            for pair in (*self._pairs, *self._forgotten):
                self._end(pair)
            self._door.close()

    def _turn(self) -> None:
        with self._lock, selectors.DefaultSelector() as selector:
            if not self.up.stopped:
                selector.register(self._door, selectors.EVENT_READ)
            for pair in self._pairs:
                for half in pair:
                    if not half.way.stopped:
                        selector.register(half.source, selectors.EVENT_READ)
            selector.select(TURN_S)
            if not self.up.stopped:
                self._accept()
            now_s = time.monotonic()
            for pair in list(self._pairs):
                alive = [half.read(now_s) and half.write(now_s) for half in pair]  # both get their turn
                if not all(alive):
                    self._pairs.remove(pair)
                    self._end(pair)

    def _accept(self) -> None:
        try:
            near, _ = self._door.accept()
        except BlockingIOError:
            return
        try:
            far = socket.create_connection(self._target, 1.0)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs.append((_Half(near, far, self.up), _Half(far, near, self.down)))

    @staticmethod
    def _end(pair: tuple[_Half, _Half], *, hard: bool = False) -> None:
        for half in pair:
            with contextlib.suppress(OSError):
                if hard:
                    half.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                half.source.close()
