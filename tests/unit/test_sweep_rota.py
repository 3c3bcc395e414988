"""The order of the sweep: who is due, how many at once, and who comes last and alone after a death."""

from __future__ import annotations

from backends.domain.sweep import AT_ONCE, PERIOD_S
from backends.hub.rota import BARRED_S, HUNG_S, Rota
from backends.probe.pace import BURST_S, MOST_S, SHARE, Pace

MANY = [f"cam-{n:03d}" for n in range(364)]


def begun(rota: Rota, now_s: float) -> list[str]:
    """All that are opened now."""
    found = []
    while (camera := rota.next(now_s)) is not None:
        found.append(camera)
    return found


def rota_of(cameras: list[str]) -> Rota:
    rota = Rota()
    rota.sweep(cameras, 0.0)
    return rota


def test_the_directory_s_order_and_a_bounded_number_at_once() -> None:
    rota = rota_of(MANY)
    assert begun(rota, 0.0) == MANY[:AT_ONCE]
    rota.done(MANY[3], 1.0)
    assert begun(rota, 1.0) == [MANY[AT_ONCE]]


def test_the_city_s_364_are_done_within_the_bar_when_a_tenth_is_mute() -> None:
    """As the module's figures say: 1.5 s a good one; a mute one 5 s, and again after 5.5 s."""
    rota, now_s, seen, sure = rota_of(MANY), 0.0, set(), set()
    ends: list[tuple[float, str]] = []
    while len(sure) < len(MANY):
        for camera in begun(rota, now_s):
            ends.append((now_s + (5.0 if int(camera[4:]) % 10 == 0 else 1.5), camera))
        ends.sort()
        now_s, camera = ends.pop(0)
        mute = int(camera[4:]) % 10 == 0
        rota.done(camera, now_s, 5.5 if mute and camera not in seen else 0.0)
        if not mute or camera in seen:
            sure.add(camera)
        seen.add(camera)
    assert now_s <= 90.0, "what goes wrong then has its second look within the bar of 120 s"


def test_a_camera_comes_again_after_its_period_or_sooner_when_asked_for() -> None:
    rota = rota_of(["a", "b"])
    assert begun(rota, 0.0) == ["a", "b"]
    rota.done("a", 2.0)
    rota.done("b", 2.0, 5.0)
    assert begun(rota, 6.9) == []
    assert begun(rota, 7.0) == ["b"]
    rota.done("b", 8.0)
    assert begun(rota, PERIOD_S) == ["a"]


def test_looks_that_can_wait_hold_up_nobody_who_has_seen_something_wrong() -> None:
    """Hundreds of recorders that begin their clip at each opening: each second look at them takes seconds."""
    rota = rota_of(MANY)
    for camera in begun(rota, 0.0):
        rota.done(camera, 1.0, 5.0, patient=True)
    waiting = begun(rota, 2.0)
    assert waiting == MANY[AT_ONCE : 2 * AT_ONCE]
    for camera in waiting[1:]:
        rota.done(camera, 3.0, 5.0, patient=True)
    rota.done(waiting[0], 3.0, 5.0)
    assert begun(rota, 9.0) == [waiting[0], *MANY[2 * AT_ONCE : 3 * AT_ONCE - 1]]


def test_a_camera_that_is_shown_is_left_out_and_comes_back_at_once() -> None:
    rota = rota_of(["a", "b"])
    rota.sweep(["b"], 0.0)
    assert begun(rota, 0.0) == ["b"]
    rota.done("b", 1.0)
    rota.sweep(["a", "b"], 5.0)
    assert begun(rota, 5.0) == ["a"]


def test_one_that_leaves_while_it_is_open_keeps_its_place() -> None:
    rota = rota_of(["a"])
    assert begun(rota, 0.0) == ["a"]
    rota.sweep([], 1.0)
    rota.sweep(["a"], 2.0)
    assert begun(rota, 2.0) == [], "it is open: not a second time"
    rota.done("a", 3.0)
    assert begun(rota, PERIOD_S) == ["a"]


def test_after_a_death_all_that_were_open_come_last_and_one_at_a_time() -> None:
    rota = rota_of(MANY[: AT_ONCE + 4])
    opened = begun(rota, 0.0)
    assert rota.died(1.0) == []
    after = begun(rota, 1.0)
    assert after == MANY[AT_ONCE : AT_ONCE + 4], "the innocent first"
    for camera in after:
        rota.done(camera, 2.0)
    for camera in opened:
        assert begun(rota, 2.0) == [camera], "alone"
        rota.done(camera, 2.0)


def test_the_guilty_one_is_found_and_left_in_peace() -> None:
    rota = rota_of(MANY[: AT_ONCE + 1])
    begun(rota, 0.0)
    rota.died(0.0)
    assert begun(rota, 0.0) == [MANY[AT_ONCE]]
    rota.done(MANY[AT_ONCE], 1.0)
    assert begun(rota, 1.0) == [MANY[0]]
    assert rota.died(1.0) == [], "once may be bad luck"
    for camera in MANY[1:AT_ONCE]:
        assert begun(rota, 1.0) == [camera], "before it, who has not ended it alone"
        rota.done(camera, 1.0)
    assert begun(rota, 1.0) == [MANY[0]]
    barred = rota.died(1.0)
    assert barred == [MANY[0]]
    assert MANY[0] not in begun(rota, 1.0 + BARRED_S - 1)
    for camera in rota.open:
        rota.done(camera, BARRED_S)
    assert begun(rota, 1.0 + BARRED_S) == [MANY[0]], "then it gets another chance"


def test_a_suspect_is_not_forgotten_where_somebody_is_always_due() -> None:
    rota = rota_of(MANY[: AT_ONCE + 1])
    begun(rota, 0.0)
    rota.died(0.0)
    now_s, found = 0.0, []
    while now_s < 2 * PERIOD_S:
        for camera in begun(rota, now_s):
            found.append(camera)
            rota.done(camera, now_s, 0.5)
        now_s += 0.5
    assert set(MANY[: AT_ONCE + 1]) <= set(found)


def test_the_one_that_hangs_is_blamed_alone() -> None:
    rota = rota_of(["a", "b"])
    begun(rota, 0.0)
    rota.done("b", 1.0, 40.0)
    assert begun(rota, 41.0) == ["b"]
    assert rota.hung(HUNG_S) == ""
    assert rota.hung(HUNG_S + 1) == "a"
    rota.died(HUNG_S + 1, "a")
    assert begun(rota, HUNG_S + 1) == ["b"], "b is no suspect"


def test_the_pace_keeps_to_its_share_of_a_core() -> None:
    wall_s = cpu_s = 0.0
    pace = Pace(wall_s, cpu_s)
    for _ in range(400):  # looks of 0.3 s of processor time, 0.1 s apart if nobody paused
        wall_s, cpu_s = wall_s + 0.1, cpu_s + 0.3
        wall_s += pace.pause_s(wall_s, cpu_s)
    assert cpu_s <= SHARE * wall_s + BURST_S + 0.3
    assert cpu_s / wall_s > SHARE * 0.9, "it does not pause for longer than it has to"
    assert pace.pause_s(wall_s, cpu_s + 100.0) == MOST_S


def test_the_pace_does_not_hold_up_who_waits_for_cameras() -> None:
    pace = Pace(0.0, 0.0)
    assert all(pace.pause_s(wall_s, wall_s * 0.3) == 0.0 for wall_s in range(1, 200))


def test_one_that_is_said_to_be_wrong_comes_next_but_not_one_that_is_left_in_peace() -> None:
    rota = Rota()
    rota.sweep([f"c{n}" for n in range(AT_ONCE + 2)], 0.0)
    for _ in range(AT_ONCE):
        rota.next(0.0)
    rota.hurry("c0", 1.0)  # it is open: nothing to do
    rota.hurry(f"c{AT_ONCE + 1}", 1.0)
    rota.hurry("unknown", 1.0)
    rota.done("c0", 2.0)
    assert rota.next(2.0) == f"c{AT_ONCE + 1}"
    assert rota.next(2.0) is None
    guilty = Rota()
    guilty.sweep(["a"], 0.0)
    for at_s in (0.0, 1.0):
        guilty.next(at_s)
        guilty.died(at_s, "a")
    guilty.hurry("a", 2.0)
    assert guilty.next(2.0) is None
