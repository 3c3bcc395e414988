"""A real X display without a monitor: Xvfb with openbox, and real keys and clicks by xdotool."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


class Display:
    """What a hand does at this display."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.env = {"DISPLAY": name}

    def _do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env={**os.environ, **self.env}, check=True, timeout=10)

    def click(self, x: int, y: int) -> None:
        self._do("mousemove", str(x), str(y), "click", "1")

    def active(self) -> bool:
        """The window manager has made a window the active one: keys go somewhere."""
        asked = ["xdotool", "getactivewindow"]
        done = subprocess.run(asked, env={**os.environ, **self.env}, check=False, timeout=10, capture_output=True)
        return done.returncode == 0 and bool(done.stdout.strip())

    def key(self, name: str) -> None:
        self._do("key", name)


@contextmanager
def display(size: str = "1920x1080x24") -> Iterator[Display]:
    """Xvfb on a free number (it chooses and tells it), openbox on it; both end with the test."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    manager: subprocess.Popen[bytes] | None = None
    try:
        with os.fdopen(read) as told:
            name = f":{int(told.readline())}"
        manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, stderr=subprocess.DEVNULL)
        yield Display(name)
    finally:
        for process in (manager, server):
            if process is not None:
                process.terminate()
                process.wait(10)
