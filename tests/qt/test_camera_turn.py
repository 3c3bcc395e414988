"""Hands that turn a camera: keys, pointer, wheel and menu on a tile, and what the tile says about it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.camera_wall import LEFT, NONE, CameraWall, camera_wall, middle, street_session
from helpers.sample_city import SampleSession
from PySide6.QtCore import QEvent, QPoint, QPointF, QSizeF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from backends.domain.access import GRANTS, Grant
from backends.domain.camera import PictureState, PictureStatus
from backends.domain.device import Preset
from backends.domain.feeds import FeedQuality
from backends.domain.people import Role
from backends.domain.picture import PictureFlag, Raised
from backends.domain.turning import PatrolStop, TurnAct, Turner, TurnStage, TurnWish
from layouts.options import CameraOptions, PatrolView
from layouts.spec import Monitor
from widgets.hands import Ask
from widgets.i18n import Language, set_language, tr
from widgets.parts import camera_zoom as zoom
from widgets.parts import text
from widgets.parts.camera_menu import open_menu
from widgets.parts.camera_turn import HELD_MOST_S, SAY_S, aim
from widgets.tiles.camera import CameraTile

Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SMALL = Monitor("desk", 0, 0, 800, 800, 14.0)
PRESETS = (Preset("p1", "Cổng chính"), Preset("p2", "Bãi xe"))


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    made = street_session(qapp)
    made.put("cameras", *(msgspec.structs.replace(c, turns=True) for c in made.city.records("cameras").values()))
    return made


@pytest.fixture
def wall(qtbot: QtBot, sample: SampleSession) -> Iterator[CameraWall]:
    with camera_wall(sample, "overview", (SMALL,)) as made:
        yield made


def words(tile: CameraTile) -> str:
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.text for item in log.items)


def said(wall: CameraWall) -> str:
    return wall.windows[0].notice.sentence


def passes(wall: CameraWall, seconds: float) -> None:
    for _ in range(round(seconds / 0.02)):
        wall.sample.clock.advance_s(0.02)
        wall.pump.run_pass()


def tell(wall: CameraWall, tile: CameraTile, stage: TurnStage, code: str = "", **more: object) -> None:
    assert tile.camera is not None
    wall.sample.turning.say(tile.camera.id, stage, code, **more)
    passes(wall, 0.04)


def taken(wall: CameraWall, **more: object) -> CameraTile:
    """A tile whose camera this person turns."""
    tile = wall.free()[0]
    wall.click(tile)
    wall.key(Key.Key_P, modifiers=CTRL)
    tell(wall, tile, TurnStage.TURNING, presets=PRESETS, **more)
    return tile


def moves(sample: SampleSession) -> list[tuple[float, float, float]]:
    return [(w.pan, w.tilt, w.zoom) for w in sample.turning.wishes if w.act is TurnAct.MOVE]


def acts(sample: SampleSession) -> list[TurnAct]:
    return [wish.act for wish in sample.turning.wishes]


def number(sample: SampleSession) -> int:
    """Of the time that the camera was taken last."""
    return next(w.number for w in reversed(sample.turning.wishes) if w.act is TurnAct.TAKE)


# -- keys ----------------------------------------------------------------------------------------------


def test_a_key_takes_the_camera_and_esc_gives_it_back(wall: CameraWall, sample: SampleSession) -> None:
    tile = wall.free()[0]
    wall.click(tile)
    wall.key(Key.Key_Right)
    assert sample.turning.wishes == [], "before that arrows choose tiles"
    wall.click(tile)
    wall.key(Key.Key_P, modifiers=CTRL)
    assert tr("turn.asking") in words(tile)
    tell(wall, tile, TurnStage.TURNING, presets=PRESETS)
    assert tr("turn.mine") in words(tile)
    assert tile.cursor().shape() is Qt.CursorShape.CrossCursor
    wall.key(Key.Key_Escape)
    assert acts(sample) == [TurnAct.TAKE, TurnAct.GIVE_BACK]
    tell(wall, tile, TurnStage.ENDED, "given_back")
    assert tr("turn.mine") not in words(tile)
    assert tile.cursor().shape() is Qt.CursorShape.ArrowCursor
    assert tile.camera is not None
    assert [wish.camera_id for wish in sample.turning.wishes] == [tile.camera.id] * 2


def test_a_held_key_is_said_again_until_it_goes_up(wall: CameraWall, sample: SampleSession) -> None:
    taken(wall)
    window = wall.windows[0].windowHandle()
    QTest.keyPress(window, Key.Key_Left)
    passes(wall, 1.0)
    held = moves(sample)
    assert set(held) == {(-0.5, 0.0, 0.0)}
    assert 3 <= len(held) <= 1.0 / SAY_S + 2
    QTest.keyPress(window, Key.Key_Up)
    assert moves(sample)[-1] == (-0.5, 0.5, 0.0), "two keys: askew"
    QTest.keyRelease(window, Key.Key_Left)
    QTest.keyRelease(window, Key.Key_Up)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)
    stopped = len(moves(sample))
    passes(wall, 1.0)
    assert len(moves(sample)) == stopped, "what stands still is not said again"
    QTest.keyPress(window, Key.Key_Plus, NONE)
    assert moves(sample)[-1] == (0.0, 0.0, 0.5)
    QTest.keyRelease(window, Key.Key_Plus, NONE)


def test_a_release_that_never_comes(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    window = wall.windows[0].windowHandle()
    QTest.keyPress(window, Key.Key_Left)
    passes(wall, HELD_MOST_S + 0.5)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)
    QTest.keyPress(window, Key.Key_Left)
    assert moves(sample)[-1] == (-0.5, 0.0, 0.0)
    tile.clearFocus()
    assert moves(sample)[-1] == (0.0, 0.0, 0.0), "the keyboard has gone elsewhere"
    assert TurnAct.GIVE_BACK not in acts(sample)


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ((Key.Key_Right, NONE), (Key.Key_Right, SHIFT)),
        ((Key.Key_Plus, SHIFT), (Key.Key_Shift, NONE)),
        ((Key.Key_Plus, SHIFT), (Key.Key_Plus, NONE)),
    ],
    ids=["Shift has come", "Shift goes first, and plus becomes another key", "Shift has gone"],
)
def test_a_key_that_goes_up_beside_others_lets_go(
    wall: CameraWall, sample: SampleSession, down: tuple[Key, Modifier], up: tuple[Key, Modifier]
) -> None:
    taken(wall)
    window = wall.windows[0].windowHandle()
    QTest.keyPress(window, *down)
    assert any(moves(sample)[-1])
    QTest.keyRelease(window, *up)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)


def test_another_tile_or_window_is_chosen_while_a_key_is_down(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    window = wall.windows[0].windowHandle()
    QTest.keyPress(window, Key.Key_Left)
    tile.session.hands.choose(wall.free()[1].place)
    QTest.keyRelease(window, Key.Key_Left)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)
    tile.session.hands.choose(tile.place)
    QTest.keyPress(window, Key.Key_Left)
    assert any(moves(sample)[-1])
    QApplication.sendEvent(wall.windows[0], QEvent(QEvent.Type.WindowDeactivate))
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)


def test_what_is_shown_again_is_not_turned(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    assert tile.act(Ask.BACK_10)
    assert tile.replay is not None
    assert acts(sample)[-1] is TurnAct.GIVE_BACK
    before = len(moves(sample))
    wall.key(Key.Key_Right)
    assert len(moves(sample)) == before


def test_digits_are_presets_meanwhile(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    wall.type("2")
    assert sample.turning.wishes[-1] == TurnWish(tile.camera.id, TurnAct.GO_TO, preset="p2", number=number(sample))
    wall.type("9")
    assert said(wall) == tr("turn.no_preset", n=9)
    wall.key(Key.Key_Escape)
    tell(wall, tile, TurnStage.ENDED, "given_back")
    count = len(sample.turning.wishes)
    wall.type("2")
    assert len(sample.turning.wishes) == count
    wall.key(Key.Key_Escape)


def test_a_camera_that_does_not_turn(wall: CameraWall, sample: SampleSession) -> None:
    tile = wall.free()[0]
    sample.put("cameras", msgspec.structs.replace(tile.camera, turns=False))
    wall.click(tile)
    wall.key(Key.Key_P, modifiers=CTRL)
    assert said(wall) == tr("turn.cannot", number=tile.camera.number)
    assert sample.turning.wishes == []


# -- pointer and wheel ---------------------------------------------------------------------------------


def test_a_drag_from_the_middle_gives_direction_and_speed(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    window = tile.window().windowHandle()
    at = tile.mapTo(tile.window(), middle(tile))
    right = QPoint(round(tile.width() * 0.3), 0)
    QTest.mousePress(window, LEFT, NONE, at)
    QTest.mouseMove(window, at + right)
    passes(wall, 0.5)
    (pan, tilt, lens) = moves(sample)[-1]
    assert 0.2 < pan < 1.0
    assert (tilt, lens) == (0.0, 0.0)
    QTest.mouseMove(window, at - QPoint(0, tile.height() // 2 - 2))
    passes(wall, 0.5)
    assert moves(sample)[-1][0] == 0.0
    assert moves(sample)[-1][1] > 0.9, "up"
    QTest.mouseRelease(window, LEFT, NONE, at)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0)
    assert tile.picture.seen == zoom.WHOLE
    assert sample.session.hands.carried is None, "the camera itself was not carried away"


def test_a_click_moves_nothing(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    wall.click(tile, QPoint(4, 4))
    passes(wall, 0.5)
    assert set(moves(sample)) <= {(0.0, 0.0, 0.0)}


def test_the_wheel_zooms_the_lens_and_outside_of_it_the_picture(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)

    def wheel(notches: int, aside: int = 0) -> None:
        at = middle(tile)
        QApplication.sendEvent(
            tile,
            QWheelEvent(
                QPointF(at), QPointF(tile.mapToGlobal(at)), QPoint(), QPoint(aside, 120 * notches),
                Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
            ),
        )  # fmt: skip

    wheel(1)
    assert moves(sample)[-1] == (0.0, 0.0, 0.5)
    assert tile.picture.seen == zoom.WHOLE
    passes(wall, 0.6)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0), "one notch is a short way"
    wheel(0, aside=120)
    assert moves(sample)[-1] == (0.0, 0.0, 0.0), "a wheel tilted sideways"
    wall.key(Key.Key_Escape)
    wheel(1)
    assert tile.picture.seen != zoom.WHOLE


@pytest.mark.parametrize(
    ("x", "y", "speed"),
    [(50, 50, (0.0, 0.0)), (53, 47, (0.0, 0.0)), (100, 50, (1.0, 0.0)), (0, 100, (-1.0, -1.0)), (-40, 50, (-1.0, 0.0))],
)
def test_where_the_pointer_is(x: float, y: float, speed: tuple[float, float]) -> None:
    assert aim(QPointF(x, y), QSizeF(100, 100)) == speed


# -- ends ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "more", "expected"),
    [("taken", {"holder": "Ngọc Lan"}, "Ngọc Lan"), ("held", {"holder": "Minh"}, "Minh"), ("idle", {}, "20 giây"),
     ("offline_over", {}, "máy chủ"), ("not_allowed", {}, "vai trò"), ("no_feeder", {}, "dừng")],
)  # fmt: skip
def test_an_end_is_said_with_its_reason(wall: CameraWall, code: str, more: dict[str, str], expected: str) -> None:
    tile = taken(wall)
    tell(wall, tile, TurnStage.ENDED, code, **more)
    assert expected in said(wall)
    assert tile.camera is not None
    assert tile.camera.number in said(wall)
    assert not tile.turn.active
    wall.key(Key.Key_Right)
    assert TurnAct.MOVE not in acts(wall.sample)


def test_the_end_of_the_time_before_is_not_the_end(wall: CameraWall, sample: SampleSession) -> None:
    """Esc and the key again at once: the first hand is still letting go."""
    tile = taken(wall)
    first = number(sample)
    wall.key(Key.Key_Escape)
    wall.key(Key.Key_P, modifiers=CTRL)
    assert number(sample) > first
    assert tr("turn.asking") in words(tile), "the old one counts no more"
    tell(wall, tile, TurnStage.ENDED, "given_back", number=first)
    assert tile.turn.active
    tell(wall, tile, TurnStage.TURNING, presets=PRESETS)
    wall.key(Key.Key_Right)
    assert (0.5, 0.0, 0.0) in moves(sample)
    tell(wall, tile, TurnStage.ENDED, "idle", number=number(sample) + 1)
    assert not tile.turn.active, "another tile has taken the same camera since: one end for both"


def test_every_end_has_its_words(sample: SampleSession) -> None:
    codes = ["idle", "taken", "held", "over", "offline_over", "offline_unknown", "screen_gone", "session_over",
             "no_answer", "no_feeder", "trouble", "not_allowed", "nobody_signed_in", "locked", "unknown", "not_kept",
             "not_held"]  # fmt: skip
    for language in Language:
        set_language(language)
        assert all(tr(f"turn.end.{code}", holder="Lan", text="") for code in codes)
    set_language(Language.VI)


def test_another_camera_on_the_tile_ends_it(wall: CameraWall, sample: SampleSession) -> None:
    tile, other = wall.free()[:2]
    taken(wall)
    before, now = tile.camera, other.camera
    assert before is not None
    assert now is not None
    sample.session.hands.put(tile.place, now.id, before.id)
    assert (sample.turning.wishes[-1].camera_id, sample.turning.wishes[-1].act) == (before.id, TurnAct.GIVE_BACK)


def test_a_hidden_tile_lets_go(wall: CameraWall, sample: SampleSession) -> None:
    taken(wall).hide()
    assert acts(sample)[-1] is TurnAct.GIVE_BACK


# -- what is seen --------------------------------------------------------------------------------------


def test_who_else_turns_it_is_said_on_every_tile(wall: CameraWall, sample: SampleSession) -> None:
    tile = wall.free()[0]
    lan = Turner("lan", "Ngọc Lan", Role.SHIFT_LEAD, "desk-2", 1)
    sample.put("cameras", msgspec.structs.replace(tile.camera, turner=lan))
    assert tr("turn.other", name="Ngọc Lan") in words(tile)
    sample.put("cameras", msgspec.structs.replace(tile.camera, turner=msgspec.structs.replace(lan, patrol=True)))
    assert tr("turn.other_patrol", name="Ngọc Lan") in words(tile)
    sample.put("cameras", msgspec.structs.replace(tile.camera, turner=None))
    assert "Ngọc Lan" not in words(tile)
    sample.put("cameras", msgspec.structs.replace(tile.camera, turner=lan))
    sample.set_quality("cameras", FeedQuality.STALE, 5.0)
    tile.refresh()
    assert "Ngọc Lan" not in words(tile), "the hub is away: it may be long ago"


def test_without_the_hub_and_what_the_camera_says(wall: CameraWall) -> None:
    tile = taken(wall, offline=True)
    assert tr("turn.mine_offline") in words(tile)
    tell(wall, tile, TurnStage.TURNING, text="the camera refuses the password")
    assert "the camera refuses the password" in words(tile)
    assert "the camera refuses the password" in said(wall), "in a small tile it is cut"


def test_in_a_small_tile_the_words_are_shorter_not_cut(qtbot: QtBot, sample: SampleSession) -> None:
    from helpers.camera_wall import camera_tile

    tile = camera_tile(qtbot, sample, CameraOptions(camera="014"), (140, 90))
    lan = Turner("lan", "Ngọc Lan", Role.SHIFT_LEAD, "desk-2", 1)
    sample.put("cameras", msgspec.structs.replace(tile.camera, turner=lan))
    tile.refresh()
    assert "Ngọc Lan" in words(tile).split(" | ")


def test_a_camera_that_turns_is_not_told_for_looking_elsewhere(wall: CameraWall, sample: SampleSession) -> None:
    tile = wall.free()[0]
    camera = tile.camera
    assert camera is not None
    raised = (Raised(PictureFlag.TURNED, 1), Raised(PictureFlag.BLURRED, 1))
    sample.pictures.set_status(camera.id, PictureStatus(PictureState.LIVE, fps=25.0, raised=raised))
    passes(wall, 0.3)
    assert tr("picture.blurred") in words(tile), "what is wrong with it is told"
    assert tr("picture.turned") not in words(tile)
    sample.put("cameras", msgspec.structs.replace(camera, turns=False))
    passes(wall, 0.3)
    assert [one.flag for one in tile.status().raised] == [PictureFlag.TURNED, PictureFlag.BLURRED], "the control"


# -- menu ----------------------------------------------------------------------------------------------


def _menu(tile: CameraTile) -> QMenu:
    return open_menu(tile, tile.mapToGlobal(middle(tile)))


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_has_the_presets_and_keeps_one_for_the_shift_lead(wall: CameraWall, sample: SampleSession) -> None:
    tile = taken(wall)
    menu = _menu(tile)
    rows = {action.text().split("\t")[0]: action for action in menu.actions()}
    rows["Bãi xe"].trigger()
    assert sample.turning.wishes[-1].preset == "p2"
    assert not rows[tr("turn.keep_not_allowed")].isEnabled(), "says why"
    assert menu.findChild(QLineEdit) is None
    menu.close()
    rights = tuple(right.value for right in GRANTS[Role.SHIFT_LEAD])
    sample.deliver(Grant("lan", "Lê Ngọc Lan", Role.SHIFT_LEAD, rights=rights))
    menu = _menu(tile)
    line = menu.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.setText("Cổng chính")
    QTest.keyClick(line, Key.Key_Return)
    expected = TurnWish(tile.camera.id, TurnAct.KEEP, name="Cổng chính", preset="p1", number=number(sample))
    assert sample.turning.wishes[-1] == expected


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_patrol_of_the_layout(qtbot: QtBot, sample: SampleSession) -> None:
    from helpers.camera_wall import camera_tile

    number = next(iter(sample.city.records("cameras").values())).number
    options = CameraOptions(camera=number, patrol=(PatrolView("Cổng chính", 30.0), PatrolView("Bãi xe")))
    tile = camera_tile(qtbot, sample, options)
    tile.set_place("a", "1")
    rows = {action.text().split("\t")[0]: action for action in _menu(tile).actions()}
    assert rows[tr("turn.act_patrol")].isEnabled()
    from widgets.hands import Ask

    tile.act(Ask.PATROL)
    assert sample.turning.wishes[-1].stops == (PatrolStop("Cổng chính", 30.0), PatrolStop("Bãi xe", 20.0))
    with pytest.raises(ValueError, match="one camera"):
        CameraOptions(slot="alarm", patrol=(PatrolView("x"),))
    plain = camera_tile(qtbot, sample, CameraOptions(camera=number))
    plain.act(Ask.PATROL)
    assert len(sample.turning.wishes) == 1, "a layout that names none"
