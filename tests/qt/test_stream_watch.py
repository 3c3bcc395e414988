"""What the GUI tells the desk of streams once a second, and what the station says while something is left out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from helpers.fakes import FakeActions, FakeInbox
from helpers.sample_city import SampleSession, prepare, sample_session
from PySide6.QtWidgets import QApplication

from backends.domain.access import Grant
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.camera import Demand
from backends.domain.people import Role
from backends.domain.stream_choice import View
from backends.domain.times import ManualClock
from console.parts_watch import PartsWatch
from widgets.models.city import LOCAL_FEED
from widgets.parts.stream_watch import StreamWatch
from widgets.pump import Pump


class Feed:
    """Nothing comes from below."""

    def __init__(self, clock: ManualClock) -> None:
        inbox = FakeInbox()
        self.drain, self.submit = inbox.drain, FakeActions(clock, inbox).submit
        self.grant = Grant("op", "Hà", Role.OPERATOR)

    def acknowledged_here(self, target: str) -> None:
        """Nobody does."""


class SomeTile:
    """Has a camera on the screen."""

    def on_demand(self, demand: Demand | None) -> None:
        """It paints nothing."""


class Station:
    """A pump that is stepped by hand, with the watch and the station's own alarms as console/app.py joins them."""

    def __init__(self, sample: SampleSession, folder: Path) -> None:
        self.sample = sample
        self.parts = PartsWatch(Feed(sample.clock), folder, None, sample.clock, lambda part, t_ns: None)
        self.pump = Pump(self.parts, sample.city, sample.clock, sample.clock)
        self.watch = StreamWatch(sample.session.streams, sample.city, self.pump, self.parts.say_left_out)
        self.pump.picturePass.connect(sample.session.demands.flush)

    def run(self, seconds: float, tick_s: float = 0.02) -> None:
        for _ in range(round(seconds / tick_s)):
            self.sample.clock.advance_s(tick_s)
            self.pump.run_pass()

    def alarm(self) -> Alarm | None:
        found = self.sample.city.records(LOCAL_FEED).get("local:pictures")
        return found if isinstance(found, Alarm) else None


@pytest.fixture
def station(qapp: QApplication, tmp_path: Path) -> Station:
    prepare(qapp)
    return Station(sample_session(), tmp_path)


def test_what_is_left_out_is_an_alarm_of_the_station_for_as_long_as_it_is(station: Station) -> None:
    tile = SomeTile()
    station.sample.session.demands.set(tile, View("cam-014", 480, 270))
    station.sample.pictures.load = (0.0, 0.3)
    station.run(4.0)
    assert station.alarm() is None
    station.sample.pictures.load = (0.3, 0.97)
    station.run(4.0)
    alarm = station.alarm()
    assert alarm is not None
    assert alarm.state is AlarmState.UNACKNOWLEDGED
    assert alarm.detail == station.sample.session.streams.standing
    assert next(iter(station.sample.pictures.left_out.values())).skip_loop_filter
    raised_ns = alarm.t_raised_ns
    station.run(20.0)
    alarm = station.alarm()
    assert alarm is not None
    assert (alarm.detail, alarm.t_raised_ns) == (station.sample.session.streams.standing, raised_ns)
    station.sample.pictures.load = (0.0, 0.3)
    station.run(200.0, 0.5)
    alarm = station.alarm()
    assert alarm is not None
    assert alarm.state is AlarmState.RETURNED
    assert station.sample.pictures.left_out == {}


def test_late_passes_are_felt_where_the_processor_is_busy(station: Station) -> None:
    tile = SomeTile()
    station.sample.session.demands.set(tile, View("cam-014", 480, 270))
    station.sample.pictures.load = (0.0, 0.6)
    station.run(6.0)
    assert station.alarm() is None
    station.run(6.0, 0.08)
    assert station.alarm() is not None


def test_the_directory_is_told_when_it_changes(station: Station) -> None:
    tile = SomeTile()
    station.sample.session.demands.set(tile, View("cam-new", 480, 270))
    station.run(0.2)
    assert station.sample.pictures.wanted == frozenset()
    known = station.sample.city.camera("cam-014")
    assert known is not None
    station.sample.put("cameras", msgspec.structs.replace(known, id="cam-new", number="500"))
    station.run(0.2)
    assert {demand.camera_id for demand in station.sample.pictures.wanted} == {"cam-new"}


def test_the_99th_percentile_of_the_passes(station: Station) -> None:
    pump = Pump(FakeInbox(), station.sample.city, station.sample.clock, station.sample.clock)
    pump.run_pass()
    for gap_s in (0.02,) * 98 + (0.5, 0.09):
        station.sample.clock.advance_s(gap_s)
        pump.run_pass()
    assert pump.tick_p99_ms() == pytest.approx(90.0)
    assert pump.tick_p99_ms() == 0.0
