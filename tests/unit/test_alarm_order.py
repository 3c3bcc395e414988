"""Alarms in list order, change by change: always what one sort of all of them would give."""

from __future__ import annotations

import random

import msgspec
import pytest

from backends.domain.alarm import Alarm, AlarmState, Priority, list_order
from backends.domain.text import LocalText
from widgets.models.alarm_order import AlarmBook, Moves, Ordered, is_listed


class World:
    """Alarms that come, go and change, a few or many in one drain."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now: dict[str, Alarm] = {}

    def drain(self, most: int) -> Moves:
        moves: dict[str, Alarm | None] = {}
        for _ in range(self.chance.randint(0, most)):
            alarm_id = f"a{self.chance.randint(0, 60)}"
            if alarm_id in self.now and self.chance.random() < 0.2:
                del self.now[alarm_id]
                moves[alarm_id] = None
            else:
                self.now[alarm_id] = moves[alarm_id] = self._some(alarm_id)
        return moves

    def _some(self, alarm_id: str) -> Alarm:
        chance, before = self.chance, self.now.get(alarm_id)
        if before is not None and chance.random() < 0.4:
            return msgspec.structs.replace(before, rev=before.rev + 1, detail=LocalText(str(chance.random())))
        return Alarm(
            alarm_id, chance.choice(list(Priority)), chance.choice(list(AlarmState)), LocalText("Có việc"),
            chance.randint(1, 5), camera_ids=tuple(chance.sample(["c1", "c2", "c3"], chance.randint(0, 2))),
        )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [3, 40])
def test_the_list_is_what_a_sort_would_give(seed: int, most: int) -> None:
    world, ordered, book = World(seed), Ordered(), AlarmBook()
    for _ in range(60):
        moves = world.drain(most)
        before = [alarm.id for alarm in ordered.alarms]
        told = ordered.reorders(moves)
        ordered.change(moves)
        assert ordered.alarms == sorted(world.now.values(), key=list_order)
        assert told or [alarm.id for alarm in ordered.alarms] == before
        for row, alarm in enumerate(ordered.alarms):
            assert ordered.place(alarm.id) == row
        book.change(moves)
        _same(book, [alarm for alarm in ordered.alarms if is_listed(alarm)])


def _same(book: AlarmBook, listed: list[Alarm]) -> None:
    """The book against a count of all."""
    assert book.alarms == listed
    for priority in Priority:
        assert book.counts[priority] == sum(a.unacknowledged for a in listed if a.priority is priority)
    for camera in ("c1", "c2", "c3"):
        seen = [a for a in listed if camera in a.camera_ids and a.state is not AlarmState.SHELVED]
        assert book.at_camera(camera) == (seen[0] if seen else None)
        assert (camera in set(book.cameras())) is bool(seen)


def test_what_is_not_there_has_no_place() -> None:
    ordered = Ordered()
    ordered.change({"gone": None})
    assert ordered.place("gone") == -1
    assert ordered.get("gone") is None
    assert not ordered.reorders({"gone": None})
    assert "gone" not in ordered
