"""What a small view shows: black, covered, out of focus, turned away. Pure; once a second; times are arguments.

All but black need to know what the camera sees when all is well: a reference view for the kind of light (a lens looks
different by day, by night and in infrared) and the position of a movable camera. Where none is given, the first half
minute of a session becomes one.

How each is told from weather: fog takes contrast from everything, and most from what is far, but leaves the large
shapes where they were; a hand, a bag or paint takes them away. Water drops and bad focus take the fine edges alone.
Darkness changes the kind of light. What passes (a lorry, a crowd) is gone before the time is up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from backends.domain.picture import Light, PictureFlag
from backends.video.looks import VIEW_H, VIEW_W, View
from backends.video.scaling import Image

S = 1_000_000_000
HOLD_NS = {
    PictureFlag.BLACK: 5 * S,
    PictureFlag.COVERED: 10 * S,
    PictureFlag.BLURRED: 15 * S,
    PictureFlag.TURNED: 20 * S,
}
"""For so long it must be seen without a break before it is said: a lorry at the kerb is no cover."""
CLEAR_LOOKS = 3
"""Views in a row that show nothing wrong before it is taken back."""
GAP_NS = 5 * S
"""After a longer gap between two views nothing is known of the time between."""
LEARN_LOOKS = 30
LIGHT_LOOKS = 10
"""Views in a row before another kind of light is believed."""

CELLS_W, CELLS_H = 16, 9
_BLACK_LEVEL, _BLACK_SPREAD = 24.0, 3.0
"""Grey levels: the black of limited range is 16. Above the spread there is something to see."""
_BLACK_CELLS = 0.95
_STRUCTURE = 3.0
"""Standard deviation within a cell, grey levels, above which there is something in it; noise is averaged away."""
_MIN_CELLS = 0.1
"""Share of cells with structure below which a reference is no use."""
_COVERED_LOST, _COVERED_LAYOUT = 0.8, 0.6
"""Share of structure that has gone, and likeness of the large shapes."""
_DARK, _BRIGHT = 85.0, 100.0
"""Mean grey level: below it is night, above it is day; between them it stays what it was."""
_NO_COLOUR = 1.5
_REACH = 8
"""Pixels of a view that a camera on its mast may sway (5 % of the picture)."""
_STEEPEST = 2.0
"""Times the mean steepness, where a line's weight ends: a lamp does not outweigh a street."""

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a camera sees when all is well."""

    light: Light
    preset: str
    """Of a movable camera; "" = it has only one position."""
    grey: Image
    """(90, 160), the mean of many views: what moves has gone."""
    focus: float
    """Usual share of fine structure (see `focus_of`)."""


class Shape:
    """What is compared of a view. Made once for each view, and kept for a reference."""

    __slots__ = ("_lines", "cells", "grey", "spread")

    def __init__(self, grey: Image) -> None:
        self.grey: Grey = grey.astype(np.float32)
        mean = _cells(self.grey)
        self.spread: Grey = np.sqrt(np.maximum(_cells(self.grey * self.grey) - mean * mean, 0))
        """(9, 16): standard deviation within a cell."""
        self.cells: Grey = mean
        self._lines: Grey | None = None

    @property
    def structured(self) -> npt.NDArray[np.bool_]:
        return self.spread > _STRUCTURE

    @property
    def lines(self) -> Grey:
        """See `_lines`. Made when it is first asked for: of most views it never is."""
        if self._lines is None:
            self._lines = _lines(self.grey)
        return self._lines


def _cells(grey: Grey) -> Grey:
    return np.asarray(cv2.resize(grey, (CELLS_W, CELLS_H), interpolation=cv2.INTER_AREA), np.float32)


def _lines(grey: Grey) -> Grey:
    """(90, 160, 2): which way the lines run, as cosine and sine of twice the angle, times how steep they are.

    Twice the angle: whether the wall or the sky behind it is the brighter one changes with the weather. What is the
    same over a whole row is taken off: a horizon, a kerb, the edge of water lie alike in every street.
    """
    along, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    steep = cv2.magnitude(along, down)
    # By its own scale: fog and dusk make everything less steep.
    weight = np.minimum(steep, _STEEPEST * float(steep.mean()) + 1e-3) / (steep * steep + 1e-6)
    ways = ((along * along - down * down) * weight, 2 * along * down * weight)
    found = cv2.merge([way - way.mean(axis=1, keepdims=True) for way in ways])
    return np.asarray(cv2.GaussianBlur(found, (3, 3), 0), np.float32)


def is_black(shape: Shape) -> bool:
    """Nearly all of it, a caption apart."""
    dark = (shape.cells <= _BLACK_LEVEL) & (shape.spread <= _BLACK_SPREAD)
    return float(dark.mean()) >= _BLACK_CELLS


def likeness(shape: Shape, other: Shape, enough: float = 1.0) -> float:
    """-1 to 1: how alike the lines lie, within what a mast sways. `enough`: where they are that much alike as they
    stand, no better is looked for (which costs a millisecond)."""
    inner = shape.lines[_REACH:-_REACH, _REACH:-_REACH]
    behind = other.lines[_REACH:-_REACH, _REACH:-_REACH]
    size = float(np.linalg.norm(inner) * np.linalg.norm(behind))
    standing = float(np.einsum("ijk,ijk", inner, behind)) / size if size > 1e-6 else 0.0
    if standing >= enough:
        return standing
    return float(cv2.matchTemplate(other.lines, inner, cv2.TM_CCORR_NORMED).max())


def layout_likeness(shape: Shape, other: Shape) -> float:
    """-1 to 1: how alike the large shapes lie. A slope over all of it does not count: every lit thing has one."""
    a, b = (_FLATTEN @ s.cells.reshape(-1) for s in (shape, other))
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 1e-6 else 0.0


def _flatten() -> Grey:
    """Projects cells onto what is no plane."""
    y, x = np.mgrid[0:CELLS_H, 0:CELLS_W].astype(np.float32)
    basis = np.stack([np.ones(CELLS_W * CELLS_H, np.float32), x.reshape(-1), y.reshape(-1)], axis=1)
    q, _ = np.linalg.qr(basis)
    return np.asarray(np.eye(CELLS_W * CELLS_H, dtype=np.float32) - q @ q.T, np.float32)


_FLATTEN = _flatten()


def lost_cells(shape: Shape, reference: Shape) -> float:
    """Share of the reference's structured cells in which there is nothing any more."""
    had = reference.structured
    gone = shape.spread < np.maximum(_STRUCTURE, 0.25 * np.minimum(reference.spread, 4 * _STRUCTURE))
    return float((gone & had).sum()) / max(1, int(had.sum()))


def is_covered(lost: float, layout: float) -> bool:
    """What was there has gone, the large shapes too: those are what fog leaves."""
    return lost >= _COVERED_LOST and layout < _COVERED_LAYOUT


def lies_bare(shape: Shape) -> bool:
    """There is enough to see for somebody to miss it."""
    return float(shape.structured.mean()) >= _MIN_CELLS


def focus_of(shape: Shape, where: npt.NDArray[np.bool_]) -> float:
    """Share of fine structure in the structure of all sizes, over the cells `where`. Noise and rain raise it."""
    fine = np.abs(shape.grey - cv2.GaussianBlur(shape.grey, (0, 0), 1.0))
    coarse = np.abs(cv2.GaussianBlur(shape.grey, (0, 0), 2.0) - cv2.blur(shape.grey, (21, 21)))
    over = where if where.any() else np.ones_like(where)
    return float(_cells(fine)[over].sum() / max(1e-3, float(_cells(coarse)[over].sum())))


class Held:
    """A flag that must be seen for a while, and is taken back after some views without it."""

    __slots__ = ("_clear", "_hold_ns", "_seen_ns", "since_ns")

    def __init__(self, hold_ns: int) -> None:
        self._hold_ns = hold_ns
        self._seen_ns: int | None = None
        self._clear = 0
        self.since_ns: int | None = None

    def step(self, seen: bool, now_ns: int) -> None:
        if seen:
            self._clear = 0
            if self._seen_ns is None:
                self._seen_ns = now_ns
            if now_ns - self._seen_ns >= self._hold_ns:
                self.since_ns = self._seen_ns
            return
        if self.since_ns is None:
            self._seen_ns = None
            return
        self._clear += 1
        if self._clear >= CLEAR_LOOKS:
            self.reset()

    def reset(self) -> None:
        self._seen_ns = self.since_ns = None
        self._clear = 0


class LightMeter:
    """Which kind of light it is, without flicker."""

    def __init__(self) -> None:
        self.light: Light | None = None
        self._next: Light | None = None
        self._count = 0

    def step(self, view: View) -> Light | None:
        """None: it may be changing, and nothing is to be compared."""
        found = self._found(view)
        if self.light is None or found is self.light:
            self.light, self._next, self._count = found, None, 0
            return self.light
        self._count = self._count + 1 if found is self._next else 1
        self._next = found
        if self._count >= LIGHT_LOOKS:
            self.light, self._next, self._count = found, None, 0
        return None

    def _found(self, view: View) -> Light:
        if view.colour < _NO_COLOUR:
            return Light.INFRARED
        mean = float(view.grey.mean())
        if self.light is Light.NIGHT:
            return Light.DAY if mean > _BRIGHT else Light.NIGHT
        return Light.NIGHT if mean < _DARK else Light.DAY


class Learner:
    """Makes a reference of views in which nothing is wrong."""

    def __init__(self, light: Light, preset: str) -> None:
        self._light, self._preset = light, preset
        self._sum: Grey = np.zeros((VIEW_H, VIEW_W), np.float32)
        self._focus: deque[float] = deque(maxlen=LEARN_LOOKS)
        self._count = 0

    def step(self, shape: Shape) -> Reference | None:
        """A reference after LEARN_LOOKS views; None before, and where there is nothing to compare with."""
        self._sum += shape.grey
        # Of each by itself: keeping thirty views for each of 64 cameras would be 140 MB.
        self._focus.append(focus_of(shape, shape.structured))
        self._count += 1
        if self._count < LEARN_LOOKS:
            return None
        grey = (self._sum / self._count + 0.5).astype(np.uint8)
        if not lies_bare(Shape(grey)):
            return None
        return Reference(self._light, self._preset, grey, float(np.median(self._focus)))
