"""`python -m backends.probe`: started by the hub, AT_ONCE threads, each looks at one camera after the other.

Orders (`LookAt`) come as lines of stdin, answers (`Looked`) go out as lines of stdout. Of a camera it keeps what it
sees when all is well (on disk) and what it saw last (in memory). It ends with the hub. Must not: decide whom to look
at, log an address or a password, or outlive its parent.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from pathlib import Path

import cv2
import msgspec

from backends.domain.sweep import AT_ONCE, LookAt, Looked, encode, order_decoder
from backends.probe.judge import Judge, Verdict
from backends.probe.look import look_at
from backends.probe.memory import References
from backends.probe.pace import Pace
from backends.probe.rights import reduce_rights
from backends.process import child_settings
from backends.video.backoff import OpeningGate
from backends.video.source import NotASource, NotYet, Refused, SourceFault

log = logging.getLogger(__name__)

NO_KEY = "it sends, but no whole picture came within some seconds"


class ProbeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First line of stdin."""

    folder: str
    """Where the references are kept."""


class Probe:
    """Takes orders in one thread, looks in others."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._orders: queue.SimpleQueue[LookAt] = queue.SimpleQueue()
        self._judges: dict[tuple[str, str], Judge] = {}
        self._pace = Pace(time.monotonic(), time.process_time())
        self._lock = threading.Lock()  # guards the three above, and stdout
        self._gate = OpeningGate()

    def take(self, line: bytes) -> None:
        self._orders.put(order_decoder.decode(line))

    def work(self) -> None:
        """For ever; one of several threads."""
        while True:
            answer = self.look(self._orders.get())
            with self._lock:
                pause_s = self._pace.pause_s(time.monotonic(), time.process_time())
            time.sleep(pause_s)
            with self._lock:
                _write(encode(answer) + b"\n")

    def look(self, order: LookAt) -> Looked:
        """One look, whatever comes of it."""
        if not order.judge:
            return self._picture(order)
        with self._lock:
            # A camera of another address than before is another one.
            judge = self._judges.get((order.camera_id, order.uri))
            if judge is None:
                for known in [one for one in self._judges if one[0] == order.camera_id]:
                    del self._judges[known]
                judge = Judge(References(self._folder, order.camera_id, order.uri))
                self._judges[order.camera_id, order.uri] = judge
        reason, small = "", b""
        try:
            sight = look_at(order, self._gate, keys=judge.keys)
            verdict = judge.saw(sight, time.monotonic_ns())
            small, reason = sight.thumbnail, "" if sight.samples else NO_KEY
        except NotYet:
            verdict = Verdict(None, None)
        except (Refused, NotASource) as fault:
            verdict, reason = judge.failed(time.monotonic_ns(), at_once=True), str(fault)
        except SourceFault as fault:
            verdict, reason = judge.failed(time.monotonic_ns()), str(fault)
        except Exception:
            log.exception("the look at camera %s failed", order.camera_id)  # ours, not the camera's
            verdict = Verdict(None, None)
        again_s, patient = verdict.again_s, verdict.patient
        return Looked(order.camera_id, verdict.online, reason, verdict.flags, again_s, patient, small)

    def _picture(self, order: LookAt) -> Looked:
        try:
            return Looked(order.camera_id, thumbnail=look_at(order, self._gate).thumbnail)
        except SourceFault as fault:
            log.info("no small picture of camera %s: %s", order.camera_id, fault)
        except Exception:
            log.exception("the look at camera %s failed", order.camera_id)
        return Looked(order.camera_id)


def _write(line: bytes) -> None:
    """Whole: no other thread's line comes between."""
    left = memoryview(line)
    while left:
        left = left[os.write(1, left) :]


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()  # they may follow the settings at once
    settings = msgspec.convert(child_settings(on_line=orders.put), ProbeSettings)
    probe = Probe(Path(settings.folder))
    reduce_rights(Path(settings.folder))
    for number in range(AT_ONCE):
        threading.Thread(target=probe.work, name=f"look {number}", daemon=True).start()
    while True:
        probe.take(orders.get())


if __name__ == "__main__":
    main()
