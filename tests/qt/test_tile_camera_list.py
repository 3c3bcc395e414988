"""The camera list: what rows say, searching, opening, favourites, calling up, and the rules of painted text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QImage, QInputMethodEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from backends.domain.access import Grant
from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.feeds import FeedQuality
from backends.domain.people import Role
from backends.domain.ports import Changes
from backends.domain.stream_choice import View
from backends.domain.text import LocalText
from layouts.options import CameraListOptions
from widgets.i18n import Language, tr
from widgets.memory import SELECTED
from widgets.models.cameras import NODE_ROLE, Kind
from widgets.parts import text
from widgets.parts.text import TextLog
from widgets.theme import ThemeName
from widgets.tiles.camera_list import WALL_ROWS, CameraListTile


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


class SomeTile:
    """Has a camera on the screen."""

    def on_demand(self, demand: Demand | None) -> None:
        """It paints nothing."""


def in_wards(sample: SampleSession) -> None:
    """The sample's cameras in the nine wards, two of them at one place."""
    cameras = sample.city.records("cameras").values()
    placed = [msgspec.structs.replace(c, area_id=f"ward-{int(c.number) % 9 + 1}", rev=2) for c in cameras]
    pair = [
        msgspec.structs.replace(c, area_id="ward-1", site="embankment") for c in placed if c.number in ("068", "071")
    ]
    sample.put("cameras", *placed, *pair)


def make(
    qtbot: QtBot, sample: SampleSession, size: str = "500x420", panel: str = "desk",
    options: CameraListOptions | None = None,
) -> CameraListTile:  # fmt: skip
    tile = CameraListTile(sample.session, SCALES[panel], options or CameraListOptions())
    qtbot.addWidget(tile)
    width, height = (int(n) for n in size.split("x"))
    tile.resize(width, height)
    sample.city.feedsChanged.connect(tile.on_feeds)
    tile.show()
    return tile


def painted(tile: CameraListTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


def words(tile: CameraListTile) -> list[str]:
    return [item.text for item in painted(tile).items]


def row_of(tile: CameraListTile, number: str) -> QModelIndex:
    for group in tile.model.groups():
        for node in group.cameras():
            if node.camera is not None and node.camera.number == number:
                return tile.model.index_of(node)
    raise AssertionError(f"{number} is not in the list")


def type_in(tile: CameraListTile, typed: str) -> None:
    """As an input method commits it; keyClicks with Vietnamese letters aborts Qt."""
    assert tile.field is not None
    event = QInputMethodEvent()
    event.setCommitString(typed)
    QApplication.sendEvent(tile.field, event)


# -- what is shown -------------------------------------------------------------------------------------------


def test_all_of_a_city_without_areas_stand_open(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    said = words(tile)
    assert tile.title() == "Danh sách camera"
    assert tile.summary() == "364 camera · 6 có lỗi"
    assert "Tất cả camera" in said
    assert said.index("001") < said.index("002") < said.index("003")
    assert "có kết nối · 3 giờ 41 phút" in said


def test_wards_are_closed_and_count_what_is_wrong(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    said = words(tile)
    assert "Phường 1" in said
    assert "001" not in said
    assert any(w.endswith("có lỗi") and "camera" in w for w in said)


def test_a_place_with_several_cameras_names_them(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample, options=CameraListOptions(area="ward-1"))
    assert "068 · 071 · 1 có lỗi" in words(tile)


def test_a_dead_camera_says_so_with_its_age(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    type_in(tile, "068")
    assert {"068", "Kè sông Hiếu, bờ Nam", "mất kết nối · 7 giây"} <= set(words(tile))


def test_while_an_alarm_is_chosen_the_cameras_that_see_its_place_say_so(qtbot: QtBot) -> None:
    sample = sample_session(Scene.DESK)
    alarm, dead = sample.city.alarm("al-crowd"), sample.city.camera("cam-068")
    assert alarm is not None
    assert dead is not None
    seeing = msgspec.structs.replace(
        sample.city.camera("cam-001"), lon=alarm.lon, lat=alarm.lat - 0.0008, bearing_deg=5.0, name=LocalText("Gần")
    )
    away = msgspec.structs.replace(seeing, id="cam-002", number="002", bearing_deg=185.0)
    sample.put("cameras", seeing, away, msgspec.structs.replace(seeing, id="cam-068", number="068", online=False))
    tile = make(qtbot, sample)
    assert not tile.rows.sights
    sample.session.memory.set(SELECTED, "al-crowd")
    assert tile.rows.sights["cam-001"] == "đang nhìn chỗ này, 89 m"
    assert "cam-002" not in tile.rows.sights
    type_in(tile, "Gần")
    said = words(tile)
    assert any(item.startswith("đang nhìn chỗ này") for item in said)
    assert any("mất kết nối" in item for item in said), "what is wrong goes before it"
    sample.session.memory.set(SELECTED, "")
    assert not any(item.startswith("đang nhìn") for item in words(tile))


def test_a_picture_on_the_screen_counts_before_the_hubs_word(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample)
    owners = {n: SomeTile() for n in ("001", "002", "085")}
    for n, owner in owners.items():
        sample.session.demands.set(owner, View(f"cam-{n}", 480, 270))
    sample.session.demands.flush()
    sample.pictures.set_status("cam-001", PictureStatus(PictureState.LIVE))
    sample.pictures.set_status("cam-002", PictureStatus(PictureState.LOST, age_s=6.2))
    tile.on_second()
    said = words(tile)
    assert "đang hiện" in said
    assert any(w.startswith("mất hình · trung tâm: có kết nối") for w in said)
    assert tile.summary() == "364 camera · 8 có lỗi"
    sample.session.demands.set(owners["002"], None)
    tile.on_second()
    assert tile.summary() == "364 camera · 7 có lỗi"


@pytest.mark.parametrize(("language", "theme"), [(Language.VI, ThemeName.DARK), (Language.EN, ThemeName.LIGHT)])
@pytest.mark.parametrize("scene", [Scene.DESK, Scene.EMPTY])
@pytest.mark.parametrize(
    ("panel", "size"),
    [("desk", "500x420"), ("desk", "260x300"), ("desk", "340x90"), ("desk", "900x1000"), ("wall", "800x900"),
     ("wall", "500x400"), ("wall4k", "1600x1800")],
)  # fmt: skip
def test_painted_text_keeps_its_rules(
    qtbot: QtBot, qapp: QApplication, theme: ThemeName, language: Language, scene: Scene, panel: str, size: str
) -> None:
    prepare(qapp, language, theme)
    sample = sample_session(scene, theme)
    if scene is Scene.DESK:
        in_wards(sample)
    tile = make(qtbot, sample, size, panel)
    for group in tile.model.groups():
        tile.tree.setExpanded(tile.model.index_of(group), True)
    log = painted(tile)
    assert log.items
    assert not below_floor(log, SCALES[panel].floor)
    assert not cut(log)
    assert not overlapping(log)


@pytest.mark.parametrize(("panel", "size"), [("wall", "420x900"), ("wall", "520x900"), ("desk", "230x400")])
def test_a_narrow_list_keeps_what_is_wrong_and_cuts_no_name_to_letters(qtbot: QtBot, panel: str, size: str) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample, size, panel)
    for group in tile.model.groups():
        tile.tree.setExpanded(tile.model.index_of(group), True)
    said = words(tile)
    assert not [w for w in said if w.endswith("…") and len(w) < 6], said
    assert tr("camera_list.online") not in said, "that all is well costs the names no room"
    if panel == "wall":
        assert said.count(tr("camera_list.offline")) == 6


def test_a_wall_shows_what_is_wrong_first_in_few_rows(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample, "900x1900", "wall")
    shown = [index.data(NODE_ROLE) for index in tile.tree.shown()]
    assert 5 <= len(shown) <= WALL_ROWS
    assert [node.camera.number for node in shown[:6]] == ["061", "068", "122", "183", "244", "305"]
    assert all(node.seen.trouble for node in shown[:6])
    assert tile.field is None
    assert tile.tree.focusPolicy() is Qt.FocusPolicy.NoFocus


def test_only_one_area_and_its_title(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample, options=CameraListOptions(area="ward-5"))
    assert tile.title() == "Camera · Phường 1"
    assert {c.camera.area_id for g in tile.model.groups() for c in g.cameras() if c.camera} == {"ward-5"}


def test_what_is_wrong_has_no_hue(qtbot: QtBot) -> None:
    """Everything here is grey: the four hues belong to alarms."""
    tile = make(qtbot, sample_session(), options=CameraListOptions(order="trouble"))
    image = tile.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    most = max(
        image.pixelColor(x, y).hsvSaturation() * image.pixelColor(x, y).value() // 255
        for y in range(0, image.height(), 3)
        for x in range(0, image.width(), 3)
    )
    assert most < 40


def test_no_cameras_and_nothing_found_are_sentences(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample)
    type_in(tile, "không có gì như vậy")
    assert "Không tìm thấy camera nào" in words(tile)
    assert not tile.tree.isVisible()
    assert tile.field is not None
    tile.field.clear()
    sample.city.apply([Changes("cameras", reset=True)])
    assert "Chưa có camera nào" in words(tile)


def test_a_stale_feed_says_since_when(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample)
    sample.set_quality("cameras", FeedQuality.STALE, 720)
    tile.on_health()
    assert any(w.startswith("số liệu cũ 12 phút") for w in words(tile))


def test_language_follows_at_once(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample)
    sample.session.look.set_language(Language.EN)
    tile.on_look()
    said = words(tile)
    assert {"Cameras", "364 cameras · 6 at fault", "connected · 3 h 41 min"} <= set(said)
    assert tile.field is not None
    assert tile.field.placeholderText() == "Number, name or area"


# -- searching -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["ke song hieu", "KÈ SÔNG", "bờ nam"])
def test_search_opens_what_it_finds(qtbot: QtBot, typed: str) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    assert "068" not in words(tile)
    type_in(tile, typed)
    assert "068" in words(tile)
    assert tile.summary() == "tìm thấy 1 / 364"
    assert tile.field is not None
    qtbot.keyClick(tile.field, Qt.Key.Key_Escape)
    assert "068" not in words(tile)
    assert tile.summary().startswith("364 camera")


def test_enter_goes_into_the_list_and_enter_again_calls_the_camera(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    called: list[str] = []
    sample.session.calls.cameraCalled.connect(called.append)
    type_in(tile, "cầu đi bộ")
    assert tile.field is not None
    qtbot.keyClick(tile.field, Qt.Key.Key_Return)
    assert tile.tree.currentIndex().data(NODE_ROLE).id == "cam-071"
    assert called == []
    qtbot.keyClick(tile.tree, Qt.Key.Key_Return)
    assert called == ["cam-071"]


def test_what_was_typed_is_there_again_after_a_crash(qtbot: QtBot) -> None:
    sample = sample_session()
    type_in(make(qtbot, sample), "chợ")
    again = make(qtbot, sample)
    assert again.field is not None
    assert again.field.text() == "chợ"
    assert again.summary() == "tìm thấy 1 / 364"


# -- hands ---------------------------------------------------------------------------------------------------


def test_keys_open_and_close_and_letters_do_nothing(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    tile.tree.setCurrentIndex(tile.model.index(0))
    qtbot.keyClick(tile.tree, Qt.Key.Key_Right)
    assert tile.tree.isExpanded(tile.model.index(0))
    for key in (Qt.Key.Key_R, Qt.Key.Key_C, Qt.Key.Key_Asterisk):
        qtbot.keyClick(tile.tree, key)
    assert tile.tree.currentIndex() == tile.model.index(0)
    assert not tile.tree.isExpanded(tile.model.index(1))
    qtbot.keyClick(tile.tree, Qt.Key.Key_Left)
    assert not tile.tree.isExpanded(tile.model.index(0))


def test_what_a_person_opened_is_open_after_a_search_and_after_a_crash(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    tile._activate(tile.model.index(2))
    type_in(tile, "cam")
    assert all(tile.tree.isExpanded(tile.model.index_of(g)) for g in tile.model.groups())
    assert tile.field is not None
    tile.field.clear()
    opened = [tile.tree.isExpanded(tile.model.index_of(g)) for g in tile.model.groups()]
    assert opened == [n == 2 for n in range(9)]
    again = make(qtbot, sample)
    assert [again.tree.isExpanded(again.model.index_of(g)) for g in again.model.groups()] == opened


def test_plus_and_minus_mark_a_favourite_of_who_sits_here(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample)
    tile.tree.setCurrentIndex(row_of(tile, "003"))
    qtbot.keyClick(tile.tree, Qt.Key.Key_Plus)
    assert [n.id for n in tile.model.groups()[0].cameras()] == ["cam-003"]
    assert tile.model.groups()[0].kind is Kind.FAVOURITES
    assert "Đã đánh dấu" in words(tile)
    assert tile.tree.currentIndex().data(NODE_ROLE).id == "cam-003"
    sample.deliver(Grant("op-other", "Trần Văn Nam", Role.OPERATOR, sign_in=True))
    assert tile.model.groups()[0].kind is Kind.AREA
    sample.deliver(Grant("op-thuha", "Nguyễn Thu Hà", Role.OPERATOR, sign_in=True))
    assert tile.favourites() == ["cam-003"]
    qtbot.keyClick(tile.tree, Qt.Key.Key_Minus)
    assert tile.favourites() == []
    assert tile.model.groups()[0].kind is Kind.AREA


def test_a_click_on_the_star_marks_and_beside_it_does_not(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    tile.grab()
    index = row_of(tile, "002")
    rect = tile.tree.visualRect(index)
    places = tile.rows.places(rect.toRectF(), index.data(NODE_ROLE))
    beside = QPoint(int(places.name.left()) + 5, rect.center().y())
    qtbot.mouseClick(tile.tree.viewport(), Qt.MouseButton.LeftButton, pos=beside)
    assert tile.favourites() == []
    qtbot.mouseClick(tile.tree.viewport(), Qt.MouseButton.LeftButton, pos=places.star.center().toPoint())
    assert tile.favourites() == ["cam-002"]


def test_a_click_opens_an_area_and_a_double_click_calls_a_camera(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    tile.grab()
    called: list[str] = []
    sample.session.calls.cameraCalled.connect(called.append)
    area = tile.model.index(0)
    qtbot.mouseClick(tile.tree.viewport(), Qt.MouseButton.LeftButton, pos=tile.tree.visualRect(area).center())
    assert tile.tree.isExpanded(area)
    tile.grab()
    first = next(i for i in tile.tree.shown() if i.data(NODE_ROLE).kind is Kind.CAMERA)
    middle = tile.tree.visualRect(first).center()
    middle.setX(30)
    qtbot.mouseClick(tile.tree.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert called == []
    qtbot.mouseDClick(tile.tree.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert called == [first.data(NODE_ROLE).id]


def test_a_double_click_is_one_click_for_an_area_and_calls_nothing_on_a_star(qtbot: QtBot) -> None:
    sample = sample_session()
    in_wards(sample)
    tile = make(qtbot, sample)
    tile.grab()
    called: list[str] = []
    sample.session.calls.cameraCalled.connect(called.append)
    area, viewport = tile.model.index(0), tile.tree.viewport()
    place = tile.tree.visualRect(area).center()
    for press in (qtbot.mouseClick, qtbot.mouseDClick):  # QTest's double click has no first click of its own
        press(viewport, Qt.MouseButton.LeftButton, pos=place)
    assert tile.tree.isExpanded(area)
    tile.grab()
    first = next(i for i in tile.tree.shown() if i.data(NODE_ROLE).kind is Kind.CAMERA)
    star = tile.rows.places(tile.tree.visualRect(first).toRectF(), first.data(NODE_ROLE)).star.center().toPoint()
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=star)
    assert called == []


@pytest.mark.qt_log_ignore("does not support raise")  # the offscreen platform says so of every tooltip
def test_a_tooltip_shows_words_from_outside_as_letters(qtbot: QtBot) -> None:
    sample = sample_session()
    first = sample.city.camera("cam-001")
    assert first is not None
    sample.put("cameras", msgspec.structs.replace(first, name=LocalText("<b>Tên</b>")))
    tile = make(qtbot, sample)
    place = tile.tree.visualRect(row_of(tile, "001")).center()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, tile.tree.viewport().mapToGlobal(place))
    QApplication.sendEvent(tile.tree.viewport(), event)
    assert "&lt;b&gt;Tên" in QToolTip.text()
    QToolTip.hideText()


def test_a_row_that_is_not_whole_is_not_painted(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    read = SCALES["desk"].read
    for height in range(160, 420, 13):
        tile.resize(500, height)
        log = painted(tile).items
        numbers = [i for i in log if i.px == read and i.whole.isdecimal()]
        assert len(numbers) == len([i for i in tile.tree.shown() if i.data(NODE_ROLE).camera]) >= 1, height


def test_364_rows_cost_no_more_paint_than_what_is_shown(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    assert tile.model.total() == 364
    assert len(painted(tile).items) < 80
