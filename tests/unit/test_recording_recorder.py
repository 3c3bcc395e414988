"""The recorder: when it begins and ends, what lies before its beginning, and what happens when the disk is too slow or
full."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ExpectLogs
from helpers.recorded import T0, World, packets
from helpers.ring_rig import Memories, Rig, memories

from backends.domain.action import Action, Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import Mode
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.protocol.codec import encode
from backends.protocol.messages import Envelope
from backends.recording import recorder as module
from backends.recording.reader import Recording
from backends.recording.recorder import Recorder, Rules, Source
from backends.recording.topics import Acted, LayoutShown
from backends.recording.writer import Coded
from backends.video.ring import RingReader, RingWriter
from backends.video.ring_layout import Codec

__all__ = ["memories"]  # a fixture

MONO0 = 5_000 * NS_PER_S
RULES = Rules(pre_s=4.0, post_s=3.0, longest_s=60.0)


class Stage:
    """A recorder, its clocks, its world and the rings of its cameras."""

    def __init__(self, folder: Path, memories: Memories, rules: Rules = RULES) -> None:
        self.folder = folder
        self.world = World()
        self.sources: dict[str, Source] = {}
        self.cameras: dict[str, tuple[RingWriter, list[Coded], int]] = {}
        self._memories = memories
        self.recorder = Recorder(
            folder, rules, lambda: self.sources, lambda: self.world.t_ns, self.mono_ns,
            site="Đông Hà", mode="live", station="ban-1",
        )  # fmt: skip
        self._alarm_seq = 100_000

    def mono_ns(self) -> int:
        return MONO0 + self.world.t_ns - T0

    def camera(self, name: str, clip: list[Coded]) -> None:
        """From now on it sends this clip, again and again, into a real ring."""
        rig = Rig(self._memories, 16)
        writer = rig.writer()
        first = clip[0]
        writer.begin(Codec(first.codec, first.extradata, (1, 25), 320, 180))
        self.cameras[name] = writer, clip, (self.world.t_ns - T0) * 25 // NS_PER_S
        self.sources[name] = rig.reader()

    def run(self, seconds: float) -> None:
        """The world, the cameras and the recorder, a tenth of a second at a time."""
        for _ in range(round(seconds * 10)):
            for envelope in self.world.step():
                if envelope.feed != "alarms":
                    self.recorder.take(envelope, self.world.t_ns)
            self._send()
            self.recorder.turn()

    def _send(self) -> None:
        """What 25 pictures a second come to in this tenth."""
        until = (self.world.t_ns - T0) * 25 // NS_PER_S
        for name, (writer, clip, sent) in self.cameras.items():
            for n in range(sent, until):
                coded = clip[n % len(clip)]
                mono_ns = MONO0 + n * NS_PER_S // 25
                writer.put(coded.data, n, n, coded.key, mono_ns, mono_ns)
            self.cameras[name] = writer, clip, until

    def alarm(self, state: AlarmState, priority: Priority = Priority.URGENT, id_: str = "river-high") -> None:
        self._alarm_seq += 1
        alarm = Alarm(id_, priority, state, LocalText("Sông Hiếu trên BĐ3"), self.world.t_ns)
        body = msgspec.Raw(encode(alarm))
        envelope = Envelope(Mode.LIVE, "alarms", "e1", self._alarm_seq, self.world.t_ns, "put", id=id_, body=body)
        self.recorder.take(envelope, self.world.t_ns)

    def recordings(self) -> list[Path]:
        return sorted(self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def stage(tmp_path: Path, memories: Memories) -> Iterator[Stage]:
    made = Stage(tmp_path / "recordings", memories)
    yield made
    made.recorder.close()


@pytest.fixture
def clip(tmp_path: Path) -> list[Coded]:
    return list(packets(tmp_path))


def test_an_urgent_alarm_is_recorded_from_before_it_until_after_it(stage: Stage, clip: list[Coded]) -> None:
    stage.camera("cam-001", clip)
    stage.run(10)
    assert stage.recordings() == []
    raised_ns = stage.world.t_ns
    stage.alarm(AlarmState.UNACKNOWLEDGED)
    stage.run(5)
    assert stage.recorder.status.recording
    assert stage.recorder.status.reasons == ("alarm river-high",)
    stage.alarm(AlarmState.ACKNOWLEDGED)
    acked_ns = stage.world.t_ns
    stage.run(5)
    assert not stage.recorder.status.recording
    (folder,) = stage.recordings()
    with Recording(folder) as recording:
        assert (recording.result["end"], recording.result["quality"]) == ("stopped", "clean")
        assert recording.about["reason"] == "alarm river-high"
        first, last = recording.span
        assert raised_ns - 5.2 * NS_PER_S <= first <= raised_ns - 3.8 * NS_PER_S, "its pre-roll"
        assert acked_ns + 2.8 * NS_PER_S <= last <= acked_ns + 3.4 * NS_PER_S
        ((from_ns, to_ns),) = recording.coverage("cam-001")
        assert from_ns <= raised_ns - 4 * NS_PER_S
        assert to_ns >= acked_ns + 2.8 * NS_PER_S
        events = [e.content for e in recording.events(first - 1, last) if isinstance(e.content, Envelope)]
        assert [e.body for e in events if e.feed == "alarms"] != []
        seqs = [e.seq for e in events if e.feed == "samples"]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        assert len(recording.packets("cam-001", raised_ns - NS_PER_S)) > 0


@pytest.mark.parametrize("priority", [Priority.HIGH, Priority.LOW])
def test_other_alarms_are_no_reason(stage: Stage, priority: Priority) -> None:
    stage.alarm(AlarmState.UNACKNOWLEDGED, priority)
    stage.run(1)
    assert stage.recordings() == []


def test_an_alarm_that_returned_unseen_is_still_a_reason(stage: Stage) -> None:
    stage.alarm(AlarmState.UNACKNOWLEDGED)
    stage.run(1)
    stage.alarm(AlarmState.RETURNED)
    stage.run(6)
    assert stage.recorder.status.recording


def test_a_key_begins_and_ends_it_and_what_people_did_is_in_it(stage: Stage) -> None:
    stage.run(1)
    stage.recorder.begin("key ban-1")
    stage.run(1)
    action = Action(new_aid(), Verb.COMMENT, "alarms", "a1", 0, stage.world.t_ns, args={"text": "x"})
    stage.recorder.acted(Acted(stage.world.t_ns, "queued", action))
    stage.recorder.layout(LayoutShown(stage.world.t_ns, "ban-1", "flood"))
    stage.run(1)
    stage.recorder.end("key ban-1")
    stage.run(4)
    (folder,) = stage.recordings()
    with Recording(folder) as recording:
        contents = [event.content for event in recording.events(0, recording.span[1])]
    (acted,) = [content for content in contents if isinstance(content, Acted)]
    assert acted.action == action
    assert [content.layout for content in contents if isinstance(content, LayoutShown)] == ["flood"]


def test_a_long_one_is_cut_and_goes_on_in_the_next_without_a_hole(
    tmp_path: Path, memories: Memories, clip: list[Coded]
) -> None:
    stage = Stage(tmp_path / "r", memories, Rules(pre_s=2.0, post_s=1.0, longest_s=10.0))
    stage.camera("cam-001", clip)
    stage.recorder.begin("key")
    stage.run(25)
    stage.recorder.end("key")
    stage.run(3)
    seqs: list[int] = []
    spans = []
    folders = stage.recordings()
    assert len(folders) == 3
    for folder in folders:
        with Recording(folder) as recording:
            contents = [event.content for event in recording.events(0, recording.span[1])]
            seqs += [c.seq for c in contents if isinstance(c, Envelope) and c.feed == "samples"]
            spans += recording.coverage("cam-001")
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert all(after[0] - before[1] <= NS_PER_S // 10 for before, after in pairwise(spans))


def test_a_camera_that_is_shown_later_begins_with_its_key_frame(stage: Stage, clip: list[Coded]) -> None:
    stage.camera("cam-001", clip)
    stage.recorder.begin("key")
    stage.run(4)
    stage.camera("cam-002", clip)
    joined_ns = stage.world.t_ns
    stage.run(3)
    gone = stage.sources.pop("cam-001")
    stage.run(3)
    assert gone is not None
    stage.recorder.end("key")
    stage.run(4)
    (folder,) = stage.recordings()
    with Recording(folder) as recording:
        assert recording.cameras == ["cam-001", "cam-002"]
        assert recording.coverage("cam-002")[0][0] >= joined_ns - 3 * NS_PER_S
        assert recording.coverage("cam-001")[-1][1] <= joined_ns + 3.3 * NS_PER_S
        for t_ns in range(joined_ns + NS_PER_S, joined_ns + 2 * NS_PER_S, NS_PER_S // 7):
            newest = recording.packets("cam-001", t_ns)[-1]
            assert 0 <= t_ns - newest.t_ns <= 50_000_000, "a camera that joins does not move the others' times"


def test_when_too_much_waits_measurements_go_first_and_are_counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.recorder.begin("key")
    stage.run(1)
    monkeypatch.setattr(module, "QUEUE_BYTES", 20_000)
    before = stage.world.t_ns
    for _ in range(100):  # ten seconds in which the disk stands
        for envelope in stage.world.step():
            if envelope.feed != "alarms":
                stage.recorder.take(envelope, stage.world.t_ns)
        stage.alarm(AlarmState.UNACKNOWLEDGED, Priority.LOW)
    stage.recorder.turn()
    assert stage.recorder.status.dropped > 50
    stage.recorder.end("key")
    stage.run(5)
    (folder,) = stage.recordings()
    with Recording(folder) as recording:
        assert recording.result["quality"] == "lossy"
        assert int(recording.result["dropped_samples"]) > 50
        assert "dropped_alarms" not in recording.result
        events = [e.content for e in recording.events(before, recording.span[1]) if isinstance(e.content, Envelope)]
        assert sum(e.id == "river-high" for e in events) == 100


def test_a_full_disk_leaves_what_is_there_says_why_and_a_new_reason_tries_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, clip: list[Coded], expect_logs: ExpectLogs
) -> None:
    expect_logs("nothing can be recorded: .*No space left")
    stage.camera("cam-001", clip)
    stage.recorder.begin("key")
    stage.run(5)

    def full(self: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.RecordingWriter, "flush", full)
        stage.run(2)
        assert not stage.recorder.status.recording
        assert "No space left" in stage.recorder.status.trouble
    (first,) = stage.recordings()
    with Recording(first) as recording:
        assert recording.result == {"end": "unfinished"}
        assert recording.span[1] - recording.span[0] > 3.5 * NS_PER_S
        assert recording.damaged == 0
    stage.recorder.begin("key again")
    stage.run(2)
    assert stage.recorder.status.recording
    assert stage.recorder.status.trouble == ""
    stage.recorder.end("key again")
    stage.run(4)
    assert len(stage.recordings()) == 2


def test_the_state_of_the_recording_is_that_of_the_feeds(stage: Stage) -> None:
    """What came before the pre-roll is in its first snapshot."""
    ids = [f"old-{n}" for n in range(5)]
    for id_ in ids:
        stage.alarm(AlarmState.ACKNOWLEDGED, Priority.LOW, id_)
    stage.run(20)
    stage.recorder.begin("key")
    stage.run(2)
    stage.recorder.end("key")
    stage.run(4)
    (folder,) = stage.recordings()
    with Recording(folder) as recording:
        for t_ns in (recording.span[0], recording.span[1]):
            states = {feed.feed: feed for feed in recording.state_at(t_ns).feeds()}
            assert [item.id for item in states["alarms"].items] == ids


def test_a_reader_is_what_the_recorder_asks_for() -> None:
    source: type[Source] = RingReader
    assert source is RingReader
