"""The hub keeps the logbook and the hand-overs: rights, errors, what it freezes, and what is there after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.domain.action import Action, Verb
from backends.domain.feeds import Mode
from backends.domain.handover import Handover, HandoverState, Section, Signature, intact
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub import handover_desk, logbook
from backends.hub import log as log_file
from backends.hub.core import WORLD_T, Core
from backends.hub.log import SqliteLog
from backends.hub.ports import Change
from backends.protocol.codec import decode_body

NOW = 1_790_000_000 * NS_PER_S
HOUR = 3600 * NS_PER_S
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
LAN = Operator("op-lan", "Lê Ngọc Lan", "Ngọc Lan", Role.SHIFT_LEAD, "desk-2")


class Hub:
    """A core over a file, and people who act at it, each action a second later than the one before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.now_ns = NOW
        self._aids = 0
        self.log = SqliteLog(path, Mode.TEST)
        self.core = self._started()

    def _started(self) -> Core:
        core = Core(self.log, TinyCity(NOW, past_s=60))
        core.start(NOW)
        return core

    def restart(self) -> None:
        self.log.close()
        self.log = SqliteLog(self._path, Mode.TEST)
        self.core = self._started()

    def act(
        self, verb: Verb, feed: str, target: str, who: Operator = HA, rev: int = 0, **args: str
    ) -> tuple[str, str, str]:
        """(stage, code, text)."""
        self.now_ns += NS_PER_S
        self._aids += 1
        action = Action(f"a{self._aids}", verb, feed, target, rev, self.now_ns, args=args)
        last = self.core.act(who.station_id, who, action, self.now_ns).acks[-1]
        return last.stage, last.code, last.text

    def note(self, target: str = "new", **more: Any) -> tuple[str, str, str]:
        return self.act(Verb.COMMENT, "handovers", target, text="Bơm số 3 đang sửa", **more)

    def write(self, text: str = "Đã gọi đội 114", target: str = "", **args: str) -> tuple[str, str, str]:
        return self.act(Verb.LOG, "timeline", target, text=text, **args)

    @property
    def handover(self) -> Handover:
        """The newest."""
        found: Handover = decode_body("handovers", self.core.snapshot("handovers")[-1].body)
        return found

    @property
    def told(self) -> list[TimelineEvent]:
        return [decode_body("timeline", e.body) for e in self.core.snapshot("timeline")]

    def fire(self) -> str:
        return next(e.id for e in self.core.snapshot("alarms") if e.id.startswith("fire@"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "hub.db")
    yield made
    made.log.close()


# -- the logbook -----------------------------------------------------------------------------------------------------


def test_an_entry_stands_in_the_timeline(hub: Hub) -> None:
    span = {"t_from_ns": str(NOW - 60), "t_to_ns": str(NOW)}
    assert hub.write(target=hub.fire(), about="alarms", **span)[0] == "applied"
    entry = hub.told[-1]
    assert (entry.what, entry.about, entry.target, entry.actor) == ("log_entry", "alarms", hub.fire(), "op-ha")
    assert (entry.t_from_ns, entry.t_to_ns, entry.text.vi) == (NOW - 60, NOW, "Đã gọi đội 114")
    assert hub.write("về chung")[0] == "applied"
    assert (hub.told[-1].about, hub.told[-1].target) == ("", "")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"text": " "}, "bad_text"),
        ({"text": "x" * 2001}, "bad_text"),
        ({"about": "roster", "target": "op-ha"}, "bad_about"),
        ({"about": "alarms"}, "bad_about"),
        ({"target": "fire@1"}, "bad_about"),
        ({"about": "alarms", "target": "x" * 201}, "bad_about"),
        ({"t_from_ns": "2", "t_to_ns": "1"}, "bad_span"),
        ({"t_from_ns": "soon"}, "bad_span"),
        ({"t_to_ns": "9" * 19}, "bad_span"),
        ({"corrects": "nothing"}, "bad_corrects"),
        ({"pictures": "a picture"}, "bad_pictures"),
        ({"pictures": " ".join(f"{n:064d}" for n in range(3))}, "bad_pictures"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(hub: Hub, given: dict[str, str], code: str) -> None:
    before = len(hub.told)
    assert hub.write(**given)[:2] == ("refused", code)
    assert len(hub.told) == before


def test_an_entry_names_its_pictures(hub: Hub) -> None:
    assert hub.write(pictures=f"{1:064d} {2:064d}")[0] == "applied"
    hub.restart()
    assert hub.told[-1].pictures == (f"{1:064d}", f"{2:064d}")


def test_a_correction_names_what_it_corrects_and_the_old_one_stays(hub: Hub) -> None:
    hub.write("Đã gọi đội 113", target=hub.fire(), about="alarms")
    wrong = hub.told[-1]
    hub.restart()
    assert hub.write("Đã gọi đội 114", corrects=wrong.id)[0] == "applied"
    right = hub.told[-1]
    assert (right.corrects, right.about, right.target) == (wrong.id, "alarms", hub.fire())
    assert wrong in hub.told


def test_a_restart_forgets_no_entry_of_the_shift_however_much_came_since(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    """The newest records alone would do on a quiet day; on the day of a flood they are an hour."""
    monkeypatch.setattr(logbook, "_PAGE", 7)
    hub.write("trước khi bàn giao")
    hub.act(Verb.HAND_OVER, "handovers", "new")
    hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 2)
    hub.now_ns += HOUR
    for text in ("đầu ca", "rồi"):
        hub.write(text)
    for hours in range(20):  # longer than the half day that is always looked through
        hub.now_ns += HOUR
        many = [TimelineEvent(f"e{hours}-{n}", hub.now_ns, "x") for n in range(20)]
        changes = [Change("timeline", "event", one.id, hub.now_ns, one) for one in many]
        hub.log.commit(changes, hub.now_ns, meta={WORLD_T: str(hub.now_ns)})
    hub.write("cuối ca")
    hub.restart()
    assert [one.text.vi for one in hub.core._desk.logbook.entries()][-3:] == ["đầu ca", "rồi", "cuối ca"]
    monkeypatch.setattr(logbook, "MOST_BYTES", 100)
    hub.restart()
    assert [one.text.vi for one in hub.core._desk.logbook.entries()] == ["cuối ca"], "a bound costs the oldest"
    expect_logs("of the first 21.0 h of this shift are not looked for")


def test_how_far_back_entries_are_wanted() -> None:
    def handover(id_: str, from_h: float, taken_h: float | None = None) -> Handover:
        taken = Signature("op-ha", "Hà", Role.OPERATOR, NOW - int(taken_h * HOUR)) if taken_h is not None else None
        state = HandoverState.LOCKED if taken is not None else HandoverState.OPEN
        return Handover(id_, state, NOW - int(from_h * HOUR), NOW, "Hà", taken=taken)

    def hours(*handovers: Handover) -> float:
        return (NOW - logbook.needed_from(handovers, NOW)) / HOUR

    assert hours() == hours(handover("a", 20, 9)) == 12
    assert hours(handover("a", 60, 50), handover("b", 50, 30)) == 30
    assert hours(handover("a", 40)) == 40, "none was ever locked"
    assert hours(handover("a", 300)) == 7 * 24, "the log has no more"
    on = msgspec.structs.replace(HA, t_on_ns=NOW - 14 * HOUR)
    assert (NOW - logbook.needed_from([], NOW, [on, LAN])) / HOUR == 14, "the first shift of all lists itself"
    assert (NOW - logbook.needed_from([handover("a", 20, 9)], NOW, [on])) / HOUR == 12


def remembered(hub: Hub) -> list[str]:
    """Words of the entries in memory."""
    return [one.text.vi for one in hub.core._desk.logbook.entries()]


def test_what_no_hand_over_can_list_any_more_leaves_memory_and_is_corrected_out_of_the_log(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "FIND_SLICE", 7)
    hub.write("Đã gọi đội 113", target=hub.fire(), about="alarms")
    old = hub.told[-1]
    hub.act(Verb.HAND_OVER, "handovers", "new")
    for n in range(20):
        hub.now_ns += HOUR
        hub.write(f"giờ {n}")
        hub.core.maintain(hub.now_ns)
    assert remembered(hub) == [old.text.vi, *(f"giờ {n}" for n in range(20))], "the hand-over is not locked"
    hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 2)
    hub.core.maintain(hub.now_ns)
    assert remembered(hub) == [f"giờ {n}" for n in range(8, 20)], "half a day"
    assert hub.write("Đã gọi đội 114", corrects=old.id)[0] == "applied"
    assert (hub.told[-1].corrects, hub.told[-1].about, hub.told[-1].target) == (old.id, "alarms", hub.fire())
    hub.act(Verb.COMMENT, "alarms", hub.fire(), text="không phải sổ trực")
    assert hub.write("x", corrects=f"a{hub._aids}")[:2] == ("refused", "bad_corrects"), "an action, and no entry"


def test_the_log_is_not_looked_through_for_what_no_action_wrote_nor_for_long(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    hub.write("cũ")
    old = hub.told[-1]
    hub.core._desk.logbook.forget(hub.now_ns + 1)
    assert remembered(hub) == []
    monkeypatch.setattr(log_file, "FIND_S", -1.0)
    assert hub.write("x", corrects="nothing")[:2] == ("refused", "bad_corrects")
    expect_logs("not looked for further back")
    assert hub.write("x", corrects=old.id)[:2] == ("refused", "bad_corrects")


def test_a_flood_of_entries_costs_the_oldest(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logbook, "MOST_ENTRIES", 3)
    expect_logs("more than 3 entries")
    for n in range(6):
        hub.write(str(n))
        hub.core.maintain(hub.now_ns)
    assert remembered(hub) == ["3", "4", "5"]
    assert caplog.text.count("more than 3 entries") == 1


@pytest.mark.parametrize(
    ("role", "stage"), [(Role.TRAINER, "applied"), (Role.ADMIN, "refused"), (Role.VIEWER, "refused")]
)
def test_who_may_write(hub: Hub, role: Role, stage: str) -> None:
    who = Operator("x", "X", "X", role, "desk-3")
    assert hub.act(Verb.LOG, "timeline", "", who, text="x")[0] == stage
    assert hub.act(Verb.HAND_OVER, "handovers", "new", who)[:2] == ("refused", "not_allowed")
    assert hub.act(Verb.LOG, "alarms", hub.fire(), text="x")[:2] == ("refused", "unsupported")


# -- the hand-over ---------------------------------------------------------------------------------------------------


def test_from_the_first_note_to_the_lock(hub: Hub) -> None:
    hub.write("Đã gọi đội 114")
    assert hub.note() == ("applied", "", "GC-0001")
    assert hub.note() == ("conflict", "already_open", "GC-0001")
    assert hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 2)[:2] == ("conflict", "not_given")
    shown = {"layout": "Toàn\x01\ncảnh", "layout_en": " Overview\u2028"}  # on one line, and of what can be printed
    assert hub.act(Verb.HAND_OVER, "handovers", "GC-0001", HA, 2, **shown)[0] == "applied"
    given = hub.handover
    assert (given.state, given.opened_by) == (HandoverState.GIVEN, "Thu Hà")
    counts = {part.section: part.total for part in given.parts}
    assert counts[Section.OPEN] == len(hub.core.snapshot("alarms"))
    assert (counts[Section.LOG], counts[Section.LAYOUT], counts[Section.CAMERAS]) == (1, 1, 0)
    names = [line.name for part in given.parts if part.section is Section.LAYOUT for line in part.lines]
    assert names == [LocalText("Toàn cảnh", "Overview")], "in both languages: it is read and printed in either"
    assert hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", HA, 3) == ("conflict", "same_person", "Nguyễn Thu Hà")
    assert hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 3)[0] == "applied"
    locked = hub.handover
    assert intact(locked)
    assert locked.parts == given.parts
    assert [e.what for e in hub.told[-4:]] == ["handover_opened", "comment", "handover_given", "handover_taken"]
    assert locked.sha256 in hub.told[-1].text.vi
    for act in (hub.note, lambda **more: hub.act(Verb.HAND_OVER, "handovers", "GC-0001", LAN, 4)):
        assert act(target="GC-0001")[:2] == ("conflict", "locked")
    hub.restart()
    assert hub.handover == locked
    assert hub.note()[2] == "GC-0002"
    assert locked.taken is not None
    assert hub.handover.t_from_ns == locked.taken.t_ns


def test_a_signature_on_what_has_changed_is_a_conflict(hub: Hub) -> None:
    hub.note()
    hub.note("GC-0001", who=LAN)
    for seen in (0, 2, 4):
        assert hub.act(Verb.HAND_OVER, "handovers", "GC-0001", HA, seen) == ("conflict", "changed", "Ngọc Lan")
    assert hub.act(Verb.HAND_OVER, "handovers", "GC-0001", HA, 3)[0] == "applied"
    assert hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 3)[:2] == ("conflict", "changed")
    assert hub.note("GC-0001")[:2] == ("conflict", "changed"), "it would take away a signature that it has not seen"
    hub.note("GC-0001", rev=4)
    assert hub.act(Verb.TAKE_OVER, "handovers", "GC-0001", LAN, 5)[:2] == ("conflict", "not_given")
    assert hub.note("GC-0001", rev=4)[:2] == ("conflict", "changed")


def test_it_is_opened_by_a_signature_too(hub: Hub) -> None:
    assert hub.act(Verb.HAND_OVER, "handovers", "new") == ("applied", "", "GC-0001")
    assert [e.what for e in hub.told[-2:]] == ["handover_opened", "handover_given"]
    assert hub.act(Verb.TAKE_OVER, "handovers", "new", LAN)[:2] == ("conflict", "gone")


@pytest.mark.parametrize("role", [Role.TRAINER, Role.ADMIN])
def test_who_may_not_sign_opens_none_and_takes_no_signature_away(hub: Hub, role: Role) -> None:
    other = Operator("op-x", "Lê Văn An", "An", role, "desk-2")
    assert hub.note(who=other)[:2] == ("refused", "not_allowed")
    assert hub.act(Verb.HAND_OVER, "handovers", "new")[0] == "applied"
    assert hub.note("GC-0001", who=other, rev=hub.handover.state_rev)[:2] == ("refused", "not_allowed")
    assert hub.handover.given is not None


def test_what_does_not_fit_is_refused(hub: Hub) -> None:
    assert hub.act(Verb.CLAIM, "handovers", "new")[:2] == ("refused", "unsupported")
    assert hub.act(Verb.COMMENT, "handovers", "new", text="")[:2] == ("refused", "bad_text")
    assert hub.act(Verb.COMMENT, "handovers", "new", text="x" * 501)[:2] == ("refused", "bad_text")
    assert hub.act(Verb.HAND_OVER, "handovers", "new", layout="x" * 81)[:2] == ("refused", "bad_text")
    assert hub.act(Verb.HAND_OVER, "handovers", "new", layout="x", layout_en="x" * 81)[:2] == ("refused", "bad_text")
    assert hub.act(Verb.HAND_OVER, "handovers", "GC-0009", rev=1)[:2] == ("conflict", "gone")
    assert hub.core.snapshot("handovers") == []


def test_the_oldest_leave_the_feed_and_their_numbers_are_not_given_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover_desk, "KEPT", 2)
    for n in range(1, 5):
        hub.act(Verb.HAND_OVER, "handovers", "new")
        hub.act(Verb.TAKE_OVER, "handovers", f"GC-{n:04}", LAN, 2)
    hub.core.maintain(hub.now_ns)
    hub.core.round(hub.now_ns, 1.0)
    assert [e.id for e in hub.core.snapshot("handovers")] == ["GC-0003", "GC-0004"]
    hub.restart()
    assert hub.note()[2] == "GC-0005"
