"""LEASE at a real hub process, by hand: who gets a camera, who takes it from whom, what is written down.

The stations and people are real; the camera is a line in the site's table that nobody speaks to here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import PEOPLE, SECRET, make_accounts, sign_in
from helpers.hub_process import HubProcess, WireClient
from helpers.waiting import wait_for

from backends.domain.people import Role
from backends.hub.accounts import AccountBook

TABLE = (
    "number,name_vi,sub_uri,onvif,ptz,nvr,channel\n"
    "014,Cổng chợ,rtsp://10.0.0.14/2,http://10.0.0.14/onvif/device_service,yes,,\n"
    "015,Bãi xe,rtsp://10.0.0.15/2,http://10.0.0.9/onvif/device_service,yes,nvr-1,3\n"
    "016,Cầu,rtsp://10.0.0.16/2,,yes,,\n"
)


class Room:
    """A hub and the stations of the room, each with its person."""

    def __init__(self, hub: HubProcess, stack: ExitStack) -> None:
        self.hub, self._stack = hub, stack
        self.ready = hub.start()
        self._request = 0

    def desk(self, station: str, person: str = "") -> WireClient:
        client = self._stack.enter_context(WireClient(self.ready, self.hub.keys(station)))
        client.hello()
        if person:
            assert sign_in(client, person).get("code", "") == ""
        return client

    def lease(self, client: WireClient, camera: str = "cam-014", act: str = "take", **more: Any) -> dict[str, Any]:
        self._request += 1
        token = {"token": client.token} if client.token else {}
        said = client.ask("LEASE", request=self._request, camera=camera, act=act, **token, **more)
        assert (said["msg"], said["request"]) == ("LEASED", self._request)
        return said

    def turner(self, client: WireClient, camera: str = "cam-014") -> dict[str, Any] | None:
        items, _ = client.snapshot("cameras")
        return next((i["body"].get("turner") for i in items if i["id"] == camera), None)

    def events(self, client: WireClient) -> list[tuple[str, str, str]]:
        items, _ = client.snapshot("timeline")
        found = [(i["body"]["what"], i["body"].get("actor", ""), i["body"]["text"]["vi"]) for i in items]
        return [one for one in found if "turning" in one[0] or "preset" in one[0]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    make_accounts(tmp_path)
    book = AccountBook(tmp_path)
    book.add("minh", "Trần Minh", "Minh", Role.OPERATOR, SECRET)
    book.close()
    (tmp_path / "cameras.csv").write_text(TABLE, encoding="utf-8")
    hub = HubProcess(tmp_path, sign_in="password", past_s=30, resume="always", stations=("desk-1", "desk-2", "wall"))
    with hub, ExitStack() as stack:
        yield Room(hub, stack)


def test_one_person_at_a_time_and_everybody_sees_who(room: Room) -> None:
    ha, minh = room.desk("desk-1", "ha"), room.desk("desk-2", "minh")
    said = room.lease(ha)
    assert said == {
        "msg": "LEASED", "request": 1, "lease_s": 30.0, "address": "http://10.0.0.14/onvif/device_service",
    }  # fmt: skip
    assert room.lease(minh)["code"] == "held"
    assert room.lease(minh)["holder"] == "Thu Hà"
    shown = wait_for("the record shows her", lambda: room.turner(minh))
    assert (shown["name"], shown["station"], shown["role"]) == ("Thu Hà", "desk-1", "operator")
    assert "code" not in room.lease(ha), "taken again by her: nothing new"
    assert "code" not in room.lease(ha, act="renew")
    assert room.lease(minh, act="give_back")["code"] == "not_held"
    assert "code" not in room.lease(ha, act="give_back")
    assert "code" not in room.lease(minh)
    wait_for("three events", lambda: len(room.events(ha)) == 3)
    assert room.events(ha) == [
        ("turning_begun", "ha", "desk-1"), ("turning_ended", "ha", "desk-1 · trả lại"),
        ("turning_begun", "minh", "desk-2"),
    ]  # fmt: skip


def test_what_comes_late_touches_no_later_lease(room: Room) -> None:
    ha = room.desk("desk-1", "ha")
    room.lease(ha, lease="first")
    room.lease(ha, lease="second")
    assert room.lease(ha, act="give_back", lease="first")["code"] == "not_held"
    assert room.lease(ha, act="renew", lease="first")["code"] == "not_held"
    assert "code" not in room.lease(ha, act="renew", lease="second"), "it lives"
    assert "code" not in room.lease(ha, act="give_back", lease="second")
    assert room.lease(ha, act="renew", lease="second")["code"] == "not_held", "what is over is not given again"
    wait_for("it was one time", lambda: [one[0] for one in room.events(ha)] == ["turning_begun", "turning_ended"])


def test_a_shift_lead_takes_it_over_and_no_renewal_takes_it_back(room: Room) -> None:
    ha, lan = room.desk("desk-1", "ha"), room.desk("desk-2", "lan")
    room.lease(ha)
    assert "code" not in room.lease(lan)
    said = room.lease(ha, act="renew")
    assert (said["code"], said["holder"]) == ("held", "Ngọc Lan")
    assert room.lease(ha)["code"] == "held"
    wait_for("all events", lambda: len(room.events(ha)) == 3)
    assert room.events(ha)[1] == ("turning_ended", "ha", "desk-1 · nhường cho Ngọc Lan (desk-2)")


def test_a_patrol_yields_to_any_hand_and_takes_nothing(room: Room) -> None:
    ha, lan, minh = room.desk("desk-1", "ha"), room.desk("desk-2", "lan"), room.desk("wall", "minh")
    assert "code" not in room.lease(lan, patrol=True)
    assert room.lease(ha, patrol=True)["code"] == "held"
    assert "code" not in room.lease(ha)
    assert room.lease(lan, patrol=True)["code"] == "held"
    assert room.lease(minh)["code"] == "held"


def test_a_person_takes_it_along_to_another_station(room: Room) -> None:
    first, second = room.desk("desk-1", "ha"), room.desk("desk-2", "ha")
    room.lease(first)
    assert "code" not in room.lease(second)
    assert room.lease(first, act="renew")["code"] == "held", "what is left at the first one does not take it back"
    assert room.lease(first, patrol=True)["code"] == "held", "nor does a patrol there: it is nobody's hand"


@pytest.mark.parametrize("role", list(Role))
def test_each_role(room: Room, role: Role) -> None:
    person, _ = PEOPLE[role]
    client = room.desk("desk-1", person)
    may_turn = role in (Role.OPERATOR, Role.SHIFT_LEAD)
    assert room.lease(client).get("code", "") == ("" if may_turn else "not_allowed")
    may_keep = role is Role.SHIFT_LEAD
    assert room.lease(client, act="preset", text="Cổng").get("code", "") == ("" if may_keep else "not_allowed")
    if may_keep:
        assert room.lease(client, act="preset", text=" ")["code"] == "bad_text"
        wait_for("it is written down", lambda: ("preset_kept", "lan", "desk-1 · Cổng") in room.events(client))


def test_what_is_refused(room: Room) -> None:
    nobody, ha = room.desk("desk-1"), room.desk("desk-2", "ha")
    assert room.lease(nobody)["code"] == "nobody_signed_in"
    assert room.lease(ha, "cam-999")["code"] == "unknown"
    assert room.lease(ha, "cam-016")["code"] == "unknown", "nobody has said how it is reached"
    assert room.lease(ha, act="fly")["code"] == "bad_act"
    assert room.lease(ha, "cam-015")["channel"] == 3
    items, _ = ha.snapshot("cameras")
    assert {i["id"]: i["body"].get("turns", False) for i in items} == {
        "cam-014": True, "cam-015": True, "cam-016": False,
    }  # fmt: skip
    assert "onvif" not in str(items), "how it is turned is told with a lease alone"


def test_who_signs_out_lets_go(room: Room) -> None:
    ha, minh = room.desk("desk-1", "ha"), room.desk("desk-2", "minh")
    room.lease(ha)
    ha.ask("SIGNOUT", request=9, token=ha.token)
    wait_for("it is free", lambda: room.lease(minh).get("code", "") == "")


def test_a_hub_that_was_killed_knows_who_turns(room: Room) -> None:
    ha = room.desk("desk-1", "ha")
    token = ha.token
    room.lease(ha)
    wait_for("it is on record", lambda: room.turner(ha))
    ha.close()
    room.hub.kill()
    room.ready = room.hub.start()
    minh, again = room.desk("desk-2", "minh"), room.desk("desk-1")
    again.token = token
    said = room.lease(minh)
    assert (said["code"], said["holder"]) == ("held", "Thu Hà")
    assert "code" not in room.lease(again, act="renew")
