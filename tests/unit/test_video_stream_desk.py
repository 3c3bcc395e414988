"""The desk between the screen and the pictures: what it asks, gives on and says."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from time import monotonic_ns
from unittest.mock import Mock

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.waiting import wait_for

from backends.domain.camera import Camera, Demand, PictureState, Stream, StreamKind
from backends.domain.stream_choice import Act, LeftOut, Seen, View, Why, Wish
from backends.domain.text import LocalText
from backends.video import swscale
from backends.video.client import PictureClient, pictures_of, stand_in
from backends.video.frames import LOST_S, Clock, FrameReader, FrameWriter, format_segment, segment_size
from backends.video.plan import StreamKey
from backends.video.planes import Colours
from backends.video.stream_desk import StreamDesk
from backends.video.swscale import NoSwscale

S = 1_000_000_000
BIG, LITTLE = View("a", 1920, 1080), View("a", 320, 180)


def camera(camera_id: str, *, enabled: bool = True) -> Camera:
    main = Stream(StreamKind.MAIN, f"rtsp://{camera_id}/main", 1920, 1080)
    sub = Stream(StreamKind.SUB, f"rtsp://{camera_id}/sub", 640, 360)
    return Camera(camera_id, camera_id, LocalText(camera_id), (main, sub), enabled=enabled)


class ToldPictures:
    """Everything that is demanded has a picture at the next look; the load is what a test says."""

    def __init__(self) -> None:
        self.wanted: frozenset[Demand] = frozenset()
        self.treatments: Mapping[StreamKey, LeftOut] = {}
        self.load: tuple[float, float] | None = (0.0, 0.3)
        self.smoothed = True
        self.dead: set[str] = set()

    def demand(self, wanted: frozenset[Demand]) -> None:
        self.wanted = wanted

    def seen(self, demand: Demand) -> Seen:
        if demand not in self.wanted or demand.uri in self.dead:
            return Seen()
        size = (1920, 1080) if demand.uri.endswith("main") else (640, 360)
        return Seen(0.04, *size, smoothed=self.smoothed)

    def leave_out(self, treatments: Mapping[StreamKey, LeftOut]) -> None:
        self.treatments = treatments

    def decoding(self) -> tuple[float, float] | None:
        return self.load


class Screen:
    """A desk, and a clock that goes on by a tenth of a second at every look."""

    def __init__(self, *cameras: Camera) -> None:
        self.now_s = 1000.0
        self.pictures = ToldPictures()
        self.told: list[tuple[str, str]] = []
        self.desk = StreamDesk(
            self.pictures,
            lambda: round(self.now_s * S),
            lambda camera_id, code, words: self.told.append((camera_id, code)),
        )
        self.desk.set_cameras(cameras)

    def run(self, seconds: float, *views: View) -> tuple[Demand | None, ...]:
        painted: tuple[Demand | None, ...] = ()
        for tenth in range(round(seconds * 10)):
            self.now_s += 0.1
            painted = self.desk.show(views)
            if tenth % 10 == 0:
                self.desk.feel(20.0, ())
        return painted


def uris(demands: frozenset[Demand]) -> set[str]:
    return {demand.uri for demand in demands}


def test_a_tile_paints_what_is_demanded_for_it() -> None:
    screen = Screen(camera("a"), camera("b"))
    painted = screen.run(1.0, BIG, View("b", 320, 180))
    assert [one.uri for one in painted if one is not None] == ["rtsp://a/main", "rtsp://b/sub"]
    assert screen.pictures.wanted == frozenset(painted)


def test_a_switch_goes_through_both() -> None:
    screen = Screen(camera("a"))
    screen.run(1.0, BIG)
    seen = []
    for _ in range(30):
        screen.run(0.1, LITTLE)
        seen.append(frozenset(uris(screen.pictures.wanted)))
    assert list(dict.fromkeys(seen)) == [
        frozenset({"rtsp://a/main"}),
        frozenset({"rtsp://a/main", "rtsp://a/sub"}),
        frozenset({"rtsp://a/sub"}),
    ]


def test_a_wish_holds_while_a_tile_has_it() -> None:
    screen = Screen(camera("a"))
    screen.run(1.0, LITTLE)
    large = msgspec.structs.replace(LITTLE, wish=Wish.MAIN)
    screen.run(1.0, large)
    assert uris(screen.pictures.wanted) == {"rtsp://a/main"}
    use = screen.desk.use("a")
    assert use is not None
    assert use.why is Why.WISH
    assert screen.desk.wish("a") is Wish.MAIN
    screen.run(8.0, LITTLE)
    assert screen.desk.wish("a") is Wish.AUTO
    assert uris(screen.pictures.wanted) == {"rtsp://a/sub"}


def test_tiles_that_disagree_share_the_main_stream() -> None:
    screen = Screen(camera("a"), camera("b"))
    main, sub = (msgspec.structs.replace(LITTLE, wish=wish) for wish in (Wish.MAIN, Wish.SUB))
    for views in ((main, sub), (sub, main), (sub, main, LITTLE)):
        painted = screen.run(8.0, *views)
        assert {one.uri for one in painted if one is not None} == {"rtsp://a/main"}, "a camera gives no third session"
    painted = screen.run(8.0, sub, msgspec.structs.replace(BIG, wish=Wish.AUTO))
    assert {one.uri for one in painted if one is not None} == {"rtsp://a/sub"}


def test_a_wished_stream_without_a_picture_is_left_and_that_is_said() -> None:
    screen = Screen(camera("a"))
    screen.run(1.0, LITTLE)
    screen.pictures.dead = {"rtsp://a/main"}
    painted = screen.run(12.0, msgspec.structs.replace(LITTLE, wish=Wish.MAIN))
    assert [one.uri for one in painted if one is not None] == ["rtsp://a/sub"]
    assert screen.told == [("a", "choice.no_picture")]
    use = screen.desk.use("a")
    assert use is not None
    assert use.why is Why.NO_PICTURE


def test_a_camera_that_is_switched_off_or_hidden_has_no_demand() -> None:
    screen = Screen(camera("a"))
    screen.run(1.0, BIG)
    screen.desk.set_cameras([camera("a", enabled=False)])
    assert screen.run(0.1, BIG) == (None,)
    assert screen.pictures.wanted == frozenset()
    screen.desk.set_cameras([camera("a")])
    screen.run(1.0)
    assert screen.pictures.wanted == frozenset()
    assert screen.desk.use("a") is None


def test_the_directory_may_say_the_same_again_in_the_middle_of_a_switch() -> None:
    screen = Screen(camera("a"))
    screen.run(1.0, BIG)
    while len(screen.pictures.wanted) < 2:
        screen.run(0.1, LITTLE)
    screen.desk.set_cameras([camera("a"), camera("b")])
    painted = screen.run(0.1, LITTLE)
    assert painted[0] is not None
    assert painted[0].uri == "rtsp://a/sub"


def test_a_machine_too_small_is_relieved_and_that_is_told() -> None:
    screen = Screen(camera("a"), camera("b"))
    views = (BIG, View("b", 320, 180))
    screen.run(3.0, *views)
    assert (screen.desk.standing, screen.told) == (None, [])
    screen.pictures.load = (0.3, 0.97)
    screen.run(40.0, *views)
    assert uris(screen.pictures.wanted) == {"rtsp://a/sub", "rtsp://b/sub"}
    assert screen.desk.standing is not None
    assert [code for _, code in screen.told][:2] == ["pressure.loop_filter", "pressure.loop_filter"]
    assert "pressure.main_stream" in [code for _, code in screen.told]
    assert screen.pictures.treatments[StreamKey("b", "rtsp://b/sub")].draw_every > 1
    assert screen.desk.left_out("b") == (Act.LOOP_FILTER, Act.NON_REFERENCE, Act.RATE)
    assert screen.desk.left_out("unknown") == ()
    use = screen.desk.use("a")
    assert use is not None
    assert use.why is Why.LOAD
    screen.pictures.load = (0.0, 0.3)
    screen.run(400.0, *views)
    assert uris(screen.pictures.wanted) == {"rtsp://a/main", "rtsp://b/sub"}
    assert (screen.pictures.treatments, screen.desk.standing) == ({}, None)
    assert screen.told[-1] == ("", "pressure.normal")


def test_nothing_is_said_to_be_left_out_that_is_not_there() -> None:
    """Cameras that send JPEG: no loop filter, and no frame refers to another."""
    screen = Screen(camera("a"))
    screen.pictures.smoothed = False
    screen.pictures.load = (0.3, 0.97)
    screen.run(4.0, LITTLE)
    assert [code for _, code in screen.told] == ["pressure.rate"]


def test_without_figures_nothing_is_left_out() -> None:
    screen = Screen(camera("a"))
    screen.pictures.load = None
    screen.run(30.0, BIG)
    assert screen.told == []


def test_until_its_own_picture_is_there_a_tile_shows_the_same_stream_before_the_other() -> None:
    main, sub = Demand("a", "main", 480, 270), Demand("a", "sub", 480, 270)
    other, zoomed = Demand("b", "sub", 480, 270), Demand("a", "sub", 480, 270, (0.0, 0.0, 0.5, 0.5))
    assert stand_in(Demand("a", "sub", 320, 180), [other, main, zoomed, sub]) == sub
    assert stand_in(Demand("a", "main", 320, 180), [sub, main]) == main
    assert stand_in(Demand("a", "new", 320, 180), [other, sub]) == sub
    assert stand_in(Demand("a", "sub", 320, 180), [other, zoomed]) is None


def test_a_screen_that_cannot_make_colours_says_so_on_every_tile(
    monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    """Not "connecting" for ever."""
    monkeypatch.setattr(swscale, "prepare", Mock(side_effect=NoSwscale("PyAV has loaded no swscale")))
    client = PictureClient("\0ioc-nobody-listens", b"key")
    one = Demand("a", "sub", 480, 270)
    try:
        client.demand(frozenset({one}))
        wait_for("it is said", lambda: "FFmpeg" in client.status(one).reason)
        client._since[one] -= LOST_S
        assert client.status(one).state is PictureState.LOST
    finally:
        client.close()
    expect_logs("cannot be used")


def test_a_lost_picture_stands_in_for_nothing() -> None:
    """It would look like one that is just being replaced."""
    client = PictureClient("\0ioc-nobody-listens", b"key")
    now_ns = [S + 1]
    one, two, three = (Demand("a", "sub", width, 270) for width in (480, 320, 160))
    try:
        client._readers = {one: reader(picture=True, clock=lambda: now_ns[0])}
        client.demand(frozenset({one}))
        client.demand(frozenset({two}))
        assert client.sequence(two)
        now_ns[0] += 5 * S
        assert client.sequence(two) == 0
        with client.pin(two) as picture:
            assert picture is None
        client.demand(frozenset({three}))
        now_ns[0] -= 5 * S
        assert client.sequence(three) == 0, "nor is it taken over"
    finally:
        client.close()


def reader(*, picture: bool, clock: Clock = monotonic_ns) -> FrameReader:
    memory = mmap.mmap(-1, segment_size(32, 18))
    format_segment(memory, 7, 32, 18)
    if picture:
        writer = FrameWriter(memory, 7)
        writer.begin()
        writer.publish(S, 40_000_000, 1, Colours())
    return FrameReader(memory, 7, clock)


def test_an_output_without_a_picture_does_not_take_the_place_of_its_stand_in() -> None:
    one, two, three = (Demand("a", "sub", width, 270) for width in (480, 320, 160))
    empty, shown, old = reader(picture=False), reader(picture=True), reader(picture=True)
    assert pictures_of([one, two, three], {one: empty, two: shown}, {one: old, two: old}) == {one: old, two: shown}
