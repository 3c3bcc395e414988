"""Who may connect: the ZAP handler (RFC 27) of the hub's own context, fed by a folder of public keys.

libzmq asks it for every CURVE handshake; the answer's User-Id is the key itself, and the station is
looked up anew for every message, so that a revoked key is refused at once on CTL. It never fails open: a folder
that is missing or may not be read lets nobody in, one that this process cannot open for want of files nobody new.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections import Counter
from pathlib import Path

import zmq
import zmq.utils.z85

from backends.hub.keys import PASSING, PUBLIC_SUFFIX, read_authorised_until
from backends.hub.security import told

log = logging.getLogger(__name__)

ENDPOINT = "inproc://zeromq.zap.01"
DOMAIN = "ioc-hub"
"""A named domain: without one, or with `'*'`, libzmq 4.3.5 lets unknown keys in."""

BLIND_S = 30.0
"""So long the last good look counts when this process is out of files or memory: a flood of connections must not
shut everybody out."""
_UNREADABLE = ("unreadable",)


class Gate:
    """The authorised keys, re-read when the folder changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[object, ...] | None = None
        self._stations: dict[bytes, str] = {}
        self._lost = False
        self._next_end_s: float = math.inf
        self._looked_s = -math.inf
        self._blind = False

    @property
    def stations(self) -> frozenset[str]:
        """Those that may be here now."""
        return frozenset(self._stations.values())

    @property
    def readable(self) -> bool:
        """False: the folder cannot be read, so nobody gets through, whoever may be authorised."""
        return self._seen != _UNREADABLE

    def take_lost(self) -> bool:
        """Has a key been taken away since the last call? Whoever looked at the folder in between."""
        lost, self._lost = self._lost, False
        return lost

    def refresh(self) -> bool:
        """Look at the folder; True when a key that was authorised no longer is."""
        before = set(self._stations.items())
        try:
            seen = self._look()
            self._looked_s = time.monotonic()
            self._blind = False
            if seen == self._seen and time.time() < self._next_end_s:
                return False
            certificates = read_authorised_until(self._folder)
            stations = {key: station for key, (station, _) in certificates.items()}
            self._next_end_s = min((end_s for _, end_s in certificates.values()), default=math.inf)
        except OSError as error:
            if error.errno in PASSING and self._stations and time.monotonic() - self._looked_s < BLIND_S:
                if not self._blind:
                    log.critical("the folder of authorised stations cannot be read, %g s as before: %s", BLIND_S, error)
                self._blind = True
                return False
            if self._stations or self._seen is None:
                log.error("the folder of authorised stations cannot be read, nobody may join: %s", error)
            seen, stations = _UNREADABLE, {}
            self._next_end_s = math.inf
        self._seen = seen
        self._stations = stations
        lost = bool(before - set(stations.items()))
        self._lost |= lost
        return lost

    def _look(self) -> tuple[object, ...]:
        """What stands in the folder. Raises OSError."""
        seen = []
        for entry in self._folder.iterdir():
            if entry.suffix == PUBLIC_SUFFIX:
                # One that goes in this moment is gone; the others stay.
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat()
                    seen.append((entry.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(sorted(seen))

    def station(self, public: bytes) -> str | None:
        """The station of a Z85 public key."""
        return self._stations.get(public)


class ZapHandler:
    """The REP socket at ENDPOINT. Belongs to the server's thread and poller."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], gate: Gate, counters: Counter[str]) -> None:
        self._gate = gate
        self._counters = counters
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(ENDPOINT)

    def answer(self) -> None:
        """Answer one waiting request."""
        frames = self.socket.recv_multipart()
        version, request_id = [*frames, b"", b""][:2]
        key = self._key(frames)
        if key is not None:
            self._gate.refresh()
        station = self._gate.station(key) if key is not None else None
        if key is None or station is None:
            address = frames[3].decode("ascii", "replace")[:64] if len(frames) > 3 else "?"
            told(self._counters, "unknown_key", log, "an unknown key was refused, from %s", address)
            self.socket.send_multipart([version or b"1.0", request_id, b"400", b"unknown key", b"", b""])
        else:
            self.socket.send_multipart([version, request_id, b"200", b"OK", key, b""])

    @staticmethod
    def _key(frames: list[bytes]) -> bytes | None:
        """Z85 key of a well-formed CURVE request of our domain."""
        if len(frames) != 7 or frames[0] != b"1.0" or frames[2] != DOMAIN.encode() or frames[5] != b"CURVE":
            return None
        return zmq.utils.z85.encode(frames[6]) if len(frames[6]) == 32 else None

    def close(self) -> None:
        self.socket.close()
