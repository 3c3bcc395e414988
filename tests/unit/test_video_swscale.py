"""swscale called directly: the same samples as FFmpeg's own way, right colours, no byte outside, no reference kept."""

from __future__ import annotations

import functools
import gc
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.filter
import cv2
import numpy as np
import numpy.typing as npt
import psutil
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from helpers.planes_rig import meant, numbers_of, planes, shown

from backends.video import swscale
from backends.video.planes import BT601, BT709, BT2020, GROUP, Colours, Planes
from backends.video.swscale import Converter, NoSwscale, bgra_of, kind_of

Image = npt.NDArray[np.uint8]
FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuv420p10le", "nv12", "p010le", "p016le", "gray"]


@functools.cache
def _rgb(width: int, height: int) -> Image:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([(x * 3 + y) % 256, (y * 2) % 256, (x + y * 3) % 256], axis=2)
    return np.clip(base + rng.integers(-9, 9, base.shape), 0, 255).astype(np.uint8)


def noise(width: int, height: int, pixel_format: str = "yuv420p") -> av.VideoFrame:
    """Smooth shapes with some noise, so that a shift by one pixel shows."""
    return av.VideoFrame.from_ndarray(_rgb(width, height), format="rgb24").reformat(format=pixel_format)


def draw(frame: av.VideoFrame | Image, box: tuple[int, int, int, int], target: Planes) -> Colours:
    converter = Converter(kind_of(frame), box, target.width, target.height)
    converter.draw(frame, target.pointers, target.strides)
    return converter.colours


def inside(target: Planes, wide: int = 0, height: int = 0) -> list[Image]:
    """The three planes without their gaps."""
    w, h = wide or target.width, height or target.height
    return [target.y[:h, :w], target.u[: h // 2, : w // 2], target.v[: h // 2, : w // 2]]


def by_pyav(frame: av.VideoFrame, width: int, height: int) -> list[Image]:
    """Averages of areas, range as it came."""
    name = frame.format.name.replace("yuvj", "yuv")
    full = ColorRange.JPEG if name != frame.format.name or name == "gray" else ColorRange.MPEG
    plain = VideoReformatter().reformat(
        frame, width, height, "yuv420p", interpolation=Interpolation.AREA, src_color_range=full, dst_color_range=full,
        threads=1,
    )  # fmt: skip
    rows = [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in plain.planes]
    return [row.copy() for row in rows]


def differ(found: list[Image], expected: list[Image]) -> int:
    """The largest difference in any plane."""
    return max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("size", [(480, 270), (640, 360), (96, 54), (478, 268), (1280, 720), (2, 2)])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_the_same_samples_as_pyav(pixel_format: str, size: tuple[int, int]) -> None:
    frame = noise(640, 360, pixel_format)
    target = planes(size[0], size[1] + 2, 77)
    converter = Converter(kind_of(frame), (0, 0, 640, 360), *size)
    converter.draw(frame, target.pointers, target.strides)
    assert differ(inside(target, converter.wide, size[1]), by_pyav(frame, converter.wide, size[1])) <= 1
    below = target.y[size[1] :], target.u[size[1] // 2 :], target.v[size[1] // 2 :]
    assert all((plane == 77).all() for plane in below), "below the picture"


def cropped(frame: av.VideoFrame, box: tuple[int, int, int, int]) -> av.VideoFrame:
    """By FFmpeg's own filter."""
    x, y, w, h = box
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    crop, sink = graph.add("crop", f"{w}:{h}:{x}:{y}:exact=1"), graph.add("buffersink")
    source.link_to(crop)
    crop.link_to(sink)
    graph.configure()
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    source.push(frame)
    found = sink.pull()
    assert isinstance(found, av.VideoFrame)
    return found


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("box", [(0, 0, 320, 180), (320, 180, 320, 180), (66, 34, 208, 120), (560, 320, 80, 40)])
@pytest.mark.parametrize("to", [(0, 0), (160, 90)])
def test_a_part_is_what_ffmpeg_crops(pixel_format: str, box: tuple[int, int, int, int], to: tuple[int, int]) -> None:
    """Scaled, and (0, 0): as large as it is."""
    frame = noise(640, 360, pixel_format)
    size = to if to != (0, 0) else box[2:]
    target = planes(*size)
    draw(frame, box, target)
    assert differ(inside(target), by_pyav(cropped(frame, box), *size)) <= 1


SAID = {
    (Colorspace.ITU601, ColorRange.MPEG): Colours(BT601),
    (Colorspace.ITU601, ColorRange.JPEG): Colours(BT601, full=True),
    (Colorspace.ITU709, ColorRange.MPEG): Colours(BT709),
    (Colorspace.ITU709, ColorRange.JPEG): Colours(BT709, full=True),
    (9, ColorRange.MPEG): Colours(BT2020),
}
RGB = ((255, 255, 255), (0, 0, 0), (128, 128, 128), (220, 30, 30), (30, 200, 40), (20, 40, 210), (200, 60, 30))


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv444p", "yuv420p10le"])
def test_a_known_colour_reaches_the_screen(pixel_format: str, said: tuple[Colorspace, ColorRange]) -> None:
    """From the samples that a camera sends for it to what is painted: three levels at most. Shrunk, and as it is."""
    colours = SAID[said]
    for rgb in RGB:
        plain = av.VideoFrame(128, 72, "yuv420p")
        for plane, number in zip(plain.planes, numbers_of(rgb, colours), strict=True):
            plane.update(bytes([number]) * plane.buffer_size)
        frame = plain if pixel_format == "yuv420p" else plain.reformat(format=pixel_format)
        frame.colorspace, frame.color_range = said
        for size in ((64, 36), (128, 72)):
            target = planes(*size)
            assert draw(frame, (0, 0, 128, 72), target) == colours
            seen = shown(target, colours).astype(int)
            assert np.abs(seen - rgb).max() <= 3, (rgb, size, seen[9, 9])


@pytest.mark.parametrize("colours", SAID.values())
def test_the_screen_shows_what_the_formulas_say(colours: Colours) -> None:
    """Every pixel of a picture with all levels; swscale reckons in few bits: three levels at most, one on average."""
    made = planes(480, 270)
    draw(noise(640, 360), (0, 0, 640, 360), made)
    off = np.abs(shown(made, colours) - meant(made, colours))
    assert off.max() <= 4
    assert off.mean() <= 1.2


def test_a_wrong_meaning_is_seen() -> None:
    """Negative control of the two above."""
    made = planes(64, 36)
    made.fill(*numbers_of((220, 30, 30), Colours(BT601)))
    for other in (Colours(BT709), Colours(BT601, full=True)):
        assert np.abs(shown(made, other).astype(int) - (220, 30, 30)).max() > 8


@pytest.mark.parametrize("rgb", RGB)
@pytest.mark.parametrize("size", [(64, 36), (128, 72), (300, 180)])
def test_what_a_source_has_drawn_keeps_its_colours(rgb: tuple[int, int, int], size: tuple[int, int]) -> None:
    """BGRA; and the same as a decoder of RGB gives it, which says nothing of matrix and range."""
    card = np.full((72, 128, 4), (*rgb[::-1], 255), np.uint8)
    target = planes(*size)
    colours = draw(card, (0, 0, 128, 72), target)
    assert colours.full
    assert np.abs(shown(target, colours).astype(int) - rgb).max() <= 3
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(card[:, :, 2::-1]), format="rgb24")
    assert draw(frame, (0, 0, 128, 72), target) == colours
    assert np.abs(shown(target, colours).astype(int) - rgb).max() <= 3


def test_a_part_of_what_a_source_has_drawn() -> None:
    card = np.zeros((72, 128, 4), np.uint8)
    card[36:, 64:] = 255
    target = planes(64, 36)
    draw(card, (64, 36, 64, 36), target)
    assert inside(target)[0].min() == 255


@pytest.mark.parametrize(("planar", "device"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le"), ("yuv444p", "nv24")])
@pytest.mark.parametrize("colours", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("box", [(0, 0, 640, 360), (66, 34, 200, 120)])
def test_what_a_device_gives_back_looks_the_same(
    planar: str, device: str, colours: ColorRange, box: tuple[int, int, int, int]
) -> None:
    """The same samples beside each other instead of in planes, in either range, whole and cropped."""
    frame = noise(640, 360, planar)
    found = []
    for one in (frame, frame.reformat(format=device)):
        one.colorspace, one.color_range = Colorspace.ITU709, colours
        target = planes(480, 270)
        draw(one, box, target)
        found.append(inside(target))
    assert differ(*found) <= 1


@pytest.mark.parametrize("width", [2, 10, 18, 20, 30, 110])
@pytest.mark.parametrize("x", [0, 100, 640])
def test_every_pixel_of_an_odd_width_is_drawn(width: int, x: int) -> None:
    """Not scaled; at the left, amid, and at the right edge of the picture; and made into colours."""
    frame = noise(640, 360)
    x = min(x, 640 - width)
    target = planes(width, 20, 77)
    draw(frame, (x, 40, width, 20), target)
    if x + width + GROUP <= 640:
        whole = by_pyav(frame, 640, 360)
        part = [whole[0][40:60, x : x + width], *(p[20:30, x // 2 : (x + width) // 2] for p in whole[1:])]
        assert differ(inside(target), part) == 0
    pixels = bgra_of(target, Colours())
    assert (pixels[:, :width, 3] == 255).all()
    assert np.abs(shown(target, Colours()) - meant(target, Colours())).max() <= 4


def test_the_largest_overrun_stays_within_a_group() -> None:
    """Of every even width: what is written beyond the picture is never beyond the next multiple of GROUP, where lines
    are mixed (else see SPILL)."""
    frame = noise(640, 360)
    for width in range(2, 700, 2):
        target = planes(width + 64, 8, 77)
        converter = Converter(kind_of(frame), (0, 0, 640, 360), width, 8)
        converter.draw(frame, target.pointers, target.strides)
        end = (width + GROUP - 1) // GROUP * GROUP
        assert converter.wide == end
        assert (target.y[:, end:] == 77).all(), width
        assert (target.u[:, end // 2 :] == 77).all(), width
        assert (target.v[:, end // 2 :] == 77).all(), width


def test_pictures_of_one_size_share_the_place_of_their_colours() -> None:
    """So that it stays in the caches: who keeps them copies them. Another size has its own."""
    swscale._screen.cache_clear()
    one, two, other = planes(64, 36, 40), planes(64, 36, 200), planes(96, 54, 90)
    pixels = bgra_of(one, Colours())
    kept = pixels.copy()
    bgra_of(other, Colours())
    assert np.array_equal(pixels, kept)
    assert bgra_of(two, Colours(BT709, full=True)) is pixels
    assert not np.array_equal(pixels, kept)


def test_many_sizes_come_and_go() -> None:
    """A tile that is dragged: each is right, also after those of before have been let go."""
    for width in range(64, 264, 2):
        made = planes(width, 36)
        made.fill(235)
        assert (bgra_of(made, Colours())[:, :width] >= 254).all()


def test_the_library_is_pyavs_own_where_opencv_brings_another() -> None:
    assert cv2.__version__, "loaded"
    held = {Path(mapped.path) for mapped in psutil.Process().memory_maps()}
    if not any(path.parent.name == "av.libs" for path in held):
        pytest.skip("PyAV is built against the system's FFmpeg here")
    for name in ("swscale", "avutil"):
        assert Path(swscale._library(name)._name).parent.name == "av.libs"


def test_a_frame_is_not_kept() -> None:
    frame = noise(64, 36)
    target = planes(64, 36)
    converter = Converter(kind_of(frame), (0, 0, 64, 36), 64, 36)
    before = sys.getrefcount(frame)
    for _ in range(3):
        converter.draw(frame, target.pointers, target.strides)
    gc.collect()
    assert sys.getrefcount(frame) == before


def test_a_new_kind_of_frame_needs_a_new_converter() -> None:
    kinds = {
        kind_of(noise(*size, pixel_format)) for size in ((64, 36), (32, 18)) for pixel_format in ("yuv420p", "nv12")
    }
    assert len(kinds) == 4


def test_packed_chroma_has_no_parts_and_is_said() -> None:
    frame = noise(64, 36).reformat(format="yuyv422")
    with pytest.raises(NoSwscale, match="yuyv422"):
        Converter(kind_of(frame), (2, 2, 32, 18), 32, 18)
    target = planes(64, 36)
    draw(frame, (0, 0, 64, 36), target)
    assert differ(inside(target), by_pyav(frame, 64, 36)) == 0


def test_of_more_sizes_than_are_kept_only_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall of several windows has many; and of a size that nobody paints any more no pixels are kept."""
    made: list[tuple[int, int, str]] = []
    context = swscale._Context

    def counted(source: tuple[int, int, str], *more: Any) -> Any:
        made.append(source)
        return context(source, *more)

    monkeypatch.setattr(swscale, "_Context", counted)
    swscale._screen.cache_clear()
    wall = [planes(2 * n, 18) for n in range(1, swscale._MOST_SCREENS + 1)]
    for one in (*wall, *wall):
        bgra_of(one, Colours())
    assert len(made) == len(wall)
    bgra_of(planes(640, 360), Colours())
    for one in wall[2:]:
        bgra_of(one, Colours())
    assert len(made) == len(wall) + 1
    swscale._screen.cache_clear()
    gc.collect()
    assert not list(swscale._rooms)
