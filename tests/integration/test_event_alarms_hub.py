"""A real hub process that listens to devices: its alarms on the wire, over its restarts, and with several hubs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers.event_rig import INTRUSION, LINE, QUICK, TAMPER, table
from helpers.hub_process import HubProcess, WireClient
from helpers.hubs import Hubs
from helpers.nats_cluster import NatsCluster
from helpers.onvif_device import PASSWORD, OnvifCamera
from helpers.waiting import wait_for

from backends.hub.event_rules import RULES_FILE

SIGNAL = ("tns1:VideoSource/SignalLoss", "State")
KEY = "event:cam-014:intrusion"


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    with OnvifCamera() as running:
        yield running


def site(folder: Path, camera: OnvifCamera) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table(folder, {"014": camera.url})
    (folder / RULES_FILE).write_text(QUICK, encoding="utf-8")


def watcher_of(pid: int) -> psutil.Process | None:
    children = psutil.Process(pid).children()
    return next((one for one in children if one.cmdline()[-1:] == ["backends.watcher"]), None)


def alarms(client: WireClient) -> dict[str, dict[str, Any]]:
    """By key."""
    items, _ = client.snapshot("alarms")
    return {item["id"].rpartition("@")[0]: item["body"] | {"id": item["id"]} for item in items}


def wait_alarm(client: WireClient, key: str, state: str = "unack") -> dict[str, Any]:
    wait_for(lambda: f"{key} {state}: {alarms(client)}", lambda: alarms(client).get(key, {}).get("state") == state)
    return alarms(client)[key]


def watched(camera: OnvifCamera, times: int) -> None:
    wait_for("a watch", lambda: camera.asked.count("SetSynchronizationPoint") == times)
    wait_for(
        "what it is told first", lambda: camera.asked[-1] == "PullMessages" and camera.asked.count("PullMessages") > 1
    )


def test_alarms_outlive_the_hub_that_raised_them(tmp_path: Path, camera: OnvifCamera) -> None:
    site(tmp_path, camera)
    camera.emit(*SIGNAL, "true")  # has stood for years
    with HubProcess(tmp_path) as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.hello()
            watched(camera, 1)
            camera.emit(*INTRUSION, "true")
            put = client.until_live(b"1/alarms/", lambda m: m["id"].startswith(KEY))
            assert put["body"]["camera_ids"] == ["cam-014"]
            assert put["body"]["name"]["vi"] == "Xâm nhập · camera 014"
            assert hub.child is not None
            watcher = watcher_of(hub.child.pid)
            assert watcher is not None
            assert "onvif" not in str(client.snapshot("cameras")), "no part of the public record"
            canary = client.until_live(b"1/hb/")["canary"]["seq"]
            client.until_live(b"1/hb/", lambda m: m["canary"]["seq"] > canary + 2)  # what it remembers is written
        hub.kill()
        psutil.wait_procs([watcher], timeout=5.0)
        assert not watcher.is_running(), "nothing outlives a hub that was killed"
        camera.emit(*TAMPER, "true")  # begins while nobody listens
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.hello()
            watched(camera, 2)
            camera.emit(*LINE, "7")
            wait_alarm(client, "event:cam-014:line_crossed", "returned")
            there = alarms(client)
            assert there[KEY] == put["body"] | {"id": put["id"]}, "the same, not raised again"
            assert there["event:cam-014:tamper"]["state"] == "unack"
            assert "event:cam-014:signal_loss" not in there, "how it stood at first is no alarm, for no hub"
            camera.emit(*INTRUSION, "false")
            wait_alarm(client, KEY, "returned")
        assert hub.stop() == 0
        assert PASSWORD not in hub.log()
        assert "Traceback" not in hub.log()


def test_a_hub_that_does_not_listen_ends_what_was_left(tmp_path: Path, camera: OnvifCamera) -> None:
    site(tmp_path, camera)
    with HubProcess(tmp_path, resume="always") as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.hello()
            watched(camera, 1)
            camera.emit(*INTRUSION, "true")
            wait_alarm(client, KEY)
        assert hub.stop() == 0
        hub.events = False
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.hello()
            wait_alarm(client, KEY, "returned")
        assert hub.stop() == 0


def test_only_the_hub_that_leads_watches(tmp_path: Path, camera: OnvifCamera) -> None:
    for name in ("a", "b"):
        site(tmp_path / name, camera)
    with NatsCluster(tmp_path) as cluster, Hubs(tmp_path, cluster.urls, 2) as hubs:
        first = hubs.wait_leader()
        second = "b" if first == "a" else "a"
        wait_for("the other follows", lambda: hubs.follows(second), 30.0)
        watched(camera, 1)
        camera.emit(*INTRUSION, "true")
        assert watcher_of(hubs.children[first].pid) is not None
        assert watcher_of(hubs.children[second].pid) is None
        ready = hubs.ready(first)
        assert ready is not None
        with WireClient(ready, hubs.keys("desk-1")) as client:
            client.hello()
            before = wait_alarm(client, KEY)
        hubs.kill(first)
        hubs.wait_leader(but=first)
        watched(camera, 2)
        assert watcher_of(hubs.children[second].pid) is not None
        ready = hubs.ready(second)
        assert ready is not None
        with WireClient(ready, hubs.keys("desk-1")) as client:
            client.hello()
            camera.emit(*LINE, "7")
            wait_alarm(client, "event:cam-014:line_crossed", "returned")
            assert alarms(client)[KEY] == before
            camera.emit(*INTRUSION, "false")
            wait_alarm(client, KEY, "returned")
