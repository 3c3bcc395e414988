"""The one type family, and the sizes at which a window paints.

Three sizes a panel: `glance` for what must be read at a glance, `read` for what is read, `floor` below
which nothing is painted. A tile chooses how much to show at these sizes. Be Vietnam Pro's capitals are
0.74 em; the sizes are computed for 0.7 em (layouts.geometry), so the eye gets a little more than it must.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from importlib.resources import files

from PySide6.QtGui import QFont, QFontDatabase

from layouts.geometry import text_sizes
from layouts.spec import Monitor, PanelKind

FAMILY = "Be Vietnam Pro"
_FILES = ("Regular", "Medium", "SemiBold", "Bold")

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
class TypeScale:
    """The three sizes of a panel in whole pixels, and spacing that follows them.

    `layouts.geometry` computes the sizes from viewing distance and panel; nothing else does.
    """

    glance: int
    read: int
    floor: int
    wall: bool

    @classmethod
    def of(cls, monitor: Monitor) -> TypeScale:
        sizes = text_sizes(monitor)
        wall = monitor.kind is PanelKind.WALL
        return cls(glance=sizes.glance_px, read=sizes.read_px, floor=sizes.floor_px, wall=wall)

    @cached_property
    def pad(self) -> int:
        """Inner margin of a tile."""
        return max(6, round(self.floor * 0.8))

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
    made.setFeature(QFont.Tag("liga"), 0)  # "ff" as one glyph is copied from a PDF as another letter: a wrong hash
    return made
