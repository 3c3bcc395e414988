"""Who runs apart after which deaths: the guilty one is left with itself, the others are left alone."""

from __future__ import annotations

import pytest

from backends.domain.picture import Apart
from backends.video.isolation import GROUPS, PAUSE_MOST_S, PLACES, WITHIN_S, Isolation
from backends.video.plan import StreamKey


def streams(count: int) -> list[StreamKey]:
    return [StreamKey(f"c{n:02}", f"rtsp://camera/{n}") for n in range(count)]


def test_one_death_suspects_nobody() -> None:
    isolation, all_ = Isolation(), streams(4)
    isolation.died(all_, 0.0)
    assert isolation.apart == {}
    isolation.died(all_, WITHIN_S + 1)
    assert isolation.apart == {}, "the first death is forgotten by then"


def test_few_at_two_deaths_run_alone_and_say_so() -> None:
    isolation, all_ = Isolation(), streams(GROUPS + 1)
    few, other = all_[:GROUPS], all_[GROUPS]
    isolation.died(few, 0.0)
    isolation.died([*few, other], 10.0)
    assert sorted(isolation.apart) == few
    assert len(set(isolation.apart.values())) == GROUPS, "each has a worker of its own"
    assert {isolation.say(one, 10.0) for one in few} == {Apart.ALONE}
    assert isolation.say(other, 10.0) is None


@pytest.mark.parametrize("guilty", [0, 7, 15])
def test_many_are_parted_until_the_guilty_one_is_left_with_itself(guilty: int) -> None:
    isolation, all_ = Isolation(), streams(16)
    hit = [0] * 16
    place: dict[StreamKey, int] = {}
    for death in range(4):
        with_it = [one for one in all_ if place.get(one) == place.get(all_[guilty])]
        for one in with_it:
            hit[all_.index(one)] += 1
        isolation.died(with_it, death * 5.0)
        isolation.arrange(all_, death * 5.0)
        place = isolation.apart
    assert isolation.say(all_[guilty], 100.0) is Apart.ALONE
    assert sum(hits == 2 for hits in hit) == 12, "three quarters were hit twice, as often as it takes to suspect them"
    assert max(place.values()) < PLACES
    # From here on it is alone with its deaths.
    isolation.died([all_[guilty]], 100.0)
    assert isolation.apart == place
    assert {isolation.say(one, 100.0) for one in all_} >= {Apart.WAITING}


def test_two_cores_start_two_workers_at_a_time() -> None:
    isolation, all_ = Isolation(cores=2), streams(16)
    isolation.died(all_, 0.0)
    sizes = []
    while isolation.say(all_[5], 1.0) is not Apart.ALONE:
        place = isolation.apart.get(all_[5])
        isolation.died([one for one in all_ if isolation.apart.get(one) == place], 1.0)
        groups = list(isolation.apart.values())
        sizes.append(groups.count(isolation.apart[all_[5]]))
    assert sizes == [8, 4, 2, 1]
    assert len(isolation.apart) == 16


def test_it_pauses_longer_each_time_when_it_was_alone() -> None:
    isolation, (one, other) = Isolation(), streams(2)
    isolation.died([one, other], 0.0)
    isolation.died([one, other], 1.0)
    now_s, pauses = 1.0, []
    for _ in range(7):
        now_s += 1.0
        isolation.died([one], now_s)
        pauses.append(isolation.waits_s(isolation.apart[one], now_s))
        assert isolation.say(one, now_s) is Apart.WAITING
        assert isolation.say(other, now_s) is Apart.ALONE, "the deaths before may have been the other's"
        now_s += pauses[-1]
        assert isolation.say(one, now_s) is Apart.ALONE
    assert pauses == [2, 4, 8, 16, 32, PAUSE_MOST_S, PAUSE_MOST_S]


def test_what_nobody_shows_gives_its_place_back_and_comes_back_to_one() -> None:
    isolation, (one, other, third) = Isolation(), streams(3)
    isolation.died([one, other], 0.0)
    isolation.died([one, other], 1.0)
    isolation.arrange([other, third], 2.0)
    assert isolation.apart.keys() == {other}
    isolation.arrange([one, other, third], 3.0)
    assert isolation.apart.keys() == {one, other}, "hidden and shown again, it would end its neighbours' worker"
    isolation.arrange([third], 4.0)
    isolation.arrange([one, other, third], WITHIN_S + 4.0)
    assert isolation.apart == {}, "after ten minutes without a death it is one of all"


def test_what_runs_apart_stays_there_while_it_is_shown() -> None:
    isolation, (one, other) = Isolation(), streams(2)
    isolation.died([one, other], 0.0)
    isolation.died([one, other], 1.0)
    before = isolation.apart
    isolation.arrange([one, other], 10 * WITHIN_S)
    assert isolation.apart == before


def test_more_suspects_than_places_stay_together() -> None:
    isolation, all_ = Isolation(places=2), streams(6)
    isolation.died(all_, 0.0)
    isolation.died(all_, 1.0)
    assert sorted(isolation.apart.values()) == [0, 0, 0, 1, 1, 1]
    with_first = [one for one, place in isolation.apart.items() if place == 0]
    isolation.died(with_first, 2.0)
    assert set(isolation.apart.values()) == {0, 1}
    assert len(isolation.apart) == 6, "nobody who is suspected goes back to the others"
