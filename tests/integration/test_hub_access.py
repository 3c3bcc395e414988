"""Who may do what at a real hub: every role against every verb, sessions and their ends, secrets, forged words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401  # fixtures
from helpers.hub_people import PEOPLE, SECRET, client_at, hub_here, make_accounts, sign_in
from helpers.hub_process import HubProcess, WireClient
from helpers.waiting import wait_for

from backends.domain.access import GRANTS, may
from backends.domain.action import REPORT_VERBS, Verb
from backends.domain.limits import day_of
from backends.domain.people import Role
from backends.domain.times import NS_PER_S
from backends.hub.accounts import AccountBook
from backends.hub.alarm_acts import ALARM_VERBS
from backends.hub.keys import revoke
from backends.hub.witness import Look, Witness

TOML = 'id = "flood"\n'
CALL = {"category": "flood", "title": "Ngập", "channel": "hotline"}
RULE = '{"kind": "sla", "id": "flood", "category": "flood", "name": {"vi": "Ngập nước"}, "hours": 2}'


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    make_accounts(folder)
    with HubProcess(folder, sign_in="password", stations=("desk-1", "desk-2", "leaver", "guesser")) as made:
        made.start()
        yield made


@pytest.fixture
def client(hub: HubProcess) -> Iterator[WireClient]:
    with WireClient(hub.ready(), hub.keys("desk-1")) as made:
        yield made


@pytest.fixture
def colleague(hub: HubProcess) -> Iterator[WireClient]:
    with WireClient(hub.ready(), hub.keys("desk-2")) as made:
        yield made


def fire(client: WireClient) -> dict[str, Any]:
    items, _ = client.snapshot("alarms")
    body: dict[str, Any] = next(i["body"] for i in items if i["id"].startswith("fire@"))
    return body


def seat(client: WireClient) -> dict[str, Any]:
    """The record of desk-1."""
    body: dict[str, Any] = next(i["body"] for i in client.snapshot("stations")[0] if i["id"] == "desk-1")
    return body


def attempt(client: WireClient, verb: Verb, aid: str, alarm: str = "", **forged: Any) -> dict[str, Any]:
    """One action of that verb, well formed; the final ACK. `alarm`: the id of `fire`, where it is known already."""
    more: dict[str, Any] = dict(forged)
    target = "flood" if verb in (Verb.PUSH_LAYOUT, Verb.CONFIGURE) else alarm or fire(client)["id"]
    if verb is Verb.PUSH_LAYOUT:
        more |= {"feed": "layouts", "args": {"name_vi": "Lũ", "toml": TOML}}
    elif verb is Verb.COMMENT:
        more |= {"args": {"text": "Đã gọi đội 114"}}
    elif verb is Verb.LOG:
        more |= {"feed": "timeline", "args": {"text": "Đã gọi đội 114", "about": "alarms"}}
    elif verb in (Verb.HAND_OVER, Verb.TAKE_OVER):
        target = "new"
        more |= {"feed": "handovers"}
    elif verb is Verb.SHELVE:
        until_ns = client.hello()["now"] + 600 * NS_PER_S
        more |= {"args": {"until_ns": str(until_ns), "reason": "đang sửa"}}
    elif verb is Verb.STEP:
        more |= {"args": {"step": "call", "state": "done"}}
    elif verb is Verb.OUT_OF_SERVICE:
        more |= {"args": {"reason": "bảo trì"}}
    elif verb is Verb.COVER:
        target = "ha"
        more |= {"feed": "roster", "args": {"areas": "", "sectors": ""}}
    elif verb is Verb.INTAKE:
        target = "new-1"
        more |= {"feed": "reports", "args": CALL}
    elif verb in REPORT_VERBS and verb not in ALARM_VERBS:
        target = "PA-0"  # there is none: a conflict
        more |= {"feed": "reports"}
    elif verb is Verb.CONFIGURE:
        day = day_of(client.hello()["now"])
        more |= {"feed": "config", "args": {"json": RULE, "valid_from": day, "reason": "họp giao ban"}}
    return client.act(aid, verb.value, target, **more)[-1]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_against_every_verb(client: WireClient, colleague: WireClient, role: Role) -> None:
    """Signed in: as the table says. Not signed in, or with the token of another station: nobody."""
    alarm = fire(client)["id"]  # once: snapshots are dear, and a station's requests are counted
    for verb in Verb:
        assert attempt(client, verb, f"{role}-{verb}-nobody", alarm)["code"] == "nobody_signed_in", verb
    person, name = PEOPLE[role]
    signed = sign_in(client, person)
    assert (signed["operator_id"], signed["name"], signed["role"]) == (person, name, role.value)
    assert set(signed.get("grants", [])) == {right.value for right in GRANTS[role]}
    for verb in Verb:
        ack = attempt(client, verb, f"{role}-{verb}-{person}", alarm)
        if may(role, verb):
            assert ack["stage"] in ("applied", "conflict"), (verb, ack)
        else:
            assert (ack["stage"], ack["code"], ack["text"]) == ("refused", "not_allowed", role.value), verb
    colleague.token = client.token
    for verb in Verb:
        assert attempt(colleague, verb, f"{role}-{verb}-stolen", alarm)["code"] == "nobody_signed_in", verb
    assert colleague.hello().get("operator_id", "") == ""
    assert client.ask("SIGNOUT", request=2, token=client.token)["code"] == "signed_out"
    for verb in Verb:
        assert attempt(client, verb, f"{role}-{verb}-after", alarm)["code"] == "nobody_signed_in", verb


def test_an_expired_session_is_nobody_for_every_verb(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    with HubProcess(tmp_path, sign_in="password", session_s=1.0) as hub:
        ready = hub.start()
        with WireClient(ready, hub.keys("desk-1")) as client:
            signed = sign_in(client, "lan")
            assert signed["operator_id"] == "lan"
            assert signed["t_expires"] <= client.hello()["now"] + NS_PER_S
            wait_for("the session is over", lambda: not client.hello().get("operator_id"))
            for verb in Verb:
                assert attempt(client, verb, f"late-{verb}")["code"] == "nobody_signed_in"
            welcome = client.hello()
            assert welcome.get("grants", []) == []
            wait_for("nobody sits there", lambda: seat(client).get("operator_id", "") == "")


def test_welcome_says_who_it_is_and_the_feeds_show_it(client: WireClient) -> None:
    client.until_live(b"1/hb/")
    signed = sign_in(client, "ha")
    welcome = client.hello()
    for field in ("operator_id", "name", "role", "grants", "t_expires"):
        assert welcome[field] == signed[field] or field == "t_expires", field
    assert abs(welcome["t_expires"] - signed["t_expires"]) <= NS_PER_S
    event = client.until_live(b"1/timeline/", lambda m: m["body"]["what"] == "signed_in")["body"]
    assert (event["actor"], event["target"]) == ("ha", "desk-1")
    assert (seat(client)["operator_id"], seat(client)["online"]) == ("ha", True)
    person = {i["id"]: i["body"] for i in client.snapshot("roster")[0]}["ha"]
    assert (person["name"], person["station_id"]) == ("Nguyễn Thu Hà", "desk-1")


def test_forged_words_in_the_payload_have_no_effect(client: WireClient) -> None:
    sign_in(client, "khach")
    forged = {"actor": "lan", "role": "shift_lead", "person": "lan", "station": "desk-2", "operator_id": "lan"}
    assert attempt(client, Verb.CLAIM, "forged-1", **forged)["code"] == "not_allowed"
    sign_in(client, "ha")
    client.until_live(b"1/hb/")
    ack = attempt(client, Verb.COMMENT, "forged-2", **forged)
    assert ack["stage"] == "applied"
    event = client.until_live(b"1/timeline/", lambda m: m.get("cause") == "forged-2")["body"]
    assert event["actor"] == "ha"
    welcome = client.ask("HELLO", station="desk-2", mode="demo", token=client.token, operator_id="lan", role="admin")
    assert (welcome["station"], welcome["operator_id"], welcome["role"]) == ("desk-1", "ha", "operator")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (["disable", "son"], "nobody_signed_in"),
        (["passwd", "tuan"], "nobody_signed_in"),
        (["role", "khach", "operator"], ""),
    ],
    ids=lambda c: c[0] if isinstance(c, list) else "",
)
def test_the_command_line_reaches_a_running_hub(tmp_path: Path, change: list[str], code: str) -> None:
    make_accounts(tmp_path)
    with HubProcess(tmp_path, sign_in="password") as hub:
        hub.start()
        with WireClient(hub.ready(), hub.keys("desk-1")) as client:
            person = change[1]
            sign_in(client, person)
            before = client.hello()
            assert before["operator_id"] == person
            changed = f"{SECRET} khác"
            done = subprocess.run(
                [sys.executable, "-m", "console", "accounts", *change, "--data-dir", str(tmp_path)],
                input=f"{changed}\n", capture_output=True, text=True, encoding="utf-8", check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            if code:
                wait_for("the session is over", lambda: not client.hello().get("operator_id"), timeout_s=5.0)
                assert attempt(client, Verb.COMMENT, f"after-{change[0]}")["code"] == code
            else:
                wait_for("the role counts", lambda: client.hello()["role"] != before["role"], timeout_s=5.0)
                assert attempt(client, Verb.COMMENT, "after-role")["stage"] == "applied"
            told = [sign_in(client, person, secret).get("code", "") for secret in (SECRET, changed)]
            assert (
                told
                == {"disable": ["disabled", "refused"], "passwd": ["refused", ""], "role": ["", "refused"]}[change[0]]
            )


def test_a_wrong_secret_and_nobody_get_the_same_answer_and_then_wait(hub: HubProcess, client: WireClient) -> None:
    answers: dict[str, list[dict[str, Any]]] = {"ha": [], "nobody.at.all": []}
    with WireClient(hub.ready(), hub.keys("guesser")) as other:
        for person, given in answers.items():
            for _ in range(4):
                given.append(other.ask("SIGNIN", request=3, person=person, secret="wrong wrong wrong"))
    assert [a.get("code") for a in answers["ha"]] == ["refused", "refused", "refused", "wait"]
    for told, of_nobody in zip(*answers.values(), strict=True):
        assert told.keys() == of_nobody.keys()
        assert told.get("code") == of_nobody.get("code")
    assert 0 < answers["ha"][-1]["retry_s"] <= 2
    assert sign_in(client, "ha").get("code", "") == "", "her own desk is not locked by tries elsewhere"


def test_a_session_outlives_the_hubs_death_and_ends_at_signout_for_good(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    with HubProcess(tmp_path, sign_in="password") as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            token = sign_in(client, "lan")["token"]
            hub.kill()
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.token = token
            assert client.hello()["operator_id"] == "lan"
            assert attempt(client, Verb.CLAIM, "after-kill")["stage"] == "applied"
            assert client.ask("SIGNOUT", request=4, token=token)["code"] == "signed_out"
            assert client.ask("SIGNOUT", request=5, token=token)["code"] == "signed_out", "again: out already"
            hub.kill()
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            client.token = token
            assert client.hello().get("operator_id", "") == ""
        kept = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.is_file())
        assert token.encode() not in kept
        assert SECRET.encode() not in kept


def test_a_signout_that_the_disk_does_not_take_is_not_answered_yet(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expect_logs: ExpectLogs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else a restart would bring the session back; meanwhile it counts no more."""
    make_accounts(tmp_path)

    def full(self: AccountBook, tokens: list[bytes]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with hub_here(tmp_path) as ready, client_at(tmp_path, ready) as client:
        token = sign_in(client, "lan")["token"]
        with monkeypatch.context() as spoilt:
            spoilt.setattr(AccountBook, "end", full)
            expect_logs("cannot be ended on the disk yet")
            for request in (4, 5):
                client.send("SIGNOUT", request=request, token=token)
            welcome = client.hello()
            assert (welcome["msg"], welcome.get("operator_id", "")) == ("WELCOME", "")
            assert client.ask("PING", n=1, sent=1)["msg"] == "PONG"
            wait_for("the disk has refused", lambda: "cannot be ended on the disk yet" in caplog.text)
        wait_for(
            "it is answered when the disk is well again",
            lambda: client.ask("SIGNOUT", request=6, token=token).get("code") == "signed_out",
        )
        book = AccountBook(tmp_path)
        wait_for("it is off the disk", lambda: book.sessions(time.time_ns()) == [])
        book.close()


def test_taking_the_key_away_signs_out(hub: HubProcess, client: WireClient, colleague: WireClient) -> None:
    with WireClient(hub.ready(), hub.keys("leaver")) as leaver:
        token = sign_in(leaver, "lan")["token"]
        revoke(hub.authorised, "leaver")

        def signed_out() -> bool:
            # Asked for on CTL: LIVE is being bound anew.
            events = [i["body"] for i in client.snapshot("timeline")[0]]
            return any((e["what"], e.get("actor"), e["target"]) == ("signed_out", "lan", "leaver") for e in events)

        wait_for("lan is signed out there", signed_out, timeout_s=5.0)
        colleague.token = token
        assert colleague.hello().get("operator_id", "") == ""


def test_a_hub_that_seats_people_lets_nobody_sign_in(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    with HubProcess(tmp_path, sign_in="seat") as hub, WireClient(hub.start(), hub.keys("desk-1")) as client:
        assert sign_in(client, "lan")["code"] == "not_here"
        welcome = client.hello()
        assert (welcome["operator_id"], welcome["name"], welcome["role"]) == ("op-ha", "Nguyễn Thu Hà", "operator")
        assert "claim" in welcome["grants"]


# --- secrets ---------------------------------------------------------------------------------------


def reveal(client: WireClient, what: str, target: str, reason: str = "gọi lại người dân") -> dict[str, Any]:
    return client.ask("REVEAL", request=9, what=what, target=target, reason=reason, token=client.token)


def test_a_secret_is_told_to_who_may_know_it_and_every_look_is_kept(tmp_path: Path) -> None:
    make_accounts(tmp_path)
    with HubProcess(tmp_path, sign_in="password", past_s=60) as hub:
        with WireClient(hub.start(), hub.keys("desk-1")) as client:
            assert reveal(client, "reporter", "PA-1")["code"] == "nobody_signed_in"
            sign_in(client, "ha")
            told = reveal(client, "reporter", "PA-1")
            assert told["values"] == {"name": "Người gửi PA-1", "phone": "0000 123 456"}
            assert reveal(client, "camera", "cam-1")["code"] == "not_allowed"
            assert reveal(client, "reporter", "PA-1", " ")["code"] == "bad_reason"
            assert reveal(client, "reporter", "PA-404")["code"] == "unknown"
            sign_in(client, "lan")
            assert reveal(client, "camera", "cam-1")["values"]["password"] == "secret of cam-1"
            assert reveal(client, "camera", "cam-2")["code"] == "unknown"
            for feed in ("reports", "cameras", "timeline", "config"):
                assert not {"0000 123 456", "secret of cam-1"} & set(str(client.snapshot(feed)[0]).split("'"))
            hub.stop()
        witness = Witness(tmp_path)
        looks = witness.looks()
        witness.close()
        assert [(k.person, k.what, k.target, k.outcome) for k in looks] == [
            ("", "reporter", "PA-1", "nobody_signed_in"),
            ("ha", "reporter", "PA-1", ""),
            ("ha", "camera", "cam-1", "not_allowed"),
            ("ha", "reporter", "PA-1", "bad_reason"),
            ("ha", "reporter", "PA-404", "unknown"),
            ("lan", "camera", "cam-1", ""),
            ("lan", "camera", "cam-2", "unknown"),
        ]
        assert (looks[1].station, looks[1].role, looks[1].reason) == ("desk-1", "operator", "gọi lại người dân")
        for path in (*tmp_path.glob("hub.db*"), tmp_path / "hub.log", tmp_path / "witness.db"):
            for secret in ("Người gửi PA-1", "0000 123 456", "secret of cam-1"):
                assert secret.encode() not in path.read_bytes(), path.name


def test_no_audit_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs) -> None:
    make_accounts(tmp_path)

    def full(self: Witness, look: Look) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with hub_here(tmp_path) as ready, client_at(tmp_path, ready) as client:
        sign_in(client, "ha")
        assert reveal(client, "reporter", "PA-1")["values"], "the control: with its audit it is told"
        monkeypatch.setattr(Witness, "looked", full)
        expect_logs("cannot be kept, so it is not answered")
        assert reveal(client, "reporter", "PA-1") == {"msg": "REVEALED", "request": 9, "code": "not_kept"}


# --- sign-in and the loop --------------------------------------------------------------------------


def widest_beat_gap_s(ready: Any, folder: Path, watching: threading.Event, stop: threading.Event) -> float:
    """Of the heartbeats at desk-2 until `stop`, and one more; `watching` is set at the first."""
    with client_at(folder, ready, "desk-2") as watcher:
        watcher.until_live(b"1/hb/")
        watching.set()
        seen_s, widest_s, last = time.monotonic(), 0.0, False
        while not last:
            last = stop.is_set()
            watcher.until_live(b"1/hb/")
            widest_s = max(widest_s, time.monotonic() - seen_s)
            seen_s = time.monotonic()
        return widest_s


@pytest.mark.parametrize("in_the_loop", [False, True], ids=["by the clerk", "control: in the loop"])
def test_a_slow_hash_delays_no_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs, in_the_loop: bool
) -> None:
    make_accounts(tmp_path)
    slow = threading.Event()

    def slowly(self: AccountBook, person: str, secret: str) -> None:
        slow.wait(2.5)

    monkeypatch.setattr(AccountBook, "check", slowly)
    if in_the_loop:
        from backends.hub.clerk import OFFICE, Clerk

        def now(self: Clerk, station: str, routing_id: bytes, job: Any, thread: str = OFFICE) -> bool:
            self._waiting[thread, station] += 1
            self._run(thread, station, routing_id, job)
            return True

        monkeypatch.setattr(Clerk, "take", now)
    expect_logs("was refused")
    watching, stop = threading.Event(), threading.Event()
    widest: list[float] = []
    with hub_here(tmp_path) as ready, client_at(tmp_path, ready) as client:
        thread = threading.Thread(target=lambda: widest.append(widest_beat_gap_s(ready, tmp_path, watching, stop)))
        thread.start()
        assert watching.wait(20)
        assert sign_in(client, "ha")["code"] == "refused"
        stop.set()
        thread.join()
    assert (widest[0] > 2.0) is in_the_loop, f"{widest[0]:.2f} s"


def test_what_a_person_looks_after_ends_with_the_session(tmp_path: Path) -> None:
    """Else it would be nobody's, and yet somebody's on paper. A hub of its own: it is her last session that counts."""
    make_accounts(tmp_path)
    with (
        HubProcess(tmp_path, sign_in="password", stations=("desk-1", "desk-2")) as hub,
        WireClient(hub.start(), hub.keys("desk-1")) as client,
        WireClient(hub.ready(), hub.keys("desk-2")) as colleague,
    ):

        def person() -> dict[str, Any]:
            found = (i["body"] for i in colleague.snapshot("roster")[0] if i["id"] == "ha")
            return next(found, {})

        sign_in(client, "ha")
        wait_for("she is on the roster", lambda: person().get("station_id") == "desk-1")
        ack = client.act("cover-1", "cover", "ha", person().get("rev", 1), feed="roster", args={"sectors": "flood"})[-1]
        assert ack["stage"] == "applied", ack
        assert person()["sectors"] == ["flood"]
        assert client.ask("SIGNOUT", request=9, token=client.token)["code"] == "signed_out"
        wait_for("it is every desk's again", lambda: "sectors" not in person())
