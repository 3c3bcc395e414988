"""The end of a lease that nobody renews, and what a changed table of cameras does to one. Without sockets."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.tiny_city import TinyCity

from backends.adapters.cameras_csv import SITE_FILE
from backends.domain.camera import Camera
from backends.domain.feeds import Mode
from backends.domain.people import Role
from backends.domain.times import NS_PER_S, ManualClock
from backends.domain.turning import LEASE_S, rank
from backends.hub import turning
from backends.hub.access import Who
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.site_cameras import SiteCameras
from backends.hub.turning import Turning
from backends.protocol.codec import decode_body
from backends.protocol.messages import Lease, Leased

NOW = 1_790_000_000 * NS_PER_S
HEAD = "number,name_vi,sub_uri,onvif,ptz"
GATE = "014,Cổng chợ,rtsp://10.0.0.14/2,http://10.0.0.14/onvif/device_service,yes"


class Hub:
    """Log, core and leases; whoever the tiny city seats at desk-1 asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(GATE)
        self.log = SqliteLog(folder / "hub.db", Mode.TEST)
        self.site = SiteCameras(folder)
        self.core = Core(self.log, TinyCity(NOW, past_s=60), site=self.site)
        self.core.start(NOW)
        self.clock = ManualClock(NOW)
        self.counters: Counter[str] = Counter()
        self.turning = Turning(self.core, self.clock, self.counters)
        self.round()

    def write(self, line: str) -> None:
        (self.folder / SITE_FILE).write_text(f"{HEAD}\n{line}\n", encoding="utf-8")

    def round(self) -> None:
        self.clock.advance_s(1.0)
        self.core.maintain(self.clock.now_ns())
        self.core.round(self.clock.now_ns(), self.clock.now_ns() / NS_PER_S)

    def ask(self, act: str = "take", request: int = 1, **more: str) -> Leased:
        person = self.core.operator_at("desk-1", self.clock.now_ns())
        lead = msgspec.structs.replace(person, role=Role.SHIFT_LEAD) if person else None
        question = Lease(request, "cam-014", act, **more)  # type: ignore[arg-type]
        return self.turning.asked("desk-1", Who(lead) if lead else None, question)

    def camera(self) -> Camera | None:
        found = {e.id: decode_body("cameras", e.body) for e in self.core.snapshot("cameras")}
        return found.get("cam-014")

    def ends(self) -> list[str]:
        events = [decode_body("timeline", e.body) for e in self.core.snapshot("timeline")]
        return [event.text.get("en") for event in events if event.what == "turning_ended"]

    def count(self, what: str) -> int:
        return sum(decode_body("timeline", e.body).what == what for e in self.core.snapshot("timeline"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path)
    yield made
    made.log.close()


def test_a_lease_that_nobody_renews_ends_by_itself(hub: Hub) -> None:
    assert hub.ask().code == ""
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert camera.turner is not None
    now_s = time.monotonic()
    hub.turning.look(now_s + LEASE_S - 1.0)
    hub.round()
    assert hub.ends() == []
    hub.turning.look(now_s + LEASE_S + 1.0)
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert camera.turner is None
    assert hub.ends() == ["desk-1 · not renewed"]


def test_the_table_changes_under_a_lease(hub: Hub) -> None:
    hub.ask()
    hub.round()
    hub.write(GATE.replace("Cổng chợ", "Cổng chợ mới"))
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert (camera.name.vi, camera.turner is not None) == ("Cổng chợ mới", True), "who turns it is not of the table"
    hub.write(GATE.replace("yes", "no"))
    hub.round()
    hub.turning.look(time.monotonic())
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert (camera.turns, camera.turner) == (False, None)
    assert hub.ends() == ["desk-1 · the camera turns no more"]
    assert hub.ask().code == "unknown"


def test_what_cannot_be_written_down_is_not_given(hub: Hub) -> None:
    hub.core.trouble = "disk full"
    assert hub.ask().code == "not_kept"
    hub.core.trouble = ""
    assert hub.ask().code == ""
    hub.core.trouble = "disk full"
    assert hub.ask("renew").code == "", "who has it keeps it: nothing is to be written"


def test_what_is_asked_again_is_done_once(hub: Hub) -> None:
    """The console repeats what was not answered in time, as it was."""
    assert hub.ask("take", 1, lease="a").code == ""
    for _ in range(2):
        assert hub.ask("preset", 2, lease="a", text="Cổng").code == ""
        hub.round()
    assert hub.count("preset_kept") == 1
    assert hub.ask("preset", 3, lease="a", text="Cổng").code == "", "the control: a person keeps it once more"
    hub.round()
    assert hub.count("preset_kept") == 2
    assert hub.ask("give_back", 4, lease="a").code == ""
    assert hub.ask("give_back", 4, lease="a").code == ""
    for act in ("renew", "take"):
        assert hub.ask(act, 5, lease="a").code == "not_held", "a late one of a hand that has let go"
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert camera.turner is None
    assert hub.ask("take", 6, lease="b").code == ""
    assert hub.ask("give_back", 4, lease="a").code == ""
    hub.round()
    camera = hub.camera()
    assert camera is not None
    assert camera.turner is not None, "the repeat touches no later lease"
    assert (hub.count("turning_begun"), hub.count("turning_ended")) == (2, 1)


def test_what_is_kept_of_a_question_has_a_size(hub: Hub) -> None:
    """The answers of the last ones are remembered with them: 64 of a megabyte each."""
    huge = "x" * (turning.TEXT_MOST + 1)
    assert hub.ask("give_back", 1, lease=huge).code == "bad_text"
    assert hub.ask("preset", 2, lease="a", text=huge).code == "bad_text"
    nowhere = hub.turning.asked("desk-1", None, Lease(3, huge, "give_back"))
    assert nowhere.code == "unknown"
    assert hub.turning._answered == {}


def test_ranks() -> None:
    order = [rank(role, patrol=False) for role in (Role.VIEWER, Role.OPERATOR, Role.SHIFT_LEAD)]
    assert order == [0, 1, 2]
    assert {rank(role, patrol=True) for role in Role} == {0}
