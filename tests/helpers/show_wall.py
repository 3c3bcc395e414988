"""Renders a whole wall of the sample city to PNG, for looking: `python tests/helpers/show_wall.py OUT [options]`.

Uses the real windows, layouts and tiles over the fakes of `helpers.fakes`; no processes, no network.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from widgets.windows.wall import Wall

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", default="overview")
    parser.add_argument("--screens", default="1920x1080@24:desk,1920x1080@55:wall,3840x2160@55:wall")
    parser.add_argument("--lang", default="vi")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--scene", default="desk")
    parser.add_argument("--mode", default="live")
    parser.add_argument("--who", default="signed_in", help="signed_in, nobody, locked, offline, again, viewer or seat")
    parser.add_argument("--open", default="", help="help, notices, a page ('procedure:ALARM'), or 'find:WORDS'")
    args = parser.parse_args()
    from console.screens import offscreen_platform, parse_screens

    screens = parse_screens(args.screens)
    os.environ["QT_QPA_PLATFORM"] = offscreen_platform(screens, Path(tempfile.mkdtemp()))
    from PySide6.QtWidgets import QApplication

    app = QApplication([])
    from helpers.sample_city import Scene, prepare, sample_session, who_is_here
    from helpers.street import street_picture

    from backends.domain.feeds import Mode
    from layouts.load import load_layouts
    from layouts.spec import Monitor, PanelKind
    from widgets.i18n import Language
    from widgets.pages import page_specs
    from widgets.pump import Pump
    from widgets.theme import ThemeName
    from widgets.windows.wall import Wall, tile_kinds

    prepare(app, Language(args.lang), ThemeName(args.theme))
    sample = sample_session(Scene(args.scene), ThemeName(args.theme), Mode(args.mode))
    for camera in sample.city.records("cameras").values():
        if camera.online:
            sample.pictures.show(camera.id, street_picture(480, 270, seed=int(camera.number)))
    described = {s.name: Monitor(s.name, s.x, s.y, s.width, s.height, s.inches, PanelKind(s.kind)) for s in screens}
    pump = Pump(sample.inbox, sample.city, sample.clock, sample.clock)
    wall = Wall(sample.session, pump, load_layouts(tile_kinds()), described)
    wall.show_layout(args.layout)
    for _ in range(12):
        sample.answer_history()
        sample.clock.advance_s(0.02)
        pump.run_pass()
        app.processEvents()
    sample.deliver(*who_is_here(args.who))
    app.processEvents()
    if args.open:
        what, _, typed = args.open.partition(":")
        sample.session.notices.tell_desk("Camera 068 · 0,4 m/s · đường truyền chập chờn")
        for window in wall.windows:
            if what == "find":
                wall.panels.open_palette(window, typed)
            elif what in page_specs():
                wall.panels.open_page(window, what, typed)
            else:
                (wall.panels.open_help if what == "help" else wall.panels.open_notices)(window)
            app.processEvents()
            save(wall, args.out, f"{what}-{args.lang}-{args.theme}-{window.plan.index + 1}")
        return
    save(wall, args.out, f"{args.layout}-{args.scene}-{args.lang}-{args.theme}-{args.who}")


def save(wall: Wall, folder: Path, name: str) -> None:
    """One PNG per window."""
    folder.mkdir(parents=True, exist_ok=True)
    for n, window in enumerate(wall.windows, 1):
        path = folder / f"screen-{n}-{name}.png"
        window.grab().save(str(path))
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
