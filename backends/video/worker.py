"""A decoder worker: `python -m backends.video.worker`, started by the broker, one thread for each stream.

Orders come as lines of stdin. A stamp twice a second says that the process is not hung. It ends with its
parent, whatever way that died. Must not: import Qt, open memory that it was not ordered to, or log a password.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time

import msgspec
import psutil

from backends.process import child_settings, give_back_memory
from backends.video import hardware
from backends.video.backoff import OpeningGate, gate_file
from backends.video.computing import Computing
from backends.video.decoder import StreamDecoder
from backends.video.sandbox import confine, limit_addresses
from backends.video.segment import attach
from backends.video.wire import Orders, StreamOrder, WorkerSettings, orders_decoder

log = logging.getLogger(__name__)

BEAT_S = 0.5
HUNG_EXIT = 3
"""A stream is stuck inside a library: only a new process helps."""

_Identity = tuple[str, str, str, str, str]


def _identity(order: StreamOrder) -> _Identity:
    return order.camera_id, order.uri, order.user, order.password, order.path


class Worker:
    """Follows orders: starts, changes and stops streams. Called by the thread that reads stdin."""

    def __init__(self) -> None:
        self.gate = OpeningGate()
        self.computing = Computing()
        self._streams: dict[_Identity, StreamDecoder] = {}

    def follow(self, line: bytes) -> None:
        orders: Orders = orders_decoder.decode(line)
        wanted = {_identity(order): order for order in orders.streams}
        for identity in [identity for identity in self._streams if identity not in wanted]:
            self._streams.pop(identity).stop()
        for identity, order in wanted.items():
            if identity in self._streams:
                self._streams[identity].set_outputs(order.outputs)
                self._streams[identity].set_ring(order.ring, order.ring_generation)
                self._streams[identity].leave_out(order.left_out)
            else:
                self._streams[identity] = stream = StreamDecoder(order, self.gate, self.computing)
                stream.start()

    @property
    def hung(self) -> list[str]:
        """Cameras whose thread is stuck."""
        return [identity[0] for identity, stream in list(self._streams.items()) if stream.hung]


def _give_way() -> None:
    """On an overloaded machine pictures shall suffer before alarms and clicks do: the GUI gets the processor first.

    Measured beside 1,000 messages a second, 16 pictures, two busy cores (November 2026): with 6 instead of 2 an alarm
    is on the screen after 178 to 222 ms (p99) instead of 277 to 338, and 308 to 374 pictures a second are painted, not
    247 to 255, because the one who paints them gets to it. The wall without alarms is as before.
    """
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(6)


def _confine() -> None:
    parts = confine(addresses=False)
    held = ", ".join(part.name for part in parts if part.holds) or "nothing"
    missing = "; ".join(f"{part.name}: {part.why}" for part in parts if not part.holds)
    if missing and sys.platform == "linux":
        log.warning("reduced rights: %s; not held: %s", held, missing)
    else:
        log.info("reduced rights: %s", held)


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for one in (log, hardware.log):
        one.setLevel(logging.INFO)
    _confine()  # before the first other thread
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; our parent ends us in order
    worker, settled = Worker(), threading.Event()

    def follow(line: bytes) -> None:
        """Orders may follow the settings at once; how streams are decoded is settled first."""
        settled.wait()
        worker.follow(line)

    settings = msgspec.convert(child_settings(on_line=follow), WorkerSettings)
    if settings.hardware == "off":
        with contextlib.suppress(OSError, ValueError):  # as for the other limits: without it, it decodes all the same
            limit_addresses()
    hardware.HARDWARE.ask(settings.hardware)
    hardware.HARDWARE.warm()  # before the first sign of life is due
    worker.computing.start(settings.at_once)
    with contextlib.suppress(OSError):  # then the places are this worker's own
        worker.gate.share(gate_file(settings.beat))
    settled.set()
    _give_way()
    beat = memoryview(attach(settings.beat)).cast("Q")
    beat[0] = time.monotonic_ns()
    # Frames live for one pass and hold no cycles; the collector would only walk what never changes.
    gc.freeze()
    while True:
        beat[1] = time.process_time_ns()
        beat[0] = time.monotonic_ns()
        if hung := worker.hung:
            log.error("stuck in a library call, ending this worker: %s", ", ".join(hung))
            os._exit(HUNG_EXIT)
        give_back_memory(time.monotonic())  # what a thousand openings of cameras have left with the allocator
        time.sleep(BEAT_S)


if __name__ == "__main__":
    main()
