"""The door of the picture broker: who comes in, and that nobody waits for one that does not read."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import pytest
from conftest import ExpectLogs
from helpers.waiting import wait_for

from backends.video.door import Door, Seat
from backends.video.wire import Asked, AskHeld, Assigned, Assignment, Busy, encode, told_decoder

KEY = b"k" * 32
LONG = tuple(Assignment(n, "segment" * 8, n) for n in range(400))
"""Some 40 kB: a few of them fill what the system keeps for a reader that does not come."""


class Room:
    """A door, and what came through it."""

    def __init__(self) -> None:
        self.came: queue.Queue[Seat] = queue.Queue()
        self.asked: queue.Queue[Asked] = queue.Queue()
        self.gone: queue.Queue[Seat] = queue.Queue()
        self.door = Door(None, KEY)
        self.door.open(self.came.put, lambda seat, asked: self.asked.put(asked), self.gone.put)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.door.close()


def test_what_is_told_reaches_who_is_there(room: Room) -> None:
    with Client(room.door.address, authkey=KEY) as gui:
        seat = room.came.get(timeout=10)
        gui.send_bytes(encode(AskHeld()))
        assert room.asked.get(timeout=10) == AskHeld()
        seat.tell(Busy(0.5))
        assert told_decoder.decode(gui.recv_bytes()) == Busy(0.5)
    assert room.gone.get(timeout=10) is seat


def test_who_does_not_read_holds_up_nobody_and_hears_the_newest_in_the_end(room: Room) -> None:
    with Client(room.door.address, authkey=KEY) as deaf, Client(room.door.address, authkey=KEY) as other:
        first, second = room.came.get(timeout=10), room.came.get(timeout=10)
        for n in range(2000):
            for seat in (first, second):
                seat.tell(Assigned(n, LONG))
        for seat in (first, second):
            seat.tell(Busy(0.25))
        heard: list[int] = []
        while not heard or heard[-1] != 1999:
            told = told_decoder.decode(other.recv_bytes())
            heard += [told.number] if isinstance(told, Assigned) else []
        late: list[int] = []
        while not late or late[-1] != 1999:
            told = told_decoder.decode(deaf.recv_bytes())
            late += [told.number] if isinstance(told, Assigned) else []
    assert late == sorted(set(late))
    assert len(late) < 100, "what nobody read was kept"


def test_who_has_another_key_gets_no_seat(
    room: Room, expect_logs: ExpectLogs, caplog: pytest.LogCaptureFixture
) -> None:
    expect_logs("without the key")
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        Client(room.door.address, authkey=b"x" * 32)
    wait_for("it is said", lambda: "without the key" in caplog.text)
    assert room.came.empty()


def test_nonsense_costs_the_connection_and_the_door_stays_open(room: Room, expect_logs: ExpectLogs) -> None:
    expect_logs("cannot be read")
    with Client(room.door.address, authkey=KEY) as gui:
        gui.send_bytes(b"{}")
        assert wait_for("it is sent away", lambda: not room.gone.empty())
    with Client(room.door.address, authkey=KEY) as gui:
        gui.send_bytes(encode(AskHeld()))
        assert room.asked.get(timeout=10) == AskHeld()
