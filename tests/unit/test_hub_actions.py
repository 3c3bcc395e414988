"""Actions: who, dedupe, expiry, expectation, conflict, effect; nothing without its transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm
from backends.domain.feeds import Mode
from backends.domain.times import NS_PER_S
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
    assert core.canary is not None
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
