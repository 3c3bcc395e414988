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
from backends.domain.camera import Sight
from backends.domain.people import Speaker
from backends.link.access import Session
from backends.link.addresses import Addresses
from backends.link.machine import LinkMachine
from backends.link.ports import LinkSettings, Sink
from backends.link.sockets import AUTH_FAILED, LOST, Sockets
from backends.protocol.messages import VERSION, Accounts, Anchor, Confide, Cursor, History, Lease, Reveal, SignIn

_log = logging.getLogger(__name__)

POLL_MS = 50
CTL_BURST = 1
"""Answers taken in one turn: each may hold a thousand records, and an alarm on LIVE must not wait for many."""
LIVE_BURST = 500
"""Live messages taken in one turn before the rest of the loop gets its chance."""


class Link:
    """Runs a LinkMachine on real sockets. The methods that give orders may be called by any thread."""

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
        self.turned_s = time.monotonic()
        """When the loop last came round: whoever watches this thread sees a hang by it."""
        self._addresses = Addresses(random.random)
        self._room = True
        self._lost = False
        """The connection has ended, or was refused."""

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

    def sign_in(self, question: SignIn) -> None:
        """Ask the hub; the sink's `signed` answers, "no_answer" included."""
        self._order(lambda: self._machine.access.sign_in(question, time.monotonic()))

    def use_session(self, session: Session) -> None:
        """Whose session is present: HELLO and the clicks of that person carry its token."""
        self._order(lambda: self._machine.use_session(session))

    def sign_out(self, request: int, session: Session) -> None:
        """End a session at the hub, after its clicks."""
        self._order(lambda: self._machine.access.sign_out(request, session))

    def reveal(self, question: Reveal) -> None:
        self._order(lambda: self._machine.access.reveal(question, time.monotonic()))

    def manage(self, question: Accounts) -> None:
        self._order(lambda: self._machine.access.manage(question, time.monotonic()))

    def confide(self, question: Confide) -> None:
        """The sink's `revealed` answers, without values."""
        self._order(lambda: self._machine.access.confide(question, time.monotonic()))

    def lease(self, question: Lease) -> None:
        """Under the session that is present when it goes out; the sink's `leased` answers, "no_answer" included."""
        self._order(lambda: self._machine.access.lease(question, time.monotonic()))

    def ask_blob(self, request: int, blob: str) -> None:
        """Fetch a blob; the sink's `blob` gets it whole and checked, or hears why not."""
        self._order(lambda: self._machine.blobs.ask(request, blob, time.monotonic()))

    def anchor(self, anchor: Anchor) -> None:
        """The newest end of the audit chain, until the hub keeps it."""
        self._order(lambda: self._machine.anchor(anchor))

    def show(self, cameras: frozenset[str]) -> None:
        """What is on the screens here."""
        self._order(lambda: self._machine.show(cameras))

    def sees(self, sights: tuple[Sight, ...]) -> None:
        """How they are: all that the screens here see now, again every few seconds."""
        self._order(lambda: self._machine.seeing.tell(sights, time.monotonic()))

    def sound(self, speaker: Speaker | None) -> None:
        """How this station's loudspeaker is; None: it has none that others are to know of."""
        self._order(lambda: self._machine.sounding.tell(speaker, time.monotonic()))

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
                self.turned_s = time.monotonic()
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
        if self._machine.healthy and not self._lost:
            self._addresses.serves(now_s)
        if now_s < self._next_open_s or not self._is_over(now_s):
            return
        self._close()
        where, pause_s = self._addresses.next(self._settings.endpoints(), now_s)
        self._next_open_s = now_s + pause_s
        if where is None:
            return
        try:
            self._sockets = Sockets(context, where, self._settings.public_key, self._settings.secret_key)
        except zmq.ZMQError as error:
            _log.warning("cannot open the link to %s: %s", where.ctl, error)
            return
        self._poller = zmq.Poller()
        self._sockets.register(self._poller)
        self._lost = False
        self._machine.opened(time.monotonic())

    def _is_over(self, now_s: float) -> bool:
        """Time for new sockets: towards the same hub after 5 s of silence, towards the next of several much sooner."""
        if not self._addresses.several:
            return self._machine.wants_new_sockets(now_s)
        return self._lost or (self._room and self._machine.wants_new_sockets(now_s, several=True))

    def _turn(self) -> None:
        poller = self._poller
        room = self._room = self._sink.has_room()
        if self._sockets is not None:
            poller.modify(self._sockets.sub, zmq.POLLIN if room else 0)
        poller.register(self._wake_read.fileno(), zmq.POLLIN)
        ready: dict[Any, int] = dict(poller.poll(POLL_MS))
        if self._wake_read.fileno() in ready:
            self._read_orders()
        now_s = time.monotonic()
        if self._sockets is not None:
            seen = self._sockets.events(ready)
            if seen & AUTH_FAILED:
                self._machine.key_refused(now_s)
            self._lost |= bool(seen & LOST)
            if self._sockets.sub in ready:
                self._receive(self._sockets.sub, self._machine.on_live, LIVE_BURST)
            if self._sockets.dealer in ready:
                self._receive(self._sockets.dealer, self._machine.on_ctl, CTL_BURST)
        self._machine.turn(time.monotonic(), self._send, self._send)

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

    def _send(self, message: bytes, *data: bytes) -> bool:
        if self._sockets is None:
            return False
        try:
            self._sockets.dealer.send_multipart([VERSION, message, *data], zmq.NOBLOCK)
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
