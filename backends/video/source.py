"""What a video source is: the typed spec that each file of `sources/` gives, and the registry of them.

A new kind of source is ONE new file in `sources/` with a module constant SPEC. Must not: decode, or know
of outputs.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol, TypeAlias, runtime_checkable

import av
from av.packet import Packet
from av.video.stream import VideoStream

from backends.domain.stream_choice import LeftOut
from backends.video.faults import NotASource, NotYet, Refused, SourceFault
from backends.video.hardware import By
from backends.video.ring_layout import Codec
from backends.video.scaling import Image

__all__ = [
    "Accelerated",
    "Address",
    "Arrival",
    "Compressed",
    "NotASource",
    "NotYet",
    "NothingToLeaveOut",
    "Refused",
    "Source",
    "SourceFault",
    "SourceSpec",
    "spec_of",
    "specs",
]


@dataclass(frozen=True, slots=True)
class Address:
    """What a source needs to open. `repr` shows no secret."""

    uri: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    path: str = ""
    """For `scene:`: the file it stands for; for `ring:`: where the packets lie."""
    stop: Event = field(default_factory=Event, repr=False)
    """Set when nobody wants the stream any more."""
    resume_ns: int = 0
    """Of a replay whose worker died, or that was paused: the monotonic time of the picture that it showed last."""
    resume_utc_ns: int = 0
    """The same, UTC: what a recorder kept may be from before this machine was started."""


Compressed: TypeAlias = "Packet[VideoStream]"
"""Generic in PyAV's stubs alone."""
Arrival: TypeAlias = "Compressed | Image"
"""What comes from a source: a packet to decode, or BGRA pixels that it has drawn itself."""


class Source(Protocol):
    """An open stream. Read and closed by one thread (closing while another reads crashes FFmpeg).

    What it gives is decoded by others, one packet after the other, while it is read on; but for sources of the past,
    and at an empty packet, where the reader waits. It is never closed meanwhile.

    One that gives pictures of the past is `Past`, too.
    """

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel by its height."""
        ...

    @property
    def fps(self) -> float:
        """As declared; 0 = unknown."""
        ...

    @property
    def codec(self) -> Codec | None:
        """What a ring must know to keep the packets; None: what it draws itself is not kept."""
        ...

    def arrivals(self) -> Iterator[Arrival]:
        """Packets or pictures when they are due. Blocks, a few seconds at most.

        Ends, or raises SourceFault, at a loss.
        """
        ...

    def decode(self, packet: Compressed) -> Sequence[av.VideoFrame]:
        """The frames that this packet completes, often one. Raises SourceFault when nothing can be decoded any more.

        Computes, and takes no turn by itself.
        """
        ...

    def leave_out(self, what: LeftOut) -> None:
        """Decode less thoroughly from now on, as far as that is possible, without opening anything afresh.

        Not its business: how many frames are drawn.
        """
        ...

    @property
    def bad(self) -> int:
        """Packets that could not be decoded, and frames that came out damaged, since it was opened."""
        ...

    def close(self) -> None: ...


class NothingToLeaveOut:
    """Part of a source that gives single pictures, or draws them itself: each stands alone."""

    def leave_out(self, what: LeftOut) -> None:
        """As `Source`; there is no loop filter, and no frame refers to another."""


@runtime_checkable
class Accelerated(Protocol):
    """A source that may decode on a graphics device, and says whether it does."""

    @property
    def by(self) -> By: ...


@runtime_checkable
class Past(Protocol):
    """A source whose pictures are old, and whose tile must say so. It ends, and is not opened again."""

    def when(self, frame: av.VideoFrame) -> tuple[int, int]:
        """When this picture was received: monotonic clock of this machine, and UTC; nanoseconds."""
        ...


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One kind of source."""

    kind: str
    schemes: tuple[str, ...]
    says: str
    """What it is, in one sentence, for `doctor` and the documentation."""
    example: str
    """An address of this kind."""
    open: Callable[[Address], Source]
    """Blocks up to its timeout. Raises SourceFault."""
    network: bool = True
    """Opening waits for something outside this process (a network, a driver) and takes a place in the queue of
    openings."""


@functools.cache
def specs() -> dict[str, SourceSpec]:
    """All kinds, by scheme. A file of `sources/` without SPEC, or a scheme given twice, is our error."""
    package = importlib.import_module("backends.video.sources")
    found: dict[str, SourceSpec] = {}
    for info in pkgutil.iter_modules(package.__path__):
        spec: SourceSpec = importlib.import_module(f"{package.__name__}.{info.name}").SPEC
        for scheme in spec.schemes:
            if scheme in found:
                raise TypeError(f"{spec.kind} and {found[scheme].kind} both claim {scheme}:")
            found[scheme] = spec
    return found


def spec_of(uri: str) -> SourceSpec:
    """The kind that opens this address. Raises NotASource with words that help."""
    scheme, colon, _ = uri.partition(":")
    found = specs().get(scheme.lower()) if colon else None
    if found is None:
        known = ", ".join(f"{name}:" for name in sorted(specs()))
        raise NotASource(f'no video source for addresses that begin with "{scheme[:20]}"; known are {known}')
    return found
