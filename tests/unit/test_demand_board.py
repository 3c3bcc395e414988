"""The board between tiles and the desk of streams: when it asks, what it tells tiles, and what it tells the audit."""

from __future__ import annotations

from helpers.fakes import FakePictures

from backends.domain.camera import Camera, Demand, Stream, StreamKind
from backends.domain.stream_choice import View
from backends.domain.text import LocalText
from backends.video.stream_desk import StreamDesk
from widgets.parts.demands import LOOK_EVERY, DemandBoard


class Tile:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Demand | None] = []

    def on_demand(self, demand: Demand | None) -> None:
        self.told.append(demand)


class Screen:
    """A board over the real desk; cameras a and b have an address, c has none."""

    def __init__(self) -> None:
        self.pictures = FakePictures()
        desk = StreamDesk(self.pictures, lambda: 10**9)
        streams = {"a": (Stream(StreamKind.SUB, "rtsp://a"),), "b": (Stream(StreamKind.SUB, "rtsp://b"),), "c": ()}
        desk.set_cameras(Camera(name, name, LocalText(name), some) for name, some in streams.items())
        self.seen: list[tuple[str, ...]] = []
        self.board = DemandBoard(desk, self.seen.append)


def test_the_audit_hears_of_cameras_that_come_and_go_and_of_nothing_else() -> None:
    screen, one, two = Screen(), Tile(), Tile()
    for view in (View("b", 480, 270), View("b", 960, 540)):
        screen.board.set(one, view)
        screen.board.set(two, View("a", 480, 270))
        screen.board.flush()
    screen.board.set(two, View("c", 480, 270))
    screen.board.flush()
    screen.board.set(one, None)
    screen.board.flush()
    assert screen.seen == [("a", "b"), ("b",), ()]
    assert screen.pictures.wanted == screen.board.wanted() == frozenset()


def test_tiles_are_told_at_the_next_pass_and_then_ten_times_a_second() -> None:
    screen, tile = Screen(), Tile()
    screen.board.set(tile, View("a", 480, 270))
    assert tile.told == []
    screen.board.flush()
    assert tile.told == [Demand("a", "rtsp://a", 480, 270)]
    assert screen.board.wanted() == frozenset(tile.told)
    for _ in range(10 * LOOK_EVERY):
        screen.board.flush()
    assert len(tile.told) == 11
    screen.board.set(tile, None)
    assert screen.board.wanted() == frozenset(), "hidden at once"
    screen.board.flush()
    assert len(tile.told) == 11


def test_a_camera_without_address_is_told_that_there_is_nothing_to_paint() -> None:
    screen, tile = Screen(), Tile()
    screen.board.set(tile, View("c", 480, 270))
    screen.board.flush()
    assert tile.told == [None]
