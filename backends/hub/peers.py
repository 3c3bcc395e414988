"""Who is on CTL: connections of stations, and what each station may ask for.

A routing id belongs to the station that used it first; a station has a few connections and one budget over all of
them, so that no station holds up the others. One thread: the server's.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator

from backends.hub.security import said, told
from backends.protocol.messages import (
    Accounts,
    Act,
    Anchor,
    AnchorGet,
    BlobGet,
    Confide,
    Fetch,
    Hello,
    History,
    Lease,
    Reveal,
    Sees,
    SnapGet,
)

log = logging.getLogger(__name__)

COST_PER_S = 200.0
"""What the requests of one station may cost, a second; the burst is twice that."""
COST_BYTES, COST_DATA_BYTES = 4 << 10, 256 << 10
"""Each so many bytes of a message, of its data, cost 1, before anybody looks at them."""
PEERS_A_STATION = 4
"""Connections of one station on CTL, each with a queue of its own; a console has one."""
PEER_S = 120.0
"""A peer that was silent for longer gets no BYE. Consoles say HELLO every 30 s."""
_COST: dict[type, float] = {
    Act: 0.1, Hello: 1, Fetch: 1, SnapGet: 4, History: 2, BlobGet: 1, AnchorGet: 1, Anchor: 20, Reveal: 20, Confide: 20,
    Lease: 10, Sees: 2, Accounts: 20,
}  # fmt: skip
"""Those that leave a row for good cost more: ten a second and station."""


def cost_of(message: object) -> float:
    """What serving it costs, its bytes apart."""
    return _COST.get(type(message), 0.0)


class Peer:
    """One connection, by routing id."""

    __slots__ = ("refused", "seen_s", "station")

    def __init__(self, station: str) -> None:
        self.station = station
        self.seen_s = 0.0
        self.refused = False
        """Its HELLO was denied: it gets nothing but that until the next one."""


class Peers:
    """All connections, by routing id."""

    def __init__(self, counters: Counter[str], answers: Callable[[bytes], bool]) -> None:
        """`answers`: sends it a word; False = that peer has gone."""
        self._counters = counters
        self._answers = answers
        self._peers: dict[bytes, Peer] = {}
        self._budgets: dict[str, _Budget] = {}

    def __iter__(self) -> Iterator[bytes]:
        return iter(tuple(self._peers))

    def station_of(self, routing_id: bytes) -> str:
        """Empty = nobody."""
        peer = self._peers.get(routing_id)
        return peer.station if peer is not None else ""

    def of(self, routing_id: bytes, station: str) -> Peer | None:
        """None: that routing id is another station's, or this one has too many."""
        peer = self._peers.get(routing_id)
        if peer is None and self._room_for(station):
            peer = self._peers[routing_id] = Peer(station)
        if peer is not None and peer.station != station:
            text = "station %s uses the routing id of %s"
            told(self._counters, "foreign_routing_id", log, text, station, peer.station)
            return None
        return peer

    def _room_for(self, station: str) -> bool:
        """May it have one more connection? Those that are gone make room: nothing can be sent to them."""
        theirs = [r for r, peer in self._peers.items() if peer.station == station]
        if len(theirs) < PEERS_A_STATION:
            return True
        for routing_id in theirs:
            if not self._answers(routing_id):
                del self._peers[routing_id]
                return True
        told(self._counters, "too_many_peers", log, "station %s is here %d times already", station, len(theirs))
        return False

    def heard_s(self, station: str) -> float:
        """When that station has sent anything last, monotonic; -inf: it is not here."""
        return max((peer.seen_s for peer in self._peers.values() if peer.station == station), default=float("-inf"))

    def only(self, stations: Container[str]) -> None:
        """Some keys were taken away."""
        self._peers = {r: peer for r, peer in self._peers.items() if peer.station in stations}

    def forget_silent(self, now_s: float) -> None:
        self._peers = {r: peer for r, peer in self._peers.items() if now_s - peer.seen_s <= PEER_S}

    def affords(self, station: str, cost: float) -> bool:
        """Takes it from the station's budget; False, counted, and said once a minute: it has spent all."""
        if not cost or self._budgets.setdefault(station, _Budget()).take(cost):
            return True
        text = "station %s has spent what its requests may cost: some are not answered"
        said(self._counters, "over_budget", log, text, station, about=station)
        return False


class _Budget:
    """Token bucket of one station."""

    __slots__ = ("_last_s", "_tokens")

    def __init__(self) -> None:
        self._tokens = 2 * COST_PER_S
        self._last_s = time.monotonic()

    def take(self, cost: float) -> bool:
        now_s = time.monotonic()
        self._tokens = min(2 * COST_PER_S, self._tokens + (now_s - self._last_s) * COST_PER_S)
        self._last_s = now_s
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True
