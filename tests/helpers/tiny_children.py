"""Real child processes for the supervisor's tests: `python -m helpers.tiny_children`, behaviour by settings.

Settings: `file` gets the pid at each start (one line each); `exit` = leave at once with that status;
`exit_after_line` = leave with status 0 when the file `go` appears; otherwise stay until the parent is gone.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from backends.process import child_settings


def main() -> int:
    gone = threading.Event()
    settings = child_settings(on_parent_gone=gone.set)
    with open(settings["file"], "a", encoding="ascii") as log:
        log.write(f"{os.getpid()}\n")
    if "exit" in settings:
        return int(settings["exit"])
    go = Path(settings["go"]) if "go" in settings else None
    while not gone.wait(0.02):
        if go is not None and go.exists():
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
