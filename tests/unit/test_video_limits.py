"""What a stream may claim: sizes at the opening and in mid-stream, packets, descriptions, numbers of streams."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from helpers.clips import write_clip

from backends.video import reading
from backends.video.frames import LOST_S
from backends.video.reading import READ_S, Reader
from backends.video.source import NotASource, SourceFault

SMALL, LARGE = (320, 180), (640, 360)


def raw_h264(path: Path, size: tuple[int, int]) -> bytes:
    """Annex B: what RTSP carries, without a container that states a size."""
    clip = write_clip(path / f"{size[0]}.mp4", seconds=4.0, size=size)
    with av.open(str(clip)) as source, av.open(str(path / "raw.h264"), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return (path / "raw.h264").read_bytes()


def sizes(data: bytes) -> list[tuple[int, int]]:
    reader = Reader(io.BytesIO(data), {}, container_format="h264", timeout=None)
    try:
        return [(f.width, f.height) for packet in reader.arrivals() for f in reader.decode(packet)]
    finally:
        reader.close()


def test_a_picture_too_large_is_refused_at_the_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = raw_h264(tmp_path, LARGE)
    assert set(sizes(data)) == {LARGE}
    monkeypatch.setattr(reading, "MAX_PIXELS", LARGE[0] * LARGE[1] - 1)
    with pytest.raises(SourceFault, match="640 x 360 pixels is too large"):
        sizes(data)


def test_a_stream_that_grows_too_large_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = raw_h264(tmp_path, SMALL) + raw_h264(tmp_path, LARGE)
    assert set(sizes(data)) == {SMALL, LARGE}, "a change of size alone is no fault"
    monkeypatch.setattr(reading, "MAX_PIXELS", 400 * 200)
    with pytest.raises(SourceFault, match="cannot be decoded"):
        sizes(data)


def test_a_packet_too_large_ends_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = raw_h264(tmp_path, SMALL)
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(SourceFault, match="a picture of more than"):
        sizes(data)


def test_a_description_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=0.2)
    monkeypatch.setattr(reading, "MAX_EXTRADATA", 8)
    with pytest.raises(SourceFault, match="too great length"):
        Reader(str(clip), {}, timeout=None)


def test_too_many_streams_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=0.2)
    monkeypatch.setattr(reading, "MAX_STREAMS", 0)
    with pytest.raises(NotASource, match="more than 0 streams"):
        Reader(str(clip), {}, timeout=None)


def test_a_mute_camera_is_given_up_before_its_picture_counts_as_lost() -> None:
    assert READ_S < LOST_S
