"""The common options of the command line, checked, and what follows from them. No Qt, starts nothing."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from console.screens import UsageError, VirtualScreen, offscreen_platform, parse_screens
from console.settings import Preferences, SiteConfig, load_preferences, load_site
from layouts.load import load_layouts
from layouts.options import SHIPPED_KINDS

DEFAULT_SCREEN = "1920x1080@24:desk"
DEFAULT_MOMENT_S = 10.0
DEMO_SEAT = "ban-1"
NO_DISPLAY = (
    "There is no display here: log in to a desktop, or use --platform vnc and connect a VNC viewer to port 5900, "
    "or --screenshot DIR to write pictures of the windows."
)


class NeedsMachine(Exception):
    """Something of the machine is missing; the message names it and the way on. Exit status 3."""


@dataclass(frozen=True)
class Options:
    """What was typed, in types. None or empty = not given."""

    config: Path | None = None
    data_dir: Path | None = None
    lang: str = ""
    theme: str = ""
    layout: str = ""
    platform: str = ""
    screens: str = ""
    scenario: str = ""
    speed: float = 1.0
    screenshot: Path | None = None
    after: str = ""
    exit_after_s: float = 0.0
    json_log: Path | None = None
    seat: str = ""
    """Of the demo: which seat of its room this is."""

    def moments_s(self) -> tuple[float, ...]:
        """`--after`: when screenshots are taken. Raises UsageError."""
        if self.screenshot is None:
            if self.after:
                raise UsageError("--after says when to take screenshots; give --screenshot DIR with it")
            return ()
        if not self.after:
            return (DEFAULT_MOMENT_S,)
        try:
            moments = sorted({float(part) for part in self.after.split(",")})
        except ValueError:
            raise UsageError(f'--after: "{self.after}" must be seconds, with commas between: 12,15') from None
        if not all(0 <= moment <= 86400 for moment in moments):
            raise UsageError("--after: moments must be 0 to 86400 seconds")
        return tuple(moments)

    def scenario_and_mark(self) -> tuple[str, str]:
        """`--scenario NAME[@MARK]` in two. Raises UsageError."""
        name, at, mark = self.scenario.partition("@")
        if self.scenario and (not name or (at and not mark)):
            raise UsageError(f'--scenario: "{self.scenario}" must be NAME or NAME@MARK, for example flood-2020@peak')
        return name, mark

    def check(self) -> None:
        """What can be known before anything is started. Raises UsageError."""
        self.moments_s()
        self.scenario_and_mark()
        if self.lang not in ("", "vi", "en"):
            raise UsageError(f'--lang: "{self.lang}" must be vi or en')
        if self.theme not in ("", "dark", "light"):
            raise UsageError(f'--theme: "{self.theme}" must be dark or light')
        if not 0 < self.speed <= 10_000:
            raise UsageError("--speed must be above 0 and at most 10000")
        if not 0 <= self.exit_after_s <= 86400 * 31:
            raise UsageError("--exit-after must be 0 to 2678400 seconds")
        if self.screens:
            parse_screens(self.screens)
            if self.platform not in ("", "offscreen"):
                raise UsageError(
                    f"--screens makes virtual monitors and needs --platform offscreen, not {self.platform}"
                )

    def demo_seat(self) -> str:
        """`--seat`: which seat of the demo's room this is. Raises UsageError."""
        if self.seat in ("", DEMO_SEAT):
            return DEMO_SEAT
        from backends.city.people import stations

        known = [one.id for one in stations()]
        if self.seat not in known:
            raise UsageError(f'--seat: there is no seat "{self.seat}"; known: {", ".join(known)}')
        return self.seat

    def site(self) -> SiteConfig | None:
        """The site's file. Raises UsageError."""
        return load_site(self.config) if self.config is not None else None


def default_data_dir(command: str) -> Path:
    """Where a command keeps its data when no --data-dir is given."""
    return Path(platformdirs.user_data_dir("ioc-console", appauthor=False)) / command


def scene_cache() -> Path:
    """Where the demo's drawn clips are kept, for all runs of this person."""
    return Path(platformdirs.user_cache_dir("ioc-console", appauthor=False)) / "scenes"


def chosen_look(options: Options, site: SiteConfig | None, preferences_file: Path) -> Preferences:
    """Language, theme and layout: the command line, then what the person chose, then the site, then ours."""
    start = Preferences()
    if site is not None:
        start = Preferences(lang=site.screen.lang, theme=site.screen.theme, layout=site.screen.layout)
    look = load_preferences(preferences_file, start)
    own = Path(site.screen.layouts_dir) if site is not None and site.screen.layouts_dir else None
    layouts = load_layouts(SHIPPED_KINDS, own)
    if options.layout:
        found = layouts.find(options.layout)
        if found is None:
            names = [layout.id for layout in layouts.layouts]
            close = difflib.get_close_matches(options.layout, names, n=1, cutoff=0.5)
            hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(names)}"
            raise UsageError(f'--layout: there is no layout "{options.layout}"; {hint}')
        chosen = found.id
    else:
        found = layouts.find(look.layout)
        chosen = found.id if found is not None else start.layout
    return Preferences(
        lang=options.lang or look.lang,  # type: ignore[arg-type]  # checked by Options.check
        theme=options.theme or look.theme,  # type: ignore[arg-type]
        layout=chosen,
        muted=look.muted,
    )


def platform_for(
    options: Options, folder: Path, environ: Mapping[str, str] = os.environ
) -> tuple[str, tuple[VirtualScreen, ...]]:
    """QT_QPA_PLATFORM (empty = Qt's own choice) and the virtual monitors. Raises NeedsMachine without a display."""
    platform = options.platform
    if not platform and not options.screens:
        platform = environ.get("QT_QPA_PLATFORM", "")
    headless = not has_display(environ)
    if options.screens or platform == "offscreen" or (not platform and headless and options.screenshot is not None):
        screens = parse_screens(options.screens or DEFAULT_SCREEN)
        return offscreen_platform(screens, folder), screens
    if headless and platform.partition(":")[0] in ("", "xcb", "wayland"):
        raise NeedsMachine(NO_DISPLAY)
    return platform, ()


def has_display(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether windows could be shown here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))
