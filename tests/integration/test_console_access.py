"""The whole console against a real hub with accounts: sign-in, roles against verbs, hand-over, reveal, ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.feed_rig import Glass, LocalFeed, real_settings
from helpers.hub_people import PEOPLE, SECRET, make_accounts
from helpers.hub_process import HubProcess
from helpers.waiting import wait_for

from backends.domain.access import GRANTS, AccessAnswer, AccountsTold, AccountWish, Grant, Revealed
from backends.domain.action import REPORT_VERBS, Stage, Verb
from backends.domain.feeds import LinkState
from backends.domain.limits import day_of
from backends.domain.people import Role
from backends.domain.ports import ActionRefused
from backends.domain.times import NS_PER_S
from backends.hub.accounts import AccountBook
from backends.hub.alarm_acts import ALARM_VERBS

Made = Callable[..., LocalFeed]
CALL = {"category": "flood", "title": "Ngập", "channel": "hotline"}
RULE = '{"kind": "sla", "id": "flood", "category": "flood", "name": {"vi": "Ngập nước"}, "hours": 2}'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    make_accounts(tmp_path / "hub")
    with HubProcess(tmp_path / "hub", sign_in="password") as made:
        made.start()
        yield made


@pytest.fixture
def console(tmp_path: Path, hub: HubProcess) -> Iterator[Made]:
    feeds: dict[str, LocalFeed] = {}

    def make(station: str = "desk-1") -> LocalFeed:
        if station in feeds:
            feeds.pop(station).stop()
        hub.keys(station)
        feeds[station] = LocalFeed(real_settings(hub, tmp_path / station, station))
        feeds[station].start()
        return feeds[station]

    yield make
    for feed in feeds.values():
        feed.stop()


def signed_in(feed: LocalFeed, role: Role = Role.OPERATOR, secret: str = SECRET) -> Glass:
    glass = Glass(feed.drain)
    glass.until(lambda g: g.up() and g.live() and any(isinstance(d, Grant) and d.sign_in for d in g.all), 20.0)
    answer = glass.answer(feed.sign_in(PEOPLE[role][0], secret), AccessAnswer)
    assert answer.code == ""
    return glass


@pytest.mark.parametrize("role", list(Role))
def test_every_role_against_every_verb_from_the_console(hub: HubProcess, console: Made, role: Role) -> None:
    feed = console()
    glass = signed_in(feed, role)
    assert feed.core.access.grant.role is role
    alarm = glass.items["alarms"][glass.ids()[0]]
    for verb in Verb:
        target, state_rev, where, args = alarm.id, 0, "alarms", {}
        if verb is Verb.COMMENT:
            args = {"text": "đã gọi"}
        elif verb is Verb.SHELVE:
            args = {"until_ns": str(feed.core.clock.now_ns() + 600 * NS_PER_S), "reason": "thử"}
        elif verb is Verb.STEP:
            args = {"step": "call", "state": "done"}
        elif verb is Verb.OUT_OF_SERVICE:
            args = {"reason": "bảo trì"}
        elif verb is Verb.PUSH_LAYOUT:
            target, where = "wall-b", "layouts"
            args = {"name_vi": "B", "name_en": "B", "toml": 'id = "wall-b"\n'}
        elif verb is Verb.LOG:
            target, where, args = "", "timeline", {"text": "đã gọi"}
        elif verb in (Verb.HAND_OVER, Verb.TAKE_OVER):
            target, where = "new", "handovers"
        elif verb is Verb.COVER:
            target, where, args = "ha", "roster", {"areas": "", "sectors": ""}
        elif verb is Verb.INTAKE:
            target, where, args = "new-1", "reports", CALL
        elif verb in REPORT_VERBS and verb not in ALARM_VERBS:
            target, where = "PA-0", "reports"  # there is none: a conflict
        elif verb is Verb.CONFIGURE:
            target, where = "flood", "config"
            args = {"json": RULE, "valid_from": day_of(feed.core.clock.now_ns()), "reason": "họp giao ban"}
        if verb.value not in {right.value for right in GRANTS[role]}:
            with pytest.raises(ActionRefused) as refused:
                feed.submit(verb, where, target, state_rev, args)
            assert refused.value.code == "not_allowed"
            continue
        aid = feed.submit(verb, where, target, state_rev, args)
        glass.until(lambda g, aid=aid: g.stages.get(aid, [Stage.QUEUED])[-1].final, 15.0)
        last = next(d for d in reversed(glass.all) if getattr(getattr(d, "action", None), "aid", "") == aid)
        assert last.stage in (Stage.APPLIED, Stage.CONFLICT), (verb, last)  # type: ignore[union-attr]
        assert last.person == PEOPLE[role][0]  # type: ignore[union-attr]


def test_a_wrong_secret_waits_and_a_right_one_acts_under_its_own_name(hub: HubProcess, console: Made) -> None:
    feed = console()
    glass = Glass(feed.drain)
    glass.until(lambda g: g.up() and g.live(), 20.0)
    codes = []
    for n in range(4):
        answer = glass.answer(feed.sign_in("ha", f"sai {n}"), AccessAnswer)
        codes.append(answer.code)
    assert codes[0] == "refused"
    assert codes[-1] == "wait"
    assert answer.retry_s > 0
    colleague = console("desk-2")
    glass = signed_in(colleague)
    target = glass.items["alarms"][glass.ids()[0]]
    aid = colleague.submit(Verb.CLAIM, "alarms", target.id, target.state_rev)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []))
    glass.until(lambda g: g.items["alarms"][target.id].holder_id == "ha")


def test_a_session_outlives_a_killed_hub_and_waiting_clicks_keep_their_name(hub: HubProcess, console: Made) -> None:
    feed = console()
    glass = signed_in(feed)
    target = glass.items["alarms"][glass.ids()[0]]
    hub.kill()
    glass.until(lambda g: g.link is not None and g.link.state is LinkState.DOWN)
    aid = feed.submit(Verb.CLAIM, "alarms", target.id, target.state_rev)
    feed.lock()
    answer = glass.answer(feed.sign_in("lan", SECRET), AccessAnswer)
    assert answer == AccessAnswer(answer.request, "no_offline")
    assert glass.answer(feed.sign_in("ha", SECRET), AccessAnswer).code == ""
    hub.start()
    glass.until(lambda g: Stage.APPLIED in g.stages.get(aid, []), 30.0)
    glass.until(lambda g: g.items["alarms"][target.id].holder_id == "ha", 15.0)


def test_hand_over_at_a_real_hub(hub: HubProcess, console: Made) -> None:
    feed = console()
    glass = signed_in(feed)
    target = glass.items["alarms"][glass.ids()[0]]
    first = feed.submit(Verb.CLAIM, "alarms", target.id, target.state_rev)
    feed.lock()
    glass.answer(feed.sign_in("lan", SECRET), AccessAnswer)
    assert feed.core.access.grant.role is Role.SHIFT_LEAD
    glass.until(lambda g: Stage.APPLIED in g.stages.get(first, []))
    second = feed.submit(Verb.RELEASE, "alarms", target.id, 0)
    glass.until(lambda g: Stage.APPLIED in g.stages.get(second, []), what="a shift lead gives back another's claim")


def test_a_reporter_is_told_to_a_right_with_a_reason(hub: HubProcess, console: Made) -> None:
    feed = console()
    glass = signed_in(feed)
    shown = glass.answer(feed.reveal("reporter", "PA-1", "gọi lại"), Revealed)
    assert (shown.code, shown.values) == ("", {"name": "Người gửi PA-1", "phone": "0000 123 456"})
    refused = glass.answer(feed.reveal("camera", "cam-1", "xem"), Revealed)
    assert refused.code == "not_allowed"


def test_accounts_are_managed_from_a_station_and_no_password_stays_there(
    hub: HubProcess, console: Made, tmp_path: Path
) -> None:
    feed = console()
    glass = signed_in(feed, Role.ADMIN)
    new = AccountWish("add", "mai", name="Trần Thị Mai", role="operator")
    made = glass.answer(feed.accounts(new), AccountsTold)
    assert (made.code, made.wish.person) == ("", "mai")
    assert "mai" in {one.id for one in made.accounts}
    own = AccountWish("own", rev=1, secret="một mật khẩu khác", old="not this one at all")
    refused = glass.answer(feed.accounts(own), AccountsTold)
    assert refused.code in ("wrong_secret", "changed")
    assert (refused.wish.secret, refused.wish.old) == ("", "")
    feed.lock()
    locked = glass.answer(feed.accounts(AccountWish()), AccountsTold)
    assert (locked.code, locked.accounts) == ("locked", ())
    hub.kill()
    glass.until(lambda g: g.link is not None and g.link.state is LinkState.DOWN)
    glass.answer(feed.sign_in("tuan", SECRET), AccessAnswer)
    offline = glass.answer(feed.accounts(AccountWish("disable", "ha", 1)), AccountsTold)
    assert offline.code == "offline"

    def kept() -> bytes:
        return b"".join(path.read_bytes() for path in (tmp_path / "desk-1").rglob("*") if path.is_file())

    wait_for("what was done is in the station's audit", lambda: b"account_add" in kept())
    assert not any(secret.encode() in kept() for secret in (made.secret, own.secret, own.old))


def test_a_disabled_account_is_out_with_its_next_click(hub: HubProcess, console: Made) -> None:
    feed = console()
    glass = signed_in(feed)
    book = AccountBook(hub.folder)
    book.set_disabled("ha", True)
    book.close()
    target = glass.items["alarms"][glass.ids()[0]]

    def clicked() -> bool:
        """The hub looks at its accounts once a second."""
        if feed.core.access.grant.operator_id:
            aid = feed.submit(Verb.COMMENT, "alarms", target.id, 0, {"text": "đã gọi"})
            glass.until(lambda g: g.stages.get(aid, [Stage.QUEUED])[-1].final)
        return not feed.core.access.grant.operator_id

    wait_for("the session is over", clicked, 15.0)
    with pytest.raises(ActionRefused, match="nobody_signed_in"):
        feed.submit(Verb.CLAIM, "alarms", "x", 0)
