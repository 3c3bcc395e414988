"""What a screen says of the cameras that it shows, and how the list tells of stations that disagree."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import NOW_NS, prepare, sample_session
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from backends.domain.camera import Demand, PictureState, PictureStatus, Sight, StationSight
from backends.domain.picture import PictureFlag
from backends.domain.stream_choice import View
from widgets.models.camera_seen import seen_of, sights_words
from widgets.parts.sight_teller import EVERY, SightTeller


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> None:
    prepare(qapp)


class Seconds(QObject):
    """The pump, as far as it is needed."""

    secondPassed = Signal()


class SomeTile:
    def on_demand(self, demand: Demand | None) -> None:
        """It paints nothing."""


def test_all_that_is_shown_is_told_every_few_seconds_and_of_two_tiles_the_better_one() -> None:
    sample, seconds, told = sample_session(), Seconds(), []
    teller = SightTeller(sample.session.demands, sample.pictures, seconds, told.append)  # type: ignore[arg-type]
    for number, size in (("001", 300), ("001", 400), ("002", 300), ("003", 300)):
        sample.session.demands.set(SomeTile(), View(f"cam-{number}", size, 200))
    sample.session.demands.flush()
    sample.pictures.set_status("cam-001", PictureStatus(PictureState.LIVE))
    sample.pictures.set_status("cam-002", PictureStatus(PictureState.LOST, age_s=9.0))
    for _ in range(2 * EVERY):
        seconds.secondPassed.emit()
    assert [sorted(sights, key=lambda one: one.camera) for sights in told] == [
        [Sight("cam-001"), Sight("cam-002", online=False)]
    ] * 2, "what is just being opened is not told"
    assert teller


def test_the_list_says_that_stations_disagree_and_what_each_sees() -> None:
    camera = sample_session().city.camera_by_number("001")
    assert camera is not None
    one, other = StationSight("desk-1"), StationSight("wall-1", online=False)
    disputed = msgspec.structs.replace(camera, sights=(other, one))
    assert seen_of(disputed, None, NOW_NS).words == "các trạm thấy khác nhau"
    assert seen_of(disputed, None, NOW_NS).trouble
    assert sights_words(disputed) == ["wall-1: mất kết nối", "desk-1: có kết nối"]
    flagged = msgspec.structs.replace(camera, sights=(one, msgspec.structs.replace(one, flags=(PictureFlag.BLACK,))))
    assert sights_words(flagged) == ["desk-1: có kết nối", "desk-1: có kết nối · hình đen"]
    alone = msgspec.structs.replace(camera, sights=(other,))
    assert sights_words(alone) == ["wall-1: mất kết nối", "trung tâm: có kết nối"]
    assert sights_words(msgspec.structs.replace(camera, sights=(one,))) == []
    assert seen_of(msgspec.structs.replace(alone, online=False), None, NOW_NS).words == "mất kết nối"
