"""Split bench: does the GUI's tick stay even when link and store run as its threads, or only beside it?

64 tiles of 25 fps in one window of 2880x1620 (offscreen platform); a hub process publishes 1,000 and 10,000
messages a second over CURVE; every one is validated, committed and shown. The figures and what follows from
them: docs/decisions/2026-11-process-split.md. Behind `make soak`: the decision stands, and this takes two minutes.
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

import zmq

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from backends.process import start_child, stop_child  # noqa: E402

WARM_S, WINDOW_S = 5.0, 14.0
RATES = {"1k": 1000, "10k": 10_000}
BAR_MS = 40.0


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`: the bare frame, then threads and process at both rates."""
    made = []
    bare = measure("none", 0)
    made.append(_row("split.bare.tick_p99_ms", bare["tick_p99_ms"], "ms", "", True, _note(bare)))
    p99: dict[tuple[str, str], float] = {}
    for label, rate in RATES.items():
        for kind in ("threads", "process"):
            found = measure(kind, rate)
            name = f"split.{kind}.{label}"
            p99[kind, label] = found["tick_p99_ms"]
            # The process is what the console uses; the threads stand beside it for comparison.
            for figure in ("tick_p50_ms", "tick_p99_ms", "tick_max_ms"):
                barred = (kind, label, figure) == ("process", "1k", "tick_p99_ms")
                ok = not barred or found[figure] <= BAR_MS
                bar = f"<= {BAR_MS:g}" if barred else ""
                note = _note(found) if figure == "tick_p99_ms" else ""
                made.append(_row(f"{name}.{figure}", found[figure], "ms", bar, ok, note))
            made.append(_row(f"{name}.cpu", found["cpu_gui"] + found["cpu_feeder"], "cores", "", True, ""))
            applied = found["applied_per_s"]
            bar, ok = (f">= {0.9 * rate:g}", applied >= 0.9 * rate) if kind == "process" else ("", True)
            made.append(_row(f"{name}.applied_per_s", applied, "msg/s", bar, ok, "validated, committed, in order"))
    ratio = p99["process", "10k"] / p99["threads", "10k"]
    note = "the decision's ground: a flood must not reach the picture pass"
    made.append(_row("split.10k.tick_p99_process_vs_threads", ratio, "ratio", "<= 0.6", ratio <= 0.6, note))
    return made


def _note(found: dict[str, float]) -> str:
    return (
        f"pass asked for every 20 ms, {found['fps']:.1f} fps a tile; GUI {found['cpu_gui']:.2f} cores, "
        f"feeder {found['cpu_feeder']:.2f}; to the screen {found['records_per_s']:.0f} records/s, gaps {found['gaps']}"
    )


def _row(name: str, value: float, unit: str, bar: str, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


def measure(kind: str, rate: int) -> dict[str, float]:
    """One run. `kind`: "none" (no feed), "threads" or "process"."""
    with tempfile.TemporaryDirectory(prefix="ioc-split-") as name:
        folder = Path(name)
        hub = start_child("split_hub", {"rate": max(rate, 1), "ready": str(folder / "hub.json")})
        gui = None
        try:
            _wait_for(folder / "hub.json", hub)
            public, secret = zmq.curve_keypair()
            feed = {
                "data_dir": str(folder / "console"), "station": "desk-1", "mode": "demo",
                "hub_file": str(folder / "hub.json"), "public_key": public.decode(), "secret_key": secret.decode(),
                "listen": str(folder / "feed") if os.name != "nt" else rf"\\.\pipe\{folder.name}",
                "authkey": os.urandom(16).hex(),
            }  # fmt: skip
            result = folder / "result.json"
            gui = start_child(
                "split_gui",
                {"kind": kind, "feed": feed, "warm_s": WARM_S, "window_s": WINDOW_S, "result": str(result)},
            )
            _wait_for(result, gui)
            found: dict[str, float] = json.loads(result.read_text())
            return found
        finally:
            if gui is not None:
                stop_child(gui, 8.0)
            stop_child(hub)


def _wait_for(path: Path, child: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + WARM_S + WINDOW_S + 30
    while not path.exists():
        if child.poll() is not None or time.monotonic() > end_s:
            raise RuntimeError(f"no {path.name} from a process of the split bench")
        time.sleep(0.05)


if __name__ == "__main__":
    for row in soak_rows():
        print(f"{row['name']:34} {row['value']:10g} {row['unit']:8} {row['bar']:8} {row['note']}")
