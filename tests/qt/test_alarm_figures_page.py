"""The page of alarm figures: what it asks for, what it says, and what it does not pretend to know."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from helpers.pdf_pages import attached_to, pages_of
from helpers.sample_city import SampleSession, Scene, prepare, sample_session
from helpers.search_room import CTRL, SHIFT, Key, Room
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import Priority
from backends.domain.alarm_figures import AlarmFigures, Answered, Frequent, Old
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.spec import PanelKind
from widgets.format import clock_minutes
from widgets.i18n import Language, tr
from widgets.pages.alarm_figures import AGAIN_S, LATE_S, AlarmFiguresPage
from widgets.parts import text
from widgets.parts.exports import Job
from widgets.parts.figure_paper import paper_of, to_csv
from widgets.parts.panel_rows import Row
from widgets.parts.paper import to_pdf
from widgets.theme import ThemeName

change = msgspec.structs.replace
HOUR_NS = 3600 * NS_PER_S


def told(sample: SampleSession, **more: object) -> AlarmFigures:
    """Of the last hour: 120 alarms and all that can be said of them."""
    now_ns = sample.clock.now_ns()
    within = (now_ns - HOUR_NS, now_ns)
    standing = sample.city.alarms()[0]
    figures = AlarmFigures(
        within=within, counted=(within,), oldest_ns=now_ns - 90 * HOUR_NS, raised=120, operators=2.0, rate=10.0,
        peak=22.0, peak_ns=now_ns - 600 * NS_PER_S, overload_s=900.0, overloads=2, overload_longest_s=600.0,
        frequent=(Frequent(standing.key, standing.name, 30), Frequent("gone", LocalText("Bơm 7", "Pump 7"), 6)),
        by_priority={Priority.URGENT: 1, Priority.HIGH: 9, Priority.MEDIUM: 10, Priority.LOW: 90},
        answered=(Answered(Priority.HIGH, 9, 42.0, 190.0),), unknown_answers=2, chattering=3, fleeting=0,
        old=(Old("x", LocalText("Cống Đại Độ kẹt", "Gate stuck"), now_ns - 30 * HOUR_NS),), old_total=1,
    )  # fmt: skip
    return change(figures, **more)


def opened(room: Room) -> AlarmFiguresPage:
    room.key(Key.Key_K, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, AlarmFiguresPage)
    return page


def answered(room: Room, figures: AlarmFigures | None = None, number: int = 0) -> AlarmFiguresPage:
    page = opened(room) if room.wall.panels.page is None else room.wall.panels.page
    assert isinstance(page, AlarmFiguresPage)
    room.sample.figures.answer(figures or told(room.sample), number)
    room.sample.deliver()
    return page


def row(page: AlarmFiguresPage, kind: str, of: str) -> Row:
    return next(one for one in page.rows if one.key == (kind, of))


def titles(page: AlarmFiguresPage, kind: str) -> list[str]:
    return [one.title for one in page.rows if one.key[0] == kind]


def test_it_asks_for_this_shift_and_says_that_it_waits(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    (span,) = sample.figures.asked
    assert (clock_minutes(span[0]), span[1]) == ("06:00", sample.clock.now_ns())
    assert row(page, "reach", "waiting").title == tr("alarm_figures.waiting")
    assert titles(page, "figure") == []
    assert row(page, "period", "shift").place == "ca ngày 06:00 – 14:00"
    assert row(page, "period", "last_shift").place == "ca đêm 22:00 – 06:00"


def test_each_figure_stands_beside_its_target(room: Room) -> None:
    page = answered(room)
    assert row(page, "figure", "rate").state == "10 · không đạt · nên ≤ 1"
    assert row(page, "figure", "peak").place == "lúc 09:31"
    overload = row(page, "figure", "overload")
    assert (overload.state, overload.strong_state) == ("25% · không đạt · nên ≤ 1%", True)
    assert overload.place == "2 lần · dài nhất 10 phút"
    assert row(page, "figure", "old").state == "1 · đạt · nên < 5"
    assert row(page, "figure", "fleeting").state == "0 · đạt · nên không có"
    assert row(page, "figure", "top").state == "30% · quá ít cảnh báo để so · nên ≤ 5%"
    low = row(page, "figure", "low")
    assert (low.priority, low.place) == (Priority.LOW, "90 lần")
    assert low.state == "81,8% · đạt · nên ≥ 80%"
    assert row(page, "figure", "no_priority").state == "10 lần"
    assert row(page, "answered", "high").state == "trung vị 42 giây · 95% trong 3 phút"
    assert titles(page, "cause")[1] == "Bơm 7"
    assert row(page, "cause", "gone").state == "6 lần · 5%"
    young = answered(room, AlarmFigures(within=(0, 9), counted=((0, 9),), peak=0.0))
    assert row(young, "figure", "rate").state == "chưa đủ 10 phút"
    assert row(young, "figure", "top").state == "Không có cảnh báo"
    once = answered(room, told(room.sample, frequent=(Frequent("a", LocalText("A"), 1),)))
    assert titles(once, "cause") == []
    assert row(once, "figure", "no_repeat").title == "Không cảnh báo nào lặp lại"
    bearable = answered(room, told(room.sample, rate=1.4))
    assert row(bearable, "figure", "rate").state == "1,4 · quá mức, còn xử lý được · nên ≤ 1"


def test_what_is_missing_is_named_and_has_no_figures(room: Room, sample: SampleSession) -> None:
    now_ns = sample.clock.now_ns()
    gap = (now_ns - 1200 * NS_PER_S, now_ns - 600 * NS_PER_S)
    page = answered(room, told(sample, missing=(gap,)))
    assert row(page, "reach", "missing 0").title == (
        "Thiếu số liệu 09:21:32 – 09:31:32: không tính vào chỉ số nào"
    )  # fmt: skip
    page = answered(room, AlarmFigures(within=(now_ns - HOUR_NS, now_ns), missing=((now_ns - HOUR_NS, now_ns),)))
    assert row(page, "reach", "nothing").strong_state
    states = {one.state for one in page.rows if one.key[0] == "figure" and one.key[1] != "old"}
    assert states == {tr("alarm_figures.no_figure")}
    page = answered(room)
    sample.figures.answer(None)
    sample.deliver()
    assert titles(page, "reach") == [tr("alarm_figures.unreadable")]
    assert titles(page, "figure") == []


def test_an_answer_to_an_older_question_is_dropped(room: Room, sample: SampleSession) -> None:
    page = opened(room)
    room.type("7 ngay")
    room.key(Key.Key_Return)
    assert len(sample.figures.asked) == 2
    assert sample.figures.asked[1][1] - sample.figures.asked[1][0] == 7 * 24 * HOUR_NS
    answered(room, number=1)
    page.field.setText("")
    assert titles(page, "figure") == []
    answered(room, number=2)
    assert titles(page, "figure") != []
    assert row(page, "period", "week").state == tr("alarm_figures.seen")


def test_it_asks_again_now_and_then_and_says_when_nobody_answers(room: Room, sample: SampleSession) -> None:
    page = answered(room)
    page.on_second()
    assert len(sample.figures.asked) == 1
    sample.clock.advance_s(AGAIN_S)
    page.on_second()
    assert len(sample.figures.asked) == 2
    sample.clock.advance_s(LATE_S - AGAIN_S + 1)
    page.on_second()
    assert row(page, "reach", "late").title == tr("alarm_figures.late", at="09:41:32")
    answered(room)
    assert "late" not in [one.key[1] for one in page.rows]


def test_enter_on_a_cause_goes_to_its_alarm_or_says_that_it_is_over(room: Room, sample: SampleSession) -> None:
    page = answered(room)
    assert row(page, "cause", sample.city.alarms()[0].key).place == "Trạm Đông Hà", "many may have this name"
    gone = next(n for n, one in enumerate(page.rows) if one.key == ("cause", "gone"))
    assert page.choose(page.rows[gone], False) == tr("alarm_figures.over")
    assert page.choose(row(page, "figure", "rate"), False) == tr("alarm_figures.no_act")
    standing = sample.city.alarms()[0]
    assert page.choose(row(page, "cause", standing.key), False) == ""
    assert room.wall.panels.page is None


def test_the_table_is_saved_and_audited_as_figures(room: Room, sample: SampleSession) -> None:
    jobs: list[Job] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    page = opened(room)
    assert page.choose(row(page, "save", "csv"), False) == tr("alarm_figures.nothing_to_save")
    answered(room)
    assert page.choose(row(page, "save", "csv"), False) == ""
    (job,) = jobs
    assert (job.kind, job.what, job.feed, job.sensor_id) == ("csv", "save_figures", "alarms", "figures")
    assert job.account["saved_by"] == sample.city.grant.operator_id
    lines = job.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "figure,of,value,unit,target,met,from,to"
    start, end = lines[1].split(",")[-2:]
    assert f"rate,,10,,<= 1,no,{start},{end}" in lines
    assert f"priority_share,low,0.818182,,>= 0.8,yes,{start},{end}" in lines
    assert f"acknowledged_p95,high,190.0,s,,,{start},{end}" in lines


def test_the_paper_has_city_span_targets_verdicts_holes_and_the_tables_hash(
    room: Room, sample: SampleSession
) -> None:  # fmt: skip
    jobs: list[Job] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    page = opened(room)
    assert page.choose(row(page, "save", "pdf"), False) == tr("alarm_figures.nothing_to_save")
    now_ns = sample.clock.now_ns()
    gaps = tuple((now_ns - (n + 1) * 60 * NS_PER_S, now_ns - (n + 1) * 60 * NS_PER_S + 1) for n in range(9))
    figures = told(sample, missing=gaps, old_total=3)
    answered(room, figures)
    assert page.choose(row(page, "save", "pdf"), False) == ""
    (job,) = jobs
    assert (job.kind, job.what, job.feed, job.sensor_id) == ("pdf", "save_figures", "alarms", "figures")
    (table,) = attached_to(job.content)
    assert table == to_csv(figures)
    (words,) = pages_of(job.content)
    for said in (
        "Trung tâm điều hành đô thị thông minh · Đông Hà",
        "Chỉ số cảnh báo", "Từ 20/11/2026 08:41:32 đến 20/11/2026 09:41:32", "In lúc 20/11/2026 09:41:32 · Nguyễn Thu",
        "120 cảnh báo · 2,0 người trực", "Trung bình mỗi 10 phút", "nên ≤ 1", "không đạt", "81,8%", "đạt",
        "quá ít cảnh báo", "42 giây", "Bơm 7", "Trạm Đông Hà", "Cống Đại Độ kẹt", "19/11 03:41", "+2",
        hashlib.sha256(table).hexdigest(), "Trang 1 / 1",
    ):  # fmt: skip
        assert said in words, said
    assert words.count("Thiếu số liệu 20/11 09:") == len(gaps), "paper has room for all of them"


@pytest.mark.parametrize("language", list(Language))
def test_paper_of_no_data_says_so_and_judges_nothing(qapp: QApplication, language: Language) -> None:
    prepare(qapp, language)
    nothing = AlarmFigures(within=(0, HOUR_NS), missing=((0, HOUR_NS),))
    (words,) = pages_of(to_pdf(paper_of(nothing, {}, HOUR_NS, "Hà")))
    prepare(qapp)
    assert {Language.VI: "Không có dữ liệu của khoảng này", Language.EN: "No data of this time"}[language] in words
    assert {Language.VI: "không đạt", Language.EN: "not met"}[language] not in words


def test_names_from_outside_are_no_formulas_and_gaps_are_in_the_table(sample: SampleSession) -> None:
    now_ns = sample.clock.now_ns()
    evil = told(sample, frequent=(Frequent("k", LocalText("=cmd()"), 3),), missing=((now_ns, now_ns),))
    lines = to_csv(evil).decode("utf-8-sig").splitlines()
    assert any(line.startswith("frequent,'=cmd(),3,") for line in lines)
    assert lines[-1].startswith("missing,,,,,,2")


@pytest.mark.parametrize("kind", [PanelKind.DESK, PanelKind.WALL])
@pytest.mark.parametrize(
    ("language", "theme"), [(Language.VI, ThemeName.DARK), (Language.EN, ThemeName.LIGHT)]
)  # fmt: skip
def test_painted_text_keeps_the_rules(
    qapp: QApplication, kind: PanelKind, language: Language, theme: ThemeName
) -> None:
    prepare(qapp, language, theme)
    room = Room(sample_session(Scene.DESK, theme), kind=kind)
    room.wall.panels.open_page(room.window, "alarm_figures")
    page = answered(room)
    with text.recording() as log:
        page.grab()
    assert log.items
    assert not below_floor(log, room.window.scale.floor)
    assert not cut(log)
    assert not overlapping(log)
    room.wall.close()
