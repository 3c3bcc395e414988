"""Pictures of a report: decoded within limits, shown in place, enlarged beside the alarm lists, never to visitors; and
the picture of a camera that goes with a close is what was seen, and of now."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

import cv2
import msgspec
import numpy as np
import pytest
from helpers.report_queue import opened
from helpers.sample_city import SampleSession, prepare, sample_session
from helpers.some_pictures import CAMERA, arrived, camera_shows, held, jpeg, passes
from helpers.text_rules import below_floor, cut, overlapping
from helpers.waiting import wait_for
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.access import Grant
from backends.domain.action import Action, Verb
from backends.domain.camera import PictureState
from backends.domain.people import Role
from backends.domain.place import PrivacyMask
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import Language
from widgets.models.report_choices import STILL
from widgets.parts import text
from widgets.parts.record_pictures import SIDE, decode
from widgets.parts.report_pictures import pages_of
from widgets.parts.report_still import WAIT_S
from widgets.theme import ThemeName
from widgets.tiles.reports import ReportsTile

Key = Qt.Key
DAMAGED = pytest.mark.qt_log_ignore("JPEG", extend=True)
"""The decoder says so in the log, too."""


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


@pytest.fixture
def sample() -> SampleSession:
    return sample_session()


def report(sample: SampleSession, **fields: object) -> Report:
    now = sample.clock.now_ns()
    made = Report(
        "PA-9001", "drainage", LocalText("Cống nghẹt, kiệt 12 Lê Lợi"), ReportState.ASSIGNED, now - 3600 * NS_PER_S,
        now - 30 * NS_PER_S, "Nước tràn vào nhà", agency_id="ag-env",
    )  # fmt: skip
    made = msgspec.structs.replace(made, **fields)
    sample.put("reports", made)
    return made


def show(tile: ReportsTile, one: Report) -> None:
    row = next(n for n in range(tile.model.rowCount()) if tile.model.report(n).id == one.id)
    tile.list.select_row(row)
    tile._open_selected()


def painted(tile: ReportsTile) -> list[str]:
    with text.recording() as log:
        tile.panel.grab()
        if tile.panel.pictures.isVisible():
            tile.panel.pictures.grab()
    return [item.text for item in log.items]


# -- what comes from outside ----------------------------------------------------------------------------------


@DAMAGED
def test_only_pictures_within_limits_are_decoded() -> None:
    image, code = decode(jpeg(90, (1000, 4000)))
    assert (image.width(), image.height(), code) == (SIDE, SIDE // 4, "")
    assert decode(cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes())[0].width() == 30
    assert decode(b"<html>")[1] == "no_picture"
    assert decode(b"GIF89a" + b"\0" * 50)[1] == "no_picture"
    assert decode(b"\xff\xd8\xff" + b"\0" * 500)[1] == "damaged"


def test_a_file_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = lambda name, body: (  # noqa: E731
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    )
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    assert decode(bomb)[1] == "too_large"


# -- in the opened report -------------------------------------------------------------------------------------


@DAMAGED
def test_small_ones_stand_in_the_report_and_why_one_is_missing(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample)
    here, gone, broken = held(sample, jpeg(200)), "0" * 64, held(sample, b"\xff\xd8\xff" + b"\0" * 99)
    one = report(sample, before=(here, gone, broken))
    show(tile, one)
    wait_for("all three", arrived(sample, here, gone, broken))
    words = painted(tile)
    assert "máy chủ chưa có hình" in " ".join(words)
    assert "hình hỏng" in words
    assert words.count("trước xử lý") == 3
    box = tile.panel.strip.grab().toImage()
    assert box.pixelColor(30, 40).lightness() > 150, "the picture itself"


def test_a_click_or_a_line_enlarges_and_before_and_after_stand_side_by_side(
    qtbot: QtBot, sample: SampleSession
) -> None:
    tile = opened(qtbot, sample)
    before, after = [held(sample, jpeg(n)) for n in (40, 60)], held(sample, jpeg(220))
    one = report(sample, before=tuple(before), after=(after,), t_closed_ns=sample.clock.now_ns())
    assert [[shot.blob for shot in page] for page in pages_of(one)] == [[before[0], after], [before[1], after]]
    show(tile, one)
    qtbot.mouseClick(tile.panel.strip, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert [shot.blob for shot in tile.panel.pictures.shown] == [before[0], after]
    wait_for("both", arrived(sample, before[0], after))
    words = painted(tile)
    assert any(one.startswith("trước xử lý 1/2 · nhận") for one in words), words
    assert any(one.startswith("sau xử lý · đóng") for one in words)
    qtbot.keyClick(tile.panel.field, Key.Key_Right)
    assert tile.panel.pictures.shown[0].blob == before[1]
    qtbot.keyClicks(tile.panel.field, "giao")
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert not tile.panel.pictures.isVisible()
    assert not sample.actions.submitted, "a key that looks at pictures does nothing else"
    assert tile.panel.field.text() == ""
    qtbot.keyClicks(tile.panel.field, "xem hinh")
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert tile.panel.pictures.isVisible()
    qtbot.keyClick(tile.panel.field, Key.Key_Escape)
    assert tile.panel.isVisible()


def test_visitors_and_a_locked_screen_see_none_and_none_is_kept(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample)
    blob = held(sample, jpeg(200))
    show(tile, report(sample, before=(blob,)))
    wait_for("it is there", arrived(sample, blob))
    tile.panel._enlarge()
    sample.city.set_briefing(True)
    assert not tile.panel.pictures.isVisible()
    assert not tile.panel.strip.isVisible()
    assert sample.session.record_pictures.image(blob) is None
    asked = len(sample.small.wanted_pictures)
    sample.put("reports")
    assert len(sample.small.wanted_pictures) == asked, "nothing is asked for meanwhile"
    sample.city.set_briefing(False)
    assert tile.panel.strip.isVisible()
    wait_for("again", arrived(sample, blob))
    sample.deliver(Grant("op-thuha", "Nguyễn Thu Hà", Role.OPERATOR, locked=True))
    assert sample.session.record_pictures.image(blob) is None


def test_no_picture_is_wanted_of_a_report_that_is_closed_again(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample)
    show(tile, report(sample, before=("1" * 64,)))
    assert sample.small.wanted_pictures[-1] == ("1" * 64,)
    tile.panel.close_panel()
    assert sample.small.wanted_pictures[-1] == ()


def test_a_small_tile_keeps_its_rows_and_offers_the_line(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample, (420, 300))
    show(tile, report(sample, before=("1" * 64,)))
    assert not tile.panel.strip.isVisible()
    assert any("Xem hình" in choice.words for choice in tile.panel.shown)


# -- a camera's picture goes with a close ---------------------------------------------------------------------


def closing(qtbot: QtBot, tile: ReportsTile) -> None:
    qtbot.keyClicks(tile.panel.field, "kem hinh")
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert STILL in tile.panel.shown[0].args or tile.panel._stilling


def test_the_picture_that_is_seen_goes_with_the_close_masks_burnt_in(qtbot: QtBot, sample: SampleSession) -> None:
    tile = opened(qtbot, sample)
    camera_shows(sample, 200)
    sample.put("config", PrivacyMask("m1", CAMERA, ((0.5, 0.0, 0.5, 1.0),)))
    show(tile, report(sample, camera_ids=(CAMERA,)))
    closing(qtbot, tile)
    qtbot.keyClicks(tile.panel.field, "da thong cong")
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert not sample.actions.submitted, "its picture is not there yet"
    assert "đang lấy hình camera 033" in " ".join(painted(tile))
    wait_for("the picture", passes(sample, lambda: tile.panel.still.data))
    assert "gửi kèm" in " ".join(painted(tile))
    seen = tile.panel.still.data
    camera_shows(sample, 10)  # what comes later is not what was seen
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    action: Action = sample.actions.submitted[-1]
    assert (action.verb, action.args) == (
        Verb.CLOSE,
        {"result": "da thong cong", "pictures": hashlib.sha256(seen).hexdigest()},
    )
    assert sample.actions.pictures == [seen]
    sent = QImage.fromData(seen)
    assert (sent.width(), sent.height()) == (640, 360)
    assert sent.pixelColor(100, 180).lightness() > 180
    assert sent.pixelColor(500, 180).lightness() < 90, "masked"
    assert not sample.session.demands.wanted()


@pytest.mark.parametrize(
    ("state", "age_s", "words"),
    [(PictureState.LOST, 9.0, "không phải của lúc này"), (PictureState.LIVE, 20.0, "không phải của lúc này")],
)
def test_an_old_picture_is_never_taken(
    qtbot: QtBot, sample: SampleSession, state: PictureState, age_s: float, words: str
) -> None:
    tile = opened(qtbot, sample)
    camera_shows(sample, 200, state, age_s)
    show(tile, report(sample, camera_ids=(CAMERA,)))
    closing(qtbot, tile)
    qtbot.keyClicks(tile.panel.field, "xong")
    begun_s = sample.session.mono.monotonic_s()
    wait_for("given up", passes(sample, lambda: words in tile.panel.still.words()))
    assert sample.session.mono.monotonic_s() >= begun_s + WAIT_S
    qtbot.keyClick(tile.panel.field, Key.Key_Return)
    assert not sample.actions.submitted
    assert words in " ".join(painted(tile))
    qtbot.keyClick(tile.panel.field, Key.Key_Escape)
    assert not sample.session.demands.wanted()


# -- how it looks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("size", [(760, 700), (420, 460)])
def test_nothing_is_too_small_or_over_another(
    qtbot: QtBot, qapp: QApplication, language: Language, size: tuple[int, int]
) -> None:
    prepare(qapp, language, ThemeName.DARK)
    sample = sample_session()
    tile = opened(qtbot, sample, size)
    blobs = tuple(f"{n:064d}" for n in range(9))
    show(tile, report(sample, before=blobs, after=(held(sample, jpeg(9)),), t_closed_ns=sample.clock.now_ns()))
    wait_for("said", arrived(sample, *(shot.blob for shot in tile.panel.strip.seen[:1])))
    for enlarged in (False, True):
        if enlarged:
            tile.panel._enlarge()
        with text.recording() as log:
            (tile.panel.pictures if enlarged else tile.panel).grab()
        assert log.items
        assert not below_floor(log, tile.scale.floor)
        assert not overlapping(log)
        assert not cut(log)
