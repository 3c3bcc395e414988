"""A cable that can be cut: a TCP forwarder whose cut ends nothing, as a pulled plug. One thread."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import Self


class Cable:
    """Forwards `port` of this machine to another one. Context manager."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peer: dict[socket.socket, socket.socket] = {}
        self._stop = threading.Event()
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cable", daemon=True)

    def cut(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._cut.set()

    def mend(self) -> None:
        """What was connected meanwhile is gone, as after a long cut."""
        self._cut.clear()

    def _run(self) -> None:
        was_cut = False
        while not self._stop.is_set():
            if self._cut.is_set():
                was_cut = True
                self._cut_wait()
                continue
            if was_cut:
                was_cut = False
                for end in list(self._peer):
                    self._close(end)
            for key, _ in self._selector.select(0.05):
                self._move(key.fileobj)  # type: ignore[arg-type]

    def _cut_wait(self) -> None:
        self._stop.wait(0.02)

    def _move(self, end: socket.socket) -> None:
        if end is self._listener:
            near, _ = self._listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 1.0)
            except OSError:
                near.close()
                return
            self._peer[near], self._peer[far] = far, near
            for each in (near, far):
                self._selector.register(each, selectors.EVENT_READ)
            return
        if end not in self._peer:
            return
        try:
            data = end.recv(65536)
            if data:
                self._peer[end].sendall(data)
                return
        except OSError:
            pass
        self._close(end)

    def _close(self, end: socket.socket) -> None:
        other = self._peer.pop(end, None)
        for each in (end, other):
            if each is not None:
                self._peer.pop(each, None)
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        for end in list(self._peer):
            self._close(end)
        self._listener.close()
        self._selector.close()
