"""The page of a procedure: steps are ticked by keys, others' ticks are seen at once, nothing is undone by accident."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import NOW_NS, SampleSession
from helpers.sample_records import ALARMS
from helpers.search_room import SHIFT, Key, Room
from PySide6.QtCore import Qt

from backends.domain.access import NOBODY
from backends.domain.action import Stage, Verb
from backends.domain.alarm import Alarm, Priority
from backends.domain.incident import TimelineEvent
from backends.domain.ports import Changes
from backends.domain.procedure import PHONE_PREFIX, PROCEDURE_PREFIX, Phone, Procedure, Step, put_mark
from backends.domain.step_mark import StepState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import tr
from widgets.models.alarms import AlarmRow
from widgets.pages.procedure import LOOK_S, ProcedurePage
from widgets.parts.alarm_words import run_words
from widgets.parts.panel_rows import Row
from widgets.tiles.alarms import AlarmsTile

MINUTE = 60 * NS_PER_S
FLOOD = Procedure(
    PROCEDURE_PREFIX + "flood",
    LocalText("Lũ", "Flood"),
    (
        Step("verify", LocalText("Xem camera", "Look at the cameras"), 5.0),
        Step("call", LocalText("Gọi 114", "Call 114"), 10.0, ("114", "command")),
        Step("minor", LocalText("Ghi sổ", "Note it"), priorities=(Priority.LOW,)),
        Step("watch", LocalText("Theo dõi", "Watch on")),
    ),
)
PHONES = (
    Phone(PHONE_PREFIX + "112", LocalText("Cứu nạn", "Rescue"), "112", order=1),
    Phone(PHONE_PREFIX + "114", LocalText("Chữa cháy", "Fire brigade"), "114", order=2),
    Phone(PHONE_PREFIX + "command", LocalText("Ban Chỉ huy", "Command"), order=3),
)
RIVER: Alarm = msgspec.structs.replace(ALARMS[0], procedure_id="flood", t_raised_ns=NOW_NS - 6 * MINUTE)


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    sample.put("config", FLOOD, *PHONES)
    sample.put("alarms", RIVER)
    return sample


def opened(room: Room, about: str = RIVER.id) -> ProcedurePage:
    room.sample.session.calls.pageCalled.emit("procedure", about)
    page = room.wall.panels.page
    assert isinstance(page, ProcedurePage)
    return page


def steps(page: ProcedurePage) -> list[tuple[str, str]]:
    return [(row.head, row.title) for row in page.rows if row.key[0] == "step"]


def row(page: ProcedurePage, step: str) -> Row:
    return next(one for one in page.rows if one.key == ("step", step))


def chosen(page: ProcedurePage) -> str:
    return page.row.key[1] if page.row is not None else ""


def ticked(sample: SampleSession, step: str, by: str = "Minh", state: StepState = StepState.DONE) -> None:
    """The echo of somebody's click."""
    alarm = sample.city.alarm(RIVER.id)
    assert alarm is not None
    sample.put("alarms", put_mark(alarm, step, state, 0, by, by, sample.clock.now_ns()))


def test_shift_f9_opens_the_procedure_of_the_chosen_alarm(room: Room) -> None:
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    assert alarms.choose(RIVER.id)
    room.key(Key.Key_F9, modifiers=SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, ProcedurePage)
    assert page.about == RIVER.id
    headings = [one.title for one in page.rows if one.heading]
    assert headings[0] == "khẩn cấp · Sông Hiếu trên BĐ3 0,12 m · Trạm Đông Hà · từ 09:35 (6 phút)"
    assert headings[1] == "Lũ · bước 0/3"
    assert steps(page) == [("1.", "Xem camera"), ("2.", "Gọi 114"), ("4.", "Theo dõi")], "numbers are the procedure's"
    assert chosen(page) == "verify"
    assert page.geometry().intersected(alarms.geometry()).isEmpty()


def test_what_is_late_is_strong_and_time_runs(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    assert (row(page, "verify").state, row(page, "verify").strong_state) == ("quá hạn 1 phút", True)
    assert (row(page, "call").state, row(page, "call").strong_state) == ("còn 4 phút", False)
    assert row(page, "watch").state == ""
    assert row(page, "call").place == "114, Ban Chỉ huy", "a number where there is one"
    sample.clock.advance_s(3 * 60 + 30)
    page.on_second()
    assert row(page, "call").state == "còn 30 giây"


def test_enter_ticks_and_goes_on_to_the_next_undone_step(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    sample.hurry()
    room.key(Key.Key_Return)
    (action,) = sample.actions.submitted
    assert (action.verb, action.feed, action.target) == (Verb.STEP, "alarms", RIVER.id)
    assert (action.args, action.expect_state_rev) == ({"step": "verify", "state": "done"}, 1)
    assert chosen(page) == "call"
    room.key(Key.Key_Return)
    assert len(sample.actions.submitted) == 1, "the second of two quick ones ticks nothing"
    assert page.said == tr("page.look")
    sample.deliver()
    assert (row(page, "verify").state, row(page, "verify").muted) == (tr("alarms.queued"), True)
    sample.actions.answer(Stage.APPLIED)
    ticked(sample, "verify", "Thu Hà")
    assert row(page, "verify").state == "xong · Thu Hà 09:41"
    assert row(page, "verify").muted
    assert chosen(page) == "call"
    sample.clock.advance_s(LOOK_S + 0.1)
    room.key(Key.Key_Return)
    assert sample.actions.submitted[-1].args["step"] == "call"
    assert chosen(page) == "watch"


def test_letters_narrow_down_and_a_tick_brings_all_back(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.type("theo")
    assert steps(page) == [("4.", "Theo dõi")]
    room.key(Key.Key_Return)
    assert sample.actions.submitted[-1].args["step"] == "watch"
    assert page.field.text() == ""
    assert len(steps(page)) == 3
    assert chosen(page) == "verify"


def test_not_needed_wants_a_reason(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert page.asking
    room.key(Key.Key_Return)
    assert page.said == tr("procedures.reason_needed")
    room.type("no camera there")
    room.key(Key.Key_Return)
    assert not page.asking
    args = sample.actions.submitted[-1].args
    assert args == {"step": "verify", "state": "not_needed", "reason": "no camera there"}
    assert chosen(page) == "call"


def test_an_enter_never_takes_back_what_somebody_else_has_just_done(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    ticked(sample, "verify")
    assert row(page, "verify").state == "xong · Minh 09:41"
    assert chosen(page) == "verify", "the ring stays where the eye is"
    room.key(Key.Key_Return)
    assert page.said == tr("page.look")
    room.key(Key.Key_Return, modifiers=SHIFT)
    sample.clock.advance_s(LOOK_S + 0.1)
    room.key(Key.Key_Return)
    assert page.said == tr("procedures.take_back")
    assert sample.actions.submitted == []
    room.key(Key.Key_Return, modifiers=SHIFT)
    (action,) = sample.actions.submitted
    assert (action.args, action.expect_state_rev) == ({"step": "verify", "state": "not_done"}, 2)
    ticked(sample, "verify", "Thu Hà", StepState.NOT_DONE)
    sample.actions.answer(Stage.APPLIED)
    sample.deliver()
    assert row(page, "verify").state == "quá hạn 1 phút · Thu Hà bỏ dấu 09:41"


def test_who_was_first_is_said_on_the_row_and_where_the_page_is_closed(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.key(Key.Key_Return)
    sample.actions.answer(Stage.CONFLICT, "already_done", "Minh")
    ticked(sample, "verify")
    assert row(page, "verify").state == "Minh đã làm trước · xong · Minh 09:41"
    assert row(page, "verify").strong_state
    room.key(Key.Key_Escape)
    said = [notice.sentence for notice in sample.session.notices.recent()]
    assert said[:1] == ["Chưa ghi được · Sông Hiếu trên BĐ3 0,12 m · bước 1 · Minh đã làm trước"]


def test_a_tick_on_its_way_is_in_the_way_of_nothing_else_on_the_alarms_row(room: Room, sample: SampleSession) -> None:
    opened(room)
    room.key(Key.Key_Return)
    sample.deliver()
    assert sample.city.pending == {}
    assert list(sample.city.step_clicks) == [(RIVER.id, "verify")]
    sample.deliver(Changes("alarms", deleted=(RIVER.id,)))
    assert sample.city.step_clicks == {}


def test_who_may_not_is_told_why(room: Room, sample: SampleSession) -> None:
    sample.deliver(NOBODY)
    page = opened(room)
    room.key(Key.Key_Return)
    assert page.said == tr("access.why_long.nobody_signed_in")
    assert sample.actions.submitted == []


def test_a_run_can_be_read_when_its_alarm_is_over(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    ticked(sample, "verify")
    words = LocalText("Lũ · 1. Xem camera", "Flood · 1. Look")
    sample.put("timeline", TimelineEvent("e1", NOW_NS, "step_done", RIVER.id, "op-quocbao", words))
    sample.deliver(Changes("alarms", deleted=(RIVER.id,)))
    assert tr("alarms.ended") in page.rows[0].title
    assert row(page, "verify").state == "xong · Minh 09:41"
    assert row(page, "call").state == "", "no time runs any more"
    sample.clock.advance_s(1)
    room.key(Key.Key_Down, Key.Key_Return)
    assert page.said == tr("alarms.ended_why")
    page.end()
    past = [one for one in opened(room).rows if one.key[0] == "past"]
    assert [(one.title, one.state) for one in past] == [("Lũ · 1. Xem camera", "xong · Quốc Bảo")]


def test_what_was_done_before_it_was_raised_anew_says_so(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    ticked(sample, "verify")
    alarm = sample.city.alarm(RIVER.id)
    assert alarm is not None
    sample.clock.advance_s(60)
    sample.put("alarms", msgspec.structs.replace(alarm, t_raised_ns=sample.clock.now_ns(), rev=9))
    assert row(page, "verify").state == "lần báo trước · xong · Minh 09:41"
    assert row(page, "verify").strong_state


def test_numbers_are_large_and_those_of_the_steps_come_first(room: Room) -> None:
    page = opened(room)
    phones = [(one.head, one.title, one.place, one.state) for one in page.rows if one.key[0] == "phone"]
    assert phones == [
        ("2", "114", "Chữa cháy", ""),
        ("2", "Ban Chỉ huy", "", tr("procedures.no_number")),
        ("", "112", "Cứu nạn", ""),
    ]
    room.type("cuu nan")
    room.key(Key.Key_Return)
    assert page.said == "Cứu nạn: 112"


def test_search_finds_procedures_and_numbers(room: Room, sample: SampleSession) -> None:
    room.search("quy trinh lu")
    assert room.panel.row is not None
    assert room.panel.row.key == ("procedure", FLOOD.id)
    room.key(Key.Key_Return)
    page = room.wall.panels.page
    assert isinstance(page, ProcedurePage)
    assert page.about == FLOOD.id
    assert page.field.hasFocus(), "the keyboard is in the page, not where it was before the search"
    assert len(steps(page)) == 4
    assert row(page, "minor").state == "chỉ khi thấp"
    assert row(page, "verify").state == "trong 5 phút"
    room.key(Key.Key_Return)
    assert page.said == tr("procedures.only_read")
    room.search("dien thoai chua chay")
    assert room.panel.row is not None
    assert (room.panel.row.key, room.panel.row.state) == (("phone", PHONES[1].id), "114")
    room.key(Key.Key_Return)
    page = room.wall.panels.page
    assert isinstance(page, ProcedurePage)
    assert page.about == ""
    room.type("lu")
    room.key(Key.Key_Return)
    assert room.wall.panels.page is not page
    assert room.wall.panels.page is not None
    assert room.wall.panels.page.about == FLOOD.id


def test_an_alarm_without_a_procedure_still_has_the_telephone_list(room: Room) -> None:
    page = opened(room, "al-ups")
    titles = [one.title for one in page.rows if one.heading]
    assert tr("procedures.none") in titles
    assert {one.key[0] for one in page.rows if not one.heading} == {"procedure", "phone"}


def test_the_alarms_row_says_how_far_it_has_come(room: Room, sample: SampleSession) -> None:
    assert run_words(sample.city, RIVER) == "", "nobody has begun"
    ticked(sample, "verify")
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    shown = alarms.model.row(alarms.model.row_of(RIVER.id))
    assert isinstance(shown, AlarmRow)
    assert run_words(sample.city, shown.alarm) == "bước 1/3"
    assert "bước 1/3" in str(alarms.model.index(alarms.model.row_of(RIVER.id)).data(Qt.ItemDataRole.ToolTipRole))
