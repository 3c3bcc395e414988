"""Things that move in the scenes: cars, vans, buses, motorbikes, people, boats, what a flood carries.

Each is drawn once, large and smooth, and scaled down for every distance it is seen at; a scaled one is kept
as planes of YUV with the share of the background that stays, ready to be laid into a frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from backends.city.scene_stage import Colour, Image
from backends.city.scene_street import times

PPM = 64
"""Pixels a metre in the large drawings."""
_S = 4
CARS: tuple[Colour, ...] = (
    (206, 208, 210), (226, 228, 230), (60, 60, 62), (52, 48, 150), (110, 72, 48), (96, 98, 100), (150, 146, 140),
    (60, 104, 130),
)  # fmt: skip
SHIRTS: tuple[Colour, ...] = (
    (70, 76, 190), (190, 120, 60), (214, 214, 210), (60, 60, 66), (90, 150, 90), (60, 160, 210), (160, 96, 150),
    (120, 150, 170),
)  # fmt: skip
SKIN: Colour = (120, 158, 198)


class Pen:
    """Draws in metres on a transparent sheet; y up from the ground."""

    def __init__(self, width_m: float, height_m: float) -> None:
        self.width_m, self.height_m = width_m, height_m
        self.sheet: Image = np.zeros((round(height_m * PPM), round(width_m * PPM), 4), np.uint8)

    def _points(self, points: list[tuple[float, float]]) -> npt.NDArray[np.int32]:
        return np.array(
            [(round((x + self.width_m / 2) * PPM * 16), round((self.height_m - y) * PPM * 16)) for x, y in points],
            np.int32,
        )

    def poly(self, points: list[tuple[float, float]], colour: Colour, alpha: int = 255) -> None:
        cv2.fillPoly(self.sheet, [self._points(points)], (*colour, alpha), cv2.LINE_AA, _S)

    def box(self, x0: float, x1: float, y0: float, y1: float, colour: Colour, alpha: int = 255) -> None:
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, alpha)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, alpha: int = 255) -> None:
        centre = self._points([(x, y)])[0]
        axes = (round(rx * PPM * 16), round(ry * PPM * 16))
        cv2.ellipse(self.sheet, centre.tolist(), axes, 0, 0, 360, (*colour, alpha), -1, cv2.LINE_AA, _S)

    def stroke(self, points: list[tuple[float, float]], colour: Colour, width_m: float) -> None:
        thick = max(1, round(width_m * PPM))
        cv2.polylines(self.sheet, [self._points(points)], False, (*colour, 255), thick, cv2.LINE_AA, _S)


def _shadow(pen: Pen, half: float) -> None:
    pen.disc(0.0, 0.16, half * 1.12, 0.2, (24, 24, 26), 130)


def car_end(colour: Colour, *, towards: bool) -> Image:
    """A car from its front (coming) or back (going), seen a little from above."""
    pen = Pen(2.4, 2.1)
    _shadow(pen, 0.95)
    dark = times(colour, 0.55)
    for x in (-0.78, 0.78):
        pen.box(x - 0.14, x + 0.14, 0.05, 0.5, (26, 26, 28))
    pen.poly([(-0.92, 0.3), (0.92, 0.3), (0.94, 0.75), (0.86, 1.02), (-0.86, 1.02), (-0.94, 0.75)], colour)
    pen.box(-0.9, 0.9, 0.28, 0.42, dark)
    if towards:
        pen.poly([(-0.86, 1.0), (0.86, 1.0), (0.72, 1.24), (-0.72, 1.24)], times(colour, 1.12))
        pen.poly([(-0.74, 1.22), (0.74, 1.22), (0.6, 1.6), (-0.6, 1.6)], (92, 84, 76))
        pen.poly([(-0.6, 1.58), (0.6, 1.58), (0.54, 1.86), (-0.54, 1.86)], times(colour, 1.06))
        pen.box(-0.42, 0.42, 0.5, 0.72, (44, 44, 46))
        for x in (-0.68, 0.68):
            pen.disc(x, 0.78, 0.17, 0.1, (236, 240, 240))
    else:
        pen.poly([(-0.86, 1.0), (0.86, 1.0), (0.68, 1.5), (-0.68, 1.5)], (84, 78, 72))
        pen.poly([(-0.7, 1.48), (0.7, 1.48), (0.6, 1.88), (-0.6, 1.88)], times(colour, 1.1))
        for x in (-0.76, 0.76):
            pen.box(x - 0.13, x + 0.13, 0.68, 0.9, (44, 40, 190))
    pen.box(-0.24, 0.24, 0.46, 0.58, (214, 216, 218))
    return pen.sheet


def truck_end(colour: Colour, *, towards: bool) -> Image:
    """A truck or a bus from one end."""
    pen = Pen(3.1, 3.8)
    _shadow(pen, 1.25)
    for x in (-1.0, 1.0):
        pen.box(x - 0.2, x + 0.2, 0.05, 0.7, (26, 26, 28))
    pen.poly([(-1.2, 0.45), (1.2, 0.45), (1.2, 3.1), (-1.2, 3.1)], colour)
    pen.poly([(-1.2, 3.08), (1.2, 3.08), (1.08, 3.5), (-1.08, 3.5)], times(colour, 1.14))
    if towards:
        pen.box(-1.06, 1.06, 1.6, 2.7, (88, 80, 74))
        for x in (-0.9, 0.9):
            pen.disc(x, 0.85, 0.18, 0.14, (236, 240, 240))
    else:
        pen.box(-1.04, 1.04, 0.9, 2.9, times(colour, 0.86))
        pen.box(-0.03, 0.03, 0.9, 2.9, times(colour, 0.6))
        for x in (-1.0, 1.0):
            pen.box(x - 0.12, x + 0.12, 0.6, 0.82, (44, 40, 190))
    pen.box(-0.3, 0.3, 0.56, 0.7, (214, 216, 218))
    return pen.sheet


def bike_end(colour: Colour, *, towards: bool) -> Image:
    """A motorbike with its rider (and often a passenger) from one end."""
    pen = Pen(1.2, 2.0)
    _shadow(pen, 0.34)
    pen.box(-0.07, 0.07, 0.05, 0.62, (26, 26, 28))
    pen.poly([(-0.2, 0.45), (0.2, 0.45), (0.24, 0.86), (-0.24, 0.86)], times(colour, 0.5))
    pen.stroke([(-0.36, 1.0), (0.36, 1.0)], (70, 70, 72), 0.05)
    for x in (-0.24, 0.24):
        pen.stroke([(x, 0.4), (x * 0.9, 0.9)], (64, 58, 56), 0.14)
    pen.poly([(-0.27, 0.82), (0.27, 0.82), (0.25, 1.42), (-0.25, 1.42)], colour)
    for x in (-0.3, 0.3):
        pen.stroke([(x * 0.85, 1.36), (x * 1.15, 1.02)], times(colour, 0.86), 0.1)
    helmet = times(colour, 0.7) if sum(colour) > 320 else (196, 196, 196)
    pen.disc(0.0, 1.62, 0.17, 0.2, helmet)
    if towards:
        pen.disc(0.0, 1.58, 0.12, 0.11, SKIN)
        pen.disc(0.0, 0.9, 0.09, 0.08, (240, 244, 244))
    else:
        pen.box(-0.08, 0.08, 0.72, 0.8, (44, 40, 190))
    return pen.sheet


def car_side(colour: Colour) -> Image:
    """A car from its side, driving to the right."""
    pen = Pen(4.8, 1.8)
    pen.disc(0.0, 0.14, 2.3, 0.15, (24, 24, 26), 130)
    pen.poly(
        [
            (-2.15, 0.35),
            (2.2, 0.35),
            (2.22, 0.72),
            (1.5, 0.92),
            (0.75, 1.45),
            (-1.0, 1.48),
            (-1.75, 0.98),
            (-2.18, 0.9),
        ],
        colour,
    )
    pen.poly([(-1.45, 0.98), (-0.92, 1.38), (-0.1, 1.38), (-0.1, 0.95)], (92, 84, 76))
    pen.poly([(0.0, 0.95), (0.0, 1.38), (0.7, 1.36), (1.25, 0.95)], (92, 84, 76))
    pen.box(-2.1, 2.2, 0.34, 0.44, times(colour, 0.6))
    for x in (-1.35, 1.4):
        pen.disc(x, 0.34, 0.33, 0.33, (26, 26, 28))
        pen.disc(x, 0.34, 0.17, 0.17, (150, 152, 154))
    pen.disc(2.12, 0.72, 0.1, 0.08, (236, 240, 240))
    pen.disc(-2.12, 0.78, 0.08, 0.1, (44, 40, 190))
    return pen.sheet


def bike_side(colour: Colour) -> Image:
    """A motorbike with its rider from the side, driving to the right."""
    pen = Pen(2.2, 2.0)
    pen.disc(0.0, 0.12, 0.95, 0.1, (24, 24, 26), 130)
    for x in (-0.62, 0.62):
        pen.disc(x, 0.3, 0.29, 0.29, (26, 26, 28))
        pen.disc(x, 0.3, 0.16, 0.16, (120, 122, 124))
    pen.poly([(-0.75, 0.45), (0.3, 0.4), (0.62, 0.95), (0.45, 1.0), (0.1, 0.62), (-0.8, 0.78)], times(colour, 0.55))
    pen.stroke([(-0.15, 0.85), (0.2, 0.72), (0.12, 0.4)], (64, 58, 56), 0.15)
    pen.poly([(-0.36, 0.78), (-0.02, 0.78), (0.06, 1.38), (-0.2, 1.42)], colour)
    pen.stroke([(0.0, 1.3), (0.28, 1.08), (0.48, 1.06)], times(colour, 0.85), 0.1)
    pen.disc(0.0, 1.6, 0.17, 0.18, times(colour, 0.7) if sum(colour) > 320 else (196, 196, 196))
    return pen.sheet


def person(colour: Colour, step: float, trousers: Colour) -> Image:
    """A walker; `step` -1 to 1 = how far the legs are apart."""
    pen = Pen(1.0, 1.9)
    pen.disc(0.0, 0.09, 0.3, 0.08, (24, 24, 26), 130)
    for sign in (-1, 1):
        pen.stroke([(0.05 * sign, 0.86), (0.2 * sign * step + 0.04 * sign, 0.1)], trousers, 0.15)
        pen.stroke([(0.2 * sign, 1.36), (0.24 * sign - 0.12 * sign * step, 0.9)], times(colour, 0.84), 0.09)
    pen.poly([(-0.19, 0.8), (0.19, 0.8), (0.22, 1.42), (-0.22, 1.42)], colour)
    pen.disc(0.0, 1.6, 0.12, 0.15, SKIN)
    pen.disc(0.0, 1.66, 0.13, 0.11, (34, 32, 34))
    return pen.sheet


def boat(colour: Colour) -> Image:
    """A wooden river boat with a small roof and its wake."""
    pen = Pen(13.0, 3.2)
    pen.poly([(-6.3, 0.12), (-4.2, 0.34), (-4.2, 0.1)], (206, 206, 200), 150)
    pen.poly([(-4.4, 0.3), (4.6, 0.3), (5.6, 1.15), (-4.9, 0.95)], (64, 84, 104))
    pen.poly([(-4.8, 0.8), (5.3, 0.98), (5.6, 1.15), (-4.9, 0.95)], colour)
    pen.box(-3.4, -3.25, 0.9, 2.2, (90, 100, 108))
    pen.box(0.6, 0.75, 0.9, 2.2, (90, 100, 108))
    pen.poly([(-3.8, 2.1), (1.2, 2.1), (0.9, 2.5), (-3.5, 2.5)], colour)
    pen.poly([(2.2, 0.95), (2.6, 0.95), (2.6, 1.75), (2.2, 1.75)], (60, 70, 150))
    pen.disc(2.4, 1.95, 0.16, 0.18, SKIN)
    return pen.sheet


def driftwood(colour: Colour) -> Image:
    """Branches and reeds that a flood carries."""
    rng = random.Random(str(colour))
    pen = Pen(4.2, 0.9)
    for _ in range(12):
        x, y = rng.uniform(-1.6, 1.0), rng.uniform(0.05, 0.35)
        pen.stroke(
            [(x, y), (x + rng.uniform(0.3, 1.0), y + rng.uniform(-0.1, 0.25))],
            times((60, 84, 96), rng.uniform(0.6, 1.1)),
            0.12,
        )
    pen.disc(0.0, 0.2, 1.4, 0.18, (60, 90, 84), 200)
    return pen.sheet


@dataclass(frozen=True)
class Laid:
    """A sprite at one size, as NV12 planes: what it adds, and the share of the background that stays."""

    y: Image
    uv: Image
    keep_y: Image
    keep_uv: Image


class Drawing:
    """A large drawing with smaller copies of itself, so that far things cost little to scale."""

    def __init__(self, sheet: Image) -> None:
        self._copies = [sheet]
        while self._copies[-1].shape[0] > 24:
            last = self._copies[-1]
            self._copies.append(
                cv2.resize(last, (last.shape[1] // 2, last.shape[0] // 2), interpolation=cv2.INTER_AREA)
            )
        self._shape = sheet.shape

    def lay(self, scale: float, light: Colour, haze: Colour, share: float) -> Laid:
        """Scale to even sizes (`scale` = final pixels a metre), light it, mix in `share` of the haze, turn to YUV."""
        height = max(2, round(self._shape[0] * scale / PPM / 2) * 2)
        width = max(2, round(self._shape[1] * scale / PPM / 2) * 2)
        source = next((c for c in reversed(self._copies) if c.shape[0] >= height), self._copies[0])
        small = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
        # Drawing over a transparent sheet has mixed the edges with black: the colours are premultiplied, and stay so.
        bgr, alpha = small[:, :, :3], small[:, :, 3]
        matrix = np.zeros((3, 4), np.float32)
        for channel in range(3):
            grey = (0.114, 0.587, 0.299)
            # A surveillance camera's colours are a little washed out.
            for other in range(3):
                matrix[channel, other] = grey[other] * 0.28 * light[channel] * (1 - share)
            matrix[channel, channel] += 0.72 * light[channel] * (1 - share)
            matrix[channel, 3] = haze[channel] * share / 255.0
        bgr = cv2.transform(small, matrix)
        i420 = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
        planes = i420.reshape(-1)
        size = height * width // 4
        keep_y = cv2.bitwise_not(alpha)
        half = cv2.resize(keep_y, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        keep_uv = cv2.merge([half, half])
        chroma = cv2.merge([planes[4 * size : 5 * size].reshape(half.shape), planes[5 * size :].reshape(half.shape)])
        # Black is (16, 128, 128): take from every pixel the part of it that its transparent share brought in.
        return Laid(
            y=_without(i420[:height], keep_y, 16.0), uv=_without(chroma, keep_uv, 128.0), keep_y=keep_y, keep_uv=keep_uv
        )


def _without(plane: Image, keep: Image, black: float) -> Image:
    return np.asarray(cv2.addWeighted(plane, 1.0, keep, -black / 255.0, 0.0), np.uint8)


Maker = Callable[[random.Random, bool], list[Image]]
"""(generator, comes towards the camera or drives to the right) -> the drawings of one thing, one per step."""


def _vehicle(rng: random.Random, towards: bool) -> list[Image]:
    colour = rng.choice(CARS)
    if rng.random() < 0.2:
        return [
            truck_end(rng.choice(((200, 202, 204), (170, 120, 60), (60, 130, 190), (80, 140, 84))), towards=towards)
        ]
    return [car_end(colour, towards=towards)]


def _bike(rng: random.Random, towards: bool) -> list[Image]:
    return [bike_end(rng.choice(SHIRTS), towards=towards)]


def _person(rng: random.Random, towards: bool) -> list[Image]:
    shirt, trousers = rng.choice(SHIRTS), rng.choice(((60, 56, 54), (96, 72, 56), (40, 40, 44)))
    return [person(shirt, step, trousers) for step in (-1.0, -0.35, 0.35, 1.0)]


def _flipped(sheet: Image, right: bool) -> Image:
    return sheet if right else np.ascontiguousarray(sheet[:, ::-1])


END_ON: dict[str, Maker] = {"vehicles": _vehicle, "bikes": _bike, "people": _person}
"""Things that move along the line of sight."""
SIDE_ON: dict[str, Maker] = {
    "vehicles": lambda rng, right: [_flipped(car_side(rng.choice(CARS)), right)],
    "bikes": lambda rng, right: [_flipped(bike_side(rng.choice(SHIRTS)), right)],
    "people": _person,
    "boats": lambda rng, right: [_flipped(boat(rng.choice(((150, 96, 52), (60, 66, 150), (96, 130, 84)))), right)],
    "drift": lambda rng, right: [driftwood((rng.randrange(256), 0, 0))],
}
"""Things that cross the picture."""
