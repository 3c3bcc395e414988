"""The audit chain: every edit, deletion, swap, insertion and truncation is found, and the row is named."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click

from backends.domain.action import Stage
from backends.store import audit
from backends.store.audit import Link, Row
from backends.store.ops import PutAudit
from backends.store.schema import OPS_FILE, open_ops
from backends.store.store import Store
from backends.store.trail import AUDIT_FOLDER, read_anchors
from backends.store.verify import Anchor, Report, verify, verify_file
from backends.store.writer import OpsWriter

ROWS = 2_000


@pytest.fixture(scope="module")
def chain() -> list[Row]:
    """Rows as the store writes them."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE audit (n INTEGER PRIMARY KEY, t_ns, station, person, what, target, result, aid, detail,"
               " prev_hash, hash)")  # fmt: skip
    db.execute("CREATE TABLE audit_base (n, hash)")
    for n in range(1, ROWS + 1):
        audit.append(
            db, t_ns=n * 10**9, station="bàn-1", person=f"op{n % 7}", what="claim", target=f"alarms/a{n}",
            result="queued", aid=f"aid-{n}", detail="",
        )  # fmt: skip
    found = list(audit.rows(db))
    db.close()
    return found


def report(rows: list[Row], anchors: tuple[Anchor, ...] = ()) -> Report:
    return verify(Link(), sorted(rows, key=lambda row: row.n), anchors)


def with_(row: Row, **changes: object) -> Row:
    return msgspec.structs.replace(row, **changes)


def rehashed(rows: list[Row], first: int) -> list[Row]:
    """The chain computed anew from row `first` on, as one who can write the file would do it."""
    out = rows[: first - 1]
    for row in rows[first - 1 :]:
        prev = out[-1].link if out else Link()
        renewed = with_(row, n=prev.n + 1, prev_hash=prev.hash)
        out.append(with_(renewed, hash=renewed.true_hash()))
    return out


def test_a_whole_chain_has_no_findings(chain: list[Row]) -> None:
    anchors = tuple(Anchor(n, chain[n - 1].hash.hex()) for n in (60, 1000, ROWS))
    began_s = time.monotonic()
    whole = report(chain, anchors)
    print(f"\n{ROWS} rows verified in {time.monotonic() - began_s:.3f} s")
    assert (whole.findings, whole.rows, whole.first, whole.last) == ((), ROWS, 1, ROWS)


def test_the_format_is_what_the_document_says(chain: list[Row]) -> None:
    row = chain[1]
    fields = [b"2", b"2000000000", "bàn-1".encode(), b"op2", b"claim", b"alarms/a2", b"queued", b"aid-2", b""]
    raw = b"".join(str(len(field)).encode() + b":" + field + b"," for field in fields)
    assert row.hash == hashlib.sha256(b"ioc-audit-1\0" + chain[0].hash + raw).digest()
    assert chain[0].prev_hash == bytes(32)


FIELDS = ("t_ns", "station", "person", "what", "target", "result", "aid", "detail")


@pytest.mark.parametrize("seed", range(40))
def test_every_edit_is_found_and_named(chain: list[Row], seed: int) -> None:
    pick = random.Random(seed)
    n, field = pick.randint(1, ROWS), FIELDS[seed % len(FIELDS)]
    old = getattr(chain[n - 1], field)
    rows = list(chain)
    rows[n - 1] = with_(rows[n - 1], **{field: old + 1 if isinstance(old, int) else f"{old}x"})
    assert [finding.n for finding in report(rows).findings] == [n]
    rows[n - 1] = with_(rows[n - 1], hash=rows[n - 1].true_hash())  # and its hash made to fit
    if n < ROWS:
        assert [finding.n for finding in report(rows).findings] == [n + 1]


@pytest.mark.parametrize("seed", range(10))
def test_every_deletion_swap_and_insertion_is_found(chain: list[Row], seed: int) -> None:
    n = random.Random(seed).randint(2, ROWS - 2)
    gone = report([*chain[: n - 1], *chain[n:]])
    assert [f.n for f in gone.findings] == [n]
    assert "missing" in gone.findings[0].text
    renumbered = [*chain[: n - 1], *(with_(row, n=row.n - 1) for row in chain[n:])]
    assert report(renumbered).findings[0].n == n
    swapped = list(chain)
    swapped[n - 1], swapped[n] = with_(chain[n], n=n), with_(chain[n - 1], n=n + 1)
    assert report(swapped).findings[0].n == n
    link = chain[n - 2].link
    forged = with_(chain[0], n=n, prev_hash=link.hash)
    forged = with_(forged, hash=forged.true_hash())
    inserted = [*chain[: n - 1], forged, *(with_(row, n=row.n + 1) for row in chain[n - 1 :])]
    assert n + 1 in {f.n for f in report(inserted).findings}
    front = [with_(chain[0], n=0), *chain]
    assert report(front).findings, "before the first row"


@pytest.mark.parametrize("cut", [1, 10, ROWS])
def test_truncation_is_found_against_an_anchor_and_only_so(chain: list[Row], cut: int) -> None:
    rows = chain[: ROWS - cut]
    anchor = Anchor(ROWS, chain[-1].hash.hex())
    assert [f.n for f in report(rows, (anchor,)).findings] == [ROWS - cut + 1]
    assert report(rows).findings == (), "control: the chain itself does not know how long it was"


def test_a_chain_written_anew_is_found_against_an_anchor_and_only_so(chain: list[Row]) -> None:
    rows = list(chain)
    rows[99] = with_(rows[99], person="somebody else")
    rows = rehashed(rows, 100)
    anchors = tuple(Anchor(n, chain[n - 1].hash.hex()) for n in (60, 150))
    assert [f.n for f in report(rows, anchors).findings] == [150]
    assert report(rows).findings == ()


def test_a_forged_gap_row_does_not_hide_a_deletion(chain: list[Row]) -> None:
    hole = audit.Hole(chain[49].link, chain[59].link)
    rows = [*chain[:50], *chain[60:100]]
    gap = with_(chain[0], n=101, what=audit.GAP, detail=audit.hole_words(hole, "lost"), prev_hash=rows[-1].hash)
    rows.append(with_(gap, hash=gap.true_hash()))
    found = report(rows).findings
    assert [f.n for f in found] == [51]
    assert "row 101 says why" in found[0].text


@pytest.mark.parametrize("broken", [lambda row: True, None])
def test_control_without_the_hash_an_edit_is_not_found(
    chain: list[Row], broken: Callable[[Row], object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(chain)
    rows[4] = with_(rows[4], person="x")
    if broken is not None:
        monkeypatch.setattr(Row, "true_hash", lambda row: row.hash)
    assert bool(report(rows).findings) is (broken is None)


# -- as the store writes it --------------------------------------------------------------------------


@pytest.fixture
def anchored() -> list[tuple[int, str]]:
    return []


@pytest.fixture
def writer(tmp_path: Path, anchored: list[tuple[int, str]]) -> Iterator[OpsWriter]:
    made = OpsWriter(tmp_path / OPS_FILE, "demo", Heard(), on_anchor=lambda n, row_hash: anchored.append((n, row_hash)))
    made.open()
    made.start()
    yield made
    made.stop()


def test_actions_and_looks_are_one_chain_and_a_session_ends_with_an_anchor(
    tmp_path: Path, writer: OpsWriter, anchored: list[tuple[int, str]]
) -> None:
    writer.put(click("u1"), PutAudit(5, "view_camera", "op", "cameras/014"), click("u1", Stage.APPLIED))
    writer.put(click("u1", Stage.APPLIED), PutAudit(6, "sign_out", "op\ud800\0", ends_session=True))
    wait_until(lambda: anchored and anchored[-1][0] == 4)
    whole = verify_file(tmp_path, [Anchor(*anchored[-1])])
    assert (whole.findings, whole.last) == ((), 4), "the same stage twice is one row"
    assert [line[:2] for line in read_anchors(tmp_path / AUDIT_FOLDER)] == anchored


def test_anchors_come_every_minute_while_there_is_something_new(
    tmp_path: Path, writer: OpsWriter, anchored: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.store.trail.ANCHOR_EVERY_S", 0.05)
    monkeypatch.setattr("backends.store.writer.CHECKPOINT_S", 0.02)
    writer.put(click("u1"))
    wait_until(lambda: [n for n, _ in anchored] == [1])
    writer.put(click("u2"))
    wait_until(lambda: [n for n, _ in anchored] == [1, 2])


def test_no_action_without_its_audit_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails between the two takes both back. Control: without the rollback the action stands alone."""

    def refuse(*args: object, **fields: object) -> Link:
        raise sqlite3.OperationalError("power cut")

    db = open_ops(tmp_path / OPS_FILE, "demo")
    monkeypatch.setattr("backends.store.audit.append", refuse)
    for undo, actions in (("ROLLBACK", 0), ("COMMIT", 1)):
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="power cut"):
            click("u1").write(db, {})
        db.execute(undo)
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (actions,)
        assert db.execute("SELECT count(*) FROM audit").fetchone() == (0,)
    db.close()


def test_the_person_of_an_action_comes_back(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    expect_logs("older than what had been written; 1 rows of the audit were put back")
    store = Store(tmp_path, "demo", Heard())
    store.open()
    store.start()
    action = click("u1", cseq=3)
    store.keep_action(action.status.action, "op")
    store.put([action])
    store.stop()
    again = Store(tmp_path, "demo", Heard())
    state = again.open()
    again.stop()
    assert [(s.action.aid, s.person) for s in state.unfinished] == [("u1", "op")]
    (tmp_path / OPS_FILE).unlink()
    third = Store(tmp_path, "demo", Heard())
    state = third.open()
    third.stop()
    assert [(s.action.aid, s.person) for s in state.unfinished] == [("u1", "op")]
    assert state.last_cseq == 3


# --- rows that changed where they lie ----------------------------------------------------------------


def written(folder: Path, count: int = 12) -> None:
    """A store with some audit rows, closed."""
    store = Store(folder, "demo", Heard())
    store.open()
    store.start()
    store.put([PutAudit(n, "view_camera", "op", f"cameras/{n:03}") for n in range(count)])
    wait_until(lambda: not store.waiting_rows)
    store.stop()


def change(folder: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(folder / OPS_FILE)
    db.execute(statement, values)
    db.commit()
    db.close()


def opened(folder: Path) -> str:
    """Start and stop; what the store said."""
    heard = Heard()
    store = Store(folder, "demo", heard)
    store.open()
    store.start()
    store.stop()
    return "; ".join(text for code, text in heard.troubles if code)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET target = 'cameras/999' WHERE n = 5",
        "UPDATE audit SET hash = zeroblob(32) WHERE n = 5",
        "UPDATE audit SET prev_hash = zeroblob(32) WHERE n = 5",
        "UPDATE audit SET person = CAST(x'ff41' AS TEXT) WHERE n = 5",
        "DELETE FROM audit WHERE n = 5",
    ],
)
def test_a_row_that_changed_is_put_back_from_the_second_copy_and_that_is_a_row(
    tmp_path: Path, statement: str, expect_logs: ExpectLogs
) -> None:
    expect_logs("was changed")
    written(tmp_path)
    change(tmp_path, statement)
    if "CAST" not in statement:
        assert verify_file(tmp_path, []).findings, "the control: it is found"
    words = opened(tmp_path)
    assert "put back from its second copy: 5" in words
    assert verify_file(tmp_path, []).findings == ()
    db = sqlite3.connect(tmp_path / OPS_FILE)
    assert db.execute("SELECT target FROM audit WHERE n = 5").fetchone() == ("cameras/004",)
    rows = db.execute("SELECT target, result, detail FROM audit WHERE what = 'restore'").fetchall()
    db.close()
    assert [(target, result) for target, result, _ in rows] == [("audit", "altered")]
    assert opened(tmp_path) == "", "once"


def test_a_second_copy_that_nothing_agrees_with_is_not_believed(tmp_path: Path) -> None:
    """Both were edited, each row whole by itself: the database stays as it is, and the edit is found."""
    written(tmp_path)
    change(tmp_path, "UPDATE audit SET target = 'cameras/998' WHERE n = 5")
    (path,) = (tmp_path / AUDIT_FOLDER).glob("audit-????????.jnl")
    lines = path.read_bytes().split(b"\n")
    at = next(i for i, line in enumerate(lines) if b"cameras/004" in line)
    fields = msgspec.json.decode(lines[at][9:])
    fields[5] = "cameras/999"
    fields[10] = audit.chained(bytes.fromhex(fields[9]), tuple(fields[:9])).hex()
    data = msgspec.json.encode(fields)
    lines[at] = b"%08x %s" % (zlib.crc32(data), data)
    path.write_bytes(b"\n".join(lines))
    assert opened(tmp_path) == ""
    assert [finding.n for finding in verify_file(tmp_path, []).findings] == [5]
