"""A drawn camera that turns: how it moves and ends by itself, what is seen of its clip, its presets, damaged files."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from backends.city.cameras import ahead, camera, eye, turning
from backends.domain.field_of_view import Sees, look
from backends.video import scene_head
from backends.video.faults import SourceFault
from backends.video.scene_head import HOME_SHARE, Aim, SceneHead, aim_file, at_home, part_of, read_aim
from backends.video.scene_part import framed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(scene_head.time, "monotonic", lambda: now[0])
    return now


def test_a_move_ends_by_itself_and_at_the_edge(clock: list[float]) -> None:
    aim = Aim(100.0, 0.0, 0.0, 0.0, 0.5, -0.25, 0.0, 101.0)
    assert aim.at(100.5) == (0.25, -0.125, 0.0)
    assert aim.at(101.0) == aim.at(500.0) == (0.5, -0.25, 0.0)
    assert aim.at(3.0) == (0.0, 0.0, 0.0)  # of before this machine was started
    assert Aim(pan=0.9, pan_by=1.0, until_s=5.0).at(5.0)[0] == 1.0


@pytest.mark.parametrize(("pan", "tilt"), [(0.0, 0.0), (-1.0, 1.0), (1.0, -1.0)])
@pytest.mark.parametrize("zoom", [0.0, 1.0])
def test_what_is_seen_lies_within_the_clip(pan: float, tilt: float, zoom: float) -> None:
    x, y, wide, high = part_of(Aim(pan=pan, tilt=tilt, zoom=zoom), 0.0)
    assert 0.0 <= x <= x + wide <= 1.0 + 1e-9
    assert 0.0 <= y <= y + high <= 1.0 + 1e-9
    assert wide == pytest.approx(HOME_SHARE if zoom == 0.0 else HOME_SHARE / scene_head.NEAREST)
    assert (x == pytest.approx(0.0)) is (pan == -1.0)
    assert (y == pytest.approx(0.0)) is (tilt == 1.0)


def test_hands_turn_it_and_presets_bring_it_back(tmp_path: Path, clock: list[float]) -> None:
    record = camera(eye("014"), "2026-11-20")
    head = SceneHead(tmp_path, "014", record)
    at_home(tmp_path, "014")
    head.prepare()
    assert [one.name for one in head.presets()] == ["Ngã tư", "Lê Duẩn", "Hùng Vương"]
    head.move(1.0, 0.0, 0.0, 1.0)
    clock[0] += 0.5
    middle = head.position()
    assert middle.moving
    clock[0] += 60.0
    there = head.position()
    assert not there.moving
    assert there.pan == pytest.approx(2 * (middle.pan or 0.0))
    assert head.keep_preset("Cổng chợ") == "Cổng chợ"
    head.go_to("Lê Duẩn")
    clock[0] += 10.0
    assert head.position().pan == pytest.approx(-1.0)
    at_home(tmp_path, "014")  # a new start leaves it where it looks
    again = SceneHead(tmp_path, "014", record)
    again.go_to("Cổng chợ")
    clock[0] += 10.0
    assert again.position().pan == pytest.approx(there.pan)
    head.move(-1.0, 0.0, 0.0, 1.0)
    clock[0] += 0.1
    head.stop()
    stood = head.position().pan
    clock[0] += 1.0
    assert head.position().pan == stood
    with pytest.raises(SourceFault, match="no preset"):
        head.go_to("Chưa có")


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    assert read_aim(tmp_path / "none") is None
    aim_file(tmp_path, "014").write_bytes(b"half")
    assert read_aim(aim_file(tmp_path, "014")) is None
    (tmp_path / "scene-014.presets").write_bytes(b"[1]")
    assert SceneHead(tmp_path, "014", None).presets() == ()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceFault, match="cannot be turned"):
        SceneHead(tmp_path / "file", "014", None).stop()


@pytest.mark.parametrize("size", [(640, 360), (1280, 720)])
def test_the_picture_shows_that_part_in_its_own_size(size: tuple[int, int]) -> None:
    wide, high = size
    rows = np.zeros((high * 3 // 2, wide), np.uint8)
    rows[:high] = np.linspace(16, 235, wide, dtype=np.uint8)
    rows[high:] = 128
    frame = av.VideoFrame.from_ndarray(rows, format="yuv420p")
    frame.pts = 7
    left = framed(frame, part_of(Aim(pan=-1.0), 0.0))
    right = framed(frame, part_of(Aim(pan=1.0), 0.0))
    assert (left.width, left.height, left.pts) == (wide, high, 7)
    seen = [one.to_ndarray()[high // 2] for one in (left, right)]
    assert seen[0][0] == rows[0][0]
    assert seen[0][-1] == pytest.approx(16 + 219 * HOME_SHARE, abs=3)
    assert seen[1][-1] == rows[0][-1]
    assert (left.to_ndarray()[high:] == 128).all()


def test_the_city_has_cameras_that_turn_to_their_presets() -> None:
    assert len(turning()) == 4
    for number in turning():
        record = camera(eye(number), "2026-11-20")
        assert record.turns
        assert record.reach is not None
        assert record.angle_deg == pytest.approx(record.reach.width_deg * HOME_SHARE, abs=1)
        assert len(record.preset_views) == 3
        found = look(record, ahead(eye(number)))
        assert (found.sees, found.preset) == (Sees.TURNED, record.preset_views[0].preset)
