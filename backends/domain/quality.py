"""Quality of a value. Stale and disconnected are values of quality, drawn everywhere."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Quality(StrEnum):
    """How far a value can be trusted."""

    GOOD = "good"
    """Measured, in range, on time."""
    CALIBRATING = "calibrating"
    """The instrument says it calibrates: shown, but raises no alarm (Thông tư 10/2021/TT-BTNMT)."""
    FAULT = "fault"
    """The instrument says it is broken: an alarm on the instrument, not on the quantity."""
    STALE = "stale"
    """Was good, but is older than three of its periods."""
    DISCONNECTED = "disconnected"
    """Nothing arrives from its station at all."""


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value. Value, quality and time travel together."""

    t_ns: int
    """Source time, UTC nanoseconds."""
    value: float | None = None
    quality: Quality = Quality.GOOD
