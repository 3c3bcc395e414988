"""Operators, stations (seats of the room) and roles."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a person may do."""

    OPERATOR = "operator"
    """trực ban"""
    SHIFT_LEAD = "shift_lead"
    """trưởng ca"""
    TRAINER = "trainer"
    """cán bộ đào tạo"""
    ADMIN = "admin"
    VIEWER = "viewer"
    """A wall without keyboard: sees, does nothing."""


class Operator(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person on the roster. `short` is what rows show: people go by given names."""

    id: str
    name: str
    """`Nguyễn Thu Hà`."""
    short: str
    """`Thu Hà`."""
    role: Role
    station_id: str = ""
    t_on_ns: int = 0
    t_handover_ns: int = 0
    """When this shift hands over."""
    areas: tuple[str, ...] = ()
    """Ids of the areas that this person looks after; none = all of them for the `sectors`. See domain.coverage."""
    sectors: tuple[str, ...] = ()
    """And the kinds of work; none = all of them in the `areas`. Kept until it is changed, or until he signs out."""
    rev: int = 1


class Speaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """The loudspeaker of a station, as the station itself says."""

    room: str
    """Stations of one room are heard together: one of them sounds for all."""
    on: bool = False
    """It would be heard: there is an output, and nobody has switched it off."""
    t_silenced_ns: int = 0
    """When somebody there asked for silence last, in the hub's time: what sounded then is silent in the whole room."""


class Station(msgspec.Struct, frozen=True, omit_defaults=True):
    """A seat of the room, known to the hub by its key."""

    id: str
    name: str
    online: bool = False
    operator_id: str = ""
    speaker: Speaker | None = None
    """None: it sounds by itself, or has not been heard of for seconds."""
    rev: int = 1
