"""The seven kinds of places that cameras look at, each painted once as a still background.

`PLACES` is the registry: kind -> painter. A painter also says where things may move (`Lanes`), so that
traffic and picture fit together. The same camera number always gives the same place.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from backends.city import scene_street as street
from backends.city import scene_water as water
from backends.city.scene_lanes import Flow, Lane, Place
from backends.city.scene_stage import Colour, Stage, Weather
from backends.city.scene_street import times

Painter = Callable[[Stage], Place]


def _street(stage: Stage) -> Place:
    rng, half, walk = stage.rng, stage.rng.uniform(5.0, 6.5), 3.2
    stage.sky()
    street.road(stage, half, walk)
    for side in (-1, 1):
        street.row_of_houses(stage, side, side * (half + walk), 7.0, 170.0, (1, 5))
    _avenue(stage, half, walk)
    return Place(stage, tuple(Flow().two_way(rng, half).walkers(half, walk, 42.0, 1).lanes))


def _avenue(stage: Stage, half: float, walk: float, first: float = 13.0) -> None:
    """Trees, poles and flags along both sides, far ones first."""
    rng = stage.rng
    spots = [first + i * rng.uniform(11, 14) for i in range(9)]
    for z in reversed(spots):
        for side in (-1, 1):
            if rng.random() < 0.62:
                street.tree(stage, side * (half + rng.uniform(1.0, 1.5)), z + rng.uniform(-2, 2), rng.uniform(5.0, 7.5))
            elif rng.random() < 0.4:
                street.flag(stage, side * (half + 0.9), 4.2, z)
    side = rng.choice((-1, 1))
    street.pole_line(stage, side, side * (half + 0.7), [first + 4 + 22 * i for i in range(6)], lamp=True)
    street.pole_line(stage, -side, -side * (half + 0.7), [first + 14 + 26 * i for i in range(4)], lamp=True)


def _junction(stage: Stage) -> Place:
    rng, half, walk = stage.rng, stage.rng.uniform(5.5, 7.0), 3.2
    near, far = 27.0, 43.0
    stage.sky()
    street.road(stage, half, walk)
    stage.floor(-90, 90, near + 1, far - 1, (110, 108, 106))
    stage.mark(stage.ground, [(-90, 0, near), (90, 0, near), (90, 0, far), (-90, 0, far)])
    stage.floor(-90, -half - 1, (near + far) / 2 - 0.1, (near + far) / 2 + 0.1, (186, 190, 190))
    stage.floor(half + 1, 90, (near + far) / 2 - 0.1, (near + far) / 2 + 0.1, (186, 190, 190))
    street.zebra(stage, half, near - 4.5, near - 1.2)
    street.zebra(stage, half, far + 1.2, far + 4.5)
    for side in (-1, 1):
        street.row_of_houses(stage, side, side * (half + walk), far + 3, 170.0, (2, 6))
    _avenue(stage, half, walk, first=far + 6)
    for side in (-1, 1):
        street.row_of_houses(stage, side, side * (half + walk), 7.0, near - 3, (1, 4))
    for side in (-1, 1):
        _signals(stage, side * (half + 0.8), far + 1.0 if side < 0 else near - 1.0, side)
        street.pole_line(stage, side, side * (half + 1.2), [near - 6.0 if side > 0 else 14.0], lamp=True)
    flow = Flow().two_way(rng, half, busy=4)
    middle = (near + far) / 2
    edge = stage.vanish_x - (half + walk) * stage.scale(near - 3)
    for z, begin, end in ((middle - 3.5, -34.0, 34.0), (middle + 3.5, 34.0, -34.0)):
        flow.lanes.append(Lane("vehicles", z, begin, end, 2, 2, crossing=True))
        flow.lanes.append(Lane("bikes", z + 2.4, begin, end, 2, 4, crossing=True))
    flow.lanes.append(Lane("people", near - 2.8, -half - 3, half + 3, 1, 2, crossing=True))
    return Place(stage, tuple(flow.lanes), (max(0, round(edge)), min(640, round(640 - edge))))


def _signals(stage: Stage, x: float, z: float, side: int) -> None:
    """A traffic light on its arm."""
    stage.line([(x, 0, z), (x, 6.0, z)], (150, 152, 154), 0.18)
    stage.line([(x, 5.8, z), (x - side * 4.0, 6.1, z)], (150, 152, 154), 0.12)
    for dx in (0.0, 3.6):
        cx = x - side * dx
        low = 2.6 if dx == 0.0 else 5.3
        stage.front(cx - 0.22, cx + 0.22, low, low + 1.25, z, (46, 46, 48))
        for i, colour in enumerate(((70, 200, 90), (60, 120, 130), (60, 60, 120))):
            stage.ball(cx, low + 0.22 + 0.4 * i, z, 0.15, colour, (90, 255, 120) if i == 0 else None)


def _alley(stage: Stage) -> Place:
    rng, half, walk = stage.rng, stage.rng.uniform(2.0, 2.6), 0.5
    stage.sky()
    street.road(stage, half, walk)
    stage.floor(-half, half, 3, 200, times((134, 138, 142), rng.uniform(0.9, 1.05)))
    for side in (-1, 1):
        street.row_of_houses(stage, side, side * (half + walk), 5.0, 110.0, (1, 3))
    for z in (58.0, 34.0, 19.0):
        side = rng.choice((-1, 1))
        if rng.random() < 0.7:
            street.tree(stage, side * (half + 0.6), z, rng.uniform(4.0, 5.6))
    street.pole_line(stage, 1, half + 0.2, [16.0, 40.0, 64.0], lamp=True)
    lanes = [
        Lane("bikes", -half * 0.45, 80.0, 5.0, 2, 3),
        Lane("bikes", half * 0.45, 5.0, 80.0, 1, 2),
        Lane("people", -half * 0.85, 34.0, 7.0, 1, 1),
        Lane("people", half * 0.85, 7.0, 34.0, 1, 1),
    ]
    return Place(stage, tuple(lanes))


def _market(stage: Stage) -> Place:
    rng, half, walk = stage.rng, 5.0, 5.0
    stage.sky()
    street.road(stage, half, walk)
    for side in (-1, 1):
        street.row_of_houses(stage, side, side * (half + walk), 8.0, 120.0, (1, 3))
    # The market's hall closes the view: a wide roof over a lit entrance.
    z = 62.0
    stage.front(-26, 26, 0, 6.0, z, (168, 186, 198))
    stage.front(-9, 9, 0, 4.6, z - 0.1, (70, 76, 84), (70, 120, 160))
    stage.poly([(-29, 6.0, z - 2), (29, 6.0, z - 2), (20, 11.0, z + 8), (-20, 11.0, z + 8)], (78, 84, 142))
    stage.front(-10, 10, 6.4, 8.6, z - 2.2, (52, 48, 170), (40, 36, 130))
    for i in range(-4, 5):
        stage.front(i * 2.0 - 0.6, i * 2.0 + 0.6, 6.9, 8.1, z - 2.3, (70, 206, 226), (50, 150, 170))
    street.pole_line(stage, 1, half + 0.3, [22.0, 46.0], lamp=True)
    for distance in (52.0, 44.0, 37.0, 31.0, 26.0, 22.0, 18.5, 15.5, 13.0):
        for side in (-1, 1):
            if rng.random() < 0.88:
                _stall(stage, side, side * rng.uniform(half - 0.6, half + 1.2), distance + rng.uniform(-1.2, 1.2))
    lanes = [Lane("bikes", -1.4, 60.0, 6.0, 2, 4), Lane("bikes", 1.2, 6.0, 60.0, 2, 3)]
    for x, begin, end in ((-3.4, 52.0, 9.0), (3.2, 9.0, 52.0), (-2.6, 9.0, 40.0), (2.4, 44.0, 9.0), (0.2, 48.0, 12.0)):
        lanes.append(Lane("people", x, begin, end, 1, 4))
    return Place(stage, tuple(lanes))


_CLOTHS: tuple[Colour, ...] = (
    (60, 66, 196), (176, 110, 52), (70, 150, 84), (58, 170, 220), (186, 90, 150), (200, 196, 190), (44, 120, 214),
)  # fmt: skip


def _stall(stage: Stage, side: int, x: float, z: float) -> None:
    """A table of goods under a parasol."""
    rng = stage.rng
    cloth = rng.choice(_CLOTHS)
    stage.mark(stage.shade, [(x - 1.5, 0, z - 1), (x + 1.5, 0, z - 1), (x + 1.5, 0, z + 1.4), (x - 1.5, 0, z + 1.4)])
    stage.front(x - 1.1, x + 1.1, 0.0, 0.75, z, (88, 104, 118))
    stage.poly(
        [(x - 1.1, 0.75, z), (x + 1.1, 0.75, z), (x + 1.1, 0.95, z + 1.2), (x - 1.1, 0.95, z + 1.2)], (96, 120, 138)
    )
    for _ in range(9):
        goods = rng.choice(
            ((60, 70, 200), (60, 150, 60), (50, 170, 220), (70, 110, 190), (150, 190, 200), (90, 60, 130))
        )
        stage.ball(x + rng.uniform(-1, 1), 0.92, z + rng.uniform(0, 0.8), 0.16, goods)
    stage.line([(x, 0.8, z + 0.6), (x, 2.5, z + 0.6)], (150, 150, 150), 0.05)
    sides = 8
    for i in range(sides):
        import math

        a, b = 2 * math.pi * i / sides, 2 * math.pi * (i + 1) / sides
        tone = 0.82 + 0.26 * math.sin((a + b) / 2 + 0.8)
        colour = cloth if i % 2 == 0 else times((206, 208, 208), 1.0)
        rim = [(x + 1.5 * math.cos(t), 2.15, z + 0.6 + 1.0 * math.sin(t)) for t in (a, b)]
        stage.poly([rim[0], rim[1], (x, 2.75, z + 0.6)], times(colour, tone))
    if stage.weather.dark:
        stage.ball(x, 2.0, z + 0.5, 0.12, (220, 226, 230), (150, 220, 255))
        stage.lamps.append(((x, 2.2, z + 0.5), 2.4, (0.24, 0.4, 0.55)))


def _gate(stage: Stage) -> Place:
    """A public building behind its fence, across a square."""
    rng = stage.rng
    stage.sky()
    street.road(stage, 60.0, 2.0)
    tone = times((150, 160, 170), rng.uniform(0.9, 1.05))
    stage.floor(-60, 60, 24, 60, tone)
    for z in (27.0, 31.0, 36.0, 42.0, 49.0, 57.0):
        stage.floor(-60, 60, z, z * 1.004, times(tone, 0.9))
    for x in range(-40, 44, 4):
        stage.floor(x, x + 0.12, 24, 60, times(tone, 0.92))
    for _ in range(10):
        street.tree(stage, rng.choice((-1, 1)) * rng.uniform(20, 46), rng.uniform(64, 76), rng.uniform(8, 12))
    z, wide, floors = 60.0, rng.uniform(17, 22), rng.choice((3, 4, 5))
    wall = rng.choice(((178, 208, 222), (196, 206, 208), (170, 196, 214), (204, 206, 196)))
    _hall(stage, z, wide, floors, wall)
    for side in (-1, 1):
        _hall(stage, z + 4, wide * 0.62, max(2, floors - 1), times(wall, 0.95), centre=side * wide * 1.62)
    street.flag(stage, 0.0, 12.5 + floors, z - 6)
    stage.line([(0, 0, z - 6), (0, 13.5 + floors, z - 6)], (190, 190, 192), 0.14)
    for side in (-1, 1):
        for i in range(4):
            street.tree(stage, side * (9 + i * 6.5), 47.0 - i, rng.uniform(4.0, 5.5))
        _fence(stage, side)
    for side in (-1, 1):
        stage.front(side * 5.2 - 0.7, side * 5.2 + 0.7, 0, 3.6, 25.8, (150, 172, 190))
        stage.front(side * 5.2 - 0.9, side * 5.2 + 0.9, 3.6, 3.9, 25.8, (176, 190, 200))
        stage.ball(side * 5.2, 4.3, 25.8, 0.35, (214, 218, 220), (160, 226, 250))
        stage.lamps.append(((side * 5.2, 4.3, 25.8), 6.0, street.LAMP))
    lanes = []
    for z, begin, end, kind, laps in ((18.0, -28.0, 28.0, "vehicles", 2), (13.5, 28.0, -28.0, "vehicles", 2)):
        lanes.append(Lane(kind, z, begin, end, laps, 2, crossing=True))
    lanes.append(Lane("bikes", 20.6, -28.0, 28.0, 2, 4, crossing=True))
    lanes.append(Lane("bikes", 11.4, 22.0, -22.0, 2, 4, crossing=True))
    lanes.append(Lane("people", 24.0, -22.0, 18.0, 1, 2, crossing=True))
    lanes.append(Lane("people", 1.2, 52.0, 27.0, 1, 2))
    lanes.append(Lane("people", -1.4, 27.0, 54.0, 1, 2))
    return Place(stage, tuple(lanes))


def _hall(stage: Stage, z: float, wide: float, floors: int, wall: Colour, centre: float = 0.0) -> None:
    rng, top = stage.rng, floors * 3.6 + 1.0
    stage.front(centre - wide, centre + wide, 0, top, z, wall)
    bays = max(5, int(wide / 1.9))
    step = wide * 2 / bays
    for floor in range(floors):
        y = 0.9 + floor * 3.6
        stage.front(centre - wide, centre + wide, y + 2.7, y + 2.95, z - 0.1, times(wall, 1.1))
        for i in range(bays):
            x = centre - wide + step * (i + 0.22)
            glow = street.lit_window(stage, 0.3)
            stage.front(x, x + step * 0.56, y, y + 2.1, z - 0.1, times(street.GLASS, rng.uniform(0.8, 1.2)), glow)
    for i in range(bays + 1):
        x = centre - wide + step * i
        stage.front(x - 0.16, x + 0.16, 0, top, z - 0.2, times(wall, 1.06))
    stage.front(centre - wide - 0.6, centre + wide + 0.6, top, top + 0.9, z - 0.3, times(wall, 0.9))
    if centre == 0.0:
        stage.front(-6, 6, 0, 4.4, z - 1.0, times(wall, 0.82))
        stage.front(-4.6, 4.6, 0, 3.4, z - 1.1, (70, 78, 84), (60, 100, 130))
        stage.front(-7, 7, 4.4, 5.2, z - 1.2, times(wall, 1.12))
        stage.front(-7.5, 7.5, top + 1.2, top + 2.7, z - 0.4, (50, 46, 172), (34, 32, 120))


def _fence(stage: Stage, side: int) -> None:
    z = 26.0
    stage.front(side * 6, side * 60, 0, 0.6, z, (150, 170, 186))
    x = 6.0
    while x < 34:
        stage.line([(side * x, 0.6, z), (side * x, 2.2, z)], (70, 82, 74), 0.06)
        x += 0.5
    stage.line([(side * 6, 2.1, z), (side * 40, 2.1, z)], (70, 82, 74), 0.07)


PLACES: dict[str, Painter] = {
    "street": _street,
    "junction": _junction,
    "alley": _alley,
    "market": _market,
    "gate": _gate,
    "river": water.river,
    "bridge": water.bridge,
}
"""All kinds of places by name."""


def paint(number: str, kind: str, weather: Weather) -> Place:
    """The place before camera `number`; an unknown kind is a street."""
    rng = random.Random(f"scene {number} {kind}")
    stage = Stage(
        weather,
        rng,
        vanish_x=320.0 + rng.uniform(-70, 70),
        horizon_y=rng.uniform(112, 134),
        height_m=rng.uniform(5.4, 6.8),
    )
    place = PLACES.get(kind, _street)(stage)
    street.grain(stage)
    return place
