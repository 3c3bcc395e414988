"""A real hub that sweeps: what it finds stands in the directory on LIVE, and the small picture is a blob."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import psutil
import pytest
from conftest import ExpectLogs
from helpers.hub_process import HubProcess, WireClient
from helpers.sweep_cameras import cameras, nobody_listens

from backends.domain.feeds import Mode
from backends.domain.times import ManualClock
from backends.hub import sights
from backends.hub.answers import Answers, Identity
from backends.protocol.messages import SHOWS_MOST, Hello


def test_what_the_sweep_finds_is_in_the_directory_for_everybody(tmp_path: Path) -> None:
    with cameras() as city:
        found = {"cam-8": nobody_listens(), "cam-9": city.uri(9)}
        with HubProcess(tmp_path, cameras=found) as hub:
            ready = hub.start()
            with WireClient(ready, hub.keys("desk-1")) as client:
                client.hello()
                seen: dict[str, dict[str, object]] = {}

                def both(_message: object) -> bool:
                    items, _ = client.snapshot("cameras")
                    seen.update({item["id"]: item["body"] for item in items})
                    return bool(seen["cam-9"].get("thumbnail")) and seen["cam-8"].get("online") is False

                client.until_live(b"1/hb/", both)
                assert seen["cam-8"]["reason"] == "connection refused"
                assert seen["cam-8"]["t_state_ns"]
                assert "t_state_ns" not in seen["cam-1"], "a scene is drawn by ourselves"
                client.send("BLOBGET", request=1, blob=seen["cam-9"]["thumbnail"])
                assert client.ctl.poll(5000)
                head, picture = client.ctl.recv_multipart()[1:]
                assert b"image/jpeg" in head
                assert picture.startswith(b"\xff\xd8\xff")
            assert hub.child is not None
            (probe,) = psutil.Process(hub.child.pid).children()
            assert probe.cmdline()[-1] == "backends.probe"
            hub.kill()
            psutil.wait_procs([probe], timeout=5.0)
            assert not probe.is_running(), "nothing outlives a hub that was killed"
        assert "Traceback" not in hub.log()


def test_a_station_says_what_it_shows_and_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    access, core = MagicMock(), MagicMock()
    access.who.return_value, core.heads.return_value = None, {}
    desk = Answers(core, Identity("hub", "i", Mode.DEMO, 1.0), ManualClock(), Counter(), access, MagicMock())
    assert desk.sights.shown() == frozenset()
    desk.to("desk-1", Hello("desk-1", Mode.DEMO, shows=("cam-1", "cam-2")))
    desk.to("wall-1", Hello("wall-1", Mode.DEMO, shows=("cam-2", "cam-3")))
    assert desk.sights.shown() == {"cam-1", "cam-2", "cam-3"}
    desk.to("wall-1", Hello("wall-1", Mode.DEMO, shows=("cam-4",)))
    desk.to("desk-2", Hello("desk-2", Mode.LIVE, shows=("cam-5",)))
    expect_logs("speaks mode live")
    assert desk.sights.shown() == {"cam-1", "cam-2", "cam-4"}, "another mode is not this hub's"
    desk.to("wall-1", Hello("wall-1", Mode.DEMO, shows=tuple(f"x-{n}" for n in range(2000))))
    assert len(desk.sights.shown()) == 2 + SHOWS_MOST
    later_s = time.monotonic() + sights.SHOWN_S + 1
    monkeypatch.setattr(desk.sights, "_now_s", lambda: later_s)
    assert desk.sights.shown() == frozenset()


def test_what_stations_see_is_in_the_directory_and_the_sweep_looks_where_nobody_does(tmp_path: Path) -> None:
    with cameras() as city:
        found = {"cam-8": nobody_listens(), "cam-9": city.uri(9)}
        with HubProcess(tmp_path, cameras=found) as hub:
            ready = hub.start()
            with WireClient(ready, hub.keys("desk-1")) as desk, WireClient(ready, hub.keys("desk-2")) as other:
                seen: dict[str, dict[str, Any]] = {}

                def until(condition: Callable[[], object]) -> None:
                    def looked(_message: object) -> bool:
                        items, _ = desk.snapshot("cameras")
                        seen.update({item["id"]: item["body"] for item in items})
                        return bool(condition())

                    desk.until_live(b"1/hb/", looked)

                nine = {"camera": "cam-9", "flags": ["black"]}
                other.send("SEES", cameras=[{"camera": "cam-9", "online": False}])  # before its HELLO: nobody's word
                desk.hello()
                desk.send("SEES", cameras=[nine, {"camera": "cam-1", "online": False}, {"camera": "cam-404"}])
                until(lambda: seen["cam-9"].get("flags") == ["black"])
                assert "sights" not in seen["cam-9"], "the record says it"
                assert "sights" not in seen["cam-1"], "a scene is drawn by ourselves"
                assert set(seen) == {"cam-1", "cam-2", "cam-8", "cam-9"}, "no word of a station makes a camera"
                other.hello()
                other.send("SEES", cameras=[{"camera": "cam-9", "online": False}])
                until(lambda: len(seen["cam-9"].get("sights", ())) == 2)
                assert seen["cam-9"]["sights"][0] == {"station": "desk-2", "online": False}
                assert seen["cam-9"].get("online", True), "a broken line to one room makes no camera dead"
                until(lambda: seen["cam-8"].get("online") is False)
                desk.send("SEES", cameras=[])
                until(lambda: seen["cam-9"]["sights"] == [{"station": "desk-2", "online": False}])
            assert "Traceback" not in hub.log()
