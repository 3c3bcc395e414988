"""A real RTSP camera (GStreamer's server): live, refused, frozen, unplugged, rebooted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.picture_rig import Rig, rig
from helpers.rtsp_server import RtspServer

from backends.domain.camera import Demand, PictureState
from backends.video.broker import BrokerSettings, Credentials
from backends.video.places import places_of


@pytest.fixture
def camera() -> Iterator[RtspServer]:
    server = RtspServer()
    yield server
    server.kill()


@pytest.fixture
def one() -> Iterator[Rig]:
    with rig(BrokerSettings(workers=1)) as running:
        yield running


def test_live_then_frozen_then_back(one: Rig, camera: RtspServer) -> None:
    shown = Demand("c1", camera.uri, 320, 180)
    one.show(shown)
    one.until_state(shown, PictureState.LIVE)
    one.until_moving(shown)
    assert one.copy(shown)[..., :3].max() > 200, "the ball is white"
    camera.freeze()
    slow = one.until_state(shown, PictureState.SLOW, 4.0)
    assert 1.5 <= slow.age_s < 5.0
    # On a machine so busy that the worker is taken for hung and replaced, the new one must time out first.
    lost = one.until_state(shown, PictureState.LOST, 20.0)
    assert lost.age_s >= 5.0
    camera.thaw()
    one.until_state(shown, PictureState.LIVE, 20.0)
    one.until_moving(shown)


def test_unplugged_and_rebooted(one: Rig, camera: RtspServer) -> None:
    shown = Demand("c1", camera.uri, 320, 180)
    one.show(shown)
    one.until_moving(shown)
    camera.kill()
    one.until_state(shown, PictureState.SLOW, 6.0)
    camera.start()
    one.until_moving(shown, seconds=20.0)
    assert one.until_state(shown, PictureState.LIVE).reconnects >= 1


def test_the_password_opens_and_a_wrong_one_is_refused_without_a_storm(caplog: pytest.LogCaptureFixture) -> None:
    server = RtspServer(password="geheim/1 2")
    here = places_of([server.uri])
    known = {"right": Credentials("operator", "geheim/1 2", here), "wrong": Credentials("operator", "falsch", here)}
    try:
        with rig(BrokerSettings(workers=1), known) as running:
            right, wrong, none = (Demand(name, server.uri, 160, 90) for name in ("right", "wrong", "none"))
            running.show(right, wrong, none)
            running.until_moving(right)
            for demand in (wrong, none):
                status = running.until_state(demand, PictureState.REFUSED)
                assert status.reason == "the camera refuses user name or password"
            running.until_moving(right, frames=30)
            assert running.status(wrong).reconnects == 0, "it is not tried again within a minute"
            running.broker.set_credentials({**known, "wrong": known["right"]})
            running.until_moving(wrong)
    finally:
        server.kill()
    assert "geheim" not in caplog.text
    assert "falsch" not in caplog.text
