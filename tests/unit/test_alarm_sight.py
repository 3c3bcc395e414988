"""Which cameras and which sensor show most of an alarm."""

from __future__ import annotations

import math
import random

import pytest
from msgspec.structs import replace

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.alarm_sight import MOST, REACH_M, Eye, Eyes, eyes_on, point_of, ranked, sensor_for, usable, verdict
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.field_of_view import USUAL_RANGE_M, Look, Sees, look
from backends.domain.picture import PictureFlag
from backends.domain.place import M_PER_DEGREE, Point, bearing, metres
from backends.domain.sensor import Sensor
from backends.domain.text import LocalText

HERE: Point = (107.10, 16.82)
NONE = Eyes(())


def at(east_m: float, north_m: float) -> Point:
    squeeze = math.cos(math.radians(HERE[1]))
    return (HERE[0] + east_m / M_PER_DEGREE / squeeze, HERE[1] + north_m / M_PER_DEGREE)


def camera(number: str, east_m: float = 0.0, north_m: float = 0.0, **more: object) -> Camera:
    lon, lat = at(east_m, north_m)
    stream = Stream(StreamKind.SUB, f"rtsp://192.0.2.1/{number}")
    made = Camera(f"c{number}", number, LocalText(f"Camera {number}"), (stream,), lon=lon, lat=lat)
    return replace(made, **more)


def alarm(*cameras: str, **more: object) -> Alarm:
    made = Alarm(
        "a@1", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Ngập sâu"), 1, lon=HERE[0], lat=HERE[1],
        camera_ids=cameras,
    )  # fmt: skip
    return replace(made, **more)


def directory(*cameras: Camera) -> dict[str, Camera]:
    return {one.id: one for one in cameras}


def shown(eyes: Eyes) -> list[str]:
    return [eye.camera_id for eye in eyes.shown]


def order(named: Alarm, place: Point | None, known: dict[str, Camera]) -> list[str]:
    return [one.camera_id for one in ranked(named, place, known)]


def test_metres_and_bearing() -> None:
    assert metres(HERE, at(300.0, 400.0)) == pytest.approx(500.0, rel=1e-3)
    assert bearing(HERE, at(0.0, 50.0)) == pytest.approx(0.0, abs=0.1)
    assert bearing(HERE, at(50.0, 0.0)) == pytest.approx(90.0, abs=0.1)
    assert bearing(HERE, at(-50.0, -50.0)) == pytest.approx(225.0, abs=0.1)


def test_its_own_cameras_come_first_in_their_order_then_the_nearest() -> None:
    known = directory(camera("1", 900), camera("2", 20), camera("3", 800), camera("4", 50), camera("5", 30))
    assert order(alarm("c3", "c1"), HERE, known) == ["c3", "c1", "c2", "c5", "c4"]
    assert shown(eyes_on(alarm("c3", "c1"), HERE, known)) == ["c3", "c1", "c2", "c5"]
    assert len(eyes_on(alarm(), HERE, known).shown) == MOST


def test_one_that_looks_that_way_comes_before_a_nearer_one_that_does_not() -> None:
    south = camera("1", 0, -100, bearing_deg=10.0)  # the place lies to its north
    beside = camera("2", 0, -60, bearing_deg=170.0)
    unknown = camera("3", 0, -80)
    assert order(alarm(), HERE, directory(south, beside, unknown)) == ["c1", "c3", "c2"]


@pytest.mark.parametrize(("looks_deg", "first"), [(316.0, "c1"), (44.0, "c1"), (314.0, "c2"), (46.0, "c2")])
def test_the_view_reaches_half_of_ninety_degrees_to_each_side_over_north_too(looks_deg: float, first: str) -> None:
    known = directory(camera("1", 0, -100, bearing_deg=looks_deg), camera("2", 0, -50))
    assert order(alarm(), HERE, known)[0] == first


def test_from_too_far_away_looking_that_way_counts_for_nothing() -> None:
    known = directory(camera("1", 0, -USUAL_RANGE_M - 5, bearing_deg=0.0), camera("2", 0, -USUAL_RANGE_M + 5))
    assert order(alarm(), HERE, known) == ["c2", "c1"]


def test_where_a_camera_that_turns_looks_is_not_known() -> None:
    known = directory(camera("1", 0, -100, bearing_deg=0.0, turns=True), camera("2", 0, -50))
    assert order(alarm(), HERE, known) == ["c2", "c1"]


def test_equal_ones_come_by_number() -> None:
    assert order(alarm(), HERE, directory(camera("9", 50), camera("7", 50), camera("8", 50))) == ["c7", "c8", "c9"]


def test_what_is_out_of_reach_or_has_no_place_or_is_switched_off_is_not_looked_at() -> None:
    known = directory(
        camera("1", REACH_M + 5), camera("2", 10, lon=None), camera("3", 10, enabled=False), camera("4", REACH_M - 5)
    )
    assert order(alarm(), HERE, known) == ["c4"]


def test_there_may_be_none() -> None:
    assert eyes_on(alarm(), HERE, {}) == NONE
    assert eyes_on(alarm(), None, directory(camera("1"))) == NONE
    assert eyes_on(alarm("gone"), None, directory(camera("1"))) == NONE


@pytest.mark.parametrize(
    "wrong",
    [
        {"online": False}, {"enabled": False}, {"streams": ()}, {"flags": (PictureFlag.COVERED,)},
        {"flags": (PictureFlag.BLURRED, PictureFlag.FROZEN)},
    ],
)  # fmt: skip
def test_one_that_shows_nothing_gives_its_place_to_the_next_living_one_and_that_is_told(wrong: dict) -> None:
    known = directory(camera("1", **wrong), *(camera(str(n), 10.0 * n) for n in range(2, 7)))
    assert eyes_on(alarm("c1"), HERE, known) == Eyes((Eye("c2"), Eye("c3"), Eye("c4"), Eye("c5", "c1")))


def test_a_blurred_one_is_better_than_none() -> None:
    known = directory(camera("1", flags=(PictureFlag.BLURRED,)))
    assert shown(eyes_on(alarm("c1"), HERE, known)) == ["c1"]


def test_what_this_station_finds_dead_is_dead_whatever_the_directory_says() -> None:
    known = directory(*(camera(str(n), 10.0 * n) for n in range(1, 7)))
    eyes = eyes_on(alarm("c1"), HERE, known, unwell={"c2"})
    assert eyes == Eyes((Eye("c1"), Eye("c3"), Eye("c4"), Eye("c5", "c2")))


def test_its_stand_in_comes_first_of_all_once() -> None:
    first, second = camera("1", online=False, substitutes=("c9", "c3")), camera("2", online=False, substitutes=("c3",))
    known = directory(first, second, camera("3", 700), camera("4", 50), camera("9", online=False))
    eyes = eyes_on(alarm("c1", "c2"), HERE, known, most=2)
    assert eyes == Eyes((Eye("c3", "c1"), Eye("c4", "c2"))), "c9 is dead, and c3 cannot stand in for both"


def test_a_stand_in_that_is_among_the_best_anyway_says_whose_place_it_takes() -> None:
    known = directory(camera("1", online=False, substitutes=("c2",)), camera("2", 5), camera("3", 50))
    assert eyes_on(alarm("c1", "c2"), HERE, known) == Eyes((Eye("c2", "c1"), Eye("c3")))


def test_what_nothing_can_replace_is_told() -> None:
    known = directory(camera("1", online=False), camera("2", 20))
    assert eyes_on(alarm("c1"), HERE, known) == Eyes((Eye("c2"),), ("c1",))


def test_its_place_is_its_own_then_that_of_its_sensor_then_of_a_camera() -> None:
    sensor = Sensor("s", LocalText("Mực nước"), "m", lon=1.0, lat=2.0)
    known = directory(camera("1", lon=None), camera("2", 30))
    assert point_of(alarm("c1", "c2"), sensor, known) == HERE
    nowhere = alarm("c1", "c2", lon=None)
    assert point_of(nowhere, sensor, known) == (1.0, 2.0)
    assert point_of(nowhere, None, known) == at(30, 0)
    assert point_of(alarm("c1", lon=None), None, known) is None


def test_one_that_looks_elsewhere_now_gives_its_place_to_the_next_that_sees() -> None:
    turned = camera("1", 0, -40, bearing_deg=0.0, flags=(PictureFlag.TURNED,))
    second, third = camera("2", 0, -80, bearing_deg=0.0), camera("3", -90, 0, bearing_deg=90.0)
    known = directory(turned, second, third)
    assert eyes_on(alarm(), HERE, known, most=2) == Eyes((Eye("c2"), Eye("c3", "c1")))
    assert eyes_on(alarm("c1"), HERE, known, most=2) == Eyes((Eye("c2"), Eye("c3", "c1"))), "named or not"
    assert eyes_on(alarm(), HERE, known).missing == ()
    assert shown(eyes_on(alarm(), HERE, known)) == ["c2", "c3", "c1"], "it may look here all the same"
    well = directory(replace(turned, flags=()), second, third)
    assert eyes_on(alarm(), HERE, well, most=2) == Eyes((Eye("c1"), Eye("c2")))
    assert eyes_on(alarm(), HERE, well, most=2, astray={"c1"}) == Eyes((Eye("c2"), Eye("c3", "c1")))
    by_right = directory(replace(turned, turns=True), second)
    assert shown(eyes_on(alarm("c1"), HERE, by_right)) == ["c1", "c2"], "people have turned it"


def test_what_does_not_see_the_place_takes_nobodys_place() -> None:
    dead, away = camera("1", 0, -40, bearing_deg=0.0, online=False), camera("2", 0, -30, bearing_deg=180.0)
    assert eyes_on(alarm(), HERE, directory(dead, away), most=1) == Eyes((Eye("c2"),), ("c1",))
    assert eyes_on(alarm(), HERE, directory(replace(dead, bearing_deg=180.0), away)).missing == ()


def test_what_all_of_them_show() -> None:
    looks = [Look("c1", Sees.PERHAPS), Look("c2", Sees.NOT)]
    assert verdict(alarm(), looks) is Sees.PERHAPS
    assert verdict(alarm("c1"), looks) is Sees.HERE
    assert verdict(alarm("c2"), looks[1:]) is Sees.NOT
    assert verdict(alarm(), []) is Sees.NOT


def test_the_order_is_one_whatever_way_the_directory_is_read() -> None:
    chance = random.Random(5)
    for _ in range(60):
        cameras = [_any_camera(str(n), chance) for n in range(12)]
        named = alarm(*chance.sample([one.id for one in cameras], chance.randrange(3)))
        astray = {one.id for one in cameras if chance.random() < 0.2}
        first = ranked(named, HERE, directory(*cameras), astray)
        chance.shuffle(cameras)
        assert ranked(named, HERE, directory(*cameras), astray) == first
        ids = [one.camera_id for one in first]
        assert len(ids) == len({*ids})
        rest = [one for one in first if one.camera_id not in {*named.camera_ids} - astray]
        assert [one.order for one in rest] == sorted(one.order for one in rest)
        known = directory(*cameras)
        eyes = eyes_on(named, HERE, known, {"c3"}, astray=astray)
        assert all(usable(known[eye.camera_id]) and eye.camera_id != "c3" for eye in eyes.shown)
        stood = [eye.for_id for eye in eyes.shown if eye.for_id]
        assert len(stood) == len({*stood})
        assert not {*stood, *eyes.missing} & {*shown(eyes)}
        assert not {*stood} & {*eyes.missing}
        assert all(look(known[i], HERE).sees is not Sees.NOT or i in named.camera_ids for i in (*stood, *eyes.missing))


def _any_camera(number: str, chance: random.Random) -> Camera:
    flags = chance.choice([(), (), (), (PictureFlag.TURNED,), (PictureFlag.COVERED,)])
    return camera(
        number,
        chance.uniform(-200, 200),
        chance.uniform(-200, 200),
        bearing_deg=chance.choice([None, chance.uniform(0, 360)]),
        angle_deg=chance.choice([None, 30.0, 360.0]),
        range_m=chance.choice([None, 60.0, 300.0]),
        turns=chance.random() < 0.2,
        online=chance.random() < 0.8,
        flags=flags,
        substitutes=chance.choice([(), (), ("c1", "c2")]),
    )


def gauge(key: str, parameter: str, east_m: float) -> Sensor:
    lon, lat = at(east_m, 0)
    return Sensor(key, LocalText(key), "m", parameter=parameter, lon=lon, lat=lat)


def test_the_plot_is_of_its_own_sensor_or_of_the_nearest_that_tells_of_it() -> None:
    gauges = [
        gauge("air", "pm25", 10), gauge("rain", "rain_1h", 20), gauge("river", "water_level", 900),
        gauge("river-2", "water_level", 800), gauge("sea", "tide", 30),
    ]  # fmt: skip
    assert sensor_for(alarm(sensor_id="own"), HERE, gauges) == "own"
    assert sensor_for(alarm(), HERE, gauges) == "river-2", "the water's level tells more of a flood than the rain"
    assert sensor_for(alarm(name=LocalText("Khói, nghi cháy")), HERE, gauges) == "air"
    by_procedure = alarm(name=LocalText("Cấm đường"), procedure_id="flood-road")
    assert sensor_for(by_procedure, HERE, gauges) == "river-2"
    assert sensor_for(alarm(name=LocalText("Đổ rác trái phép")), HERE, gauges) == ""
    assert sensor_for(alarm(), HERE, [gauge("far", "water_level", 4000)]) == ""
    assert sensor_for(alarm(), None, gauges) == ""
