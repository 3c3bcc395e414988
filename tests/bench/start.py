"""Start bench: from exec of the program to all windows painted with stored rows, no hub there.

`rows()` takes about half a minute. The data folder holds 10,000 stored items in the proportions of a bad day:
the simulated city's directory (cameras, sensors, indicators, map), 1,000 alarms, and reports for the rest.
Three virtual monitors, layout overview, `ioc-console run` against an address where nobody listens.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from ingest import _Nobody  # noqa: E402

from backends.city.city import City  # noqa: E402
from backends.domain.alarm import Alarm, AlarmState, Priority  # noqa: E402
from backends.domain.record import Record, Snapshot  # noqa: E402
from backends.domain.report import Report, ReportState  # noqa: E402
from backends.domain.text import LocalText  # noqa: E402
from backends.domain.times import NS_PER_S  # noqa: E402
from backends.hub.keys import ensure_hub_keys  # noqa: E402
from backends.store.ops import PutSnapshot  # noqa: E402
from backends.store.store import Store  # noqa: E402

ITEMS, ALARMS = 10_000, 1_000
TURNS = 5
SCREENS = "1920x1080@24:desk,1920x1080@55:wall,3840x2160@55:wall"


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    with tempfile.TemporaryDirectory(prefix="ioc-start-") as name:
        folder = Path(name)
        data_dir, config = folder / "data", folder / "site.toml"
        _fill(data_dir)
        public = ensure_hub_keys(folder / "keys").public.decode()
        config.write_text(
            f'version = 1\n[hub]\nlive = "tcp://127.0.0.1:9"\nctl = "tcp://127.0.0.1:9"\npublic_key = "{public}"\n'
            '[station]\nid = "ban-1"\n',
            encoding="utf-8",
        )
        times = [_first_paint_s(data_dir, config, folder / f"log-{turn}") for turn in range(TURNS + 1)][1:]
    value = statistics.median(times)
    spread = ", ".join(f"{t:.2f}" for t in sorted(times))
    return [
        {
            "name": "start.cached_first_paint_s",
            "value": round(value, 3),
            "unit": "s",
            "bar": "<= 1.5",
            "ok": value <= 1.5,
            "note": f"exec of ioc-console to three windows painted, {ITEMS} stored items; median of {spread}",
        }
    ]


def _fill(data_dir: Path) -> None:
    now_ns = time.time_ns()
    directory = City(seed=2020, start_ns=now_ns).directory()
    feeds: dict[str, list[Any]] = {
        "config": list(directory.config),
        "cameras": list(directory.cameras),
        "sensors": list(directory.sensors),
        "indicators": list(directory.indicators),
        "roster": list(directory.operators),
    }
    feeds["alarms"] = [_alarm(n, now_ns) for n in range(ALARMS)]
    feeds["reports"] = [_report(n, now_ns) for n in range(ITEMS - sum(map(len, feeds.values())))]
    store = Store(data_dir, "live", _Nobody())
    store.open()
    store.start()
    for feed, records in feeds.items():
        store.put([PutSnapshot(Snapshot(feed, "e", len(records), tuple(_records(feed, records, now_ns))))])
    store.stop()


def _records(feed: str, bodies: Iterable[Any], now_ns: int) -> Iterable[Record]:
    for n, body in enumerate(bodies, 1):
        raw = msgspec.json.encode(body)
        yield Record(feed, "e", n, "put", body.id, 1, "", now_ns, now_ns, raw)


def _alarm(n: int, now_ns: int) -> Alarm:
    priorities = list(Priority)
    return Alarm(
        f"alarm-{n}",
        priorities[n % 4],
        AlarmState.ACKNOWLEDGED if n % 5 else AlarmState.UNACKNOWLEDGED,
        LocalText(f"Ngập sâu {20 + n % 60} cm, kiệt {n} Trần Hưng Đạo", f"Flooded {20 + n % 60} cm, alley {n}"),
        now_ns - n * 40 * NS_PER_S,
        place=LocalText("Đông Giang"),
        lon=107.10 + n % 40 * 0.001,
        lat=16.81 + n % 23 * 0.001,
    )


def _report(n: int, now_ns: int) -> Report:
    return Report(
        f"PA-{n}",
        "drainage",
        LocalText(f"Ngập sâu {n % 70} cm, kiệt {n}", f"Flooded {n % 70} cm, alley {n}"),
        ReportState.ASSIGNED if n % 20 == 0 else ReportState.DONE,
        now_ns - n * 400 * NS_PER_S,
        now_ns - n * 400 * NS_PER_S + 86_400 * NS_PER_S,
        place=LocalText("Đông Hà"),
        lon=107.08 + n % 50 * 0.001,
        lat=16.80 + n % 41 * 0.001,
    )


def _first_paint_s(data_dir: Path, config: Path, log: Path) -> float:
    command = [
        sys.executable, "-m", "console", "run", "--config", str(config), "--data-dir", str(data_dir),
        "--platform", "offscreen", "--screens", SCREENS, "--exit-after", "1", "--json-log", str(log),
    ]  # fmt: skip
    began_ns = time.time_ns()
    done = subprocess.run(command, cwd=ROOT, env=os.environ, timeout=60, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the console ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    painted = next(e for e in events if e["event"] == "first_paint")
    if painted["alarms"] < ALARMS or painted["windows"] != 3:
        raise RuntimeError(f"the first paint showed {painted}")
    return float(painted["t"] - began_ns) / 1e9


if __name__ == "__main__":
    for row in rows():
        print(row)
