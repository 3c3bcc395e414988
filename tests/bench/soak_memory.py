"""Memory soak: three simulated days at 200 messages a second; memory, handles and threads must stay flat.

Fifty times as fast as life: a flood of 10,000 messages a second, of which a simulated day has 17.3 million; so the
run takes an hour and a half. `soak_rows()` only; by hand: `python tests/bench/soak_memory.py DAYS`.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT / "tests"), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from ingest import _committed, _settings  # noqa: E402
from split import _wait_for  # noqa: E402

from backends.process import start_child, stop_child  # noqa: E402
from backends.video.broker import BrokerSettings, PictureBroker  # noqa: E402
from console.screens import offscreen_platform, parse_screens  # noqa: E402
from console.settings import Door, GuiSettings, to_child  # noqa: E402

DAYS, WARM_DAYS = 3.0, 0.25
PER_DAY = 200 * 86_400
RATE = 10_000
LOOKS_A_DAY = 60
BAR_MB = 2.0


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`."""
    return rows_of(*measure(DAYS))


def rows_of(looks: Sequence[dict[str, float]], names: str) -> list[dict[str, Any]]:
    """The growth a simulated day, by a straight line through the looks after warm-up."""
    days = [look["day"] for look in looks]
    slope = {key: statistics.linear_regression(days, [look[key] for look in looks]).slope
             for key in ("pss_mb", "handles", "threads")}  # fmt: skip
    first, last, low = looks[0], looks[-1], _floors(looks)
    note = (
        f"{names}: {first['pss_mb']:.0f} MB at day {first['day']:.2f}, {last['pss_mb']:.0f} MB at day "
        f"{last['day']:.2f} (feeder {last['feeder_mb']:.0f}, GUI {last['gui_mb']:.0f}), {len(looks)} looks; "
        f"lower quartiles of the tenths of days from {min(low.values()):.0f} to {max(low.values()):.0f} MB, "
        f"{statistics.linear_regression(list(low), list(low.values())).slope:+.2f} MB a day; "
        f"a day is {PER_DAY} messages, sent at {RATE} a second"
    )
    span = last["day"] - first["day"]

    def row(name: str, value: float, unit: str, bar: str, ok: bool, words: str) -> dict[str, Any]:
        return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": words}

    grown = {key: abs(slope[key] * span) for key in ("handles", "threads")}
    return [
        row("soak.pss_mb_per_simulated_day", slope["pss_mb"], "MB", f"<= {BAR_MB:g}",
            slope["pss_mb"] <= BAR_MB and span >= 0.9 * (DAYS - WARM_DAYS), note),
        row("soak.handles_grown", grown["handles"], "handles", "<= 2", grown["handles"] <= 2,
            f"{first['handles']:.0f} at first, {last['handles']:.0f} at last"),
        row("soak.threads_grown", grown["threads"], "threads", "<= 1", grown["threads"] <= 1,
            f"{first['threads']:.0f} at first, {last['threads']:.0f} at last"),
    ]  # fmt: skip


def _floors(looks: Sequence[dict[str, float]]) -> dict[float, float]:
    """Day -> lower quartile of its tenth: what other work on the machine holds up for a while is above it, a leak is
    not."""
    tenths: dict[float, list[float]] = {}
    for look in looks:
        tenths.setdefault(int(look["day"] * 10) / 10, []).append(look["pss_mb"])
    return {day: statistics.quantiles([*found, *found], n=4)[0] for day, found in tenths.items()}


def measure(days: float) -> tuple[list[dict[str, float]], str]:
    """(looks after warm-up, what was looked at)."""
    broker = PictureBroker(BrokerSettings())
    broker.start()
    children = []
    try:
        with tempfile.TemporaryDirectory(prefix="ioc-soak-") as name:
            folder = Path(name)
            children.append(start_child("split_hub", {"rate": RATE, "ready": str(folder / "hub.json")}))
            _wait_for(folder / "hub.json", children[0])
            settings = _settings(folder, folder / "hub.json")
            children.append(start_child("console.feeder", settings, log=folder / "feeder.log"))
            screens = parse_screens("2560x1440@27:desk")
            gui = GuiSettings(
                data_dir=settings["data_dir"], mode="demo", feed=Door(settings["listen"], settings["authkey"]),
                pictures=Door(broker.address, broker.authkey.hex()), screens=screens,
                platform=offscreen_platform(screens, folder),
            )  # fmt: skip
            children.append(start_child("console.gui", to_child(gui), log=folder / "gui.log"))
            looks: list[dict[str, float]] = []
            while not looks or looks[-1]["day"] < days:
                time.sleep(PER_DAY / RATE / LOOKS_A_DAY)
                for child in children:
                    if child.poll() is not None:
                        raise RuntimeError(f"a process ended with {child.returncode}; logs in {folder}")
                looks.append(_look(folder, {"feeder": children[1].pid, "gui": children[2].pid}))
                print(json.dumps(looks[-1]), file=sys.stderr)
            warm = [look for look in looks if look["day"] >= min(WARM_DAYS, days / 4)]
            return warm, "feeder and GUI"
    finally:
        for child in reversed(children):
            stop_child(child, 8.0)
        broker.stop()


def _look(folder: Path, pids: dict[str, int]) -> dict[str, float]:
    found = {"day": _committed(folder) / PER_DAY, "pss_mb": 0.0, "handles": 0.0, "threads": 0.0}
    for name, pid in pids.items():
        found[f"{name}_mb"] = 0.0
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            memory = process.memory_full_info()
            found[f"{name}_mb"] += getattr(memory, "pss", memory.rss) / 2**20
            found["handles"] += process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
            found["threads"] += process.num_threads()
        found["pss_mb"] += found[f"{name}_mb"]
    return found


if __name__ == "__main__":
    for made in rows_of(*measure(float(sys.argv[1]) if len(sys.argv) > 1 else DAYS)):
        print(json.dumps(made, ensure_ascii=False))
