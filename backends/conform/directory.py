"""The feed `cameras` as a console follows it: what every record of a camera said, in order."""

from __future__ import annotations

import time
from collections.abc import Callable

from backends.conform.wire import Failed, Peer
from backends.domain.camera import Camera
from backends.protocol.codec import decode_body

SEEN_S = 5.0
"""What has come of a message is in a record by then, and what is over has left it."""
LOOK_S = 0.1
"""Between two FETCHes."""


class Directory:
    """All cameras as of now, and what comes after that."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        parts = peer.snapshot("cameras")
        self._epoch, self._cursor = parts[0].epoch, parts[0].as_of
        self.cameras: dict[str, Camera] = {
            envelope.id: decode_body("cameras", envelope.body) for part in parts for envelope in part.items
        }

    def news(self) -> list[Camera]:
        """Records since the last look, in order."""
        found: list[Camera] = []
        for envelope in self._peer.fetch_all("cameras", self._epoch, self._cursor):
            self._cursor = envelope.seq
            if envelope.type == "del":
                self.cameras.pop(envelope.id, None)
            else:
                camera: Camera = decode_body("cameras", envelope.body)
                self.cameras[envelope.id] = camera
                found.append(camera)
        return found

    def until(self, what: str, wanted: Callable[[Camera], bool], more_s: float = 0.0) -> Camera:
        """The first record for which `wanted` holds, of the present ones and of every new one: nothing is missed that
        was so for a moment only. Raises Failed, in words that begin with `what`, after SEEN_S and `more_s`."""
        limit_s = SEEN_S + more_s
        found = next(filter(wanted, self.cameras.values()), None)
        end_s = time.monotonic() + limit_s
        while found is None:
            if time.monotonic() > end_s:
                raise Failed(f"{what}, within {limit_s:g} s")
            found = next(filter(wanted, self.news()), None)
            if found is None:
                self._peer.receive(LOOK_S)
        return found
