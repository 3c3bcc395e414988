"""What the probe gives up before it looks at anything: it decodes what strangers send.

The same as a decoder worker (`video.sandbox`), but that it may write its reference views; and it yields the processor
to everything else. Must not: fail where a system does not offer a thing.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import psutil

from backends.video.sandbox import confine

log = logging.getLogger(__name__)

NICE = 10


def reduce_rights(folder: Path) -> None:
    """Once, before the first thread that looks at a camera: parts of it hold for threads that start later."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    os.nice(NICE)
    parts = confine((str(folder),))
    missing = "; ".join(f"{part.name}: {part.why}" for part in parts if not part.holds)
    if missing and sys.platform == "linux":
        log.warning("reduced rights that do not hold: %s", missing)
