"""The annunciator: what sounds when, silence, mute, replay; and the process that plays it."""

from __future__ import annotations

import runpy
import time
import wave
from collections.abc import Iterator

import msgspec
import numpy as np
import psutil
import pytest
from conftest import ExpectLogs
from helpers.sample_city import at
from helpers.spy_voice import SpyVoice
from PySide6.QtMultimedia import QAudioFormat
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.access import NOBODY, Grant
from backends.domain.alarm import Alarm, AlarmState, Priority, acknowledge, claim, raise_again, return_to_normal, rise
from backends.domain.feeds import FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.people import Role
from backends.domain.ports import Changes, LinkStatus
from backends.domain.text import LocalText
from backends.domain.times import ManualClock
from widgets import sound_voice
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.sound import PATTERNS, SOUNDS, Annunciator
from widgets.sound_child import ToneDevice, load_tone, render
from widgets.sound_voice import ChildVoice


class Rig:
    """A city, its annunciator and a spy; `live()` ends the start-up."""

    def __init__(self, mode: Mode = Mode.LIVE, *, muted: bool = False) -> None:
        self.city, self.voice, self.clock = CityModel(mode), SpyVoice(), ManualClock()
        self.sound = Annunciator(self.city, muted=muted, voice=self.voice, mono=self.clock)

    def live(self) -> Rig:
        self.city.apply([FeedStatus("alarms", FeedQuality.LIVE, at(9))])
        return self

    def put(self, *alarms: Alarm, feed: str = "alarms", reset: bool = False) -> None:
        self.city.apply([Changes(feed, put=alarms, reset=reset)])

    def new(self) -> list[str]:
        """What was said since the last call."""
        said, self.voice.said = self.voice.said, []
        return said


def alarm(n: int, priority: Priority, state: AlarmState = AlarmState.UNACKNOWLEDGED) -> Alarm:
    return Alarm(f"a{n}", priority, state, LocalText("Có việc"), at(9, n % 60))


@pytest.fixture
def rig(qapp: QApplication) -> Iterator[Rig]:
    made = Rig().live()
    yield made
    made.sound.close()


def test_each_priority_has_its_tone(rig: Rig) -> None:
    for n, priority in enumerate((Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.URGENT)):
        rig.put(alarm(n, priority))
        assert rig.new() == [priority.value]
        assert rig.sound.sounding is priority
    assert rig.voice.times == [1, 1, 2, 0]


def test_several_at_once_give_the_gravest_tone_only(rig: Rig) -> None:
    rig.put(*(alarm(n, p) for n, p in enumerate((Priority.LOW, Priority.HIGH, Priority.MEDIUM, Priority.HIGH))))
    assert rig.new() == ["high"]


def test_a_lesser_alarm_does_not_interrupt_and_a_flood_does_not_stutter(rig: Rig) -> None:
    rig.put(alarm(1, Priority.HIGH))
    for n in range(2, 60):
        rig.put(alarm(n, Priority.HIGH), alarm(100 + n, Priority.LOW))
    assert rig.new() == ["high"]
    rig.clock.advance_s(10)
    assert rig.sound.sounding is None
    rig.put(alarm(70, Priority.LOW))
    assert rig.new() == ["low"]


def test_an_urgent_tone_ends_when_all_of_them_are_acknowledged_or_claimed(rig: Rig) -> None:
    first, second = alarm(1, Priority.URGENT), alarm(2, Priority.URGENT)
    rig.put(first, second)
    rig.clock.advance_s(3600)
    assert rig.sound.sounding is Priority.URGENT
    rig.put(acknowledge(first, "Thu Hà", at(9, 5)))
    assert rig.new() == ["urgent"]
    rig.put(claim(second, "Thu Hà", "op", at(9, 6)))
    assert rig.new() == ["stop"]
    assert rig.sound.sounding is None


def test_silence_is_not_acknowledgement(rig: Rig) -> None:
    first = alarm(1, Priority.URGENT)
    rig.put(first)
    rig.sound.silence()
    assert rig.new() == ["urgent", "stop"]
    assert rig.city.unacknowledged_counts()[Priority.URGENT] == 1
    rig.put(msgspec.structs.replace(first, rev=2, detail=LocalText("4,2 m")))
    rig.put(first, reset=True)
    assert rig.new() == []
    assert not rig.sound.silenced
    rig.put(alarm(2, Priority.MEDIUM))
    assert rig.new() == ["medium"]


def test_what_sounds_anew_and_what_does_not(rig: Rig) -> None:
    first = alarm(1, Priority.MEDIUM)
    rig.put(first)
    rig.new()
    rig.clock.advance_s(10)
    gone = return_to_normal(first, at(9, 10))
    rig.put(gone)
    assert rig.new() == []
    rig.put(again := raise_again(gone, at(9, 20)))
    assert rig.new() == ["medium"]
    rig.clock.advance_s(10)
    rig.put(seen := acknowledge(again, "Thu Hà", at(9, 21)))
    assert rig.new() == []
    rig.put(rise(seen, Priority.URGENT, at(9, 22)))
    assert rig.new() == ["urgent"]
    rig.city.apply([Changes("alarms", deleted=(first.id,))])
    assert rig.new() == ["stop"]


def test_alarms_of_the_station_itself_sound_too(rig: Rig) -> None:
    rig.put(alarm(1, Priority.HIGH), feed=LOCAL_FEED)
    assert rig.new() == ["high"]


def test_shelved_and_acknowledged_ones_are_quiet(rig: Rig) -> None:
    quiet = (AlarmState.SHELVED, AlarmState.ACKNOWLEDGED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
    rig.put(*(alarm(n, Priority.URGENT, state) for n, state in enumerate(quiet)))
    assert rig.new() == []


def test_the_start_is_one_batch(qapp: QApplication) -> None:
    rig = Rig()
    stored = [alarm(1, Priority.HIGH), alarm(2, Priority.LOW)]
    rig.put(*stored, reset=True)
    assert rig.new() == ["high"]
    rig.clock.advance_s(5)
    rig.put(*stored, alarm(3, Priority.MEDIUM), alarm(4, Priority.HIGH), reset=True)
    assert rig.new() == []
    rig.put(*stored, alarm(5, Priority.URGENT), reset=True)
    assert rig.new() == ["urgent"]
    rig.live()
    assert rig.new() == []
    rig.sound.silence()
    rig.put(alarm(6, Priority.LOW))
    assert rig.new() == ["stop", "low"]
    rig.sound.close()


def test_without_a_hub_the_stations_own_alarms_still_sound(qapp: QApplication) -> None:
    rig = Rig()
    rig.put(alarm(1, Priority.HIGH), reset=True)
    assert rig.new() == ["high"]
    rig.clock.advance_s(30)
    rig.put(alarm(2, Priority.HIGH), feed=LOCAL_FEED)
    assert rig.new() == ["high"]
    rig.sound.close()


def test_muted_nothing_sounds_and_an_urgent_one_is_taken_up_again(qapp: QApplication) -> None:
    rig = Rig(muted=True).live()
    rig.put(alarm(1, Priority.URGENT), alarm(2, Priority.HIGH))
    assert rig.sound.silenced
    assert rig.sound.muted
    assert rig.new() == []
    rig.sound.toggle_muted()
    assert rig.new() == ["urgent"]
    rig.sound.toggle_muted()
    assert rig.new() == ["stop"]
    rig.sound.close()


def test_a_replay_is_silent(qapp: QApplication) -> None:
    rig = Rig(Mode.REPLAY).live()
    rig.put(alarm(1, Priority.URGENT))
    assert rig.new() == []
    rig.sound.toggle_muted()
    rig.sound.toggle_muted()
    assert rig.new() == []
    rig.sound.close()
    live = Rig().live()
    live.put(alarm(1, Priority.URGENT))
    live.city.apply([LinkStatus(LinkState.UP, Mode.REPLAY, at(9))])
    assert live.new() == ["urgent", "stop"]
    live.sound.close()


def test_the_state_is_told(rig: Rig, qtbot: QtBot) -> None:
    assert rig.sound.available
    with qtbot.waitSignal(rig.sound.changed):
        rig.voice.deviceChanged.emit("")
    assert not rig.sound.available
    with qtbot.waitSignal(rig.sound.changed):
        rig.voice.deviceChanged.emit("Loa")
    assert rig.sound.available
    with qtbot.waitSignal(rig.sound.changed):
        rig.sound.toggle_muted()
    with qtbot.waitSignal(rig.sound.changed):
        rig.sound.silence()


# -- the tones -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", list(Priority))
def test_tone_files(priority: Priority) -> None:
    path = SOUNDS / f"{priority.value}.wav"
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
    tone, rate = load_tone(path)
    assert path.stat().st_size < 100_000
    assert 0.05 < np.max(np.abs(tone)) < 0.95
    # It begins and ends in silence: no click.
    assert abs(tone[0]) < 0.01
    assert abs(tone[-1]) < 0.01
    # ISO 7731: the energy lies where hearing and rooms carry it.
    power, hz = np.abs(np.fft.rfft(tone)) ** 2, np.fft.rfftfreq(len(tone), 1 / rate)
    assert power[(hz > 300) & (hz < 3000)].sum() > 0.9 * power.sum()
    assert abs(len(tone) / rate + PATTERNS[priority].pause_s - PATTERNS[priority].length_s) < 0.4


def test_the_files_are_what_the_script_makes() -> None:
    made = runpy.run_path(str(SOUNDS.parents[1] / "scripts" / "make_sounds.py"))["tones"]()
    assert made.keys() == {path.stem for path in SOUNDS.glob("*.wav")}
    for name, samples in made.items():
        kept, _ = load_tone(SOUNDS / f"{name}.wav")
        assert len(kept) == len(samples)
        # One step of 16 bits: processors round sines differently.
        assert np.max(np.abs(kept - samples)) < 2e-4


def test_graver_tones_are_louder_and_longer() -> None:
    tones = [load_tone(SOUNDS / f"{p.value}.wav")[0] for p in sorted(Priority, key=lambda p: p.rank)]
    levels = [float(np.max(np.abs(t))) for t in tones]
    assert levels == sorted(levels, reverse=True)
    energies = [float(np.sum(t**2)) for t in tones]
    assert energies == sorted(energies, reverse=True)


@pytest.mark.parametrize("kind", ["UInt8", "Int16", "Int32", "Float"])
def test_a_tone_in_the_devices_own_format(kind: str) -> None:
    audio = QAudioFormat()
    audio.setSampleRate(48_000)
    audio.setChannelCount(2)
    audio.setSampleFormat(QAudioFormat.SampleFormat[kind])
    tone = np.sin(np.arange(2400) * 0.1).astype(np.float32)
    made = render(tone, 24_000, audio)
    assert len(made) == 4800 * audio.bytesPerFrame()


def test_a_tone_repeats_with_its_pause(qapp: QApplication) -> None:
    device = ToneDevice(b"ABCD", b"--", 2)
    assert device.bytesAvailable() == 12
    assert bytes(device.read(100).data()) + bytes(device.read(100).data()) == b"ABCD--ABCD--"
    assert device.done
    assert device.taken == 12
    assert device.t_first_s > 0
    endless = ToneDevice(b"AB", b"-", 0)
    assert b"".join(bytes(endless.read(3).data()) for _ in range(50)) == b"AB-" * 50
    assert not endless.done


# -- the process that plays ------------------------------------------------------------------------------------


@pytest.fixture
def voice(qapp: QApplication) -> Iterator[ChildVoice]:
    made = ChildVoice(SOUNDS, null=True)
    yield made
    made.close()


def test_from_raise_to_first_sample(qtbot: QtBot, voice: ChildVoice) -> None:
    """The whole way: record in the city -> decision -> other process -> the sink takes a sample."""
    city = CityModel()
    sound = Annunciator(city, voice=voice)
    city.apply([FeedStatus("alarms", FeedQuality.LIVE, at(9))])
    with qtbot.waitSignal(voice.deviceChanged, timeout=30_000) as told:
        voice.start()
    assert told.args == [""]
    assert not sound.available
    for n, priority in enumerate((Priority.LOW, Priority.MEDIUM, Priority.HIGH, Priority.URGENT)):
        city.apply([Changes("alarms", put=(alarm(n, priority),))])
        qtbot.waitUntil(lambda n=n: len(sound.latencies_s) == n + 1, timeout=10_000)
    assert max(sound.latencies_s) < 5.0
    sound._timer.stop()


def test_a_dead_process_is_replaced_and_an_urgent_tone_goes_on(
    qtbot: QtBot, voice: ChildVoice, expect_logs: ExpectLogs
) -> None:
    expect_logs("another one starts")
    number = voice.play("urgent", 0, 1.0)
    with qtbot.waitSignal(voice.firstSample, timeout=30_000) as first:
        voice.start()
    assert first.args[0] == number
    assert voice.child is not None
    voice.child.kill()
    with qtbot.waitSignal(voice.firstSample, timeout=30_000) as again:
        pass
    assert again.args[0] == number
    assert again.args[1] > first.args[1]


def test_a_hung_process_blocks_nobody(
    qtbot: QtBot, voice: ChildVoice, expect_logs: ExpectLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audio server that hangs stops the process that talks to it: here, the signal does."""
    monkeypatch.setattr(sound_voice, "_DEAD_S", 1.0)
    monkeypatch.setattr(sound_voice, "_PING_S", 0.2)
    expect_logs("another one starts")
    with qtbot.waitSignal(voice.deviceChanged, timeout=30_000):
        voice.start()
    child = voice.child
    assert child is not None
    psutil.Process(child.pid).suspend()
    started_s = time.monotonic()
    for _ in range(5000):
        voice.play("high", 2, 0.5)
    assert time.monotonic() - started_s < 1.0, "the GUI thread waited for a hung process"
    number = voice.play("urgent", 0, 1.0)
    with qtbot.waitSignal(voice.firstSample, timeout=40_000, check_params_cb=lambda n, _t: n == number):
        pass
    assert child.poll() is not None


def test_a_lock_and_nobody_signed_in_stop_no_sound(rig: Rig) -> None:
    locked = Grant("op", "Hà", Role.OPERATOR, sign_in=True, locked=True)
    for n, (grant, priority) in enumerate(((NOBODY, Priority.HIGH), (locked, Priority.URGENT))):
        rig.city.apply([grant])
        rig.put(alarm(n, priority))
        assert rig.new() == [priority.value]
    rig.city.apply([NOBODY])
    assert rig.sound.sounding is Priority.URGENT
