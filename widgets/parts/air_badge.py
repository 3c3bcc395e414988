"""The badge of an air index: its number in its step's colour, which stands nowhere else (look.md). Pure painting.

Number, and a keyline that grows with the step, say all of it in a grey print. What is old is hatched and has no colour;
what is none is a dash.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.air import Air
from widgets.parts import text
from widgets.parts.shapes import draw_hatch
from widgets.theme import Theme
from widgets.typography import Weight

_BRIGHT = 0.45
"""Lightness of a badge above which its number is black."""
NONE = "–"


def badge_width(px: int) -> float:
    """Room for three figures at this size."""
    return text.width("500", px, Weight.BOLD) + 0.9 * px


def draw_badge(painter: QPainter, box: QRectF, air: Air, px: int, em: float, theme: Theme, *, quiet: bool) -> None:
    """`px`: of its number; `em`: the panel's smallest type. `quiet`: what is normal has no colour (a map, where only
    bad air draws the eye)."""
    ground, ink, edge = badge_colours(air, theme, quiet=quiet)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    wide = em * (0.08 + 0.04 * air.step)
    pen = QPen(edge, wide)
    if air.old:
        pen.setDashPattern([2.5, 1.5])
    painter.setPen(pen)
    painter.setBrush(ground)
    inner = box.adjusted(wide / 2, wide / 2, -wide / 2, -wide / 2)
    painter.drawRoundedRect(inner, em * 0.25, em * 0.25)
    if air.old:
        draw_hatch(painter, inner.adjusted(wide, wide, -wide, -wide), theme.line, em * 0.6)
    number = fmt.number(air.value) if air.value is not None else NONE
    text.draw(painter, inner, number, px, ink, Weight.BOLD, align=Qt.AlignmentFlag.AlignHCenter, elide=False)


def badge_colours(air: Air, theme: Theme, *, quiet: bool) -> tuple[QColor, QColor, QColor]:
    """Ground, ink and keyline."""
    told = air.value is not None and not air.old and not (quiet and air.calm)
    if not told or air.band is None or not air.band.colour:
        ink = theme.muted if air.old or quiet else theme.text
        return theme.tile, ink, theme.strong if told else theme.muted
    ground = QColor(*air.band.colour)
    return ground, QColor("#000000" if _lightness(ground) > _BRIGHT else "#ffffff"), theme.strong


def _lightness(colour: QColor) -> float:
    return 0.299 * colour.redF() + 0.587 * colour.greenF() + 0.114 * colour.blueF()


def air_words(air: Air, now_ns: int) -> str:
    """ "VN_AQI 131 · Kém · giờ đến 09:00 · Trạm Cam Lộ"."""
    at = fmt.event_minutes(air.t_ns, now_ns) if air.t_ns else ""
    if air.value is None or air.band is None:
        said = (tr("air.none"), tr("air.since", at=at) if at else "")
    else:
        said = (local(air.band.name), tr("air.hour", at=at))
    number = fmt.number(air.value) if air.value is not None else NONE
    late = tr("air.late") if air.old else ""
    return " · ".join(filter(None, (f"VN_AQI {number}", *said, late, air.station)))
