"""What the link needs of the program around it. Implemented by console/feed_core.py and by tests."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from backends.domain.access import Grant
from backends.domain.action import ActionStatus
from backends.domain.feeds import FeedStatus, Mode
from backends.domain.ports import LinkStatus
from backends.domain.record import Record, Snapshot
from backends.protocol.messages import Accounted, Anchored, Leased, Revealed, Series, Signed


class Trouble(StrEnum):
    """Alarms of the station itself that the link can see."""

    HUB = "hub"
    """No hub for 5 s."""
    CANARY = "canary"
    """Heartbeats come, but the alarm engine's test alarm does not."""
    GAPS = "gaps"
    """More than 3 gaps a minute on one feed: the link is too slow."""
    MODE = "mode"
    """The peer speaks another mode; its messages are refused."""


class BlobDone(msgspec.Struct, frozen=True):
    """The end of a BLOBGET. Its bytes have the SHA-256 that was asked for."""

    request: int
    blob: str
    media: str = ""
    data: bytes = b""
    code: str = ""
    """"unknown" (the hub has no such blob), "too_large", "busy" (too much is under way), "bad_hash", "no_answer"."""


class Outgoing(Protocol):
    """Pictures that actions of this station name and that the hub does not have yet, on the disk. The link's thread."""

    def has(self, blob: str) -> bool: ...

    def data(self, blob: str) -> bytes:
        """Its bytes, which have that SHA-256; empty: it cannot be read, or is damaged."""
        ...

    def through(self, blob: str) -> None:
        """The hub keeps it: not to be offered again."""
        ...


class Sink(Protocol):
    """Takes what the link has received. Called from the link's thread; no call may wait for the GUI."""

    def records(self, records: list[Record]) -> None:
        """The next positions of one feed, in order, each exactly once."""
        ...

    def preview(self, record: Record) -> None:
        """A new alarm whose turn has not come, because older ones are still being fetched: to be shown, not kept.
        It comes again by `records`. Of type "bad": not to be shown."""
        ...

    def snapshot(self, snapshot: Snapshot) -> None:
        """A whole state feed; what was known of it is replaced."""
        ...

    def quarantine(self, feed: str, reason: str, raw: bytes) -> None:
        """A message that does not follow the protocol; `feed` may be empty."""
        ...

    def stage(self, status: ActionStatus) -> None:
        """An action has come to a new stage."""
        ...

    def feed_status(self, status: FeedStatus) -> None: ...

    def link_status(self, status: LinkStatus) -> None: ...

    def series(self, series: Series) -> None:
        """An answer of HISTORY."""
        ...

    def welcomed(self, grant: Grant, token: str) -> None:
        """Who the hub says sits here, at each WELCOME that answers the present HELLO; `token` is that HELLO's."""
        ...

    def signed(self, answer: Signed) -> None:
        """An answer of SIGNIN or SIGNOUT; code "no_answer" where none came."""
        ...

    def revealed(self, answer: Revealed) -> None:
        """An answer of REVEAL, or (without values) of CONFIDE; code "no_answer" where none came."""
        ...

    def accounted(self, answer: Accounted) -> None:
        """An answer of ACCOUNTS; code "no_answer" where none came."""
        ...

    def leased(self, answer: Leased) -> None:
        """An answer of LEASE; code "no_answer" where none came."""
        ...

    def blob(self, whole: BlobDone) -> None:
        """A blob is complete, or will not come."""
        ...

    def anchored(self, answer: Anchored) -> None:
        """The hub keeps that end of the audit chain."""
        ...

    def trouble(self, what: Trouble, on: bool, detail: str) -> None:
        """An alarm of the station itself begins or ends. Called at changes only."""
        ...

    def has_room(self) -> bool:
        """False: the store is behind; the link leaves messages in the socket until it is True again."""
        ...

    def may_fill(self) -> bool:
        """False, long before there is no room: nothing that was missed is asked for but alarms. What the store has to
        do for the past must never keep LIVE waiting, because new alarms come there."""
        ...


class Endpoints(msgspec.Struct, frozen=True):
    """Where the hub is and how to know it: ZeroMQ addresses and its CURVE public key (Z85)."""

    live: str
    ctl: str
    server_key: str


class LinkSettings(msgspec.Struct, frozen=True):
    """Who this station is. `endpoints` is asked anew whenever the sockets are made: several where several hubs
    serve the same feeds, of which one leads."""

    station: str
    mode: Mode
    public_key: str
    """The station's CURVE keys, Z85."""
    secret_key: str
    endpoints: Callable[[], tuple[Endpoints, ...]]
    """Empty: not known yet (the hub has not written its file)."""
