"""The GUI process of the task bench: `console.gui` with a hand at its keyboard, five keys a second.

Started by the supervisor in place of `console.gui` (see tasks_demo). What becomes of each task goes, as JSON, into the
file that the environment names. A task begins with its first key and ends when what was asked for has happened, hub and
all, and has been painted. Which row is chosen before is not part of it: that is what the operator is looking at.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest

from backends.domain.action import Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.camera import PictureState
from backends.domain.feeds import FeedQuality
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report, ReportState
from backends.domain.text import fold
from console import app, gui
from widgets.i18n import local
from widgets.models.report_choices import choices, narrowed
from widgets.parts.stand_in import camera_of
from widgets.search.finder import Kind
from widgets.tiles.alarms import AlarmsTile
from widgets.tiles.camera import CameraTile
from widgets.tiles.reports import ReportsTile
from widgets.windows.page import Page

KEYS_A_SECOND = 5.0
ROUNDS = 3
DEADLINE_S = 20.0
SEEN_S = 0.8
"""So long a row has been on the screen before somebody acts on it; the list asks for half a second."""
WARM_S = 120.0
_CLAIMABLE = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier
Key = Qt.Key
Wait = Callable[[], object]
Steps = Iterator[Wait]


class Failed(Exception):
    """A task came to no end. The words say which."""


class Hand(QObject):
    """Runs one task after the other on the wall. GUI thread."""

    def __init__(self, builder: Any, result: Path) -> None:
        super().__init__()
        self._builder, self._result = builder, result
        self.city, self.session, self.wall = builder.city, builder.session, builder.wall
        self.found: dict[str, list[dict[str, float]]] = {}
        self.failed: dict[str, str] = {}
        self._passes = 0
        builder.pump.picturePass.connect(self._on_pass)
        self._script = self._all()
        self._wait: Wait = lambda: True
        self._until_s = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._step)

    def begin(self) -> None:
        self._timer.start()

    def _on_pass(self) -> None:
        self._passes += 1

    # -- the loop ----------------------------------------------------------------------------------------

    def _step(self) -> None:
        ready = self._wait()
        if not ready and time.monotonic() < self._until_s:
            return
        try:
            self._wait = next(self._script) if ready else self._script.throw(Failed("nothing came of it"))
        except StopIteration:
            self._timer.stop()
            self._end()
            return
        self._until_s = time.monotonic() + DEADLINE_S

    def _end(self) -> None:
        part = self._result.with_suffix(".part")
        part.write_text(json.dumps({"found": self.found, "failed": self.failed}), encoding="utf-8")
        part.rename(self._result)
        gui._ask_to_quit()

    def _all(self) -> Steps:
        yield from self._warm()
        tasks = {
            "alarm_to_picture": self.picture, "acknowledge": self.acknowledge, "claim": self.claim,
            "shelve": self.shelve, "find_camera": self.find_camera, "triage": self.triage, "merge": self.merge,
            "assign": self.assign, "procedure_step": self.procedure_step, "plot": self.plot,
            "handover": self.handover, "briefing": self.briefing,
        }  # fmt: skip
        for name, task in tasks.items():
            for _ in range(ROUNDS):
                try:
                    yield from task(name)
                except Failed as failure:
                    self.failed[name] = str(failure)
                    break

    def _warm(self) -> Steps:
        """All live, pictures there, somebody signed in."""
        end_s = time.monotonic() + WARM_S
        while time.monotonic() < end_s:
            live = all(self.city.quality(feed) is FeedQuality.LIVE for feed in ("alarms", "reports", "cameras"))
            if live and self.city.grant.operator_id and len(self.city.alarms()) > 3 and self._live_tiles() > 2:
                break
            yield self.pause(0.5)
        yield self.pause(3.0)

    def _live_tiles(self) -> int:
        return sum(self.is_live(tile) for tile in self.tiles(CameraTile))

    # -- what a hand does ----------------------------------------------------------------------------------

    @staticmethod
    def pause(seconds: float) -> Wait:
        end_s = time.monotonic() + seconds
        return lambda: time.monotonic() >= end_s

    @property
    def window(self) -> Any:
        return self.wall.windows[0]

    def press(self, key: Qt.Key | str, modifiers: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.window.windowHandle(), key, modifiers)

    def measured(self, name: str, keys: list[tuple[Any, Qt.KeyboardModifier]], done: Wait) -> Steps:
        """Press the keys, wait for `done` and for the paint of it; one row more."""
        began_s = due_s = time.monotonic()
        before = None
        for key, modifiers in keys:
            # What an Enter has opened is read before it is answered with the next one: the program asks for it.
            due_s += 0.0 if before is None else SEEN_S if key is before is Key.Key_Return else 1 / KEYS_A_SECOND
            yield lambda due_s=due_s: time.monotonic() >= due_s
            self.press(key, modifiers)
            before = key
        yield done
        seen = self._passes + 1
        yield lambda: self._passes > seen
        row = {"keys": float(len(keys)), "s": time.monotonic() - began_s}
        self.found.setdefault(name, []).append(row)
        yield self.pause(0.3)

    @staticmethod
    def typed(words: str) -> list[tuple[Any, Qt.KeyboardModifier]]:
        return [(Key.Key_Space if char == " " else char, NONE) for char in words]

    # -- what is there -------------------------------------------------------------------------------------

    def tiles(self, kind: type) -> list[Any]:
        return [tile for window in self.wall.windows for tile in window.tiles.values() if isinstance(tile, kind)]

    def is_live(self, tile: Any) -> bool:
        demand, pictures = tile.picture.demand, self.session.pictures
        if demand is None or tile.camera is None or demand.camera_id != tile.camera.id:
            return False
        live = pictures.status(demand).state is PictureState.LIVE
        return bool(live and pictures.sequence(demand) and tile.picture.sequence)

    def shows(self, layout: str) -> Steps:
        if self.wall.layout.id != layout:
            self.wall.show_layout(layout)
            yield self.pause(1.5)
        self.window.activateWindow()

    def an_alarm(self, fits: Callable[[Alarm], bool], layout: str = "overview") -> Iterator[Any]:
        """The keyboard on a row that has been seen; the alarm is what `yield from` gives."""
        yield from self.shows(layout)
        alarms = sorted((a for a in self.city.alarms() if fits(a)), key=lambda a: (a.priority.rank, -a.t_raised_ns))
        if not alarms:
            raise Failed("there is no such alarm")
        tile = self.tiles(AlarmsTile)[0]
        if not tile.choose(alarms[0].id):
            raise Failed(f"{alarms[0].id} is not in the list")
        yield self.pause(SEEN_S)
        return self.city.alarm(alarms[0].id)

    def a_new_report(self) -> Iterator[Any]:
        """One that the centre took in just now, at a place of its own, with the keyboard on its row; its id."""
        yield from self.shows("reports")
        rule = next(c for c in self.city.records("config").values() if isinstance(c, SlaRule))
        args = {"category": rule.category, "title": "Cống tràn trước chợ", "channel": "hotline", "lon": "107.1002",
                "lat": "16.8163"}  # fmt: skip
        before = set(self.city.records("reports"))
        self.session.actions.submit(Verb.INTAKE, "reports", f"new:{new_aid()}", 0, args)

        def fresh() -> list[str]:
            new = set(self.city.records("reports")) - before
            return [one for one in new if local(self.report(one).title) == args["title"]]

        yield fresh
        (report,) = fresh()
        if not self.tiles(ReportsTile)[0].choose(report):
            raise Failed(f"{report} is not in the queue")
        yield self.pause(SEEN_S)
        return report

    def report(self, report_id: str) -> Report:
        found: Report = self.city.records("reports")[report_id]
        return found

    # -- the tasks -----------------------------------------------------------------------------------------

    def picture(self, name: str) -> Steps:
        yield from self.shows("overview")
        slot = next(tile for tile in self.tiles(CameraTile) if tile.options.slot)

        def elsewhere(alarm: Alarm) -> bool:
            found = camera_of(self.city, alarm)
            now = slot.camera.id if slot.camera is not None else ""
            camera = self.city.camera(found.camera_id) if found is not None else None
            return camera is not None and camera.online and camera.id != now

        alarm = yield from self.an_alarm(elsewhere)
        found = camera_of(self.city, alarm)
        assert found is not None

        def done() -> bool:
            return slot.camera is not None and slot.camera.id == found.camera_id and self.is_live(slot)

        yield from self.measured(name, [(Key.Key_F8, NONE)], done)

    def acknowledge(self, name: str) -> Steps:
        alarm = yield from self.an_alarm(lambda a: a.unacknowledged and a.state is AlarmState.UNACKNOWLEDGED)
        yield from self.measured(name, [(Key.Key_Return, NONE)], lambda: self._stands(alarm, lambda a: a.acked_by))

    def claim(self, name: str) -> Steps:
        alarm = yield from self.an_alarm(lambda a: a.active and not a.holder and a.state in _CLAIMABLE)
        yield from self.measured(name, [(Key.Key_F9, NONE)], lambda: self._stands(alarm, lambda a: a.holder))

    def shelve(self, name: str) -> Steps:
        alarm = yield from self.an_alarm(lambda a: a.state is AlarmState.ACKNOWLEDGED and a.active)
        keys = [(Key.Key_D, CTRL), *self.typed("bao tri"), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, lambda: self._stands(alarm, lambda a: a.state is AlarmState.SHELVED))

    def _stands(self, alarm: Alarm, how: Callable[[Alarm], object]) -> bool:
        now = self.city.alarm(alarm.id)
        return now is None or bool(how(now))  # over: it has left the list with it

    def find_camera(self, name: str) -> Steps:
        """By its name, as far as it must be typed until it is the first that is found."""
        yield from self.shows("overview")
        camera = self.city.camera_by_number("068")
        if camera is None:
            raise Failed("there is no camera 068")
        free = next(
            t for t in self.tiles(CameraTile) if not t.options.slot and (t.camera is None or t.camera != camera)
        )
        free.setFocus()
        words, finder = fold(local(camera.name)), self.wall.panels.finder
        firsts = ((words[:n], finder.find(words[:n], 1)) for n in range(2, len(words) + 1))
        short = next((w for w, found in firsts if found and found[0].key == (Kind.CAMERA, camera.id)), "068")

        def done() -> bool:
            """It is on the tile: alive, or there is nothing to decode, which the tile says."""
            there = free.camera is not None and free.camera.id == camera.id
            return there and (self.is_live(free) or free.picture.demand is None)

        keys = [(Key.Key_F, CTRL), *self.typed(short), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, done)
        self.session.hands.release(free.place)
        yield self.pause(1.0)

    def triage(self, name: str) -> Steps:
        report = yield from self.a_new_report()
        keys = [(Key.Key_Return, NONE), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, lambda: self.report(report).state is ReportState.ASSIGNED)

    def merge(self, name: str) -> Steps:
        """The second report of one thing into the first."""
        yield from self.a_new_report()
        second = yield from self.a_new_report()
        keys = [(Key.Key_Return, NONE), *self.typed("gop"), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, lambda: self.report(second).state is ReportState.MERGED)

    def assign(self, name: str) -> Steps:
        """To another agency than the first of the list, by as many letters as that takes."""
        report = yield from self.a_new_report()
        listed = choices(self.city, self.report(report))
        first = next(c.args["agency"] for c in listed if "agency" in c.args)
        agencies = [c for c in self.city.records("config").values() if isinstance(c, Agency) and c.id != first]
        words, target = fold(local(agencies[0].name)), agencies[0].id
        firsts = ((words[:n], narrowed(listed, words[:n])) for n in range(2, len(words) + 1))
        short = next(w for w, found in firsts if found and found[0].args.get("agency") == target)
        keys = [(Key.Key_Return, NONE), *self.typed(short), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, lambda: self.report(report).agency_id == target)

    def procedure_step(self, name: str) -> Steps:
        alarm = yield from self.an_alarm(lambda a: a.active and a.procedure_id)
        before = self._steps(alarm.id)
        keys = [(Key.Key_F9, SHIFT), (Key.Key_Return, NONE)]
        yield from self.measured(name, keys, lambda: self._steps(alarm.id) > before)
        self.press(Key.Key_Escape)

    def _steps(self, alarm_id: str) -> int:
        alarm = self.city.alarm(alarm_id)
        return len(getattr(alarm, "steps", ())) if alarm is not None else 0

    def plot(self, name: str) -> Steps:
        yield from self.an_alarm(lambda a: bool(a.sensor_id) and self.city.sensor(a.sensor_id) is not None)

        def done() -> bool:
            tile = self.wall.plots.tile
            first = tile.lines.first if tile is not None else None
            return bool(tile is not None and tile._painted_ns and first is not None and first.answered)

        yield from self.measured(name, [(Key.Key_F8, SHIFT)], done)
        self.press(Key.Key_Escape)

    def handover(self, name: str) -> Steps:
        yield from self.shows("overview")
        self.tiles(AlarmsTile)[0].view.setFocus()
        yield from self.measured(name, [(Key.Key_G, CTRL | SHIFT)], self._a_page)
        self.press(Key.Key_Escape)

    def _a_page(self) -> bool:
        page: Page | None = self.wall.panels.page
        return page is not None and page.isVisible() and len(page.rows) > 3

    def briefing(self, name: str) -> Steps:
        yield from self.measured(name, [(Key.Key_F12, CTRL)], lambda: self.city.briefing)
        self.press(Key.Key_F12, CTRL)


def _started(self: Any, painted: Callable[[], None] | None = None) -> None:
    _start(self, painted)
    self.hand = Hand(self, Path(os.environ["IOC_TASKS_RESULT"]))
    self.hand.begin()


_start = app.SessionBuilder.start
app.SessionBuilder.start = _started  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(gui.main())
