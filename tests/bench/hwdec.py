"""Decoding on a graphics device against decoding on the processor: both walls three times in turn, medians; and how
long the first picture of a stream takes. With a device `soak_rows()` takes five minutes, which is why it is none of
`make bench`'s; without one a second, and its rows say that nothing was measured, and are not counted as passed.

The processor's time of the device's own work in the kernel is in these figures, the device's is not.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

import wall  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.video import reading  # noqa: E402
from backends.video.hardware import Hardware  # noqa: E402
from backends.video.planes import Planes, bytes_of  # noqa: E402
from backends.video.scaling import Scaler  # noqa: E402

CLIPS = ROOT / "build" / "bench-clips"
WALLS: tuple[tuple[str, int, tuple[int, int], int, int], ...] = (
    ("hwdec.36x360p.cpu_vs_software", 36, (640, 360), 600, 6),
    ("hwdec.9x1080p.cpu_vs_software", 9, (1920, 1080), 4000, 3),
)
"""Row, cameras, size and kbit/s of each, columns."""
RATIO_BAR = "<= 1"
"""More, and the setting does harm."""
FIRST = "hwdec.first_frame_ms"
OPENINGS = 200


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`."""
    kind, why = device()
    if not kind:
        ratios = [_row(name, 0.0, "ratio", RATIO_BAR, ok=False, note=why) for name, *_ in WALLS]
        return [*ratios, _row(FIRST, 0.0, "ms", "none", ok=False, note=why)]
    made = [
        against_software(name, make_clips(CLIPS, count, size, kbit), columns, kind)
        for name, count, size, kbit, columns in WALLS
    ]
    return [*made, first_frame(make_clips(CLIPS, 9, (1920, 1080), 4000), kind)]


def device() -> tuple[str, str]:
    """(kind, "") of the first that decodes H.264 on this machine, else ("", why nothing is measured)."""
    command = [sys.executable, "-m", "backends.video.hardware"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return "", f"no device here: the look for one ended with status {done.returncode}; not measured"
    found = json.loads(done.stdout.splitlines()[-1])
    kind = next((kind for kind, tried in found["opens"].items() if not tried["h264"]), "")
    if kind and shutil.which("ffmpeg") is None:
        return "", "not measured: the ffmpeg command that makes the clips is missing: apt-get install ffmpeg"
    whys = "; ".join(f"{kind}: {tried['h264']}" for kind, tried in found["opens"].items()) or "none is built in"
    return kind, "" if kind else f"no device here ({whys}); not measured"


def against_software(name: str, clips: list[Path], columns: int, kind: str) -> dict[str, Any]:
    theirs, ours = [], []
    for _ in range(wall.TURNS):
        theirs.append(wall.measure_ours(clips, columns))
        ours.append(wall.measure_ours(clips, columns, hardware=kind))
    cores, plain = (statistics.median(turn["cores"] for turn in side) for side in (ours, theirs))
    fps, plain_fps = (statistics.median(turn["min_fps"] for turn in side) for side in (ours, theirs))
    on_device = min(turn["on_device"] for turn in ours)
    note = (
        f"{kind} {cores:.2f} cores, worst tile {fps:.1f} fps; processor {plain:.2f} cores, {plain_fps:.1f} fps; "
        f"{on_device:.0f} of {len(clips)} streams were on the device"
    )
    ratio = cores / plain
    return _row(name, ratio, "ratio", RATIO_BAR, ok=ratio <= 1 and on_device == len(clips), note=note)


def first_frame(clips: list[Path], kind: str) -> dict[str, Any]:
    """From before a file of 1080p is opened until its first picture is drawn, the device's driver being there."""
    before = reading.HARDWARE
    took: dict[str, list[float]] = {}
    try:
        for setting in ("off", kind):
            reading.HARDWARE = Hardware()
            reading.HARDWARE.ask(setting)
            reading.HARDWARE.warm()
            took[setting] = sorted(_open_and_draw(clips[n % len(clips)]) for n in range(OPENINGS))
    finally:
        reading.HARDWARE = before
    value, plain = (took[setting][int(OPENINGS * 0.95)] for setting in (kind, "off"))
    note = (
        f"{kind}, p95 of {OPENINGS} openings of 1080p, middle {took[kind][OPENINGS // 2]:.1f}; processor p95 "
        f"{plain:.1f}, middle {took['off'][OPENINGS // 2]:.1f}; no bar: what it costs is to be seen"
    )
    return _row(FIRST, value, "ms", "none", ok=True, note=note)


def _open_and_draw(clip: Path) -> float:
    target = Planes(bytearray(bytes_of(960, 540)), 960, 540)
    began = time.perf_counter()
    reader = reading.Reader(str(clip), {}, timeout=None)
    try:
        for packet in reader.arrivals():
            for frame in reader.decode(packet)[:1]:
                Scaler((0.0, 0.0, 1.0, 1.0)).draw(frame, target)
                return (time.perf_counter() - began) * 1e3
    finally:
        reader.close()
    raise RuntimeError(f"no picture in {clip.name}")


def _row(name: str, value: float, unit: str, bar: str, *, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


if __name__ == "__main__":
    for made in soak_rows():
        print(json.dumps(made, ensure_ascii=False))
