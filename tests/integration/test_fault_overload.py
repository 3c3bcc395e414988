"""Shed, don't stall: 20,000 samples a second through the real hub, feeder and inbox. Samples are merged and every
merged one is counted; alarms and actions all pass, in time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from helpers.fault_rig import Town, audit
from helpers.fault_scenes import look_for
from helpers.kill_storm import audit_clicks

from backends.domain.action import Verb
from backends.domain.ports import Changes, NewSamples

pytestmark = pytest.mark.timeout(180)
SERIES, HZ, SECONDS = 1000, 20.0, 6.0
FEWER_SECONDS = 2.0
"""A share is seen in less."""
WORLD: dict[str, Any] = {
    "rate": 600.0, "alarms": 20.0, "standing": 40, "fixed": 50, "series": SERIES, "measured_hz": HZ,
}  # fmt: skip


class Found:
    """What the screen was given in the window."""

    shown = 0
    """Samples."""
    merged = 0
    """Samples that were merged away, as counted."""
    spent_s = 0.0
    worst_alarm_s = 0.0
    alarms = 0
    fates: Any = None
    records: Any = None


def run(tmp_path: Path, seconds: float, without: tuple[str, ...] = ()) -> Found:
    found = Found()
    with Town(tmp_path, without=without, **WORLD) as town:
        town.until_live()
        look_for(town, 1.0)
        start, began_s = len(town.glass.all), time.monotonic()
        began_ns = time.time_ns()
        clicks: dict[str, Verb] = {}
        seen: set[str] = set()
        at = start
        while time.monotonic() - began_s < seconds:
            town.look()
            for delivery in town.glass.all[at:]:
                if isinstance(delivery, NewSamples):
                    found.shown += len(delivery.samples)
                    found.merged += delivery.conflated
                elif isinstance(delivery, Changes) and delivery.feed == "alarms":
                    for alarm in delivery.put:
                        if alarm.t_raised_ns > began_ns and alarm.id not in seen:
                            seen.add(alarm.id)
                            found.worst_alarm_s = max(
                                found.worst_alarm_s, (time.time_ns() - alarm.t_raised_ns) / 1e9
                            )  # fmt: skip
            at = len(town.glass.all)
            if len(clicks) < (time.monotonic() - began_s) * 10:
                target = f"fixed{len(clicks) % 50}"
                alarm_id = next(a for a in town.glass.items["alarms"] if a.startswith(f"{target}@"))
                aid = town.clients[0].submit(Verb.COMMENT, "alarms", alarm_id, 0, {"text": f"ghi {len(clicks)}"})
                clicks[aid] = Verb.COMMENT
            time.sleep(0.005)
        found.spent_s, found.alarms = time.monotonic() - began_s, len(seen)
        town.until(
            "every click is applied", lambda g: all(g.stages.get(a, [None])[-1] == "applied" for a in clicks), 20.0
        )
        town.quiesce()
        found.records = audit(town)
        found.fates = audit_clicks(town, clicks, [glass.stages for glass in town.glasses])
    return found


def accounted(found: Found) -> float:
    """Share of what was measured that was shown or counted as merged."""
    return (found.shown + found.merged) / (SERIES * HZ * found.spent_s)


def test_samples_are_merged_and_counted_alarms_and_actions_all_pass(tmp_path: Path) -> None:
    found = run(tmp_path, SECONDS)
    assert found.merged > found.shown / 2, "20 samples a second of a series do not fit a screen"
    assert 0.8 < accounted(found) < 1.2, f"{found.shown} shown, {found.merged} merged in {found.spent_s:.1f} s"
    assert found.alarms > SECONDS * 20 * 0.7
    assert found.worst_alarm_s < 1.5
    assert not [*found.records.lost, *found.records.doubled, *found.records.wrong], found.records
    assert found.fates.wrong == []
    assert found.fates.applied == found.fates.clicks > 40


def test_control_merging_without_counting_is_seen(tmp_path: Path) -> None:
    assert accounted(run(tmp_path, FEWER_SECONDS, without=("counts",))) < 0.8
