"""The session builder: the only place that joins backends and widgets.

Order of start-up: fonts and words -> layouts -> city model -> feed client (the last stored state is the
first thing in its inbox) -> picture client -> desk of streams -> session -> pump -> windows. What the store holds
is applied before the first window is shown, so that the first paint already is the city, marked with its age.
Order of shut-down: pump -> windows -> sound and screen saver -> clients.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from backends.domain.feeds import Mode
from backends.domain.moment import MOMENTS_DIR
from backends.domain.text import LocalText
from backends.domain.times import HubClock, SystemClock
from backends.video.client import PictureClient
from backends.video.stream_desk import StreamDesk
from console.feed_client import FeedClient
from console.parts_watch import PartsWatch
from console.settings import GuiSettings, Preferences, load_preferences, save_preferences
from layouts.load import load_layouts
from layouts.spec import Monitor, PanelKind
from widgets import format as fmt
from widgets import i18n
from widgets.awake import KeepAwake
from widgets.i18n import tr
from widgets.idle import IdleLock
from widgets.memory import Memory
from widgets.models.city import CityModel
from widgets.models.earshot import Earshot
from widgets.moment_desk import MomentDesk
from widgets.parts import plot_chart
from widgets.parts.demands import DemandBoard
from widgets.parts.exports import ExportDesk
from widgets.parts.sight_teller import SightTeller
from widgets.parts.stream_watch import StreamWatch
from widgets.pump import Pump
from widgets.session import Calls, Look, Notices, Session
from widgets.sound import SOUNDS, Annunciator
from widgets.sound_voice import ChildVoice
from widgets.stills import StillDesk
from widgets.theme import THEMES, ThemeName, apply_palette
from widgets.typography import load_fonts
from widgets.windows.alarm_sheets import SCREEN
from widgets.windows.wall import Wall, layout_problems, tile_kinds

_log = logging.getLogger(__name__)

RESOURCES = Path(__file__).resolve().parent.parent / "resources"

_CALLED = "camera.called"
"""What the memory calls the camera on the tile that is kept for call-ups."""
_PARTS = ("gui", "feeder", "hub", "worker", "sound")
"""Parts that have words of their own for a restart."""

_STORE_WAIT_S = 2.0
_ALL = 1_000_000


class SessionBuilder(QObject):
    """Builds one session from its settings and takes it down again. GUI thread only."""

    def __init__(self, app: QApplication, settings: GuiSettings, told: Mapping[str, Any] | None = None) -> None:
        """`told`: what the supervisor says beside the settings (`backends.process.told`)."""
        super().__init__()
        self._app, self._settings, self._told = app, settings, told or {}
        load_fonts()
        i18n.load(RESOURCES / "i18n")
        i18n.set_language(i18n.Language(settings.lang))
        fmt.set_zone(settings.zone)
        mono = SystemClock()
        self._clock = HubClock(mono)
        self.city = CityModel(Mode(settings.mode))
        self._feed = FeedClient(
            settings.feed.address,
            settings.feed.key,
            data_dir=Path(settings.data_dir),
            mode=Mode(settings.mode),
            clock=self._clock,
        )
        self._feed.start()
        self._parts = PartsWatch(
            self._feed,
            Path(settings.data_dir),
            Path(settings.status_file) if settings.status_file else None,
            self._clock,
            self._on_part_restarted,
        )
        self._pictures = PictureClient(settings.pictures.address, settings.pictures.key)
        streams = StreamDesk(self._pictures, time.monotonic_ns, self._on_streams_said)
        look = Look(THEMES[ThemeName(settings.theme)])
        self.voice = ChildVoice(SOUNDS)
        self._sound = Annunciator(
            self.city,
            muted=self._preferences().muted,
            voice=self.voice,
            now_ns=self._clock.now_ns,
            earshot=Earshot(self.city, settings.station, settings.room),
        )
        self._sound.speakerSaid.connect(self._feed.sound)
        self._awake = KeepAwake()
        self.session = Session(
            city=self.city,
            pictures=self._pictures,
            streams=streams,
            actions=self._parts,
            access=self._feed,
            history=self._feed,
            figures=self._feed,
            small=self._feed,
            clock=self._clock,
            mono=mono,
            look=look,
            sound=self._sound,
            notices=Notices(),
            demands=DemandBoard(streams, self._feed.viewing),
            calls=Calls(),
            turning=self._feed,
            memory=Memory(_kept(self._told)),
            site=settings.site_name,
            shifts=settings.shifts,
        )
        if settings.alarm_monitor and not self.session.memory.get(SCREEN):
            self.session.memory.set(SCREEN, settings.alarm_monitor)
        self.session.calls.cameraCalled.connect(lambda camera: self.session.memory.set(_CALLED, camera))
        self.session.calls.restartAsked.connect(self._parts.start_again)
        apply_palette(app, look.theme)
        look.changed.connect(self._on_look)
        self.pump = Pump(self._parts, self.city, self._clock, mono)
        self._stream_watch = StreamWatch(streams, self.city, self.pump, self._parts.say_left_out)
        self._sight_teller = SightTeller(self.session.demands, self._pictures, self.pump, self._feed.sees)
        own = Path(settings.layouts_dir) if settings.layouts_dir else None
        self._loaded = load_layouts(tile_kinds(), own)
        self.wall = Wall(self.session, self.pump, self._loaded, self._described())
        self.wall.layoutChanged.connect(self._keep_preferences)
        stills = Path(settings.stills_dir) if settings.stills_dir else Path(settings.data_dir) / "stills"
        self._stills = StillDesk(self.session, stills, self._feed.still_saved)
        self._exports = ExportDesk(self.session, stills, self._feed.file_saved)
        self._moments = MomentDesk(self.session, self.pump, Path(settings.data_dir) / MOMENTS_DIR, settings.moments)
        self._idle = IdleLock(self.session, self.pump, settings.lock_after_min)
        self.wall.lock_when_idle(self._idle)
        self._sound.changed.connect(self.wall.repaint_bars)
        self.pump.secondPassed.connect(self._sound.on_second)

    def start(self, painted: Callable[[], None] | None = None) -> None:
        """Apply what is stored, show the windows, start the clocks; `painted` runs once all are painted."""
        # Reading the last state takes milliseconds; a store that hangs must not keep the wall dark.
        self._feed.state_read.wait(_STORE_WAIT_S)
        self.city.apply(self._feed.drain(_ALL))
        self.wall.show_layout(self._settings.layout)
        if called := self.session.memory.get(_CALLED):
            self.session.calls.cameraCalled.emit(called)
        for window in self.wall.windows:
            window.repaint()
        if painted is not None:
            painted()
        plot_chart.load()
        self._parts.start()
        self.pump.start()
        self._awake.start()
        if self._told.get("died_ns"):
            self._on_part_restarted("gui", int(self._told["died_ns"]))
        for sentence in layout_problems(self._loaded):
            self.session.notices.post(sentence)

    def stop(self) -> None:
        """See the module for the order. Safe to call twice."""
        self.pump.stop()
        self._stills.close()
        self._exports.close()
        self._moments.close()
        self.wall.close()
        self._sound.close()
        self._awake.stop()
        self._pictures.close()
        self._parts.stop()
        self._feed.stop()

    # -- what became of other parts ----------------------------------------------------------------------

    def _on_part_restarted(self, part: str, t_ns: int) -> None:
        """One quiet sentence on the desks; the wall goes on as it is."""
        words = tr("restarted.other" if part not in _PARTS else f"restarted.{part}", at=fmt.clock_minutes(t_ns))
        self.session.notices.tell_desk(words)

    # -- what becomes of pictures ------------------------------------------------------------------------

    def _on_streams_said(self, camera_id: str, code: str, words: LocalText) -> None:
        """Of the whole wall everybody is told; of one camera, whose tile goes on, those at the desks."""
        _log.info("%s %s: %s", code, camera_id, words.en)
        if not camera_id:
            self.session.notices.post(i18n.local(words))
            return
        camera = self.city.camera(camera_id)
        number = camera.number if camera is not None else camera_id
        self.session.notices.tell_desk(f"{tr('alarms.camera', number=number)}: {i18n.local(words)}")

    # -- what a person chose -----------------------------------------------------------------------------

    def _preferences(self) -> Preferences:
        start = Preferences(lang=self._settings.lang, theme=self._settings.theme, layout=self._settings.layout)
        if not self._settings.preferences_file:
            return start
        saved = load_preferences(Path(self._settings.preferences_file), start)
        return Preferences(lang=start.lang, theme=start.theme, layout=start.layout, muted=saved.muted)

    def _on_look(self) -> None:
        apply_palette(self._app, self.session.look.theme)
        self._keep_preferences()

    def _keep_preferences(self) -> None:
        if not self._settings.preferences_file:
            return
        chosen = Preferences(
            lang="en" if i18n.language() is i18n.Language.EN else "vi",
            theme="light" if self.session.look.theme.name is ThemeName.LIGHT else "dark",
            layout=self.wall.layout.id,
            muted=self._sound.muted,
        )
        try:
            save_preferences(Path(self._settings.preferences_file), chosen)
        except OSError as error:
            _log.warning("choices of this screen are not kept: %s", error)

    def _described(self) -> dict[str, Monitor]:
        described = {
            m.name: Monitor(m.name, 0, 0, 0, 0, m.inches, PanelKind(m.kind), m.distance_m)
            for m in self._settings.monitors
        }
        for screen in self._settings.screens:
            described[screen.name] = Monitor(
                screen.name, screen.x, screen.y, screen.width, screen.height, screen.inches, PanelKind(screen.kind)
            )
        return described


def _kept(told: Mapping[str, Any]) -> dict[str, str]:
    """What the GUI before this one wanted to find again; damaged: nothing."""
    try:
        raw = json.loads(str(told.get("kept") or "{}"))
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in raw.items()} if isinstance(raw, dict) else {}
