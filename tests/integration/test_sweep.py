"""The sweep with its real probe process over real cameras, good and bad ones, and what stands in the directory then."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import psutil
import pytest
from conftest import ExpectLogs
from helpers.clips import write_clip
from helpers.rtsp_server import RtspServer
from helpers.sweep_cameras import Cameras, cameras, nobody_listens
from helpers.waiting import wait_for

from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.picture import PictureFlag
from backends.domain.place import PrivacyMask
from backends.domain.sweep import AT_ONCE
from backends.domain.text import LocalText
from backends.hub import sweeping
from backends.hub.blobs import BlobStore
from backends.hub.private import CAMERA, Vault
from backends.hub.scene_files import SceneFiles
from backends.hub.sweeping import BARRED, FOLDER, Sweep


class Hub:
    """The part of the hub that the sweep is given, and its clock, which can be put forward."""

    def __init__(self, folder: Path, scenes: SceneFiles | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.blobs = BlobStore(folder)
        self.cameras: dict[str, Camera] = {}
        self.config: dict[str, Any] = {}
        self.puts = 0
        self.shown: set[str] = set()
        self.ahead_s = 0.0
        self.sweep = Sweep(folder, self.blobs, scenes, monotonic_s=lambda: time.monotonic() + self.ahead_s)

    def add(self, name: str, uri: str) -> None:
        self.cameras[name] = Camera(name, name, LocalText(name), (Stream(StreamKind.SUB, uri),))

    def records(self, feed: str) -> dict[str, Any]:
        return self.cameras if feed == "cameras" else self.config

    def put(self, _feed: str, record: Camera, _now_ns: int) -> None:
        old = self.cameras[record.id]
        self.cameras[record.id] = record
        self.puts += record != old

    def turn(self) -> None:
        self.sweep.turn(self, time.time_ns(), self.shown)  # type: ignore[arg-type]

    def wait(self, what: str, condition: Callable[[], object], timeout_s: float = 30.0, *, hurry: bool = False) -> None:
        """`hurry`: the sweep's clock runs some 25 times as fast meanwhile; that of the probe does not."""

        def looked() -> object:
            self.turn()
            self.ahead_s += 0.5 * hurry
            return condition()

        wait_for(lambda: f"{what}: {list(self.cameras.values())}", looked, timeout_s)

    def thumbnail(self, name: str) -> np.ndarray:
        found = self.blobs.find(self.cameras[name].thumbnail)
        assert found is not None
        return np.asarray(cv2.imdecode(np.frombuffer(found[0].read_bytes(), np.uint8), cv2.IMREAD_COLOR))


def spread(part: np.ndarray) -> float:
    """How much its pixels differ, in the colour in which they do most."""
    return float(part.std(axis=(0, 1)).max())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path)
    made.sweep.start()
    yield made
    made.sweep.close()


@pytest.fixture
def city() -> Iterator[Cameras]:
    with cameras() as running:
        yield running


def test_dead_locked_black_and_frozen_ones_are_found_among_good_ones(hub: Hub, city: Cameras) -> None:
    """Two looks at each, the second put forward to as soon as it can say something."""
    for number in range(12):
        hub.add(f"good-{number}", city.uri(number))
    for number, kind in enumerate(("mute", "locked", "garbage", "text", "black", "frozen"), start=20):
        city.show(number, kind)
        hub.add(kind, city.uri(number))
    hub.add("refusing", nobody_listens())
    hub.add("nowhere", "gopher://127.0.0.1/1")
    hub.add("drawn", "scene:068")
    looked = [name for name in hub.cameras if name != "drawn"]
    dead = {"mute", "locked", "garbage", "text", "refusing", "nowhere"}

    hub.wait("the dead are dead", lambda: {n for n, c in hub.cameras.items() if not c.online} == dead)
    hub.wait("black", lambda: hub.cameras["black"].flags == (PictureFlag.BLACK,))
    hub.wait("a picture of each good one", lambda: all(hub.cameras[n].thumbnail for n in looked if n not in dead))
    hub.ahead_s = 100.0
    hub.wait("frozen", lambda: hub.cameras["frozen"].flags == (PictureFlag.FROZEN,))

    assert all(hub.cameras[f"good-{n}"].flags == () and hub.cameras[f"good-{n}"].online for n in range(12))
    assert all(hub.cameras[n].reason for n in dead), "each says why"
    assert "password" in hub.cameras["locked"].reason
    assert all(hub.cameras[n].t_state_ns for n in looked)
    assert hub.cameras["drawn"].t_state_ns == 0, "what we draw ourselves is no camera"
    assert city.opened(21) <= 2, "no storm of wrong passwords"
    assert hub.thumbnail("good-3").shape == (180, 320, 3)
    assert hub.thumbnail("good-3").mean() > 40 > 8 > hub.thumbnail("black").mean()
    assert hub.sweep.restarts == 0


def test_of_drawn_scenes_the_picture_alone_is_taken_and_no_probe_stays(tmp_path: Path) -> None:
    write_clip(tmp_path / "scene-001.mp4")
    made = Hub(tmp_path / "hub", SceneFiles((str(tmp_path / "scene-{number}.mp4"),), after_s=0.0))
    for number in ("001", "002"):
        made.add(number, f"scene:{number}")
    made.cameras["001"] = msgspec.structs.replace(made.cameras["001"], reason="as the city says", t_state_ns=5)
    before = made.cameras["001"]
    made.sweep.start()
    try:
        made.shown = {"001"}
        made.wait("a picture, though a screen shows it", lambda: made.cameras["001"].thumbnail)
        after = made.cameras["001"]
        made.wait("the probe ends", lambda: made.sweep.pid == 0)
    finally:
        made.sweep.close()
    assert made.thumbnail("001").shape == (180, 320, 3)
    assert after == msgspec.structs.replace(before, thumbnail=after.thumbnail, t_thumbnail_ns=after.t_thumbnail_ns)
    assert after.t_thumbnail_ns > 0
    assert made.cameras["002"].thumbnail == "", "nobody has drawn it"
    assert not list((tmp_path / "hub" / FOLDER).iterdir()), "nothing is learnt of it"
    assert made.sweep.restarts == 0


def test_what_changes_is_said_and_what_does_not_is_not_written_again(hub: Hub, city: Cameras) -> None:
    hub.add("one", city.uri(1))
    hub.wait("a look", lambda: hub.cameras["one"].thumbnail)
    before, opened = hub.cameras["one"], city.opened(1)
    hub.ahead_s += 100.0
    hub.wait("another look", lambda: city.opened(1) > opened)
    city.show(1, "covered")
    hub.ahead_s += 100.0
    hub.wait("covered", lambda: hub.cameras["one"].flags == (PictureFlag.COVERED,))
    covered = hub.cameras["one"]
    assert covered.online
    assert covered.t_state_ns > before.t_state_ns
    assert hub.puts <= 4, "a look without news writes nothing"
    city.show(1, "street")
    hub.ahead_s += 100.0
    hub.wait("well again", lambda: hub.cameras["one"].flags == (), hurry=True)
    hub.wait("a new picture", lambda: hub.cameras["one"].thumbnail not in (before.thumbnail, covered.thumbnail))
    assert hub.blobs.find(hub.cameras["one"].thumbnail) is not None


def test_a_shown_camera_is_left_alone(hub: Hub, city: Cameras) -> None:
    hub.add("shown", city.uri(1))
    hub.add("hidden", city.uri(2))
    hub.shown.add("shown")
    hub.wait("a look", lambda: hub.cameras["hidden"].thumbnail)
    assert city.opened(1) == 0
    hub.shown.clear()
    hub.wait("the other one too", lambda: hub.cameras["shown"].thumbnail)


def test_a_real_rtsp_camera_with_its_password_and_without(hub: Hub, tmp_path: Path) -> None:
    server = RtspServer(password="geheim/1 2")
    vault = Vault(tmp_path)
    vault.keep([(CAMERA, "known", {"user": "operator", "password": "geheim/1 2"})])
    vault.close()
    try:
        for name in ("known", "unknown"):
            hub.add(name, server.uri)
        hub.wait("both", lambda: hub.cameras["known"].thumbnail and not hub.cameras["unknown"].online)
        assert hub.cameras["known"].online
        assert hub.thumbnail("known").max() > 200, "the ball is white"
        assert hub.cameras["unknown"].reason == "the camera refuses user name or password"
        command = psutil.Process(hub.sweep.pid)
        assert "geheim" not in " ".join(command.cmdline()) + " ".join(command.environ().values())
    finally:
        server.kill()
    assert "geheim" not in repr(hub.cameras)


def test_a_file_is_looked_at_too(hub: Hub, tmp_path: Path) -> None:
    from helpers.clips import write_clip

    hub.add("clip", f"file:{write_clip(tmp_path / 'clip.mp4')}")
    hub.wait("a look", lambda: hub.cameras["clip"].thumbnail)
    assert hub.thumbnail("clip").max() > 200, "the bar is bright"


def test_a_probe_that_is_killed_is_started_again_and_nobody_is_lost(
    hub: Hub, city: Cameras, expect_logs: ExpectLogs
) -> None:
    for number in range(AT_ONCE + 2):
        city.show(number, "mute")
        hub.add(f"cam-{number}", city.uri(number))
    hub.wait("all places are taken", lambda: city.most_at_once == AT_ONCE)
    first = hub.sweep.pid
    for number in range(AT_ONCE + 2):
        city.show(number, "street")
    assert city.most_at_once == AT_ONCE
    os.kill(first, signal.SIGKILL)
    hub.wait("a picture of each", lambda: all(camera.thumbnail for camera in hub.cameras.values()))
    assert hub.sweep.restarts == 1
    assert hub.sweep.pid != first
    assert all(camera.online for camera in hub.cameras.values()), "that the probe died is no camera's failure"
    expect_logs("has ended while it looked at" + ".*cam-" * AT_ONCE)


def test_the_camera_that_ends_the_probe_is_found_and_the_others_go_on(
    hub: Hub, city: Cameras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    monkeypatch.setattr(sweeping, "PROBE", "helpers.deadly_probe")
    hub.add("deadly", city.uri(66))
    for number in range(6):
        hub.add(f"cam-{number}", city.uri(number))
    hub.wait("it is named", lambda: not hub.cameras["deadly"].online)
    assert hub.cameras["deadly"].reason == BARRED
    hub.wait("a picture of each other", lambda: all(c.thumbnail for n, c in hub.cameras.items() if n != "deadly"))
    assert all(camera.online for name, camera in hub.cameras.items() if name != "deadly")
    assert hub.sweep.restarts in (2, 3), "perhaps once among others, then twice alone"
    expect_logs("has ended while it looked at")


def test_masks_are_filled_before_a_picture_is_stored_and_a_new_mask_takes_a_new_one(hub: Hub, city: Cameras) -> None:
    hub.config = {"m1": PrivacyMask("m1", "one", ((0.0, 0.0, 0.5, 0.5), (0.9, 0.9, 0.5, 0.5), (2.0, 2.0, 1.0, 1.0)))}
    hub.add("one", city.uri(1))
    hub.add("other", city.uri(2))
    hub.wait("pictures", lambda: all(camera.thumbnail for camera in hub.cameras.values()))
    small, other = hub.thumbnail("one"), hub.thumbnail("other")
    secret, corner, rest = small[:90, :160], small[163:, 289:], small[100:160, 170:280]
    assert spread(secret) < 3, "filled"
    assert spread(corner) < 3
    assert spread(rest) > 10 < spread(other[:90, :160]), "what is not masked is a picture"
    before = hub.cameras["one"].thumbnail
    hub.config["m2"] = PrivacyMask("m2", "one", ((0.5, 0.5, 0.4, 0.4),))
    hub.wait("a new picture", lambda: hub.cameras["one"].thumbnail != before, hurry=True)
    assert spread(hub.thumbnail("one")[100:160, 170:280]) < 3


def test_the_probe_dies_with_the_hub_and_keeps_its_rights_small(hub: Hub, city: Cameras, tmp_path: Path) -> None:
    hub.add("one", city.uri(1))
    hub.wait("a look", lambda: hub.cameras["one"].thumbnail)
    probe = psutil.Process(hub.sweep.pid)
    assert probe.nice() >= 10
    assert probe.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert Path(f"/proc/{probe.pid}/status").read_text().split("NoNewPrivs:")[1].split()[0] == "1"
    assert Path(f"/proc/{probe.pid}/status").read_text().split("Seccomp:")[1].split()[0] == "2"
    hub.sweep.close()
    assert not probe.is_running()
    assert list((tmp_path / FOLDER).glob("*.npz")), "references outlive it"


def test_its_own_stream_comes_before_the_room_s_restream_server_which_is_told_no_password(
    hub: Hub, city: Cameras, tmp_path: Path
) -> None:
    vault = Vault(tmp_path)
    vault.keep([(CAMERA, name, {"user": "u", "password": "geheim"}) for name in ("own", "only")])
    vault.close()
    own = Camera("own", "1", LocalText("x"), (Stream(StreamKind.SUB, city.uri(1)),), restream=(
        Stream(StreamKind.SUB, city.uri(2)),))  # fmt: skip
    hub.cameras = {"own": own, "only": Camera("only", "2", LocalText("y"), (), restream=own.restream)}
    assert sweeping.address_of(own) == (city.uri(1), True)
    assert not sweeping.is_swept(Camera("none", "3", LocalText("z"), ()))
    city.show(2, "locked")
    hub.wait("both", lambda: hub.cameras["own"].thumbnail and not hub.cameras["only"].online)
    assert city.passwords(2) == 0


def test_a_record_without_news_is_the_same(tmp_path: Path) -> None:
    camera = Camera("c", "1", LocalText("c"), (), t_state_ns=5, flags=(PictureFlag.BLACK,), thumbnail="x")
    unsure = sweeping.Found(sweeping.Looked("c", None, "no answer in time"))
    assert sweeping.with_found(camera, unsure, 9) == camera
    same = sweeping.Found(sweeping.Looked("c", True, "", (PictureFlag.BLACK,)))
    assert sweeping.with_found(camera, same, 9) == camera
    gone: Any = sweeping.with_found(camera, sweeping.Found(sweeping.Looked("c", False, "gone", ())), 9)
    assert (gone.online, gone.flags, gone.reason, gone.t_state_ns, gone.thumbnail) == (False, (), "gone", 9, "x")
    assert "geheim" not in repr(msgspec.structs.replace(sweeping.LookAt("c", "x:"), password="geheim"))


def test_a_camera_that_people_turn_looks_elsewhere_by_right() -> None:
    found = sweeping.Found(sweeping.Looked("c", True, "", (PictureFlag.TURNED, PictureFlag.BLURRED)))
    fixed = Camera("c", "1", LocalText("c"), ())
    assert sweeping.with_found(fixed, found, 9).flags == (PictureFlag.TURNED, PictureFlag.BLURRED)
    assert sweeping.with_found(msgspec.structs.replace(fixed, turns=True), found, 9).flags == (PictureFlag.BLURRED,)
