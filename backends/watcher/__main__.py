"""`python -m backends.watcher`: started by the hub; listens to devices, a thread each, and tells what they notice.

Orders (`WatchDevice`) come as lines of stdin, answers go out as lines of stdout. While nobody takes the answers, what
devices say is counted and not kept. It ends with the hub. Must not: decide what is an alarm, log an address or a
password, or outlive its parent.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time

from backends.domain.device import CameraEvent
from backends.domain.device_watch import ALIVE_S, Alive, FromWatcher, WatchDevice, encode, order_decoder
from backends.onvif.device import Login
from backends.onvif.events import OnvifEvents
from backends.process import child_settings
from backends.video.faults import SourceFault
from backends.video.sandbox import confine
from backends.watcher.outlet import Outlet

log = logging.getLogger(__name__)

TICK_S = 0.1
"""How long an event waits here at most."""
STARTS_A_TICK = 4
"""Devices that are first asked at the same moment: each of a site's 364 is asked within ten seconds."""
SILENT_S = 60.0
"""A watch that stands comes round every PULL_S; one that does not for so long no longer stands."""
AGAIN_S = 30.0
"""After a fault of ours."""
STACK_BYTES = 512 << 10
SILENT = "it no longer answers"
OURS = "a fault of this program; its log says more"


class Watch:
    """One device."""

    def __init__(self, order: WatchDevice) -> None:
        self.order = order
        self.outlet = Outlet(order.device)
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards the two below
        self._stands = False
        self._turned_s = time.monotonic()
        self._events: OnvifEvents | None = None
        self._left_out = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"watch {self.order.device}", daemon=True).start()

    def end(self) -> None:
        """Its thread gives back its place at the device, within seconds."""
        self._stop.set()

    def look(self, now_s: float) -> None:
        """From the main loop: does it still come round?"""
        with self._lock:
            if self._stands and now_s - self._turned_s > SILENT_S:
                self._stands = False
                self.outlet.say(SILENT)
        left_out = self._events.left_out if self._events is not None else 0
        if left_out > self._left_out:
            self.outlet.count(left_out - self._left_out)
            self._left_out = left_out

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                login = Login(self.order.url, self.order.user, self.order.password)
                self._events = OnvifEvents(login, channels=self.order.channels, turned=self._turned)
                self._events.watch(self._stop, self._deliver, self._say)
            except SourceFault as fault:
                self._say(str(fault))  # no address that can be asked: another order comes when it is mended
                return
            except Exception:
                log.exception("the watch of %s failed", self.order.device)
                self._say(OURS)
                self._stop.wait(AGAIN_S)

    def _deliver(self, event: CameraEvent) -> None:
        self.outlet.add(event)

    def _say(self, lost: str) -> None:
        with self._lock:
            self._stands, self._turned_s = not lost, time.monotonic()
            self.outlet.say(lost)

    def _turned(self) -> None:
        with self._lock:
            self._turned_s = time.monotonic()
            stands = self._stands
        if not stands:  # it was taken for silent: a new session asks how things are now
            raise SourceFault(SILENT)


class Watcher:
    """All devices. One thread, but for `take`."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[WatchDevice] = queue.SimpleQueue()
        self._watches: dict[str, Watch] = {}
        self._alive_s = 0.0

    def take(self, line: bytes) -> None:
        """An order, from any thread."""
        self._orders.put(order_decoder.decode(line))

    def turn(self) -> list[FromWatcher]:
        """Follow some orders; what the hub has to be told."""
        started = 0
        while started < STARTS_A_TICK and not self._orders.empty():
            started += self._follow(self._orders.get())
        now_s, now_ns = time.monotonic(), time.time_ns()
        said: list[FromWatcher] = []
        for watch in self._watches.values():
            watch.look(now_s)
            said += watch.outlet.take(now_ns, now_s)
        if now_s - self._alive_s >= ALIVE_S:
            self._alive_s = now_s
            said.append(Alive())
        return said

    def _follow(self, order: WatchDevice) -> bool:
        """True: a device will be asked."""
        watch = self._watches.get(order.device)
        if watch is not None and watch.order == order:
            return False
        if watch is not None:
            watch.end()
            del self._watches[order.device]
        if not order.url:
            return False
        watch = self._watches[order.device] = Watch(order)
        watch.start()
        return True


def _write(said: list[FromWatcher]) -> None:
    left = memoryview(b"".join(encode(one) + b"\n" for one in said))
    while left:
        left = left[os.write(1, left) :]


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.stack_size(STACK_BYTES)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()  # they may follow the settings at once
    child_settings(on_line=orders.put)
    missing = "; ".join(f"{part.name}: {part.why}" for part in confine() if not part.holds)
    if missing and sys.platform == "linux":
        log.warning("reduced rights that do not hold: %s", missing)
    watcher = Watcher()
    while True:
        while not orders.empty():
            watcher.take(orders.get())
        _write(watcher.turn())
        time.sleep(TICK_S)


if __name__ == "__main__":
    main()
