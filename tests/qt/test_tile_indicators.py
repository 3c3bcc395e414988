"""The indicator board: words that fit at every size, numbers never cut, bad and stale without a hue."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, at, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Priority
from backends.domain.feeds import FeedQuality
from backends.domain.indicator import Indicator
from backends.domain.text import LocalText
from layouts.options import IndicatorsOptions
from widgets.i18n import Language
from widgets.parts import text
from widgets.parts.indicators_cell import cell_words
from widgets.parts.text import TextLog
from widgets.theme import DARK, THEMES, ThemeName
from widgets.tiles.indicators import IndicatorsTile

SIZES = [
    ("desk", 1908, 140),
    ("desk", 330, 300),
    ("desk", 160, 90),
    ("desk", 1000, 480),
    ("wall", 900, 330),
    ("wall", 1900, 310),
    ("wall", 470, 250),
    ("wall4k", 3800, 620),
]


def board(qtbot: QtBot, sample: SampleSession, panel: str, size: tuple[int, int], *ids: str) -> IndicatorsTile:
    tile = IndicatorsTile(sample.session, SCALES[panel], IndicatorsOptions(ids=ids))
    tile.resize(*size)
    qtbot.addWidget(tile)
    return tile


def painted(tile: IndicatorsTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


@pytest.mark.parametrize(("panel", "width", "height"), SIZES)
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("theme", list(ThemeName))
def test_words_keep_the_rules(
    qapp: QApplication, qtbot: QtBot, panel: str, width: int, height: int, language: Language, theme: ThemeName
) -> None:
    prepare(qapp, language, theme)
    sample = sample_session(theme=theme)
    tile = board(qtbot, sample, panel, (width, height))
    log = painted(tile)
    assert log.items
    assert below_floor(log, SCALES[panel].floor) == []
    assert overlapping(log) == []
    assert cut(log) == []
    inside = QRectF(tile.rect())
    assert all(inside.contains(item.painted) for item in log.items)


@pytest.mark.parametrize(("panel", "width", "height"), SIZES)
def test_a_number_is_never_cut(qtbot: QtBot, sample: SampleSession, panel: str, width: int, height: int) -> None:
    log = painted(board(qtbot, sample, panel, (width, height)))
    numbers = [item for item in log.items if item.whole in {"96,4", "81", "97,8", "1.284", "3", "25"}]
    assert numbers
    assert all(item.text == item.whole for item in numbers)


def test_the_drawn_board_says_what_the_concept_says(qtbot: QtBot, sample: SampleSession) -> None:
    words = [item.text for item in painted(board(qtbot, sample, "desk", (1908, 140))).items]
    for expected in ("96,4", "Hồ sơ giải quyết đúng hạn", "hơn 1,4", "số liệu 19/11", "dưới 9", "hôm nay", "hơn 7%"):
        assert expected in words
    assert "kế hoạch 95 · " in words
    assert "thiếu 2" in words


def test_words_go_before_the_number_does(qtbot: QtBot, sample: SampleSession) -> None:
    one = "public_administration.on_time"
    wide = [i.text for i in painted(board(qtbot, sample, "desk", (400, 140), one)).items]
    small = [i.text for i in painted(board(qtbot, sample, "desk", (118, 74), one)).items]
    assert "kế hoạch 95 · " in wide
    assert "kế hoạch 95 · " not in small
    assert "96,4" in small


def test_cells_that_do_not_fit_are_counted_and_bad_ones_stay(qtbot: QtBot, sample: SampleSession) -> None:
    log = painted(board(qtbot, sample, "wall", (470, 250)))
    words = [item.text for item in log.items]
    hidden = [w for w in words if w.startswith("+")]
    assert hidden
    assert "25" in words, "the one on the wrong side of its goal stays"


def test_bad_is_inverse_grey_and_never_a_hue(qtbot: QtBot, sample: SampleSession) -> None:
    tile = board(qtbot, sample, "desk", (300, 140), "wifi.online")
    image = tile.grab().toImage()
    colors = {image.pixelColor(x, y).name() for x in range(0, 300, 1) for y in range(0, 140, 2)}
    assert DARK.inverse.name() in colors
    assert not colors & {THEMES[ThemeName.DARK].hue(p).name() for p in Priority}


def test_stale_is_hatched_and_says_since_when(qtbot: QtBot, sample: SampleSession) -> None:
    tile = board(qtbot, sample, "desk", (400, 140), "social_listening.hot_topics")
    live = tile.grab().toImage()
    sample.set_quality("indicators", FeedQuality.STALE, age_s=720)
    words = [item.text for item in painted(tile).items]
    assert any(w.startswith("số liệu cũ 6 phút") for w in words), words
    assert tile.grab().toImage() != live


def test_sides_of_goals(sample: SampleSession) -> None:
    def said(value: float, goal: float, kind: str) -> tuple[str, bool]:
        indicator = Indicator("x", "health", LocalText("x"), value, at(9), goal=goal, goal_kind=kind)
        words = cell_words(indicator, at(9, 41), None)
        return words.relation, words.bad

    assert said(93, 90, "threshold") == ("trên 3", True)
    assert said(81, 90, "threshold") == ("dưới 9", False)
    assert said(90, 95, "plan") == ("kém 5", True)
    assert said(27, 27, "total") == ("đủ", False)
    assert said(95, 95, "plan") == ("bằng", False)


def test_nothing_is_a_sentence(qtbot: QtBot, qapp: QApplication) -> None:
    prepare(qapp)
    log = painted(board(qtbot, sample_session(Scene.EMPTY), "desk", (400, 140)))
    assert [item.text for item in log.items] == ["Không có chỉ số"]


def test_text_from_outside_stays_plain(qtbot: QtBot, sample: SampleSession) -> None:
    evil = msgspec.structs.replace(sample.city.indicators()[0], name=LocalText("<b>Hồ sơ</b><img src=x>"))
    sample.put("indicators", evil)
    log = painted(board(qtbot, sample, "desk", (500, 140), evil.id))
    assert "<b>Hồ sơ</b><img src=x>" in [item.text for item in log.items]
