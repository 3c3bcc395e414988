"""Records and words of `choice`: what is on the screen, what a camera offers, what was decided. Must not: decide."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.camera import Demand, Stream, StreamKind
from backends.domain.text import LocalText
from backends.video.frames import LOST_S


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


class Tile(msgspec.Struct, frozen=True):
    """One tile that can be seen. A hidden one is left out."""

    camera_id: str
    width: int
    """Physical pixels, as in `Demand`."""
    height: int
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


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


class Rules(msgspec.Struct, frozen=True):
    """The figures. Those of design, section 6, unless it says otherwise; others are for tests."""

    down: float = 1.0
    """To the sub-stream at or below so many times its own height ..."""
    small_s: float = 1.0
    """... for this long."""
    up: float = 1.35
    """To the main stream above so many times the height of the sub-stream."""
    camera_s: float = 5.0
    """Between two switches of one camera."""
    timeout_s: float = 10.0
    """For the new stream to show a picture. Opening may take 5 s (`reading.OPEN_S`), the next key frame 4 s."""
    alive_s: float = LOST_S
    """A stream whose newest picture is older has none to keep."""
    dead_s: float = 10.0
    """Without a picture for this long a main stream, or the restream address, is left for what there is beside it."""
    again_s: float = 60.0
    """What gave no picture is tried again after this, doubled each time ..."""
    again_most_s: float = 600.0
    """... up to this, the longest that a machine too small is left alone by the best client we know."""
    unknown_h: float = 360.0
    """Height of a sub-stream of which nothing is known while the main stream is shown: what most cameras send."""


RULES = Rules()

_NAMES = {
    StreamKind.MAIN: LocalText("luồng chính", "the main stream"),
    StreamKind.SUB: LocalText("luồng phụ", "the sub-stream"),
}
_WORDS = {
    "no_picture": LocalText(
        "{new} không có hình trong {s} giây, vẫn dùng {old}", "{new} gave no picture in {s} s, {old} stays"
    ),
    "neither": LocalText(
        "{old} và {new} đều không có hình trong {s} giây, dùng {new}",
        "neither {old} nor {new} gave a picture in {s} s, {new} stays",
    ),
    "no_memory": LocalText(
        "không đủ bộ nhớ hình để mở {new}, vẫn dùng {old}", "no picture memory to open {new}, {old} stays"
    ),
    "silent": LocalText("{old} không có hình, chuyển sang {new}", "{old} gives no picture, {new} is opened instead"),
    "direct": LocalText(
        "máy chủ phát lại không có hình, lấy thẳng từ camera",
        "the restream address gives no picture, the camera is pulled directly",
    ),
    "restreamed": LocalText("lại dùng máy chủ phát lại", "the restream address is used again"),
    "not_restreamed": LocalText(
        "máy chủ phát lại vẫn không có hình, tiếp tục lấy thẳng từ camera",
        "the restream address still gives no picture, the camera goes on being pulled directly",
    ),
}
CODES = tuple(f"choice.{code}" for code in _WORDS)
"""All that may be said."""


def say(code: str, camera_id: str, new: Pick, old: Pick, seconds: float) -> Said:
    """`seconds`: what was waited for."""
    vi, en = (
        text.format(new=_NAMES[new.kind].get(lang), old=_NAMES[old.kind].get(lang), s=f"{seconds:.0f}")
        for lang, text in (("vi", _WORDS[code].vi), ("en", _WORDS[code].en))
    )
    return Said(f"choice.{code}", camera_id, LocalText(vi[:1].upper() + vi[1:], en[:1].upper() + en[1:]))
