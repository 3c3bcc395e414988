"""Who viewed which camera stands in the audit of the station, also across a restart of the feeder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fake_hub import Account, FakeHub
from helpers.feed_rig import FeederProcess, Glass, feed_settings
from helpers.feed_waits import wait_until
from helpers.waiting import wait_for

from backends.store.schema import OPS_FILE
from backends.store.verify import verify_file


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


def views(folder: Path) -> list[tuple[str, str, str]]:
    return rows(folder, "view_camera", "view_ended")


def rows(folder: Path, *what: str) -> list[tuple[str, str, str]]:
    with sqlite3.connect(folder / OPS_FILE) as db:
        found = db.execute("SELECT what, person, detail FROM audit ORDER BY n").fetchall()
    db.close()
    return [row for row in found if row[0] in what]


def test_views_are_audited(hub: FakeHub, tmp_path: Path) -> None:
    feeder = FeederProcess(feed_settings(hub, tmp_path))
    try:
        client = feeder.client()
        glass = Glass(client.drain)
        glass.until(lambda g: g.up())
        client.viewing(("014", "015"))
        wait_for(lambda: f"{views(tmp_path)}", lambda: len(views(tmp_path)) == 1, 10.0)
        client.viewing(("015", "016"))
        client.viewing(("015", "016"))
        wait_until(lambda: len(views(tmp_path)) == 3)
        assert views(tmp_path) == [
            ("view_camera", "op", "014 015"), ("view_ended", "op", "014"), ("view_camera", "op", "016"),
        ]  # fmt: skip
        client.acknowledged_here("local:part_hub")
        wait_until(lambda: rows(tmp_path, "acknowledge") == [("acknowledge", "op", "")])
        wait_until(lambda: not client._unaudited, what="the feeder says that it is on disk")
        client.still_saved("cam-014", "a.png sha256=00ff")
        wait_until(lambda: rows(tmp_path, "save_still") == [("save_still", "op", "a.png sha256=00ff")])
        client.file_saved("save_plot", "sensors/s1", "b.csv sha256=11ee")
        wait_until(lambda: rows(tmp_path, "save_plot") == [("save_plot", "op", "b.csv sha256=11ee")])
        wait_until(lambda: not client._unaudited, what="the feeder says that it is on disk")
        feeder.kill()
        feeder.start()
        wait_until(lambda: len(views(tmp_path)) == 4, what="the screen says again what it shows")
        assert views(tmp_path)[3][2] == "015 016"
        client.stop()
        wait_until(lambda: views(tmp_path)[-1][0] == "view_ended", what="a screen that has gone shows nothing")
    finally:
        feeder.stop()
    assert verify_file(tmp_path, []).findings == ()


def test_an_acknowledgement_without_a_feeder_is_audited_once_by_the_next_one(hub: FakeHub, tmp_path: Path) -> None:
    """Of the alarm that says that the feeder was given up, say."""
    feeder = FeederProcess(feed_settings(hub, tmp_path))
    try:
        client = feeder.client()
        glass = Glass(client.drain)
        glass.until(lambda g: g.up() and client.grant.operator_id)
        feeder.kill()
        glass.until(lambda g: not g.up())
        client.acknowledged_here("local:part_feeder")
        (note,) = client._unaudited.values()
        feeder.start()
        wait_until(lambda: not client._unaudited, what="a feeder says that it is on disk")
        assert rows(tmp_path, "acknowledge") == [("acknowledge", "op", "")]
        client._outgoing.put(note)  # its feeder died before it could say so
        client.acknowledged_here("local:part_hub")
        wait_until(lambda: not client._unaudited)
        client.stop()
    finally:
        feeder.stop()
    with sqlite3.connect(tmp_path / OPS_FILE) as db:
        found = db.execute("SELECT target, aid, t_ns FROM audit WHERE what = 'acknowledge' ORDER BY n").fetchall()
    db.close()
    assert found[0] == ("local/local:part_feeder", note.aid, note.t_ns), "as of the click"
    assert [row[0] for row in found[1:]] == ["local/local:part_hub"]
    assert verify_file(tmp_path, []).findings == ()


def test_another_person_at_the_same_screen_is_another_viewer(hub: FakeHub, tmp_path: Path) -> None:
    hub.seat = ""
    hub.accounts = {name: Account(f"{name} của tôi") for name in ("ha", "minh")}
    feeder = FeederProcess(feed_settings(hub, tmp_path))
    try:
        client = feeder.client()
        glass = Glass(client.drain)
        glass.until(lambda g: g.up())

        def sign_in(person: str) -> None:
            client.sign_in(person, f"{person} của tôi")
            glass.until(lambda _: client.grant.operator_id == person)

        sign_in("ha")
        client.viewing(("014", "015"))
        wait_until(lambda: len(views(tmp_path)) == 1)
        sign_in("minh")
        wait_until(lambda: len(views(tmp_path)) == 3)
        client.lock()
        client.viewing(("015",))
        wait_until(lambda: len(views(tmp_path)) == 4)
        client.sign_out()
        wait_until(lambda: len(views(tmp_path)) == 6)
    finally:
        feeder.stop()
    assert views(tmp_path)[:6] == [
        ("view_camera", "ha", "014 015"), ("view_ended", "ha", "014 015"), ("view_camera", "minh", "014 015"),
        ("view_ended", "minh", "014"), ("view_ended", "minh", "015"), ("view_camera", "", "015"),
    ]  # fmt: skip
