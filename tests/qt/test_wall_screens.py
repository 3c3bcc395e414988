"""Every shipped layout on desk and wall panels: all painted text keeps the rules of look.md.

Nothing below the panel's floor, nothing cut, nothing overlapping: computed over all text that the text
door wrote down, in both languages and themes, on the drawn day and in the flood.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from helpers.sample_city import DESK, WALL, WALL_4K, SampleSession, Scene, prepare, sample_session
from helpers.street import street_picture
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from backends.domain.text import LocalText
from layouts.geometry import plan_windows
from layouts.load import load_layouts
from layouts.spec import Layout, Monitor
from widgets.i18n import Language
from widgets.parts import text
from widgets.pump import Pump
from widgets.theme import DARK, ThemeName
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.problem import ProblemTile
from widgets.windows.wall import tile_kinds
from widgets.windows.wall_window import WallWindow

SETS: dict[str, tuple[Monitor, ...]] = {
    "desk": (DESK,),
    "desk+wall": (DESK, WALL),
    "desk+wall+4k": (DESK, WALL, WALL_4K),
}
LOOKS = [
    (Scene.DESK, Language.VI, ThemeName.DARK),
    (Scene.FLOOD, Language.EN, ThemeName.LIGHT),
]


@functools.cache
def _layouts() -> tuple[Layout, ...]:
    loaded = load_layouts(tile_kinds())
    assert not loaded.problems, [str(p) for p in loaded.problems]
    return loaded.layouts


@contextmanager
def windows(
    qapp: QApplication, sample: SampleSession, layout: Layout, monitors: tuple[Monitor, ...]
) -> Iterator[list[WallWindow]]:
    """The layout's windows, painted as after some seconds of life."""
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    made = [WallWindow(sample.session, pump, plan) for plan in plan_windows(layout, monitors, tile_kinds())]
    for window in made:
        window.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        window.setGeometry(0, 0, window.plan.monitor.width, window.plan.monitor.height)
        window.show()
    for _ in range(7):
        sample.answer_history()
        sample.clock.advance_s(0.02)
        pump.run_pass()
        qapp.processEvents()
    try:
        yield made
    finally:
        for window in made:
            window.setProperty("done", True)
            window.close()
            window.deleteLater()
        qapp.processEvents()


def _sample(scene: Scene, theme: ThemeName) -> SampleSession:
    sample = sample_session(scene, theme)
    for camera in sample.city.records("cameras").values():
        if camera.online:
            sample.pictures.show(camera.id, street_picture(96, 54, seed=int(camera.number)))
    return sample


@pytest.mark.parametrize(("scene", "language", "theme"), LOOKS)
@pytest.mark.parametrize("monitors", SETS.values(), ids=SETS.keys())
@pytest.mark.parametrize("name", ["overview", "traffic", "security", "environment", "reports", "cameras"])
def test_text_keeps_the_rules(
    qapp: QApplication, name: str, monitors: tuple[Monitor, ...], scene: Scene, language: Language, theme: ThemeName
) -> None:
    prepare(qapp, language, theme)
    layout = next(one for one in _layouts() if one.id == name)
    with windows(qapp, _sample(scene, theme), layout, monitors) as made:
        for window in made:
            assert not any(isinstance(tile, ProblemTile) for tile in window.tiles.values())
            with text.recording() as log:
                window.grab()
            assert len(log.items) > 10
            where = f"{name}, window {window.plan.index + 1}"
            assert not below_floor(log, window.plan.text.floor_px), where
            assert not cut(log), where
            assert not overlapping(log), where


def test_the_rules_can_fail(qapp: QApplication) -> None:
    """Negative control: small, cut and overlapping text is found."""
    prepare(qapp)
    image = QImage(200, 60, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    with text.recording() as log:
        text.draw(painter, QRectF(0, 0, 200, 30), "cảnh báo", 9, DARK.text)
        text.draw(painter, QRectF(10, 0, 200, 30), "khẩn cấp", 20, DARK.text)
        text.draw(painter, QRectF(0, 30, 20, 30), "không vừa", 20, QColor("white"), elide=False)
    painter.end()
    assert below_floor(log, 13)
    assert overlapping(log)
    assert cut(log)


def test_a_window_without_alarm_list_names_the_highest_alarm(qapp: QApplication) -> None:
    prepare(qapp)
    cameras = next(one for one in _layouts() if one.id == "cameras")
    with windows(qapp, _sample(Scene.DESK, ThemeName.DARK), cameras, (DESK,)) as (window,):
        with text.recording() as log:
            window.bar.grab()
        assert "Sông Hiếu trên BĐ3 0,12 m" in {item.text for item in log.items}


def test_the_bar_names_the_highest_alarm_while_the_list_keeps_its_row_away(qapp: QApplication) -> None:
    prepare(qapp)
    overview = next(one for one in _layouts() if one.id == "overview")
    sample = _sample(Scene.DESK, ThemeName.DARK)
    with windows(qapp, sample, overview, (DESK,)) as (window,):
        assert not window.bar.words.names_highest_alarm
        (tile,) = (tile for tile in window.tiles.values() if isinstance(tile, AlarmsTile))
        tile.model.hold(True)
        highest = sample.city.highest_alarm()
        assert highest is not None
        newer = msgspec.structs.replace(highest, id="new", name=LocalText("Cháy chợ"), t_raised_ns=10**19)
        sample.put("alarms", newer)
        with text.recording() as log:
            window.bar.grab()
        assert "Cháy chợ" in {item.text for item in log.items}
        tile.model.hold(False)
        sample.put("alarms", msgspec.structs.replace(newer, rev=2))
        assert not window.bar.words.names_highest_alarm


def test_switching_layouts_keeps_tiles_that_stay(qapp: QApplication) -> None:
    prepare(qapp)
    first, second = (next(one for one in _layouts() if one.id == name) for name in ("overview", "security"))
    with windows(qapp, _sample(Scene.DESK, ThemeName.DARK), first, (DESK,)) as (window,):
        before = {id(tile) for tile in window.tiles.values()}
        window.apply_plan(plan_windows(second, (DESK,), tile_kinds())[0])
        kept = {id(tile) for tile in window.tiles.values()} & before
        assert kept
        assert {tile.property("plan_kind") for tile in window.tiles.values()} >= {"alarms"}
