"""What never travels on LIVE: kept before the report goes on, apart from everything, and looked at on record."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ExpectLogs
from helpers.tiny_city import TinyCity

from backends.city import City
from backends.domain.feeds import Mode
from backends.domain.people import Operator, Role
from backends.domain.times import NS_PER_S, SystemClock
from backends.hub.access import Who
from backends.hub.core import Core
from backends.hub.log import SqliteLog
from backends.hub.private import FILE, Confidant, Confiding, Vault
from backends.hub.reveals import Reveals
from backends.hub.witness import Look, Witness
from backends.protocol.messages import Reveal, Revealed

NOW = 1_790_000_000 * NS_PER_S


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path)
    yield made
    made.close()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path)
    yield made
    made.close()


def begun(folder: Path, vault: Vault) -> None:
    log = SqliteLog(folder / "hub.db", Mode.TEST)
    Core(log, Confiding(TinyCity(NOW, past_s=60), vault)).start(NOW)
    log.close()


def test_what_the_world_confides_is_in_the_vault_and_nowhere_else(vault: Vault, tmp_path: Path) -> None:
    begun(tmp_path, vault)
    assert vault.find("reporter", "PA-1") == {"name": "Người gửi PA-1", "phone": "0000 123 456"}
    assert vault.find("camera", "cam-1") == {"user": "viewer", "password": "secret of cam-1"}
    assert vault.find("camera", "cam-2") is None
    in_log = (tmp_path / "hub.db").read_bytes()
    for secret in ("Người gửi PA-1", "0000 123 456", "secret of cam-1"):
        assert secret.encode() not in in_log
        assert secret.encode() in (tmp_path / FILE).read_bytes(), "the control: it would be found"
    if sys.platform != "win32":
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_it_is_kept_before_the_report_goes_on(vault: Vault) -> None:
    """A report that is out always has its reporter."""

    class Late(TinyCity):
        def until(self, t_ns: int) -> Any:
            return [e for e in self.past() if hasattr(e, "report")]

    (event,) = Confiding(Late(NOW), vault).until(NOW)
    assert vault.find("reporter", event.report.id) is not None


def test_a_vault_that_cannot_be_written_stops_no_report(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    def full(self: Vault, told: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Vault, "keep", full)
    expect_logs("cannot be kept")
    log = SqliteLog(tmp_path / "hub.db", Mode.TEST)
    Core(log, Confiding(TinyCity(NOW, past_s=60), vault)).start(NOW)
    assert [e.id for e in log.items("reports")] == ["PA-1"]
    log.close()


def test_the_city_confides_too() -> None:
    city = City(start_ns=NOW)
    assert isinstance(city, Confidant)
    cameras = city.directory().cameras
    assert len({city.camera_secret(c)["password"] for c in cameras}) == len(cameras)
    again = City(start_ns=NOW)
    assert again.camera_secret(cameras[0]) == city.camera_secret(cameras[0])


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET station='x'"])
@pytest.mark.parametrize("table", ["look", "anchor", "odd_anchor"])
def test_the_witness_cannot_take_anything_back(witness: Witness, tmp_path: Path, table: str, statement: str) -> None:
    for n, hash_ in ((1, b"a" * 32), (2, b"b" * 32), (1, b"c" * 32)):
        witness.anchored("desk-1", n, hash_, NOW)
    witness.looked(Look(NOW, "desk-1", "ha", "operator", "reporter", "PA-1", "gọi lại", ""))
    db = sqlite3.connect(tmp_path / "witness.db")
    assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] >= 1
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement.format(table))
    db.close()


def ask(reveals: Reveals, who: Who | None, **fields: Any) -> Revealed:
    given = {"request": 1, "what": "reporter", "target": "PA-1", "reason": "gọi lại", **fields}
    (answer,) = reveals.asked("desk-1", who, Reveal(**given))()()
    assert isinstance(answer, Revealed)
    return answer


@pytest.mark.parametrize(
    ("role", "what", "code"),
    [
        (Role.OPERATOR, "reporter", ""),
        (Role.OPERATOR, "camera", "not_allowed"),
        (Role.SHIFT_LEAD, "reporter", ""),
        (Role.SHIFT_LEAD, "camera", ""),
        (Role.TRAINER, "reporter", "not_allowed"),
        (Role.TRAINER, "camera", "not_allowed"),
        (Role.ADMIN, "reporter", "not_allowed"),
        (Role.ADMIN, "camera", ""),
        (Role.VIEWER, "reporter", "not_allowed"),
        (Role.VIEWER, "camera", "not_allowed"),
        (Role.OPERATOR, "stream", ""),
        (Role.VIEWER, "stream", ""),
        (None, "stream", "nobody_signed_in"),
        (Role.SHIFT_LEAD, "anything else", "unknown"),
        (None, "reporter", "nobody_signed_in"),
    ],
)
def test_who_may_look_at_what(
    vault: Vault, witness: Witness, caplog: pytest.LogCaptureFixture, expect_logs: ExpectLogs,
    role: Role | None, what: str, code: str,
) -> None:  # fmt: skip
    vault.keep([("reporter", "PA-1", {"name": "Mai"}), ("camera", "PA-1", {"password": "p"})])
    who = Who(Operator("op", "O P", "P", role)) if role is not None else None
    if code in ("not_allowed", "nobody_signed_in"):
        expect_logs("asked for a secret")
    answer = ask(Reveals(vault, witness, SystemClock(), Counter()), who, what=what)
    assert (answer.code, bool(answer.values)) == (code, not code)
    (look,) = witness.looks()
    assert (look.outcome, look.role, look.reason) == (code, role.value if role else "", "gọi lại")
    assert "Mai" not in caplog.text


def test_what_is_told_is_not_printed() -> None:
    assert "Mai" not in repr(Revealed(1, values={"name": "Mai"}))
