"""A health check of a picture with its own clock, and the demo's film as what it looks at.

Time is passed in: hours take seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import av
import cv2
import numpy as np
import numpy.typing as npt

from backends.city.scene_film import FPS, FRAMES, HEIGHT, WIDTH, Film
from backends.domain.picture import PictureFlag
from backends.video.health import VIEW_NS, Health
from backends.video.looks import View, sample_of, view_of

Planes = npt.NDArray[np.uint8]
S = 1_000_000_000
STEPS = 5
"""Frames of a film a second."""
START_NS = 77 * S


@functools.cache
def film(kind: str = "junction", weather: str = "day", steps: int = STEPS) -> tuple[Planes, ...]:
    """A round of 30 s, NV12, `steps` frames a second."""
    drawn = Film("014", "Hùng Vương", kind, weather)
    return tuple(drawn.frame(index).copy() for index in range(0, FRAMES, FPS // steps))


def shot(planes: Planes) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(planes, format="nv12")


@functools.cache
def looks(kind: str, weather: str) -> tuple[tuple[npt.NDArray[np.uint8], View], ...]:
    return tuple((sample, view) for planes in film(kind, weather) for sample, view in [both(shot(planes))])


def both(frame: av.VideoFrame) -> tuple[npt.NDArray[np.uint8], View]:
    sample, view = sample_of(frame), view_of(frame)
    assert sample is not None
    assert view is not None
    return sample, view


@dataclass
class Watch:
    """A health check, its clock, and when each flag was seen first."""

    health: Health = field(default_factory=Health)
    now_ns: int = START_NS
    seen: dict[PictureFlag, int] = field(default_factory=dict)
    since: dict[PictureFlag, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began_ns = self.now_ns

    def look(
        self, sample: npt.NDArray[np.uint8] | None, view: View | None, *, key: bool = True, step_ns: int = S // STEPS,
        preset: str = "", moving: bool = False,
    ) -> None:  # fmt: skip
        before = self.health.raised
        changed = self.health.frame(sample, key, self.now_ns)
        if self.health.wants_view(self.now_ns):
            changed |= self.health.view(view, self.now_ns, preset=preset, moving=moving)
        assert changed or self.health.raised == before, "a change is told"
        for raised in self.health.raised:
            self.seen.setdefault(raised.flag, self.now_ns)
            self.since.setdefault(raised.flag, raised.since_ns)
        self.now_ns += step_ns

    def show(self, frames: Iterable[av.VideoFrame], fps: int) -> None:
        for frame in frames:
            self.look(*both(frame), key=frame.key_frame, step_ns=S // fps)

    def watch(self, views: Iterable[View], *, preset: str = "", moving: bool = False) -> None:
        """Views of one second each, without frames between them."""
        for view in views:
            self.look(None, view, step_ns=VIEW_NS, preset=preset, moving=moving)

    def after_s(self, flag: PictureFlag, from_ns: int | None = None) -> float:
        return (self.seen[flag] - (self.began_ns if from_ns is None else from_ns)) / S

    @property
    def flags(self) -> set[PictureFlag]:
        return {raised.flag for raised in self.health.raised}


def noisy(planes: Planes, sigma: float, count: int) -> Iterator[Planes]:
    """The same picture through a sensor."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        out = planes.copy()
        grain = rng.normal(0, sigma, (HEIGHT, WIDTH)).astype(np.float32)
        out[:HEIGHT] = np.clip(planes[:HEIGHT] + grain, 0, 255).round()
        yield out


def with_clock(frames: Iterable[Planes], fps: int) -> Iterator[Planes]:
    """A clock burnt in by the camera."""
    for number, planes in enumerate(frames):
        out = planes.copy()
        second = number // fps
        text = f"2026-11-25 02:{second // 60:02d}:{second % 60:02d}"
        cv2.putText(out[:HEIGHT], text, (340, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 235, 2)
        yield out


def small(planes: Planes) -> View:
    view = view_of(shot(planes))
    assert view is not None
    return view


@functools.cache
def per_second(kind: str = "junction", weather: str = "day") -> tuple[View, ...]:
    return tuple(small(planes) for planes in film(kind, weather, 1))
