"""Plan, back-off, gate, segments, scaling and the registry of sources: each alone."""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from helpers.planes_rig import planes, shown

from backends.domain.camera import Demand
from backends.video import scaling, segment
from backends.video.backoff import GOOD_S, Backoff, OpeningGate
from backends.video.packets import padded
from backends.video.plan import MAX_SIZES, StreamKey, outputs_for, spread
from backends.video.planes import Planes, bytes_of
from backends.video.reading import fault_of, with_credentials
from backends.video.scaling import Scaler, fit
from backends.video.source import Address, NotASource, Refused, SourceFault, spec_of, specs
from backends.video.sources.file import path_of
from backends.video.swscale import NoSwscale
from backends.video.wire import StreamOrder


def demand(width: int, height: int, camera: str = "c1", uri: str = "file:a", **more: object) -> Demand:
    return Demand(camera, uri, width, height, **more)  # type: ignore[arg-type]


def test_equal_sizes_share_one_output() -> None:
    plan = outputs_for([demand(480, 270), demand(480, 270), demand(480, 270, "c2")])
    assert len(set(plan.values())) == 2


def test_at_most_three_sizes_and_the_rest_from_the_next_larger() -> None:
    sizes = [(960, 540), (640, 360), (480, 270), (320, 180), (160, 90)]
    plan = outputs_for([demand(*size) for size in sizes])
    assert len(set(plan.values())) == MAX_SIZES
    assert (plan[demand(160, 90)].width, plan[demand(160, 90)].height) == (480, 270)
    assert plan[demand(960, 540)].width == 960


def test_a_size_that_no_kept_output_covers_takes_the_largest() -> None:
    plan = outputs_for([demand(1000, 1000), demand(900, 900), demand(800, 800), demand(100, 2000)])
    assert plan[demand(100, 2000)].width == 1000


def test_outputs_have_even_sides_and_a_crop_is_another_output() -> None:
    plan = outputs_for([demand(481, 271), demand(481, 271, crop=(0.0, 0.0, 0.5, 0.5))])
    assert {(key.width, key.height) for key in plan.values()} == {(482, 272)}
    assert len(set(plan.values())) == 2


def test_streams_are_spread_and_stay_where_they_are() -> None:
    streams = [StreamKey(f"c{i}", "u") for i in range(7)]
    placed = spread(streams, 3, {})
    assert sorted(list(placed.values()).count(worker) for worker in range(3)) == [2, 2, 3]
    fewer = spread([*streams[2:], StreamKey("new", "u")], 3, placed)
    assert all(fewer[stream] == placed[stream] for stream in streams[2:])


def test_waits_double_up_to_thirty_seconds() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.after_loss(0.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_only_a_long_success_sets_the_wait_back() -> None:
    backoff = Backoff(lambda: 0.5)
    for _ in range(4):
        backoff.after_loss(0.0)
    assert backoff.after_loss(GOOD_S - 1) == 16
    assert backoff.after_loss(GOOD_S) == 1


def test_waits_are_spread_and_refusals_wait_a_minute() -> None:
    assert Backoff(lambda: 0.0).after_loss(0) == pytest.approx(0.8)
    assert Backoff(lambda: 1.0).after_loss(0) == pytest.approx(1.2)
    backoff = Backoff(lambda: 0.0)
    assert [backoff.after_refusal() for _ in range(6)] == [60, 120, 240, 480, 900, 900], "cameras lock accounts"


def test_eight_places_and_a_held_one_is_free_after_a_second() -> None:
    now = [0.0]
    gate, stop = OpeningGate(2, lambda: now[0]), threading.Event()
    gate.enter(1, stop)
    gate.enter(2, stop)
    entered = threading.Event()
    waiting = threading.Thread(target=lambda: (gate.enter(3, stop), entered.set()))
    waiting.start()
    assert not entered.wait(0.05)
    gate.leave(1)
    assert entered.wait(5)
    waiting.join()
    now[0] = 1.1  # 2 and 3 are mute and have held their places for long enough
    gate.enter(4, stop)


def test_nobody_waits_at_the_gate_after_stop() -> None:
    gate, stop = OpeningGate(1), threading.Event()
    gate.enter(1, stop)
    stop.set()
    gate.enter(2, stop)


@pytest.mark.parametrize("name", ["../../etc/passwd", "other", "ioc-pic-../x"])
def test_only_our_own_memory_is_attached(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        segment.attach(name)


def frame(width: int, height: int, pixel_format: str, rgb: tuple[int, int, int]) -> av.VideoFrame:
    image = np.full((height, width, 3), rgb, np.uint8)
    return av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p", "yuv420p10le", "nv12", "gray", "rgb24"])
def test_every_pixel_format_gives_its_colour(pixel_format: str) -> None:
    rgb = (180, 180, 180) if pixel_format == "gray" else (200, 60, 30)
    target = planes(64, 36)
    colours = Scaler((0.0, 0.0, 1.0, 1.0)).draw(frame(128, 72, pixel_format, rgb), target)
    assert np.abs(shown(target, colours).astype(int) - rgb).max() <= 6


def test_full_range_is_told_from_limited() -> None:
    shot = frame(64, 36, "yuv420p", (255, 255, 255))
    target = planes(64, 36)
    scaler = Scaler((0.0, 0.0, 1.0, 1.0))
    assert shown(target, scaler.draw(shot, target))[5, 5, 0] >= 253
    shot.color_range = ColorRange.JPEG
    assert shown(target, scaler.draw(shot, target))[5, 5, 0] < 245


@pytest.mark.parametrize("full", [False, True])
def test_another_shape_gets_bars_not_a_stretched_picture(*, full: bool) -> None:
    """Black in either range, and in every buffer; the last group of pixels does not reach into the bar."""
    shot = frame(90, 62, "yuv420p", (255, 255, 255))
    if full:
        shot.color_range = ColorRange.JPEG
    scaler = Scaler((0.0, 0.0, 1.0, 1.0))
    for target in (planes(160, 90, 99), planes(160, 90, 99), planes(160, 90, 99)):
        pixels = shown(target, scaler.draw(shot, target))
        lit = np.flatnonzero(pixels[45, :, 0] > 100)
        assert (lit[0], lit[-1]) == (14, 143), "130 pixels wide, as its shape asks for"
        assert not pixels[:, :14].any()
        assert not pixels[:, 144:].any()
        assert (pixels[:, 16:142] > 200).all()


@pytest.mark.parametrize(("size", "target", "aspect"), [((118, 54), (258, 108), 1.0), ((278, 118), (310, 236), 0.2)])
def test_bars_stay_black_where_colours_are_written_further(
    size: tuple[int, int], target: tuple[int, int], aspect: float
) -> None:
    """Of RGB in half the height: swscale then has no column of colours to mix, and writes longer groups."""
    made, scaler = planes(*target, 99), Scaler((0.0, 0.0, 1.0, 1.0))
    pixels = shown(made, scaler.draw(frame(*size, "rgb24", (200, 60, 30)), made, aspect))
    lit = np.flatnonzero(pixels[20, :, 0] > 100)
    assert len(lit) > 100
    assert not pixels[:, : lit[0] - 1].any()
    assert not pixels[:, lit[-1] + 2 :].any()


def test_bars_stay_when_a_buffer_was_pinned_for_long() -> None:
    """The third buffer is drawn into only after many pictures in the other two."""
    scaler, shot = Scaler((0.0, 0.0, 1.0, 1.0)), frame(80, 60, "yuv420p", (255, 255, 255))
    buffers = [planes(160, 90, 99) for _ in range(3)]
    for n in (0, 1, 0, 1, 0, 1, 2):
        colours = scaler.draw(shot, buffers[n])
    assert not shown(buffers[2], colours)[:, :18].any()


def test_a_picture_that_cannot_be_converted_leaves_nothing_of_its_shape_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One bad picture between two good ones: the next is not drawn where that one would have been."""
    scaler = Scaler((0.0, 0.0, 1.0, 1.0))
    wide, tall = (frame(width, 90, "yuv420p", (255, 255, 255)) for width in (160, 40))
    target = planes(160, 90, 99)
    scaler.draw(wide, target)
    with monkeypatch.context() as broken:
        broken.setattr(scaling, "Converter", Mock(side_effect=NoSwscale("not this one")))
        with pytest.raises(NoSwscale):
            scaler.draw(tall, target)
    memory = bytearray(2 * bytes_of(160, 90))  # room for what would be written beside it
    after = Planes(memory, 160, 90)
    assert (shown(after, scaler.draw(wide, after)) > 250).all()
    assert not any(memory[bytes_of(160, 90) :])


def test_pixels_that_are_not_square_are_shown_right() -> None:
    box = fit((720, 576), (0.0, 0.0, 1.0, 1.0), (1024, 576), 64 / 45)
    assert (box.x, box.y, box.w, box.h) == (0, 0, 1024, 576)


def test_what_is_left_over_in_height_stands_below_the_picture() -> None:
    """Under the tile's caption, not as a black bar above."""
    box = fit((640, 360), (0.0, 0.0, 1.0, 1.0), (480, 320))
    assert (box.x, box.y, box.w, box.h) == (0, 0, 480, 270)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p"])
def test_a_crop_shows_that_part(pixel_format: str) -> None:
    image = np.zeros((72, 128, 3), np.uint8)
    image[36:, 64:] = 255
    shot = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
    target = planes(128, 72)
    colours = Scaler((0.5, 0.5, 0.5, 0.5)).draw(shot, target)
    assert shown(target, colours)[4:, 4:].min() > 240


@pytest.mark.parametrize("crop", [(0.0, 0.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)])
def test_packed_chroma_is_made_plain_where_a_part_is_asked_for(crop: tuple[float, float, float, float]) -> None:
    shot, target = frame(128, 72, "yuyv422", (200, 60, 30)), planes(64, 36)
    scaler = Scaler(crop)
    for _ in range(2):
        colours = scaler.draw(shot, target)
        assert np.abs(shown(target, colours).astype(int) - (200, 60, 30)).max() <= 6


@pytest.mark.parametrize("crop", [(0.0, 0.0, 1.0, 1.0), (0.99, 0.99, 0.5, 0.5), (0.3, 0.1, 0.001, 0.001)])
@pytest.mark.parametrize("target", [(2, 2), (480, 270), (100, 700)])
def test_boxes_stay_inside(crop: tuple[float, float, float, float], target: tuple[int, int]) -> None:
    box = fit((641, 361), crop, target)
    x, y, w, h = box.src
    assert x + w <= 641
    assert y + h <= 361
    assert box.x + box.w <= target[0]
    assert box.y + box.h <= target[1]
    assert min(w, h, box.w, box.h) >= 2
    assert not any(side % 2 for side in (x, y, w, h, box.x, box.y, box.w, box.h))


def test_planes_are_drawn_into_the_given_memory() -> None:
    memory = bytearray(64 + bytes_of(64, 36))
    Scaler((0.0, 0.0, 1.0, 1.0)).draw(frame(128, 72, "yuv420p", (10, 20, 250)), Planes(memory, 64, 36, 64))
    assert 16 < memory[64] < 80
    assert not any(memory[:64])


def test_the_registry_knows_the_kinds_and_says_which() -> None:
    assert {"rtsp", "http", "https", "file", "scene", "testcard"} <= set(specs())
    with pytest.raises(NotASource, match="rtsp:"):
        spec_of("gopher://x")
    with pytest.raises(NotASource):
        spec_of("nothing at all")


def test_credentials_are_quoted_and_never_in_repr() -> None:
    address = Address("rtsp://10.0.0.7:554/live?x=1", "op er", "p@ss:/w?rd")
    assert with_credentials(address) == "rtsp://op%20er:p%40ss%3A%2Fw%3Frd@10.0.0.7:554/live?x=1"
    assert "p@ss" not in repr(address)


def test_errors_in_words_hold_no_address() -> None:
    secret = "rtsp://operator:geheim@10.0.0.7/x"
    for kind in (av.error.HTTPUnauthorizedError, av.error.InvalidDataError, av.error.ConnectionRefusedError):
        fault = fault_of(kind(1, "text", secret))
        assert "geheim" not in str(fault)
    assert isinstance(fault_of(av.error.HTTPUnauthorizedError(1, "x", secret)), Refused)
    assert type(fault_of(OSError(113, "x", secret))) is SourceFault


@pytest.mark.parametrize(
    ("uri", "path"), [("file:/a/b.mp4", "/a/b.mp4"), ("file:///a/b%20c.mp4", "/a/b c.mp4"), ("file:b.mp4", "b.mp4")]
)
def test_file_addresses(uri: str, path: str) -> None:
    assert path_of(uri) == Path(path)


def test_an_order_is_not_printed_with_its_password() -> None:
    order = StreamOrder("c", "rtsp://x/", (), "operator", "geheim")
    assert "geheim" not in repr(order)


@pytest.mark.parametrize("size", [1, 63, 64, 4096])
def test_a_packet_ends_in_the_zeros_that_decoders_read(size: int) -> None:
    """FFmpeg's AV_INPUT_BUFFER_PADDING_SIZE; read where it lies, as the decoder does."""
    around = bytearray(b"\xff" * (size + 128))
    packet = padded(memoryview(around)[:size])
    assert bytes(packet) == b"\xff" * size
    assert ctypes.string_at(packet.buffer_ptr + size, 64) == bytes(64)
