"""Small pictures in the camera list: asked for in view only, with their age, never live, masked, and bounded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import cv2
import msgspec
import numpy as np
import pytest
from helpers.sample_city import NOW_NS, SCALES, SampleSession, Scene, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QModelIndex, QSize
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import Camera
from backends.domain.place import PrivacyMask
from backends.domain.times import NS_PER_S
from layouts.options import CameraListOptions
from widgets.i18n import Language
from widgets.models.camera_seen import OLD_NS, is_old, still_words
from widgets.models.cameras import NODE_ROLE
from widgets.parts import text
from widgets.parts.privacy import FILL
from widgets.parts.thumbnails import decode
from widgets.theme import ThemeName
from widgets.tiles.camera_list import WALL_ROWS, CameraListTile

MINUTE = 60 * NS_PER_S


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


def jpeg(grey: int, size: tuple[int, int] = (180, 320)) -> bytes:
    return cv2.imencode(".jpg", np.full((*size, 3), grey, np.uint8))[1].tobytes()


def with_picture(sample: SampleSession, number: str, grey: int, age_s: float, data: bytes = b"") -> Camera:
    """Camera `number` has a picture of one grey, taken so long ago; the station has it."""
    data = (data or jpeg(grey)) + number.encode()
    blob = hashlib.sha256(data).hexdigest()
    sample.small.have[blob] = data
    camera = sample.city.camera_by_number(number)
    assert camera is not None
    camera = msgspec.structs.replace(camera, thumbnail=blob, t_thumbnail_ns=sample.clock.now_ns() - int(age_s * 1e9))
    sample.put("cameras", camera)
    return camera


def make(
    qtbot: QtBot, sample: SampleSession, size: str = "620x800", panel: str = "desk", *, pictures: bool = True
) -> CameraListTile:
    tile = CameraListTile(sample.session, SCALES[panel], CameraListOptions(pictures=pictures))
    qtbot.addWidget(tile)
    width, height = (int(n) for n in size.split("x"))
    tile.resize(width, height)
    sample.city.feedsChanged.connect(tile.on_feeds)
    tile.show()
    return tile


def arrive(qtbot: QtBot, sample: SampleSession, tile: CameraListTile, *numbers: str) -> None:
    """Until the pictures of these cameras are there, of their records."""

    def there() -> bool:
        sample.deliver()
        cameras = [sample.city.camera_by_number(n) for n in numbers]
        stills = [tile.pictures.of(camera) for camera in cameras if camera is not None]
        return all(s is not None and s.blob == c.thumbnail for s, c in zip(stills, cameras, strict=True) if c)

    qtbot.waitUntil(there, timeout=5000)


def row_of(tile: CameraListTile, number: str) -> QModelIndex:
    nodes = (node for group in tile.model.groups() for node in group.cameras())
    found = next(node for node in nodes if node.camera is not None and node.camera.number == number)
    return tile.model.index_of(found)


def middle(tile: CameraListTile, number: str, across: float = 0.5, down: float = 0.5) -> QColor:
    """Colour at this place of the camera's small picture as it is on the screen."""
    index = row_of(tile, number)
    box = tile.rows.places(tile.tree.visualRect(index).toRectF(), index.data(NODE_ROLE)).still
    assert not box.isEmpty()
    image = tile.tree.viewport().grab().toImage()
    return image.pixelColor(int(box.left() + across * box.width()), int(box.top() + down * box.height()))


def words(tile: CameraListTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


def test_a_picture_stands_in_its_row_with_its_age(qtbot: QtBot) -> None:
    sample = sample_session()
    with_picture(sample, "001", 200, 170)
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001")
    assert abs(middle(tile, "001").lightness() - 200) < 8
    assert words(tile).count("ảnh 3 phút trước") == 1, "the age of the one that is there, and of no other"
    assert "ảnh 3 phút trước" in tile.model.data(row_of(tile, "001"), 3)


def test_an_old_one_and_one_of_a_camera_that_is_away_are_dimmed_and_say_it(qtbot: QtBot) -> None:
    sample = sample_session()
    with_picture(sample, "001", 250, 60)
    with_picture(sample, "002", 250, 3 * 3600)
    away = with_picture(sample, "003", 250, 60)
    sample.put("cameras", msgspec.structs.replace(away, online=False))
    undated = with_picture(sample, "004", 250, 60)
    sample.put("cameras", msgspec.structs.replace(undated, t_thumbnail_ns=0))
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001", "002", "003", "004")
    assert middle(tile, "001").lightness() > 230
    for number in ("002", "003", "004"):
        assert middle(tile, number).lightness() < 140, number
    assert {"ảnh 3 giờ trước", "ảnh cũ, chưa rõ lúc nào"} <= set(words(tile))


def test_it_grows_old_on_the_screen_while_nothing_arrives(qtbot: QtBot) -> None:
    sample = sample_session()
    with_picture(sample, "001", 250, 60)
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001")
    sample.clock.advance_s(OLD_NS / NS_PER_S)
    tile.on_second()
    assert middle(tile, "001").lightness() < 140
    assert "ảnh 21 phút trước" in words(tile)


def test_until_the_new_one_comes_the_old_one_stays_with_its_own_age(qtbot: QtBot) -> None:
    sample = sample_session()
    with_picture(sample, "001", 200, 600)
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001")
    new = with_picture(sample, "001", 90, 0)
    data = sample.small.have.pop(new.thumbnail)
    qtbot.waitUntil(lambda: sample.small.wanted[-1] == (new.thumbnail,))
    assert "ảnh 10 phút trước" in words(tile), "not the age that the record gives to another picture"
    assert abs(middle(tile, "001").lightness() - 200) < 8
    sample.small.have[new.thumbnail] = data
    sample.small.want((new.thumbnail,))
    arrive(qtbot, sample, tile, "001")
    assert abs(middle(tile, "001").lightness() - 90) < 8
    assert "ảnh 1 phút trước" in words(tile)


def test_masks_lie_over_it_whatever_the_hub_has_filled(qtbot: QtBot) -> None:
    sample = sample_session()
    camera = with_picture(sample, "001", 200, 60)
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001")
    assert middle(tile, "001", 0.25, 0.25).lightness() > 180
    sample.put("config", PrivacyMask("m", camera.id, ((0.0, 0.0, 0.5, 0.5),)))
    assert middle(tile, "001", 0.25, 0.25) == FILL
    assert middle(tile, "001", 0.75, 0.75).lightness() > 180


def test_only_rows_in_view_are_asked_for_and_a_hidden_list_asks_for_none(qtbot: QtBot) -> None:
    sample = sample_session()
    for n in range(1, 101):
        with_picture(sample, f"{n:03d}", 100 + n, 60)
    blobs = {sample.city.camera_by_number(f"{n:03d}").thumbnail: n for n in range(1, 101)}  # type: ignore[union-attr]
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "001", "005")
    shown = len(tile.tree.shown())
    assert {blobs[b] for want in sample.small.wanted for b in want} <= set(range(1, shown + 1))
    sample.small.wanted.clear()
    bar = tile.tree.verticalScrollBar()
    for value in range(0, 61):  # faster than anybody could see
        bar.setValue(value)
    qtbot.waitUntil(lambda: bool(sample.small.wanted))
    asked = {blobs[b] for want in sample.small.wanted for b in want}
    assert min(asked) > 55, "rows that were scrolled past are not asked for"
    sample.small.have.clear()
    bar.setValue(80)
    qtbot.waitUntil(lambda: bool(sample.small.wanted[-1]))
    tile.hide()
    assert sample.small.wanted[-1] == (), "at once: the list may be on its way out"


@pytest.mark.qt_log_ignore("marker type")
@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff nonsense", jpeg(9, (2000, 2000)), b"<html>"], ids=["bad", "huge", "text"]
)
def test_what_is_no_small_picture_is_an_empty_frame_and_is_not_asked_for_again(qtbot: QtBot, data: bytes) -> None:
    sample = sample_session()
    bad = with_picture(sample, "001", 0, 60, data)
    with_picture(sample, "002", 200, 60)
    tile = make(qtbot, sample)
    arrive(qtbot, sample, tile, "002")
    qtbot.waitUntil(lambda: bad.thumbnail in tile.pictures._broken)
    tile.on_second()
    qtbot.waitUntil(lambda: sample.small.wanted[-1] == ())
    assert middle(tile, "001") == sample.session.look.theme.tile


def test_a_picture_of_another_shape_keeps_it(qapp: QApplication) -> None:
    assert decode(jpeg(5, (640, 320)), QSize(160, 90)).size() == QSize(45, 90)
    assert decode(b"", QSize(160, 90)).isNull()


def test_age_words_never_make_it_younger() -> None:
    assert still_words(NOW_NS - 1, NOW_NS) == "ảnh 1 phút trước"
    assert still_words(NOW_NS - 61 * NS_PER_S, NOW_NS) == "ảnh 2 phút trước"
    assert still_words(NOW_NS + 30 * NS_PER_S, NOW_NS) == "ảnh 1 phút trước", "clocks differ a little"
    assert still_words(NOW_NS + 5 * MINUTE, NOW_NS) == still_words(0, NOW_NS) == "ảnh cũ, chưa rõ lúc nào"
    camera = sample_session().city.camera_by_number("001")
    assert camera is not None
    assert not is_old(camera, NOW_NS - MINUTE, NOW_NS)
    assert is_old(camera, NOW_NS + 5 * MINUTE, NOW_NS)
    assert is_old(msgspec.structs.replace(camera, enabled=False), NOW_NS, NOW_NS)


@pytest.mark.parametrize(
    ("size", "panel", "pictures", "tall"),
    [("620x800", "desk", True, True), ("620x800", "desk", False, False), ("300x800", "desk", True, False),
     ("620x420", "desk", True, False), ("1300x1040", "wall", True, True), ("1300x700", "wall", True, False)],
)  # fmt: skip
def test_rows_have_pictures_where_that_leaves_enough_of_them(
    qtbot: QtBot, size: str, panel: str, pictures: bool, tall: bool
) -> None:
    sample = sample_session()
    with_picture(sample, "001", 200, 60)
    tile = make(qtbot, sample, size, panel, pictures=pictures)
    assert (tile.rows.stills is not None) is tall
    if panel == "wall":
        assert len(tile.tree.shown()) == WALL_ROWS, "pictures cost none"
    none = make(qtbot, sample_session(), size, panel)
    assert none.rows.stills is None, "a city without a sweep keeps its rows"


@pytest.mark.parametrize(("language", "theme"), [(Language.VI, ThemeName.DARK), (Language.EN, ThemeName.LIGHT)])
@pytest.mark.parametrize(("panel", "size"), [("desk", "480x800"), ("desk", "900x1000"), ("wall", "1250x1040")])
def test_painted_text_keeps_its_rules(
    qtbot: QtBot, qapp: QApplication, theme: ThemeName, language: Language, panel: str, size: str
) -> None:
    prepare(qapp, language, theme)
    sample = sample_session(Scene.FLOOD, theme)
    numbers = [f"{n:03d}" for n in (*range(1, 12), 61, 68, 122, 183, 244, 305)]
    for n in numbers:
        with_picture(sample, n, 128, 26 * 3600 + int(n) * 3607)
    tile = make(qtbot, sample, size, panel)
    shown = [index.data(NODE_ROLE).camera for index in tile.tree.shown()]
    arrive(qtbot, sample, tile, *[camera.number for camera in shown if camera is not None and camera.thumbnail])
    with text.recording() as log:
        tile.grab()
    assert any("ngày" in item.text or "day" in item.text or " d " in item.text for item in log.items)
    assert not below_floor(log, SCALES[panel].floor)
    assert not cut(log)
    assert not overlapping(log)


def test_decoded_pictures_are_plain_and_fit(qapp: QApplication) -> None:
    image = decode(jpeg(77), QSize(160, 90))
    assert image.format() == QImage.Format.Format_RGB32
    assert image.size() == QSize(160, 90)
