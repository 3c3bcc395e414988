"""Accounts at a real hub, by CTL: who sees whom, what an administrator does, one's own secret, and that none stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from helpers.hub_people import SECRET, client_at, hub_here, make_accounts, sign_in
from helpers.hub_process import WireClient
from helpers.waiting import wait_for

from backends.hub.accounting import GIVEN_NS
from backends.hub.accounts import AccountBook

OWN = "một mật khẩu của riêng tôi"


class Room:
    """A hub in this process, an administrator at desk-1 and a person at desk-2."""

    def __init__(self, folder: Path, admin: WireClient, other: WireClient) -> None:
        self.folder, self.admin, self.other = folder, admin, other
        self.n = 0

    def ask(self, client: WireClient, act: str = "list", person: str = "", **more: Any) -> dict[str, Any]:
        self.n += 1
        question = {"request": self.n, "act": act, "person": person, "token": client.token, **more}
        answer = client.ask("ACCOUNTS", **question)
        assert (answer["msg"], answer["request"]) == ("ACCOUNTED", self.n)
        return answer

    def do(self, act: str, person: str, **more: Any) -> dict[str, Any]:
        """The administrator does it to the account as it is now."""
        return self.ask(self.admin, act, person, rev=self.row(person).get("rev", 1), **more)

    def row(self, person: str) -> dict[str, Any]:
        return next((one for one in self.ask(self.admin)["accounts"] if one["id"] == person), {})


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    make_accounts(tmp_path)
    with (
        hub_here(tmp_path, sweep=False, events=False) as ready,
        client_at(tmp_path, ready) as admin,
        client_at(tmp_path, ready, "desk-2") as other,
    ):
        sign_in(admin, "tuan")
        yield Room(tmp_path, admin, other)


def test_who_sees_whom(room: Room, expect_logs: ExpectLogs) -> None:
    expect_logs("asked for accounts")
    assert room.ask(room.other)["code"] == "nobody_signed_in"
    seen = {}
    for role, person in (("operator", "ha"), ("shift_lead", "lan"), ("trainer", "son"), ("viewer", "khach")):
        sign_in(room.other, person)
        seen[role] = [one["id"] for one in room.ask(room.other)["accounts"]]
        assert room.ask(room.other, "disable", "khach", rev=1)["code"] == "not_allowed"
    assert seen == {
        "operator": ["ha"],
        "shift_lead": ["ha", "khach", "lan", "son", "tuan"],
        "trainer": ["son"],
        "viewer": ["khach"],
    }
    row = room.row("tuan")
    assert (row["role"], row["stations"], row["t_signed_in_ns"] > 0) == ("admin", ["desk-1"], True)


def test_a_new_person_signs_in_by_a_given_secret_and_sets_his_own(room: Room, expect_logs: ExpectLogs) -> None:
    expect_logs("was refused")
    made = room.ask(room.admin, "add", "mai", name="Trần Thị Mai", role="operator")
    assert {one["id"] for one in made["accounts"]} == {"ha", "khach", "lan", "mai", "son", "tuan"}
    row = room.row("mai")
    assert (row["name"], row["role"], row["t_temp_ns"]) == ("Trần Thị Mai", "operator", made["until"])
    signed = sign_in(room.other, "mai", made["secret"])
    assert (signed["operator_id"], signed["text"], signed.get("offline_s", 0.0)) == ("mai", "own_secret", 0.0)
    own = {"rev": row.get("rev", 1), "secret": OWN}
    assert room.ask(room.other, "own", old="not this one at all", **own)["code"] == "wrong_secret"
    assert room.ask(room.other, "own", old=made["secret"], rev=row.get("rev", 1), secret="mai")["code"] == "bad_secret"
    assert room.ask(room.other, "own", old=made["secret"], **own).get("code", "") == ""
    assert room.other.hello().get("operator_id", "") == "", "every session of the old secret is over"
    assert sign_in(room.other, "mai", made["secret"])["code"] == "refused"
    signed = sign_in(room.other, "mai", OWN)
    assert (signed["operator_id"], signed.get("text", "")) == ("mai", "")
    assert room.row("mai").get("t_temp_ns", 0) == 0


def test_a_given_secret_is_good_for_a_day(room: Room, expect_logs: ExpectLogs) -> None:
    expect_logs("was refused")
    given = room.do("secret", "ha")
    book = AccountBook(room.folder)
    with book.transaction():
        book._db.execute("UPDATE account SET t_temp=t_temp-? WHERE id='ha'", (GIVEN_NS,))
    book.close()
    assert sign_in(room.other, "ha", given["secret"])["code"] == "expired"
    assert sign_in(room.other, "ha", "not this one at all")["code"] == "refused"


def test_disabled_enabled_and_with_another_role(room: Room) -> None:
    sign_in(room.other, "lan")
    assert room.do("role", "lan", role="trainer").get("code", "") == ""
    assert room.other.hello()["role"] == "trainer", "the role counts at once"
    assert room.do("disable", "lan").get("code", "") == ""
    assert room.other.hello().get("operator_id", "") == ""
    assert sign_in(room.other, "lan")["code"] == "disabled"
    assert room.row("lan")["disabled"]
    assert room.do("enable", "lan").get("code", "") == ""
    assert sign_in(room.other, "lan")["operator_id"] == "lan"

    def told() -> list[tuple[str, str, str, str]]:
        events = [item["body"] for item in room.admin.snapshot("timeline")[0]]
        return [
            (e["what"], e["target"], e["actor"], e["text"]["vi"]) for e in events if e["what"].startswith("account_")
        ]

    wait_for("all three are on the timeline", lambda: len(told()) == 3)
    assert told() == [
        ("account_role", "lan", "tuan", "Lê Ngọc Lan · trainer"),
        ("account_disabled", "lan", "tuan", "Lê Ngọc Lan"),
        ("account_enabled", "lan", "tuan", "Lê Ngọc Lan"),
    ]


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("disable", "tuan", {}, "self"),
    ("role", "tuan", {"role": "operator"}, "self"),
    ("secret", "tuan", {}, "self"),
    ("disable", "nobody", {}, "unknown"),
    ("role", "ha", {"role": "mayor"}, "bad_role"),
    ("role", "ha", {"role": "operator"}, "unchanged"),
    ("enable", "ha", {}, "unchanged"),
    ("disable", "ha", {"rev": 99}, "changed"),
    ("add", "ha", {"name": "Hà Khác", "role": "operator"}, "exists"),
    ("add", "trucban", {"name": "Trực Ban", "role": "operator"}, "bad_id"),
    ("add", "mai", {"name": " ", "role": "operator"}, "bad_name"),
    ("add", "mai", {"name": "Mai\n\u202eadmin", "role": "operator"}, "bad_name"),
    ("delete", "ha", {}, "bad_act"),
]


def test_what_is_refused_changes_nothing(room: Room) -> None:
    before = room.ask(room.admin)["accounts"]
    for act, person, more, code in REFUSED:
        rev = next((one.get("rev", 1) for one in before if one["id"] == person), 0)
        answer = room.ask(room.admin, act, person, **{"rev": rev, **more})
        said = answer["code"], answer.get("accounts", []), answer.get("secret", "")
        assert said == (code, [], ""), f"{act} {person} {more}"
    assert room.ask(room.admin)["accounts"] == before


def test_the_last_admin_stays(room: Room) -> None:
    room.ask(room.admin, "add", "mai", name="Trần Thị Mai", role="admin")
    assert room.do("disable", "mai").get("code", "") == ""
    assert room.do("role", "ha", role="admin").get("code", "") == ""
    sign_in(room.other, "ha")
    rev = room.row("tuan").get("rev", 1)
    assert room.ask(room.other, "role", "tuan", rev=rev, role="viewer").get("code", "") == ""
    assert room.ask(room.other, "disable", "ha", rev=2)["code"] in ("self", "changed")


def test_a_question_that_comes_again_has_its_effect_once(room: Room) -> None:
    question = {"act": "add", "person": "mai", "name": "Trần Thị Mai", "role": "operator", "token": room.admin.token}
    first = room.admin.ask("ACCOUNTS", request=900, **question)
    again = room.admin.ask("ACCOUNTS", request=900, **question)
    assert first["secret"] == again["secret"]
    assert room.admin.ask("ACCOUNTS", request=901, **question)["code"] == "exists"
    book = AccountBook(room.folder)
    assert [entry[:2] for entry in book.entries()].count(("added", "mai")) == 1
    book.close()


def test_who_is_locked_out_is_seen_and_unlocked(room: Room, expect_logs: ExpectLogs) -> None:
    expect_logs("was refused")
    for _ in range(4):
        sign_in(room.other, "ha", "wrong wrong wrong")
    assert room.row("ha")["wait_s"] > 0
    assert sign_in(room.other, "ha")["code"] == "wait"
    assert room.do("unlock", "ha").get("code", "") == ""
    assert room.row("ha").get("wait_s", 0.0) == 0
    assert sign_in(room.other, "ha")["operator_id"] == "ha"


def test_no_secret_stays_on_the_disk(room: Room) -> None:
    given = room.do("secret", "ha")["secret"]
    sign_in(room.other, "ha", given)
    assert room.ask(room.other, "own", old=given, rev=room.row("ha").get("rev", 1), secret=OWN).get("code", "") == ""
    kept = b"".join(path.read_bytes() for path in room.folder.iterdir() if path.is_file())
    assert not any(secret.encode() in kept for secret in (given, OWN, SECRET))


def test_a_hub_that_seats_people_has_no_accounts_to_show(tmp_path: Path) -> None:
    with hub_here(tmp_path, sign_in="seat", sweep=False, events=False) as ready, client_at(tmp_path, ready) as client:
        assert client.ask("ACCOUNTS", request=1)["code"] == "not_here"
