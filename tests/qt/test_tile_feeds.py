"""Feed health: words of every state, what is shown at each size, and the rules of painted text."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import NOW_NS, SCALES, SampleSession, Scene, prepare, sample_session
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtCore import QPoint
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from backends.domain.feeds import FEEDS, FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.ports import LinkStatus
from backends.domain.times import NS_PER_S
from layouts.options import FeedsOptions
from widgets.i18n import Language
from widgets.parts import text
from widgets.parts.text import TextLog
from widgets.theme import ThemeName
from widgets.tiles import feeds
from widgets.tiles.feeds import WALL_ROWS, FeedsTile, feed_row, link_words

SIZES = [
    ("desk", "500x270"),
    ("desk", "640x450"),
    ("desk", "240x200"),
    ("desk", "200x60"),
    ("desk", "200x40"),
    ("wall", "800x900"),
    ("wall", "1200x500"),
    ("wall4k", "1600x1800"),
]


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    prepare(qapp)
    monkeypatch.setattr(feeds, "station_clock_ns", lambda: NOW_NS)
    yield
    prepare(qapp)


def make(qtbot: QtBot, sample: SampleSession, size: str = "500x270", panel: str = "desk") -> FeedsTile:
    tile = FeedsTile(sample.session, SCALES[panel], FeedsOptions())
    qtbot.addWidget(tile)
    width, height = (int(n) for n in size.split("x"))
    tile.resize(width, height)
    tile.show()
    return tile


def painted(tile: FeedsTile) -> TextLog:
    with text.recording() as log:
        tile.grab()
    return log


def words(tile: FeedsTile) -> list[str]:
    return [item.text for item in painted(tile).items]


def break_some(sample: SampleSession) -> None:
    sample.set_quality("sensors", FeedQuality.STALE, 720)
    sample.set_quality("samples", FeedQuality.STORED, 3600)
    sample.set_quality("cameras", FeedQuality.CATCHING_UP, 2)
    sample.deliver(
        LinkStatus(LinkState.DOWN, Mode.LIVE, NOW_NS - 45 * NS_PER_S, "hub-1", reason="hub_silent", queued=2)
    )


def test_words_of_each_state() -> None:
    def state(quality: FeedQuality, age_s: int) -> str:
        return feed_row("alarms", FeedStatus("alarms", quality, NOW_NS - age_s * NS_PER_S), NOW_NS).state

    assert state(FeedQuality.LIVE, 0) == "đang nhận"
    assert state(FeedQuality.CATCHING_UP, 3) == "đang bù"
    assert state(FeedQuality.STALE, 720) == "số liệu cũ 12 phút"
    assert state(FeedQuality.STORED, 3600) == "đã lưu 1 giờ"
    assert feed_row("alarms", None, NOW_NS).state == "chưa có số liệu"
    assert feed_row("alarms", FeedStatus("alarms", FeedQuality.STORED), NOW_NS).trouble


def test_figures_that_no_longer_hold_are_a_dash() -> None:
    status = FeedStatus("samples", FeedQuality.LIVE, NOW_NS, lag_s=0.34, per_s=1234.0, gaps=2, bad=1)
    row = feed_row("samples", status, NOW_NS)
    assert (row.lag, row.rate, row.age, row.gaps, row.bad) == ("0,3 giây", "1.234", "0 giây", "2", "1")
    old = feed_row("samples", msgspec.structs.replace(status, quality=FeedQuality.STALE), NOW_NS + 60 * NS_PER_S)
    assert (old.lag, old.rate, old.age, old.gaps, old.bad) == ("–", "–", "1 phút", "2", "1")


def test_the_link_in_words() -> None:
    link = LinkStatus(LinkState.UP, Mode.LIVE, NOW_NS - 3600 * NS_PER_S, "hub-1")
    assert link_words(link, NOW_NS, 0.1) == ["Máy chủ hub-1 · kết nối từ 08:41:32"]
    assert link_words(link, NOW_NS, -2.34)[1:] == ["đồng hồ lệch 2,3 giây"]
    assert link_words(link, NOW_NS, 4000.0)[1:] == ["đồng hồ lệch 1 giờ 6 phút"]
    past = msgspec.structs.replace(link, rate=20.0)
    assert link_words(past, NOW_NS, -1.9e8)[1:] == ["nhanh gấp 20 lần"]
    down = LinkStatus(LinkState.DOWN, Mode.LIVE, NOW_NS - 45 * NS_PER_S, "hub-1", reason="hub_silent", queued=2)
    assert link_words(down, NOW_NS, 0.0) == [
        "Mất kết nối máy chủ hub-1 45 giây", "từ 09:40:47", "2 thao tác chờ gửi", "lý do: không nhận được tín hiệu",
    ]  # fmt: skip
    told = [link_words(msgspec.structs.replace(down, reason=code), NOW_NS, 0.0)[3:] for code in ("bye:upgrade", "odd")]
    assert told == [["lý do: máy chủ dừng theo kế hoạch"], []], "a code that has no words is not told"
    nameless = LinkStatus(LinkState.CONNECTING, Mode.LIVE, NOW_NS)
    assert link_words(nameless, NOW_NS, 0.0) == ["Đang kết nối máy chủ"]


def test_calm(qtbot: QtBot) -> None:
    tile = make(qtbot, sample_session())
    shown = words(tile)
    assert tile.summary() == "13 / 13 đang nhận · trễ 0,3 giây"
    assert shown.count("đang nhận") == len(FEEDS)
    assert "Máy chủ hub-1 · kết nối từ 08:41:32" in shown


def test_trouble_is_said(qtbot: QtBot) -> None:
    sample = sample_session()
    break_some(sample)
    tile = make(qtbot, sample, "640x450")
    shown = words(tile)
    assert {"số liệu cũ 12 phút", "đã lưu 1 giờ", "đang bù", "Mất kết nối máy chủ hub-1 45 giây"} <= set(shown)
    assert tile.summary() == "10 / 13 đang nhận"
    assert {"mới nhất", "trễ", "tin/giây"} <= set(shown)


def test_all_figures_where_there_is_room(qtbot: QtBot) -> None:
    sample = sample_session()
    sample.deliver(FeedStatus("alarms", FeedQuality.LIVE, NOW_NS, gaps=7, bad=3, per_s=2.5))
    shown = words(make(qtbot, sample, "900x450"))
    assert {"lần hụt", "tin hỏng", "7", "3", "2,5"} <= set(shown)


@pytest.mark.parametrize(("panel", "size"), [pair for pair in SIZES if pair[1] not in ("200x60", "200x40")])
def test_a_feed_in_trouble_is_never_left_out(qtbot: QtBot, panel: str, size: str) -> None:
    sample = sample_session()
    sample.set_quality("samples", FeedQuality.STALE, 720)
    tile = make(qtbot, sample, size, panel)
    assert any(row.name == "samples" for row in tile._shown())
    shown = len(tile._shown())
    if shown < len(FEEDS):
        assert f"hiện {shown}" in tile.summary()
    if SCALES[panel].wall:
        assert len({rect.top() for _, rect in tile._cells()}) <= WALL_ROWS


@pytest.mark.parametrize(("language", "theme"), [(Language.VI, ThemeName.DARK), (Language.EN, ThemeName.LIGHT)])
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(("panel", "size"), SIZES)
def test_painted_text_keeps_its_rules(
    qtbot: QtBot, qapp: QApplication, language: Language, theme: ThemeName, broken: bool, panel: str, size: str
) -> None:
    prepare(qapp, language, theme)
    sample = sample_session(Scene.DESK, theme)
    if broken:
        break_some(sample)
    log = painted(make(qtbot, sample, size, panel))
    assert log.items
    assert not below_floor(log, SCALES[panel].floor)
    assert not cut(log)
    assert not overlapping(log)


def test_ages_move_with_the_second(qtbot: QtBot) -> None:
    sample = sample_session()
    break_some(sample)
    tile = make(qtbot, sample, "640x450")
    sample.clock.advance_s(60)
    tile.on_second()
    assert "số liệu cũ 13 phút" in words(tile)


def test_trouble_has_no_hue(qtbot: QtBot) -> None:
    sample = sample_session()
    break_some(sample)
    image = make(qtbot, sample, "640x450").grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    most = max(
        image.pixelColor(x, y).hsvSaturation() * image.pixelColor(x, y).value() // 255
        for y in range(0, image.height(), 3)
        for x in range(0, image.width(), 3)
    )
    assert most < 40


@pytest.mark.qt_log_ignore("does not support raise")  # the offscreen platform says so of every tooltip
def test_a_tooltip_has_it_whole(qtbot: QtBot) -> None:
    sample = sample_session()
    sample.deliver(FeedStatus("alarms", FeedQuality.LIVE, NOW_NS, head=1200, cursor=1187, gaps=7))
    tile = make(qtbot, sample)
    place = next(rect for row, rect in tile._cells() if row.name == "alarms").center().toPoint()
    QApplication.sendEvent(tile, QHelpEvent(QHelpEvent.Type.ToolTip, place, tile.mapToGlobal(QPoint(place))))
    assert "Cảnh báo: đang nhận · đã nhận 1.187 / 1.200" in QToolTip.text()
    assert "lần hụt: 7" in QToolTip.text()
    QToolTip.hideText()
