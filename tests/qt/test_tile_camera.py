"""The camera tile: what it demands, what it says over the picture, and that an old picture never looks live."""

from __future__ import annotations

import msgspec
import pytest
from helpers.camera_wall import camera_tile, street_session
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.street import street_picture
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import PictureState, PictureStatus
from backends.domain.picture import Apart
from backends.domain.ports import Changes
from backends.domain.stream_choice import Why
from layouts.options import CameraOptions
from widgets.i18n import Language, tr
from widgets.parts import text
from widgets.parts.stand_in import choose
from widgets.tiles.camera import CameraTile


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    return street_session(qapp)


def tile_of(qtbot: QtBot, sample: SampleSession, options: CameraOptions) -> CameraTile:
    return camera_tile(qtbot, sample, options, (300, 200))


def words(tile: CameraTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.text for item in log.items)


def passes(tile: CameraTile, count: int = 6) -> None:
    """As the pump makes them."""
    for _ in range(count):
        tile.session.demands.flush()
        tile.on_picture_pass()


def test_it_demands_its_own_pixels_and_nothing_while_hidden(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    sample.session.demands.flush()
    (demand,) = sample.pictures.wanted
    assert (demand.camera_id, demand.width, demand.height) == ("cam-014", 300, 200)
    tile.hide()
    sample.session.demands.flush()
    assert sample.pictures.wanted == frozenset()


BIG, LITTLE = "scene:14?main", "scene:14"


def uris(sample: SampleSession) -> set[str]:
    return {demand.uri for demand in sample.pictures.wanted}


def test_a_tile_grown_above_135_percent_goes_to_the_main_stream_without_a_gap(
    qtbot: QtBot, sample: SampleSession
) -> None:
    """Its sub-stream is 360 lines high: 486 are the border."""
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    gap = tile.grab().toImage().pixelColor(100, 50)
    passes(tile)

    def one_pass() -> set[str]:
        passes(tile, 1)
        assert tile.grab().toImage().pixelColor(100, 50) != gap, f"no picture while {uris(sample)} are decoded"
        return uris(sample)

    assert one_pass() == {LITTLE}
    tile.resize(864, 486)
    assert [one_pass() for _ in range(10)][-1] == {LITTLE}
    sample.pictures.withheld.add(BIG)
    tile.resize(866, 487)
    assert [one_pass() for _ in range(10)][-1] == {LITTLE, BIG}
    assert {demand.uri for demand in sample.session.demands.wanted()} == {LITTLE}, "the old one is painted"
    sample.pictures.withheld.clear()
    assert [one_pass() for _ in range(10)][-1] == {BIG}
    use = sample.session.streams.use("cam-014")
    assert use is not None
    assert (use.pick.uri, use.why) == (BIG, Why.SIZE)


def test_what_is_left_out_is_said_on_the_tile(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    tile.resize(500, 200)

    def feel(seconds: int, late_share: float, cpu_share: float) -> str:
        sample.pictures.load = (late_share, cpu_share)
        for _ in range(seconds):
            sample.clock.advance_s(1.0)
            sample.session.streams.feel(20.0)
        passes(tile, 10)
        return words(tile)

    whole = feel(3, 0.0, 0.3)
    assert feel(3, 0.3, 0.97) == f"không làm mịn | {whole}"
    said = set()
    for width in range(300, 200, -4):
        tile.resize(width, 140)
        now = words(tile)
        assert now.endswith(whole), "which camera it is comes first, and whole"
        said.add(now.removesuffix(whole))
        if now == whole:
            break  # narrower than that no name fits beside anything: a drawn arrow stands there
    assert said == {"không làm mịn | ", "giảm hình | ", ""}
    tile.resize(90, 60)
    assert words(tile).endswith("014")
    marked = tile.grab().toImage()
    tile.resize(500, 200)
    assert feel(40, 0.0, 0.3) == whole
    tile.resize(90, 60)
    assert tile.grab().toImage() != marked, "the arrow was there"


def test_the_picture_of_one_camera_is_never_kept_under_the_name_of_another(qtbot: QtBot, sample: SampleSession) -> None:
    """068 is reported dead by the hub: what is kept is its own last picture, and there is none."""
    tile = tile_of(qtbot, sample, CameraOptions(slot="alarm", camera="014"))
    sample.session.calls.cameraCalled.emit("cam-052")
    passes(tile)
    dead = sample.city.camera("cam-068")
    assert dead is not None
    scene = msgspec.structs.replace(dead, streams=(msgspec.structs.replace(dead.streams[1], uri="scene:068"),))
    sample.put("cameras", scene)
    with_picture = tile.grab().toImage().pixelColor(100, 50)
    sample.session.calls.cameraCalled.emit("cam-068")
    passes(tile)
    assert tile.camera is not None
    assert tile.camera.number == "068"
    assert tile.grab().toImage().pixelColor(100, 50).lightness() < with_picture.lightness() / 4


def test_two_tiles_of_one_size_share_a_demand(qtbot: QtBot, sample: SampleSession) -> None:
    tile_of(qtbot, sample, CameraOptions(camera="014"))
    tile_of(qtbot, sample, CameraOptions(camera="014"))
    sample.session.demands.flush()
    assert len(sample.pictures.wanted) == 1


def test_it_repaints_only_for_a_new_picture(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    passes(tile)
    QApplication.processEvents()
    tile.grab()
    pins = sample.pictures.pins
    passes(tile)
    QApplication.processEvents()
    assert sample.pictures.pins == pins
    sample.pictures.show("cam-014", street_picture(96, 54, seed=5))
    passes(tile, 1)
    qtbot.waitUntil(lambda: sample.pictures.pins > pins)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (PictureStatus(PictureState.LOST, age_s=7.4), "MẤT HÌNH | 00:07"),
        (PictureStatus(PictureState.SLOW, age_s=2.3), "chậm hình 2 giây"),
        (PictureStatus(PictureState.WAITING_KEY), "chưa có hình"),
        (PictureStatus(PictureState.CONNECTING), "đang kết nối"),
        (PictureStatus(PictureState.REFUSED), "camera từ chối đăng nhập"),
        (PictureStatus(PictureState.NO_SOURCE, reason="connection refused"), "connection refused"),
        (PictureStatus(PictureState.LIVE, apart=Apart.ALONE), "chạy riêng"),
        (PictureStatus(PictureState.LOST, age_s=7.4, apart=Apart.WAITING), "tạm nghỉ rồi mở lại"),
    ],
)
def test_states_are_said_in_words(qtbot: QtBot, sample: SampleSession, status: PictureStatus, said: str) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    sample.pictures.set_status("cam-014", status)
    passes(tile)
    assert said in words(tile).replace(" | " if status.apart else "\0", " ")


def test_a_lost_picture_is_dark(qtbot: QtBot, sample: SampleSession) -> None:
    """The last picture must not look live: its light falls far below what it was."""
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    passes(tile)
    live = tile.grab().toImage().pixelColor(150, 30).lightness()
    sample.pictures.set_status("cam-014", PictureStatus(PictureState.LOST, age_s=9))
    passes(tile)
    lost = tile.grab().toImage().pixelColor(150, 30).lightness()
    assert lost < live / 2


def test_an_alarm_puts_flag_and_border(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="033"))
    passes(tile)
    assert "Tụ tập đông người · 09:40" in words(tile)
    corner = tile.grab().toImage().pixelColor(1, 100)
    assert corner == tile.theme.high


def test_the_alarm_slot_shows_the_stand_in_of_a_dead_camera(qtbot: QtBot, sample: SampleSession) -> None:
    dead = sample.city.camera("cam-068")
    assert dead is not None
    assert not dead.online
    shown = choose(sample.city, CameraOptions(slot="alarm", camera="014"))
    assert (shown.number, shown.for_number) == ("071", "068")
    tile = tile_of(qtbot, sample, CameraOptions(slot="alarm", camera="014"))
    passes(tile)
    assert "thay 068" in words(tile)
    # Other tiles keep their camera and name the one that stands in.
    assert choose(sample.city, CameraOptions(camera="068")).see == "071"


def test_a_living_stand_in_does_not_carry_the_failure_of_the_dead_one(qtbot: QtBot, sample: SampleSession) -> None:
    lost = next(a for a in sample.city.alarms() if "cam-068" in a.camera_ids)
    sample.put("alarms", msgspec.structs.replace(lost, camera_ids=("cam-068", "cam-071")))
    tile = tile_of(qtbot, sample, CameraOptions(camera="071"))
    passes(tile)
    assert "thay 068" in words(tile)
    assert choose(sample.city, CameraOptions(camera="068")).for_number == ""


def test_the_alarm_slot_shows_no_picture_twice_while_another_alarm_has_one(sample: SampleSession) -> None:
    """Seen alarms come after those that ask for somebody, and before a second copy of what the window shows."""
    asking = [c for a in sample.city.alarms() if a.unacknowledged or a.holder for c in a.camera_ids]
    numbers = {camera.number for c in asking if (camera := sample.city.camera(c)) is not None} | {"071"}
    seen = next(a for a in sample.city.alarms() if not a.unacknowledged and not a.holder)
    sample.put("alarms", msgspec.structs.replace(seen, camera_ids=("cam-021",)))
    shown = choose(sample.city, CameraOptions(slot="alarm", camera="014"), neighbours=frozenset(numbers - {"021"}))
    assert shown.number == "021"


def test_a_tight_flag_leaves_out_the_time_before_it_cuts_the_name(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="033"))
    tile.resize(190, 120)
    passes(tile)
    said = words(tile)
    assert "Tụ tập đông người" in said
    assert "09:40" not in said


def test_the_alarm_slot_is_calm_without_alarms(sample: SampleSession) -> None:
    sample.deliver(Changes("alarms", reset=True))
    assert choose(sample.city, CameraOptions(slot="alarm", camera="014")).number == "014"


def test_a_called_camera_comes_to_the_slot(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(slot="alarm", camera="014"))
    fixed = tile_of(qtbot, sample, CameraOptions(camera="021"))
    sample.session.calls.cameraCalled.emit("cam-052")
    assert tile.camera is not None
    assert tile.camera.number == "052"
    assert fixed.camera is not None
    assert fixed.camera.number == "021"


def test_a_scene_that_the_hub_calls_dead_is_lost_even_if_its_clip_still_runs(
    qtbot: QtBot, sample: SampleSession
) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="014"))
    camera = sample.city.camera("cam-014")
    assert camera is not None
    stream = msgspec.structs.replace(camera.streams[0], uri="scene:014")
    gone = msgspec.structs.replace(
        camera, online=False, streams=(stream,), t_state_ns=sample.clock.now_ns() - 7 * 10**9
    )
    sample.put("cameras", gone)
    tile.refresh()
    assert tile.status().state is PictureState.LOST
    assert "00:07" in words(tile)
    sample.session.demands.flush()
    assert sample.pictures.wanted == frozenset()


def test_a_number_that_nobody_has_is_said(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample, CameraOptions(camera="999"))
    assert "999" in words(tile)


def test_a_slot_without_alarm_or_camera_is_calm(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    calm = sample_session(Scene.CALM)
    tile = tile_of(qtbot, calm, CameraOptions(slot="alarm"))
    with text.recording() as log:
        tile.grab()
    shown = [item.text for item in log.items]
    assert tr("alarms.empty") in shown
    assert tr("camera.no_source") not in shown


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", [(310, 140), (310, 200), (500, 280)])
def test_lost_is_never_cut(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession, language: Language, size: tuple[int, int]
) -> None:
    prepare(qapp, language)
    tile = CameraTile(sample.session, SCALES["wall"], CameraOptions(camera="068"))
    qtbot.addWidget(tile)
    tile.resize(*size)
    tile.show()
    with text.recording() as log:
        tile.grab()
    wanted = (tr("camera.lost"), "00:07")
    shown = [item for item in log.items if any(word in item.whole for word in wanted)]
    assert shown
    assert all(item.text == item.whole and item.px >= SCALES["wall"].floor for item in shown)
