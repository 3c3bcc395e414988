"""`ioc-console audit`: verifies, shows and exports; asks a hub for its anchors over a real connection."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth
from helpers.fake_hub import FakeHub
from helpers.store_rig import Heard, click
from typer.testing import CliRunner

from backends.domain.action import Stage
from backends.domain.feeds import Mode
from backends.protocol.messages import AnchorGet, Denied, Hello
from backends.store import audit
from backends.store.ops import PutAudit
from backends.store.schema import OPS_FILE
from backends.store.store import Store
from backends.store.trail import AUDIT_FOLDER, read_anchors
from console.audit_anchors import HubAddress, anchors_of_hub
from console.cli import app
from console.cli_audit import formula_safe

ROWS = 30


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A console's folder with a chain of 33 rows."""
    folder = tmp_path / "data"
    store = Store(folder, "demo", Heard())
    store.open()
    store.start()
    store.put([PutAudit(n * 10**9, "view_camera", "op", f"cameras/{n}") for n in range(ROWS)])
    store.put([click("u1"), click("u1", Stage.APPLIED)])
    store.put([PutAudit(99, "comment", "op", detail='=HYPERLINK("http://x")')])
    store.stop()
    return folder


@contextlib.contextmanager
def changing(data: Path) -> Iterator[sqlite3.Connection]:
    """As one who can write the file."""
    db = sqlite3.connect(data / OPS_FILE)
    yield db
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *arguments])
    return done.exit_code, done.output


def verify(data: Path, *more: str) -> tuple[int, str]:
    return run("verify", "--data-dir", str(data), *more)


def test_a_whole_chain_is_status_0(data: Path) -> None:
    status, said = verify(data)
    assert status == 0, said
    assert "33 rows, 1 to 33: the chain is whole; anchors: 1 of this machine" in said


def test_an_edit_is_status_1_and_named(data: Path) -> None:
    with changing(data) as db:
        db.execute("UPDATE audit SET person = 'nobody' WHERE n = 7")
    status, said = verify(data)
    assert status == 1
    assert "row 7 was changed" in said


def test_truncation_is_found_by_the_anchor_that_the_session_left(data: Path) -> None:
    with changing(data) as db:
        db.execute("DELETE FROM audit WHERE n > 30")
    status, said = verify(data)
    assert (status, "rows 31 to 33 were cut off the end" in said) == (1, True), said
    (data / AUDIT_FOLDER / "anchors.txt").unlink()
    assert verify(data)[0] == 0, "control: no anchor, nothing seen"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub().start()
    yield made
    made.stop()


@pytest.fixture
def address(hub: FakeHub, tmp_path: Path) -> HubAddress:
    key = tmp_path / "keys" / "ban-1.key_secret"
    key.parent.mkdir()
    zmq.auth.create_certificates(str(key.parent), "ban-1")
    return HubAddress(hub.endpoints.ctl, hub.public.decode(), "ban-1", key, Mode.DEMO)


def test_the_hubs_anchors_are_asked_for_page_by_page(hub: FakeHub, address: HubAddress) -> None:
    hub.anchors = [(n, f"{n:064x}", n) for n in range(1, 2001)]
    found = anchors_of_hub(address)
    assert [anchor.n for anchor in found] == list(range(1, 2001))
    assert [type(message) for message in hub.asked] == [Hello, AnchorGet, AnchorGet, AnchorGet]


def test_a_hub_that_refuses_or_is_silent_is_said(hub: FakeHub, address: HubAddress) -> None:
    hub.answer_filter = lambda answer: [Denied("unknown_station", "who are you")]
    with pytest.raises(OSError, match="who are you"):
        anchors_of_hub(address)
    hub.answer_filter = lambda answer: []
    with pytest.raises(OSError, match="does not answer"):
        anchors_of_hub(address, 0.3)


def site_file(tmp_path: Path, hub: FakeHub) -> Path:
    path = tmp_path / "site.toml"
    where = hub.endpoints
    path.write_text(
        f'version = 1\n[hub]\nlive = "{where.live}"\nctl = "{where.ctl}"\npublic_key = "{where.server_key}"\n'
        f'mode = "demo"\n[station]\nid = "ban-1"\nkeys_dir = "{(tmp_path / "keys").as_posix()}"\n',
        encoding="utf-8",
    )
    return path


def test_a_chain_written_anew_is_found_with_the_hubs_anchors(
    data: Path, hub: FakeHub, address: HubAddress, tmp_path: Path
) -> None:
    hub.anchors = read_anchors(data / AUDIT_FOLDER)
    site = site_file(tmp_path, hub)
    assert verify(data, "--config", str(site), "--anchors", "hub")[0] == 0
    with changing(data) as db:
        rows = list(audit.rows(db))
        db.execute("DELETE FROM audit")
        for row in rows:
            audit.append(
                db, t_ns=row.t_ns, what=row.what, station=row.station, person="somebody else", target=row.target,
                result=row.result, aid=row.aid, detail=row.detail,
            )  # fmt: skip
    (data / AUDIT_FOLDER / "anchors.txt").unlink()  # what is on this machine can be changed on this machine
    assert verify(data)[0] == 0, "control"
    status, said = verify(data, "--config", str(site), "--anchors", "hub")
    assert (status, "the chain was written anew" in said) == (1, True), said


def test_anchors_from_a_file(data: Path, tmp_path: Path) -> None:
    notes = tmp_path / "anchors.txt"
    notes.write_text(f"33 {'0' * 64} 5\n")
    status, said = verify(data, "--anchors", str(notes))
    assert (status, "row 33 is not what it was at its anchor" in said) == (1, True)
    notes.write_text("nothing")
    assert verify(data, "--anchors", str(notes))[0] == 2
    assert verify(data, "--anchors", str(tmp_path / "nowhere"))[0] == 2


def test_what_cannot_be_checked_is_said(tmp_path: Path) -> None:
    assert verify(tmp_path / "nowhere")[0] == 2
    (tmp_path / OPS_FILE).write_bytes(b"not a database" * 500)
    status, said = verify(tmp_path)
    assert (status, "ioc-console:" in said) == (1, True)


def test_show_and_export(data: Path, tmp_path: Path) -> None:
    status, said = run("show", "--data-dir", str(data), "--last", "3")
    assert status == 0
    assert [line.split()[0] for line in said.splitlines()] == ["31", "32", "33"]
    out = tmp_path / "audit.csv"
    assert run("export", str(out), "--data-dir", str(data))[0] == 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == ROWS + 3
    assert rows[-1]["detail"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["target"] == "cameras/0"
    assert run("export", str(out), "--data-dir", str(data))[0] == 1, "never over a file that is there"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_cells_are_no_formulas(text: str) -> None:
    assert formula_safe(text) == f"'{text}"
    assert formula_safe("plain -1") == "plain -1"
