"""A console whose store was damaged: the hub fills in what came since the backup, nothing is missed or shown twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fake_hub import FakeHub, alarm
from helpers.feed_rig import Glass, LocalFeed, feed_settings
from helpers.feed_waits import ExpectLogs, wait_until

from backends.domain.action import Stage, Verb
from backends.domain.incident import TimelineEvent
from backends.domain.text import LocalText
from backends.protocol.messages import Fetch
from backends.store.backup import make_backup
from backends.store.errors import damaged
from backends.store.keeping import Keep
from backends.store.ops import Call
from backends.store.schema import OPS_FILE
from backends.store.verify import verify_file


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


def event(n: int) -> TimelineEvent:
    return TimelineEvent(f"t{n}", n, "alarm_raised", text=LocalText(f"Sự kiện {n}"))


def start(hub: FakeHub, folder: Path) -> tuple[LocalFeed, Glass]:
    feed = LocalFeed(feed_settings(hub, folder, keep=Keep()))
    feed.start()
    return feed, Glass(feed.drain)


def seqs(folder: Path, name: str) -> list[int]:
    with sqlite3.connect(folder / OPS_FILE) as db:
        found = [row[0] for row in db.execute("SELECT seq FROM log WHERE feed = ? ORDER BY seq", (name,))]
    db.close()
    return found


def session(hub: FakeHub, folder: Path) -> tuple[LocalFeed, Glass]:
    """Five alarms and events, a backup, five more of each and a click."""
    feed, glass = start(hub, folder)
    glass.until(lambda g: g.live("timeline") and g.live())
    for n in range(1, 6):
        hub.put("alarms", alarm(n))
        hub.put("timeline", event(n))
    glass.until(lambda g: len(g.ids()) == 5 and len(g.events) == 5)
    make_backup(folder / OPS_FILE)
    for n in range(6, 11):
        hub.put("alarms", alarm(n))
        hub.put("timeline", event(n))
    aid = feed.submit(Verb.CLAIM, "alarms", "a7", 1)
    glass.until(lambda g: len(g.ids()) == 10 and len(g.events) == 10 and g.stages.get(aid, [])[-1:] == [Stage.APPLIED])
    return feed, glass


def test_a_start_with_a_damaged_store_goes_on_from_the_backup(
    hub: FakeHub, tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    expect_logs("is damaged")
    session(hub, tmp_path)[0].stop()
    (tmp_path / OPS_FILE).write_bytes(b"\xa5" * 40_000)
    hub.asked.clear()
    feed, glass = start(hub, tmp_path)
    glass.look()
    assert glass.troubles[0].code == "damaged"
    assert "the backup of" in glass.troubles[0].text
    glass.until(lambda g: len(g.ids()) == 10 and g.live())
    glass.until(lambda g: len(g.items.get("timeline", {})) == 10 and g.live("timeline"))
    assert {m.feed: m.after for m in reversed(hub.asked) if isinstance(m, Fetch)}["timeline"] == 5
    glass.until(lambda g: "local:store" in g.ids("local"), what="an alarm that stays until somebody acknowledges it")
    feed.stop()
    assert seqs(tmp_path, "alarms") == list(range(1, 11))
    assert seqs(tmp_path, "timeline") == list(range(1, 11))
    assert verify_file(tmp_path, []).findings == ()
    assert len(hub.acted) == 1, "the finished click is not sent again"


def test_damage_while_running_shows_no_older_state(hub: FakeHub, tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("is damaged")
    feed, glass = session(hub, tmp_path)
    shown = len(glass.ids())

    def broken(db: sqlite3.Connection) -> None:
        raise damaged("a page is not what it was")

    feed.core.store.put([Call(broken)])
    glass.until(lambda g: g.troubles and g.troubles[-1].code == "damaged")
    hub.put("alarms", alarm(11))
    hub.put("timeline", event(11))

    def whole(g: Glass) -> bool:
        assert len(g.ids()) >= shown, "an older list passed by"
        return len(g.ids()) == 11 and len(g.items["timeline"]) == 11

    glass.until(whole)
    wait_until(lambda: feed.core.store.positions.get("timeline", ("", 0))[1] == 11)
    wait_until(lambda: feed.core.store.positions.get("alarms", ("", 0))[1] == 11)
    feed.stop()
    assert seqs(tmp_path, "timeline") == list(range(1, 12)), "events are hole-free in the file as well"
    assert verify_file(tmp_path, []).findings == ()
