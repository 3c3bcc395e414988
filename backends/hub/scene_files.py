"""Drawn scenes among the cameras, the demo's: where their pictures lie, and of which one is to be taken now.

A drawn scene cannot fail, so the sweep says nothing of how it is; it only takes the small picture that lists show, from
the file that the tiles play (or one still of it, drawn for those that nobody plays). A look at a file costs no camera
anything: those that a screen shows are looked at too. Must not: read a file; the probe does.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from backends.domain.camera import Camera

SCHEME = "scene"
AFTER_S = 15.0
"""The hub has just started, and so have the windows: small pictures wait for so long."""
LOOK_S = 30.0
"""How often it is looked which files have come, and which pictures have grown old: a probe is started for each such
round (0.5 s of a core), so many go together."""
EVERY_S = 600.0
"""When one picture is older, all are taken anew (6 ms of a core each)."""
NEVER_S = -math.inf


class SceneFiles:
    """Of one hub. Two threads: `due` by the loop, `uri` by the sweep's."""

    def __init__(self, patterns: Iterable[str] = (), *, after_s: float = AFTER_S) -> None:
        """`patterns`: paths with {number} for the scene's, the best first; none: there are no drawn scenes here."""
        self._patterns = tuple(patterns)
        self._after_s = after_s
        self._next_s: float | None = None
        self._round_s = 0.0
        self._round: frozenset[str] = frozenset()
        """Cameras whose pictures are taken in the round that began then."""

    def due(self, cameras: Iterable[Camera], now_s: float, taken_s: Callable[[Camera], float]) -> list[Camera]:
        """Those of which a picture is to be taken now. `taken_s`: when its present one was; NEVER_S: it has none."""
        if not self._patterns:
            return []
        drawn = [c for c in cameras if c.enabled and c.online and scene_of(c)]
        if self._next_s is None:
            self._next_s = now_s + self._after_s
        if now_s >= self._next_s:
            self._next_s, self._round_s = now_s + LOOK_S, now_s
            ages = {c.id: now_s - taken_s(c) for c in drawn if self._file(scene_of(c))}
            whole = any(EVERY_S <= age < math.inf for age in ages.values())
            self._round = frozenset(id_ for id_, age in ages.items() if whole or age == math.inf)
        return [c for c in drawn if c.id in self._round and taken_s(c) < self._round_s]

    def uri(self, camera: Camera) -> str:
        """Address of the file for the probe; empty: it has none."""
        found = self._file(scene_of(camera))
        return Path(found).absolute().as_uri() if found else ""

    def _file(self, number: str) -> str:
        paths = (pattern.replace("{number}", number) for pattern in self._patterns)
        return next((path for path in paths if os.path.exists(path)), "") if number.isalnum() else ""


def scene_of(camera: Camera) -> str:
    """Number of the scene that it shows; empty: it is no drawn one."""
    for stream in camera.streams:
        scheme, _, number = stream.uri.partition(":")
        if scheme == SCHEME:
            return number
    return ""
