"""Starts the GUI process before anything else is loaded, so that it loads its modules while we load ours.

Only where windows have been shown before: then the way to the first paint is what a person waits for. The
process waits for its settings on stdin, and ends by itself when they never come (a mistake on the command
line, say). Must not: import anything that takes time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from backends.process import spawn_child


def warm_gui(data_dir: Path) -> subprocess.Popen[bytes] | None:
    """The waiting process; None where there is no stored state, or on Windows.

    There children must be started after the Job object that ends them with us (`tie_children_to_me`).
    """
    logs = data_dir / "logs"
    if sys.platform == "win32" or not (data_dir / "ops.db").exists() or not logs.is_dir():
        return None
    return spawn_child("console.gui", log=logs / "gui.log", answers=True)  # its beats (see console.watchdog)
