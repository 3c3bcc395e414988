"""Video bench over a real RTSP server: how old a picture is when it is painted, mute cameras among good ones, a camera
that stops, a killed worker. Real broker, workers and GUI process (offscreen); see video_gui for what it counts.

`rows()` takes about two minutes.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from video_rig import kill, percentile, row, rtsp, shown  # noqa: E402

STREAMS, PRESENT_S = 16, 20.0
TILES, DEAD = 64, 16
SLOW_TRIES, KILLS = 5, 3
_NEVER = 1e6

Painted = Mapping[str, list[tuple[int, float | None]]]


def rows() -> list[dict[str, Any]]:
    """Rows of `make bench`."""
    return [*present_rows(), *dead_rows(), slow_row(), kill_row()]


def present_rows(streams: int = STREAMS, seconds: float = PRESENT_S) -> list[dict[str, Any]]:
    with rtsp() as (_, address), shown({f"cam-{n:03}": address(n) for n in range(streams)}, columns=4) as (_, screen):
        screen.wait(lambda: len(screen.live()) == streams, 30.0, "all live")
        time.sleep(2.0)
        from_ns = time.monotonic_ns()
        time.sleep(seconds)
        painted = screen.end()
    ages = [ms for of_one in painted.values() for t, ms in of_one if t >= from_ns and ms is not None]
    passed = sum(ms is None for of_one in painted.values() for t, ms in of_one if t >= from_ns)
    note = (
        f"{len(ages)} pictures of {streams} sessions of 640x360 at 25 a second over RTSP (TCP), painted in the GUI "
        f"process (offscreen, a pass each 16 ms): from the receipt of the packet in the worker to the end of its "
        f"painting; {passed} pictures more were followed by the next before they could be timed"
    )
    p50, p99 = percentile(ages, 0.5), percentile(ages, 0.99)
    enough = len(ages) >= 200
    return [
        row("video.receive_to_present_p50_ms", p50, "ms", "<= 50", ok=enough and p50 <= 50, note=note),
        row("video.receive_to_present_p99_ms", p99, "ms", "<= 120", ok=enough and p99 <= 120, note=note),
    ]


@contextmanager
def mute_cameras(count: int) -> Iterator[list[str]]:
    """They accept and say nothing."""
    sockets = [socket.create_server(("127.0.0.1", 0), backlog=16) for _ in range(count)]
    try:
        yield [f"rtsp://127.0.0.1:{one.getsockname()[1]}/live" for one in sockets]
    finally:
        for one in sockets:
            one.close()


def dead_rows(tiles: int = TILES, dead: int = DEAD) -> list[dict[str, Any]]:
    with rtsp() as (_, address), mute_cameras(dead) as mute:
        # The broker takes them in the order of their ids: the dead ones come first.
        cameras = {f"cam-{n:03}": uri for n, uri in enumerate(mute)}
        good = {f"cam-{n:03}": address(n) for n in range(dead, tiles)}
        with shown(cameras | good) as (_, screen):
            screen.wait(lambda: screen.live() >= good.keys(), 60.0, must=False)
            live, began_ns = screen.live(), screen.began_ns
            painted = screen.end()
    firsts = sorted((painted[name][0][0] - began_ns) / 1e9 for name in good if painted[name])
    first_s = firsts[0] if firsts else _NEVER
    all_s = firsts[-1] if len(firsts) == len(good) else _NEVER
    false = sorted(live - good.keys())
    note = (
        f"{len(firsts)} of {len(good)} good cameras painted (640x360 at 25 a second, RTSP), {dead} mute ones before "
        f"them in the list; from the demand to workers that run; half of them after "
        f"{percentile(firsts, 0.5):.2f} s" + (f"; live without a camera: {false}" if false else "")
    )
    return [
        row("video.dead16of64.first_live_s", first_s, "s", "<= 2", ok=first_s <= 2 and not false, note=note),
        row("video.dead16of64.all_live_s", all_s, "s", "<= 10", ok=all_s <= 10 and not false, note=note),
    ]


def slow_row(tries: int = SLOW_TRIES, streams: int = 4) -> dict[str, Any]:
    seen: list[float] = []
    names = [f"cam-{n}" for n in range(streams)]
    with (
        rtsp() as (server, address),
        shown({name: address(n) for n, name in enumerate(names)}, columns=2) as (_, screen),
    ):
        for _ in range(tries):
            screen.wait(lambda: len(screen.live()) == streams, 60.0, "all live")
            time.sleep(1.5)
            stopped_ns = time.monotonic_ns()
            server.freeze()
            screen.wait(lambda: not screen.live(), 8.0, must=False)
            server.thaw()
            for name in names:
                told = screen.first(name, lambda t: t.state in ("slow", "lost"), stopped_ns)
                # The age at that moment is reckoned from the receipt of the last new picture.
                seen.append(told.age_s if told is not None else _NEVER)
    worst = max(seen)
    note = (
        f"from the receipt of the last new picture to the tile's state, worst of {len(seen)} (a camera at 25 a second "
        f"that hangs, {tries} times, {streams} tiles); median {percentile(seen, 0.5):.2f} s; the state is looked at "
        "every 50 ms"
    )
    return row("video.slow_seen_s", worst, "s", "<= 2.0", ok=worst <= 2.0, note=note)


def kill_row(kills: int = KILLS, streams: int = 8, workers: int = 2) -> dict[str, Any]:
    backs: list[float] = []
    others: list[float] = []
    hit = 0
    with (
        rtsp() as (_, address),
        shown({f"cam-{n}": address(n) for n in range(streams)}, columns=4, workers=workers) as (broker, screen),
    ):
        killed = []
        for number in range(kills):
            screen.wait(lambda: len(screen.live()) == streams, 60.0, "all live")
            time.sleep(2.0)
            killed.append(kill(broker.worker_pids()[number % workers]))
            time.sleep(6.0)
        painted = screen.end()
    for t_ns in killed:
        own, other = after_kill(painted, t_ns)
        hit += bool(own)
        backs += own
        others += other
    worst = max(backs, default=_NEVER)
    note = (
        f"{kills} workers killed (-9), each with some of {streams} tiles of 640x360 at 25 a second over RTSP, key "
        f"frames every 2 s; from the kill to the first new picture painted, worst of {len(backs)} tiles; longest gap "
        f"of tiles of other workers: {max(others, default=0.0):.2f} s"
    )
    ok = worst <= 4.0 and hit == kills and max(others, default=_NEVER) < 1.0
    return row("video.kill_worker.own_tiles_back_s", worst, "s", "<= 4", ok=ok, note=note)


def after_kill(painted: Painted, t_ns: int, window_s: float = 6.0) -> tuple[list[float], list[float]]:
    """(seconds until its tiles moved again, longest gaps of the other tiles).

    A tile of the killed worker has a gap that begins around the kill and is longer than what a busy machine makes.
    """
    own, other = [], []
    for of_one in painted.values():
        times = [t for t, _ in of_one if t_ns - 1e9 <= t <= t_ns + window_s * 1e9]
        gap_s, end_ns = max(((b - a) / 1e9, b) for a, b in itertools.pairwise([int(t_ns - 1e9), *times]))
        if not times or times[-1] < t_ns + (window_s - 1.5) * 1e9:
            own.append(_NEVER)  # it never came back
        elif gap_s > 0.4 and end_ns > t_ns:
            own.append((end_ns - t_ns) / 1e9)
        else:
            other.append(gap_s)
    return own, other


if __name__ == "__main__":
    for made in rows():
        print(json.dumps(made, ensure_ascii=False))
