"""Files of procedures and telephone lists: those that come with the program, then the site's own (`procedures/*.toml`
of its folder), read when the hub starts; each becomes records of the feed `config`.

A procedure or a number of the site takes the place of a shipped one with the same id. A slip is said with file and line
and costs that file: half a procedure would be worse than the one before it. Must not: know what has been done; that
stands on the alarms.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from backends.domain.alarm import Priority
from backends.domain.place import ConfigRecord
from backends.domain.procedure import PHONE_PREFIX, PROCEDURE_PREFIX, Phone, Procedure, Step
from backends.domain.text import LocalText
from backends.hub import rule_file
from backends.hub.rule_file import MOST_BYTES, Bad, Fault, known, local, number, one_of, text, texts

log = logging.getLogger(__name__)

PROCEDURES = "procedures"
"""Folder of the site's own."""
MOST_STEPS = 40
WORDS_MOST = 300
"""Characters of a step: two lines of a page."""
_MOST_MINUTES = 1440.0
_MOST_PHONES = 500
FAULTS_SAID = 20
_NOBODY = 'procedure "%s", step "%s": nobody is called "%s" in the telephone lists'
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_NUMBER = re.compile(r"[0-9+*#() ./-]{0,40}")


class Found(msgspec.Struct, frozen=True):
    """What one file says."""

    procedures: tuple[Procedure, ...] = ()
    phones: tuple[Phone, ...] = ()


class ProcedureBook:
    """Everything that was read."""

    def __init__(self, shipped: Iterable[Path] = (), site: Path | None = None) -> None:
        """Folders; one that is not there is no error."""
        self._records: dict[str, Procedure | Phone] = {}
        for folder in [*shipped, *([site] if site is not None else [])]:
            for path in sorted(folder.glob("*.toml")):
                self._read(path)
        self._look_for_phones()

    @property
    def records(self) -> tuple[ConfigRecord, ...]:
        """Of the feed `config`."""
        return tuple(self._records.values())

    def _read(self, path: Path) -> None:
        try:
            if path.stat().st_size > MOST_BYTES:
                log.error("%s is larger than %d MiB and is left out", path, MOST_BYTES >> 20)
                return
            found, faults = read(path.read_bytes())
        except OSError as error:
            log.error("%s cannot be read (%s) and is left out", path, error.strerror)
            return
        for fault in faults[:FAULTS_SAID]:
            log.error("%s: %s", path, fault)
        if faults:
            log.error("%s is left out; what stood in its place before stays", path)
            return
        new: list[Procedure | Phone] = [*found.procedures, *found.phones]
        for one in new:
            before = self._records.pop(one.id, None)  # what is said last counts, and stands where it is said
            order = before.order if isinstance(before, Phone) else len(self._records) + 1
            self._records[one.id] = msgspec.structs.replace(one, order=order) if isinstance(one, Phone) else one

    def _look_for_phones(self) -> None:
        """Across files: the list may lie in another one than the procedure."""
        for one in self._records.values():
            for step in one.steps if isinstance(one, Procedure) else ():
                for phone in step.call:
                    if PHONE_PREFIX + phone not in self._records:
                        log.error(_NOBODY, one.key, step.id, phone)


def read(raw: bytes) -> tuple[Found, list[Fault]]:
    """What a file says, and what is wrong with it: then nothing of it counts."""
    procedures: list[Procedure] = []
    phones: list[Phone] = []
    lines: dict[str, int] = {}

    def take(name: str, values: Any, line: int) -> None:
        if name == "procedure":
            procedures.append(_procedure(rule_file.one(values, name)))
            lines[procedures[-1].id] = line
        elif name == "step":
            if not procedures:
                raise Bad("id", "a step stands below the [[procedure]] that it belongs to")
            step, mine = _step(rule_file.one(values, name)), procedures[-1]
            if any(one.id == step.id for one in mine.steps):
                raise Bad("id", f'id: "{step.id}" is another step of this procedure already')
            if len(mine.steps) >= MOST_STEPS:
                raise Bad("id", f"a procedure has at most {MOST_STEPS} steps")
            procedures[-1] = msgspec.structs.replace(mine, steps=(*mine.steps, step))
        elif name == "phone":
            phones.append(_phone(rule_file.one(values, name)))
            if len(phones) > _MOST_PHONES:
                raise Bad("id", f"at most {_MOST_PHONES} numbers in one file")
        else:
            raise Bad(name, f'there is no "{name}" here; known are [[procedure]], [[step]] and [[phone]]')

    faults = rule_file.read_blocks(raw, take, lambda _: "this file")
    faults += [
        Fault(lines[one.id], f"{one.key} has no steps; this file is left out") for one in procedures if not one.steps
    ]
    for ids in ([one.id for one in procedures], [one.id for one in phones]):
        faults += [Fault(1, f'id: "{one}" stands twice; this file is left out') for one in _twice(ids)]
    return Found(tuple(procedures), tuple(phones)), faults


# -- values ------------------------------------------------------------------------------------------


def _procedure(values: dict[str, Any]) -> Procedure:
    known(values, {"id", "name", "source"})
    return Procedure(PROCEDURE_PREFIX + _id(values), local(values.get("name")), (), text(values, "source")[:WORDS_MOST])


def _step(values: dict[str, Any]) -> Step:
    known(values, {"id", "vi", "en", "within_min", "call", "priorities"})
    minutes = number(values, "within_min", 0, _MOST_MINUTES, " minutes")
    priorities = tuple(one_of("priorities", one, Priority) for one in texts(values, "priorities", '["urgent"]'))
    calls = tuple(texts(values, "call", '["114"]'))
    return Step(_id(values), _words(values), minutes or 0.0, calls, priorities)


def _phone(values: dict[str, Any]) -> Phone:
    known(values, {"id", "name", "number", "note"})
    digits = text(values, "number")
    if not _NUMBER.fullmatch(digits):
        raise Bad("number", f'number: "{digits[:20]}" is not as it is dialled, such as "0233 3852 114"')
    note = local(values["note"], "note") if "note" in values else LocalText("")
    return Phone(PHONE_PREFIX + _id(values), local(values.get("name")), digits, note)


def _id(values: dict[str, Any]) -> str:
    said = text(values, "id")
    if not _ID.fullmatch(said):
        raise Bad("id", f'id: "{said[:20]}" is not 1 to 40 of a-z, 0-9, "-" and "_"')
    return said


def _words(values: dict[str, Any]) -> LocalText:
    vi, en = text(values, "vi"), text(values, "en")
    if not vi:
        raise Bad("vi", "vi: is missing")
    for key, said in (("vi", vi), ("en", en)):
        if len(said) > WORDS_MOST:
            raise Bad(key, f"{key}: has {len(said)} characters, {WORDS_MOST} at most")
    return LocalText(vi, en)


def _twice(ids: list[str]) -> list[str]:
    return sorted({one.partition(":")[2] for one in ids if ids.count(one) > 1})
