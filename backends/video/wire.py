"""What GUI, broker and workers say to each other: JSON by msgspec, never pickle.

GUI and broker: bytes messages of multiprocessing.connection. Broker to worker: one line of its stdin for
each change, always the whole set, so that a lost or repeated one does no harm. Must not: do anything.
"""

from __future__ import annotations

import msgspec

from backends.domain.camera import Demand
from backends.domain.picture import Apart

MAX_MESSAGE = 4 << 20
"""Bytes; 64 demands take 20 kB."""


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """GUI: all that is shown now."""

    number: int
    demands: tuple[Demand, ...]


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
    """For a `scene:` address: the file that its number stands for."""
    ring: str = ""
    """Segment of the slab that keeps its packets; empty: none."""
    ring_generation: int = 0

    def __repr__(self) -> str:
        return f"StreamOrder({self.camera_id!r}, {self.uri!r}, {len(self.outputs)} outputs)"


class Orders(msgspec.Struct, frozen=True):
    """Worker: all that it shall decode. What is not in it stops."""

    streams: tuple[StreamOrder, ...]


class WorkerSettings(msgspec.Struct, frozen=True):
    """First line of a worker's stdin."""

    number: int
    beat: str
    """Segment of one page whose first word the worker stamps twice a second (monotonic ns)."""
    at_once: int = 1
    """Streams that may compute at the same moment; see `turn`."""


encode = msgspec.json.encode
wanted_decoder = msgspec.json.Decoder(Wanted)
assigned_decoder = msgspec.json.Decoder(Assigned)
orders_decoder = msgspec.json.Decoder(Orders)
