"""Whose token a click carries, signing in and out, what is asked again and what is given up, blobs and anchors."""

from __future__ import annotations

import hashlib
from typing import Any, get_args

import pytest
from helpers.link_rig import Rig

from backends.domain.action import Action, ActionStatus, Stage, Verb
from backends.domain.people import Role
from backends.link.access import ANSWER_S, LEAVE_S, Access, Session
from backends.link.blobs import OPEN_LIMIT
from backends.link.intake import keepable
from backends.protocol.messages import (
    Accounted,
    Accounts,
    Ack,
    Anchor,
    Anchored,
    Blob,
    FromConsole,
    FromHub,
    Limits,
    Reveal,
    Revealed,
    Signed,
    SignIn,
)

SECRET = "đúng mật khẩu"


def click(aid: str, person: str, target: str = "a1", stage: Stage = Stage.QUEUED) -> ActionStatus:
    return ActionStatus(Action(aid, Verb.CLAIM, "alarms", target, 1, 5), stage, person=person)


def of(sent: list[dict[str, Any]], msg: str) -> list[dict[str, Any]]:
    return [m for m in sent if m["msg"] == msg]


def signed_in(rig: Rig, person: str = "op-ha", token: str = "t-ha") -> None:
    """Join a hub that seats nobody, and have this person's session present."""
    rig.join(operator_id="")
    rig.machine.use_session(Session(person, token))
    assert of(rig.turn(), "HELLO")[0]["token"] == token
    rig.welcome(person, name="Hà", role="operator", grants=("claim",), t_expires=10**19 // 2)


# -- who sits here -------------------------------------------------------------------------------------------


def test_a_seat_of_the_hub_is_a_grant_without_sign_in() -> None:
    rig = Rig()
    rig.turn()
    rig.welcome("op-ha", name="Nguyễn Thu Hà", role="shift_lead", grants=("claim", "push_layout"))
    (grant,) = rig.seen.grants
    assert (grant.operator_id, grant.name, grant.role, grant.sign_in) == (
        "op-ha", "Nguyễn Thu Hà", Role.SHIFT_LEAD, False,
    )  # fmt: skip
    assert grant.may(Verb.PUSH_LAYOUT)
    assert not grant.may(Verb.ACKNOWLEDGE), "what the hub does not grant is not given"
    rig.machine.submit(click("1", "op-ha"))
    (act,) = of(rig.turn(), "ACT")
    assert "token" not in act


def test_a_hub_that_tells_no_roles_seats_operators_and_an_unknown_role_only_looks() -> None:
    rig = Rig()
    rig.join()
    assert rig.seen.grants[-1].may(Verb.CLAIM)
    rig.machine.access.hello_sent()
    rig.welcome("op", role="emperor", grants=())
    assert rig.seen.grants[-1].role is Role.VIEWER
    assert not rig.seen.grants[-1].may(Verb.CLAIM)


def test_a_hub_without_seats_asks_to_sign_in() -> None:
    rig = Rig()
    rig.join(operator_id="")
    (grant,) = rig.seen.grants
    assert grant.sign_in
    assert not grant.operator_id


def test_a_welcome_to_an_older_hello_says_nothing_about_the_new_session() -> None:
    rig = Rig()
    rig.join(operator_id="")
    rig.time.advance_s(31)
    rig.turn()  # HELLO without token is on its way
    rig.machine.use_session(Session("op-ha", "t"))
    rig.turn()
    rig.welcome("")
    assert len(rig.seen.grants) == 1, "it speaks of nobody's HELLO"
    rig.welcome("op-ha", t_expires=9)
    assert rig.seen.grants[-1].operator_id == "op-ha"
    assert rig.machine.access.present.token == "t"


def test_a_session_that_the_hub_does_not_know_is_over() -> None:
    rig = Rig()
    signed_in(rig)
    rig.turn(31)
    rig.welcome("")
    assert not rig.seen.grants[-1].operator_id
    rig.machine.submit(click("1", "op-ha"))
    assert of(rig.turn(0.1), "ACT") == []


# -- clicks --------------------------------------------------------------------------------------------------


def test_a_click_carries_the_token_of_its_person() -> None:
    rig = Rig()
    signed_in(rig)
    rig.machine.submit(click("1", "op-ha"))
    (act,) = of(rig.turn(), "ACT")
    assert act["token"] == "t-ha"


def test_a_click_never_goes_out_under_another_persons_name() -> None:
    rig = Rig()
    for made in (click("1", "op-minh"), click("2", "", "a2")):
        rig.machine.submit(made)
    rig.join(operator_id="")
    assert of(rig.turn(1), "ACT") == [], "nobody is here: it waits"
    rig.machine.use_session(Session("op-ha", "t-ha"))
    sent = rig.turn()
    assert of(sent, "ACT") == []
    assert [(s.action.aid, s.stage, s.code, s.person) for s in rig.seen.stages] == [
        ("1", Stage.REFUSED, "session_over", "op-minh"),
        ("2", Stage.REFUSED, "session_over", ""),
    ]


def test_without_the_rule_it_would_go_out_under_the_wrong_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the test above can fail."""
    monkeypatch.setattr(Access, "token_for", lambda self, status: self.present.token or None)
    rig = Rig()
    rig.machine.submit(click("1", "op-minh"))
    rig.join(operator_id="")
    rig.machine.use_session(Session("op-ha", "t-ha"))
    assert [m["token"] for m in of(rig.turn(), "ACT")] == ["t-ha"]


def test_who_signs_in_again_sends_his_own_waiting_clicks() -> None:
    rig = Rig(unfinished=[click("1", "op-ha")])
    rig.join(operator_id="")
    rig.machine.use_session(Session("op-ha", ""))  # offline: no session at the hub
    assert of(rig.turn(1), "ACT") == []
    rig.machine.use_session(Session("op-ha", "t2"))
    (act,) = of(rig.turn(), "ACT")
    assert act["token"] == "t2"


def test_another_persons_seat_refuses_the_click_too() -> None:
    rig = Rig(unfinished=[click("1", "op-minh"), click("2", "op-minh", "a2", Stage.SENT)])
    rig.join(operator_id="op-ha")
    assert of(rig.turn(1), "ACT") == []
    assert [(s.action.aid, s.code) for s in rig.seen.stages] == [("1", "session_over"), ("2", "session_over")]


@pytest.mark.parametrize("left", [Stage.SENT, Stage.QUEUED])
def test_one_that_was_sent_is_asked_for_without_a_token(left: Stage) -> None:
    """A hub with sessions can then only tell what it did with it. One that an earlier run left QUEUED may have gone
    out just before that run died."""
    rig = Rig(unfinished=[click("1", "op-minh", stage=left)])
    rig.join(operator_id="")
    rig.machine.use_session(Session("op-ha", "t-ha"))
    (act,) = of(rig.turn(), "ACT")
    assert "token" not in act
    rig.ctl(Ack("1", "duplicate", outcome="applied"))
    assert [(s.stage, s.person) for s in rig.seen.stages][-1:] == [(Stage.DUPLICATE, "op-minh")]
    assert not any(s.stage is Stage.REFUSED for s in rig.seen.stages)


def test_a_session_leaves_after_its_clicks() -> None:
    rig = Rig()
    signed_in(rig)
    rig.machine.submit(click("1", "op-ha"))
    rig.machine.access.sign_out(7, Session("op-ha", "t-ha"))
    rig.machine.use_session(Session("op-minh", "t-minh"))
    rig.machine.submit(click("2", "op-minh", "a2"))
    sent = rig.turn()
    assert [(m["action"]["aid"], m["token"]) for m in of(sent, "ACT")] == [("1", "t-ha"), ("2", "t-minh")]
    assert of(sent, "SIGNOUT") == []
    rig.ctl(Ack("1", "applied"))
    assert [m["token"] for m in of(rig.turn(0.1), "SIGNOUT")] == ["t-ha"]
    assert of(rig.turn(0.5), "SIGNOUT") == []
    assert len(of(rig.turn(1.0), "SIGNOUT")) == 1, "again until it is answered"
    rig.ctl(Signed(7, code="signed_out"))
    assert of(rig.turn(20), "SIGNOUT") == []
    assert [s.code for s in rig.seen.signed_answers] == ["signed_out"]


def test_a_session_does_not_wait_for_ever_for_an_answer() -> None:
    rig = Rig()
    signed_in(rig)
    rig.machine.submit(click("1", "op-ha"))
    rig.machine.access.sign_out(7, Session("op-ha", "t-ha"))
    assert of(rig.turn(), "SIGNOUT") == []
    assert len(of(rig.turn(LEAVE_S + 0.1), "SIGNOUT")) == 1


def test_a_refusal_for_want_of_a_session_asks_at_once_who_sits_here() -> None:
    rig = Rig()
    signed_in(rig)
    rig.machine.submit(click("1", "op-ha"))
    rig.turn()
    rig.ctl(Ack("1", "refused", code="nobody_signed_in"))
    assert of(rig.turn(0.1), "HELLO")
    rig.welcome("")
    assert not rig.seen.grants[-1].operator_id


# -- asking --------------------------------------------------------------------------------------------------


def test_sign_in_is_repeated_until_answered_and_answered_once() -> None:
    rig = Rig()
    rig.join(operator_id="")
    rig.machine.access.sign_in(SignIn(3, "op-ha", SECRET), rig.now_s)
    assert [m["secret"] for m in of(rig.turn(), "SIGNIN")] == [SECRET]
    assert of(rig.turn(1.0), "SIGNIN") == []
    assert len(of(rig.turn(1.1), "SIGNIN")) == 1
    rig.ctl(Signed(3, token="t", operator_id="op-ha"))
    rig.ctl(Signed(3, token="t", operator_id="op-ha"))
    assert len(rig.seen.signed_answers) == 1
    assert of(rig.turn(8.0), "SIGNIN") == []


def test_sign_in_without_answer_is_given_up_and_forgotten() -> None:
    rig = Rig()
    rig.machine.access.sign_in(SignIn(3, "op-ha", SECRET), rig.now_s)
    rig.connected = False
    rig.turn(ANSWER_S + 0.1)
    assert [s.code for s in rig.seen.signed_answers] == ["no_answer"]
    assert len(rig.machine.access.sign_ins) == 0
    rig.connected = True
    rig.join(operator_id="")
    assert of(rig.turn(), "SIGNIN") == []


def test_questions_are_asked_again_after_new_sockets() -> None:
    rig = Rig()
    rig.join(operator_id="")
    rig.machine.access.sign_in(SignIn(3, "op-ha", SECRET), rig.now_s)
    rig.machine.access.reveal(Reveal(4, "reporter", "PA-1", "gọi lại", "t"), rig.now_s)
    sent = rig.turn()
    assert of(sent, "SIGNIN")
    assert of(sent, "REVEAL")
    rig.machine.opened(rig.now_s)
    rig.turn()
    rig.welcome("")
    sent = rig.turn()
    assert of(sent, "SIGNIN")
    assert of(sent, "REVEAL")
    rig.ctl(Revealed(4, values={"name": "x"}))
    assert [r.values for r in rig.seen.revealed_answers] == [{"name": "x"}]


def test_a_question_about_accounts_is_asked_again_and_then_given_up() -> None:
    rig = Rig()
    rig.join(operator_id="")
    rig.machine.access.manage(Accounts(4, "secret", "lan", 3, token="t"), rig.now_s)
    (asked,) = of(rig.turn(), "ACCOUNTS")
    assert (asked["person"], asked["rev"], asked["token"]) == ("lan", 3, "t")
    rig.machine.opened(rig.now_s)
    rig.turn()
    rig.welcome("")
    assert of(rig.turn(), "ACCOUNTS") == [asked], "the same question: the hub does it once"
    rig.turn(ANSWER_S + 1)
    assert [(one.request, one.code) for one in rig.seen.accounts] == [(4, "no_answer")]
    rig.ctl(Accounted(4, secret="too late"))
    assert len(rig.seen.accounts) == 1


def test_nothing_that_holds_a_secret_says_it() -> None:
    rig = Rig()
    rig.machine.access.sign_in(SignIn(3, "op-ha", SECRET), rig.now_s)
    rig.machine.use_session(Session("op-ha", "token-xyz"))
    asking = rig.machine.access.sign_ins
    for words in (repr(asking._open), repr(rig.machine.access.present), repr(SignIn(1, "a", SECRET))):
        assert SECRET not in words
        assert "token-xyz" not in words


# -- anchors and blobs ---------------------------------------------------------------------------------------


def test_only_the_newest_anchor_waits() -> None:
    rig = Rig()
    rig.machine.anchor(Anchor(5, "a" * 64, 1))
    rig.machine.anchor(Anchor(6, "b" * 64, 2))
    rig.join()
    rig.ctl(Anchored(5))
    assert rig.seen.anchors == []
    assert of(rig.turn(0.5), "ANCHOR") == []
    rig.machine.opened(rig.now_s)
    rig.turn()
    rig.welcome()
    assert [m["n"] for m in of(rig.turn(), "ANCHOR")] == [6]
    rig.ctl(Anchored(6, "differs"))
    assert [(a.n, a.code) for a in rig.seen.anchors] == [(6, "differs")]
    assert of(rig.turn(60), "ANCHOR") == []


DATA = bytes(range(256)) * 10
SHA = hashlib.sha256(DATA).hexdigest()


def parts(data: bytes = DATA, step: int = 1000, request: int = 1, **more: Any) -> list[tuple[Blob, bytes]]:
    cut = [data[n : n + step] for n in range(0, len(data), step)]
    fields = {"media": "image/png", "size": len(data), "parts": len(cut), **more}
    return [(Blob(request, SHA, part=n, **fields), piece) for n, piece in enumerate(cut, 1)]


def asked_blob() -> Rig:
    rig = Rig()
    rig.join()
    rig.machine.blobs.ask(1, SHA, rig.now_s)
    assert of(rig.turn(), "BLOBGET") == [{"msg": "BLOBGET", "request": 1, "blob": SHA}]
    return rig


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [0, 0, 1, 1, 2]])
def test_a_blob_is_joined_in_any_order_and_checked(order: list[int]) -> None:
    rig = asked_blob()
    for n in order:
        rig.ctl(parts()[n][0], parts()[n][1])
    (done,) = rig.seen.blobs
    assert (done.data, done.media, done.code) == (DATA, "image/png", "")
    assert of(rig.turn(60), "BLOBGET") == []


def test_a_blob_with_another_hash_is_never_handed_on() -> None:
    rig = asked_blob()
    for _ in range(2):
        assert rig.seen.blobs == []
        for part, data in parts():
            rig.ctl(part, data.replace(b"\x05", b"\x06"))
        rig.turn(11)
    assert [(b.code, b.data) for b in rig.seen.blobs] == [("bad_hash", b"")]
    assert rig.seen.bad


@pytest.mark.parametrize(
    ("part", "data"),
    [
        (Blob(1, SHA, size=10, part=3, parts=2), b"x"),
        (Blob(1, SHA, size=10, part=0, parts=2), b"x"),
        (Blob(1, SHA, size=10, part=1, parts=2), b"x" * 11),
        (Blob(1, SHA, size=2, part=1, parts=10**9), b""),
        (Blob(1, SHA, size=-5, part=1, parts=1), b""),
        (Blob(1, SHA, size=300 << 10, part=1, parts=1), b"x" * (257 << 10)),
    ],
)
def test_a_part_that_does_not_fit_is_refused(part: Blob, data: bytes) -> None:
    rig = asked_blob()
    rig.ctl(part, data)
    assert rig.seen.blobs == []
    assert len(rig.seen.bad) == 1
    for good, piece in parts():
        rig.ctl(good, piece)
    assert [b.data for b in rig.seen.blobs] == [DATA]


def test_a_part_without_its_bytes_is_refused() -> None:
    rig = asked_blob()
    rig.ctl(parts()[0][0])
    assert len(rig.seen.bad) == 1


def test_blobs_are_bounded_given_up_and_refused_in_words() -> None:
    rig = Rig()
    rig.turn()
    rig.welcome(limits=Limits(blob=2000))
    rig.machine.blobs.ask(1, SHA, rig.now_s)
    rig.ctl(parts()[0][0], parts()[0][1])
    assert [b.code for b in rig.seen.blobs] == ["too_large"]
    rig.machine.blobs.ask(2, "nonsense", rig.now_s)
    for n in range(3, 4 + OPEN_LIMIT):
        rig.machine.blobs.ask(n, SHA, rig.now_s)
    assert [b.code for b in rig.seen.blobs[1:]] == ["unknown", "busy"]
    rig.ctl(Blob(3, SHA, code="unknown"))
    rig.turn(61)
    codes = [b.code for b in rig.seen.blobs[3:]]
    assert codes == ["unknown"] + ["no_answer"] * (OPEN_LIMIT - 1)


def test_parts_of_two_answers_are_not_mixed() -> None:
    rig = asked_blob()
    rig.ctl(*parts()[0])
    rig.machine.opened(rig.now_s)
    rig.turn()
    rig.welcome()
    assert of(rig.turn(), "BLOBGET")
    for part, data in parts(step=500):
        rig.ctl(part, data)
    assert [b.data for b in rig.seen.blobs] == [DATA]


def test_of_no_message_with_a_token_a_secret_or_a_persons_data_a_bad_one_is_kept() -> None:
    """The quarantine is a file: an ACCOUNTED that cannot be read may hold a new password, a CONFIDE a number."""
    private = {"token", "secret", "old", "values"}
    kinds = (*get_args(FromConsole), *get_args(FromHub))
    bad = [kind for kind in kinds if private & set(kind.__struct_fields__)]
    assert len(bad) > 10
    for kind in bad:
        tag = kind.__struct_config__.tag
        assert keepable(f'{{"request": "x", "msg": "{tag}"}}'.encode()) == b"", tag
