"""The supervisor's end of the cameras' passwords: a local door for the feeder alone, the picture broker behind it.

Twice a second it tells the feeder which cameras with passwords are wanted, from where, and which refuse; what the
feeder gives goes to the broker, and from there into the stdin of a worker, for the places that the feeder names. It
stays in memory here, so that a restart of the feeder interrupts no picture. Must not: know the hub, or write anything
down.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from typing import Protocol

import msgspec

from backends.domain.camera import PictureState
from backends.domain.replay import is_past
from backends.video.broker import Credentials
from backends.video.channel import Stopper
from backends.video.places import place_of
from backends.video.plan import StreamKey
from console.feed_secrets import Given, Want, Wants, encode, given_decoder

_log = logging.getLogger(__name__)

LOOK_S = 0.5


class Broker(Protocol):
    """What the desk needs of PictureBroker."""

    def streams(self) -> Mapping[StreamKey, PictureState]: ...
    def set_credentials(self, credentials: Mapping[str, Credentials]) -> None: ...


class SecretDesk:
    """Service of the supervisor."""

    def __init__(self, broker: Broker, address: str, authkey: bytes) -> None:
        self._broker, self._authkey = broker, authkey
        self._listener = Listener(address, backlog=2)
        self._address = address
        self._known: dict[str, Credentials] = {}
        self._stopper = Stopper()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="secrets accept", daemon=True)]

    def start(self) -> None:
        self._threads[0].start()

    def stop(self) -> None:
        self._stopped.set()
        self._stopper.stop()
        with contextlib.suppress(OSError, EOFError):
            Client(self._address).close()  # wakes the thread that accepts
        for thread in self._threads:
            thread.join(5.0)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection = self._listener.accept()
            except OSError as error:
                _log.warning("the door for cameras' passwords could not be opened: %s", error)
                self._stopped.wait(0.5)
                continue
            if self._stopped.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="secrets", daemon=True)
            self._threads = [*(other for other in self._threads if other.is_alive()), thread]
            thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            deliver_challenge(connection, self._authkey)
            answer_challenge(connection, self._authkey)
        except (AuthenticationError, OSError, EOFError):
            _log.warning("somebody without the key knocked at the door for cameras' passwords")
            connection.close()
            return
        gone = threading.Event()
        teller = threading.Thread(target=self._tell, args=(connection, gone), name="secrets wanted", daemon=True)
        teller.start()
        try:
            while (message := self._stopper.receive(connection)) is not None:
                self._take(given_decoder.decode(message))
        except (OSError, EOFError):
            pass  # the feeder has gone; what it gave stays
        except msgspec.DecodeError:
            _log.warning("the feeder gives what cannot be read")  # not quoted: it holds passwords
        finally:
            gone.set()
            teller.join(5.0)
            connection.close()

    def _tell(self, connection: Connection, gone: threading.Event) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has gone: the other thread notices
            while not gone.is_set() and not self._stopped.is_set():
                connection.send_bytes(encode(wants_of(self._broker.streams())))
                gone.wait(LOOK_S)

    def _take(self, given: Given) -> None:
        known = {key.camera: Credentials(key.user, key.password, frozenset(key.places)) for key in given.keys}
        if known != self._known:
            self._known = known
            self._broker.set_credentials(known)


def wants_of(streams: Mapping[StreamKey, PictureState]) -> Wants:
    """Of all that is decoded live and may take a password."""
    wanted = {(key, place_of(key.uri)): state for key, state in streams.items() if not is_past(key.uri)}
    return Wants(
        tuple(
            Want(key.camera_id, place, state is PictureState.REFUSED)
            for (key, place), state in sorted(wanted.items())
            if place
        )
    )
