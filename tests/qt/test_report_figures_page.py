"""The page of figures: reckoned beside the GUI thread, found by letters, and Enter goes to what is late."""

from __future__ import annotations

import msgspec
from helpers.pdf_pages import attached_to, pages_of
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room
from pytestqt.qtbot import QtBot

from backends.domain.feeds import FeedQuality
from backends.domain.report import ReportState
from widgets.i18n import tr
from widgets.pages.report_figures import ReportFigures
from widgets.parts.exports import Job
from widgets.tiles.reports import ReportsTile


def opened(qtbot: QtBot, room: Room) -> ReportFigures:
    room.search("so lieu phan anh")
    room.key(Key.Key_Return)
    page = room.wall.panels.page
    assert isinstance(page, ReportFigures)
    qtbot.waitUntil(lambda: bool(page.rows))
    return page


def test_it_is_offered_in_search_and_tells_all_categories_and_agencies(
    qtbot: QtBot, room: Room, sample: SampleSession
) -> None:
    first = next(r for r in sample.city.reports() if r.agency_id or r.agency.vi)
    sample.put("reports", msgspec.structs.replace(first, state=ReportState.ASSIGNED, agency_id="ag-env"))
    page = opened(qtbot, room)
    open_ones = [r for r in sample.city.reports() if r.state.open]
    assert page.rows[0].title == "Tất cả"
    assert page.rows[0].place.startswith(f"đang mở {len(open_ones)}")
    assert "quá hạn 1" in page.rows[0].state
    assert page.rows[0].strong_state
    heads = [row.title for row in page.rows if row.heading]
    assert heads == ["Theo loại phản ánh", "Theo đơn vị xử lý"]
    room.type("chieu sang")
    assert [row.title for row in page.rows if not row.heading] == ["Chiếu sáng"]


def test_enter_goes_to_the_one_that_is_due_first(qtbot: QtBot, room: Room, sample: SampleSession) -> None:
    tile = room.tile(ReportsTile)
    assert isinstance(tile, ReportsTile)
    opened(qtbot, room)
    room.key(Key.Key_Return)
    assert room.wall.panels.page is None
    assert tile.list.currentIndex().row() == 0


def test_it_follows_what_happens_and_says_where_nothing_is_open(
    qtbot: QtBot, room: Room, sample: SampleSession
) -> None:
    page = opened(qtbot, room)
    now_ns = sample.clock.now_ns()
    done = [
        msgspec.structs.replace(r, state=ReportState.DONE, t_closed_ns=now_ns, rating=4, t_rated_ns=now_ns)
        for r in sample.city.reports()
    ]
    sample.put("reports", *done)
    page.on_second()
    qtbot.waitUntil(lambda: page.rows[0].place.startswith("đang mở 0"))
    assert "đánh giá 4,0/5" in page.rows[0].place
    room.key(Key.Key_Return)
    assert page.said == "không có phản ánh đang mở"


def test_it_is_saved_as_a_table_and_as_paper(qtbot: QtBot, room: Room, sample: SampleSession) -> None:
    jobs: list[Job] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    page = opened(qtbot, room)
    sample.set_quality("reports", FeedQuality.STALE, age_s=720)
    page.on_second()
    assert any(row.title.startswith("số liệu cũ 12 phút") for row in page.rows)
    for what in ("save", "print"):
        assert page.choose(next(row for row in page.rows if row.key == ("save", what)), False) == ""
    table, paper = jobs
    assert [(job.kind, job.what, job.feed) for job in jobs] == [
        ("csv", "save_figures", "reports"), ("pdf", "save_figures", "reports"),
    ]  # fmt: skip
    lines = table.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("group,id,name,open,overdue,closed,on_time")
    assert any(line.startswith("category,") and ",Chiếu sáng," in line for line in lines)
    assert attached_to(paper.content) == [table.content]
    (words,) = pages_of(paper.content)
    for said in (
        "Trung tâm điều hành đô thị thông minh · Đông Hà", "Số liệu phản ánh hiện trường",
        f"Gồm {len(sample.city.reports())} phản ánh", "Chú ý: số liệu cũ 12 phút", "Theo đơn vị xử lý", "Chiếu sáng",
        "Quá hạn", "Nguyễn Thu Hà", "Trang 1 / 1",
    ):  # fmt: skip
        assert said in words, said
    assert not any(report.text in words for report in sample.city.reports() if report.text)
    room.type("luu bang")
    assert [row.title for row in page.rows if not row.heading] == [tr("report_figures.save")]
