"""Crash reports: each abnormal end of a child becomes one JSON file in DATA_DIR/crashes, 50 at most.

Written by a thread of its own, because a disk that hangs must not stop the watch. A report holds how the
child ended, what it last said (its log, native stacks, the exception), the newest events, and versions. It
never holds settings; what of them is a secret is also taken out of everything else, should a child have
printed it. Must not: import Qt, PyAV or anything else that could take the supervisor down.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import queue
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from console.events import last_events
from console.settings import write_whole

_log = logging.getLogger(__name__)

FOLDER = "crashes"
KEPT = 50
EVENTS = 100
LOG_LINES = 80
_LOG_BYTES = 64_000
_STACK_LINES = 200
_HIDDEN = "[hidden]"
_SECRET_NAME = re.compile(r"key|secret|passw|token|pin\b|credential", re.IGNORECASE)
_NOT_SECRET_NAME = re.compile(r"(_dir|_file|_id)$|^public|^server_key$", re.IGNORECASE)
_SHORTEST_SECRET = 4
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@\"']+:[^/\s@\"']+(?=@)")


@dataclass(frozen=True)
class Ending:
    """An abnormal end, as whoever started the child saw it."""

    child: str
    pid: int
    rc: int
    """As `Popen.returncode`: negative = the signal."""
    uptime_s: float
    hung: bool = False
    """It gave no sign and was killed."""
    restarts: int = 0
    log: Path | None = None
    log_from: int = 0
    """Where in the log this life begins."""
    secrets: frozenset[str] = frozenset()
    """To be taken out of every text."""


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file. Readers must bear further fields."""

    id: str
    t_ns: int
    child: str
    pid: int
    how: str
    """In words: "signal SIGSEGV", "exit status 1", "no sign of life for 15 s, killed"."""
    rc: int
    uptime_s: float
    version: int = 1
    signal: str = ""
    hung: bool = False
    restarts: int = 0
    error: str = ""
    """The last exception that it wrote, with its stack."""
    stacks: str = ""
    """What faulthandler wrote."""
    log: tuple[str, ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    versions: dict[str, str] = {}


class CrashReports:
    """Takes endings from any thread, writes them in its own. A service of the supervisor."""

    def __init__(self, data_dir: Path, events: Iterable[Path] = ()) -> None:
        """`events`: logs to take the newest events from; the first that has any."""
        self.folder = data_dir / FOLDER
        self._events = tuple(events)
        self._queue: queue.SimpleQueue[Ending | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="crash reports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(5.0)

    def ended(self, ending: Ending) -> None:
        """Returns at once."""
        self._queue.put(ending)

    def _run(self) -> None:
        while (ending := self._queue.get()) is not None:
            try:
                write_report(self.folder, self._report(ending))
            except OSError as error:
                _log.warning("the crash report of %s cannot be written: %s", ending.child, error)
            except Exception:  # noqa: BLE001  # a bug in here must not cost the reports that follow
                _log.exception("the crash report of %s could not be made", ending.child)

    def _report(self, ending: Ending) -> Report:
        events: list[dict[str, Any]] = []
        for path in self._events:
            events = events or last_events(path, EVENTS)
        return make_report(ending, events, time.time_ns())


def make_report(ending: Ending, events: Iterable[Mapping[str, Any]], t_ns: int) -> Report:
    """What will be written: read from the child's log, and cleaned."""
    text = hide(_log_text(ending), ending.secrets)
    stacks = native_stacks(text)
    # A dump of thirty threads would push out what the child itself said before it.
    said = [line for line in text.splitlines() if not (stacks and _STACK_LINE.match(line))]
    return Report(
        id=f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(t_ns / 1e9))}-{t_ns // 1_000_000 % 1000:03}-{ending.child}",
        t_ns=t_ns,
        child=ending.child,
        pid=ending.pid,
        how=how_it_ended(ending),
        rc=ending.rc,
        signal=_signal_name(ending.rc),
        hung=ending.hung,
        uptime_s=round(ending.uptime_s, 3),
        restarts=ending.restarts,
        error=last_traceback(text),
        stacks=stacks,
        log=tuple(said[-LOG_LINES:]),
        events=tuple(msgspec.json.decode(hide(msgspec.json.encode(list(events)).decode(), ending.secrets))),
        versions=versions(),
    )


def how_it_ended(ending: Ending) -> str:
    """For people, in English as all logs are."""
    if ending.hung:
        return "no sign of life, killed"
    name = _signal_name(ending.rc)
    return f"signal {name}" if name else f"exit status {ending.rc}"


def _signal_name(rc: int) -> str:
    if rc >= 0:
        return ""
    try:
        return signal.Signals(-rc).name
    except ValueError:
        return str(-rc)


def _log_text(ending: Ending) -> str:
    if ending.log is None:
        return ""
    try:
        with ending.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = ending.log_from if ending.log_from <= size else 0
            file.seek(max(begin, size - _LOG_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_traceback(text: str) -> str:
    """The last exception in a log, from "Traceback" to its own line."""
    at = text.rfind("Traceback (most recent call last):")
    if at < 0:
        return ""
    lines = text[at:].splitlines()
    end = next((n for n, line in enumerate(lines[1:], 1) if line and not line.startswith(" ")), len(lines) - 1)
    return "\n".join(lines[: end + 1][-_STACK_LINES:])


_STACK_LINE = re.compile(r"^(Fatal Python error|Windows fatal|Current thread|Thread 0x|Timeout \(|  File |  \.\.\.)")


def native_stacks(text: str) -> str:
    """The last of what faulthandler wrote: every line of a dump begins in one of a few ways."""
    lines = text.splitlines()
    begin = max((n for n, line in enumerate(lines) if line.startswith("Fatal Python error")), default=-1)
    kept = lines[begin + 1 :] if begin >= 0 else lines
    stacks = [line for line in kept if _STACK_LINE.match(line)]
    # Lines of an ordinary traceback look the same: without a thread's head it is none of ours.
    if not any(line.startswith(("Current thread", "Thread 0x")) for line in stacks):
        stacks = []
    head = [lines[begin]] if begin >= 0 else []
    return "\n".join([*head, *stacks[-_STACK_LINES:]])


def secrets_in(settings: Any, name: str = "") -> frozenset[str]:
    """Values of settings whose names say that they are secret, at any depth."""
    if isinstance(settings, Mapping):
        return frozenset().union(*(secrets_in(value, str(key)) for key, value in settings.items()))
    if isinstance(settings, list | tuple):
        return frozenset().union(*(secrets_in(value, name) for value in settings))
    told = _SECRET_NAME.search(name) and not _NOT_SECRET_NAME.search(name)
    if isinstance(settings, str) and told and len(settings) >= _SHORTEST_SECRET:
        return frozenset((settings,))
    return frozenset()


def hide(text: str, secrets: frozenset[str]) -> str:
    """`text` without the secrets, whole or as JSON writes them, and without users and passwords in addresses."""
    for secret in sorted(secrets, key=len, reverse=True):
        plain, escaped = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (False, True))
        for form in {secret, plain, escaped, repr(secret)[1:-1]}:
            text = text.replace(form, _HIDDEN)
    return _IN_ADDRESS.sub(_HIDDEN, text)


_versions: dict[str, str] = {}


def versions() -> dict[str, str]:
    """Of what may be to blame. From the packages' own lists: nothing is loaded for it."""
    if not _versions:
        import zmq  # takes 30 ms to load, which a start need not wait for

        _versions.update(
            console=_package("ioc-console"),
            python=platform.python_version(),
            qt=_package("PySide6_Essentials"),
            sqlite=sqlite3.sqlite_version,
            libzmq=zmq.zmq_version(),
            ffmpeg=f"PyAV {_package('av')} ({_codec_library()})",
            system=platform.platform(),
        )
    return dict(_versions)


def _package(name: str) -> str:
    from importlib import metadata  # with all of email: for the report of a crash alone

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _codec_library() -> str:
    """The FFmpeg that PyAV's wheel carries, by the name of its file."""
    from importlib import metadata

    try:
        files = metadata.files("av") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if found := re.search(r"(?:lib)?avcodec(?:-[0-9a-f]+\.so\.([\d.]+)|-(\d+)[-.\w]*\.dll)", file.name):
            return f"libavcodec {found[1] or found[2]}"
    return "the system's FFmpeg"


# -- the files -----------------------------------------------------------------------------------------------


def write_report(folder: Path, report: Report) -> Path:
    """Whole or not at all; the oldest go beyond KEPT. Raises OSError."""
    path = folder / f"{report.id}.json"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{report.id}-{number}.json"
    write_whole(path, msgspec.json.format(msgspec.json.encode(report), indent=1))
    for old in report_files(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def report_files(folder: Path) -> list[Path]:
    """Newest first: their names begin with the time."""
    try:
        return sorted(folder.glob("[0-9]*.json"), reverse=True)
    except OSError:
        return []


def read_report(path: Path) -> Report | None:
    """None for a file that is no report (any more)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None


def child_of(path: Path) -> str:
    """The child's name, from the file's name alone."""
    return "-".join(re.sub(r"-\d+$", "", path.stem).split("-")[3:])
