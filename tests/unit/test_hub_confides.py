"""CONFIDE: who may tell who called, of which reports, once; kept in the vault alone, and the act on record."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S, SystemClock
from backends.hub.access import Who
from backends.hub.confides import Confides
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.own_numbers import OwnNumbers
from backends.hub.private import REPORTER, Vault
from backends.hub.reveals import Reveals
from backends.hub.witness import Witness
from backends.protocol.messages import Confide, Confided, Reveal, Revealed

NOW = 1_790_000_000 * NS_PER_S

CALLER = {"name": "Trần Văn An", "phone": "0912 345 678"}


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path, mend=True)
    yield made
    made.close()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path)
    yield made
    made.close()


@pytest.fixture
def confides(vault: Vault, witness: Witness) -> Confides:
    return Confides(vault, witness, SystemClock(), Counter(), lambda report: report in ("TT-0007", "PA-1"))


def tell(confides: Confides, role: Role | None = Role.OPERATOR, **fields: Any) -> str:
    who = Who(Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", role)) if role is not None else None
    given = {"request": 3, "target": "TT-0007", "values": CALLER, **fields}
    (answer,) = confides.asked("desk-1", who, Confide(**given))()()
    assert isinstance(answer, Confided)
    assert answer.request == 3
    return answer.code


def test_it_is_kept_and_who_told_it_is_on_record(confides: Confides, vault: Vault, witness: Witness) -> None:
    assert tell(confides) == ""
    assert vault.find(REPORTER, "TT-0007") == CALLER
    assert tell(confides) == "", "the same again, after a lost answer"
    (look,) = witness.looks()
    assert (look.person, look.target, look.outcome, look.reason) == ("op-ha", "TT-0007", "confided", "")


def test_what_is_known_is_not_written_over(confides: Confides, vault: Vault) -> None:
    tell(confides)
    assert tell(confides, values={"phone": "0"}) == "known"
    assert vault.find(REPORTER, "TT-0007") == CALLER


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"role": None}, "nobody_signed_in"),
        ({"role": Role.TRAINER}, "not_allowed"),
        ({"role": Role.VIEWER}, "not_allowed"),
        ({"target": "PA-1"}, "unknown"),
        ({"target": "TT-0008"}, "unknown"),
        ({"values": {}}, "bad_values"),
        ({"values": {"password": "x"}}, "bad_values"),
        ({"values": {"name": "x" * 81}}, "bad_values"),
        ({"values": {"name": "a\nb"}}, "bad_values"),
        ({"values": {"phone": "  "}}, "bad_values"),
    ],
)
def test_what_does_not_fit_is_refused(confides: Confides, vault: Vault, fields: dict[str, Any], code: str) -> None:
    assert tell(confides, **fields) == code
    assert vault.find(REPORTER, fields.get("target", "TT-0007")) is None


def test_what_cannot_be_kept_says_so_and_is_in_no_log(
    confides: Confides, vault: Vault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    expect_logs: ExpectLogs,
) -> None:  # fmt: skip
    def full(*_told: object) -> None:
        raise sqlite3.OperationalError(f"disk full: {CALLER['phone']}")

    monkeypatch.setattr(vault, "tell", full)
    expect_logs("cannot be kept")
    assert tell(confides) == "not_kept"
    assert CALLER["phone"] not in caplog.text


def begun(folder: Path, name: str) -> OwnNumbers:
    """A hub's own numbers after a start on that log."""
    log = SqliteLog(folder / name, Mode.TEST)
    core = Core(log, TinyCity(NOW, past_s=60))
    core.start(NOW)
    log.close()
    return core.own_numbers


def test_the_same_number_of_another_log_has_no_caller(vault: Vault, witness: Witness, tmp_path: Path) -> None:
    """Whatever lies in the vault, or comes back from other hubs; after a restart on the same log it has him still."""

    def at(numbers: OwnNumbers) -> Confides:
        return Confides(vault, witness, SystemClock(), Counter(), lambda _: True, numbers.key)

    def seen(numbers: OwnNumbers, report: str = "TT-0007") -> dict[str, str]:
        who = Who(Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR))
        reveals = Reveals(vault, witness, SystemClock(), Counter(), key=numbers.key)
        (answer,) = reveals.asked("desk-1", who, Reveal(1, "reporter", report, "gọi lại"))()()
        assert isinstance(answer, Revealed)
        return answer.values

    first = begun(tmp_path, "hub.db")
    assert tell(at(first)) == ""
    assert seen(first) == seen(begun(tmp_path, "hub.db")) == CALLER
    second = begun(tmp_path, "new.db")
    assert seen(second) == {}
    other = {"name": "Lê Thị Bốn"}
    assert tell(at(second), values=other) == "", "not known"
    assert (seen(second), seen(first)) == (other, CALLER)
    vault.keep([(REPORTER, "PA-1", CALLER)])
    assert seen(second, "PA-1") == CALLER, "control: a source's own number means the same for every log"


def test_numbers_behind_a_lost_end_of_the_log_belong_to_other_reports() -> None:
    numbers = OwnNumbers()
    text = numbers.begin("", 0, "e1")
    assert numbers.begin(text, 60, "e1") == ""
    text = numbers.begin(text, 57, "e2")  # the end is lost: 58 to 60 are given again
    text = numbers.begin(text, 57, "e3")  # and again
    again = OwnNumbers()
    assert again.begin(text, 70, "e3") == ""
    for known in (numbers, again):
        keys = [known.key(f"TT-{n:04d}") for n in (1, 57, 58, 60)]
        assert keys == ["TT-0001@e1", "TT-0057@e1", "TT-0058@e3", "TT-0060@e3"]
    old = OwnNumbers()
    old.begin("", 12, "e1")
    assert (old.key("TT-0012"), old.key("TT-0013")) == ("TT-0012", "TT-0013@e1"), "a log of before has 12 of its own"
    for other in ("PA-1", "TT-", "TT-x", "TT-²", "TT-" + "9" * 5000, ""):
        assert numbers.key(other) == other


def test_new_numbers_do_not_inherit_old_callers(vault: Vault) -> None:
    vault.keep([(REPORTER, "TT-0007", CALLER), (REPORTER, "PA-7", CALLER), ("camera", "TT-0007", {"user": "x"})])
    vault.forget(REPORTER, "TT-")
    assert vault.find(REPORTER, "TT-0007") is None
    assert vault.find(REPORTER, "PA-7") == CALLER
    assert vault.find("camera", "TT-0007") == {"user": "x"}


def test_what_is_told_is_not_printed() -> None:
    assert "0912" not in repr(Confide(1, "TT-0007", CALLER))
