"""Named shared memory that is allocated in full when it is made.

Plain files of /dev/shm (Linux) and named mappings (Windows), not `multiprocessing.shared_memory`: on
Python < 3.13 every process that only attaches registers with a resource tracker, which then unlinks the
segment when that process ends. Memory goes with the last reference to it: nobody calls close, so that no
view of a picture can be left pointing nowhere.

Must not: know what the bytes mean (that is `frames`).
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
import secrets
import shutil
import sys
from pathlib import Path

log = logging.getLogger(__name__)

SHM = Path("/dev/shm")
"""Where Linux keeps POSIX shared memory (shm_overview(7))."""
PREFIX = "ioc-pic-"


class NoPictureMemory(Exception):
    """There is not room enough for a picture; the words say how much is missing and where."""


def attach(name: str) -> mmap.mmap:
    """The whole segment, writable. Raises FileNotFoundError when it has gone."""
    if "/" in name or "\\" in name or not name.startswith(PREFIX):
        raise FileNotFoundError(errno.ENOENT, "not a picture segment", name)
    if sys.platform == "win32":
        name, _, size = name.rpartition(".")
        return mmap.mmap(-1, int(size), tagname=name)
    fd = os.open(SHM / name, os.O_RDWR | os.O_CLOEXEC)
    try:
        return mmap.mmap(fd, 0)
    finally:
        os.close(fd)


class Segments:
    """The segments of one supervisor. Made and removed by the broker's threads under its lock.

    A lock file, held for as long as this process lives, tells the next start whose segments are left
    over: a process that was killed with -9 cannot tidy up, and a process id may be used again.
    """

    def __init__(self) -> None:
        self.run = f"{PREFIX}{os.getpid():x}{secrets.token_hex(3)}"
        self._held: dict[str, mmap.mmap] = {}
        self._lock_fd = -1
        if sys.platform != "win32":
            import fcntl

            remove_leftovers()
            self._lock_fd = os.open(SHM / f"{self.run}.lock", os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def create(self, number: int, size: int) -> tuple[str, mmap.mmap]:
        """A new zeroed segment of `size` bytes and its name. Raises NoPictureMemory."""
        name = f"{self.run}-{number}"
        if sys.platform == "win32":
            # A named mapping is there as long as somebody holds it; its size travels in the name.
            self._held[f"{name}.{size}"] = mmap.mmap(-1, size, tagname=name)
            return f"{name}.{size}", self._held[f"{name}.{size}"]
        fd = os.open(SHM / name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            # Without this a full /dev/shm (64 MB in many containers) ends the writer with SIGBUS later.
            os.posix_fallocate(fd, 0, size)
            memory = mmap.mmap(fd, size)
        except OSError as error:
            os.unlink(SHM / name)
            raise NoPictureMemory(
                f"no shared memory for a picture: {size / 1e6:.0f} MB wanted, {free_bytes() / 1e6:.0f} MB free "
                f"in {SHM} ({os.strerror(error.errno or 0)})"
            ) from error
        finally:
            os.close(fd)
        self._held[name] = memory
        return name, memory

    def remove(self, name: str) -> None:
        """Take the name away; the memory goes when the last process lets go of it."""
        if self._held.pop(name, None) is not None and sys.platform != "win32":
            (SHM / name).unlink(missing_ok=True)

    def close(self) -> None:
        for name in list(self._held):
            self.remove(name)
        if self._lock_fd >= 0:
            (SHM / f"{self.run}.lock").unlink(missing_ok=True)
            os.close(self._lock_fd)
            self._lock_fd = -1


def free_bytes() -> int:
    """What shared memory still has to give; where the system does not say, a very large number."""
    if sys.platform == "win32" or not SHM.is_dir():
        return 1 << 62
    return shutil.disk_usage(SHM).free


def remove_leftovers() -> list[str]:
    """Remove segments whose supervisor is dead; returns their names. Those of the living stay."""
    if sys.platform == "win32":
        return []
    import fcntl

    removed = []
    for lock in SHM.glob(f"{PREFIX}*.lock"):
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # another user's, or just gone
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # its supervisor lives
        else:
            for path in [*SHM.glob(f"{lock.stem}-*"), lock]:
                path.unlink(missing_ok=True)
                removed.append(path.name)
        finally:
            os.close(fd)
    if removed:
        log.info("removed %d shared-memory files of a console that was killed", len(removed))
    return removed
