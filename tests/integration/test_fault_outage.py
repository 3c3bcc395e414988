"""Eight hours cut off, in small (the bench does it with 100,000 records and 500 clicks): the gap is filled while
live alarms show, and every waiting click comes to one end: what still means something exactly once, the rest not."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.fault_rig import Town, audit
from helpers.kill_storm import audit_clicks
from helpers.outage import Outage, outage

from backends.domain.action import Verb

pytestmark = pytest.mark.timeout(180)


def run(tmp_path: Path, records: int, without: tuple[str, ...] = ()) -> tuple[list[str], list[str], Outage]:
    with Town(tmp_path, without=without, rate=300.0, alarms=20.0, standing=40, fixed=50) as town:
        town.until_live()
        found = outage(town, records, clicks=100)
        assert found.missed >= records
        town.quiesce()
        rows = audit(town)
        clicks = audit_clicks(town, found.clicks, [glass.stages for glass in town.glasses])
        comments = [aid for aid, verb in found.clicks.items() if verb is Verb.COMMENT]
        applied = {row[0] for row in town.hub_log("SELECT aid FROM action WHERE stage = 'applied'")}
        assert set(comments) <= applied, "a comment never expires"
    return [*rows.lost, *rows.doubled, *rows.wrong], clicks.wrong, found


def test_the_gap_is_filled_and_every_click_has_its_end(tmp_path: Path) -> None:
    rows, clicks, found = run(tmp_path, 20_000)
    assert rows == []
    assert clicks == []
    assert found.ends == {"applied": 80, "expired": 20}
    assert found.alarms > 0
    assert found.worst_alarm_s < 3.0


def test_control_without_expiry_old_clicks_reach_the_city(tmp_path: Path) -> None:
    _, _, found = run(tmp_path, 2_000, without=("expiry",))
    assert "expired" not in found.ends
