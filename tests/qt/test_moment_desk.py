"""The moment of an alarm: kept where its camera is shown, framed as an old picture, played on the tile for alarms."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.sample_city import NOW_NS, SampleSession
from helpers.street import street_picture
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.camera import PictureState, PictureStatus
from backends.domain.feeds import Mode
from backends.domain.moment import Moment, MomentRule
from backends.domain.picture import PictureFlag
from backends.domain.place import PrivacyMask
from backends.domain.ports import Changes, LinkStatus
from backends.domain.replay import kept_name
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind
from widgets.moment_desk import MomentDesk
from widgets.moment_file import read_moments, read_still
from widgets.parts import text
from widgets.parts.privacy import FILL
from widgets.parts.replay_look import when
from widgets.pump import Pump
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.camera import CameraTile
from widgets.windows.wall import Wall, tile_kinds

S = NS_PER_S


class Room:
    """A wall with the layout "overview", and the desk that keeps moments."""

    def __init__(self, sample: SampleSession, folder: Path, rule: MomentRule | None = None) -> None:
        self.sample, self.folder = sample, folder
        self.pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
        described = {"1": Monitor("1", 0, 0, 0, 0, 24.0, PanelKind.DESK)}
        self.wall = Wall(sample.session, self.pump, load_layouts(tile_kinds()), described, windowed=True)
        self.wall.show_layout("overview")
        self.desk = MomentDesk(sample.session, self.pump, folder, rule or MomentRule())
        self.go_on()

    def go_on(self, passes: int = 12) -> None:
        for _ in range(passes):
            self.sample.clock.advance_s(0.02)
            self.pump.run_pass()
            QApplication.processEvents()

    def tiles(self) -> list[CameraTile]:
        return [t for t in self.wall.windows[0].tiles.values() if isinstance(t, CameraTile)]

    def shown(self) -> str:
        """Id of a camera that a tile shows, which no alarm looks through."""
        found = (tile for tile in self.tiles() if not tile.options.slot and tile.camera and not tile.alarmed)
        camera = next(found).camera
        assert camera is not None
        return camera.id

    def raise_alarm(self, *cameras: str, ago_s: float = 1.0, **more: object) -> Alarm:
        raised_ns = self.sample.clock.now_ns() - round(ago_s * S)
        made = Alarm(
            f"new-{len(self.sample.city.records('alarms'))}", Priority.HIGH, AlarmState.UNACKNOWLEDGED,
            LocalText("Ngập sâu"), raised_ns, camera_ids=cameras,
        )  # fmt: skip
        alarm = replace(made, **more)
        self.sample.put("alarms", alarm)
        return alarm

    def close(self) -> None:
        self.desk.close()
        self.wall.close()
        QApplication.processEvents()


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    for camera in sample.city.records("cameras").values():
        sample.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return sample


@pytest.fixture
def build(qtbot: QtBot, sample: SampleSession, tmp_path: Path) -> Iterator[Callable[..., Room]]:
    rooms: list[Room] = []

    def room(rule: MomentRule | None = None) -> Room:
        rooms.append(Room(sample, tmp_path / "moments", rule))
        return rooms[-1]

    yield room
    for one in rooms:
        one.close()


def kept(qtbot: QtBot, room: Room, alarm: Alarm) -> Moment:
    book = room.sample.session.moments
    qtbot.waitUntil(lambda: book.of(alarm) is not None)
    found = book.of(alarm)
    assert found is not None
    return found


def test_the_still_and_the_clip_of_a_shown_camera_are_kept(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    camera_id = room.shown()
    alarm = room.raise_alarm("cam-nobody", camera_id, ago_s=2.0)
    moment = kept(qtbot, room, alarm)
    assert (moment.camera_id, moment.alarm_id, moment.t_raised_ns) == (camera_id, alarm.id, alarm.t_raised_ns)
    ((name, demand, from_ns, until_ns),) = sample.pictures.clips
    assert (name, demand.camera_id) == (moment.name, camera_id)
    assert (from_ns, until_ns) == (moment.from_ns, moment.until_ns)
    raised_ns = round(sample.clock.monotonic_s() * S) - 2 * S
    assert abs(from_ns - (raised_ns - 5 * S)) < S // 2
    assert abs(until_ns - from_ns - 10 * S) <= 2, "to the nanosecond or two"
    files = sorted(path.name for path in room.folder.iterdir())
    assert files == [f"{moment.name}.jpg", f"{moment.name}.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in room.folder.iterdir()} == {0o600}
    assert read_moments(room.folder) == [moment]
    still = read_still(room.folder, moment)
    assert still is not None
    assert still.width() <= 640


@pytest.mark.parametrize(
    "why", ["medium", "old", "unseen", "dead", "covered", "replayed", "off"]
)  # fmt: skip
def test_what_the_rule_or_the_picture_does_not_give_is_not_kept(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession, why: str
) -> None:
    room = build(MomentRule(most=0) if why == "off" else None)
    camera_id = room.shown()
    if why == "dead":
        sample.pictures.set_status(camera_id, PictureStatus(PictureState.LOST, age_s=9.0))
    elif why == "covered":
        camera = sample.city.camera(camera_id)
        assert camera is not None
        sample.put("cameras", replace(camera, flags=(PictureFlag.COVERED,)))
    elif why == "replayed":
        sample.deliver(replace(sample.city.link, mode=Mode.REPLAY))
    assert isinstance(sample.city.link, LinkStatus)
    more = {"priority": Priority.MEDIUM} if why == "medium" else {}
    camera = "cam-300" if why == "unseen" else camera_id
    room.raise_alarm(camera, ago_s=60.0 if why == "old" else 1.0, **more)
    room.pump.secondPassed.emit()
    assert sample.pictures.clips == []


def test_a_camera_that_is_being_opened_is_waited_for_a_little(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    camera_id = room.shown()
    sample.pictures.set_status(camera_id, PictureStatus(PictureState.CONNECTING))
    alarm = room.raise_alarm(camera_id)
    assert sample.pictures.clips == []
    sample.pictures.set_status(camera_id, PictureStatus(PictureState.LIVE))
    room.pump.secondPassed.emit()
    assert kept(qtbot, room, alarm).camera_id == camera_id
    late = room.raise_alarm("cam-300")
    sample.clock.advance_s(6.0)
    room.pump.secondPassed.emit()
    assert room.desk._waiting == []
    assert sample.session.moments.of(late) is None


def test_alarms_of_one_camera_at_one_time_share_what_is_kept(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    camera_id = room.shown()
    first = kept(qtbot, room, room.raise_alarm(camera_id))
    second = kept(qtbot, room, room.raise_alarm(camera_id))
    assert second.base == first.name
    assert len(sample.pictures.clips) == 1
    assert sample.session.moments.picture(second) is not None
    sample.clock.advance_s(20.0)
    kept(qtbot, room, room.raise_alarm(camera_id))
    assert len(sample.pictures.clips) == 2


def test_what_must_not_be_seen_is_not_in_the_still(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    camera_id = room.shown()
    sample.put("config", PrivacyMask("mask-1", camera_id, ((0.0, 0.0, 1.0, 1.0),)))
    moment = kept(qtbot, room, room.raise_alarm(camera_id))
    still = read_still(room.folder, moment)
    assert still is not None
    middle = still.pixelColor(still.width() // 2, still.height() // 2)
    assert abs(middle.lightness() - FILL.lightness()) < 8


def test_too_many_go_oldest_first_and_are_no_longer_told(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build(MomentRule(most=1))
    camera_id = room.shown()
    first = room.raise_alarm(camera_id)
    moment = kept(qtbot, room, first)
    (room.folder / f"{moment.name}.clip").write_bytes(b"a clip")
    sample.clock.advance_s(20.0)
    second = room.raise_alarm(camera_id)
    now = kept(qtbot, room, second)
    qtbot.waitUntil(lambda: sample.session.moments.of(first) is None)
    assert {path.stem for path in room.folder.iterdir()} == {now.name}


def test_a_restart_finds_them_again(build: Callable[..., Room], qtbot: QtBot, sample: SampleSession) -> None:
    room = build()
    alarm = room.raise_alarm(room.shown())
    moment = kept(qtbot, room, alarm)
    sample.session.moments.drop((moment.name,))
    (room.folder / "other.json").write_text("{}")
    build()
    assert kept(qtbot, room, alarm) == moment
    assert len(sample.pictures.clips) == 1, "what stood already is no news"


# -- on the screen -----------------------------------------------------------------------------------------------------


def words(tile: AlarmsTile | CameraTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.whole for item in log.items)


def list_of(room: Room) -> AlarmsTile:
    tiles = room.wall.windows[0].tiles.values()
    return next(tile for tile in tiles if isinstance(tile, AlarmsTile))


def test_the_history_shows_the_picture_framed_as_an_old_one(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    alarm = room.raise_alarm(room.shown())
    moment = kept(qtbot, room, alarm)
    white = QImage(320, 180, QImage.Format.Format_RGB32)
    white.fill(QColor("#ffffff"))
    sample.session.moments.put_picture(moment.base, white)
    tile = list_of(room)
    tile.choose(alarm.id)
    before = words(tile)
    assert "Ctrl+Shift+F8" not in before
    qtbot.keyClick(tile.view, Qt.Key.Key_Right)
    said = words(tile)
    assert "XEM LẠI" in said.upper()
    assert "Ctrl+Shift+F8" in said
    assert moment.number in said
    assert when(moment.t_ns, NOW_NS) in said, "with its day and time"
    picture = tile.panel.grab().toImage()
    columns = [x for x in range(picture.width()) if picture.pixelColor(x, picture.height() // 2) == QColor("#ffffff")]
    assert columns, "the picture is there"
    frame = picture.pixelColor(columns[-1] + 1, picture.height() // 2)
    assert frame == sample.session.look.theme.replay


def test_the_key_plays_the_clip_on_the_tile_kept_for_alarms_as_an_old_picture(
    build: Callable[..., Room], qtbot: QtBot, sample: SampleSession
) -> None:
    room = build()
    alarm = room.raise_alarm(room.shown())
    moment = kept(qtbot, room, alarm)
    kept_tile = next(tile for tile in room.tiles() if tile.options.slot)
    tile = list_of(room)
    tile.choose(alarm.id)
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(tile.view, Qt.Key.Key_F8, modifiers)
    room.go_on(3)
    assert kept_tile.camera is not None
    assert kept_tile.camera.id == moment.camera_id
    seen = kept_tile.replay
    assert seen is not None
    assert seen.t_ns == (moment.t_ns + moment.from_ns - moment.mono_ns) // S * S
    uris = {demand.uri for demand in sample.pictures.wanted if kept_name(demand.uri)}
    assert {kept_name(uri) for uri in uris} == {moment.name}
    (uri,) = uris
    at_ns = moment.from_ns + 3 * S
    sample.pictures.replays[uri] = PictureStatus(PictureState.REPLAY, shown_mono_ns=at_ns)
    room.go_on()
    seen = kept_tile.replay
    assert seen is not None
    assert seen.behind_s is not None
    assert abs(seen.behind_s - 4) <= 1, "raised a second ago; the clip began five before, and three have passed"
    assert "XEM LẠI" in words(kept_tile).upper()
    sample.pictures.replays[uri] = PictureStatus(PictureState.ENDED, shown_mono_ns=moment.until_ns)
    room.go_on()
    assert kept_tile.replay is None, "it is live again"


def test_an_alarm_without_one_is_told_in_words(build: Callable[..., Room], qtbot: QtBot, sample: SampleSession) -> None:
    room = build()
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    tile = list_of(room)
    tile.choose("al-crowd")
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(tile.view, Qt.Key.Key_F8, modifiers)
    assert len(told) == 1
    sample.deliver(Changes("alarms", deleted=("al-crowd",)))
    assert sample.clock.now_ns() >= NOW_NS
