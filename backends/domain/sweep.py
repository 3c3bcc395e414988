"""The sweep: what the hub asks of its probe process, and what that answers, a JSON line each (stdin and stdout).

The hub knows which camera is due, the probe knows how to look; a probe that dies loses no order. Must not: do
anything.
"""

from __future__ import annotations

import msgspec

from backends.domain.picture import PictureFlag
from backends.domain.place import Box

AT_ONCE = 12
"""Cameras that are looked at at the same moment; derived in `hub.rota`."""
PERIOD_S = 70.0
"""From the begin of one look at a camera to the begin of the next; more, where the places do not suffice."""
FIXED_SCHEMES = frozenset({"scene", "testcard", "ring"})
"""Addresses of what this program draws or keeps itself: there is nothing to find out."""


class LookAt(msgspec.Struct, frozen=True):
    """Hub: open this camera, once. The only message that holds a password; it goes through stdin alone."""

    camera_id: str
    uri: str
    user: str = ""
    password: str = ""
    thumbnail: bool = False
    """Send a small picture too."""
    masks: tuple[Box, ...] = ()
    """What is filled in it, in shares of the full picture: what must not be seen never leaves the probe."""
    judge: bool = True
    """False: the small picture is all that is wanted, nothing is said or learnt of the camera."""

    def __repr__(self) -> str:
        return f"LookAt({self.camera_id!r}, {self.uri!r})"


class Looked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Probe: what came of it."""

    camera_id: str
    online: bool | None = None
    """None: it is not sure yet, what was said before stays."""
    reason: str = ""
    """For people, without secrets."""
    flags: tuple[PictureFlag, ...] | None = None
    """What is wrong, seen often and long enough; None: nothing could be judged, what was said before stays."""
    again_s: float = 0.0
    """Look again so soon: something may have changed, and one look does not say it; 0 = when it is due."""
    patient: bool = False
    """The look again may wait for its turn: it takes long, and is not for what must be known within two minutes."""
    thumbnail: bytes = b""
    """JPEG."""


encode = msgspec.json.encode
order_decoder = msgspec.json.Decoder(LookAt)
answer_decoder = msgspec.json.Decoder(Looked)
