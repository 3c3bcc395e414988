"""What a recording holds: its topics, the records of our own on them, and the JSON Schemas that it carries for others.

docs/recording.md says the same for people. A reader takes `VERSION` and every older one, so what is here is added to
and never changed. Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec

from backends.domain.action import Action

VERSION = 1
DATA, VIDEO, SUMS = "data.mcap", "video.mcap", "SHA256SUMS"
ABOUT, RESULT = "ioc.recording", "ioc.result"
"""Names of the metadata records at the beginning and at the end of `data.mcap`."""

FEED, STATE, MARK, ACTION, LAYOUT, LOG, CAMERA = (
    "/feed/", "/state/", "/mark", "/action", "/layout", "/log", "/camera/",
)  # fmt: skip
"""Topics, and what topics begin with."""


class About(msgspec.Struct, frozen=True):
    """What a recording says of itself. Text only: it is read by others' programs."""

    capture: str
    """Id of this recording, unique."""
    site: str
    mode: str
    station: str
    reason: str
    """The rule, the alarm or the person that began it."""
    t_start_ns: int
    """Session time; UTC."""


class Mark(msgspec.Struct, frozen=True):
    """Ends a snapshot: without it what stands before is not whole."""

    t_ns: int
    digest: str
    """Of the state, `State.digest`."""
    feeds: int
    """How many messages the snapshot has."""


class LayoutShown(msgspec.Struct, frozen=True):
    """Which layout a station showed from a moment on."""

    t_ns: int
    station: str
    layout: str


class Acted(msgspec.Struct, frozen=True):
    """What a person did at the recording station, or how it ended."""

    t_ns: int
    stage: str
    action: Action


def _object(title: str, **properties: str | dict[str, Any]) -> bytes:
    """`properties`: name -> JSON type, or a whole schema; {} = anything."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, "type": "object"}
    typed = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()}
    return msgspec.json.encode({**schema, "properties": typed})


SCHEMAS: dict[str, bytes] = {
    "ioc.Envelope": _object(
        "ioc.Envelope", v="integer", mode="string", feed="string", epoch="string", seq="integer", t="integer",
        type="string", id="string", rev="integer", cause="string", body={},
    ),
    "ioc.FeedState": _object(
        "ioc.FeedState", feed="string", epoch="string", seq="integer",
        items={"type": "array", "items": {"type": "array", "description": "[id, seq, rev, t, body]"}},
    ),
    "ioc.Mark": _object("ioc.Mark", t_ns="integer", digest="string", feeds="integer"),
    "ioc.Acted": _object("ioc.Acted", t_ns="integer", stage="string", action="object"),
    "ioc.LayoutShown": _object("ioc.LayoutShown", t_ns="integer", station="string", layout="string"),
}  # fmt: skip
