"""Soak of reconnects: cameras on a real RTSP server that is unplugged again and again, until there were 1,000 of them.

Broker and workers must end with the memory, threads, handles and shared memory that they had. `soak_rows()` only; the
back-off grows to 30 s, so that it takes about 25 minutes. By hand: `python tests/bench/video_soak.py RECONNECTS`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
for folder in (str(HERE), str(HERE.parent), str(HERE.parents[1])):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from video_rig import row, rtsp  # noqa: E402

from backends.domain.camera import Demand, PictureState  # noqa: E402
from backends.video.broker import BrokerSettings, PictureBroker  # noqa: E402
from backends.video.client import PictureClient  # noqa: E402
from backends.video.segment import SHM  # noqa: E402

RECONNECTS, STREAMS = 1000, 32
WARM_ROUNDS = 8
"""Measured: a worker of 16 streams goes from 81 to 98 MB in the first eight rounds, whatever their number afterwards:
over the next twelve it stays between 97 and 100."""
LOOKS = 3
BACK_S = 90.0
"""A round: the longest wait of the back-off, with its jitter, and the next key frame."""


def soak_rows() -> list[dict[str, Any]]:
    """Rows of `make soak`."""
    return reconnect_rows()


def reconnect_rows(reconnects: int = RECONNECTS, streams: int = STREAMS, ring_mb: int = 16) -> list[dict[str, Any]]:
    """A small ring, full before the first look: what it takes is no growth. Memory is what is a process's own, and its
    share of shared memory: its share of libraries' pages is another one whenever any program on the machine starts or
    ends (25 MB either way were seen), and nothing can leak there."""
    broker = PictureBroker(BrokerSettings(ring_bytes=ring_mb << 20))
    broker.start()
    client = PictureClient(broker.address, broker.authkey)
    looks: list[dict[str, float]] = []
    try:
        with rtsp() as (server, address):
            demands = [Demand(f"cam-{n:02}", address(n), 320, 180) for n in range(streams)]
            client.demand(frozenset(demands))
            _live(client, demands)
            for number in range(WARM_ROUNDS + -(-reconnects // streams)):
                if number >= WARM_ROUNDS:
                    looks.append(_look(broker))
                server.kill()
                _wait(lambda: all(client.status(d).state is not PictureState.LIVE for d in demands), "all lost")
                server.start()
                _live(client, demands)
            looks.append(_look(broker))
            done = sum(client.status(d).reconnects for d in demands)
    finally:
        client.close()
        broker.stop()
    back = streams * -(-reconnects // streams)
    return _rows(looks, back, done, broker.worker_restarts())


def _rows(looks: list[dict[str, float]], back: int, tries: int, restarts: int) -> list[dict[str, Any]]:
    """`back`: streams that came back between the first look and the last."""
    first = {key: statistics.median(look[key] for look in looks[:LOOKS]) for key in looks[0]}
    last = {key: statistics.median(look[key] for look in looks[-LOOKS:]) for key in looks[0]}
    growth = (last["pss_mb"] / first["pss_mb"] - 1) * 100
    moved = {key: last[key] - first[key] for key in ("threads", "handles", "segments")}
    flat = all(abs(change) <= 1 for change in moved.values())
    note = (
        f"{back} reconnects ({tries} tries in all) to a real RTSP server that is killed and started again; broker and "
        f"workers {first['pss_mb']:.0f} MB of their own at first, {last['pss_mb']:.0f} MB at last; threads "
        f"{first['threads']:.0f} and {last['threads']:.0f}, handles {first['handles']:.0f} and {last['handles']:.0f}, "
        f"pieces of shared memory "
        f"{first['segments']:.0f} and {last['segments']:.0f}; {restarts} restarts of workers"
    )
    ok = growth < 2 and flat and back > 0 and not restarts
    return [row("video.soak.pss_growth_pct", growth, "%", "< 2", ok=ok, note=note)]


def _look(broker: PictureBroker) -> dict[str, float]:
    time.sleep(3.0)  # what a reconnect has left over is given back by then
    found = {"pss_mb": 0.0, "threads": 0.0, "handles": 0.0}
    for process in (psutil.Process(), *map(psutil.Process, broker.worker_pids())):
        found["pss_mb"] += _own_mb(process)
        found["threads"] += process.num_threads()
        found["handles"] += process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return found | {"segments": float(len(list(SHM.glob(f"{broker.run}-*"))))}


def _own_mb(process: psutil.Process) -> float:
    rollup = Path(f"/proc/{process.pid}/smaps_rollup")
    if not rollup.exists():
        return float(process.memory_full_info().uss) / 2**20
    sizes = dict(line.split(":", 1) for line in rollup.read_text().splitlines()[1:])
    return sum(int(sizes[name].split()[0]) for name in ("Pss_Anon", "Pss_Shmem")) / 1024


def _live(client: PictureClient, demands: list[Demand]) -> None:
    _wait(lambda: all(client.status(demand).state is PictureState.LIVE for demand in demands), "all live")


def _wait(condition: Any, what: str) -> None:
    end_s = time.monotonic() + BACK_S
    while not condition():
        if time.monotonic() > end_s:
            raise RuntimeError(f"not within {BACK_S:.0f} s: {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    for made in reconnect_rows(int(sys.argv[1]) if len(sys.argv) > 1 else RECONNECTS):
        print(json.dumps(made, ensure_ascii=False))
