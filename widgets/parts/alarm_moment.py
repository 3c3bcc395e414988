"""The small picture of an alarm's moment, beside what happened to it: framed and titled as an old one, with its time.

It must not be taken for what is now: nothing of it is painted without the frame. Must not: read a file.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from backends.domain.moment import Moment
from backends.domain.place import Box
from backends.domain.times import NS_PER_S
from widgets.commands import COMMANDS, told_keys
from widgets.i18n import tr
from widgets.parts import replay_look, text
from widgets.parts.camera_zoom import WHOLE
from widgets.parts.privacy import paint_masks
from widgets.parts.replay import ReplaySeen
from widgets.theme import Theme
from widgets.typography import TypeScale, Weight

_SHARE = 0.4
"""Of the width, at most."""
_LEAST_EM = 8
"""Sizes of the smallest text: what is narrower shows nothing."""


def width_for(room: QRectF, picture: QImage, scale: TypeScale) -> float:
    """How wide it is in `room`, at the right above the caption; 0: there is not room enough."""
    high = room.height() - scale.line(scale.floor) - replay_look.title_height(scale)
    wide = min(room.width() * _SHARE, high * picture.width() / max(1, picture.height()))
    return wide if wide >= scale.floor * _LEAST_EM else 0.0


def paint(
    painter: QPainter,
    room: QRectF,
    moment: Moment,
    picture: QImage,
    masks: tuple[Box, ...],
    now_ns: int,
    theme: Theme,
    scale: TypeScale,
) -> None:
    """At the right of `room`, as wide as `width_for` says. Below it, over the whole width, its time and the key
    that plays its clip."""
    wide = width_for(room, picture, scale)
    title = replay_look.title_height(scale)
    high = wide * picture.height() / max(1, picture.width())
    whole = QRectF(room.right() - wide, room.top(), wide, title + high)
    box = QRectF(whole.left(), whole.top() + title, whole.width(), high)
    painter.drawImage(box, picture, QRectF(QRect(0, 0, picture.width(), picture.height())))
    paint_masks(painter, masks, WHOLE, box)
    behind_s = max(0, (now_ns - moment.t_ns) // NS_PER_S)
    t_ns = moment.t_ns // NS_PER_S * NS_PER_S
    replay_look.draw(painter, whole, ReplaySeen(behind_s, 1.0, False, 100, t_ns), now_ns, theme, scale)
    low = float(scale.line(scale.floor))
    foot = QRectF(room.left(), room.bottom() - low, room.width(), low)
    keys = tr("alarm_moment.keys", keys=told_keys(COMMANDS["alarms.moment"]), number=moment.number)
    words = f"{replay_look.when(t_ns, now_ns)} · {keys}"
    words = text.whole_parts(words, scale.floor, Weight.REGULAR, foot.width())
    text.draw(painter, foot, words, scale.floor, theme.muted, align=Qt.AlignmentFlag.AlignRight)
