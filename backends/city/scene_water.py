"""Places at the water: the embankment of the Hiếu, and a bridge over it."""

from __future__ import annotations

import numpy as np

from backends.city import scene_street as street
from backends.city.scene_lanes import Flow, Lane, Place
from backends.city.scene_stage import MUD, Colour, Stage
from backends.city.scene_street import times


def _colour(stage: Stage) -> Colour:
    """Brown in a flood, grey-green else."""
    return MUD if stage.weather.flood else (128, 126, 104)


def _water(stage: Stage, x0: float, x1: float, z0: float, z1: float, y: float) -> None:
    """Open water at height y; brown in a flood, grey-green else."""
    colour = _colour(stage)
    corners = [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]
    stage.poly(corners, colour, solid=False)
    middle = z0 + (z1 - z0) * 0.12
    stage.poly([(x0, y, z0), (x1, y, z0), (x1, y, middle), (x0, y, middle)], times(colour, 0.9), solid=False)
    stage.mark(stage.water, corners)
    stage.mark(stage.ground, corners, 255)


def _far_bank(stage: Stage, z: float) -> None:
    rng = stage.rng
    stage.front(-140, 140, -1.4, 0.8, z, (112, 128, 132))
    for _ in range(26):
        x = rng.uniform(-105, 105)
        wide, floors = rng.uniform(3, 8), rng.randint(1, 4)
        wall = rng.choice(street.WALLS)
        stage.front(x, x + wide, 0.6, 1.2 + floors * 3.3, z + 6, wall)
        for floor in range(floors):
            for k in range(2):
                a = x + wide * (0.15 + 0.45 * k)
                glow = street.lit_window(stage, 0.45)
                stage.front(
                    a, a + wide * 0.25, 1.6 + floor * 3.3, 3.2 + floor * 3.3, z + 5.9, times(street.GLASS, 1.0), glow
                )
    for _ in range(34):
        street.tree(stage, rng.uniform(-105, 105), z + rng.uniform(0, 4), rng.uniform(5, 9))
    for x in np.arange(-90, 100, 18, dtype=float).tolist():
        stage.ball(x, 6.0, z, 0.5, (206, 208, 206), (130, 210, 255))


def _arch_bridge(stage: Stage, z: float, y: float) -> None:
    """A road bridge across the picture, far away."""
    for x in np.arange(-95, 100, 19, dtype=float).tolist():
        stage.front(x - 1.1, x + 1.1, -4.0, y, z, (150, 152, 152))
    stage.front(-140, 140, y, y + 1.5, z - 0.5, (176, 180, 182))
    stage.front(-140, 140, y + 2.2, y + 2.4, z - 0.6, (150, 154, 156))
    for x in np.arange(-100, 104, 6, dtype=float).tolist():
        stage.line([(x, y + 1.5, z - 0.6), (x, y + 2.4, z - 0.6)], (150, 154, 156), 0.12)
    for x in np.arange(-84, 96, 24, dtype=float).tolist():
        stage.line([(x, y + 1.5, z), (x, y + 8.5, z)], (170, 172, 172), 0.2)
        stage.ball(x, y + 8.6, z, 0.5, (206, 208, 206), (150, 226, 255))


def _promenade(stage: Stage, edge: float) -> None:
    """The paved embankment before the water, with its railing and lamps."""
    rng = stage.rng
    paving = times((150, 164, 176), rng.uniform(0.92, 1.05))
    stage.floor(-60, 60, 3, edge, paving)
    stage.mark(stage.ground, [(-60, 0, 3), (60, 0, 3), (60, 0, edge), (-60, 0, edge)])
    z = 8.0
    while z < edge - 1:
        stage.floor(-60, 60, z, z + 0.07, times(paving, 0.86))
        z += 1.8
    for x in np.arange(-30, 32, 2, dtype=float).tolist():
        stage.floor(x, x + 0.07, 3, edge - 1, times(paving, 0.88))
    stage.floor(-60, 60, edge - 1.2, edge - 0.9, times((70, 96, 168), 1.0))
    bed = rng.choice((-1, 1))
    stage.floor(bed * 3.5, bed * 30, edge - 9.5, edge - 8.0, (70, 112, 92))
    stage.front(-60, 60, 0, 0.45, edge, (150, 160, 168))
    x = -34.0
    while x < 34:
        stage.line([(x, 0.4, edge), (x, 1.2, edge)], (202, 204, 206), 0.09)
        x += 1.3
    for y in (0.8, 1.2):
        stage.line([(-40, y, edge), (40, y, edge)], (202, 204, 206), 0.08)
    for x in (-14.0, 0.8, 13.0):
        stage.line([(x, 0, edge - 0.8), (x, 5.6, edge - 0.8)], (120, 124, 126), 0.14)
        stage.ball(x, 5.8, edge - 0.8, 0.3, (214, 216, 216), (150, 226, 255))
        stage.lamps.append(((x, 5.8, edge - 0.8), 6.5, street.LAMP))
    # Nothing tall before the water: boats are laid over the still picture and would pass before it.
    for x in (-11.0, -4.5, 5.0, 10.0):
        if rng.random() < 0.75:
            stage.front(x - 0.9, x + 0.9, 0.4, 0.5, edge - 3.2, (96, 120, 140))
            stage.front(x - 0.9, x + 0.9, 0.6, 1.0, edge - 2.9, (96, 120, 140))
            for dx in (-0.7, 0.7):
                stage.line([(x + dx, 0, edge - 3.2), (x + dx, 0.45, edge - 3.2)], (80, 84, 86), 0.08)
    for _ in range(60):
        x = bed * rng.uniform(3.5, 30)
        tone = rng.uniform(0.7, 1.25)
        stage.ball(x, rng.uniform(0.15, 0.5), edge - 8.7 + rng.uniform(-0.6, 0.6), 0.32, times(street.LEAVES, tone))
        if rng.random() < 0.3:
            stage.ball(x, 0.6, edge - 8.9, 0.09, rng.choice(((60, 70, 220), (60, 190, 230), (170, 110, 220))))


def river(stage: Stage) -> Place:
    rng = stage.rng
    stage.height_m = 7.5
    high = -0.9 if stage.weather.flood else -2.6
    stage.sky()
    stage.floor(-160, 160, 3, 330, (120, 140, 140))
    far = rng.uniform(105, 130)
    _far_bank(stage, far)
    edge = rng.uniform(22.0, 26.0)
    _water(stage, -190, 190, edge + 0.5, far, high)
    _arch_bridge(stage, far * 0.82, 4.6)
    _promenade(stage, edge)
    lanes = [
        Lane("vehicles", far * 0.82, -105.0, 105.0, 1, 4, crossing=True, y=6.0),
        Lane("bikes", far * 0.82 + 1, 105.0, -105.0, 1, 5, crossing=True, y=6.0),
        Lane("people", edge - 2.0, -19.0, 19.0, 1, 2, crossing=True),
        Lane("people", edge - 4.0, 18.0, -18.0, 1, 2, crossing=True),
        Lane("bikes", edge - 6.5, -17.0, 17.0, 2, 2, crossing=True),
    ]
    if not stage.weather.flood:
        lanes.append(Lane("boats", 46.0, -52.0, 52.0, 1, 1, crossing=True, y=high))
        lanes.append(Lane("boats", 72.0, 78.0, -78.0, 1, 1, crossing=True, y=high))
    else:
        lanes.append(Lane("drift", 30.0, -40.0, 40.0, 2, 3, crossing=True, y=high))
        lanes.append(Lane("drift", 52.0, -62.0, 62.0, 2, 4, crossing=True, y=high))
    return Place(stage, tuple(lanes))


def bridge(stage: Stage) -> Place:
    rng, half, walk = stage.rng, stage.rng.uniform(5.2, 6.2), 1.6
    high = -1.6 if stage.weather.flood else -5.0
    stage.sky()
    stage.floor(-260, 260, 3, 330, (112, 134, 132))
    _far_bank(stage, 190.0)
    _water(stage, -260, 260, 6.0, 186.0, high)
    street.road(stage, half, walk, 210.0)
    # The deck hides what the pavement of `road` painted beside it: water comes up to the railing.
    for side in (-1, 1):
        colour = _colour(stage)
        edge = side * (half + walk)
        corners = [(edge, 0, 3), (side * 200, high, 6), (side * 200, high, 186), (edge, 0, 186)]
        stage.poly(corners, colour, solid=False)
        stage.mark(stage.water, corners)
        stage.mark(stage.ground, corners)
    # The deck is dry: `road` lies over the water that was marked below it.
    rim = half + walk
    stage.mark(stage.water, [(-rim, 0, 3), (rim, 0, 3), (rim, 0, 210), (-rim, 0, 210)], 0)
    _far_bank(stage, 190.0)
    stage.floor(-half - walk, half + walk, 150, 330, (130, 130, 128))
    for side in (-1, 1):
        edge = side * (half + walk)
        stage.wall(edge, 0, 0.35, 4, 185, (176, 182, 186))
        for z in reversed(street.steps(7.0, 180.0, 1.09)):
            stage.line([(edge, 0.3, z), (edge, 1.25, z)], (190, 194, 196), 0.1)
        for y in (0.7, 1.0, 1.25):
            stage.wall(edge, y - 0.04, y + 0.04, 4, 185, (196, 200, 202))
    for side in (-1, 1):
        street.pole_line(stage, side, side * (half + 0.6), [16.0 + 26 * i for i in range(6)], lamp=True)
    if rng.random() < 0.7:
        for z in (94.0, 68.0, 42.0):
            for side in (-1, 1):
                street.flag(stage, side * (half + 0.5), 5.0, z)
    return Place(stage, tuple(Flow().two_way(rng, half, busy=4).walkers(half, walk, 60.0, 1).lanes))
