"""Which cameras a layout shows, and the order in which the demo's street scenes are drawn."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from console.clips import BATCH, LATER_BATCH, ClipMaker, cameras_shown
from console.events import EventLog
from console.screens import parse_screens
from layouts.load import load_layouts
from layouts.options import SHIPPED_KINDS
from layouts.spec import Layout


def layout(name: str) -> Layout:
    found = load_layouts(SHIPPED_KINDS).find(name)
    assert found is not None
    return found


def maker(folder: Path, first: list[str], others: list[str]) -> ClipMaker:
    return ClipMaker(folder, "day", first, others, EventLog(None, "test"))


def draw(clips: ClipMaker, number: str) -> None:
    Path(clips.files[number]).touch()


def test_the_cameras_of_what_opens() -> None:
    one = cameras_shown(layout("overview"), ())
    assert "014" in one
    assert "alarm" not in one
    three = cameras_shown(layout("overview"), parse_screens("1920x1080:desk,1920x1080:wall,3840x2160:wall"))
    assert set(one) <= set(three)
    assert len(set(three)) == len(three)
    assert len(cameras_shown(layout("cameras"), ())) == 35


def test_what_opens_comes_first_then_wishes_then_the_rest(tmp_path: Path) -> None:
    clips = maker(tmp_path, ["014", "021"], ["021", "033", "999"])
    assert clips._next() == (["014", "021"], True)
    clips.watch(lambda: {"scene:201", "rtsp://camera/1", "scene:nothing"})
    assert clips._next() == (["201"], True)
    draw(clips, "201")
    draw(clips, "014")
    assert clips._next() == (["021"], True)
    draw(clips, "021")
    assert clips._next() == (["033"], False)
    draw(clips, "033")
    assert clips._next() == ([], False)


def test_a_batch_is_small(tmp_path: Path) -> None:
    numbers = [f"{n:03d}" for n in range(1, 40)]
    assert maker(tmp_path, numbers, [])._next() == (numbers[:BATCH], True)
    assert maker(tmp_path, [], numbers)._next() == (numbers[:LATER_BATCH], False)


def test_who_needs_no_clip_gets_one_still_after_all_clips(tmp_path: Path) -> None:
    clips = maker(tmp_path, [], ["014"])
    draw(clips, "021")
    missing = clips._missing_stills()
    assert len(missing) == len(clips.files) - 1, "a clip is its own still"
    Path(clips.stills["001"]).touch()
    assert "001" not in clips._missing_stills()
    files = {pattern.replace("{number}", "001") for pattern in clips.patterns}
    assert files == {clips.files["001"], clips.stills["001"]}
    assert clips._next() == (["014"], False), "before any still"


def test_with_all_clips_there_nothing_waits_and_nothing_is_drawn(tmp_path: Path) -> None:
    clips = maker(tmp_path, ["014"], [])
    draw(clips, "014")
    for number in clips.files.keys() - {"014"}:
        Path(clips.stills[number]).touch()
    for name, age_s in ((".scene-021-1.part.mp4", 7200), (".scene-033-2.part.mp4", 0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)
    assert not clips.first_are_there()
    clips.start()
    assert clips.first_are_there()
    clips.stop()
    names = {path.name for path in tmp_path.iterdir() if path.suffix == ".mp4"}
    assert names == {Path(clips.files["014"]).name, ".scene-033-2.part.mp4"}  # another console may be drawing it


def test_an_unknown_weather_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown weather"):
        ClipMaker(tmp_path, "snow", [], [], EventLog(None, "test"))
