"""The air at each station: the hourly VN_AQI as a badge, with its word and the hour that it is of; the worst first.

Number, word, order and a keyline that grows with the step say all of it; the scale's colours are inside the badge alone
(look.md) and say it once more. What is older than STALE_S, or could not be told, is no index: the badge is empty and
the row says since when. Must not: work out an index; the hub does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from backends.domain.quality import Quality
from backends.domain.sensor import Band, Sensor, band_of
from backends.domain.times import NS_PER_S
from layouts.options import AirOptions
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.city import CityModel
from widgets.parts import text
from widgets.search.words import sort_key
from widgets.session import Session
from widgets.theme import Theme
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale, Weight

PARAMETER = "vn_aqi"
STALE_S = 2 * 3600.0
"""An hour's index is told some minutes after its end (docs/alarms.md): by then the next one is overdue by an hour."""
_BRIGHT = 0.45
"""Lightness of a badge above which its number is black."""


@dataclass(frozen=True)
class Air:
    """One station."""

    station: str
    value: float | None
    """None: there is none, or it is too old."""
    band: Band | None
    step: int
    """Which of the scale's steps, from 1; 0 = there is none."""
    t_ns: int
    """End of the hour that it is, or was, of; 0 = never."""


def air_of(city: CityModel, now_ns: int) -> list[Air]:
    """All stations that have an index, the worst first; those without a value last."""
    found = [_air(city, one, now_ns) for one in city.records("sensors").values() if one.parameter == PARAMETER]
    return sorted(found, key=lambda air: (air.value is None, -(air.value or 0.0), sort_key(air.station)))


def _air(city: CityModel, sensor: Sensor, now_ns: int) -> Air:
    newest, station = city.value(sensor.id), local(sensor.station) or local(sensor.name)
    if newest is None:
        return Air(station, None, None, 0, 0)
    good = newest.quality is Quality.GOOD and now_ns - newest.t_ns <= STALE_S * NS_PER_S
    if not good or newest.value is None or not sensor.bands:
        return Air(station, None, None, 0, newest.t_ns)
    band = band_of(sensor.bands, newest.value)
    return Air(station, newest.value, band, sensor.bands.index(band) + 1, newest.t_ns)


def draw_badge(painter: QPainter, box: QRectF, air: Air, scale: TypeScale, theme: Theme) -> None:
    """The number in its band's colour; without one a hollow badge with a dash."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ground = QColor(*air.band.colour) if air.band is not None and air.band.colour else theme.tile
    wide = scale.floor * (0.08 + 0.04 * air.step)
    painter.setPen(QPen(theme.strong if air.step else theme.muted, wide))
    painter.setBrush(ground)
    inner = box.adjusted(wide / 2, wide / 2, -wide / 2, -wide / 2)
    painter.drawRoundedRect(inner, scale.floor * 0.25, scale.floor * 0.25)
    number = fmt.number(air.value) if air.value is not None else "–"
    ink = theme.text if ground == theme.tile else QColor("#000000" if _lightness(ground) > _BRIGHT else "#ffffff")
    text.draw(painter, inner, number, scale.read, ink, Weight.BOLD, align=Qt.AlignmentFlag.AlignHCenter, elide=False)


def _lightness(colour: QColor) -> float:
    return 0.299 * colour.redF() + 0.587 * colour.greenF() + 0.114 * colour.blueF()


class AirTile(Tile):
    """See the module."""

    feeds = ("sensors", "samples")

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self.options: AirOptions = options
        self._found: list[Air] = air_of(session.city, self.now_ns())

    def title(self) -> str:
        """The short one where the other leaves no room for what is not shown."""
        whole, said, scale = tr("air.title"), self.summary(), self.scale
        wide = text.width(whole, scale.read, Weight.SEMIBOLD) + text.width(said, scale.floor) + 3 * scale.pad
        return tr("air.short") if said and wide > self.width() else whole

    @property
    def _high(self) -> int:
        return self.scale.line(self.scale.read) + self.scale.pad

    @property
    def _fit(self) -> int:
        """Rows that are shown at most."""
        fit = max(1, (self.height() - self.header_height) // self._high)
        return min(fit, self.options.rows) if self.options.rows else fit

    def summary(self) -> str:
        silent = sum(air.value is None for air in self._found)
        more = len(self._found) - self._fit
        said = (
            tr("air.more", n=more) if more > 0 else "",
            tr("air.silent", n=silent, total=len(self._found)) if silent else "",
        )
        return " · ".join(words for words in said if words)

    def on_feeds(self, changed: frozenset[str]) -> None:
        if "sensors" in changed:  # samples come ten times a second, an index each hour
            self.refresh()

    def on_second(self) -> None:
        before = self._found
        self._look()
        if before != self._found or self.stale_since_ns() is not None:
            self.update()

    def refresh(self) -> None:
        self._look()
        super().refresh()

    def _look(self) -> None:
        """An index also grows old by the clock alone."""
        self._found = air_of(self.session.city, self.now_ns())

    def paint_body(self, painter: QPainter, body: QRectF) -> None:
        found, scale = self._found, self.scale
        if not found:
            self.paint_empty(painter, body, tr("air.empty"))
            return
        row = QRectF(body.left() + scale.pad, body.top(), body.width() - 2 * scale.pad, self._high)
        for air in found[: self._fit]:
            self._paint_row(painter, row, air)
            row.translate(0, self._high)

    def _paint_row(self, painter: QPainter, row: QRectF, air: Air) -> None:
        scale, theme, pad = self.scale, self.theme, self.scale.pad
        wide = text.width("500", scale.read, Weight.BOLD) + 2 * pad
        badge = QRectF(row.left(), row.top() + pad / 4, wide, row.height() - pad / 2)
        draw_badge(painter, badge, air, scale, theme)
        now_ns = self.now_ns()
        hour = tr("air.hour", at=fmt.event_minutes(air.t_ns, now_ns)) if air.t_ns else ""
        if air.value is None:
            hour = tr("air.since", at=fmt.event_minutes(air.t_ns, now_ns)) if air.t_ns else ""
        room = QRectF(badge.right() + pad, row.top(), row.right() - badge.right() - pad, row.height())
        right = text.width(hour, scale.floor) + 1
        if hour and right < room.width() * 0.5:
            end = QRectF(room.right() - right, row.top(), right, row.height())
            text.draw(painter, end, hour, scale.floor, theme.muted, align=Qt.AlignmentFlag.AlignRight)
            room.setRight(end.left() - pad)
        word = local(air.band.name) if air.band is not None else tr("air.none")
        taken = text.draw(painter, room, word, scale.read, theme.strong if air.step else theme.text, Weight.SEMIBOLD)
        room.setLeft(room.left() + taken.width() + pad)
        if room.width() > scale.floor * 4:
            text.draw(painter, room, air.station, scale.floor, theme.muted)


SPEC = TileSpec("air", AirOptions, AirTile)
