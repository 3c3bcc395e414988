"""A report in place: what can be done, by few keys; what may not be done says why; nothing typed is lost."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.report_queue import opened
from helpers.sample_city import SampleSession, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.access import Grant
from backends.domain.action import Action, Stage, Verb
from backends.domain.people import Role
from backends.domain.ports import Changes
from backends.domain.report import FieldOrder, Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import Language
from widgets.models.report_choices import choices, narrowed
from widgets.models.reports import REPORT_ROLE
from widgets.parts import text
from widgets.parts.enters import LOOK_S
from widgets.theme import ThemeName
from widgets.tiles.reports import ReportsTile

Key = Qt.Key


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


@pytest.fixture
def sample() -> SampleSession:
    return sample_session()


@pytest.fixture
def tile(qtbot: QtBot, sample: SampleSession) -> ReportsTile:
    return opened(qtbot, sample)


def report(sample: SampleSession, **fields: object) -> Report:
    """A new one at the head of the queue, beside a twin that came a little earlier."""
    now = sample.clock.now_ns()
    made = Report(
        "PA-9001", "drainage", LocalText("Cống nghẹt, kiệt 12 Lê Lợi"), ReportState.NEW, now - 60 * NS_PER_S,
        now - 30 * NS_PER_S, "Nước tràn vào nhà", lon=107.1003, lat=16.8163, agency_id="ag-env",
    )  # fmt: skip
    twin = msgspec.structs.replace(
        made, id="PA-9000", t_received_ns=now - 900 * NS_PER_S, t_due_ns=now + 9000 * NS_PER_S, lat=16.8166
    )
    made = msgspec.structs.replace(made, **fields)
    sample.put("reports", twin, made)
    return made


def select(tile: ReportsTile, report_id: str) -> None:
    row = next(n for n in range(tile.model.rowCount()) if tile.model.report(n).id == report_id)
    tile.list.select_row(row)


def typed(tile: ReportsTile, words: str) -> None:
    """As an input method gives it: keyClicks cannot carry Vietnamese letters."""
    event = QInputMethodEvent()
    event.setCommitString(words)
    QApplication.sendEvent(tile.panel.field, event)


def press(qtbot: QtBot, tile: ReportsTile, *keys: Key) -> None:
    for key in keys:
        qtbot.keyClick(tile.panel.field if tile.panel.isVisible() else tile.list, key)


def last(sample: SampleSession) -> tuple[Verb, str, dict[str, str]]:
    action: Action = sample.actions.submitted[-1]
    return action.verb, action.target, action.args


# -- triage --------------------------------------------------------------------------------------------


def test_enter_and_enter_gives_it_to_the_agency_that_it_probably_is(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    assert last(sample) == (Verb.ASSIGN, first.id, {"agency": "ag-env"})
    assert sample.actions.submitted[-1].expect_state_rev == first.state_rev
    assert not tile.panel.isVisible()
    assert tile.list.hasFocus()
    selected = tile.list.currentIndex().data(REPORT_ROLE)
    assert selected.state.undecided
    assert selected.id != first.id, "on to the next one"


def test_a_second_enter_at_once_gives_it_to_nobody(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    sample.hurry()
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    assert tile.panel.isVisible()
    assert not sample.actions.submitted
    sample.clock.advance_s(LOOK_S)
    press(qtbot, tile, Key.Key_Return)
    assert last(sample) == (Verb.ASSIGN, first.id, {"agency": "ag-env"})


def test_a_twin_is_merged_by_a_few_letters(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "gop")
    assert [one.verb for one in tile.panel.shown] == [Verb.MERGE]
    assert "cách 30 m" in tile.panel.shown[0].words
    press(qtbot, tile, Key.Key_Enter)
    assert last(sample) == (Verb.MERGE, first.id, {"into": "PA-9000"})


def test_what_needs_words_asks_for_them_and_empty_ones_do_not_pass(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "khong xu")
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    assert not sample.actions.submitted
    typed(tile, "Đã có trong kế hoạch sửa chữa")
    press(qtbot, tile, Key.Key_Return)
    assert last(sample) == (Verb.REJECT, first.id, {"reason": "Đã có trong kế hoạch sửa chữa"})


def test_escape_goes_one_step_back(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    select(tile, report(sample).id)
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "dung dong ho")
    press(qtbot, tile, Key.Key_Return, Key.Key_Escape)
    assert tile.panel.isVisible()
    assert len(tile.panel.shown) > 5
    press(qtbot, tile, Key.Key_Escape)
    assert not tile.panel.isVisible()
    assert tile.list.hasFocus()


def test_it_leaves_the_head_of_the_queue_whole_and_no_stump_of_a_row(qtbot: QtBot, sample: SampleSession) -> None:
    small = opened(qtbot, sample, (760, 300))
    select(small, report(sample, text="Nước tràn vào nhà, đã gọi hai lần. " * 12).id)
    small._open_selected()
    assert small.panel.isVisible()
    free = set()
    for high in range(240, 640, 20):
        small.resize(760, high)
        small.panel.place()
        free.add(small.panel.y() - small.header_height)
    assert min(free) == 0
    assert all(one == 0 or one >= 2 * small.scale.line(small.scale.read) for one in free)


def test_where_nothing_matches_it_says_so_and_what_enter_does(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    select(tile, report(sample).id)
    press(qtbot, tile, Key.Key_Return)
    assert "Gõ để lọc" in panel_words(tile)
    typed(tile, "zzz")
    assert "Không có gì khớp: Enter không làm gì · Esc đóng" in panel_words(tile)
    before = len(sample.actions.submitted)
    press(qtbot, tile, Key.Key_Return)
    assert len(sample.actions.submitted) == before
    assert tile.panel.isVisible()


def panel_words(tile: ReportsTile) -> str:
    with text.recording() as log:
        tile.panel.grab()
    return " | ".join(item.text for item in log.items)


def test_what_cannot_be_kept_is_said_and_stays_typed(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    select(tile, report(sample).id)
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "khong xu")
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "tin giả")
    sample.actions.refuse = "not_kept"
    press(qtbot, tile, Key.Key_Return)
    assert said
    assert tile.panel.isVisible()
    assert tile.panel.field.text() == "tin giả"


def test_who_may_not_sees_why(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    sample.deliver(Grant("op-t", "Trainer", Role.TRAINER))
    select(tile, report(sample).id)
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    assert not sample.actions.submitted
    assert said
    assert tile.panel.isVisible()


def test_the_list_follows_the_report_while_it_is_open(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return)
    sample.put("reports", msgspec.structs.replace(first, state=ReportState.ASSIGNED, rev=2, state_rev=2))
    assert Verb.CLOSE in {one.verb for one in tile.panel.shown}
    press(qtbot, tile, Key.Key_Return)
    assert not sample.actions.submitted, "what was marked is gone, and nothing slid into its place"
    typed(tile, "da bat dau")
    press(qtbot, tile, Key.Key_Return)
    assert last(sample)[0] is Verb.START
    assert sample.actions.submitted[-1].expect_state_rev == 2


def test_a_reason_that_was_typed_for_another_state_waits_for_a_second_look(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "khong xu")
    press(qtbot, tile, Key.Key_Return)
    typed(tile, "tin giả")
    sample.put("reports", msgspec.structs.replace(first, holder="Minh", holder_id="op-minh", rev=2, state_rev=2))
    press(qtbot, tile, Key.Key_Return)
    assert not sample.actions.submitted
    assert any("vừa thay đổi" in item.text for item in painted(tile).items)
    press(qtbot, tile, Key.Key_Return)
    assert last(sample) == (Verb.REJECT, first.id, {"reason": "tin giả"})
    assert sample.actions.submitted[-1].expect_state_rev == 2


def test_only_a_press_and_the_left_button_do_something(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    select(tile, report(sample).id)
    press(qtbot, tile, Key.Key_Return)
    held = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True)
    QApplication.sendEvent(tile.panel.field, held)
    place = QPoint(40, round(tile.panel._rows_top()) + 4)
    qtbot.mouseClick(tile.panel, Qt.MouseButton.RightButton, pos=place)
    assert not sample.actions.submitted
    qtbot.mouseClick(tile.panel, Qt.MouseButton.LeftButton, pos=place)
    assert last(sample)[0] is Verb.ASSIGN


def test_a_new_report_can_be_taken_in_where_none_waits(qtbot: QtBot, sample: SampleSession) -> None:
    sample.city.apply([Changes("reports", reset=True)])
    tile = opened(qtbot, sample)
    tile.activateWindow()
    qtbot.waitUntil(tile.isActiveWindow)
    tile.setFocus()
    qtbot.keyClick(tile, Key.Key_Insert)
    assert tile.panel.isVisible()
    assert any("Không có phản ánh" in item.text for item in painted(tile).items)


def test_what_became_of_a_click_stands_in_its_row(qtbot: QtBot, tile: ReportsTile, sample: SampleSession) -> None:
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    sample.actions.answer(Stage.CONFLICT, "already_claimed", "Minh")
    sample.deliver()
    assert any("Minh đã nhận trước" in item.text for item in painted(tile).items)


def test_a_briefing_hides_what_people_wrote_and_who_they_are(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda words, _priority: said.append(words))
    first = report(sample)
    select(tile, first.id)
    press(qtbot, tile, Key.Key_Return)
    own = lambda: any("Nước tràn" in item.text for item in painted(tile).items)  # noqa: E731
    assert own()
    assert "Nước tràn" in tile.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)
    tile.panel.close_panel()
    tile.reveal.open_for(first.id)
    sample.city.set_briefing(True)
    assert not tile.reveal.isVisible()
    assert "Nước tràn" not in tile.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)
    press(qtbot, tile, Key.Key_Return)
    assert not own()
    typed(tile, "xem nguoi")
    press(qtbot, tile, Key.Key_Return)
    assert not tile.reveal.isVisible()
    assert "Ctrl+F12" in said[-1]
    sample.city.set_briefing(False)
    assert own()


# -- a new one -----------------------------------------------------------------------------------------


def test_a_new_report_has_the_place_of_the_chosen_camera(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    said: list[str] = []
    sample.session.notices.toldDesk.connect(said.append)
    camera = next(c for c in sample.city.records("cameras").values() if c.lon is not None)
    sample.session.hands.choose(f"0.1:{camera.number}")
    press(qtbot, tile, Key.Key_Insert)
    typed(tile, "Cây đổ chắn đường")
    press(qtbot, tile, Key.Key_Return)
    wanted = tile.panel.shown[0]
    press(qtbot, tile, Key.Key_Return)
    verb, target, args = last(sample)
    assert verb is Verb.INTAKE
    assert target.startswith("new-")
    sample.deliver()
    assert tile.summary() == "1 phản ánh mới chưa tới máy chủ"
    assert (args["title"], args["category"], args["camera"]) == (
        "Cây đổ chắn đường",
        wanted.args["category"],
        camera.id,
    )
    assert float(args["lon"]) == pytest.approx(camera.lon, abs=1e-6)
    sample.actions.answer(Stage.APPLIED, text="TT-0007")
    sample.deliver()
    assert said == ["đã tiếp nhận TT-0007 · Cây đổ chắn đường"]
    assert "chưa tới" not in tile.summary()


# -- the list, without a screen --------------------------------------------------------------------------


def words(sample: SampleSession, one: Report) -> list[str]:
    return [choice.words for choice in choices(sample.city, one)]


def test_every_state_has_something_to_do(sample: SampleSession) -> None:
    for state in ReportState:
        one = report(sample, state=state, merged_into="PA-9000" if state is ReportState.MERGED else "")
        found = choices(sample.city, one)
        assert found[0].verb is not None
        assert len({(c.verb, tuple(c.args.items())) for c in found}) == len(found), "none twice"


def test_orders_offer_only_their_next_steps(sample: SampleSession) -> None:
    sent = FieldOrder("ag-env", LocalText("Đội 3"), "đến ngay", 1, t_received_ns=2)
    one = report(sample, state=ReportState.IN_PROGRESS, orders=(sent, msgspec.structs.replace(sent, t_done_ns=3)))
    steps = [c.args for c in choices(sample.city, one) if c.verb is Verb.ORDER_STEP]
    assert steps == [{"order": "0", "step": "arrived"}, {"order": "0", "step": "done"}]


def test_letters_without_accents_narrow_it_down(sample: SampleSession) -> None:
    one = report(sample)
    all_of_it = choices(sample.city, one)
    assert narrowed(all_of_it, "") == all_of_it
    assert [c.verb for c in narrowed(all_of_it, "DỪNG ĐỒNG")] == [Verb.PAUSE]
    assert [c.verb for c in narrowed(all_of_it, "9000")] == [Verb.MERGE]
    assert narrowed(all_of_it, "xyz") == []


# -- how it looks --------------------------------------------------------------------------------------


def painted(tile: ReportsTile) -> text.TextLog:
    with text.recording() as log:
        tile.grab()
    return log


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("theme", list(ThemeName))
@pytest.mark.parametrize("size", [(760, 700), (420, 460)])
def test_nothing_is_too_small_or_over_another(
    qtbot: QtBot, qapp: QApplication, language: Language, theme: ThemeName, size: tuple[int, int]
) -> None:
    prepare(qapp, language, theme)
    sample = sample_session(theme=theme)
    tile = opened(qtbot, sample, size)
    select(tile, report(sample, reporters=3, bounces=2, escalated=1).id)
    press(qtbot, tile, Key.Key_Return)
    with text.recording() as log:
        tile.panel.grab()
    assert log.items
    assert not below_floor(log, tile.scale.floor)
    assert not overlapping(log)
    assert not cut(log)


# -- the citizen's word ----------------------------------------------------------------------------------------------


def test_a_low_rating_waits_in_the_queue_and_enter_twice_opens_it_again(
    qtbot: QtBot, tile: ReportsTile, sample: SampleSession
) -> None:
    now = sample.clock.now_ns()
    low = report(
        sample, state=ReportState.DONE, t_closed_ns=now - 600 * NS_PER_S, rating=2, rating_text="vẫn còn nghẹt",
        t_rated_ns=now - 60 * NS_PER_S, result="đã thông cống",
    )  # fmt: skip
    select(tile, low.id)
    words = [item.text for item in painted(tile).items]
    assert "đánh giá 2/5" in words
    press(qtbot, tile, Key.Key_Return)
    seen = " ".join(item.text for item in painted(tile).items)
    assert "vẫn còn nghẹt" in seen
    assert "đã thông cống" in seen
    press(qtbot, tile, Key.Key_Return, Key.Key_Return)
    assert last(sample) == (Verb.REOPEN, low.id, {"reason": "Người dân đánh giá 2/5"})
    sample.city.set_briefing(True)
    tile._open_selected()
    assert not any("vẫn còn nghẹt" in item.text for item in painted(tile).items)


def test_a_good_rating_and_an_old_complaint_leave_the_queue(tile: ReportsTile, sample: SampleSession) -> None:
    now = sample.clock.now_ns()
    fields = {"state": ReportState.DONE, "t_closed_ns": now - 600 * NS_PER_S}
    ids = lambda: {tile.model.report(n).id for n in range(tile.model.rowCount())}  # noqa: E731
    report(sample, **fields, rating=4, t_rated_ns=now)
    assert "PA-9001" not in ids()
    report(sample, **fields, rating=1, t_rated_ns=now - 4 * 86_400 * NS_PER_S)
    assert "PA-9001" not in ids()
    report(sample, **fields, rating=1, t_rated_ns=now)
    assert "PA-9001" in ids()


def test_a_closed_one_is_opened_from_the_search(tile: ReportsTile, sample: SampleSession) -> None:
    report(sample, state=ReportState.DONE, t_closed_ns=sample.clock.now_ns(), result="đã thông cống")
    assert tile.choose("PA-9001")
    assert tile.panel.report is not None
    assert tile.panel.report.id == "PA-9001"
    assert not tile.choose("PA-0000")
