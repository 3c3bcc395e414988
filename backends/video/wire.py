"""What GUI, broker and workers say to each other: JSON by msgspec, never pickle.

GUI and broker: bytes messages of multiprocessing.connection. Broker to worker: one line of its stdin for
each change, always the whole set, so that a lost or repeated one does no harm. Must not: do anything.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from backends.domain.camera import Demand
from backends.domain.picture import Apart
from backends.domain.stream_choice import LeftOut

MAX_MESSAGE = 4 << 20
"""Bytes; 64 demands take 20 kB."""


class Reduced(msgspec.Struct, frozen=True):
    """A stream that something is left out of."""

    camera_id: str
    uri: str
    left_out: LeftOut


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """GUI: all that is shown now."""

    number: int
    demands: tuple[Demand, ...]
    reduced: tuple[Reduced, ...] = ()
    """Of all other streams nothing is left out."""


class Assignment(msgspec.Struct, frozen=True):
    """`demand` counts in the `Wanted` that is answered."""

    demand: int
    segment: str = ""
    generation: int = 0
    refused: str = ""
    """Why there is no memory for it, in words; then `segment` is empty."""
    apart: Apart | None = None
    """How its stream runs apart from the others; None: it does not."""


class Assigned(msgspec.Struct, frozen=True, tag="assigned"):
    """Broker: where the pictures of `Wanted` number `number` are."""

    number: int
    outputs: tuple[Assignment, ...]


class Busy(msgspec.Struct, frozen=True, tag="busy"):
    """Broker, once a second: how much the workers compute."""

    cpu_share: float
    """Processor time of all of them, of what all cores have; 0 to 1."""


class AskHeld(msgspec.Struct, frozen=True, tag="ask_held"):
    """GUI: how much of what it shows can be shown again? It asks, so that one that is stopped is not written to."""


class HeldStream(msgspec.Struct, frozen=True):
    """Seconds that are in the packet ring of one stream."""

    camera_id: str
    uri: str
    held_s: float


class Held(msgspec.Struct, frozen=True, tag="held"):
    """Broker: the answer to `AskHeld`; what is not in it is not kept."""

    streams: tuple[HeldStream, ...]


class KeepClip(msgspec.Struct, frozen=True, tag="keep_clip"):
    """GUI: keep what this stream sends in these seconds as a file, once they are over. Nothing is answered."""

    name: str
    """Of the file, without folder and ending."""
    camera_id: str
    uri: str
    from_ns: int
    """Monotonic."""
    until_ns: int


Asked: TypeAlias = Wanted | AskHeld | KeepClip
"""What a GUI sends."""
Told: TypeAlias = Assigned | Busy | Held
"""What a GUI is told."""


class OutputOrder(msgspec.Struct, frozen=True):
    """Worker: draw this output."""

    segment: str
    generation: int
    crop: tuple[float, float, float, float]


class StreamOrder(msgspec.Struct, frozen=True):
    """Worker: decode this stream. The only message that holds a password; it goes through stdin alone."""

    camera_id: str
    uri: str
    outputs: tuple[OutputOrder, ...]
    user: str = ""
    password: str = ""
    path: str = ""
    """For a `scene:` address: the file that its number stands for. For a replay: where its packets lie."""
    ring: str = ""
    """Segment of the slab that keeps its packets; empty: none."""
    ring_generation: int = 0
    left_out: LeftOut = LeftOut()
    """May change while the stream stays open."""

    def __repr__(self) -> str:
        return f"StreamOrder({self.camera_id!r}, {self.uri!r}, {len(self.outputs)} outputs)"


class Orders(msgspec.Struct, frozen=True):
    """Worker: all that it shall decode. What is not in it stops."""

    streams: tuple[StreamOrder, ...]


class WorkerSettings(msgspec.Struct, frozen=True):
    """First line of a worker's stdin."""

    number: int
    beat: str
    """Segment of one page. Twice a second the worker writes its processor time (ns) into the second word, then the
    time (monotonic ns) into the first."""
    at_once: int = 1
    """Streams that may compute at the same moment; see `turn`."""
    hardware: str = "off"
    """Graphics device to decode with: "off", "auto", or one of `DEVICES`."""


encode = msgspec.json.encode
asked_decoder: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(Asked)
told_decoder: msgspec.json.Decoder[Told] = msgspec.json.Decoder(Told)
orders_decoder = msgspec.json.Decoder(Orders)
