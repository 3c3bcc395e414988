"""Of which drawn scenes the sweep takes a picture now."""

from __future__ import annotations

from pathlib import Path

import msgspec
from helpers.tiny_city import TinyCity

from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.feeds import Mode
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import CameraMoved
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.scene_files import AFTER_S, EVERY_S, LOOK_S, NEVER_S, SceneFiles, scene_of

BEGUN = 1000.0


def camera(number: str, uri: str = "") -> Camera:
    stream = Stream(StreamKind.SUB, uri or f"scene:{number}")
    return Camera(f"cam-{number}", number, LocalText(number), (stream,), online=True)


class Room:
    """Three cameras, of which two are drawn ones; what the sweep would know of their pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = SceneFiles((str(folder / "{number}.mp4"), str(folder / "{number}.jpg")))
        self.cameras = [camera("001"), camera("002"), camera("003", "rtsp://10.0.0.3/2")]
        self.taken: dict[str, float] = {}

    def due(self, now_s: float) -> list[str]:
        found = self.files.due(self.cameras, BEGUN + now_s, lambda one: self.taken.get(one.id, NEVER_S))
        return [one.number for one in found]

    def take(self, now_s: float) -> None:
        for number in self.due(now_s):
            self.taken[f"cam-{number}"] = BEGUN + now_s


def test_what_is_drawn_is_taken_once_the_hub_has_started(tmp_path: Path) -> None:
    room = Room(tmp_path)
    (tmp_path / "001.jpg").touch()
    assert room.due(0) == room.due(AFTER_S - 1) == []
    assert room.due(AFTER_S) == ["001"]
    assert room.files.uri(room.cameras[0]) == (tmp_path / "001.jpg").as_uri()
    assert room.files.uri(room.cameras[1]) == ""
    (tmp_path / "001.mp4").touch()
    assert room.files.uri(room.cameras[0]) == (tmp_path / "001.mp4").as_uri(), "the clip before the still"
    room.take(AFTER_S + 1)
    assert room.due(AFTER_S + 2) == []
    (tmp_path / "002.mp4").touch()
    assert room.due(AFTER_S + LOOK_S) == ["002"], "what has come meanwhile, and not the other one again"


def test_they_grow_old_together(tmp_path: Path) -> None:
    """A probe is started for each round."""
    room = Room(tmp_path)
    for number in ("001", "002"):
        (tmp_path / f"{number}.mp4").touch()
    room.due(0)
    room.take(AFTER_S)
    room.taken["cam-002"] += EVERY_S / 2
    assert room.due(EVERY_S - LOOK_S) == []
    assert room.due(AFTER_S + EVERY_S) == ["001", "002"]
    room.take(AFTER_S + EVERY_S + 1)
    assert room.due(AFTER_S + EVERY_S + 2) == []


def test_one_that_is_away_gives_no_picture(tmp_path: Path) -> None:
    room = Room(tmp_path)
    for number in ("001", "002"):
        (tmp_path / f"{number}.mp4").touch()
    room.cameras[0] = msgspec.structs.replace(room.cameras[0], online=False)
    room.due(0)
    assert room.due(AFTER_S) == ["002"]


def test_without_drawn_scenes_nothing_is(tmp_path: Path) -> None:
    files = SceneFiles()
    assert files.due([camera("001")], BEGUN, lambda _: NEVER_S) == []
    assert scene_of(camera("003", "rtsp://10.0.0.3/2")) == ""
    assert SceneFiles((str(tmp_path / "{number}"),)).uri(camera("1", "scene:../1")) == "", "a number, no path"


def test_what_the_city_says_of_a_camera_takes_no_picture_away(tmp_path: Path) -> None:
    now_ns = 1_790_000_000 * NS_PER_S
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    try:
        core = Core(log, TinyCity(now_ns, past_s=60))
        core.start(now_ns)
        before = next(iter(core.records("cameras").values()))
        core.put("cameras", msgspec.structs.replace(before, thumbnail="a" * 64, t_thumbnail_ns=7), now_ns)
        core._take_in(CameraMoved(now_ns, msgspec.structs.replace(before, online=False)))
        after = core.records("cameras")[before.id]
    finally:
        log.close()
    assert (after.online, after.thumbnail, after.t_thumbnail_ns) == (False, "a" * 64, 7)
