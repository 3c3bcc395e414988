"""From a painted place to a clip: moving things, rain, water, sensor noise, the label, the encoder.

Frames are made as YUV planes from the start: the still background is copied, what moves is laid over it.
Every motion has a period that divides the loop, so the last frame joins the first.
"""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from backends.city import scene_sprites as sprites
from backends.city.scene_lanes import Lane, Place
from backends.city.scene_places import paint
from backends.city.scene_stage import HEIGHT, WEATHERS, WIDTH, Image, Weather

FPS = 25
LOOP_S = 30
FRAMES = FPS * LOOP_S
KEY_EVERY = 2 * FPS
STRIP = 22
"""Height of the label along the upper edge, pixels."""
_ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "ultrafast", "crf": "29", "tune": "zerolatency", "sc_threshold": "0"}),
    ("libopenh264", {"allow_skip_frames": "0"}),
    ("mpeg4", {}),
)
"""First one that is there; all without B-frames. PyAV's wheels bring x264; a build without it may have the others."""
_BIT_RATE = 500_000
_RAIN_LAYERS, _WAVE_LAYERS, _WAVE_HOLD = 15, 25, 3
_FIGURES = 5
"""Different cars, riders, walkers of a kind in one scene."""
_WALK = (0, 1, 2, 3, 2, 1)
_HALT_S = ((6.0, 8.6), (19.4, 22.0))
"""When a halting camera gives no pictures."""


@dataclass(frozen=True)
class _Figure:
    """How a thing looks; several movers share one, so that each size is scaled once."""

    drawings: list[sprites.Drawing]
    """One, or the four steps of a walk, gone through there and back."""
    laid: dict[tuple[int, int], sprites.Laid]
    """What was scaled already: (step, size) -> planes."""


@dataclass(frozen=True)
class _Mover:
    """One thing on its way."""

    lane: Lane
    phase: float
    sway: float
    figure: _Figure
    towards: bool

    def place(self, t: float) -> float:
        """Where it is at loop share t: x or z in metres."""
        share = (self.phase + self.lane.laps * t) % 1.0
        return self.lane.begin + (self.lane.end - self.lane.begin) * share


class Film:
    """Makes the frames of one clip, in any order."""

    def __init__(self, number: str, name: str, kind: str, weather: str) -> None:
        """Raises KeyError for an unknown weather."""
        self._weather: Weather = WEATHERS[weather]
        self._name = f"film {number} {kind}"
        self._place: Place = paint(number, kind, self._weather)
        self._stage = self._place.stage
        picture = self._stage.finish()
        _strip_background(picture, f"{number} · {name}")
        self._planes = _nv12(picture)
        # Room for the noise, which is only ever added.
        self._planes[:HEIGHT] = cv2.subtract(self._planes[:HEIGHT], round(2 * self._weather.noise))
        self._frame = np.empty_like(self._planes)
        self._y = self._frame[:HEIGHT]
        self._uv = self._frame[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2)
        lift = 1.45 if self._weather.dark else 1.0
        ambient = self._weather.ambient
        self._light = (min(1.0, ambient[0] * lift), min(1.0, ambient[1] * lift), min(1.0, ambient[2] * lift))
        self._movers = self._people_the_place()
        self._noise = _noise_pool(self._weather.noise)
        self._rain = _rain_pool() if self._weather.rain else []
        self._waves, self._wave_top = self._make_waves()
        self._clock = _clock_pool()

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        """Frame `index` as NV12 planes, 540 x 640. The array is used again by the next call."""
        t = index / FRAMES
        np.copyto(self._frame, self._planes)
        if self._waves:
            wave = self._waves[index // _WAVE_HOLD % _WAVE_LAYERS]
            self._y[self._wave_top : self._wave_top + wave.shape[0]] = wave
        depth = []
        for mover in self._movers:
            where = mover.place(t)
            depth.append((mover.lane.at if mover.lane.crossing else where, where, mover))
        depth.sort(key=lambda d: -d[0])
        for _, where, mover in depth:
            self._lay(mover, where, index)
        if self._rain:
            cv2.add(self._y, self._rain[index // 2 % _RAIN_LAYERS], dst=self._y)
        cv2.add(self._y, self._noise[index // 2 * 5 % len(self._noise)], dst=self._y)
        clock = self._clock[index // FPS % LOOP_S]
        self._y[3 : 3 + clock.shape[0], WIDTH - 8 - clock.shape[1] : WIDTH - 8] = clock
        return self._frame

    def _people_the_place(self) -> list[_Mover]:
        movers: list[_Mover] = []
        figures: dict[tuple[str, bool, bool, int], _Figure] = {}
        night = self._weather.name in ("night", "rain-night", "flood-night")
        for lane_no, lane in enumerate(self._place.lanes):
            rng = random.Random(f"{self._name} {lane_no}")
            count = lane.count
            if night or self._weather.flood:
                count = max(1, count // 2) if lane.kind != "drift" else count
            if self._weather.flood and lane.kind in ("vehicles", "people") and lane.y < 1.0:
                count = min(count, 1)
            towards = lane.end > lane.begin if lane.crossing else lane.end < lane.begin
            offset = rng.random()
            for i in range(count):
                phase = offset + (i + rng.uniform(-0.28, 0.28)) / count
                key = (lane.kind, lane.crossing, towards, rng.randrange(_FIGURES))
                if key not in figures:
                    figures[key] = self._figure(*key)
                movers.append(_Mover(lane, phase, rng.uniform(0.15, 0.4), figures[key], towards))
        return movers

    def _figure(self, kind: str, crossing: bool, towards: bool, variant: int) -> _Figure:
        rng = random.Random(f"{self._name} {kind} {crossing} {towards} {variant}")
        sheets = (sprites.SIDE_ON if crossing else sprites.END_ON)[kind](rng, towards)
        return _Figure([sprites.Drawing(sheet) for sheet in sheets], {})

    def _lay(self, mover: _Mover, where: float, index: int) -> None:
        lane, stage = mover.lane, self._stage
        z = lane.at if lane.crossing else where
        x = (
            where
            if lane.crossing
            else lane.at + mover.sway * math.sin(2 * math.pi * (2 * index / FRAMES + mover.phase))
        )
        scale = stage.scale(z)
        px, py = stage.screen(x, lane.y, z)
        if lane.crossing and not self._place.clip_x[0] <= px <= self._place.clip_x[1]:
            return
        laid = self._sized(mover, _WALK[index // 5 % len(_WALK)] if len(mover.figure.drawings) > 1 else 0, scale)
        tall, wide = laid.y.shape
        wading = self._weather.flood and lane.kind not in ("drift", "boats") and lane.y < 1.0
        sink = round(0.35 * scale) // 2 * 2 if wading else 0
        left, top = round((px - wide / 2) / 2) * 2, round((py - tall + 0.1 * scale) / 2) * 2
        self._paste(laid, left, top + sink, tall - sink)
        if self._weather.dark and lane.kind in ("vehicles", "bikes"):
            self._headlights(mover, px, py, scale)

    def _sized(self, mover: _Mover, step: int, scale: float) -> sprites.Laid:
        """The drawing at the nearest size of a ladder with rungs 6% apart."""
        rung = round(math.log(scale) / 0.06)
        found = mover.figure.laid.get((step, rung))
        if found is None:
            size = math.exp(rung * 0.06)
            share = 1.0 - math.exp(-self._stage.scale(1.0) * 3.0 / size / self._weather.haze_m)
            found = mover.figure.drawings[step].lay(size, self._light, self._weather.horizon, share)
            mover.figure.laid[step, rung] = found
        return found

    def _paste(self, laid: sprites.Laid, left: int, top: int, tall: int) -> None:
        """Lay the upper `tall` rows of a sprite into the frame, cut at the picture's edges."""
        wide = laid.y.shape[1]
        x0, x1 = max(0, left), min(WIDTH, left + wide)
        y0, y1 = max(STRIP, top), min(HEIGHT, top + tall)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        a, b = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        _blend(self._y[y0:y1, x0:x1], laid.y[a, b], laid.keep_y[a, b])
        a, b = slice((y0 - top) // 2, (y1 - top) // 2), slice((x0 - left) // 2, (x1 - left) // 2)
        rows, columns = slice(y0 // 2, y0 // 2 + a.stop - a.start), slice(x0 // 2, x0 // 2 + b.stop - b.start)
        _blend(self._uv[rows, columns], laid.uv[a, b], laid.keep_uv[a, b])

    def _headlights(self, mover: _Mover, px: float, py: float, scale: float) -> None:
        """Light that comes towards us, or the red of what goes away."""
        lane = mover.lane
        pair = 0.66 if lane.kind == "vehicles" else 0.0
        if lane.crossing:
            ahead = 1.0 if mover.towards else -1.0
            reach = 2.1 if lane.kind == "vehicles" else 0.7
            spots = [(px + ahead * reach * scale, py - 0.7 * scale)]
        else:
            spots = [(px - pair * scale, py - 0.78 * scale), (px + pair * scale, py - 0.78 * scale)][: 2 if pair else 1]
        white = mover.towards or lane.crossing
        size = max(4, min(40, round((1.5 if white else 0.8) * scale)))
        glow = _glow(size, white)
        for x, y in spots:
            left, top = round(x - glow.shape[1] / 2), round(y - glow.shape[0] / 2)
            x0, x1 = max(0, left), min(WIDTH, left + glow.shape[1])
            y0, y1 = max(STRIP, top), min(HEIGHT, top + glow.shape[0])
            if x1 <= x0 or y1 <= y0:
                continue
            part = self._y[y0:y1, x0:x1]
            cv2.add(part, glow[y0 - top : y1 - top, x0 - left : x1 - left], dst=part)
            if not white:
                tint = _glow(max(2, size // 3), True)
                left, top = round(x / 2 - tint.shape[1] / 2), round(y / 2 - tint.shape[0] / 2)
                x0, x1 = max(0, left), min(WIDTH // 2, left + tint.shape[1])
                y0, y1 = max(STRIP // 2, top), min(HEIGHT // 2, top + tint.shape[0])
                if x1 > x0 and y1 > y0:
                    red = self._uv[y0:y1, x0:x1, 1]
                    red += np.minimum(tint[y0 - top : y1 - top, x0 - left : x1 - left] // 3, 255 - red)

    def _make_waves(self) -> tuple[list[Image], int]:
        """Luma of the rows with open (or flood) water, for every phase of the waves."""
        weather, stage = self._weather, self._stage
        mask = stage.wet_ground() if weather.flood else cv2.subtract(stage.water, stage.solid)
        small = cv2.resize(mask, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        rows = np.flatnonzero(small.max(axis=1) > 8)
        if not len(rows):
            return [], 0
        top = max(int(rows[0]), STRIP)
        y = np.arange(top, HEIGHT, dtype=np.float32)[:, None]
        x = np.arange(WIDTH, dtype=np.float32)[None, :]
        near = (y - stage.horizon_y + 2.0) / (HEIGHT - stage.horizon_y)
        # Rows crowd together towards the horizon: waves are even in 1/row, as on a real plane.
        across, along = x / (18.0 + 60.0 * near), 26.0 / (near + 0.06)
        weight = small[top:].astype(np.float32) / 255.0 * (2.2 + 3.2 * near)
        still = self._planes[top:HEIGHT].astype(np.float32)
        layers = []
        for k in range(_WAVE_LAYERS):
            turn = 2 * math.pi * k / _WAVE_LAYERS
            swell = np.sin(along + 2.2 * across + turn) + 0.7 * np.sin(1.7 * along - 3.1 * across - 2 * turn)
            swell += 0.5 * np.sin(3.3 * along + 5.3 * across + 3 * turn)
            layers.append(np.clip(still + weight * swell, 0, 255).astype(np.uint8))
        return layers, top


def _nv12(picture: Image) -> Image:
    """BGR -> NV12 planes."""
    i420 = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = i420[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2).transpose(1, 2, 0).reshape(HEIGHT // 2, WIDTH)
    return np.ascontiguousarray(np.vstack([i420[:HEIGHT], chroma]))


def _blend(target: Image, added: Image, keep: Image) -> None:
    cv2.multiply(target, keep, dst=target, scale=1 / 255.0)
    cv2.add(target, added, dst=target)


@functools.cache
def _glow(size: int, white: bool) -> Image:
    axis = np.linspace(-1.0, 1.0, size * 2 + 1, dtype=np.float32)
    distance = np.sqrt(axis[None, :] ** 2 + axis[:, None] ** 2)
    core = np.clip(1.0 - distance, 0.0, 1.0)
    result: Image = np.clip((core**3 * 210 + core * 34) * (1.0 if white else 0.45), 0, 255).astype(np.uint8)
    return result


@functools.cache
def _noise_pool(level: float) -> list[Image]:
    """A few frames of sensor noise, around twice the level, only ever positive."""
    rng = np.random.default_rng(round(level * 10))
    pool = []
    for _ in range(6):
        tile = rng.normal(2 * level, level, (HEIGHT, WIDTH)).astype(np.float32)
        pool.append(np.clip(cv2.GaussianBlur(tile, (0, 0), 0.6), 0, 255).astype(np.uint8))
    return pool


@functools.cache
def _rain_pool() -> list[Image]:
    rng = random.Random("rain")
    pool = []
    for _ in range(_RAIN_LAYERS):
        layer: Image = np.zeros((HEIGHT, WIDTH), np.uint8)
        for _ in range(170):
            x, y = rng.randrange(-20, WIDTH), rng.randrange(-40, HEIGHT)
            long = rng.randrange(9, 30)
            cv2.line(layer, (x, y), (x + long // 6, y + long), rng.randrange(16, 46), 1, cv2.LINE_AA)
        pool.append(layer)
    return pool


@functools.cache
def _font(size: int) -> Any:
    """The screen's own family, from the dependency that brings it."""
    from PIL import ImageFont

    path = files("fontpkg_be_vietnam_pro") / "files" / "BeVietnamPro-SemiBold.ttf"
    return ImageFont.truetype(str(path), size)


def _written(text: str, size: int) -> Image:
    """White letters on black, with what room they need."""
    from PIL import Image as PilImage
    from PIL import ImageDraw

    font = _font(size)
    width = math.ceil(font.getlength(text)) + 2
    sheet = PilImage.new("L", (width, size + 5), 0)
    ImageDraw.Draw(sheet).text((1, size + 1), text, font=font, fill=255, anchor="ls")
    return np.asarray(sheet, np.uint8)


def _strip_background(picture: Image, label: str) -> None:
    """Darken the upper edge and write the camera's number and name there."""
    strip = picture[:STRIP]
    picture[:STRIP] = (strip * np.float32(0.32)).astype(np.uint8)
    written = _written(label, 13)[:, : WIDTH - 130]
    area = picture[2 : 2 + written.shape[0], 8 : 8 + written.shape[1]]
    letters = written[:, :, None].astype(np.float32) / 255.0
    area[:] = (area + (226.0 - area) * letters).astype(np.uint8)


@functools.cache
def _clock_pool() -> list[Image]:
    """The position in the loop, "00:12/00:30": a running clock in a loop would lie."""
    pool = []
    for second in range(LOOP_S):
        written = _written(f"{second // 60:02d}:{second % 60:02d}/{LOOP_S // 60:02d}:{LOOP_S % 60:02d}", 13)
        pool.append((34 + written.astype(np.float32) * 0.75).astype(np.uint8))
    widest = max(p.shape[1] for p in pool)
    return [np.pad(p, ((0, 0), (widest - p.shape[1], 0)), constant_values=34) for p in pool]


def encode(path: Path, film: Film, *, halting: bool = False) -> str:
    """Write the loop to `path` (MPEG-4 container, H.264 where an encoder is there). Returns the encoder's name.

    `halting` leaves out the frames of some seconds, as a camera on a bad link does. Raises OSError or
    av.FFmpegError when the file cannot be written, RuntimeError when there is no encoder at all.
    """
    import av

    for name, options in _ENCODERS:
        try:
            av.codec.Codec(name, "w")
        except av.codec.codec.UnknownCodecError:
            continue
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream: Any = container.add_stream(name, rate=FPS, options=options)
            stream.width, stream.height = WIDTH, HEIGHT
            # x264 takes NV12 as it is; every decoder sees 4:2:0 either way.
            stream.pix_fmt = "nv12" if name == "libx264" else "yuv420p"
            stream.time_base = Fraction(1, FPS)
            stream.codec_context.gop_size = KEY_EVERY
            stream.codec_context.max_b_frames = 0
            stream.codec_context.thread_count = 1
            if name != "libx264":
                stream.codec_context.bit_rate = _BIT_RATE
            for index in range(FRAMES):
                if halting and any(a <= index / FPS < b for a, b in _HALT_S):
                    continue
                picture = av.VideoFrame.from_ndarray(film.frame(index), format="nv12")
                if stream.pix_fmt != "nv12":
                    picture = picture.reformat(format=stream.pix_fmt)
                picture.pts, picture.time_base = index, Fraction(1, FPS)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return name
    raise RuntimeError("PyAV brings no encoder for the demo's clips")


def still(number: str, name: str, kind: str, weather: str, at_s: float = 12.0) -> Image:
    """One picture of a clip, BGR, for looking at."""
    film = Film(number, name, kind, weather)
    return np.asarray(cv2.cvtColor(film.frame(round(at_s * FPS) % FRAMES), cv2.COLOR_YUV2BGR_NV12), np.uint8)


def encode_still(picture: Image) -> bytes:
    """JPEG. Raises OSError when it cannot be made."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise OSError("the picture cannot be written as JPEG")
    return bytes(data)
