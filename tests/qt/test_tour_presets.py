"""Tours that send cameras to presets: when the feeder is asked, when the camera is left, and what the tile says."""

from __future__ import annotations

import msgspec
import pytest
from helpers.camera_wall import camera_tile
from helpers.sample_city import SampleSession, Scene, prepare, sample_session
from helpers.street import street_picture
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.access import Grant
from backends.domain.device import Preset
from backends.domain.people import Role
from backends.domain.turning import PatrolStop, TurnAct, TurnStage
from layouts.options import CameraOptions, TourStop
from widgets.hands import Ask
from widgets.i18n import Language, set_language, tr
from widgets.parts import text
from widgets.parts.tour_presets import AGAIN_S
from widgets.tiles.camera import CameraTile

PRESETS = (Preset("p1", "Cổng chính"), Preset("p2", "Bãi xe"))
TOUR = {"tour": ["014", {"camera": "021", "preset": "Bãi xe", "dwell_s": 15}, "052"], "dwell_s": 10}


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    prepare(qapp)
    made = sample_session(Scene.CALM)
    cameras = [msgspec.structs.replace(c, turns=c.number != "052") for c in made.city.records("cameras").values()]
    made.put("cameras", *cameras)
    for camera in cameras:
        made.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return made


def touring(qtbot: QtBot, sample: SampleSession, options: dict[str, object]) -> CameraTile:
    """A tile whose tour has just begun."""
    tile = camera_tile(qtbot, sample, msgspec.convert(options, CameraOptions))
    tile.set_place("0.1", "1")
    tile.on_second()
    return tile


@pytest.fixture
def tile(qtbot: QtBot, sample: SampleSession) -> CameraTile:
    return touring(qtbot, sample, TOUR)


def seconds(tile: CameraTile, sample: SampleSession, count: int) -> list[str]:
    seen = []
    for _ in range(count):
        sample.clock.advance_s(1)
        tile.on_second()
        sample.session.demands.flush()
        seen.append(tile.camera.number if tile.camera else "")
    return seen


def asked(sample: SampleSession) -> list[tuple[str, TurnAct, str]]:
    """(camera, act, preset; empty: it is left), in order."""
    return [(w.camera_id, w.act, w.stops[0].preset if w.stops else "") for w in sample.turning.wishes]


def tell(sample: SampleSession, stage: TurnStage, code: str = "", camera: str = "cam-021", **more: object) -> None:
    sample.turning.say(camera, stage, code, **more)
    sample.deliver()


def words(tile: CameraTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.text for item in log.items)


COMES = ("cam-021", TurnAct.TOUR, "Bãi xe")
LEAVES = ("cam-021", TurnAct.TOUR, "")


def test_a_camera_is_sent_before_its_picture_comes_and_left_after_its_own_time(
    tile: CameraTile, sample: SampleSession
) -> None:
    assert set(seconds(tile, sample, 5)) == {"014"}
    assert asked(sample) == []
    assert set(seconds(tile, sample, 3)) == {"014"}
    assert asked(sample) == [COMES], "while its picture is asked for"
    wish = sample.turning.wishes[0]
    assert (wish.stops, wish.number > 0) == ((PatrolStop("Bãi xe", 15.0),), True)
    tell(sample, TurnStage.TURNING, patrol=True, presets=PRESETS)
    seen = seconds(tile, sample, 16)
    assert seen[-15:] == ["021"] * 15
    assert tr("turn.patrol") in words(tile)
    assert asked(sample) == [COMES], "once"
    assert seconds(tile, sample, 2)[-1] == "052"
    assert asked(sample) == [COMES, LEAVES]
    assert sample.turning.wishes[1].number == wish.number
    tell(sample, TurnStage.ENDED, "given_back")
    assert "vị trí đặt sẵn" not in words(tile)


def test_one_camera_with_two_presets_is_one_time_of_having_it(qtbot: QtBot, sample: SampleSession) -> None:
    stops = [{"camera": "021", "preset": name, "dwell_s": 5} for name in ("Cổng chính", "Bãi xe")]
    tile = touring(qtbot, sample, {"tour": [*stops, "014"], "dwell_s": 5})
    tell(sample, TurnStage.TURNING, patrol=True, presets=PRESETS)
    assert seconds(tile, sample, 4) == ["021"] * 4
    assert [one[2] for one in asked(sample)] == ["Cổng chính"], "what is shown is not turned away before its time"
    assert seconds(tile, sample, 5)[-1] == "021"
    assert [one[2] for one in asked(sample)] == ["Cổng chính", "Bãi xe"]
    assert seconds(tile, sample, 3)[-1] == "014"
    assert asked(sample)[-1] == LEAVES
    assert len({wish.number for wish in sample.turning.wishes}) == 1


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    ("stage", "code", "more", "why"),
    [
        (TurnStage.ENDED, "held", {"holder": "Minh"}, ("turn.other", {"name": "Minh"})),
        (TurnStage.ENDED, "taken", {"holder": "Minh"}, ("turn.other", {"name": "Minh"})),
        (TurnStage.ENDED, "no_answer", {}, ("turn.end.no_answer", {})),
        (TurnStage.TURNING, "", {"patrol": True, "text": "away"}, ("turn.tour.camera", {"text": "away"})),
        (TurnStage.TURNING, "", {"patrol": True, "text": "?", "presets": PRESETS[:1]}, ("turn.tour.no_preset", {})),
    ],
    ids=["held", "taken", "no hub", "the camera does not answer", "no such preset"],
)
def test_why_it_is_not_there_is_said_and_the_tour_goes_on(
    tile: CameraTile, sample: SampleSession, stage: TurnStage, code: str, more: dict[str, object],
    why: tuple[str, dict[str, str]], language: Language,
) -> None:  # fmt: skip
    set_language(language)
    seconds(tile, sample, 9)
    tell(sample, stage, code, **more)
    assert seconds(tile, sample, 2)[-1] == "021"
    assert tr("turn.tour.not_there", preset="Bãi xe", why=tr(why[0], **why[1])) in words(tile)
    assert seconds(tile, sample, 15)[-1] == "052"
    assert "Bãi xe" not in words(tile)


def test_it_is_asked_for_again_while_its_stop_lasts(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 9)
    tell(sample, TurnStage.ENDED, "held", holder="Minh")
    seconds(tile, sample, int(AGAIN_S) - 3)
    assert asked(sample) == [COMES]
    seconds(tile, sample, 3)
    assert asked(sample) == [COMES, COMES]
    assert "Minh" in words(tile), "until there is another answer"
    tell(sample, TurnStage.TURNING, patrol=True, presets=PRESETS)
    assert "Minh" not in words(tile)
    assert sample.turning.wishes[0].number < sample.turning.wishes[1].number


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        (Grant("", "", Role.VIEWER), "nobody_signed_in"),
        (Grant("ha", "Thu Hà", Role.OPERATOR, locked=True), "locked"),
        (Grant("x", "Xem", Role.VIEWER), "not_allowed"),
    ],
)
def test_who_may_not_turn_is_not_asked_for(tile: CameraTile, sample: SampleSession, grant: Grant, code: str) -> None:
    sample.deliver(grant)
    seconds(tile, sample, 11)
    assert asked(sample) == []
    assert tr(f"turn.end.{code}") in words(tile)


def test_a_camera_that_cannot_be_turned(qtbot: QtBot, sample: SampleSession) -> None:
    tile = touring(qtbot, sample, {"tour": [{"camera": "052", "preset": "1"}, "014"]})
    assert asked(sample) == []
    assert tr("turn.tour.cannot") in words(tile)


def test_a_hidden_tile_turns_nothing(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 8)
    tile.hide()
    assert asked(sample) == [COMES, LEAVES]
    seconds(tile, sample, 60)
    assert len(asked(sample)) == 2


def test_what_a_person_puts_on_the_tile_or_looks_back_at_is_not_turned(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 12)
    sample.session.hands.put(tile.place, "cam-033", "cam-021")
    assert asked(sample) == [COMES, LEAVES]
    sample.session.hands.release(tile.place)
    assert asked(sample) == [COMES, LEAVES, COMES]
    seconds(tile, sample, 1)
    assert tile.act(Ask.BACK_10)
    tile.on_second()
    assert asked(sample) == [COMES, LEAVES, COMES, LEAVES]


def test_a_hand_on_the_tile_has_the_camera(tile: CameraTile, sample: SampleSession) -> None:
    seconds(tile, sample, 12)
    tell(sample, TurnStage.TURNING, patrol=True, presets=PRESETS)
    sample.clock.advance_s(0.1)
    assert tile.act(Ask.TURN)
    tell(sample, TurnStage.TURNING, presets=PRESETS)
    assert tr("turn.mine") in words(tile)
    assert "Bãi xe" not in words(tile)
    assert set(seconds(tile, sample, 40)) == {"021"}, "the tour holds"
    assert asked(sample)[1:] == [("cam-021", TurnAct.TAKE, "")], "and asks for nothing that a hand is on"
    assert tile.turn.active, "nor does its waiting end the hand"


def test_the_second_tour_over_a_camera_shows_the_picture_alone(
    qtbot: QtBot, tile: CameraTile, sample: SampleSession
) -> None:
    seconds(tile, sample, 8)
    tell(sample, TurnStage.TURNING, patrol=True, presets=PRESETS)
    other = touring(qtbot, sample, {"tour": [{"camera": "021", "preset": "Cổng chính"}, "014"]})
    assert asked(sample) == [COMES]
    assert tr("turn.tour.other") in words(other)
    other.hide()
    assert asked(sample) == [COMES], "what it never had it does not leave"


@pytest.mark.parametrize(
    "entry",
    [
        {"preset": "3"},
        {"camera": ""},
        {"camera": "001-003", "preset": "3"},
        {"camera": "021", "preset": "3", "dwell_s": 1},
        {"camera": "021", "presets": "3"},
        21,
    ],
)
def test_a_stop_that_makes_no_sense_is_refused(entry: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"tour": ["014", entry]}, CameraOptions)


def test_stops_of_a_tour() -> None:
    options = msgspec.convert({"tour": ["001-002", {"camera": "021", "preset": "3"}]}, CameraOptions)
    assert options.stops == (TourStop("001"), TourStop("002"), TourStop("021", "3"))
    twice = msgspec.convert({"tour": [{"camera": "021", "preset": one} for one in ("1", "2")]}, CameraOptions)
    assert len(twice.stops) == 2
