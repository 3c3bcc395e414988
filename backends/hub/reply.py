"""What follows from one request on CTL: messages, records to publish, work for the clerk, a blob to send."""

from __future__ import annotations

from pathlib import Path

import msgspec

from backends.hub.clerk import Job
from backends.protocol.messages import Envelope, FromHub


class Sending(msgspec.Struct, frozen=True):
    """A blob that goes out in parts."""

    request: int
    blob: str
    media: str
    path: Path


class Reply(msgspec.Struct, frozen=True):
    """In the order of the fields, but for `published`, which goes out first."""

    messages: list[FromHub] = []
    """To the one who asked."""
    published: tuple[Envelope, ...] = ()
    """To everybody."""
    job: Job | None = None
    """What the clerk has to do; its ending gives the answers."""
    blob_job: Job | None = None
    """The same with a blob."""
    sending: Sending | None = None
