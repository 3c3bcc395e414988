"""Keeps seconds of shown cameras as files, out of their packet rings: a thread of the supervisor, which owns the rings.

A GUI orders one (`wire.KeepClip`); when its last second is over the packets are copied and written. Orders wait in a
short queue: who orders is never kept waiting, and what is too much is dropped and said. How many files there are, and
for how long, is whoever orders them to say. Must not: decode, or write anywhere but into its folder.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from backends.video.kept import copy_of
from backends.video.ring import RingReader
from backends.video.ring_layout import BadRing
from backends.video.wire import KeepClip

log = logging.getLogger(__name__)

ENDING = ".clip"
MOST_WAITING = 32
LONGEST_NS = 60_000_000_000
"""Of one clip, and so far ahead of now its end may lie."""
_SETTLE_NS = 500_000_000
"""So long a worker may take to put a packet into its ring."""
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")

Slab = Callable[[KeepClip], tuple[str, int] | None]


class ClipKeeper:
    """One a broker; `keep` and `path` from any thread."""

    def __init__(self, folder: Path, slab: Slab, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`slab`: where the packets of an order's stream lie now."""
        self._folder, self._slab, self._clock = folder, slab, clock
        self._orders: list[KeepClip] = []
        self._change = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pictures keep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def keep(self, order: KeepClip) -> None:
        """When it is over. Returns at once."""
        sane = 0 <= order.from_ns < order.until_ns <= min(order.from_ns, self._clock()) + LONGEST_NS
        with self._change:
            if not sane or _NAME.fullmatch(order.name) is None or len(self._orders) >= MOST_WAITING:
                log.warning("camera %s: seconds of an alarm are not kept, there are too many", order.camera_id)
                return
            self._orders.append(order)
            self._change.notify_all()

    def path(self, name: str) -> str:
        """Of the file, whether it is there or not: whoever opens it sees. Empty: it cannot be one."""
        return str(self._folder / f"{name}{ENDING}") if _NAME.fullmatch(name) is not None else ""

    def close(self) -> None:
        """What is not yet over is given up."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _next(self) -> KeepClip | None:
        """The one that is over first, once it is. None: the end."""
        with self._change:
            while not self._closed:
                first = min(self._orders, key=lambda order: order.until_ns, default=None)
                wait_ns = first.until_ns + _SETTLE_NS - self._clock() if first is not None else 0
                if first is not None and wait_ns <= 0:
                    self._orders.remove(first)
                    return first
                self._change.wait(wait_ns / 1e9 if first is not None else None)
            return None

    def _run(self) -> None:
        while (order := self._next()) is not None:
            try:
                self._write(order)
            except (OSError, BadRing) as error:
                log.warning("camera %s: seconds of an alarm are not kept: %s", order.camera_id, error)
            except Exception:
                log.exception("camera %s: seconds of an alarm are not kept", order.camera_id)  # the next one's may be

    def _write(self, order: KeepClip) -> None:
        place = self._slab(order)
        content = copy_of(RingReader(*place), order.from_ns, order.until_ns) if place is not None else None
        if content is None:
            log.info("camera %s: nothing is kept of the seconds of an alarm", order.camera_id)
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._folder / f"{order.name}{ENDING}", content)


def write_private(path: Path, content: bytes) -> None:
    """Whole or not at all, and for this user alone. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
