"""The air index of each station: number, word and hour; read without colour; what is old is no index."""

from __future__ import annotations

import pytest
from helpers.sample_city import NOW_NS, SCALES, SampleSession, prepare
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.ports import Changes, NewSamples
from backends.domain.sensor import Band, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import AirOptions
from widgets.i18n import Language
from widgets.parts import text
from widgets.theme import ThemeName
from widgets.tiles.air import STALE_S, AirTile, air_of

HOUR_NS = 3600 * NS_PER_S
BANDS = (
    Band(LocalText("Tốt", "Good"), 50, (0, 228, 0)),
    Band(LocalText("Trung bình", "Moderate"), 100, (255, 255, 0)),
    Band(LocalText("Kém", "Poor"), 150, (255, 126, 0)),
    Band(LocalText("Nguy hại", "Hazardous"), 500, (126, 0, 35)),
)


def station(name: str) -> Sensor:
    return Sensor(
        f"{name}.vn_aqi", LocalText("Chỉ số VN_AQI"), "", name, LocalText(f"Trạm {name}"), "vn_aqi", bands=BANDS
    )


def told(sample: SampleSession, name: str, value: float | None, ago_s: float = 2400.0, quality: str = "good") -> None:
    t_ns = NOW_NS - int(ago_s * NS_PER_S)
    sample.deliver(NewSamples((Sample(f"{name}.vn_aqi", t_ns, value, quality),)))


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


def test_it_reads_in_a_grey_print(qtbot: QtBot, sample: SampleSession) -> None:
    """Its number has contrast on every band's colour; without a value there is no colour at all."""
    made = tile(qtbot, sample)
    for n, band in enumerate(BANDS):
        told(sample, "Cam Lộ", band.to)
        made.on_second()
        image = made.grab().toImage()
        row = made.header_height + made.scale.pad
        seen = {image.pixelColor(x, y).rgb() for x in range(60) for y in range(row, row + made.scale.read)}
        grey = [QColor(one).lightnessF() for one in seen]
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
