"""Privacy masks: what lies under one is on no tile and in no still, at any zoom and in any shape of the tile."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.sample_city import SCALES, SampleSession
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from backends.domain.place import Box, PrivacyMask, masks_of
from backends.domain.ports import Changes
from layouts.options import CameraOptions
from widgets.parts.camera_zoom import WHOLE, Crop
from widgets.parts.privacy import FILL, burn_masks
from widgets.tiles.camera import CameraTile

SECRET: Box = (0.5, 0.25, 0.25, 0.25)
"""White in the test's picture; all else is black."""


def picture(width: int, height: int, shape: tuple[int, int] = (16, 9)) -> np.ndarray:
    """As the scaler makes it: the whole picture at the top, bars where the shapes differ."""
    made = np.zeros((height, width, 4), np.uint8)
    inner_w = min(width, round(height * shape[0] / shape[1]))
    inner_h = min(height, round(width * shape[1] / shape[0]))
    left = (width - inner_w) // 2
    x, y, w, h = SECRET
    top, bottom = round(y * inner_h), round((y + h) * inner_h)
    made[top:bottom, left + round(x * inner_w) : left + round((x + w) * inner_w)] = 255
    return made


def white(tile: CameraTile) -> int:
    """Pixels above the caption that are as white as the secret."""
    image = tile.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return int((rows[: image.height() - 30, :, :3].min(axis=2) > 240).sum())


def tile_of(qtbot: QtBot, sample: SampleSession, size: tuple[int, int], made: np.ndarray) -> CameraTile:
    sample.pictures.sizes["cam-014"] = (1920, 1080)
    sample.pictures.show("cam-014", made)
    tile = CameraTile(sample.session, SCALES["desk"], CameraOptions(camera="014"))
    tile.resize(*size)
    qtbot.addWidget(tile)
    tile.show()
    qtbot.waitExposed(tile)
    sample.session.demands.flush()
    return tile


@pytest.mark.parametrize("size", [(480, 270), (480, 400), (700, 270)])
@pytest.mark.parametrize("crop", [WHOLE, (0.4, 0.2, 0.5, 0.5), (0.55, 0.3, 0.1, 0.1)])
def test_what_is_under_a_mask_is_not_seen(
    qtbot: QtBot, sample: SampleSession, size: tuple[int, int], crop: Crop
) -> None:
    tile = tile_of(qtbot, sample, size, picture(*size))
    tile.picture.look_at(crop)
    assert white(tile) > 500  # the control: without a mask it is there
    sample.put("config", PrivacyMask("m1", "cam-014", (SECRET,)))
    tile.on_feeds(frozenset({"config"}))
    assert white(tile) == 0


@pytest.mark.parametrize("made_for", [(240, 270), (960, 270)])
def test_also_while_the_picture_of_another_size_stands_in(
    qtbot: QtBot, sample: SampleSession, made_for: tuple[int, int]
) -> None:
    tile = tile_of(qtbot, sample, (480, 270), picture(*made_for))
    assert white(tile) > 500
    sample.put("config", PrivacyMask("m1", "cam-014", (SECRET,)))
    tile.on_feeds(frozenset({"config"}))
    assert white(tile) == 0


def test_a_mask_of_another_camera_covers_nothing(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, (480, 270), picture(480, 270))
    before = white(tile)
    sample.put("config", PrivacyMask("m1", "cam-021", (SECRET,)))
    tile.on_feeds(frozenset({"config"}))
    assert white(tile) == before
    sample.put("config", PrivacyMask("m2", "cam-014", (SECRET,)))
    tile.on_feeds(frozenset({"config"}))
    sample.deliver(Changes("config", deleted=("m2",)))
    tile.on_feeds(frozenset({"config"}))
    assert white(tile) == before


def test_masks_are_burnt_into_stills() -> None:
    pixels = picture(640, 360)
    image = QImage(pixels.tobytes(), 640, 360, 640 * 4, QImage.Format.Format_RGB32).copy()
    burn_masks(image, (SECRET,))
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(360, 640, 4)
    assert int((rows[:, :, :3].min(axis=2) > 240).sum()) == 0
    assert QColor(image.pixel(400, 130)) == FILL
    assert image.pixelColor(100, 300) == QColor("black")


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((-1.0, -1.0, 5.0, 5.0), (0.0, 0.0, 1.0, 1.0)),
        ((0.5, 0.5, 0.9, 0.1), (0.5, 0.5, 0.5, 0.1)),
        ((0.2, 0.2, 0.0, 0.5), None),
        ((0.2, 0.2, -0.1, 0.5), None),
        ((2.0, 2.0, 0.5, 0.5), None),
        ((float("nan"), 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)),  # rather too much
    ],
)
def test_boxes_from_outside_are_cut_to_the_picture(box: Box, cut: Box | None) -> None:
    found = masks_of([PrivacyMask("m1", "c", (box,)), "no mask"], "c")
    assert found == (() if cut is None else (pytest.approx(cut),))
