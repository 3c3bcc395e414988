"""Pictures through real worker processes: loops, sizes, layout switches, deaths, and who goes with whom."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from helpers.clips import bar_at, write_clip
from helpers.mjpeg_server import mjpeg_camera, mute_camera
from helpers.picture_rig import Rig, rig, until

from backends.domain.camera import Demand, PictureState
from backends.video import segment
from backends.video.broker import BrokerSettings, PictureBroker
from backends.video.client import PictureClient

ExpectLogs = Callable[[str], None]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "two-seconds.mp4", seconds=2.0)


@pytest.fixture
def one() -> Iterator[Rig]:
    with rig(BrokerSettings(workers=1)) as running:
        yield running


def of(path: Path, width: int = 320, height: int = 180, camera: str = "c1") -> Demand:
    return Demand(camera, f"file:{path}", width, height)


def test_a_looped_clip_moves_and_goes_on_past_its_end(one: Rig, clip: Path) -> None:
    shown = of(clip)
    one.show(shown)
    one.until_state(shown, PictureState.LIVE)
    places = []
    until(lambda: places.append(bar_at(one.copy(shown))) or len(set(places)) > 5, 5, "the bar moves")
    # 2 s of clip: far more than one loop, with no gap long enough to count as slow
    start = one.client.sequence(shown)
    worst = 0.0

    def past_the_end() -> bool:
        nonlocal worst
        worst = max(worst, one.status(shown).age_s)
        return one.client.sequence(shown) - start > 75

    until(past_the_end, 10, "three seconds of pictures")
    assert worst < 1.0
    assert one.status(shown).reconnects == 0
    assert one.client.source_size(shown) == (320, 180)


def test_one_decode_for_several_sizes_and_only_what_is_wanted_stays(one: Rig, clip: Path) -> None:
    large, small = of(clip, 640, 360), of(clip, 160, 90)
    one.show(large, small)
    one.until_moving(large)
    one.until_moving(small)
    assert one.copy(large).shape == (360, 640, 4)
    assert one.copy(small).shape == (90, 160, 4)
    assert one.broker.segment_count() == 2
    one.show(small)
    until(lambda: one.broker.segment_count() == 1, 5, "the large one is dropped")
    one.until_moving(small)
    one.show()
    until(lambda: one.broker.segment_count() == 0, 5, "all are dropped")


def test_a_change_of_layout_reconnects_nothing_and_shows_the_old_picture_meanwhile(one: Rig, clip: Path) -> None:
    before, after = of(clip, 320, 180), of(clip, 480, 270)
    one.show(before)
    one.until_moving(before, frames=10)
    received = one.status(before).received
    one.show(after)
    with one.client.pin(after) as picture:
        assert picture is not None, "no black gap"
    until(lambda: one.copy(after).shape == (270, 480, 4), 5, "the new size")
    assert one.status(after).received >= received, "the stream was not opened again"
    assert one.status(after).reconnects == 0


def test_a_killed_worker_is_back_and_others_do_not_notice(clip: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("decoder worker 0 ended .status -9. and is started again")
    with rig(BrokerSettings(workers=2)) as two:
        shown = [of(clip, camera="c1"), of(clip, camera="c2")]
        two.show(*shown)
        for demand in shown:
            two.until_moving(demand)
        pids = two.broker.worker_pids()
        victim, other = shown[0], shown[1]
        at_the_kill = two.client.sequence(victim), two.client.sequence(other)
        os.kill(pids[0], signal.SIGKILL)
        two.until_moving(victim, seconds=4.0)
        assert two.client.sequence(victim) > at_the_kill[0], "numbers never go back"
        assert two.client.sequence(other) > at_the_kill[1]
        assert two.status(other).reconnects == 0
        assert two.broker.worker_pids()[1] == pids[1]
        assert two.broker.worker_restarts() == 1


def test_a_hung_worker_is_replaced(one: Rig, clip: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("decoder worker 0 (gave no sign|ended)")
    shown = of(clip)
    one.show(shown)
    one.until_moving(shown)
    hung = one.broker.worker_pids()[0]
    os.kill(hung, signal.SIGSTOP)
    one.until_state(shown, PictureState.SLOW, 4.0)
    one.until_moving(shown, seconds=8.0)
    assert one.broker.worker_pids() != [hung]


def test_an_unreachable_camera_says_why_and_a_bad_address_too(one: Rig, clip: Path, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.mp4"
    garbage.write_bytes(os.urandom(4096))
    bad = {
        "refused": Demand("a", "rtsp://127.0.0.1:9/x", 64, 36),
        "no such": Demand("b", f"file:{tmp_path}/none.mp4", 64, 36),
        "no video source": Demand("c", "gopher://x", 64, 36),
        "no video": Demand("d", f"file:{garbage}", 64, 36),
    }
    good = of(clip)
    one.show(good, *bad.values())
    for words, demand in {**bad, "there is no file": bad.pop("no such")}.items():
        if words != "no such":
            until(lambda d=demand, w=words: w in one.status(d).reason, 8, f"{words}: {one.status(demand)}")
    assert one.status(bad["no video source"]).state is PictureState.NO_SOURCE
    assert one.client.sequence(bad["refused"]) == 0
    one.until_moving(good)


def test_a_mute_camera_times_out_and_keeps_nobody_waiting(one: Rig, clip: Path) -> None:
    with mute_camera() as host:
        mute = [Demand(f"m{i}", f"rtsp://{host}/{i}", 64, 36) for i in range(9)]
        good = of(clip)
        one.show(good, *mute)
        one.until_moving(good, seconds=4.0)
        until(lambda: one.status(mute[0]).reason == "no answer in time", 10, str(one.status(mute[0])))


def test_an_mjpeg_camera_over_http(one: Rig) -> None:
    with mjpeg_camera() as address:
        shown = Demand("c1", address, 320, 180)
        one.show(shown)
        one.until_moving(shown)
        picture = one.copy(shown).astype(int)
        red = (picture[..., 2] > 150) & (picture[..., 0] < 90)
        assert red[90].sum() >= 10, "the bar is red, not blue"
        one.show()


def test_the_test_card_moves(one: Rig) -> None:
    card = Demand("c1", "testcard:A", 320, 180)
    one.show(card)
    one.until_moving(card)
    before = one.copy(card)
    one.until_moving(card)
    assert (one.copy(card) != before).any()


def test_a_scene_that_is_not_drawn_yet_is_waited_for(clip: Path, tmp_path: Path) -> None:
    with rig(BrokerSettings(workers=1, scene_dir=str(tmp_path))) as waiting:
        scene = Demand("c1", "scene:068", 160, 90)
        waiting.show(scene)
        until(lambda: waiting.status(scene).age_s > 0.5, 5)
        assert waiting.status(scene).state is PictureState.CONNECTING
        os.link(clip, tmp_path / "068.mp4")
        waiting.until_state(scene, PictureState.LIVE, 4.0)


def test_scenes_may_be_named_later(one: Rig, clip: Path) -> None:
    scene = Demand("c1", "scene:7", 160, 90)
    one.show(scene)
    one.broker.set_scenes({"7": str(clip)})
    one.until_state(scene, PictureState.LIVE, 4.0)


def test_a_gui_that_comes_back_finds_its_pictures_moving(one: Rig, clip: Path) -> None:
    shown = of(clip)
    one.show(shown)
    one.until_moving(shown)
    received = one.status(shown).received
    one.client.close()
    again = PictureClient(one.broker.address, one.broker.authkey)
    again.demand(frozenset([shown]))
    until(lambda: again.sequence(shown), 5)
    assert again.status(shown).received >= received
    again.close()


def test_a_client_without_the_key_gets_nothing(
    one: Rig, clip: Path, caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs
) -> None:
    expect_logs("without the key")
    stranger = PictureClient(one.broker.address, b"wrong")
    stranger.demand(frozenset([of(clip)]))
    until(lambda: "without the key" in caplog.text, 5)
    assert one.broker.segment_count() == 0
    stranger.close()


def test_a_broker_that_starts_again_is_found_again(clip: Path) -> None:
    first = PictureBroker(BrokerSettings(workers=1))
    first.start()
    client = PictureClient(first.address, first.authkey)
    shown = of(clip)
    client.demand(frozenset([shown]))
    until(lambda: client.sequence(shown), 8)
    first.stop()
    last = client.sequence(shown)
    with client.pin(shown) as picture:
        assert picture is not None, "the last picture stays readable"
    second = PictureBroker(BrokerSettings(workers=1), address=first.address, authkey=first.authkey)
    second.start()
    until(lambda: client.sequence(shown) > last, 8, "pictures of the second broker")
    client.close()
    second.stop()


def test_nothing_is_left_after_a_stop(clip: Path) -> None:
    with rig(BrokerSettings(workers=2)) as running:
        running.show(of(clip))
        running.until_moving(of(clip))
        pids = running.broker.worker_pids()
        names = [entry.name for entry in segment.SHM.iterdir() if entry.name.startswith(running.broker.run)]
        assert names
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 5)
    assert not [name for name in names if (segment.SHM / name).exists()]


PARENT = """
import json, sys
from backends.video.broker import BrokerSettings, PictureBroker
from backends.video.client import PictureClient
from backends.domain.camera import Demand
broker = PictureBroker(BrokerSettings(workers=2)); broker.start()
client = PictureClient(broker.address, broker.authkey)
demands = [Demand(f"c{i}", "file:" + sys.argv[1], 160, 90) for i in range(4)]
client.demand(frozenset(demands))
while not all(client.sequence(demand) for demand in demands): sys.stderr.flush()
print(json.dumps({"workers": broker.worker_pids(), "run": broker.run}), flush=True)
sys.stdin.read()
"""


def test_a_killed_supervisor_takes_its_workers_along_and_the_next_start_tidies_up(clip: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", PARENT, str(clip)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        told = json.loads(parent.stdout.readline())
        parent.kill()
    assert len(told["workers"]) == 2
    until(lambda: not any(_runs(pid) for pid in told["workers"]), 5, "workers are gone")
    left = [entry for entry in segment.SHM.iterdir() if entry.name.startswith(told["run"])]
    assert left, "kill -9 leaves memory behind, or this test proves nothing"
    with rig():
        assert not [entry for entry in left if entry.exists()]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
