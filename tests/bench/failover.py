"""Several hubs under 1,000 messages a second with alarms: how long a console is without live feeds.

Three nats-servers and three hubs on loopback, two consoles (link and store). The value is the longest of the
tries, from the SIGKILL until every console is live and shows what happened in the city after it. Each try
ends with the comparison of every console's store with the log: nothing lost, nothing doubled, one truth.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from helpers.hub_room import Room, raised_once
from helpers.hubs import LOG
from helpers.nats_cluster import SERVER

RATE = 1000.0
HUB_TRIES = 3
NATS_TRIES = 2


def _in_a_room(measure: Any) -> tuple[float, int]:
    folder = Path(tempfile.mkdtemp(prefix="ioc-failover-"))
    try:
        with Room(folder, hubs=3, desks=("desk-1", "desk-2"), rate=RATE) as room:
            took_s = measure(room)
            alarms = raised_once(room.check())
        return took_s, alarms
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kill_hubs(room: Room) -> float:
    """The leader, then, when it is back as a follower, the next leader, and so on."""
    worst_s = 0.0
    for _ in range(HUB_TRIES):
        leader = room.hubs.wait_leader()
        aid, _ = room.act()
        worst_s = max(worst_s, room.measure(lambda leader=leader: room.hubs.kill(leader)))  # type: ignore[misc]
        room.wait_finished(aid)
        room.hubs.start(leader)
        room.wait_follows(leader)
    return worst_s


def _kill_servers(room: Room) -> float:
    """The log's leading server, and again the next one when the first is back."""
    worst_s = 0.0
    for _ in range(NATS_TRIES):
        leading = room.wait_stream_leader(LOG)
        aid, _ = room.act()
        worst_s = max(worst_s, room.measure(lambda n=leading: room.cluster.kill(n)))  # type: ignore[misc]
        room.wait_finished(aid)
        room.cluster.start(leading)
        room.wait_in_step(LOG)
    return worst_s


def rows() -> list[dict[str, Any]]:
    if not Path(SERVER).exists():
        raise SystemExit("this bench needs nats-server: apt-get install nats-server")
    hub_s, hub_alarms = _in_a_room(_kill_hubs)
    nats_s, nats_alarms = _in_a_room(_kill_servers)
    said = "3 nats-servers, 3 hubs, 2 consoles, 1,000 msg/s; stores equal to the log"
    return [
        {
            "name": "fault.failover_hub_s", "value": round(hub_s, 2), "unit": "s", "bar": "<= 5", "ok": hub_s <= 5,
            "note": f"longest of {HUB_TRIES} kills of the leading hub; {hub_alarms} alarms, each once; {said}",
        },
        {
            "name": "fault.failover_nats_s", "value": round(nats_s, 2), "unit": "s", "bar": "<= 15",
            "ok": nats_s <= 15,
            "note": f"longest of {NATS_TRIES} kills of the log's leading server; {nats_alarms} alarms, each once; "
            + said,
        },
    ]  # fmt: skip
