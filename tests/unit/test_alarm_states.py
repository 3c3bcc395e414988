"""The alarm's states: every cell of the tables, by the functions that the hub calls; docs/alarms.md shows the same; and
what no sequence of events may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain import alarm as alarms
from backends.domain.alarm import (
    CELLS,
    LATCHING,
    LATCHING_CELLS,
    PEOPLE,
    REFUSED,
    WORLD,
    Alarm,
    AlarmState,
    Event,
    Priority,
    TransitionRefused,
    row_of,
)
from backends.domain.text import LocalText

ROOT = Path(__file__).parents[2]
T = 1_790_000_000_000_000_000
PEOPLES = tuple(Event)[5:]
DO: dict[Event, Callable[[Alarm], Alarm]] = {
    Event.RAISE: lambda a: alarms.raise_again(a, T + 5),
    Event.RETURN: lambda a: alarms.return_to_normal(a, T + 6),
    Event.RISE: lambda a: alarms.rise(a, Priority.URGENT, T + 7),
    Event.SUPPRESS: alarms.suppress,
    Event.UNSUPPRESS: alarms.unsuppress,
    Event.ACKNOWLEDGE: lambda a: alarms.acknowledge(a, "Hà", T + 8),
    Event.CLAIM: lambda a: alarms.claim(a, "Hà", "op-ha", T + 9),
    Event.RELEASE: lambda a: alarms.release(a, "op-ha"),
    Event.SHELVE: lambda a: alarms.shelve(a, "Hà", "đang sửa", T + 100),
    Event.UNSHELVE: alarms.unshelve,
    Event.RESET: alarms.reset,
    Event.OUT_OF_SERVICE: lambda a: alarms.take_out_of_service(a, "Lan", "bảo trì", T + 10),
    Event.IN_SERVICE: alarms.put_in_service,
}


def standing(row: str, *, latching: bool = False, held: bool = False) -> Alarm:
    """An alarm of that row of the tables, with what its state has beside it."""
    state, _, gone = row.partition(" ")
    alarm = Alarm("fire@1", Priority.LOW, AlarmState(state), LocalText("Cháy"), T, latching=latching)
    more: dict[str, object] = {"rev": 3, "state_rev": 3, "t_returned_ns": T + 1 if gone else 0}
    if state in ("acked", "latched"):
        more |= {"acked_by": "Bình", "t_acked_ns": T + 2}
    if state == "shelved":
        more |= {"shelved_by": "Bình", "shelve_reason": "x", "shelved_until_ns": T + 50}
    if state == "oos":
        more |= {"oos_by": "Bình", "oos_reason": "x", "t_oos_ns": T + 3}
    if held or row == "acked gone":  # who claimed a returned one has it in hand
        more |= {"holder": "Hà", "holder_id": "op-ha"}
    return msgspec.structs.replace(alarm, **more)


ROWS = [row for row, event in CELLS if event is Event.RAISE]


def test_the_tables_are_whole() -> None:
    states = {row.removesuffix(" gone") for row in ROWS}
    assert states == set(AlarmState)
    assert CELLS.keys() == {(row, event) for row in ROWS for event in Event} == LATCHING_CELLS.keys()


@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("event", list(Event))
def test_every_cell(row: str, event: Event, latching: bool) -> None:
    held = event is Event.RELEASE
    before = standing(row, latching=latching, held=held)
    if event is Event.CLAIM:
        before = msgspec.structs.replace(before, holder="", holder_id="")
    assert row_of(before) == row
    cell = (LATCHING_CELLS if latching else CELLS)[row, event]
    if cell in ("no", "quiet"):
        with pytest.raises(TransitionRefused) as refused:
            DO[event](before)
        assert refused.value.code == ("not_active" if cell == "quiet" else REFUSED[event])
        return
    after = DO[event](before)
    if cell == ".":
        assert after is before
        return
    assert (after.state, after.rev, after.state_rev) == (AlarmState(cell), 4, 4)
    if event is Event.RAISE:
        assert (after.count, after.t_raised_ns, after.t_returned_ns) == (2, T + 5, 0)
    if event in (Event.RETURN, Event.SUPPRESS):
        assert bool(after.t_returned_ns) is (event is Event.RETURN)
    if after.state is AlarmState.UNACKNOWLEDGED:
        assert not after.acked_by or event is Event.RELEASE
    if after.state is not AlarmState.NORMAL:
        assert bool(after.shelved_until_ns) is (after.state is AlarmState.SHELVED)
        assert bool(after.oos_by) is (after.state is AlarmState.OUT_OF_SERVICE)


def test_the_documentation_shows_these_tables() -> None:
    text = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    for table in (WORLD, PEOPLE, LATCHING):
        assert table in text


@pytest.mark.parametrize("row", ["acked", "latched gone"])
def test_the_second_acknowledgement_names_the_first(row: str) -> None:
    with pytest.raises(TransitionRefused) as refused:
        alarms.acknowledge(standing(row), "Hà", T)
    assert (refused.value.code, refused.value.holder) == ("already_acknowledged", "Bình")


def test_a_claim_is_one_persons() -> None:
    held = standing("acked", held=True)
    with pytest.raises(TransitionRefused, match="already_claimed Hà"):
        alarms.claim(held, "Lan", "op-lan", T)
    with pytest.raises(TransitionRefused, match="already_claimed Hà"):
        alarms.release(held, "op-lan")
    assert alarms.release(held, "op-lan", anybody=True).holder == ""
    with pytest.raises(TransitionRefused, match="not_claimed"):
        alarms.release(standing("acked"), "op-ha")


def test_what_returned_in_somebodys_hands_is_over_when_he_lets_go() -> None:
    taken = alarms.claim(standing("returned gone"), "Hà", "op-ha", T)
    assert alarms.release(taken, "op-ha").state is AlarmState.NORMAL


def test_a_latched_alarm_leaves_by_acknowledgement_and_reset_in_this_order() -> None:
    gone = alarms.return_to_normal(standing("unack", latching=True), T + 1)
    with pytest.raises(TransitionRefused, match="not_latched"):
        alarms.reset(gone)
    latched = alarms.acknowledge(gone, "Hà", T + 2)
    assert latched.state is AlarmState.LATCHED
    assert alarms.reset(latched).state is AlarmState.NORMAL
    again = alarms.raise_again(latched, T + 3)
    assert (again.state, again.acked_by) == (AlarmState.UNACKNOWLEDGED, "")


def test_a_record_of_before_the_new_states_is_read() -> None:
    raw = b'{"id":"fire@1","priority":"low","state":"acked","name":{"vi":"Ch\xc3\xa1y"},"t_raised_ns":5,"acked_by":"H"}'
    old = msgspec.json.decode(raw, type=Alarm)
    assert (old.latching, old.oos_by, old.parent, old.children, old.key) == (False, "", "", 0, "fire")


# --- whatever happens, in whatever order -------------------------------------------------------------


@settings(max_examples=300)
@given(st.booleans(), st.lists(st.tuples(st.sampled_from(list(Event)), st.sampled_from(list(Priority))), max_size=30))
def test_whatever_happens(latching: bool, sequence: list[tuple[Event, Priority]]) -> None:
    """Beside the record runs the truth: is the cause there, has somebody decided about it since it came or rose?"""
    alarm = msgspec.structs.replace(standing("unack", latching=latching), rev=1, state_rev=1)
    cause = True
    for event, priority in sequence:
        before = alarm
        try:
            alarm = alarms.rise(alarm, priority, T) if event is Event.RISE else DO[event](alarm)
        except TransitionRefused:
            assert event in PEOPLES, "the world is never refused"
            continue
        cause = {Event.RAISE: True, Event.RETURN: False}.get(event, cause)
        if event is Event.RISE and alarm is not before:
            cause = True
        assert alarm.state_rev == before.state_rev + (alarm is not before), "each move is one, and none goes back"
        if alarm.state is AlarmState.NORMAL:
            assert not cause, "what is wrong never leaves the list"
            seen = (AlarmState.UNACKNOWLEDGED,)
            assert before.state not in seen, "and nothing leaves it unseen"
            return
        assert (row_of(alarm).endswith("gone")) is not cause
        risen = event is Event.RISE and alarm.priority is not before.priority
        quiet = before.state in (AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
        if quiet and event not in (Event.UNSUPPRESS, Event.IN_SERVICE):
            assert not alarm.unacknowledged, "it asks for nothing as long as it is quiet"
        elif alarm is not before and (
            risen or (cause and event in (Event.UNSUPPRESS, Event.IN_SERVICE, Event.UNSHELVE))
        ):
            assert alarm.state is AlarmState.UNACKNOWLEDGED
            assert not alarm.acked_by
        if before.unacknowledged and not alarm.unacknowledged and event not in PEOPLES:
            assert alarm.state is AlarmState.SUPPRESSED, "only a parent that speaks for it takes its voice"
        if alarm.state is AlarmState.SHELVED:
            assert alarm.shelved_until_ns, "it comes back"
            assert alarms.unshelve(alarm).unacknowledged
