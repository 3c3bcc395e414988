"""Task bench: what an operator does all day, by keys and seconds, on the whole demo: hub, feeder, pictures, windows.

Twelve tasks, each three times, at five keys a second; the row has the slowest. One desk monitor of 1920x1080, the flood
of October 2020 at its peak. `rows()` takes about two minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEYS, SECONDS = 10.0, 10.0
BARS: dict[str, tuple[float, float]] = {
    "alarm_to_picture": (1.0, 1.5),
    "acknowledge": (KEYS, SECONDS),
    "claim": (KEYS, SECONDS),
    "shelve": (KEYS, SECONDS),
    "find_camera": (KEYS, 3.0),
    "triage": (6.0, SECONDS),
    "merge": (KEYS, SECONDS),
    "assign": (KEYS, SECONDS),
    "procedure_step": (KEYS, SECONDS),
    "plot": (KEYS, SECONDS),
    "handover": (KEYS, SECONDS),
    "briefing": (KEYS, SECONDS),
}
"""Name -> most keys, most seconds."""
TIMEOUT_S = 420.0


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    result = measure()
    return rows_of(result["found"], result["failed"])


def rows_of(found: dict[str, list[dict[str, float]]], failed: dict[str, str]) -> list[dict[str, Any]]:
    """Two rows a task; one that came to no end is a miss with its reason."""
    out: list[dict[str, Any]] = []
    for name, (keys, seconds) in BARS.items():
        tries = found.get(name, [])
        why = failed.get(name, "" if tries else "it was not tried")
        note = f"{len(tries)} tries" + (f"; FAILED: {why}" if why else "")
        for what, bar, unit in (("keys", keys, "keys"), ("s", seconds, "s")):
            worst = max((one[what] for one in tries), default=float("inf"))
            value = round(worst, 2) if tries else 9999.0
            ok = bool(tries) and not why and worst <= bar
            out.append({"name": f"task.{name}.{what}", "value": value, "unit": unit, "bar": f"<= {bar:g}", "ok": ok,
                        "note": note})  # fmt: skip
    return out


def measure() -> dict[str, Any]:
    """One run of the whole demo."""
    with tempfile.TemporaryDirectory(prefix="ioc-tasks-") as name:
        folder = Path(name)
        result = folder / "result.json"
        environment = {
            **os.environ, "PYTHONPATH": f"{HERE}:{ROOT}", "IOC_TASKS_RESULT": str(result), "QT_QPA_PLATFORM": "",
        }  # fmt: skip
        demo = subprocess.Popen(
            [sys.executable, str(HERE / "tasks_demo.py"), "demo", "--data-dir", str(folder / "data"), "--platform",
             "offscreen", "--screens", "1920x1080@24:desk", "--scenario", "flood-2020@peak"],
            cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            _out, err = demo.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            demo.terminate()
            _out, err = demo.communicate(timeout=30)
        if not result.exists():
            log = folder / "data" / "logs" / "gui.log"
            words = log.read_text(encoding="utf-8")[-1500:] if log.exists() else ""
            raise RuntimeError(f"no result: {err.decode()[-500:]} {words}")
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found


if __name__ == "__main__":
    start = time.monotonic()
    for row in rows():
        print(json.dumps(row, ensure_ascii=False))
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
