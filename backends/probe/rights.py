"""What the probe gives up before it looks at anything: it decodes what strangers send.

Linux: no new rights by any program it could start, no core dump (it would hold passwords), bounds for memory, files
and open handles; and it yields the processor to everything else. Windows: a low priority. Must not: fail where a
system does not offer a thing.
"""

from __future__ import annotations

import contextlib
import os
import sys

import psutil

MEMORY = 2 << 30
"""Bytes of private memory. Eight pictures of 36 MP with what their decoders keep take 1.2 GB."""
FILE = 4 << 20
"""Bytes of a file; references and a pinned certificate take 100 kB."""
HANDLES = 256
NICE = 10
_PR_SET_NO_NEW_PRIVS = 38


def reduce_rights() -> None:
    """Once, before the first camera."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        return
    import resource

    os.nice(NICE)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_NOFILE, HANDLES),
    ):
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.getrlimit(kind)
            wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (wanted, wanted))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
