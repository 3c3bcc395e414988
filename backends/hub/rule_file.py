"""Files of rules that people write (TOML): taken block by block, so that a slip in one costs that one.

A block is a `[[thing]]` or `[thing]` and what belongs to it. What is wrong is said with its line. Pure: bytes in,
values and faults out. Must not: know what the rules mean.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from backends.domain.text import LocalText

MOST_BYTES = 1 << 20
MOST_S = 86_400.0

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]?\]\s*(?:#.*)?")


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and where."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class Bad(Exception):
    """A value that cannot be: `key` is the setting's name."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key, self.text = key, text


def read_blocks(raw: bytes, take: Callable[[str, Any, int], None], what: Callable[[str], str]) -> list[Fault]:
    """Give each block that is not empty to `take` (its name, its values, its first line), which raises Bad.

    The values of `[[thing]]` are a list of one, of `[thing]` a table. `what` says what a block of that name is.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [Fault(raw[: error.start].count(b"\n") + 1, "is not UTF-8")]
    faults: list[Fault] = []
    for name, first, lines in _blocks(text):
        try:
            values = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            said = f"{_without_place(error)}; {what(name)} is left out"
            faults.append(Fault(_line_of(error, first, lines), said))
            continue
        except (
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:  # a figure of thousands of digits, thousands of brackets
            faults.append(Fault(first, f"cannot be read ({_short(error)}); {what(name)} is left out"))
            continue
        if not values:
            continue
        try:
            take(name, values.get(name), first)
        except Bad as bad:
            faults.append(Fault(_where(bad.key, first, lines), f"{bad.text}; {what(name)} is left out"))
        except (ValueError, OverflowError, RecursionError) as error:
            faults.append(Fault(first, f"cannot be used ({_short(error)}); {what(name)} is left out"))
    return faults


def one(values: Any, name: str) -> dict[str, Any]:
    """The table of a `[[name]]` block."""
    if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], dict):
        raise Bad("", f"{name}s are written [[{name}]], with two brackets")
    return values[0]


# -- blocks ------------------------------------------------------------------------------------------


def _blocks(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """(name of the table, its first line counted from 1, its lines)."""
    name, first, lines = "", 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            yield name, first, lines
            name, first, lines = header[1], number, []
        lines.append(line)
    yield name, first, lines


def _short(error: Exception) -> str:
    return str(error).partition(";")[0][:80]


def _without_place(error: tomllib.TOMLDecodeError) -> str:
    return re.sub(r" \(at .*\)$", "", str(error))


def _line_of(error: tomllib.TOMLDecodeError, first: int, lines: list[str]) -> int:
    found = re.search(r"\(at line (\d+)", str(error))
    return first + int(found[1]) - 1 if found else first + max(0, len(lines) - 1)


def _where(key: str, first: int, lines: list[str]) -> int:
    setting = re.compile(rf"\s*\"?{re.escape(key)}\"?\s*=")
    return next((first + n for n, line in enumerate(lines) if setting.match(line)), first)


# -- values ------------------------------------------------------------------------------------------


def known(values: dict[str, Any], names: Iterable[str]) -> None:
    for key in values:
        if key not in names:
            raise Bad(key, f'there is no "{key}" here; known are {", ".join(sorted(names))}')


def text(values: dict[str, Any], key: str) -> str:
    value = values.get(key, "")
    if not isinstance(value, str):
        raise Bad(key, f"{key}: must be text in quotes")
    return value.strip()


def texts(values: dict[str, Any], key: str, example: str = '["014"]', *, empty: bool = False) -> list[str]:
    value = values.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
        raise Bad(key, f"{key}: must be a list of texts, such as {example}")
    if key in values and not value and not empty:
        raise Bad(key, f"{key}: is empty; leave it out for all")
    return value


def number(values: dict[str, Any], key: str, low: float, high: float, unit: str = "") -> float | None:
    """None = it is not there."""
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Bad(key, f"{key}: must be {low:g} to {high:g}{unit}")
    return float(value)


def seconds(values: dict[str, Any], key: str) -> float | None:
    if key not in values:
        return None
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_S:
        raise Bad(key, f"{key}: must be 0 to {MOST_S:.0f} seconds")
    return float(value)


def local(value: Any, key: str = "name") -> LocalText:
    """`{ vi = "...", en = "..." }`."""
    if not isinstance(value, dict) or not isinstance(value.get("vi"), str) or not value["vi"].strip():
        raise Bad(key, f'{key}: must be {{ vi = "...", en = "..." }}')
    if value.keys() - {"vi", "en"} or not isinstance(value.get("en", ""), str):
        raise Bad(key, f'{key}: must be {{ vi = "...", en = "..." }}')
    return LocalText(value["vi"].strip()[:80], value.get("en", "").strip()[:80])


def one_of(key: str, said: str, kinds: Any, *more: str) -> Any:
    try:
        return kinds(said)
    except ValueError:
        names = ", ".join([*map(str, kinds), *more])
        raise Bad(key, f'{key}: "{said[:20]}" is not one of {names}') from None
