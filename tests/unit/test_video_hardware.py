"""Decoding on a graphics device: what happens where there is none, where it fails, and what is said of it.

No device is imitated. That one which is not there does not open is FFmpeg's own failure, here as on any machine without
it; where the machine of the tests does have one, those are left out. A device that is lost in mid-stream is the
processor's decoder that begins to fail.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import av.error
import pytest
from helpers.clips import write_clip

from backends.domain.picture import Decoding
from backends.domain.stream_choice import LeftOut
from backends.video import reading
from backends.video.hardware import AGAIN_S, Hardware, device_format, look, offered, open_decoder
from backends.video.reading import MAX_BAD, Reader
from backends.video.source import SourceFault

FRAMES, KEY_EVERY = 100, 25


@functools.cache
def has_cuda() -> bool:
    try:
        open_decoder("cuda", "h264")
    except av.error.FFmpegError:
        return False
    return True


no_device = pytest.mark.skipif(has_cuda(), reason="this machine has such a device")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("hw") / "clip.mp4", seconds=4.0)


def read(path: Path) -> tuple[list[int | None], Reader]:
    """Times of all its pictures, and the closed reader."""
    reader = Reader(str(path), {}, timeout=None)
    try:
        return [frame.pts for packet in reader.arrivals() for frame in reader.decode(packet)], reader
    finally:
        reader.close()


class Opened:
    """How often a device was asked for, and what came of it."""

    def __init__(self, opener: Callable[[str, str], Any]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._opener = opener

    def __call__(self, kind: str, codec: str) -> Any:
        self.asked.append((kind, codec))
        return self._opener(kind, codec)


def use(monkeypatch: pytest.MonkeyPatch, setting: str, opener: Callable[[str, str], Any], **more: Any) -> Opened:
    opened = Opened(opener)
    here = Hardware(opened, **more)
    here.ask(setting)
    monkeypatch.setattr(reading, "HARDWARE", here)
    return opened


def test_nothing_is_asked_unless_the_site_wants_it(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    opened = use(monkeypatch, "off", open_decoder)
    times, reader = read(clip)
    assert len(times) == FRAMES
    assert reader.by.decoding is Decoding.PLAIN
    assert not opened.asked


@no_device
@pytest.mark.parametrize("setting", ["cuda", "auto"])
def test_a_device_that_is_not_there_costs_no_picture(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None], caplog: pytest.LogCaptureFixture,
    setting: str,
) -> None:  # fmt: skip
    """The real one, of this PyAV. Said once; not asked again for a while, and then asked again."""
    expect_logs("cuda does not open")
    now = [1000.0]
    opened = use(monkeypatch, setting, open_decoder, clock=lambda: now[0])
    for _ in range(3):
        times, reader = read(clip)
        assert len(times) == FRAMES
        assert reader.bad == 0
        assert (reader.by.decoding, reader.by.device) == (Decoding.ABSENT, "" if setting == "auto" else "cuda")
    assert opened.asked == [("cuda", "h264")]
    now[0] += AGAIN_S
    read(clip)
    assert len(opened.asked) == 2
    assert [r.getMessage() for r in caplog.records] == [
        "decoding on the processor: cuda does not open (its driver cannot be loaded)"
    ]


def test_a_kind_that_pyav_lacks_is_never_opened(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None]
) -> None:
    """FFmpeg would take the unknown name for any device."""
    expect_logs("was built without vaapi")
    opened = use(monkeypatch, "vaapi", open_decoder, kinds=lambda: ("cuda",))
    times, reader = read(clip)
    assert len(times) == FRAMES
    assert (reader.by.decoding, reader.by.device) == (Decoding.ABSENT, "vaapi")
    assert not opened.asked


def test_auto_takes_the_first_that_opens(monkeypatch: pytest.MonkeyPatch, expect_logs: Callable[[str], None]) -> None:
    expect_logs("vulkan decodes no")  # neither does this PyAV
    here = Hardware(open_decoder, kinds=lambda: ("vulkan",))
    here.ask("auto")
    by = reading.By()
    assert here.decoder_for("h264", by) is None
    assert by.decoding is Decoding.ABSENT


def test_other_codecs_are_not_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened = use(monkeypatch, "auto", open_decoder)
    _, reader = read(write_clip(tmp_path / "other.mp4", seconds=1.0, codec="mpeg4"))
    assert reader.by.decoding is Decoding.OTHER
    assert not opened.asked


@no_device
def test_what_is_built_in_is_told_from_what_opens() -> None:
    assert "cuda" in offered()
    assert device_format("cuda", "h264") == "cuda"
    assert device_format("vaapi", "h264") == ""
    assert look(["cuda"]) == {"cuda": {"h264": "its driver cannot be loaded", "hevc": "its driver cannot be loaded"}}


# -- refused: FFmpeg asks the device and decodes on the processor by itself ---------------------------------


def of_the_processor(kind: str, codec: str) -> Any:
    return av.CodecContext.create(codec, "r")


def test_a_refused_stream_loses_no_picture_and_is_said(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None]
) -> None:
    expect_logs("cuda does not take h264, .*, 320 x 180")
    use(monkeypatch, "cuda", of_the_processor)
    times, reader = read(clip)
    assert len(times) == FRAMES, "also over the change to a decoder without the device"
    assert (reader.by.decoding, reader.by.device) == (Decoding.REFUSED, "cuda")


# -- lost in mid-stream ------------------------------------------------------------------------------------


class Breaks:
    """The processor's decoder, until packet `at`."""

    def __init__(self, at: int, how: Callable[[], list[Any]]) -> None:
        self.__dict__.update(inner=av.CodecContext.create("h264", "r"), count=0, at=at, how=how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "count":
            self.__dict__["count"] = value
        else:
            setattr(self.__dict__["inner"], name, value)

    def decode(self, packet: Any) -> list[Any]:
        self.count += 1
        if self.count > self.at:
            return self.__dict__["how"]()
        return self.__dict__["inner"].decode(packet)


def gone() -> list[Any]:
    raise av.error.ExternalError(1, "the device is lost")


def spoilt() -> list[Any]:
    raise av.error.InvalidDataError(1, "what the device made cannot be used")


@pytest.mark.parametrize(
    ("at", "how", "lost", "later"),
    [
        (30, gone, 20, Decoding.ABSENT),  # until the key frame at 50
        (KEY_EVERY, gone, 0, Decoding.ABSENT),  # at a key frame: that one is decoded
        (0, gone, 0, Decoding.ABSENT),
        (10, list, 65, Decoding.ABSENT),  # MAX_BAD more are tried, then until the key frame at 75
        (10, spoilt, 65, Decoding.FAILED),  # that may be the camera's doing
    ],
)
def test_the_processor_goes_on_where_a_device_fails(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None], at: int,
    how: Callable[[], list[Any]], lost: int, later: Decoding,
) -> None:  # fmt: skip
    """On the same connection. Another stream is not opened on a device that failed, soon after."""
    expect_logs("cuda failed in the middle of a stream")
    assert 10 + MAX_BAD < 75
    opened = use(monkeypatch, "cuda", lambda *_: Breaks(at, how))
    monkeypatch.setattr(reading, "device_format", lambda *_: "yuv420p")
    times, reader = read(clip)
    assert len(times) == FRAMES - lost
    assert (reader.by.decoding, reader.by.device) == (Decoding.FAILED, "cuda")
    assert read(clip)[1].by.decoding is later
    assert len(opened.asked) == 1 + (later is Decoding.FAILED)


def test_without_a_key_frame_the_stream_is_opened_afresh(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None]
) -> None:
    expect_logs("cuda failed")
    use(monkeypatch, "cuda", lambda *_: Breaks(1, gone))
    monkeypatch.setattr(reading, "device_format", lambda *_: "yuv420p")
    monkeypatch.setattr(reading, "MAX_WAIT", 10)
    with pytest.raises(SourceFault, match="cannot be decoded"):
        read(clip)


@no_device
@pytest.mark.skipif("h264_cuvid" not in av.codecs_available, reason="this PyAV has no such decoder")
def test_a_decoder_of_a_missing_device_that_opens_late(
    monkeypatch: pytest.MonkeyPatch, clip: Path, expect_logs: Callable[[str], None]
) -> None:
    """FFmpeg's own: it fails with the first packet only."""
    expect_logs("cuda failed")
    use(monkeypatch, "cuda", lambda *_: av.CodecContext.create("h264_cuvid", "r"))
    times, reader = read(clip)
    assert len(times) == FRAMES
    assert reader.by.decoding is Decoding.FAILED


def test_a_device_filters_by_itself(monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    """Leaving out the loop filter gives the stream no other decoder; leaving out frames still works."""
    use(monkeypatch, "cuda", of_the_processor)
    monkeypatch.setattr(reading, "device_format", lambda *_: "yuv420p")
    reader = Reader(str(clip), {}, timeout=None)
    try:
        reader.leave_out(LeftOut(skip_loop_filter=True, skip_non_reference=True))
        frames = [frame for packet in reader.arrivals() for frame in reader.decode(packet)]
    finally:
        reader.close()
    assert len(frames) == FRAMES
    assert reader.by.decoding is Decoding.DEVICE
