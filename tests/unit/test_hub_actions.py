"""Actions: who, dedupe, expiry, expectation, conflict, effect; nothing without its transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.domain.access import may
from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S
from backends.hub import actions
from backends.hub.alarm_acts import ALARM_VERBS
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.ports import LogTrouble
from backends.protocol.codec import decode_body
from backends.protocol.messages import Ack

NOW = 1_790_000_000 * NS_PER_S


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    yield made
    made.close()


@pytest.fixture
def core(log: SqliteLog) -> Core:
    made = Core(log, TinyCity(NOW, past_s=60))
    made.start(NOW)
    return made


def fire(core: Core) -> Alarm:
    found: Alarm = next(decode_body("alarms", e.body) for e in core.snapshot("alarms") if e.id.startswith("fire@"))
    return found


def act(core: Core, station: str = "desk-1", now_ns: int = NOW, **fields: Any) -> tuple[list[Ack], list[str]]:
    given: dict[str, Any] = {
        "aid": "a1", "verb": Verb.ACKNOWLEDGE, "feed": "alarms", "target": fire(core).id, "expect_state_rev": 1,
        "made_at_ns": NOW, **fields,
    }  # fmt: skip
    answer = core.act(station, core.operator_at(station, now_ns), Action(**given), now_ns)
    return list(answer.acks), [f"{e.feed} {e.type} {e.cause}" for e in answer.published]


def final(core: Core, **fields: Any) -> tuple[str, str, str]:
    acks, _ = act(core, **fields)
    return acks[-1].stage, acks[-1].code, acks[-1].text


def test_an_acknowledgement_is_stored_applied_and_echoed(core: Core) -> None:
    acks, published = act(core)
    assert [a.stage for a in acks] == ["stored", "applied"]
    assert published == ["alarms put a1", "timeline event a1"]
    standing = fire(core)
    assert (standing.acked_by, standing.t_acked_ns, standing.rev) == ("Thu Hà", NOW, acks[-1].rev)


def test_the_same_action_again_takes_effect_once(core: Core) -> None:
    act(core)
    acks, published = act(core)
    assert [(a.stage, a.outcome) for a in acks] == [("duplicate", "applied")]
    assert published == []


def test_the_order_of_args_is_no_difference(core: Core) -> None:
    act(core, verb=Verb.COMMENT, args={"text": "a", "x": "b"})
    assert final(core, verb=Verb.COMMENT, args={"x": "b", "text": "a"})[0] == "duplicate"


@pytest.mark.parametrize("other", [{"verb": Verb.CLAIM}, {"expect_state_rev": 2}, {"station": "desk-2"}])
def test_the_same_aid_with_other_content_is_refused(core: Core, other: dict[str, Any], expect_logs: ExpectLogs) -> None:
    expect_logs("with other content")
    act(core)
    assert final(core, **other)[:2] == ("refused", "aid_reused")


def test_a_claim_acknowledges_and_the_second_names_the_holder(core: Core) -> None:
    assert final(core, verb=Verb.CLAIM)[0] == "applied"
    standing = fire(core)
    assert (standing.holder, standing.holder_id, standing.acked_by) == ("Thu Hà", "op-ha", "Thu Hà")
    late = {"aid": "a2", "station": "desk-2", "verb": Verb.CLAIM}
    assert final(core, **late) == ("conflict", "already_claimed", "Thu Hà")
    assert final(core, **{**late, "aid": "a3", "verb": Verb.ACKNOWLEDGE})[:2] == ("conflict", "already_acknowledged")


def test_an_old_click_is_a_conflict(core: Core) -> None:
    assert final(core, expect_state_rev=7)[:2] == ("conflict", "changed")
    assert final(core, aid="a2", expect_state_rev=0)[0] == "applied"


def test_an_expired_click_must_be_confirmed_again(core: Core) -> None:
    assert final(core, expires_at_ns=NOW - 1)[0] == "expired"
    assert final(core, aid="a2", expires_at_ns=NOW)[0] == "applied"


def test_what_has_left_the_list_is_a_conflict(core: Core) -> None:
    assert final(core, target="fire@0")[:2] == ("conflict", "gone")


def test_only_people_on_duty_act(core: Core) -> None:
    assert final(core, station="nowhere")[:2] == ("refused", "nobody_signed_in")
    assert final(core, aid="a2", station="wall-1") == ("refused", "not_allowed", "viewer")


def test_a_refusal_of_who_asks_costs_no_row_and_is_judged_anew(core: Core, log: SqliteLog) -> None:
    acks, _ = act(core, station="nowhere")
    assert [a.stage for a in acks] == ["refused"], "`stored` would say that it is on disk"
    act(core, aid="a2", station="wall-1")
    assert (log.outcome("a1"), log.outcome("a2")) == (None, None)
    assert final(core)[0] == "applied"


# --- the other verbs -------------------------------------------------------------------------------


def person(role: Role, id_: str = "op-x") -> Operator:
    return Operator(id_, "Lê Ngọc Lan", "Ngọc Lan", role, "desk-3")


def final_of(core: Core, who: Operator, **fields: Any) -> tuple[str, str, str]:
    """As `final`, by somebody who is not on the roster."""
    given: dict[str, Any] = {
        "aid": "b1", "verb": Verb.CLAIM, "feed": "alarms", "target": fire(core).id, "expect_state_rev": 0,
        "made_at_ns": NOW, **fields,
    }  # fmt: skip
    answer = core.act("desk-3", who, Action(**given), NOW)
    return answer.acks[-1].stage, answer.acks[-1].code, answer.acks[-1].text


def shelving(seconds: float = 600, reason: str = "đang sửa") -> dict[str, Any]:
    return {"verb": Verb.SHELVE, "args": {"until_ns": str(NOW + int(seconds * NS_PER_S)), "reason": reason}}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_no_more(core: Core, role: Role, verb: Verb) -> None:
    """Held against the design's words, not against the code's own table."""
    allowed = {
        Role.OPERATOR: set(Verb) - {Verb.PUSH_LAYOUT, Verb.OUT_OF_SERVICE, Verb.IN_SERVICE, Verb.CONFIGURE},
        Role.SHIFT_LEAD: set(Verb) - {Verb.CONFIGURE}, Role.TRAINER: {Verb.COMMENT, Verb.LOG},
        Role.ADMIN: {Verb.COMMENT, Verb.CONFIGURE}, Role.VIEWER: set(),
    }[role]  # fmt: skip
    stage, code, _ = final_of(core, person(role), verb=verb)
    assert ((stage, code) != ("refused", "not_allowed")) is (verb in allowed)


def test_without_the_table_a_viewer_would_act(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: it is the look at the table that refuses."""
    monkeypatch.setattr("backends.hub.actions.may", lambda role, right: True)
    assert final_of(core, person(Role.VIEWER))[0] == "applied"


def test_a_claim_is_given_back_by_its_holder_or_by_the_shift_lead(core: Core) -> None:
    other, lead = person(Role.OPERATOR, "op-y"), person(Role.SHIFT_LEAD, "op-z")
    assert final_of(core, other, verb=Verb.RELEASE) == ("conflict", "not_claimed", "")
    assert final(core, verb=Verb.CLAIM)[0] == "applied"
    assert final_of(core, other, aid="b2", verb=Verb.RELEASE) == ("conflict", "already_claimed", "Thu Hà")
    before = fire(core).state_rev
    assert final(core, aid="a2", verb=Verb.RELEASE, expect_state_rev=before)[0] == "applied"
    standing = fire(core)
    assert (standing.holder, standing.acked_by, standing.state_rev) == ("", "Thu Hà", before + 1)
    assert final(core, aid="a3", verb=Verb.CLAIM, expect_state_rev=before)[:2] == ("conflict", "changed"), (
        "who saw it claimed has not seen it free"
    )
    assert final(core, aid="a4", verb=Verb.CLAIM, expect_state_rev=0)[0] == "applied"
    assert final_of(core, lead, aid="b3", verb=Verb.RELEASE)[0] == "applied"
    assert fire(core).holder_id == ""


def test_an_alarm_is_set_aside_with_a_reason_and_comes_back_by_itself(core: Core) -> None:
    assert final(core, **shelving(600))[0] == "applied"
    standing = fire(core)
    assert (standing.state, standing.shelved_by, standing.shelve_reason) == ("shelved", "Thu Hà", "đang sửa")
    assert standing.state_rev == 2
    assert final(core, aid="a2", **shelving())[:2] == ("conflict", "already_shelved")
    core.round(NOW + 599 * NS_PER_S, 0.0)
    assert fire(core).state == "shelved"
    core.round(NOW + 600 * NS_PER_S, 0.1)
    standing = fire(core)
    assert (standing.state, standing.shelve_reason, standing.state_rev) == ("unack", "", 3)
    whats = [e.what for e in timeline_of(core)]
    assert whats[-2:] == ["alarm_shelved", "alarm_unshelved"]
    assert "đang sửa" in timeline_of(core)[-2].text.vi


def test_it_comes_back_too_when_the_hub_was_restarted_meanwhile(core: Core, log: SqliteLog) -> None:
    final(core, **shelving(600))
    again = Core(log, TinyCity(NOW))
    again.start(NOW)
    again.round(NOW + 601 * NS_PER_S, 0.0)
    assert fire(again).state == "unack"


def test_a_person_takes_it_off_the_shelf(core: Core) -> None:
    assert final(core, verb=Verb.UNSHELVE)[:2] == ("conflict", "not_shelved")
    final(core, aid="a2", **shelving())
    assert final(core, aid="a3", verb=Verb.UNSHELVE, expect_state_rev=2)[0] == "applied"
    assert fire(core).state == "unack"


def test_the_shift_lead_takes_it_out_of_service_and_back(core: Core) -> None:
    lead = person(Role.SHIFT_LEAD)
    out: dict[str, Any] = {"verb": Verb.OUT_OF_SERVICE, "args": {"reason": "thay đầu báo"}}
    for n, args in enumerate(({}, {"reason": " "}, {"reason": "x" * 201})):
        assert final_of(core, lead, aid=f"no{n}", **{**out, "args": args})[:2] == ("refused", "bad_reason")
    assert final_of(core, lead, aid="b2", **out)[0] == "applied"
    standing = fire(core)
    assert (standing.state, standing.oos_by, standing.oos_reason, standing.t_oos_ns) == (
        "oos", "Ngọc Lan", "thay đầu báo", NOW,
    )  # fmt: skip
    assert final_of(core, lead, aid="b3", **out) == ("conflict", "already_out_of_service", "Ngọc Lan")
    assert final(core, aid="b4")[:2] == ("conflict", "not_active")
    assert final_of(core, lead, aid="b5", verb=Verb.RESET)[:2] == ("conflict", "not_latched")
    assert final_of(core, lead, aid="b6", verb=Verb.IN_SERVICE)[0] == "applied"
    assert (fire(core).state, fire(core).oos_reason) == ("unack", "")
    told = [decode_body("timeline", e.body) for e in core.snapshot("timeline")]
    assert [one.what for one in told[-2:]] == ["alarm_out_of_service", "alarm_in_service"]
    assert told[-2].text.vi.endswith("thay đầu báo")
    assert final_of(core, lead, aid="b7", verb=Verb.IN_SERVICE)[:2] == ("conflict", "not_out_of_service")


@pytest.mark.parametrize(
    ("role", "seconds", "code"),
    [
        (Role.OPERATOR, 3600, ""),
        (Role.OPERATOR, 3601, "too_long"),
        (Role.SHIFT_LEAD, 12 * 3600, ""),
        (Role.SHIFT_LEAD, 12 * 3600 + 1, "too_long"),
        (Role.SHIFT_LEAD, 0, "bad_until"),
        (Role.SHIFT_LEAD, -5, "bad_until"),
    ],
)
def test_how_long_a_role_may_set_aside(core: Core, role: Role, seconds: float, code: str) -> None:
    assert final_of(core, person(role), **shelving(seconds))[1] == code


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({}, "bad_reason"),
        ({"reason": "x" * 201}, "bad_reason"),
        ({"reason": "x"}, "bad_until"),
        ({"reason": "x", "until_ns": "soon"}, "bad_until"),
        ({"reason": "x", "until_ns": "-1"}, "bad_until"),
        ({"reason": "x", "until_ns": "9" * 30}, "bad_until"),
        ({"reason": "x", "until_ns": "١٢٣"}, "bad_until"),
        ({"reason": "x", "until_ns": "9" * 19}, "too_long"),
    ],
)
def test_shelving_that_does_not_fit_is_refused(core: Core, args: dict[str, str], code: str) -> None:
    assert final(core, verb=Verb.SHELVE, args=args)[:2] == ("refused", code)
    assert fire(core).state == "unack"


def pushing(toml: str = 'id = "flood"', **fields: Any) -> dict[str, Any]:
    args = {"name_vi": "Lũ", "name_en": "Flood", "toml": toml, **fields.pop("args", {})}
    return {"verb": Verb.PUSH_LAYOUT, "feed": "layouts", "target": "flood", "args": args, **fields}


def test_a_layout_is_pushed_replaced_and_kept_over_a_restart(core: Core, log: SqliteLog) -> None:
    lead = person(Role.SHIFT_LEAD)
    assert final_of(core, lead, **pushing())[0] == "applied"
    assert final_of(core, lead, aid="b2", **pushing(expect_state_rev=7))[:2] == ("conflict", "changed")
    assert final_of(core, lead, aid="b3", **pushing('id = "new"', expect_state_rev=1))[0] == "applied"
    again = Core(log, TinyCity(NOW))
    again.start(NOW)
    (kept,) = [decode_body("layouts", e.body) for e in again.snapshot("layouts")]
    assert (kept.name.vi, kept.toml, kept.rev) == ("Lũ", 'id = "new"', 2)
    assert final_of(again, lead, aid="b4", **pushing(expect_state_rev=2))[0] == "applied"
    assert timeline_of(again)[-1].what == "layout_pushed"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"target": "../x"}, "unsupported"),
        ({"feed": "alarms"}, "unsupported"),
        ({"args": {"name_vi": " "}}, "bad_text"),
        ({"args": {"name_en": "x" * 81}}, "bad_text"),
        ({"toml": ""}, "bad_layout"),
        ({"toml": "not toml"}, "bad_layout"),
        ({"toml": "x = " + "[" * 5000}, "bad_layout"),
        ({"toml": 'x = "' + "đ" * (33 << 10) + '"'}, "bad_layout"),
        ({"toml": "a" + ".a" * 32_000 + " = 1"}, "bad_layout"),  # 40 s of the loop
        ({"toml": 'x = 1\n"\u2028"' + " . a" * 16_000 + " = 1"}, "bad_layout"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(core: Core, fields: dict[str, Any], code: str) -> None:
    assert final_of(core, person(Role.SHIFT_LEAD), **pushing(**fields))[:2] == ("refused", code)
    assert core.snapshot("layouts") == []


def test_there_is_room_for_so_many_layouts_and_each_can_still_be_changed(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them are at every console, and nobody takes one back."""
    monkeypatch.setattr(actions, "LAYOUTS_MOST", 2)
    lead = person(Role.SHIFT_LEAD)
    pushed = [final_of(core, lead, aid=f"b{n}", **pushing(target=f"l-{n}"))[:2] for n in range(3)]
    assert pushed == [("applied", ""), ("applied", ""), ("refused", "bad_layout")]
    assert final_of(core, lead, aid="b9", **pushing(target="l-1", args={"name_vi": "Khác"}))[0] == "applied"


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb not in (*ALARM_VERBS, Verb.COMMENT, Verb.STEP)])
def test_what_is_no_verb_of_alarms_is_refused_not_a_conflict(core: Core, verb: Verb) -> None:
    """A conflict would say that the alarm is otherwise than it was seen."""
    allowed = next(role for role in Role if may(role, verb))
    assert final_of(core, person(allowed), verb=verb)[:2] == ("refused", "unsupported")


def test_a_layout_that_cannot_be_written_is_not_known_either(log: SqliteLog) -> None:
    full = _Full(log)
    core = Core(full, TinyCity(NOW, past_s=60))
    core.start(NOW)
    full.full = True
    core.act("desk-3", person(Role.SHIFT_LEAD), Action(**{
        "aid": "b1", "expect_state_rev": 0, "made_at_ns": NOW, **pushing()
    }), NOW)  # fmt: skip
    full.full = False
    assert core.records("layouts") == {}
    assert final_of(core, person(Role.SHIFT_LEAD), **pushing())[0] == "applied"


def timeline_of(core: Core) -> list[Any]:
    return [decode_body("timeline", e.body) for e in core.log.fetch("timeline", 0, 1000, 1 << 30)]


def test_comments_never_expire_and_reach_the_timeline(core: Core) -> None:
    acks, published = act(core, verb=Verb.COMMENT, args={"text": " Đã gọi đội 114 "}, target="long gone")
    assert acks[-1].stage == "applied"
    assert published == ["timeline event a1"]
    event = decode_body("timeline", core.log.fetch("timeline", core.log.head("timeline").head - 1, 1, 1 << 20)[0].body)
    assert (event.text.vi, event.actor, event.what) == ("Đã gọi đội 114", "op-ha", "comment")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"verb": Verb.COMMENT, "args": {"text": "  "}}, "bad_text"),
        ({"verb": Verb.COMMENT, "args": {"text": "x" * 2001}}, "bad_text"),
        ({"verb": Verb.COMMENT, "args": {"text": "x"}, "feed": "config"}, "unsupported"),
        ({"feed": "reports"}, "unsupported"),
        ({"aid": ""}, "bad_aid"),
        ({"aid": "x" * 65}, "bad_aid"),
        ({"aid": "a\nb"}, "bad_aid"),
        ({"verb": Verb.COMMENT, "args": {"text": "x"}, "target": "x" * 201}, "unsupported"),
    ],
)
def test_what_does_not_fit_is_refused(core: Core, fields: dict[str, Any], code: str) -> None:
    assert final(core, **fields)[:2] == ("refused", code)


class _Full:
    """A log whose disk is full while `full` is set."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log
        self.full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        if self.full:
            raise LogTrouble("disk full")
        return self._log.commit(*args, **kwargs)


def test_a_full_disk_applies_nothing_stops_the_canary_and_heals(log: SqliteLog, expect_logs: ExpectLogs) -> None:
    expect_logs("disk full")
    full = _Full(log)
    core = Core(full, TinyCity(NOW, past_s=60))
    core.start(NOW)
    core.round(NOW, 0.0)
    healthy = core.canary
    assert healthy is not None
    full.full = True
    assert core.round(NOW + 2 * NS_PER_S, 2.0) == []
    assert core.canary == healthy
    with pytest.raises(LogTrouble):
        act(core, now_ns=NOW + 2 * NS_PER_S)
    assert fire(core).acked_by == ""
    full.full = False
    acks, published = act(core, now_ns=NOW + 3 * NS_PER_S)
    assert acks[-1].stage == "applied"
    assert any(p.startswith("samples") for p in published), "what waited is published first"
    core.round(NOW + 4 * NS_PER_S, 4.0)
    assert core.canary is not None
    assert core.canary.seq > healthy.seq


def test_a_world_that_breaks_does_not_silence_the_hub(log: SqliteLog, expect_logs: ExpectLogs) -> None:
    class Broken(TinyCity):
        def until(self, t_ns: int) -> Any:
            raise RuntimeError("no more city")

    expect_logs("the world broke")
    core = Core(log, Broken(NOW, past_s=60))
    core.start(NOW)
    core.round(NOW, 0.0)
    assert core.canary is None, "a world that stands still raises no alarm: nobody may believe that all is well"
    assert core.faults == 1
    assert act(core)[0][-1].stage == "applied"


def test_a_broken_alarm_engine_stops_the_canary_and_nothing_else(
    core: Core, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    core.round(NOW, 0.0)
    healthy = core.canary
    expect_logs("did not come through")
    monkeypatch.setattr("backends.hub.engine.alarms.return_to_normal", lambda alarm, t_ns: alarm)
    published = core.round(NOW + 2 * NS_PER_S, 2.0)
    assert core.canary == healthy
    assert [e.feed for e in published] == ["samples"]


def test_an_item_that_no_longer_fits_is_left_out_at_a_restart(
    log: SqliteLog, core: Core, expect_logs: ExpectLogs
) -> None:
    log._db.execute("UPDATE item SET body=X'7B7D' WHERE feed='cameras' AND id='cam-1'")
    expect_logs("item cam-1 of cameras cannot be read")
    again = Core(log, TinyCity(NOW))
    assert again.start(NOW) == 0
    assert fire(again).id == fire(core).id
    assert act(again)[0][-1].stage == "applied"


def test_the_canary_never_reaches_the_list(core: Core) -> None:
    head = core.log.head("alarms").head
    published = [e for n in range(3) for e in core.round(NOW, float(n))]
    assert published == []
    assert core.log.head("alarms").head == head


def test_a_reason_is_kept_as_it_was_judged(core: Core) -> None:
    padded = " " * 500_000 + "đang sửa" + " " * 10
    assert final(core, **shelving(reason=padded))[0] == "applied"
    assert fire(core).shelve_reason == "đang sửa"


def test_what_the_log_would_leave_out_is_refused(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.hub.log.MAX_BODY", 200)
    text = {"text": "x" * 300}
    assert final(core, verb=Verb.COMMENT, args=text)[:2] == ("refused", "too_long")
    assert not [e for e in core.snapshot("timeline") if e.cause == "a1"]
