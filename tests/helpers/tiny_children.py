"""Real child processes for the supervisor's tests: `python -m helpers.tiny_children`, behaviour by settings.

Settings: `file` gets the pid at each start (one line each); `exit` = leave at once with that status;
`exit_after_line` = leave with status 0 when the file `go` appears; `way` = a file whose content, once it is
there, says how to die (a word of WAYS) and is taken away; `keep` = text to be kept, `told` = a file that gets
what the parent told; `timed_dump` = seconds after which a hung loop has its stacks written by a timer of its own,
as on Windows. Otherwise stay until the parent is gone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from backends import process
from backends.process import beat, child_settings, keep, told

UNTIL_KILLED = threading.Event()


def hang_in_here() -> None:
    """The name that a dump of stacks must show."""
    UNTIL_KILLED.wait()


def raise_something() -> None:
    raise RuntimeError("a fault of the child")


def abort_in_library() -> None:
    ctypes.CDLL(None).abort()


WAYS: dict[str, Callable[[], object]] = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segv": lambda: ctypes.string_at(0),
    "abort": abort_in_library,
    "exit": lambda: os._exit(41),
    "raise": raise_something,
    "hang": hang_in_here,
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


def main() -> int:
    gone = threading.Event()
    settings = child_settings(on_parent_gone=gone.set)
    with open(settings["file"], "a", encoding="ascii") as log:
        log.write(f"{os.getpid()}\n")
    if "exit" in settings:
        return int(settings["exit"])
    if "told" in settings:
        Path(settings["told"]).write_text(json.dumps(dict(told())), encoding="utf-8")
    if "timed_dump" in settings:
        process.HUNG_DUMP_S = settings["timed_dump"]
        process._voice._timed_dump = True
    go = Path(settings["go"]) if "go" in settings else None
    way = Path(settings["way"]) if "way" in settings else None
    kept = "keep" not in settings
    while not gone.wait(0.02):
        beat()
        kept = kept or keep(settings["keep"])
        if go is not None and go.exists():
            return 0
        if way is not None and way.exists():
            word = way.read_text(encoding="ascii")
            way.unlink()
            WAYS[word]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
