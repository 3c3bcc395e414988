"""Alarms folded by cause and area: nothing is lost, the grave ones stay apart."""

from __future__ import annotations

import random

import msgspec
import pytest

from backends.domain.alarm import Alarm, AlarmState, Priority, list_order
from backends.domain.text import LocalText
from widgets.models.alarm_filter import is_grave
from widgets.models.alarm_folds import FEWEST, Fold, Folded, cause_of, fold_of, item_id


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("Ngập sâu 30 cm, kiệt 7 Trần Hưng Đạo", "Ngập sâu"),
        ("Sông Hiếu trên BĐ3 0,12 m", "Sông Hiếu trên BĐ3"),
        ("Mất dữ liệu không khí (11 cảm biến)", "Mất dữ liệu không khí"),
        ("Camera 068 mất hình", "Camera mất hình"),
        ("PM2.5 trung bình giờ cao", "PM2.5 trung bình giờ cao"),
        ("Ắc quy UPS 38%", "Ắc quy UPS"),
        ("Gió 21 m/s", "Gió"),
        ("12", "12"),
        ("", ""),
    ],
)
def test_a_cause_is_the_name_without_figures(name: str, cause: str) -> None:
    assert cause_of(name) == cause


def alarm(n: int, **changes: object) -> Alarm:
    made = Alarm(
        f"a{n}", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText(f"Ngập sâu {n} cm, kiệt {n}"), n, area_id="ward-1"
    )
    return msgspec.structs.replace(made, **changes)


def test_three_of_one_cause_and_area_are_one_row() -> None:
    alarms = [alarm(1), alarm(2, state=AlarmState.ACKNOWLEDGED), alarm(3), alarm(0, area_id="ward-2")]
    folded = Folded(alarms, set())
    fold, other = folded.items
    assert isinstance(fold, Fold)
    assert (fold.count, fold.asking, fold.worst.id, fold.opened) == (3, 2, "a3", False)
    assert item_id(other) == "a0"
    folded.opened.add(fold.key)
    folded.renew()
    assert [item_id(item) for item in folded.items] == [fold.key, "a3", "a1", "a2", "a0"]
    folded.change({"a1": None})
    assert [item_id(item) for item in folded.items] == ["a3", "a0", "a2"], "too few to fold"


def test_the_grave_ones_stay_apart() -> None:
    folded = Folded([alarm(n, priority=Priority.URGENT) for n in range(5)], set())
    assert len(folded.items) == 5
    folded.change({a.id: msgspec.structs.replace(a, state=AlarmState.ACKNOWLEDGED) for a in list(folded.items)[:3]})
    assert sorted(isinstance(item, Fold) for item in folded.items) == [False, False, True]


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost_and_the_worst_comes_first(seed: int) -> None:
    chance = random.Random(seed)
    now: dict[str, Alarm] = {}
    folded = Folded([], set())
    for _ in range(80):
        moves: dict[str, Alarm | None] = {}
        for _ in range(chance.randint(1, 12)):
            key = f"a{chance.randint(0, 40)}"
            moves[key] = None if chance.random() < 0.25 else alarm(
                int(key[1:]), priority=chance.choice(list(Priority)), state=chance.choice(list(AlarmState)[:4]),
                area_id=chance.choice(["w1", "w2"]), name=LocalText(chance.choice(["Ngập 3 cm", "Gió 4 m/s", "Cháy"])),
            )  # fmt: skip
        now.update({key: one for key, one in moves.items() if one is not None})
        for key in [key for key, one in moves.items() if one is None]:
            now.pop(key, None)
        folded.change(moves)
        rows = folded.items
        singles = [row for row in rows if isinstance(row, Alarm)]
        folds = [row for row in rows if isinstance(row, Fold)]
        assert len(singles) + sum(fold.count for fold in folds) == len(now)
        assert {one.id for one in now.values() if is_grave(one)} <= {row.id for row in singles}
        heads = [row.worst if isinstance(row, Fold) else row for row in rows]
        assert heads == sorted(heads, key=list_order)
        for fold in folds:
            here = [one for one in now.values() if fold_of(one) == fold.key and not is_grave(one)]
            assert fold.count == len(here) >= FEWEST
            assert fold.asking == sum(one.unacknowledged for one in here)
            assert fold.worst == min(here, key=list_order)
        assert all(folded.at[item_id(row)] == n for n, row in enumerate(rows))


def test_one_that_moves_among_thousands_costs_no_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = [alarm(n, priority=Priority.URGENT) for n in range(2000)] + [alarm(n) for n in range(2000, 2010)]
    folded = Folded(alarms, set())
    asked: list[str] = []
    order = list_order
    for module in ("alarm_order", "alarm_folds"):
        monkeypatch.setattr(
            f"widgets.models.{module}.list_order", lambda one: asked.append(one.id) or order(one), raising=False
        )
    for n in (7, 2003):
        folded.change({f"a{n}": msgspec.structs.replace(alarms[n], t_raised_ns=9999)})
    assert [item_id(item) for item in folded.items[:2]] == ["a7", "a1999"]
    last = folded.items[-1]
    assert isinstance(last, Fold)
    assert last.worst.id == "a2003"
    assert len(asked) < 50, "the places of what has moved, and of nothing else"
