"""How the alarms of a site behave: classes (`alarms.toml`) and single alarms (`alarms.csv`), beside `cameras.csv`.

A class says what holds for its alarms, and inherits what it does not say from the class it is `of`. An alarm belongs
to the class that its row names, else to the last one whose `keys` or `parameters` fit it; a row may say more. The
shipped classes (`data/alarms.toml`) come first. A sector says which alarms are which kind of work. Read at the start:
what cannot be used is said with file and line, and costs that class, sector or row. Must not: raise an alarm.
"""

from __future__ import annotations

import logging
import re
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from backends.adapters.csv_table import MOST_BYTES as MOST_TABLE
from backends.adapters.csv_table import CsvFaults, Heading, LeftOut, read_table
from backends.domain.alarm import Priority
from backends.domain.definition import Definition
from backends.domain.sensor import Sensor
from backends.hub import rule_file
from backends.hub.rule_file import MOST_BYTES, MOST_S, Bad, Fault, known, number, one_of, seconds, text, texts

log = logging.getLogger(__name__)

CLASSES_FILE = "alarms.toml"
TABLE_FILE = "alarms.csv"
SHIPPED = Path(__file__).parent / "data" / CLASSES_FILE
MOST_ROWS = 200_000
FAULTS_SAID = 20
KNOWN_MOST = 20_000
DEEPEST = 16
"""Classes from one to the last it is `of`."""
_SETTINGS = (
    "priority", "on_delay_s", "off_delay_s", "count", "latching", "procedure", "parent", "chatter", "escalate_s",
    "escalate_high_s",
)  # fmt: skip
_COLUMNS = ("key", "class", *_SETTINGS)
_HEADING = Heading(_COLUMNS, ("key",), most_rows=MOST_ROWS)
_SECTOR = re.compile(r"\S{1,40}")
_YES, _NO = ("1", "true", "yes", "x"), ("0", "false", "no")


class Said(msgspec.Struct, frozen=True):
    """What a class or a row says; None = nothing. Fields as Definition's."""

    priority: Priority | None = None
    on_delay_s: float | None = None
    off_delay_s: float | None = None
    count: int | None = None
    latching: bool | None = None
    procedure_id: str | None = None
    parent: str | None = None
    chatter: int | None = None
    escalate_s: float | None = None
    escalate_high_s: float | None = None


_FIELDS = Said.__struct_fields__


class AlarmClass(msgspec.Struct, frozen=True):
    """One `[[class]]`."""

    id: str
    line: int
    said: Said
    of: str = ""
    keys: tuple[re.Pattern[str], ...] = ()
    parameters: frozenset[str] = frozenset()


class Sector(msgspec.Struct, frozen=True):
    """One `[[sector]]`: which alarms are that kind of work. Others of the same id add to it."""

    id: str
    keys: tuple[re.Pattern[str], ...] = ()
    parameters: frozenset[str] = frozenset()


def _fits(one: AlarmClass | Sector, key: str, parameter: str | None) -> bool:
    return parameter in one.parameters or any(pattern.match(key) for pattern in one.keys)


class Definitions:
    """Of one site. `of` is asked by the alarm engine; it is cheap."""

    def __init__(self, folder: Path | None = None) -> None:
        self._classes: dict[str, AlarmClass] = {}
        self._rows: dict[str, tuple[str, Said]] = {}
        self._of = lru_cache(maxsize=KNOWN_MOST)(self._look_up)
        """The engine asks several times for each cause that comes or goes."""
        self._sectors: list[Sector] = []
        """What is said last counts first."""
        self._add_classes(SHIPPED)
        if folder is not None:
            self._add_classes(folder / CLASSES_FILE)
            self._add_rows(folder / TABLE_FILE)

    def __len__(self) -> int:
        """How many single alarms have a row."""
        return len(self._rows)

    def of(self, key: str, sensor: Sensor | None = None) -> Definition:
        """What holds for the alarm of a condition key; `sensor`: whose limit alarm it is."""
        return self._of(key, None if sensor is None else sensor.parameter)

    def _look_up(self, key: str, parameter: str | None) -> Definition:
        row = self._rows.get(key)
        class_id, said = row if row is not None else ("", Said())
        found = _folded([*self._chain(class_id or self._class_of(key, parameter)), said])
        sector = next((one.id for one in self._sectors if _fits(one, key, parameter)), "")
        return msgspec.structs.replace(found, sector=sector) if sector else found

    def _class_of(self, key: str, parameter: str | None) -> str:
        return next((one.id for one in reversed(self._classes.values()) if _fits(one, key, parameter)), "")

    def _chain(self, class_id: str) -> list[Said]:
        """From the most general to that class."""
        found: list[Said] = []
        while (one := self._classes.get(class_id)) is not None and len(found) < DEEPEST:
            found.append(one.said)
            class_id = one.of
        return found[::-1]

    def _add_classes(self, path: Path) -> None:
        raw = _bytes(path, MOST_BYTES)
        if raw is None:
            return
        blocks, faults = read_classes(raw)
        classes = [one for one in blocks if isinstance(one, AlarmClass)]
        self._sectors = [*(one for one in reversed(blocks) if isinstance(one, Sector)), *self._sectors]
        for one in classes:
            self._classes.pop(one.id, None)  # what is said last counts first
            self._classes[one.id] = one
        for one in classes:
            if one.of and one.of not in self._classes:
                faults.append(Fault(one.line, f'of: there is no class "{one.of[:40]}"; {one.id} inherits nothing'))
            elif self._in_a_ring(one):
                faults.append(Fault(one.line, f"of: {one.id} would inherit from itself; it inherits nothing"))
                self._classes[one.id] = msgspec.structs.replace(one, of="")
        _say(path, faults)

    def _in_a_ring(self, one: AlarmClass) -> bool:
        seen, above = {one.id}, one.of
        while above in self._classes:
            if above in seen:
                return above == one.id
            seen.add(above)
            above = self._classes[above].of
        return False

    def _add_rows(self, path: Path) -> None:
        raw = _bytes(path, MOST_TABLE)
        if raw is None:
            return
        rows, faults = read_rows(raw, self._classes)
        self._rows.update(rows)
        _say(path, faults)
        log.info("%s: %d alarms", path, len(rows))


def _folded(chain: list[Said]) -> Definition:
    """The last that says something counts, for each thing that can be said."""
    said = {name: value for one in chain for name in _FIELDS if (value := getattr(one, name)) is not None}
    if "on_delay_s" not in said:
        said.pop("count", None)
    return Definition(**said)


def read_classes(raw: bytes) -> tuple[list[AlarmClass | Sector], list[Fault]]:
    """The classes and sectors of a file, and what is wrong with those that were left out."""
    found: list[AlarmClass | Sector] = []

    def take(name: str, values: Any, line: int) -> None:
        if name == "class":
            found.append(_class(rule_file.one(values, name), line))
        elif name == "sector":
            found.append(_sector(rule_file.one(values, name)))
        else:
            raise Bad(name, f'there is no "{name}" here; known are [[class]] and [[sector]]')

    return found, rule_file.read_blocks(raw, take, lambda name: f"this {name}" if name in ("class", "sector") else "it")


def read_rows(raw: bytes, classes: dict[str, AlarmClass]) -> tuple[dict[str, tuple[str, Said]], list[Fault]]:
    """(class, what else is said) by key, and what is wrong with the rows that were left out."""
    left_out: LeftOut = []
    try:
        table = read_table(raw, _HEADING, left_out)
    except CsvFaults as error:
        return {}, [Fault(fault.line, fault.text) for fault in error.faults]
    faults = [Fault(fault.line, f"{fault.text}; this row is left out") for fault, _ in left_out]
    found: dict[str, tuple[str, Said]] = {}
    for line, cells in table:
        try:
            key, class_id = cells["key"].strip(), cells.get("class", "").strip()
            if not key:
                raise ValueError("key: is empty")
            if key in found:
                raise ValueError(f'key: "{key[:60]}" stands above already')
            if class_id and class_id not in classes:
                raise ValueError(f'class: there is no class "{class_id[:40]}"')
            found[key] = class_id, Said(**{_field(c): _cell(c, cells[c]) for c in _SETTINGS if cells.get(c)})
        except ValueError as error:
            faults.append(Fault(line, f"{error}; this row is left out"))
    return found, faults


def _field(column: str) -> str:
    return "procedure_id" if column == "procedure" else column


def _cell(column: str, cell: str) -> Any:
    """Raises ValueError in words."""
    cell = cell.strip()
    if column in ("procedure", "parent"):
        return cell
    if column == "priority":
        try:
            return Priority(cell.lower())
        except ValueError:
            raise ValueError(f'priority: "{cell[:20]}" is not one of {", ".join(Priority)}') from None
    if column == "latching":
        if cell.lower() not in _YES + _NO:
            raise ValueError(f'latching: "{cell[:20]}" is neither yes nor no')
        return cell.lower() in _YES
    most = MOST_S if column.endswith("_s") else 100
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0 <= value <= most or (not column.endswith("_s") and value != int(value)):
        raise ValueError(f'{column}: "{cell[:20]}" is not 0 to {most:.0f}')
    return value if column.endswith("_s") else int(value)


def _class(values: dict[str, Any], line: int) -> AlarmClass:
    known(values, {"id", "of", "keys", "parameters", *_SETTINGS})
    id_ = text(values, "id")
    if not id_:
        raise Bad("id", "id: is missing")
    if "latching" in values and not isinstance(values["latching"], bool):
        raise Bad("latching", "latching: must be true or false")
    count, chatter = number(values, "count", 0, 100), number(values, "chatter", 0, 100)
    priority = one_of("priority", text(values, "priority"), Priority) if "priority" in values else None
    said = Said(
        priority=priority,
        on_delay_s=seconds(values, "on_delay_s"),
        off_delay_s=seconds(values, "off_delay_s"),
        count=None if count is None else int(count),
        latching=values.get("latching"),
        procedure_id=text(values, "procedure") if "procedure" in values else None,
        parent=text(values, "parent") if "parent" in values else None,
        chatter=None if chatter is None else int(chatter),
        escalate_s=seconds(values, "escalate_s"),
        escalate_high_s=seconds(values, "escalate_high_s"),
    )
    return AlarmClass(id_, line, said, text(values, "of"), *_what(values))


def _what(values: dict[str, Any]) -> tuple[tuple[re.Pattern[str], ...], frozenset[str]]:
    """Which alarms: patterns of their keys, and what the sensors of limit alarms measure."""
    keys = texts(values, "keys", '["limit:river-*"]')
    parameters = texts(values, "parameters", '["pm25"]')
    # One pattern for all: the alarm engine asks for every cause that comes or goes.
    patterns = (re.compile("|".join(map(translate, keys))),) if keys else ()
    return patterns, frozenset(parameters)


def _sector(values: dict[str, Any]) -> Sector:
    known(values, {"id", "keys", "parameters"})
    id_ = text(values, "id")
    if not _SECTOR.fullmatch(id_):
        raise Bad("id", "id: 1 to 40 characters without blanks")
    return Sector(id_, *_what(values))


def _bytes(path: Path, most: int) -> bytes | None:
    try:
        if path.stat().st_size > most:
            log.error("%s is larger than %d MiB and is left out", path, most >> 20)
            return None
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.error("%s cannot be read (%s) and is left out", path, error.strerror)
        return None


def _say(path: Path, faults: list[Fault]) -> None:
    for fault in sorted(faults, key=lambda one: one.line)[:FAULTS_SAID]:
        log.error("%s: %s", path, fault)
    if len(faults) > FAULTS_SAID:
        log.error("%s: %d more", path, len(faults) - FAULTS_SAID)
