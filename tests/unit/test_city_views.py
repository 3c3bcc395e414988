"""What the cameras of the simulated city look at: gauges stand where they are seen, what is told of happens there, and
the cameras that are brought for an alarm show its place."""

from __future__ import annotations

import functools

import pytest

from backends.city import City
from backends.city.cameras import ahead, camera, camera_id, eye, eyes, seeing
from backends.city.stations import gauges
from backends.city.tables import local_ns
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.alarm_sight import eyes_on
from backends.domain.camera import Camera
from backends.domain.field_of_view import Sees, look
from backends.domain.world import Condition

START = "2026-11-20T09:41"


@functools.cache
def directory() -> dict[str, Camera]:
    return {c.id: c for c in City(start_ns=local_ns(START)).directory().cameras}


def test_a_gauge_names_those_cameras_that_see_it_and_no_other() -> None:
    for gauge in gauges():
        looks = [look(directory()[camera_id(number)], gauge.at) for number in gauge.cameras]
        assert all(one.sees <= Sees.TURNED for one in looks), gauge
        assert [one.order for one in looks] == sorted(one.order for one in looks)
    assert all(gauge.cameras for gauge in gauges() if gauge.kind in ("air", "road", "traffic"))
    assert not any(gauge.cameras for gauge in gauges() if gauge.kind == "data_centre")


def test_the_river_gauge_is_seen_by_the_embankment_and_by_who_stands_in_for_it() -> None:
    river = next(gauge for gauge in gauges() if gauge.id == "river-01")
    assert river.cameras[0] == "068"
    assert {"071", "074"} <= set(river.cameras)
    assert eye("068").substitutes == ("071",)


@pytest.mark.parametrize("number", ["001", "033", "068", "114", "364"])
def test_what_lies_ahead_of_a_camera_is_seen_by_it(number: str) -> None:
    assert look(camera(eye(number), "2026-11-20"), ahead(eye(number))).sees is Sees.HERE


def test_what_a_camera_tells_of_lies_in_its_view_and_what_it_suffers_lies_at_it() -> None:
    """The opening, and a day of ordinary stories."""
    told = [e for e in City(start_ns=local_ns(START)).past() if isinstance(e, Condition) and e.active and e.camera_ids]
    seen = {"camera": 0, "others": 0}
    for one in told:
        assert one.lon is not None
        assert one.lat is not None
        at, first = (one.lon, one.lat), directory()[one.camera_ids[0]]
        if one.source == "camera":
            assert (first.lon, first.lat) == at
        else:
            assert look(first, at).sees <= Sees.TURNED, one
        seen["camera" if one.source == "camera" else "others"] += 1
    assert min(seen.values()) > 3


def test_the_cameras_that_are_brought_for_an_alarm_show_its_place() -> None:
    """Of those in whose view it lies the best comes first, and a dead one is replaced by one that sees it as well."""
    river = next(gauge for gauge in gauges() if gauge.id == "river-01")
    alarm = Alarm(
        "a", Priority.URGENT, AlarmState.UNACKNOWLEDGED, river.name, 0, camera_ids=tuple(map(camera_id, river.cameras))
    )
    shown = eyes_on(alarm, river.at, directory(), unwell={"cam-068", "cam-074"}).shown
    assert shown[0].camera_id == "cam-071"
    assert shown[0].for_id == "cam-068"
    assert seeing(river.at)[0] == "068"
    assert len(eyes()) == 364
