"""Instant replay on a tile: what is asked for when, how it ends, and that an old picture never looks live."""

from __future__ import annotations

import pytest
from helpers.fakes import FakePictures
from helpers.sample_city import NOW_NS, SCALES, prepare
from helpers.street import street_picture
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.replay import Replay, replay_of
from backends.domain.times import ManualClock
from widgets.i18n import Language
from widgets.parts import replay_look, text
from widgets.parts.picture import PicturePainter
from widgets.parts.replay import ReplayControl, ReplaySeen
from widgets.theme import THEMES, ThemeName

S = 1_000_000_000
LIVE = Demand("cam-014", "rtsp://14/sub", 300, 200)
AT = 1000 * S
"""The monotonic clock when a test begins."""


class Room:
    """A control with its clock and pictures."""

    def __init__(self) -> None:
        self.clock = ManualClock(AT)
        self.pictures = FakePictures()
        self.control = ReplayControl(self.pictures, self.clock)
        self.control.set_live(LIVE)

    @property
    def asked(self) -> Replay:
        demand = self.control.demand()
        assert demand is not None
        replay = replay_of(demand.uri)
        assert replay is not None
        return replay

    def shows(self, at_ns: int, state: PictureState = PictureState.REPLAY) -> None:
        """The picture of this time has come."""
        self.pictures.replays[self.asked.uri] = PictureStatus(state, shown_ns=NOW_NS, shown_mono_ns=at_ns)
        self.control.look()

    def pass_s(self, seconds: float) -> None:
        """Time goes by, and with it the replay."""
        self.clock.advance_s(seconds)
        self.shows(self.asked.from_ns + round(seconds * self.asked.rate * S))


@pytest.fixture
def room(qapp: QApplication) -> Room:
    prepare(qapp)
    return Room()


@pytest.mark.parametrize("seconds", [10.0, 30.0, 60.0])
def test_back_and_at_the_end_live_again(room: Room, seconds: float) -> None:
    assert room.control.demand() is None
    assert room.control.seen() is None
    room.control.back(seconds)
    assert room.asked == Replay(LIVE.uri, AT - round(seconds * S), AT)
    room.shows(AT, PictureState.ENDED)
    assert not room.control.active
    assert room.control.demand() is None


def test_back_again_is_counted_from_what_is_seen(room: Room) -> None:
    room.control.back(10)
    room.pass_s(4)
    room.control.back(10)
    assert room.asked == Replay(LIVE.uri, AT - 16 * S, AT), "the end stays where it was"
    room.shows(AT - 16 * S)
    room.control.forward(10)
    assert room.asked.from_ns == AT - 6 * S
    room.shows(AT - 6 * S)
    room.control.forward(10)
    assert not room.control.active


def test_a_pause_stays_with_its_picture_until_it_ends(room: Room) -> None:
    room.control.back(30)
    room.pass_s(5)
    room.control.toggle_pause()
    at = AT - 25 * S
    assert (room.asked.from_ns, room.asked.until_ns) == (at, at)
    room.shows(at, PictureState.ENDED)
    assert room.control.active, "one picture is at its end at once, and stays"
    room.clock.advance_s(600)
    room.control.look()
    seen = room.control.seen()
    assert seen is not None
    assert (seen.paused, seen.behind_s) == (True, 630)
    room.control.back(10)
    assert (room.asked.from_ns, room.asked.until_ns) == (at - 10 * S, at - 10 * S)
    room.shows(at - 10 * S, PictureState.ENDED)
    room.control.toggle_pause()
    assert (room.asked.from_ns, room.asked.until_ns) == (at - 10 * S, AT)


def test_a_pause_before_the_first_picture_has_come(room: Room) -> None:
    room.control.back(30)
    room.control.toggle_pause()
    assert (room.asked.from_ns, room.asked.until_ns) == (AT - 30 * S, AT - 30 * S)


def test_rates_go_on_from_what_is_seen(room: Room) -> None:
    room.control.back(60)
    room.pass_s(10)
    room.control.faster()
    assert (room.asked.from_ns, room.asked.rate) == (AT - 50 * S, 2.0)
    room.pass_s(5)
    room.control.faster(5)
    assert (room.asked.from_ns, room.asked.rate) == (AT - 40 * S, 4.0)
    room.control.faster(-9)
    assert room.asked.rate == 0.5
    before = room.asked
    room.pass_s(4)
    room.control.set_rate(0.5)
    assert room.asked == before, "nothing is opened afresh for nothing"
    with pytest.raises(ValueError, match="none of"):
        room.control.set_rate(3.0)
    room.control.to_live()
    room.control.faster()
    assert not room.control.active


def test_a_new_replay_begins_at_its_usual_speed(room: Room) -> None:
    room.control.back(10)
    room.control.set_rate(4.0)
    room.control.to_live()
    room.clock.advance_s(100)
    room.control.back(10)
    assert room.asked == Replay(LIVE.uri, AT + 90 * S, AT + 100 * S)


def test_another_size_or_stream_goes_on_another_camera_or_none_ends(room: Room) -> None:
    room.control.back(10)
    before = room.asked
    room.control.set_live(Demand("cam-014", "rtsp://14/main", 600, 400))
    demand = room.control.demand()
    assert demand is not None
    assert (demand.width, demand.height) == (600, 400)
    assert room.asked == before, "of the stream that it was taken from"
    room.control.set_live(Demand("cam-015", "rtsp://15/sub", 300, 200))
    assert not room.control.active
    room.control.back(10)
    room.control.set_live(None)
    assert not room.control.active
    room.control.back(10)
    assert not room.control.active, "a hidden tile shows nothing again"


def test_where_there_is_nothing_it_is_said_and_live_stays(room: Room) -> None:
    room.control.back(10)
    assert not room.control.nothing
    room.pictures.replays[room.asked.uri] = PictureStatus(PictureState.NO_SOURCE, reason="nothing is kept")
    assert room.control.look() is None
    assert not room.control.active
    assert room.control.nothing
    room.clock.advance_s(5)
    assert not room.control.nothing


def test_what_is_seen_is_told_with_its_age(room: Room) -> None:
    room.control.back(30)
    assert room.control.seen() == ReplaySeen(None, 1.0, paused=False, part=0)
    room.pass_s(15)
    assert room.control.seen() == ReplaySeen(30, 1.0, paused=False, part=50)
    room.pictures.held["cam-014"] = 240.0
    assert room.control.held_s() == 240.0


class Host(QWidget):
    """A picture with the look of replays over it, as a tile has it."""

    def __init__(self, room: Room, scale: str, theme: ThemeName) -> None:
        super().__init__()
        self.room, self.scale, self.theme = room, SCALES[scale], THEMES[theme]
        self.painter = PicturePainter(room.pictures, LIVE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.painter.paint(painter, self.rect())
        whole = QRectF(self.rect())
        if (seen := self.room.control.seen()) is not None:
            replay_look.draw(painter, whole, seen, NOW_NS, self.theme, self.scale)
        elif self.room.control.nothing:
            replay_look.draw_nothing(painter, whole, self.room.control.nothing, self.theme, self.scale)
        painter.end()


def host(
    qtbot: QtBot, room: Room, size: tuple[int, int], scale: str = "desk", theme: ThemeName = ThemeName.DARK
) -> Host:
    made = Host(room, scale, theme)
    room.pictures.show("cam-014", street_picture(320, 180, seed=14))
    qtbot.addWidget(made)
    made.resize(*size)
    return made


def said(widget: QWidget) -> list[str]:
    with text.recording() as log:
        widget.grab()
    return [item.text for item in log.items]


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (420, ["XEM LẠI", "09:41:07", "25 giây trước", "2x"]),
        (270, ["XEM LẠI", "09:41:07", "−00:25", "2x"]),
        (200, ["XEM LẠI", "09:41:07", "2x"]),
        (178, ["XEM LẠI", "09:41:07"]),
        (130, ["XEM LẠI"]),
    ],
)
def test_the_title_is_said_in_any_room(
    qtbot: QtBot, qapp: QApplication, room: Room, width: int, words: list[str]
) -> None:
    prepare(qapp)
    room.control.back(30)
    room.pass_s(0)
    room.control.set_rate(2.0)
    room.pass_s(5)
    assert said(host(qtbot, room, (width, 150))) == words


def test_it_says_that_it_opens_is_paused_or_found_nothing(qtbot: QtBot, qapp: QApplication, room: Room) -> None:
    prepare(qapp)
    widget = host(qtbot, room, (420, 240))
    assert said(widget) == [], "live"
    room.control.back(30)
    assert said(widget) == ["XEM LẠI", "đang mở"]
    room.pass_s(0)
    room.control.toggle_pause()
    room.shows(AT - 30 * S, PictureState.ENDED)
    assert said(widget) == ["XEM LẠI", "09:41:02", "30 giây trước", "TẠM DỪNG"]
    room.control.to_live()
    room.control.back(30)
    room.pictures.replays[room.asked.uri] = PictureStatus(PictureState.NO_SOURCE, reason="nothing is kept")
    room.control.look()
    assert said(widget) == ["không có hình để xem lại"]


@pytest.mark.parametrize("theme", list(ThemeName))
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("scale", "size"), [("desk", (310, 180)), ("desk", (640, 360)), ("wall", (480, 270))])
def test_it_looks_like_nothing_else(
    qtbot: QtBot,
    qapp: QApplication,
    room: Room,
    theme: ThemeName,
    language: Language,
    scale: str,
    size: tuple[int, int],
) -> None:
    prepare(qapp, language, theme)
    widget = host(qtbot, room, size, scale, theme)
    live = widget.grab().toImage()
    room.control.back(60)
    room.pass_s(20)
    with text.recording() as log:
        old = widget.grab().toImage()
    for item in log.items:
        assert item.text == item.whole
        assert item.px >= SCALES[scale].floor
    colour = THEMES[theme].replay
    edges = [(1, size[1] // 2), (size[0] - 2, size[1] // 2), (size[0] // 2, size[1] - 2), (3, 3)]
    assert all(old.pixelColor(x, y) == colour for x, y in edges), "framed on all four sides"
    assert all(live.pixelColor(x, y) != colour for x, y in edges)
    assert same_middle(live, old), "the picture itself is left as it is"
    for part in replay_look.parts(QRectF(0, 0, *size), SCALES[scale]):
        assert QRectF(0, 0, *size).contains(part)


def same_middle(one: QImage, other: QImage) -> bool:
    x, y = one.width() // 4, one.height() // 2
    return one.copy(x, y, 2 * x, y // 2) == other.copy(x, y, 2 * x, y // 2)
