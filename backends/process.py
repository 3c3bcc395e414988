"""How a child process of the console starts and ends. A leaf: imports nothing of ours.

Every child is started as `python -m MODULE`, reads its settings as one JSON line from stdin, and keeps
stdin open: its end means that the parent has gone, whatever way it died. A thread of its own waits for
that end, because a thread that is blocked in a read of a camera or a socket would miss it. On Linux the
parent-death signal is the second guard (it follows the starting THREAD of the parent: start children
from a thread that lives as long as they should); on Windows the parent puts itself and its children
into a Job object (see `tie_children_to_me`).

No end is silent: a fault in native code writes the stacks of all threads to stderr, which is the child's
log, and so does every exception that nobody caught, in whatever thread. A child that its parent watches
says with `beat`, from its main loop, that this loop still turns, and with `keep` what it wants to be given
back after a crash.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1

BEAT_S = 0.5
"""How often a watched child says that its main loop turns."""
HUNG_DUMP_S = 5.0
"""Without a beat for so long: the stacks of all threads go to the child's log."""
DUMP_SIGNAL: int | None = getattr(signal, "SIGUSR1", None)
"""What makes a child write its stacks; Windows has none, there a timer in the child does it."""
PARENT = "@parent"
"""Key of the settings line that is for `child_settings` itself: what the parent tells beside the settings."""
GIVE_BACK_S = 60.0
BEAT_LINE = b"beat"
KEEP_WORD = b"keep "
KEPT_LIMIT = 64_000
"""Bytes of what a child may ask to be kept."""


def child_settings(
    on_parent_gone: Callable[[], None] | None = None, on_line: Callable[[bytes], None] | None = None
) -> dict[str, Any]:
    """In a child, first thing: the settings line; afterwards the parent is watched.

    `on_parent_gone` runs in the watching thread and may shut down in order; without it, or 3 s after
    it was called, the process ends at once. `on_line` gets every later line of stdin, in that same
    thread: commands, and secrets, that the parent writes to its child. An error in it ends the process.
    """
    _die_with_parent()
    _leave_traces()
    if threading.current_thread() is threading.main_thread():
        # Ctrl-C reaches the whole foreground group; the parent's end is what ends a child, in order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = _stdin_lines()
    line = next(lines, b"")
    if not line:
        raise SystemExit("no settings on stdin: this module is started by the console, not by hand")
    threading.Thread(
        target=_watch_stdin, args=(lines, on_parent_gone, on_line), name="parent-watch", daemon=True
    ).start()
    settings: dict[str, Any] = json.loads(line)
    _voice.listen(settings.pop(PARENT, {}))
    return settings


def beat() -> None:
    """From the main loop of a child, as often as it turns: what comes too soon is left out. Never blocks; for a
    child that nobody watches: nothing."""
    _voice.beat()


def give_back_memory(now_s: float) -> bool:
    """From the main loop of a child that lives for weeks, as often as it turns; works once a minute. True: done.

    What a burst needed (a backlog while the disk was slow) stays with glibc's allocator otherwise, in the arena of
    the thread that took it: 100 MB were seen to stay for good. A few milliseconds. Elsewhere than with glibc: nothing,
    Windows gives back by itself.
    """
    if now_s < _memory.next_s or _memory.trim is None:
        return False
    _memory.next_s = now_s + GIVE_BACK_S
    _memory.trim(0)
    return True


class _Memory:
    def __init__(self) -> None:
        self.next_s = 0.0
        self.trim: Callable[[int], int] | None = None
        if sys.platform == "linux":
            self.trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none


_memory = _Memory()


def keep(text: str) -> bool:
    """Give this to the parent, to be told again (`told()["kept"]`) after a crash. In its memory only, never on
    disk: it may hold what a person has typed. Main loop only, like `beat`; False: not taken now, ask again."""
    return _voice.keep(text)


def told() -> Mapping[str, Any]:
    """What the parent told beside the settings: `restarts`, and after a crash `kept`, `died_ns` and `hung`."""
    return _voice.told


class _Voice:
    """This process's voice to its parent: lines on stdout, which is a pipe where the parent listens."""

    def __init__(self) -> None:
        self.told: Mapping[str, Any] = {}
        self._waiting = b""
        self._next_s = 0.0
        self._timed_dump = DUMP_SIGNAL is None

    def listen(self, told: Mapping[str, Any]) -> None:
        self.told = told
        if self._heard and sys.platform != "win32":
            os.set_blocking(1, False)  # a parent that is stopped must not stop us

    @property
    def _heard(self) -> bool:
        return bool(self.told.get("listens"))

    def beat(self) -> None:
        now_s = time.monotonic()
        if not self._heard or now_s < self._next_s:
            return
        self._next_s = now_s + BEAT_S / 2
        if self._timed_dump:
            # Armed anew at each beat: it goes off when this loop has not come back for so long.
            faulthandler.dump_traceback_later(HUNG_DUMP_S)
        if not self._waiting:
            self._waiting = BEAT_LINE + b"\n"
        self._write()

    def keep(self, text: str) -> bool:
        line = KEEP_WORD + json.dumps(text).encode() + b"\n"
        if not self._heard or len(line) > KEPT_LIMIT or self._waiting:
            return False
        self._waiting = line
        self._write()
        return True

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):  # full, or our parent has just died: that is seen elsewhere
            self._waiting = self._waiting[os.write(1, self._waiting) :]


_voice = _Voice()


def _leave_traces() -> None:
    """Native faults and uncaught exceptions are written to stderr, that is, to this child's log."""
    faulthandler.enable()
    if DUMP_SIGNAL is not None:
        faulthandler.register(DUMP_SIGNAL)
    log = logging.getLogger(__name__)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit or args.exc_value is None:
            return
        name = args.thread.name if args.thread is not None else "?"
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        log.critical("unexpected error in thread %s", name, exc_info=found)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is None:
            return
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        log.critical("unexpected error that nobody could raise: %s", args.err_msg or args.object, exc_info=found)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def _stdin_lines() -> Iterator[bytes]:
    """Lines of stdin until its end. Not by `sys.stdin.buffer`: a daemon thread that is blocked in that holds
    its lock, and Python aborts (SIGABRT) when it finds that at the end of the process."""
    kept = b""
    while chunk := os.read(0, 65536):
        *lines, kept = (kept + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if kept:
        yield kept


def _watch_stdin(
    lines: Iterator[bytes], on_parent_gone: Callable[[], None] | None, on_line: Callable[[bytes], None] | None
) -> None:
    for line in lines:
        if on_line is not None:
            try:
                on_line(line)
            except BaseException:
                logging.getLogger(__name__).exception("a command of the parent could not be followed")
                os._exit(70)
    if on_parent_gone is None:
        os._exit(0)
    timer = threading.Timer(3.0, os._exit, args=(1,))
    timer.daemon = True
    timer.start()
    on_parent_gone()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start_child(
    module: str,
    settings: Mapping[str, Any],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    answers: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `python -m module` with its settings; keep the returned stdin open as long as it should live.

    Secrets may stand in `settings`: they travel through the pipe, never through argv or environment.
    `log` gets stderr (appended); without it the child shares ours.
    `answers`: its stdout is a pipe that the caller reads; otherwise it shares ours.
    """
    child = spawn_child(module, env=env, log=log, answers=answers)
    give_settings(child, settings)
    return child


def spawn_child(
    module: str, *, env: Mapping[str, str] | None = None, log: Path | None = None, answers: bool = False
) -> subprocess.Popen[bytes]:
    """The first half of `start_child`: the child loads its modules, then waits for its settings."""
    stderr = open(log, "ab") if log is not None else None  # noqa: SIM115  # owned by the child from here on
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if answers else None,
            stderr=stderr,
            env={**os.environ, **(env or {}), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    finally:
        if stderr is not None:
            stderr.close()


def give_settings(child: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> None:
    """The second half. One that died meanwhile is found dead by whoever waits for it, not here."""
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(settings).encode() + b"\n")
        child.stdin.flush()


def stop_child(child: subprocess.Popen[bytes], timeout_s: float = 4.0) -> int:
    """Close its stdin, wait, and kill it if it does not go. Returns its exit status."""
    if child.stdin is not None and not child.stdin.closed:
        try:
            child.stdin.close()
        except OSError:
            child.kill()
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait(timeout_s)


def tie_children_to_me() -> None:
    """Windows: a Job object that ends all children with this process, kill -9 included. Elsewhere nothing.

    Linux has the parent-death signal instead, set by each child in `child_settings`.
    """
    if sys.platform != "win32":
        return
    from ctypes import wintypes

    class _Basic(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        ]

    class _Extended(ctypes.Structure):
        _fields_ = [
            ("Basic", _Basic),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    job = kernel32.CreateJobObjectW(None, None)
    info = _Extended()
    info.Basic.LimitFlags = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    kernel32.SetInformationJobObject(job, 9, ctypes.byref(info), ctypes.sizeof(info))
    kernel32.AssignProcessToJobObject(job, kernel32.GetCurrentProcess())
