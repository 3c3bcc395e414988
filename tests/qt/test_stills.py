"""Stills: the picture in its own size, with name, time and hash, never over an older one; and who saved it is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from helpers.camera_wall import camera_wall, street_session
from helpers.sample_city import DESK, SampleSession, who_is_here
from helpers.waiting import wait_for
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import PictureState, PictureStatus
from backends.domain.picture import PictureFlag, Raised
from backends.domain.place import PrivacyMask
from backends.domain.text import LocalText
from widgets.i18n import tr
from widgets.parts.privacy import FILL
from widgets.still_file import Still, write_still
from widgets.stills import StillDesk
from widgets.tiles.camera import CameraTile

SUB, MAIN = (640, 360), (1920, 1080)
CTRL = Qt.KeyboardModifier.ControlModifier


def noise(size: tuple[int, int], seed: int) -> npt.NDArray[np.uint8]:
    """BGRA pixels of that width and height."""
    made = np.random.default_rng(seed).integers(0, 255, (size[1] // 4, size[0] // 4, 4), np.uint8)
    return np.ascontiguousarray(made.repeat(4, 0).repeat(4, 1))


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    return street_session(qapp)


def prepare_camera(sample: SampleSession, tile: CameraTile) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Its two streams have pictures of their own sizes: (sub, main)."""
    assert tile.camera is not None
    main, sub = tile.camera.streams
    pixels = noise(SUB, 1), noise(MAIN, 2)
    for stream, size, shown in ((sub, SUB, pixels[0]), (main, MAIN, pixels[1])):
        sample.pictures.show(stream.uri, shown)
        sample.pictures.sizes[stream.uri] = size
    now_s = sample.session.mono.monotonic_s()
    flag = Raised(PictureFlag.BLURRED, int((now_s - 5) * 1e9))
    sample.pictures.set_status(tile.camera.id, PictureStatus(PictureState.LIVE, age_s=0.25, received=9, raised=(flag,)))
    return pixels


def passes(sample: SampleSession, until: Callable[[], bool]) -> Callable[[], bool]:
    """Each look lets a tenth of a second go by."""

    def look() -> bool:
        QApplication.processEvents()
        sample.clock.advance_s(0.1)
        for _ in range(5):
            sample.session.demands.flush()
        return until()

    return look


def test_a_key_saves_the_moment_and_then_the_main_stream(qtbot: QtBot, sample: SampleSession, tmp_path: Path) -> None:
    noted: list[tuple[str, str]] = []
    folder = tmp_path / "stills"
    stills = StillDesk(sample.session, folder, lambda camera, what: noted.append((camera, what)))
    with camera_wall(sample, "cameras", (DESK,)) as wall:
        tile = next(t for t in wall.free() if t.camera and len(t.camera.streams) == 2)
        sub, main = prepare_camera(sample, tile)
        wall.click(tile)
        before_ns = sample.clock.now_ns()
        wall.key(Qt.Key.Key_S, modifiers=CTRL)
        wait_for("two stills", passes(sample, lambda: len(noted) == 2))
        camera = tile.camera
        assert camera is not None
        files = sorted(folder.glob("*.png"))
        assert len(files) == 2
        assert tr("camera_hand.still_saved", number=camera.number, size="1920x1080", path="")[:20] in (
            wall.windows[0].notice.sentence
        )
        for path, pixels, stream in zip(files, (sub, main), ("sub", "main"), strict=True):
            told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            raw = path.read_bytes()
            with Image.open(path) as image:
                rgb = image.convert("RGB")
                assert rgb.tobytes() == np.ascontiguousarray(pixels[:, :, 2::-1]).tobytes()  # every pixel, unscaled
                assert image.text["Pixels SHA-256"] == told["pixels_sha256"]  # type: ignore[attr-defined]
                assert hashlib.sha256(rgb.tobytes()).hexdigest() == told["pixels_sha256"]
            assert told["sha256"] == hashlib.sha256(raw).hexdigest()
            assert told["file"] == path.name
            assert (told["camera"]["number"], told["stream"]) == (camera.number, stream)
            assert told["camera"]["name_vi"] == camera.name.vi
            assert told["saved_by"] == "op-thuha"
            assert (told["state"], told["flags"]) == ("live", ["blurred"])
            assert -300_000_000 < told["t_ns"] - before_ns < 20_000_000_000
            assert (camera.id, f"{path.name} sha256={told['sha256']}") in noted
        assert {d.uri for d in sample.session.demands.wanted() if d.camera_id == camera.id} >= {camera.streams[0].uri}
        wait_for("nothing more is asked of it than the tile shows", passes(sample, lambda: _only_tiles(wall, sample)))
    stills.close()


def _only_tiles(wall: object, sample: SampleSession) -> bool:
    sizes = {(d.width, d.height) for d in sample.session.demands.wanted()}
    return MAIN not in sizes and SUB not in sizes


def test_what_must_not_be_seen_is_in_no_still(qtbot: QtBot, sample: SampleSession, tmp_path: Path) -> None:
    noted: list[str] = []
    stills = StillDesk(sample.session, tmp_path, lambda camera, what: noted.append(what))
    with camera_wall(sample, "cameras", (DESK,)) as wall:
        tile = next(t for t in wall.free() if t.camera and len(t.camera.streams) == 2)
        sub, _ = prepare_camera(sample, tile)
        assert tile.camera is not None
        sample.put("config", PrivacyMask("m1", tile.camera.id, ((0.5, 0.5, 0.25, 0.25),)))
        wall.click(tile)
        wall.key(Qt.Key.Key_S, modifiers=CTRL)
        wait_for("two stills", passes(sample, lambda: len(noted) == 2))
        for path in tmp_path.glob("*.png"):
            with Image.open(path) as image:
                width, height = image.size
                masked = image.convert("RGB").crop((width // 2, height // 2, width * 3 // 4, height * 3 // 4))
                assert masked.getcolors() == [(masked.width * masked.height, FILL.getRgb()[:3])]
                if (width, height) == SUB:
                    assert image.convert("RGB").getpixel((10, 10)) == tuple(sub[10, 10, 2::-1])
    stills.close()


def test_a_locked_screen_saves_nothing(qtbot: QtBot, sample: SampleSession, tmp_path: Path) -> None:
    stills = StillDesk(sample.session, tmp_path / "stills", lambda camera, what: None)
    with camera_wall(sample, "cameras", (DESK,)) as wall:
        tile = wall.free()[0]
        prepare_camera(sample, tile)
        wall.click(tile)
        sample.deliver(*who_is_here("locked"))
        wall.key(Qt.Key.Key_S, modifiers=CTRL)
        assert wall.windows[0].notice.sentence == tr("camera_hand.still_locked")
        assert not stills._shots
    stills.close()
    assert not (tmp_path / "stills").exists()


def test_what_does_not_come_in_time_is_said(qtbot: QtBot, sample: SampleSession, tmp_path: Path) -> None:
    stills = StillDesk(sample.session, tmp_path / "stills", lambda camera, what: None)
    with camera_wall(sample, "cameras", (DESK,)) as wall:
        tile = wall.free()[0]
        wall.click(tile)
        wall.key(Qt.Key.Key_S, modifiers=CTRL)  # its pictures never come in a size of their own
        assert tile.camera is not None
        words = tr("camera_hand.still_failed", number=tile.camera.number, reason=tr("camera_hand.still_late"))
        wait_for("the sentence", passes(sample, lambda: wall.windows[0].notice.sentence == words))
        assert not stills._shots
    stills.close()


def a_still(name: str = "Hùng Vương – Lê Duẩn", number: str = "014") -> Still:
    image = QImage(6, 3, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkCyan)
    return Still("cam-014", number, LocalText(name), 1_795_142_492_450_000_000, "main", "op", "live", (), image)


def test_the_name_of_the_file_tells_when_and_which_camera(tmp_path: Path) -> None:
    saved = write_still(tmp_path, a_still())
    assert saved.path.name == "20261120-094132-450_014_hung-vuong-le-duan_main.png"


def test_an_older_still_is_never_replaced(tmp_path: Path) -> None:
    first, second = write_still(tmp_path, a_still()), write_still(tmp_path, a_still())
    assert first.path != second.path
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "C:\\x", "a" * 500, "\x00\n", "con"])
def test_no_name_of_a_directory_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "stills"
    saved = write_still(folder, a_still(name, number=name))
    assert saved.path.parent == folder
    assert {path.parent for path in tmp_path.rglob("*.png")} == {folder}


def test_a_folder_that_cannot_be_written_is_said(
    qtbot: QtBot, sample: SampleSession, tmp_path: Path, expect_logs: Callable[[str], None]
) -> None:
    expect_logs("still of camera 014: ")
    blocked = tmp_path / "stills"
    blocked.write_text("a file stands where the folder should be", encoding="utf-8")
    stills = StillDesk(sample.session, blocked, lambda camera, what: None)
    said: list[str] = []
    sample.session.notices.toldDesk.connect(said.append)
    stills._writer.submit(stills._write, a_still())
    wait_for("the sentence", passes(sample, lambda: bool(said)))
    assert "014" in said[0]
    assert str(blocked) in said[0]
    stills.close()
