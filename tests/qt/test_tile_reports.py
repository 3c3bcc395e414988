"""The report queue: model, order, what a row shows at each size, and the rules of painted text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from helpers.sample_city import SCALES, SampleSession, Scene, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QPersistentModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from backends.domain.feeds import FeedQuality
from backends.domain.ports import Changes
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import ReportsOptions
from widgets.i18n import Language
from widgets.models.reports import SLA_ROLE, ReportModel, sla_of
from widgets.parts import text
from widgets.parts.rows import plain_tooltip
from widgets.parts.text import TextLog
from widgets.theme import ThemeName
from widgets.tiles.reports import WALL_ROWS, ReportsTile

NOW = 1_800_000_000 * NS_PER_S
MIN = 60 * NS_PER_S


def report(n: int, due_min: float, state: ReportState = ReportState.ASSIGNED, **more: Any) -> Report:
    due_ns = NOW + int(due_min * MIN)
    fields: dict[str, Any] = {"t_received_ns": due_ns - 240 * MIN, "t_due_ns": due_ns, **more}
    return Report(f"PA-{n}", "waste", LocalText(f"Việc {n}"), state, **fields)


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


def make(
    qtbot: QtBot, sample: SampleSession, size: str, panel: str, options: ReportsOptions | None = None
) -> ReportsTile:
    tile = ReportsTile(sample.session, SCALES[panel], options or ReportsOptions())
    qtbot.addWidget(tile)
    width, height = (int(n) for n in size.split("x"))
    tile.resize(width, height)
    sample.city.feedsChanged.connect(tile.on_feeds)
    tile.show()
    return tile


def painted(tile: ReportsTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


# -- the model -------------------------------------------------------------------------------------------------


def ids(model: ReportModel) -> list[str]:
    return [model.report(row).id for row in range(model.rowCount())]


def test_order_is_longest_overdue_first_then_due_next_and_closed_ones_leave(qtmodeltester: ModelTester) -> None:
    model = ReportModel()
    model.sync([report(1, 60), report(2, -5), report(3, -90), report(4, 10), report(5, -200, ReportState.DONE)], NOW)
    qtmodeltester.check(model)
    assert ids(model) == ["PA-3", "PA-2", "PA-4", "PA-1"]
    assert model.overdue_count() == 2


def test_updates_keep_the_model_sound_and_never_reset_it(qtmodeltester: ModelTester, qtbot: QtBot) -> None:
    model = ReportModel()
    qtmodeltester.check(model)
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    steps = [
        [report(n, n * 10.0) for n in range(1, 9)],
        [report(n, n * 10.0) for n in (1, 3, 4, 7, 8, 20, 21)],
        [report(n, 100.0 - n) for n in (1, 3, 4, 7, 8, 20, 21)],
        [report(7, 5.0), report(30, 1.0)],
        [],
        [report(2, 2.0)],
    ]
    for step in steps:
        model.sync(step, NOW)
        assert ids(model) == [r.id for r in sorted(step, key=lambda r: (r.t_due_ns, r.id))]
        assert all(model.sla(row) == sla_of(model.report(row), NOW) for row in range(model.rowCount()))
    assert not resets


def test_a_selection_follows_its_report_when_due_times_move() -> None:
    model = ReportModel()
    model.sync([report(1, 10), report(2, 20), report(3, 30)], NOW)
    held = QPersistentModelIndex(model.index(2))
    model.sync([report(1, 10), report(2, 20), report(3, 5), report(4, 1)], NOW)
    assert ids(model) == ["PA-4", "PA-3", "PA-1", "PA-2"]
    assert held.row() == 1


def test_one_signal_for_each_batch() -> None:
    model = ReportModel()
    calls: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _parent, first, last: calls.append((first, last)))
    model.sync([report(n, float(n)) for n in range(500)], NOW)
    assert calls == [(0, 499)]


def test_the_second_passes_without_a_word_where_nothing_changed() -> None:
    model = ReportModel()
    model.sync([report(1, 10.5), report(2, 200.5)], NOW)
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, _roles: changed.append((first.row(), last.row())))
    model.tick(NOW + 1 * NS_PER_S)
    assert not changed
    model.tick(NOW + 31 * NS_PER_S)
    assert changed
    assert model.index(0).data(SLA_ROLE).words == "còn 9 phút"


def test_words_of_the_clock(qapp: QApplication) -> None:
    assert sla_of(report(1, -35), NOW).words == "quá hạn 35 phút"
    assert sla_of(report(1, 102), NOW).words == "còn 1 giờ 42 phút"
    assert sla_of(report(1, -35), NOW).overdue
    assert sla_of(report(1, 18), NOW).soon
    assert not sla_of(report(1, 102), NOW).soon
    assert sla_of(report(1, 120), NOW).used == pytest.approx(0.5)
    prepare(qapp, Language.EN)
    assert sla_of(report(1, -35), NOW).words == "overdue 35 min"
    assert sla_of(report(1, 18), NOW).words == "18 min left"


# -- the tile --------------------------------------------------------------------------------------------------


def test_the_drawn_scene(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    words = [item.text for item in painted(tile).items]
    assert tile.title() == "Phản ánh hiện trường"
    assert tile.summary() == "hiện 4 / 14 · 1 quá hạn"
    assert words.index("quá hạn 35 phút") < words.index("còn 18 phút") < words.index("còn 1 giờ 42 phút")
    assert {"PA-2203", "Chiếu sáng · Điện lực Đông Hà"} <= set(words)


@pytest.mark.parametrize(("language", "theme"), [(Language.VI, ThemeName.DARK), (Language.EN, ThemeName.LIGHT)])
@pytest.mark.parametrize("scene", [Scene.DESK, Scene.FLOOD, Scene.EMPTY])
@pytest.mark.parametrize(
    ("panel", "size"),
    [("desk", "500x270"), ("desk", "240x200"), ("desk", "340x60"), ("wall", "800x900"), ("wall", "500x400"),
     ("wall4k", "1600x1800")],
)  # fmt: skip
def test_painted_text_keeps_its_rules(
    qtbot: QtBot, qapp: QApplication, theme: ThemeName, language: Language, scene: Scene, panel: str, size: str
) -> None:
    prepare(qapp, language, theme)
    tile = make(qtbot, sample_session(scene, theme), size, panel)
    log = painted(tile)
    assert log.items
    assert not below_floor(log, SCALES[panel].floor)
    assert not cut(log)
    assert not overlapping(log)


def test_a_wall_shows_few_rows_and_says_so(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "900x1900", "wall")
    shown = len(tile.list.shown_rows())
    assert 5 <= shown <= WALL_ROWS
    assert f"{shown} / 14" in tile.summary()
    assert tile.list.focusPolicy() is Qt.FocusPolicy.NoFocus


def test_rows_that_the_layout_asks_for(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x600", "desk", ReportsOptions(rows=3))
    assert len(tile.list.shown_rows()) == 3


def test_a_narrow_tile_drops_the_agency_then_the_number(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    for width, agency, number in ((500, True, True), (390, True, False), (300, False, False)):
        tile.resize(width, 270)
        words = " ".join(item.text for item in painted(tile).items)
        assert ("Điện lực" in words, "PA-2203" in words) == (agency, number), width
        assert "quá hạn 35 phút" in words


def test_a_new_report_and_a_closed_one(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample, "500x270", "desk")
    first = tile.model.report(0)
    sample.put("reports", msgspec.structs.replace(first, state=ReportState.DONE))
    assert tile.summary() == "hiện 4 / 13"
    sample.put("reports", msgspec.structs.replace(first, state=ReportState.IN_PROGRESS))
    assert tile.summary() == "hiện 4 / 14 · 1 quá hạn"


def test_only_one_area(qtbot: QtBot) -> None:
    sample = sample_session()
    some = sample.city.reports()[0]
    sample.put("reports", msgspec.structs.replace(some, area_id="only-here"))
    tile = make(qtbot, sample, "500x270", "desk", ReportsOptions(area="only-here"))
    assert ids(tile.model) == [some.id]


def test_time_makes_work_overdue(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample, "500x270", "desk")
    sample.clock.advance_s(19 * 60)
    tile.on_second()
    assert tile.model.overdue_count() == 2
    assert "2 quá hạn" in tile.summary()


def test_nothing_to_do_is_a_sentence(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample, "500x270", "desk")
    sample.city.apply([Changes("reports", reset=True)])
    assert "Không có phản ánh chờ xử lý" in [item.text for item in painted(tile).items]
    assert not tile.list.isVisible()


def test_language_follows_at_once(qtbot: QtBot, qapp: QApplication) -> None:
    sample = sample_session()
    tile = make(qtbot, sample, "500x270", "desk")
    sample.session.look.set_language(Language.EN)
    tile.on_look()
    words = [item.text for item in painted(tile).items]
    assert "overdue 35 min" in words
    assert "Citizen reports" in words


def test_keys_and_wheel_move_the_list_on_a_desk_only(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    rows = tile.list
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    for _ in range(5):
        qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert rows.currentIndex().row() in rows.shown_rows()
    assert rows.currentIndex().row() == 5
    qtbot.keyClick(rows, Qt.Key.Key_End)
    assert rows.shown_rows().stop == 14
    wall = make(qtbot, sample_session(), "800x900", "wall")
    before = wall.list.shown_rows()
    wheel = QWheelEvent(
        QPointF(50, 50), QPointF(50, 50), QPoint(), QPoint(0, -240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(wall.list.viewport(), wheel)
    assert wall.list.shown_rows() == before


def test_letters_do_not_move_the_selection(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    tile.list.select_row(2)
    for key in (Qt.Key.Key_R, Qt.Key.Key_C, Qt.Key.Key_N):
        qtbot.keyClick(tile.list, key)
    assert tile.list.currentIndex().row() == 2


@pytest.mark.qt_log_ignore("does not support raise")  # the offscreen platform says so of every tooltip
def test_a_tooltip_shows_words_from_outside_as_letters(qtbot: QtBot) -> None:
    assert "<b>" not in plain_tooltip("<b>bold</b> & <img src=x>")
    sample = sample_session()
    first = sample.city.reports()[0]
    evil = msgspec.structs.replace(first, text="<a href='http://x'>x</a>", t_due_ns=1, title=LocalText("<i>Tít</i>"))
    sample.put("reports", evil)
    tile = make(qtbot, sample, "500x270", "desk")
    place = tile.list.visualRect(tile.model.index(0)).center()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, tile.list.viewport().mapToGlobal(place))
    QApplication.sendEvent(tile.list.viewport(), event)
    assert "&lt;i&gt;Tít" in QToolTip.text()
    assert "&lt;a href" in QToolTip.text()
    QToolTip.hideText()


def test_a_row_that_is_not_whole_is_not_painted(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    for height in range(90, 300, 7):
        tile.resize(500, height)
        titles = [i for i in painted(tile).items if i.px == SCALES["desk"].read and i.text != tile.title()]
        assert len(titles) == len(tile.list.shown_rows()) >= 1, height


def test_lateness_has_no_hue(qtbot: QtBot) -> None:
    """Everything of this tile is grey: the four hues belong to alarms."""
    tile = make(qtbot, sample_session(), "500x270", "desk")
    image = tile.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    most = max(
        image.pixelColor(x, y).hsvSaturation() * image.pixelColor(x, y).value() // 255
        for y in range(0, image.height(), 3)
        for x in range(0, image.width(), 3)
    )
    assert most < 40


def test_many_reports_cost_no_more_paint_than_what_is_shown(qtbot: QtBot) -> None:
    sample = sample_session()
    some = sample.city.reports()[0]
    many = [msgspec.structs.replace(some, id=f"PA-{n}", t_due_ns=some.t_due_ns + n) for n in range(3000)]
    sample.put("reports", *many)
    tile = make(qtbot, sample, "500x270", "desk")
    assert tile.model.rowCount() >= 3000
    assert len(painted(tile).items) < 60


def test_the_selected_row_has_a_ring_under_the_keyboard_and_an_edge_elsewhere(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session(), "500x270", "desk")
    tile.activateWindow()
    tile.list.setFocus()
    qtbot.waitUntil(tile.list.hasFocus)
    tile.list.select_row(1)
    row = tile.list.visualRect(tile.model.index(1))
    theme = tile.theme

    def marks() -> tuple[bool, bool]:
        image = tile.list.viewport().grab().toImage()
        left = image.pixelColor(row.left(), row.center().y()) == theme.text
        return left, image.pixelColor(row.right(), row.center().y()) == theme.text

    assert marks() == (True, True)
    tile.list.clearFocus()
    assert marks() == (True, False)
    tile.list.clearSelection()
    assert marks() == (False, False)


def test_a_stale_feed_is_hatched_and_says_since_when(qtbot: QtBot) -> None:
    sample = sample_session()
    tile = make(qtbot, sample, "500x270", "desk")
    sample.set_quality("reports", FeedQuality.STALE, 720)
    tile.on_health()
    words = [item.text for item in painted(tile).items]
    assert any(w.startswith("số liệu cũ 12 phút") for w in words)
    assert "quá hạn 35 phút" in words
