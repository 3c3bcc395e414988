"""ops.db: what is committed, in what groups, and what happens when the file or the disk fails."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers.feed_waits import ExpectLogs, wait_until
from helpers.store_rig import Heard, click, record, snapshot

from backends.domain.action import Stage
from backends.store.errors import StoreRefused
from backends.store.ops import QUARANTINE_KEPT, Call, PutMoment, PutQuarantine, PutRecords
from backends.store.reader import read_ended, read_state, stored_mode
from backends.store.schema import MIGRATIONS, OPS_FILE, open_ops
from backends.store.store import Store, StoreBusy
from backends.store.writer import OpsWriter


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def writer(tmp_path: Path, heard: Heard) -> Iterator[OpsWriter]:
    made = OpsWriter(tmp_path / OPS_FILE, "demo", heard)
    made.open()
    made.start()
    yield made
    made.stop()


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / OPS_FILE)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_rows_and_cursor_move_together_and_are_told_after_commit(
    tmp_path: Path, writer: OpsWriter, heard: Heard
) -> None:
    writer.put(snapshot(2))
    writer.put(PutRecords([record(3), record(4, key="a1"), record(5, key="a2", kind="del")]))
    wait_until(lambda: heard.seqs() == [3, 4, 5])
    assert rows(tmp_path, "SELECT epoch, seq FROM cursor WHERE feed = 'alarms'") == [("e", 5)]
    assert rows(tmp_path, "SELECT id, seq FROM item ORDER BY id") == [("a1", 4), ("a3", 3)]
    assert rows(tmp_path, "SELECT seq, type FROM log ORDER BY seq") == [(3, "put"), (4, "put"), (5, "del")]
    assert writer.positions == {"alarms": ("e", 5)}


def test_rows_that_do_not_join_are_shown_but_never_stored(tmp_path: Path, writer: OpsWriter, heard: Heard) -> None:
    writer.put(snapshot(2), PutRecords([record(4)]), PutRecords([record(5)]))
    wait_until(lambda: heard.holes == ["alarms"])
    writer.put(PutRecords([record(6)]))
    wait_until(lambda: heard.seqs(stored=False) == [4, 5, 6])
    assert heard.holes == ["alarms"], "asked for once"
    assert rows(tmp_path, "SELECT seq FROM cursor") == [(2,)]
    writer.put(snapshot(6), PutRecords([record(7)]))
    wait_until(lambda: heard.seqs() == [7])
    assert rows(tmp_path, "SELECT seq FROM cursor") == [(7,)]


def test_slow_feeds_are_grouped_and_an_alarm_closes_the_group(writer: OpsWriter, heard: Heard) -> None:
    writer.put(snapshot(0, "cameras"), snapshot(0))
    wait_until(lambda: len(heard.commits) == 1)
    for n in range(1, 31):
        writer.put(PutRecords([record(n, "cameras")]))
    writer.put(PutRecords([record(1)]))
    wait_until(lambda: heard.seqs() == [1])
    assert heard.seqs("cameras") == list(range(1, 31))
    assert len(heard.commits) <= 8
    began_s = time.monotonic()
    writer.put(PutRecords([record(31, "cameras")]))
    wait_until(lambda: len(heard.seqs("cameras")) == 31)
    assert time.monotonic() - began_s < 5.0


def test_state_feeds_without_weight_have_no_log(tmp_path: Path, writer: OpsWriter, heard: Heard) -> None:
    writer.put(snapshot(0, "cameras"), PutRecords([record(1, "cameras"), record(2, "cameras", key="a1")]))
    writer.put(snapshot(0, "timeline"), PutRecords([record(1, "timeline", kind="event")]))
    wait_until(lambda: heard.seqs("timeline") == [1])
    assert rows(tmp_path, "SELECT feed FROM log") == [("timeline",)]
    assert rows(tmp_path, "SELECT feed, seq FROM item") == [("cameras", 2)]


def test_last_state_actions_and_clock_come_back(tmp_path: Path, heard: Heard) -> None:
    writer = OpsWriter(tmp_path / OPS_FILE, "demo", heard)
    writer.open()
    writer.start()
    writer.put(snapshot(2), click("u1"), click("u2", cseq=2), click("u2", Stage.APPLIED, cseq=2))
    writer.put(PutMoment({"alarms": 77}, 1000, 2000, 60.0), snapshot(0, "timeline"))
    writer.put(PutRecords([record(1, "timeline", kind="event")]))
    writer.stop()
    assert read_state(tmp_path, "live").feeds == (), "another city's data is not shown"
    assert stored_mode(tmp_path) == "demo"
    state = read_state(tmp_path, "demo")
    kept = {feed.feed: feed for feed in state.feeds}
    assert [key for key, _ in kept["alarms"].items] == ["a1", "a2"]
    assert (kept["alarms"].seq, kept["alarms"].t_fresh_ns) == (2, 77)
    assert [key for key, _ in kept["timeline"].items] == ["a1"]
    assert [(s.action.aid, s.stage) for s in state.unfinished] == [("u1", Stage.QUEUED)]
    assert state.last_cseq == 2
    assert state.clock is not None
    assert (state.clock.hub_ns, state.clock.machine_ns, state.clock.rate) == (1000, 2000, 60.0)
    assert rows(tmp_path, "SELECT person, what, target, result FROM audit ORDER BY n")[0] == (
        "op", "claim", "alarms/a1", "queued",
    )  # fmt: skip


def test_quarantine_keeps_the_newest_thousand(tmp_path: Path, writer: OpsWriter, heard: Heard) -> None:
    writer.put(*(PutQuarantine(n, "alarms", f"bad {n} \ud800 \0", b"\xff" * 10) for n in range(QUARANTINE_KEPT + 30)))
    wait_until(lambda: sum(len(ops) for ops, _ in heard.commits) == QUARANTINE_KEPT + 30)
    assert rows(tmp_path, "SELECT count(*), max(t_ns) FROM quarantine") == [(QUARANTINE_KEPT, QUARANTINE_KEPT + 29)]


def test_a_full_disk_shows_everything_keeps_it_and_heals(
    tmp_path: Path, writer: OpsWriter, heard: Heard, expect_logs: ExpectLogs
) -> None:
    expect_logs("disk_full")
    writer.put(snapshot(2), click("u1"))
    wait_until(lambda: len(heard.commits) == 1)
    full = Call(lambda db: db.execute("PRAGMA max_page_count = 10").fetchall() and None)
    writer.put(full)
    wait_until(lambda: len(heard.commits) == 2)
    writer.put(PutRecords([record(n) for n in range(3, 400)]))
    wait_until(lambda: heard.seqs(stored=False) == list(range(3, 400)))
    assert writer.trouble == "disk_full"
    assert heard.troubles[0][0] == "disk_full"
    assert "full" in heard.troubles[0][1]
    writer.put(PutRecords([record(400)]))
    wait_until(lambda: heard.seqs(stored=False)[-1] == 400)
    assert heard.seqs() == []
    assert rows(tmp_path, "SELECT seq FROM cursor") == [(2,)]
    assert writer._db is not None
    writer._db.execute("PRAGMA max_page_count = 1000000").fetchall()  # space has come back
    wait_until(lambda: heard.seqs() == list(range(3, 401)), what="stored after all")
    wait_until(lambda: writer.trouble == "")
    assert rows(tmp_path, "SELECT count(*), max(seq) FROM log") == [(398, 400)]


def test_a_long_failure_lets_go_of_feeds_that_can_be_fetched_again(
    tmp_path: Path, writer: OpsWriter, heard: Heard, monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    expect_logs("disk_full")
    expect_logs("cameras will be fetched again")
    monkeypatch.setattr("backends.store.writer.RETAIN_ROWS", 50)
    writer.put(snapshot(0), snapshot(0, "cameras"))
    wait_until(lambda: len(heard.commits) == 1)
    writer.put(Call(lambda db: db.execute("PRAGMA max_page_count = 10").fetchall() and None))
    writer.put(PutRecords([record(1)]))
    for n in range(4):
        writer.put(PutRecords([record(n * 100 + i, "cameras") for i in range(1, 101)]))
    wait_until(lambda: len(heard.seqs("cameras", stored=False)) == 400)
    assert writer._db is not None
    writer._db.execute("PRAGMA max_page_count = 1000000").fetchall()
    wait_until(lambda: writer.trouble == "")
    assert heard.seqs() == [1], "alarms are kept to the last"
    writer.put(PutRecords([record(401, "cameras")]))
    wait_until(lambda: heard.holes == ["cameras"])
    assert rows(tmp_path, "SELECT seq FROM cursor WHERE feed = 'cameras'") == [(0,)]


def test_what_cannot_be_stored_costs_only_itself(
    tmp_path: Path, writer: OpsWriter, heard: Heard, expect_logs: ExpectLogs
) -> None:
    expect_logs("cannot be stored, cameras")
    writer.put(snapshot(0), snapshot(0, "cameras"))
    huge = msgspec.structs.replace(record(1, "cameras"), rev=1 << 70)
    writer.put(PutRecords([huge]), PutRecords([record(1)]))
    wait_until(lambda: heard.seqs() == [1])
    assert heard.holes == ["cameras"]
    assert writer.trouble == ""
    assert rows(tmp_path, "SELECT feed, seq FROM cursor ORDER BY feed") == [("alarms", 1), ("cameras", 0)]


@pytest.mark.parametrize("damage", ["garbage", "page", "short"])
def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(
    tmp_path: Path, heard: Heard, damage: str, expect_logs: ExpectLogs
) -> None:
    expect_logs("is damaged")
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(300)])
    action = click("u9", cseq=4)
    store.keep_action(action.status.action)
    store.put([action])
    store.stop()
    path = tmp_path / OPS_FILE
    raw = bytearray(path.read_bytes())
    if damage == "garbage":
        raw[:200] = b"not a database".ljust(200, b"!")
    elif damage == "page":
        raw[4096:12288] = b"\xa5" * 8192
    else:
        del raw[len(raw) // 2 :]
    path.write_bytes(raw)
    again = Store(tmp_path, "demo", heard)
    state = again.open()
    again.start()
    try:
        assert state.feeds == ()
        assert [(s.action.aid, s.stage) for s in state.unfinished] == [("u9", Stage.QUEUED)]
        assert state.last_cseq == 4
        assert heard.troubles[0][0] == "damaged"
        assert "damaged-" in heard.troubles[0][1]
        folders = list(tmp_path.glob("damaged-*"))
        assert [p.read_bytes() for p in folders[0].glob(OPS_FILE)] == [bytes(raw)]
        again.put([snapshot(1)])
        wait_until(lambda: again.positions.get("alarms") == ("e", 1))
        assert heard.emptied == 1
    finally:
        again.stop()
    assert [row[0] for row in rows(tmp_path, "SELECT aid FROM outbox")] == ["u9"]


def test_control_an_undamaged_file_is_left_alone(tmp_path: Path, heard: Heard) -> None:
    for _ in range(2):
        store = Store(tmp_path, "demo", heard)
        store.open()
        store.start()
        store.put([snapshot(3)])
        store.stop()
    assert heard.troubles == []
    assert list(tmp_path.glob("damaged-*")) == []


def test_a_newer_schema_is_refused_in_words_and_untouched(
    tmp_path: Path, heard: Heard, expect_logs: ExpectLogs
) -> None:
    expect_logs("newer_schema")
    path = tmp_path / OPS_FILE
    open_ops(path, "demo").close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(len(MIGRATIONS) + 1),))
    connection.commit()
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.close()
    before = path.read_bytes()
    store = Store(tmp_path, "demo", heard)
    state = store.open()
    store.start()
    store.put([snapshot(1)])
    wait_until(lambda: heard.commits)
    store.stop()
    assert state.feeds == ()
    assert heard.troubles[0][0] == "newer_schema"
    assert "newer program" in heard.troubles[0][1]
    assert [stored for _, stored in heard.commits] == [False]
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("ops.db*")) == [OPS_FILE]


@pytest.mark.parametrize("version", [0, 1, 3, 2 | 1 << 16])
def test_a_flipped_schema_number_is_damage_and_no_newer_program(
    tmp_path: Path, heard: Heard, expect_logs: ExpectLogs, version: int
) -> None:
    expect_logs("is damaged")
    path = tmp_path / OPS_FILE
    open_ops(path, "demo").close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(1)])
    wait_until(lambda: heard.commits)
    store.stop()
    assert [stored for _, stored in heard.commits] == [True]
    assert list(tmp_path.glob(f"damaged-*/{OPS_FILE}")), "the old file is kept"


def test_another_modes_file_is_refused(tmp_path: Path) -> None:
    open_ops(tmp_path / OPS_FILE, "live").close()
    with pytest.raises(StoreRefused, match="live"):
        open_ops(tmp_path / OPS_FILE, "demo")


def test_a_failed_migration_leaves_no_half_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(db: object) -> None:
        MIGRATIONS[0](db)  # type: ignore[arg-type]
        raise sqlite3.OperationalError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("backends.store.schema.MIGRATIONS", (half,))
        with pytest.raises(sqlite3.OperationalError, match="power cut"):
            open_ops(tmp_path / OPS_FILE, "demo")
    assert rows(tmp_path, "SELECT name FROM sqlite_master") == []
    open_ops(tmp_path / OPS_FILE, "demo").close()


def test_one_folder_has_one_writer(tmp_path: Path, heard: Heard) -> None:
    first = Store(tmp_path, "demo", heard)
    first.open()
    with pytest.raises(StoreBusy):
        Store(tmp_path, "demo", heard).open()
    first.stop()
    second = Store(tmp_path, "demo", heard)
    second.open()
    second.stop()


@pytest.mark.parametrize(
    ("sql", "gone"),
    [
        ("UPDATE cursor SET seq = seq + 1 WHERE feed = 'alarms'", {"alarms"}),
        (
            "UPDATE item SET body = CAST(replace(body, 'high', 'low!') AS BLOB) WHERE id = 'a2' AND feed = 'alarms'",
            {"alarms"},
        ),
        ("UPDATE cursor SET t_fresh_ns = 5", set()),
    ],
)
def test_a_feed_whose_rows_were_altered_is_taken_anew(
    tmp_path: Path, heard: Heard, sql: str, gone: set[str], expect_logs: ExpectLogs
) -> None:
    """What quick_check does not see: a bit in a cursor would skip an alarm, one in an item would show another."""
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(3), snapshot(2, "reports"), snapshot(0, "timeline")])
    store.put([PutRecords([record(1, "timeline", kind="event"), record(2, "timeline", kind="event")])])
    store.stop()
    with sqlite3.connect(tmp_path / OPS_FILE) as db:
        db.execute(sql)
        db.execute("UPDATE log SET body = x'00' WHERE feed = 'timeline' AND seq = 1")
    db.close()
    again = Store(tmp_path, "demo", heard)
    state = again.open()
    again.stop()
    assert {kept.feed for kept in state.feeds} == {"alarms", "reports", "timeline"} - gone
    assert again.positions.keys() == {"alarms", "reports", "timeline"} - gone
    assert [len(kept.items) for kept in state.feeds if kept.feed == "timeline"] == [1]
    if gone:
        expect_logs("alarms will be taken anew")
        assert heard.troubles[0][0] == "damaged"


LOOK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()[0])
db.close()
"""


def looked_at(folder: Path) -> int:
    """By another process, with a connection that could write, as a person's own tool has."""
    return int(subprocess.check_output([sys.executable, "-c", LOOK, str(folder / OPS_FILE)], text=True))


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX go with any descriptor")
@pytest.mark.parametrize("plain_open", [False, True], ids=["guard", "control: the file opened and closed"])
def test_another_process_does_not_take_the_wal_from_under_the_writer(
    tmp_path: Path, heard: Heard, plain_open: bool
) -> None:
    """The last one that closes deletes the -wal. Whether it is the last it knows by the locks of the others, and a
    process loses those when it closes any descriptor of the file: what is written then is seen by nobody."""
    store = Store(tmp_path, "demo", heard)
    store.open()
    store.start()
    store.put([snapshot(0), PutRecords([record(1)])])
    wait_until(lambda: heard.seqs() == [1])
    assert read_state(tmp_path, "demo").feeds
    assert stored_mode(tmp_path) == "demo"
    assert read_ended(tmp_path) == []
    if plain_open:
        (tmp_path / OPS_FILE).open("rb").close()
    assert looked_at(tmp_path) == 1
    store.put([PutRecords([record(2)])])
    wait_until(lambda: heard.seqs() == [1, 2])
    seen = looked_at(tmp_path)
    store.stop()
    assert seen == (1 if plain_open else 2)


def test_an_end_stands_when_an_older_stage_is_put_back(tmp_path: Path, writer: OpsWriter, heard: Heard) -> None:
    """A new file is told again what is under way, and one of those may have ended just then."""
    writer.put(click("u1", Stage.APPLIED), click("u1", Stage.QUEUED), click("u1", Stage.SENT), click("u2"))
    wait_until(lambda: rows(tmp_path, "SELECT aid FROM outbox WHERE aid = 'u2'"))
    assert rows(tmp_path, "SELECT stage FROM outbox WHERE aid = 'u1'") == [("applied",)]
    assert rows(tmp_path, "SELECT result FROM audit WHERE aid = 'u1'") == [("applied",)]
    writer.put(click("u1", Stage.CONFLICT), click("u3"))
    wait_until(lambda: rows(tmp_path, "SELECT aid FROM outbox WHERE aid = 'u3'"))
    assert rows(tmp_path, "SELECT stage FROM outbox WHERE aid = 'u1'") == [("conflict",)], "an end may be put right"
