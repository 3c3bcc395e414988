"""The packet ring against simple models: whatever stops, overwrites or damages it, no wrong packet comes out."""

from __future__ import annotations

import mmap
import random
import zlib
from typing import Any

import pytest
from helpers.ring_rig import (
    CODEC,
    MS,
    PIECE,
    Fuse,
    Killed,
    Memories,
    Rig,
    faults_of,
    memories,
    name_of,
    packet_bytes,
    put,
    put_on_a_fuse,
    read_all,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.video import ring, ring_layout
from backends.video.ring import RingReader, RingWriter
from backends.video.ring_layout import BadRing, Codec, format_slab, piece_name

__all__ = ["memories"]  # a fixture


def test_what_was_put_comes_out_with_all_that_belongs_to_it(memories: Memories) -> None:
    rig = Rig(memories, 4)
    writer = rig.writer()
    assert not put(writer, 1, 3)  # no key frame yet: of no use to anybody
    for index in range(8, 30):
        assert put(writer, 1, index)
    packets = read_all(rig.reader())
    assert [name_of(packet.data)[1] for packet in packets] == list(range(8, 30))
    assert not faults_of(packets)
    assert packets[0].codec == CODEC
    assert not any(packet.gap for packet in packets)


def test_it_goes_round_and_whole_groups_go_oldest_first(memories: Memories) -> None:
    rig = Rig(memories, 4)
    writer, reader = rig.writer(), rig.reader()
    oldest = -1
    for index in range(600):
        assert put(writer, 1, index)
        if index % 7 == 0:
            packets = read_all(reader)
            assert not faults_of(packets)
            assert name_of(packets[-1].data) == (1, index)
            first = name_of(packets[0].data)[1]
            assert first % 8 == 0
            assert first >= oldest
            assert len(packets) == index - first + 1
            oldest = first
    assert oldest > 500
    span = reader.span()
    assert span is not None
    assert reader.held_s == (599 - oldest) * 0.04
    assert writer.lost == 0


def test_seek_finds_the_key_frame_before_the_time(memories: Memories) -> None:
    rig = Rig(memories, 8)
    writer, reader = rig.writer(), rig.reader()
    assert reader.seek(0) is None
    assert reader.span() is None
    assert reader.held_s == 0.0
    for index in range(40):
        put(writer, 0, index)
    for index in range(40):
        for beside in (0, 39):
            at = reader.seek((index * 40 + beside) * MS)
            assert at is not None
            found = reader.after(at)
            assert found is not None
            assert name_of(found.data)[1] == index // 8 * 8
    newest = reader.seek(1 << 60)
    assert newest is not None
    packet = reader.after(newest)
    assert packet is not None
    assert name_of(packet.data)[1] == 32


def test_a_packet_larger_than_a_piece_is_cut_and_put_together(memories: Memories) -> None:
    rig = Rig(memories, 8)
    writer = rig.writer()
    large = random.Random(1).randbytes(3 * PIECE)
    assert writer.put(b"small", 1, 1, True, 1, 2)
    assert writer.put(memoryview(large), 2, ring_layout.NO_TIME, False, 3, 4)
    assert writer.put(b"after", 3, 3, False, 5, 6)
    packets = read_all(rig.reader())
    assert [packet.data for packet in packets] == [b"small", large, b"after"]
    assert packets[1].dts == ring_layout.NO_TIME


def test_what_does_not_fit_is_counted_and_leaves_a_hole_that_is_said(memories: Memories) -> None:
    rig = Rig(memories, 3)
    writer = rig.writer()
    assert put(writer, 1, 0)
    assert not writer.put(bytes(ring_layout.MAX_PACKET + 1), 1, 1, False, 1, 1)
    assert not put(writer, 1, 1)
    assert put(writer, 1, 8)
    assert writer.lost == 1
    first, second = read_all(rig.reader())
    assert (first.gap, second.gap) == (False, True)
    assert not faults_of([first, second])
    # No memory at all is no error of the stream.
    empty = Rig(Memories(), 0).memory
    memories.held["ioc-pic-test-9"] = empty
    bare = RingWriter("ioc-pic-test-9", 7)
    assert bare.begin(CODEC)
    assert not put(bare, 1, 0)
    assert bare.lost == 1


def test_codec_data_that_are_too_long_keep_nothing(memories: Memories) -> None:
    rig = Rig(memories, 2)
    writer = RingWriter(rig.name, rig.generation)
    assert not writer.begin(Codec("h264", bytes(ring_layout.CODEC_MAX), (1, 1), 1, 1))
    assert not put(writer, 1, 0)
    assert rig.reader().seek(0) is None


def test_another_codec_begins_with_a_hole_and_comes_with_its_packets(memories: Memories) -> None:
    rig = Rig(memories, 4)
    writer = rig.writer()
    put(writer, 1, 0)
    other = Codec("hevc", b"other", (1, 1000), 1920, 1080)
    writer.begin(other)
    put(writer, 1, 8)
    writer.begin(other)
    put(writer, 1, 16)
    packets = read_all(rig.reader())
    assert [(packet.codec.name, packet.gap) for packet in packets] == [("h264", False), ("hevc", True), ("hevc", True)]
    opened = [n for n in rig.numbers if memoryview(rig.piece(n)).cast("Q")[ring_layout.OPENING]]
    assert len(opened) == 2  # the same codec again takes no new piece: a camera that comes and goes empties no ring


def test_reconnects_and_new_writers_do_not_throw_away_what_is_held(memories: Memories) -> None:
    rig = Rig(memories, 4)
    for run in range(50):
        assert put(rig.writer(), run, 0, most=20)
    packets = read_all(rig.reader())
    assert [name_of(packet.data)[0] for packet in packets] == list(range(50))
    assert not faults_of(packets, most=20)


def _bytes_of_a_put(make: Memories, index: int, before: int) -> int:
    """How many bytes the put of `index` writes, after `before` others."""
    rig = Rig(make, 2)
    writer = rig.writer()
    for earlier in range(before):
        put(writer, 1, earlier, most=60)
    fuse = Fuse(1 << 40, lambda: None)
    put_on_a_fuse(writer, fuse)
    put(writer, 1, index, most=60)
    return fuse.written


def _killed_at_every_byte(monkeypatch: pytest.MonkeyPatch, before: int) -> list[str]:
    """A writer dies at each byte of the put after `before` others, and another goes on: what readers see wrongly."""

    def kill() -> None:
        raise Killed

    make = Memories()
    monkeypatch.setattr(ring_layout, "attach", lambda name: make.attach(name))  # noqa: PLW0108 - `make` changes
    total = _bytes_of_a_put(make, before, before)
    assert total > 100
    faults: list[str] = []
    whole = 0
    for left in range(total + 1):
        make = Memories()
        rig = Rig(make, 2)
        writer = rig.writer()
        for index in range(before):
            assert put(writer, 1, index, most=60)
        put_on_a_fuse(writer, Fuse(left, kill))
        died = False
        try:
            put(writer, 1, before, most=60)
        except Killed:
            died = True
        assert died == (left < total)
        packets = read_all(rig.reader())
        faults += faults_of(packets, most=60)
        kept = [name_of(packet.data)[1] for packet in packets]
        if kept not in (list(range(before)), list(range(before + 1))) or (whole and len(kept) == before):
            faults.append(f"{kept} is left after {left} of {total} bytes")
        whole += len(kept) == before + 1
        after = rig.writer()
        assert put(after, 2, 0, most=60)
        assert put(after, 2, 1, most=60)
        packets = read_all(rig.reader())
        faults += faults_of(packets, most=60)
        if [name_of(packet.data) for packet in packets] != [*((1, index) for index in kept), (2, 0), (2, 1)]:
            faults.append(f"a new writer did not go on after {left} of {total} bytes")
    assert 0 < whole < total
    return faults


@pytest.mark.parametrize("before", [0, 1, 8])
def test_a_writer_killed_at_any_byte_leaves_no_half_packet(monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    assert _killed_at_every_byte(monkeypatch, before) == []


def test_the_data_written_last_and_not_checked_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    real = ring_layout.Piece.add

    def hasty(piece: Any, sequence: int, data: memoryview, *rest: int) -> None:
        end = piece.committed()[1]
        memory, piece.memory = piece.memory, _Elsewhere(piece.memory, end)
        real(piece, sequence, data, *rest)
        piece.memory = memory
        memory[end : end + len(data)] = data

    def blind(held: ring._Held, entry: ring_layout.Entry) -> bytes:
        return held.piece.memory[entry.offset : entry.offset + entry.length]

    monkeypatch.setattr(ring_layout.Piece, "add", hasty)
    monkeypatch.setattr(ring._Held, "data", blind)
    assert any("not the bytes" in fault for fault in _killed_at_every_byte(monkeypatch, 1))


class _Elsewhere:
    """Memory that leaves out what is written at one place."""

    def __init__(self, memory: Any, at: int) -> None:
        self._memory, self._at = memory, at

    def __getitem__(self, at: slice) -> bytes:
        data: bytes = self._memory[at]
        return data

    def __setitem__(self, at: slice, data: bytes) -> None:
        if at.start != self._at:
            self._memory[at] = data


def _damaged(memories: Memories, seed: int, flips: int) -> tuple[list[str], int]:
    """Random bytes of all memory are changed, one at a time: what readers are given wrongly, and how often less."""
    chance = random.Random(seed)
    rig = Rig(memories, 4)
    writer = rig.writer()
    for index in range(60):
        put(writer, 1, index, most=300)
    image = {name: memory[:] for name, memory in memories.held.items()}
    faults: list[str] = []
    lost = 0
    for _ in range(flips):
        name = chance.choice(sorted(image))
        # Half of them where the words and the index are, not in the large data.
        size = len(image[name])
        at = chance.choice((chance.randrange(size), chance.randrange(8192), size - 1 - chance.randrange(4096)))
        memory = memories.held[name]
        memory[at : at + 1] = bytes([memory[at] ^ 1 << chance.randrange(8)])
        try:
            packets = read_all(rig.reader())
        except BadRing:
            packets = []
        faults += faults_of(packets, most=300)
        lost += len(packets) < 60
        memory[:] = image[name]
    return faults, lost


@pytest.mark.parametrize("seed", range(3))
def test_damage_of_any_byte_is_never_given_out(memories: Memories, seed: int) -> None:
    faults, lost = _damaged(memories, seed, 700)
    assert not faults
    assert lost > 700 // 20  # the damage did hit


def test_without_the_check_sums_damage_is_given_out(memories: Memories, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind:
        @staticmethod
        def crc32(data: bytes | memoryview, start: int = 0) -> int:
            return 0

    monkeypatch.setattr(ring, "zlib", Blind)
    monkeypatch.setattr(ring_layout, "zlib", Blind)
    faults, _ = _damaged(memories, 1, 300)
    assert faults


def test_every_single_damaged_byte_of_one_packet(memories: Memories) -> None:
    rig = Rig(memories, 1)
    put(rig.writer(), 1, 0, most=40)
    memory = rig.piece(rig.numbers[0])
    word = memoryview(memory).cast("Q")[9]
    count, end = word >> 40, word & ((1 << 40) - 1)
    assert count == 1
    for at in (*range(ring_layout.DATA_AT, end), *range(len(memory) - 64, len(memory))):
        memory[at] ^= 0x10
        assert read_all(rig.reader()) == [], at
        memory[at] ^= 0x10
    assert len(read_all(rig.reader())) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_writer_goes_on_in_damaged_memory(memories: Memories, seed: int) -> None:
    chance = random.Random(seed)
    rig = Rig(memories, 4)
    for run in range(150):
        try:
            writer = rig.writer()
        except BadRing:
            raise AssertionError("only words that change are damaged here") from None
        for index in range(24):
            put(writer, run, index)
        assert not faults_of(read_all(rig.reader()))
        memory = chance.choice([rig.memory, *(rig.piece(number) for number in rig.numbers)])
        at = chance.randrange(64, len(memory))
        if memory is not rig.memory or at < 4096:  # the table is the pool's
            memory[at] = chance.randrange(256)


def test_a_reader_that_is_overtaken_says_so_and_goes_on(memories: Memories) -> None:
    rig = Rig(memories, 3)
    writer, reader = rig.writer(), rig.reader()
    put(writer, 1, 0)
    at = reader.seek(0)
    assert at is not None
    first = reader.after(at)
    assert first is not None
    assert reader.after(first.sequence) is None
    for index in range(1, 400):
        put(writer, 1, index)
    packets = read_all(reader, first.sequence)
    assert packets[0].gap
    assert not faults_of(packets)
    assert name_of(packets[-1].data) == (1, 399)


def test_an_overwritten_piece_is_not_read_with_the_old_index(
    memories: Memories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer goes round between the reader's look at the index and its copy of the data."""
    rig = Rig(memories, 2)
    writer, reader = rig.writer(), rig.reader()
    for index in range(9):
        put(writer, 1, index)
    real = ring._Held.data
    rounds = []

    def late(held: ring._Held, entry: ring_layout.Entry) -> bytes | None:
        if not rounds:
            rounds.append(1)
            for index in range(9, 200):
                put(writer, 1, index)
        return real(held, entry)

    at = reader.seek(0)
    assert at is not None
    monkeypatch.setattr(ring._Held, "data", late)
    packet = reader.after(at)
    assert rounds
    assert packet is not None
    assert packet.gap
    assert not faults_of([packet])


OPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 40)),
        st.tuples(st.just("begin"), st.booleans()),
        st.tuples(st.just("new writer"), st.just(0)),
        st.tuples(st.just("grow"), st.just(0)),
        st.tuples(st.just("read"), st.just(0)),
    ),
    min_size=1,
    max_size=30,
)


def _must_hold(model: list[tuple[int, int]], pieces: list[int], run: int) -> int:
    """How many of the newest packets must be there, reckoned from sizes alone; `pieces` there were at each.

    One piece is being thrown away, each change of codec may leave one unfinished, and each has a tail of crumbs.
    """
    most = size = 0
    for back, (name, there) in enumerate(zip(reversed(model), reversed(pieces), strict=True), start=1):
        size += len(packet_bytes(*name)) + 2 * ring_layout.ENTRY_BYTES
        usable = PIECE - ring_layout.DATA_AT - ring_layout.SMALLEST_PART - 2 * ring_layout.ENTRY_BYTES
        if size <= (there - 1 - (run - name[0])) * usable and name[1] % 8 == 0:
            most = back
    return most


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=OPS, pieces=st.integers(1, 4))
def test_against_a_list(ops: list[tuple[str, int]], pieces: int) -> None:
    """The model: a list of all that was put, cut into unbroken runs. What is held is its end, from a key frame on."""
    with pytest.MonkeyPatch.context() as patch:
        made = Memories()
        patch.setattr(ring_layout, "attach", made.attach)
        rig = Rig(made, pieces)
        writer, reader = rig.writer(), rig.reader()
        run, index = 1, 0
        model: list[tuple[int, int]] = []
        grown: list[int] = []
        for what, how in ops:
            if what == "put":
                for _ in range(how):
                    assert put(writer, run, index)
                    model.append((run, index))
                    grown.append(len(rig.numbers))
                    index += 1
            elif what == "grow" and len(rig.numbers) < 8:
                rig.grow()
            elif what in ("begin", "new writer"):
                if what == "new writer":
                    writer = rig.writer()
                else:
                    writer.begin(CODEC if how else Codec("mjpeg", b"", (1, 25), 8, 8))
                run, index = run + 1, 0
            found = read_all(reader)
            assert not faults_of(found)
            names = [name_of(packet.data) for packet in found]
            # Nothing is missing from the first one on, and what must fit is there.
            assert names == model[len(model) - len(names) :]
            assert len(names) >= _must_hold(model, grown, run)
            assert [e.sequence for e in reader.index()] == sorted({e.sequence for e in reader.index()})


def test_a_piece_that_was_taken_is_let_go_of(memories: Memories) -> None:
    rig = Rig(memories, 3)
    writer, reader = rig.writer(), rig.reader()
    for index in range(100):
        put(writer, 1, index)
    current = rig.words[ring_layout.CURRENT]
    taken = next(number for number in rig.numbers if number != current)
    table = rig.words[ring_layout.TABLE_AT : ring_layout.TABLE_AT + ring_layout.TABLE_SLOTS].tolist()
    rig.words[ring_layout.TABLE_AT + table.index(taken)] = 0
    rig.words[ring_layout.VERSION] += 1
    memories.remove(piece_name(rig.name, taken, PIECE))
    assert rig.words[ring_layout.SEEN] != rig.words[ring_layout.VERSION]
    writer.tidy()
    assert rig.words[ring_layout.SEEN] == rig.words[ring_layout.VERSION]
    assert taken not in writer._slab.pieces
    for index in range(100, 200):
        assert put(writer, 1, index)
    packets = read_all(reader)
    assert taken not in reader._held
    assert not faults_of(packets)
    assert name_of(packets[-1].data) == (1, 199)


def test_what_is_no_ring_is_refused(memories: Memories) -> None:
    with pytest.raises(FileNotFoundError):
        RingReader("ioc-pic-test-1", 7)
    memories.held["ioc-pic-test-1"] = memory = mmap.mmap(-1, ring_layout.SLAB_BYTES)
    with pytest.raises(BadRing, match="not one of ours"):
        RingReader("ioc-pic-test-1", 7)
    format_slab(memory, 7, 100)
    with pytest.raises(BadRing, match="bounds"):
        RingReader("ioc-pic-test-1", 7)
    format_slab(memory, 7, PIECE)
    with pytest.raises(BadRing, match="generation 7 found where 8"):
        RingWriter("ioc-pic-test-1", 8)
    memory[0] ^= 1
    with pytest.raises(BadRing, match="not one of ours"):
        RingWriter("ioc-pic-test-1", 7)
    memories.held["ioc-pic-test-2"] = mmap.mmap(-1, 4096)
    with pytest.raises(BadRing, match="too few"):
        RingReader("ioc-pic-test-2", 7)


def test_names_of_pieces_differ_from_the_slabs_in_the_number_alone() -> None:
    assert piece_name("ioc-pic-ab12-100", 103, 4096) == "ioc-pic-ab12-103"
    assert piece_name("ioc-pic-ab12-100.16384", 103, 4096) == "ioc-pic-ab12-103.4096"  # Windows: with the size


def test_check_sums_are_the_crc_32_of_zlib() -> None:
    assert ring_layout._salted_crc(b"abc", 5) == zlib.crc32(b"abc" + (5).to_bytes(8, "little"))
