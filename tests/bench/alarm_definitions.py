"""Alarm definitions bench: how long a hub takes to know a hundred thousand of them.

`rows()` takes under a minute. A site's folder with classes, a table of 100,000 alarms and the shipped limits; as many
sensors, half of which get their limits from the files, and all of them one more that was set for their kind. From
nothing to an engine that judges: files read, sensors watched, and each alarm's definition asked for once. The bar is
what Phoebus says of itself: 100,000 in under 5 s.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from backends.domain.alarm import Priority  # noqa: E402
from backends.domain.sensor import Limit, Sample, Sensor  # noqa: E402
from backends.domain.setting_limits import set_limits  # noqa: E402
from backends.domain.settings import KINDS, SETTING, Amendment, KindLimits, Setting  # noqa: E402
from backends.domain.text import LocalText  # noqa: E402
from backends.hub.alarm_definitions import CLASSES_FILE, TABLE_FILE, Definitions  # noqa: E402
from backends.hub.engine import LIMIT_PREFIX, AlarmEngine  # noqa: E402
from backends.hub.limit_book import LimitBook  # noqa: E402

COUNT = 100_000
TURNS = 3
T_NS = 1_790_000_000_000_000_000
_KIND = KindLimits(
    f"{KINDS}so2/µg/m³", "so2", "µg/m³", LocalText("SO₂"), (Limit(LocalText("Cả loại"), 390.0, Priority.HIGH),)
)
OF_KIND = Setting(
    SETTING + _KIND.id, _KIND.id, (Amendment(T_NS - 1, "op-tuan", "Tuấn", "họp", "2020-01-01", _KIND),), rev=1
)
_CLASSES = """
[[class]]
id = "station"
off_delay_s = 60
[[class]]
id = "air"
of = "station"
parameters = ["so2"]
procedure = "air"
"""


def sensors() -> list[Sensor]:
    own = (Limit(LocalText("Ngưỡng"), 10.0, Priority.LOW, valid_from="2020-01-01"),)
    return [
        Sensor(
            f"s-{n:06}", LocalText(f"Chuỗi {n}"), "µg/m³", f"st-{n // 8}", parameter="so2", limits=own if n % 2 else ()
        )
        for n in range(COUNT)
    ]


def turn(site: Path, directory: list[Sensor]) -> float:
    """Seconds from nothing to an engine that judges."""
    began_s = time.perf_counter()
    definitions = Definitions(site)
    book = LimitBook([ROOT / "resources" / "limits"])
    engine, of_kind = AlarmEngine((), definitions.of), set_limits(OF_KIND, of_kind=True)
    for sensor in directory:
        given = book.of(sensor)
        engine.watch(msgspec.structs.replace(given, limits=(*given.limits, *of_kind)))
        definitions.of(LIMIT_PREFIX + sensor.id, sensor)
    spent_s = time.perf_counter() - began_s
    assert len(definitions) == COUNT
    last = directory[-2]
    assert engine.watches(last.id)
    assert definitions.of(LIMIT_PREFIX + last.id, last).off_delay_s == 60
    assert engine.sample(Sample(last.id, T_NS, 400.0)), "it judges by the files' limit"
    return spent_s


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    directory = sensors()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        (site / CLASSES_FILE).write_text(_CLASSES, encoding="utf-8")
        lines = [f"limit:s-{n:06},{'air' if n % 3 else ''},,{n % 60 if n % 5 == 0 else ''}" for n in range(COUNT)]
        (site / TABLE_FILE).write_text("key,class,priority,on_delay_s\n" + "\n".join(lines) + "\n", encoding="utf-8")
        value = statistics.median(turn(site, directory) for _ in range(TURNS))
    return [
        {
            "name": "alarms.hub_100k_definitions_load_s", "value": value, "unit": "s", "bar": "<= 5", "ok": value <= 5,
            "note": f"{COUNT} rows of alarms.csv, classes, limits, and as many sensors, until the engine judges; "
            f"median of {TURNS}. Phoebus says < 5 s of its own (app/alarm/Readme.md), which was not run here",
        }
    ]  # fmt: skip


if __name__ == "__main__":
    print(rows())
