"""What may stand behind the `#` of a camera's address: how to reach it, in words that are no secret.

A fragment is never sent to a server, so the address stays the camera's own. `rtsp://host/live#udp`;
`rtsps://host/live#sha256=HEX` pins the camera's certificate. Strict: a misspelt pin must not open unpinned.
Must not: hold a password, or open anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backends.video.faults import NotASource

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reach:
    """An address without its fragment, and what the fragment said."""

    uri: str
    udp: bool = False
    """Pictures come as UDP datagrams instead of inside the connection."""
    pin: str = ""
    """SHA-256 of the one certificate that the camera may show, 64 hexadecimal digits in small letters; empty:
    the certificate has to be signed by somebody whom this machine trusts, for this host."""


def refuse_password(uri: str) -> None:
    """Addresses are shown, stored and logged. Raises NotASource when somebody has written a password into one."""
    place = uri.partition("//")[2]
    if "@" in re.split(r"[/?#]", place, maxsplit=1)[0]:
        raise NotASource("user name and password do not belong into an address")


def reach_of(uri: str, *, may_udp: bool = False, may_pin: bool = False) -> Reach:
    """Takes the address apart. Raises NotASource for what it does not know, or what cannot be here."""
    bare, _, fragment = uri.partition("#")
    refuse_password(bare)
    udp, pin = False, ""
    for word in filter(None, fragment.split("&")):
        name, _, value = word.partition("=")
        if word == "udp" and may_udp:
            udp = True
        elif name == "sha256" and may_pin:
            pin = value.replace(":", "").lower()
            if not _SHA256.fullmatch(pin):
                raise NotASource("the pinned certificate is not given as 64 hexadecimal digits of SHA-256")
        else:
            # Not repeated: it may be the rest of a password with a "#" in it.
            raise NotASource('what stands behind the "#" is not known for an address of this kind')
    return Reach(bare, udp, pin)
