"""Questions to the hub that are sent again, with back-off, until they are answered or given up.

Pure. Each has a number of its own, which the answer repeats; a late or repeated answer finds no question
any more and is dropped. Must not: keep a message longer than its question (a SIGNIN carries a secret).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class _Question(msgspec.Struct):
    message: Any
    """One of the protocol's messages."""
    send_at_s: float
    pause_s: float
    most_s: float
    until_s: float

    def __repr__(self) -> str:
        return f"_Question({type(self.message).__name__})"


class Asking:
    """Questions of one kind. Used by the link thread only."""

    def __init__(self, first_s: float, most_s: float, *, lives_s: float = float("inf"), limit: int = 200) -> None:
        """Sent again after `first_s`, doubling to `most_s`; given up after `lives_s`; the oldest beyond `limit` go."""
        self._first_s, self._most_s, self._lives_s, self._limit = first_s, most_s, lives_s, limit
        self._open: dict[int, _Question] = {}

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, number: int, message: Any, now_s: float = 0.0) -> list[int]:
        """Take a question. Returns the numbers that had to be forgotten for it."""
        self._open[number] = _Question(message, 0.0, self._first_s, self._most_s, now_s + self._lives_s)
        gone = list(self._open)[: max(0, len(self._open) - self._limit)]
        for old in gone:
            del self._open[old]
        return gone

    def answered(self, number: int) -> bool:
        """Its answer has come. False: nobody waits for it any more."""
        return self._open.pop(number, None) is not None

    def connection_lost(self) -> None:
        """What was sent will not be answered: all of it is sent again at once."""
        for question in self._open.values():
            question.send_at_s, question.pause_s = 0.0, self._first_s

    def due(self, now_s: float) -> Iterator[tuple[int, Any]]:
        """What to send now, oldest first; `sent` confirms each."""
        for number, question in list(self._open.items()):
            if now_s >= question.send_at_s:
                yield number, question.message

    def sent(self, number: int, now_s: float) -> None:
        question = self._open[number]
        question.send_at_s = now_s + question.pause_s
        question.pause_s = min(question.most_s, question.pause_s * 2)

    def given_up(self, now_s: float) -> list[int]:
        """Numbers of those that nobody answered in their time; they are forgotten here."""
        late = [number for number, question in self._open.items() if now_s > question.until_s]
        for number in late:
            del self._open[number]
        return late
