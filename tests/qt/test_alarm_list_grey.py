"""A grey print of the alarm list: the priorities rank, and every state can be told from every other."""

from __future__ import annotations

from itertools import combinations, pairwise

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from helpers.sample_city import SCALES, SampleSession, prepare, sample_session
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from layouts.options import AlarmsOptions
from widgets.parts import text
from widgets.theme import ThemeName
from widgets.tiles.alarms import AlarmsTile

Grey = npt.NDArray[np.float64]


def some(sample: SampleSession, name: str, n: int, **changes: object) -> Alarm:
    """All with the same words but for their state."""
    made = Alarm(
        name, Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Có việc"), sample.clock.now_ns() - n * 10**9,
        place=LocalText("Đông Giang"),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def show(qtbot: QtBot, sample: SampleSession) -> AlarmsTile:
    tile = AlarmsTile(sample.session, SCALES["desk"], AlarmsOptions())
    tile.resize(480, 800)
    qtbot.addWidget(tile)
    tile.show()
    return tile


def grey_rows(tile: AlarmsTile) -> dict[str, Grey]:
    """Each row as a grey print has it, by the alarm's id."""
    picture = tile.view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    whole = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.bytesPerLine())
    out = {}
    for n in tile.view.shown_rows():
        rect = tile.view.visualRect(tile.model.index(n, 0))
        out[tile.model.row(n).alarm.id] = whole[rect.top() : rect.bottom(), : rect.width()].astype(float)
    return out


def weight(tile: AlarmsTile, row: Grey) -> float:
    """Area times contrast of the symbol against its ground."""
    column = row[:-1, : tile.delegate.symbol_column()]
    values, counts = np.unique(column, return_counts=True)
    return float(np.abs(column - values[counts.argmax()]).sum())


@pytest.mark.parametrize("theme", list(ThemeName))
@pytest.mark.parametrize("bright", [True, False])
def test_symbols_rank_in_a_grey_print(qtbot: QtBot, qapp: QApplication, theme: ThemeName, bright: bool) -> None:
    prepare(qapp, theme=theme)
    sample = sample_session(theme=theme)
    fresh = [some(sample, f"new-{p}", n, priority=p) for n, p in enumerate(Priority)]
    seen = [msgspec.structs.replace(a, id=a.id.replace("new", "seen"), state=AlarmState.ACKNOWLEDGED) for a in fresh]
    sample.deliver(Changes("alarms", (*fresh, *seen), reset=True))
    tile = show(qtbot, sample)
    tile.delegate.bright = bright
    weights = {alarm_id: weight(tile, row) for alarm_id, row in grey_rows(tile).items()}
    for kind in ("new", "seen"):
        ranked = [weights[f"{kind}-{priority}"] for priority in Priority]
        assert all(graver > 1.03 * milder for graver, milder in pairwise(ranked)), (kind, ranked)
    for priority in Priority:
        assert weights[f"new-{priority}"] > 1.15 * weights[f"seen-{priority}"]


STATES: dict[str, dict[str, object]] = {
    "unacknowledged": {},
    "acknowledged": {"state": AlarmState.ACKNOWLEDGED, "acked_by": "Thu Hà"},
    "in hand": {"state": AlarmState.ACKNOWLEDGED, "holder": "Thu Hà", "holder_id": "op"},
    "returned": {"state": AlarmState.RETURNED},
    "shelved": {"state": AlarmState.SHELVED, "shelved_until_ns": 10**18},
    "ended": {"state": AlarmState.ACKNOWLEDGED, "acked_by": "Thu Hà"},
    "conflict": {},
    "not stored": {},
}


@pytest.mark.parametrize("theme", list(ThemeName))
def test_every_state_can_be_told_in_a_grey_print(qtbot: QtBot, qapp: QApplication, theme: ThemeName) -> None:
    prepare(qapp, theme=theme)
    sample = sample_session(theme=theme)
    alarms = {name: some(sample, name, 0, **changes) for name, changes in STATES.items()}
    unstored = alarms.pop("not stored")
    sample.deliver(
        Changes("alarms", tuple(alarms.values()), reset=True),
        Changes("alarms", (unstored,), stored=False),
        ActionStatus(
            Action("a", Verb.CLAIM, "alarms", "conflict", 1, 0), Stage.CONFLICT, "already_claimed", "Minh Tuấn"
        ),
    )
    tile = show(qtbot, sample)
    tile.model.hold(True)
    sample.deliver(Changes("alarms", deleted=("ended",)))
    with text.recording() as log:
        rows = grey_rows(tile)
    assert rows.keys() == STATES.keys()
    for one, other in combinations(STATES, 2):
        differs = np.abs(rows[one] - rows[other]) > 40
        assert differs.sum() > 60, f"{one} and {other} look alike in a grey print"
    words = {item.whole for item in log.items}
    assert len(words) >= len(STATES), "and each has its own words"
