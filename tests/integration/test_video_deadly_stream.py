"""A stream that ends its worker again and again, real processes: its neighbours are back in time, and stay.

What a deadly camera does to its worker is done by the test: SIGKILL whenever that camera's picture has come.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from conftest import ExpectLogs
from helpers.clips import write_clip
from helpers.picture_rig import Rig, rig, until

from backends.domain.camera import Demand
from backends.domain.picture import Apart, Decoding
from backends.video.broker import BrokerSettings
from backends.video.plan import StreamKey

BACK_S = 4.0
"""Design, section 6: where the machine has nothing else to do."""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def strike(running: Rig, deadly: Demand) -> None:
    """The worker that has it open dies."""
    running.until_moving(deadly)
    stream = StreamKey(deadly.camera_id, deadly.uri)
    until(lambda: running.broker.pid_of(stream), what="its worker runs")
    pid = running.broker.pid_of(stream)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: running.broker.pid_of(stream) != pid, what="the death is noticed")


def test_the_neighbours_are_back_and_stay_and_the_deadly_one_says_that_it_runs_alone(expect_logs: ExpectLogs) -> None:
    expect_logs("ended .status -9. and is started again")
    expect_logs("runs apart from the others")
    shown = [Demand(f"c{n}", f"testcard:{n}", 64, 36) for n in range(8)]
    deadly, neighbours = shown[0], shown[1:]
    with rig(BrokerSettings(workers=2)) as running:
        began = time.monotonic()
        running.show(*shown)
        for demand in shown:
            running.until_moving(demand)
        back_s = max(BACK_S, 2 * (time.monotonic() - began))  # a machine with other work starts processes slowly
        strikes = 0
        while running.status(deadly).apart is not Apart.ALONE:
            assert strikes < 4, "it is found after four deaths at most"
            strike(running, deadly)
            strikes += 1
            struck = time.monotonic()
            for demand in neighbours:
                running.until_moving(demand, back_s - (time.monotonic() - struck))
            until(lambda n=strikes: n < 2 or running.status(deadly).apart, 4.0, "it says that it runs apart")
        assert strikes >= 2

        pids = {d: running.broker.pid_of(StreamKey(d.camera_id, d.uri)) for d in neighbours}
        for pause_s in (2.0, 4.0):
            came = {demand: running.client.sequence(demand) for demand in neighbours}
            strike(running, deadly)
            struck = time.monotonic()
            until(lambda: running.status(deadly).apart is Apart.WAITING, 2.0, "its tile says why it waits")
            running.until_moving(deadly, pause_s + back_s)
            assert time.monotonic() - struck >= pause_s - 0.1, "a deadly stream is not opened in a storm"
            until(lambda: running.status(deadly).apart is Apart.ALONE, 2.0, "and that it runs alone")
            for demand, before in came.items():
                assert running.client.sequence(demand) >= before + 15, "the others have gone on meanwhile"
        assert pids == {d: running.broker.pid_of(StreamKey(d.camera_id, d.uri)) for d in neighbours}

        alone = running.broker.pid_of(StreamKey(deadly.camera_id, deadly.uri))
        running.show(*neighbours)
        until(lambda: alone not in running.broker.worker_pids(), 10.0, "nobody shows it: its process goes")
        for demand in neighbours:
            running.until_moving(demand)


def test_what_runs_apart_is_decoded_by_the_processor(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    """A device's driver may be what ends the workers. That one is asked for at all, the first worker shows."""
    expect_logs("ended .status -9. and is started again")
    expect_logs("runs apart from the others")
    clip = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    shown = Demand("c1", f"file:{clip}", 64, 36)
    settings = BrokerSettings(workers=1, hardware="cuda", log_file=str(tmp_path / "pictures.log"))
    with rig(settings) as running:
        running.show(shown)
        running.until_moving(shown)
        assert running.status(shown).decoding is not Decoding.PLAIN
        for _ in range(2):
            strike(running, shown)
        until(lambda: running.status(shown).apart is Apart.ALONE, what="it runs apart")
        until(lambda: running.status(shown).decoding is Decoding.PLAIN, what="without the device")
        running.until_moving(shown)
