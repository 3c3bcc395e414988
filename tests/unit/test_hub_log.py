"""The hub's log: numbering, restart, dedupe, pruning, damaged and foreign files, samples and history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from conftest import ExpectLogs

from backends.domain.feeds import FEEDS, Mode
from backends.domain.incident import TimelineEvent
from backends.domain.place import SlaRule
from backends.domain.sensor import Flagged, Sample
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub import schema
from backends.hub.log import BATCH_SAMPLES, DEDUPE_NS, MAX_BODY, SqliteLog
from backends.hub.ports import ActionRow, Change, LogTrouble
from backends.protocol.codec import decode_body, encode
from backends.protocol.messages import Envelope

NOW = 1_790_000_000 * NS_PER_S


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(path, Mode.TEST, keep_log_s=100, keep_samples_s=100)
    yield made
    made.close()


def put(id_: str, hours: float = 1.0, rev: int = 1) -> Change:
    return Change("config", "put", id_, NOW, SlaRule(id_, "c", LocalText("x"), hours), rev)


def note(id_: str, t_ns: int = NOW) -> Change:
    return Change("timeline", "event", id_, t_ns, TimelineEvent(id_, t_ns, "comment"))


def die(log: SqliteLog) -> None:
    """As a killed process: nothing is marked, nothing checkpointed."""
    log._db.close()


def test_seqs_are_contiguous_per_feed_and_fetched_as_published(log: SqliteLog) -> None:
    published = log.commit([put("a"), note("n1"), put("b")], NOW)
    published += log.commit([put("a", 2.0, 2), Change("config", "del", "b", NOW, None, 2)], NOW + 1)
    config = [e for e in published if e.feed == "config"]
    assert [e.seq for e in config] == [1, 2, 3, 4]
    assert log.fetch("config", 0, 100, 1 << 20) == config
    assert log.fetch("config", 2, 1, 1 << 20) == config[2:3]
    assert [e.id for e in log.items("config")] == ["a"]
    assert decode_body("config", log.items("config")[0].body).hours == 2.0
    assert log.head("config").head == 4


def test_a_del_is_valid_json_without_a_body(log: SqliteLog) -> None:
    (gone,) = log.commit([Change("config", "del", "x", NOW)], NOW)
    for envelope in (gone, *log.fetch("config", 0, 10, 1 << 20)):
        assert "body" not in msgspec.json.decode(encode(envelope))
        assert msgspec.json.decode(encode(envelope), type=Envelope) == envelope


def test_fetch_is_bounded_in_bytes_but_always_moves(log: SqliteLog) -> None:
    log.commit([note(f"n{n}") for n in range(10)], NOW)
    assert len(log.fetch("timeline", 0, 10, 1)) == 1
    assert len(log.fetch("timeline", 0, 10, 1200)) < 10


def test_a_killed_log_keeps_epochs_seqs_and_outcomes(log: SqliteLog, path: Path) -> None:
    row = ActionRow("a1", "desk", b"d" * 32, "applied", "", "", 3)
    log.commit([put("a")], NOW, action=row, meta={"k": "v"})
    log.commit([], NOW, samples=[Sample("s", NOW, 1.0)])
    before = log.heads()
    die(log)
    again = SqliteLog(path, Mode.TEST)
    assert not again.stopped_cleanly
    assert again.heads() == before
    assert again.outcome("a1") == row
    assert again.meta("k") == "v"
    assert again.last("s") == Sample("s", NOW, 1.0)
    (next_one,) = again.commit([put("c")], NOW)
    assert next_one.seq == before["config"].head + 1
    log._db = again._db  # the fixture closes it


def test_a_machine_that_lost_power_gives_new_epochs_to_what_was_not_fsynced(
    log: SqliteLog, path: Path, expect_logs: ExpectLogs
) -> None:
    log.commit([put("a")], NOW, meta={"boot": "12345"})
    before = log.heads()
    die(log)
    expect_logs("gets a new epoch")
    again = SqliteLog(path, Mode.TEST)
    for name, spec in FEEDS.items():
        assert (again.heads()[name].epoch == before[name].epoch) is spec.precious, name
    assert [e.id for e in again.items("config")] == ["a"]
    assert again.head("config").oldest == 2
    log._db = again._db


def test_a_planned_stop_is_remembered(path: Path) -> None:
    SqliteLog(path, Mode.TEST).close()
    again = SqliteLog(path, Mode.TEST)
    assert again.stopped_cleanly
    again.close()


def test_a_failed_commit_moves_nothing_and_can_be_tried_again(log: SqliteLog) -> None:
    row = ActionRow("a1", "desk", b"", "applied")
    log.commit([put("a")], NOW, action=row)
    with pytest.raises(LogTrouble):
        log.commit([put("b")], NOW, samples=[Sample("new", NOW, 1.0)], action=row)
    assert log.head("config").head == 1
    assert log.history("new", 0, NOW) is None
    published = log.commit([put("b")], NOW, samples=[Sample("new", NOW, 1.0)])
    assert [e.seq for e in published] == [2, 1]
    assert log.last("new") == Sample("new", NOW, 1.0)


def test_a_record_that_no_frame_could_carry_is_left_out(log: SqliteLog, expect_logs: ExpectLogs) -> None:
    expect_logs("over the limit")
    huge = SlaRule("h", "c", LocalText("x" * MAX_BODY), 1.0)
    published = log.commit([Change("config", "put", "h", NOW, huge), put("a")], NOW)
    assert [(e.id, e.seq) for e in published] == [("a", 1)]


def test_pruning_moves_oldest_and_keeps_items(log: SqliteLog) -> None:
    log.commit([put("a"), note("old")], NOW)
    log.commit([note("young")], NOW + 200 * NS_PER_S)
    log.prune(NOW + 200 * NS_PER_S, NOW)
    assert (log.head("timeline").oldest, log.head("timeline").head) == (2, 2)
    assert [e.id for e in log.fetch("timeline", 0, 10, 1 << 20)] == ["young"]
    assert [e.id for e in log.items("config")] == ["a"]


def test_outcomes_are_kept_for_thirty_days(log: SqliteLog) -> None:
    log.commit([], NOW, action=ActionRow("a1", "desk", b"", "applied"))
    (t_wall,) = log._db.execute("SELECT t_wall FROM action").fetchone()
    log.prune(NOW, t_wall + DEDUPE_NS)
    assert log.outcome("a1") is not None
    log.prune(NOW, t_wall + DEDUPE_NS + 1)
    assert log.outcome("a1") is None


def test_samples_are_numbered_in_batches_and_never_logged(log: SqliteLog) -> None:
    older = [Sample("s0", NOW - n, 0.0) for n in (4, 3, 2, 1)]
    samples = [Sample(f"s{n}", NOW, 1.0) for n in range(BATCH_SAMPLES + 1)]
    published = log.commit([], NOW, samples=[*older, *samples])
    bodies = [decode_body("samples", e.body) for e in published]
    assert [(e.seq, len(b.samples), b.conflated) for e, b in zip(published, bodies, strict=True)] == [
        (1, BATCH_SAMPLES, 4),
        (2, 1, 0),
    ]
    assert bodies[0].samples[0] == Sample("s0", NOW, 1.0)
    assert len(series(log, "s0")) == 5, "what was merged away on the wire is kept for HISTORY"
    assert log.fetch("samples", 0, 10, 1 << 20) == []
    assert (log.head("samples").head, log.head("samples").oldest) == (2, 3)


def series(log: SqliteLog, name: str = "s") -> list[tuple[int, float]]:
    found = log.history(name, 0, 1 << 62)
    assert found is not None
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


def test_history_joins_blocks_and_tail_in_time_order(log: SqliteLog) -> None:
    log.load_past([Sample("s", t, float(t)) for t in (1, 2, 3)])
    log.seal()
    log.commit([], NOW, samples=[Sample("s", 5, 5.0)])
    log.commit([], NOW, samples=[Sample("s", 4, 4.0)])
    log.commit([], NOW, samples=[Sample("s", 3, 33.0)])
    assert series(log) == [(1, 1.0), (2, 2.0), (3, 33.0), (4, 4.0), (5, 5.0)]
    log.seal()
    assert series(log) == [(1, 1.0), (2, 2.0), (3, 33.0), (4, 4.0), (5, 5.0)]
    found = log.history("s", 2, 4)
    assert found is not None
    assert found[0].tolist() == [2, 3, 4]


def test_only_good_values_are_in_the_line_and_the_rest_is_named(log: SqliteLog) -> None:
    samples = [Sample("s", 1, None), Sample("s", 2, 7.0, "stale"), Sample("s", 3, 7.0, "fault"), Sample("s", 4, 1.0)]
    log.commit([], NOW, samples=samples[:1])
    log.commit([], NOW, samples=samples[1:2])
    log.commit([], NOW, samples=samples[2:3])
    assert log.last("s") == Sample("s", 3, 7.0, "fault")
    log.commit([], NOW, samples=[samples[3], Sample("s", 5, 9.0, "fault"), Sample("s", 6, 8.0, "fault")])
    for _ in ("in memory", "packed"):
        found = log.history("s", 0, 9)
        assert found is not None
        assert np.isnan(found[1]).tolist() == [True, True, True, False, True, True]
        assert log.flags("s", 0, 9) == (
            Flagged(2, 2, "stale", 7.0, 7.0), Flagged(3, 3, "fault", 7.0, 7.0), Flagged(5, 6, "fault", 8.0, 9.0)
        )  # fmt: skip
        log.seal()
    assert log.flags("s", 3, 4) == (Flagged(3, 3, "fault", 7.0, 7.0),)
    assert log.flags("nobody", 0, 9) == ()


def test_old_blocks_are_forgotten(log: SqliteLog) -> None:
    log.load_past([Sample("s", NOW, 1.0)])
    log.seal()
    log.prune(NOW + 101 * NS_PER_S, NOW)
    assert series(log) == []


def test_a_second_hub_on_the_same_log_is_told_so(log: SqliteLog, path: Path) -> None:
    with pytest.raises(LogTrouble, match="another hub"):
        SqliteLog(path, Mode.TEST)


def test_a_log_of_another_mode_is_refused(path: Path) -> None:
    SqliteLog(path, Mode.LIVE).close()
    with pytest.raises(LogTrouble, match="belongs to mode live, not exercise"):
        SqliteLog(path, Mode.EXERCISE)


def test_a_newer_schema_is_refused_in_words(path: Path) -> None:
    SqliteLog(path, Mode.TEST).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    db.close()
    with pytest.raises(LogTrouble, match="newer hub"):
        SqliteLog(path, Mode.TEST)


def test_a_damaged_log_is_kept_and_a_new_one_started(path: Path, expect_logs: ExpectLogs) -> None:
    path.write_bytes(b"not a database, " * 1000)
    expect_logs("is damaged")
    log = SqliteLog(path, Mode.TEST)
    log.commit([put("a")], NOW)
    log.close()
    (kept,) = path.parent.glob("hub.db.damaged-*")
    assert kept.read_bytes().startswith(b"not a database")
