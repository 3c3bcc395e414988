"""Records of a layout file and of what it resolves to. Pure data: reads no file, knows no tile kind by name.

A layout says, for one, two, and three or more monitors, which *panels* are shown, first monitor first. A
panel is a grid with tiles on it, drawn once for a desk (read from 0.7 m) and once for a wall (4 m). Files
are TOML; `load.py` reads them, `geometry.py` makes window plans of them for the monitors that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

FORMAT_VERSION = 1


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name or sentence of a layout in both languages of the screen."""

    vi: str
    en: str = ""

    def get(self, lang: str) -> str:
        """The text in `lang` ("vi" or "en"); Vietnamese stands in for an empty English."""
        return self.en if lang == "en" and self.en else self.vi


class PanelKind(StrEnum):
    """How a monitor is looked at, and so how large its text is."""

    DESK = "desk"
    """On a desk, read from 0.7 m; may be dense."""
    WALL = "wall"
    """A panel of the wall, read from 4 m; five to seven rows a list, four to nine pictures."""


class TileKind(msgspec.Struct, frozen=True):
    """What a layout must know of a kind of tile. The kinds come from outside, as a mapping by name."""

    options: type[msgspec.Struct]
    """The record of its options; must forbid unknown fields."""
    min_em: tuple[float, float] = (8.0, 4.0)
    """Smallest useful width and height, in font sizes of reading text (`TextSizes.read_px`)."""
    lists_alarms: bool = False
    """Shows the unacknowledged alarms, so that its window's top bar need not name the highest."""


TileKinds = Mapping[str, TileKind]


class TileSpec(msgspec.Struct, frozen=True):
    """One tile of a panel, its options already checked. Columns and rows count from 0."""

    kind: str
    options: msgspec.Struct
    col: int
    row: int
    cols: int
    rows: int


class PanelSpec(msgspec.Struct, frozen=True):
    """A grid with tiles on it: the content of one window."""

    name: str
    columns: int
    rows: int
    tiles: tuple[TileSpec, ...]


class WindowSpec(msgspec.Struct, frozen=True):
    """One window: its panel for a desk monitor and its panel for a wall monitor."""

    desk: PanelSpec
    wall: PanelSpec

    def panel(self, kind: PanelKind) -> PanelSpec:
        """The panel drawn for that kind of monitor."""
        return self.wall if kind is PanelKind.WALL else self.desk


class Layout(msgspec.Struct, frozen=True):
    """One wall layout, all references resolved."""

    id: str
    name: Words
    key: str
    """Function key, "F1"; empty = none."""
    windows: Mapping[int, tuple[WindowSpec, ...]]
    """By number of monitors; the largest number stands for "or more"."""


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a layout file. The rest of the wall goes on without it."""

    file: str
    line: int
    """Counts from 1; 0 = the file as a whole."""
    text: Words
    """One sentence: what is wrong, and what was perhaps meant."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text.get('en')}"


class ProblemOptions(msgspec.Struct, frozen=True):
    """Options of the tile that stands where a broken one should have been."""

    problem: Problem


PROBLEM_KIND = "problem"
"""Kind of that tile; the GUI must be able to draw it whatever kinds it knows."""


class Loaded(msgspec.Struct, frozen=True):
    """What came of reading layout files: what works, and what was wrong. Never an exception."""

    layouts: tuple[Layout, ...]
    problems: tuple[Problem, ...]

    def find(self, name: str) -> Layout | None:
        """The layout of that id, function key, or name in either language (case and accents as typed)."""
        wanted = name.strip().casefold()
        for layout in self.layouts:
            names = (layout.id, layout.key, layout.name.vi, layout.name.en)
            if wanted and wanted in (n.casefold() for n in names):
                return layout
        return None


class Monitor(msgspec.Struct, frozen=True):
    """A monitor as layouts see it. Pixels are those that the window system counts windows in."""

    name: str
    x: int
    y: int
    width: int
    height: int
    inches: float
    """Diagonal of the visible picture; 0 = unknown (24 for a desk, 55 for a wall is assumed)."""
    kind: PanelKind = PanelKind.DESK
    distance_m: float = 0.0
    """From the eye; 0 = 0.7 m for a desk, 4 m for a wall."""


class TextSizes(msgspec.Struct, frozen=True):
    """Font sizes in pixels of a monitor, from viewing distance and physical size (look.md, Type)."""

    glance_px: int
    """Clock, counters, values, MẤT HÌNH: capitals of 22 arc minutes."""
    read_px: int
    """Names and rows: 16 arc minutes."""
    floor_px: int
    """Units and times, and the floor: 12 arc minutes. No text is smaller."""


class Rect(msgspec.Struct, frozen=True):
    """Pixels, relative to the window's top left corner."""

    x: int
    y: int
    width: int
    height: int


class TilePlan(msgspec.Struct, frozen=True):
    """One tile where it is drawn. Equal plans need no rebuilding."""

    id: str
    """Stable while the layout stands: "0.3" = window 0, fourth tile."""
    kind: str
    options: Any
    """The kind's options record."""
    rect: Rect


class WindowPlan(msgspec.Struct, frozen=True):
    """One window as it is to be shown."""

    index: int
    layout_id: str
    name: Words
    monitor: Monitor
    text: TextSizes
    gutter_px: int
    bar: Rect
    """The top bar."""
    tiles: tuple[TilePlan, ...]
    names_highest_alarm: bool
    """No alarm list here: the top bar names the highest unacknowledged alarm."""
    left_out: tuple[str, ...] = ()
    """Kinds of tiles, and cameras, of the layout that found no place on these monitors."""
    cramped: tuple[str, ...] = ()
    """Ids of tiles that are smaller than their kind needs."""
