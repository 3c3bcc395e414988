"""What stands along a street: houses with shops, trees, poles with cables, lamps, the road itself.

Each function paints one thing on a `Stage`; painting goes from far to near. Colours are muted, as a
surveillance camera sees them.
"""

from __future__ import annotations

import cv2
import numpy as np

from backends.city.scene_stage import HEIGHT, SS, WIDTH, Colour, Stage

WALLS: tuple[Colour, ...] = (
    (178, 208, 222), (150, 190, 214), (196, 200, 186), (206, 196, 178), (168, 178, 214), (186, 206, 196),
    (214, 216, 214), (140, 176, 204), (172, 186, 190), (200, 184, 168), (156, 168, 176),
)  # fmt: skip
SIGNS: tuple[Colour, ...] = (
    (48, 46, 178), (150, 84, 36), (64, 132, 46), (38, 150, 214), (130, 46, 120), (60, 60, 64), (196, 190, 186),
)  # fmt: skip
AWNINGS: tuple[Colour, ...] = ((150, 96, 52), (52, 58, 160), (74, 128, 66), (120, 118, 112), (60, 138, 190))
LEAVES: Colour = (58, 104, 76)
GLASS: Colour = (104, 92, 80)
WARM: Colour = (96, 176, 236)
COLD: Colour = (226, 216, 196)
LAMP: Colour = (0.30, 0.52, 0.74)


def times(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter."""
    return (min(255.0, colour[0] * factor), min(255.0, colour[1] * factor), min(255.0, colour[2] * factor))


def road(stage: Stage, half: float, walk: float, far: float = 320.0) -> None:
    """Asphalt with lane marks, kerbs and pavements, from under the camera to the distance."""
    rng = stage.rng
    asphalt = times((112, 110, 108), rng.uniform(0.88, 1.08))
    paving = times((150, 158, 166), rng.uniform(0.9, 1.06))
    stage.floor(-60, 60, 3, far, times(paving, 0.92))
    stage.floor(-half - walk, half + walk, 3, far, paving)
    for z in steps(6.0, 60.0, 1.12):
        stage.floor(-half - walk, -half, z, z * 1.012, times(paving, 0.9))
        stage.floor(half, half + walk, z, z * 1.012, times(paving, 0.9))
    for side in (-1, 1):
        stage.floor(side * half, side * (half + 0.28), 3, far, times(paving, 1.12))
    stage.floor(-half, half, 3, far, asphalt)
    for _ in range(4):
        z = rng.uniform(12, 60)
        x = rng.uniform(-half, half * 0.6)
        stage.floor(x, x + rng.uniform(0.8, 2.4), z, z + rng.uniform(1, 5), times(asphalt, rng.uniform(0.94, 1.05)))
    # Tyres polish two dark tracks a lane.
    for lane in (-0.72, -0.28, 0.28, 0.72):
        stage.floor(lane * half - 0.3, lane * half + 0.3, 3, far, times(asphalt, 0.94))
    white = (196, 200, 200)
    z = 4.0
    while z < 150:
        stage.floor(-0.09, 0.09, z, z + 3.0, white)
        z += 7.5
    for side in (-1, 1):
        stage.floor(side * (half - 0.5), side * (half - 0.38), 3, 160, times(white, 0.94))
    for mask in (stage.ground,):
        stage.mark(mask, [(-half - walk, 0, 3), (half + walk, 0, 3), (half + walk, 0, far), (-half - walk, 0, far)])


def steps(first: float, last: float, factor: float) -> list[float]:
    result = []
    while first < last:
        result.append(first)
        first *= factor
    return result


def zebra(stage: Stage, half: float, z0: float, z1: float) -> None:
    """A pedestrian crossing."""
    x = -half + 0.6
    while x < half - 0.6:
        stage.floor(x, x + 0.55, z0, z1, (200, 204, 204))
        x += 1.15


def row_of_houses(stage: Stage, side: int, x: float, z0: float, z1: float, floors: tuple[int, int] = (1, 5)) -> None:
    """Houses wall to wall between two distances, far ones first."""
    rng, z, plots = stage.rng, z0, []
    while z < z1 - 3:
        width = min(rng.uniform(4.0, 8.5), z1 - z)
        plots.append((z, z + width, rng.randint(*floors)))
        z += width + (rng.uniform(0.5, 3.0) if rng.random() < 0.18 else 0.0)
    lit = 1.0 if side == stage_sun(stage) else 0.8
    for near, far, storeys in reversed(plots):
        house(stage, side, x, near, far, storeys, lit, corner=near == z0 and z0 > 12.0)


def stage_sun(stage: Stage) -> int:
    """The side of the road that the sun shines on: +1 or -1, the same for the whole picture."""
    return 1 if round(stage.vanish_x) % 2 else -1


def house(
    stage: Stage, side: int, x: float, z0: float, z1: float, storeys: int, lit: float, *, corner: bool = False
) -> None:
    """A tube house: a shop below, windows and balconies above; a corner house has them on two sides."""
    rng = stage.rng
    wall = times(rng.choice(WALLS), rng.uniform(0.86, 1.04))
    top = 3.7 + (storeys - 1) * 3.3 + 0.7
    out = x + side * 14.0
    stage.poly([(x, 0, z0), (out, 0, z0), (out, top, z0), (x, top, z0)], times(wall, 0.74))
    if corner:
        _gable(stage, side, x, z0, storeys, wall)
    stage.wall(x, 0, top, z0, z1, times(wall, lit))
    if lit < 1.0:
        reach = top * 0.55
        stage.mark(stage.shade, [(x, 0, z0), (x - side * reach, 0, z0 + 2), (x - side * reach, 0, z1 + 2), (x, 0, z1)])
    for floor in range(1, storeys):
        _storey(stage, side, x, z0, z1, 3.7 + (floor - 1) * 3.3, wall, lit)
    _roof(stage, side, x, z0, z1, top, wall, lit)
    _shop(stage, side, x, z0, z1, lit)


def _gable(stage: Stage, side: int, x: float, z: float, storeys: int, wall: Colour) -> None:
    """The side of a corner house: windows above, a shop and its sign below."""
    rng, trim = stage.rng, times(wall, 0.62)
    for floor in range(1, storeys):
        y = 3.7 + (floor - 1) * 3.3
        stage.front(x, x + side * 14, y - 0.12, y + 0.12, z, times(wall, 0.84))
        for i in range(4):
            a = x + side * (1.2 + i * 3.2)
            stage.front(a - side * 0.12, a + side * 1.6, y + 0.7, y + 2.55, z, trim)
            glow = lit_window(stage, 0.36)
            stage.front(a, a + side * 1.48, y + 0.8, y + 2.45, z, times(GLASS, rng.uniform(0.6, 0.95)), glow)
    sign = times(rng.choice(SIGNS), 0.85)
    glow = times(COLD, 0.36) if stage.weather.dark else None
    for i in range(3):
        a = x + side * (0.6 + i * 4.4)
        stage.front(a, a + side * 3.8, 0, 2.7, z, (74, 80, 86), glow if i != 1 else None)
    stage.front(x + side * 0.3, x + side * 13.4, 2.85, 3.6, z, sign, times(sign, 0.5) if glow else None)


def lit_window(stage: Stage, chance: float) -> Colour | None:
    """The light of a window after dark, None where nobody is in. Draws the same numbers by day."""
    rng = stage.rng
    on, colour, level = rng.random() < chance, rng.choice((WARM, WARM, COLD)), rng.uniform(0.4, 0.95)
    return times(colour, level) if on and stage.weather.dark else None


def _storey(stage: Stage, side: int, x: float, z0: float, z1: float, y: float, wall: Colour, lit: float) -> None:
    rng, width = stage.rng, z1 - z0
    stage.wall(x, y - 0.12, y + 0.12, z0, z1, times(wall, lit * 1.1))
    count = max(1, round(width / 2.6))
    gap = width / count
    trim = times(wall, lit * 0.86)
    for i in range(count):
        a, b = z0 + gap * (i + 0.2), z0 + gap * (i + 0.8)
        glow = lit_window(stage, 0.36)
        stage.wall(x, y + 0.7, y + 2.55, a - 0.12, b + 0.12, trim)
        stage.wall(x, y + 0.8, y + 2.45, a, b, times(GLASS, rng.uniform(0.7, 1.25) * lit), glow)
        stage.wall(x, y + 0.8, y + 2.45, (a + b) / 2 - 0.05, (a + b) / 2 + 0.05, trim)
    if rng.random() < 0.55:
        edge = x - side * 0.9
        stage.poly([(x, y, z0), (edge, y, z0), (edge, y, z1), (x, y, z1)], times(wall, 0.6))
        stage.wall(edge, y - 0.12, y + 0.16, z0 + 0.1, z1 - 0.1, times(wall, lit * 0.98))
        stage.wall(edge, y + 0.92, y + 1.0, z0 + 0.1, z1 - 0.1, (90, 92, 94))
        for z in np.arange(z0 + 0.3, z1 - 0.2, 0.55):
            stage.line([(edge, y + 0.1, float(z)), (edge, y + 0.95, float(z))], (104, 104, 106), 0.05)


def _roof(stage: Stage, side: int, x: float, z0: float, z1: float, top: float, wall: Colour, lit: float) -> None:
    rng = stage.rng
    if rng.random() < 0.3:
        tile = times((70, 86, 158), rng.uniform(0.85, 1.1) * lit)
        stage.poly(
            [
                (x - side * 0.5, top - 0.2, z0),
                (x - side * 0.5, top - 0.2, z1),
                (x + side * 4, top + 2.2, z1),
                (x + side * 4, top + 2.2, z0),
            ],
            tile,
        )
        return
    stage.wall(x - side * 0.15, top - 0.25, top + 0.1, z0, z1, times(wall, lit * 1.08))
    if rng.random() < 0.4:
        z = rng.uniform(z0 + 0.6, z1 - 0.6)
        stage.front(x + side * 1.2, x + side * 2.6, top, top + 1.5, z, (176, 176, 172))
    if rng.random() < 0.3:
        z = rng.uniform(z0, z1)
        stage.line([(x + side * 0.6, top, z), (x + side * 0.6, top + 2.6, z)], (90, 90, 92), 0.05)


def _shop(stage: Stage, side: int, x: float, z0: float, z1: float, lit: float) -> None:
    rng = stage.rng
    # Every weather draws the same numbers in the same order: it is the same street, day and night.
    opened = rng.random() < (0.55 if stage.weather.name.endswith("night") else 0.75)
    bright = times(rng.choice((COLD, COLD, WARM)), rng.uniform(0.26, 0.5))
    inside = times(rng.choice(((66, 74, 84), (84, 80, 74), (58, 66, 72))), lit)
    shutter = times((152, 156, 158), lit * rng.uniform(0.8, 1.0))
    glow = bright if stage.weather.dark and opened else None
    stage.wall(x, 0.0, 2.75, z0 + 0.35, z1 - 0.35, inside if opened else shutter, glow)
    for _ in range(4):
        a, tall, wide = rng.uniform(z0 + 0.5, z1 - 1.2), rng.uniform(0.6, 1.7), rng.uniform(0.3, 0.8)
        goods = rng.choice(((70, 90, 170), (150, 120, 70), (80, 150, 90), (170, 170, 168), (60, 150, 190)))
        if opened:
            stage.wall(x, 0.1, tall, a, a + wide, times(goods, lit * 0.8))
    if not opened:
        for y in np.arange(0.3, 2.7, 0.3):
            stage.wall(x, float(y), float(y) + 0.04, z0 + 0.35, z1 - 0.35, times(shutter, 0.85))
    sign = times(rng.choice(SIGNS), lit)
    sign_glow = times(sign, 0.55) if rng.random() < 0.7 and stage.weather.dark else None
    edge = x - side * 0.18
    stage.wall(edge, 2.8, 3.65, z0 + 0.2, z1 - 0.2, sign, sign_glow)
    ink = (225, 228, 228) if sum(sign) < 420 else (60, 50, 120)
    z = z0 + 0.7
    while z < z1 - 0.9:
        step = rng.uniform(0.2, 0.5)
        stage.wall(
            edge,
            3.05,
            3.05 + rng.uniform(0.24, 0.4),
            z,
            z + step,
            times(ink, 0.95),
            times(ink, 0.6) if sign_glow else None,
        )
        z += step + rng.uniform(0.1, 0.25)
    if rng.random() < 0.55:
        awning = times(rng.choice(AWNINGS), lit)
        far = x - side * rng.uniform(1.4, 2.2)
        stripes = 6 if rng.random() < 0.5 else 1
        for i in range(stripes):
            a, b = z0 + (z1 - z0) * i / stripes, z0 + (z1 - z0) * (i + 1) / stripes
            colour = awning if i % 2 == 0 else times((200, 204, 206), lit)
            stage.poly([(x, 2.85, a), (x, 2.85, b), (far, 2.35, b), (far, 2.35, a)], colour)
            stage.wall(far, 2.15, 2.35, a, b, times(colour, 0.8))


def tree(stage: Stage, x: float, z: float, tall: float) -> None:
    """A street tree: trunk, crown lit from above, shadow on the ground."""
    rng = stage.rng
    crown = tall * 0.3
    stage.mark(
        stage.shade,
        [
            (x - crown, 0, z - crown * 0.7),
            (x + crown, 0, z - crown * 0.7),
            (x + crown, 0, z + crown),
            (x - crown, 0, z + crown),
        ],
    )
    stage.line([(x, 0, z), (x + 0.1, tall * 0.65, z)], (66, 82, 96), 0.28)
    blobs = []
    near = z < 30.0
    for _ in range(150 if near else 46):
        a, b, c = rng.gauss(0, 0.5), rng.gauss(0, 0.36), rng.gauss(0, 0.4)
        blobs.append((c, x + a * crown, tall * 0.74 + b * crown, z + c))
    for c, bx, by, bz in sorted(blobs, reverse=True):
        height = (by - tall * 0.5) / (tall * 0.5)
        tone = 0.62 + 0.62 * max(0.0, min(1.0, height)) + rng.uniform(-0.1, 0.1) - 0.06 * c
        size = rng.uniform(0.07, 0.16) if near else rng.uniform(0.13, 0.24)
        stage.ball(bx, by, bz, crown * size, times(LEAVES, tone))


def pole_line(stage: Stage, side: int, x: float, distances: list[float], *, lamp: bool) -> None:
    """Concrete poles with cables between them; with `lamp` each carries a street lamp over the road."""
    rng, tops = stage.rng, []
    for z in sorted(distances, reverse=True):
        stage.line([(x, 0, z), (x, 8.6, z)], (138, 142, 144), 0.24)
        stage.line([(x - 0.9, 8.0, z), (x + 0.9, 8.0, z)], (110, 112, 114), 0.12)
        tops.append(z)
        if lamp:
            head = x - side * 2.4
            stage.line([(x, 8.3, z), (head, 8.9, z)], (128, 130, 132), 0.1)
            stage.ball(head, 8.85, z, 0.2, (206, 208, 206), (150, 226, 255))
            stage.lamps.append(((head, 8.8, z), 8.5, LAMP))
    for near, far in zip(tops[1:], tops, strict=False):
        for dx, dy in ((-0.8, 8.0), (0.0, 7.7), (0.8, 8.0), (0.05, 7.0), (0.1, 6.6)):
            sag = rng.uniform(0.4, 0.9)
            cable = []
            for i in range(7):
                t = i / 6
                cable.append((x + dx, dy - sag * 4 * t * (1 - t), near + (far - near) * t))
            stage.line(cable, (52, 52, 54), 0.035)


def flag(stage: Stage, x: float, y: float, z: float) -> None:
    """A red flag with a yellow star's spot, as along every main street."""
    stage.line([(x, y - 1.2, z), (x, y + 1.0, z)], (150, 150, 152), 0.06)
    stage.front(x, x + 1.3, y, y + 0.85, z, (52, 44, 186))
    stage.ball(x + 0.65, y + 0.43, z, 0.16, (60, 200, 226))


def grain(stage: Stage) -> None:
    """Grit on everything and blotches on the ground, so that nothing is plain."""
    top = round(stage.horizon_y * SS)
    noise = np.random.default_rng(stage.rng.getrandbits(32))
    tall, wide = HEIGHT * SS, WIDTH * SS
    fine = cv2.resize(noise.normal(1.0, 0.024, (tall // 2, wide // 2)).astype(np.float32), (wide, tall))
    broad = noise.normal(0.0, 0.045, ((tall - top) // 40, wide // 120)).astype(np.float32)
    blotches = cv2.resize(broad, (wide, tall - top), interpolation=cv2.INTER_CUBIC)
    fine[top:] += blotches * (cv2.max(stage.ground, stage.water)[top:] / np.float32(255.0))
    cv2.multiply(stage.albedo, cv2.merge([fine, fine, fine]), dst=stage.albedo, dtype=cv2.CV_8U)
