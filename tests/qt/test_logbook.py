"""The logbook on the screen: written about what is chosen, found without accents, corrected and never changed."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import NOW_NS, THU_HA, SampleSession
from helpers.search_room import CTRL, SHIFT, Key, Room

from backends.domain.action import Stage, Verb
from backends.domain.handover_sheet import LOG_ENTRY
from backends.domain.incident import TimelineEvent
from backends.domain.people import Role
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import tr
from widgets.pages.logbook import LogbookPage
from widgets.parts.alarm_history import history_of
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.plot import PlotTile
from widgets.tiles.reports import ReportsTile
from widgets.windows.log_line import LogLine

change = msgspec.structs.replace
RIVER = "al-river"


@pytest.fixture
def told(sample: SampleSession) -> list[str]:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda sentence, _priority: said.append(sentence))
    sample.session.notices.toldDesk.connect(said.append)
    return said


def entry(id_: str, words: str, ago_s: int, **fields: str | int) -> TimelineEvent:
    t_ns = NOW_NS - ago_s * NS_PER_S
    return TimelineEvent(id_, t_ns, LOG_ENTRY, actor="op-thuha", text=LocalText(words), **fields)  # type: ignore[arg-type]  # fields of the record


def page(room: Room) -> LogbookPage:
    if room.wall.panels.page is None:
        room.key(Key.Key_B, modifiers=CTRL | SHIFT)
    opened = room.wall.panels.page
    assert isinstance(opened, LogbookPage)
    return opened


def line(room: Room) -> LogLine:
    room.key(Key.Key_J, modifiers=CTRL | SHIFT)
    opened = room.wall.log.line
    assert opened is not None
    return opened


def test_an_entry_about_the_chosen_alarm(room: Room, sample: SampleSession, told: list[str]) -> None:
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    assert alarms.choose(RIVER)
    line(room)
    room.type("Da goi doi 114")
    room.key(Key.Key_Return)
    (action,) = sample.actions.submitted
    alarm = sample.city.alarm(RIVER)
    assert alarm is not None
    assert (action.verb, action.feed, action.target, action.expect_state_rev) == (Verb.LOG, "timeline", RIVER, 0)
    assert action.args == {
        "text": "Da goi doi 114", "about": "alarms", "t_from_ns": str(alarm.t_raised_ns), "t_to_ns": str(NOW_NS),
    }  # fmt: skip
    assert room.wall.log.line is None
    assert alarms.view.hasFocus(), "the keyboard is where it was"
    sample.actions.answer(Stage.APPLIED)
    sample.deliver()
    assert told == [tr("acts.done.log")]


def test_about_a_report_a_camera_a_plot_and_nothing(room: Room, sample: SampleSession) -> None:
    reports, plot, camera = room.tile(ReportsTile), room.tile(PlotTile), room.free()[0]
    assert isinstance(reports, ReportsTile)
    assert isinstance(plot, PlotTile)
    about = []
    first = reports.model.report(0).id
    reports.choose(first)
    assert camera.camera is not None
    assert plot.sensor is not None
    for focus in (None, camera, plot):
        if focus is not None:
            focus.setFocus()
        line(room)
        room.type("x")
        room.key(Key.Key_Return)
        action = sample.actions.submitted[-1]
        about.append((action.args.get("about", ""), action.target))
    assert about == [("reports", first), ("cameras", camera.camera.id), ("sensors", plot.sensor.id)]
    sample.session.hands.choose("")
    room.window.setFocus()
    line(room)
    room.type("x")
    room.key(Key.Key_Return)
    assert sample.actions.submitted[-1].args == {"text": "x"}


def test_what_was_typed_is_kept_and_an_empty_entry_is_none(room: Room, sample: SampleSession) -> None:
    opened = line(room)
    room.key(Key.Key_Return)
    assert opened.said == tr("logbook.no_words")
    room.type("nua chung")
    room.key(Key.Key_Escape)
    assert room.wall.log.line is None
    assert line(room).field.text() == "nua chung"
    sample.actions.refuse = "not_kept"
    room.key(Key.Key_Return)
    assert room.wall.log.line is not None
    assert room.wall.log.line.said == tr("access.why_long.not_kept")
    sample.deliver(change(THU_HA, operator_id="op-minh"))
    assert room.wall.log.line is None
    assert line(room).field.text() == "", "one person's words are not the next one's"


def test_who_may_not_write_is_told_why(room: Room, sample: SampleSession, told: list[str]) -> None:
    sample.deliver(change(THU_HA, role=Role.VIEWER))
    room.key(Key.Key_J, modifiers=CTRL | SHIFT)
    assert room.wall.log.line is None
    assert told == [tr("access.why_long.not_allowed", role=tr("role.viewer"))]


def test_a_refusal_of_the_hub_is_told(room: Room, sample: SampleSession, told: list[str]) -> None:
    line(room)
    room.type("x")
    room.key(Key.Key_Return)
    sample.actions.answer(Stage.REFUSED, "bad_text")
    sample.deliver()
    assert told == [tr("acts.why.bad_text")]


def test_the_page_has_the_newest_first_and_finds_without_accents(room: Room, sample: SampleSession) -> None:
    span = {"t_from_ns": NOW_NS - 600 * NS_PER_S, "t_to_ns": NOW_NS}
    sample.put("timeline", entry("e1", "Đã gọi đội cứu hỏa", 600, about="alarms", target=RIVER, **span))
    sample.put("timeline", entry("e2", "Mất điện khu vực chợ", 60))
    opened = page(room)
    assert [row.title for row in opened.rows if not row.heading][1:] == ["Mất điện khu vực chợ", "Đã gọi đội cứu hỏa"]
    room.type("cuu hoa")
    (row,) = [row for row in opened.rows if not row.heading]
    assert row.place.startswith("Sông Hiếu trên BĐ3")
    assert "09:31 – 09:41" in row.place
    assert row.state == "Thu Hà"
    room.key(Key.Key_Return)
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    assert alarms.current is not None
    assert alarms.current.id == RIVER
    assert room.wall.panels.page is None


def test_an_entry_about_nothing_leads_nowhere_and_says_so(room: Room, sample: SampleSession) -> None:
    sample.put("timeline", entry("e2", "Mất điện", 60))
    opened = page(room)
    room.key(Key.Key_Down, Key.Key_Return)
    assert opened.said == tr("logbook.no_target")


def test_a_correction_is_a_new_entry(room: Room, sample: SampleSession) -> None:
    sample.put("timeline", entry("e1", "Đã gọi đội 113", 60))
    opened = page(room)
    room.key(Key.Key_Down)
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert opened.field.text() == "Đã gọi đội 113"
    opened.field.setText("Đã gọi đội 114")
    room.key(Key.Key_Return)
    action = sample.actions.submitted[-1]
    assert (action.verb, action.args) == (Verb.LOG, {"text": "Đã gọi đội 114", "corrects": "e1"})
    sample.put("timeline", entry("e2", "Đã gọi đội 114", 1, corrects="e1"))
    opened.on_second()
    states = [row.state for row in opened.rows if row.key[0] == "entry"]
    assert states == [f"Thu Hà · {tr('logbook.correction')}", f"Thu Hà · {tr('logbook.corrected')}"]


def test_entries_stay_when_the_timeline_moves_on(room: Room, sample: SampleSession) -> None:
    sample.put("timeline", entry("e1", "Mất điện", 600))
    sample.put("timeline", *(TimelineEvent(f"x{n}", NOW_NS, "alarm_raised") for n in range(600)))
    assert "e1" not in sample.city.records("timeline")
    assert [row.title for row in page(room).rows if row.key[0] == "entry"] == ["Mất điện"]


def test_it_is_part_of_what_happened_to_the_alarm(sample: SampleSession) -> None:
    sample.put("timeline", entry("e1", "Đã gọi đội 114", 6, about="alarms", target=RIVER))
    alarm = sample.city.alarm(RIVER)
    assert alarm is not None
    assert history_of(sample.city, alarm)[-1].words == f"{tr('alarms.history.log_entry')} · Thu Hà · Đã gọi đội 114"
