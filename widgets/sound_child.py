"""The process that plays the tones: `python -m widgets.sound_child`, started by widgets/sound_voice.py.

It is a process of its own because an audio server that hangs takes whoever calls it along; the screen must
not be that. One JSON object a line. In: {"play": n, "tone": "urgent", "times": 2 or 0, "pause_s": 0.9},
{"stop": true}, {"ping": n}. Out: {"device": "name" or ""}, {"first": n, "t": monotonic seconds},
{"pong": n}. `first` tells when the tone's first sample was handed to the device, or to the null sink that
stands in for it where there is none. Knows tones, not alarms.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import wave
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import (
    QCoreApplication,
    QIODevice,
    QMessageLogContext,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtMultimedia import QAudioDevice, QAudioFormat, QAudioSink, QMediaDevices, QtAudio

from backends.process import child_settings

_log = logging.getLogger(__name__)

_NULL_MS = 10
"""The null sink takes this much at a time, at the speed of a real one."""
_STUCK_S = 2.0
"""A device that takes nothing for so long is broken, whatever it says."""
_CHECK_MS = 5000

Samples = npt.NDArray[np.float32]


def load_tone(path: Path) -> tuple[Samples, int]:
    """A 16-bit WAV file with one channel as (-1 to 1, its rate)."""
    with wave.open(str(path), "rb") as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return raw.astype(np.float32) / 32768.0, file.getframerate()


def render(tone: Samples, rate: int, audio: QAudioFormat) -> bytes:
    """The tone in a device's own format: not every system converts for us."""
    count = int(len(tone) * audio.sampleRate() / rate)
    wanted = np.interp(np.arange(count) * (rate / audio.sampleRate()), np.arange(len(tone)), tone)
    frames = np.repeat(wanted, audio.channelCount())
    kind = QAudioFormat.SampleFormat
    if audio.sampleFormat() == kind.Float:
        return frames.astype(np.float32).tobytes()
    if audio.sampleFormat() == kind.Int32:
        return (frames * 2147483000.0).astype(np.int32).tobytes()
    if audio.sampleFormat() == kind.UInt8:
        return ((frames + 1.0) * 127.5).astype(np.uint8).tobytes()
    return (frames * 32767.0).astype(np.int16).tobytes()


class ToneDevice(QIODevice):
    """A tone, repeated with pauses, as the sink reads it. Notes when its first sample was taken."""

    def __init__(self, once: bytes, pause: bytes, times: int) -> None:
        super().__init__()
        self._round, self._left = once + pause, times
        self._at = 0
        self._endless = times == 0
        self.t_first_s = 0.0
        self.taken = 0
        """Bytes handed out."""
        self.open(QIODevice.OpenModeFlag.ReadOnly | QIODevice.OpenModeFlag.Unbuffered)

    def isSequential(self) -> bool:
        return True

    def bytesAvailable(self) -> int:
        rest = len(self._round) - self._at
        whole = rest if self._endless else max(0, self._left - 1) * len(self._round) + rest if self._left else 0
        return whole + super().bytesAvailable()

    def readData(self, maxlen: int) -> bytes:
        if not self._endless and self._left == 0:
            return b""
        part = self._round[self._at : self._at + maxlen]
        if part and not self.taken:
            self.t_first_s = time.monotonic()
        self.taken += len(part)
        self._at += len(part)
        if self._at >= len(self._round):
            self._at = 0
            self._left = max(0, self._left - 1)
        return part

    def writeData(self, data: bytes | bytearray | memoryview, len: int) -> int:
        return -1

    @property
    def done(self) -> bool:
        return not self._endless and self._left == 0


class Player(QObject):
    """Plays one tone at a time on the system's default output."""

    commandsArrived = Signal()
    """From the thread that reads stdin."""

    def __init__(self, folder: Path, lines: SimpleQueue[bytes], *, null: bool) -> None:
        super().__init__()
        self._tones = {path.stem: load_tone(path) for path in sorted(folder.glob("*.wav"))}
        self._lines = lines
        self._null = null
        self._sink: QAudioSink | None = None
        self._playing: ToneDevice | None = None
        self._number = 0
        self._command: dict[str, Any] = {}
        self._watch = QTimer(self)
        self._watch.setInterval(_NULL_MS)
        self._watch.setTimerType(Qt.TimerType.PreciseTimer)
        self._watch.timeout.connect(self._look)
        self._null_owed = 0.0
        self._null_t_s = 0.0
        self._broken = False
        """The device failed with the tone that sounds now."""
        self._told: str | None = None
        self._taken, self._moved_s = 0, 0.0
        self._devices = None if null else QMediaDevices(self)
        if self._devices is not None:
            self._devices.audioOutputsChanged.connect(self._on_devices)
        self.commandsArrived.connect(self._on_commands, Qt.ConnectionType.QueuedConnection)
        self._tell_device()
        self._checks = QTimer(self)
        self._checks.timeout.connect(self._check)
        self._checks.start(_CHECK_MS)

    # -- commands -----------------------------------------------------------------------------------

    def _on_commands(self) -> None:
        while not self._lines.empty():
            self._follow(json.loads(self._lines.get()))

    def _follow(self, command: dict[str, Any]) -> None:
        if "play" in command:
            # A new tone tries a device again that failed before.
            self._broken = False
            self._play(command)
        elif "stop" in command:
            self._stop()
        elif "ping" in command:
            _say(pong=command["ping"])

    def _play(self, command: dict[str, Any]) -> None:
        self._stop()
        self._command, self._number = command, int(command["play"])
        device = self._device()
        audio = device.preferredFormat() if device is not None else _null_format()
        tone, rate = self._tones[command["tone"]]
        pause = np.zeros(int(float(command["pause_s"]) * rate), np.float32)
        self._playing = ToneDevice(render(tone, rate, audio), render(pause, rate, audio), int(command["times"]))
        if device is not None:
            self._sink = QAudioSink(device, audio, self)
            # Its state is looked at on the timer: PySide 6.11 cannot convert the signal's argument.
            self._sink.start(self._playing)
        else:
            self._null_owed, self._null_t_s = 0.0, time.monotonic() - _NULL_MS / 1000.0
        self._taken, self._moved_s = 0, time.monotonic()
        self._watch.start(_NULL_MS)
        self._look()

    def _stop(self) -> None:
        self._watch.stop()
        self._command = {}
        sink, self._sink, self._playing = self._sink, None, None
        if sink is not None:
            sink.stop()
            sink.deleteLater()

    # -- while it plays -----------------------------------------------------------------------------

    def _look(self) -> None:
        """Report the first sample; feed the null sink; end what is done."""
        playing = self._playing
        if playing is None:
            return
        if self._stuck(playing):
            self._fall_back()
            return
        if self._sink is None:
            self._feed_null(playing)
        if self._number and playing.taken:
            _say(first=self._number, t=playing.t_first_s)
            self._number = 0
            self._tell_device()
            self._watch.setInterval(_NULL_MS if self._sink is None else 200)
        if playing.done and (self._sink is None or self._sink.state() == QtAudio.State.IdleState):
            self._stop()

    def _feed_null(self, playing: ToneDevice) -> None:
        now_s = time.monotonic()
        audio = _null_format()
        self._null_owed += (now_s - self._null_t_s) * audio.bytesPerFrame() * audio.sampleRate()
        self._null_t_s = now_s
        whole = int(self._null_owed) // audio.bytesPerFrame() * audio.bytesPerFrame()
        self._null_owed -= whole
        playing.read(whole)

    def _stuck(self, playing: ToneDevice) -> bool:
        """The device reported an error, or has taken nothing for too long."""
        if self._sink is None or playing.done:
            return False
        now_s = time.monotonic()
        if playing.taken != self._taken:
            self._taken, self._moved_s = playing.taken, now_s
        return self._sink.error() != QtAudio.Error.NoError or now_s - self._moved_s > _STUCK_S

    # -- devices --------------------------------------------------------------------------------------

    def _device(self) -> QAudioDevice | None:
        if self._null or self._broken:
            return None
        device = QMediaDevices.defaultAudioOutput()
        return None if device.isNull() else device

    def _tell_device(self) -> None:
        device = self._device()
        name = device.description() if device is not None else ""
        if name != self._told:
            self._told = name
            _say(device=name)

    def _on_devices(self) -> None:
        """One came or went: go on with what sounds, on what there is now."""
        self._broken = False
        self._tell_device()
        if self._command:
            self._play(self._command)

    def _check(self) -> None:
        """Now and then: a broken device may have come back without a word."""
        if self._broken and self._command:
            self._broken = False
            self._play(self._command)
        self._tell_device()

    def _fall_back(self) -> None:
        """The device broke while it played: the tone goes on to the null sink, and the screen says so."""
        command, self._broken = self._command, True
        self._tell_device()
        self._play(command)


def _null_format() -> QAudioFormat:
    audio = QAudioFormat()
    audio.setSampleRate(24_000)
    audio.setChannelCount(1)
    audio.setSampleFormat(QAudioFormat.SampleFormat.Int16)
    return audio


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt tells at every start which audio libraries it did not find: for the log's depth, not the terminal."""
    grave = kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg)
    _log.log(logging.ERROR if grave else logging.DEBUG, "%s", message)


def main() -> None:
    """Run until stdin ends."""
    qInstallMessageHandler(_on_qt_message)
    app = QCoreApplication(sys.argv)
    lines: SimpleQueue[bytes] = SimpleQueue()
    player: list[Player] = []

    def on_line(line: bytes) -> None:
        lines.put(line)
        if player:
            player[0].commandsArrived.emit()

    settings = child_settings(on_parent_gone=app.quit, on_line=on_line)
    player.append(Player(Path(settings["folder"]), lines, null=bool(settings.get("null"))))
    player[0].commandsArrived.emit()
    app.exec()


if __name__ == "__main__":
    main()
