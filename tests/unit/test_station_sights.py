"""What stations say of the cameras on their screens: what is told, when it is sent, and what of it a record gets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backends.domain.camera import (
    FLAGS_MOST,
    Camera,
    PictureState,
    PictureStatus,
    Sight,
    StationSight,
    Stream,
    StreamKind,
)
from backends.domain.picture import PictureFlag, Raised
from backends.domain.text import LocalText
from backends.hub import sights as hub_sights
from backends.hub.sights import Sights, with_sights
from backends.link.seeing import CHANGED_S, OLD_S, REPEATED_S, Seeing
from backends.protocol.codec import BadMessage, decode_from_console, encode
from backends.protocol.messages import SHOWS_MOST, Sees
from widgets.parts.sight_teller import sight_of

BLACK, TURNED = PictureFlag.BLACK, PictureFlag.TURNED


def camera(name: str, uri: str = "rtsp://10.0.0.1/1", **more: Any) -> Camera:
    return Camera(name, name, LocalText(name), (Stream(StreamKind.SUB, uri),), **more)


class Core:
    """The directory."""

    def __init__(self, *cameras: Camera) -> None:
        self.cameras = {one.id: one for one in cameras}
        self.puts = 0

    def records(self, feed: str) -> dict[str, Camera]:
        assert feed == "cameras"
        return self.cameras

    def put(self, _feed: str, record: Camera, _now_ns: int) -> None:
        self.cameras[record.id] = record
        self.puts += 1


class Hub:
    def __init__(self, *cameras: Camera) -> None:
        self.now_s = 100.0
        self.core = Core(*cameras)
        self.sights = Sights(lambda: self.now_s)

    def turn(self) -> dict[str, Camera]:
        self.sights.turn(self.core, round(self.now_s * 1e9))  # type: ignore[arg-type]
        return self.core.cameras


# -- the hub ---------------------------------------------------------------------------------------------------


def test_a_record_says_what_each_station_sees_and_changes_only_with_news() -> None:
    hub = Hub(camera("a", online=False, reason="connection refused", t_state_ns=7))
    hub.sights.hello("desk", ["a"])
    hub.sights.hello("wall", ["a"])
    hub.sights.sees("desk", [Sight("a", flags=(TURNED,))])
    hub.sights.sees("wall", [Sight("a", flags=(BLACK,))])
    seen = hub.turn()["a"]
    assert (seen.online, seen.reason, seen.flags) == (True, "", (BLACK, TURNED)), "somebody has a picture of it"
    assert seen.t_state_ns == 100_000_000_000
    assert seen.sights == (StationSight("desk", flags=(TURNED,)), StationSight("wall", flags=(BLACK,)))
    assert seen.disputed
    hub.now_s += 1
    hub.turn()
    assert hub.core.puts == 1
    hub.sights.sees("wall", [Sight("a", flags=(TURNED,))])
    agreed = hub.turn()["a"]
    assert (agreed.flags, agreed.sights, agreed.disputed) == ((TURNED,), (), False), "the record says it"
    hub.now_s += hub_sights.SIGHT_S + 1
    hub.turn()
    assert hub.core.puts == 2, "nobody looks any more: what was seen stays"


def test_a_wall_that_tours_healthy_cameras_writes_nothing() -> None:
    hub = Hub(*(camera(f"c{n}") for n in range(64)))
    for second in range(120):
        page = [f"c{(second // 10 * 16 + n) % 64}" for n in range(16)]
        hub.sights.hello("wall", page)
        hub.sights.sees("wall", [Sight(name) for name in page])
        hub.now_s += 1
        hub.turn()
    assert hub.core.puts == 64, "when each was first judged, and never again"


def test_what_a_station_sends_is_bounded_and_brought_into_order_before_it_is_compared() -> None:
    hub = Hub(camera("a", t_state_ns=7))
    hub.sights.hello("desk", ["a"])
    hub.sights.hello("wall", ["a"])
    hub.sights.sees("desk", [Sight("a", flags=(TURNED, BLACK, TURNED))])
    hub.sights.sees("wall", [Sight("a", flags=(BLACK, TURNED))])
    seen = hub.turn()["a"]
    assert (seen.flags, seen.sights) == ((BLACK, TURNED), ()), "they see the same"
    hub.sights.sees("wall", [Sight("a", online=False, flags=(BLACK,) * FLAGS_MOST)])
    assert hub.turn()["a"].sights == (StationSight("wall", online=False), StationSight("desk", flags=(BLACK, TURNED)))
    assert decode_from_console(encode(Sees((Sight("a", flags=(BLACK,) * FLAGS_MOST),))))
    with pytest.raises(BadMessage, match="length <= 16"):
        decode_from_console(encode(Sees((Sight("a", flags=(BLACK,) * (FLAGS_MOST + 1)),))))
    most = camera("a", sights=tuple(StationSight("x" * 64, flags=tuple(PictureFlag)) for _ in range(40)))
    assert len(encode(with_sights(most, most.sights, 5))) < 10_000, "far from what no console could read"


def test_a_station_without_a_picture_makes_no_camera_dead_and_the_sweep_looks() -> None:
    hub = Hub(camera("a"), camera("b"))
    hub.sights.hello("desk", ["a", "b"])
    assert hub.sights.busy() == {"a", "b"}, "it is just being opened"
    hub.sights.sees("desk", [Sight("a", online=False), Sight("b")])
    hub.now_s += hub_sights.GRACE_S
    hub.sights.sees("desk", [Sight("a", online=False), Sight("b")])
    assert hub.sights.busy() == {"b"}
    seen = hub.turn()
    assert seen["a"].online
    assert seen["a"].disputed, "the hub has heard of no fault"
    assert not msgspec.structs.replace(seen["a"], online=False).disputed
    assert not seen["b"].disputed


def test_what_is_not_said_again_is_forgotten_and_the_state_stays_until_the_next_look() -> None:
    hub = Hub(camera("a"))
    hub.sights.hello("desk", ["a"])
    hub.sights.sees("desk", [Sight("a", flags=(PictureFlag.REPEATING, BLACK))])
    assert hub.turn()["a"].flags == (PictureFlag.REPEATING, BLACK)
    hub.now_s += hub_sights.SIGHT_S + 1
    after = hub.turn()["a"]
    assert (after.sights, after.flags) == ((), (BLACK,)), "what no look could take back ends"
    hub.now_s += hub_sights.GRACE_S
    assert hub.sights.busy() == frozenset(), "shown, and no word of it: the sweep looks by itself"
    assert hub.sights.shown() == {"a"}
    hub.now_s += hub_sights.SHOWN_S
    assert hub.sights.shown() == frozenset()


def test_a_camera_that_people_turn_looks_elsewhere_by_right() -> None:
    hub = Hub(camera("a", turns=True), camera("b"))
    hub.sights.hello("desk", ["a", "b"])
    hub.sights.sees("desk", [Sight(name, flags=(BLACK, TURNED)) for name in "ab"])
    seen = hub.turn()
    assert (seen["a"].flags, seen["a"].sights) == ((BLACK,), ())
    assert set(seen["b"].flags) == {BLACK, TURNED}, "the control"


def test_what_an_older_station_shows_is_left_alone_while_it_says_so() -> None:
    hub = Hub(camera("a"))
    for _ in range(10):
        hub.sights.hello("old", ["a"])
        assert hub.sights.busy() == {"a"}
        hub.now_s += 29
        assert hub.sights.busy() == {"a"}, "it never says SEES"
        hub.now_s += 1
    hub.sights.sees("old", [])
    assert hub.sights.busy() == frozenset(), "the control: one that says it has to go on saying it"


@pytest.mark.parametrize("speaks", [False, True])
def test_a_station_that_shows_nothing_for_long_begins_anew(speaks: bool) -> None:
    hub = Hub(camera("a"))
    hub.sights.hello("desk", ["a"])
    for _ in range(4):
        if speaks:
            hub.sights.sees("desk", [])
        assert hub.sights.shown() == {"a"}, "one empty HELLO says nothing of it"
        hub.now_s += 29
        hub.sights.hello("desk", [])
    assert hub.sights.shown() == frozenset()
    assert hub.sights.busy() == frozenset()
    hub.sights.hello("desk", ["a"])
    assert hub.sights.busy() == {"a"}, "its grace as on the first day"


def test_a_word_counts_only_after_a_hello_for_known_cameras_and_for_so_many() -> None:
    drawn, off = camera("drawn", "scene:1"), camera("off", enabled=False)
    hub = Hub(camera("a"), drawn, off)
    hub.sights.sees("stranger", [Sight("a", flags=(BLACK,))])
    hub.sights.hello("desk", [])
    flood = [Sight(f"x{n}") for n in range(SHOWS_MOST)]
    hub.sights.sees("desk", [Sight("drawn", online=False), Sight("off"), Sight("nobody"), *flood, Sight("a")])
    assert hub.turn() == {"a": camera("a"), "drawn": drawn, "off": off}
    assert hub.core.puts == 0
    assert len(hub.sights.busy()) <= SHOWS_MOST


def test_of_many_stations_those_without_a_picture_are_named_first() -> None:
    told = [StationSight(f"s{n:02d}", online=n != 30) for n in range(40)]
    seen = with_sights(camera("a"), told, 5)
    assert len(seen.sights) == hub_sights.STATIONS_MOST
    assert seen.sights[0] == StationSight("s30", online=False)
    assert seen.disputed


# -- the link --------------------------------------------------------------------------------------------------


def sent(seeing: Seeing, now_s: float) -> Sees | None:
    due = seeing.due(now_s)
    if due is not None:
        seeing.sent(due, now_s)
    return due


def test_a_change_is_sent_some_seconds_apart_and_the_same_is_repeated() -> None:
    seeing = Seeing()
    assert sent(seeing, 0.0) is None, "nothing to say"
    a, b = Sight("a"), Sight("b", flags=(BLACK,))
    seeing.tell([b, a], 1.0)
    assert sent(seeing, 1.0) == Sees((a, b))
    seeing.tell([a], 1.1)
    assert sent(seeing, 1.0 + CHANGED_S - 0.1) is None
    assert sent(seeing, 1.0 + CHANGED_S) == Sees((a,))
    seeing.tell([a], 8.0)
    assert sent(seeing, 4.0 + REPEATED_S - 0.1) is None
    assert sent(seeing, 4.0 + REPEATED_S) == Sees((a,))
    seeing.connection_lost()
    assert sent(seeing, 14.1) == Sees((a,)), "another hub knows nothing"


def test_a_screen_that_hangs_vouches_for_nothing() -> None:
    seeing = Seeing()
    seeing.tell([Sight("a")], 0.0)
    assert sent(seeing, 0.0) == Sees((Sight("a"),))
    assert sent(seeing, REPEATED_S) == Sees((Sight("a"),))
    assert sent(seeing, OLD_S + 1.1) == Sees(())
    assert sent(seeing, 100.0) is None, "said once"


# -- the screen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sight"),
    [
        (PictureStatus(PictureState.LIVE), Sight("a")),
        (PictureStatus(PictureState.LIVE, raised=(Raised(BLACK, 5),)), Sight("a", flags=(BLACK,))),
        (PictureStatus(PictureState.SLOW), Sight("a")),
        (PictureStatus(PictureState.LOST), Sight("a", online=False)),
        (PictureStatus(PictureState.REFUSED), Sight("a", online=False)),
        (PictureStatus(PictureState.CONNECTING), None),
        (PictureStatus(PictureState.WAITING_KEY), None),
        (PictureStatus(PictureState.NO_SOURCE), None),
    ],
)
def test_only_what_can_be_judged_is_told(status: PictureStatus, sight: Sight | None) -> None:
    assert sight_of("a", status) == sight
