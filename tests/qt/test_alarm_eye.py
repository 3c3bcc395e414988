"""The bench of the alarm path looks into the program: it measures, or it says that it does not."""

from __future__ import annotations

import time

import pytest
from helpers.alarm_eye import AlarmEye, NothingMeasured
from helpers.alarm_tile import seen_list
from helpers.sample_city import SampleSession
from helpers.spy_voice import SpyVoice
from pytestqt.qtbot import QtBot

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.feeds import FeedQuality, FeedStatus
from backends.domain.ports import Changes
from backends.domain.text import LocalText
from widgets.sound import Annunciator
from widgets.tiles.camera import CameraTile


def test_an_urgent_alarm_is_seen_and_heard(
    sample: SampleSession, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    eye, voice = AlarmEye(), SpyVoice()
    eye.install(monkeypatch.setattr)
    sound = Annunciator(sample.city, voice=voice)
    eye.listen(sound)
    tile = seen_list(qtbot, sample)
    sample.city.apply([FeedStatus("alarms", FeedQuality.LIVE, time.time_ns())])
    with pytest.raises(NothingMeasured, match=r"never called: .*CameraTile\.paintEvent"):
        eye.check()
    eye.calls[f"{CameraTile.__name__}.paintEvent"] = 1  # no camera is on this screen
    seen, heard = len(eye.visible), len(eye.heard)
    alarm = Alarm("new@1", Priority.URGENT, AlarmState.UNACKNOWLEDGED, LocalText("Cháy"), time.time_ns())
    sample.city.apply([Changes("alarms", put=(alarm,))])
    tile.grab()
    with pytest.raises(NothingMeasured, match="was heard"):
        eye.check(known_visible=seen, known_heard=heard)
    assert voice.said[-1] == "urgent"
    voice.firstSample.emit(len(voice.times), time.monotonic())
    eye.check(known_visible=seen, known_heard=heard)
    assert 0 <= eye.visible["new@1"] < 60
    assert 0 <= eye.heard["new@1"] < 60
    assert voice.said[-1] == "stop", "the next one has a tone of its own"
    sound.close()


def test_a_hook_into_what_has_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Annunciator, "_hear")
    with pytest.raises(NothingMeasured, match=r"there is no Annunciator\._hear any more"):
        AlarmEye().install(monkeypatch.setattr)


def test_a_hook_that_nothing_passes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    eye = AlarmEye()
    eye.install(monkeypatch.setattr)
    with pytest.raises(NothingMeasured, match=r"AlarmDelegate\.paint, RowList\.paintEvent, Annunciator\._hear"):
        eye.check()
