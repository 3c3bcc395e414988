"""Definitions of alarms: classes that inherit, rows of a table, slips with their lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ExpectLogs
from helpers.tiny_city import RIVER, TinyCity

from backends.domain.alarm import Priority
from backends.domain.definition import PLAIN, Definition
from backends.domain.feeds import Mode
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition
from backends.hub.alarm_definitions import CLASSES_FILE, SHIPPED, TABLE_FILE, Definitions, read_classes, read_rows
from backends.hub.core import Core
from backends.hub.limit_book import read as read_limits
from backends.hub.log import SqliteLog

ROOT = Path(__file__).parents[2]
CLASSES = """
[[class]]
id = "device"
priority = "low"
on_delay_s = 30
procedure = "device"
[[class]]
id = "pump"
of = "device"
keys = ["pump:*"]
priority = "high"
latching = true
[[class]]
id = "dust"
parameters = ["pm25"]
off_delay_s = 120
"""


def site(folder: Path, classes: str = CLASSES, table: str = "") -> Definitions:
    (folder / CLASSES_FILE).write_text(classes, encoding="utf-8")
    if table:
        (folder / TABLE_FILE).write_text(table, encoding="utf-8")
    return Definitions(folder)


def test_a_class_inherits_what_it_does_not_say(tmp_path: Path) -> None:
    found = site(tmp_path).of("pump:3")
    assert found == Definition(Priority.HIGH, on_delay_s=30, latching=True, procedure_id="device")


def test_a_limits_alarm_belongs_by_what_its_sensor_measures(tmp_path: Path) -> None:
    definitions = site(tmp_path)
    dust = Sensor("air-1.pm25", LocalText("PM2.5"), "µg/m³", parameter="pm25")
    assert definitions.of("limit:air-1.pm25", dust).off_delay_s == 120
    assert definitions.of("limit:hieu-level", RIVER) == Definition(sector="flood")
    assert definitions.of("door:1") == PLAIN


def test_a_row_says_more_than_its_class_and_which_class(tmp_path: Path) -> None:
    table = "key;class;priority;on_delay_s;latching;count\npump:3;;;2,5;no;\ndoor:1;device;;;;3\nlimit:x;;;;;\n"
    definitions = site(tmp_path, table=table)
    assert len(definitions) == 3
    assert definitions.of("pump:3") == Definition(Priority.HIGH, on_delay_s=2.5, procedure_id="device")
    assert definitions.of("door:1") == Definition(Priority.LOW, on_delay_s=30, count=3, procedure_id="device")
    assert definitions.of("limit:x") == PLAIN


def test_what_the_site_says_last_counts(tmp_path: Path) -> None:
    more = '[[class]]\nid = "all"\nkeys = ["*"]\nchatter = 0\n[[class]]\nid = "device"\npriority = "urgent"\n'
    definitions = site(tmp_path, CLASSES + more)
    assert definitions.of("pump:3") == Definition(chatter=0)
    assert definitions._classes["device"].said.priority is Priority.URGENT


def test_the_shipped_classes_are_whole() -> None:
    classes, faults = read_classes(SHIPPED.read_bytes())
    assert classes
    assert not faults
    assert Definitions().of("nodata:all").off_delay_s == 300


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("on_delay_s = 30", 'on_delay_s = "30"'), 5, "on_delay_s: must be 0 to 86400 seconds"),
        (('"low"', '"lowest"'), 4, 'priority: "lowest" is not one of'),
        (("latching = true", "latching = 1"), 12, "latching: must be true or false"),
        (('of = "device"', 'of = "devices"'), 7, 'of: there is no class "devices"; pump inherits nothing'),
        (('procedure = "device"', 'of = "pump"'), 2, "of: device would inherit from itself"),
        (('id = "dust"\n', ""), 13, "id: is missing"),
        (("parameters", "parameter"), 15, 'there is no "parameter" here'),
    ],
)
def test_a_slip_in_a_class_is_said_with_its_line(
    tmp_path: Path, expect_logs: ExpectLogs, change: tuple[str, str], line: int, words: str
) -> None:
    expect_logs(rf"alarms\.toml: line {line}: .*{re.escape(words)}")
    if line < 6 and "itself" not in words:
        expect_logs("line 7: .*pump inherits nothing")
    definitions = site(tmp_path, CLASSES.replace(*change))
    other = "pump" if "dust" in change[0] or "parameters" in change[0] else "dust"
    assert other in definitions._classes, "the others count"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,nobody,,", 'class: there is no class "nobody"'),
        ("a,,worst,", 'priority: "worst" is not one of'),
        ("a,,,99999", 'on_delay_s: "99999" is not 0 to 86400'),
        ("good,,,", 'key: "good" stands above already'),
        (",device,,", "key: is empty"),
        ("a,device", "has 2 cells, the heading has 4"),
    ],
)
def test_a_slip_in_a_row_costs_that_row(row: str, words: str) -> None:
    rows, faults = read_rows(f"key,class,priority,on_delay_s\ngood,,,5\n{row}\nlast,,,\n".encode(), {})
    assert set(rows) == {"good", "last"}
    (fault,) = faults
    assert fault.line == 3
    assert words in fault.text


def test_a_table_that_is_none_is_said(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs('there is no column "keys"; did you mean "key"')
    expect_logs('the column "key" is missing')
    assert len(site(tmp_path, table="keys,class\n")) == 0


def test_the_hub_goes_by_them(tmp_path: Path) -> None:
    start_ns = 1_790_000_000 * NS_PER_S
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    core = Core(log, TinyCity(start_ns, past_s=60), define=site(tmp_path).of)
    core.start(start_ns)
    core.happened(Condition("pump:3", start_ns + NS_PER_S, True, Priority.LOW, name=LocalText("Bơm 3")))
    core.round(start_ns + 20 * NS_PER_S, 0.0)
    assert core.alarms("pump:") == {}
    core.round(start_ns + 40 * NS_PER_S, 1.0)
    (alarm,) = core.alarms("pump:").values()
    assert (alarm.priority, alarm.latching, alarm.procedure_id) == (Priority.HIGH, True, "device")
    log.close()


def test_the_examples_of_the_documentation_are_files(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    classes, table, limits = (
        re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[0] for kind in ("toml classes", "csv", "toml limits")
    )
    definitions = site(tmp_path, classes, table)
    assert len(definitions) == 2
    assert definitions.of("pump:3").latching
    (sectors,) = re.findall(r"```toml sectors\n(.*?)```", text, re.DOTALL)
    (tmp_path / "sectors").mkdir()
    assert site(tmp_path / "sectors", sectors).of("ups:hospital").sector == "hospital"
    sets, _, faults = read_limits(limits.encode())
    assert (len(sets), faults) == (1, [])
