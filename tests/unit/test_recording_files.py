"""Recordings: what was written is read, by us and by programs that know nothing of ours; the state at every moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from helpers.recorded import ABOUT, T0, World, packets
from mcap.reader import make_reader

from backends.domain.times import NS_PER_S
from backends.recording import foxglove
from backends.recording.reader import Recording
from backends.recording.state import State
from backends.recording.topics import DATA, VIDEO
from backends.recording.writer import Coded, RecordingWriter


def record(
    folder: Path, seconds: float, *, snapshot_s: float = 5.0, cameras: Sequence[list[Coded]] = ()
) -> dict[int, str]:
    """A recording with a snapshot now and then. Digest of the state at each tenth of a second, as it was."""
    writer, world, live, digests = RecordingWriter(folder, ABOUT), World(), State(), {}
    for coded in sorted((coded for camera in cameras for coded in camera), key=lambda coded: coded.t_ns):
        writer.picture(coded)
    writer.snapshot(T0)
    next_ns = T0 + int(snapshot_s * NS_PER_S)
    for _ in range(int(seconds * 10)):
        for envelope in world.step():
            writer.record(envelope, world.t_ns)
            live.apply(envelope)
        digests[world.t_ns] = live.digest()
        if world.t_ns >= next_ns:
            writer.snapshot(world.t_ns)
            next_ns += int(snapshot_s * NS_PER_S)
            writer.flush()
    writer.close("stopped", {})
    return digests


def test_the_state_is_the_same_at_every_moment(tmp_path: Path) -> None:
    digests = record(tmp_path / "r", 30)
    with Recording(tmp_path / "r") as recording:
        assert recording.data.complete
        assert len(recording.marks) == 7
        for t_ns, digest in digests.items():
            assert recording.state_at(t_ns).digest() == digest, (t_ns - T0) / NS_PER_S
        assert recording.damaged == 0


def test_control_a_record_left_out_is_seen_by_the_digest(tmp_path: Path) -> None:
    digests = record(tmp_path / "r", 10, snapshot_s=100)
    with Recording(tmp_path / "r") as recording:
        until_ns = T0 + 10 * NS_PER_S
        state = State()
        for event in list(recording.events(0, until_ns))[:-1]:
            state.apply(event.content)  # type: ignore[arg-type]
        assert state.digest() != digests[until_ns]


def test_events_follow_each_other_without_a_hole(tmp_path: Path) -> None:
    record(tmp_path / "r", 10)
    with Recording(tmp_path / "r") as recording:
        whole = list(recording.events(0, recording.span[1]))
        middle = T0 + 4 * NS_PER_S
        assert [*recording.events(0, middle), *recording.events(middle, recording.span[1])] == whole
        assert len(whole) > 150
        seqs = [event.content.seq for event in whole if getattr(event.content, "feed", "") == "samples"]
        assert seqs == list(range(1, 101))


def test_it_says_who_made_it_and_how_it_ended(tmp_path: Path) -> None:
    record(tmp_path / "r", 1)
    with Recording(tmp_path / "r") as recording:
        assert recording.about["site"] == "Đông Hà"
        assert recording.about["mode"] == "live"
        assert recording.result["end"] == "stopped"
        assert recording.result["quality"] == "clean"
    sums = (tmp_path / "r" / "SHA256SUMS").read_text().split()
    assert sums[1::2] == [DATA, VIDEO]


def decoded(data: list[bytes], codec: str) -> list[np.ndarray[Any, Any]]:
    """Pictures, by FFmpeg alone."""
    context = av.CodecContext.create(codec, "r")
    frames = [frame for raw in data for frame in context.decode(av.Packet(raw))]  # type: ignore[attr-defined]
    frames += context.decode(None)  # type: ignore[attr-defined]
    return [frame.to_ndarray(format="gray") for frame in frames]


def bar(picture: np.ndarray[Any, Any]) -> int:
    """Where the walking bar of a clip stands."""
    return int(picture.mean(axis=0).argmax())


def protobuf_of(schema: Any) -> Any:
    """The message class that a file describes itself."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(schema.data).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(schema.name))


@pytest.mark.parametrize("container", ["ts", "mp4"])
def test_others_see_the_pictures_with_nothing_of_ours(tmp_path: Path, container: str) -> None:
    record(tmp_path / "r", 1, cameras=[list(packets(tmp_path, container=container))])
    with (tmp_path / "r" / VIDEO).open("rb") as file:
        found: list[Any] = []
        for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages():
            assert channel.topic == "/camera/cam-001"
            assert schema is not None
            found.append(protobuf_of(schema).FromString(message.data))
    assert {(m.format, m.frame_id) for m in found} == {("h264", "cam-001")}
    assert [m.timestamp.ToNanoseconds() for m in found][:3] == [T0, T0 + 40_000_000, T0 + 80_000_000]
    pictures = decoded([m.data for m in found], "h264")
    assert len(pictures) == 150
    assert bar(pictures[75]) == pytest.approx(75 * 304 / 150 + 8, abs=10)


def test_others_see_the_values_with_nothing_of_ours(tmp_path: Path) -> None:
    record(tmp_path / "r", 3)
    with (tmp_path / "r" / DATA).open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        seen: dict[str, int] = {}
        values = []
        for schema, channel, message in reader.iter_messages():
            assert schema is not None
            assert schema.encoding in ("jsonschema", "protobuf")
            seen[channel.topic] = seen.get(channel.topic, 0) + 1
            if channel.topic == "/feed/samples":
                values += [value for _, _, value, _ in json.loads(message.data)["body"]["samples"]]
    assert seen["/feed/samples"] == 30
    assert seen["/mark"] == 1
    assert len(values) == 240
    assert all(0 <= value <= 1 for value in values)


def test_a_line_for_people_is_a_log_line(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "r", ABOUT)
    writer.line(T0, foxglove.Level.FATAL, "Nước sông Hiếu trên BĐ3", "alarms")
    writer.close("stopped", {})
    with (tmp_path / "r" / DATA).open("rb") as file:
        ((schema, _, message),) = make_reader(file).iter_messages()
    assert schema is not None
    line = protobuf_of(schema).FromString(message.data)
    assert (line.message, line.level, line.name) == ("Nước sông Hiếu trên BĐ3", 5, "alarms")


def test_a_moment_is_shown_from_its_key_frame(tmp_path: Path) -> None:
    cameras = [list(packets(tmp_path, f"cam-{n:03}")) for n in (1, 2)]
    record(tmp_path / "r", 1, cameras=cameras)
    with Recording(tmp_path / "r") as recording:
        assert recording.cameras == ["cam-001", "cam-002"]
        for number in (0, 1, 24, 25, 77, 149):
            needed = recording.packets("cam-002", T0 + number * 40_000_000 + 7)
            assert needed[0].key
            assert len(needed) == number % 25 + 1
            assert bar(decoded([p.data for p in needed], "h264")[-1]) == pytest.approx(number * 304 / 150 + 8, abs=10)
        assert recording.packets("cam-002", T0 - 1) == []
        assert recording.packets("cam-002", T0 + 12 * NS_PER_S) == [], "its last picture is older than a gap"
        assert recording.packets("cam-404", T0 + NS_PER_S) == []
        keys = list(recording.pictures("cam-001", T0 - 1, T0 + 6 * NS_PER_S, keys=True))
        assert [(p.t_ns - T0) // NS_PER_S for p in keys] == [0, 1, 2, 3, 4, 5]


def test_a_gap_is_no_coverage_and_goes_on_at_a_key_frame(tmp_path: Path) -> None:
    sent = list(packets(tmp_path))
    writer = RecordingWriter(tmp_path / "r", ABOUT)
    assert not writer.picture(sent[3]), "no key frame yet"
    for coded in sent[:60]:
        assert writer.picture(coded)
    writer.broken("cam-001")
    kept = [writer.picture(msgspec.structs.replace(c, t_ns=c.t_ns + 20 * NS_PER_S)) for c in sent[70:]]
    assert kept == [False] * 5 + [True] * 75
    writer.close("stopped", {"pictures": 3})
    with Recording(tmp_path / "r") as recording:
        assert recording.result["quality"] == "lossy"
        assert recording.result["dropped_pictures"] == "3"
        (first, second) = recording.coverage("cam-001")
        assert first == (T0, T0 + 59 * 40_000_000)
        assert second[0] == T0 + 20 * NS_PER_S + 75 * 40_000_000
        assert recording.packets("cam-001", T0 + 15 * NS_PER_S) == []
