"""What a person said of one step of an alarm's procedure: part of the alarm's record (`backends.domain.procedure`)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class StepState(StrEnum):
    """How a step stands."""

    NOT_DONE = "not_done"
    """Nobody has touched it, or it was taken back."""
    DONE = "done"
    NOT_NEEDED = "not_needed"
    """Somebody judged that it does not apply here, and said why."""


class StepMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last word on a step. What was said before it stands on the timeline."""

    step: str
    """Its id in the procedure."""
    state: StepState
    by: str
    """Display name of who said so ("Thu Hà")."""
    by_id: str
    t_ns: int
    """When it was said: the moment of the click in the hub's time, which may be earlier than the hub heard of it."""
    reason: str = ""
    """Why it is not needed."""
    rev: int = 2
    """Moves with each word on this step; a step that nobody has touched has 1."""
