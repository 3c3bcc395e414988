"""Blocks bench: how often the GUI's thread stands still while 1,000 messages a second come in and 16 cameras move.

The program measures itself (console/block_meter.py: intervals between the starts of its picture pass, seen from
another thread); here its JSON log is read. Behind `make soak`: `alarm_path`
has the short row, and this takes a minute more.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
for folder in (str(HERE), str(HERE.parent), str(HERE.parents[1])):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from helpers.gui_blocks import read_blocks  # noqa: E402
from live_run import RATE, TILES, live_run  # noqa: E402

WARM_S, WINDOW_S = 10.0, 40.0
NAME = "gui.blocks.own_meter_over_250ms"
"""Beside `gui.blocks_over_250ms` (alarm_path.py), which another thread sees from outside during the alarms' run."""


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`."""
    if shutil.which("ffmpeg") is None:
        return [_row(1, False, "the ffmpeg command is missing: apt-get install ffmpeg")]
    with live_run() as run:
        run.wait_pictures()
        time.sleep(WARM_S)
        from_ns, began_s = time.time_ns(), time.monotonic()
        committed, pictures = run.committed(), run.pictures()
        time.sleep(WINDOW_S)
        seconds = time.monotonic() - began_s
        rate = (run.committed() - committed) / seconds
        fps = sorted((now - pictures.get(name, now)) / seconds for name, now in run.pictures().items())
        found = read_blocks(run.log, from_ns, time.time_ns())
    moving = sum(each > 20 for each in fps)
    # Without its load the figure would say nothing: then the row fails, whatever was seen.
    loaded = rate >= 0.9 * RATE and moving >= TILES
    busy = f"load average {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores"
    slowest = fps[0] if fps else 0.0
    note = (
        f"over {seconds:.0f} s; {rate:.0f} msg/s committed, {moving} of {TILES} pictures moving (slowest "
        f"{slowest:.1f} fps), {busy}; over 100 ms: {found.over_100ms}, longest {found.worst_ms:.0f} ms"
    )
    if found.blocks:
        note += f" in {found.worst_calls()}"
    return [_row(found.over_250ms, loaded and found.over_250ms == 0, note)]


def _row(value: int, ok: bool, note: str) -> dict[str, Any]:
    return {"name": NAME, "value": value, "unit": "blocks", "bar": "0", "ok": ok, "note": note}


if __name__ == "__main__":
    for row in soak_rows():
        print(row)
