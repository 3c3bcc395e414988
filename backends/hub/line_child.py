"""A child process of the hub that is given orders as JSON lines and answers in lines of its own.

A thread reads its answers; what does not keep to the agreed lines ends it, because it handles what strangers send.
`kept_alive` is the loop of whoever keeps one. Must not: know what the lines mean.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from backends.hub.ports import LogTrouble
from backends.process import start_child, stop_child

log = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_S = 0.5
TICK_S = 0.5
_RESTART_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
_GOOD_S = 60.0
"""A child that lived so long is started again at once."""


def kept_alive(
    stop: threading.Event, wanted: Callable[[], object], serve: Callable[[], None], died: Callable[[], None], what: str,
    now_s: Callable[[], float],
) -> None:  # fmt: skip
    """One life of a child after the other, until `stop`: slower each time, none while none is `wanted`.

    `serve`: one life, in this thread; `died`: it ended although it was wanted. `what`: for the log.
    """
    deaths = 0
    while not stop.wait(_RESTART_S[min(deaths, len(_RESTART_S) - 1)]):
        if not wanted():
            stop.wait(TICK_S)
            continue
        began_s = now_s()
        try:
            serve()
        except OSError as error:
            log.error("%s cannot be started: %s", what, error)
        except (sqlite3.Error, LogTrouble) as error:
            log.error("the passwords of the cameras cannot be read: %s", error)
        if wanted() and not stop.is_set():
            died()
            deaths = 1 if now_s() - began_s > _GOOD_S else deaths + 1


class LineChild(Generic[T]):
    """The running process; its answers come out of `answers`, and None when it has ended."""

    def __init__(
        self, module: str, settings: Mapping[str, Any], decoder: msgspec.json.Decoder[T], what: str,
        *, most_line: int, most_waiting: int = 0,
    ) -> None:  # fmt: skip
        """`what`: for the log. `most_line`: bytes of an answer. `most_waiting`: answers that are read ahead, 0 = any.

        Raises OSError. Start it from a thread that lives as long as it should (`backends.process`).
        """
        self.answers: queue.Queue[T | None] = queue.Queue(most_waiting)
        self._decoder, self._what, self._most_line = decoder, what, most_line
        self._closed = threading.Event()
        self._child: subprocess.Popen[bytes] = start_child(module, settings, answers=True)
        self._reader = threading.Thread(target=self._read, name=f"{what} answers", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def order(self, order: msgspec.Struct) -> None:
        """One that died meanwhile says so through `answers`."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(msgspec.json.encode(order) + b"\n")
            self._child.stdin.flush()
        except OSError:
            self._child.kill()

    def _read(self) -> None:
        assert self._child.stdout is not None
        try:
            while line := self._child.stdout.readline(self._most_line):
                self._put(self._decoder.decode(line))
        except (msgspec.DecodeError, OSError, ValueError) as error:
            log.error("%s does not keep to the agreed lines: %s", self._what, error)
            self._child.kill()
        self._put(None)

    def _put(self, answer: T | None) -> None:
        while not self._closed.is_set():
            try:
                self.answers.put(answer, timeout=_LOOK_S)
                break
            except queue.Full:
                continue  # the pipe is full by now, and the child waits

    def kill(self) -> None:
        self._child.kill()

    def close(self) -> None:
        """Ends it, within a second or two."""
        self._closed.set()
        stop_child(self._child, 1.0)
        self._reader.join(5.0)
        if self._child.stdout is not None:
            self._child.stdout.close()
