"""The one type family, and sizes from viewing distance and panel.

Sizes follow ISO 9241-303's habit of stating capital height in arc minutes (look.md): 22' for what must
be read at a glance, 16' for what is read, 12' as the floor. A tile chooses how much to show at these
sizes; text is never made smaller than the floor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from PySide6.QtGui import QFont, QFontDatabase

FAMILY = "Be Vietnam Pro"
_FILES = ("Regular", "Medium", "SemiBold", "Bold")

#: look.md states font sizes at capitals of 0.7 em; Be Vietnam Pro's are 0.74, so we are never below.
_CAP_EM = 0.7
_ARCMIN_GLANCE, _ARCMIN_READ, _ARCMIN_FLOOR = 22.0, 16.0, 12.0

#: Stacked Vietnamese marks (ế, ữ, ặ) go first where lines are tighter than this.
LINE_HEIGHT = 1.32


class Weight(StrEnum):
    """Weights in use; each is a font file of its own, so that nothing is emboldened by the renderer."""

    REGULAR = "Regular"
    MEDIUM = "Medium"
    SEMIBOLD = "SemiBold"
    BOLD = "Bold"


_QT_WEIGHT = {
    Weight.REGULAR: QFont.Weight.Normal,
    Weight.MEDIUM: QFont.Weight.Medium,
    Weight.SEMIBOLD: QFont.Weight.DemiBold,
    Weight.BOLD: QFont.Weight.Bold,
}


def load_fonts() -> None:
    """Register the family with Qt; after QGuiApplication exists. Raises RuntimeError in words."""
    folder = files("fontpkg_be_vietnam_pro") / "files"
    for name in _FILES:
        path = folder / f"BeVietnamPro-{name}.ttf"
        if QFontDatabase.addApplicationFont(str(path)) < 0:
            raise RuntimeError(f"cannot load the font {path}: reinstall the package fontpkg-be-vietnam-pro")


@dataclass(frozen=True)
class Panel:
    """A monitor as the eye meets it. Sizes in logical pixels of that screen."""

    width: int
    height: int
    inches: float
    """Diagonal."""
    distance_m: float
    wall: bool = False
    """A wall shows less and larger; a desk may be dense."""

    def px(self, arcmin: float) -> float:
        """Font size in pixels whose capitals are `arcmin` minutes of arc high."""
        height_mm = self.distance_m * 1000.0 * math.tan(math.radians(arcmin / 60.0))
        px_per_mm = math.hypot(self.width, self.height) / (self.inches * 25.4)
        return height_mm * px_per_mm / _CAP_EM


@dataclass(frozen=True)
class TypeScale:
    """The three sizes of a panel in whole pixels, rounded up, and spacing that follows them."""

    glance: int
    read: int
    floor: int
    wall: bool

    @classmethod
    def of(cls, panel: Panel) -> TypeScale:
        return cls(
            glance=math.ceil(panel.px(_ARCMIN_GLANCE) - 0.25),
            read=math.ceil(panel.px(_ARCMIN_READ) - 0.25),
            floor=math.ceil(panel.px(_ARCMIN_FLOOR) - 0.25),
            wall=panel.wall,
        )

    @property
    def pad(self) -> int:
        """Inner margin of a tile."""
        return max(6, round(self.floor * 0.8))

    @property
    def gutter(self) -> int:
        """Between tiles: 6 px on a 1080p desk, growing with the type."""
        return max(6, round(self.floor * 0.2))

    def line(self, px: int) -> int:
        """Height of one line of text of `px`."""
        return math.ceil(px * LINE_HEIGHT)


@lru_cache(maxsize=256)
def font(px: int, weight: Weight = Weight.REGULAR) -> QFont:
    """The family at a pixel size. Shared: do not change what it returns."""
    made = QFont(FAMILY)
    made.setPixelSize(px)
    made.setWeight(_QT_WEIGHT[weight])
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    made.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    return made
