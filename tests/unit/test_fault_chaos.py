"""Drop, delay, duplicate and reorder of every message between hub and console, seeded, without sockets."""

from __future__ import annotations

import random

import pytest
from helpers.chaos import Chaos, Weather

from backends.link.outbox import Outbox
from backends.link.sync import FeedSync
from backends.protocol.messages import Envelope

WEATHERS = {
    "drop": Weather(drop=0.3),
    "delay": Weather(delay=0.5, most_s=3.0),
    "double": Weather(double=0.5, delay=0.2),
    "reorder": Weather(delay=0.9, most_s=0.2),
    "all": Weather(drop=0.2, double=0.2, delay=0.3, most_s=2.0),
}


def run(weather: Weather, seed: int, *, renew: bool = False) -> list[str]:
    print(f"seed {seed}")
    chaos = Chaos(seed)
    for _ in range(3):
        chaos.weather = weather
        for _ in range(700):
            chaos.step(puts=0.3, clicks=0.02)
        chaos.weather = Weather()
        for _ in range(100):
            chaos.step(puts=0.3)
        if renew:
            chaos.hub.renew()
    chaos.calm()
    assert len(chaos.hub.logs["alarms"]) > 20
    assert len(chaos.clicks) > 10
    return chaos.wrong()


@pytest.mark.parametrize("name", sorted(WEATHERS))
def test_whatever_the_network_does_all_arrives_once_and_in_order(name: str) -> None:
    assert run(WEATHERS[name], random.SystemRandom().randrange(1 << 32)) == []


def test_and_so_it_does_when_the_hub_loses_its_numbers() -> None:
    assert run(WEATHERS["all"], random.SystemRandom().randrange(1 << 32), renew=True) == []


def test_control_without_the_check_of_the_sequence_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    real = FeedSync.on_live

    def trusting(self: FeedSync, env: Envelope, now_s: float) -> object:
        applied = real(self, env, now_s)
        applied.records = [env]
        return applied

    monkeypatch.setattr(FeedSync, "on_live", trusting)
    assert run(WEATHERS["all"], 1) != []


def test_control_without_heads_a_lost_tail_stays_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeedSync, "on_heartbeat", lambda self, head, now_s: None)
    chaos = Chaos(2)
    chaos.calm(1.0)
    for _ in range(100):
        chaos.step(puts=0.3)
    chaos.weather = Weather(drop=1.0)
    chaos.step(puts=1.0)
    chaos.calm(5.0)
    assert chaos.wrong() != []


def test_control_without_resending_a_lost_answer_leaves_an_action_open(monkeypatch: pytest.MonkeyPatch) -> None:
    due = Outbox.due
    monkeypatch.setattr(
        Outbox, "due", lambda self, now_s: [s for s in due(self, now_s) if self._by_aid[s.action.aid].send_at_s == 0.0]
    )
    assert any("has ends None" in wrong for wrong in run(WEATHERS["drop"], 3))
