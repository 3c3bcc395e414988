"""Work beside the GUI thread: pictures are decoded and encoded, figures reckoned. Must not: touch widgets or records.

No part has a pool of its own. A pool that goes with its widget waits until its work is done; where that widget has
an `event` in Python, it waits with the GIL in hand that the work needs, and the screen stands for ever (PySide6 6.11:
a page that was closed while it reckoned).
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QThreadPool

AT_ONCE = 2
"""Threads; more would only take the GIL from the GUI thread more often."""


def aside(work: Callable[[], object]) -> None:
    """Soon, in a thread of the process's own pool. It may be done when whoever asked is gone: let `work` know nothing
    but what it needs, and put what comes out into a queue. GUI thread."""
    pool = QThreadPool.globalInstance()
    pool.setMaxThreadCount(AT_ONCE)
    pool.start(work)
