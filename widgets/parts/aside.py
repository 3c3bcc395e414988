"""Work beside the GUI's thread: pictures that are decoded, figures that are reckoned. What comes of it goes into a
queue that the GUI's thread looks at.

A thread of Python's, not a QThreadPool: Qt waits for its pool when the pool's parent is deleted, with the GIL held
where Python has asked for the deletion, while the job waits for the GIL. A page that is closed while its figures are
reckoned then stands for ever, and the program with it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)


class Aside:
    """One thread while there is something to do, one job after the other. Needs no end: whoever had it may be deleted
    meanwhile, so a job must not touch a widget."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._runs = False

    def start(self, work: Callable[[], None]) -> None:
        """When its turn comes. GUI thread."""
        with self._lock:
            self._jobs.append(work)
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._runs = False
                    return
                work = self._jobs.popleft()
            try:
                work()
            except Exception:
                log.exception("%s: work beside the GUI's thread failed", self._name)
