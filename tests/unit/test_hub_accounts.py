"""Accounts and sessions without a socket: hashes, delays, names, ends; nobody is told who exists."""

from __future__ import annotations

import re
import sqlite3
import statistics
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
from conftest import ExpectLogs
from helpers.cheap_hashes import cheap_hashes, real_hashes  # noqa: F401
from typer.testing import CliRunner

from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S, SystemClock
from backends.hub import passwords
from backends.hub.access import Who
from backends.hub.accounting import Accounting, given_secret
from backends.hub.accounts import FILE, Account, AccountBook, AccountError, Hand, Kept
from backends.hub.ports import LogTrouble
from backends.hub.sessions import MOST_A_STATION, Sessions, fingerprint, new_token
from backends.hub.throttle import PERSON, PERSON_HERE, STATION, Throttle
from backends.protocol.messages import Accounted, Accounts
from console.cli import app

SECRET = "con đường nhỏ bên sông"
NOW = 1_790_000_000 * NS_PER_S


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AccountBook]:
    made = AccountBook(tmp_path)
    made.add("ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, SECRET)
    yield made
    made.close()


# --- secrets ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("real_hashes")
def test_a_hash_is_argon2id_as_rfc_9106_says(book: AccountBook, tmp_path: Path) -> None:
    (kept,) = sqlite3.connect(tmp_path / FILE).execute("SELECT hash FROM account").fetchone()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.fits(kept, SECRET)
    assert not passwords.fits(kept, SECRET + " ")


def test_the_same_secret_however_the_keyboard_composed_it(book: AccountBook) -> None:
    assert unicodedata.normalize("NFD", SECRET) != SECRET
    assert book.check("ha", unicodedata.normalize("NFD", SECRET)) is not None


def test_a_hash_of_older_figures_is_made_anew_at_a_sign_in(book: AccountBook, tmp_path: Path) -> None:
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(SECRET)
    db = sqlite3.connect(tmp_path / FILE)
    with db:
        db.execute("UPDATE account SET hash=?", (old,))
    assert book.check("ha", SECRET) is not None
    (kept,) = db.execute("SELECT hash FROM account").fetchone()
    db.close()
    assert not passwords.outdated(kept)
    assert passwords.outdated(old)


@pytest.mark.usefixtures("real_hashes")
@pytest.mark.parametrize("alike", [True, False], ids=["as it is", "control: nobody is answered at once"])
def test_nobody_takes_as_long_as_a_wrong_secret(
    book: AccountBook, monkeypatch: pytest.MonkeyPatch, alike: bool
) -> None:
    if not alike:
        whole = passwords.fits
        monkeypatch.setattr(passwords, "fits", lambda kept, secret: kept is not None and whole(kept, secret))
    book.check("nobody", "warm up, please")
    took: dict[str, list[float]] = {"ha": [], "nobody": []}
    for _ in range(7):
        for person, times in took.items():
            began_s = time.perf_counter()
            assert book.check(person, "wrong wrong wrong") is None
            times.append(time.perf_counter() - began_s)
    ratio = statistics.median(took["nobody"]) / statistics.median(took["ha"])
    assert (0.5 < ratio < 2.0) is alike, f"{ratio:.2f}"


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("short", "at least 12"),
        ("x" * 300, "256 characters at most"),
        ("abababababab", "too easy"),
        ("toilahaday-ha-2026", "too easy"),
        ("con đường\nnhỏ bên sông", "control character"),
    ],
)
def test_secrets_that_are_not_taken(book: AccountBook, secret: str, why: str) -> None:
    with pytest.raises(AccountError, match=why):
        book.set_secret("ha", secret)


# --- accounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [*Role, "root", "trucban", "Ha", "h", "ha!", "", "1ha", "x" * 65])
def test_only_personal_names_are_accounts(book: AccountBook, person: str) -> None:
    with pytest.raises(AccountError, match="no personal account"):
        book.add(person, "Ai", "Ai", Role.OPERATOR, SECRET)


def test_one_account_a_person(book: AccountBook) -> None:
    with pytest.raises(AccountError, match="already"):
        book.add("ha", "Hà Khác", "Hà", Role.ADMIN, SECRET)
    with pytest.raises(AccountError, match="there is no account"):
        book.set_role("nobody", Role.ADMIN)


def test_every_change_is_a_row_that_stays(book: AccountBook, tmp_path: Path) -> None:
    book.set_role("ha", Role.SHIFT_LEAD)
    book.set_disabled("ha", True)
    assert [e[:2] for e in book.entries()] == [("added", "ha"), ("role", "ha"), ("disabled", "ha")]
    db = sqlite3.connect(tmp_path / FILE)
    for statement in ("DELETE FROM entry", "UPDATE entry SET person='x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.execute(statement)
    db.close()


def test_a_change_by_another_process_is_seen_once(book: AccountBook, tmp_path: Path) -> None:
    assert book.news() is None
    other = AccountBook(tmp_path)
    other.set_role("ha", Role.TRAINER)
    other.close()
    news = book.news()
    assert news is not None
    assert [one.role for one in news] == [Role.TRAINER]
    assert book.news() is None


def test_a_change_that_cannot_be_read_now_is_news_again(
    book: AccountBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = AccountBook(tmp_path)
    other.set_disabled("ha", True)
    other.close()
    with monkeypatch.context() as broken:
        broken.setattr(AccountBook, "all", raises)
        with pytest.raises(sqlite3.Error):
            book.news()
    news = book.news()
    assert news is not None
    assert [one.disabled for one in news] == [True], "who was put out must not stay in"


def raises(*_: object) -> Any:
    raise sqlite3.OperationalError("disk I/O error")


class Room:
    """What `Accounting` needs of the hub, and what it made of it."""

    seats = False

    def __init__(self) -> None:
        self.known: list[list[Account]] = []
        self.noted: list[object] = []

    def records(self, feed: str) -> dict[str, object]:
        return {}

    def note(self, change: object) -> None:
        self.noted.append(change)

    def stations_of_people(self) -> dict[str, tuple[str, ...]]:
        return {}

    def know(self, accounts: list[Account], person: str) -> None:
        self.known.append(accounts)


def asked(desk: Accounting, act: str, **more: Any) -> Accounted:
    admin = Who(Operator("tuan", "Hồ Tuấn", "Tuấn", Role.ADMIN, "desk-1"))
    reply = desk.asked("desk-1", admin, Accounts(1, act, "ha", rev=1, **more))
    assert reply.job is not None
    (answer,) = reply.job()()
    assert isinstance(answer, Accounted)
    return answer


def test_a_change_and_the_list_with_it_are_one(
    book: AccountBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    """A change that is on the disk and not in force: who was put out stays in, and nobody has been told."""
    room: Any = Room()
    desk = Accounting(room, SystemClock(), Counter(), room, book)
    with monkeypatch.context() as broken:
        broken.setattr(AccountBook, "signed_in", raises)
        assert asked(desk, "disable").code == "not_kept"
    assert book.find("ha").disabled is False
    assert book.entries() == [("added", "ha", "", "operator")]
    assert room.known == room.noted == []
    expect_logs("accounts cannot be read or written")
    assert [one.disabled for one in asked(desk, "disable").accounts] == [True]
    assert [[one.disabled for one in accounts] for accounts in room.known] == [[True]]
    assert len(room.noted) == 1
    again = asked(desk, "disable")
    assert (again.code, len(room.known), len(room.noted)) == ("", 1, 1), "the same question has its effect once"


def test_a_damaged_file_is_refused_in_words_or_kept_beside(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, " * 1000)
    with pytest.raises(LogTrouble, match=r"accounts\.db cannot be opened"):
        AccountBook(tmp_path)
    expect_logs("is damaged")
    AccountBook(tmp_path, mend=True).close()
    assert len(list(tmp_path.glob("accounts.db.damaged-*"))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="rights of the profile's folder guard it there")
def test_only_the_owner_reads_it(book: AccountBook, tmp_path: Path) -> None:
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


# --- delays ----------------------------------------------------------------------------------------


@pytest.fixture
def throttle(book: AccountBook) -> Throttle:
    return book.throttle


def fail(throttle: Throttle, times: int, person: str = "ha", station: str = "desk-1", now_ns: int = NOW) -> float:
    wait_s = 0.0
    for _ in range(times):
        wait_s = throttle.failed(person, station, now_ns)
    return wait_s


def test_the_delay_of_a_person_at_a_station_doubles_up_to_a_quarter_of_an_hour(throttle: Throttle) -> None:
    assert [fail(throttle, 1) for _ in range(5)] == [0, 0, 2, 4, 8]
    assert fail(throttle, 20) == PERSON_HERE.most_s == 900
    assert throttle.wait_s("ha", "desk-1", NOW + 899 * NS_PER_S) == pytest.approx(1)
    assert throttle.wait_s("ha", "desk-1", NOW + 900 * NS_PER_S) == 0


def test_tries_at_another_desk_cost_the_person_seconds_at_most(throttle: Throttle) -> None:
    """Nobody can lock a colleague out: the rest of the delay is the other desk's own."""
    assert fail(throttle, 50, station="desk-9") == 900
    assert throttle.wait_s("ha", "desk-1", NOW) == PERSON.most_s == 5
    assert throttle.wait_s("lan", "desk-9", NOW) == STATION.most_s == 60


def test_names_that_do_not_exist_are_delayed_alike(throttle: Throttle) -> None:
    assert fail(throttle, 4, "ha", "desk-1") == fail(throttle, 4, "nobody", "desk-2")


def test_ones_own_sign_in_does_not_clear_the_station(throttle: Throttle) -> None:
    fail(throttle, 12)
    throttle.passed("ha", "desk-1")
    assert throttle.wait_s("ha", "desk-1", NOW) == throttle.wait_s("lan", "desk-1", NOW) == 8


def test_counts_are_forgotten_and_a_clock_that_went_back_makes_nobody_wait_for_long(throttle: Throttle) -> None:
    fail(throttle, 30)
    assert throttle.wait_s("ha", "desk-1", NOW + 3601 * NS_PER_S) == 0
    assert throttle.wait_s("ha", "desk-1", NOW - 86_400 * NS_PER_S) <= 900
    assert fail(throttle, 1, now_ns=NOW + 3601 * NS_PER_S) == 0


def test_what_was_typed_as_a_name_is_not_kept(throttle: Throttle, tmp_path: Path) -> None:
    fail(throttle, 1, person="my secret in the wrong field")
    assert b"wrong field" not in (tmp_path / FILE).read_bytes()


# --- sessions --------------------------------------------------------------------------------------


def kept(token: str, person: str = "ha", station: str = "desk-1", **more: Any) -> Kept:
    now_ns = time.time_ns()
    fields: dict[str, Any] = {"epoch": 1, "t_begin": now_ns, "t_end": now_ns + 3600 * NS_PER_S, **more}
    return Kept(fingerprint(token), person, station, **fields)


@pytest.fixture
def sessions(book: AccountBook) -> Sessions:
    return Sessions(book.all(), [kept("t")])


def test_a_token_has_256_bits_and_only_its_hash_is_held(sessions: Sessions) -> None:
    assert len(new_token()) == 43
    assert new_token() != new_token()
    assert b"t" not in {s.token for s in sessions.all()}


@pytest.mark.parametrize(("token", "station"), [("", "desk-1"), ("T", "desk-1"), ("t", "desk-2"), ("\ud800", "desk-1")])
def test_a_token_counts_whole_and_at_its_station_alone(sessions: Sessions, token: str, station: str) -> None:
    assert sessions.of("t", "desk-1") is not None
    assert sessions.of(token, station) is None
    assert sessions.end(token, station) is None
    assert sessions.of("t", "desk-1") is not None


@pytest.mark.parametrize("change", ["secret", "disabled", "gone"])
def test_an_account_that_changed_ends_its_sessions(book: AccountBook, sessions: Sessions, change: str) -> None:
    if change == "secret":
        book.set_secret("ha", SECRET + " khác")
    elif change == "disabled":
        book.set_disabled("ha", True)
    sessions.know([] if change == "gone" else book.all())
    assert sessions.of("t", "desk-1") is None
    assert [s.person for s in sessions.sweep({"desk-1"})] == ["ha"]
    assert sessions.all() == []


def test_enabling_again_does_not_bring_a_session_back(book: AccountBook, sessions: Sessions) -> None:
    book.set_disabled("ha", True)
    book.set_disabled("ha", False)
    sessions.know(book.all())
    assert sessions.of("t", "desk-1") is None


def test_a_role_counts_at_once(book: AccountBook, sessions: Sessions) -> None:
    book.set_role("ha", Role.VIEWER)
    sessions.know(book.all())
    found = sessions.of("t", "desk-1")
    assert found is not None
    assert found[0].role is Role.VIEWER


@pytest.mark.parametrize("clock", ["monotonic", "time_ns"])
def test_a_session_ends_by_whichever_clock_comes_first(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    ahead = time.monotonic() + 3601 if clock == "monotonic" else time.time_ns() + 3601 * NS_PER_S
    monkeypatch.setattr(f"backends.hub.sessions.time.{clock}", lambda: ahead)
    assert sessions.of("t", "desk-1") is None


def test_sessions_of_a_station_without_a_key_are_over(sessions: Sessions) -> None:
    assert sessions.sweep({"desk-1"}) == []
    assert sessions.sweep(None) == [], "a folder that cannot be read signs nobody out"
    assert len(sessions.sweep({"desk-2"})) == 1


def test_a_station_has_so_many_and_the_oldest_goes_first(sessions: Sessions) -> None:
    pushed = [sessions.begin(kept(f"t{n}")) for n in range(MOST_A_STATION)]
    assert [len(p) for p in pushed] == [0] * (MOST_A_STATION - 1) + [1]
    assert sessions.of("t", "desk-1") is None


# --- the command line ------------------------------------------------------------------------------


def command(folder: Path, *words: str, typed: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--data-dir", str(folder)], input=typed)
    return done.exit_code, done.output


def test_accounts_on_the_command_line_say_what_they_did(tmp_path: Path) -> None:
    assert command(tmp_path, "accounts", "list")[1].startswith("no accounts yet")
    words = ("accounts", "add", "ha", "--name", "Nguyễn Thu Hà", "--role", "shift_lead")
    assert command(tmp_path, *words, typed=SECRET + "\n") == (0, "ha may sign in as shift_lead\n")
    assert command(tmp_path, *words, typed=SECRET + "\n")[0] == 1
    status, said = command(tmp_path, "accounts", "passwd", "ha", typed="short\n")
    assert (status, said) == (1, "ioc-console: the secret must have at least 12 characters\n")
    assert command(tmp_path, "accounts", "disable", "ha")[0] == 0
    assert "disabled" in command(tmp_path, "accounts", "list")[1]
    assert command(tmp_path, "accounts", "role", "ha", "boss")[0] == 1
    book = AccountBook(tmp_path)
    assert book.check("ha", SECRET) is not None
    assert (book.find("ha").short, book.find("ha").disabled) == ("Thu Hà", True)
    book.close()


def test_keys_on_the_command_line_from_new_to_revoked(tmp_path: Path) -> None:
    first, second = tmp_path / "keys" / "ban-1.key", tmp_path / "next" / "ban-1.key"
    assert command(tmp_path, "keys", "new", "ban-1")[0] == 0
    assert command(tmp_path, "keys", "new", "ban-1")[0] == 1, "a pair is never written over"
    assert command(tmp_path, "keys", "authorise", str(first))[0] == 0
    assert command(tmp_path, "keys", "new", "ban-1", "--out", str(second.parent))[0] == 0
    status, said = command(tmp_path, "keys", "authorise", str(second))
    assert (status, "keys rotate" in said) == (1, True)
    assert command(tmp_path, "keys", "rotate", str(second), "--hours", "2")[0] == 0
    listed = command(tmp_path, "keys", "list")[1].splitlines()
    assert [line.split()[0] for line in listed] == ["ban-1", "ban-1"]
    assert sum("until" in line for line in listed) == 1
    assert command(tmp_path, "keys", "revoke", "ban-1", "--old")[0] == 0
    assert len(command(tmp_path, "keys", "list")[1].splitlines()) == 1
    assert command(tmp_path, "keys", "revoke", "ban-1")[0] == 0
    assert command(tmp_path, "keys", "revoke", "ban-1")[0] == 1


# --- at a screen -----------------------------------------------------------------------------------


def hand_of(book: AccountBook, seen: str, who: str = "tuan") -> Hand:
    """An administrator who has just looked at that account."""
    return Hand(who, "desk-1", book.find(seen).rev)


@pytest.fixture
def office(book: AccountBook) -> AccountBook:
    """With two who may manage accounts."""
    book.add("tuan", "Hồ Tuấn", "Tuấn", Role.ADMIN, SECRET)
    book.add("nga", "Lê Nga", "Nga", Role.ADMIN, SECRET)
    return book


def test_what_a_hand_does_stands_in_the_record_with_before_and_after(office: AccountBook) -> None:
    office.set_role("ha", Role.SHIFT_LEAD, hand_of(office, "ha"))
    office.set_disabled("ha", True, hand_of(office, "ha"))
    office.set_secret("ha", SECRET, hand_of(office, "ha"), NOW)
    assert office.entries()[-3:] == [
        ("role", "ha", "desk-1", "operator -> shift_lead · by tuan"),
        ("disabled", "ha", "desk-1", "by tuan"),
        ("secret_given", "ha", "desk-1", "by tuan"),
    ]


def test_a_hand_that_saw_an_older_account_changes_nothing(office: AccountBook) -> None:
    old = hand_of(office, "ha")
    office.set_role("ha", Role.TRAINER, old)
    for act in (
        lambda: office.set_role("ha", Role.ADMIN, old),
        lambda: office.set_disabled("ha", True, old),
        lambda: office.set_secret("ha", SECRET, old),
    ):
        with pytest.raises(AccountError) as error:
            act()
        assert error.value.code == "changed"
    assert office.find("ha").role is Role.TRAINER


def test_nobody_takes_himself_or_the_last_admin_away(office: AccountBook) -> None:
    with pytest.raises(AccountError) as error:
        office.set_disabled("tuan", True, hand_of(office, "tuan"))
    assert error.value.code == "self"
    office.set_disabled("tuan", True, hand_of(office, "tuan", who="nga"))
    with pytest.raises(AccountError) as error:
        office.set_role("nga", Role.VIEWER, hand_of(office, "nga", who="somebody"))
    assert error.value.code == "last_admin"
    office.set_role("nga", Role.VIEWER)  # whoever has the hub's machine in hand may
    assert office.find("nga").role is Role.VIEWER


def test_unlocking_forgives_the_person_and_not_the_station(office: AccountBook) -> None:
    now_ns = time.time_ns()
    with office.transaction():
        for _ in range(12):
            office.throttle.failed("ha", "desk-1", now_ns)
    assert office.throttle.person_wait_s("ha", ("desk-1", "desk-2"), now_ns) > 60
    station_s = office.throttle.wait_s("somebody else", "desk-1", now_ns)
    office.unlock("ha", ("desk-1", "desk-2"), hand_of(office, "ha"))
    assert office.throttle.person_wait_s("ha", ("desk-1", "desk-2"), now_ns) == 0
    assert office.throttle.wait_s("ha", "desk-2", now_ns) == 0
    assert office.throttle.wait_s("somebody else", "desk-1", now_ns) == station_s > 0


def test_a_given_secret_says_until_when_it_is_good_and_ones_own_does_not(office: AccountBook) -> None:
    office.set_secret("ha", SECRET, hand_of(office, "ha"), NOW)
    assert office.find("ha").t_temp == NOW
    office.set_secret("ha", SECRET, hand_of(office, "ha", who="ha"))
    assert office.find("ha").t_temp == 0


def test_a_given_secret_can_be_told_and_is_another_one_each_time() -> None:
    made = {given_secret("ha") for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}", one) for one in made)
    assert not any(passwords.unfit(one, "ha") for one in made)
