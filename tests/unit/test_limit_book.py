"""Limits as versioned data: what applied on a day, files with slips in them, and the air index."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.tiny_city import RIVER, TinyCity

from backends.city import stations
from backends.domain.air_index import hour_index, nowcast, sub_index
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.definition import Definition
from backends.domain.feeds import Mode
from backends.domain.limits import Scale, day_of, limits_at, scale_at, sets_at
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Directory, Measured
from backends.hub.core import Core
from backends.hub.intake import Intake
from backends.hub.limit_book import LimitBook, read
from backends.hub.log import SqliteLog
from backends.hub.ports import Change
from backends.protocol.codec import decode_body

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "resources" / "limits"
BOOK = LimitBook([SHIPPED])
VN_AQI = scale_at(BOOK.scales, "vn_aqi", "2026-01-01")
assert VN_AQI is not None
SO2 = Sensor("so2-1", LocalText("SO₂"), "µg/m³", parameter="so2")
MIDNIGHT = 1_694_451_600 * NS_PER_S  # 12 September 2023, 00:00 in Vietnam


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_file_is_whole_and_says_where_it_comes_from(path: Path) -> None:
    sets, scales, faults = read(path.read_bytes())
    assert not faults
    assert sets or scales
    assert len(sets) + len(scales) == sum(map(len, tomllib.loads(path.read_text(encoding="utf-8")).values()))
    for one in (*sets, *scales):
        assert one.source or one.note, f"{one.standard} {one.valid_from}"


# --- what applied when -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "pm10"), [("2013-12-31", []), ("2020-10-18", [150]), ("2023-09-11", [150]), ("2023-09-12", [100])]
)
def test_a_past_day_is_judged_by_what_applied_then(day: str, pm10: list[float]) -> None:
    found = sets_at(BOOK.sets, "pm10", day, "24h")
    assert [level.value for one in found for level in one.levels] == pm10


def test_a_standard_begins_at_its_own_midnight() -> None:
    assert (day_of(MIDNIGHT - 1), day_of(MIDNIGHT)) == ("2023-09-11", "2023-09-12")
    limits = BOOK.of(SO2).limits
    assert [one.standard for one in limits_at(limits, "2023-09-11")] == ["QCVN 05:2013/BTNMT"]
    assert [one.standard for one in limits_at(limits, "2023-09-12")] == ["QCVN 05:2023/BTNMT"]
    assert limits_at(limits, "2010-01-01") == ()


def test_what_has_ended_does_not_apply_even_with_nothing_after_it() -> None:
    ended = Limit(LocalText("x"), 1.0, Priority.LOW, valid_from="2020-01-01", valid_until="2021-01-01")
    assert limits_at([ended], "2020-12-31") == (ended,)
    assert limits_at([ended], "2021-01-01") == ()


def test_means_of_a_day_raise_no_alarm_from_single_values() -> None:
    limits = BOOK.of(msgspec.structs.replace(SO2, parameter="pm10")).limits
    assert {one.standard for one in limits} == {"VN_AQI · QĐ 1459/QĐ-TCMT"}


def test_another_unit_is_not_judged() -> None:
    assert BOOK.of(msgspec.structs.replace(SO2, unit="mg/m³")).limits == ()


def test_flood_levels_are_those_of_their_station() -> None:
    at_dong_ha = msgspec.structs.replace(RIVER, limits=())
    levels = limits_at(BOOK.of(at_dong_ha).limits, "2020-10-18")
    assert [(one.label.vi, one.value) for one in levels] == [("BĐ3", 4.0), ("BĐ2", 3.0), ("BĐ1", 2.0)]
    assert limits_at(BOOK.of(at_dong_ha).limits, "2020-03-14") == ()
    assert BOOK.of(msgspec.structs.replace(at_dong_ha, station=LocalText("Trạm Thạch Hãn"))).limits == ()
    assert sets_at(BOOK.sets, "water_level", "2020-10-18", station="Trạm Đông Hà")[0].standard == "QĐ 05/2020/QĐ-TTg"


def test_the_files_say_what_the_demo_city_says() -> None:
    """Its sensors bring their limits along; a site's get the same ones from the files."""
    for id_ in ("river-01.water_level", "air-02.pm25", "air-02.so2", "air-02.no2", "air-02.co", "air-02.o3"):
        own = stations.sensor(stations.definition(id_), "2026-01-01")
        ours = limits_at(BOOK.of(msgspec.structs.replace(own, limits=())).limits, "2026-01-01")
        figures = {(one.label.vi, one.value, one.priority, one.deadband) for one in ours}
        assert figures == {(one.label.vi, one.value, one.priority, one.deadband) for one in own.limits}, id_


def test_levels_of_disaster_risk() -> None:
    scale = scale_at(BOOK.scales, "disaster_risk", "2021-07-01")
    assert scale is not None
    assert [band.to for band in scale.bands] == [1, 2, 3, 4, 5]
    assert scale.band(4).name.vi == "Cấp 4: rủi ro rất lớn"
    assert scale_at(BOOK.scales, "disaster_risk", "2021-06-30") is None


# --- VN_AQI ------------------------------------------------------------------------------------------


def index_of(parameter: str, value: float) -> float | None:
    assert VN_AQI is not None
    return sub_index(VN_AQI, parameter, value)


def test_the_index_is_vietnams_and_not_the_epas() -> None:
    """At 30 µg/m³ of PM2.5 US EPA's break-points (12, 35.4) give 89, "moderate" near its end; VN_AQI's 60."""
    assert index_of("pm25", 30) == 60
    assert index_of("pm25", 12) == 24
    assert index_of("pm25", 35.4) == pytest.approx(70.8)
    assert index_of("pm25", 55.4) == pytest.approx(109)


def test_every_break_point_gives_its_index() -> None:
    assert VN_AQI is not None
    assert set(VN_AQI.points) == {"pm25", "pm10", "o3", "o3_8h", "co", "so2", "no2"}
    for parameter, points in VN_AQI.points.items():
        for point, index in zip(points, VN_AQI.index, strict=False):
            assert index_of(parameter, point) == index
        for (a, b), (low, high) in zip(pairwise(points), pairwise(VN_AQI.index), strict=False):
            assert low < (index_of(parameter, (a + b) / 2) or 0) < high


def test_beyond_the_points() -> None:
    assert index_of("pm25", 900) == 500
    assert index_of("o3_8h", 401) is None, "then the hour's ozone counts"
    assert index_of("lead", 1) is None
    assert index_of("pm25", -1) is None
    assert index_of("pm25", float("nan")) is None


def test_bands() -> None:
    assert VN_AQI is not None
    assert [VN_AQI.band(x).name.vi for x in (0, 50, 51, 150, 151, 300, 301, 500, 900)] == [
        "Tốt", "Tốt", "Trung bình", "Kém", "Xấu", "Rất xấu", "Nguy hại", "Nguy hại", "Nguy hại",
    ]  # fmt: skip
    assert VN_AQI.band(160).colour == (255, 0, 0)


def test_nowcast_weighs_the_newest_most() -> None:
    assert nowcast([40.0] * 12) == pytest.approx(40)
    assert nowcast([100.0, 10.0, 10.0]) == pytest.approx((100 + 5 + 2.5) / 1.75), "w is at least a half"
    w = 0.8
    assert nowcast([50.0, 40.0]) == pytest.approx((50 + w * 40) / (1 + w))
    assert nowcast([50.0, None, 40.0]) == pytest.approx((50 + w * w * 40) / (1 + w * w))
    assert nowcast([0.0, 0.0, 0.0]) == 0
    assert nowcast([10.0] * 12 + [900.0]) == pytest.approx(10), "twelve hours"


@pytest.mark.parametrize("hours", [[], [50.0], [50.0, None, None, 50.0, 50.0], [None, None, 50.0]])
def test_nowcast_needs_two_of_the_last_three_hours(hours: list[float | None]) -> None:
    assert nowcast(hours) is None


def test_the_station_is_as_good_as_its_worst_and_needs_dust() -> None:
    assert VN_AQI is not None
    steady = {"pm25": [30.0] * 12, "so2": [350.0], "o3": [None]}
    found = hour_index(VN_AQI, steady)
    assert found is not None
    assert (found.value, found.worst, found.parts) == (100, "so2", {"pm25": 60, "so2": 100})
    assert hour_index(VN_AQI, {"so2": [350.0]}) is None
    assert hour_index(VN_AQI, {"pm25": [30.0], "so2": [350.0]}) is None, "one hour of dust is not enough"
    assert hour_index(VN_AQI, {"pm10": [1.0, 1.0]}) is not None
    rounded = hour_index(VN_AQI, {"pm25": [25.25, 25.25]})
    assert rounded is not None
    assert rounded.value == 51, "50.5 goes up"


# --- files -------------------------------------------------------------------------------------------

GOOD = """[[limit]]
standard = "Ngưỡng của trung tâm"
parameter = "rain_1h"
unit = "mm"
valid_from = "2020-01-01"
levels = [{ vi = "Mưa rất to", en = "Torrential", value = 50, priority = "high", deadband = 3 }]
"""


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (('"2020-01-01"', '"1/1/2020"'), 5, 'valid_from: "1/1/2020" is no day such as 2023-09-12'),
        (('"mm"', "mm"), 4, "Invalid value"),
        (("value = 50, ", ""), 6, "each needs a value"),
        (('"high"', '"highest"'), 6, 'priority: "highest" is not one of urgent, high, medium, low'),
        (("unit", "units"), 4, 'there is no "units" here'),
        (('standard = "Ngưỡng của trung tâm"\n', ""), 1, "standard: is missing"),
        (("deadband = 3", "deadband = -3"), 6, "deadband: must be 0 to"),
        (("[[limit]]", "[limit]"), 1, "limits are written [[limit]], with two brackets"),
        (("[[limit]]", "[[limits]]"), 1, 'there is no "limits" here; known are [[limit]] and [[scale]]'),
        (('vi = "Mưa rất to", ', ""), 6, 'levels: must be { vi = "...", en = "..." }'),
        (('"mm"\n', '"mm"\nover = "24h"\n'), 7, "levels: priority: no single value is a mean of 24h"),
        (("value = 50", f"value = 1{'0' * 400}"), 6, "levels: value: must be"),
        (("value = 50", f"value = {'1' * 5000}"), 1, "cannot be read (Exceeds the limit"),
        (("value = 50", f"value = {'[' * 3000}"), 1, "cannot be read (maximum recursion depth"),
        (('"mm"\n', '"mm"\nover = "2h"\n'), 5, 'over: "2h" is not one of 1h, 8h, 24h, year'),
        (('"2020-01-01"', '"2020-01-01"\nvalid_until = "2019-01-01"'), 6, "valid_until: must be after valid_from"),
    ],
)
def test_a_slip_is_said_with_its_line_and_costs_that_set_only(change: tuple[str, str], line: int, words: str) -> None:
    sets, _, faults = read((GOOD.replace(*change) + "\n" + GOOD).encode())
    assert len(sets) == 1
    (fault,) = faults
    assert fault.line == line
    assert words in fault.text
    assert fault.text.endswith("left out")


def test_a_site_changes_a_figure_by_a_file_of_its_own(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is not UTF-8")
    text = (SHIPPED / "flood.toml").read_text(encoding="utf-8")
    (tmp_path / "flood.toml").write_text(text.replace("value = 4.0", "value = 3.9"), encoding="utf-8")
    (tmp_path / "own.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    book = LimitBook([SHIPPED], tmp_path)
    river = limits_at(book.of(msgspec.structs.replace(RIVER, limits=())).limits, "2026-01-01")
    assert [one.value for one in river] == [3.9, 3.0, 2.0]
    assert len(book.sets) == len(BOOK.sets) + 1


def rain(standard: str, value: float, more: str = "", begins: str = "2020-01-01") -> str:
    return (
        f'[[limit]]\nstandard = "{standard}"\nparameter = "rain_1h"\nunit = "mm"\nvalid_from = "{begins}"\n{more}\n'
        f'levels = [{{ vi = "To", en = "Heavy", value = {value}, priority = "high" }}]\n'
    )


def rain_at(folder: Path, text: str, day: str) -> list[tuple[str, float]]:
    (folder / "rain.toml").write_text(text, encoding="utf-8")
    gauge = Sensor("r1", LocalText("Mưa"), "mm", station_id="St", parameter="rain_1h")
    return [(one.label.vi, one.value) for one in limits_at(LimitBook([], folder).of(gauge).limits, day)]


def test_a_newer_general_set_does_not_hide_a_stations_own(tmp_path: Path) -> None:
    of_station = 'stations = ["St"]\nvalid_until = "2026-01-01"'
    text = rain("a", 20, of_station) + rain("b", 50, begins="2024-01-01") + rain("c", 40, begins="2015-01-01")
    assert rain_at(tmp_path, text, "2019-12-31") == [("To", 40)]
    assert rain_at(tmp_path, text, "2020-01-01") == [("To", 20)]
    assert rain_at(tmp_path, text, "2025-12-31") == [("To", 20)]
    assert rain_at(tmp_path, text, "2026-01-01") == [("To", 50)]
    other = text.replace('"St"', '"another"')
    assert rain_at(tmp_path, other, "2025-12-31") == [("To", 50)]


def test_two_averaging_times_with_one_label_are_two_limits(tmp_path: Path) -> None:
    text = rain("a", 20) + rain("b", 50, 'over = "1h"', begins="2024-01-01")
    assert rain_at(tmp_path, text, "2023-12-31") == [("To", 20)]
    assert rain_at(tmp_path, text, "2024-01-01") == [("To (1 giờ)", 50), ("To", 20)]
    own = rain("a", 20, 'sensors = ["r1"]') + rain("b", 50, 'over = "1h"', begins="2024-01-01")
    assert len(rain_at(tmp_path, own, "2024-01-01")) == 2


def test_the_hub_fills_in_what_a_source_leaves_out_and_follows_the_files(tmp_path: Path) -> None:
    class Bare(TinyCity):
        def directory(self):  # type: ignore[no-untyped-def]
            made = super().directory()
            return msgspec.structs.replace(made, sensors=(msgspec.structs.replace(RIVER, limits=()),))

    start_ns = 1_790_000_000 * NS_PER_S
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    core = Core(log, Bare(start_ns, past_s=60), limits=BOOK.of)
    core.start(start_ns)
    river = core.sensor(RIVER.id)
    assert river is not None
    assert [limit.value for limit in river.limits] == [2.0, 3.0, 4.0]
    (alarm,) = core.alarms("limit:").values()
    assert (alarm.sensor_id, alarm.priority) == (RIVER.id, Priority.MEDIUM)
    text = (SHIPPED / "flood.toml").read_text(encoding="utf-8").replace("value = 2.0", "value = 2.6")
    (tmp_path / "flood.toml").write_text(text, encoding="utf-8")
    again = Core(log, Bare(start_ns, past_s=60), limits=LimitBook([SHIPPED], tmp_path).of)
    again.start(start_ns)
    published = again.round(start_ns + NS_PER_S, 0.0)
    (moved,) = [decode_body("sensors", e.body) for e in published if e.feed == "sensors"]
    assert moved.limits[0].value == 2.6
    assert not again.alarms("limit:")["limit:hieu-level"].active
    log.close()


T_NS = 1_790_000_000 * NS_PER_S


def flooded(alarms: tuple[Alarm, ...] = (), *, on_delay_s: float = 0.0) -> tuple[Intake, Sensor]:
    """A river that stands above its limits; its intake, and the river without any."""
    intake = Intake(alarms, define=lambda *_: Definition(on_delay_s=on_delay_s))
    intake.restore("sensors", RIVER, 1)
    intake.event(Measured(T_NS, (Sample(RIVER.id, T_NS, 9.0),)))
    return intake, msgspec.structs.replace(RIVER, limits=())


def ends(changes: list[Change]) -> list[AlarmState]:
    return [change.record.state for change in changes if change.feed == "alarms"]


def test_an_alarm_ends_with_its_limits() -> None:
    intake, bare = flooded()
    assert ends(intake.put("sensors", bare, T_NS + 1)) == [AlarmState.RETURNED]
    intake, bare = flooded(on_delay_s=60.0)
    assert ends(intake.put("sensors", bare, T_NS + 1)) == []
    assert intake.tick(T_NS + 100 * NS_PER_S) == []


def test_an_alarm_ends_with_its_sensor() -> None:
    intake, _ = flooded()
    assert ends(intake.directory(Directory(), T_NS + 1)) == [AlarmState.RETURNED]
    assert not intake.engine.watches(RIVER.id)
    assert ends(intake.event(Measured(T_NS + 2, (Sample(RIVER.id, T_NS + 2, 9.5),)))) == []


@pytest.mark.parametrize("left", ["no limits", "no sensor", "both"])
def test_an_alarm_whose_limits_went_while_no_hub_ran_ends_at_the_start(left: str) -> None:
    before, bare = flooded()
    again = Intake(before.engine.standing("").values())
    if left != "no sensor":
        again.restore("sensors", RIVER if left == "both" else bare, 2)
    assert ends(again.relimit(T_NS + 1)) == ([] if left == "both" else [AlarmState.RETURNED])


def test_a_scale_with_slips() -> None:
    text = (SHIPPED / "air.toml").read_text(encoding="utf-8")
    block = text[text.index("[[scale]]") : text.index("[[limit]]")]
    for change, words in (
        (("[0, 50, 100,", "[0, 100, 50,"), "index: each figure must be above the one before"),
        (("[0, 25, 50,", '["0", 25, 50,'), "points: must be a list of figures"),
        (("to = 150", "to = 90"), "bands: `to` must rise"),
        (("to = 150", f"to = 1{'0' * 400}"), "bands: each needs `to`"),
        (("to = 150", "to = nan"), "bands: each needs `to`"),
        (("[0, 50, 100,", f"[0, 50, 1{'0' * 400},"), "index: must be a list of figures"),
        (("to = 150,", f"to = 150, priority = 0x{'f' * 5000},"), "cannot be used (Exceeds the limit"),
        (("[0, 228, 0]", "[0, 228]"), "colour"),
    ):
        _, scales, faults = read(block.replace(*change).encode())
        assert not scales
        assert words in faults[0].text
    assert isinstance(read(block.encode())[1][0], Scale)
