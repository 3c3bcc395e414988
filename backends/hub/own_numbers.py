"""The centre's own report numbers, and which report each of them is.

A log that begins anew, and one whose end the servers have lost, give numbers again. What is kept beside the log about
a report (who called) is therefore kept under its number and the epoch of the feed in which that number was given: a
later report of the same number has another key, whatever still lies in the files of some hub, or comes back from the
site's rows. Which number belongs to which epoch stands in the log. Pure.
"""

from __future__ import annotations

import msgspec

OWN = "TT-"
"""How the numbers of reports begin that the centre takes itself."""
NUMBERS = "own_numbers"
"""Remembered in the log: [first number, epoch], the oldest first."""
_DIGITS_MOST = 18


class OwnNumbers:
    """Which epoch gave which number."""

    def __init__(self) -> None:
        self._since: list[tuple[int, str]] = []

    def begin(self, remembered: str, highest: int, epoch: str) -> str:
        """Go on from what the log remembers, with the highest number that it has given; numbers from now on belong to
        `epoch`. Returns what it has to remember from now on; empty = nothing new.

        Numbers of a log that remembers nothing belong to none, and stay as they are."""
        self._since = msgspec.json.decode(remembered or "[]", type=list[tuple[int, str]])
        if self._since and self._since[-1][1] == epoch:
            return ""
        self._since.append((highest + 1, epoch))
        return msgspec.json.encode(self._since).decode()

    def key(self, report: str) -> str:
        """Under what the caller of a report is kept: `TT-0007@3f…`. A source's own report keeps its number."""
        digits = report.removeprefix(OWN)
        if digits == report or not digits.isascii() or not digits.isdigit() or len(digits) > _DIGITS_MOST:
            return report
        given = [epoch for first, epoch in self._since if first <= int(digits)]
        return f"{report}@{given[-1]}" if given else report
