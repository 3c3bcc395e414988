"""Wall bench: 36 cameras of 360p25 on one window, against ffmpeg's own mosaic of the same clips.

How the figures are taken: design, section 11. `rows()` gives them; run alone it prints them. Both sides run
three times in turn, medians count. Ours: this process with the broker, its decoder workers and a GUI process;
CPU is user + system of all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
for folder in (str(HERE), str(ROOT)):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from wall_clips import make_clips  # noqa: E402

from backends.process import start_child, stop_child  # noqa: E402
from backends.video.broker import BrokerSettings, PictureBroker  # noqa: E402

WIDTH, HEIGHT = 2880, 1620
WARM_S, WINDOW_S, TURNS = 4.0, 12.0, 3
FULL_FPS = 24.0
OTHERS = {"qmediaplayer": 0.75, "opencv": 0.8}
"""Peers and what we may take of their processor time."""


def rows() -> list[dict[str, Any]]:
    """The wall's rows of `make bench`. Takes about two minutes, and one more the first time."""
    if shutil.which("ffmpeg") is None:
        why = "the ffmpeg command is missing: apt-get install ffmpeg"
        return [_row("wall.36x360p.cpu_vs_ffmpeg", 0.0, "ratio", "<= 1", ok=False, note=why)]
    clips = make_clips(ROOT / "build" / "bench-clips", 36)
    ours, peer, decode, others = [], [], [], {kind: [] for kind in OTHERS}  # type: ignore[var-annotated]
    for _ in range(TURNS):
        ours.append(measure_ours(clips, 6))
        peer.append(measure_ffmpeg(clips, 6))
        decode.append(measure_decode(clips))
        for kind in OTHERS:
            others[kind].append(measure_other(kind, clips, 6))
    min_fps = statistics.median(turn["min_fps"] for turn in ours)
    tick = statistics.median(turn["tick_p99_ms"] for turn in ours)
    parts = {name: statistics.median(turn[name] for turn in ours) for name in ("gui", "workers", "broker")}
    note = (
        f"workers {parts['workers']:.2f}, GUI {parts['gui']:.2f}, broker {parts['broker']:.3f}; "
        f"{ffmpeg_version()}: {describe_peer()}; skipped {[t['skipped'] for t in ours]}, "
        f"torn {[t['torn'] for t in ours]}"
    )
    return [
        against("wall.36x360p.cpu_vs_ffmpeg", ours, peer, 1.0, note),
        against("wall.36x360p.cpu_vs_decode", ours, decode, 1.7, "the same inputs, -f null for each"),
        *[
            against(f"wall.36x360p.cpu_vs_{kind}", ours, turns, OTHERS[kind], "tests/bench/wall_peer.py")
            for kind, turns in others.items()
        ],
        _row(
            "wall.36x360p.min_fps", min_fps, "fps", ">= 24", ok=min_fps >= 24, note="worst tile, counted where painted"
        ),
        _row(
            "wall.36x360p.gui_tick_p99_ms",
            tick,
            "ms",
            "<= 40",
            ok=tick <= 40,
            note=f"pass asked for every 20 ms; longest {max(t['tick_max_ms'] for t in ours):.0f} ms",
        ),
    ]


def _row(name: str, value: float, unit: str, bar: str, *, ok: bool, note: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 3), "unit": unit, "bar": bar, "ok": ok, "note": note}


def _cpu(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        times = process.cpu_times()
        total += times.user + times.system
    return total


def _sleep_until(t_ns: int) -> None:
    time.sleep(max(0.0, (t_ns - time.monotonic_ns()) / 1e9))


def measure_ours(
    clips: list[Path],
    columns: int,
    workers: int = 0,
    look: Callable[[str, list[int]], None] | None = None,
    hardware: str = "off",
) -> dict[str, float]:
    """One turn of ours. `look` is called in its middle, with the run's name of its shared memory and all processes."""
    broker = PictureBroker(BrokerSettings(workers=workers, hardware=hardware))
    broker.start()
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        start_ns = time.monotonic_ns() + int((WARM_S + 1.0) * 1e9)
        end_ns = start_ns + int(WINDOW_S * 1e9)
        gui = start_child(
            "wall_gui",
            {
                "address": broker.address,
                "authkey": broker.authkey.hex(),
                "uris": [f"file:{clip}" for clip in clips],
                "columns": columns,
                "width": WIDTH,
                "height": HEIGHT,
                "start_ns": start_ns,
                "end_ns": end_ns,
                "result": str(result),
            },
        )
        try:
            _sleep_until(start_ns)
            groups = {
                "gui": [psutil.Process(gui.pid)],
                "workers": [psutil.Process(pid) for pid in broker.worker_pids()],
                "broker": [psutil.Process()],
            }
            before = {name: _cpu(group) for name, group in groups.items()}
            if look is not None:
                _sleep_until((start_ns + end_ns) // 2)
                look(broker.run, [process.pid for group in groups.values() for process in group])
            _sleep_until(end_ns)
            seconds = WINDOW_S + (time.monotonic_ns() - end_ns) / 1e9
            used = {name: (_cpu(group) - before[name]) / seconds for name, group in groups.items()}
            deadline = time.monotonic() + 10
            while not result.exists():
                if time.monotonic() > deadline or gui.poll() is not None:
                    raise RuntimeError("the GUI process of the wall bench gave no result")
                time.sleep(0.05)
            found: dict[str, float] = json.loads(result.read_text())
        finally:
            stop_child(gui)
            broker.stop()
    return {**found, **used, "cores": sum(used.values())}


def describe_peer() -> str:
    return (
        "-re -stream_loop -1 -threads 1 -i CLIP (x36), scale=480:270:flags=fast_bilinear each, xstack=inputs=36, "
        "format=bgra, -f null"
    )


def ffmpeg_version() -> str:
    first = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    return " ".join(first.split()[:3])


def measure_ffmpeg(clips: list[Path], columns: int) -> dict[str, float]:
    """One turn of the peer."""
    count = len(clips)
    w, h = WIDTH // columns, HEIGHT // -(-count // columns)
    command = ["ffmpeg", "-v", "error", "-nostdin"]
    for clip in clips:
        command += ["-re", "-stream_loop", "-1", "-threads", "1", "-i", str(clip)]
    scaled = "".join(f"[{i}:v]scale={w}:{h}:flags=fast_bilinear[s{i}];" for i in range(count))
    places = "|".join(f"{i % columns * w}_{i // columns * h}" for i in range(count))
    joined = "".join(f"[s{i}]" for i in range(count))
    command += ["-filter_complex", f"{scaled}{joined}xstack=inputs={count}:layout={places},format=bgra[out]"]
    command += ["-map", "[out]", "-f", "null", "-progress", "pipe:1", "-stats_period", "0.5", "-"]
    return _run_ffmpeg(command)


def _run_ffmpeg(command: list[str]) -> dict[str, float]:
    with tempfile.TemporaryFile() as progress:
        peer = subprocess.Popen(command, stdout=progress)
        try:
            time.sleep(WARM_S)
            process = [psutil.Process(peer.pid)]
            before, t0, frames0 = _cpu(process), time.monotonic(), _frames(progress)
            time.sleep(WINDOW_S)
            used, seconds, frames = _cpu(process) - before, time.monotonic() - t0, _frames(progress)
        finally:
            peer.kill()
            peer.wait()
    return {"cores": used / seconds, "fps": (frames - frames0) / seconds}


def against(
    name: str, ours: list[dict[str, float]], theirs: list[dict[str, float]], bar: float, note: str
) -> dict[str, Any]:
    """A row against a peer; for each picture where the peer shows fewer than it should."""
    cores, peer = (statistics.median(turn["cores"] for turn in side) for side in (ours, theirs))
    fps = statistics.median(turn["fps"] for turn in theirs)
    our_fps = statistics.median(turn["decoded_fps"] for turn in ours)
    ratio = whole = cores / peer
    words = ""
    if fps < FULL_FPS:
        ratio *= fps / our_fps
        words = (
            f", for each picture: it showed {fps:.1f} a second and tile, ours {our_fps:.1f} (as they are: {whole:.2f})"
        )
    note = f"ours {cores:.2f} cores, the peer {peer:.2f}{words}; {note}"
    return _row(name, ratio, "ratio", f"<= {bar:g}", ok=ratio <= bar, note=note)


def measure_decode(clips: list[Path]) -> dict[str, float]:
    """One turn of the limit: the same inputs decoded by ffmpeg, nothing else."""
    command = ["ffmpeg", "-v", "error", "-nostdin"]
    for clip in clips:
        command += ["-re", "-stream_loop", "-1", "-threads", "1", "-i", str(clip)]
    for i in range(len(clips)):
        command += ["-map", f"{i}:v", "-f", "null", "-"]
    command += ["-progress", "pipe:1", "-stats_period", "0.5"]
    return _run_ffmpeg(command)


def measure_other(kind: str, clips: list[Path], columns: int) -> dict[str, float]:
    """One turn of another library."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        start_ns = time.monotonic_ns() + int((WARM_S + 1.0) * 1e9)
        end_ns = start_ns + int(WINDOW_S * 1e9)
        settings = {
            "kind": kind, "clips": [str(clip) for clip in clips], "columns": columns, "width": WIDTH,
            "height": HEIGHT, "start_ns": start_ns, "end_ns": end_ns, "result": str(result),
        }  # fmt: skip
        child = start_child("wall_peer", settings, log=Path(folder) / "peer.log")
        try:
            _sleep_until(start_ns)
            process = [psutil.Process(child.pid)]
            before = _cpu(process)
            _sleep_until(end_ns)
            seconds = WINDOW_S + (time.monotonic_ns() - end_ns) / 1e9
            used = (_cpu(process) - before) / seconds
            deadline = time.monotonic() + 10
            while not result.exists():
                if time.monotonic() > deadline or child.poll() is not None:
                    raise RuntimeError(f"the peer {kind} gave no result")
                time.sleep(0.05)
            found: dict[str, float] = json.loads(result.read_text())
        finally:
            stop_child(child)
    return {**found, "cores": used}


def _frames(progress: Any) -> int:
    data = os.pread(progress.fileno(), 1 << 20, 0).decode()
    found = [line for line in data.splitlines() if line.startswith("frame=")]
    return int(found[-1].removeprefix("frame=")) if found else 0


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row, ensure_ascii=False))
