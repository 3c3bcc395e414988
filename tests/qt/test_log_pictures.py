"""Pictures of entries of the logbook: what is seen goes along, and is seen again on the page and on paper; not by
visitors."""

from __future__ import annotations

import hashlib

from helpers.sample_city import NOW_NS, SampleSession
from helpers.search_room import CTRL, SHIFT, Key, Room
from helpers.some_pictures import CAMERA, arrived, camera_shows, held, jpeg, passes
from helpers.text_rules import below_floor, cut, overlapping
from helpers.waiting import wait_for
from msgspec.structs import replace

from backends.domain.handover import Handover, Section, give, open_new
from backends.domain.handover_sheet import LOG_ENTRY, sheet
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import tr
from widgets.pages.handover import HandoverPage
from widgets.pages.logbook import LogbookPage
from widgets.parts import text
from widgets.parts.exports import Job
from widgets.windows.log_line import LogLine

HA = Operator("op-thuha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")


def about_a_camera(room: Room) -> LogLine:
    """The line, about CAMERA on the tile with the keyboard."""
    tile = room.free()[0]
    room.sample.session.hands.put(tile.place, CAMERA, "")
    tile.setFocus()
    assert tile.camera is not None
    assert tile.camera.id == CAMERA
    room.key(Key.Key_J, modifiers=CTRL | SHIFT)
    line = room.wall.log.line
    assert line is not None
    return line


def painted(line: LogLine) -> str:
    with text.recording() as log:
        line.grab()
    assert not below_floor(log, line.scale.floor)
    assert not overlapping(log)
    assert not cut(log)
    return " ".join(item.text for item in log.items)


def test_the_picture_that_is_seen_goes_along_and_its_words_say_of_what(room: Room, sample: SampleSession) -> None:
    line = about_a_camera(room)
    room.type("xe do")
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert not sample.actions.submitted, "its picture is not there yet"
    assert "đang lấy hình camera 033" in painted(line)
    camera_shows(sample, 200)
    wait_for("the picture", passes(sample, lambda: line.still.data))
    room.type(" ")
    assert "Shift+Enter" in painted(line)
    seen, words = line.still.data, line.still.words()
    camera_shows(sample, 10)  # what comes later is not what was seen
    room.key(Key.Key_Return, modifiers=SHIFT)
    (action,) = sample.actions.submitted
    assert action.args["text"] == f"xe do ({words})"
    assert words.startswith("hình camera 033 lúc ")
    assert action.args["pictures"] == hashlib.sha256(seen).hexdigest()
    assert action.args["t_from_ns"] == action.args["t_to_ns"]
    assert sample.actions.pictures == [seen]
    assert room.wall.log.line is None


def test_without_shift_the_words_go_alone(room: Room, sample: SampleSession) -> None:
    camera_shows(sample, 200)
    line = about_a_camera(room)
    wait_for("the picture", passes(sample, lambda: line.still.data))
    room.type("xe do")
    room.key(Key.Key_Return)
    (action,) = sample.actions.submitted
    assert (action.args["text"], "pictures" in action.args) == ("xe do", False)
    assert sample.actions.pictures == []


def test_a_briefing_puts_the_picture_away(room: Room, sample: SampleSession) -> None:
    camera_shows(sample, 200)
    line = about_a_camera(room)
    wait_for("the picture", passes(sample, lambda: line.still.data))
    sample.city.set_briefing(True)
    assert not line.still.data
    room.type("x")
    room.key(Key.Key_Return, modifiers=SHIFT)
    assert line.said == tr("logbook.no_picture")
    assert not sample.actions.submitted


def entry(*blobs: str) -> TimelineEvent:
    words = LocalText("Xe đổ (hình camera 033 lúc 09:40:00)")
    return TimelineEvent("e1", NOW_NS - 60 * NS_PER_S, LOG_ENTRY, actor="op-thuha", text=words, pictures=blobs)


def test_right_shows_the_picture_of_an_entry_and_a_briefing_hides_it(room: Room, sample: SampleSession) -> None:
    blob = held(sample, jpeg(120))
    sample.put("timeline", entry(blob))
    room.key(Key.Key_B, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, LogbookPage)
    page._choose_key(("entry", "e1"))
    assert page.row is not None
    assert tr("logbook.has_picture") in page.row.state
    assert page._foot().startswith(tr("logbook.look"))
    room.key(Key.Key_Right)
    assert page.pictures.isVisible()
    wait_for("it", arrived(sample, blob))
    with text.recording() as log:
        page.pictures.grab()
    assert "Xe đổ" in " ".join(item.text for item in log.items)
    room.key(Key.Key_Return)
    assert not page.pictures.isVisible()
    assert page.isVisible(), "the key put the picture away and did nothing else"
    room.key(Key.Key_Right)
    assert page.pictures.isVisible()
    sample.city.set_briefing(True)
    assert not page.pictures.isVisible()
    assert sample.session.record_pictures.image(blob) is None
    room.key(Key.Key_Right)
    assert not page.pictures.isVisible()


def test_the_enter_that_puts_a_picture_away_does_nothing_more(room: Room, sample: SampleSession) -> None:
    blob = held(sample, jpeg(120))
    sample.put("timeline", replace(entry(blob), target=CAMERA, about="cameras"))
    room.key(Key.Key_B, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, LogbookPage)
    page._choose_key(("entry", "e1"))
    room.key(Key.Key_Right)
    sample.hurry()
    room.key(Key.Key_Return, Key.Key_Return)
    assert room.wall.panels.page is page
    assert not page.pictures.isVisible()
    assert page.said == tr("page.look")


def handed_over(*blobs: str) -> Handover:
    parts = sheet(
        alarms=(), reports=(), cameras=(), entries=[entry(*blobs)], people={HA.id: HA}, since_ns=0, now_ns=NOW_NS
    )
    assert next(part for part in parts if part.section is Section.LOG).lines[0].pictures == blobs
    return give(open_new("GC-0007", HA, NOW_NS - NS_PER_S, NOW_NS), HA, parts, NOW_NS)


def test_paper_has_the_picture_and_not_in_a_briefing(room: Room, sample: SampleSession) -> None:
    jobs: list[Job] = []
    sample.session.calls.saveAsked.connect(jobs.append)
    blob, gone = held(sample, jpeg(120)), "f" * 64
    sample.put("handovers", handed_over(blob, gone))
    room.key(Key.Key_G, modifiers=CTRL | SHIFT)
    page = room.wall.panels.page
    assert isinstance(page, HandoverPage)

    def export() -> str:
        page._choose_key(("act", "export"))
        room.key(Key.Key_Return)
        return page.said

    assert export() == tr("handover.pictures_coming")
    wait_for("them", arrived(sample, blob, gone))
    export()
    sample.city.set_briefing(True)
    export()
    with_it, without = jobs
    assert with_it.content.count(b"/Subtype /Image") == 1
    assert without.content.count(b"/Subtype /Image") == 0
