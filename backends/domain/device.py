"""What cameras and recorders do beside sending pictures: they turn, and they tell what they have seen."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DeviceTrouble(Exception):
    """The device's or the network's fault, in words for people. The words hold no secret and no address."""


class Preset(msgspec.Struct, frozen=True):
    """A view that a camera turns to by itself."""

    token: str
    """What the camera calls it; names it in `PtzDriver.go_to`."""
    name: str


class PtzPosition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a camera looks, as it says itself."""

    pan: float | None = None
    """-1 (left) to 1, in the camera's own range; None: it does not say."""
    tilt: float | None = None
    """-1 (down) to 1."""
    zoom: float | None = None
    """0 (wide) to 1."""
    moving: bool | None = None


class EventKind(StrEnum):
    """What a camera says that it has noticed."""

    MOTION = "motion"
    TAMPER = "tamper"
    """Covered, sprayed, out of focus, turned away or shaken: cameras draw the line differently."""
    SIGNAL_LOSS = "signal_loss"
    """A recorder has lost the picture of one of its channels."""
    LINE_CROSSED = "line_crossed"
    INTRUSION = "intrusion"
    """Something is inside a field where nothing should be."""
    INPUT = "input"
    """A contact at the device: a door, a button."""
    SOUND = "sound"
    STORAGE = "storage"
    """The device cannot record: disk or card."""
    OTHER = "other"
    """Known by its topic alone."""


class CameraEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a device. Raw material for alarms, not yet one."""

    kind: EventKind
    active: bool | None
    """True: begins or goes on. False: over. None: it only happened."""
    t_ns: int
    """When, on our clock (UTC): the device's time less what its clock is ahead."""
    source: str = ""
    """Which of the device's channels or inputs, by the device's own token."""
    topic: str = ""
    """As the device says it, without prefixes: "RuleEngine/CellMotionDetector/Motion"."""
    first: bool = False
    """How things stood when the watch began, not something that has just happened."""
    channel: int = 0
    """Of the device, from 1; 0 = its `source` is none of them, or nobody has asked which there are."""
    instance: str = ""
    """Which of several that one source tells apart on one topic: a rule, an object; by the device's own words."""
