"""Sees from outside whether a child's main loop still turns: a stuck loop cannot report itself.

A watched child writes a line from that loop twice a second; a thread here reads its pipe and notes when
(the child's own clock is never asked). Without one for 5 s its stacks are dumped into its log, after 15 s
it is killed, and the supervisor starts it again like any other dead child. All on the monotonic clock; a
supervisor that was itself held up (machine suspended, terminal stopped) forgives everybody, because nobody
could have given a sign either. Must not: restart anything, or know what a child is for.
"""

from __future__ import annotations

import enum
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO

from backends.domain.times import MonotonicClock
from backends.process import BEAT_LINE, DUMP_SIGNAL, HUNG_DUMP_S, KEEP_WORD, KEPT_LIMIT

_log = logging.getLogger(__name__)

HUNG_KILL_S = 15.0
START_S = 120.0
"""Until the first beat: loading, opening a large store, drawing the first windows on a slow disk."""
HELD_UP_S = 2.0
"""A look that comes so late says that it was us who stood still."""


class Step(enum.Enum):
    """What a child's silence asks for now."""

    NOTHING = "nothing"
    DUMP = "dump"
    """Once for each silence."""
    KILL = "kill"


class Pulse:
    """How long one process has been silent. Pure; thread-safe (one writer each)."""

    def __init__(self, now_s: float, dump_s: float = HUNG_DUMP_S, kill_s: float = HUNG_KILL_S) -> None:
        self._heard_s = now_s
        self._dump_s, self._kill_s = dump_s, kill_s
        self.beats = 0
        self._dumped = False

    def beat(self, now_s: float) -> None:
        self.beats += 1
        self._heard_s, self._dumped = now_s, False

    def forgive(self, now_s: float) -> None:
        """The silence until now does not count."""
        self._heard_s, self._dumped = max(self._heard_s, now_s), False

    def silent_s(self, now_s: float) -> float:
        return now_s - self._heard_s

    def steady(self, now_s: float) -> bool:
        """It beats, or may still be starting."""
        return self.judge(now_s, look_only=True) is Step.NOTHING

    def judge(self, now_s: float, *, look_only: bool = False) -> Step:
        """The step that is due; DUMP comes once a silence."""
        later_s = 0.0 if self.beats else START_S
        silent_s = self.silent_s(now_s)
        if silent_s >= self._kill_s + later_s:
            return Step.KILL
        if silent_s < self._dump_s + later_s or (self._dumped and not look_only):
            return Step.NOTHING
        self._dumped = self._dumped or not look_only
        return Step.DUMP


class HeldUp:
    """Tells whether we ourselves stood still since the last look."""

    def __init__(self) -> None:
        self._looked_s: float | None = None

    def look(self, now_s: float) -> bool:
        before, self._looked_s = self._looked_s, now_s
        return before is not None and now_s - before > HELD_UP_S


def listen(name: str, pipe: IO[bytes], pulse: Pulse, clock: MonotonicClock, keep: Callable[[str], None]) -> None:
    """Start the thread that hears a child until its pipe ends. `keep` is called in that thread."""

    def hear() -> None:
        with pipe:
            while line := pipe.readline(KEPT_LIMIT + 100):
                words = line.rstrip(b"\r\n")
                if words == BEAT_LINE:
                    pulse.beat(clock.monotonic_s())
                elif words.startswith(KEEP_WORD):
                    _keep(words.removeprefix(KEEP_WORD), keep)
                elif words:
                    _log.info("%s says: %s", name, words.decode("utf-8", "replace"))

    threading.Thread(target=hear, name=f"pulse-{name}", daemon=True).start()


def _keep(raw: bytes, keep: Callable[[str], None]) -> None:
    try:
        keep(str(json.loads(raw)))
    except ValueError:
        _log.info("something to keep cannot be read; what was kept before stays")


def dump(process: subprocess.Popen[bytes]) -> None:
    """Have a child write the stacks of all its threads to its log. A stopped process does it when it goes on."""
    if DUMP_SIGNAL is None or sys.platform == "win32":
        return  # there the child's own timer has done it by now
    try:
        os.kill(process.pid, DUMP_SIGNAL)
    except ProcessLookupError:
        _log.debug("it died before its stacks could be taken")
