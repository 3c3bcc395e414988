"""Turning a camera: the lease that the hub gives, what a hand asks of it, and what a station tells its screens.

A camera turns for one person at a time. `rank` says who may take it from whom; the clocks of the hub and the station
say when it is over. Must not: know ONVIF, or how a wish comes to the camera.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.domain.access import Right, may
from backends.domain.device import Preset
from backends.domain.people import Role

LEASE_S = 30.0
"""A lease that nobody renews is over then."""


class Turner(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who turns a camera now."""

    operator_id: str
    name: str
    role: Role
    station: str
    since_ns: int
    patrol: bool = False
    """No hand is on it, presets follow each other: whoever may turn it may take it."""

    def is_at(self, operator_id: str, station: str) -> bool:
        return (self.operator_id, self.station) == (operator_id, station)


def rank(role: Role, *, patrol: bool) -> int:
    """A higher one takes a camera over, an equal one does not. 0: a patrol, which yields to every hand."""
    if patrol or not may(role, Right.TURN_CAMERA):
        return 0
    return 2 if role is Role.SHIFT_LEAD else 1


class TurnAct(StrEnum):
    """What a person asks of a camera that turns."""

    TAKE = "take"
    GIVE_BACK = "give_back"
    MOVE = "move"
    """At a speed, for MOVE_S from now: said again and again for as long as a hand holds it."""
    GO_TO = "go_to"
    KEEP = "keep"
    """The present view becomes a preset."""
    PATROL = "patrol"
    """One preset after the other, until somebody takes the camera or this person ends it."""
    TOUR = "tour"
    """A tour has come to the camera and sends it to its one stop, with nobody's hand on it; without a stop the tour
    leaves it. Touches nothing that a hand or another tour at this station has."""


MOVE_S = 1.0
"""A move that is not said again within this time has lost its hand: the station stops the camera."""


class PatrolStop(msgspec.Struct, frozen=True):
    """One view of a patrol."""

    preset: str
    """Its name, or its token."""
    dwell_s: float


class TurnWish(msgspec.Struct, frozen=True, omit_defaults=True):
    """One wish; of moves only the newest counts."""

    camera_id: str
    act: TurnAct
    pan: float = 0.0
    """-1 (left) to 1."""
    tilt: float = 0.0
    """-1 (down) to 1."""
    zoom: float = 0.0
    """-1 (wide) to 1."""
    preset: str = ""
    """Token."""
    name: str = ""
    """Of a preset that is kept, 1 to 60 characters."""
    stops: tuple[PatrolStop, ...] = ()
    number: int = 0
    """Which time of taking the camera it belongs to: later ones are greater, over all screens of one machine."""

    @property
    def begins(self) -> bool:
        """It asks for a camera that is not turned from here yet."""
        return self.act in (TurnAct.TAKE, TurnAct.PATROL) or (self.act is TurnAct.TOUR and bool(self.stops))

    @property
    def ends(self) -> bool:
        return self.act is TurnAct.GIVE_BACK or (self.act is TurnAct.TOUR and not self.stops)


class TurnStage(StrEnum):
    """How a camera stands at this station."""

    ASKING = "asking"
    TURNING = "turning"
    ENDED = "ended"
    """Over, or never begun: `code` says why."""


class TurnStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a screen shows of a camera that is turned from here."""

    camera_id: str
    stage: TurnStage
    code: str = ""
    """Of an end: "given_back", "idle", "taken" (by `holder`), "held" (`holder` has it), "over", "offline_over",
    "offline_unknown", "screen_gone", "session_over", "no_answer", "no_feeder", "trouble" (`text`); of the rights:
    "not_allowed", "nobody_signed_in", "locked"; of the hub: "unknown", "not_kept"."""
    holder: str = ""
    text: str = ""
    """What the camera or the network says is wrong, in words; also while it goes on."""
    offline: bool = False
    """Without the hub: nobody else knows of it."""
    patrol: bool = False
    """No hand is on it: a patrol, or a tour."""
    presets: tuple[Preset, ...] = ()
    number: int = 0
    """The greatest of the wishes that it answers: who has taken the camera later than that is not meant."""
