"""The page of accounts: asked of the hub, each thing in a few Enters, and no password that stays anywhere."""

from __future__ import annotations

import msgspec
import pytest
from helpers.page_hands import become, enter, page_of, titles
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room
from PySide6.QtWidgets import QLineEdit

from backends.domain.access import AccountSeen, AccountWish
from backends.domain.people import Role
from widgets.i18n import tr
from widgets.pages.accounts import AGAIN_S, SHOWN_S
from widgets.windows.page import Page

change = msgspec.structs.replace
OWN = AccountSeen("op-thuha", "Nguyễn Thu Hà", "admin", 4, stations=("desk-1",), t_signed_in_ns=1)
LAN = AccountSeen("lan", "Lê Ngọc Lan", "shift_lead", 7)
SON = AccountSeen("son", "Phạm Sơn", "trainer", 2, wait_s=600.0)
SECRET = "k7mq-h2wd-9xpt-c4ne"
MINE = "con đường nhỏ bên sông"


@pytest.fixture
def sample(sample: SampleSession) -> SampleSession:
    return become(sample, Role.ADMIN)


def opened(room: Room, *accounts: AccountSeen) -> Page:
    page = page_of(room, "accounts")
    assert room.sample.access.asked[-1] == ("accounts", "list", "")
    tell(room, *accounts)
    return page


def tell(room: Room, *accounts: AccountSeen, code: str = "", secret: str = "") -> None:
    room.sample.access.tell_accounts(*accounts, code=code, secret=secret)
    room.sample.deliver()


def wished(room: Room) -> AccountWish:
    return room.sample.access.wishes[-1]


def test_who_there_is_how_they_are_and_ones_own_first(room: Room) -> None:
    page = opened(room, LAN, OWN, SON)
    assert titles(page) == ["Nguyễn Thu Hà", "Lê Ngọc Lan", "Phạm Sơn", tr("accounts.new")]
    states = {row.key[1]: row.state for row in page.rows if row.key[0] == "account"}
    assert states["lan"] == tr("accounts.never")
    assert states["son"] == tr("accounts.locked_out", time="10 phút")
    room.type("truong ca")
    assert titles(page) == ["Lê Ngọc Lan"]


def test_whoever_may_not_see_others_has_his_own_row(room: Room, sample: SampleSession) -> None:
    become(sample, Role.OPERATOR)
    page = opened(room, change(OWN, role="operator"))
    assert titles(page) == ["Nguyễn Thu Hà"]
    enter(room, page)
    assert titles(page) == [tr("accounts.act.own")]


@pytest.mark.parametrize("code", ["not_here", "offline", "no_answer", "no_feeder"])
def test_where_nothing_is_told_it_says_why(room: Room, code: str) -> None:
    page = page_of(room, "accounts")
    tell(room, code=code)
    assert page.nothing("") == tr(f"accounts.why.{code}")


def test_a_new_person_gets_a_password_that_is_shown_for_a_while(room: Room, sample: SampleSession) -> None:
    page = opened(room, OWN)
    page.field.setText("")
    room.key(Key.Key_End, Key.Key_Down, Key.Key_Down)
    enter(room, page)
    enter(room, page, "Trần Thị Mai")
    assert page.field.text() == "mai", "what most would call it"
    enter(room, page, "mai.tran")
    room.type("truc ban")
    enter(room, page)
    assert wished(room) == AccountWish("add", "mai.tran", name="Trần Thị Mai", role="operator")
    mai = AccountSeen("mai.tran", "Trần Thị Mai", "operator", t_temp_ns=sample.clock.now_ns() + 10**12)
    tell(room, OWN, mai, secret=SECRET)
    assert page.said == tr("accounts.done.add")
    assert page.rows[0].title == SECRET
    assert page.rows[0].place == "Trần Thị Mai"
    sample.clock.advance_s(SHOWN_S + 1)
    page.on_second()
    assert SECRET not in titles(page)
    assert SECRET not in str(sample.session.memory.all())


def test_a_lock_takes_the_password_off_the_screen_at_once(room: Room, sample: SampleSession) -> None:
    page = opened(room, OWN, LAN)
    room.type("lan")
    enter(room, page)
    enter(room, page)
    assert wished(room).act == "list", "another Enter is needed"
    enter(room, page)
    assert wished(room) == AccountWish("secret", "lan", 7)
    tell(room, OWN, LAN, secret=SECRET)
    page.field.setText("")
    assert titles(page)[0] == SECRET
    sample.city.apply([change(sample.city.grant, locked=True)])
    assert SECRET not in titles(page)


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        ("doi vai tro", AccountWish("role", "son", 2, role="admin")),
        ("ngung su dung", AccountWish("disable", "son", 2)),
        ("mo khoa", AccountWish("unlock", "son", 2)),
    ],
)
def test_each_act_carries_the_account_as_it_was_seen(room: Room, typed: str, wish: AccountWish) -> None:
    page = opened(room, OWN, SON)
    room.type("son")
    enter(room, page)
    page.field.setText(typed)
    enter(room, page)
    if wish.act == "role":
        page.field.setText("quan tri")
    if wish.act != "unlock":
        enter(room, page)
    assert wished(room) == wish
    tell(room, code="changed")
    assert page.said == tr("accounts.why.changed")
    assert room.sample.access.asked[-1] == ("accounts", "list", ""), "it looks at them again"


def test_ones_own_password_is_hidden_and_kept_nowhere(room: Room, sample: SampleSession) -> None:
    page = opened(room, OWN)
    enter(room, page)
    enter(room, page)
    assert page.field.echoMode() is QLineEdit.EchoMode.Password
    enter(room, page, "the old one")
    enter(room, page, "short")
    assert page.said == tr("accounts.why.bad_secret")
    enter(room, page, MINE)
    enter(room, page, MINE + "!")
    assert page.said == tr("accounts.why.differ")
    enter(room, page, MINE)
    assert wished(room) == AccountWish("own", "op-thuha", 4, secret=MINE, old="the old one")
    assert (page.field.echoMode(), page.field.text()) == (QLineEdit.EchoMode.Normal, "")
    assert MINE not in repr(wished(room))
    assert not any(MINE in value for value in sample.session.memory.all().values())
    tell(room, OWN)
    assert sample.access.asked[-1] == ("sign_out",), "every session of the old one is over"


def test_the_list_is_asked_for_again_while_it_is_looked_at(room: Room, sample: SampleSession) -> None:
    page = opened(room, OWN)
    asked = len(sample.access.asked)
    page.on_second()
    assert len(sample.access.asked) == asked
    sample.clock.advance_s(AGAIN_S)
    page.on_second()
    assert sample.access.asked[asked:] == [("accounts", "list", "")]


def test_who_signs_in_by_a_given_password_is_told_to_set_his_own(sample: SampleSession, room: Room) -> None:
    told: list[str] = []
    sample.session.notices.toldDesk.connect(told.append)
    sample.access.signed_by_given_secret()
    sample.deliver()
    assert told == [tr("access.set_own")]
