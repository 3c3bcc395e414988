"""Everything that a key does, in one table: what is bound, offered in the search line, told on the help page and
printed in docs/keys.md comes from here. The words are in resources/i18n (`command.ID`, `command_key.ID`).

Letters are never used alone: under Telex they are half-typed words. Must not: do anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from backends.domain.access import Right
from backends.domain.action import Verb
from widgets.hands import Ask
from widgets.i18n import tr


class Context(StrEnum):
    """Where the keyboard is. Keys of the window work in all others, so none of those uses one of them."""

    WINDOW = "window"
    ALARMS = "alarms"
    """In the alarm list."""
    REPORTS = "reports"
    CAMERA_LIST = "camera_list"
    CAMERA = "camera"
    """On a camera tile."""
    PAST = "past"
    """On a camera tile that shows an old picture."""
    TURNING = "turning"
    """On a camera tile whose camera is turned from here."""
    PLOT = "plot"
    """On a plot; the names of its commands are those of `parts.plot_keys.PlotAct`."""
    NUMBERS = "numbers"
    """In the line of numbers."""
    PANEL = "panel"
    """In the search line, the help or the list of notices."""


@dataclass(frozen=True)
class Command:
    """One thing that a person can ask for."""

    id: str
    """Its context, a full stop, its name."""
    keys: tuple[str, ...] = ()
    """As Qt spells them; none: what people do is told in words (`command_key.ID`)."""
    right: Right | Verb | None = None
    """Without it, it is refused."""
    ask: Ask | None = None
    """What it asks of the chosen camera tile."""
    offered: bool = False
    """The search line offers it."""
    told_by: str = ""
    """The row that tells people of it, where it has none of its own."""

    @property
    def context(self) -> Context:
        return Context(self.id.partition(".")[0])


def _asks() -> Iterator[Command]:
    """What is asked of camera tiles. The tile judges whether it means something now."""
    rows: tuple[tuple[Context, Ask, tuple[str, ...], Right | None], ...] = (
        (Context.CAMERA, Ask.MAXIMISE, ("Enter", "Return"), None),
        (Context.CAMERA, Ask.OUT, ("Esc",), None),
        (Context.CAMERA, Ask.NEARER, ("+", "="), None),
        (Context.CAMERA, Ask.FARTHER, ("-",), None),
        (Context.CAMERA, Ask.WHOLE, ("Home",), None),
        (Context.CAMERA, Ask.LEFT, ("Left",), None),
        (Context.CAMERA, Ask.RIGHT, ("Right",), None),
        (Context.CAMERA, Ask.UP, ("Up",), None),
        (Context.CAMERA, Ask.DOWN, ("Down",), None),
        (Context.CAMERA, Ask.EARLIER, ("Backspace",), None),
        (Context.CAMERA, Ask.RELEASE, ("Del",), None),
        (Context.CAMERA, Ask.DETAILS, ("Ctrl+I",), None),
        (Context.CAMERA, Ask.STILL, ("Ctrl+S",), None),
        (Context.CAMERA, Ask.BACK_10, ("Ctrl+Left",), None),
        (Context.CAMERA, Ask.BACK_30, ("Shift+Left",), None),
        (Context.CAMERA, Ask.BACK_60, ("Ctrl+Shift+Left",), None),
        (Context.CAMERA, Ask.LOOK_BACK, ("Ctrl+G",), Right.LOOK_BACK),
        (Context.CAMERA, Ask.BEFORE_ALARM, ("Ctrl+B",), Right.LOOK_BACK),
        (Context.CAMERA, Ask.TURN, ("Ctrl+P",), Right.TURN_CAMERA),
        (Context.CAMERA, Ask.PATROL, ("Ctrl+Shift+P",), Right.TURN_CAMERA),
        (Context.PAST, Ask.FORWARD_10, ("Ctrl+Right",), None),
        (Context.PAST, Ask.FORWARD_60, ("Ctrl+Shift+Right",), None),
        (Context.PAST, Ask.MINUTE_BACK, ("PgUp",), None),
        (Context.PAST, Ask.MINUTE_ON, ("PgDown",), None),
        (Context.PAST, Ask.PAUSE, ("Space",), None),
        (Context.PAST, Ask.SLOWER, ("Ctrl+Down",), None),
        (Context.PAST, Ask.FASTER, ("Ctrl+Up",), None),
        (Context.PAST, Ask.LIVE, ("End",), None),
    )
    arrows = (Ask.LEFT, Ask.RIGHT, Ask.UP, Ask.DOWN)
    zoom = (Ask.NEARER, Ask.FARTHER, Ask.OUT)
    for context, ask, keys, right in rows:
        told_by = "camera.arrows" if ask in arrows else ""
        yield Command(f"{context}.{ask}", keys, right, ask, ask not in (*arrows, *zoom), told_by)


_ROWS: tuple[Command, ...] = (
    Command("window.palette", ("Ctrl+F",)),
    Command("window.help", ("Ctrl+H",), offered=True),
    Command("window.notices", ("Ctrl+Shift+N",), offered=True),
    Command("window.procedure", offered=True),
    Command("window.areas", ("Ctrl+Shift+A",), offered=True),
    Command("window.log", ("Ctrl+Shift+J",), Verb.LOG, offered=True),
    Command("window.logbook", ("Ctrl+Shift+B",), offered=True),
    Command("window.handover", ("Ctrl+Shift+G",), offered=True),
    Command("window.alarm_figures", ("Ctrl+Shift+K",), offered=True),
    Command("window.settings", ("Ctrl+Shift+M",), offered=True),
    Command("window.limits", offered=True),
    Command("window.accounts", offered=True),
    Command("window.layouts"),
    Command("window.silence", ("F7",), offered=True),
    Command("window.sound", ("Ctrl+M",), offered=True),
    Command("window.language", ("Ctrl+L",), offered=True),
    Command("window.theme", ("Ctrl+T",), offered=True),
    Command("window.lock", ("Ctrl+Shift+L",), offered=True),
    Command("window.briefing", ("Ctrl+F12",), offered=True),
    Command("window.restart", ("Ctrl+R",), offered=True),
    Command("window.alarm_screen", offered=True),
    Command("window.report_figures", offered=True),
    Command("alarms.move"),
    Command("alarms.acknowledge", ("Enter", "Return"), Verb.ACKNOWLEDGE),
    Command("alarms.claim", ("F9",), Verb.CLAIM),
    Command("alarms.release", ("Ctrl+F9",), Verb.RELEASE),
    Command("alarms.camera", ("F8",)),
    Command("alarms.plot", ("Shift+F8",)),
    Command("alarms.plot_wide", ("Ctrl+F8",)),
    Command("alarms.procedure", ("Shift+F9",)),
    Command("alarms.everything", ("Ctrl+Enter", "Ctrl+Return"), offered=True),
    Command("alarms.moment", ("Ctrl+Shift+F8",)),
    Command("alarms.note", ("Ctrl+N",), Verb.COMMENT),
    Command("alarms.shelve", ("Ctrl+D",), Verb.SHELVE),
    Command("alarms.out_of_service", ("Ctrl+Shift+O",), Verb.OUT_OF_SERVICE),
    Command("alarms.history", ("Right",)),
    Command("alarms.history_close", ("Left",)),
    Command("alarms.several"),
    Command("alarms.all_seen", ("Ctrl+A",)),
    Command("alarms.catch_up", ("Esc",)),
    Command("alarms.top", ("Home",)),
    Command("alarms.filter", ("Ctrl+Shift+F",)),
    Command("alarms.urgent", ("Ctrl+U",)),
    Command("alarms.clear", ("Ctrl+Backspace",)),
    Command("alarms.fold", ("Ctrl+J",)),
    Command("reports.open", ("Enter", "Return")),
    Command("reports.act"),
    Command("reports.take_in", ("Ins",)),
    Command("camera_list.search"),
    Command("camera_list.call"),
    Command("camera_list.mark"),
    Command("numbers.camera"),
    Command("numbers.tile"),
    Command("numbers.monitor"),
    Command("camera.choose"),
    Command("camera.arrows"),
    *_asks(),
    Command("camera.wheel"),
    Command("camera.swap"),
    Command("camera.menu"),
    Command("turning.turn"),
    Command("turning.lens"),
    Command("turning.preset"),
    Command("turning.back"),
    Command("plot.nearer", ("+", "=")),
    Command("plot.farther", ("-",)),
    Command("plot.earlier", ("Left",)),
    Command("plot.later", ("Right",)),
    Command("plot.page_earlier", ("PgUp",)),
    Command("plot.page_later", ("PgDown",)),
    Command("plot.cursor_earlier", ("Shift+Left",)),
    Command("plot.cursor_later", ("Shift+Right",)),
    Command("plot.mark", ("Space",)),
    Command("plot.now", ("End", "Esc")),
    Command("plot.link", ("Ctrl+K",)),
    Command("plot.add", ("Ins",)),
    Command("plot.remove", ("Del",)),
    Command("plot.shapes", ("Ctrl+N",)),
    Command("plot.table", ("Ctrl+E",)),
    Command("plot.picture", ("Ctrl+S",)),
    Command("panel.move"),
    Command("panel.enter"),
    Command("panel.second"),
    Command("panel.close"),
)
COMMANDS: dict[str, Command] = {command.id: command for command in _ROWS}

CAMERA_KEYS: dict[str, Ask] = {
    key: command.ask for command in _ROWS if command.ask is not None for key in command.keys
}  # fmt: skip
"""Key as Qt spells it -> what it does to the chosen tile."""
WINDOW_KEYS = frozenset(key for command in _ROWS if command.context is Context.WINDOW for key in command.keys)
_SAID = {"Return": "", "Ctrl+Return": "", "=": "", "Del": "Delete", "Ins": "Insert"}
"""How a keyboard calls a key; nothing: another key of the row says it."""
_ARROWS = frozenset({"Left", "Right", "Up", "Down"})
"""Nothing is written on these keys: people call them in their own language."""


def told_keys(command: Command) -> str:
    """ "Enter", "Ctrl+Shift+L": as it is printed on keyboards; empty where words tell it."""
    said = (_SAID.get(key, key) for key in command.keys)
    return " · ".join(_in_words(key) for key in said if key)


def _in_words(key: str) -> str:
    before, plus, last = key.rpartition("+")
    return f"{before}{plus}{tr(f'key_name.{last}')}" if last in _ARROWS else key


def told() -> Iterator[tuple[Context, list[Command]]]:
    """The map of keys: contexts in their order, each with the rows that people are told."""
    for context in Context:
        yield context, [c for c in COMMANDS.values() if c.context is context and not c.told_by]
