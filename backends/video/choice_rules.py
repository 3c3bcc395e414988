"""Figures and words of `choice`. Must not: decide."""

from __future__ import annotations

import msgspec

from backends.domain.camera import StreamKind
from backends.domain.stream_choice import Pick, Said
from backends.domain.text import LocalText
from backends.video.frames import LOST_S


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
        "máy chủ chuyển tiếp không có hình, lấy thẳng từ camera",
        "the restream address gives no picture, the camera is pulled directly",
    ),
    "restreamed": LocalText("lại dùng máy chủ chuyển tiếp", "the restream address is used again"),
    "not_restreamed": LocalText(
        "máy chủ chuyển tiếp vẫn không có hình, tiếp tục lấy thẳng từ camera",
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
