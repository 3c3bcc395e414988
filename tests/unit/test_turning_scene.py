"""A drawn camera of the simulated city is turned as a real one: the hub names it as its own device, the station's hand
moves it, and its presets come from its record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.tiny_city import TinyCity
from helpers.waiting import wait_for

from backends.city.cameras import camera, eye
from backends.domain.access import Grant
from backends.domain.feeds import Mode
from backends.domain.people import Role
from backends.domain.times import NS_PER_S, ManualClock
from backends.domain.turning import TurnAct, TurnStage, TurnStatus, TurnWish
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.site_cameras import Device
from backends.protocol.messages import Lease, Leased
from backends.video.scene_head import aim_file, read_aim
from console import turning_hand
from console.feed_secrets import SecretKeeper
from console.feed_turning import TurnKeeper
from console.sealed import Seal

NOW = 1_790_000_000 * NS_PER_S
CAMERA = camera(eye("014"), "2026-11-20")
THU_HA = Grant("op-thuha", "Nguyễn Thu Hà", Role.OPERATOR)


def test_the_hub_names_a_drawn_camera_as_its_own_device(tmp_path: Path) -> None:
    core = Core(SqliteLog(tmp_path / "hub.db", Mode.TEST), TinyCity(NOW, past_s=60))
    core.start(NOW)
    for record in (CAMERA, camera(eye("033"), "2026-11-20")):
        core.put("cameras", record, NOW)
    core.round(NOW, 0.0)
    assert core.turned_by("cam-014") == Device("scene:014")
    assert core.turned_by("cam-033") is None
    real = tuple(msgspec.structs.replace(one, uri="rtsp://10.0.0.14/2") for one in CAMERA.streams)
    core.put("cameras", msgspec.structs.replace(CAMERA, streams=real), NOW)
    core.round(NOW, 0.0)
    assert core.turned_by("cam-014") is None


@dataclasses.dataclass
class Room:
    """Somebody at a station, and a hub that grants whatever is asked."""

    folder: Path
    told: list[TurnStatus] = dataclasses.field(default_factory=list)
    keeper: TurnKeeper = dataclasses.field(init=False)
    grant: Grant = THU_HA
    up: bool = True
    away_s: float = 0.0

    def lease(self, question: Lease) -> None:
        self.keeper.leased(Leased(question.request, lease_s=30.0, address="scene:014"))

    def ask(self, act: TurnAct, **more: object) -> None:
        self.keeper.ask(1, TurnWish("cam-014", act, **more))  # type: ignore[arg-type]  # its own keywords

    def pan(self) -> float:
        aim = read_aim(aim_file(self.folder, "014"))
        return aim.at(aim.until_s)[0] if aim is not None else 0.0


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(turning_hand, "scene_cache", lambda: tmp_path / "scenes")
    clock, made, raw = ManualClock(NOW), Room(tmp_path / "scenes"), msgspec.json.encode(CAMERA)

    def note(*_: str) -> None:
        """The audit is not the matter here."""

    secrets = SecretKeeper(tmp_path, clock, clock, Opener(), note, lambda _: raw)  # type: ignore[arg-type]  # never asked
    made.keeper = TurnKeeper(tmp_path, "ban-1", clock, made, secrets, made.told.append, note, lambda _: raw)
    made.keeper.start(made, Seal("secret", "ban-1", "demo"))
    yield made
    made.keeper.stop()


class Opener:
    """Asks no hub: a drawn camera has no password."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a drawn camera has no password: {name}")


def test_a_hand_turns_it_and_its_presets_are_the_citys(room: Room) -> None:
    room.ask(TurnAct.TAKE)
    wait_for("it turns", lambda: room.told and room.told[-1].stage is TurnStage.TURNING and room.told[-1].presets)
    assert [one.name for one in room.told[-1].presets] == ["Ngã tư", "Lê Duẩn", "Hùng Vương"]
    room.ask(TurnAct.GO_TO, preset="Hùng Vương")
    wait_for("it looks there", lambda: room.pan() == 1.0)
    room.ask(TurnAct.MOVE, pan=-1.0)
    wait_for("it moves", lambda: room.pan() < 0.9)
    room.ask(TurnAct.GIVE_BACK)
    wait_for("given back", lambda: room.told[-1].stage is TurnStage.ENDED)
    aim = read_aim(aim_file(room.folder, "014"))
    assert aim is not None
    assert (aim.pan_by, aim.tilt_by, aim.zoom_by) == (0.0, 0.0, 0.0), "it stands"
