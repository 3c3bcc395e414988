"""The hub as the console starts it: with the simulated city, a scenario at its mark, and settings that are wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.hub_process import READY_FILE, WireClient
from helpers.tiny_city import TinyCity
from helpers.waiting import wait_for

from backends.city import City, scenario_start_ns
from backends.domain.times import NS_PER_S
from backends.hub.keys import authorise, ensure_station_keys
from backends.hub.log import SqliteLog
from backends.hub.main import HubSettings, log_path, read_ready, run
from backends.process import start_child, stop_child


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "data_dir": str(folder),
        "authorised_dir": str(folder / "authorised"),
        "keys_dir": str(folder / "keys"),
        "sign_in": "seat",
        **more,
    }


def test_a_scenario_starts_at_its_mark_with_its_day_behind_it(tmp_path: Path) -> None:
    start_ns = scenario_start_ns("flood-2020", "peak")
    assert start_ns is not None
    directory = City(start_ns=start_ns, scenario="flood-2020", mark="peak").directory()
    station = next(o.station_id for o in directory.operators if o.station_id)
    keys = ensure_station_keys(tmp_path / "keys", station)
    authorise(tmp_path / "authorised", keys)
    child = start_child(
        "backends.hub", settings(tmp_path, scenario="flood-2020", mark="peak", speed=60), log=tmp_path / "log"
    )
    try:
        wait_for(
            "the hub is ready", lambda: read_ready(tmp_path / READY_FILE) or child.poll() is not None, timeout_s=60
        )
        ready = read_ready(tmp_path / READY_FILE)
        assert ready is not None, (tmp_path / "log").read_text(encoding="utf-8")
        with WireClient(ready, keys) as client:
            welcome = client.hello()
            assert start_ns <= welcome["now"] < start_ns + 3600 * NS_PER_S
            assert (welcome["rate"], welcome["operator_id"] != "") == (60.0, True)
            alarms, _ = client.snapshot("alarms")
            assert "urgent" in {a["body"]["priority"] for a in alarms}
            river = next(a["body"] for a in alarms if "BĐ3" in a["body"]["name"]["vi"])
            assert river["name"]["vi"].startswith("Sông Hiếu trên BĐ3 1,")
            assert len(client.snapshot("sensors")[0]) == len(directory.sensors)
            day = client.ask(
                "HISTORY", request=1, series=river["sensor_id"], t0=start_ns - 86_400 * NS_PER_S, t1=start_ns
            )
            assert day["t"][-1] - day["t"][0] > 23 * 3600 * NS_PER_S
            assert max(v for v in day["value"] if v is not None) > 4.0
    finally:
        assert stop_child(child) == 0


@pytest.mark.parametrize(
    ("wrong", "status", "words"),
    [
        ({"sped": 2}, 2, "sped"),
        ({"mode": "war"}, 2, "war"),
        ({"scenario": "no-such-flood"}, 1, "no-such-flood"),
        ({"speed": -1}, 1, "speed -1"),
    ],
)
def test_wrong_settings_end_with_a_sentence(tmp_path: Path, wrong: dict[str, Any], status: int, words: str) -> None:
    child = start_child("backends.hub", settings(tmp_path, **wrong), log=tmp_path / "log")
    try:
        assert child.wait(60) == status
    finally:
        stop_child(child)
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert words in said
    assert "Traceback" not in said


def test_an_address_that_cannot_be_bound_ends_with_a_sentence(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    authorise(tmp_path / "authorised", ensure_station_keys(tmp_path / "keys", "desk-1"))
    wrong = HubSettings(**settings(tmp_path, bind_ctl="nonsense"))
    expect_logs("the hub cannot run.*nonsense")
    # In a thread of its own: `run` takes the signals of a main thread.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, wrong, None, lambda _, start_ns: TinyCity(start_ns, past_s=5)).result(20) == 1
    log = SqliteLog(log_path(wrong), wrong.mode)
    assert not log.stopped_cleanly, "after a failure the next start continues"
    log.close()
