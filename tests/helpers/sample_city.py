"""The scene of the drawn concepts (Friday 20/11/2026, 09:41:32) as records, and a Session around it.

`sample_session()` gives what a tile needs, with fakes behind the ports; `prepare(app)` loads fonts and
words. Scenes: DESK as drawn, CALM without news, FLOOD with many alarms at once, EMPTY with nothing.
Records are made by hand: no simulator stands between a test and what it sees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
from helpers.fakes import (
    FakeAccess,
    FakeActions,
    FakeFigures,
    FakeHistory,
    FakeInbox,
    FakePictures,
    FakeSmall,
    FakeSound,
    FakeTurning,
    curve,
)
from helpers.sample_places import CAMERAS, CONFIG, NOW_NS, SENSORS, level
from helpers.sample_places import t as at
from helpers.sample_records import ALARMS, INDICATORS, OPERATORS, REPORTS, STATIONS, flood_alarms
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from backends.domain.access import NOBODY, Grant
from backends.domain.camera import PictureState, PictureStatus
from backends.domain.feeds import FEEDS, FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.people import Role
from backends.domain.ports import Changes, Delivery, LinkStatus
from backends.domain.times import NS_PER_S, ManualClock
from backends.video.stream_desk import StreamDesk
from layouts.spec import Monitor, PanelKind
from widgets import i18n
from widgets.i18n import Language
from widgets.models.city import LOCAL_FEED, CityModel
from widgets.parts.demands import DemandBoard
from widgets.parts.enters import LOOK_S, Enters
from widgets.parts.stream_watch import keep_told
from widgets.session import Calls, Look, Notices, Session
from widgets.theme import THEMES, ThemeName, apply_palette
from widgets.typography import TypeScale, load_fonts

__all__ = ["NOW_NS", "PANELS", "SCALES", "SampleSession", "Scene", "at", "prepare", "sample_session"]

WORDS = Path(__file__).parents[2] / "resources" / "i18n"

DESK = Monitor("desk", 0, 0, 1920, 1080, 24.0)
WALL = Monitor("wall", 0, 0, 1920, 1080, 55.0, PanelKind.WALL)
WALL_4K = Monitor("wall4k", 0, 0, 3840, 2160, 55.0, PanelKind.WALL)
PANELS = {"desk": DESK, "wall": WALL, "wall4k": WALL_4K}
SCALES = {name: TypeScale.of(panel) for name, panel in PANELS.items()}


THU_HA = Grant("op-thuha", "Nguyễn Thu Hà", Role.OPERATOR, sign_in=True)
"""Who is signed in; tests put another Grant in her place."""


def who_is_here(name: str) -> list[Delivery]:
    """What a feeder would say of: signed_in, nobody, locked, offline, again, viewer, seat."""
    change = msgspec.structs.replace
    down = LinkStatus(LinkState.DOWN, Mode.LIVE, NOW_NS - 120 * NS_PER_S, "hub-1", "hub_silent", NOW_NS)
    return {
        "signed_in": [THU_HA],
        "nobody": [change(NOBODY, sign_in=True)],
        "locked": [change(THU_HA, locked=True)],
        "offline": [down, change(THU_HA, offline=True)],
        "again": [change(THU_HA, offline=True)],
        "viewer": [change(THU_HA, role=Role.VIEWER)],
        "trainer": [change(THU_HA, role=Role.TRAINER)],
        "seat": [change(THU_HA, sign_in=False)],
    }[name]


class Scene(StrEnum):
    """What is going on."""

    DESK = "desk"
    """As in desk.png."""
    CALM = "calm"
    """No alarms, no overdue work, the river low."""
    FLOOD = "flood"
    """Forty alarms, many of them urgent, most cameras along the river dead."""
    EMPTY = "empty"
    """Connected, but nothing has come yet."""


_ready: set[str] = set()
_applied: list[tuple[ThemeName, QPalette]] = []
"""The palette in force; to set a style anew polishes every widget that is still there."""


def prepare(app: QApplication, language: Language = Language.VI, theme: ThemeName = ThemeName.DARK) -> None:
    """Fonts and words once, language, palette."""
    if "fonts" not in _ready:
        load_fonts()
        _ready.add("fonts")
        i18n.load(WORDS)
    i18n.set_language(language)
    if _applied != [(theme, app.palette())]:
        apply_palette(app, THEMES[theme])
        _applied[:] = [(theme, app.palette())]


class _Unhurried:
    """The clock of a hand that looks before each Enter, so that tests need not say so at each."""

    def __init__(self) -> None:
        self._s = 0.0

    def monotonic_s(self) -> float:
        self._s += LOOK_S
        return self._s


@dataclass
class SampleSession:
    """A Session and the fakes behind it, by their own types."""

    session: Session
    city: CityModel
    clock: ManualClock
    inbox: FakeInbox
    pictures: FakePictures
    actions: FakeActions
    access: FakeAccess
    history: FakeHistory
    figures: FakeFigures
    small: FakeSmall
    sound: FakeSound
    turning: FakeTurning

    def deliver(self, *deliveries: Delivery) -> None:
        """Apply these after whatever waits in the inbox, as the pump would."""
        self.city.apply([*self.inbox.drain(), *deliveries])

    def hurry(self) -> None:
        """From now on Enter is pressed as fast as the session's own clock says."""
        self.session.enters = Enters(self.clock)

    def put(self, feed: str, *records: object) -> None:
        """Records of one feed changed."""
        self.deliver(Changes(feed, put=records))

    def answer_history(self) -> None:
        """Let HistoryDesk answer everything it was asked so far."""
        self.history.answer()
        self.deliver()

    def set_quality(self, feed: str, quality: FeedQuality, age_s: float = 0.0) -> None:
        """Make a feed live or stale since `age_s`."""
        self.deliver(FeedStatus(feed, quality, self.clock.now_ns() - int(age_s * NS_PER_S)))


def sample_session(
    scene: Scene = Scene.DESK, theme: ThemeName = ThemeName.DARK, mode: Mode = Mode.LIVE, now_ns: int = NOW_NS
) -> SampleSession:
    """A session with the scene already applied, all feeds live, Thu Hà signed in."""
    clock, inbox = ManualClock(now_ns), FakeInbox()
    city = CityModel(mode)
    sample = SampleSession(
        session=Session(
            city=city,
            pictures=(pictures := FakePictures()),
            streams=(streams := StreamDesk(pictures, lambda: int(clock.monotonic_s() * NS_PER_S))),
            actions=(actions := FakeActions(clock, inbox)),
            access=(access := FakeAccess(inbox)),
            history=(history := FakeHistory(inbox)),
            figures=(figures := FakeFigures(inbox)),
            small=(small := FakeSmall(inbox)),
            clock=clock,
            mono=clock,
            look=Look(THEMES[theme]),
            sound=(sound := FakeSound()),
            notices=Notices(),
            demands=DemandBoard(streams),
            calls=Calls(),
            turning=(turning := FakeTurning(inbox)),
            site="Đông Hà",
        ),
        city=city,
        clock=clock,
        inbox=inbox,
        pictures=pictures,
        actions=actions,
        access=access,
        history=history,
        figures=figures,
        small=small,
        sound=sound,
        turning=turning,
    )
    sample.session.enters = Enters(_Unhurried())
    keep_told(city, streams)
    _fill_history(history, scene)
    if scene is not Scene.EMPTY:
        city.apply([Changes(feed, put=tuple(records), reset=True) for feed, records in _records(scene).items()])
    city.apply([FeedStatus(feed, FeedQuality.LIVE, now_ns, lag_s=0.3) for feed in (*FEEDS, LOCAL_FEED)])
    city.apply([LinkStatus(LinkState.UP, mode, now_ns - 3600 * NS_PER_S, "hub-1", now_ns=now_ns)])
    city.apply([THU_HA])
    pictures.set_status("cam-068", PictureStatus(PictureState.LOST, age_s=7.4, received=900))
    pictures.set_status("cam-085", PictureStatus(PictureState.SLOW, age_s=2.1, received=900))
    return sample


def _records(scene: Scene) -> dict[str, list[object]]:
    alarms: list[object] = []
    if scene is Scene.DESK:
        alarms = [*ALARMS]
    elif scene is Scene.FLOOD:
        alarms = [*ALARMS, *flood_alarms()]
    reports: list[object] = [*REPORTS] if scene is not Scene.CALM else [*REPORTS[2:5]]
    sensors: list[object] = [*SENSORS]
    return {
        "config": [*CONFIG],
        "cameras": [*CAMERAS],
        "sensors": sensors,
        "indicators": [*INDICATORS],
        "roster": [*OPERATORS],
        "stations": [*STATIONS],
        "reports": reports,
        "alarms": alarms,
    }


def _fill_history(history: FakeHistory, scene: Scene) -> None:
    calm = scene is Scene.CALM
    history.series["river-01.water_level"] = curve(lambda h: 1.62 + 0.04 * math.sin(h * 2) if calm else level(h))
    history.series["hieu-dongha-rain"] = curve(lambda h: max(0.0, 14 + 16 * math.sin(h * 1.7)), 600.0)
    history.series["cuaviet-tide"] = curve(lambda h: 0.55 * math.sin(h * 2 * math.pi / 12.42), 600.0)
    history.series["song-pm25"] = curve(lambda h: 48 + 20 * math.sin(h * 0.9), 3600.0)
    history.series["ql9-speed"] = curve(lambda h: 32 + 12 * math.sin(h * 1.3) + 2 * math.sin(h * 31), 60.0)
