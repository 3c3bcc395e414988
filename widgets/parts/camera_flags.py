"""The health check's flags as words on a tile, most urgent first, with their age.

A picture that stands still or comes again is as grave as a lost one: it would look live. The others are said beside
the name. Must not: judge pictures, or paint.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.camera import PictureState, PictureStatus
from backends.domain.picture import FLAGS, PictureFlag
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import tr

GRAVE = frozenset({PictureFlag.FROZEN, PictureFlag.REPEATING})
_WITH_PICTURE = frozenset({PictureState.LIVE, PictureState.SLOW})


@dataclass(frozen=True)
class FlagSaid:
    """A flag that is up, as it is said now."""

    flag: PictureFlag
    age_s: int

    @property
    def words(self) -> str:
        return tr(f"picture.{self.flag}")

    @property
    def age(self) -> str:
        return fmt.countdown(self.age_s)

    @property
    def grave(self) -> bool:
        return self.flag in GRAVE


def flags_said(status: PictureStatus, mono_s: float) -> tuple[FlagSaid, ...]:
    """What to say of a picture that comes, most urgent first; nothing in states without one."""
    if status.state not in _WITH_PICTURE:
        return ()
    said = [FlagSaid(r.flag, max(0, int(mono_s - r.since_ns / NS_PER_S))) for r in status.raised]
    return tuple(sorted(said, key=lambda one: FLAGS.index(one.flag)))


def sayings(flags: tuple[FlagSaid, ...]) -> tuple[str, ...]:
    """Milder flags in one line, the longest first: all of them, the first with its age, the first alone."""
    mild = [one for one in flags if not one.grave]
    if not mild:
        return ()
    first, *others = mild
    whole = " · ".join((f"{first.words} {first.age}", *(one.words for one in others)))
    return tuple(dict.fromkeys((whole, f"{first.words} {first.age}", first.words)))
