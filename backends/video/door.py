"""Where GUIs come to the picture broker: one connection each, and nobody waits for one that does not read.

What a GUI is told is said by a thread of its own, the newest of each kind: an older answer is of no use to it, and a
GUI that has stopped holds up neither the broker's care nor another GUI. Threads: one that accepts, two for each
connection. Must not: know what a demand means.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge

import msgspec

from backends.video.channel import Stopper
from backends.video.wire import Asked, Told, Wanted, asked_decoder, encode

log = logging.getLogger(__name__)


class Seat:
    """One GUI: what it wants, and how it is told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.wanted = Wanted(0, ())
        self.gone_at = 0.0
        """Monotonic time; 0 = it is here. This and `wanted` are the broker's, under its lock."""
        self._change = threading.Condition()
        self._waiting: dict[type, Told] = {}
        self._over = False

    def tell(self, told: Told) -> None:
        """From any thread; returns at once. One of the same kind that still waits is replaced."""
        with self._change:
            self._waiting[type(told)] = told
            self._change.notify()

    def end(self) -> None:
        with self._change:
            self._over = True
            self._change.notify()

    def say(self) -> None:
        """The thread that writes: until `end`, or until nobody is there."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._over)
                if self._over:
                    return
                told = list(self._waiting.values())
                self._waiting.clear()
            try:
                for one in told:
                    self._connection.send_bytes(encode(one))
            except (OSError, ValueError, TypeError):  # gone, or closed under us; the thread that reads notices
                return


class Door:
    """Listens at `address`; whoever knows `authkey` gets a seat."""

    def __init__(self, address: str | None, authkey: bytes) -> None:
        """None: an address of our own making."""
        address = address or _address()
        self._authkey = authkey
        self._listener = Listener(address, backlog=8)
        self.address: str = address or str(self._listener.address)
        self._stopped = threading.Event()
        self._stopper = Stopper()
        self._threads: list[threading.Thread] = []

    def open(
        self, come: Callable[[Seat], None], asked: Callable[[Seat, Asked], None], gone: Callable[[Seat], None]
    ) -> None:
        """Each of the three is called by the thread that reads from that GUI, in this order."""
        self._calls = come, asked, gone
        self._start("pictures accept", self._accept)

    def close(self) -> None:
        """Everybody is sent away."""
        self._stopped.set()
        self._stopper.stop()
        with contextlib.suppress(OSError, EOFError):
            Client(self.address).close()  # wakes the thread that accepts
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()

    def _start(self, name: str, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=name, daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection = self._listener.accept()
            except OSError:
                log.exception("the picture broker could not accept a connection")
                self._stopped.wait(0.5)
                continue
            if self._stopped.is_set():
                connection.close()
                return
            self._start("pictures gui", self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        try:
            deliver_challenge(connection, self._authkey)
            answer_challenge(connection, self._authkey)
        except (AuthenticationError, OSError, EOFError):
            log.warning("somebody without the key knocked at the picture broker")
            connection.close()
            return
        come, asked, gone = self._calls
        seat = Seat(connection)
        says = threading.Thread(target=seat.say, name="pictures tell", daemon=True)
        says.start()
        come(seat)
        try:
            while (message := self._stopper.receive(connection)) is not None:
                asked(seat, asked_decoder.decode(message))
        except (OSError, EOFError):
            pass  # it has gone; what it wanted stays for a while
        except msgspec.DecodeError as error:
            log.warning("the GUI sent demands that cannot be read: %s", error)
        finally:
            seat.end()
            says.join(1.0)  # it may be writing to a GUI that has stopped
            connection.close()
            gone(seat)


def _address() -> str | None:
    """On Linux an abstract socket: it leaves no file behind, whatever way we end. Elsewhere a pipe."""
    if sys.platform == "linux":
        return f"\0ioc-pictures-{os.getpid()}-{secrets.token_hex(4)}"
    return None
