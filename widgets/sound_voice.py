"""The annunciator's voice: a child process that plays tones, and the thread that keeps it.

Nothing here can block the GUI thread: commands go into a queue, and one thread starts the child, writes to
it, asks it twice in five seconds whether it still answers, and starts another one when it does not. Knows
tones, not alarms.
"""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from backends.process import start_child, stop_child

_log = logging.getLogger(__name__)

_PING_S = 2.5
_DEAD_S = 6.0
"""No answer for so long: the audio server hangs, and the child with it."""
_START_S = 20.0
"""A child that loads Qt on a machine under load may take its time before its first word."""
_QUIET_QT = {"QT_LOGGING_RULES": "qt.multimedia.*=false"}
"""Qt tells on the terminal, at every start, which audio libraries it did not find."""
_UNHEARD = 100
"""Lines that a child may leave unanswered: far less than a pipe holds."""
_RETRY_S = (0.5, 2.0, 8.0, 30.0)


class ChildVoice(QObject):
    """Plays tones by name. Calls return at once, from the GUI thread; signals arrive in it."""

    deviceChanged = Signal(str)
    """The output's name; empty: there is none, tones go to a null sink."""
    firstSample = Signal(int, float)
    """(number that `play` returned, monotonic seconds): the tone's first sample reached the sink."""

    childEnded = Signal(int, int, float, bool)
    """(pid, status, seconds it lived, it did not answer): the process died, or was killed because it hung."""

    def __init__(self, folder: Path, *, null: bool = False) -> None:
        """`folder` holds the WAV files; `null`: use no device even where there is one."""
        super().__init__()
        self._settings = {"folder": str(folder), "null": null}
        self._commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._number = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._heard_s = 0.0
        self._spoken = False
        self._ended = False
        self._unheard = 0
        """Lines written since the child last said something."""
        self.child: subprocess.Popen[bytes] | None = None
        """The process now playing; for tests and the system view."""

    def start(self) -> None:
        """Start the keeper; commands given before are kept. Call once."""
        # The child dies with the thread that started it (parent-death signal): this one lives until close().
        self._thread = threading.Thread(target=self._keep, name="sound", daemon=True)
        self._thread.start()

    def play(self, tone: str, times: int, pause_s: float) -> int:
        """Play `tone` `times` times (0: until stopped), instead of what plays now. Returns a number."""
        self._number += 1
        self._commands.put({"play": self._number, "tone": tone, "times": times, "pause_s": pause_s})
        return self._number

    def stop(self) -> None:
        """Silence now."""
        self._commands.put({"stop": True})

    def close(self) -> None:
        """End the child and the thread; waits for at most a few seconds."""
        self._closed.set()
        self._commands.put(None)
        if self._thread is not None:
            self._thread.join(8.0)
            self._thread = None

    # -- the keeper's thread ------------------------------------------------------------------------

    def _keep(self) -> None:
        failures = 0
        resume: dict[str, Any] | None = None
        while not self._closed.is_set():
            try:
                child = start_child("widgets.sound_child", self._settings, env=_QUIET_QT, answers=True)
            except OSError as error:
                _log.warning("the sound process cannot be started: %s", error)
                self.deviceChanged.emit("")
            else:
                self.child = child
                resume, lived = self._serve(child, resume)
                failures = 0 if lived else failures
            if self._closed.is_set():
                return
            self.deviceChanged.emit("")
            wait_s = _RETRY_S[min(failures, len(_RETRY_S) - 1)]
            failures += 1
            _log.warning("the sound process does not answer, another one starts in %s s", wait_s)
            self._closed.wait(wait_s)

    def _serve(
        self, child: subprocess.Popen[bytes], resume: dict[str, Any] | None
    ) -> tuple[dict[str, Any] | None, bool]:
        """Pass commands on until the child dies, hangs or is closed. Returns (what to resume, it had spoken)."""
        self._spoken, self._ended, self._heard_s, self._unheard = False, False, time.monotonic(), 0
        reader = threading.Thread(target=self._listen, args=(child,), name="sound-answers", daemon=True)
        reader.start()
        playing, wanted = None, resume
        alive, closing, asked_s, began_s = True, False, 0.0, time.monotonic()
        while alive and not closing:
            now_s = time.monotonic()
            if now_s - asked_s >= _PING_S:
                asked_s = now_s
                alive = self._write(child, {"ping": 1})
            wanted, closing = self._newest(wanted)
            # 1. What a hung child does not read stays here: a full pipe would hold this thread too.
            if wanted is not None and self._unheard < _UNHEARD and not closing:
                alive = alive and self._write(child, wanted)
                playing, wanted = (wanted if "play" in wanted else None), None
            # 2. It has gone, or has not answered for too long.
            silent_s = time.monotonic() - self._heard_s
            alive = alive and not self._ended and silent_s < (_DEAD_S if self._spoken else _START_S)
        if alive:
            stop_child(child, 2.0)
        else:
            hung = child.poll() is None and not self._ended
            child.kill()
            rc = child.wait()
            if not self._closed.is_set():
                self.childEnded.emit(child.pid, rc, time.monotonic() - began_s, hung)
        reader.join(2.0)
        if child.stdin is not None and not child.stdin.closed:
            _close_quietly(child)
        if child.stdout is not None:
            child.stdout.close()
        self.child = None
        if wanted is None and playing is not None and playing["times"] == 0:
            # Only what repeats is taken up again: a finished tone would sound twice.
            wanted = playing
        return wanted, self._spoken

    def _newest(self, wanted: dict[str, Any] | None) -> tuple[dict[str, Any] | None, bool]:
        """Wait a little for commands; (the newest one that is still to be given, closing)."""
        timeout_s: float | None = _PING_S
        while True:
            try:
                command = self._commands.get(timeout=timeout_s) if timeout_s else self._commands.get_nowait()
            except queue.Empty:
                return wanted, False
            if command is None:
                return wanted, True
            wanted, timeout_s = command or wanted, None

    def _write(self, child: subprocess.Popen[bytes], command: dict[str, Any]) -> bool:
        assert child.stdin is not None
        self._unheard += 1
        try:
            child.stdin.write(json.dumps(command).encode() + b"\n")
            child.stdin.flush()
        except OSError:
            return False
        return True

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self._heard_s, self._spoken, self._unheard = time.monotonic(), True, 0
            try:
                words = json.loads(line)
            except ValueError:
                _log.warning("the sound process said something unexpected: %r", line[:200])
                continue
            if self._closed.is_set():
                return
            if "device" in words:
                self.deviceChanged.emit(words["device"])
            elif "first" in words:
                self.firstSample.emit(words["first"], words["t"])
        # It has gone: the keeper need not wait for its next question to find out.
        self._ended = True
        self._commands.put({})


def _close_quietly(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.close()
    except OSError:
        _log.debug("the sound process was gone before its pipe was closed")
