"""From longitude and latitude to pixels: equirectangular with cos(lat), fitted to what is to be seen.

Pure. Right for a city (tens of kilometres); not for a country.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from backends.domain.place import Point


@dataclass(frozen=True)
class Projection:
    """Scale and offset of one map at one size."""

    lon0: float
    lat0: float
    px_per_deg_lon: float
    px_per_deg_lat: float
    center: QPointF

    def to_px(self, lon: float, lat: float) -> QPointF:
        return QPointF(
            self.center.x() + (lon - self.lon0) * self.px_per_deg_lon,
            self.center.y() - (lat - self.lat0) * self.px_per_deg_lat,
        )


def fit(points: Iterable[Point], room: QRectF, fill: float = 1.0) -> Projection | None:
    """All `points` inside `room`, as large as they go; `fill` > 1 lets the outermost edges run out of it.

    None without points or room.
    """
    lons, lats = [], []
    for lon, lat in points:
        lons.append(lon)
        lats.append(lat)
    if not lons or room.width() < 1 or room.height() < 1:
        return None
    lat0 = (min(lats) + max(lats)) / 2
    squeeze = math.cos(math.radians(lat0))
    wide = max((max(lons) - min(lons)) * squeeze, 1e-6)
    high = max(max(lats) - min(lats), 1e-6)
    scale = min(room.width() / wide, room.height() / high) * fill
    return Projection((min(lons) + max(lons)) / 2, lat0, scale * squeeze, scale, room.center())
