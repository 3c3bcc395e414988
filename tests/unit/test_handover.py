"""The hand-over's record: notes, two signatures of different people, the lock and its hash; and what it lists."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest

from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.camera import Camera
from backends.domain.handover import (
    NOTES_MOST,
    Handover,
    HandoverState,
    Line,
    Part,
    Section,
    digest,
    give,
    intact,
    note,
    open_new,
    since_ns,
    take,
    unlocked,
)
from backends.domain.handover_sheet import LOG_ENTRY, MOST, NAME_LIMIT, SIZE_LIMIT, sheet
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1", t_on_ns=NOW - 8 * HOUR)
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.SHIFT_LEAD, "desk-2")
change = msgspec.structs.replace


def opened() -> Handover:
    return note(open_new("GC-0001", HA, NOW - 8 * HOUR, NOW), HA, "Bơm số 3 đang sửa", NOW + 1)


def given_() -> Handover:
    return give(opened(), HA, sheet_of(alarms=[alarm("a")]), NOW + 2)


def locked() -> Handover:
    return take(given_(), MINH, NOW + 3)


def refusal(act: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(TransitionRefused) as refused:
        act(*args)
    return refused.value.code, refused.value.holder


# -- what people do --------------------------------------------------------------------------------------------------


def test_two_people_sign_and_nothing_moves_it_any_more() -> None:
    done = locked()
    assert (done.state, done.t_frozen_ns) == (HandoverState.LOCKED, NOW + 2)
    assert done.given is not None
    assert done.taken is not None
    assert (done.given.name, done.given.role, done.given.t_ns) == ("Nguyễn Thu Hà", Role.OPERATOR, NOW + 2)
    assert (done.taken.operator_id, done.taken.station_id) == ("op-minh", "desk-2")
    assert intact(done)
    for act, more in ((note, (HA, "x", NOW)), (give, (HA, (), NOW)), (take, (HA, NOW))):
        assert refusal(act, done, *more) == ("locked", "Trần Minh")


def test_nobody_hands_over_to_himself_and_nobody_takes_what_was_not_given() -> None:
    assert refusal(take, given_(), HA, NOW) == ("same_person", "Nguyễn Thu Hà")
    assert refusal(take, opened(), MINH, NOW) == ("not_given", "")


def test_a_note_takes_the_signature_away() -> None:
    again = note(given_(), MINH, "còn một việc", NOW + 5)
    assert (again.state, again.given, again.parts, again.t_frozen_ns) == (HandoverState.OPEN, None, (), 0)
    assert [line.text for line in again.notes] == ["Bơm số 3 đang sửa", "còn một việc"]
    assert refusal(take, again, MINH, NOW)[0] == "not_given"


def test_signed_again_it_is_frozen_anew() -> None:
    again = give(given_(), MINH, sheet_of(), NOW + 9)
    assert again.given is not None
    assert (again.given.operator_id, again.t_frozen_ns) == ("op-minh", NOW + 9)
    assert all(part.total == 0 for part in again.parts)


def test_every_act_moves_the_state_that_a_signature_carries() -> None:
    steps = [open_new("GC-0001", HA, 0, NOW), opened(), given_(), locked()]
    assert [one.state_rev for one in steps] == [1, 2, 3, 4]


def test_it_takes_so_many_notes_and_no_more() -> None:
    full = opened()
    for _ in range(NOTES_MOST - 1):
        full = note(full, HA, "x", NOW)
    assert refusal(note, full, HA, "x", NOW) == ("full", "")


@pytest.mark.parametrize(
    "altered",
    [
        {"notes": ()},
        {"t_frozen_ns": NOW},
        {"id": "GC-0002"},
        {"parts": ()},
        {"taken": None},
        {"sha256": "0" * 64},
    ],
)
def test_whatever_is_altered_afterwards_is_found(altered: dict[str, Any]) -> None:
    assert intact(locked())
    assert not intact(change(locked(), **altered))


def test_the_hash_can_be_worked_out_without_this_program() -> None:
    """As docs/protocol.md says: keys sorted, defaults left out (they are), no spaces, UTF-8."""
    done = locked()
    plain = json.loads(msgspec.json.encode(done))
    for name in ("sha256", "rev", "state_rev"):
        plain.pop(name, None)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == done.sha256 == digest(done)


def test_the_hash_does_not_move_with_the_hubs_numbers() -> None:
    assert intact(change(locked(), rev=77, state_rev=5))


def test_it_survives_the_wire() -> None:
    again = msgspec.json.decode(msgspec.json.encode(locked()), type=Handover)
    assert again == locked()
    assert intact(again)


def test_when_the_shift_began() -> None:
    assert since_ns([], HA, NOW) == NOW - 8 * HOUR
    assert since_ns([], MINH, NOW) == since_ns([], None, NOW) == NOW - 12 * HOUR
    assert since_ns([], change(HA, t_on_ns=NOW + 1), NOW) == NOW - 12 * HOUR
    assert since_ns([opened(), locked()], HA, NOW + HOUR) == NOW + 3
    assert unlocked([locked(), given_()]) == given_()
    assert unlocked([locked()]) is None


# -- what it lists ---------------------------------------------------------------------------------------------------


def alarm(id_: str, state: AlarmState = AlarmState.UNACKNOWLEDGED, **fields: Any) -> Alarm:
    given: dict[str, Any] = {
        "id": f"{id_}@1", "priority": Priority.MEDIUM, "state": state, "name": LocalText(f"Cảnh báo {id_}"),
        "t_raised_ns": NOW - HOUR, **fields,
    }  # fmt: skip
    return Alarm(**given)


def report(id_: str, due_s: float, **fields: Any) -> Report:
    given: dict[str, Any] = {
        "id": id_, "category": "flood", "title": LocalText("Ngập"), "state": ReportState.NEW,
        "t_received_ns": NOW - 4 * HOUR, "t_due_ns": NOW + int(due_s * NS_PER_S), **fields,
    }  # fmt: skip
    return Report(**given)


def entry(id_: str, t_ns: int, **fields: Any) -> TimelineEvent:
    return TimelineEvent(id_, t_ns, LOG_ENTRY, actor="op-ha", text=LocalText(f"mục {id_}"), **fields)


def sheet_of(**given: Any) -> tuple[Part, ...]:
    nothing: dict[str, Any] = {"alarms": (), "reports": (), "cameras": (), "entries": (), "people": {HA.id: HA}}
    return sheet(**{**nothing, "since_ns": NOW - 8 * HOUR, "now_ns": NOW, **given})


def lines(section: Section, **given: Any) -> list[Line]:
    return list(next(part for part in sheet_of(**given) if part.section is section).lines)


def ids(section: Section, **given: Any) -> list[str]:
    return [line.id for line in lines(section, **given)]


def test_every_section_is_there_also_where_there_is_nothing() -> None:
    assert [part.section for part in sheet_of()] == list(Section)
    assert all(part == Part(part.section) for part in sheet_of())


S = AlarmState
SHELVED = {"shelved_until_ns": NOW + HOUR, "shelved_by": "Thu Hà", "shelve_reason": "đang sửa"}
OOS = {"t_oos_ns": NOW - 9, "oos_by": "Minh", "oos_reason": "bảo trì"}


@pytest.mark.parametrize(
    ("one", "sections"),
    [
        (alarm("a"), [Section.OPEN]),
        (alarm("a", S.ACKNOWLEDGED, acked_by="Thu Hà"), [Section.OPEN]),
        (alarm("a", S.RETURNED, t_returned_ns=NOW), [Section.OPEN]),
        (alarm("a", S.LATCHED, t_returned_ns=NOW), [Section.OPEN]),
        (alarm("a", S.ACKNOWLEDGED, holder="Minh", holder_id="op-minh"), [Section.CLAIMED]),
        (alarm("a", S.UNACKNOWLEDGED, holder="Minh", holder_id="op-minh"), [Section.CLAIMED]),
        (alarm("a", S.SHELVED, **SHELVED), [Section.SHELVED]),
        (alarm("a", S.OUT_OF_SERVICE, **OOS), [Section.OUT_OF_SERVICE]),
        (alarm("a", S.SUPPRESSED, parent="nodata:all"), []),
        (alarm("a", S.NORMAL, t_returned_ns=NOW), []),
        (alarm("nodata:series:s1"), [Section.OPEN, Section.CHANNELS]),
        (alarm("nodata:station:s", S.ACKNOWLEDGED, holder="Minh", holder_id="m"), [Section.CLAIMED, Section.CHANNELS]),
        (alarm("nodata:all", S.SHELVED, **SHELVED), [Section.SHELVED, Section.CHANNELS]),
        (alarm("nodata:series:s1", S.RETURNED, t_returned_ns=NOW), [Section.OPEN]),
        (alarm("nodata:series:s1", S.SUPPRESSED, parent="nodata:all"), []),
    ],
    ids=lambda value: value.id + value.state if isinstance(value, Alarm) else "",
)
def test_where_an_alarm_stands(one: Alarm, sections: list[Section]) -> None:
    assert [part.section for part in sheet_of(alarms=[one]) if part.total] == sections


def test_what_is_told_of_an_alarm() -> None:
    (shelved,) = lines(Section.SHELVED, alarms=[alarm("a", S.SHELVED, place=LocalText("Chợ"), **SHELVED)])
    assert (shelved.t_ns, shelved.who, shelved.why) == (NOW + HOUR, "Thu Hà", "đang sửa")
    assert (shelved.feed, shelved.state, shelved.priority, shelved.detail.vi) == ("alarms", "shelved", "medium", "Chợ")
    (out,) = lines(Section.OUT_OF_SERVICE, alarms=[alarm("a", S.OUT_OF_SERVICE, **OOS)])
    assert (out.t_ns, out.who, out.why) == (NOW - 9, "Minh", "bảo trì")
    (dead,) = lines(Section.CHANNELS, alarms=[alarm("nodata:all", S.SHELVED, **SHELVED)])
    assert (dead.t_ns, dead.who) == (NOW - HOUR, "")


def test_the_gravest_come_first_and_what_comes_back_next() -> None:
    low, urgent = alarm("low", priority=Priority.LOW), alarm("urgent", priority=Priority.URGENT)
    seen = alarm("seen", S.ACKNOWLEDGED, priority=Priority.URGENT)
    assert ids(Section.OPEN, alarms=[low, seen, urgent]) == ["urgent@1", "low@1", "seen@1"]
    late = alarm("late", S.SHELVED, **{**SHELVED, "shelved_until_ns": NOW + 9 * HOUR})
    assert ids(Section.SHELVED, alarms=[late, alarm("soon", S.SHELVED, **SHELVED)]) == ["soon@1", "late@1"]


def test_reports_past_their_time_longest_first() -> None:
    reports = [
        report("PA-1", -60), report("PA-2", -600, agency=LocalText("Điện lực")), report("PA-3", 60),
        report("PA-4", -60, state=ReportState.DONE), report("PA-5", 0),
        report("PA-6", -60, t_paused_ns=NOW - 120 * NS_PER_S),
    ]  # fmt: skip
    assert ids(Section.OVERDUE, reports=reports) == ["PA-2", "PA-1"]
    first = lines(Section.OVERDUE, reports=reports)[0]
    assert (first.detail.vi, first.t_ns, first.state) == ("Điện lực", NOW - 600 * NS_PER_S, "new")


def test_dead_cameras_but_not_those_that_are_switched_off() -> None:
    def camera(n: str, **fields: Any) -> Camera:
        return Camera(f"cam-{n}", n, LocalText("Ngã tư", "Crossing"), (), **fields)

    cameras = [camera("9", online=False, reason="refused"), camera("1", online=False), camera("2")]
    cameras.append(camera("3", online=False, enabled=False))
    found = lines(Section.CAMERAS, cameras=cameras)
    assert [(line.id, line.name.vi, line.detail.vi) for line in found] == [
        ("cam-1", "1 Ngã tư", ""), ("cam-9", "9 Ngã tư", "refused"),
    ]  # fmt: skip


def test_the_log_of_the_shift_newest_first_with_what_was_corrected() -> None:
    entries = [
        entry("old", NOW - 9 * HOUR), entry("a", NOW - HOUR), entry("b", NOW - 2, corrects="a"),
        TimelineEvent("x", NOW, "comment", text=LocalText("không phải mục")), change(entry("c", NOW - 1), actor="op-x"),
    ]  # fmt: skip
    found = lines(Section.LOG, entries=entries)
    assert [(line.id, line.state, line.who) for line in found] == [
        ("c", "", "op-x"), ("b", "correction", "Thu Hà"), ("a", "corrected", "Thu Hà"),
    ]  # fmt: skip


def test_the_layout_is_what_the_signer_says() -> None:
    assert [line.name.vi for line in lines(Section.LAYOUT, layout=LocalText("Toàn cảnh"))] == ["Toàn cảnh"]


def test_more_than_it_can_hold_is_counted() -> None:
    many = [alarm(f"{n:04}", t_raised_ns=NOW - n) for n in range(500)]
    part = sheet_of(alarms=many)[0]
    assert (part.total, len(part.lines)) == (500, MOST[0])
    assert part.lines[0].id == "0000@1"


@pytest.mark.parametrize("letter", ["ậ", "x", '"', "\\", "\x01", "漢", "🔥"])
def test_however_much_there_is_the_record_can_be_written(letter: str) -> None:
    """400 KiB a record is what the hub's log takes; a hand-over that is refused for its size would be worse than a
    shorter one."""
    n = 300
    words = LocalText(letter * 3000, letter * 3000)
    dear = {"name": words, "place": words, "shelve_reason": letter * 200, "oos_reason": letter * 200}
    alarms = [alarm(f"nodata:{k}", state, **dear, **who) for k in range(n) for state, who in (
        (S.UNACKNOWLEDGED, {}), (S.SHELVED, {}), (S.OUT_OF_SERVICE, {}), (S.ACKNOWLEDGED, {"holder_id": "m"}),
    )]  # fmt: skip
    parts = sheet_of(
        alarms=alarms, reports=[report(f"PA-{k}", -9, title=words, agency=words) for k in range(n)],
        entries=[change(entry(str(k), NOW - k), text=words) for k in range(n)], layout=LocalText(letter * 300),
    )  # fmt: skip
    assert len(msgspec.json.encode(parts)) <= SIZE_LIMIT
    assert all(part.lines for part in parts if part.total)
    assert max(len(line.name.vi) for part in parts for line in part.lines) <= NAME_LIMIT
    full = open_new("GC-0001", HA, NOW, NOW)
    for _ in range(NOTES_MOST):
        full = note(full, HA, letter * 500, NOW)
    assert len(msgspec.json.encode(take(give(full, HA, parts, NOW), MINH, NOW))) < (400 << 10)
