"""Events of days out of ops.db: all of them, a page at a time, and what is missing between them."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from helpers.store_rig import Heard

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.alarm_figures import LEAD_NS, matters
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator, Role, Station
from backends.domain.ports import FiguresPart
from backends.domain.record import Record, Snapshot
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.store import timeline
from backends.store.ops import Call, Op, PutRecords, PutSnapshot
from backends.store.schema import OPS_FILE
from backends.store.timeline import MARGIN_NS, PAGE, read_timeline
from backends.store.writer import OpsWriter
from console import feed_wire as wire
from console.feed_figures import FiguresReader

T = 10 * LEAD_NS


def at(n: float) -> int:
    return T + int(n * NS_PER_S)


def told(n: int, epoch: str = "e", kind: str = "event", what: str = "alarm_raised") -> Record:
    """Position n of the feed, which happened n seconds after T."""
    event = TimelineEvent(f"t{n}", at(n), what, f"a{n % 7}@{n}", "", LocalText(f"Sự kiện {n}"), Priority.LOW)
    raw = b"" if kind == "bad" else msgspec.json.encode(event)
    return Record("timeline", epoch, n, kind, event.id, 0, "", at(n), at(n), raw)


def from_(seq: int, epoch: str = "e") -> PutSnapshot:
    """The position jumps: the next one is `seq`."""
    return PutSnapshot(Snapshot("timeline", epoch, seq - 1, ()))


def kept(folder: Path, *ops: Op) -> None:
    writer = OpsWriter(folder / OPS_FILE, "demo", Heard())
    writer.open()
    writer.start()
    writer.put(*ops)
    writer.stop()


def rows(first: int, last: int, epoch: str = "e") -> PutRecords:
    return PutRecords([told(n, epoch) for n in range(first, last + 1)])


def test_all_events_come_rising_over_several_pages(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, 2 * PAGE + 500))
    pauses: list[int] = []
    found = read_timeline(tmp_path, "demo", at(0), at(9000), lambda: not pauses.append(1))
    assert found is not None
    assert [event.t_ns for event in found.events] == [at(n) for n in range(1, 2 * PAGE + 501)]
    assert found.whole == ((at(1), at(9000)),)
    assert found.oldest_ns == at(1)
    assert len(pauses) == 2


def test_what_is_older_than_asked_for_is_not_read(tmp_path: Path) -> None:
    late = 5 + 2 * MARGIN_NS // NS_PER_S
    kept(tmp_path, from_(1), rows(1, 1), from_(5), rows(5, 5), from_(late), rows(late, late + 10))
    found = read_timeline(tmp_path, "demo", at(late), 0)
    assert found is not None
    assert found.events[0].t_ns == at(5), "one more, which shows that nothing is missing before"
    assert found.oldest_ns == at(1)


def test_of_a_long_time_no_more_stays_in_memory_than_figures_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(tmp_path, from_(1), PutRecords([told(n, what="comment" if n % 3 else "alarm_raised") for n in range(1, 301)]))
    found = read_timeline(tmp_path, "demo", at(0), 0, wants=matters)
    assert found is not None
    assert [event.t_ns for event in found.events] == [at(n) for n in range(3, 301, 3)]
    assert found.whole == ((at(1), at(300) + 1),), "nothing is missing: the others are not wanted"
    assert {event.id for event in found.events} == {""}
    assert len({id(event.what) for event in found.events}) == 1
    monkeypatch.setattr(timeline, "EVENTS_MOST", 10)
    found = read_timeline(tmp_path, "demo", at(0), 0, wants=matters)
    assert found is not None
    assert [event.t_ns for event in found.events] == [at(n) for n in range(273, 301, 3)]
    assert found.whole == ((at(273), at(300) + 1),), "what is older counts as missing, and is not passed over"


def test_nobody_waits_any_more(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, PAGE + 1))
    assert read_timeline(tmp_path, "demo", at(0), 0, lambda: False) is None


def test_a_jump_a_bad_position_an_altered_row_and_another_epoch_are_holes(tmp_path: Path) -> None:
    kept(
        tmp_path, from_(10), rows(10, 20), from_(30), rows(30, 39), PutRecords([told(40, kind="bad")]), rows(41, 50),
        from_(60, "f"), rows(60, 90, "f"),
    )  # fmt: skip
    kept(tmp_path, Call(lambda db: db.execute("UPDATE log SET body = x'7b7d' WHERE seq = 70").fetchall() and None))
    found = read_timeline(tmp_path, "demo", at(0), at(100))
    assert found is not None
    ends = [(10, 20), (30, 39), (41, 50), (60, 69)]
    assert found.whole == (*((at(a), at(b) + 1) for a, b in ends), (at(71), at(100)))
    assert len(found.events) == 11 + 10 + 10 + 10 + 20


def test_behind_a_jump_at_the_end_nothing_is_known(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, 10), from_(50))
    found = read_timeline(tmp_path, "demo", at(0), at(100))
    assert found is not None
    assert found.whole == ((at(1), at(10) + 1),)


@pytest.mark.parametrize("mode", ["live", "demo"])
def test_where_there_is_no_file_or_of_another_city_there_are_no_events(tmp_path: Path, mode: str) -> None:
    if mode == "live":
        kept(tmp_path, from_(1), rows(1, 10))
    found = read_timeline(tmp_path, mode, at(0), 0)
    assert found is not None
    assert (found.events, found.whole, found.oldest_ns) == ((), (), 0)


# -- the desk in the feeder ------------------------------------------------------------------------------------------


class Desk:
    """A FiguresReader over a folder, and what it answers."""

    def __init__(self, folder: Path, fresh_ns: int = 0) -> None:
        self.answers: queue.Queue[FiguresPart] = queue.Queue()
        self.now_ns = at(3600)
        self.feeds: dict[str, list[object]] = {"stations": [], "roster": [], "alarms": []}
        self.reader = FiguresReader(folder, "demo", lambda: self.now_ns, self._items, lambda _feed: fresh_ns)

    def _items(self, feed: str) -> Iterable[bytes]:
        return [msgspec.json.encode(record) for record in self.feeds[feed]]

    def answer(self) -> FiguresPart:
        return self.answers.get(timeout=30)


def test_the_feeder_answers_from_the_store_what_stands_and_who_sits_there(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, 31))
    desk = Desk(tmp_path, fresh_ns=at(3599))
    desk.feeds["stations"] = [Station(f"s{n}", "", True, f"p{n}") for n in range(2)]
    desk.feeds["roster"] = [Operator(f"p{n}", "", "", Role.OPERATOR) for n in range(2)]
    desk.feeds["alarms"] = [Alarm("x@1", Priority.LOW, AlarmState.ACKNOWLEDGED, LocalText("X"), at(-90_000))]
    desk.reader.start()
    try:
        desk.reader.ask(1, 7, at(0), at(3600), desk.answers.put)
        part = desk.answer()
    finally:
        desk.reader.stop()
    assert part.request == 7
    figures = part.figures
    assert figures is not None
    assert (figures.raised, figures.operators, figures.old_total) == (31, 2.0, 1)
    assert figures.oldest_ns == at(1)
    again = wire.decode_to_gui(wire.encode(wire.WireFigures(part)))
    assert again == wire.WireFigures(part), "as it is on the other side of the socket"


def test_of_two_questions_of_a_screen_the_newer_one_is_answered(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, 5))
    desk = Desk(tmp_path, fresh_ns=at(3600))
    for number in (1, 2, 3):
        desk.reader.ask(1, number, at(0), at(3600), desk.answers.put)
    desk.reader.ask(2, 9, at(0), at(3600), desk.answers.put)
    desk.reader.ask(3, 5, at(0), at(3600), desk.answers.put)
    desk.reader.forget(3)
    desk.reader.start()
    try:
        assert [desk.answer().request for _ in range(2)] == [3, 9]
    finally:
        desk.reader.stop()
    assert desk.answers.empty()


def test_the_moment_between_two_words_of_the_link_is_no_gap(tmp_path: Path) -> None:
    kept(tmp_path, from_(1), rows(1, 5))
    desk = Desk(tmp_path, fresh_ns=at(3599))
    desk.reader.start()
    try:
        for number, end in ((1, 3600), (2, 3700)):
            desk.reader.ask(1, number, at(2), at(end), desk.answers.put)
            figures = desk.answer().figures
            assert figures is not None
            late = () if end == 3600 else ((at(3599), at(end)),)
            assert (figures.within, figures.missing) == ((at(2), at(3599) if not late else at(end)), late)
    finally:
        desk.reader.stop()


def test_a_store_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / OPS_FILE).write_bytes(b"no database at all" * 100)
    desk = Desk(tmp_path)
    desk.reader.start()
    try:
        desk.reader.ask(1, 1, at(0), at(3600), desk.answers.put)
        assert desk.answer() == FiguresPart(1, None)
    finally:
        desk.reader.stop()
