"""Camera, tile and monitor as numbers typed on a keyboard: "12", "12 > 3", "12 > 3 > 2". Pure.

A keypad has no ">": a full stop, a comma, a slash or a space do the same.
"""

from __future__ import annotations

from dataclasses import dataclass

PARTS = 3
"""Camera, tile, monitor."""
DIGITS = 6
"""Of one number."""
NEXT = ">.,/ "
"""Each of them begins the next number."""
SIGN = " > "


@dataclass(frozen=True)
class Typed:
    """What has been typed so far."""

    parts: tuple[str, ...] = ()
    """Digits of each number; the last may be empty: it has been begun."""

    def add(self, char: str) -> Typed:
        """With one character more; one that means nothing here changes nothing."""
        if char.isascii() and char.isdigit():
            *done, last = self.parts or ("",)
            return Typed((*done, last + char)) if len(last) < DIGITS else self
        if char and char in NEXT and self.parts and self.parts[-1] and len(self.parts) < PARTS:
            return Typed((*self.parts, ""))
        return self

    def shorter(self) -> Typed:
        """Without the last character."""
        if not self.parts:
            return self
        *done, last = self.parts
        if last:
            return Typed((*done, last[:-1])) if done or last[:-1] else Typed()
        return Typed(tuple(done))

    @property
    def words(self) -> str:
        """As a person reads it: "12 > 3"."""
        return SIGN.join(self.parts).rstrip() if self.parts[-1:] != ("",) else SIGN.join(self.parts)

    @property
    def camera(self) -> str:
        return self.parts[0] if self.parts else ""

    @property
    def tile(self) -> int | None:
        """None: the chosen one."""
        return _number(self.parts, 1)

    @property
    def monitor(self) -> int | None:
        """None: this one."""
        return _number(self.parts, 2)


def _number(parts: tuple[str, ...], place: int) -> int | None:
    return int(parts[place]) if len(parts) > place and parts[place] else None


def same_number(number: str, typed: str) -> bool:
    """ "12" says camera "012"."""
    return number == typed or (number.isdecimal() and number.lstrip("0") == typed.lstrip("0"))
