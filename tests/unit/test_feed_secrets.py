"""The keeper of the cameras' passwords: asks when it must, never in a storm, and hides what it keeps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.domain.access import Grant, Right
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.people import Role
from backends.domain.replay import past_key
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.protocol.codec import encode
from backends.protocol.messages import Revealed
from backends.video.places import place_of
from console.feed_secrets import AGAIN_MOST_S, CONFIRM_S, FILE, PAST_PLACES, Given, Key, SecretKeeper, Want, Wants
from console.feed_verifiers import MOST_OFFLINE_S
from console.sealed import BadSeal, Seal

NOW = 1_790_000_000 * NS_PER_S
URI = "rtsp://10.0.0.7:554/live/1"
SEAL = Seal("station's secret key", "desk-1", "demo")


def wants(*cameras: str, refused: tuple[str, ...] = (), uri: str = URI) -> Wants:
    """What the supervisor says."""
    place = place_of(uri)
    return Wants(tuple(Want(name, place, name in refused) for name in dict.fromkeys((*cameras, *refused))))


class Room:
    """A hub that answers when it is told to, clocks, and the audit."""

    def __init__(self, folder: Path) -> None:
        self.s = 0.0
        self.here = True
        self.secrets: dict[str, tuple[str, str]] = {}
        self.code = ""
        self.open: list[tuple[str, Callable[[str, Revealed], None]]] = []
        self.asked: list[str] = []
        self.audit: list[tuple[str, str, str, str]] = []
        self.folder = folder
        self.streams: dict[str, tuple[str, ...]] = {}
        self.has_directory = True
        self.keeper = self.begin()

    def begin(self, seal: Seal = SEAL) -> SecretKeeper:
        self.keeper = SecretKeeper(self.folder, self, self, self, lambda *row: self.audit.append(row), self.record)
        self.keeper._seal = seal
        self.keeper._load()
        return self.keeper

    def record(self, camera: str) -> bytes | None:
        """The directory."""
        if camera not in self.streams and not self.has_directory:
            return None
        streams = tuple(Stream(StreamKind.SUB, uri) for uri in self.streams.get(camera, (URI,)))
        room = (Stream(StreamKind.SUB, "rtsp://room:8554/1"),)
        return encode(Camera(camera, camera, LocalText(camera), streams, restream=room))

    def now_ns(self) -> int:
        return NOW + int(self.s * NS_PER_S)

    def monotonic_s(self) -> float:
        return self.s

    def open_camera(self, camera: str, told: Callable[[str, Revealed], None]) -> bool:
        if self.here:
            self.asked.append(camera)
            self.open.append((camera, told))
        return self.here

    def answer(self) -> None:
        """All that is under way."""
        waiting, self.open = self.open, []
        for camera, told in waiting:
            user, password = self.secrets.get(camera, ("", ""))
            code = self.code or ("" if user else "unknown")
            told("ha", Revealed(1, code, {} if code else {"user": user, "password": password}))

    def turns(self, seconds: float, *cameras: str, refused: tuple[str, ...] = ()) -> list[str]:
        """The supervisor's word twice a second, answered at once. Who was asked for."""
        before = len(self.asked)
        for _ in range(int(seconds * 2)):
            self.s += 0.5
            self.keeper.look(wants(*cameras, refused=refused))
            self.answer()
            self.keeper._save()
        return self.asked[before:]

    @property
    def given(self) -> dict[str, tuple[str, str]]:
        return {key.camera: (key.user, key.password) for key in self.keeper.given().keys}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_wanted_camera_is_asked_for_once_a_day(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "p1")}
    assert sorted(room.turns(60, "cam-1", "cam-2")) == ["cam-1", "cam-2"], "one without a secret likewise"
    assert room.given == {"cam-1": ("op", "p1")}
    assert room.audit == [("camera_secret", "ha", "cameras/cam-1", "new")], "the giving is one row"
    room.s += CONFIRM_S
    assert sorted(room.turns(60, "cam-1", "cam-2")) == ["cam-1", "cam-2"]
    assert room.audit[1:] == [("camera_secret", "ha", "cameras/cam-1", "as before")]


def test_a_wall_is_asked_for_some_at_a_time(room: Room) -> None:
    wall = tuple(f"cam-{n}" for n in range(64))
    for _ in range(3):
        room.keeper.look(wants(*wall))
    assert len(room.open) == 4, "so many under way at most"
    room.answer()
    assert len(room.turns(10, *wall)) == 60, "the hub takes ten a second"


def test_nobody_here_nothing_is_asked_and_nothing_is_lost(room: Room) -> None:
    room.here = False
    assert room.turns(5, "cam-1") == []
    room.here, room.secrets = True, {"cam-1": ("op", "p1")}
    assert room.turns(1, "cam-1") == ["cam-1"]
    room.here = False
    room.turns(5, "cam-1", refused=("cam-1",))
    assert room.given == {"cam-1": ("op", "p1")}


def test_a_refusal_brings_the_new_secret_at_once(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "old")}
    room.turns(5, "cam-1")
    before = room.keeper.given()
    room.turns(120, "cam-1")
    assert room.keeper.given() == before
    room.secrets = {"cam-1": ("op", "new")}
    assert room.turns(1, "cam-1", refused=("cam-1",)) == ["cam-1"]
    assert room.given == {"cam-1": ("op", "new")}


def test_one_that_goes_on_refusing_is_asked_for_ever_more_rarely(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "wrong")}
    room.turns(1, "cam-1")
    before = room.keeper.given()
    hour = len(room.turns(3600, "cam-1", refused=("cam-1",)))
    assert 8 <= hour <= 13
    late = len(room.turns(10 * AGAIN_MOST_S, "cam-1", refused=("cam-1",)))
    assert 9 <= late <= 10
    assert room.keeper.given() == before, "the same secret opens nothing afresh"


@pytest.mark.parametrize("code", ["no_answer", "not_kept", "not_allowed", "nobody_signed_in"])
def test_a_hub_that_cannot_say_takes_nothing_away(room: Room, code: str) -> None:
    room.secrets = {"cam-1": ("op", "p1")}
    room.turns(1, "cam-1")
    room.code = code
    room.s += CONFIRM_S
    assert 2 <= len(room.turns(60, "cam-1")) <= 7
    assert room.given == {"cam-1": ("op", "p1")}


def test_what_the_hub_has_no_more_is_forgotten_here(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "p1")}
    room.turns(1, "cam-1")
    room.secrets = {}
    room.s += CONFIRM_S
    room.turns(1, "cam-1")
    assert room.given == {}
    room.begin()
    assert room.given == {}


def test_a_start_without_the_hub_has_the_pictures_for_a_week(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "mật khẩu/1 2")}
    room.turns(1, "cam-1")
    room.s += MOST_OFFLINE_S - 10
    room.begin()
    assert room.given == {"cam-1": ("op", "mật khẩu/1 2")}
    room.s += 20
    room.begin()
    assert room.given == {}


def test_the_file_is_hidden_and_this_stations_alone(room: Room, expect_logs: ExpectLogs) -> None:
    room.secrets = {"cam-1": ("operator-user", "a password")}
    room.turns(1, "cam-1")
    path = room.folder / FILE
    raw = path.read_bytes()
    for part in (b"a password", b"operator-user", b"cam-1"):
        assert part not in raw
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0
    again = room.folder / "again"
    SEAL.write_hidden(again, ["a password"])
    first = again.read_bytes()
    SEAL.write_hidden(again, ["a password"])
    assert again.read_bytes() != first, "the same twice does not look the same"
    assert SEAL.read_hidden(again, list[str]) == ["a password"]
    with pytest.raises(BadSeal):
        Seal("station's secret key", "desk-2", "demo").read_hidden(again, list[str])
    expect_logs("not known here any more")
    room.begin(Seal("another key", "desk-1", "demo"))
    assert room.given == {}


def test_a_password_goes_with_the_places_that_the_directory_names_and_elsewhere_nothing_is_asked(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "p1")}
    for foreign in ("rtsp://10.6.6.6:554/live/1", "rtsp://room:8554/1", "rtsps://10.0.0.7:554/live/1"):
        room.keeper.look(wants("cam-1", refused=("cam-1",), uri=foreign))
    assert room.asked == []
    room.turns(1, "cam-1")

    def places() -> tuple[str, ...]:
        (key,) = room.keeper.given().keys
        return key.places

    assert places() == ("rtsp://10.0.0.7:554",)
    room.streams["cam-1"] = ("rtsp://10.0.0.8/1", "http://10.0.0.8/2", "scene:1")
    assert places() == ("http://10.0.0.8", "rtsp://10.0.0.8"), "the directory says another address now"
    room.streams, room.has_directory = {}, False
    room.begin()
    assert places() == ("rtsp://10.0.0.7:554",), "a directory that is not there yet takes no picture away"


def test_each_look_at_the_past_is_allowed_for_its_own_address(room: Room) -> None:
    def places() -> list[tuple[str, ...]]:
        return [key.places for key in room.keeper.given().keys if key.camera == past_key("cam-1")]

    room.keeper.allow("ha", "cam-1", "op", "p", "onvif-replay://nvr/0")
    assert places() == [], "nobody sits here"
    room.keeper.sits(Grant("lan", "Lan", Role.OPERATOR, rights=frozenset({Right.LOOK_BACK})))
    room.keeper.allow("ha", "cam-1", "op", "p", "onvif-replay://nvr/0")
    assert places() == [], "who asked has gone meanwhile"
    room.keeper.sits(Grant("ha", "Hà", Role.OPERATOR, rights=frozenset({Right.LOOK_BACK})))
    uris = [f"onvif-replay://nvr/{n}" for n in range(PAST_PLACES + 2)]
    for uri in (*uris, uris[3]):
        room.keeper.allow("ha", "cam-1", "op", "p", uri)
    assert places() == [(uris[2], *uris[4:], uris[3])], "the newest"
    room.keeper.allow("ha", "cam-1", "op", "another", uris[0])
    assert places() == [(uris[0],)]
    room.keeper.sits(Grant("lan", "Lan", Role.OPERATOR, rights=frozenset({Right.LOOK_BACK})))
    assert places() == []


def test_no_repr_holds_a_password() -> None:
    key = Key("cam-1", "op", "geheim")
    assert "geheim" not in repr(key) + repr(Given((key,))) + repr((key,))
