"""Which stream a camera's tiles show: what is on the screen, what a camera offers, what was decided, and why; and
what is left out of pictures.

The rules are in `backends.video.choice` and `pressure`. Must not: decide.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.camera import Demand, Stream, StreamKind
from backends.domain.text import LocalText


class Wish(StrEnum):
    """What a person wants of a camera."""

    AUTO = "auto"
    """By the size on the screen."""
    MAIN = "main"
    SUB = "sub"


class Via(StrEnum):
    """How a stream is pulled."""

    RESTREAM = "restream"
    """From the room's restream server, which pulls the camera once for all."""
    DIRECT = "direct"
    """From the camera or its recorder."""


class Why(StrEnum):
    """Why it is this stream, for the tile's details and for the log."""

    SIZE = "size"
    """The size on the screen."""
    ONLY = "only"
    """There is no other."""
    WISH = "wish"
    """A person has chosen it."""
    LOAD = "load"
    """The size asks for the main stream, and the machine is too small."""
    NO_PICTURE = "no_picture"
    """The stream that is wanted gives no picture; it is tried again later."""
    ROUTE = "route"
    """The restream address is tried again."""


class Act(StrEnum):
    """What may be left out of pictures when the machine is too small for its wall."""

    LOOP_FILTER = "loop_filter"
    """Blocks are seen where much moves."""
    NON_REFERENCE = "non_reference"
    """Frames on which no other depends; many cameras send none, then nothing changes."""
    MAIN_STREAM = "main_stream"
    """Only sub-streams, but for what a person chose."""
    RATE = "rate"
    """Decoded in full, drawn less often."""


class LeftOut(msgspec.Struct, frozen=True):
    """What is left out of one stream."""

    skip_loop_filter: bool = False
    skip_non_reference: bool = False
    draw_every: int = 1
    """Only each so many-th decoded frame is drawn."""


class View(msgspec.Struct, frozen=True):
    """One tile that can be seen. A hidden one is left out."""

    camera_id: str
    width: int
    """Physical pixels, as in `Demand`."""
    height: int
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    wish: Wish = Wish.AUTO
    """What a person chose on this tile."""


class Ways(msgspec.Struct, frozen=True):
    """The addresses of one camera, from the directory. At least one of the two holds a stream."""

    streams: tuple[Stream, ...]
    restream: tuple[Stream, ...] = ()
    """Tried first. What it lacks is not taken from the camera beside it: that would be two sessions."""


class Seen(msgspec.Struct, frozen=True):
    """What has come of one demand, by its own output: a stand-in from another demand does not count."""

    age_s: float | None = None
    """Of its newest picture; None: there has been none."""
    width: int = 0
    """Of the decoded picture before scaling; 0 = not known."""
    height: int = 0
    refused: bool = False
    """There is no shared memory for it."""
    smoothed: bool = True
    """Its codec has a loop filter, or is not known."""


class Pick(msgspec.Struct, frozen=True):
    """One stream of one camera."""

    kind: StreamKind
    uri: str
    via: Via
    width: int = 0
    """As the directory says; 0 = not said."""
    height: int = 0


class Use(msgspec.Struct, frozen=True):
    """What a camera uses, and why."""

    pick: Pick
    why: Why


class Switch(msgspec.Struct, frozen=True):
    """The switch that runs: both streams stand."""

    camera_id: str
    old: Pick
    new: Pick
    why: Why
    began_ns: int


class Said(msgspec.Struct, frozen=True):
    """One thing that people should know. `code` is its key in the catalogues, with `words` in both languages."""

    code: str
    camera_id: str
    words: LocalText


class Decision(msgspec.Struct, frozen=True):
    """What stands from now on."""

    demands: frozenset[Demand]
    """All of them; during a switch those of both streams."""
    painted: tuple[Demand | None, ...]
    """What each tile paints, in the order of the tiles; None: the camera has no address, or the tile no size."""
    uses: dict[str, Use]
    """By camera id, of those shown."""
    switch: Switch | None
    waiting: int
    """Switches that are due and have not begun: while there are some, the load is not what it is going to be."""
    said: tuple[Said, ...]
    """New since the last decision."""
