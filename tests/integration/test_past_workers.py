"""A recorder's past by a real broker and workers: only what is allowed, paused without a gap, over deaths, bounded."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import numpy as np
import pytest
from helpers.picture_rig import Rig, rig, until
from helpers.recorder import PASSWORD, USER, Recorder

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.replay import MOST_PAST, TOO_MANY_PAST, past_key
from backends.video.broker import BrokerSettings, Credentials
from backends.video.nvr.past import Recorder as Addresses
from backends.video.nvr.past import Span, replay_past
from backends.video.nvr.templates import Device, Maker

T0_S = datetime.fromisoformat("2026-11-20T08:15:00Z").timestamp()
NS = 10**9
COUNT = 250
"""Pictures, ten of a second: played in five."""
WAYS = ("hikvision", "dahua", "onvif")
KEY_S = 1.0


@pytest.fixture(scope="module")
def kept() -> Iterator[Recorder]:
    with Recorder(T0_S, COUNT, password=PASSWORD) as running:
        yield running


@pytest.fixture
def recorder(kept: Recorder) -> Recorder:
    kept.asked.clear()
    return kept


def past(recorder: Recorder, way: str, t0_s: float = 0.0, t1_s: float = 25.0, camera: str = "c1") -> Demand:
    t0, t1 = int((T0_S + t0_s) * NS), int((T0_S + t1_s) * NS)
    if way == "onvif":
        uri = replay_past(f"rtsp://127.0.0.1:{recorder.port}/onvif/replay", Span(t0, t1))
    else:
        uri = Addresses(Device(Maker(way), "127.0.0.1", recorder.port)).past(1, t0, t1)
    return Demand(camera, uri, 128, 96)


def leave(*demands: Demand) -> dict[str, Credentials]:
    """To look at these."""
    uris: dict[str, set[str]] = {}
    for demand in demands:
        uris.setdefault(past_key(demand.camera_id), set()).add(demand.uri)
    return {name: Credentials(USER, PASSWORD, frozenset(places)) for name, places in uris.items()}


def number(pixels: np.ndarray) -> int:
    """Which picture it is."""
    return sum(1 << bar for bar in range(8) if pixels[48, bar * 16 + 8, 1] > 128)


def at_s(running: Rig, demand: Demand) -> float:
    return running.status(demand).shown_ns / NS - T0_S


def plays(running: Rig, demand: Demand, beyond_s: float) -> None:
    until(lambda: at_s(running, demand) > beyond_s, 15, lambda: f"it plays: {running.status(demand)}")


def goes_on(running: Rig, demand: Demand, before: PictureStatus) -> float:
    """Wait for pictures after `before`; of when the first of them is, in seconds. This thread may look late, and the
    recorder plays faster than time: what has come meanwhile is counted off."""
    until(lambda: running.status(demand).received >= before.received + 2, 15, lambda: f"on: {running.status(demand)}")
    now = running.status(demand)
    return now.shown_ns / NS - T0_S - (now.received - before.received - 1) / 10


def opened(recorder: Recorder) -> int:
    return sum(one.startswith("PLAY") for one in recorder.asked)


def places(recorder: Recorder) -> int:
    """Connections that it has."""
    return sum(thread.is_alive() for thread in recorder._threads[1:])


@pytest.mark.parametrize("way", WAYS)
def test_without_leave_no_recorder_is_asked(recorder: Recorder, way: str) -> None:
    """A screen alone opens none, also with the camera's own password; and what was allowed can be taken back."""
    demand = past(recorder, way)
    other = msgspec.structs.replace(demand, camera_id="c2")
    later = past(recorder, way, 1.0)
    own = Credentials(USER, PASSWORD, frozenset({demand.uri}))
    with rig(BrokerSettings(workers=1), {"c1": own}) as running:
        running.show(demand)
        until(lambda: running.broker.segment_count() == 1, 10, "it is wanted")
        running.show(demand, later)
        running.broker.set_credentials({"c1": own, "c2": own, **leave(other), **leave(later)})
        plays(running, later, 2.0)
        assert (opened(recorder), running.client.sequence(demand)) == (1, 0), "another camera's; another time's"
        running.show(demand)
        running.broker.set_credentials(leave(demand))
        plays(running, demand, 0.5)
        running.broker.set_credentials({})
        until(lambda: running.status(demand).state is PictureState.SLOW, 10, lambda: f"{running.status(demand)}")
        assert at_s(running, demand) < 20


@pytest.mark.parametrize("way", WAYS)
def test_a_pause_lets_go_of_the_recorder_and_goes_on_where_it_was(recorder: Recorder, way: str) -> None:
    demand = past(recorder, way)
    with rig(BrokerSettings(workers=1), leave(demand)) as running:
        running.show(demand)
        plays(running, demand, 2.5)
        pause = msgspec.structs.replace(demand, held=True)
        running.show(pause)
        until(lambda: places(recorder) == 0, 10, "the recorder has its place back")
        before, stood, picture = running.status(pause), at_s(running, pause), running.copy(pause)
        assert number(picture) == pytest.approx(stood * 10, abs=1.5), "the time that is said is that of the picture"
        running.show(demand)
        assert stood - KEY_S - 0.2 < goes_on(running, demand, before) < stood + 0.2, "no gap, one group again at most"
        plays(running, demand, stood + 2)
        assert number(running.copy(demand)) > number(picture)
        assert opened(recorder) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_worker_goes_on_where_it_was(
    recorder: Recorder, way: str, expect_logs: Callable[[str], None]
) -> None:  # fmt: skip
    expect_logs("worker")
    demand = past(recorder, way)
    with rig(BrokerSettings(workers=1), leave(demand)) as running:
        running.show(demand)
        plays(running, demand, 3.5)
        (pid,) = running.broker.worker_pids()
        os.kill(pid, signal.SIGKILL)
        until(lambda: running.broker.worker_restarts() == 1, 15, "it is back")
        before, stood = running.status(demand), at_s(running, demand)
        assert stood - KEY_S - 0.2 < goes_on(running, demand, before) < stood + 0.2
        assert running.until_state(demand, PictureState.ENDED, 20).received > 200
        assert at_s(running, demand) > 24


def test_at_its_end_a_killed_worker_comes_to_the_end_again(
    recorder: Recorder, expect_logs: Callable[[str], None]
) -> None:  # fmt: skip
    expect_logs("worker")
    demand = past(recorder, "onvif", 0.0, 2.0)
    with rig(BrokerSettings(workers=1), leave(demand)) as running:
        running.show(demand)
        running.until_state(demand, PictureState.ENDED)
        stood = at_s(running, demand)
        os.kill(running.broker.worker_pids()[0], signal.SIGKILL)
        until(lambda: opened(recorder) == 2, 15, "it is opened once more")
        running.until_state(demand, PictureState.ENDED)
        assert abs(at_s(running, demand) - stood) < 0.4


def test_a_jump_gives_the_place_back_at_once(recorder: Recorder) -> None:
    first, second = past(recorder, "onvif"), past(recorder, "onvif", 10.0)
    with rig(BrokerSettings(workers=1), leave(first, second)) as running:
        running.show(first)
        plays(running, first, 1.0)
        running.show(second)
        until(lambda: running.broker.segment_count() == 1, 0.5, "the first does not linger")
        plays(running, second, 10.5)
        until(lambda: places(recorder) == 1, 3, "nor does its connection")


def test_more_than_a_few_at_once_are_refused_in_words(recorder: Recorder) -> None:
    demands = [past(recorder, "onvif", camera=f"c{n}") for n in range(MOST_PAST + 1)]
    with rig(BrokerSettings(workers=1), leave(*demands)) as running:
        running.show(*demands[:MOST_PAST])
        for demand in demands[:MOST_PAST]:
            plays(running, demand, 0.1)
        running.show(*demands)
        until(lambda: running.status(demands[-1]).reason, 10, "words")
        status = running.status(demands[-1])
        assert (status.state, status.reason) == (PictureState.NO_SOURCE, TOO_MANY_PAST)
        assert opened(recorder) == MOST_PAST
        running.show(*demands[1:])
        plays(running, demands[-1], 0.1)


def test_what_is_live_never_stands_in_for_the_past(recorder: Recorder) -> None:
    with rig(BrokerSettings(workers=1)) as running:
        live = Demand("c1", "testcard:c1", 128, 96)
        running.show(live)
        running.until_moving(live)
        old = past(recorder, "onvif")
        running.show(live, old)
        until(lambda: running.broker.segment_count() == 2, 10, "both are wanted")
        assert running.client.sequence(live)
        assert running.client.sequence(old) == 0
