"""How long recordings are kept and how much of the disk they may take: the oldest go first.

What somebody marked (a file `KEEP` in its folder) and what is being written never goes; when that alone is more than
the quota, it is said and nothing more can be done here. Touches only folders that are recordings by name and content,
and follows no links: the folder may hold other things. One thread.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from backends.domain.times import NS_PER_S
from backends.recording.topics import DATA

log = logging.getLogger(__name__)

KEEP = "KEEP"
_NAME = re.compile(r"(\d{8}T\d{6}Z)_[0-9a-f]{8}")
DAY_NS = 86_400 * NS_PER_S


class Limits(msgspec.Struct, frozen=True):
    """A city's to choose."""

    quota_bytes: int = 200 << 30
    """Two days of 16 cameras at 600 kbit/s are 200 GB."""
    days: float = 30.0


class Kept(msgspec.Struct, frozen=True):
    """One recording on the disk."""

    name: str
    t_start_ns: int
    """From its name; UTC."""
    size: int
    marked: bool


def recordings(folder: Path) -> list[Kept]:
    """All of a folder, oldest first. Raises OSError where the folder itself cannot be read."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _NAME.fullmatch(path.name)
        if match is None or path.is_symlink() or not (path / DATA).is_file():
            continue
        try:
            begun = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            size = sum(file.lstat().st_size for file in path.iterdir())
        except (OSError, ValueError) as error:
            log.warning("recording %s: %s", path.name, error)
            continue
        found.append(Kept(path.name, int(begun.timestamp()) * NS_PER_S, size, (path / KEEP).exists()))
    return found


def retain(folder: Path, limits: Limits, now_ns: int, writing: Collection[str] = ()) -> list[str]:
    """Takes away what is too old or too much; names of what went. Raises nothing: a recording that cannot be taken away
    is said and stays."""
    try:
        kept = recordings(folder)
    except OSError as error:
        log.warning("recordings in %s: %s", folder, error)
        return []
    total = sum(one.size for one in kept)
    gone = []
    for one in kept:
        old = now_ns - one.t_start_ns > limits.days * DAY_NS
        if one.marked or one.name in writing or not (old or total > limits.quota_bytes):
            continue
        try:
            shutil.rmtree(folder / one.name)
        except OSError as error:
            log.warning("recording %s cannot be taken away: %s", one.name, error)
            continue
        log.info("recording %s: taken away, %s", one.name, "too old" if old else "more than the quota")
        total -= one.size
        gone.append(one.name)
    if total > limits.quota_bytes:
        log.warning("recordings take %d MB, over their quota; what is left is marked or being written", total >> 20)
    return gone
