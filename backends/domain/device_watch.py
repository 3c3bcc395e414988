"""The watch for events: what the hub asks of its watcher process, and what that answers, a JSON line each.

The hub knows which devices there are and what is an alarm; the watcher knows how to listen to a device. Answers hold
no more than the hub needs, and are bounded whatever a device sends: what comes several times is one line with a count.
Must not: do anything.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from backends.domain.device import EventKind

MOST_DEVICES = 512
"""Of one hub: a thread each, and a subscription that a device keeps."""
MOST_LINE = 4096
"""Bytes of an answer."""
ALIVE_S = 1.0
"""How often the watcher says that its loop turns."""
MOST_AGE_S = 60.0
"""An event that a device says is older, or still to come, counts from when it was received: its clock is wrong."""
MOST_TIMES = 1_000_000

_Short = Annotated[str, msgspec.Meta(max_length=128)]
_Id = Annotated[str, msgspec.Meta(max_length=80)]


class WatchDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hub: watch this device; another login than before takes the place of it. The only message that holds a
    password; it goes through stdin alone."""

    device: str
    """The hub's name for it."""
    url: str = ""
    """Its device service; empty: watch it no longer."""
    user: str = ""
    password: str = ""
    channels: bool = False
    """It is a recorder: say which of its channels an event is of."""

    def __repr__(self) -> str:
        return f"WatchDevice({self.device!r}, {self.url!r})"


class Noticed(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="noticed"):
    """Watcher: what a device has noticed since this was said last."""

    device: _Id
    kind: EventKind
    active: bool | None
    """How it stands now; None where a thing only happens."""
    times: Annotated[int, msgspec.Meta(ge=0, le=MOST_TIMES)] = 0
    """How often it has begun, or happened, meanwhile; 0: it is over, or this is how it stood when the watch began."""
    age_s: Annotated[float, msgspec.Meta(ge=0, le=MOST_AGE_S)] = 0.0
    """How long ago it began first."""
    channel: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    source: _Short = ""
    topic: _Short = ""
    instance: _Short = ""
    """Which of several that one source tells apart on one topic."""


class Stood(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag="stood"):
    """Watcher: the watch of a device stands from now on, or has been lost."""

    device: _Id
    lost: Annotated[str, msgspec.Meta(max_length=240)] = ""
    """Why, for people, without secrets; empty: it stands, and how things are is said next."""


class Flooded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="flooded"):
    """Watcher: a device sends more than can be meant. Said while it lasts, and once with 0 when it is over."""

    device: _Id
    per_s: Annotated[int, msgspec.Meta(ge=0, le=MOST_TIMES)]
    """Messages a second that were read; what the device may have dropped meanwhile is not known."""


class Alive(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="alive"):
    """Watcher: its loop turns."""


FromWatcher = Noticed | Stood | Flooded | Alive
encode = msgspec.json.encode
order_decoder = msgspec.json.Decoder(WatchDevice)
answer_decoder: msgspec.json.Decoder[FromWatcher] = msgspec.json.Decoder(FromWatcher)
