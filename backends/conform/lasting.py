"""The check over a restart: numbers go on, and what was done is not done again. Stops the backend: comes last."""

from __future__ import annotations

import time

from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Patience, Peer, Skipped, head_of
from backends.protocol.messages import Hello, Welcome

CHECKS = Checks()
check = CHECKS.check
BACK_S = 60.0
TRY_S = 1.0


@check("restart", "after a restart epochs and cursors go on, and actions of before are still known")
def restart(room: Room) -> str:
    if room.restart is None:
        raise Skipped("nobody to restart the backend: --restart COMMAND, or a terminal to ask on")
    with room.acting() as (peer, _):
        action = room.say(peer, "conform: before the restart")
        before = peer.hello()
    room.restart()
    began_s = time.monotonic()
    after = _back(room)
    if after.instance == before.instance:
        raise Failed("the instance is the same: it was not restarted, or does not say so")
    for feed, head in before.feeds.items():
        now = after.feeds.get(feed)
        if now is None or now.epoch != head.epoch:
            raise Failed(f"{feed} has another epoch after the restart: every console must load it anew")
        if now.head < head.head:
            raise Failed(f"{feed} ended at {head.head} and ends at {now.head} after the restart")
    with room.acting() as (peer, _):
        again = peer.act(action)[-1]
        if (again.stage, again.outcome) != ("duplicate", "applied"):
            raise Failed(f"an action of before, sent again, ends as {again.stage} {again.outcome or again.code}")
        timeline = head_of(before.feeds, "timeline")
        fresh = room.say(peer, "conform: after the restart")
        since = peer.fetch_all("timeline", timeline.epoch, timeline.head)
        if [e.cause for e in since].count(fresh.aid) != 1 or any(e.cause == action.aid for e in since):
            raise Failed("after the restart the log does not go on with exactly what is new")
    return f"back after {time.monotonic() - began_s:.1f} s"


def _back(room: Room) -> Welcome:
    """WELCOME of the backend that came back. Raises Failed."""
    end_s = time.monotonic() + BACK_S
    while time.monotonic() < end_s:
        with Peer(room.context, room.place) as peer:
            try:
                peer.send(Hello(room.place.station, room.place.mode))
                welcome: Welcome = peer.expect(Welcome, about="HELLO after the restart", patience=Patience(TRY_S))
            except Failed:
                continue
            return welcome
    raise Failed(f"it was not back within {BACK_S:g} s")
