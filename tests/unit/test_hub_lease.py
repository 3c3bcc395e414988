"""The lease of a hub whose loop hangs is not renewed, whatever its thread of the servers could still do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from backends.hub import jetstream_client
from backends.hub.jetstream_client import SILENT_S, JetStreamClient, NatsSettings


class Lease(JetStreamClient):
    """Its servers answer at once; counts what it asked of them."""

    asked = 0

    async def _kv(self) -> Any:
        return None

    async def _one_lease_turn(self, kv: Any, began_s: float) -> None:
        self.asked += 1


async def turns(client: Lease) -> int:
    """How often it asks within a few turns of its task, the one in hand left out."""
    for _ in range(10):
        await asyncio.sleep(0)
    before = client.asked
    for _ in range(50):
        await asyncio.sleep(0)
    return client.asked - before


def test_a_loop_that_hangs_keeps_no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(jetstream_client, "still_s", lambda: now[0])
    monkeypatch.setattr(jetstream_client, "RENEW_S", 0)

    async def scene() -> None:
        client = Lease(NatsSettings(("nats://127.0.0.1:1",)), "ioc", "A/1")
        client._wanted = True
        task = asyncio.create_task(client._keep_lease())
        client.alive()
        assert await turns(client)
        now[0] += SILENT_S - 0.1
        assert await turns(client), "a slow turn is no hang"
        now[0] += 0.2
        assert not await turns(client)
        client.alive(30.0)
        now[0] += 29.0
        assert await turns(client), "busy, and it said so"
        now[0] += 2.0
        assert not await turns(client), "not for ever"
        client.alive()
        assert await turns(client)
        client._wanted = False
        await task
        client._loop.close()

    asyncio.run(scene())
