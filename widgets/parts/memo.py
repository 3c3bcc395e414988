"""What is looked at each second and seldom changes: made again only when what it is made of has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """By name, the last result and what it was made of. GUI thread only."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Any]] = {}

    def of(self, name: str, made_of: object, make: Callable[[], T]) -> T:
        """`made_of`: all that `make` reads, or numbers that move with it; compared with the last one's."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != made_of:
            kept = self._kept[name] = made_of, make()
        made: T = kept[1]
        return made
