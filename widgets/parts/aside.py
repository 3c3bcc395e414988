"""Work beside the GUI's thread: pictures that are decoded, figures that are reckoned. What comes of it goes into a
queue that the GUI's thread looks at.

A thread of Python's, not a QThreadPool: Qt waits for its pool when the pool's parent is deleted, with the GIL held
where Python has asked for the deletion, while the job waits for the GIL. A page that is closed while its figures are
reckoned then stands for ever, and the program with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)


class Aside:
    """One thread, one job after the other. Needs no end: when nobody has it any more, the thread goes after its last
    job; whoever had it may be deleted meanwhile, so a job must not touch a widget."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def start(self, work: Callable[[], None]) -> None:
        """When its turn comes. GUI thread."""
        self._thread.submit(_said, work)


def _said(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        log.exception("work beside the GUI's thread failed")
