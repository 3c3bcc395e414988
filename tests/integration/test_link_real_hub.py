"""The console's end against the real hub process: join, act, crash, unknown key, history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.feed_rig import Glass, LocalFeed, real_settings
from helpers.hub_process import HubProcess

from backends.domain.action import Stage, Verb
from backends.domain.feeds import FEEDS, FeedQuality, LinkState, Mode
from backends.domain.times import NS_PER_S
from backends.hub.keys import authorise, ensure_station_keys, revoke

Made = Callable[..., tuple[LocalFeed, Glass]]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "hub") as made:
        made.start()
        yield made


@pytest.fixture
def console(tmp_path: Path, hub: HubProcess) -> Iterator[Made]:
    feeds: list[LocalFeed] = []

    def make(station: str = "desk-1", mode: Mode = Mode.DEMO) -> tuple[LocalFeed, Glass]:
        ensure_station_keys(hub.folder / "keys", station)
        settings = real_settings(hub, tmp_path / f"{station}-{mode.value}", station)
        feed = LocalFeed(msgspec.structs.replace(settings, mode=mode))
        feeds.append(feed)
        feed.start()
        return feed, Glass(feed.drain)

    yield make
    for feed in feeds:
        feed.stop()


def all_live(glass: Glass) -> bool:
    return all(glass.live(feed) for feed in FEEDS)


def test_every_feed_turns_live_and_a_claim_comes_back(hub: HubProcess, console: Made) -> None:
    desk, glass = console()
    _, other = console("desk-2")
    glass.until(all_live, 20.0)
    other.until(all_live, 20.0)
    assert glass.link is not None
    assert glass.link.state is LinkState.UP
    assert {"hieu-level", "dust-1", "rain-1"} <= set(glass.ids("sensors"))
    assert glass.ids("cameras") == ["cam-1", "cam-2"]
    target = glass.items["alarms"][glass.ids()[0]]
    aid = desk.submit(Verb.CLAIM, "alarms", target.id, target.state_rev)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    other.until(lambda g: g.items["alarms"][target.id].holder != "")
    assert not glass.look().feeds["alarms"].bad


def test_a_killed_hub_is_stale_and_a_queued_click_takes_effect_once(hub: HubProcess, console: Made) -> None:
    desk, glass = console()
    glass.until(all_live, 20.0)
    target = glass.items["alarms"][glass.ids()[0]]
    hub.kill()
    gone_s = time.monotonic()
    glass.until(lambda g: g.quality() is FeedQuality.STALE, 5.0)
    assert time.monotonic() - gone_s < 2.5
    aid = desk.submit(Verb.ACKNOWLEDGE, "alarms", target.id, target.state_rev)
    glass.until(lambda g: g.stages.get(aid) == [Stage.QUEUED])
    hub.start()
    glass.until(lambda g: Stage.APPLIED in g.stages[aid], 30.0)
    glass.until(all_live, 20.0)
    assert glass.stages[aid].count(Stage.APPLIED) == 1


def test_a_report_taken_in_without_the_hub_reaches_it_once_and_gets_its_number(hub: HubProcess, console: Made) -> None:
    desk, glass = console()
    _, other = console("desk-2")
    glass.until(all_live, 20.0)
    hub.kill()
    args = {"category": "flood", "title": "Ngập ngã tư", "channel": "hotline"}
    aid = desk.submit(Verb.INTAKE, "reports", "new-1", 0, args)
    glass.until(lambda g: g.stages.get(aid) == [Stage.QUEUED])
    hub.start()
    glass.until(lambda g: Stage.APPLIED in g.stages[aid], 30.0)
    other.until(lambda g: "TT-0001" in g.items.get("reports", {}), 20.0)
    made = other.items["reports"]["TT-0001"]
    assert (made.title.vi, made.channel.value, made.decided_by) == ("Ngập ngã tư", "hotline", "Thu Hà")
    assert sorted(id_ for id_ in other.items["reports"] if id_.startswith("TT-")) == ["TT-0001"]


def test_history_comes_from_the_hub(hub: HubProcess, console: Made) -> None:
    desk, glass = console()
    glass.until(all_live, 20.0)
    assert glass.link is not None
    now_ns = glass.link.now_ns
    desk.request("hieu-level", now_ns - 1800 * NS_PER_S, now_ns, 200)
    glass.until(lambda g: any(part.complete and part.t_ns.size > 50 for part in g.parts))


def test_an_unknown_key_is_refused_in_words_and_heals_when_authorised(hub: HubProcess, console: Made) -> None:
    _, glass = console("desk-9")
    glass.until(lambda g: g.link and (g.link.state, g.link.reason) == (LinkState.REFUSED, "key_refused"), 15.0)
    authorise(hub.authorised, hub.keys("desk-9"))
    glass.until(all_live, 30.0)
    revoke(hub.authorised, "desk-9")
    glass.until(lambda g: g.quality() is FeedQuality.STALE, 15.0)


def test_a_hub_of_another_mode_is_refused(hub: HubProcess, console: Made) -> None:
    _, glass = console(mode=Mode.LIVE)
    glass.until(lambda g: g.link and g.link.state is LinkState.REFUSED, 15.0)
    assert glass.look().items.get("alarms", {}) == {}
