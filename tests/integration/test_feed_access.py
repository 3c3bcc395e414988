"""Signing in, out and over, lock, offline verifiers and reveals: a whole console on real sockets, a fake hub."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.fake_hub import Account, FakeHub, alarm
from helpers.feed_rig import FeederProcess, Glass, LocalFeed, feed_settings
from helpers.feed_waits import ExpectLogs, wait_until

from backends.domain.access import GRANTS, AccessAnswer, Grant, Revealed
from backends.domain.action import Stage, Verb
from backends.domain.feeds import LinkState
from backends.domain.people import Role
from backends.domain.ports import ActionRefused
from backends.link.ports import BlobDone
from backends.protocol.messages import Act, Hello, Signed, SignOut
from backends.store.schema import OPS_FILE
from console.feed_access import FOLDER

SECRET = "Mật khẩu của Hà 2026"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub()
    made.seat = ""
    made.accounts = {
        "ha": Account(SECRET, name="Nguyễn Thu Hà"),
        "minh": Account("bí mật của Minh", Role.SHIFT_LEAD, "Trần Văn Minh"),
    }
    made.start()
    yield made
    made.stop()


class Desk:
    """A console and what its screen has heard."""

    def __init__(self, feed: LocalFeed) -> None:
        self.feed = feed
        self.glass = Glass(feed.drain)

    @property
    def grants(self) -> list[Grant]:
        return [d for d in self.glass.look().all if isinstance(d, Grant)]

    @property
    def grant(self) -> Grant:
        return self.grants[-1]

    def answer(self, request: int, timeout_s: float = 10.0) -> AccessAnswer:
        return self.glass.answer(request, AccessAnswer, timeout_s)

    def shown(self, request: int) -> Revealed:
        return self.glass.answer(request, Revealed)

    def sign_in(self, person: str = "ha", secret: str = SECRET) -> AccessAnswer:
        return self.answer(self.feed.sign_in(person, secret))

    def until_link(self, state: LinkState, timeout_s: float = 15.0) -> None:
        self.glass.until(lambda g: g.link is not None and g.link.state is state, timeout_s)


Made = Callable[..., Desk]


@pytest.fixture
def desk(tmp_path: Path, hub: FakeHub) -> Iterator[Made]:
    feeds: list[LocalFeed] = []

    def make(folder: str = "console", **settings: Any) -> Desk:
        for old in feeds:
            old.stop()
        feed = LocalFeed(feed_settings(hub, tmp_path / folder, **settings))
        feeds.append(feed)
        feed.start()
        return Desk(feed)

    yield make
    for feed in feeds[-1:]:
        feed.stop()


def signed_in(desk: Made, person: str = "ha", secret: str = SECRET) -> Desk:
    made = desk()
    made.until_link(LinkState.UP)
    made.glass.until(lambda g: any(isinstance(d, Grant) and d.sign_in for d in g.all))
    assert made.sign_in(person, secret).code == ""
    return made


def kept(feed: LocalFeed) -> list[Path]:
    return sorted((Path(feed.core.settings.data_dir) / FOLDER).glob("*.verifier"))


# -- at the hub --------------------------------------------------------------------------------------------------


def test_a_person_signs_in_acts_under_the_session_and_signs_out(hub: FakeHub, desk: Made) -> None:
    made = desk()
    made.until_link(LinkState.UP)
    with pytest.raises(ActionRefused) as refused:
        made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    assert refused.value.code == "nobody_signed_in"
    assert made.sign_in("ha", "sai").code == "refused"
    assert made.sign_in("nobody", SECRET).code == "refused"
    assert made.sign_in().code == ""
    assert (made.grant.name, made.grant.role, made.grant.offline) == ("Nguyễn Thu Hà", Role.OPERATOR, False)
    aid = made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    assert hub.applied_by == {aid: "ha"}
    assert made.answer(made.feed.sign_out()).code == ""
    assert not made.grant.operator_id
    wait_until(lambda: any(isinstance(m, SignOut) for m in hub.asked) and not hub.sessions)
    with pytest.raises(ActionRefused):
        made.feed.submit(Verb.CLAIM, "alarms", "a2", 1)


def test_where_the_hub_seats_people_nobody_signs_in(hub: FakeHub, desk: Made) -> None:
    hub.seat = "ha"
    made = desk()
    made.glass.until(lambda g: any(isinstance(d, Grant) and d.operator_id for d in g.all))
    assert (made.grant.name, made.grant.sign_in) == ("Nguyễn Thu Hà", False)
    aid = made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    assert made.sign_in("minh", "bí mật của Minh").code == "not_here"
    assert made.answer(made.feed.sign_out()).code == "not_here"
    made.feed.lock()
    with pytest.raises(ActionRefused, match="locked"):
        made.feed.submit(Verb.CLAIM, "alarms", "a2", 1)
    assert made.sign_in("", "").code == "", "a seat has no secret"
    assert not made.grant.locked
    hub.stop()
    made = desk()
    assert made.grant.name == "Nguyễn Thu Hà", "the seat is remembered without the hub"


def test_hand_over_without_restart_keeps_both_names(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    hub.acks = False
    first = made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    wait_until(lambda: hub.acted)
    made.feed.lock()
    assert made.grant.locked
    assert made.sign_in("minh", "bí mật của Minh").code == ""
    assert (made.grant.operator_id, made.grant.locked) == ("minh", False)
    second = made.feed.submit(Verb.CLAIM, "alarms", "a2", 1)
    hub.acks = True
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(second, []) and g.stages[first][-1].final, 15.0)
    assert hub.applied_by == {first: "ha", second: "minh"}
    wait_until(lambda: set(hub.sessions.values()) == {"minh"}, 15.0)


def test_a_click_of_a_person_who_is_gone_never_takes_anothers_name(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    hub.stop()
    made.until_link(LinkState.DOWN)
    aid = made.feed.submit(Verb.COMMENT, "alarms", "a1", 0, {"text": "đã gọi"})
    made.glass.until(lambda g: aid in g.stages)
    made.feed.stop()  # the token goes with the process
    hub.start()
    made = desk()
    made.until_link(LinkState.UP)
    assert made.sign_in("minh", "bí mật của Minh").code == ""
    made.glass.until(lambda g: g.stages.get(aid, [None])[-1] is Stage.REFUSED)
    assert hub.applied_by == {}
    assert {m.token for m in hub.asked if isinstance(m, Act)} <= {""}, "asked for at most, under nobody's session"


def test_after_a_restart_the_same_person_sends_his_own_clicks(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    down(made, hub)
    aid = made.feed.submit(Verb.COMMENT, "alarms", "a1", 0, {"text": "đã gọi"})
    made.glass.until(lambda g: aid in g.stages)
    hub.start()
    made = desk()  # the token went with the process, the person's name did not
    made.until_link(LinkState.UP)
    assert made.sign_in().code == ""
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []), 15.0)
    assert hub.applied_by == {aid: "ha"}


def test_a_session_that_the_hub_ends_is_over_here_too(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    hub.sessions.clear()
    hub.stop()
    hub.start()
    made.glass.until(lambda g: isinstance(made.feed.core.access.grant, Grant) and not made.grant.operator_id, 20.0)
    with pytest.raises(ActionRefused, match="nobody_signed_in"):
        made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    assert made.grant.sign_in


def test_a_session_ends_at_its_time(hub: FakeHub, desk: Made) -> None:
    hub.accounts["ha"].session_s = 1.0
    made = signed_in(desk)
    made.glass.until(lambda g: not made.grant.operator_id)


@pytest.mark.parametrize("role", list(Role))
def test_every_role_against_every_verb_at_the_console(hub: FakeHub, desk: Made, role: Role) -> None:
    hub.accounts["x"] = Account("x", role)
    hub.put("alarms", alarm(1))
    made = signed_in(desk, "x", "x")
    granted = {right.value for right in GRANTS[role]}
    for verb in Verb:
        feed = "layouts" if verb is Verb.PUSH_LAYOUT else "alarms"
        if verb.value in granted:
            aid = made.feed.submit(verb, feed, f"t-{verb}", 0)
            made.glass.until(lambda g, aid=aid: Stage.APPLIED in g.stages.get(aid, []))
        else:
            with pytest.raises(ActionRefused) as refused:
                made.feed.submit(verb, feed, f"t-{verb}", 0)
            assert refused.value.code == "not_allowed"
    acted = {act.action.verb.value for act in hub.acted}
    assert acted == granted & {verb.value for verb in Verb}, "what is not allowed does not even reach the hub"
    made.feed.core.alarms.set("gaps", True, 5)
    if "acknowledge" not in granted:
        with pytest.raises(ActionRefused):
            made.feed.submit(Verb.ACKNOWLEDGE, "local", "local:gaps", 0)


def test_a_locked_console_shows_alarms_and_takes_no_action(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    made.feed.lock()
    hub.put("alarms", alarm(1))
    made.glass.until(lambda g: g.ids() == ["a1"])
    for verb in Verb:
        with pytest.raises(ActionRefused) as refused:
            made.feed.submit(verb, "alarms", "a1", 0)
        assert refused.value.code == "locked"
    assert made.shown(made.feed.reveal("reporter", "PA-1", "x")).code == "locked"
    assert hub.acted == []
    assert made.sign_in("ha", "sai").code == "refused"
    assert made.grant.locked
    assert made.sign_in().code == ""
    assert not made.grant.locked
    made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)


# -- without the hub ---------------------------------------------------------------------------------------------


def down(made: Desk, hub: FakeHub) -> None:
    hub.stop()
    made.until_link(LinkState.DOWN)


def test_offline_sign_in_gives_the_same_role_and_sends_after_the_next_sign_in(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    hub.stop()
    made = desk()
    assert made.grant.sign_in
    assert made.sign_in("ha", "sai").code == "refused"
    assert made.sign_in("minh", "bí mật của Minh").code == "no_offline"
    assert made.sign_in().code == ""
    assert (made.grant.operator_id, made.grant.role, made.grant.offline) == ("ha", Role.OPERATOR, True)
    aid = made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    with pytest.raises(ActionRefused, match="not_allowed"):
        made.feed.submit(Verb.PUSH_LAYOUT, "layouts", "l", 0)
    assert made.shown(made.feed.reveal("reporter", "PA-1", "x")).code == "offline"
    hub.sessions.clear()
    hub.start()
    made.until_link(LinkState.UP)
    wait_until(lambda: any(isinstance(m, Hello) for m in hub.asked))
    assert (made.grant.operator_id, made.grant.offline) == ("ha", True), "who signed in here stays"
    assert hub.acted == []
    assert made.sign_in().code == ""
    assert not made.grant.offline
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    assert hub.applied_by == {aid: "ha"}


def test_who_is_disabled_at_the_hub_is_not_let_in_without_it_either(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    assert made.answer(made.feed.sign_out()).code == ""
    hub.accounts["ha"].disabled = True
    assert made.sign_in().code == "disabled"
    wait_until(lambda: not kept(made.feed))
    down(made, hub)
    assert made.sign_in().code == "no_offline"

    def audited() -> list[tuple[str, ...]]:
        with sqlite3.connect(Path(made.feed.core.settings.data_dir) / OPS_FILE) as db:
            rows = db.execute("SELECT what, target FROM audit WHERE detail = 'disabled' ORDER BY n").fetchall()
        db.close()
        return rows

    wait_until(lambda: len(audited()) == 2)
    assert audited() == [("sign_in_refused", "ha"), ("verifier_deleted", "ha")]


def test_a_locked_session_is_unlocked_without_the_hub_and_goes_on(hub: FakeHub, desk: Made) -> None:
    hub.accounts["ha"].offline_s = 0.0
    made = signed_in(desk)
    made.feed.lock()
    down(made, hub)
    assert made.sign_in("ha", "sai").code == "refused"
    assert made.sign_in().code == ""
    assert (made.grant.locked, made.grant.offline) == (False, False)
    assert kept(made.feed) == [], "who may not sign in offline is not on the disk"
    aid = made.feed.submit(Verb.CLAIM, "alarms", "a1", 1)
    hub.start()
    made.glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []), 15.0)
    assert hub.applied_by == {aid: "ha"}


def test_a_hub_that_beats_but_does_not_answer_counts_as_away(hub: FakeHub, desk: Made) -> None:
    made = desk()
    made.until_link(LinkState.UP)
    assert made.sign_in().code == ""
    wait_until(lambda: kept(made.feed))
    made.feed.core._link._machine.access.sign_ins._lives_s = 1.0  # type: ignore[union-attr]
    made.feed.lock()
    hub.answer_filter = lambda answer: [] if isinstance(answer, Signed) else [answer]
    assert made.sign_in("minh", "bí mật của Minh").code == "no_answer", "nothing is kept for him"
    assert made.sign_in().code == ""
    assert (made.grant.locked, made.grant.offline) == (False, False), "his own session goes on"


def test_what_is_kept_is_for_this_user_this_station_and_holds_no_secret(
    hub: FakeHub, desk: Made, tmp_path: Path, expect_logs: ExpectLogs
) -> None:
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    (file,) = kept(made.feed)
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    token = next(iter(hub.sessions))
    made.feed.stop()
    for path in (p for p in (tmp_path / "console").rglob("*") if p.is_file()):
        raw = path.read_bytes()
        assert SECRET.encode() not in raw, path
        assert token.encode() not in raw, path
    # A copy in another station's folder, which has other keys.
    other = tmp_path / "other" / FOLDER
    other.mkdir(parents=True)
    shutil.copy(file, other / file.name)
    hub.stop()
    expect_logs("another station")
    made = desk("other")
    assert made.sign_in().code == "foreign"
    assert not made.feed.core.access.grant.operator_id


def test_a_changed_profile_lets_nobody_in(hub: FakeHub, desk: Made, expect_logs: ExpectLogs) -> None:
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    (file,) = kept(made.feed)
    down(made, hub)
    made.answer(made.feed.sign_out())
    raw = file.read_bytes()
    file.write_bytes(raw.replace(b'"operator"', b'"shift_lead"'))
    assert file.read_bytes() != raw
    expect_logs("was changed")
    assert made.sign_in().code == "foreign"


def test_a_profile_expires(hub: FakeHub, desk: Made) -> None:
    hub.accounts["ha"].offline_s = 2.0
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    hub.stop()
    made = desk()
    wait_until(lambda: made.sign_in().code == "expired_here", 10.0)
    wait_until(lambda: not made.feed.core.access.grant.operator_id, what="who is in by it goes too")


def test_a_station_keeps_nobody_longer_than_a_week(hub: FakeHub, desk: Made) -> None:
    hub.accounts["ha"].offline_s = 1e9
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    until_ns = int(re.findall(rb'"t_until_ns":(\d+)', kept(made.feed)[0].read_bytes())[0])
    assert until_ns <= time.time_ns() + 7 * 86400 * 10**9


def test_without_the_seal_a_changed_profile_would_let_in(
    hub: FakeHub, desk: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: a role written into the file counts where the seal is not looked at."""
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    (file,) = kept(made.feed)
    down(made, hub)
    made.answer(made.feed.sign_out())
    file.write_bytes(file.read_bytes().replace(b'"operator"', b'"shift_lead"'))
    monkeypatch.setattr("console.sealed.hmac.compare_digest", lambda a, b: True)
    assert made.sign_in().code == ""
    assert made.feed.core.access.grant.role is Role.SHIFT_LEAD


def test_wrong_tries_wait_longer_and_a_restart_wins_nothing(hub: FakeHub, desk: Made) -> None:
    made = signed_in(desk)
    wait_until(lambda: kept(made.feed))
    hub.stop()
    made = desk()
    answers = [made.sign_in("ha", f"sai {n}") for n in range(5)]
    assert [a.code for a in answers] == ["refused"] * 3 + ["wait"] * 2
    assert answers[2].retry_s == 5.0
    assert made.sign_in().code == "wait", "the right one waits too"
    made = desk()
    answer = made.sign_in()
    assert answer.code == "wait"
    assert 0.0 < answer.retry_s <= 5.0


# -- reveal, blobs, anchors ----------------------------------------------------------------------------------------


def test_a_reporter_is_revealed_with_a_reason_and_not_after_a_lock(hub: FakeHub, desk: Made) -> None:
    hub.reporters["PA-1"] = {"name": "Lê Văn A", "phone": "0905 000 000"}
    made = signed_in(desk)
    assert made.shown(made.feed.reveal("reporter", "PA-1", "   ")).code == "bad_reason"
    assert made.shown(made.feed.reveal("camera", "cam-1", "xem")).code == "not_allowed"
    shown = made.shown(made.feed.reveal("reporter", "PA-1", "gọi lại"))
    assert shown.values == hub.reporters["PA-1"]
    assert "Lê" not in repr(shown)
    assert made.shown(made.feed.reveal("reporter", "PA-9", "gọi lại")).code == "unknown"
    hub.answer_filter = lambda answer: [made.feed.lock(), answer][1:] if "Revealed" in str(type(answer)) else [answer]
    late = made.shown(made.feed.reveal("reporter", "PA-1", "gọi lại"))
    assert (late.code, late.values) == ("locked", {}), "an answer that comes after the lock is not shown"


def test_blobs_and_anchors_on_real_sockets(hub: FakeHub, desk: Made) -> None:
    data = os.urandom(5000)
    sha = hashlib.sha256(data).hexdigest()
    hub.blobs[sha] = data
    made = signed_in(desk)
    got: list[BlobDone] = []
    made.feed.core.fetch_blob(sha, got.append)
    made.feed.core.fetch_blob("f" * 64, got.append)
    wait_until(lambda: len(got) == 2)
    assert {b.code: b.data for b in got} == {"": data, "unknown": b""}
    made.feed.core.anchor(7, "a" * 64)
    wait_until(lambda: (7, "a" * 64) in [anchor[:2] for anchor in hub.anchors])


# -- through the process -------------------------------------------------------------------------------------------


def test_sign_in_lock_and_hand_over_through_the_feeder_process(hub: FakeHub, tmp_path: Path) -> None:
    feeder = FeederProcess(feed_settings(hub, tmp_path / "console"))
    try:
        client = feeder.client()
        assert client.sign_in("ha", SECRET)
        glass = Glass(client.drain)
        glass.until(lambda g: any(isinstance(d, AccessAnswer) and d.code == "no_feeder" for d in g.all), what="at once")
        glass.until(lambda g: g.up())
        request = client.sign_in("ha", SECRET)
        glass.until(lambda g: AccessAnswer(request) in g.all)
        aid = client.submit(Verb.CLAIM, "alarms", "a1", 1)
        glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
        assert hub.applied_by == {aid: "ha"}
        client.lock()
        with pytest.raises(ActionRefused, match="locked"):
            client.submit(Verb.CLAIM, "alarms", "a1", 1)
        second = Glass(feeder.client().drain)
        second.until(lambda g: any(isinstance(d, Grant) and d.locked and d.name == "Nguyễn Thu Hà" for d in g.all))
        request = client.sign_in("minh", "bí mật của Minh")
        glass.until(lambda g: AccessAnswer(request) in g.all)
        second.until(lambda g: any(isinstance(d, Grant) and d.operator_id == "minh" for d in g.all))
        asked = client.reveal("reporter", "PA-9", "gọi lại")
        glass.until(lambda g: any(isinstance(d, Revealed) and d.request == asked for d in g.all))
        feeder.kill()
        wait_until(lambda: client._connection is None)
        assert SECRET not in feeder.log.read_text("utf-8", "replace")
    finally:
        feeder.stop()
