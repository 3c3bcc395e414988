"""The choice of streams: what a person, the machine, the directory and dead streams have to say."""

from __future__ import annotations

import pytest
from helpers.choice_room import (
    MAIN,
    SUB,
    H,
    Room,
    changes,
    demanded_uris,
    faults,
    main_uri,
    on_main,
    room,
    sub_uri,
    tile,
    ways,
)

from backends.domain.camera import Stream, StreamKind
from backends.domain.stream_choice import Pick, Use, Via, View, Ways, Why, Wish
from backends.video.choice_rules import CODES, RULES


def test_a_wish_stands_above_the_size_and_above_the_load() -> None:
    one = room()
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.wishes, one.force_sub = {"a": Wish.MAIN}, True
    one.run(2.0)
    assert (one.painted("a"), one.decision.uses["a"].why) == ("main", Why.WISH)
    one.wishes = {"a": Wish.AUTO}
    one.run(8.0)
    assert one.painted("a") == "sub"


def test_a_wish_that_changes_ends_the_switch_that_runs() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    one.wishes = {"a": Wish.MAIN}
    one.step()
    assert (one.streams("a"), one.decision.switch) == ({"main"}, None)


def test_a_new_wish_tries_again_what_gave_no_picture() -> None:
    one = room()
    one.latency[main_uri("a")] = None
    one.tiles = [tile("a", 900)]
    one.wishes = {"a": Wish.SUB}
    one.run(2.0)
    one.wishes = {"a": Wish.MAIN}
    one.until(lambda: one.said == ["choice.no_picture"])
    one.wishes = {"a": Wish.SUB}
    one.run(6.0)
    one.latency[main_uri("a")] = 1.0
    one.wishes = {"a": Wish.MAIN}
    one.run(3.0)
    assert one.painted("a") == "main"


def test_too_small_a_machine_sends_all_down_one_by_one_and_says_why() -> None:
    one = room("a", "b")
    one.tiles = [tile("a", 900), tile("b", 1080)]
    one.run(8.0)
    one.force_sub = one.no_up = True
    one.run(5.0)
    assert [one.painted(camera) for camera in "ab"] == ["sub", "sub"]
    assert {use.why for use in one.decision.uses.values()} == {Why.LOAD}
    assert sorted(changes(one.history), key=lambda camera: changes(one.history)[camera]) == ["a", "b"]
    one.force_sub = False
    one.run(20.0)
    assert [one.painted(camera) for camera in "ab"] == ["sub", "sub"]  # not up yet
    one.no_up = False
    one.run(8.0)
    assert [one.painted(camera) for camera in "ab"] == ["main", "main"]


def test_a_machine_that_becomes_too_small_opens_no_main_stream_to_the_end() -> None:
    one = room()
    one.latency[main_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.tiles = [tile("a", 900)]
    one.until(lambda: one.decision.switch is not None)
    one.force_sub = one.no_up = True
    one.step()
    assert (one.streams("a"), one.decision.switch) == ({"sub"}, None)


def test_an_unknown_size_begins_with_the_sub_stream_and_learns() -> None:
    one = room(declared=False)
    one.sizes[sub_uri("a")] = (352, 288)
    one.tiles = [tile("a", 450)]
    one.step()
    assert one.painted("a") == "sub"
    one.run(5.0)
    assert one.painted("a") == "main"


def test_what_is_sent_counts_more_than_what_the_directory_says() -> None:
    one = room()
    one.sizes[sub_uri("a")] = (1280, 720)
    one.tiles = [tile("a", 900)]
    one.wishes = {"a": Wish.SUB}
    one.run(2.0)
    one.wishes = {}
    one.run(8.0)
    assert one.painted("a") == "sub"  # 900 is less than 1.35 x 720


def test_a_main_stream_that_is_no_larger_is_never_opened() -> None:
    one = room()
    one.ways["a"] = Ways((Stream(MAIN, main_uri("a"), 640, H), Stream(SUB, sub_uri("a"), 640, H)))
    one.tiles = [tile("a", 1080)]
    one.run(8.0)
    assert not [past for past in one.history if demanded_uris(past.decision)["a"] != {sub_uri("a")}]


@pytest.mark.parametrize("kind", [MAIN, SUB])
def test_a_camera_with_one_stream_uses_it_whatever_is_wished(kind: StreamKind) -> None:
    one = room()
    one.ways["a"] = Ways((Stream(kind, "rtsp://a/one", 640, H),))
    for wish in Wish:
        one.wishes = {"a": wish}
        one.tiles = [tile("a", 1080)]
        one.run(6.0)
        one.tiles = [tile("a", 120)]
        one.run(6.0)
    assert not changes(one.history)
    assert one.decision.uses["a"] == Use(Pick(kind, "rtsp://a/one", Via.DIRECT, 640, H), Why.ONLY)


def test_several_tiles_of_a_camera_use_one_stream_that_serves_the_largest() -> None:
    one = room()
    one.tiles = [tile("a", 1080), tile("a", 120)]
    one.run(8.0)
    assert one.streams("a") == {"main"}
    assert len(one.decision.demands) == 2


def test_tiles_without_a_camera_or_a_size_have_no_demand() -> None:
    one = room()
    one.ways["empty"] = Ways(())
    one.tiles = [tile("unknown", 200), View("a", 0, 200), tile("empty", 200), tile("a", 200)]
    one.step()
    assert [demand is None for demand in one.decision.painted] == [True, True, True, False]


def test_an_address_that_the_directory_takes_away_ends_at_once() -> None:
    one = on_main()
    one.ways["a"] = Ways((Stream(MAIN, "rtsp://other/main", 1920, 1080), Stream(SUB, "rtsp://other/sub", 640, H)))
    one.step()
    assert {demand.uri for demand in one.decision.demands} == {"rtsp://other/main"}


def test_a_main_stream_that_dies_leaves_for_the_sub_stream() -> None:
    one = on_main()
    one.die(main_uri("a"))
    one.run(RULES.dead_s + 1)
    assert (one.streams("a"), one.said) == ({"sub"}, ["choice.silent"])
    assert one.decision.uses["a"].why is Why.NO_PICTURE
    # A tour that shows it again does not wait for the dead one again.
    one.tiles = []
    one.run(6.0)
    one.tiles = [tile("a", 1080)]
    one.step()
    assert one.streams("a") == {"sub"}


def restreamed() -> Room:
    one = room()
    one.ways["a"] = ways("a", restream=(Stream(SUB, "rtsp://room/a", 640, H),))
    one.tiles = [tile("a", 1080)]
    return one


def test_the_restream_address_comes_first_and_the_camera_is_not_pulled_beside_it() -> None:
    one = restreamed()
    one.run(10.0)
    assert {demand.uri for past in one.history for demand in past.decision.demands} == {"rtsp://room/a"}
    assert one.decision.uses["a"].pick.via is Via.RESTREAM


def test_a_dead_restream_address_is_left_and_tried_again() -> None:
    one = restreamed()
    one.run(2.0)
    one.die("rtsp://room/a")
    one.run(RULES.dead_s + 1)
    assert one.said == ["choice.direct"]
    assert one.decision.uses["a"].pick.via is Via.DIRECT
    assert all(len(demanded_uris(past.decision)["a"]) == 1 for past in one.history)
    one.until(lambda: "choice.not_restreamed" in one.said, 120)
    one.live("rtsp://room/a")
    one.until(lambda: "choice.restreamed" in one.said, 300)
    assert {demand.uri for demand in one.decision.demands} == {"rtsp://room/a"}
    assert faults(one.history) == set()


def test_a_dead_restream_server_is_left_for_all_its_streams() -> None:
    one = room()
    by_room = (Stream(MAIN, "rtsp://room/main", 1920, 1080), Stream(SUB, "rtsp://room/sub", 640, H))
    one.ways["a"] = ways("a", restream=by_room)
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.die("rtsp://room/sub")
    one.until(lambda: "choice.direct" in one.said)
    one.tiles = [tile("a", 1080)]
    before = len(one.history)
    one.run(RULES.again_s - 2)
    assert {demand.uri for past in one.history[before:] for demand in past.decision.demands} == {
        sub_uri("a"),
        main_uri("a"),
    }


def test_all_that_is_said_has_words_in_both_languages() -> None:
    one = restreamed()
    one.run(2.0)
    one.die("rtsp://room/a")
    one.run(120.0)
    said = [said for past in one.history for said in past.decision.said]
    assert said
    assert all(one.code in CODES and one.words.vi and one.words.en and "{" not in one.words.vi for one in said)
