"""A camera tile that shows the past: made, given its passes, and read. For both of its sources."""

from __future__ import annotations

from helpers.camera_wall import camera_tile
from helpers.sample_city import SampleSession
from pytestqt.qtbot import QtBot

from backends.domain.camera import Demand
from backends.domain.replay import is_past
from layouts.options import CameraOptions
from widgets.parts import text
from widgets.tiles.camera import CameraTile


def tile_of(qtbot: QtBot, sample: SampleSession, number: str = "014") -> CameraTile:
    tile = camera_tile(qtbot, sample, CameraOptions(camera=number), (420, 240))
    looks(tile)
    return tile


def looks(tile: CameraTile) -> None:
    """As many passes as it takes until a new demand has its picture."""
    tile.session.demands.flush()
    for _ in range(6):
        tile.on_picture_pass()
    tile.session.demands.flush()


def words(tile: CameraTile) -> list[str]:
    with text.recording() as log:
        tile.grab()
    return [item.text for item in log.items]


def past_demand(sample: SampleSession) -> Demand | None:
    return next((demand for demand in sample.pictures.wanted if is_past(demand.uri)), None)
