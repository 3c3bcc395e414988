"""What can be found follows the city: a few records at a time, all of them when somebody searches."""

from __future__ import annotations

import msgspec
import pytest
from helpers.sample_city import NOW_NS, SampleSession, Scene, prepare, sample_session
from helpers.sample_places import CAMERAS
from helpers.sample_records import ALARMS, REPORTS
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import AlarmState, acknowledge
from backends.domain.ports import Changes
from backends.domain.report import ReportState
from backends.domain.text import LocalText
from layouts.load import load_layouts
from widgets.search.finder import A_SEARCH, A_SECOND, Finder, Kind
from widgets.windows.wall import tile_kinds

change = msgspec.structs.replace


def made(sample: SampleSession) -> Finder:
    return Finder(sample.city, sample.session.memory, load_layouts(tile_kinds()).layouts)


def keys(finder: Finder, typed: str, most: int = 20) -> list[tuple[str, str]]:
    return [item.key for item in finder.find(typed, most)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("68", (Kind.CAMERA, "cam-068")),
        ("ke song hieu", (Kind.CAMERA, "cam-068")),
        ("bd3", (Kind.ALARM, "al-river")),
        ("tu tap", (Kind.ALARM, "al-crowd")),
        ("2203", (Kind.REPORT, "PA-2203")),
        ("muc nuoc", (Kind.SENSOR, "river-01.water_level")),
        ("giao thong", (Kind.LAYOUT, "traffic")),
        ("public security", (Kind.LAYOUT, "security")),
        ("F4", (Kind.LAYOUT, "environment")),
        ("ngon ngu", (Kind.COMMAND, "window.language")),
        ("language", (Kind.COMMAND, "window.language")),
        ("ctrl s", (Kind.COMMAND, "camera.still")),
        ("guong benh", None),
        ("giuong benh", (Kind.INDICATOR, "health.bed_occupancy")),
        ("dien luc", (Kind.AGENCY, "")),
        ("o camera", None),
    ],
)
def test_everything_is_found_in_both_languages(
    sample: SampleSession, typed: str, first: tuple[Kind, str] | None
) -> None:
    found = keys(made(sample), typed)
    if first is None:
        assert typed == "o camera" or found == []
    elif first[1]:
        assert found[0] == first
    else:
        assert found[0][0] == first[0]


def test_alarms_that_ask_come_first_and_quiet_ones_are_not_found(sample: SampleSession) -> None:
    finder = made(sample)
    alarms = [ident for kind, ident in keys(finder, "canh bao", 60) if kind == Kind.ALARM]
    assert (alarms[0], set(alarms[1:3]), alarms[3]) == ("al-river", {"al-crowd", "al-air"}, "al-ups")
    sample.put("alarms", change(acknowledge(ALARMS[0], "Thu Hà", NOW_NS)))
    assert [i for k, i in keys(finder, "canh bao", 60) if k == Kind.ALARM][2] == "al-ups"
    sample.put("alarms", change(ALARMS[1], state=AlarmState.SUPPRESSED))
    assert (Kind.ALARM, "al-crowd") not in keys(finder, "tu tap")
    sample.deliver(Changes("alarms", deleted=("al-air",)))
    assert (Kind.ALARM, "al-air") not in keys(finder, "du lieu khong khi")


def test_a_renamed_area_is_found_by_its_new_name_with_all_that_is_in_it(sample: SampleSession) -> None:
    finder = made(sample)
    area = next(one for one in sample.city.records("config").values() if type(one).__name__ == "Area")
    sample.put("cameras", change(CAMERAS[0], area_id=area.id))
    assert (Kind.CAMERA, CAMERAS[0].id) not in keys(finder, "tan thanh")
    sample.put("config", change(area, name=LocalText("Phường Tân Thành")))
    assert {(Kind.AREA, area.id), (Kind.CAMERA, CAMERAS[0].id)} <= set(keys(finder, "tan thanh"))


def test_words_of_citizens_are_not_among_what_is_found(sample: SampleSession) -> None:
    finder = made(sample)
    sample.put("reports", change(REPORTS[0], text="gọi cho tôi 0912345678, nhà ông Bảy Xoài"))
    assert keys(finder, "bay xoai") == []
    assert keys(finder, "0912345678") == []
    sample.put("reports", change(REPORTS[0], state=ReportState.DONE))
    assert keys(finder, "phan anh", 60)[-1] == (Kind.REPORT, REPORTS[0].id)


def test_what_changed_is_taken_in_a_few_at_a_time(sample: SampleSession) -> None:
    finder = made(sample)
    program = len(finder.index)
    finder.sync(50)
    assert len(finder.index) <= program + 50
    before = len(finder.index)
    while True:
        finder.sync(50)
        if len(finder.index) == before:
            break
        assert len(finder.index) <= before + 50
        before = len(finder.index)
    looked: list[object] = []
    put, finder.index.put = finder.index.put, lambda item: (looked.append(item), put(item))[1]  # type: ignore[method-assign]  # a spy
    finder.sync()
    assert looked == []
    sample.put("alarms", change(ALARMS[0], name=LocalText("Sông Hiếu rút")))
    sample.put("samples")
    finder.sync()
    assert len(looked) == 1, "one change is one item"


def test_the_first_query_of_a_large_city_does_not_wait_for_all_of_it(sample: SampleSession) -> None:
    finder = made(sample)
    many = [change(ALARMS[0], id=f"al-{n}", name=LocalText(f"Ngập {n}")) for n in range(A_SEARCH + 100)]
    sample.put("alarms", *many)
    assert keys(finder, "ke song hieu")[0] == (Kind.CAMERA, "cam-068"), "cameras are there first"
    assert finder.filling
    while finder.filling:
        finder.sync(A_SECOND)
    assert keys(finder, f"ngap {A_SEARCH + 99}") == [(Kind.ALARM, f"al-{A_SEARCH + 99}")]


def test_what_was_used_last_comes_first_and_is_kept(sample: SampleSession) -> None:
    finder = made(sample)
    (camera,) = finder.find("ke song hieu", 1)
    finder.used(camera)
    layout = finder.find("giao thong", 1)[0]
    finder.used(layout)
    finder.used(camera)
    assert keys(finder, "")[:2] == [camera.key, layout.key]
    assert keys(made(sample), "  ")[:2] == [camera.key, layout.key], "also after a restart of the screen"
    assert {kind for kind, _ in keys(finder, "", 60)[2:]} == {Kind.LAYOUT, Kind.COMMAND}


def test_marked_cameras_lead_their_kind(sample: SampleSession) -> None:
    finder = made(sample)
    found = [key for key in keys(finder, "cau", 60) if key[0] == Kind.CAMERA]
    last = found[-1][1]
    sample.session.memory.set("camera_list.marked:op-thuha", last)
    assert keys(finder, "cau")[0] == (Kind.CAMERA, last)


def test_an_empty_city_has_its_commands(qapp: QApplication) -> None:
    prepare(qapp)
    finder = made(sample_session(Scene.EMPTY))
    assert keys(finder, "lenh", 5)
    assert keys(finder, "ke song hieu") == []
