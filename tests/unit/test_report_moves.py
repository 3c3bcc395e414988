"""Citizen reports: every act against every state, and the clock over any sequence of acts."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.domain import report_moves as moves
from backends.domain.alarm import TransitionRefused
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report, ReportState, due_ns, queue_order, remaining_s, sla_used, used_share
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

S = ReportState
HOUR = 3600 * NS_PER_S
T0 = 1_000 * HOUR
DRAINS = Agency("thoat-nuoc", LocalText("Thoát nước", "Drainage"), "do-thi")
POWER = Agency("dien-luc", LocalText("Điện lực", "Power"), "ubnd")
FIRE = SlaRule("sla-rescue", "rescue", LocalText("Cứu hộ", "Rescue"), 1.0)


def report(state: ReportState = S.NEW, **fields: object) -> Report:
    values: dict[str, object] = {
        "id": "PA-1", "category": "drainage", "title": LocalText("Cống nghẹt"), "state": state, "t_received_ns": T0,
        "t_due_ns": T0 + 4 * HOUR, "agency_id": "thoat-nuoc", "agency": DRAINS.name,
        "merged_into": "PA-0" if state is S.MERGED else "",
    }  # fmt: skip
    return msgspec.convert({**values, **fields}, Report, strict=False, from_attributes=True)


ACTS: dict[str, tuple[Callable[[Report], Report], dict[ReportState, ReportState]]] = {
    "claim": (lambda r: moves.claim(r, "Thu Hà", "op-ha"), {one: one for one in S if one.open}),
    "categorise": (lambda r: moves.categorise(r, FIRE), {one: one for one in S if one.open}),
    "assign": (lambda r: moves.assign(r, POWER, POWER.name, T0), {one: S.ASSIGNED for one in S if one.open}),
    "start": (moves.start, {S.ASSIGNED: S.IN_PROGRESS}),
    "send_back": (
        lambda r: moves.send_back(r, "không thuộc thẩm quyền", T0),
        {S.ASSIGNED: S.RETURNED, S.IN_PROGRESS: S.RETURNED},
    ),
    "pause": (lambda r: moves.pause(r, "chờ người dân", T0), {one: one for one in S if one.open}),
    "reject": (lambda r: moves.reject(r, "tin giả", T0), {one: S.REJECTED for one in S if one.open}),
    "close": (lambda r: moves.close(r, "đã thông cống", (), T0), {S.ASSIGNED: S.DONE, S.IN_PROGRESS: S.DONE}),
    "reopen": (lambda r: moves.reopen(r, "vẫn ngập", 4.0, T0), {S.DONE: S.ASSIGNED, S.REJECTED: S.NEW}),
    "rate": (lambda r: moves.rate(r, 4), {S.DONE: S.DONE}),
    "merge": (
        lambda r: moves.merge(r, report(id="PA-9"), (), T0)[0],
        {one: S.MERGED for one in S if one.open},
    ),
    "unmerge": (lambda r: moves.unmerge(r, report(id="PA-0", reporters=2, merged=("PA-1",)))[0], {S.MERGED: S.NEW}),
    "order": (
        lambda r: moves.order(r, DRAINS, DRAINS.name, "đến ngay", "Thu Hà", T0),
        {S.NEW: S.ASSIGNED, S.RETURNED: S.ASSIGNED, S.ASSIGNED: S.ASSIGNED, S.IN_PROGRESS: S.IN_PROGRESS},
    ),
}  # fmt: skip
"""Act -> (the act, state before -> state after). What is not in the table is refused."""


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("act", list(ACTS))
def test_every_act_in_every_state(act: str, state: ReportState) -> None:
    do, table = ACTS[act]
    before = report(state)
    if state not in table:
        with pytest.raises(TransitionRefused):
            do(before)
        return
    after = do(before)
    assert after.state is table[state]
    assert after.rev == before.rev + 1
    assert after.state_rev == before.state_rev + (act != "rate")


def test_a_second_claim_names_the_holder_and_another_cannot_give_it_back() -> None:
    held = moves.claim(report(), "Thu Hà", "op-ha")
    with pytest.raises(TransitionRefused) as refused:
        moves.claim(held, "Minh", "op-minh")
    assert (refused.value.code, refused.value.holder) == ("already_claimed", "Thu Hà")
    with pytest.raises(TransitionRefused):
        moves.release(held, "op-minh")
    assert not moves.release(held, "op-ha").holder_id
    assert not moves.release(held, "lead", anybody=True).holder_id


def test_bounces_are_counted_and_the_reason_stays_until_it_has_a_home_again() -> None:
    one = moves.assign(report(), POWER, POWER.name, T0)
    one = moves.send_back(one, "không phải điện", T0)
    assert (one.state, one.bounces, one.reason) == (S.RETURNED, 1, "không phải điện")
    one = moves.assign(one, DRAINS, DRAINS.name, T0)
    assert (one.bounces, one.reason, one.agency_id) == (1, "", "thoat-nuoc")
    with pytest.raises(TransitionRefused):
        moves.assign(one, DRAINS, DRAINS.name, T0)


def test_the_clock_stands_while_it_is_paused() -> None:
    paused = moves.pause(report(), "chờ người dân gửi ảnh", T0 + HOUR)
    for later in (0, 5, 50):
        now = T0 + HOUR + later * HOUR
        assert remaining_s(paused, now) == 3 * 3600
        assert sla_used(paused, now) == 0.25
    running = moves.resume(paused, T0 + 6 * HOUR)
    assert (running.t_due_ns, running.t_paused_ns, running.paused_ns) == (T0 + 9 * HOUR, 0, 5 * HOUR)
    assert sla_used(running, T0 + 6 * HOUR) == 0.25
    assert used_share(running, T0 + 11 * HOUR) == 1.5


@pytest.mark.parametrize("act", ["assign", "reject", "merge", "order"])
def test_a_decision_lets_the_clock_run_again(act: str) -> None:
    paused = moves.pause(report(), "chờ", T0 - HOUR)
    after = ACTS[act][0](paused)
    assert (after.t_paused_ns, after.paused_ns) == (0, HOUR)


def test_another_category_has_its_own_time_from_the_beginning() -> None:
    late = moves.escalate(report(), T0 + 5 * HOUR)
    assert late.escalated == 1
    rescue = moves.categorise(late, FIRE)
    assert (rescue.t_due_ns, rescue.category_name, rescue.escalated) == (T0 + HOUR, FIRE.name, 0)
    assert moves.escalate(rescue, T0 + 5 * HOUR).escalated == 2


def test_it_goes_up_step_by_step_and_not_while_the_clock_stands() -> None:
    one = report(S.IN_PROGRESS)
    assert moves.escalate(one, T0 + 3 * HOUR) is one
    one = moves.escalate(one, T0 + 4 * HOUR)
    assert one.escalated == 1
    assert moves.escalate(one, T0 + 5 * HOUR) is one
    paused = moves.pause(one, "chờ", T0 + 5 * HOUR)
    assert moves.escalate(paused, T0 + 50 * HOUR) is paused
    assert moves.escalate(moves.resume(paused, T0 + 50 * HOUR), T0 + 51 * HOUR).escalated == 2
    assert moves.escalate(report(S.DONE), T0 + 50 * HOUR).escalated == 0


def test_merging_keeps_all_reporters_and_there_is_one_head() -> None:
    child = report(S.MERGED, id="PA-0", merged_into="PA-1")
    early = report(id="PA-1", before=("a",), reporters=2, merged=("PA-0",))
    late = report(id="PA-2", t_received_ns=T0 + HOUR, t_due_ns=T0 + 5 * HOUR, before=("b", "a"))
    gone, head, moved = moves.merge(early, late, (child,), T0 + 2 * HOUR)
    assert (gone.state, gone.merged_into, gone.t_closed_ns) == (S.MERGED, "PA-2", T0 + 2 * HOUR)
    assert (gone.reporters, gone.merged, moved.merged_into) == (1, (), "PA-2")
    assert (head.reporters, head.merged, head.before) == (3, ("PA-0", "PA-1"), ("b", "a"))
    assert (head.t_received_ns, head.t_due_ns) == (T0, T0 + 4 * HOUR)
    for one in (moved, gone):
        back, head = moves.unmerge(one, head)
        assert (back.state, back.merged_into, back.t_due_ns) == (S.NEW, "", T0 + 4 * HOUR)
    assert (head.reporters, head.merged) == (1, ())
    with pytest.raises(TransitionRefused):
        moves.merge(early, early, (), T0)
    with pytest.raises(TransitionRefused):
        moves.unmerge(gone, report(id="PA-7"))


def test_a_clock_that_stands_runs_when_something_urgent_is_merged_into_it() -> None:
    paused = moves.pause(report(id="PA-2"), "chờ", T0)
    now = T0 + 20 * HOUR
    _, head = moves.merge(report(id="PA-1", t_received_ns=now - HOUR, t_due_ns=now + HOUR), paused, (), now)
    assert (head.t_paused_ns, head.t_due_ns) == (0, now + HOUR)
    assert moves.escalate(head, now + HOUR).escalated == 1


def test_an_opened_one_has_its_time_once_more_and_its_bounces_stay() -> None:
    done = moves.close(report(S.IN_PROGRESS, bounces=2), "đã thông", ("x",), T0 + 2 * HOUR)
    rated = moves.rate(done, 1)
    again = moves.reopen(rated, "vẫn ngập", 4.0, T0 + 10 * HOUR)
    assert (again.state, again.reopened, again.bounces, again.rating, again.t_closed_ns) == (S.ASSIGNED, 1, 2, 0, 0)
    assert again.t_due_ns == T0 + 14 * HOUR
    assert sla_used(again, T0 + 10 * HOUR) == 0.0
    assert sla_used(again, T0 + 12 * HOUR) == 0.5


def test_an_order_goes_through_its_steps_and_never_back() -> None:
    one = moves.order(report(), DRAINS, DRAINS.name, "đến ngay", "Thu Hà", T0)
    assert (one.state, one.agency_id, one.orders[0].sent_by) == (S.ASSIGNED, "thoat-nuoc", "Thu Hà")
    one = moves.order_step(one, 0, "received", T0 + 1)
    assert one.state is S.IN_PROGRESS
    one = moves.order_step(one, 0, "done", T0 + 2)
    assert (one.orders[0].t_received_ns, one.orders[0].t_arrived_ns, one.orders[0].t_done_ns) == (T0 + 1, 0, T0 + 2)
    for step in ("received", "arrived", "done"):
        with pytest.raises(TransitionRefused):
            moves.order_step(one, 0, step, T0 + 3)
    for number, step in ((1, "received"), (-1, "received"), (0, "lost")):
        with pytest.raises(TransitionRefused):
            moves.order_step(one, number, step, T0 + 3)


def test_the_queue_goes_by_what_is_due_as_things_stand() -> None:
    soon, paused = report(id="PA-1"), moves.pause(report(id="PA-2", t_due_ns=T0 + 2 * HOUR), "chờ", T0)
    now = T0 + 3 * HOUR
    assert due_ns(paused, now) == T0 + 5 * HOUR
    assert sorted([paused, soon], key=lambda r: queue_order(r, now)) == [soon, paused]


@given(st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 30)), max_size=25))
def test_whatever_happens_a_report_is_open_or_closed_with_its_time(steps: list[tuple[str, int]]) -> None:
    """Any sequence: revs only rise, the clock's parts add up, an open report has a due time, a closed one an end."""
    one, now = report(), T0
    worked = {**{name: do for name, (do, _) in ACTS.items()}}
    worked |= {
        "assign": lambda r: moves.assign(r, POWER, POWER.name, now),
        "send_back": lambda r: moves.send_back(r, "không", now),
        "pause": lambda r: moves.pause(r, "chờ", now),
        "reject": lambda r: moves.reject(r, "giả", now),
        "close": lambda r: moves.close(r, "xong", (), now),
        "reopen": lambda r: moves.reopen(r, "chưa", 4.0, now),
        "merge": lambda r: moves.merge(r, report(id="PA-0"), (), now)[0],
        "order": lambda r: moves.order(r, DRAINS, DRAINS.name, "đi", "Hà", now),
    }
    for name, minutes in steps:
        now += minutes * 60 * NS_PER_S
        before = one
        try:
            one = worked[name](one)
        except TransitionRefused:
            assert one == before
            continue
        assert one.rev == before.rev + 1
        assert one.state_rev >= before.state_rev
        assert one.state.open == (one.t_closed_ns == 0)
        assert not (one.holder_id and not one.state.open)
        assert one.paused_ns >= 0
        assert one.t_due_ns > one.t_received_ns
        if not one.state.open:
            assert not one.t_paused_ns
        assert (one.state is S.MERGED) == bool(one.merged_into)
