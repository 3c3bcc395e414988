"""Cable cut without a reset, hub stopped or hung, one feed stalled, a dead alarm engine, slow and broken lines,
steps of the wall clock, a suspended machine: what the operator sees, how soon, and that nothing is lost by it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import fault_scenes as scenes
from helpers.fault_rig import Town, audit, rows_kept

from backends.domain.feeds import FeedQuality, LinkState
from backends.domain.ports import NewSamples

STALE_SEEN_S = 2.0
SLACK_S = 0.5
"""For a busy test machine; the bench holds the bar itself."""
ENOUGH_ROWS = 30
"""An audit of fewer says little of what could have been lost."""
WORLD: dict[str, Any] = {"rate": 600.0, "alarms": 20.0, "standing": 40, "measured_hz": 2.0}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, **WORLD) as made:
        made.until_live()
        yield made


def sound(town: Town) -> None:
    """Everything is live again, and nothing was lost, doubled or torn."""
    town.until_live(30.0)
    # Live comes with the first head: what a hub that stood still owes comes after it.
    town.until("enough rows to be judged", lambda _: rows_kept(town) >= ENOUGH_ROWS, 30.0)
    town.quiesce()
    found = audit(town)
    assert not [*found.lost, *found.doubled, *found.wrong], found
    assert found.rows >= ENOUGH_ROWS, "something was there to be lost"


def test_a_cut_cable_is_stale_within_two_seconds_and_loses_nothing(town: Town) -> None:
    assert scenes.cable_cut(town) < STALE_SEEN_S + SLACK_S
    assert town.glass.link is not None
    assert town.glass.link.state is LinkState.DOWN
    sound(town)


def test_a_stopped_hub_is_stale_within_two_seconds(town: Town) -> None:
    assert scenes.hub_stopped(town) < STALE_SEEN_S + SLACK_S
    sound(town)


def test_a_hung_hub_is_stale_within_two_seconds(town: Town) -> None:
    assert scenes.hub_hung(town) < STALE_SEEN_S + SLACK_S
    sound(town)


def test_control_without_heartbeats_being_judged_nothing_is_seen(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is the silence of heartbeats, in the feeder: one that never finds it too long sees no cut."""
    town.feeder.kill()
    town.feeder._asked["without"] = ("silence",)
    town.feeder.start()
    town.until_live()
    monkeypatch.setattr(scenes, "_seen", lambda t, what, c: t.until(what, lambda _: c(), 3.0))
    with pytest.raises(AssertionError, match="stale after the cut"):
        scenes.cable_cut(town)


def test_one_stalled_feed_is_seen_alone(tmp_path: Path) -> None:
    with Town(tmp_path, **WORLD, silent_after_s=4.0) as town:
        town.until_live()
        last_s = scenes.wait_silent(town)
        # The next sample was due half a second after the last one: since then the feed stands.
        assert scenes.feed_stalled(town, last_s) < STALE_SEEN_S + SLACK_S


def test_a_frozen_alarm_engine_is_an_alarm_within_six_seconds(town: Town) -> None:
    assert scenes.canary_dead(town) < 6.0
    assert town.glass.live("alarms"), "heartbeats go on, so only the canary tells"
    town.until("it ends", lambda g: g.items["local"]["local:canary"].state.value == "returned", 10.0)


def test_a_slow_line_never_looks_live_and_ctl_keeps_up(town: Town) -> None:
    """LIVE is eight seconds late: what is shown comes by CTL, and is no older than two."""
    town.live.down.delay_s = 8.0
    scenes.look_for(town, 3.0)
    with scenes.watching(town):
        for _ in range(4):
            scenes.look_for(town, 1.0)
            newest = max((a.t_raised_ns for a in town.glass.items["alarms"].values()), default=0)
            assert (time.time_ns() - newest) / 1e9 < 3.0, "late alarms that look live"
            assert town.glass.quality("samples") is FeedQuality.STALE, "measurements have no other way than LIVE"
    town.live.down.delay_s = 0.0
    sound(town)


def test_both_ways_slow_is_stale(town: Town) -> None:
    for proxy in (town.live, town.ctl):
        proxy.down.delay_s = 6.0
    town.until("stale, because it is", lambda _: scenes.all_stale(town), 4.0)
    scenes.look_for(town, 8.0)
    assert scenes.all_stale(town), "what comes now is six seconds old"
    for proxy in (town.live, town.ctl):
        proxy.down.delay_s = 0.0
    sound(town)


def test_resets_and_a_narrow_line_lose_nothing(town: Town) -> None:
    for _ in range(3):
        town.live.reset()
        scenes.look_for(town, 0.7)
        town.ctl.reset()
        scenes.look_for(town, 0.7)
    town.live.down.bytes_per_s = 60_000
    scenes.look_for(town, 4.0)
    town.live.down.bytes_per_s = 0.0
    sound(town)


STEPS = [("hub", -3600.0), ("hub", 86_400.0), ("feeder", 3600.0), ("feeder", -86_400.0)]


@pytest.mark.parametrize(
    ("who", "step_s"), [*STEPS, *(pytest.param(who, -step_s, marks=pytest.mark.soak) for who, step_s in STEPS)]
)
def test_a_step_of_the_wall_clock_is_no_news(town: Town, who: str, step_s: float) -> None:
    child = town.hub if who == "hub" else town.feeder
    # Until a feed has moved under our eyes its source time judges it, and the step is of the source's clock.
    town.until("samples flow", lambda g: g.live("samples") and sum(isinstance(d, NewSamples) for d in g.all) >= 3)
    with scenes.watching(town) as flips:
        child.tell(wall_s=step_s)
        scenes.look_for(town, 4.0)
    assert not flips.bad(), flips.bad()
    alarms = [d for d in town.glass.all if getattr(d, "feed", "") == "alarms" and getattr(d, "put", ())]
    count = len(alarms)
    town.until("alarms go on", lambda g: sum(getattr(d, "feed", "") == "alarms" for d in g.all) > count, 10.0)
    sound(town)


def test_a_suspended_machine_wakes_without_false_news(town: Town) -> None:
    """SIGSTOP of all processes for a while; on waking nothing old may pass for new, and no row is out of order."""
    for child in (town.hub, town.feeder):
        child.signal(signal.SIGSTOP)
    time.sleep(5.0)
    for child in (town.feeder, town.hub):
        child.signal(signal.SIGCONT)
    town.until_live(15.0)
    town.until("samples flow", lambda g: g.live("samples"))
    with scenes.watching(town) as flips:
        scenes.look_for(town, 3.0)
    assert not flips.bad(), flips.bad()
    sound(town)


def test_a_suspended_console_catches_up_in_order(town: Town) -> None:
    town.feeder.signal(signal.SIGSTOP)
    scenes.look_for(town, 6.0)
    assert town.glass.quality("alarms") is FeedQuality.STALE
    town.feeder.signal(signal.SIGCONT)
    sound(town)
