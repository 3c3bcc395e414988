"""Capture devices: addresses, what is no device, and reading, with OpenCV on a clip in the device's place."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import pytest
from helpers.clips import write_clip

from backends.video.reading import MAX_PIXELS
from backends.video.source import Address, NotASource, SourceFault
from backends.video.sources import capture
from backends.video.sources.capture import Capture, device_of, open_device


def test_addresses() -> None:
    assert device_of("capture:0") == (0, {})
    assert device_of("capture:/dev/video2?width=1280&height=720&fps=25") == (
        "/dev/video2",
        {"width": 1280.0, "height": 720.0, "fps": 25.0},
    )
    assert device_of("capture:/dev/v4l/by-id/usb-Cam_1-index0")[0] == "/dev/v4l/by-id/usb-Cam_1-index0"


@pytest.mark.parametrize(
    "uri",
    [
        "capture:",
        "capture:/dev/sda",
        "capture:/dev/video0/../sda",
        "capture:/dev/v4l/by-id/../../sda",
        "capture:rtsp://127.0.0.1/",
        "capture:0?exposure=1",
        "capture:0?width=0",
        "capture:0?width=99999&height=99999",
    ],
)
def test_addresses_that_are_none(uri: str) -> None:
    with pytest.raises(NotASource):
        device_of(uri)


def test_what_is_no_capture_device_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(SourceFault, match="no such capture device"):
        open_device(str(tmp_path / "none"))
    with pytest.raises(NotASource):
        open_device("/dev/null")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotASource):
        open_device(str(tmp_path / "file"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=0.2)


def test_it_gives_bgra_until_it_is_stopped(clip: Path) -> None:
    address = Address("capture:0")
    source = Capture(address, lambda _: cv2.VideoCapture(str(clip)))
    shots = list(itertools.islice(source.arrivals(), 3))
    assert {shot.shape for shot in shots} == {(180, 320, 4)}
    assert (shots[0] != shots[2]).any()
    assert (shots[0][..., 3] == 255).all()
    assert source.fps == 25.0
    address.stop.set()
    assert list(source.arrivals()) == []
    source.close()


def test_a_device_that_gives_nothing_any_more_is_lost_in_words(clip: Path) -> None:
    source = Capture(Address("capture:0"), lambda _: cv2.VideoCapture(str(clip)))
    with pytest.raises(SourceFault, match="gives no picture"):
        list(source.arrivals())
    assert source.bad == 3
    source.close()


def test_a_busy_device_and_a_picture_too_large_are_said(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceFault, match="cannot be opened"):
        Capture(Address("capture:0"), lambda _: cv2.VideoCapture())
    assert MAX_PIXELS > 320 * 180
    monkeypatch.setattr(capture, "MAX_PIXELS", 320 * 180 - 1)
    source = Capture(Address("capture:0"), lambda _: cv2.VideoCapture(str(clip)))
    with pytest.raises(SourceFault, match="320 x 180 pixels is too large"):
        next(source.arrivals())
    source.close()
