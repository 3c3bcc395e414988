"""The supervisor's account of its children: a file in the data folder, written whole at each change.

The GUI reads it (a part that is given up must be on the screen), and `ioc-console restart` asks through a
second file beside it. No Qt.
"""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from console.settings import write_whole

_log = logging.getLogger(__name__)

STATUS_FILE = "supervisor.json"
ASK_FILE = "restart.ask"


class Phase(enum.StrEnum):
    """Where a child stands; the words of the status file."""

    WAITING = "waiting"
    """Not started yet: what it needs is not ready."""
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    """Died; will be started again after its delay."""
    GIVEN_UP = "given_up"
    """Died too often, or says that it cannot work here."""
    ENDED = "ended"


class ChildStatus(msgspec.Struct, frozen=True):
    """One child in the status file."""

    name: str
    phase: str
    pid: int = 0
    restarts: int = 0
    """Since the start."""
    reason: str = ""
    """Why it was given up."""


class Status(msgspec.Struct, frozen=True):
    """The status file."""

    t_ns: int
    children: tuple[ChildStatus, ...]


def write_status(path: Path, children: Iterable[ChildStatus]) -> None:
    """Never raises: a full disk must not stop the watch."""
    try:
        write_whole(path, msgspec.json.encode(Status(time.time_ns(), tuple(children))))
    except OSError as error:
        _log.warning("the status file cannot be written: %s", error)


def read_status(path: Path) -> Status | None:
    """None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def ask_restart(data_dir: Path, names: Iterable[str] = ()) -> None:
    """Ask the supervisor of this folder to start given-up children again; no names = all. Raises OSError."""
    write_whole(data_dir / ASK_FILE, msgspec.json.encode(tuple(names)))


def take_asked(data_dir: Path) -> tuple[str, ...] | None:
    """What a person asked for since the last look: names, () = all, None = nothing. Never raises."""
    path = data_dir / ASK_FILE
    try:
        if not path.exists():
            return None
        raw = path.read_bytes()
        path.unlink()
        return msgspec.json.decode(raw, type=tuple[str, ...])
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("a wish to restart could not be read: %s", error)
        return None
