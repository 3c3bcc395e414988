"""The stage of the drawn scenes: a camera on a pole, flat polygons in space, haze, light.

Knows geometry and light, not streets. Pictures are painted at twice the final size and halved at the end,
which smooths every edge. Metres: x to the right, y up, z away from the camera. Colours are BGR, 0 to 255.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 640, 360
SS = 2
"""Oversampling while painting."""
Image = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]
Point3 = tuple[float, float, float]
MUD: Colour = (88, 118, 146)
"""What a flood's water is full of."""
_FOCAL = 520.0
"""Pixels of the final picture: about 63 degrees of view."""
_NEAR_M = 3.0
_SHIFT = 4


def _triple(colour: Colour) -> npt.NDArray[np.float32]:
    return np.array(colour, np.float32)


def _bands(z0: float, z1: float) -> list[tuple[float, float]]:
    """A long way cut where the haze changes, so that what is near keeps its colour. Far ones first."""
    if z1 < 1.8 * z0:
        return [(z0, z1)]
    count = math.ceil(math.log(z1 / z0) / math.log(1.3))
    cuts = [z0 * (z1 / z0) ** (i / count) for i in range(count + 1)]
    # A little overlap: edges that are smoothed on both sides would let the ground shine through.
    return [(cuts[i], cuts[i + 1] * 1.004) for i in reversed(range(count))]


@dataclass(frozen=True)
class Weather:
    """What a weather does to the picture."""

    name: str
    zenith: Colour
    horizon: Colour
    ambient: Colour
    """Factor on every surface, by channel."""
    haze_m: float
    """Distance at which 63% of a surface's colour is haze."""
    shadow: float = 0.0
    """How much darker the sun's shadows are."""
    dark: bool = False
    """Lamps, windows and headlights are on."""
    wet: float = 0.0
    """Share of the mirror image on the ground."""
    rain: bool = False
    flood: bool = False
    noise: float = 1.6
    """Sensor noise, grey levels."""
    clouds: float = 0.5


WEATHERS: dict[str, Weather] = {
    w.name: w
    for w in (
        Weather("day", (214, 178, 138), (232, 224, 210), (1.0, 1.0, 1.0), 260.0, shadow=0.36),
        Weather("dusk", (128, 88, 78), (122, 150, 226), (0.66, 0.56, 0.58), 240.0, dark=True, noise=2.2),
        Weather("night", (34, 22, 16), (58, 44, 38), (0.3, 0.23, 0.2), 320.0, dark=True, noise=3.0, clouds=0.2),
        Weather("rain", (168, 160, 152), (186, 182, 176), (0.72, 0.71, 0.69), 110.0, wet=0.34, rain=True, noise=2.0),
        Weather(
            "rain-night", (36, 28, 24), (62, 52, 48), (0.24, 0.2, 0.18), 160.0, dark=True, wet=0.5, rain=True, noise=3.0
        ),
        Weather(
            "flood",
            (158, 152, 146),
            (178, 176, 172),
            (0.7, 0.69, 0.68),
            110.0,
            wet=0.55,
            rain=True,
            flood=True,
            noise=2.0,
        ),
        Weather(
            "flood-night",
            (34, 27, 24),
            (58, 50, 46),
            (0.25, 0.21, 0.19),
            150.0,
            dark=True,
            wet=0.6,
            rain=True,
            flood=True,
            noise=3.0,
        ),
    )
}
"""All weathers by name."""


@dataclass
class Stage:
    """One picture being painted."""

    weather: Weather
    rng: random.Random
    vanish_x: float = 320.0
    horizon_y: float = 122.0
    """Pixels of the final picture."""
    height_m: float = 6.0
    """Of the camera above the ground."""
    albedo: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS, 3), np.uint8))
    emit: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS, 3), np.uint8))
    shade: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS), np.uint8))
    """Where the sun does not reach the ground."""
    ground: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS), np.uint8))
    """Where the ground mirrors when it is wet."""
    solid: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS), np.uint8))
    """Where something stands before the ground, which then neither mirrors nor moves."""
    water: Image = field(default_factory=lambda: np.zeros((HEIGHT * SS, WIDTH * SS), np.uint8))
    """Where there is open water, which moves."""
    lamps: list[tuple[Point3, float, Colour]] = field(default_factory=list)

    def scale(self, z: float) -> float:
        """Pixels of the final picture that a metre takes at distance z."""
        return _FOCAL / max(z, _NEAR_M)

    def screen(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Position in the final picture."""
        s = self.scale(z)
        return self.vanish_x + x * s, self.horizon_y + (self.height_m - y) * s

    def _fixed(self, points: Sequence[Point3]) -> npt.NDArray[np.int32]:
        result = []
        for x, y, z in points:
            px, py = self.screen(x, y, z)
            result.append((round(px * SS * 16), round(py * SS * 16)))
        return np.array(result, np.int32)

    def hazed(self, colour: Colour, z: float) -> Colour:
        """The colour at a distance: it turns to that of the horizon."""
        share = 1.0 - math.exp(-z / self.weather.haze_m)
        ambient, horizon = self.weather.ambient, self.weather.horizon
        # The haze is light already: it must not be dimmed again by the ambient factor.
        far = [min(255.0, horizon[i] / ambient[i]) for i in range(3)]
        return (
            colour[0] + (far[0] - colour[0]) * share,
            colour[1] + (far[1] - colour[1]) * share,
            colour[2] + (far[2] - colour[2]) * share,
        )

    def poly(self, points: Sequence[Point3], colour: Colour, emit: Colour | None = None, *, solid: bool = True) -> None:
        """A flat convex polygon in space; `emit` = light that it gives by itself."""
        z = sum(p[2] for p in points) / len(points)
        fixed = self._fixed(points)
        cv2.fillConvexPoly(self.albedo, fixed, self.hazed(colour, z), cv2.LINE_AA, _SHIFT)
        cv2.fillConvexPoly(self.solid, fixed, 255 if solid else 0, cv2.LINE_AA, _SHIFT)
        if self.weather.dark:
            cv2.fillConvexPoly(self.emit, fixed, emit or (0.0, 0.0, 0.0), cv2.LINE_AA, _SHIFT)

    def wall(
        self, x: float, y0: float, y1: float, z0: float, z1: float, colour: Colour, emit: Colour | None = None
    ) -> None:
        """A rectangle in a wall along the road."""
        for near, far in _bands(z0, z1):
            self.poly([(x, y0, near), (x, y0, far), (x, y1, far), (x, y1, near)], colour, emit)

    def front(
        self, x0: float, x1: float, y0: float, y1: float, z: float, colour: Colour, emit: Colour | None = None
    ) -> None:
        """A rectangle that faces the camera."""
        self.poly([(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)], colour, emit)

    def floor(self, x0: float, x1: float, z0: float, z1: float, colour: Colour) -> None:
        """A rectangle on the ground."""
        for near, far in _bands(z0, z1):
            self.poly([(x0, 0, near), (x1, 0, near), (x1, 0, far), (x0, 0, far)], colour, solid=False)

    def mark(self, mask: Image, points: Sequence[Point3], value: int = 255) -> None:
        """Fill a polygon of one of the masks."""
        cv2.fillConvexPoly(mask, self._fixed(points), value, cv2.LINE_AA, _SHIFT)

    def line(self, points: Sequence[Point3], colour: Colour, width_m: float) -> None:
        """A thin thing in space: a pole, a cable, a railing."""
        z = sum(p[2] for p in points) / len(points)
        thick = max(1, round(width_m * self.scale(z) * SS))
        fixed = self._fixed(points)
        cv2.polylines(self.albedo, [fixed], False, self.hazed(colour, z), thick, cv2.LINE_AA, _SHIFT)
        cv2.polylines(self.solid, [fixed], False, 255, thick, cv2.LINE_AA, _SHIFT)
        if self.weather.dark:
            cv2.polylines(self.emit, [fixed], False, (0, 0, 0), thick, cv2.LINE_AA, _SHIFT)

    def ball(self, x: float, y: float, z: float, radius_m: float, colour: Colour, emit: Colour | None = None) -> None:
        """A round thing: a lamp, a part of a tree's crown."""
        px, py = self.screen(x, y, z)
        centre = (round(px * SS * 16), round(py * SS * 16))
        radius = max(8, round(radius_m * self.scale(z) * SS * 16))
        cv2.circle(self.albedo, centre, radius, self.hazed(colour, z), -1, cv2.LINE_AA, _SHIFT)
        cv2.circle(self.solid, centre, radius, 255, -1, cv2.LINE_AA, _SHIFT)
        if self.weather.dark:
            cv2.circle(self.emit, centre, radius, emit or (0, 0, 0), -1, cv2.LINE_AA, _SHIFT)

    def sky(self) -> None:
        """Gradient, clouds and far hills. First of all."""
        rows = round(self.horizon_y * SS) + 4
        ramp = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None, None] ** 1.4
        zenith, horizon = _triple(self.weather.zenith), _triple(self.weather.horizon)
        sky = np.broadcast_to(zenith + (horizon - zenith) * ramp, (rows, WIDTH * SS, 3)).copy()
        noise = np.random.default_rng(self.rng.getrandbits(32))
        clouds = sum(
            cv2.resize(
                noise.random((2 << k, 3 << k), dtype=np.float32), (WIDTH * SS, rows), interpolation=cv2.INTER_CUBIC
            )
            / (1 << k)
            for k in range(1, 5)
        )
        puffs = np.clip((clouds - 0.5) * 2.2, 0.0, 1.0)[:, :, None] * self.weather.clouds * 0.55
        sky += (horizon * 1.06 - sky) * puffs
        self._hills(sky, rows)
        # The sky is light, not a surface: it goes where the ambient factor cannot dim it twice.
        self.albedo[:rows] = np.clip(sky / _triple(self.weather.ambient), 0, 255).astype(np.uint8)
        self.albedo[rows:] = self.albedo[rows - 1, 0]

    def _hills(self, sky: Any, rows: int) -> None:
        xs = np.arange(WIDTH * SS, dtype=np.float32)
        for depth, tall in ((0.5, 26.0), (0.3, 14.0)):
            phase = self.rng.uniform(0.0, 6.0)
            shape = np.sin(xs / 190.0 + phase) + 0.5 * np.sin(xs / 71.0 + 2 * phase) + 0.25 * np.sin(xs / 29.0 - phase)
            top = rows - 6 - (shape + 1.6) * tall * 0.6
            below = np.arange(rows, dtype=np.float32)[:, None] >= top[None, :]
            tint = _triple(self.weather.horizon) * (1.0 - 0.42 * depth) * _triple((1.02, 0.98, 0.94))
            sky[below] = tint

    def finish(self) -> Image:
        """Light, haze's glow, wet mirrors: the final picture, 640 x 360 BGR."""
        weather = self.weather
        light = np.empty((HEIGHT, WIDTH, 3), np.float32)
        light[:] = _triple(weather.ambient)
        surface = cv2.resize(self.albedo, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        if weather.flood:
            share = cv2.resize(self.wet_ground(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            surface += (_triple(MUD) - surface) * (share.astype(np.float32) * (0.8 / 255.0))[:, :, None]
        if weather.shadow:
            shade = cv2.GaussianBlur(cv2.resize(self.shade, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), (0, 0), 1.2)
            light *= 1.0 - weather.shadow * (shade.astype(np.float32) / 255.0)[:, :, None]
        if weather.dark:
            self._pools(light)
        picture = surface * light
        if weather.dark:
            emit = cv2.resize(self.emit, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
            picture += emit * 0.9
            for sigma, share in ((3.0, 0.4), (14.0, 0.5)):
                small = cv2.resize(emit, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
                glow = cv2.GaussianBlur(small, (0, 0), sigma / 2)
                picture += cv2.resize(glow, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) * share
        self._mirror(picture)
        result: Image = np.clip(picture, 0, 255).astype(np.uint8)
        return result

    def wet_ground(self) -> Image:
        """Mask of all ground and water that nothing stands before."""
        ground: Image = cv2.max(self.ground, self.water)
        return np.asarray(cv2.subtract(ground, self.solid), np.uint8)

    def _pools(self, light: npt.NDArray[np.float32]) -> None:
        """Lamps light the ground and what stands under them."""
        pool = np.zeros((HEIGHT // 4, WIDTH // 4, 3), np.float32)
        for (x, y, z), reach_m, colour in self.lamps:
            px, py = self.screen(x, 0.0, z)
            s = self.scale(z) / 4.0
            axes = (max(1, round(reach_m * s)), max(1, round(reach_m * s * 0.34)))
            one = np.zeros_like(pool)
            cv2.ellipse(one, (round(px / 4), round(py / 4)), axes, 0, 0, 360, colour, -1)
            top = self.screen(x, y, z)
            cone = np.array(
                [(px / 4 - axes[0], py / 4), (px / 4 + axes[0], py / 4), (top[0] / 4, top[1] / 4)], np.int32
            )
            cv2.fillConvexPoly(one, cone, [c * 0.35 for c in colour])
            pool += cv2.GaussianBlur(one, (0, 0), max(1.0, axes[1] * 0.55))
        # Many far lamps add up: bend the sum as a sensor does, all channels alike, so that no colour shifts.
        strength = pool.max(axis=2, keepdims=True)
        pool *= 0.95 / (0.75 + strength)
        light += cv2.resize(pool, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)

    def _mirror(self, picture: npt.NDArray[np.float32]) -> None:
        """Open water and wet ground show the world upside down, smeared along the line of sight."""
        horizon = round(self.horizon_y)
        rows = HEIGHT - horizon
        source = picture[: horizon + 1][::-1]
        mirror = cv2.resize(source, (WIDTH, rows), interpolation=cv2.INTER_LINEAR)
        mirror = cv2.blur(mirror, (3, 31))
        wet = np.maximum(self.ground * np.float32(self.weather.wet), self.water * np.float32(0.4))
        wet *= cv2.bitwise_not(self.solid) / np.float32(255.0)
        mask = cv2.resize(wet, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[horizon:]
        share = (mask / 255.0)[:, :, None]
        picture[horizon:] += (mirror * 0.92 - picture[horizon:]) * share
