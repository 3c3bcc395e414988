"""Truth on the picture, over a real RTSP server: how soon a frozen and a repeating camera are said, and that nothing is
said of good ones.

The cameras are files that the server plays packet by packet to each session: one that freezes while its stream goes
on (H.264 of a picture with noise whose sensor dies after 10 s), and a loop of 10 s. The good ones are the demo's
streets by day, at dusk, by night and in rain, and a still picture with a sensor's noise. `rows()` takes five minutes,
and some more the first time, when the films are drawn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
for folder in (str(HERE), str(HERE.parent), str(HERE.parents[1])):
    if folder not in sys.path:
        sys.path.insert(0, folder)

import av  # noqa: E402
import numpy as np  # noqa: E402
from helpers.street import street_picture  # noqa: E402
from video_rig import CLIPS, Screen, repeated, row, rtsp, shown  # noqa: E402
from wall_clips import make_clips  # noqa: E402

from backends.city.scenes import ensure_number  # noqa: E402

ALIVE_S, DEAD_S, FPS = 10, 25, 25
LOOP_S, LOOP_ROUNDS = 10, 6
COPIES = 3
"""Tiles of each."""
STREETS = ("014", "021", "030", "045", "068", "077")
STILLS = 6
WEATHERS = ("day", "dusk", "night", "rain", "rain-night")
WATCH_S = 102.0
"""With 6 streets in 5 weathers and 6 still ones: an hour of pictures."""
_NEVER = 1e6


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    return [*wrong_rows(), false_row()]


def dying_clip(folder: Path) -> Path:
    """ALIVE_S of a living picture, then the same frame for DEAD_S; a key frame every 2 s, constant quality."""
    out = folder / f"dying-{ALIVE_S}-{DEAD_S}-v2.mp4"
    if not out.exists():
        _write(out, alive=ALIVE_S * FPS, dead=DEAD_S * FPS, seed=5)
    return out


def still_clip(folder: Path, seed: int) -> Path:
    """30 s of an empty street with a sensor's noise."""
    out = folder / f"still-{seed}-v2.mp4"
    if not out.exists():
        _write(out, alive=30 * FPS, dead=0, seed=seed)
    return out


def _write(out: Path, *, alive: int, dead: int, seed: int) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(f".{os.getpid()}.part.mp4")
    street = street_picture(640, 360, seed)[:, :, :3].astype(np.int16)
    noise = np.random.default_rng(seed)
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 640, 360, "yuv420p", Fraction(1, FPS)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "crf": "28", "bf": "0"}
        stream.gop_size = 2 * FPS
        stream.codec_context.thread_count = 1  # one slice, as cameras send
        frame = None
        for number in range(alive + dead):
            if frame is None or number < alive:
                picture = np.clip(street + noise.integers(-4, 5, street.shape), 0, 255).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(out)


def loop_clip(folder: Path) -> Path:
    """The same LOOP_S over and over, to the bit."""
    (clip,) = make_clips(folder, 1)
    out = folder / f"loop-{LOOP_S}.mp4"
    if not out.exists():
        part = out.with_suffix(".part.mp4")
        command = ["ffmpeg", "-v", "error", "-y", "-t", str(LOOP_S), "-i", str(clip), "-c", "copy", str(part)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        part.rename(out)
    return repeated(out, LOOP_ROUNDS)


def wrong_rows(copies: int = COPIES) -> list[dict[str, Any]]:
    cameras = {}
    with rtsp([dying_clip(CLIPS), loop_clip(CLIPS)]) as (_, address):
        for n in range(copies):
            cameras |= {f"frozen-{n}": address(0), f"loop-{n}": address(1)}
        with shown(cameras, columns=3) as (_, screen):
            screen.wait(lambda: len(screen.live()) == len(cameras), 60.0, "all live")

            def all_said() -> bool:
                return all(_said(screen, name) is not None for name in cameras)

            screen.wait(all_said, LOOP_S * LOOP_ROUNDS - 5.0, must=False)
            painted = screen.end()
    starts = {name: painted[name][0][0] for name in cameras if painted[name]}
    frozen = [_after(screen, n, starts[n] + ALIVE_S * 10**9) for n in cameras if n.startswith("frozen")]
    loops = [_after(screen, n, starts[n]) for n in cameras if n.startswith("loop")]
    how = f"to the tile's state, worst of {copies}; H.264, 640x360 at 25 a second over RTSP"
    return [
        row("video.frozen_seen_s", max(frozen), "s", "<= 12", ok=0 < max(frozen) <= 12,
            note=f"from the sensor's death, in a street where nothing moves but its noise, while the stream goes on, "
                 f"{how}"),
        row("video.repeating_seen_s", max(loops), "s", "<= 35", ok=0 < max(loops) <= 35,
            note=f"from the begin of a loop of {LOOP_S} s, {how}"),
    ]  # fmt: skip


def _said(screen: Screen, name: str) -> Any:
    flag = "frozen" if name.startswith("frozen") else "repeating"
    return screen.first(name, lambda told: flag in told.flags)


def _after(screen: Screen, name: str, from_ns: int) -> float:
    told = _said(screen, name)
    return (told.t_ns - from_ns) / 1e9 if told is not None else _NEVER


def false_row(watch_s: float = WATCH_S, streets: tuple[str, ...] = STREETS, stills: int = STILLS) -> dict[str, Any]:
    with ThreadPoolExecutor(2) as pool:
        films = list(pool.map(lambda one: ensure_number(CLIPS, *one), [(n, w) for n in streets for w in WEATHERS]))
        films += list(pool.map(lambda seed: still_clip(CLIPS, seed), range(stills)))
    rounds = 2 + int(watch_s / 30)
    with rtsp([repeated(film, rounds) for film in films]) as (_, address):
        cameras = {f"{film.stem}": address(n) for n, film in enumerate(films)}
        with shown(cameras, columns=6) as (_, screen):
            screen.wait(lambda: len(screen.live()) == len(cameras), 90.0, "all live")
            time.sleep(watch_s)
            live = screen.live()
            raised = sorted({(told.camera, flag) for told in screen.told for flag in told.flags})
    hours = len(cameras) * watch_s / 3600
    note = (
        f"{len(raised)} flags in {hours:.2f} hours of pictures: {len(cameras)} tiles for {watch_s:.0f} s, "
        f"{', '.join(WEATHERS)} and still ones; {len(live)} of them live at the end"
        + (f"; {', '.join(f'{camera}: {flag}' for camera, flag in raised[:8])}" if raised else "")
    )
    value = len(raised) / hours
    return row("video.false_flags_per_hour", value, "flags/h", "0", ok=not raised and len(live) == len(cameras) and
               hours >= 1.0, note=note)  # fmt: skip


if __name__ == "__main__":
    for made in rows():
        print(json.dumps(made, ensure_ascii=False))
