"""What a check is, and how one is written: a function over a Room under a name, with the sentence that it proves."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backends.conform.room import Room

Body = Callable[[Room], str]
"""Makes the check; returns what was seen, in words. Raises Failed or Skipped."""


class Check(msgspec.Struct, frozen=True):
    """One promise of docs/protocol.md."""

    name: str
    promise: str
    run: Body


class Checks:
    """The checks of one module, in the order in which they are written."""

    def __init__(self) -> None:
        self.all: list[Check] = []

    def check(self, name: str, promise: str) -> Callable[[Body], Body]:
        """Decorator."""

        def register(body: Body) -> Body:
            self.all.append(Check(name, promise, body))
            return body

        return register
