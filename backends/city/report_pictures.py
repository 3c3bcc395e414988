"""Pictures of the simulated city's reports: drawn, flat and small, one scene as it was found and the same put right.

A picture belongs to a category and a variant, not to a report: some twenty different ones, drawn when they are first
named, some milliseconds each, by numpy alone: the hub's process must not load what decodes video. PNG, which is what
can be written without such help. The same bytes on one machine always; another zlib may pack them otherwise, and then
they have other names.
"""

from __future__ import annotations

import functools
import hashlib
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 480, 360
VARIANTS = 1
"""Of each category: a hub that starts draws them all, some 0.1 s of a core."""
SHARE = 0.35
"""Of the reports that do not speak of a picture: so many have one."""
_ROAD, _KERB, _WALK = 200, 190, 150
"""Where road, kerb and pavement begin, from above."""

Canvas = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH]


def _box(c: Canvas, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
    c[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = colour


def _window(x0: int, y0: int, x1: int, y1: int) -> tuple[slice, slice]:
    """Rows and columns of the canvas, as far as there are any."""
    return slice(max(0, y0), max(0, min(HEIGHT, y1))), slice(max(0, x0), max(0, min(WIDTH, x1)))


def _disc(c: Canvas, x: int, y: int, rx: int, ry: int, colour: Colour) -> None:
    part = _window(x - rx, y - ry, x + rx + 1, y + ry + 1)
    yy, xx = _Y[part], _X[part]
    c[part][((xx - x) / rx) ** 2 + ((yy - y) / ry) ** 2 <= 1] = colour


def _beam(c: Canvas, x0: int, y0: int, x1: int, y1: int, thick: int, colour: Colour) -> None:
    part = _window(min(x0, x1) - thick, min(y0, y1) - thick, max(x0, x1) + thick, max(y0, y1) + thick)
    yy, xx = _Y[part], _X[part]
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((xx - x0) * dx + (yy - y0) * dy) / max(1, dx * dx + dy * dy), 0, 1)
    c[part][(xx - x0 - along * dx) ** 2 + (yy - y0 - along * dy) ** 2 <= (thick / 2) ** 2] = colour


def _street(rng: random.Random, *, night: bool = False) -> Canvas:
    c = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    c[:] = (38, 44, 62) if night else (186, 204, 220)
    x = 0
    while x < WIDTH:
        wide, high = rng.randrange(60, 120), rng.randrange(60, 130)
        tone = rng.randrange(40, 70) if night else rng.randrange(140, 215)
        _box(c, x, _WALK - high, x + wide - 3, _WALK, (tone, tone - 8, tone - 20))
        for window in range(x + 10, x + wide - 24, 26):
            glass = (210, 190, 110) if night and rng.random() < 0.3 else (70, 84, 100)
            _box(c, window, _WALK - high + 14, window + 14, _WALK - high + 34, glass)
        x += wide
    dark = 0.45 if night else 1.0

    def shade(tone: int) -> Colour:
        tone = int(tone * dark)
        return tone, tone, tone

    _box(c, 0, _WALK, WIDTH, _KERB, shade(176))
    _box(c, 0, _KERB, WIDTH, _ROAD, shade(214))
    _box(c, 0, _ROAD, WIDTH, HEIGHT, shade(96))
    for mark in range(rng.randrange(40), WIDTH, 90):
        _box(c, mark, 282, mark + 46, 288, shade(225))
    return c


def _lighting(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng, night=True)
    x = rng.randrange(120, 330)
    if right:
        for reach, tone in ((150, 96), (100, 124), (56, 168)):
            cone = (np.abs(_X - x - 40) < (_Y - 60) * reach / 260) & (_Y > 60)
            c[cone] = np.maximum(c[cone], (tone, tone - 12, tone - 50))
    _beam(c, x, 40, x, _ROAD, 7, (120, 124, 130))
    _beam(c, x, 42, x + 44, 50, 6, (120, 124, 130))
    _disc(c, x + 44, 54, 14, 7, (255, 236, 170) if right else (50, 52, 58))
    return c


def _tree(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    x = rng.randrange(60, 130)
    _beam(c, x, _KERB, x, 150 if right else 172, 18, (104, 76, 50))
    if not right:
        _beam(c, x, 176, x + 230, 292, 18, (104, 76, 50))
        for n in range(14):
            leaf = (48 + n * 2, 112 + rng.randrange(26), 52)
            _disc(c, x + 130 + rng.randrange(150), 230 + rng.randrange(80), 34, 24, leaf)
    return c


def _wet(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    if not right:
        top = rng.randrange(176, 196)
        c[top:] = (c[top:] * 0.25 + np.array((112, 104, 84)) * 0.75).astype(np.uint8)
        for _ in range(22):
            x, y = rng.randrange(WIDTH), rng.randrange(top + 8, HEIGHT)
            _beam(c, x, y, x + rng.randrange(20, 60), y, 3, (150, 146, 126))
    for x in range(80, WIDTH, 170):
        _disc(c, x, 204, 20, 6, (40, 40, 44) if right else (90, 84, 66))
    return c


def _waste(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    x = rng.randrange(120, 260)
    if right:
        _box(c, x + 20, 146, x + 66, 196, (46, 112, 70))
        _box(c, x + 16, 140, x + 70, 150, (36, 92, 58))
    else:
        bags = ((44, 46, 52), (196, 66, 58), (60, 110, 168), (222, 214, 198), (80, 84, 40))
        for _ in range(26):
            _disc(c, x + rng.randrange(-40, 130), 176 + rng.randrange(60), rng.randrange(12, 26), 15, rng.choice(bags))
    return c


def _vehicle(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    if not right:
        x = rng.randrange(110, 200)
        _box(c, x, 150, x + 150, 262, (206, 210, 214))
        _box(c, x + 154, 182, x + 206, 262, (46, 92, 158))
        _box(c, x + 176, 192, x + 202, 220, (150, 186, 208))
        for wheel in (x + 34, x + 116, x + 180):
            _disc(c, wheel, 264, 17, 17, (30, 30, 32))
    return c


def _stalls(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    if not right:
        for n, colour in enumerate(((206, 62, 56), (58, 118, 176), (226, 186, 64))):
            x = 70 + n * 130 + rng.randrange(30)
            _beam(c, x, 110, x, 206, 5, (90, 90, 92))
            _disc(c, x, 118, 52, 20, colour)
            _box(c, x - 40, 180, x + 40, 212, (150, 110, 70))
    return c


def _pipe(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    x = rng.randrange(150, 320)
    if right:
        _box(c, x - 46, 226, x + 46, 262, (74, 74, 78))  # the patch
    else:
        _disc(c, x, 262, 130, 46, (120, 152, 172))
        for n in range(9):
            _beam(c, x, 250, x + (n - 4) * 16, 170 + abs(n - 4) * 12, 5, (200, 222, 234))
    return c


def _hole(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    x, y = rng.randrange(140, 330), rng.randrange(240, 290)
    if right:
        _box(c, x - 74, y - 30, x + 74, y + 30, (62, 62, 66))
    else:
        _disc(c, x, y, 78, 34, (128, 122, 112))
        _disc(c, x + 4, y + 5, 62, 25, (44, 42, 40))
    return c


def _smoke(rng: random.Random, *, right: bool) -> Canvas:
    c = _street(rng)
    x = rng.randrange(160, 300)
    _disc(c, x, 212, 46, 12, (52, 48, 44))
    if not right:
        _disc(c, x, 202, 26, 16, (232, 120, 40))
        for n in range(8):
            grey = 120 + n * 9
            _disc(c, x + rng.randrange(-14, 40), 184 - n * 22, 22 + n * 6, 18 + n * 3, (grey, grey, grey))
    return c


_DRAW: dict[str, Callable[..., Canvas]] = {
    "lighting": _lighting, "tree": _tree, "drainage": _wet, "flood": _wet, "waste": _waste, "traffic": _vehicle,
    "order": _stalls, "water": _pipe, "power": _lighting, "road": _hole, "pollution": _smoke,
}  # fmt: skip
"""Of the other categories nobody takes pictures."""


def _png(c: Canvas) -> bytes:
    """RGB, eight bits, every row filtered by the one above it (ISO/IEC 15948): flat areas become runs of zeros."""
    rows = np.zeros((HEIGHT, 1 + WIDTH * 3), np.uint8)
    flat = c.reshape(HEIGHT, WIDTH * 3)
    rows[:, 0] = 2
    rows[0, 1:] = flat[0]
    rows[1:, 1:] = flat[1:] - flat[:-1]

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    packed = zlib.compress(rows.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


_drawn: dict[str, bytes] = {}
"""By SHA-256: what was named."""


@functools.cache
def _named(category: str, variant: int, *, right: bool) -> str:
    """SHA-256 of that picture, which is there from now on."""
    data = _png(_DRAW[category](random.Random(f"{category} {variant}"), right=right))
    name = hashlib.sha256(data).hexdigest()
    _drawn[name] = data
    return name


def _variant(category: str, received_ns: int) -> int | None:
    """Which picture came with a report; None: it has none. A generator of its own: others' numbers stay what they
    are."""
    rng = random.Random(f"{category} {received_ns} picture")
    return rng.randrange(VARIANTS) if category in _DRAW and rng.random() < SHARE else None


def before(category: str, received_ns: int, *, spoken_of: bool) -> tuple[str, ...]:
    """SHA-256 of what came with a report; `spoken_of`: its words say that there is one."""
    variant = _variant(category, received_ns)
    if variant is None and spoken_of and category in _DRAW:
        variant = 0
    return () if variant is None else (_named(category, variant, right=False),)


def after(category: str, shown_before: tuple[str, ...]) -> tuple[str, ...]:
    """SHA-256 of the result's picture: where there was one before, the same place put right."""
    for variant in range(VARIANTS) if shown_before and category in _DRAW else ():
        if shown_before == (_named(category, variant, right=False),):
            return (_named(category, variant, right=True),)
    return ()


def picture(name: str) -> bytes | None:
    """A PNG that was named by `before` or `after`; None: there is none."""
    return _drawn.get(name)
