"""Cameras' events as alarms: real devices, a real watcher process, a real core; good ones, bad ones, and losses."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ExpectLogs
from helpers.event_rig import INTRUSION, LINE, MOTION, TAMPER, WatchingHub, table
from helpers.onvif_device import PASSWORD, USER, OnvifCamera

from backends.domain.alarm import AlarmState, Priority
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub.private import CAMERA, Vault

KEY = "event:cam-014:intrusion"


@pytest.fixture
def camera() -> Iterator[OnvifCamera]:
    with OnvifCamera() as running:
        yield running


def test_an_event_is_an_alarm_with_its_camera_and_ends(tmp_path: Path, camera: OnvifCamera) -> None:
    camera.ahead_s = -3650 * 86_400  # its clock is ten years behind
    camera._states[(*TAMPER, "vs_1")] = "true"
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true")
        hub.wait("the alarm", lambda: KEY in hub.alarms())
        alarm = hub.alarms()[KEY]
        assert alarm.name == LocalText("Xâm nhập · camera 014", "Intrusion · camera 014")
        assert alarm.place == LocalText("Ngã tư 014", "Crossing 014")
        assert (alarm.priority, alarm.state) == (Priority.HIGH, AlarmState.UNACKNOWLEDGED)
        assert (alarm.camera_ids, alarm.area_id, alarm.source) == (("cam-014",), "phuong-1", "camera")
        assert abs(alarm.t_raised_ns - camera_now_ns(camera)) < 5 * NS_PER_S, "on our clock"
        camera.emit(*INTRUSION, "false")
        hub.wait("its end", lambda: hub.alarms()[KEY].state is AlarmState.RETURNED)
        camera.emit(*LINE, "7", t_s=5.0)  # happened in 1970, it says
        hub.wait("what only happens", lambda: "event:cam-014:line_crossed" in hub.raised)
        line = hub.alarms()["event:cam-014:line_crossed"]
        assert line.state is AlarmState.RETURNED
        assert abs(line.t_raised_ns - camera_now_ns(camera)) < 5 * NS_PER_S
        camera.emit(*MOTION, "true")
        camera.emit(*TAMPER, "false")
        camera.emit(*TAMPER, "true")
        hub.wait("tampering", lambda: "event:cam-014:tamper" in hub.raised)
        hub.wait("a look by the sweep", lambda: hub.looks == {"cam-014"})
        assert hub.raised == [KEY, "event:cam-014:line_crossed", "event:cam-014:tamper"], "no motion, nothing twice"
        watcher = psutil.Process(hub.watch.pid)
        told = " ".join([*watcher.cmdline(), *watcher.environ().values()])
        assert PASSWORD not in told


def camera_now_ns(camera: OnvifCamera) -> int:
    return int((camera.now_s() - camera.ahead_s) * NS_PER_S)


def test_a_recorder_says_which_of_its_cameras(tmp_path: Path, camera: OnvifCamera) -> None:
    camera.channels = 3
    table(tmp_path, {"201": camera.url, "202": camera.url}, {"201": 1, "202": 2})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true", source="vs_2")
        camera.emit("tns1:VideoSource/SignalLoss", "State", "true", source="video_1")
        camera.emit(*INTRUSION, "true", source="vs_3")  # none of the site's cameras
        camera.emit("tns1:Device/HardwareFailure/StorageFailure", "Failed", "true", source="disk")
        hub.wait("three", lambda: len(hub.alarms()) == 3)
        whose = {key: alarm.camera_ids for key, alarm in hub.alarms().items()}
        assert whose == {
            "event:cam-202:intrusion": ("cam-202",),
            "event:cam-201:signal_loss": ("cam-201",),
            "event:cam-201/all:storage": ("cam-201", "cam-202"),
        }
        camera.close()
        assert hub.lose("cam-201").name.en == "Events lost · camera 201 and 1 more"
        assert "unwatched:cam-202" not in hub.alarms()


def test_another_channel_has_the_recorder_asked_anew(
    tmp_path: Path, camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.hub.event_alarms.UNSAID_S", 2.0)
    camera.channels = 2
    table(tmp_path, {"201": camera.url, "202": camera.url}, {"201": 1, "202": 2})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true", source="vs_1")
        hub.wait("the alarm", lambda: "event:cam-201:intrusion" in hub.alarms())
        table(tmp_path, {"201": camera.url, "202": camera.url}, {"201": 2, "202": 1})
        hub.wait("that of the other", lambda: "event:cam-202:intrusion" in hub.alarms())
        hub.wait("its end", lambda: hub.alarms()["event:cam-201:intrusion"].state is AlarmState.RETURNED)
        assert hub.alarms()["event:cam-202:intrusion"].state is AlarmState.UNACKNOWLEDGED
        assert camera.asked.count("CreatePullPointSubscription") == 2


def test_a_lost_watch_is_an_alarm_until_it_is_back(tmp_path: Path, camera: OnvifCamera) -> None:
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true")
        hub.wait("the alarm", lambda: KEY in hub.alarms())
        camera.close()
        lost = hub.lose("cam-014")
        assert lost.name == LocalText("Mất sự kiện · camera 014", "Events lost · camera 014")
        assert lost.detail == LocalText(
            "không theo dõi được: thiết bị từ chối kết nối", "not watched: connection refused"
        )
        assert lost.camera_ids == ("cam-014",)
        assert hub.alarms()[KEY].state is AlarmState.UNACKNOWLEDGED, "silence is not quiet"
        camera.subscriptions.clear()
        camera.emit(*INTRUSION, "false")  # while nobody listens
        camera.emit(*TAMPER, "true")
        camera.start()
        hub.wait("it is back", lambda: hub.alarms()["unwatched:cam-014"].state is AlarmState.RETURNED)
        hub.wait("and over", lambda: hub.alarms()[KEY].state is AlarmState.RETURNED)
        hub.wait("what began meanwhile counts", lambda: "event:cam-014:tamper" in hub.alarms())


def test_what_is_active_does_not_end_while_the_watch_comes_and_goes(tmp_path: Path, camera: OnvifCamera) -> None:
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true")
        hub.wait("the alarm", lambda: KEY in hub.alarms())
        camera.close()
        hub.lose("cam-014")
        states, camera._states = camera._states, {}  # it has not the time to say everything
        camera.start()
        hub.wait("it is back", lambda: hub.stands("cam-014"))
        camera.close()
        hub.lose("cam-014")
        assert hub.alarms()[KEY].state is AlarmState.UNACKNOWLEDGED
        camera._states = states
        camera.start()
        hub.wait("it is back again", lambda: hub.stands("cam-014"))
        camera.emit(*TAMPER, "true")
        hub.wait("what comes later", lambda: "event:cam-014:tamper" in hub.alarms())
        hub.ahead_s += 61.0
        camera.emit(*LINE, "7")
        hub.wait("and later still", lambda: "event:cam-014:line_crossed" in hub.alarms())
        assert hub.raised.count(KEY) == 1, "it goes on, and is not raised again"
        assert hub.alarms()[KEY].state is AlarmState.UNACKNOWLEDGED


@pytest.mark.parametrize("manners", ["garbage", "many", "endless", "bomb", "half", "500"])
def test_bad_answers_are_a_loss_and_hurt_no_other_camera(
    tmp_path: Path, camera: OnvifCamera, manners: str
) -> None:  # fmt: skip
    with OnvifCamera() as bad:
        bad.manners = manners
        table(tmp_path, {"014": camera.url, "015": bad.url})
        with WatchingHub(tmp_path) as hub:
            assert hub.lose("cam-015").detail.vi
            hub.wait("the good one is watched", lambda: hub.stands("cam-014"))
            camera.emit(*INTRUSION, "true")
            hub.wait("its alarm", lambda: KEY in hub.alarms(), 2.0)
            assert hub.watch.restarts == 0
            bad.close()


@pytest.mark.parametrize("dead_s", [300, 0], ids=["with dead time", "control: without"])
def test_a_flood_is_one_alarm_counted_and_said(tmp_path: Path, camera: OnvifCamera, dead_s: int) -> None:
    """It begins and ends as often as it is asked."""
    camera.flood = 20
    table(tmp_path, {"014": camera.url})
    rules = f'[[rule]]\nkinds = ["intrusion"]\ndead_s = {dead_s}\noff_delay_s = 0\n'
    with WatchingHub(tmp_path, rules) as hub:
        hub.wait("the alarm", lambda: KEY in hub.raised)
        if not dead_s:
            hub.wait("one that chatters", lambda: hub.alarms()[KEY].chattering)
            assert hub.alarms()[KEY].count > 10
            assert hub.raised.count(KEY) == 3, "row upon row, until it is known for what it is"
            return
        hub.wait("the flood", lambda: "flooded:cam-014" in hub.alarms())
        flood = hub.alarms()["flooded:cam-014"]
        assert flood.name == LocalText("Quá nhiều sự kiện · camera 014", "Too many events · camera 014")
        assert hub.raised.count(KEY) == 1
        assert hub.alarms()[KEY].state is AlarmState.RETURNED
        hub.ahead_s += dead_s + 1
        hub.wait("what was held comes with the next", lambda: hub.raised.count(KEY) == 2)
        assert hub.alarms()[KEY].count > 500
        camera.flood = 0
        hub.wait("its end", lambda: hub.alarms()["flooded:cam-014"].state is AlarmState.RETURNED)


def test_ten_thousand_at_once_keep_nobody_waiting(tmp_path: Path, camera: OnvifCamera) -> None:
    with OnvifCamera() as loud:
        loud.flood = 10_000
        table(tmp_path, {"014": camera.url, "015": loud.url})
        with WatchingHub(tmp_path, "") as hub:
            hub.watches(camera, loud)
            hub.wait("the loud one's alarm", lambda: "event:cam-015:intrusion" in hub.alarms())
            camera.emit(*INTRUSION, "true")
            hub.wait("the quiet one's", lambda: KEY in hub.alarms(), 3.0)
            hub.wait("the flood", lambda: "flooded:cam-015" in hub.alarms())
            assert int(hub.alarms()["flooded:cam-015"].detail.en.split()[0]) >= 1000
            assert hub.raised.count("event:cam-015:intrusion") == 1
            watcher = psutil.Process(hub.watch.pid)
            assert watcher.memory_info().rss < 300 << 20
            assert hub.watch.restarts == 0
            loud.close()


def test_a_watcher_that_is_killed_or_hangs_is_started_again(
    tmp_path: Path, camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("the watcher of cameras' events (has ended|hangs)")
    monkeypatch.setattr("backends.hub.watching.HUNG_S", 3.0)
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path, "[[rule]]\noff_delay_s = 0\ndead_s = 0\n") as hub:
        hub.watches(camera)
        camera.emit(*INTRUSION, "true")
        hub.wait("the alarm", lambda: KEY in hub.alarms())
        before = hub.alarms()[KEY]
        first = hub.watch.pid
        os.kill(first, signal.SIGKILL)
        hub.wait("it has gone", lambda: hub.watch.pid not in (first,))
        camera.emit(*TAMPER, "true")
        hub.wait("the same again", lambda: camera.asked.count("SetSynchronizationPoint") == 2 and hub.stands("cam-014"))
        hub.wait("what began meanwhile", lambda: "event:cam-014:tamper" in hub.alarms())
        assert hub.alarms()[KEY] == before, "neither ended nor raised again"
        second = hub.watch.pid
        os.kill(second, signal.SIGSTOP)
        hub.wait("a third", lambda: hub.watch.pid not in (0, second), 15.0)
        assert not psutil.pid_exists(second)
        hub.wait("it listens", lambda: camera.asked.count("SetSynchronizationPoint") == 3 and hub.stands("cam-014"))
        camera.emit(*INTRUSION, "false")
        hub.wait("its end", lambda: hub.alarms()[KEY].state is AlarmState.RETURNED)
        assert hub.raised == [KEY, "event:cam-014:tamper"]
        assert "unwatched" not in hub.alarms(), "one death is no alarm"


def test_a_watcher_that_keeps_dying_is_an_alarm(
    tmp_path: Path, camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("the watcher of cameras' events has ended")
    monkeypatch.setattr("backends.hub.watching.WATCHER", "helpers.tiny_city")  # ends at once
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.wait("a death", lambda: hub.watch.restarts > 1)
        hub.ahead_s = 80.0
        hub.turn()
        assert "unwatched" not in hub.alarms()
        hub.ahead_s = 100.0
        hub.wait("the alarm", lambda: "unwatched" in hub.alarms())
        assert hub.alarms()["unwatched"].priority is Priority.HIGH
        assert set(hub.alarms()) == {"unwatched"}, "no device is blamed"
        monkeypatch.undo()
        hub.wait("it runs", lambda: hub.stands("cam-014"), 40.0)
        hub.ahead_s += 65.0
        hub.wait("its end", lambda: hub.alarms()["unwatched"].state is AlarmState.RETURNED)


def test_a_watcher_that_was_taken_over_can_only_tell_of_devices_that_there_are(
    tmp_path: Path, camera: OnvifCamera, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("the watcher of cameras' events does not keep to the agreed lines: .*age_s")
    expect_logs("the watcher of cameras' events has ended")
    monkeypatch.setattr("backends.hub.watching.WATCHER", "helpers.babbling_watcher")
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.wait("it is ended, and again", lambda: hub.watch.restarts > 1)
        assert set(hub.alarms()) == {"event:cam-014:tamper"}


def test_another_password_counts_at_once(tmp_path: Path, camera: OnvifCamera) -> None:
    camera.password = "changed"
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        assert hub.lose("cam-014").detail.en == "not watched: the camera refuses user name or password"
        assert camera.refusals == 1
        vault = Vault(tmp_path)
        vault.keep([(CAMERA, "cam-014", {"user": USER, "password": "changed"})])
        vault.close()
        hub.wait("it is back", lambda: hub.alarms()["unwatched:cam-014"].state is AlarmState.RETURNED)


def test_rules_and_cameras_count_when_they_change(
    tmp_path: Path, camera: OnvifCamera, expect_logs: ExpectLogs
) -> None:  # fmt: skip
    expect_logs(r"events.toml: line 5: priority: .grave. is not one of urgent.* this rule is left out")
    table(tmp_path, {"014": camera.url})
    with WatchingHub(tmp_path) as hub:
        hub.watches(camera)
        camera.emit(*MOTION, "true")
        camera.emit(*INTRUSION, "true")
        hub.wait("the alarm", lambda: KEY in hub.alarms())
        assert set(hub.alarms()) == {KEY}
        hub.write(
            '[[rule]]\nkinds = ["motion"]\ncameras = ["014"]\n# a slip:\npriority = "grave"\n'
            '[[rule]]\nkinds = ["motion"]\ncameras = ["010-019"]\npriority = "low"\n'
            '[[rule]]\nkinds = ["intrusion"]\npriority = "none"\n'
        )
        hub.wait("none any more", lambda: hub.alarms()[KEY].state is AlarmState.RETURNED)
        camera.emit(*MOTION, "false")
        camera.emit(*MOTION, "true")
        hub.wait("motion counts", lambda: "event:cam-014:motion" in hub.alarms())
        hub.write("[[rule]]\nwatch = false\n")
        hub.wait("its end", lambda: hub.alarms()["event:cam-014:motion"].state is AlarmState.RETURNED)
        hub.wait("its place is given back", lambda: camera.subscriptions == set())
