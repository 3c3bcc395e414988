"""The base of all messages on CTL."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="msg", tag=str.upper):
    """JSON; `msg` names it."""
