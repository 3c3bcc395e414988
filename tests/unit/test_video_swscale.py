"""swscale called directly: the same pixels as FFmpeg's own way, no byte outside, no reference kept."""

from __future__ import annotations

import gc
import sys
from fractions import Fraction

import av
import av.filter
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from backends.video.swscale import GROUP, Converter, NoSwscale, kind_of

Image = npt.NDArray[np.uint8]
FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuv420p10le", "nv12", "p010le", "p016le",
           "gray", "rgb24", "bgra"]  # fmt: skip


def noise(width: int, height: int, pixel_format: str = "yuv420p", seed: int = 1) -> av.VideoFrame:
    """Smooth shapes with some noise, so that a shift by one pixel shows."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([(x * 3 + y) % 256, (y * 2) % 256, (x + y * 3) % 256], axis=2)
    rgb = np.clip(base + rng.integers(-9, 9, base.shape), 0, 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)


def room(width: int, height: int) -> tuple[Image, Image]:
    """(target, all of its memory): rows end in a gap, and a row stands below."""
    rows = np.full((height + 1, (width + GROUP - 1) // GROUP * GROUP, 4), 77, np.uint8)
    return rows[:height, :width], rows


def by_pyav(frame: av.VideoFrame, width: int, height: int) -> Image:
    plain = VideoReformatter().reformat(
        frame, width, height, "bgra", interpolation=Interpolation.FAST_BILINEAR, threads=1
    )
    return plain.to_ndarray()


@pytest.mark.parametrize("size", [(480, 270), (640, 360), (96, 54), (478, 268), (1280, 720), (2, 2)])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_the_same_pixels_as_pyav(pixel_format: str, size: tuple[int, int]) -> None:
    frame = noise(640, 360, pixel_format)
    target, rows = room(*size)
    Converter(frame, (0, 0, 640, 360), *size).draw(frame, target)
    wide = (size[0] + GROUP - 1) // GROUP * GROUP
    assert np.array_equal(target, by_pyav(frame, wide, size[1])[:, : size[0]])
    assert (rows[size[1]] == 77).all(), "below the picture"


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
@pytest.mark.parametrize("box", [(0, 0, 320, 180), (320, 180, 320, 180), (66, 34, 200, 120), (560, 320, 80, 40)])
@pytest.mark.parametrize("to", [(0, 0), (160, 90)])
def test_a_part_is_what_ffmpeg_crops(pixel_format: str, box: tuple[int, int, int, int], to: tuple[int, int]) -> None:
    """Scaled, and (0, 0): as large as it is."""
    frame = noise(640, 360, pixel_format)
    size = to if to != (0, 0) else box[2:]
    target, _ = room(*size)
    Converter(frame, box, *size).draw(frame, target)
    assert np.array_equal(target, by_pyav(cropped(frame, box), *size))


def test_what_the_stream_says_of_its_colours_counts() -> None:
    """The same YUV in 601 and 709, limited and full, is four different pictures; each as PyAV makes it."""
    frame = noise(640, 360)
    seen = set()
    for space in (Colorspace.ITU601, Colorspace.ITU709):
        for colours in (ColorRange.MPEG, ColorRange.JPEG):
            frame.colorspace, frame.color_range = space, colours
            target, _ = room(640, 360)
            Converter(frame, (0, 0, 640, 360), 640, 360).draw(frame, target)
            expected = VideoReformatter().reformat(
                frame, 640, 360, "bgra", src_colorspace=space, dst_colorspace=space, src_color_range=colours,
                dst_color_range=ColorRange.JPEG, interpolation=Interpolation.FAST_BILINEAR, threads=1,
            ).to_ndarray()  # fmt: skip
            assert np.abs(target.astype(int) - expected).max() <= 3, (space, colours)
            seen.add(target.tobytes())
    assert len(seen) == 4


@pytest.mark.parametrize(("planes", "device"), [("yuv420p", "nv12"), ("yuv420p10le", "p010le"), ("yuv444p", "nv24")])
@pytest.mark.parametrize("colours", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("box", [(0, 0, 640, 360), (66, 34, 200, 120)])
def test_what_a_device_gives_back_looks_the_same(
    planes: str, device: str, colours: ColorRange, box: tuple[int, int, int, int]
) -> None:
    """The same samples beside each other instead of in planes, in either range, whole and cropped."""
    frame = noise(640, 360, planes)
    moved = frame.reformat(format=device)
    found = []
    for one in (frame, moved):
        one.colorspace, one.color_range = Colorspace.ITU709, colours
        target, _ = room(480, 270)
        Converter(one, box, 480, 270).draw(one, target)
        found.append(target.astype(int))
    assert np.abs(found[0] - found[1]).max() <= 2


@pytest.mark.parametrize("width", [2, 10, 18, 20, 30, 110])
@pytest.mark.parametrize("x", [0, 100, 640])
def test_every_pixel_of_an_odd_width_is_drawn(width: int, x: int) -> None:
    """Not scaled; at the left, amid, and at the right edge of the picture. swscale alone leaves the last ones out."""
    frame = noise(640, 360)
    x = min(x, 640 - width)
    target, rows = room(width, 20)
    Converter(frame, (x, 40, width, 20), width, 20).draw(frame, target)
    assert (rows[:20, :, 3] == 255).all(), "77 was there before"
    if x + width + GROUP <= 640:
        assert np.abs(target.astype(int) - by_pyav(frame, 640, 360)[40:60, x : x + width]).mean() < 2.0


def test_the_largest_overrun_stays_within_a_group() -> None:
    """Of every even width: what is written beyond the picture is never beyond the next multiple of GROUP."""
    frame = noise(640, 360)
    for width in range(2, 700, 2):
        rows = np.full((8, width + 64, 4), 77, np.uint8)
        Converter(frame, (0, 0, 640, 360), width, 8).draw(frame, rows[:, :width])
        end = (width + GROUP - 1) // GROUP * GROUP
        assert (rows[:, end:] == 77).all(), width


def test_a_frame_is_not_kept() -> None:
    frame = noise(64, 36)
    converter = Converter(frame, (0, 0, 64, 36), 64, 36)
    before = sys.getrefcount(frame)
    target, _ = room(64, 36)
    for _ in range(3):
        converter.draw(frame, target)
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
        Converter(frame, (2, 2, 32, 18), 32, 18)
    target, _ = room(64, 36)
    Converter(frame, (0, 0, 64, 36), 64, 36).draw(frame, target)
    assert np.array_equal(target, by_pyav(frame, 64, 36))
