"""Recordings that nobody finished, that were damaged, or that somebody made to do harm."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
from helpers.recorded import ABOUT, T0, World, packets

from backends.domain.times import NS_PER_S
from backends.recording.container import BadFile, Container
from backends.recording.reader import Recording
from backends.recording.topics import DATA, VIDEO
from backends.recording.writer import RecordingWriter

SECONDS = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SECONDS of feeds and 6 s of one camera, closed."""
    folder = tmp_path_factory.mktemp("recording") / "r"
    writer, world = RecordingWriter(folder, ABOUT), World()
    for coded in packets(folder.parent):
        writer.picture(coded)
        if coded.key:
            writer.flush()
    writer.snapshot(T0)
    for n in range(SECONDS * 10):
        for envelope in world.step():
            writer.record(envelope, world.t_ns)
        if n % 10 == 9:
            writer.flush()
        if n % 50 == 49:
            writer.snapshot(world.t_ns)
    writer.close("stopped", {})
    return folder


def copy(whole: Path, to: Path, *, data: bytes | None = None, video: bytes | None = None) -> Path:
    to.mkdir()
    (to / DATA).write_bytes((whole / DATA).read_bytes() if data is None else data)
    (to / VIDEO).write_bytes((whole / VIDEO).read_bytes() if video is None else video)
    return to


def read_all(folder: Path) -> tuple[int, int, Recording]:
    """(events, pictures) of what can be read; every way in is tried."""
    with Recording(folder) as recording:
        first, last = recording.span
        events = sum(1 for _ in recording.events(0, last))
        pictures = sum(1 for camera in recording.cameras for _ in recording.pictures(camera, 0, last))
        for camera in recording.cameras:
            recording.coverage(camera)
            recording.packets(camera, first + (last - first) // 2)
        recording.state_at(first + (last - first) // 2).digest()
    return events, pictures, recording


def test_control_the_whole_one(whole: Path) -> None:
    events, pictures, recording = read_all(whole)
    assert events > 300
    assert pictures == 150
    assert (recording.damaged, recording.lost) == (0, [])


@pytest.mark.parametrize("part", [0.1, 0.35, 0.6, 0.85, 0.99])
def test_a_file_that_was_cut_off_is_read_up_to_there(whole: Path, tmp_path: Path, part: float) -> None:
    raw = (whole / DATA).read_bytes()
    cut = raw[: int(len(raw) * part)]
    events, pictures, recording = read_all(copy(whole, tmp_path / "cut", data=cut))
    full, _, _ = read_all(whole)
    assert not recording.data.complete
    # Behind the result comes only the index, a fifth of so short a file.
    assert recording.result["end"] == ("unfinished" if part < 0.8 else "stopped")
    assert pictures == 150
    assert full * (part - 0.3) <= events <= full
    if part < 0.99:
        assert recording.lost


def test_a_process_that_is_killed_loses_what_came_after_its_last_flush(tmp_path: Path) -> None:
    """SIGKILL amid writing, again and again: what it said was flushed is there, whole, and nothing else is broken."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from helpers.recorded import ABOUT, World, packets
        from backends.recording.writer import RecordingWriter
        writer, world = RecordingWriter(Path(sys.argv[1]), ABOUT), World()
        coded = iter(list(packets(Path(sys.argv[2]), seconds=2.0)) * 500)
        writer.snapshot(world.t_ns)
        n = 0
        while True:
            for envelope in world.step():
                writer.record(envelope, world.t_ns)
            writer.picture(next(coded))
            n += 1
            if n % 10 == 0:
                writer.flush()
                sys.stdout.write(f"{world.t_ns}\\n")
                sys.stdout.flush()
        """
    )
    pick = random.Random(20201018)
    for turn in range(5):
        folder, beside = tmp_path / f"r{turn}", tmp_path / f"clips{turn}"
        beside.mkdir()
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(folder), str(beside)], stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert child.stdout is not None
        for _ in range(pick.randrange(2, 40)):
            told_ns = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        told_ns = int(rest[-1]) if rest else told_ns
        child.stdout.close()
        child.wait()
        with Recording(folder) as recording:
            assert recording.span[1] >= told_ns
            seqs = [e.content.seq for e in recording.events(0, told_ns) if getattr(e.content, "feed", "") == "samples"]
            assert seqs == list(range(1, (told_ns - T0) // (NS_PER_S // 10) + 1))
            assert recording.damaged == 0


def test_a_bit_that_flipped_costs_its_chunk_and_is_counted(whole: Path, tmp_path: Path) -> None:
    pick = random.Random(7)
    full, _, _ = read_all(whole)
    with Container(whole / DATA) as container:
        chunks = container.chunks
    for turn in range(40):
        raw = bytearray((whole / DATA).read_bytes())
        chunk = pick.choice(chunks)
        raw[pick.randrange(chunk.at + 60, chunk.at + chunk.size)] ^= 1 << pick.randrange(8)
        events, pictures, recording = read_all(copy(whole, tmp_path / f"bit{turn}", data=bytes(raw)))
        assert recording.damaged > 0
        assert (full * 0.8 < events <= full, pictures) == (True, 150)


@pytest.mark.parametrize("name", [DATA, VIDEO])
def test_noise_in_a_file_harms_nobody(whole: Path, tmp_path: Path, name: str) -> None:
    pick = random.Random(11)
    for turn in range(60):
        raw = bytearray((whole / name).read_bytes())
        for _ in range(pick.randrange(1, 200)):
            at = pick.randrange(len(raw))
            raw[at : at + 8] = pick.choice((b"\xff" * 8, b"\0" * 8, pick.randbytes(8), struct.pack("<Q", 1 << 62)))
        folder = copy(whole, tmp_path / f"noise{turn}", **{"data" if name == DATA else "video": bytes(raw)})
        with suppress(BadFile):
            read_all(folder)


@pytest.mark.parametrize(
    "raw", [b"", b"\x89MCAP0\r\n", b"PK\x03\x04" + b"x" * 1000, b"\x89MCAP0\r\n" + b"\xff" * 1000, b"\0" * 5000]
)
def test_what_is_no_recording_is_refused_in_words(whole: Path, tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(BadFile, match="MCAP"):
        Recording(copy(whole, tmp_path / "no", data=raw))


def record_of(kind: int, content: bytes, size: int | None = None) -> bytes:
    return struct.pack("<BQ", kind, len(content) if size is None else size) + content


def test_counts_beyond_reason_are_not_believed(tmp_path: Path) -> None:
    """A chunk of a few bytes that claims to unpack to terabytes, records and texts that claim to be longer than the
    file: refused or left out before anything of that size is made."""
    import zstandard

    bomb = zstandard.compress(b"\0" * (200 << 20))
    head = struct.pack("<QQQI", T0, T0, 1 << 40, 0)
    for size in (1 << 40, 200 << 20, 65 << 20):
        head = struct.pack("<QQQI", T0, T0, size, 0) + struct.pack("<I", 4) + b"zstd"
        raw = b"\x89MCAP0\r\n" + record_of(6, head + struct.pack("<Q", len(bomb)) + bomb)
        path = tmp_path / f"bomb{size}.mcap"
        path.write_bytes(raw)
        with Container(path) as container:
            (chunk,) = container.chunks
            with pytest.raises(ValueError, match="chunk"):
                container.messages(chunk)
    for kind in range(1, 16):
        path = tmp_path / f"long{kind}.mcap"
        path.write_bytes(b"\x89MCAP0\r\n" + record_of(kind, b"\xff" * 64, 1 << 60) + b"x" * 100)
        with Container(path) as container:
            assert container.lost
        path.write_bytes(b"\x89MCAP0\r\n" + record_of(kind, b"\xff" * 64) + b"x" * 100)
        with Container(path) as container:
            assert container.chunks == [] or kind == 6


def test_a_newer_one_is_refused_and_says_what_to_do(whole: Path, tmp_path: Path) -> None:
    raw = (whole / DATA).read_bytes()
    assert raw.count(b"\x07\x00\x00\x00version\x01\x00\x00\x001") == 1
    newer = raw.replace(b"\x07\x00\x00\x00version\x01\x00\x00\x001", b"\x07\x00\x00\x00version\x01\x00\x00\x009")
    with pytest.raises(BadFile, match="newer version"):
        Recording(copy(whole, tmp_path / "newer", data=newer))


def test_a_recording_is_for_its_user_alone(whole: Path) -> None:
    if os.name == "posix":
        assert whole.stat().st_mode & 0o777 == 0o700
        assert (whole / DATA).stat().st_mode & 0o777 == 0o600
