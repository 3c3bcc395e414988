"""What an administrator sets at a station, at a real hub: seen by another station, kept over a restart of the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.feed_rig import Glass, LocalFeed, real_settings
from helpers.hub_people import PEOPLE, SECRET, make_accounts
from helpers.hub_process import HubProcess
from helpers.tiny_city import RIVER

from backends.domain.access import AccessAnswer, Grant
from backends.domain.action import Stage, Verb
from backends.domain.alarm import Priority
from backends.domain.limits import day_of, limits_at
from backends.domain.people import Role
from backends.domain.place import Agency
from backends.domain.sensor import Limit
from backends.domain.settings import KINDS, SETTING, AgencyEnd, KindLimits, SettingRecord
from backends.domain.text import LocalText

TREES = Agency("cay-xanh", LocalText("Cây xanh"))
KIND = KindLimits(
    f"{KINDS}water_level/m", "water_level", "m", RIVER.name, (Limit(LocalText("Cạn"), 0.2, Priority.LOW, above=False),)
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    make_accounts(tmp_path / "hub")
    with HubProcess(tmp_path / "hub", sign_in="password") as made:
        made.start()
        yield made


def at(hub: HubProcess, folder: Path, station: str, role: Role) -> tuple[LocalFeed, Glass]:
    hub.keys(station)
    feed = LocalFeed(real_settings(hub, folder / station, station))
    feed.start()
    glass = Glass(feed.drain)
    glass.until(lambda g: g.up() and g.live() and any(isinstance(d, Grant) and d.sign_in for d in g.all), 20.0)
    assert glass.answer(feed.sign_in(PEOPLE[role][0], SECRET), AccessAnswer).code == ""
    return feed, glass


def test_an_agency_comes_and_goes_and_a_kind_has_limits(hub: HubProcess, tmp_path: Path) -> None:
    feed, glass = at(hub, tmp_path, "desk-1", Role.ADMIN)
    other, there = at(hub, tmp_path, "desk-2", Role.OPERATOR)
    try:

        def sets(record: SettingRecord) -> None:
            id_, known = SETTING + record.id, glass.items["config"].get(SETTING + record.id)
            args = {
                "json": msgspec.json.encode(record).decode(), "valid_from": day_of(feed.core.clock.now_ns()),
                "reason": "họp giao ban",
            }  # fmt: skip
            rev = known.rev if known is not None else 0
            aid = feed.submit(Verb.CONFIGURE, "config", record.id, rev, args)
            glass.until(lambda g: g.stages.get(aid, [Stage.QUEUED])[-1].final, 15.0)
            assert glass.stages[aid][-1] is Stage.APPLIED
            for seen in (glass, there):
                seen.until(lambda g: id_ in g.items["config"] and g.items["config"][id_].rev > rev, 10.0, "all have it")

        def limits(seen: Glass) -> list[tuple[str, bool]]:
            day = day_of(feed.core.clock.now_ns())
            return [(one.label.vi, one.of_kind) for one in limits_at(seen.items["sensors"][RIVER.id].limits, day)]

        sets(TREES)
        there.until(lambda g: g.items["config"].get(TREES.id) == TREES)
        sets(AgencyEnd(TREES.id, TREES.name))
        there.until(lambda g: TREES.id not in g.items["config"], 10.0, "it is gone")
        sets(KIND)
        there.until(lambda g: ("Cạn", True) in limits(g), 10.0, "the river has it")
        hub.kill()
        hub.start()
        there.until(lambda g: g.up() and g.live("config"), 30.0)
        assert TREES.id not in there.items["config"]
        assert ("Cạn", True) in limits(there)
        sets(TREES)
        there.until(lambda g: g.items["config"].get(TREES.id) == TREES, 10.0, "and there again")
    finally:
        feed.stop()
        other.stop()
