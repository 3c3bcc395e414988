"""The keeper of the cameras' passwords: asks when it must, never in a storm, and hides what it keeps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ExpectLogs

from backends.domain.times import NS_PER_S
from backends.protocol.messages import Revealed
from console.feed_secrets import AGAIN_MOST_S, CONFIRM_S, FILE, Given, Key, SecretKeeper, Wants
from console.feed_verifiers import MOST_OFFLINE_S
from console.sealed import BadSeal, Seal

NOW = 1_790_000_000 * NS_PER_S
SEAL = Seal("station's secret key", "desk-1", "demo")


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
        self.keeper = self.begin()

    def begin(self, seal: Seal = SEAL) -> SecretKeeper:
        self.keeper = SecretKeeper(self.folder, self, self, self, lambda *row: self.audit.append(row))
        self.keeper._seal = seal
        self.keeper._load()
        return self.keeper

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
            self.keeper.look(Wants(cameras, refused))
            self.answer()
            self.keeper._save()
        return self.asked[before:]

    @property
    def given(self) -> dict[str, tuple[str, str]]:
        return {key.camera: (key.user, key.password) for key in self.keeper.given()[1].keys}


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
    room.keeper.look(Wants(wall, ()))
    room.keeper.look(Wants(wall, ()))
    room.keeper.look(Wants(wall, ()))
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
    number = room.keeper.given()[0]
    room.turns(120, "cam-1")
    room.secrets = {"cam-1": ("op", "new")}
    assert room.turns(1, "cam-1", refused=("cam-1",)) == ["cam-1"]
    assert room.given == {"cam-1": ("op", "new")}
    assert room.keeper.given()[0] > number, "the supervisor hears of it"


def test_one_that_goes_on_refusing_is_asked_for_ever_more_rarely(room: Room) -> None:
    room.secrets = {"cam-1": ("op", "wrong")}
    room.turns(1, "cam-1")
    number = room.keeper.given()[0]
    hour = len(room.turns(3600, "cam-1", refused=("cam-1",)))
    assert 8 <= hour <= 13
    late = len(room.turns(10 * AGAIN_MOST_S, "cam-1", refused=("cam-1",)))
    assert 9 <= late <= 10
    assert room.keeper.given()[0] == number, "the same secret opens nothing afresh"


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


def test_no_repr_holds_a_password() -> None:
    key = Key("cam-1", "op", "geheim")
    assert "geheim" not in repr(key) + repr(Given((key,))) + repr((key,))
