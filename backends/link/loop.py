"""The link's thread: owns the sockets, feeds the machine, and takes orders from other threads.

It never waits for anything but its sockets: what it hands on goes into the sink's queues. libzmq
re-subscribes in this thread after a reconnect, so a pause here costs messages (anchors, 0.4).
"""

from __future__ import annotations

import logging
import queue
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import zmq

from backends.domain.action import ActionStatus
from backends.link.machine import LinkMachine
from backends.link.ports import LinkSettings, Sink
from backends.link.sockets import Sockets
from backends.protocol.messages import VERSION, Cursor, History

_log = logging.getLogger(__name__)

POLL_MS = 50
CTL_BURST = 1
"""Answers taken in one turn: each may hold a thousand records, and an alarm on LIVE must not wait for many."""
LIVE_BURST = 500
"""Live messages taken in one turn before the rest of the loop gets its chance."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 8.0


class Link:
    """Runs a LinkMachine on real sockets. `submit`, `ask_history` and `resync` may be called by any thread."""

    def __init__(self, settings: LinkSettings, sink: Sink, machine: LinkMachine) -> None:
        self._settings = settings
        self._sink = sink
        self._machine = machine
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._sockets: Sockets | None = None
        self._poller = zmq.Poller()
        self._next_open_s = 0.0
        self._backoff_s = BACKOFF_FIRST_S

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the sockets and wait for the thread."""
        self._stop.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._wake_read.close()
        self._wake_write.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def submit(self, status: ActionStatus) -> None:
        """Send an action that is on disk."""
        self._order(lambda: self._machine.submit(status))

    def ask_history(self, question: History) -> None:
        self._order(lambda: self._machine.ask_history(question))

    def resync(self, feed: str, cursor: Cursor | None) -> None:
        """Take a feed anew: the store could not keep part of it."""
        self._order(lambda: self._machine.resync(feed, cursor, time.monotonic()))

    def _order(self, order: Callable[[], None]) -> None:
        self._orders.put(order)
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"!")
        except (BlockingIOError, OSError):
            return  # full of unread wake-ups, or closed: either way the loop needs no other

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        context: zmq.Context[Any] = zmq.Context()
        try:
            while not self._stop.is_set():
                self._reopen_if_due(context)
                self._turn()
        except Exception:
            # A bug of ours: the supervisor restarts a feeder whose link is not alive.
            _log.exception("the link thread has failed")
            raise
        finally:
            self._close()
            context.term()

    def _reopen_if_due(self, context: zmq.Context[Any]) -> None:
        now_s = time.monotonic()
        if self._machine.healthy:
            self._backoff_s = BACKOFF_FIRST_S
        if now_s < self._next_open_s or not self._machine.wants_new_sockets(now_s):
            return
        self._close()
        # Full pause to 1.5 pauses, so that a room of consoles does not come back as one.
        self._next_open_s = now_s + self._backoff_s * (1.0 + 0.5 * random.random())
        self._backoff_s = min(BACKOFF_MAX_S, self._backoff_s * 2)
        where = self._settings.endpoints()
        if where is None:
            return
        try:
            self._sockets = Sockets(context, where, self._settings.public_key, self._settings.secret_key)
        except zmq.ZMQError as error:
            _log.warning("cannot open the link to %s: %s", where.ctl, error)
            return
        self._poller = zmq.Poller()
        self._sockets.register(self._poller)
        self._machine.opened(time.monotonic())

    def _turn(self) -> None:
        poller = self._poller
        room = self._sink.has_room()
        if self._sockets is not None:
            poller.modify(self._sockets.sub, zmq.POLLIN if room else 0)
        poller.register(self._wake_read.fileno(), zmq.POLLIN)
        ready: dict[Any, int] = dict(poller.poll(POLL_MS))
        if self._wake_read.fileno() in ready:
            self._read_orders()
        now_s = time.monotonic()
        if self._sockets is not None:
            if self._sockets.auth_failed(ready):
                self._machine.key_refused(now_s)
            if self._sockets.sub in ready:
                self._receive(self._sockets.sub, self._machine.on_live, LIVE_BURST)
            if self._sockets.dealer in ready:
                self._receive(self._sockets.dealer, self._machine.on_ctl, CTL_BURST)
        self._machine.turn(time.monotonic(), self._send)

    def _receive(self, source: zmq.Socket[bytes], take: Callable[[list[bytes], float], None], limit: int) -> None:
        now_s = time.monotonic()
        self._machine.hold()
        try:
            for _ in range(limit):
                take(source.recv_multipart(zmq.NOBLOCK), now_s)
        except zmq.Again:
            return
        finally:
            self._machine.release()

    def _send(self, message: bytes) -> bool:
        if self._sockets is None:
            return False
        try:
            self._sockets.dealer.send_multipart([VERSION, message], zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _read_orders(self) -> None:
        try:
            while self._wake_read.recv(4096):
                continue
        except BlockingIOError:
            pass
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _close(self) -> None:
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None
            self._poller = zmq.Poller()
