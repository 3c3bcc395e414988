"""The air index of each station: number, word and hour; read without colour; what is old is no index."""

from __future__ import annotations

import pytest
from helpers.air_stations import BANDS, station, told
from helpers.sample_city import NOW_NS, SCALES, SampleSession, prepare
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.ports import Changes
from layouts.options import AirOptions
from widgets.i18n import Language
from widgets.models.air import LATE_S, STALE_S, air_of
from widgets.parts import text
from widgets.theme import ThemeName
from widgets.tiles.air import AirTile


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    sample.deliver(Changes("sensors", put=tuple(map(station, ("Ái Tử", "Cam Lộ", "Đông Hà", "Gio Linh"))), reset=True))
    told(sample, "Ái Tử", 42.0)
    told(sample, "Cam Lộ", 131.0)
    told(sample, "Đông Hà", None, quality="fault")
    told(sample, "Gio Linh", 320.0, ago_s=STALE_S + 1)
    return sample


def tile(qtbot: QtBot, sample: SampleSession, panel: str = "desk", size: tuple[int, int] = (560, 220)) -> AirTile:
    made = AirTile(sample.session, SCALES[panel], AirOptions())
    made.resize(*size)
    qtbot.addWidget(made)
    return made


def painted(made: AirTile) -> list[str]:
    with text.recording() as log:
        made.grab()
    return [item.text for item in log.items]


def test_worst_first_with_number_word_and_hour_and_old_is_none(qtbot: QtBot, sample: SampleSession) -> None:
    found = air_of(sample.city, NOW_NS)
    assert [(air.station, air.value, air.step) for air in found] == [
        ("Trạm Cam Lộ", 131.0, 3), ("Trạm Ái Tử", 42.0, 1), ("Trạm Đông Hà", None, 0), ("Trạm Gio Linh", None, 0),
    ]  # fmt: skip
    words = painted(tile(qtbot, sample))
    for one in ("131", "Kém", "42", "Tốt", "không có số liệu", "giờ đến 09:01", "từ 07:41"):
        assert one in words, one
    assert "320" not in words
    assert "Nguy hại" not in words


def test_an_index_grows_old_by_the_clock_alone(qtbot: QtBot, sample: SampleSession) -> None:
    made = tile(qtbot, sample)
    assert "131" in painted(made)
    sample.clock.advance_s(STALE_S)
    made.on_second()
    assert "131" not in painted(made)
    assert painted(made).count("không có số liệu") == 4


def test_what_is_past_its_hour_looks_old(qtbot: QtBot, sample: SampleSession) -> None:
    """Between the moment at which the next one was due and the one from which it is none."""
    made = tile(qtbot, sample)
    fresh = colours(made)
    assert any(colour.hslSaturationF() > 0.9 for colour in fresh)
    sample.clock.advance_s(LATE_S - 2400.0 + 1)
    made.on_second()
    words = painted(made)
    assert "131" in words
    assert any(one.startswith("quá giờ · giờ đến 09:01") for one in words)
    assert not any(colour.hslSaturationF() > 0.9 for colour in colours(made)), "a colour says that it is so now"


def colours(made: AirTile) -> list[QColor]:
    """Of the first badge."""
    image = made.grab().toImage()
    row = made.header_height + made.scale.pad
    return [image.pixelColor(x, y) for x in range(60) for y in range(row, row + made.scale.read)]


def test_it_reads_in_a_grey_print(qtbot: QtBot, sample: SampleSession) -> None:
    """Its number has contrast on every band's colour; without a value there is no colour at all."""
    made = tile(qtbot, sample)
    for n, band in enumerate(BANDS):
        told(sample, "Cam Lộ", band.to)
        made.on_second()
        grey = [colour.lightnessF() for colour in colours(made)]
        assert max(grey) - min(grey) > 0.4, f"band {n}"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("panel", "size"), [("desk", (560, 220)), ("desk", (240, 120)), ("wall", (900, 330))])
def test_painted_text_keeps_the_rules(
    qapp: QApplication, qtbot: QtBot, sample: SampleSession, language: Language, panel: str, size: tuple[int, int]
) -> None:
    prepare(qapp, language, ThemeName.LIGHT)
    made = tile(qtbot, sample, panel, size)
    made.on_look()
    with text.recording() as log:
        made.grab()
    prepare(qapp)
    assert log.items
    assert not below_floor(log, made.scale.floor)
    assert not overlapping(log)
    assert not [item for item in cut(log) if "Trạm" not in str(item)]


def test_no_station_is_a_sentence(qtbot: QtBot, sample: SampleSession) -> None:
    sample.deliver(Changes("sensors", reset=True))
    assert "Không có trạm nào đo bụi" in painted(tile(qtbot, sample))


@pytest.mark.parametrize(("panel", "size"), [("desk", (560, 110)), ("wall", (480, 300)), ("wall4k", (1270, 600))])
def test_what_does_not_fit_is_said_in_the_head_and_every_row_is_used(
    qtbot: QtBot, sample: SampleSession, panel: str, size: tuple[int, int]
) -> None:
    made = tile(qtbot, sample, panel, size)
    words = painted(made)
    rows = (made.height() - made.header_height) // (made.scale.line(made.scale.read) + made.scale.pad)
    assert 0 < rows < 4
    assert sum(word in ("131", "42", "–") for word in words) == rows
    assert any(word.startswith(f"+{4 - rows} trạm") for word in words)
