"""Procedures: files with slips in them, ticks of several people on one alarm, and what is left of them afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.domain.action import EXPIRY_S, Action, Verb
from backends.domain.alarm import Alarm, AlarmState, Priority, TransitionRefused
from backends.domain.definition import Definition
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.procedure import (
    PHONE_PREFIX,
    PROCEDURE_PREFIX,
    Phone,
    Procedure,
    Step,
    procedure_of,
    progress,
    put_mark,
    step_rev,
)
from backends.domain.step_mark import StepMark, StepState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition
from backends.hub.alarm_definitions import SHIPPED as CLASSES
from backends.hub.alarm_definitions import AlarmClass, read_classes
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.procedure_book import ProcedureBook, read
from backends.protocol.codec import decode_body

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "resources" / "procedures"
NOW = 1_790_000_000 * NS_PER_S
HA = Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1")
MINH = Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2")
FILE = """
[[procedure]]
id = "fire"
name = { vi = "Cháy", en = "Fire" }
[[step]]
id = "call"
vi = "Gọi 114"
en = "Call 114"
within_min = 1.5
call = ["114"]
[[step]]
id = "power"
vi = "Cắt điện"
[[step]]
id = "chemicals"
vi = "Hóa chất"
priorities = ["low"]
[[phone]]
id = "114"
name = { vi = "Chữa cháy", en = "Fire brigade" }
number = "114"
"""


def book(folder: Path, site: str = "", shipped: str = FILE) -> ProcedureBook:
    for name, text in (("shipped", shipped), ("site", site)):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "fire.toml").write_text(text, encoding="utf-8")
    return ProcedureBook([folder / "shipped"], folder / "site")


def found(one: ProcedureBook) -> dict[str, Any]:
    return {record.id: record for record in one.records}


# --- files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_file_is_whole_in_both_languages(path: Path) -> None:
    said, faults = read(path.read_bytes())
    assert not faults
    for procedure in said.procedures:
        assert procedure.source
        assert procedure.name.en
        assert all(step.words.en for step in procedure.steps)
        assert any(step.within_min for step in procedure.steps)
    assert said.procedures or said.phones


def test_the_shipped_ones_fit_together_and_what_names_them_finds_them() -> None:
    """A phone that nobody has would be said as an error, and fail this test by its log."""
    records = found(ProcedureBook([SHIPPED]))
    classes, _ = read_classes(CLASSES.read_bytes())
    named = {one.said.procedure_id for one in classes if isinstance(one, AlarmClass) and one.said.procedure_id}
    assert named
    for name in named:
        assert procedure_of(records, str(name)) is not None, name
    city = ROOT / "backends" / "city" / "data"
    stories = "\n".join(path.read_text(encoding="utf-8") for path in city.glob("*.toml"))
    known = [name for name in re.findall(r'^procedure = "(.*)"$', stories, re.MULTILINE) if procedure_of(records, name)]
    assert len(set(known)) >= 8, "the demo has work for most of them"


def test_no_number_of_the_city_itself_is_made_up() -> None:
    phones = [one for one in ProcedureBook([SHIPPED]).records if isinstance(one, Phone)]
    assert {one.number for one in phones} == {"112", "113", "114", "115", ""}


def test_a_file_says_steps_times_and_whom_to_call(tmp_path: Path) -> None:
    records = found(book(tmp_path))
    fire = procedure_of(records, "fire")
    assert fire is not None
    assert fire.key == "fire"
    assert fire.steps[0] == Step("call", LocalText("Gọi 114", "Call 114"), 1.5, ("114",))
    assert fire.steps[0].due_ns(NOW) == NOW + 90 * NS_PER_S
    assert fire.steps[1].due_ns(NOW) == 0
    assert fire.steps[2].priorities == (Priority.LOW,)
    assert records[PHONE_PREFIX + "114"].number == "114"
    assert procedure_of(records, "") is None
    assert procedure_of(records, "114") is None


def test_the_sites_own_take_the_place_of_shipped_ones(tmp_path: Path) -> None:
    own = FILE.replace('vi = "Cắt điện"', 'vi = "Gọi Điện lực"').replace('number = "114"', 'number = "0233 3852 114"')
    records = found(book(tmp_path, own))
    fire = procedure_of(records, "fire")
    assert fire is not None
    assert fire.steps[1].words.vi == "Gọi Điện lực"
    phone = records[PHONE_PREFIX + "114"]
    assert (phone.number, phone.order) == ("0233 3852 114", found(book(tmp_path))[phone.id].order)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (('id = "call"', 'id = "Call 1"'), 6, 'id: "Call 1" is not'),
        (("within_min = 1.5", "within_min = -1"), 9, "within_min: must be 0 to 1440 minutes"),
        (('call = ["114"]', 'call = "114"'), 10, "call: must be a list"),
        (('id = "power"', 'id = "call"'), 12, "is another step of this procedure already"),
        (('vi = "Cắt điện"', 'en = "Power"'), 11, "vi: is missing"),
        (('priorities = ["low"]', 'priorities = ["lowest"]'), 17, '"lowest" is not one of'),
        (('number = "114"', 'number = "gọi tôi"'), 21, "is not as it is dialled"),
        (("[[phone]]", "[[telephone]]"), 18, 'there is no "telephone" here'),
        (('name = { vi = "Cháy", en = "Fire" }', 'name = "Cháy"'), 4, "name: must be"),
        (('name = { vi = "Cháy", en = "Fire" }', 'name = { vi = "Cháy" }\nnames = 1'), 5, 'there is no "names" here'),
        (("within_min = 1.5", "within_min ="), 9, "this file is left out"),
    ],
)
def test_a_slip_is_said_with_its_line_and_costs_that_file(
    tmp_path: Path, expect_logs: ExpectLogs, change: tuple[str, str], line: int, words: str
) -> None:
    assert change[0] in FILE
    expect_logs(rf"site/fire\.toml: line {line}: .*{re.escape(words)}")
    expect_logs(r"site/fire\.toml")
    records = found(book(tmp_path, FILE.replace(*change)))
    assert records == found(book(tmp_path)), "what was shipped stays, whole"


def test_a_step_without_a_procedure_and_a_procedure_without_steps_are_slips() -> None:
    alone = '[[step]]\nid = "a"\nvi = "A"\n'
    assert "stands below" in str(read(alone.encode())[1][0])
    empty = '[[procedure]]\nid = "a"\nname = { vi = "A" }\n'
    assert str(read(empty.encode())[1][0]) == "line 1: a has no steps; this file is left out"
    assert "stands twice" in str(read((FILE + FILE).encode())[1][-1])


def test_somebody_to_call_whom_no_list_knows_is_said(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs('procedure "fire", step "call": nobody is called "911"')
    assert procedure_of(found(book(tmp_path, FILE.replace('["114"]', '["911"]'))), "fire") is not None


def test_folders_that_are_not_there_are_no_error(tmp_path: Path) -> None:
    assert ProcedureBook([tmp_path / "a"], tmp_path / "b").records == ()


# --- one step ----------------------------------------------------------------------------------------

ALARM = Alarm("fire@1", Priority.URGENT, AlarmState.UNACKNOWLEDGED, LocalText("Cháy chợ"), NOW, procedure_id="fire")


def marked(alarm: Alarm, step: str, state: StepState, seen: int = 1, by: str = "Hà", t_ns: int = NOW) -> Alarm:
    return put_mark(alarm, step, state, seen, by, by.lower(), t_ns)


def test_a_tick_moves_its_step_and_nobody_elses_click() -> None:
    moved = marked(ALARM, "call", StepState.DONE)
    assert moved.steps == (StepMark("call", StepState.DONE, "Hà", "hà", NOW),)
    assert (moved.rev, moved.state_rev) == (ALARM.rev + 1, ALARM.state_rev)
    assert (step_rev(ALARM, "call"), step_rev(moved, "call"), step_rev(moved, "power")) == (1, 2, 1)
    both = marked(moved, "power", StepState.NOT_NEEDED, by="Minh")
    assert [mark.step for mark in both.steps] == ["call", "power"]


@pytest.mark.parametrize(
    ("state", "seen", "code"),
    [
        (StepState.DONE, 1, "already_done"),  # two who tick the same: the second is told who was first
        (StepState.DONE, 2, "already_done"),
        (StepState.NOT_NEEDED, 1, "changed"),
        (StepState.NOT_DONE, 1, "changed"),
    ],
)
def test_a_click_on_what_looked_otherwise_is_refused_and_says_who(state: StepState, seen: int, code: str) -> None:
    done = marked(ALARM, "call", StepState.DONE, by="Minh")
    with pytest.raises(TransitionRefused) as refused:
        marked(done, "call", state, seen)
    assert (refused.value.code, refused.value.holder) == (code, "Minh")


def test_undoing_is_a_word_of_its_own_and_time_never_runs_back() -> None:
    done = marked(ALARM, "call", StepState.DONE)
    undone = marked(done, "call", StepState.NOT_DONE, 2, "Minh", NOW - NS_PER_S)
    assert undone.steps == (StepMark("call", StepState.NOT_DONE, "Minh", "minh", NOW, rev=3),)
    with pytest.raises(TransitionRefused, match="already_not_done"):
        marked(undone, "call", StepState.NOT_DONE, 3)
    assert marked(undone, "call", StepState.DONE, 3).steps[0].rev == 4


def test_steps_that_do_not_apply_do_not_count() -> None:
    steps = (Step("a", LocalText("A")), Step("b", LocalText("B"), priorities=(Priority.LOW,)))
    procedure = Procedure(PROCEDURE_PREFIX + "x", LocalText("X"), steps)
    assert progress(procedure, ALARM) == (0, 1)
    assert progress(procedure, marked(ALARM, "a", StepState.DONE)) == (1, 1)
    assert progress(procedure, marked(marked(ALARM, "a", StepState.DONE), "a", StepState.NOT_DONE, 2)) == (0, 1)
    assert procedure.for_alarm(None) == steps


# --- the hub -----------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    yield made
    made.close()


class Hub:
    """One that knows the procedure `fire`, and the alarm for which it runs."""

    def __init__(self, log: SqliteLog, folder: Path, now_ns: int = NOW + 60 * NS_PER_S, shipped: str = FILE) -> None:
        self.folder, self.now_ns = folder, now_ns
        self.core = Core(
            log, TinyCity(NOW, past_s=60), define=lambda *_: Definition(procedure_id="fire"),
            procedures=book(folder, shipped=shipped).records,
        )  # fmt: skip
        self.core.start(NOW)
        self.round(now_ns)
        self._aids = 0

    def round(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.core.round(now_ns, now_ns / NS_PER_S)

    @property
    def fire(self) -> Alarm:
        (alarm,) = self.core.alarms("fire").values()
        return alarm

    def act(self, who: Operator, verb: Verb, **fields: Any) -> tuple[str, str, str]:
        self._aids += 1
        given = {"feed": "alarms", "target": self.fire.id, "made_at_ns": self.now_ns, "expect_state_rev": 0, **fields}
        action = Action(f"{self.now_ns}-{who.id}-{self._aids}", verb, **given)
        ack = self.core.act(who.station_id, who, action, self.now_ns).acks[-1]
        return ack.stage, ack.code, ack.text

    def say(
        self, step: str, state: str, who: Operator = HA, seen: int = 1, reason: str = "", **more: Any
    ) -> tuple[str, str, str]:
        args = {"step": step, "state": state, **({"reason": reason} if reason else {})}
        return self.act(who, Verb.STEP, args=args, expect_state_rev=seen, **more)

    def marks(self) -> list[tuple[str, str, str]]:
        return [(mark.step, mark.state.value, mark.by) for mark in self.fire.steps]

    def events(self) -> list[Any]:
        return [decode_body("timeline", e.body) for e in self.core.log.fetch("timeline", 0, 1000, 1 << 30)]

    def told(self) -> list[tuple[str, str, str]]:
        """The steps on the timeline: what, by whom, in which words."""
        return [(e.what, e.actor, e.text.vi) for e in self.events() if e.what.startswith("step_")]


@pytest.fixture
def hub(log: SqliteLog, tmp_path: Path) -> Hub:
    return Hub(log, tmp_path)


def test_a_tick_never_expires_it_says_what_was_done() -> None:
    assert EXPIRY_S[Verb.STEP] is None


def test_two_people_at_different_steps_both_succeed(hub: Hub) -> None:
    before = hub.fire
    assert hub.say("call", "done")[0] == "applied"
    assert hub.say("power", "done", MINH)[0] == "applied"
    assert hub.marks() == [("call", "done", "Thu Hà"), ("power", "done", "Minh")]
    assert hub.fire.state_rev == before.state_rev
    assert hub.told() == [
        ("step_done", "op-ha", "Cháy · 1. Gọi 114"), ("step_done", "op-minh", "Cháy · 2. Cắt điện")
    ]  # fmt: skip


def test_the_second_at_the_same_step_is_told_who_was_first(hub: Hub) -> None:
    assert hub.say("call", "done")[0] == "applied"
    assert hub.say("call", "done", MINH) == ("conflict", "already_done", "Thu Hà")
    assert hub.say("call", "not_needed", MINH, reason="x") == ("conflict", "changed", "Thu Hà")
    assert hub.marks() == [("call", "done", "Thu Hà")]
    assert len(hub.told()) == 1


@pytest.mark.parametrize("made_at_ns", [0, -5, -(1 << 63), (1 << 63) - 1])
def test_a_tick_of_no_time_or_of_a_time_to_come_is_one_of_now(hub: Hub, made_at_ns: int) -> None:
    assert hub.say("call", "done", made_at_ns=made_at_ns)[0] == "applied"
    assert [mark.t_ns for mark in hub.fire.steps] == [hub.now_ns]


def test_taking_back_and_not_needed_are_written_down_with_who_and_why(hub: Hub) -> None:
    hub.say("call", "done")
    assert hub.say("call", "not_done", MINH, seen=2)[0] == "applied"
    assert hub.say("call", "not_needed", MINH, seen=3, reason=" đã có người gọi ")[0] == "applied"
    (mark,) = hub.fire.steps
    assert (mark.state, mark.by, mark.reason, mark.rev) == (StepState.NOT_NEEDED, "Minh", "đã có người gọi", 4)
    assert [what for what, _, _ in hub.told()] == ["step_done", "step_not_done", "step_not_needed"]
    assert hub.told()[-1][2] == "Cháy · 1. Gọi 114 · đã có người gọi"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"step": "call", "state": "doing"}, ("refused", "bad_state")),
        ({"step": "call", "state": "not_needed"}, ("refused", "bad_reason")),
        ({"step": "call", "state": "done", "reason": "x" * 201}, ("refused", "bad_reason")),
        ({"step": "nothing", "state": "done"}, ("conflict", "no_such_step")),
        ({"step": "chemicals", "state": "done"}, ("conflict", "no_such_step")),  # not of an urgent one
        ({"step": "call", "state": "done", "target": "fire@0"}, ("conflict", "gone")),
        ({"step": "call", "state": "done", "feed": "reports", "target": "PA-1"}, ("refused", "unsupported")),
    ],
)
def test_what_cannot_be_is_refused_in_words(hub: Hub, said: dict[str, Any], answer: tuple[str, str]) -> None:
    assert hub.say(**said)[:2] == answer
    assert hub.marks() == []


def test_a_tick_that_waited_for_the_hub_says_when_it_was_made(hub: Hub) -> None:
    hub.say("call", "done", made_at_ns=NOW - 30 * NS_PER_S)
    hub.say("power", "done", made_at_ns=NOW + 3600 * NS_PER_S)
    assert [mark.t_ns - NOW for mark in hub.fire.steps] == [-30 * NS_PER_S, 60 * NS_PER_S], "never in the future"


def test_a_run_survives_a_restart_and_the_alarms_own_moves(hub: Hub, log: SqliteLog) -> None:
    hub.say("call", "done")
    later_ns = NOW + 80 * NS_PER_S
    words = Condition("fire", later_ns, True, Priority.URGENT, LocalText("Cháy chợ"), detail=LocalText("khói đen"))
    hub.core.happened(words)
    hub.round(later_ns)
    assert hub.fire.detail.vi == "khói đen"
    assert hub.say("power", "done", MINH)[0] == "applied"
    again = Hub(log, hub.folder, NOW + 90 * NS_PER_S)
    assert again.marks() == [("call", "done", "Thu Hà"), ("power", "done", "Minh")]
    seen = again.fire.state_rev
    assert again.say("call", "not_done", MINH, seen=2)[0] == "applied"
    assert again.act(HA, Verb.CLAIM, expect_state_rev=seen)[0] == "applied", "ticks are in nobody's way"
    assert len(again.fire.steps) == 2


def test_the_timeline_tells_of_a_run_whose_alarm_is_over(hub: Hub) -> None:
    hub.say("call", "done")
    hub.act(HA, Verb.ACKNOWLEDGE)
    alarm_id = hub.fire.id
    hub.core.happened(Condition("fire", NOW + 61 * NS_PER_S, False))
    hub.round(NOW + 61 * NS_PER_S)
    assert hub.core.alarms("fire") == {}
    mine = [e.what for e in hub.events() if e.target == alarm_id]
    assert mine[-3:] == ["step_done", "alarm_acknowledged", "alarm_returned"]


def test_consoles_have_them_by_the_feed_and_lose_what_the_site_took_out(hub: Hub, log: SqliteLog) -> None:
    def stored() -> dict[str, Any]:
        return {e.id: decode_body("config", e.body) for e in log.items("config")}

    before = stored()
    assert procedure_of(before, "fire") == procedure_of(found(book(hub.folder)), "fire")
    assert before["phone:114"].name.en == "Fire brigade"
    assert "flood" in before, "what the city itself says stays"
    revs = {e.id: e.rev for e in log.items("config")}
    Hub(log, hub.folder, NOW + 70 * NS_PER_S)
    assert {e.id: e.rev for e in log.items("config")} == revs, "nothing has changed, nothing is written"
    less = FILE.partition("[[phone]]")[0].replace('call = ["114"]', "")
    Hub(log, hub.folder, NOW + 80 * NS_PER_S, shipped=less)
    assert before.keys() - stored().keys() == {"phone:114"}
    assert procedure_of(stored(), "fire") != procedure_of(before, "fire")


def test_old_records_are_read_and_new_ones_say_no_more_than_they_must() -> None:
    plain = msgspec.json.encode(ALARM)
    assert b"steps" not in plain
    assert msgspec.json.decode(plain, type=Alarm).steps == ()
    ticked = marked(ALARM, "call", StepState.DONE)
    assert msgspec.json.decode(msgspec.json.encode(ticked), type=Alarm) == ticked


def test_the_example_of_the_documentation_is_a_file() -> None:
    text = (ROOT / "docs" / "procedures.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml procedures\n(.*?)```", text, re.DOTALL)
    said, faults = read(example.encode())
    assert not faults
    assert [len(one.steps) for one in said.procedures] == [2]
    assert said.phones[0].number == "0233 3000 000"
