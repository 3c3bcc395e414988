"""All windows of this station: one a monitor, the layout in force, keys, monitors that come and go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication, QScreen

from layouts.geometry import plan_windows
from layouts.spec import Layout, Loaded, Monitor, PanelKind, TileKind
from widgets.commands import COMMANDS, Context
from widgets.i18n import Language, language, tr
from widgets.idle import IdleLock
from widgets.keys import bind, bind_key
from widgets.pages import page_specs
from widgets.parts.duty_watch import DutyWatch
from widgets.pump import Pump
from widgets.session import Session
from widgets.theme import ThemeName
from widgets.tiles.registry import tile_specs
from widgets.windows.alarm_sheets import AlarmSheets
from widgets.windows.camera_desk import CameraDesk
from widgets.windows.log_desk import LogDesk
from widgets.windows.panel_desk import PanelDesk
from widgets.windows.plot_sheet import PlotSheets
from widgets.windows.wall_window import WallWindow

_log = logging.getLogger(__name__)

BRIEFING = "briefing"
"""What the memory calls it: a screen that starts again among visitors stays so."""


def tile_kinds() -> dict[str, TileKind]:
    """The registry as layouts want to know it."""
    return {kind: spec.layout for kind, spec in tile_specs().items()}


class Wall(QObject):
    """Owns the windows. GUI thread only."""

    layoutChanged = Signal(str)
    """Id of the layout now in force."""
    firstPainted = Signal()
    """All windows have been shown; the clock of screenshots and of the start benchmark."""

    def __init__(
        self, session: Session, pump: Pump, loaded: Loaded, describe: dict[str, Monitor], windowed: bool = False
    ) -> None:
        """`describe`: what settings say of a monitor, by its name or its number from the left ("1")."""
        super().__init__()
        self._session, self._pump, self._loaded, self._describe = session, pump, loaded, describe
        self._windowed = windowed
        self.windows: list[WallWindow] = []
        self._idle: IdleLock | None = None
        self.cameras = CameraDesk(session, lambda: self.windows)
        self.panels = PanelDesk(session, lambda: self.windows, self.cameras, loaded.layouts, self.show_layout)
        self.log = LogDesk(session)
        self.alarms = AlarmSheets(session, pump, lambda: self.windows, self.panels)
        self._acts = self.panels.acts = self._window_acts()
        self.plots = PlotSheets(session, pump, lambda: self.windows)
        self._duty = DutyWatch(session)
        self.layout: Layout = loaded.layouts[0]
        pump.secondPassed.connect(self.panels.on_second)
        pump.picturePass.connect(session.demands.flush)
        session.city.set_briefing(bool(session.memory.get(BRIEFING)))
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenAdded.connect(self._on_screens)
        app.screenRemoved.connect(self._on_screens)
        for problem in loaded.problems:
            _log.warning("%s", problem)

    # -- layouts ---------------------------------------------------------------------------------------

    def show_layout(self, name: str) -> None:
        """Put a layout on all monitors: id, function key, or name. Unknown: the first one, with a notice."""
        found = self._loaded.find(name)
        if found is None:
            _log.warning("there is no layout %r; showing %s", name, self.layout.id)
        else:
            self.layout = found
        self._session.hands.begin(self.layout.id)
        self._apply()
        self.layoutChanged.emit(self.layout.id)

    def _apply(self) -> None:
        self.log.close()
        self.alarms.end()
        self.plots.end(back=False)  # its place was made for the windows as they were
        screens = self.screens()
        plans = plan_windows(self.layout, [self._monitor(n, s) for n, s in enumerate(screens)], tile_kinds())
        while len(self.windows) > len(plans):
            self._close(self.windows.pop())
        for n, (plan, screen) in enumerate(zip(plans, screens, strict=True)):
            if n < len(self.windows):
                self.windows[n].apply_plan(plan)
            else:
                window = WallWindow(self._session, self._pump, plan)
                self._bind_keys(window)
                self.cameras.watch(window)
                self.windows.append(window)
            self._put(self.windows[n], screen)
        self.panels.relocate()
        desk = self._desk()
        for window in self.windows:
            window.host_sign_in(wanted=window is desk)
            if self._idle is not None:
                self._idle.watch(window.windowHandle())
        for plan in plans:
            if plan.left_out:
                _log.info("layout %s leaves out on screen %d: %s", plan.layout_id, plan.index + 1, plan.left_out)

    def _desk(self) -> WallWindow | None:
        """The window at which people sit: the first that is no panel of a wall; None for a wall without keyboard."""
        return next((w for w in self.windows if not w.scale.wall), None)

    def lock_when_idle(self, idle: IdleLock) -> None:
        """Input at any of the windows, those to come included, counts as somebody being here."""
        self._idle = idle
        for window in self.windows:
            idle.watch(window.windowHandle())

    def lock(self) -> None:
        """Lock the screen, or call up the panel that ends the lock."""
        desk = self._desk()
        if desk is not None and desk.sign_in is not None:
            desk.activateWindow()
            desk.sign_in.call()

    @staticmethod
    def screens() -> list[QScreen]:
        """From left to right, then from the top."""
        return sorted(QGuiApplication.screens(), key=lambda s: (s.geometry().x(), s.geometry().y()))

    def _monitor(self, index: int, screen: QScreen) -> Monitor:
        box = screen.geometry()
        told = self._describe.get(screen.name()) or self._describe.get(str(index + 1))
        size = screen.physicalSize()
        inches = (size.width() ** 2 + size.height() ** 2) ** 0.5 / 25.4
        return Monitor(
            name=screen.name(),
            x=box.x(),
            y=box.y(),
            width=box.width(),
            height=box.height(),
            # A monitor that says less than 10 or more than 200 inches does not know its size.
            inches=(told.inches if told and told.inches else inches if 10 <= inches <= 200 else 0.0),
            kind=told.kind if told else PanelKind.DESK,
            distance_m=told.distance_m if told else 0.0,
        )

    def _put(self, window: WallWindow, screen: QScreen) -> None:
        box = screen.geometry()
        if window.isVisible() and window.geometry() == box:
            return
        window.setScreen(screen)
        window.setGeometry(box)
        if self._windowed or QGuiApplication.platformName() in ("offscreen", "vnc"):
            window.show()
        else:
            window.showFullScreen()

    def _on_screens(self, _screen: QScreen) -> None:
        # A monitor that went takes its window along; the layout is resolved anew for those that are left,
        # so that no tile, and no alarm list, stays on a monitor that nobody sees. What is closed stays closed.
        if self.windows and self.screens():
            self._apply()

    def repaint_bars(self) -> None:
        """The sound's state changed."""
        for window in self.windows:
            window.bar.update()

    def close(self) -> None:
        """Close all windows; the program ends after it."""
        self.panels.close()
        self.log.close()
        self.alarms.end()
        while self.windows:
            self._close(self.windows.pop())
        self._session.demands.flush()

    @staticmethod
    def _close(window: WallWindow) -> None:
        window.setProperty("done", True)
        window.close()
        window.deleteLater()

    # -- keys ------------------------------------------------------------------------------------------

    def _bind_keys(self, window: WallWindow) -> None:
        for layout in self._loaded.layouts:
            if layout.key:
                bind_key(window, layout.key, partial(self.show_layout, layout.id), window=True)
        for command, act in self._acts.items():
            if COMMANDS[command].context is Context.WINDOW:  # the keys of the others are for where they work
                bind(window, command, partial(act, window))

    def _window_acts(self) -> dict[str, Callable[[WallWindow], object]]:
        """What the commands of the window do, by key and from the search line."""
        pages = (page_id for page_id in page_specs() if f"window.{page_id}" in COMMANDS)
        return {
            **{f"window.{page_id}": partial(self._open_page, page_id) for page_id in pages},
            "window.palette": self.panels.open_palette,
            "window.help": self.panels.open_help,
            "window.notices": self.panels.open_notices,
            "window.log": self.log.open,
            "window.language": lambda _window: self._next_language(),
            "window.theme": lambda _window: self._next_theme(),
            "window.sound": lambda _window: self._session.sound.toggle_muted(),
            "window.silence": lambda _window: self._session.sound.silence(),
            "window.lock": lambda _window: self.lock(),
            "window.briefing": lambda _window: self._toggle_briefing(),
            "window.restart": lambda _window: self._session.calls.restartAsked.emit(),
            "window.alarm_screen": lambda _window: self.alarms.next_screen(),
            "alarms.everything": lambda _window: self.alarms.call_chosen(),
        }

    def _open_page(self, page_id: str, window: WallWindow) -> None:
        self.panels.open_page(window, page_id)

    def _toggle_briefing(self) -> None:
        city = self._session.city
        city.set_briefing(not city.briefing)
        self._session.memory.set(BRIEFING, "on" if city.briefing else "")
        self._session.notices.tell_desk(tr("access.briefing_on" if city.briefing else "access.briefing_off"))

    def _next_language(self) -> None:
        self._session.look.set_language(Language.EN if language() is Language.VI else Language.VI)

    def _next_theme(self) -> None:
        dark = self._session.look.theme.name is ThemeName.DARK
        self._session.look.set_theme(ThemeName.LIGHT if dark else ThemeName.DARK)


def layout_problems(loaded: Loaded) -> Sequence[str]:
    """One sentence a problem, in the language on screen, for notices."""
    return [tr("layout.problem", name=p.file, text=p.text.get(language())) for p in loaded.problems]
