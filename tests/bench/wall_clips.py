"""The clips of the wall benches: H.264 or H.265, noise and motion, made once by the ffmpeg CLI and kept in build/."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 12  # loops longer than 10 s, so that nothing takes them for a repeating camera
FPS = 25


def make_clips(
    folder: Path, count: int, size: tuple[int, int] = (640, 360), kbit: int = 600, *, hevc: bool = False
) -> list[Path]:
    """`count` different clips of one kind; those that are there are used again."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "h265-" * hevc
    clips = [folder / f"{kind}{size[1]}p{FPS}-{kbit}k-{i:02d}.mp4" for i in range(count)]
    missing = [(i, clip) for i, clip in enumerate(clips) if not clip.exists()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: _make(job[1], job[0], size, kbit, hevc), missing))
    return clips


def _make(clip: Path, seed: int, size: tuple[int, int], kbit: int, hevc: bool) -> None:
    part = clip.with_suffix(".part.mp4")
    width, height = size
    scene = (
        f"testsrc2=s={width}x{height}:r={FPS}:d={SECONDS},scroll=h={0.002 + seed * 0.0002}:v=0.001,hue=h={seed * 10},"
        f"noise=all_seed={seed + 1}:alls=12:allf=t,format=yuv420p"
    )
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", scene]
    # As cameras send: no B-frames, one slice, a key frame every 2 s, a steady rate.
    if hevc:
        parameters = f"bframes=0:keyint={2 * FPS}:min-keyint={2 * FPS}:scenecut=0:pools=1:frame-threads=1:log-level=1"
        command += ["-c:v", "libx265", "-preset", "veryfast", "-tag:v", "hvc1", "-x265-params", parameters]
    else:
        command += ["-c:v", "libx264", "-preset", "veryfast"]
        command += ["-bf", "0", "-g", str(2 * FPS), "-keyint_min", str(2 * FPS), "-sc_threshold", "0", "-threads", "1"]
    command += ["-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k", str(part)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    part.rename(clip)
