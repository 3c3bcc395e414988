"""A look at a decoded frame: its luma where it lies, whatever the format; the same scene in all of them."""

from __future__ import annotations

import av
import numpy as np
import pytest
from helpers.watching import (
    STEPS,
    Watch,
    both,
    film,
    shot,
    small,
)

from backends.city.scene_film import HEIGHT, WIDTH
from backends.domain.picture import PictureFlag
from backends.video.looks import COLUMNS, ROWS, luma_of, sample_of, view_of


@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv444p", "yuv420p10le", "p010le", "gray"])
def test_luma_is_read_where_it_lies(name: str) -> None:
    planes = film()[3]
    frame = shot(planes).reformat(format=name)
    found = luma_of(frame)
    assert found is not None
    luma, shift = found
    assert luma.shape == (HEIGHT, WIDTH)
    assert not luma.flags.owndata
    assert luma.ctypes.data == frame.planes[0].buffer_ptr
    expected = frame.reformat(format="gray").to_ndarray() if name == "yuvj420p" else planes[:HEIGHT]
    assert np.abs((luma >> shift).astype(int) - expected).max() <= (1 if name not in ("gray", "yuvj420p") else 255)
    sample = sample_of(frame)
    assert sample is not None
    assert np.array_equal(sample, (luma >> shift)[5::10, 5::10][:ROWS, :COLUMNS])


@pytest.mark.parametrize("name", ["yuyv422", "uyvy422", "rgb24", "bgr24", "bgra", "argb", "gbrp"])
def test_other_formats_show_the_same_scene(name: str) -> None:
    plain = both(shot(film()[3]))
    found = both(shot(film()[3]).reformat(format=name))
    assert np.corrcoef(plain[0].reshape(-1), found[0].reshape(-1))[0, 1] > 0.98
    assert np.corrcoef(plain[1].grey.reshape(-1), found[1].grey.reshape(-1))[0, 1] > 0.95


def test_pixels_that_a_source_has_drawn() -> None:
    bgra = shot(film()[3]).reformat(format="bgra").to_ndarray()
    sample, view = sample_of(bgra), view_of(bgra)
    assert sample is not None
    assert view is not None
    assert np.array_equal(sample, bgra[5::10, 5::10, 1][:ROWS, :COLUMNS])
    assert np.corrcoef(small(film()[3]).grey.reshape(-1), view.grey.reshape(-1))[0, 1] > 0.98


@pytest.mark.parametrize("name", ["yuv420p", "nv12", "yuv420p10le", "rgb24", "bgra"])
def test_a_picture_without_colours_is_known_as_such(name: str) -> None:
    planes = film()[3]
    faded = planes.copy()
    faded[HEIGHT:] = 128
    for material, colourless in ((planes, False), (faded, True)):
        view = view_of(shot(material).reformat(format=name))
        assert view is not None
        assert (view.colour < 1.5) is colourless


def test_too_small_or_unknown_gives_no_look() -> None:
    assert sample_of(np.zeros((20, 20, 4), np.uint8)) is None
    assert view_of(np.zeros((20, 20, 4), np.uint8)) is None
    unknown = av.VideoFrame(64, 64, "monow")
    assert sample_of(unknown) is None
    assert view_of(unknown) is None


def test_a_new_size_in_mid_stream_begins_anew() -> None:
    """The camera is set to another resolution, and back; and what cannot be looked at takes nothing away."""
    large = shot(film()[3])
    watch = Watch()
    for width in (640, 320, 1280, 640):
        frame = large.reformat(width=width, height=width * 9 // 16)
        for _ in range(6 * STEPS):
            watch.look(*both(frame))
        watch.look(None, None)
    assert not watch.seen
    assert PictureFlag.FROZEN not in watch.flags
