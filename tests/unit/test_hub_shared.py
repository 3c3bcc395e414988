"""Rows that hubs share: what a file gives another takes, the higher revision counts, nothing counts unshared."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from conftest import ExpectLogs
from helpers.hub_people import SECRET

from backends.domain.people import Role
from backends.domain.times import NS_PER_S
from backends.hub.accounts import AccountBook, Kept
from backends.hub.blobs import BlobStore, parts_of
from backends.hub.ports import LogTrouble
from backends.hub.private import CAMERA, REPORTER, Vault
from backends.hub.shared import ALONE, Row, Sharing
from backends.hub.witness import Look, Witness
from backends.protocol.messages import BlobPut

PICTURE = b"\xff\xd8\xff" + bytes(1000)
LOOK = Look(7, "desk-1", "ha", "operator", "reporter", "PA-1", "gọi lại", "")


class Heard:
    """Sharing that remembers, or refuses."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.rows: list[Row] = []
        self.blobs: list[str] = []
        self.here: list[str] = []
        self._refuses = refuses

    def share(self, rows: Sequence[Row]) -> None:
        if self._refuses and rows:
            raise LogTrouble("the servers do not answer")
        self.rows += rows

    def share_blob(self, blob: str, media: str, path: Path) -> None:
        if self._refuses:
            raise LogTrouble("the servers do not answer")
        self.blobs.append(blob)

    def blob_is_here(self, blob: str, media: str) -> None:
        self.here.append(blob)


def book_in(folder: Path, sharing: Sharing = ALONE) -> AccountBook:
    folder.mkdir(exist_ok=True)
    return AccountBook(folder, sharing=sharing)


def session(person: str = "ha", *, token: bytes = b"t", hours: float = 1.0, epoch: int = 1) -> Kept:
    now_ns = time.time_ns()
    return Kept(hashlib.sha256(token).digest(), person, "desk-1", epoch, now_ns, now_ns + int(hours * 3600 * NS_PER_S))


def sign_in(book: AccountBook, kept: Kept) -> None:
    with book.transaction():
        book.keep(kept)
        book.enter("signed_in", kept.person, kept.station)


@pytest.fixture
def books(tmp_path: Path) -> Iterable[tuple[AccountBook, AccountBook, Heard]]:
    """Two hubs' books, and what the first one shares."""
    heard = Heard()
    one, two = book_in(tmp_path / "a", heard), book_in(tmp_path / "b")
    one.add("ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, SECRET)
    yield one, two, heard
    one.close()
    two.close()


def test_what_one_book_shares_is_all_that_another_needs(books: tuple[AccountBook, AccountBook, Heard]) -> None:
    one, two, heard = books
    sign_in(one, session())
    one.set_role("ha", Role.SHIFT_LEAD)
    two.take(heard.rows)
    assert two.all() == one.all()
    assert two.check("ha", SECRET) == one.find("ha")
    assert two.sessions(time.time_ns()) == one.sessions(time.time_ns())
    assert two.entries() == one.entries()
    assert {(r.kind, r.key, r.rev) for r in two.rows()} == {(r.kind, r.key, r.rev) for r in one.rows()}


def test_rows_may_come_twice_and_late(books: tuple[AccountBook, AccountBook, Heard]) -> None:
    one, two, heard = books
    sign_in(one, session())
    one.set_disabled("ha", True)
    two.take(heard.rows)
    two.take(heard.rows[:1])
    assert two.find("ha").disabled, "a row of before changes nothing"
    two.take(heard.rows)
    assert two.entries() == one.entries()
    assert two.sessions(time.time_ns()) == [], "a disabled account has no session anywhere"


def test_of_two_rows_of_one_revision_the_site_s_counts(books: tuple[AccountBook, AccountBook, Heard]) -> None:
    """Two hubs that were set up apart, each with an account of that name."""
    _, two, heard = books
    two.add("ha", "Hồ Hà", "Hà", Role.VIEWER, "một mật khẩu khác hẳn")
    two.take(heard.rows)
    assert (two.find("ha").name, two.find("ha").role) == ("Nguyễn Thu Hà", Role.OPERATOR)
    assert two.check("ha", SECRET) is not None


def test_a_session_that_was_ended_stays_ended(books: tuple[AccountBook, AccountBook, Heard]) -> None:
    one, two, heard = books
    kept = session()
    sign_in(one, kept)
    two.take(heard.rows)
    assert two.sessions(time.time_ns()) == [kept]
    one.end([kept.token])
    two.take(heard.rows[-1:])
    assert two.sessions(time.time_ns()) == []
    ended = heard.rows[-1]
    assert (ended.kind, ended.key, ended.rev) == ("session", kept.token.hex(), 1)
    assert ended.until > kept.t_end, "remembered longer than the session would have lasted"


def test_what_cannot_be_shared_is_not_done(tmp_path: Path) -> None:
    made = book_in(tmp_path)
    made.add("ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, SECRET)
    sign_in(made, session(token=b"before"))
    made.close()
    book = AccountBook(tmp_path, sharing=Heard(refuses=True))
    stood = (book.all(), book.sessions(time.time_ns()), book.entries())
    tries: list[Callable[[], None]] = [
        lambda: book.add("lan", "Lê Ngọc Lan", "Lan", Role.OPERATOR, SECRET),
        lambda: book.set_role("ha", Role.ADMIN),
        lambda: book.set_disabled("ha", True),
        lambda: book.set_secret("ha", "một mật khẩu khác hẳn"),
        lambda: sign_in(book, session(token=b"now")),
        lambda: book.end([session(token=b"before").token]),
    ]
    for attempt in tries:
        with pytest.raises(LogTrouble):
            attempt()
    assert (book.all(), book.sessions(time.time_ns()), book.entries()) == stood
    assert book.check("ha", SECRET) is not None
    book.close()


def test_looks_and_anchors_travel_and_are_not_kept_unshared(tmp_path: Path) -> None:
    heard = Heard()
    one, two = Witness(tmp_path / "a", sharing=heard), Witness(tmp_path / "b")
    one.looked(LOOK)
    for n in (1, 2):
        assert one.anchored("desk-1", n, bytes([n]) * 32, n) == ("", True)
    two.take(heard.rows)
    two.take(heard.rows)
    assert two.looks() == one.looks() == [LOOK]
    assert two.anchors("desk-1", 0) == one.anchors("desk-1", 0)
    assert two.anchored("desk-1", 2, bytes(32), 3) == ("differs", True)
    assert two.anchored("desk-1", 1, bytes(32), 3) == ("differs", True)
    for each in (one, two):
        each.close()
    new, third = Witness(tmp_path / "a", sharing=Heard(refuses=True)), Witness(tmp_path / "c")
    with pytest.raises(LogTrouble):
        new.looked(LOOK)
    with pytest.raises(LogTrouble):
        new.anchored("desk-1", 3, bytes(32), 3)
    assert (len(new.looks()), len(new.anchors("desk-1", 0))) == (1, 2)
    # A hub that is new is given each station's newest anchor, which stands for those before it.
    third.take(new.rows())
    assert third.anchors("desk-1", 0) == [(2, (b"\2" * 32).hex(), 2)]
    assert third.anchored("desk-1", 1, b"\1" * 32, 4) == ("behind", True)
    new.close()
    third.close()


def test_secrets_travel_and_the_newer_one_counts(tmp_path: Path) -> None:
    one, two = Vault(tmp_path / "a"), Vault(tmp_path / "b")
    one.keep([(REPORTER, "PA-1", {"name": "An"}), (CAMERA, "cam-1", {"password": "cũ"})])
    before = list(one.rows())
    one.keep([(CAMERA, "cam-1", {"password": "mới"}), (REPORTER, "PA-1", {"name": "An"})])
    after = list(one.rows())
    assert [r for r in after if r.key == "reporter/PA-1"] == [r for r in before if r.key == "reporter/PA-1"], (
        "what is the same is no news"
    )
    two.take(after)
    two.take(before)
    assert two.find(CAMERA, "cam-1") == {"password": "mới"}
    assert two.find(REPORTER, "PA-1") == {"name": "An"}
    assert next(r.until for r in after if r.key == "camera/cam-1") == 0
    one.close()
    two.close()


def test_what_a_person_tells_counts_when_it_is_shared(tmp_path: Path) -> None:
    silent, heard = Vault(tmp_path / "a", sharing=Heard(refuses=True)), Heard()
    with pytest.raises(LogTrouble):
        silent.tell(REPORTER, "TT-0001", {"name": "An"})
    assert silent.find(REPORTER, "TT-0001") is None
    one, two = Vault(tmp_path / "a", sharing=heard), Vault(tmp_path / "b")
    one.tell(REPORTER, "TT-0001", {"name": "An"})
    assert heard.rows == list(one.rows())
    two.take(heard.rows)
    assert one.find(REPORTER, "TT-0001") == two.find(REPORTER, "TT-0001") == {"name": "An"}
    for vault in (silent, one, two):
        vault.close()


def test_what_was_forgotten_comes_back_from_no_other_hub(tmp_path: Path) -> None:
    one, two = Vault(tmp_path / "a"), Vault(tmp_path / "b")
    one.keep([(REPORTER, "TT-0001", {"name": "An"}), (REPORTER, "PA-1", {"name": "Bình"})])
    two.take(one.rows())
    one.forget(REPORTER, "TT-")
    one.take(two.rows())
    assert one.find(REPORTER, "TT-0001") is None
    two.take(one.rows())
    assert two.find(REPORTER, "TT-0001") is None, "and the other one forgets it too"
    assert b"An" not in b"".join(row.told for row in (*one.rows(), *two.rows()))
    assert one.find(REPORTER, "PA-1") == two.find(REPORTER, "PA-1") == {"name": "Bình"}
    one.tell(REPORTER, "TT-0001", {"name": "Chi"})
    two.take(one.rows())
    assert two.find(REPORTER, "TT-0001") == {"name": "Chi"}, "a later one counts"
    one.close()
    two.close()


def test_a_blob_counts_when_it_is_shared(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("cannot be kept")
    name = hashlib.sha256(PICTURE).hexdigest()
    part = BlobPut(1, name, "image/jpeg", len(PICTURE), 1, parts_of(len(PICTURE)))
    store = BlobStore(tmp_path / "a", sharing=Heard(refuses=True))
    assert store.put("desk-1", part, PICTURE).code == "not_kept"
    assert store.find(name) is None
    heard = Heard()
    store = BlobStore(tmp_path / "a", sharing=heard)
    assert store.put("desk-1", part, PICTURE).code == ""
    assert heard.blobs == [name]
    (row,) = store.rows()
    other = BlobStore(tmp_path / "b")
    assert not other.add(row.key, row.told.decode(), PICTURE + b"x"), "its bytes are not what its name says"
    assert not other.add(row.key, "text/html", PICTURE)
    assert other.add(row.key, row.told.decode(), PICTURE)
    found = other.find(name)
    assert found is not None
    assert (found[0].read_bytes(), found[1]) == (PICTURE, "image/jpeg")


def test_files_of_before_sharing_are_taken_over_as_they_are(tmp_path: Path) -> None:
    """Schema 1, as it was written by the hub of before."""
    from backends.hub import accounts, witness

    for name, steps in ((accounts.FILE, accounts._STEPS), (witness.FILE, witness._STEPS)):
        db = sqlite3.connect(tmp_path / name)
        db.executescript(steps[0] + "PRAGMA user_version=1;")
        if name == accounts.FILE:
            db.execute("INSERT INTO account VALUES ('ha', 'Nguyễn Thu Hà', 'Thu Hà', 'operator', 0, 3, 'hash', 5)")
            db.execute("INSERT INTO entry(t, what, person, station, detail) VALUES (1, 'added', 'ha', '', '')")
        else:
            db.execute(
                "INSERT INTO look(t, t_wall, station, person, role, what, target, reason, outcome)"
                " VALUES (7, 8, 'desk-1', 'ha', 'operator', 'reporter', 'PA-1', 'gọi lại', '')"
            )
        db.commit()
        db.close()
    book, kept = AccountBook(tmp_path), Witness(tmp_path)
    assert (book.find("ha").epoch, book.entries(), kept.looks()) == (3, [("added", "ha", "", "")], [LOOK])
    assert [(r.kind, r.rev) for r in book.rows()] == [("account", 1)]
    book.close()
    kept.close()


def test_a_session_that_was_ended_is_not_revived_by_a_hub_that_has_not_heard(
    books: tuple[AccountBook, AccountBook, Heard],
) -> None:
    """The servers were emptied while that hub was down: it shares what it has, the live session too."""
    one, two, heard = books
    kept = session()
    sign_in(one, kept)
    two.take(heard.rows)
    one.end([kept.token])
    one.take([row for row in two.rows() if row.kind == "session"])
    assert one.sessions(time.time_ns()) == []
    two.take(one.rows())
    assert two.sessions(time.time_ns()) == [], "and hears of its end"
    # Not for ever.
    one.sessions(time.time_ns() + 30 * 86_400 * NS_PER_S)
    assert [row for row in one.rows() if row.kind == "session"] == []


def test_the_hubs_round_waits_for_no_server_when_its_world_names_a_picture(tmp_path: Path) -> None:
    """`share` and `share_blob` take up to half a minute where the servers do not answer."""
    name = hashlib.sha256(PICTURE).hexdigest()
    sharing = Heard(refuses=True)
    blobs = BlobStore(tmp_path, sharing=sharing)
    blobs.give(name, "image/jpeg", PICTURE)
    assert blobs.find(name) is not None, "a console gets it at once"
    assert sharing.here == [name], "and the other hubs when the servers answer"
    blobs.give(name, "image/jpeg", PICTURE)
    assert sharing.here == [name]
    # After a restart too: what is here and the site lacks is looked for among these.
    assert [row.key for row in BlobStore(tmp_path).rows()] == [name]
