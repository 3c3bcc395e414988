"""The shared-memory layout alone: order, pins, torn reads, bad headers, and states by age."""

from __future__ import annotations

import mmap
import struct
import zlib

import numpy as np
import pytest

from backends.domain.camera import PictureState
from backends.domain.picture import DEVICES, Decoding
from backends.video.frames import (
    HEADER_BYTES,
    About,
    BadFrameHeader,
    FrameReader,
    FrameWriter,
    format_segment,
    judge,
    segment_size,
)
from backends.video.planes import BT709, BT2020, Colours

W, H, GENERATION = 32, 18, 7
S = 1_000_000_000


def make(now_ns: int = S) -> tuple[mmap.mmap, FrameWriter]:
    memory = mmap.mmap(-1, segment_size(W, H))
    format_segment(memory, GENERATION, W, H, now_ns)
    return memory, FrameWriter(memory, GENERATION)


def put(writer: FrameWriter, value: int, stamp_ns: int = S) -> int:
    writer.begin().fill(value)
    return writer.publish(stamp_ns, 40_000_000, value, Colours())


def reader_at(memory: mmap.mmap, now_ns: int = S) -> FrameReader:
    return FrameReader(memory, GENERATION, lambda: now_ns)


def test_nothing_is_there_before_the_first_picture() -> None:
    memory, _ = make()
    reader = reader_at(memory)
    assert reader.sequence() == 0
    assert reader.pin() is None


def test_the_newest_picture_is_read_and_counts_up() -> None:
    memory, writer = make()
    reader = reader_at(memory)
    seen = []
    for value in (10, 20, 30, 40, 50):
        put(writer, value)
        pinned = reader.pin()
        assert pinned is not None
        assert int(pinned.planes.y[3, 3]) == value
        assert pinned.sequence == reader.sequence()
        seen.append(pinned.sequence)
        assert reader.unpin(pinned)
    assert seen == list(range(seen[0], seen[0] + 5))


def test_a_pinned_picture_stays_while_many_others_come() -> None:
    memory, writer = make()
    reader = reader_at(memory)
    put(writer, 1)
    pinned = reader.pin()
    assert pinned is not None
    for value in range(2, 50):
        put(writer, value)
        assert (pinned.planes.y == 1).all()
    assert reader.unpin(pinned)
    assert reader.status().torn == 0


def test_without_the_pin_the_same_writes_reach_the_buffer() -> None:
    """Negative control of the test above."""
    memory, writer = make()
    reader = reader_at(memory)
    put(writer, 1)
    pinned = reader.pin()
    assert pinned is not None
    reader._words[32] = 0  # the pin is lost
    for value in range(2, 6):
        put(writer, value)
    assert not (pinned.planes.y == 1).all()


def test_a_picture_overwritten_in_spite_of_the_pin_is_noticed_and_counted() -> None:
    memory, writer = make()
    reader = reader_at(memory)
    put(writer, 1)
    pinned = reader.pin()
    assert pinned is not None
    slot = reader._words[32] - 1
    writer._words[24 + slot] += 1  # somebody begins to write into it
    assert not reader.unpin(pinned)
    assert reader.status().torn == 1


def test_a_buffer_in_the_middle_of_writing_is_not_handed_out() -> None:
    memory, writer = make()
    reader = reader_at(memory)
    put(writer, 1)
    slot = reader._words[8] & 3
    writer._words[24 + slot] += 1
    assert reader.pin() is None
    assert reader.status().torn == 8
    assert reader._words[32] == 0


def test_a_new_writer_goes_on_counting() -> None:
    memory, writer = make()
    before = put(writer, 1)
    writer.begin()  # dies in the middle
    assert put(FrameWriter(memory, GENERATION), 2) == before + 1
    pinned = reader_at(memory).pin()
    assert pinned is not None
    assert (pinned.planes.y == 2).all()


def test_sequences_of_another_generation_differ() -> None:
    _, writer = make()
    other = mmap.mmap(-1, segment_size(W, H))
    format_segment(other, GENERATION + 1, W, H)
    assert put(writer, 1) != put(FrameWriter(other, GENERATION + 1), 1)


def test_readers_cannot_write() -> None:
    memory, writer = make()
    put(writer, 1)
    pinned = reader_at(memory).pin()
    assert pinned is not None
    with pytest.raises(ValueError, match="read-only"):
        pinned.planes.v[0, 0] = 1


def _spoil(word: int, value: int, *, mend_sum: bool) -> mmap.mmap:
    memory, _ = make()
    words = memoryview(memory).cast("Q")
    words[word] = value
    if mend_sum:
        words[7] = zlib.crc32(words[:7].tobytes())
    return memory


@pytest.mark.parametrize(
    ("word", "value"), [(0, 1), (2, 0), (2, 1 << 40), (3, 4096), (4, 8), (5, 9), (6, 4096 * 1000), (1, GENERATION + 1)]
)
@pytest.mark.parametrize("mend_sum", [False, True])
def test_a_header_that_is_damaged_or_lies_is_refused(word: int, value: int, mend_sum: bool) -> None:
    memory = _spoil(word, value, mend_sum=mend_sum)
    with pytest.raises(BadFrameHeader):
        FrameReader(memory, GENERATION)


def test_memory_too_small_for_a_header_is_refused() -> None:
    with pytest.raises(BadFrameHeader, match="too few"):
        FrameReader(mmap.mmap(-1, 64), GENERATION)


def test_a_slot_number_out_of_bounds_is_not_followed() -> None:
    memory, writer = make()
    put(writer, 1)
    writer._words[8] |= 3
    assert reader_at(memory).pin() is None


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(BadFrameHeader):
        format_segment(mmap.mmap(-1, HEADER_BYTES), 1, 0, 5)


def test_words_of_the_worker_arrive() -> None:
    memory, writer = make()
    writer.say(PictureState.REFUSED, "sai mật khẩu", 3)
    writer.say_about(About((640, 360)))
    reader = reader_at(memory)
    status = reader.status()
    assert (status.state, status.reason, status.reconnects) == (PictureState.REFUSED, "sai mật khẩu", 3)
    assert reader.source_size() == (640, 360)


def test_a_reason_cut_in_mid_letter_is_still_text() -> None:
    memory, writer = make()
    writer.say(PictureState.CONNECTING, "ộ" * 400)
    assert reader_at(memory).status().reason.startswith("ộộ")


def test_a_reason_being_written_is_not_read() -> None:
    memory, writer = make()
    writer.say(PictureState.CONNECTING, "no answer")
    writer._words[14] += 1
    assert reader_at(memory).status().reason == ""


@pytest.mark.parametrize(
    ("age_s", "state"),
    [(0.1, PictureState.LIVE), (1.4, PictureState.LIVE), (1.6, PictureState.SLOW), (5.1, PictureState.LOST)],
)
def test_a_dead_writer_cannot_look_live(age_s: float, state: PictureState) -> None:
    memory, writer = make()
    put(writer, 1, stamp_ns=S)
    status = reader_at(memory, S + int(age_s * S)).status()
    assert status.state is state
    assert status.age_s == pytest.approx(age_s)
    assert status.fps == pytest.approx(25)


@pytest.mark.parametrize(
    ("said", "seen", "age_s", "interval_s", "failed", "state"),
    [
        (PictureState.CONNECTING, False, 60.0, 0.0, False, PictureState.CONNECTING),
        (PictureState.CONNECTING, False, 4.0, 0.0, True, PictureState.CONNECTING),
        (PictureState.CONNECTING, False, 6.0, 0.0, True, PictureState.LOST),
        (PictureState.WAITING_KEY, False, 3.0, 0.0, False, PictureState.WAITING_KEY),
        (PictureState.CONNECTING, True, 0.3, 0.04, False, PictureState.LIVE),
        (PictureState.CONNECTING, True, 9.0, 0.04, True, PictureState.LOST),
        (PictureState.REFUSED, True, 0.3, 0.04, True, PictureState.REFUSED),
        (PictureState.NO_SOURCE, False, 9.0, 0.0, True, PictureState.NO_SOURCE),
        (PictureState.LIVE, True, 2.5, 1.0, False, PictureState.LIVE),
        (PictureState.LIVE, True, 3.1, 1.0, False, PictureState.SLOW),
    ],
)
def test_states(
    said: PictureState, seen: bool, age_s: float, interval_s: float, failed: bool, state: PictureState
) -> None:
    assert judge(said, seen, age_s, interval_s, failed) is state


def test_age_counts_from_the_demand_before_the_first_picture() -> None:
    memory, _ = make(now_ns=S)
    assert reader_at(memory, 4 * S).status().age_s == pytest.approx(3.0)


def test_the_fixed_header_is_as_documented() -> None:
    memory, _ = make()
    magic, generation, width, height, stride, slots, _ = struct.unpack_from("<7Q", memory)
    assert (magic.to_bytes(8, "little"), generation, width, height, stride, slots) == (
        b"IOCPIC03",
        GENERATION,
        W,
        H,
        64,
        3,
    )


def test_buffers_do_not_overlap() -> None:
    _, writer = make()
    for i, buffer in enumerate(writer.buffers):
        buffer.fill(3 * i + 1, 3 * i + 2, 3 * i + 3)
    planes = [plane for buffer in writer.buffers for plane in (buffer.y, buffer.u, buffer.v)]
    assert [int(np.unique(plane)[0]) for plane in planes] == list(range(1, 10))
    assert all(len(np.unique(plane)) == 1 for plane in planes)


def test_what_the_numbers_mean_belongs_to_each_picture() -> None:
    """A camera that changes its range: the picture that is pinned keeps its own."""
    memory, writer = make()
    reader = reader_at(memory)
    pinned = []
    for colours in (Colours(BT709, full=True), Colours(BT2020), Colours()):
        writer.begin()
        writer.publish(S, 40_000_000, 1, colours)
        pinned.append((reader.pin(), colours))
    assert all(picture is not None and picture.colours == colours for picture, colours in pinned)


def test_a_meaning_that_nobody_knows_is_the_usual_one() -> None:
    memory, writer = make()
    put(writer, 1)
    for word in (0, 77, 3 << 8 | 5, 1 << 63):
        writer._words[48:51] = memoryview(struct.pack("<3Q", word, word, word)).cast("Q")
        pinned = reader_at(memory).pin()
        assert pinned is not None
        assert pinned.colours == Colours()


@pytest.mark.parametrize("device", ["", *DEVICES])
@pytest.mark.parametrize("decoding", list(Decoding))
def test_what_decodes_is_told(decoding: Decoding, device: str) -> None:
    memory, writer = make()
    assert reader_at(memory).status().decoding is Decoding.PLAIN
    writer.say_about(About(decoding=decoding, device=device))
    put(writer, 1)
    status = reader_at(memory).status()
    assert (status.decoding, status.device) == (decoding, device)


def test_a_way_of_decoding_that_nobody_knows_is_none() -> None:
    memory, _ = make()
    memoryview(memory).cast("Q")[31] = 200 | 90 << 8
    status = reader_at(memory).status()
    assert (status.decoding, status.device) == (Decoding.PLAIN, "")
