"""What is wrong with a picture that comes, and comes in time: the flags of the health check, and the kind of light.

Must not: say how they are found (`video.health`), or in which words they are shown (the tables of words).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class PictureFlag(StrEnum):
    """One thing that is wrong. The order is that of urgency, and of the bits in the shared header."""

    FROZEN = "frozen"
    """The same picture over at least two key frames and 10 s, a burnt-in clock apart."""
    REPEATING = "repeating"
    """The same loop of at most 10 s, three times."""
    BLACK = "black"
    COVERED = "covered"
    """Something lies over the lens: what its view is made of has gone."""
    TURNED = "turned"
    """It looks somewhere else than its reference view."""
    BLURRED = "blurred"
    """Out of focus: the view is right, its edges have gone."""
    BEHIND = "behind"
    """The picture is older than it seems, by the camera's own clock."""


class Light(StrEnum):
    """The kind of light that a reference view belongs to."""

    DAY = "day"
    NIGHT = "night"
    """Dark, in colours."""
    INFRARED = "infrared"
    """No colours: the camera has swung its filter away (or never had any)."""


class Apart(StrEnum):
    """Why a stream does not share a decoder worker with the others: it was open when two of them died."""

    FEW = "few"
    """With some others that were there too: which of them it is, is not known yet."""
    ALONE = "alone"
    WAITING = "waiting"
    """Its own worker has died as well: it is opened again after a pause, a longer one each time."""


class Decoding(StrEnum):
    """What decodes a stream, where a site asks for a graphics device. The order is that of the numbers in the shared
    header."""

    PLAIN = "plain"
    """The processor: no device was asked for, or nothing is known yet."""
    DEVICE = "device"
    ABSENT = "absent"
    """The processor: no device of that kind opens here."""
    REFUSED = "refused"
    """The processor: the device does not take this stream (profile, size, or it has no room left)."""
    FAILED = "failed"
    """The processor: the device failed in the middle of this stream."""
    OTHER = "other"
    """The processor: a codec that no device is asked for."""


DEVICES = ("cuda", "d3d11va", "vaapi", "d3d12va", "vulkan")
"""Kinds of graphics devices that may be asked for, in the order in which "auto" tries them; FFmpeg's names. A kind's
place here is its number in the shared header."""


class Raised(msgspec.Struct, frozen=True):
    """A flag that is up."""

    flag: PictureFlag
    since_ns: int
    """Monotonic: when what is wrong began, not when it was noticed."""


FLAGS = tuple(PictureFlag)
"""A flag's place here is its bit."""


def bits_of(raised: tuple[Raised, ...]) -> int:
    """The flags as bits."""
    return sum(1 << FLAGS.index(r.flag) for r in raised)


def flags_of(bits: int) -> tuple[PictureFlag, ...]:
    """The flags of the bits; bits that nobody knows are left out."""
    return tuple(flag for place, flag in enumerate(FLAGS) if bits >> place & 1)
