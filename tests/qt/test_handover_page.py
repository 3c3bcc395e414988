"""The hand-over on the screen: sections with counts, two Enters a signature, frozen contents, and the PDF."""

from __future__ import annotations

import msgspec
from helpers.pdf_pages import pages_of
from helpers.sample_city import NOW_NS, THU_HA, SampleSession, Scene, prepare, sample_session
from helpers.search_room import CTRL, SHIFT, Key, Room
from helpers.text_rules import below_floor, overlapping
from PySide6.QtWidgets import QApplication

from backends.domain.action import Stage, Verb
from backends.domain.alarm import AlarmState
from backends.domain.feeds import Mode
from backends.domain.handover import Handover, HandoverState, Line, Part, Section, give, note, open_new, take
from backends.domain.handover_sheet import LOG_ENTRY, sheet
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role
from backends.domain.ports import Changes, Delivery
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import Language, tr
from widgets.pages.handover import HandoverPage
from widgets.pages.logbook import LogbookPage
from widgets.parts import text
from widgets.parts.exports import Job
from widgets.parts.handover_paper import paper_of
from widgets.parts.paper import Paper, PaperPart, headed, to_pdf
from widgets.theme import ThemeName
from widgets.tiles.alarms import AlarmsTile

change = msgspec.structs.replace
HA = Operator("op-thuha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.SHIFT_LEAD, "desk-2")
RIVER = Line(
    "alarms", "al-river", LocalText("Sông Hiếu trên BĐ3"), LocalText("Trạm Đông Hà"), "unack", "urgent", NOW_NS,
)  # fmt: skip
FLOODED = Line(
    "alarms", "al-x", LocalText("Ngập sâu"), state="shelved", t_ns=NOW_NS + 60 * NS_PER_S, who="Minh", why="đang bơm",
)  # fmt: skip
PARTS = (
    Part(Section.OPEN, 120, (RIVER,)),
    Part(Section.SHELVED, 1, (FLOODED,)),
    Part(Section.CAMERAS),
    Part(Section.LOG, 1, (Line("timeline", "e1", LocalText("Đã gọi đội cứu hỏa"), t_ns=NOW_NS, who="Thu Hà"),)),
)


def given() -> Handover:
    opened = open_new("GC-0007", HA, NOW_NS - 8 * 3600 * NS_PER_S, NOW_NS)
    return give(note(opened, HA, "Bơm số 3 đang sửa", NOW_NS), HA, PARTS, NOW_NS)


def locked() -> Handover:
    return take(given(), MINH, NOW_NS)


def page(room: Room) -> HandoverPage:
    if room.wall.panels.page is None:
        room.key(Key.Key_G, modifiers=CTRL | SHIFT)
    opened = room.wall.panels.page
    assert isinstance(opened, HandoverPage)
    return opened


def press(room: Room, *key: str) -> HandoverPage:
    """Enter on that row."""
    opened = page(room)
    opened._choose_key((key[0], key[1]))
    assert opened.row is not None
    assert opened.row.key == key
    room.key(Key.Key_Return)
    return opened


def headings(opened: HandoverPage) -> list[str]:
    return [row.title for row in opened.rows if row.heading]


def test_it_fills_itself_before_anybody_has_signed(room: Room, sample: SampleSession) -> None:
    opened = page(room)
    found = dict(line.rsplit(" · ", 1) for line in headings(opened)[2:])
    alarms = sample.city.records("alarms").values()
    asking = [a for a in alarms if a.state in ("unack", "acked", "returned", "latched") and not a.holder_id]
    assert found[tr("handover.section.open")] == str(len(asking))
    assert found[tr("handover.section.layout")] == "1"
    names = [line.name for part in opened.parts() if part.section is Section.LAYOUT for line in part.lines]
    assert names == [LocalText("Toàn cảnh", "Overview")]
    assert set(found) == {tr(f"handover.section.{section.value}") for section in Section}
    room.type("song hieu")
    assert "Sông Hiếu trên BĐ3 0,12 m" in [row.title for row in opened.rows if not row.heading]
    assert tr("handover.section.layout") not in " ".join(headings(opened))


def test_what_it_keeps_from_second_to_second_is_what_stands_then(room: Room, sample: SampleSession) -> None:
    """Whatever moves: the same sections as made at once of all records; and nothing is made of what did not move."""
    opened, city = page(room), sample.city

    def stands() -> tuple[Part, ...]:
        whole = sheet(
            alarms=city.records("alarms").values(),
            reports=city.reports(),
            cameras=city.records("cameras").values(),
            entries=city.logbook.values(),
            people=city.records("roster"),
            since_ns=opened._since_ns(None, sample.clock.now_ns()),
            now_ns=sample.clock.now_ns(),
            layout=opened._layout(),
        )
        assert opened.parts() == whole
        assert opened.parts() is opened.parts()
        opened.on_second()
        titles = [line.name.vi for part in whole for line in part.lines]
        assert [row.title for row in opened.rows if row.key in opened._lines] == titles
        return whole

    before = stands()
    alarms = list(city.records("alarms").values())
    first = alarms[0]
    entry = TimelineEvent("e1", sample.clock.now_ns(), LOG_ENTRY, actor="op-thuha", text=LocalText("Đã gọi"))
    ha = city.records("roster")["op-thuha"]
    moves: tuple[Delivery, ...] = (
        Changes("alarms", put=(change(first, holder_id="op-minh", holder="Minh", state=AlarmState.ACKNOWLEDGED),)),
        Changes("alarms", put=(change(first, id="nodata:s-1", state=AlarmState.SHELVED, shelved_until_ns=NOW_NS),)),
        Changes("alarms", put=(change(first, state=AlarmState.SUPPRESSED),)),
        Changes("alarms", deleted=(alarms[1].id,)),
        Changes("local", put=(change(first, id="disk"),)),
        Changes("cameras", put=tuple(change(c, online=False) for c in [*city.records("cameras").values()][:2])),
        Changes("reports", put=(change(city.reports()[0], title=LocalText("Tên khác")),)),
        Changes("timeline", put=(entry,)),
        Changes("roster", put=(change(ha, short="Hà"),)),
        Changes("alarms", put=tuple(alarms), reset=True),
    )
    for move in moves:
        sample.deliver(move)
        stands()
        sample.clock.advance_s(1800)  # one report after the other falls due
        before = (*before, *stands())
    assert len(set(map(msgspec.json.encode, before))) > len(Section) + len(moves), "all of it was seen to move"


def test_enter_goes_to_the_thing(room: Room) -> None:
    page(room)
    room.type("song hieu bd3")
    room.key(Key.Key_Return)
    alarms = room.tile(AlarmsTile)
    assert isinstance(alarms, AlarmsTile)
    assert alarms.current is not None
    assert alarms.current.id == "al-river"


def test_a_note_opens_it(room: Room, sample: SampleSession) -> None:
    press(room, "act", "note")
    room.type("Bom so 3")
    room.key(Key.Key_Return)
    (action,) = sample.actions.submitted
    assert (action.verb, action.feed, action.target) == (Verb.COMMENT, "handovers", "new")
    assert (action.expect_state_rev, action.args) == (0, {"text": "Bom so 3"})


def test_a_signature_takes_two_enters_and_says_what_was_seen(room: Room, sample: SampleSession) -> None:
    sample.put("handovers", change(given(), given=None, parts=(), state=HandoverState.OPEN, t_frozen_ns=0))
    opened = press(room, "act", "give")
    assert opened.asking
    assert sample.actions.submitted == []
    sample.put("handovers", note(given(), MINH, "còn nữa", NOW_NS))
    room.key(Key.Key_Return)
    (action,) = sample.actions.submitted
    assert (action.verb, action.target, action.expect_state_rev) == (Verb.HAND_OVER, "GC-0007", given().state_rev)
    assert action.args == {"layout": "Toàn cảnh", "layout_en": "Overview"}


def test_who_comes_signs_what_was_frozen(room: Room, sample: SampleSession) -> None:
    said: list[str] = []
    sample.session.notices.posted.connect(lambda sentence, _priority: said.append(sentence))
    sample.put("handovers", given())
    opened = page(room)
    assert "120" in next(line for line in headings(opened) if line.startswith(tr("handover.section.open")))
    press(room, "act", "take")
    room.key(Key.Key_Return)
    action = sample.actions.submitted[-1]
    assert (action.verb, action.expect_state_rev) == (Verb.TAKE_OVER, given().state_rev)
    sample.actions.answer(Stage.CONFLICT, "same_person", "Nguyễn Thu Hà")
    sample.deliver()
    assert said == [tr("acts.why.same_person", who="Nguyễn Thu Hà")]
    sample.put("handovers", locked())
    assert opened.shown == locked(), "it stays in sight"


def test_a_note_to_what_was_signed_says_which_signature_it_takes_away(room: Room, sample: SampleSession) -> None:
    sample.put("handovers", given())
    press(room, "act", "note")
    room.type("x")
    room.key(Key.Key_Return)
    assert sample.actions.submitted[-1].expect_state_rev == given().state_rev


def test_earlier_ones_are_looked_at_and_left_again(room: Room, sample: SampleSession) -> None:
    sample.put("handovers", locked())
    opened = press(room, "earlier", "GC-0007")
    assert opened.shown == locked()
    assert ("act", "give") not in [row.key for row in opened.rows]
    assert tr("handover.matches") in [row.state for row in opened.rows]
    sample.put("handovers", change(locked(), notes=()))
    assert tr("handover.altered") in [row.state for row in opened.rows]
    press(room, "act", "back")
    assert opened.shown is None


def test_an_entry_of_the_log_opens_the_logbook(room: Room, sample: SampleSession) -> None:
    sample.put("handovers", given())
    press(room, "log", "timeline/e1")
    assert isinstance(room.wall.panels.page, LogbookPage)


def test_who_may_not_sign_is_told_why(room: Room, sample: SampleSession) -> None:
    sample.deliver(change(THU_HA, role=Role.TRAINER))
    opened = press(room, "act", "give")
    assert not opened.asking
    assert opened.said == tr("access.why_long.not_allowed", role=tr("role.trainer"))


def test_a_hub_that_keeps_none_is_told(room: Room, sample: SampleSession) -> None:
    del sample.city.statuses["handovers"]
    opened = page(room)
    assert list(opened.rows) == []
    assert opened.nothing("") == tr("handover.not_kept")


def test_painted_text_keeps_the_rules(qapp: QApplication) -> None:
    for scene, language, theme in (
        (Scene.DESK, Language.VI, ThemeName.DARK), (Scene.FLOOD, Language.EN, ThemeName.LIGHT),
    ):  # fmt: skip
        prepare(qapp, language, theme)
        made = Room(sample_session(scene, theme))
        made.sample.put("handovers", given())
        opened = page(made)
        with text.recording() as log:
            opened.grab()
        assert not below_floor(log, opened.scale.floor)
        assert not overlapping(log)
        made.wall.close()


# -- on paper --------------------------------------------------------------------------------------------------------


def test_the_export_says_what_was_signed(room: Room, sample: SampleSession) -> None:
    jobs: list[Job] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    assert press(room, "act", "export").said == tr("handover.not_signed")
    sample.put("handovers", locked())
    press(room, "earlier", "GC-0007")
    press(room, "act", "export")
    (job,) = jobs
    assert (job.kind, job.what, job.feed, job.sensor_id) == ("pdf", "save_handover", "handovers", "GC-0007")
    assert job.account["record_sha256"] == locked().sha256
    (page_1,) = pages_of(job.content)
    for words in (
        "Trung tâm điều hành đô thị thông minh · Đông Hà",
        "Bàn giao ca GC-0007", "Cảnh báo chưa có người xử lý · 120, ghi 1", "Sông Hiếu trên BĐ3", "Trạm Đông Hà",
        "đang bơm", "Camera mất kết nối · 0", "Không có", "Đã gọi đội cứu hỏa", "Bơm số 3 đang sửa", "Nguyễn Thu Hà",
        "Trần Minh", "Trưởng ca", locked().sha256, "Trang 1 / 1",
    ):  # fmt: skip
        assert words in page_1, words
    assert "MÔ PHỎNG" not in page_1


def test_paper_of_a_demo_and_of_one_that_is_not_signed_by_both_says_so(qapp: QApplication) -> None:
    prepare(qapp)
    (words,) = pages_of(to_pdf(headed(paper_of(given()), "Đông Hà", Mode.DEMO)))
    assert "MÔ PHỎNG" in words
    assert "CHƯA KÝ NHẬN" in words
    assert "chưa ký" in words


def test_paper_goes_on_over_pages_and_cuts_nothing(qapp: QApplication) -> None:
    prepare(qapp)
    rows = [(f"{n:03}", f"Hàng số {n} " + "ngập " * (n % 40), "x" * 90) for n in range(120)]
    pages = pages_of(
        to_pdf(Paper("Báo cáo", "", ("một dòng",), (PaperPart("Mục", rows, widths=(1, 4, 1)),), "chân trang"))
    )
    assert len(pages) > 3
    for n, words in enumerate(pages, 1):
        assert f"Trang {n} / {len(pages)}" in words
        assert "chân trang" in words
    whole = " ".join(pages)
    assert all(f"Hàng số {n}" in whole for n in range(120))
    assert whole.count("ngập") == sum(n % 40 for n in range(120))
    assert whole.count("x") >= 120 * 90


def test_what_stands_over_the_columns_stands_on_every_page_and_hashes_can_be_copied(qapp: QApplication) -> None:
    prepare(qapp)
    part = PaperPart("Mục", [(f"{n}", "hàng") for n in range(200)], columns=("Số", "Là gì"), strong=(3, 150))
    paper = Paper("Báo cáo", parts=(part,), footer="SHA-256 aff0ffe5fi")
    pages = ["".join(words.split()) for words in pages_of(to_pdf(headed(paper, "", Mode.LIVE)))]
    assert len(pages) > 2
    assert all("SốLàgì" in words for words in pages)
    assert all("SHA-256aff0ffe5fi" in words for words in pages), "two letters drawn as one are copied as a third"
