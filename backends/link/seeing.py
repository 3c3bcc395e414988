"""When SEES is due: how the cameras on this station's screens are, told to the hub; and how its loudspeaker is.

Pure; used by the link thread. What a screen has not confirmed for OLD_S is not said any more: a screen that hangs must
not vouch for its pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.domain.camera import Sight
from backends.domain.people import Speaker
from backends.protocol.messages import SHOWS_MOST, Sees

CHANGED_S = 3.0
"""Between two SEES at the least."""
REPEATED_S = 10.0
OLD_S = 12.0
"""Screens say it every 3 s (`widgets.parts.sight_teller`)."""
SOUND_OLD_S = 6.0
"""Screens say every 2 s how their loudspeaker is (`widgets.sound`)."""


class Seeing:
    """Newest wins."""

    def __init__(self) -> None:
        self._sights: tuple[Sight, ...] = ()
        self._told_s = float("-inf")
        self._sent: tuple[Sight, ...] = ()
        self._sent_s = float("-inf")

    def tell(self, sights: Sequence[Sight], now_s: float) -> None:
        """All that the screens see now."""
        self._sights = tuple(sorted(sights, key=lambda one: one.camera))[:SHOWS_MOST]
        self._told_s = now_s

    def due(self, now_s: float) -> Sees | None:
        """What to send now."""
        sights = self._sights if now_s - self._told_s <= OLD_S else ()
        since_s = now_s - self._sent_s
        if since_s < CHANGED_S or (sights == self._sent and (not sights or since_s < REPEATED_S)):
            return None
        return Sees(sights)

    def sent(self, sees: Sees, now_s: float) -> None:
        self._sent, self._sent_s = sees.cameras, now_s

    def connection_lost(self) -> None:
        """Perhaps to another hub, which knows nothing."""
        self._sent, self._sent_s = (), float("-inf")


class Sounding:
    """This station's loudspeaker, as its screen said last. A screen that hangs must not vouch for its sound."""

    def __init__(self) -> None:
        self._speaker: Speaker | None = None
        self._told_s = float("-inf")

    def tell(self, speaker: Speaker | None, now_s: float) -> None:
        """Screens say it at each change, and every few seconds."""
        self._speaker, self._told_s = speaker, now_s

    def current(self, now_s: float) -> Speaker | None:
        return self._speaker if now_s - self._told_s <= SOUND_OLD_S else None
