"""Real writers of a packet ring that are killed: `python -m helpers.ring_child SLAB GENERATION ACKS`.

Each line of stdin is one writer, a process of its own, made by fork: {"run": r, "most": bytes of a packet,
"fuse": n} kills itself (SIGKILL) in the midst of the n-th byte that it writes; {"until": i} is killed from outside,
wherever it is, once it has put packet i. ACKS is a segment whose word r is one more than the last packet that
`put` had returned from. The answer is one line with the signal it died of. Must not: be used by the program.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

from helpers.ring_rig import CODEC, Fuse, put, put_on_a_fuse

from backends.video.ring import RingWriter
from backends.video.segment import attach


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def _write(slab: str, generation: int, acks: memoryview, order: dict[str, Any]) -> None:
    writer = RingWriter(slab, generation)
    writer.begin(CODEC)
    if "fuse" in order:
        put_on_a_fuse(writer, Fuse(order["fuse"], _die))
    index = 0
    while True:
        assert put(writer, order["run"], index, order["most"])
        index += 1
        acks[order["run"]] = index


def main() -> None:
    slab, generation, ack_name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    acks = memoryview(attach(ack_name)).cast("Q")
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                _write(slab, generation, acks, order)
            except BaseException:  # noqa: BLE001 - printed, and the process ends
                traceback.print_exc()
            os._exit(70)
        if "until" in order:
            while acks[order["run"]] < order["until"]:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    break
            else:
                os.kill(pid, signal.SIGKILL)
                _, status = os.waitpid(pid, 0)
        else:
            _, status = os.waitpid(pid, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -1, flush=True)


if __name__ == "__main__":
    main()
