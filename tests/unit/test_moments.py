"""What is kept of an alarm's moment: which alarms, how much of it, and that a file gives out what the ring held."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.ring_rig import CODEC, MS, Memories, Rig, memories, put, read_all
from helpers.waiting import wait_for
from msgspec.structs import replace

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.moment import MomentRule, Stored, too_many
from backends.domain.replay import Replay, is_past, is_replay, kept_name, kept_uri, replay_of
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.video.clip_keeper import MOST_WAITING, ClipKeeper
from backends.video.kept import KeptReader, copy_of
from backends.video.ring_layout import BadRing, RingPacket
from backends.video.wire import KeepClip, asked_decoder, encode

__all__ = ["memories"]  # a fixture

DAY_NS = 86_400 * NS_PER_S
ALARM = Alarm("a@1", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Ngập"), 1, camera_ids=("c1",))


# -- which, and how much -----------------------------------------------------------------------------------------------


def test_the_rule_says_of_which_alarms() -> None:
    rule = MomentRule()
    assert rule.wants(ALARM)
    assert rule.wants(replace(ALARM, priority=Priority.URGENT))
    assert not rule.wants(replace(ALARM, priority=Priority.MEDIUM))
    assert not rule.wants(replace(ALARM, state=AlarmState.ACKNOWLEDGED))
    assert not rule.wants(replace(ALARM, state=AlarmState.SUPPRESSED))
    assert not rule.wants(replace(ALARM, camera_ids=()))
    assert not MomentRule(most=0).wants(ALARM)
    assert MomentRule(priorities=(Priority.LOW,)).wants(replace(ALARM, priority=Priority.LOW))


def test_what_is_old_goes_then_the_oldest_of_what_is_too_much() -> None:
    rule = MomentRule(most=3, most_mb=10, days=2)
    now_ns = 100 * DAY_NS
    stored = [Stored(f"m{age}", now_ns - age * DAY_NS // 10, 1_000_000) for age in (1, 25, 3, 2, 4)]
    assert sorted(too_many(stored, rule, now_ns)) == ["m25", "m4"]
    large = [Stored("new", now_ns, 6_000_000), Stored("before", now_ns - 1, 6_000_000), Stored("s", now_ns - 2, 1)]
    assert too_many(large, rule, now_ns) == ["before"], "a smaller one may still stay"
    assert too_many([], rule, now_ns) == []


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_a_kept_clip_is_played_as_a_replay_and_is_no_recorder() -> None:
    uri = Replay(kept_uri("m-1"), 5, 9).uri
    assert is_replay(uri)
    assert not is_past(uri)
    assert kept_name(uri) == "m-1"
    assert kept_name(kept_uri("m-1")) == "m-1"
    assert replay_of(uri) == Replay("kept:m-1", 5, 9)
    assert kept_name(Replay("rtsp://192.0.2.1/a", 5, 9).uri) == ""


# -- the file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ring(memories: Memories) -> Rig:
    rig = Rig(memories, 8)
    writer = rig.writer()
    for index in range(40):
        put(writer, 0, index)
    return rig


def kept(path: Path, content: bytes | None) -> KeptReader:
    assert content is not None
    path.write_bytes(content)
    return KeptReader(path)


def plain(packets: list[RingPacket]) -> list[RingPacket]:
    return [packet._replace(sequence=0) for packet in packets]


def of(reader: KeptReader) -> list[RingPacket]:
    return read_all(reader)  # type: ignore[arg-type]  # it reads as the ring does


def test_a_copy_gives_out_what_the_ring_gave(ring: Rig, tmp_path: Path) -> None:
    held = read_all(ring.reader())
    reader = kept(tmp_path / "a.clip", copy_of(ring.reader(), held[10].mono_ns, held[20].mono_ns))
    assert plain(of(reader)) == plain(held[8:21]), "from the key frame before, to the end"
    assert reader.span() == (held[8].mono_ns, held[20].mono_ns)
    assert of(reader)[0].codec == CODEC


def test_it_is_found_at_the_key_frame_before_a_time(ring: Rig, tmp_path: Path) -> None:
    held = read_all(ring.reader())
    reader = kept(tmp_path / "a.clip", copy_of(ring.reader(), 0, held[-1].mono_ns))
    for index in range(40):
        at = reader.seek(held[index].mono_ns + 1)
        assert at is not None
        found = reader.after(at)
        assert found is not None
        assert found.mono_ns == held[index // 8 * 8].mono_ns
    assert reader.seek(-1) == 0
    assert reader.after(len(held)) is None


def test_a_hole_in_the_ring_is_a_hole_in_the_copy(memories: Memories, tmp_path: Path) -> None:
    rig = Rig(memories, 8)
    writer = rig.writer()
    for index in range(8):
        put(writer, 0, index)
    writer.begin(replace(CODEC, width=1280))
    for index in range(8, 16):
        put(writer, 0, index)
    packets = of(kept(tmp_path / "a.clip", copy_of(rig.reader(), 0, 1 << 60)))
    assert [packet.gap for packet in packets] == [False] * 8 + [True] + [False] * 7
    assert [packet.codec.width for packet in packets] == [640] * 8 + [1280] * 8


def test_nothing_of_that_time_is_no_file(ring: Rig) -> None:
    held = read_all(ring.reader())
    assert copy_of(ring.reader(), held[-1].mono_ns + 1, held[-1].mono_ns + 9) is None
    assert copy_of(Rig(ring.memories, 0, generation=9).reader(), 0, 1 << 60) is None


@pytest.mark.parametrize("damage", ["short", "changed", "other", "empty"])
def test_a_damaged_file_gives_out_nothing(ring: Rig, tmp_path: Path, damage: str) -> None:
    content = copy_of(ring.reader(), 0, 1 << 60)
    assert content is not None
    wrong = {
        "short": content[:-1],
        "changed": content[:100] + bytes([content[100] ^ 1]) + content[101:],
        "other": b"IOCRNG01" + content[8:],
        "empty": b"",
    }[damage]
    with pytest.raises(BadRing):
        kept(tmp_path / "a.clip", wrong)


# -- kept when it is over ----------------------------------------------------------------------------------------------


class Clock:
    """Monotonic nanoseconds, set by hand."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def keeper(ring: Rig, tmp_path: Path) -> Callable[[Clock], ClipKeeper]:
    return lambda clock: ClipKeeper(tmp_path / "moments", lambda order: (ring.name, ring.generation), clock)


def order(name: str, from_ns: int, until_ns: int) -> KeepClip:
    return KeepClip(name, "c1", "rtsp://192.0.2.1/a", from_ns, until_ns)


def test_the_seconds_are_written_once_they_are_over_for_this_user_alone(
    ring: Rig, keeper: Callable[[Clock], ClipKeeper], tmp_path: Path
) -> None:
    held, clock = read_all(ring.reader()), Clock()
    clock.now_ns = held[20].mono_ns + NS_PER_S
    made = keeper(clock)
    made.start()
    made.keep(order("m-1", held[10].mono_ns, held[20].mono_ns))
    wait_for("the clip is written", (tmp_path / "moments" / "m-1.clip").is_file)
    made.close()
    path = tmp_path / "moments" / "m-1.clip"
    assert made.path("m-1") == str(path)
    assert plain(of(KeptReader(path))) == plain(held[8:21])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["m-1.clip"]


def test_what_is_not_over_waits_and_is_given_up_at_the_end(
    ring: Rig, keeper: Callable[[Clock], ClipKeeper], tmp_path: Path
) -> None:
    held, clock = read_all(ring.reader()), Clock()
    clock.now_ns = held[12].mono_ns
    made = keeper(clock)
    made.start()
    made.keep(order("m-1", held[10].mono_ns, held[20].mono_ns))
    made.close()
    assert not (tmp_path / "moments").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        order("../m", 0, 5), order("", 0, 5), order(".m", 0, 5), order("m/1", 0, 5), order("m", 5, 5),
        order("m", 0, 61 * NS_PER_S), order("m", 200 * NS_PER_S, 201 * NS_PER_S), order("m", -1, 5),
    ],
)  # fmt: skip
def test_an_order_that_leads_elsewhere_or_never_ends_is_not_taken(
    keeper: Callable[[Clock], ClipKeeper], wrong: KeepClip, tmp_path: Path, expect_logs: Callable[..., None]
) -> None:
    expect_logs("seconds of an alarm are not kept")
    made = keeper(Clock())
    made.keep(wrong)
    made.start()
    made.close()
    assert not (tmp_path / "moments").exists()
    assert wrong.name == "m" or made.path(wrong.name) == ""


def test_more_than_its_queue_holds_is_dropped(
    keeper: Callable[[Clock], ClipKeeper], expect_logs: Callable[..., None]
) -> None:
    expect_logs("seconds of an alarm are not kept")
    made = keeper(Clock())
    for n in range(MOST_WAITING + 1):
        made.keep(order(f"m-{n}", 0, 40 * MS))


def test_a_disk_that_does_not_take_it_is_said_and_the_next_one_is_written(
    ring: Rig, keeper: Callable[[Clock], ClipKeeper], tmp_path: Path, expect_logs: Callable[..., None]
) -> None:
    expect_logs("seconds of an alarm are not kept")
    held, clock = read_all(ring.reader()), Clock()
    clock.now_ns = held[20].mono_ns + NS_PER_S
    blocked = tmp_path / "moments"
    blocked.write_text("a file where the folder should be")
    made = keeper(clock)
    failed = threading.Event()
    write = made._write

    def watched(what: KeepClip) -> None:
        try:
            write(what)
        finally:
            failed.set()

    made._write = watched  # type: ignore[method-assign]  # to know when it has failed
    made.start()
    made.keep(order("m-1", held[10].mono_ns, held[20].mono_ns))
    assert failed.wait(10.0)
    blocked.unlink()
    made.keep(order("m-2", held[10].mono_ns, held[20].mono_ns))
    wait_for("the next clip is written", (blocked / "m-2.clip").is_file)
    made.close()


def test_the_order_goes_over_the_wire() -> None:
    sent = order("m-1", 1, 2)
    assert asked_decoder.decode(encode(sent)) == sent
