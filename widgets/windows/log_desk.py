"""Opens the line of the logbook for what is chosen where the keyboard is: an alarm, a report, a camera, a plot.

What was chosen when the key was pressed is what the entry is about, whatever moves meanwhile. GUI thread only.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from backends.domain.action import Verb
from widgets.i18n import tr
from widgets.models.city import LOCAL_FEED
from widgets.parts.alarm_words import why_not
from widgets.parts.log_words import About, name_of
from widgets.parts.stand_in import camera_of
from widgets.session import Session
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.base import Tile
from widgets.tiles.camera import CameraTile
from widgets.tiles.plot import PlotTile
from widgets.tiles.reports import ReportsTile
from widgets.windows.camera_desk import camera_tiles
from widgets.windows.log_line import LogLine
from widgets.windows.wall_window import WallWindow


class LogDesk(QObject):
    """One a wall."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.line: LogLine | None = None

    def open(self, window: WallWindow) -> None:
        """The same key again closes it; what was typed is kept."""
        before, self.line = self.line, None
        if before is not None:
            before.end(back=True)
            return
        city = self._session.city
        if refused := city.grant.refusal(Verb.LOG):
            self._session.notices.post(why_not(city, refused))
            return
        about = about_of(window)
        title = tr("logbook.ask_about", what=about.title) if about.id else tr("logbook.ask")
        kept = f"logbook.{city.grant.operator_id}.{about.feed}.{about.id}"

        def send(words: str, pictures: tuple[bytes, ...], t_ns: int) -> str:
            # What is said of a camera's picture is of the moment of the picture.
            told = replace(about, t_from_ns=t_ns, t_to_ns=t_ns) if t_ns and about.feed == "cameras" else about
            args = {"text": words, **told.args()}
            return self._session.acts.submit(Verb.LOG, "timeline", about.id, 0, args, pictures)

        camera = city.camera(about.camera_id) if about.camera_id else None
        line = self.line = LogLine(self._session, window, window.scale, title, kept, send, camera)
        line.ended.connect(lambda: self._on_ended(line))

    def close(self) -> None:
        """Before the windows go, or have other tiles."""
        if self.line is not None:
            self.line.end()

    def _on_ended(self, line: LogLine) -> None:
        if self.line is line:
            self.line = None
        line.deleteLater()


def about_of(window: WallWindow) -> About:
    """What is chosen there, and the time that it speaks of; empty where nothing is."""
    widget: QWidget | None = window.focusWidget()
    while widget is not None and not isinstance(widget, Tile):
        widget = widget.parentWidget()
    session = window.session
    now_ns, place = session.clock.now_ns(), session.hands.place
    if isinstance(widget, AlarmsTile):
        return _alarm(widget, now_ns)
    if isinstance(widget, ReportsTile):
        report = widget.current
        name = name_of(session.city, "reports", report.id) if report is not None else ""
        return About("reports", report.id, name, report.t_received_ns, now_ns) if report is not None else About()
    if isinstance(widget, PlotTile):
        return _plot(widget, now_ns)
    if not isinstance(widget, CameraTile):  # the keyboard is nowhere in particular: the tile with the ring
        widget = next((tile for tile in camera_tiles(window) if place and tile.place == place), None)
    return _camera(widget, now_ns) if widget is not None else About()


def _alarm(tile: AlarmsTile, now_ns: int) -> About:
    """The station's own alarms are not known to the hub: what is written of one is about nothing there."""
    alarm = tile.current
    if alarm is None or alarm.id in tile.session.city.records(LOCAL_FEED):
        return About()
    name = name_of(tile.session.city, "alarms", alarm.id)
    seen = camera_of(tile.session.city, alarm)
    camera_id = seen.camera_id if seen is not None else ""
    return About("alarms", alarm.id, name, alarm.t_raised_ns, alarm.t_returned_ns or now_ns, camera_id)


def _camera(tile: CameraTile, now_ns: int) -> About:
    """Of an old picture that is shown: its time."""
    camera = tile.camera
    if camera is None:
        return About()
    old = tile.replay
    at_ns = now_ns if old is None else old.t_ns or now_ns - int((old.behind_s or 0) * 1e9)
    name = name_of(tile.session.city, "cameras", camera.id)
    return About("cameras", camera.id, name, at_ns, at_ns, camera.id if old is None else "")


def _plot(tile: PlotTile, now_ns: int) -> About:
    sensor, state = tile.sensor, tile.state()
    if sensor is None or state is None:
        return About()
    name = name_of(tile.session.city, "sensors", sensor.id)
    return About("sensors", sensor.id, name, state.t0_ns, min(state.t1_ns, now_ns))
