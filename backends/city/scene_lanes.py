"""Where things move in a scene, and the place that they move in. Plain records; paints nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from backends.city.scene_stage import Stage


@dataclass(frozen=True)
class Lane:
    """Where things move: along z at a fixed x, or across at a fixed z."""

    kind: str
    """vehicles, bikes, people or boats."""
    at: float
    """x in metres; for a crossing lane its z."""
    begin: float
    end: float
    """z (or x) of a lap's begin and end; the direction of travel is from begin to end."""
    laps: int
    """Laps in one loop of the clip."""
    count: int
    crossing: bool = False
    y: float = 0.0
    """Height of the ground there."""


@dataclass(frozen=True)
class Place:
    """A painted background and where things move on it."""

    stage: Stage
    lanes: tuple[Lane, ...]
    clip_x: tuple[int, int] = (0, 640)
    """Things that cross are seen only between these columns: houses hide the rest."""


@dataclass
class Flow:
    """Collects lanes of a two-way street."""

    lanes: list[Lane] = field(default_factory=list)

    def two_way(self, rng: random.Random, half: float, far: float = 150.0, busy: int = 4) -> Flow:
        """Keep to the right, as in Viet Nam: towards the camera on the left of the picture."""
        for side in (-1, 1):
            begin, end = (far, 5.0) if side < 0 else (5.0, far)
            self.lanes.append(Lane("vehicles", side * half * 0.3, begin, end, rng.choice((2, 2, 3)), busy - 1))
            self.lanes.append(Lane("bikes", side * half * 0.62, begin, end, rng.choice((2, 3)), busy))
            self.lanes.append(Lane("bikes", side * half * 0.82, begin, end, rng.choice((1, 2)), busy - 1))
        return self

    def walkers(self, half: float, walk: float, far: float, count: int) -> Flow:
        for side in (-1, 1):
            x = side * (half + walk * 0.5)
            self.lanes.append(Lane("people", x, far, 8.0, 1, count))
            self.lanes.append(Lane("people", x + side * 0.7, 8.0, far, 1, count))
        return self
