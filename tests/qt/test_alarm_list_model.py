"""The alarm list's model through anything that can happen: Qt's rules, no row lost, none moved while it is held."""

from __future__ import annotations

import random

import msgspec
import pytest
from helpers.sample_city import prepare
from PySide6.QtCore import QPersistentModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from backends.domain.alarm import Alarm, AlarmState, Priority, list_order
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from widgets.models.alarm_filter import ALL, AlarmFilter, is_grave
from widgets.models.alarm_order import is_listed
from widgets.models.alarms import AlarmListModel, AlarmRow, FoldRow, row_id
from widgets.models.city import CityModel

FILTERS = (ALL, AlarmFilter(words="ngap"), AlarmFilter(priorities=frozenset({Priority.LOW})))


class Story:
    """One random life of a list."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.city = CityModel()
        self.model = AlarmListModel(self.city)
        self.tester = QAbstractItemModelTester(self.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
        self.made = 0
        self.kept: list[tuple[QPersistentModelIndex, str]] = []

    def step(self) -> None:
        chance, model = self.chance, self.model
        what = chance.random()
        rows = [model.row(n) for n in range(model.rowCount())]
        folds = [row.fold for row in rows if isinstance(row, FoldRow) and not row.gone]
        if what < 0.7:
            held = [row_id(row) for row in rows] if model.held else None
            self.drain()
            if held is not None:
                assert [row_id(model.row(n)) for n in range(model.rowCount())] == held, "a row moved under a reader"
        elif what < 0.8:
            model.hold(not model.held)
        elif what < 0.85:
            model.set_filter(chance.choice(FILTERS))
        elif what < 0.9:
            model.collapse(not model.collapsed)
        elif folds:
            fold = chance.choice(folds)
            before = [row_id(row) for row in rows]
            model.open_fold(fold.key, not fold.opened)
            if model.held:
                after = [row_id(model.row(n)) for n in range(model.rowCount())]
                place = before.index(fold.key)
                assert after[: place + 1] == before[: place + 1], "only what is below it may make room"
        self.check()

    def drain(self) -> None:
        chance = self.chance
        put: dict[str, Alarm] = {}
        gone: list[str] = []
        for _ in range(chance.choice((1, 1, 2, 30))):
            known = list(self.city.records("alarms").values())
            if known and chance.random() < 0.6:
                alarm = chance.choice(known)
                if chance.random() < 0.25 and alarm.id not in put:
                    gone.append(alarm.id)
                    continue
                what = chance.choice(("rev", "state", "priority", "raised"))
                changes = {
                    "rev": {"rev": alarm.rev + 1},
                    "state": {"state": chance.choice(list(AlarmState))},
                    "priority": {"priority": chance.choice(list(Priority))},
                    "raised": {"t_raised_ns": alarm.t_raised_ns + 50, "state": AlarmState.UNACKNOWLEDGED},
                }[what]
                put[alarm.id] = msgspec.structs.replace(alarm, **changes)
            else:
                self.made += 1
                put[f"a{self.made}"] = self.new(f"a{self.made}")
        gone = [one for one in gone if one not in put]
        self.city.apply([Changes("alarms", tuple(put.values()), tuple(gone), reset=chance.random() < 0.02)])

    def new(self, alarm_id: str) -> Alarm:
        chance = self.chance
        return Alarm(
            alarm_id, chance.choice(list(Priority)), chance.choice(list(AlarmState)),
            LocalText(f"{chance.choice(('Ngập sâu', 'Gió', 'Mất hình'))} {self.made} cm"), chance.randint(1, 200),
            area_id=chance.choice(("w1", "w2")),
        )  # fmt: skip

    def check(self) -> None:
        model = self.model
        rows = [model.row(n) for n in range(model.rowCount())]
        assert len({row_id(row) for row in rows}) == len(rows)
        assert all(model.row_of(row_id(row)) == n for n, row in enumerate(rows))
        passes = model.filter.passes()
        wanted = [a for a in self.city.alarms() if passes(a)]
        assert model.passing() == len(wanted)
        assert model.asking() == sum(a.unacknowledged for a in wanted)
        for index, one in self.kept:
            if index.isValid():
                assert row_id(model.row(index.row())) == one, "what somebody chose became another row"
        if model.held:
            self.check_held(rows, wanted)
        else:
            self.check_free(rows, wanted)
        if rows and self.chance.random() < 0.1:
            n = self.chance.randrange(len(rows))
            self.kept.append((QPersistentModelIndex(model.index(n)), row_id(rows[n])))

    def check_free(self, rows: list, wanted: list[Alarm]) -> None:
        assert not any(row.gone for row in rows)
        assert self.model.waiting == []
        shown = [row.alarm for row in rows if isinstance(row, AlarmRow)]
        folded = [row.fold for row in rows if isinstance(row, FoldRow)]
        if not self.model.collapsed:
            assert shown == wanted == sorted(wanted, key=list_order)
        inside = sum(fold.count for fold in folded if not fold.opened)
        assert len(shown) + inside == len(wanted), "an alarm was lost"

    def check_held(self, rows: list, wanted: list[Alarm]) -> None:
        """Whatever asks for somebody and has come since is either on its row, in a fold's count, or waits."""
        there = {row_id(row) for row in rows}
        waiting = {alarm.id for alarm in self.model.waiting}
        assert waiting <= {alarm.id for alarm in wanted}
        for row in rows:
            if isinstance(row, AlarmRow):
                now = self.city.alarm(row.alarm.id)
                assert row.gone is (now is None or not is_listed(now))
                assert row.gone or row.alarm == now
        for alarm in wanted:
            if is_grave(alarm):
                assert alarm.id in there | waiting, "an urgent alarm was neither shown nor said"


@pytest.mark.parametrize("seed", range(5))
def test_a_random_life(qapp: QApplication, seed: int) -> None:
    prepare(qapp)
    story = Story(seed)
    for _ in range(160):
        story.step()
