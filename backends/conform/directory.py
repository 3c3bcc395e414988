"""The feed `cameras` as a console follows it: what every record of a camera said, in order."""

from __future__ import annotations

import time
from collections.abc import Callable

from backends.conform.wire import ANSWER_S, Failed, Peer
from backends.domain.camera import Camera
from backends.protocol.codec import decode_body

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

    def until(self, what: str, wanted: Callable[[Camera], bool], timeout_s: float = ANSWER_S) -> Camera:
        """The first record from now on for which `wanted` holds; first of all the present ones are asked, then every
        new one, so that nothing is missed that was so for a moment only. Raises Failed: `what` is what did not come."""
        found = next(filter(wanted, self.cameras.values()), None)
        end_s = time.monotonic() + timeout_s
        while found is None:
            if time.monotonic() > end_s:
                raise Failed(f"{what}, within {timeout_s:g} s")
            found = next(filter(wanted, self.news()), None)
            if found is None:
                self._peer.receive(LOOK_S)
        return found
