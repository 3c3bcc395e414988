"""The fence, the lease and late answers, on one real nats-server: whatever leases say, the log tells one truth."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import nats.errors
import pytest
from conftest import ExpectLogs
from helpers.hubs import read_log, truths
from helpers.nats_cluster import SERVER, NatsCluster
from helpers.tiny_city import TinyCity
from helpers.waiting import wait_for
from nats.js import JetStreamContext

from backends.domain.feeds import Mode
from backends.domain.incident import TimelineEvent
from backends.domain.place import SlaRule
from backends.domain.sensor import Sample
from backends.domain.text import LocalText
from backends.domain.times import SystemClock
from backends.hub import jetstream, jetstream_client
from backends.hub.jetstream import LOST_TAIL, AwayTooLong, LostTail, ReplicatedLog
from backends.hub.jetstream_client import LEASE_S, JetStreamClient, NatsSettings, still_s
from backends.hub.jetstream_rows import SharedRows, Site
from backends.hub.member import Member
from backends.hub.ports import ActionRow, Change, LogTrouble, NotLeading
from backends.hub.replica import Replica
from backends.hub.replica_wire import Entry
from backends.protocol.messages import Envelope

pytestmark = pytest.mark.skipif(not Path(SERVER).exists(), reason="needs nats-server (Debian package nats-server)")

T = TypeVar("T")
NOW = 1_790_000_000_000_000_000
STREAM = "fence"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsCluster]:
    with NatsCluster(tmp_path, 1) as cluster:
        yield cluster


class Writer:
    """One hub's log in a thread of its own, as in a hub."""

    def __init__(self, folder: Path, name: str, server: NatsCluster) -> None:
        self.name = name
        self._pool = ThreadPoolExecutor(1, name)
        self.client = JetStreamClient(NatsSettings(server.urls, replicas=1), STREAM, name)
        self.client.start()
        self.published: list[Envelope] = []
        self.count = 0
        self.log = self.do(lambda: self._open(folder)).result(20)

    def _open(self, folder: Path) -> ReplicatedLog:
        return ReplicatedLog(Replica(folder / f"{self.name}.db", Mode.TEST, self.client.open()), self.client, self.name)

    def do(self, work: Callable[[], T]) -> Future[T]:
        return self._pool.submit(work)

    def lead(self) -> bool:
        self.log.follow()
        return self.log.lead(Event())

    def commit(self) -> None:
        self.count += 1
        id_ = f"{self.name}-{self.count}"
        self.published += self.log.commit([Change("timeline", "event", id_, NOW, TimelineEvent(id_, NOW, "x"))], NOW)

    def close(self) -> None:
        self.client.close()
        self.do(self.log.close).result(10)
        self._pool.shutdown()


@pytest.fixture
def writers(tmp_path: Path, server: NatsCluster) -> Iterator[Callable[[str], Writer]]:
    made: list[Writer] = []

    def make(name: str) -> Writer:
        made.append(Writer(tmp_path, name, server))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


def scramble(writers: list[Writer], seed: int, steps: int = 120) -> None:
    """Everybody leads and writes whenever chance says so, at the same time as the others."""
    chance = random.Random(seed)
    for _ in range(steps):
        work: list[Future[Any]] = []
        for writer in chance.sample(writers, chance.randint(1, len(writers))):
            if chance.random() < 0.15:
                work.append(writer.do(writer.lead))
            for _ in range(chance.randint(0, 3)):
                work.append(writer.do(writer.commit))
        for each in work:
            try:
                each.result(20)
            except (NotLeading, LogTrouble):
                continue


@pytest.fixture
def lying_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hub believes that it holds the lease, all the time: the worst that clocks and networks can do."""
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)


@pytest.mark.usefixtures("lying_leases")
@pytest.mark.parametrize("seed", [1, 20201018])
def test_one_truth_whoever_believes_to_lead(
    server: NatsCluster, writers: Callable[[str], Writer], seed: int, expect_logs: ExpectLogs
) -> None:
    expect_logs("term .* is over")
    hubs = [writers(name) for name in "abc"]
    scramble(hubs, seed)
    log = read_log(server.urls, STREAM)
    said = truths(log)["timeline"]
    assert len({entry.holder for _, _, entry in log}) == 3, "all of them had their turn"
    published = [e for hub in hubs for e in hub.published]
    assert len(published) > 50
    assert sorted(e.seq for e in published) == sorted({e.seq for e in published}), "a position was published twice"
    by_seq = {e.seq: e for e in said}
    assert all(by_seq[e.seq] == e for e in published), "what was published is what the log says"


@pytest.mark.usefixtures("lying_leases")
def test_without_the_fence_there_are_two_truths_and_they_are_seen(
    server: NatsCluster, writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.setattr(JetStreamClient, "fence", staticmethod(lambda _expected: {}))
    scramble([writers(name) for name in "abc"], seed=1)
    with pytest.raises(AssertionError, match=r"where .* is due|after|two holders"):
        truths(read_log(server.urls, STREAM))


def test_the_lease_has_one_holder_and_is_renewed(writers: Callable[[str], Writer]) -> None:
    one, other = writers("one"), writers("other")
    one.client.want_lease(True)
    wait_for("one holds it", lambda: one.client.holds_lease)
    other.client.want_lease(True)
    wait_for("the other sees who holds it", lambda: other.client.leader == "one")
    until_s = one.client.lease_until_s

    def outlived() -> bool:
        assert one.client.holds_lease
        assert not other.client.holds_lease
        return still_s() > until_s

    wait_for("its first lease is over, and it holds another", outlived)


def test_a_lease_that_is_no_longer_wanted_is_given_back(
    writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream_client, "LEASE_S", 60.0)  # nobody waits here until it runs out
    one, other = writers("one"), writers("other")
    one.client.want_lease(True)
    wait_for("one holds it", lambda: one.client.holds_lease)
    other.client.want_lease(True)
    one.client.want_lease(False)
    wait_for("the other holds it", lambda: other.client.holds_lease)
    assert not one.client.holds_lease


def serves(writer: Writer) -> list[str]:
    """Which of the ways to serve still answer."""
    ways: dict[str, Callable[[], object]] = {
        "heads": writer.log.heads,
        "head": lambda: writer.log.head("alarms"),
        "fetch": lambda: writer.log.fetch("timeline", 0, 10, 1 << 20),
        "outcome": lambda: writer.log.outcome("aid"),
        "commit": writer.commit,
    }
    answered = []
    for name, way in ways.items():
        try:
            writer.do(way).result(10)
        except (NotLeading, LogTrouble):
            continue
        answered.append(name)
    return answered


def test_a_leader_whose_lease_ran_out_serves_nothing_though_nobody_has_told_it(
    writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writers("a")
    writer.client.want_lease(True)
    wait_for("it holds the lease", lambda: writer.client.holds_lease)
    assert writer.do(writer.lead).result(10)
    assert len(serves(writer)) == 5

    async def never(*_: object) -> None:
        raise nats.errors.TimeoutError

    monkeypatch.setattr(JetStreamClient, "_one_lease_turn", never)
    wait_for("the lease has run out", lambda: not writer.client.holds_lease, LEASE_S + 1.0)
    assert serves(writer) == []
    # Negative control: without the guard it goes on to speak.
    monkeypatch.setattr(ReplicatedLog, "_must_lead", lambda _self: None)
    assert serves(writer) == ["heads", "head", "fetch", "outcome"]


def test_a_lost_answer_is_asked_for_again_and_the_commit_stands_once(
    server: NatsCluster, writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writers("a")
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)
    assert writer.do(writer.lead).result(10)
    publish = JetStreamContext.publish
    lost: list[int] = []

    async def loses(self: JetStreamContext, *args: Any, **kwargs: Any) -> Any:
        ack = await publish(self, *args, **kwargs)
        if not lost:
            lost.append(ack.seq)
            raise nats.errors.TimeoutError
        return ack

    monkeypatch.setattr(JetStreamContext, "publish", loses)
    writer.do(writer.commit).result(10)
    writer.do(writer.commit).result(10)
    assert lost
    assert [e.id for e in truths(read_log(server.urls, STREAM))["timeline"]] == ["a-1", "a-2"]


def note(id_: str) -> Change:
    return Change("timeline", "event", id_, NOW, TimelineEvent(id_, NOW, "x"))


def test_changes_that_waited_are_written_once_when_the_servers_answer_again(
    server: NatsCluster, writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writers("a")
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)
    monkeypatch.setattr(jetstream, "COMMIT_WAIT_S", 0.2)
    assert writer.do(writer.lead).result(10)
    waiting, samples = [note("n1")], [Sample("s", NOW, 1.0)]

    def commit() -> list[Envelope]:
        return writer.log.commit(waiting, NOW, samples=samples)

    server.pause(0)
    for _ in range(3):
        with pytest.raises(LogTrouble):
            writer.do(commit).result(10)
    server.go_on(0)
    waiting.append(note("n2"))
    samples.append(Sample("s", NOW + 1, 2.0))

    def landed() -> list[Envelope]:
        try:
            return writer.do(commit).result(10)
        except LogTrouble:
            return []

    published = wait_for("the servers answer", landed)
    assert [(e.feed, e.id, e.seq) for e in published] == [
        ("timeline", "n1", 1), ("samples", "", 1), ("timeline", "n2", 2), ("samples", "", 2)
    ]  # fmt: skip
    history = writer.do(lambda: writer.log.history("s", 0, 2 * NOW)).result(10)
    assert history is not None
    assert history[1].tolist() == [1.0, 2.0]


def test_an_action_that_landed_late_begins_a_new_term_and_is_known(
    server: NatsCluster, writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has not heard of it: nothing may be decided before all is read from the log again."""
    writer = writers("a")
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)
    monkeypatch.setattr(jetstream, "COMMIT_WAIT_S", 0.2)
    assert writer.do(writer.lead).result(10)
    row = ActionRow("aid", "desk-1", b"d" * 32, "applied")
    server.pause(0)
    with pytest.raises(LogTrouble):
        writer.do(lambda: writer.log.commit([note("n1")], NOW, action=row)).result(10)
    server.go_on(0)

    def begins_anew() -> bool:
        try:
            writer.do(lambda: writer.log.commit([note("n2")], NOW)).result(10)
        except NotLeading:
            return True
        except LogTrouble:
            return False
        raise AssertionError("it went on as if nothing had been")

    wait_for("the late answer is noticed", begins_anew)
    assert writer.do(writer.lead).result(10)
    assert writer.do(lambda: writer.log.outcome("aid")).result(10) == row
    assert [e.id for e in writer.do(lambda: writer.log.fetch("timeline", 0, 10, 1 << 20)).result(10)] == ["n1"]


def test_numbers_that_the_servers_have_lost_are_never_given_again(
    writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch, expect_logs: ExpectLogs
) -> None:
    writer = writers("a")
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)
    assert writer.do(writer.lead).result(10)
    writer.do(writer.commit).result(10)
    before = writer.do(writer.log.heads).result(10)
    copy = writer.log._copy
    # This hub has read more than the servers still have: they lost power together.
    writer.do(lambda: copy.apply(Entry("commit", 1, "a", "lost"), copy.position + 3)).result(10)
    with pytest.raises(LostTail):
        writer.do(writer.lead).result(10)
    other = writers("b")
    other.do(lambda: other.log._copy.remember(LOST_TAIL, "1")).result(10)
    expect_logs("every feed gets a new epoch")
    assert other.do(other.lead).result(10)
    after = other.do(other.log.heads).result(10)
    assert all(after[feed].epoch != before[feed].epoch for feed in before)
    assert other.do(lambda: other.log.meta(LOST_TAIL)).result(10) == ""


def test_a_shortened_log_gives_a_new_hub_everything_and_one_that_was_away_too_long_begins_anew(
    writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JetStreamClient, "holds_lease", True)
    monkeypatch.setattr(jetstream, "WHOLE_EVERY_S", 0.0)
    monkeypatch.setattr(jetstream, "KEEP_S", 0.0)
    away = writers("away")
    assert away.do(away.lead).result(10)
    away.do(away.commit).result(10)
    writer = writers("a")
    assert writer.do(writer.lead).result(10)
    row = ActionRow("aid", "desk-1", b"d" * 32, "conflict", "gone", "", 3)
    rule = Change("config", "put", "r", NOW, SlaRule("r", "c", LocalText("x"), 1.0), 7)
    gone = [Change("config", kind, "r2", NOW, SlaRule("r2", "c", LocalText("x"), 1.0)) for kind in ("put", "del")]
    writer.do(lambda: writer.log.commit([rule, *gone, note("n1")], NOW, action=row, meta={"k": "v"})).result(10)
    for _ in range(3):
        writer.do(lambda: writer.log.maintain(NOW)).result(10)
        writer.do(writer.commit).result(10)
    wait_for("the log is shortened", lambda: writer.client.first_sequence() > 4)

    new = writers("new")
    heads = writer.do(writer.log.heads).result(10)
    config = writer.do(lambda: writer.log.items("config")).result(10)
    timeline = writer.do(lambda: writer.log.fetch("timeline", 0, 100, 1 << 20)).result(10)
    assert new.do(new.lead).result(10)
    told = new.do(new.log.heads).result(10)
    assert {f: (h.epoch, h.head, h.t_source) for f, h in told.items()} == {
        f: (h.epoch, h.head, h.t_source) for f, h in heads.items()
    }
    assert (told["config"].oldest, told["timeline"].oldest) == (4, 1)
    assert new.do(lambda: new.log.items("config")).result(10) == config
    assert new.do(lambda: new.log.fetch("timeline", 0, 100, 1 << 20)).result(10) == timeline
    assert new.do(lambda: new.log.outcome("aid")).result(10) == row
    assert new.do(lambda: new.log.meta("k")).result(10) == "v"
    new.do(new.commit).result(10)
    assert new.published[0].seq == heads["timeline"].head + 1
    with pytest.raises(AwayTooLong):
        away.do(away.lead).result(10)


def test_a_hub_that_cannot_keep_its_copy_lets_another_lead(
    server: NatsCluster,
    writers: Callable[[str], Writer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expect_logs: ExpectLogs,
) -> None:
    stop, leads = Event(), Event()

    def serve(events: Any, _world: Any) -> None:
        while not stop.is_set():
            events.commit([note("x")], NOW)
            leads.set()
            stop.wait(0.02)

    nats = NatsSettings(server.urls, replicas=1, blob_mb=16)
    client = JetStreamClient(nats, STREAM, "m/1")
    member = Member(
        client, SharedRows(client, Site(nats, f"{STREAM}-rows"), tmp_path), tmp_path / "m.db", Mode.TEST,
        make_world=TinyCity, start=lambda _: time.time_ns(), clock=lambda _: SystemClock(), serve=serve,
        follows=lambda: None,
    )  # fmt: skip
    thread = Thread(target=member.run, args=(stop,))
    thread.start()
    try:
        assert leads.wait(10)
        other = writers("other")
        other.client.want_lease(True)

        def full(*_: object) -> None:
            raise LogTrouble("the disk is full")

        monkeypatch.setattr(Replica, "apply", full)
        expect_logs("the disk is full|not ours")
        wait_for("the other one holds the lease", lambda: other.client.holds_lease, 10.0)
    finally:
        stop.set()
        thread.join(10)


def test_a_planned_end_gives_the_lease_back(
    server: NatsCluster, writers: Callable[[str], Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one need not wait for it to run out: here it would in ten minutes."""
    monkeypatch.setattr(jetstream_client, "LEASE_S", 600.0)
    first, second = writers("first"), writers("second")
    first.client.want_lease(True)
    wait_for("the first one holds it", lambda: first.client.holds_lease)
    second.client.want_lease(True)
    wait_for("the second one has seen that", lambda: second.client.leader == "first")
    assert not second.client.holds_lease
    first.client.close()
    wait_for("the second one holds it", lambda: second.client.holds_lease, 20.0)
