"""Other walls: 9 cameras of 1080p and 16 of H.265 against ffmpeg's mosaic, 64 of 360p with what they take of memory.

As the wall bench does it (wall.py): both sides three times in turn, medians. `rows()` takes three minutes, and one more
the first time. Memory is PSS of broker, workers and GUI, in the middle of a turn; the packet ring is counted apart.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

import wall  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.video.ring_pool import BUDGET  # noqa: E402

CLIPS = ROOT / "build" / "bench-clips"
RING_FROM = 1 << 40
"""Segments of the packet ring are numbered from here on (`ring_pool`)."""
MEMORY_TURNS = 2


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    return [
        against_ffmpeg("wall.9x1080p.cpu_vs_ffmpeg", make_clips(CLIPS, 9, (1920, 1080), 4000), 3),
        against_ffmpeg("wall.16x360p_h265.cpu_vs_ffmpeg", make_clips(CLIPS, 16, hevc=True), 4),
        *full_wall_rows(make_clips(CLIPS, 64)),
    ]


def against_ffmpeg(name: str, clips: list[Path], columns: int, turns: int = wall.TURNS) -> dict[str, Any]:
    if shutil.which("ffmpeg") is None:
        why = "the ffmpeg command is missing: apt-get install ffmpeg"
        return _row(name, 0.0, "ratio", "<= 1", ok=False, note=why)
    ours, peer = [], []
    for _ in range(turns):
        ours.append(wall.measure_ours(clips, columns))
        peer.append(wall.measure_ffmpeg(clips, columns))
    fps = statistics.median(turn["min_fps"] for turn in ours)
    note = (
        f"worst tile {fps:.1f} fps; {wall.ffmpeg_version()}, its mosaic of the same {len(clips)} clips as in "
        "wall.36x360p.cpu_vs_ffmpeg"
    )
    return wall.against(name, ours, peer, 1.0, note)


def full_wall_rows(clips: list[Path], columns: int = 8, turns: int = MEMORY_TURNS) -> list[dict[str, Any]]:
    looks: list[tuple[float, float, float]] = []

    def look(run: str, pids: list[int]) -> None:
        looks.append(memory_mb(run, pids))

    found = [wall.measure_ours(clips, columns, look=look) for _ in range(turns)]
    pss, ring, pictures = (max(values) for values in zip(*looks, strict=True))
    fps, tick = min(t["min_fps"] for t in found), max(t["tick_p99_ms"] for t in found)
    tiles = f"{len(clips)} tiles of 360p25 on one window of {wall.WIDTH}x{wall.HEIGHT}"
    budget = BUDGET / 2**20
    return [
        _row("wall.64x360p.min_fps", fps, "fps", ">= 24", ok=fps >= 24,
             note=f"worst tile of the worse of {turns} turns, counted where painted; {tiles}"),
        _row("wall.64x360p.gui_tick_p99_ms", tick, "ms", "<= 40", ok=tick <= 40,
             note=f"worse of {turns} turns; pass asked for every 20 ms; {tiles}"),
        _row("wall.64x360p.pss_mb", pss, "MB", "<= 1000", ok=0 < pss <= 1000,
             note=f"broker, workers and GUI without the packet ring, {pictures:.0f} MB of it pictures in shared "
                  f"memory; {tiles}; {wall.WARM_S + wall.WINDOW_S / 2:.0f} s after the start"),
        _row("ring.pss_mb", ring, "MB", f"<= {budget:.0f}", ok=0 < ring <= budget,
             note=f"of the packet ring of the same wall at the same moment, before it is full; its budget is "
                  f"{budget:.0f} MB"),
    ]  # fmt: skip


def memory_mb(run: str, pids: list[int]) -> tuple[float, float, float]:
    """(PSS without the packet ring, PSS of the ring, PSS of the pictures) of the processes, MB. Linux.

    A page that several of them map counts once, shared among them; what is allocated but mapped by nobody here is
    what the broker's own mapping holds.
    """
    total = ring = pictures = 0.0
    for pid in pids:
        name = ""
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            first, _, rest = line.partition(" ")
            if not first.endswith(":"):
                name = rest.split(None, 4)[4] if len(rest.split(None, 4)) > 4 else ""
            elif first == "Pss:":
                mb = int(rest.split()[0]) / 1024
                total += mb
                if f"{run}-" in name:
                    number = name.removesuffix(" (deleted)").rpartition("-")[2]
                    if number.isdigit() and int(number) >= RING_FROM:
                        ring += mb
                    else:
                        pictures += mb
    return total - ring, ring, pictures


def _row(name: str, value: float, unit: str, bar: str, *, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


if __name__ == "__main__":
    for made in rows():
        print(json.dumps(made, ensure_ascii=False))
